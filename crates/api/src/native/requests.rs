//! Actions that one person proposes and another decides: `POST /v1/requests` says what and about whom, by the names of
//! `GET /v1/permissions`; the rest shows what waits, with its plan, and decides it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::account::{AccountChange, AccountKind, Details};
use desk::administrator::{Contact, Rights};
use desk::bulk::{BulkCounts, BulkParams, Selection};
use desk::message::Channel;
use desk::permission::Proposable;
use desk::request::*;
use desk::user::standing::{CoreState, FraudStatus};
use desk::value::id::{
    AccountId, AdministratorId, BulkId, CallbackId, ChallengeId, DeviceId, ImportId, KeyId, RequestId, RoleId,
    SessionId, StaffId, TeamId, UserId,
};
use desk::{Caller, Error, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::accounts::{NewAdministrator, RightsWire};
use super::act::{Call, Preview, Reply};
use super::bulk::{BulkIn, filter_wire};
use super::staff::{KeyIn, called_back, permissions};
use super::standing::{ReasonIn, needed as word_needed};
use super::wire::{chosen, kind, moment, time};
use super::{House, Native, Problems};
use crate::kit::{Fault, Json, Query, SignedBy, Text};

type Answer = Result<Response, Fault<Native>>;

/// What is proposed: the action, what it is about, and what it is told besides. What an action is about, and what it needs, is
/// in docs/requests.md; what means nothing to it is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestIn {
    /// The action's name, as `GET /v1/permissions` has it.
    #[schema(example = "user.disable")]
    #[serde(default)]
    pub action: String,
    /// Why, at most 1,000 characters; needed.
    pub reason: Option<String>,
    /// The user it is about; of `account.open`, the owner.
    pub user_id: Option<String>,
    /// The staff member it is about, or whom it puts into a team or takes out; of `key.create`, whom the key acts as.
    pub staff_id: Option<String>,
    /// The team it is about.
    pub team_id: Option<String>,
    /// The role it is about, or that it gives.
    pub role_id: Option<String>,
    /// The key it is about.
    pub key_id: Option<String>,
    /// The account it is about, or of whose administrator it is.
    pub account_id: Option<String>,
    /// `callback.send_again`: the callback it is about.
    pub callback_id: Option<String>,
    /// The administrator it is about.
    pub administrator_id: Option<String>,
    /// The challenge it is about.
    pub challenge_id: Option<String>,
    /// The bulk action it is about.
    pub bulk_id: Option<String>,
    /// The import it is about; of `import.start`, one that was received with `wait=true`.
    pub import_id: Option<String>,
    /// `device.unlink`: which.
    pub device_id: Option<String>,
    /// `session.end`: which.
    pub session_id: Option<String>,
    /// `user.lock`: when it opens by itself (RFC 3339).
    pub until: Option<String>,
    /// `user.flag`, `user.unflag`: for this bank only.
    pub bank: Option<String>,
    /// `user.set_fraud_status`: the new status.
    pub status: Option<String>,
    /// `user.hold`: for legal reasons.
    pub legal: Option<bool>,
    /// `user.set_core_state`: the new state.
    pub state: Option<String>,
    /// `user.decide_verification`: verified, or else declined.
    pub verified: Option<bool>,
    /// `user.create`: who she is, by the fields of `POST /v1/users`, without a password: she chooses one by a reset link.
    /// `user.edit`: the fields to change, as `PATCH /v1/users/{user_id}` takes them; null clears.
    #[schema(value_type = Option<Object>)]
    pub profile: Option<Map<String, Value>>,
    /// `user.create`, `user.edit`: `individual` or `business`.
    pub kind: Option<String>,
    /// `user.create`, `user.edit`: an employee of the institution.
    pub employee: Option<bool>,
    /// `password.start_reset`: `email` or `sms`.
    pub method: Option<String>,
    /// `note.write`: the note. `verification.ask_more`, `verification.decline`: what the user is told.
    pub text: Option<String>,
    /// `staff.add`, `team.create`, `role.define`: the name.
    pub name: Option<String>,
    /// `staff.add`, `staff.appoint`: her address; a link is sent there by which she chooses her password.
    pub email: Option<String>,
    /// `staff.appoint`: the name of her role.
    pub role: Option<String>,
    /// `role.define`: what it permits.
    pub permissions: Option<Vec<String>>,
    /// `settings.change`, `settings.change_security`: the fields to change.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    /// `key.create`: the key, as `POST /v1/keys` takes it, but for `staff_id`.
    pub key: Option<KeyIn>,
    /// `key.set_callback`: where the partner is called back; absent: nowhere.
    pub callback_url: Option<String>,
    /// `bulk.start`: as `POST /v1/bulk` takes it, but for `reason` and `expected`.
    pub bulk: Option<BulkIn>,
    /// `account.open`: the account.
    pub account: Option<AccountIn>,
    /// `account.change`: as `POST /v1/accounts/{account_id}/changes` takes it.
    pub change: Option<String>,
    /// `administrator.add`: who.
    pub administrator: Option<NewAdministrator>,
    /// `administrator.verify`: `mobile` or `email`.
    pub contact: Option<String>,
    /// `administrator.set_rights`: what she may do from then on.
    pub rights: Option<RightsWire>,
}

/// An account to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountIn {
    /// The institution's own number: 4 to 34 letters, digits and hyphens; once in a tenant.
    pub number: String,
    pub name: String,
    pub short_code: Option<String>,
    /// `sme`, `current`, `wallet`, `loan` or `fixed_deposit`.
    pub kind: String,
    /// ISO 4217, e.g. `KES`.
    pub currency: String,
    /// In minor units; default 0.
    #[serde(default)]
    pub balance: i64,
    /// The sender id of the partner it is opened for.
    pub partner: Option<String>,
}

impl AccountIn {
    fn account(&self) -> desk::Result<ProposedAccount> {
        let kind = chosen("account.kind", Some(&self.kind), AccountKind::parse, AccountKind::WORDS);
        let (number, name) = (self.number.clone(), self.name.clone());
        Ok(ProposedAccount {
            kind: word_needed(kind, "account.kind")?,
            currency: self.currency.clone(),
            balance: self.balance,
            details: Details { number, name, short_code: self.short_code.clone() },
            partner: self.partner.clone(),
        })
    }
}

fn action(word: &str) -> desk::Result<Proposable> {
    if word.is_empty() {
        return Err(Error::invalid("action", "required", "Needed."));
    }
    Proposable::parse(word).ok_or_else(|| {
        Error::invalid("action", "unknown", format!("Can be proposed: {}.", Proposable::WORDS.join(", ")))
    })
}

/// An id in a body: what is not of its form does not exist.
fn id<T>(text: Option<&String>, parse: impl Fn(&str) -> Option<T>, noun: &'static str) -> desk::Result<Option<T>> {
    text.map(|text| parse(text).ok_or(Error::NotFound(noun))).transpose()
}

fn needed<T>(field: &str, value: Option<T>) -> desk::Result<T> {
    value.ok_or_else(|| Error::invalid(field, "required", "Needed: it is what the action is about."))
}

impl RequestIn {
    /// What the action is about; and which ids it is told besides, taken out of what is there.
    fn about(
        &self,
        action: Proposable,
        staff: &mut Option<StaffId>,
        role: &mut Option<RoleId>,
    ) -> desk::Result<Subject> {
        let kind = action.about();
        for (field, text, its) in [
            ("user_id", &self.user_id, "user"),
            ("team_id", &self.team_id, "team"),
            ("key_id", &self.key_id, "key"),
            ("callback_id", &self.callback_id, "callback"),
            ("administrator_id", &self.administrator_id, "administrator"),
            ("challenge_id", &self.challenge_id, "challenge"),
            ("bulk_id", &self.bulk_id, "bulk"),
            ("import_id", &self.import_id, "import"),
        ] {
            if text.is_some() && kind != its {
                return Err(Error::invalid(field, "unknown", format!("Means nothing to `{action}`.")));
            }
        }
        let about = |field: &str, text: &Option<String>, parse: fn(&str) -> Option<Subject>, noun| {
            needed(field, id(text.as_ref(), parse, noun)?)
        };
        macro_rules! its {
            ($field:ident, $kind:ident, $id:ident) => {
                about(stringify!($field), &self.$field, |text| $id::parse(text).map(Subject::$kind), $id::NOUN)
            };
        }
        match kind {
            "staff" => Ok(Subject::Staff(needed("staff_id", staff.take())?)),
            "role" => Ok(Subject::Role(needed("role_id", role.take())?)),
            "user" => its!(user_id, User, UserId),
            "team" => its!(team_id, Team, TeamId),
            "key" => its!(key_id, Key, KeyId),
            "callback" => its!(callback_id, Callback, CallbackId),
            "account" => its!(account_id, Account, AccountId),
            "administrator" => its!(administrator_id, Administrator, AdministratorId),
            "challenge" => its!(challenge_id, Challenge, ChallengeId),
            "bulk" => its!(bulk_id, Bulk, BulkId),
            "import" => its!(import_id, Import, ImportId),
            _ => Ok(Subject::Tenant),
        }
    }

    fn proposal(&self, house: &House) -> desk::Result<Proposal> {
        let action = action(&self.action)?;
        let mut staff = id(self.staff_id.as_ref(), StaffId::parse, StaffId::NOUN)?;
        let mut role = id(self.role_id.as_ref(), RoleId::parse, RoleId::NOUN)?;
        let about = self.about(action, &mut staff, &mut role)?;
        let of_account = match about {
            Subject::Account(_) => None,
            _ => id(self.account_id.as_ref(), AccountId::parse, AccountId::NOUN)?,
        };
        let until = moment("until", self.until.as_deref())?;
        let deed = BulkParams {
            until,
            bank: self.bank.clone(),
            status: chosen("status", self.status.as_deref(), FraudStatus::parse, FraudStatus::WORDS)?,
            legal: self.legal,
            state: chosen("state", self.state.as_deref(), CoreState::parse, CoreState::WORDS)?,
            verified: self.verified,
        };
        let told = Told {
            deed,
            profile: self.profile.clone(),
            kind: kind(self.kind.as_deref())?,
            employee: self.employee,
            method: chosen("method", self.method.as_deref(), Channel::parse, Channel::WORDS)?,
            device: id(self.device_id.as_ref(), DeviceId::parse, DeviceId::NOUN)?,
            session: id(self.session_id.as_ref(), SessionId::parse, SessionId::NOUN)?,
            text: self.text.clone(),
            staff,
            role,
            role_name: self.role.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            permissions: self.permissions.as_deref().map(permissions).transpose()?,
            settings: self.settings.clone(),
            key: self.key.as_ref().map(|key| new_key(key, house)).transpose()?,
            callback_url: called_back(house, self.callback_url.as_deref())?,
            bulk: self.bulk.as_ref().map(new_bulk).transpose()?,
            account: self.account.as_ref().map(AccountIn::account).transpose()?,
            change: chosen("change", self.change.as_deref(), AccountChange::parse, AccountChange::WORDS)?,
            person: self.administrator.as_ref().map(NewAdministrator::person).transpose()?,
            of_account,
            contact: chosen("contact", self.contact.as_deref(), Contact::parse, Contact::WORDS)?,
            rights: self.rights.clone().map(Rights::from),
        };
        Ok(Proposal { action, about, told })
    }
}

fn new_key(key: &KeyIn, house: &House) -> desk::Result<ProposedKey> {
    match key.staff_id {
        Some(_) => Err(Error::invalid("key.staff_id", "unknown", "Whom it acts as is the request's own `staff_id`.")),
        None => key.key(house),
    }
}

fn new_bulk(bulk: &BulkIn) -> desk::Result<ProposedBulk> {
    if bulk.reason.is_some() || bulk.expected.is_some() {
        let message = "The reason is the request's own, and what is expected is what is shown when it is proposed.";
        return Err(Error::invalid("bulk", "unknown", message));
    }
    let deed = bulk.deed()?;
    let (filter, ids) = match bulk.selection()? {
        Selection::Filter(filter) => (Some(filter), None),
        Selection::Ids(ids) => (None, Some(ids)),
    };
    Ok(ProposedBulk { deed, filter, ids })
}

/// Somebody who proposed or decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandWire {
    pub staff_id: String,
    pub name: String,
    pub email: String,
    /// The key she came with, if she came with one.
    pub key_id: Option<String>,
}

impl From<SeenStaff> for HandWire {
    fn from(it: SeenStaff) -> Self {
        let key_id = it.key.map(|key| key.to_string());
        HandWire { staff_id: it.id.to_string(), name: it.name, email: it.email, key_id }
    }
}

/// What the action would cause, as it was when it was proposed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanWire {
    /// The facts; null once the person they are about was erased.
    #[schema(value_type = Option<Vec<Object>>)]
    pub facts: Option<Vec<Value>>,
    /// What a bulk action would come to; an approval is refused if that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<CountsWire>,
    /// An approval is refused with `plan_changed` if the action would have another one.
    pub hash: String,
}

/// What a bulk action would come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountsWire {
    pub selected: i64,
    /// How many of them were looked at, at most 1,000.
    pub looked_at: i64,
    pub changed: i64,
    pub unchanged: i64,
    /// For how many it would be refused, by code.
    pub refused: BTreeMap<String, i64>,
}

impl From<BulkCounts> for CountsWire {
    fn from(it: BulkCounts) -> Self {
        let BulkCounts { selected, looked_at, changed, unchanged, refused, digest: _ } = it;
        CountsWire { selected, looked_at, changed, unchanged, refused }
    }
}

/// What an approval has caused.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeWire {
    /// The facts, with the ids of what was made.
    #[schema(value_type = Vec<Object>)]
    pub facts: Vec<Value>,
    /// The secret of a key that was made. It is in this answer and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_secret: Option<String>,
}

impl From<Outcome> for OutcomeWire {
    fn from(it: Outcome) -> Self {
        OutcomeWire { facts: it.facts, key_secret: it.secret.map(|secret| secret.expose().to_owned()) }
    }
}

/// The customer who has to confirm a request about her.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerWire {
    /// `waiting`, `confirmed`, or `cancelled` when it can only be proposed anew.
    pub state: &'static str,
    /// What takes her code: `/v1/challenges/{challenge_id}`.
    pub challenge_id: String,
}

impl From<Customer> for CustomerWire {
    fn from(it: Customer) -> Self {
        CustomerWire { state: it.state.word(), challenge_id: it.challenge.to_string() }
    }
}

/// A request.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestWire {
    #[schema(example = "rqt_01jqzs8v1xe5ja4c3rq0f2m6tn")]
    pub id: String,
    /// The dense number in the tenant, from 1.
    pub number: i64,
    /// The action's name.
    #[schema(example = "user.disable")]
    pub action: &'static str,
    /// The user it concerns: whom it is about, or who owns the account it is about.
    pub user_id: Option<String>,
    /// The id of what it is about; null where that is the institution as a whole.
    pub about: Option<String>,
    /// What the action is told besides, by the names of the proposal. A profile is masked as it is everywhere.
    #[schema(value_type = Option<Object>)]
    pub params: Option<Value>,
    /// `pending`, `approved`, `declined`, `withdrawn` or `expired`.
    pub state: &'static str,
    /// Why it expired: `time`, or `removed` or `erased` when whom it is about was.
    pub expired_by: Option<&'static str>,
    /// Why it was proposed; null once the person it is about was erased.
    pub reason: Option<String>,
    pub plan: PlanWire,
    /// Whether a second person decides it; else the customer's word is enough.
    pub needs_decider: bool,
    /// The customer, if she has to confirm it.
    pub customer: Option<CustomerWire>,
    pub proposed_by: HandWire,
    /// Who approved or declined it; null where the customer's word was enough.
    pub decided_by: Option<HandWire>,
    /// What she had to say.
    pub decision_reason: Option<String>,
    pub created_at: String,
    /// Until when it can be decided.
    pub expires_at: String,
    pub ended_at: Option<String>,
    /// What the approval has caused; only in its own answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeWire>,
}

/// The names that a proposal has for them.
fn params_wire(told: &Told) -> desk::Result<Value> {
    let mut value = serde_json::to_value(told).map_err(Error::internal)?;
    let Some(words) = value.as_object_mut() else { return Ok(value) };
    if let Some(until) = told.deed.until {
        words.insert("until".to_owned(), time(until).into());
    }
    for (ours, theirs) in [
        ("device", "device_id"),
        ("session", "session_id"),
        ("staff", "staff_id"),
        // Before the role's name takes the word.
        ("role", "role_id"),
        ("role_name", "role"),
        ("of_account", "account_id"),
        ("person", "administrator"),
    ] {
        if let Some(value) = words.remove(ours) {
            words.insert(theirs.to_owned(), value);
        }
    }
    if let (Some(key), Some(expires_at)) = (words.get_mut("key"), told.key.as_ref().and_then(|key| key.expires_at)) {
        key["expires_at"] = time(expires_at).into();
    }
    if let (Some(Value::Object(words)), Some(bulk)) = (words.get_mut("bulk"), &told.bulk) {
        if let Some(verb) = words.remove("verb") {
            words.insert("action".to_owned(), verb);
        }
        if let Some(until) = bulk.deed.params.until {
            words.insert("until".to_owned(), time(until).into());
        }
        if let Some(filter) = &bulk.filter {
            words.insert("filter".to_owned(), filter_wire(filter)?);
        }
    }
    Ok(value)
}

impl RequestWire {
    /// As it is listed, and answered by what is done with it: of the ids of a bulk action, up to 10,000, only how many.
    fn of(mut it: SeenRequest) -> desk::Result<RequestWire> {
        let bulk = it.request.kept.as_mut().and_then(|kept| kept.told.bulk.as_mut());
        let ids = bulk.and_then(|bulk| bulk.ids.take());
        let mut wire = RequestWire::whole(it)?;
        if let (Some(ids), Some(params)) = (ids, &mut wire.params) {
            params["bulk"]["ids_count"] = ids.len().into();
        }
        Ok(wire)
    }

    fn whole(it: SeenRequest) -> desk::Result<RequestWire> {
        let (reason, decision_reason) = (it.reason().map(str::to_owned), it.comment().map(str::to_owned));
        let request = it.request;
        let params = request.kept.as_ref().map(|kept| params_wire(&kept.told)).transpose()?;
        let (facts, counts) = request.kept.map(|kept| (kept.facts, kept.counts)).unzip();
        Ok(RequestWire {
            id: request.id.to_string(),
            number: request.number,
            action: request.action.word(),
            user_id: request.user.map(|user| user.to_string()),
            about: Subject::text(request.about.kind(), request.about.id()),
            params,
            state: it.state.word(),
            expired_by: it.end_cause,
            reason,
            plan: PlanWire { facts, counts: counts.flatten().map(CountsWire::from), hash: request.plan_hash },
            needs_decider: request.needs_decider,
            customer: request.customer.map(CustomerWire::from),
            proposed_by: it.proposer.into(),
            decided_by: it.decider.map(HandWire::from),
            decision_reason,
            created_at: time(request.created_at),
            expires_at: time(request.expires_at),
            ended_at: it.ended_at.map(time),
            outcome: it.outcome.map(OutcomeWire::from),
        })
    }
}

/// What an action on a request answers.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "read by the specification only")]
pub enum RequestActed {
    /// The request as it is now.
    Done(Box<RequestWire>),
    /// With `preview=true`: what it would cause.
    Preview(Preview),
}

/// A page of requests.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestList {
    /// The requests, newest first.
    pub data: Vec<RequestWire>,
    /// Where to go on, if there is more: pass it as `after`.
    pub next: Option<String>,
    /// How many fit in all, when asked for.
    pub total: Option<i64>,
}

/// Propose an action for somebody else to decide. What it would cause is kept with it and shown to whoever decides.
#[utoipa::path(post, path = "/v1/requests", tag = "requests", request_body = RequestIn,
    params(("preview" = Option<bool>, Query, description = "Only say what would happen."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    responses((status = 201, description = "Proposed.", body = RequestWire),
        (status = 200, description = "With `preview=true`: what it would cause.", body = Preview), Problems))]
pub async fn propose(State(house): State<House>, call: Call<RequestIn>) -> Answer {
    let reason = call.body.reason.clone().unwrap_or_default();
    let action = ProposeAction { proposal: call.body.proposal(&house)?, reason };
    let made = |seen: SeenRequest, _: &Caller| {
        let place = format!("/v1/requests/{}", seen.request.id);
        Ok(Reply::new(StatusCode::CREATED, &RequestWire::of(seen)?)?.location(place))
    };
    call.act(&house, action, made).await
}

/// Which requests.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestsQuery {
    /// `pending`, `approved`, `declined`, `withdrawn` or `expired`.
    pub state: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Which concern this user.
    pub user_id: Option<String>,
    /// The cursor that the page before gave as `next`.
    pub after: Option<String>,
    /// How many, 1 to 200; default 50.
    pub limit: Option<i64>,
    /// Whether to count all that fit.
    pub total: Option<bool>,
}

/// List requests, newest first.
#[utoipa::path(get, path = "/v1/requests", tag = "requests", params(RequestsQuery),
    responses((status = 200, description = "A page.", body = RequestList), Problems))]
pub async fn list(State(house): State<House>, caller: SignedBy<Native>, query: Query<Native, RequestsQuery>) -> Answer {
    let query = query.0;
    let user = match &query.user_id {
        None => None,
        Some(text) => {
            Some(UserId::parse(text).ok_or_else(|| Error::invalid("user_id", "invalid", "Not an id of a user."))?)
        }
    };
    let filter = RequestFilter {
        state: chosen("state", query.state.as_deref(), RequestState::parse, RequestState::WORDS)?,
        action: chosen("action", query.action.as_deref(), Proposable::parse, Proposable::WORDS)?,
        user,
    };
    let limit = query.limit.unwrap_or(50);
    let count = query.total.unwrap_or(false);
    let question = ListRequests { filter, after: query.after, skip: 0, limit, count };
    let page = house.desk.ask(&caller, question).await?;
    let data = page.requests.into_iter().map(RequestWire::of).collect::<desk::Result<_>>()?;
    Ok(Json(RequestList { data, next: page.next, total: page.total }).into_response())
}

/// A request, with its plan.
#[utoipa::path(get, path = "/v1/requests/{request_id}", tag = "requests", params(("request_id" = String, Path)),
    responses((status = 200, description = "The request.", body = RequestWire), Problems))]
pub async fn get(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, RequestId>) -> Answer {
    let seen = house.desk.ask(&caller, ShowRequest(RequestRef::Id(id.0))).await?;
    Ok(Json(RequestWire::whole(seen)?).into_response())
}

/// A request after a decision; the secret of a key that was made is not repeated.
fn decided(seen: SeenRequest, _: &Caller) -> desk::Result<Reply> {
    let mut wire = RequestWire::of(seen)?;
    let reply = Reply::ok(&wire)?;
    match wire.outcome.as_mut().and_then(|outcome| outcome.key_secret.take()) {
        Some(_) => reply.again(&wire),
        None => Ok(reply),
    }
}

macro_rules! deciding {
    ($($(#[doc = $doc:literal])+ $handler:ident, $path:literal, |$request:ident, $reason:ident| $make:expr;)+) => {$(
        $(#[doc = $doc])+
        #[utoipa::path(post, path = $path, tag = "requests", request_body = ReasonIn,
            params(("request_id" = String, Path),
                ("preview" = Option<bool>, Query, description = "Only say what would happen."),
                ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
            responses((status = 200, description = "The request as it is now; or the preview.", body = RequestActed),
                Problems))]
        pub async fn $handler(State(house): State<House>, id: Text<Native, RequestId>, call: Call<ReasonIn>) -> Answer {
            let ($request, $reason) = (id.0, call.body.reason.clone());
            call.act(&house, $make, decided).await
        }
    )+};
}

deciding! {
    /// Approve a request: its action is done at once, under the name of who approves. Refused with `plan_changed` if it
    /// would no longer do what the request was shown to do; nobody approves what she has proposed herself.
    approve, "/v1/requests/{request_id}/approve",
        |request, reason| ApproveRequest { request, comment: reason, already_so: AlreadySo::Refuse };

    /// Decline a request; needs a reason. It is kept.
    decline, "/v1/requests/{request_id}/decline",
        |request, reason| DeclineRequest { request, reason: reason.unwrap_or_default() };

    /// Take one's own request back.
    withdraw, "/v1/requests/{request_id}/withdraw", |request, reason| WithdrawRequest { request, reason };
}
