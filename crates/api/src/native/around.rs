//! What hangs on a user: sessions, devices, notes, messages, reset links, her second factor.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::Error;
use desk::device::{ListDevices, SeenDevice, UnlinkAllDevices, UnlinkDevice};
use desk::message::{Channel, ListMessages};
use desk::note::{ListNotes, Note, WriteNote};
use desk::password::StartPasswordReset;
use desk::second_factor::RemoveSecondFactor;
use desk::session::{EndSession, EndSessions, ListSessions};
use desk::value::id::{DeviceId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::act::{Call, Reply};
use super::standing::ReasonIn;
use super::wire::{chosen, time};
use super::{House, Native, Problems};
use crate::kit::{Fault, Json, SignedBy, Text};

type Answer = Result<Response, Fault<Native>>;

/// A list without pages: it is bounded by its nature.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListOf<T: ToSchema> {
    /// The things.
    pub data: Vec<T>,
}

/// Answers a list.
pub fn list_of<T: ToSchema + Serialize>(data: Vec<T>) -> Response {
    Json(ListOf { data }).into_response()
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionWire {
    pub id: String,
    pub device_id: Option<String>,
    /// Whether it can still be used.
    pub open: bool,
    pub created_at: String,
    pub expires_at: String,
    pub ended_at: Option<String>,
    /// What ended it: `signed_out`, `locked`, `disabled`, `password_changed` …
    pub end_cause: Option<String>,
}

/// The newest sessions of a user, at most 100.
#[utoipa::path(get, path = "/v1/users/{user_id}/sessions", tag = "sessions", params(("user_id" = String, Path)),
    responses((status = 200, description = "Newest first.", body = ListOf<SessionWire>), Problems))]
pub async fn sessions(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, UserId>) -> Answer {
    let sessions = house.desk.ask(&caller, ListSessions(id.0)).await?;
    let wire = sessions.into_iter().map(|it| SessionWire {
        id: it.id.to_string(),
        device_id: it.device.map(|device| device.to_string()),
        open: it.open,
        created_at: time(it.created_at),
        expires_at: time(it.expires_at),
        ended_at: it.ended_at.map(time),
        end_cause: it.end_cause,
    });
    Ok(list_of(wire.collect()))
}

/// End one session of a user.
#[utoipa::path(delete, path = "/v1/users/{user_id}/sessions/{session_id}", tag = "sessions",
    params(("user_id" = String, Path), ("session_id" = String, Path)),
    responses((status = 204, description = "It has ended."), Problems))]
pub async fn end_session(
    State(house): State<House>,
    id: Text<Native, UserId, SessionId>,
    call: Call<ReasonIn>,
) -> Answer {
    let action = EndSession { user: id.0, session: id.1, reason: call.body.reason.clone() };
    call.act(&house, action, |changed, _| Ok(Reply::nothing().changed(changed))).await
}

/// End every session, reset link and pending code of a user.
#[utoipa::path(delete, path = "/v1/users/{user_id}/sessions", tag = "sessions", params(("user_id" = String, Path)),
    responses((status = 204, description = "All have ended."), Problems))]
pub async fn end_sessions(State(house): State<House>, id: Text<Native, UserId>, call: Call<ReasonIn>) -> Answer {
    let action = EndSessions { user: id.0, reason: call.body.reason.clone() };
    call.act(&house, action, |(), _| Ok(Reply::nothing())).await
}

/// A device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceWire {
    pub id: String,
    pub name: Option<String>,
    pub brand: Option<String>,
    pub model: Option<String>,
    pub os: Option<String>,
    pub os_version: Option<String>,
    pub app_version: Option<String>,
    /// Whether it is linked now.
    pub linked: bool,
    pub first_seen_at: String,
    pub last_seen_at: String,
    pub unlinked_at: Option<String>,
}

impl From<SeenDevice> for DeviceWire {
    fn from(it: SeenDevice) -> Self {
        DeviceWire {
            id: it.id.to_string(),
            name: it.details.name,
            brand: it.details.brand,
            model: it.details.model,
            os: it.details.os,
            os_version: it.details.os_version,
            app_version: it.details.app_version,
            linked: it.unlinked_at.is_none(),
            first_seen_at: time(it.first_seen_at),
            last_seen_at: time(it.last_seen_at),
            unlinked_at: it.unlinked_at.map(time),
        }
    }
}

/// The devices of a user.
#[utoipa::path(get, path = "/v1/users/{user_id}/devices", tag = "devices", params(("user_id" = String, Path)),
    responses((status = 200, description = "Oldest first.", body = ListOf<DeviceWire>), Problems))]
pub async fn devices(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, UserId>) -> Answer {
    let devices = house.desk.ask(&caller, ListDevices(id.0)).await?;
    Ok(list_of(devices.into_iter().map(DeviceWire::from).collect()))
}

/// Unlink a device; its sessions end.
#[utoipa::path(delete, path = "/v1/users/{user_id}/devices/{device_id}", tag = "devices",
    params(("user_id" = String, Path), ("device_id" = String, Path)),
    responses((status = 204, description = "It is unlinked."), Problems))]
pub async fn unlink_device(
    State(house): State<House>,
    id: Text<Native, UserId, DeviceId>,
    call: Call<ReasonIn>,
) -> Answer {
    let action = UnlinkDevice { user: id.0, device: id.1, reason: call.body.reason.clone() };
    call.act(&house, action, |changed, _| Ok(Reply::nothing().changed(changed))).await
}

/// Unlink every device of a user.
#[utoipa::path(delete, path = "/v1/users/{user_id}/devices", tag = "devices", params(("user_id" = String, Path)),
    responses((status = 204, description = "All are unlinked."), Problems))]
pub async fn unlink_devices(State(house): State<House>, id: Text<Native, UserId>, call: Call<ReasonIn>) -> Answer {
    let action = UnlinkAllDevices { user: id.0, reason: call.body.reason.clone() };
    call.act(&house, action, |unlinked, _| Ok(Reply::nothing().changed(unlinked > 0))).await
}

/// A note.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteWire {
    pub id: String,
    pub author: String,
    pub text: String,
    pub created_at: String,
}

impl From<Note> for NoteWire {
    fn from(it: Note) -> Self {
        NoteWire { id: it.id.to_string(), author: it.author, text: it.text, created_at: time(it.created_at) }
    }
}

/// The newest notes about a user, at most 200.
#[utoipa::path(get, path = "/v1/users/{user_id}/notes", tag = "notes", params(("user_id" = String, Path)),
    responses((status = 200, description = "Newest first.", body = ListOf<NoteWire>), Problems))]
pub async fn notes(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, UserId>) -> Answer {
    let notes = house.desk.ask(&caller, ListNotes(id.0)).await?;
    Ok(list_of(notes.into_iter().map(NoteWire::from).collect()))
}

/// A new note.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteIn {
    /// 1 to 4,000 characters; sealed with the person's key.
    pub text: String,
}

/// Write a note about a user.
#[utoipa::path(post, path = "/v1/users/{user_id}/notes", tag = "notes", params(("user_id" = String, Path)),
    request_body = NoteIn,
    responses((status = 201, description = "Written.", body = NoteWire), Problems))]
pub async fn write_note(State(house): State<House>, id: Text<Native, UserId>, call: Call<NoteIn>) -> Answer {
    let action = WriteNote { user: id.0, text: call.body.text.clone() };
    call.act(&house, action, |note, _| Reply::new(StatusCode::CREATED, &NoteWire::from(note))).await
}

/// A message, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageWire {
    pub id: String,
    /// `email` or `sms`.
    pub channel: String,
    /// `password_reset`, `sign_in_code`, `password_changed`.
    pub template: String,
    /// `queued`, `resting` (there is no gateway), `sent` or `failed`.
    pub state: String,
    pub created_at: String,
    pub sent_at: Option<String>,
}

/// The newest messages to a user, at most 100, without their texts.
#[utoipa::path(get, path = "/v1/users/{user_id}/messages", tag = "messages", params(("user_id" = String, Path)),
    responses((status = 200, description = "Newest first.", body = ListOf<MessageWire>), Problems))]
pub async fn messages(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, UserId>) -> Answer {
    let messages = house.desk.ask(&caller, ListMessages(id.0)).await?;
    let wire = messages.into_iter().map(|it| MessageWire {
        id: it.id.to_string(),
        channel: it.channel.to_string(),
        template: it.template,
        state: it.state.to_string(),
        created_at: time(it.created_at),
        sent_at: it.sent_at.map(time),
    });
    Ok(list_of(wire.collect()))
}

/// How a reset link is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetIn {
    /// `email` or `sms`.
    #[schema(example = "email")]
    pub method: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A link is on its way; where to is not told.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetWire {
    /// How long the link works, in seconds.
    pub expires_in_seconds: i64,
    /// Until when.
    pub expires_at: String,
}

/// `email` or `sms`.
pub fn channel(word: &str) -> desk::Result<Channel> {
    let channel = chosen("method", Some(word), Channel::parse, Channel::WORDS)?;
    channel.ok_or_else(|| Error::invalid("method", "required", "Needed."))
}

/// Have a one-time link sent, to choose a new password. Voids older links; neither unlocks nor enables.
#[utoipa::path(post, path = "/v1/users/{user_id}/password-resets", tag = "passwords",
    params(("user_id" = String, Path)), request_body = ResetIn,
    responses((status = 202, description = "A link is on its way.", body = ResetWire), Problems))]
pub async fn reset_password(State(house): State<House>, id: Text<Native, UserId>, call: Call<ResetIn>) -> Answer {
    let method = channel(&call.body.method)?;
    let action = StartPasswordReset { user: id.0, method, reason: call.body.reason.clone() };
    call.act(&house, action, |started, _| {
        let (expires_in_seconds, expires_at) = (started.expires_in_seconds, time(started.expires_at));
        Reply::new(StatusCode::ACCEPTED, &ResetWire { expires_in_seconds, expires_at })
    })
    .await
}

/// Remove the second factor of a user who lost it.
#[utoipa::path(delete, path = "/v1/users/{user_id}/second-factor", tag = "passwords", params(("user_id" = String, Path)),
    responses((status = 204, description = "She signs in with her password alone."), Problems))]
pub async fn remove_second_factor(
    State(house): State<House>,
    id: Text<Native, UserId>,
    call: Call<ReasonIn>,
) -> Answer {
    let action = RemoveSecondFactor { user: id.0, reason: call.body.reason.clone() };
    call.act(&house, action, |(), _| Ok(Reply::nothing())).await
}
