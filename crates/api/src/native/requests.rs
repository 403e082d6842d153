//! Actions that one person proposes and another decides: `POST /v1/requests` says what and about whom, by the names of
//! `GET /v1/permissions`; the rest shows what waits, with its plan, and decides it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::bulk::BulkParams;
use desk::message::Channel;
use desk::permission::Proposable;
use desk::request::proposal::about_kind;
use desk::request::*;
use desk::user::standing::{CoreState, FraudStatus};
use desk::value::clock::Time;
use desk::value::id::{DeviceId, KeyId, RequestId, RoleId, StaffId, TeamId, UserId};
use desk::{Caller, Error, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::act::{Call, Preview, Reply};
use super::staff::permissions;
use super::standing::ReasonIn;
use super::wire::{chosen, time};
use super::{House, Native, Problems};
use crate::kit::{Fault, Json, Query, SignedBy, Text};

type Answer = Result<Response, Fault<Native>>;

/// What is proposed: the action, what it is about, and what it is told besides.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestIn {
    /// The action's name: `user.edit`, `user.lock`, `user.unlock`, `user.disable`, `user.enable`, `user.suspend`, `user.reinstate`,
    /// `user.flag`, `user.unflag`, `user.blacklist`, `user.unblacklist`, `user.set_fraud_status`, `user.hold`,
    /// `user.release`, `user.set_core_state`, `user.ask_verification`, `user.decide_verification`, `user.remove`,
    /// `user.erase`, `session.end_all`, `password.start_reset`, `second_factor.remove`, `device.unlink`,
    /// `device.unlink_all`, `staff.disable`, `staff.enable`, `team.add_member`, `team.remove_member`, `role.define`,
    /// `role.delete`, `key.revoke` or `settings.change_security`.
    #[schema(example = "user.disable")]
    pub action: String,
    /// Why, at most 500 characters; needed.
    pub reason: Option<String>,
    /// The user it is about.
    pub user_id: Option<String>,
    /// The staff member it is about, or whom it puts into a team or takes out.
    pub staff_id: Option<String>,
    /// The team it is about.
    pub team_id: Option<String>,
    /// The role it is about, or that it gives.
    pub role_id: Option<String>,
    /// The key it is about.
    pub key_id: Option<String>,
    /// `device.unlink`: which.
    pub device_id: Option<String>,
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
    /// `user.edit`: the fields to change, as `PATCH /v1/users/{user_id}` takes them; null clears.
    #[schema(value_type = Option<Object>)]
    pub profile: Option<Map<String, Value>>,
    /// `password.start_reset`: `email` or `sms`.
    pub method: Option<String>,
    /// `role.define`: its name.
    pub name: Option<String>,
    /// `role.define`: what it permits.
    pub permissions: Option<Vec<String>>,
    /// `settings.change_security`: the fields to change.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
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
    fn proposal(&self) -> desk::Result<Proposal> {
        let action = action(&self.action)?;
        let user = id(self.user_id.as_ref(), UserId::parse, UserId::NOUN)?;
        let mut staff = id(self.staff_id.as_ref(), StaffId::parse, StaffId::NOUN)?;
        let team = id(self.team_id.as_ref(), TeamId::parse, TeamId::NOUN)?;
        let mut role = id(self.role_id.as_ref(), RoleId::parse, RoleId::NOUN)?;
        let key = id(self.key_id.as_ref(), KeyId::parse, KeyId::NOUN)?;
        let kind = about_kind(action);
        let about = match kind {
            "staff" => Subject::Staff(needed("staff_id", staff.take())?),
            "team" => Subject::Team(needed("team_id", team)?),
            "role" => Subject::Role(needed("role_id", role.take())?),
            "key" => Subject::Key(needed("key_id", key)?),
            "user" => Subject::User(needed("user_id", user)?),
            _ => Subject::Tenant,
        };
        for (field, is_there, its) in
            [("user_id", user.is_some(), "user"), ("team_id", team.is_some(), "team"), ("key_id", key.is_some(), "key")]
        {
            if is_there && kind != its {
                return Err(Error::invalid(field, "unknown", format!("Means nothing to `{action}`.")));
            }
        }
        let until =
            match &self.until {
                None => None,
                Some(text) => Some(Time::parse_rfc3339(text).ok_or_else(|| {
                    Error::invalid("until", "invalid", "Not a time of the form 2026-01-31T09:00:00Z.")
                })?),
            };
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
            method: chosen("method", self.method.as_deref(), Channel::parse, Channel::WORDS)?,
            device: id(self.device_id.as_ref(), DeviceId::parse, DeviceId::NOUN)?,
            staff,
            role,
            name: self.name.clone(),
            permissions: self.permissions.as_deref().map(permissions).transpose()?,
            settings: self.settings.clone(),
        };
        Ok(Proposal { action, about, told })
    }
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
    /// An approval is refused with `plan_changed` if the action would have another one.
    pub hash: String,
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
    /// The user it is about.
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
    pub proposed_by: HandWire,
    /// Who approved or declined it.
    pub decided_by: Option<HandWire>,
    /// What she had to say.
    pub decision_reason: Option<String>,
    pub created_at: String,
    /// Until when it can be decided.
    pub expires_at: String,
    pub ended_at: Option<String>,
}

/// The names that a proposal has for them.
fn params_wire(told: &Told) -> desk::Result<Value> {
    let mut value = serde_json::to_value(told).map_err(Error::internal)?;
    if let Some(words) = value.as_object_mut() {
        if let Some(until) = told.deed.until {
            words.insert("until".to_owned(), time(until).into());
        }
        for (ours, theirs) in [("device", "device_id"), ("staff", "staff_id"), ("role", "role_id")] {
            if let Some(value) = words.remove(ours) {
                words.insert(theirs.to_owned(), value);
            }
        }
    }
    Ok(value)
}

impl RequestWire {
    fn of(it: SeenRequest) -> desk::Result<RequestWire> {
        let (reason, decision_reason) = (it.reason().map(str::to_owned), it.comment().map(str::to_owned));
        let request = it.request;
        let about = Subject::text(request.about.kind(), request.about.id());
        Ok(RequestWire {
            id: request.id.to_string(),
            number: request.number,
            action: request.action.word(),
            user_id: about.clone().filter(|_| matches!(request.about, Subject::User(_))),
            about,
            params: request.kept.as_ref().map(|kept| params_wire(&kept.told)).transpose()?,
            state: it.state.word(),
            expired_by: it.end_cause,
            reason,
            plan: PlanWire { facts: request.kept.map(|kept| kept.facts), hash: request.plan_hash },
            proposed_by: it.proposer.into(),
            decided_by: it.decider.map(HandWire::from),
            decision_reason,
            created_at: time(request.created_at),
            expires_at: time(request.expires_at),
            ended_at: it.ended_at.map(time),
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
    let action = ProposeAction { proposal: call.body.proposal()?, reason };
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
    /// About this user.
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
    Ok(Json(RequestWire::of(seen)?).into_response())
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
            call.act(&house, $make, |seen, _| Reply::ok(&RequestWire::of(seen)?)).await
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
