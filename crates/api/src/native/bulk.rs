//! One action on many users: `POST /v1/bulk` says what and to whom, by the words of the single actions and of the list's
//! filters; the rest shows how far it is and steers it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::bulk::*;
use desk::user::standing::{CoreState, FraudStatus};
use desk::value::id::{BulkId, UserId};
use desk::{Caller, Error, Who};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::act::{Call, Reply};
use super::standing::ReasonIn;
use super::users::Filters;
use super::wire::{UserWire, chosen, moment, time};
use super::{House, Native, Problems};
use crate::kit::{Fault, Json, Query, SignedBy, Text};

type Answer = Result<Response, Fault<Native>>;

/// What is to be done to many, and to whom: either `filter` or `ids`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BulkIn {
    /// `lock`, `unlock`, `disable`, `enable`, `suspend`, `reinstate`, `flag`, `unflag`, `blacklist`, `unblacklist`,
    /// `fraud_status`, `hold`, `release`, `core_state`, `ask_verification`, `decide_verification`, `end_sessions` or
    /// `remove`.
    #[schema(example = "lock")]
    pub action: String,
    /// Why, at most 1,000 characters; kept in the audit of each user.
    pub reason: Option<String>,
    /// The filters of `GET /v1/users`, by the same words: whoever fits when her turn comes.
    #[schema(example = json!({"fraud": "fraudulent"}))]
    pub filter: Option<Filters>,
    /// Ids of users, at most 10,000.
    pub ids: Option<Vec<String>>,
    /// How many a preview said are selected; refused if there are more or fewer now.
    pub expected: Option<i64>,
    /// `lock`: when it opens by itself (RFC 3339).
    pub until: Option<String>,
    /// `flag`, `unflag`: for this bank only.
    pub bank: Option<String>,
    /// `fraud_status`: the new status.
    pub status: Option<String>,
    /// `hold`: for legal reasons.
    pub legal: Option<bool>,
    /// `core_state`: the new state.
    pub state: Option<String>,
    /// `decide_verification`: verified, or else declined.
    pub verified: Option<bool>,
}

/// The nearest of the known words, if one is near.
fn nearest(word: &str) -> Option<&'static str> {
    let likeness = |known: &'static str| (strsim::jaro_winkler(known, word), known);
    let best = BulkVerb::WORDS.iter().copied().map(likeness).max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(likeness, _)| *likeness > 0.75).map(|(_, known)| known)
}

fn verb(word: &str) -> desk::Result<BulkVerb> {
    if word.is_empty() {
        return Err(Error::invalid("action", "required", "Needed."));
    }
    BulkVerb::parse(word).ok_or_else(|| {
        let hint = nearest(word).map(|known| format!("The nearest is `{known}`. ")).unwrap_or_default();
        Error::invalid("action", "unknown", format!("{hint}One of: {}.", BulkVerb::WORDS.join(", ")))
    })
}

impl BulkIn {
    pub fn selection(&self) -> desk::Result<Selection> {
        match (&self.filter, &self.ids) {
            (Some(filters), None) => filters.filter("filter.").map(Selection::Filter),
            (None, Some(ids)) => {
                if ids.len() > model::IDS_MAX {
                    let message = format!("At most {}; for more, use a filter.", model::IDS_MAX);
                    return Err(Error::invalid("ids", "too_many", message));
                }
                let read = |(at, text): (usize, &String)| {
                    let fault = || Error::invalid(format!("ids[{at}]"), "invalid", "Not an id of a user.");
                    UserId::parse(text).ok_or_else(fault)
                };
                ids.iter().enumerate().map(read).collect::<desk::Result<_>>().map(Selection::Ids)
            }
            (Some(_), Some(_)) => Err(Error::invalid("ids", "both", "Either `filter` or `ids`, not both.")),
            (None, None) => Err(Error::invalid("filter", "required", "Say whom: `filter` or `ids`.")),
        }
    }

    pub fn deed(&self) -> desk::Result<BulkDeed> {
        let until = moment("until", self.until.as_deref())?;
        let params = BulkParams {
            until,
            bank: self.bank.clone(),
            status: chosen("status", self.status.as_deref(), FraudStatus::parse, FraudStatus::WORDS)?,
            legal: self.legal,
            state: chosen("state", self.state.as_deref(), CoreState::parse, CoreState::WORDS)?,
            verified: self.verified,
        };
        Ok(BulkDeed { verb: verb(&self.action)?, params })
    }

    fn order(&self) -> desk::Result<BulkOrder> {
        let deed = self.deed()?;
        Ok(BulkOrder { deed, selection: self.selection()?, reason: self.reason.clone(), expected: self.expected })
    }
}

/// A bulk action: what, to whom, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkWire {
    #[schema(example = "blk_01jqzs8v1xe5ja4c3rq0f2m6tn")]
    pub id: String,
    pub action: &'static str,
    /// What the action was told besides: `until` (RFC 3339), `bank`, `status`, `legal`, `state`, `verified`.
    #[schema(value_type = Object)]
    pub params: serde_json::Value,
    /// `filter`, `ids` or `undo`.
    pub selected_by: &'static str,
    /// The filter, if one selects.
    #[schema(value_type = Option<Object>)]
    pub filter: Option<serde_json::Value>,
    /// The bulk action that this one turns back.
    pub undo_of: Option<String>,
    /// `running`, `paused`, `completed`, `cancelled` or `failed`.
    pub state: &'static str,
    /// Why it failed: `forbidden`, when who started it may no longer do it; or a fault's code.
    pub code: Option<String>,
    /// The permission that was missing.
    pub permission: Option<String>,
    pub reason: Option<String>,
    /// How many were selected when it was started.
    pub selected: i64,
    /// How many had their turn: changed, unchanged and refused together.
    pub handled: i64,
    pub changed: i64,
    pub unchanged: i64,
    pub refused: i64,
    /// Who started it: `staff:stf_…`, `key:key_…` or `house`.
    pub started_by: String,
    /// Whether `undo` would be taken.
    pub undoable: bool,
    pub created_at: String,
    pub updated_at: String,
    pub ended_at: Option<String>,
}

/// A filter by the words of the list.
pub fn filter_wire(filter: &desk::user::UserFilter) -> desk::Result<serde_json::Value> {
    let mut value = serde_json::to_value(filter).map_err(Error::internal)?;
    if let Some(words) = value.as_object_mut() {
        words.retain(|_, word| !word.is_null());
        if let Some(locked) = words.remove("locked") {
            let word = if locked == true { "locked" } else { "open" };
            words.insert("sign_in_lock".to_owned(), word.into());
        }
    }
    Ok(value)
}

impl BulkWire {
    fn of(bulk: &Bulk) -> desk::Result<BulkWire> {
        let mut params = serde_json::to_value(&bulk.deed.params).map_err(Error::internal)?;
        if let (Some(words), Some(until)) = (params.as_object_mut(), bulk.deed.params.until) {
            words.insert("until".to_owned(), time(until).into());
        }
        let (selected_by, filter, undo_of) = match &bulk.chosen {
            Chosen::Filter(filter) => ("filter", Some(filter_wire(filter)?), None),
            Chosen::Ids => ("ids", None, None),
            Chosen::Undo(undone) => ("undo", None, Some(undone.to_string())),
        };
        let started_by = match bulk.starter {
            Who::Staff { id, .. } => format!("staff:{id}"),
            Who::Key { id, .. } => format!("key:{id}"),
            Who::User { .. } | Who::House | Who::Anonymous => "house".to_owned(),
        };
        Ok(BulkWire {
            id: bulk.id.to_string(),
            action: bulk.deed.verb.word(),
            params,
            selected_by,
            filter,
            undo_of,
            state: bulk.state.word(),
            code: bulk.code.clone(),
            permission: bulk.permission.clone(),
            reason: bulk.reason.clone(),
            selected: bulk.selected,
            handled: bulk.handled(),
            changed: bulk.changed,
            unchanged: bulk.unchanged,
            refused: bulk.refused,
            started_by,
            undoable: bulk.is_undoable(),
            created_at: time(bulk.created_at),
            updated_at: time(bulk.updated_at),
            ended_at: bulk.ended_at.map(time),
        })
    }
}

/// A page of bulk actions.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkList {
    /// The bulk actions, newest first.
    pub data: Vec<BulkWire>,
    /// Where to go on, if there is more: pass it as `before`.
    pub next: Option<String>,
}

/// What became of one user.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkRowWire {
    /// When her turn came, from 1.
    pub seq: i64,
    pub user_id: String,
    /// `done`, `unchanged` or `refused`.
    pub outcome: &'static str,
    /// Why it was refused.
    pub code: Option<String>,
    pub at: String,
}

/// A page of rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkRowList {
    /// The rows, in the order in which the users' turns came.
    pub data: Vec<BulkRowWire>,
    /// Where to go on, if there is more: pass it as `after`.
    pub next: Option<String>,
}

/// Users for whom it would come to the same.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupWire {
    /// How many of those looked at.
    pub count: i64,
    /// At most 20 of them, masked.
    pub sample: Vec<UserWire>,
}

impl From<Group> for GroupWire {
    fn from(group: Group) -> Self {
        GroupWire { count: group.count, sample: group.sample.into_iter().map(UserWire::from).collect() }
    }
}

/// Users for whom it would be refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedWire {
    /// Why.
    #[schema(example = "user_removed")]
    pub code: &'static str,
    /// How many of those looked at.
    pub count: i64,
    /// At most 20 of them, masked; nobody who does not exist for the caller.
    pub sample: Vec<UserWire>,
}

/// What a bulk action would come to now.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkPreviewWire {
    /// Always true: nothing was done.
    pub preview: bool,
    /// How many are selected; as `expected` it guards the start.
    pub selected: i64,
    /// How many of them were looked at, at most 10,000.
    pub looked_at: i64,
    /// Whether that is everybody.
    pub exact: bool,
    pub changed: GroupWire,
    pub unchanged: GroupWire,
    pub refused: Vec<RefusedWire>,
}

impl From<BulkPreview> for BulkPreviewWire {
    fn from(it: BulkPreview) -> Self {
        let refused = |(code, group): (&'static str, Group)| {
            let GroupWire { count, sample } = GroupWire::from(group);
            RefusedWire { code, count, sample }
        };
        BulkPreviewWire {
            preview: true,
            selected: it.selected,
            looked_at: it.looked_at,
            exact: it.is_exact(),
            changed: it.changed.into(),
            unchanged: it.unchanged.into(),
            refused: it.refused.into_iter().map(refused).collect(),
        }
    }
}

fn begun(bulk: Bulk, _: &Caller) -> desk::Result<Reply> {
    let place = format!("/v1/bulk/{}", bulk.id);
    Ok(Reply::new(StatusCode::ACCEPTED, &BulkWire::of(&bulk)?)?.location(place))
}

fn steered(done: BulkChanged, _: &Caller) -> desk::Result<Reply> {
    Ok(Reply::ok(&BulkWire::of(&done.bulk)?)?.changed(done.changed))
}

/// Start an action on many users, selected by `filter` or `ids`. It is done in the background, slice by slice, in the name
/// of the caller; each user's audit has a row of her own. With `preview=true`: what it would come to.
#[utoipa::path(post, path = "/v1/bulk", tag = "bulk", request_body = BulkIn,
    params(("preview" = Option<bool>, Query, description = "Only say what would happen."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    responses((status = 202, description = "Started.", body = BulkWire),
        (status = 200, description = "With `preview=true`: what it would come to.", body = BulkPreviewWire), Problems))]
pub async fn start(State(house): State<House>, call: Call<BulkIn>) -> Answer {
    let order = call.body.order()?;
    if call.is_preview() {
        let preview = house.desk.ask(&call.caller, PreviewBulk::Start(order)).await?;
        return Ok(Json(BulkPreviewWire::from(preview)).into_response());
    }
    let action = house.desk.plan_bulk(&call.caller, order).await?;
    call.act(&house, action, begun).await
}

/// Which bulk actions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BulksQuery {
    /// Older than this one.
    pub before: Option<String>,
    /// How many, 1 to 200; default 50.
    pub limit: Option<i64>,
}

/// List bulk actions, newest first.
#[utoipa::path(get, path = "/v1/bulk", tag = "bulk", params(BulksQuery),
    responses((status = 200, description = "A page.", body = BulkList), Problems))]
pub async fn list(State(house): State<House>, caller: SignedBy<Native>, query: Query<Native, BulksQuery>) -> Answer {
    let before = match &query.0.before {
        None => None,
        Some(text) => {
            Some(BulkId::parse(text).ok_or_else(|| Error::invalid("before", "invalid", "An id of a bulk action."))?)
        }
    };
    let page = house.desk.ask(&caller, ListBulks { before, limit: query.0.limit.unwrap_or(50) }).await?;
    let data = page.bulks.iter().map(BulkWire::of).collect::<desk::Result<_>>()?;
    Ok(Json(BulkList { data, next: page.next.map(|id| id.to_string()) }).into_response())
}

/// A bulk action: how far it is, and how many were changed, unchanged and refused.
#[utoipa::path(get, path = "/v1/bulk/{bulk_id}", tag = "bulk", params(("bulk_id" = String, Path)),
    responses((status = 200, description = "The bulk action.", body = BulkWire), Problems))]
pub async fn get(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, BulkId>) -> Answer {
    let bulk = house.desk.ask(&caller, ShowBulk(id.0)).await?;
    Ok(Json(BulkWire::of(&bulk)?).into_response())
}

/// Which rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BulkRowsQuery {
    /// `done`, `unchanged` or `refused`.
    pub outcome: Option<String>,
    /// The cursor that the page before gave as `next`.
    pub after: Option<String>,
    /// How many, 1 to 500; default 100.
    pub limit: Option<i64>,
}

/// What became of each user, in the order in which their turns came.
#[utoipa::path(get, path = "/v1/bulk/{bulk_id}/rows", tag = "bulk", params(("bulk_id" = String, Path), BulkRowsQuery),
    responses((status = 200, description = "A page.", body = BulkRowList), Problems))]
pub async fn rows(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, BulkId>,
    query: Query<Native, BulkRowsQuery>,
) -> Answer {
    let query = query.0;
    let outcome = chosen("outcome", query.outcome.as_deref(), RowOutcome::parse, RowOutcome::WORDS)?;
    let question = ListBulkRows { bulk: id.0, outcome, after: query.after, limit: query.limit.unwrap_or(100) };
    let page = house.desk.ask(&caller, question).await?;
    let row = |it: BulkRow| BulkRowWire {
        seq: it.seq,
        user_id: it.user.to_string(),
        outcome: it.outcome.word(),
        code: it.code,
        at: time(it.at),
    };
    Ok(Json(BulkRowList { data: page.rows.into_iter().map(row).collect(), next: page.next }).into_response())
}

macro_rules! steering {
    ($($(#[doc = $doc:literal])+ $handler:ident, $path:literal, $action:ident;)+) => {$(
        $(#[doc = $doc])+
        #[utoipa::path(post, path = $path, tag = "bulk", request_body = ReasonIn,
            params(("bulk_id" = String, Path),
                ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
            responses((status = 200, description = "The bulk action as it is now.", body = BulkWire), Problems))]
        pub async fn $handler(State(house): State<House>, id: Text<Native, BulkId>, call: Call<ReasonIn>) -> Answer {
            let action = $action { bulk: id.0, reason: call.body.reason.clone() };
            call.act(&house, action, steered).await
        }
    )+};
}

steering! {
    /// Let a bulk action rest. The slice that is being done is finished.
    pause, "/v1/bulk/{bulk_id}/pause", PauseBulk;

    /// Let it go on exactly where it rested, in the name of who started it.
    resume, "/v1/bulk/{bulk_id}/resume", ResumeBulk;

    /// End it where it is. What was done stays done, until it is undone.
    cancel, "/v1/bulk/{bulk_id}/cancel", CancelBulk;
}

/// Undo what a bulk action changed: starts another one, that turns back each changed user whose axis is still as the first
/// left it. With `preview=true`: what that would come to.
#[utoipa::path(post, path = "/v1/bulk/{bulk_id}/undo", tag = "bulk", request_body = ReasonIn,
    params(("bulk_id" = String, Path),
        ("preview" = Option<bool>, Query, description = "Only say what would happen."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    responses((status = 202, description = "Started.", body = BulkWire),
        (status = 200, description = "With `preview=true`: what it would come to.", body = BulkPreviewWire), Problems))]
pub async fn undo(State(house): State<House>, id: Text<Native, BulkId>, call: Call<ReasonIn>) -> Answer {
    if call.is_preview() {
        let preview = house.desk.ask(&call.caller, PreviewBulk::Undo(id.0)).await?;
        return Ok(Json(BulkPreviewWire::from(preview)).into_response());
    }
    let action = UndoBulk { bulk: id.0, reason: call.body.reason.clone() };
    call.act(&house, action, begun).await
}
