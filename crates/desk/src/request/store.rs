//! The SQL of requests, and how what may say who somebody is is sealed: with the person's key where a request concerns a
//! user, so that it goes with her; else with the tenant's.

use super::model::{Customer, CustomerState, EndCause, Hand, Kept, Request, RequestState};
use super::proposal::Proposal;
use super::questions::RequestFilter;
use crate::challenge::ChallengeState;
use crate::db::{Param, Rd, Row, ToParam, Tx, params};
use crate::error::{Error, Result};
use crate::permission::Proposable;
use crate::tenant::Tenant;
use crate::user::User;
use crate::value::clock::Time;
use crate::value::id::{ChallengeId, KeyId, RequestId, StaffId, TenantId, UserId};
use crate::value::random::Random;
use crate::value::seal::{PersonKey, Place, Sealing};
use crate::value::secret;
use crate::verb::Subject;

macro_rules! columns {
    () => {
        "r.id, r.number, r.action, r.subject_kind, r.subject_id, r.user_id, r.state, r.end_cause, r.plan_hash, r.sealed, \
         r.proposer_id, r.proposer_key, r.decider_id, r.decider_key, r.created_at, r.expires_at, r.ended_at, \
         r.needs_decider, r.challenge_id, r.confirmed_at, \
         (SELECT c.state FROM challenge c WHERE c.tenant_id = r.tenant_id AND c.id = r.challenge_id), \
         (SELECT u.person_key FROM users u WHERE u.tenant_id = r.tenant_id AND u.id = r.user_id)"
    };
}

pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM request r WHERE r.tenant_id = $1 AND r.id = $2");

pub(crate) const SELECT_FOR_CHANGE: &str =
    concat!("SELECT ", columns!(), " FROM request r WHERE r.tenant_id = $1 AND r.id = $2 FOR UPDATE");

pub(crate) const SELECT_BY_NUMBER: &str =
    concat!("SELECT ", columns!(), " FROM request r WHERE r.tenant_id = $1 AND r.number = $2");

pub(crate) const PENDING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM request r
    WHERE r.tenant_id = $1 AND r.subject_id = $2 AND r.action = $3 AND r.state = 'pending'
    FOR UPDATE"
);

pub(crate) const PENDING_OF: &str = "\
    SELECT r.action
    FROM request r
    WHERE r.tenant_id = $1 AND r.user_id = $2 AND r.state = 'pending' AND r.expires_at > $3
        AND NOT EXISTS (SELECT 1 FROM users u WHERE u.tenant_id = $1 AND u.id = $2 AND u.employee >= $4)
    ORDER BY r.action";

pub(crate) const INSERT: &str = "\
    INSERT INTO request (tenant_id, id, number, action, subject_kind, subject_id, state, plan_hash, sealed, proposer_id,
                         proposer_key, created_at, expires_at, user_id, needs_decider, challenge_id)
    VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10, $11, $12, $13, $14, $15)
    ON CONFLICT (tenant_id, subject_id, action) WHERE state = 'pending' DO NOTHING";

pub(crate) const SAVE: &str = "\
    UPDATE request
    SET state = $3, end_cause = $4, sealed = $5, decider_id = $6, decider_key = $7, ended_at = $8, needs_decider = $9,
        confirmed_at = COALESCE(confirmed_at, $10)
    WHERE tenant_id = $1 AND id = $2 AND state = 'pending'";

/// What a request about the tenant has as its subject's id, if it makes nothing new.
const NO_ID: [u8; 16] = [0; 16];

/// By what a request is found as long as it waits: the id of what it is about, or a keyed fingerprint of what it makes.
fn subject_id(tenant: &Tenant, proposal: &Proposal) -> Result<[u8; 16]> {
    Ok(match (proposal.about.id(), proposal.makes()?) {
        (Some(id), _) => *id.as_bytes(),
        (None, Some(makes)) => {
            let digest = secret::hex(&secret::digest(makes.as_bytes()));
            let print = tenant.keys.lookup().of_person(&["request", proposal.action.word(), &digest]);
            print.first_chunk().copied().unwrap_or(NO_ID)
        }
        (None, None) => NO_ID,
    })
}

fn place(tenant: TenantId, id: &RequestId) -> Place<'_> {
    Place { tenant, table: "request", column: "sealed", row: id.bytes() }
}

/// A request as it is stored: what is sealed is kept as it was, for one whose key is gone.
pub(crate) struct Stored {
    pub request: Request,
    sealed: Vec<u8>,
}

fn read(tenant: &Tenant, mut row: Row) -> Result<Stored> {
    let (id, number, action): (RequestId, i64, Proposable) = (row.take()?, row.take()?, row.take()?);
    let kind: String = row.take()?;
    let (subject, user): ([u8; 16], Option<UserId>) = (row.take()?, row.take()?);
    let (state, end_cause): (RequestState, Option<EndCause>) = (row.take()?, row.take()?);
    let (plan_hash, sealed): (String, Vec<u8>) = (row.take()?, row.take()?);
    let (proposer, proposer_key): (StaffId, Option<KeyId>) = (row.take()?, row.take()?);
    let (decider, decider_key): (Option<StaffId>, Option<KeyId>) = (row.take()?, row.take()?);
    let (created_at, expires_at, ended_at) = (row.take()?, row.take()?, row.take()?);
    let (needs_decider, challenge): (bool, Option<ChallengeId>) = (row.take()?, row.take()?);
    let (confirmed_at, waits): (Option<Time>, Option<ChallengeState>) = (row.take()?, row.take()?);
    // Her word counts as it is noted here: this row is locked by whoever confirms or decides.
    let asked = |challenge| Customer {
        challenge,
        state: match (confirmed_at, waits) {
            (Some(_), _) => CustomerState::Confirmed,
            (None, Some(ChallengeState::Cancelled)) => CustomerState::Cancelled,
            (None, _) => CustomerState::Waiting,
        },
    };
    let customer = challenge.map(asked);
    let wrapped: Option<Vec<u8>> = row.take()?;
    let about = Subject::of(&kind, uuid::Uuid::from_bytes(subject));
    let about = about.ok_or_else(|| Error::internal("a request about nothing that is known"))?;
    let place = place(tenant.id, &id);
    let plain = match (user, wrapped) {
        (Some(user), Some(wrapped)) => {
            Some(PersonKey::unwrap(&tenant.keys, tenant.id, user.bytes(), &wrapped)?.open(&place, &sealed)?)
        }
        (Some(_), None) => None,
        (None, _) => Some(tenant.keys.open(&place, &sealed)?),
    };
    let kept: Option<Kept> = plain.map(|plain| serde_json::from_slice(&plain)).transpose().map_err(Error::internal)?;
    let request = Request {
        id,
        number,
        action,
        about,
        user,
        state,
        end_cause,
        plan_hash,
        kept,
        needs_decider,
        customer,
        proposer: Hand { staff: proposer, key: proposer_key },
        decider: decider.map(|staff| Hand { staff, key: decider_key }),
        created_at,
        expires_at,
        ended_at,
    };
    Ok(Stored { request, sealed })
}

fn no_such() -> Error {
    Error::NotFound(RequestId::NOUN)
}

pub(crate) async fn load(rd: &mut Rd, tenant: &Tenant, id: RequestId) -> Result<Request> {
    let row = rd.find(SELECT, params![tenant.id, id]).await?.ok_or_else(no_such)?;
    Ok(read(tenant, row)?.request)
}

pub(crate) async fn load_by_number(rd: &mut Rd, tenant: &Tenant, number: i64) -> Result<Request> {
    let row = rd.find(SELECT_BY_NUMBER, params![tenant.id, number]).await?.ok_or_else(no_such)?;
    Ok(read(tenant, row)?.request)
}

/// Loads one to change; nobody else decides it until this transaction ends.
pub(crate) async fn load_for_change(tx: &mut Tx, tenant: &Tenant, id: RequestId) -> Result<Stored> {
    let row = tx.find(SELECT_FOR_CHANGE, params![tenant.id, id]).await?.ok_or_else(no_such)?;
    read(tenant, row)
}

/// The request for this that was not decided, to change it.
pub(crate) async fn pending_for_change(tx: &mut Tx, tenant: &Tenant, proposal: &Proposal) -> Result<Option<Stored>> {
    let row = tx.find(PENDING, params![tenant.id, subject_id(tenant, proposal)?, proposal.action]).await?;
    row.map(|row| read(tenant, row)).transpose()
}

/// What is proposed about a user and can be decided now.
pub(crate) async fn pending_of(
    rd: &mut Rd,
    tenant: TenantId,
    user: UserId,
    hides_employees: bool,
    now: Time,
) -> Result<Vec<Proposable>> {
    // From here on somebody is too much of an employee to be known of.
    let hidden_from: i64 = if hides_employees { 1 } else { 2 };
    let rows = rd.all(PENDING_OF, params![tenant, user, now, hidden_from]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

fn seal(tenant: &Tenant, random: &Random, request: &Request, user: Option<&User>) -> Result<Option<Vec<u8>>> {
    let Some(kept) = &request.kept else { return Ok(None) };
    let plain = serde_json::to_vec(kept).map_err(Error::internal)?;
    let place = place(tenant.id, &request.id);
    Ok(match (request.user, user) {
        (Some(_), Some(user)) => Some(user.key()?.seal(&place, &plain, random)),
        (Some(_), None) => None,
        (None, _) => Some(tenant.keys.seal(&place, &plain, random)),
    })
}

/// Inserts one, unless the same is pending. `user` is whom it is about.
pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    request: &Request,
    user: Option<&User>,
) -> Result<bool> {
    let sealed = seal(tenant, random, request, user)?.ok_or_else(|| Error::internal("a request without its plan"))?;
    let challenge = request.customer.map(|it| it.challenge);
    let (kind, subject) = (request.about.kind(), subject_id(tenant, &request.proposal()?)?);
    let params = params![
        tenant.id,
        request.id,
        request.number,
        request.action,
        kind,
        subject,
        request.plan_hash,
        sealed,
        request.proposer.staff,
        request.proposer.key,
        request.created_at,
        request.expires_at,
        request.user,
        request.needs_decider,
        challenge
    ];
    Ok(tx.run(INSERT, params).await? == 1)
}

/// Saves how it ended, or that the customer has confirmed it at this moment, if she has now.
pub(crate) async fn save(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    stored: &Stored,
    user: Option<&User>,
    now: Time,
) -> Result<()> {
    let request = &stored.request;
    let sealed = match user {
        Some(user) if user.person.is_none() => None,
        user => seal(tenant, random, request, user)?,
    };
    let sealed = sealed.as_ref().unwrap_or(&stored.sealed);
    let (decider, key) = (request.decider.map(|hand| hand.staff), request.decider.and_then(|hand| hand.key));
    let confirmed_at = request.customer.filter(|it| it.state == CustomerState::Confirmed).map(|_| now);
    let (state, needs_decider) = (request.state, request.needs_decider);
    let params = params![
        tenant.id,
        request.id,
        state,
        request.end_cause,
        sealed,
        decider,
        key,
        request.ended_at,
        needs_decider,
        confirmed_at
    ];
    tx.put(SAVE, params).await?;
    Ok(())
}

/// The conditions of a list, each value in its place, and those values from the fourth on: `$1` is the tenant, `$2` this
/// moment, `$3` is left to the page.
fn conditions(filter: &RequestFilter, hides_employees: bool) -> (String, Vec<Param<'_>>) {
    let (mut sql, mut values) = (String::new(), Vec::new());
    let mut slot = |value| {
        values.push(value);
        values.len() + 3
    };
    match filter.state {
        None => {}
        // What nobody has decided in time has expired, whether or not that was noted.
        Some(RequestState::Pending) => sql.push_str(" AND r.state = 'pending' AND r.expires_at > $2"),
        Some(RequestState::Expired) => {
            sql.push_str(" AND r.state IN ('expired', 'pending') AND (r.state = 'expired' OR r.expires_at <= $2)");
        }
        Some(state @ (RequestState::Approved | RequestState::Declined | RequestState::Withdrawn)) => {
            sql.push_str(&format!(" AND r.state = '{}'", state.word()));
        }
    }
    if let Some(action) = &filter.action {
        let slot = slot(action.to_param());
        sql.push_str(&format!(" AND r.action = ${slot}"));
    }
    if let Some(user) = &filter.user {
        let slot = slot(user.to_param());
        sql.push_str(&format!(" AND r.user_id = ${slot}"));
    }
    if hides_employees {
        sql.push_str(
            " AND NOT EXISTS (SELECT 1 FROM users u WHERE u.tenant_id = r.tenant_id AND u.id = r.user_id AND \
             u.employee = 1)",
        );
    }
    // Both engines want every parameter to be named, also where the moment does not matter.
    sql.push_str(" AND CAST($2 AS BIGINT) > 0");
    (sql, values)
}

/// The number as it is asked for: a list of two states is found by its states and then sorted, rather than looked for among
/// all there are.
fn number(filter: &RequestFilter) -> &'static str {
    match filter.state {
        Some(RequestState::Expired) => "(r.number + 0)",
        _ => "r.number",
    }
}

/// A page, newest first, from below this number; or after so many.
pub(crate) fn page_sql(filter: &RequestFilter, hides_employees: bool, skips: bool) -> String {
    let ((conditions, values), number) = (conditions(filter, hides_employees), number(filter));
    let limit = values.len() + 4;
    let from = if skips { String::new() } else { format!(" AND {number} < $3") };
    let end = if skips { " OFFSET $3" } else { "" };
    format!(
        "SELECT {} FROM request r WHERE r.tenant_id = $1{conditions}{from} ORDER BY {number} DESC LIMIT ${limit}{end}",
        columns!()
    )
}

/// How many there are.
pub(crate) fn count_sql(filter: &RequestFilter, hides_employees: bool) -> String {
    let ((conditions, _), number) = (conditions(filter, hides_employees), number(filter));
    format!("SELECT COUNT(*) FROM request r WHERE r.tenant_id = $1{conditions} AND {number} > $3")
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Begin {
    /// Below this number.
    Below(i64),
    /// After so many.
    After(i64),
}

pub(crate) async fn page(
    rd: &mut Rd,
    tenant: &Tenant,
    filter: &RequestFilter,
    hides_employees: bool,
    begin: Begin,
    limit: i64,
    now: Time,
) -> Result<Vec<Request>> {
    let (from, skips) = match begin {
        Begin::Below(number) => (number, false),
        Begin::After(count) => (count, true),
    };
    let mut values = vec![tenant.id.to_param(), now.to_param(), Param::Int(from)];
    values.extend(conditions(filter, hides_employees).1);
    values.push(Param::Int(limit));
    let rows = rd.all(page_sql(filter, hides_employees, skips), &values).await?;
    rows.into_iter().map(|row| Ok(read(tenant, row)?.request)).collect()
}

pub(crate) async fn count(
    rd: &mut Rd,
    tenant: TenantId,
    filter: &RequestFilter,
    hides_employees: bool,
    now: Time,
) -> Result<i64> {
    let mut values = vec![tenant.to_param(), now.to_param(), Param::Int(0)];
    values.extend(conditions(filter, hides_employees).1);
    rd.one(count_sql(filter, hides_employees), &values).await?.take()
}
