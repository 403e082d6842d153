//! How a native handler has an action done: previewed when asked, once only when it carries a key, rendered inside the
//! transaction so that a repeated request gets the same bytes.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::user::IfSeen;
use desk::{Action, Caller, Error, Once, Permission, Rendered, Result, Subject};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{House, Native};
use crate::kit::{Fault, Json, RawBody, SignedBy, Trouble, is_json, object, pairs};

/// The longest idempotency key, in characters.
const KEY_MAX: usize = 255;

/// What an action answers, as it is kept for a repeated request.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    body: Option<Box<serde_json::value::RawValue>>,
    /// The body for whoever repeats the request, where it is another; never kept itself.
    #[serde(skip)]
    again: Option<Box<serde_json::value::RawValue>>,
}

impl Reply {
    /// 200 with a body.
    pub fn ok<T: Serialize>(body: &T) -> Result<Reply> {
        Reply::new(StatusCode::OK, body)
    }

    /// A body under another status.
    pub fn new<T: Serialize>(status: StatusCode, body: &T) -> Result<Reply> {
        let body = serde_json::value::to_raw_value(body).map_err(Error::internal)?;
        Ok(Reply {
            status: status.as_u16(),
            version: None,
            changed: None,
            location: None,
            body: Some(body),
            again: None,
        })
    }

    /// 204.
    pub fn nothing() -> Reply {
        Reply { status: 204, version: None, changed: None, location: None, body: None, again: None }
    }

    /// With another body for whoever repeats the request: a secret is shown once.
    pub fn again<T: Serialize>(mut self, body: &T) -> Result<Reply> {
        self.again = Some(serde_json::value::to_raw_value(body).map_err(Error::internal)?);
        Ok(self)
    }

    /// With the version as the ETag.
    pub fn version(mut self, version: i64) -> Reply {
        self.version = Some(version);
        self
    }

    /// With word of whether anything changed.
    pub fn changed(mut self, changed: bool) -> Reply {
        self.changed = Some(changed);
        self
    }

    /// With the place of what was made.
    pub fn location(mut self, location: String) -> Reply {
        self.location = Some(location);
        self
    }
}

/// Whether something changed: `true` or `false`.
const CHANGED: HeaderName = HeaderName::from_static("bursar-changed");
/// The answer was kept from the first time.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = match self.body {
            Some(body) => {
                let json = HeaderValue::from_static("application/json");
                (status, [(header::CONTENT_TYPE, json)], body.get().to_owned()).into_response()
            }
            None => status.into_response(),
        };
        let headers = response.headers_mut();
        if let Some(version) = self.version
            && let Ok(etag) = HeaderValue::from_str(&etag(version))
        {
            headers.insert(header::ETAG, etag);
        }
        if let Some(changed) = self.changed {
            headers.insert(CHANGED, HeaderValue::from_static(if changed { "true" } else { "false" }));
        }
        if let Some(location) = self.location.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

/// The answer to a `HEAD` of what is recorded when it is read: whether the caller might have it, and nothing of it.
pub fn head_of(caller: &Caller, needed: Permission, content_type: &'static str) -> Result<Response, Fault<Native>> {
    if !caller.may(needed) {
        return Err(Error::Forbidden(needed.word()).into());
    }
    Ok([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))].into_response())
}

/// The entity tag of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The versions in `If-Match`, one of which it must be; `*` and absence ask for none.
fn if_match(headers: &HeaderMap) -> Result<Option<Vec<i64>>, Trouble> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    // Several lines are one list (RFC 9110, 5.3).
    let lines = headers.get_all(header::IF_MATCH).iter().map(|line| line.to_str().unwrap_or("?"));
    let text = lines.collect::<Vec<_>>().join(",");
    if text.trim() == "*" {
        return Ok(None);
    }
    let bad = || Error::invalid("If-Match", "invalid", "`*`, or ETags as they were told, in quotes.");
    let (mut versions, mut weak, mut rest) = (Vec::new(), false, text.as_str());
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            break;
        }
        let (is_weak, tag) = rest.strip_prefix("W/").map_or((false, rest), |tag| (true, tag));
        let (tag, after) = tag.strip_prefix('"').and_then(|tag| tag.split_once('"')).ok_or_else(bad)?;
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(bad().into());
        }
        weak |= is_weak;
        // A tag that we never made fits no version.
        versions.extend((!is_weak).then(|| tag.parse().unwrap_or(-1)));
    }
    match (versions.is_empty(), weak) {
        (true, true) => Err(Trouble::Precondition(
            "A weak tag (`W/\"…\"`) never matches here: send the ETag as it was told, without `W/`.",
        )),
        (true, false) => Err(bad().into()),
        (false, _) => Ok(Some(versions)),
    }
}

/// A request to have something done: who asks, what the body says, whether to preview, whether once only.
pub struct Call<T> {
    /// Who asks.
    pub caller: Caller,
    /// What the body says; an absent body is the default where there is one.
    pub body: T,
    /// The versions in `If-Match`.
    if_seen: Option<Vec<i64>>,
    preview: bool,
    once: Option<Once>,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<House> for Call<T> {
    type Rejection = Fault<Native>;

    async fn from_request(request: Request, house: &House) -> Result<Self, Fault<Native>> {
        let (mut parts, body) = request.into_parts();
        let caller = SignedBy::<Native>::from_request_parts(&mut parts, house).await?;
        let caller = Caller::clone(&caller);
        let preview = preview(&parts)?;
        let key = key(&parts)?;
        let if_seen = if_match(&parts.headers)?;
        let has_type = parts.headers.contains_key(header::CONTENT_TYPE);
        let is_json = is_json(&parts.headers);
        let line = format!("{} {}\n", parts.method, parts.uri);
        let raw = RawBody::<Native>::from_request(Request::from_parts(parts, body), house).await?.0;
        if !raw.is_empty() && has_type && !is_json {
            return Err(Trouble::BodyType.into());
        }
        let text: &[u8] = if raw.is_empty() { b"{}" } else { &raw };
        let body = object(text)?;
        let once = key.map(|key| {
            let mut seen = line.into_bytes();
            seen.extend_from_slice(&raw);
            Once { key, request_hash: sha256(&seen) }
        });
        Ok(Call { caller, body, if_seen, preview, once })
    }
}

impl<T> Call<T> {
    /// Refuses a preview of what takes a secret.
    pub fn check_no_preview(&self) -> Result<(), Fault<Native>> {
        match self.preview {
            true => {
                Err(Error::invalid("preview", "not_previewable", "What takes a secret cannot be previewed.").into())
            }
            false => Ok(()),
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    desk::value::secret::digest(bytes)
}

fn preview(parts: &Parts) -> Result<bool, Trouble> {
    let pairs = pairs(parts.uri.query().unwrap_or_default().as_bytes()).map_err(Trouble::query)?;
    let mut preview = false;
    for (name, value) in pairs {
        match (name.as_str(), value.as_str()) {
            ("preview", "true") => preview = true,
            ("preview", "false") => preview = false,
            ("preview", _) => return Err(Trouble::query("`preview` is true or false")),
            _ => return Err(Trouble::query("the only parameter here is `preview`")),
        }
    }
    Ok(preview)
}

/// The request's `Idempotency-Key`.
pub fn key(parts: &Parts) -> Result<Option<String>, Trouble> {
    let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > KEY_MAX {
        let field = "Idempotency-Key";
        return Err(Error::invalid(field, "invalid", format!("1 to {KEY_MAX} printable characters.")).into());
    }
    Ok(Some(text.to_owned()))
}

/// What an action would cause.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// Always true: nothing was done.
    pub preview: bool,
    /// The facts that would be recorded and announced.
    #[schema(value_type = Vec<Object>)]
    pub facts: Vec<serde_json::Value>,
    /// The same plan has the same hash.
    pub hash: String,
}

impl Call<()> {
    /// A call whose body was read elsewhere.
    pub fn once(caller: Caller, once: Option<Once>) -> Call<()> {
        Call { caller, body: (), if_seen: None, preview: false, once }
    }

    /// With the condition that these headers hold.
    pub fn if_match(mut self, headers: &HeaderMap) -> Result<Call<()>, Trouble> {
        self.if_seen = if_match(headers)?;
        Ok(self)
    }
}

impl<T> Call<T> {
    /// Whether only a preview is asked for.
    pub fn is_preview(&self) -> bool {
        self.preview
    }

    /// Has an action done, or previewed, if its user is still as `If-Match` says; `render` makes the answer inside the transaction.
    pub async fn act<A, F>(mut self, house: &House, action: A, render: F) -> Result<Response, Fault<Native>>
    where
        A: Action,
        F: Fn(A::Output, &Caller) -> Result<Reply> + Send + Sync + 'static,
    {
        match (self.if_seen.take(), action.subject()) {
            (None, _) => self.done(house, action, render).await,
            (Some(versions), Subject::User(_)) => self.done(house, IfSeen { versions, action }, render).await,
            (Some(_), _) => Err(Trouble::Precondition("What this is about has no version that could match.").into()),
        }
    }

    async fn done<A, F>(self, house: &House, action: A, render: F) -> Result<Response, Fault<Native>>
    where
        A: Action,
        F: Fn(A::Output, &Caller) -> Result<Reply> + Send + Sync + 'static,
    {
        if self.preview {
            let plan = house.desk.preview(&self.caller, action).await?;
            return Ok(Json(Preview { preview: true, facts: plan.facts, hash: plan.hash }).into_response());
        }
        let Some(once) = self.once else {
            let output = house.desk.perform(&self.caller, action).await?;
            return Ok(render(output, &self.caller)?.into_response());
        };
        let caller = self.caller.clone();
        let request_id = caller.origin.request_id.clone();
        let kept = move |output| {
            let mut kept = Kept { request_id: request_id.clone(), reply: render(output, &caller)? };
            let bytes = |kept: &Kept| serde_json::to_vec(kept).map_err(Error::internal);
            let answer = bytes(&kept)?;
            let again = match kept.reply.again.take() {
                Some(body) => {
                    kept.reply.body = Some(body);
                    Some(bytes(&kept)?)
                }
                None => None,
            };
            Ok(Rendered { answer, again })
        };
        let bytes = house.desk.perform_once(&self.caller, action, Some(once), kept).await?;
        let kept: Kept = serde_json::from_slice(&bytes).map_err(Error::internal)?;
        let mut response = kept.reply.into_response();
        if kept.request_id != self.caller.origin.request_id {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    request_id: String,
    reply: Reply,
}
