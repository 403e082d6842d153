//! Disable and enable requests (contract 6.1 and 6.2): one admin proposes, another decides. What a request is and who may not
//! decide it is the desk's.

use api::kit::{House, Json};
use axum::extract::State;
use desk::permission::Proposable;
use desk::request::{
    AlreadySo, ApproveRequest, DeclineRequest, ListRequests, Proposal, ProposeAction, RequestFilter, RequestRef,
    RequestState, SeenRequest, ShowRequest,
};
use desk::staff::MyCard;
use desk::user::UserByNumber;
use desk::value::id::{RequestId, UserId};
use desk::{Caller, Error, Permission, Permissions, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{ByAdmin, Call, Checksum};
use super::fault::Wrong;
use super::page::Page;
use super::users::{NOBODY, given, named, needed, pairs};
use super::{Answer, Own, wire, words};

/// One of the two kinds, with the vendor's words for it.
struct Kind {
    action: Proposable,
    created: &'static str,
    one: &'static str,
    all: &'static str,
    approved: &'static str,
    declined: &'static str,
    pending: &'static str,
    already: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $action:ident, $word:literal, $small:literal, $already:literal;)+) => {$(
        const $name: Kind = Kind {
            action: Proposable::$action,
            created: concat!($word, "-request created successfully"),
            one: concat!($word, "-request retrieved successfully"),
            all: concat!($word, "-requests retrieved successfully"),
            approved: concat!($word, "-request approved successfully"),
            declined: concat!($word, "-request declined successfully"),
            pending: concat!("A pending ", $small, "-request for this user already exists"),
            already: $already,
        };
    )+};
}
kinds! {
    DISABLE = Disable, "Disable", "disable", "user is already disabled";
    ENABLE = Enable, "Enable", "enable", "user is not disabled";
}

macro_rules! handlers {
    ($($kind:ident: $create:ident, $list:ident, $show:ident, $approve:ident, $decline:ident;)+) => {$(
        /// POST: proposes.
        pub(super) async fn $create(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
            create(&house, &call, &$kind).await
        }

        /// GET: lists.
        pub(super) async fn $list(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
            list(&house, &call, &$kind).await
        }

        /// GET: shows one.
        pub(super) async fn $show(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
            show(&house, &call, &$kind).await
        }

        /// POST: approves.
        pub(super) async fn $approve(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
            approve(&house, &call, &$kind).await
        }

        /// POST: declines.
        pub(super) async fn $decline(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
            decline(&house, &call, &$kind).await
        }
    )+};
}
handlers! {
    DISABLE: propose_disable, list_disable, show_disable, approve_disable, decline_disable;
    ENABLE: propose_enable, list_enable, show_enable, approve_enable, decline_enable;
}

#[derive(Deserialize)]
struct ProposeIn {
    user_id: Option<Value>,
    reason: Option<String>,
}

/// A user's number in a body: a whole number, or the same as text.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

async fn create(house: &House<Own>, call: &Call, kind: &Kind) -> Answer<Json<Value>> {
    let propose = |user: UserId, reason: String| ProposeAction { proposal: Proposal::plain(kind.action, user), reason };
    // The vendor lets one role propose, also where others may do more (contract 2).
    let card = house.desk.ask(&call.caller, MyCard).await?;
    if words::role(&card.roles) != "customer_success" {
        let powerless = Caller { may: Permissions::NONE, ..call.caller.clone() };
        house.desk.perform(&powerless, propose(NOBODY, String::new())).await?;
        return Err(Error::Forbidden(Permission::RequestsPropose.word()).into());
    }
    let otherwise = propose(NOBODY, String::new());
    call.may_do(house, Permission::RequestsPropose, Checksum::Due, otherwise).await?;
    let in_path = !call.part(0).is_empty();
    let user = match in_path {
        true => Some(call.found(call.user(house).await?)?),
        false => None,
    };
    let ProposeIn { user_id, reason } = call.body()?;
    let user = match (user, user_id.filter(|value| !value.is_null())) {
        (Some(user), None) => user,
        (Some(user), Some(value)) if number(&value) == call.number() => user,
        (Some(_), Some(_)) => return Err(Wrong::field("user_id", "does not match the path")),
        (None, None) => return Err(Error::invalid("user_id", "required", "").into()),
        (None, Some(value)) => {
            let number = number(&value).ok_or_else(|| Wrong::field("user_id", "must be a whole number"))?;
            let found = house.desk.ask(&call.caller, UserByNumber(number)).await?;
            found.ok_or_else(|| Wrong::absent("User", &number.to_string()))?
        }
    };
    let reason = needed("reason", reason)?;
    let made = house.desk.perform(&call.caller, propose(user, reason)).await.map_err(|error| refused(error, kind))?;
    Ok(Json(json!({ "message": kind.created, "data": wire::request(&made) })))
}

/// The vendor's sentences (contract 3 and 6).
fn refused(error: Error, kind: &Kind) -> Wrong {
    match error {
        Error::Refused(Refusal::RequestPending) => Wrong::bad(kind.pending),
        Error::Refused(Refusal::NothingToDo) => Wrong::bad(kind.already),
        Error::Refused(Refusal::RequestDecided | Refusal::RequestExpired) => Wrong::bad("request is no longer pending"),
        other => other.into(),
    }
}

async fn list(house: &House<Own>, call: &Call, kind: &Kind) -> Answer<Json<Value>> {
    call.may_see(Permission::RequestsRead)?;
    let pairs = pairs(&call.query)?;
    let page = Page::read(named(&pairs, "page"), named(&pairs, "per_page"))?;
    let state = match named(&pairs, "status").filter(|word| !word.is_empty()) {
        None => None,
        Some("pending") => Some(RequestState::Pending),
        Some("approved") => Some(RequestState::Approved),
        Some("declined") => Some(RequestState::Declined),
        Some(_) => return Err(Wrong::field("status", "is not included in the list")),
    };
    let filter = RequestFilter { state, action: Some(kind.action), user: None };
    let skip = page.row().min(desk::request::questions::SKIP_MAX);
    let question = ListRequests { filter, after: None, skip, limit: page.limit(), count: true };
    let found = house.desk.ask(&call.caller, question).await?;
    let data: Vec<Value> = found.requests.iter().map(wire::request).collect();
    Ok(Json(page.told(kind.all, &data, found.total.unwrap_or_default())))
}

/// The request whose number stands first in the path, if it is of this kind and the caller may know of it.
async fn found(house: &House<Own>, call: &Call, kind: &Kind) -> Answer<Option<SeenRequest>> {
    let Some(number) = call.number() else { return Ok(None) };
    match house.desk.ask(&call.caller, ShowRequest(RequestRef::Number(number))).await {
        Ok(request) => Ok(Some(request).filter(|it| it.request.action == kind.action)),
        Err(Error::NotFound(_) | Error::Forbidden(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

async fn show(house: &House<Own>, call: &Call, kind: &Kind) -> Answer<Json<Value>> {
    call.may_see(Permission::RequestsRead)?;
    let request = found(house, call, kind).await?.ok_or_else(|| call.absent("Request"))?;
    Ok(Json(json!({ "message": kind.one, "data": wire::request(&request) })))
}

#[derive(Deserialize)]
struct CommentIn {
    comment: Option<String>,
}

const NO_REQUEST: RequestId = RequestId(desk::value::id::NIL);

async fn approve(house: &House<Own>, call: &Call, kind: &Kind) -> Answer<Json<Value>> {
    let known = found(house, call, kind).await?;
    let request = known.as_ref().map_or(NO_REQUEST, |it| it.request.id);
    let approve = |comment| ApproveRequest { request, comment, already_so: AlreadySo::Approve };
    call.may_do(house, Permission::RequestsDecide, Checksum::Due, approve(None)).await?;
    known.ok_or_else(|| call.absent("Request"))?;
    let comment = given("comment", call.body::<CommentIn>()?.comment)?;
    let done = house.desk.perform(&call.caller, approve(comment)).await.map_err(|error| refused(error, kind))?;
    Ok(Json(json!({ "message": kind.approved, "data": wire::request(&done) })))
}

async fn decline(house: &House<Own>, call: &Call, kind: &Kind) -> Answer<Json<Value>> {
    let known = found(house, call, kind).await?;
    let request = known.as_ref().map_or(NO_REQUEST, |it| it.request.id);
    let decline = |reason| DeclineRequest { request, reason };
    call.may_do(house, Permission::RequestsDecide, Checksum::Due, decline(String::new())).await?;
    known.ok_or_else(|| call.absent("Request"))?;
    let comment = needed("comment", call.body::<CommentIn>()?.comment)?;
    let done = house.desk.perform(&call.caller, decline(comment)).await.map_err(|error| refused(error, kind))?;
    Ok(Json(json!({ "message": kind.declined, "data": wire::request(&done) })))
}
