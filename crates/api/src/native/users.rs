//! Users: create, get, change, find, list, reveal.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::Error;
use desk::password::personal_words;
use desk::user::standing::*;
use desk::user::{CreateUser, EditUser, FindUsers, ListUsers, RevealUser, SeenUser, ShowUser, UserFilter, UserKind};
use desk::value::id::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::act::{Call, Reply, etag};
use super::wire::{NewUser, StandingCard, UserList, UserWire, chosen, kind};
use super::{House, Native, Problems};
use crate::kit::{Body, Fault, Json, Query, SignedBy, Text};

type Answer = Result<Response, Fault<Native>>;

fn shown(user: SeenUser) -> Response {
    let tag = etag(user.version);
    let mut response = Json(UserWire::from(user)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Create a user.
#[utoipa::path(post, path = "/v1/users", tag = "users", request_body = NewUser,
    responses((status = 201, description = "Created.", body = UserWire), Problems))]
pub async fn create(State(house): State<House>, call: Call<NewUser>) -> Answer {
    let new = &call.body;
    let profile = new.profile();
    let password_hash = match &new.password {
        None => None,
        Some(password) => {
            let tenant = house.desk.tenant(call.caller.tenant).await?;
            let personal = personal_words(&profile, &tenant.institution.name);
            let least = tenant.settings.password_min_length;
            Some(house.desk.hash_new_password(password.clone(), least, personal).await?)
        }
    };
    let kind = kind(new.kind.as_deref())?.unwrap_or(UserKind::Individual);
    let action = CreateUser { kind, employee: new.employee, password_hash, ..CreateUser::of(profile) };
    call.act(&house, action, |user, caller| {
        let seen = user.seen_by(caller)?;
        let (version, place) = (seen.version, format!("/v1/users/{}", seen.id));
        Ok(Reply::new(StatusCode::CREATED, &UserWire::from(seen))?.version(version).location(place))
    })
    .await
}

/// Get a user.
#[utoipa::path(get, path = "/v1/users/{user_id}", tag = "users", params(("user_id" = String, Path)),
    responses((status = 200, description = "The user, with an ETag.", body = UserWire), Problems))]
pub async fn get(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, UserId>) -> Answer {
    Ok(shown(house.desk.ask(&caller, ShowUser(id.0)).await?))
}

/// Change a user by a JSON merge patch: absent fields stay, null clears, a value sets. With `If-Match` only if nobody
/// else has changed her meanwhile.
#[utoipa::path(patch, path = "/v1/users/{user_id}", tag = "users", params(("user_id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag you saw, or several."),
        ("preview" = Option<bool>, Query, description = "Only say what would happen.")),
    request_body(content = NewUser, description = "Fields of a user but `password`, and `reason`."),
    responses((status = 200, description = "The user as she is now.", body = UserWire), Problems))]
pub async fn patch(State(house): State<House>, id: Text<Native, UserId>, call: Call<Map<String, Value>>) -> Answer {
    let mut patch = call.body.clone();
    let text = |value: Option<Value>, field: &str| match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(field, "invalid", "Must be text.")),
    };
    let reason = text(patch.remove("reason"), "reason")?;
    let kind = kind(text(patch.remove("kind"), "kind")?.as_deref())?;
    let employee = match patch.remove("employee") {
        None => None,
        Some(Value::Bool(employee)) => Some(employee),
        Some(_) => return Err(Error::invalid("employee", "invalid", "Must be true or false.").into()),
    };
    let action = EditUser { user: id.0, if_version: None, patch, kind, employee, reason };
    call.act(&house, action, super::standing::changed).await
}

/// The standing of a user, and what may be attempted in it.
#[utoipa::path(get, path = "/v1/users/{user_id}/standing", tag = "users", params(("user_id" = String, Path)),
    responses((status = 200, description = "The standing.", body = StandingCard), Problems))]
pub async fn standing(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, UserId>) -> Answer {
    let user = house.desk.ask(&caller, ShowUser(id.0)).await?;
    Ok(Json(StandingCard::of(&user, house.desk.now())).into_response())
}

/// Why identifiers are revealed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealIn {
    /// What they are needed for; recorded.
    #[schema(example = "Caller could not name her customer number")]
    pub purpose: String,
}

/// Reveal a user's identifiers and contacts in full. Recorded with its purpose before the answer leaves.
#[utoipa::path(post, path = "/v1/users/{user_id}/reveal", tag = "users", params(("user_id" = String, Path)),
    request_body = RevealIn,
    responses((status = 200, description = "The user, nothing masked.", body = UserWire), Problems))]
pub async fn reveal(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, UserId>,
    body: Body<Native, RevealIn>,
) -> Answer {
    let question = RevealUser { user: id.0, purpose: body.value.purpose };
    let mut response = shown(house.desk.ask(&caller, question).await?);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchIn {
    /// Names, e-mail, phone, username, identifiers or an id: words in any order, whole or their beginnings.
    #[schema(example = "marta rey")]
    pub query: String,
    /// Only users whose standing is so, as in a list.
    #[serde(default)]
    pub filters: Filters,
    /// How many at most, 1 to 100; default 20.
    #[serde(default)]
    pub limit: Option<i64>,
    /// The cursor that the page before gave as `next`, for the same query and filters.
    #[serde(default)]
    pub after: Option<String>,
    /// Whether to count all that fit; told with the first page.
    #[serde(default)]
    pub total: Option<bool>,
}

/// Find users. A `POST`, so that what is searched for stands in no URL. First whoever has the query as a whole value
/// (identifier, username, e-mail, phone), then whoever has its words as whole words of her names, then beginnings.
#[utoipa::path(post, path = "/v1/users/search", tag = "users", request_body = SearchIn,
    responses((status = 200, description = "Users that fit. A page may be short while there is a `next`; `total` is null \
        unless asked for, and when there are more than 10,000 candidates.", body = UserList), Problems))]
pub async fn search(State(house): State<House>, caller: SignedBy<Native>, body: Body<Native, SearchIn>) -> Answer {
    let wanted = body.value;
    let limit = wanted.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(Error::invalid("limit", "out_of_range", "Must be from 1 to 100.").into());
    }
    if wanted.query.trim().is_empty() {
        return Err(Error::invalid("query", "required", "Say what to search for; to list users, GET /v1/users.").into());
    }
    let question = FindUsers {
        filter: wanted.filters.filter("filters.")?,
        after: wanted.after,
        limit: limit as usize,
        count: wanted.total.unwrap_or(false),
        ..FindUsers::of(wanted.query)
    };
    let found = house.desk.find_users(&caller, question).await?;
    let total = found.total.filter(|_| !found.capped);
    let data = found.users.into_iter().map(UserWire::from).collect();
    Ok(Json(UserList { data, next: found.next, total }).into_response())
}

/// Filters: one for each axis; an absent one does not matter.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filters {
    /// `open` or `locked`.
    pub sign_in_lock: Option<String>,
    pub admission: Option<String>,
    pub core_state: Option<String>,
    pub suspension: Option<String>,
    pub flag: Option<String>,
    pub blacklist: Option<String>,
    pub fraud: Option<String>,
    pub verification: Option<String>,
    pub hold: Option<String>,
    /// Erased users are there only when asked for.
    pub presence: Option<String>,
    pub kind: Option<String>,
    pub employee: Option<bool>,
    /// Lives abroad.
    pub diaspora: Option<bool>,
    /// Verified, or else in any other state of verification.
    pub verified: Option<bool>,
}

/// A field by its whole name, put together only when there is something to say of it.
struct Within<'a> {
    path: &'a str,
    name: &'static str,
}

impl std::fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path)?;
        f.write_str(self.name)
    }
}

impl Filters {
    /// `path` stands before the names of the fields.
    pub(super) fn filter(&self, path: &str) -> desk::Result<UserFilter> {
        let locked = |word: &str| match word {
            "locked" => Some(true),
            "open" => Some(false),
            _ => None,
        };
        let at = |name| Within { path, name };
        Ok(UserFilter {
            locked: chosen(at("sign_in_lock"), self.sign_in_lock.as_deref(), locked, &["open", "locked"])?,
            admission: chosen(at("admission"), self.admission.as_deref(), Admission::parse, Admission::WORDS)?,
            core_state: chosen(at("core_state"), self.core_state.as_deref(), CoreState::parse, CoreState::WORDS)?,
            suspension: chosen(at("suspension"), self.suspension.as_deref(), Suspension::parse, Suspension::WORDS)?,
            flag: chosen(at("flag"), self.flag.as_deref(), FlagReach::parse, FlagReach::WORDS)?,
            blacklist: chosen(at("blacklist"), self.blacklist.as_deref(), Blacklist::parse, Blacklist::WORDS)?,
            fraud: chosen(at("fraud"), self.fraud.as_deref(), FraudStatus::parse, FraudStatus::WORDS)?,
            verification: chosen(
                at("verification"),
                self.verification.as_deref(),
                Verification::parse,
                Verification::WORDS,
            )?,
            hold: chosen(at("hold"), self.hold.as_deref(), Hold::parse, Hold::WORDS)?,
            presence: chosen(at("presence"), self.presence.as_deref(), Presence::parse, Presence::WORDS)?,
            kind: chosen(at("kind"), self.kind.as_deref(), UserKind::parse, UserKind::WORDS)?,
            employee: self.employee,
            diaspora: self.diaspora,
            verified: self.verified,
        })
    }
}

/// A list: filters, one for each axis, and which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `open` or `locked`.
    pub sign_in_lock: Option<String>,
    pub admission: Option<String>,
    pub core_state: Option<String>,
    pub suspension: Option<String>,
    pub flag: Option<String>,
    pub blacklist: Option<String>,
    pub fraud: Option<String>,
    pub verification: Option<String>,
    pub hold: Option<String>,
    /// Erased users are listed only when asked for.
    pub presence: Option<String>,
    pub kind: Option<String>,
    pub employee: Option<bool>,
    /// Lives abroad.
    pub diaspora: Option<bool>,
    /// Verified, or else in any other state of verification.
    pub verified: Option<bool>,
    /// The cursor that the page before gave as `next`.
    pub after: Option<String>,
    /// How many, 1 to 200; default 50.
    pub limit: Option<i64>,
    /// Whether to count all that fit.
    pub total: Option<bool>,
}

impl ListQuery {
    /// The filters by themselves: unknown names are refused, and then nothing can be flattened.
    fn filters(&mut self) -> Filters {
        Filters {
            sign_in_lock: self.sign_in_lock.take(),
            admission: self.admission.take(),
            core_state: self.core_state.take(),
            suspension: self.suspension.take(),
            flag: self.flag.take(),
            blacklist: self.blacklist.take(),
            fraud: self.fraud.take(),
            verification: self.verification.take(),
            hold: self.hold.take(),
            presence: self.presence.take(),
            kind: self.kind.take(),
            employee: self.employee,
            diaspora: self.diaspora,
            verified: self.verified,
        }
    }
}

/// List users in the order of their numbers, filtered on any axes.
#[utoipa::path(get, path = "/v1/users", tag = "users", params(ListQuery),
    responses((status = 200, description = "A page.", body = UserList), Problems))]
pub async fn list(State(house): State<House>, caller: SignedBy<Native>, query: Query<Native, ListQuery>) -> Answer {
    let mut query = query.0;
    let (filter, limit) = (query.filters().filter("")?, query.limit.unwrap_or(50));
    let question = ListUsers { filter, after: query.after, limit, count: query.total.unwrap_or(false) };
    let page = house.desk.ask(&caller, question).await?;
    let data = page.users.into_iter().map(UserWire::from).collect();
    Ok(Json(UserList { data, next: page.next, total: page.total }).into_response())
}
