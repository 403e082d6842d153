//! The book and the settings: audit, events, what an institution may choose.

use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use desk::audit::{AuditFilter, AuditRecord, ExportAudit, ListAudit};
use desk::event::{EventRecord, ListEvents};
use desk::tenant::{ChangeSettings, ShowSettings};
use desk::value::id::{AuditId, BulkId, EventId, KeyId, RequestId, StaffId, UserId};
use desk::{Error, Permission};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::act::{Call, Reply, head_of};
use super::wire::{SettingsWire, moment, time};
use super::{House, Native, Problems};
use crate::kit::{Fault, Json, Query, SignedBy};

type Answer = Result<Response, Fault<Native>>;

/// One record of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditWire {
    pub id: String,
    pub at: String,
    /// `user`, `staff`, `key`, `house` or `anonymous`.
    pub actor_kind: String,
    pub actor: Option<String>,
    /// The staff member behind a session or key.
    pub staff_id: Option<String>,
    /// The human agent a program says it acted for.
    pub on_behalf: Option<String>,
    pub door: String,
    pub action: String,
    pub subject_kind: String,
    pub subject: Option<String>,
    /// `done`, `unchanged`, `refused` or `asked`.
    pub outcome: String,
    /// Why it was refused.
    pub code: Option<String>,
    pub reason: Option<String>,
    pub address: Option<String>,
    #[schema(value_type = Vec<Object>)]
    pub facts: Value,
    pub request_id: String,
}

impl From<AuditRecord> for AuditWire {
    fn from(it: AuditRecord) -> Self {
        AuditWire {
            id: it.id.to_string(),
            at: time(it.at),
            actor_kind: it.actor_kind,
            actor: it.actor,
            staff_id: it.staff.map(|staff| staff.to_string()),
            on_behalf: it.on_behalf,
            door: it.door,
            action: it.action,
            subject_kind: it.subject_kind,
            subject: it.subject,
            outcome: it.outcome,
            code: it.code,
            reason: it.reason,
            address: it.address,
            facts: it.facts,
            request_id: it.request_id,
        }
    }
}

/// A page of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditList {
    /// The records, newest first.
    pub data: Vec<AuditWire>,
    /// Where to go on, if there is more: pass it as `before`.
    pub next: Option<String>,
}

/// Which records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// About this user, staff member, key, bulk action or request.
    pub subject: Option<String>,
    /// Not before (RFC 3339).
    pub from: Option<String>,
    /// Before (RFC 3339).
    pub to: Option<String>,
    /// Older than this record.
    pub before: Option<String>,
    /// How many, 1 to 500; default 50.
    pub limit: Option<i64>,
}

/// Read the audit, newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "records", params(AuditQuery),
    responses((status = 200, description = "A page.", body = AuditList), Problems))]
pub async fn audit(State(house): State<House>, caller: SignedBy<Native>, query: Query<Native, AuditQuery>) -> Answer {
    let query = query.0;
    let subject = match &query.subject {
        None => None,
        Some(text) => {
            let id = UserId::parse(text).map(|id| id.0);
            let id = id.or_else(|| StaffId::parse(text).map(|id| id.0)).or_else(|| KeyId::parse(text).map(|id| id.0));
            let id = id.or_else(|| BulkId::parse(text).map(|id| id.0));
            let id = id.or_else(|| RequestId::parse(text).map(|id| id.0));
            let other = "An id of a user, staff member, key, bulk action or request.";
            Some(id.ok_or_else(|| Error::invalid("subject", "invalid", other))?)
        }
    };
    let before = match &query.before {
        None => None,
        Some(text) => {
            Some(AuditId::parse(text).ok_or_else(|| Error::invalid("before", "invalid", "An id of a record."))?)
        }
    };
    let filter = AuditFilter {
        subject,
        actor_kind: None,
        from: moment("from", query.from.as_deref())?,
        to: moment("to", query.to.as_deref())?,
        before,
        limit: query.limit.unwrap_or(50),
    };
    let page = house.desk.ask(&caller, ListAudit(filter)).await?;
    let data = page.records.into_iter().map(AuditWire::from).collect();
    Ok(Json(AuditList { data, next: page.next.map(|id| id.to_string()) }).into_response())
}

/// Where an export goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// After this number of the chain; 0 begins.
    pub after: i64,
}

/// Export the sealed audit as lines of JSON, a piece at a time; `Bursar-Next` says where the next piece begins. The whole
/// can be checked offline with `bursar audit verify`. Recorded.
#[utoipa::path(get, path = "/v1/audit/export", tag = "records", params(ExportQuery),
    responses((status = 200, description = "A piece.", content_type = "application/x-ndjson", body = String), Problems))]
pub async fn export(
    State(house): State<House>,
    caller: SignedBy<Native>,
    method: Method,
    query: Query<Native, ExportQuery>,
) -> Answer {
    // Nothing is told, so nothing is recorded.
    if method == Method::HEAD {
        return head_of(&caller, Permission::AuditRead, "application/x-ndjson");
    }
    if query.0.after < 0 {
        return Err(Error::invalid("after", "out_of_range", "Not below 0.").into());
    }
    let piece = house.desk.ask(&caller, ExportAudit { after: query.0.after }).await?;
    let mut text = piece.lines.join("\n");
    text.push('\n');
    let mut response = ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response();
    if let Some(next) = piece.next {
        response.headers_mut().insert("bursar-next", next.into());
    }
    Ok(response)
}

/// One event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventWire {
    pub id: String,
    pub at: String,
    #[schema(example = "user.unlocked")]
    pub name: String,
    pub subject_kind: String,
    pub subject: Option<String>,
    pub audit_id: String,
    #[schema(value_type = Object)]
    pub fact: Value,
}

impl From<EventRecord> for EventWire {
    fn from(it: EventRecord) -> Self {
        EventWire {
            id: it.id.to_string(),
            at: time(it.at),
            name: it.name,
            subject_kind: it.subject_kind,
            subject: it.subject,
            audit_id: it.audit.to_string(),
            fact: it.fact,
        }
    }
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventList {
    /// The events, oldest first.
    pub data: Vec<EventWire>,
    /// Where to go on, if there is more: pass it as `after`.
    pub next: Option<String>,
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// After this one.
    pub after: Option<String>,
    /// How many, 1 to 500; default 50.
    pub limit: Option<i64>,
}

/// Read events in the order in which they happened.
#[utoipa::path(get, path = "/v1/events", tag = "records", params(EventQuery),
    responses((status = 200, description = "A page.", body = EventList), Problems))]
pub async fn events(State(house): State<House>, caller: SignedBy<Native>, query: Query<Native, EventQuery>) -> Answer {
    let after = match &query.0.after {
        None => None,
        Some(text) => {
            Some(EventId::parse(text).ok_or_else(|| Error::invalid("after", "invalid", "An id of an event."))?)
        }
    };
    let page = house.desk.ask(&caller, ListEvents { after, limit: query.0.limit.unwrap_or(50) }).await?;
    let data = page.events.into_iter().map(EventWire::from).collect();
    Ok(Json(EventList { data, next: page.next.map(|id| id.to_string()) }).into_response())
}

/// The institution's settings.
#[utoipa::path(get, path = "/v1/settings", tag = "records",
    responses((status = 200, description = "The settings.", body = SettingsWire), Problems))]
pub async fn settings(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    Ok(Json(SettingsWire::from(house.desk.ask(&caller, ShowSettings).await?)).into_response())
}

/// Change settings by a JSON merge patch. Security settings need `settings.security` as well.
#[utoipa::path(patch, path = "/v1/settings", tag = "records", request_body = SettingsWire,
    responses((status = 200, description = "The settings as they are now.", body = SettingsWire), Problems))]
pub async fn change_settings(State(house): State<House>, call: Call<Map<String, Value>>) -> Answer {
    let action = ChangeSettings { patch: call.body.clone() };
    call.act(&house, action, |settings, _| Reply::ok(&SettingsWire::from(settings))).await
}
