//! Callbacks: where partners of the Choice voice are told what became of the administrators of their accounts, and what came
//! of it.

use axum::extract::State;
use axum::response::IntoResponse;
use desk::Error;
use desk::administrator::callback::{Callback, CallbackState, ListCallbacks, SendCallbackAgain};
use desk::key::SetCallbackUrl;
use desk::value::id::{CallbackId, KeyId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::act::{Call, Reply};
use super::staff::{Answer, Empty, KeyWire};
use super::wire::{chosen, time};
use super::{House, Native, Problems};
use crate::kit::{Json, Query, SignedBy, Text};

/// Where a partner is called back from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackUrlIn {
    /// An https address of at most 500 characters, without user, password and fragment; `null`: it is called back no more.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    pub url: Option<String>,
}

/// Say where a partner (a key of kind `choice_sender`) is called back; `null`: it is not.
#[utoipa::path(post, path = "/v1/keys/{key_id}/callback-url", tag = "staff", params(("key_id" = String, Path)),
    request_body = CallbackUrlIn, responses((status = 200, description = "As it is now.", body = KeyWire), Problems))]
pub async fn set_url(State(house): State<House>, id: Text<Native, KeyId>, call: Call<CallbackUrlIn>) -> Answer {
    let url = call.body.url.as_deref().map(|url| house.desk.callback_url("url", url)).transpose()?;
    call.act(&house, SetCallbackUrl { key: id.0, url }, |key, _| Reply::ok(&KeyWire::of(key, None))).await
}

/// What a partner is to be told of an administrator, or was.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackWire {
    /// Its `requestId`, too.
    pub id: String,
    /// The partner's key.
    pub key_id: String,
    pub account_id: String,
    pub administrator_id: String,
    /// `added`, `mobile_verified`, `email_verified` or `removed`.
    pub event: String,
    pub happened_at: String,
    /// `queued`, `delivered`, `failed` (given up) or `dropped` (there was nobody to tell it to, or about).
    pub state: String,
    /// How often it was tried.
    pub tries: i64,
    /// When a queued one is tried next, at the earliest.
    pub due_at: Option<String>,
    /// Why the last try failed; of a dropped one `no_url`, `no_permission` or `erased`.
    pub last_error: Option<String>,
    pub ended_at: Option<String>,
}

impl From<Callback> for CallbackWire {
    fn from(it: Callback) -> Self {
        CallbackWire {
            id: it.id.to_string(),
            key_id: it.key.to_string(),
            account_id: it.account.to_string(),
            administrator_id: it.administrator.to_string(),
            event: it.event.word().to_owned(),
            happened_at: time(it.happened_at),
            state: it.state.word().to_owned(),
            tries: it.tries,
            due_at: (it.state == CallbackState::Queued).then(|| time(it.due_at)),
            last_error: it.last_error,
            ended_at: it.ended_at.map(time),
        }
    }
}

/// A page of callbacks.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackList {
    /// The callbacks, the newest first.
    pub data: Vec<CallbackWire>,
    /// Where to go on, if there is more: pass it as `before`.
    pub next: Option<String>,
}

/// Which callbacks, and how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallbacksQuery {
    /// Only those in this state: `queued`, `delivered`, `failed` or `dropped`.
    pub state: Option<String>,
    /// Those older than this one: `next` of the page before.
    pub before: Option<String>,
    /// How many, 1 to 200; default 50.
    pub limit: Option<i64>,
}

/// List what a partner was told and is to be told, the newest first.
#[utoipa::path(get, path = "/v1/keys/{key_id}/callbacks", tag = "staff",
    params(("key_id" = String, Path), CallbacksQuery),
    responses((status = 200, description = "A page.", body = CallbackList), Problems))]
pub async fn list(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, KeyId>,
    query: Query<Native, CallbacksQuery>,
) -> Answer {
    let CallbacksQuery { state, before, limit } = query.0;
    let bad = || Error::invalid("before", "invalid", "Not a cursor of this list.");
    let before = before.as_deref().map(|text| CallbackId::parse(text).ok_or_else(bad)).transpose()?;
    let state = chosen("state", state.as_deref(), CallbackState::parse, CallbackState::WORDS)?;
    let question = ListCallbacks { key: id.0, state, before, limit: limit.unwrap_or(50) };
    let page = house.desk.ask(&caller, question).await?;
    let last = page.callbacks.last().map(|it| it.id.to_string());
    let data = page.callbacks.into_iter().map(CallbackWire::from).collect();
    Ok(Json(CallbackList { data, next: last.filter(|_| page.more) }).into_response())
}

/// Tell a partner once more, with the same id and five tries anew. What is queued and worked at stays as it is.
#[utoipa::path(post, path = "/v1/callbacks/{callback_id}/send-again", tag = "staff",
    params(("callback_id" = String, Path)),
    responses((status = 200, description = "It is queued.", body = CallbackWire), Problems))]
pub async fn send_again(State(house): State<House>, id: Text<Native, CallbackId>, call: Call<Empty>) -> Answer {
    call.act(&house, SendCallbackAgain(id.0), |it, _| Reply::ok(&CallbackWire::from(it))).await
}
