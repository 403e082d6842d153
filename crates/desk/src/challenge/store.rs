//! The challenges' SQL.

use super::model::{Challenge, Purpose, Waits};
use crate::db::{Rd, Row, Tx, params};
use crate::error::{Error, Result};
use crate::value::id::{AccountId, AdministratorId, ChallengeId, RequestId, TenantId, Uuid};

macro_rules! columns {
    () => {
        "id, purpose, account_id, subject_id, recipient_id, partner, state, code, code_sent_at, code_expires_at, channel, \
         sends, tries, created_at, expires_at, ended_at, end_cause"
    };
}

pub(crate) const INSERT: &str = "\
    INSERT INTO challenge (tenant_id, id, purpose, account_id, subject_id, recipient_id, partner, state, sends, tries,
                           created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', 0, 0, $8, $9)";

pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM challenge WHERE tenant_id = $1 AND id = $2");

pub(crate) const SELECT_FOR_CHANGE: &str =
    concat!("SELECT ", columns!(), " FROM challenge WHERE tenant_id = $1 AND id = $2 FOR UPDATE");

pub(crate) const OPEN_OF: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM challenge WHERE tenant_id = $1 AND subject_id = $2 AND state = 'open' FOR UPDATE"
);

/// The newest of an account.
pub(crate) const OF_ACCOUNT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM challenge WHERE tenant_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT 100"
);

pub(crate) const SAVE: &str = "\
    UPDATE challenge
    SET state = $3, code = $4, code_sent_at = $5, code_expires_at = $6, channel = $7, sends = $8, tries = $9,
        ended_at = $10, end_cause = $11
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const COUNT_SEND: &str = "\
    INSERT INTO challenge_day (tenant_id, recipient_id, day, sends)
    VALUES ($1, $2, $3, 1)
    ON CONFLICT (tenant_id, recipient_id, day) DO UPDATE SET sends = challenge_day.sends + 1
    RETURNING sends";

fn read(mut row: Row) -> Result<Challenge> {
    let (id, purpose): (ChallengeId, Purpose) = (row.take()?, row.take()?);
    let (account, subject): (Option<AccountId>, AdministratorId) = (row.take()?, row.take()?);
    let waits = match account {
        Some(account) => Waits::Administrator { account, administrator: subject },
        None => Waits::Request(RequestId(subject.0)),
    };
    Ok(Challenge {
        id,
        purpose,
        waits,
        recipient: row.take::<AdministratorId>()?.0,
        partner: row.take()?,
        state: row.take()?,
        code: row.take()?,
        code_sent_at: row.take()?,
        code_expires_at: row.take()?,
        channel: row.take()?,
        sends: row.take()?,
        tries: row.take()?,
        created_at: row.take()?,
        expires_at: row.take()?,
        ended_at: row.take()?,
        end_cause: row.take()?,
    })
}

/// An id as its column wants it, whatever it is of.
fn bytes(id: Uuid) -> AdministratorId {
    AdministratorId(id)
}

pub(super) async fn insert(tx: &mut Tx, tenant: TenantId, it: &Challenge) -> Result<()> {
    let recipient = bytes(it.recipient);
    let (account, subject) = match it.waits {
        Waits::Administrator { account, administrator } => (Some(account), administrator),
        Waits::Request(request) => (None, bytes(request.0)),
    };
    let params =
        params![tenant, it.id, it.purpose, account, subject, recipient, it.partner, it.created_at, it.expires_at];
    tx.put(INSERT, params).await
}

fn absent() -> Error {
    Error::NotFound(ChallengeId::NOUN)
}

/// One, to read.
pub(super) async fn load(rd: &mut Rd, tenant: TenantId, id: ChallengeId) -> Result<Challenge> {
    read(rd.find(SELECT, params![tenant, id]).await?.ok_or_else(absent)?)
}

/// One, to change: nobody else confirms it meanwhile.
pub(super) async fn load_for_change(tx: &mut Tx, tenant: TenantId, id: ChallengeId) -> Result<Challenge> {
    read(tx.find(SELECT_FOR_CHANGE, params![tenant, id]).await?.ok_or_else(absent)?)
}

/// What waits because of an administrator; of one purpose, or of any.
pub(super) async fn open_of(
    tx: &mut Tx,
    tenant: TenantId,
    subject: AdministratorId,
    purpose: Option<Purpose>,
) -> Result<Vec<Challenge>> {
    let rows = tx.all(OPEN_OF, params![tenant, subject]).await?;
    let all: Vec<Challenge> = rows.into_iter().map(read).collect::<Result<_>>()?;
    Ok(all.into_iter().filter(|it| purpose.is_none_or(|purpose| it.purpose == purpose)).collect())
}

/// The newest of an account.
pub(super) async fn of_account(rd: &mut Rd, tenant: TenantId, account: AccountId) -> Result<Vec<Challenge>> {
    rd.all(OF_ACCOUNT, params![tenant, account]).await?.into_iter().map(read).collect()
}

pub(super) async fn save(tx: &mut Tx, tenant: TenantId, it: &Challenge) -> Result<()> {
    let params = params![
        tenant,
        it.id,
        it.state,
        it.code,
        it.code_sent_at,
        it.code_expires_at,
        it.channel,
        it.sends,
        it.tries,
        it.ended_at,
        it.end_cause
    ];
    tx.put(SAVE, params).await
}

/// Counts a code sent to somebody on a day; answers how many it were.
pub(super) async fn count_send(tx: &mut Tx, tenant: TenantId, recipient: Uuid, day: i64) -> Result<i64> {
    tx.one(COUNT_SEND, params![tenant, bytes(recipient), day]).await?.take()
}
