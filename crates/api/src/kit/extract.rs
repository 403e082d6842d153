//! How a handler gets what it needs: the caller, the body, the query, parts of the path. Each fails in the dialect's own
//! voice, and none reads more than the limits allow.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use desk::value::json::{self, Flaw};
use desk::{Busy, Caller, Door, Error, Origin};
use serde::de::DeserializeOwned;

use super::dialect::{Dialect, House};
use super::layers::{RequestId, current_request_id};
use super::trouble::{Fault, Trouble};

/// The longest text of the header that names a human agent.
const ON_BEHALF_MAX: usize = 128;

/// By which way a request came.
pub fn origin(door: Door, parts: &Parts) -> Origin {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let request_id = parts.extensions.get::<RequestId>().map_or_else(current_request_id, |id| id.0.clone());
    Origin { door, request_id, address, on_behalf: on_behalf(&parts.headers) }
}

/// The human agent a program acts for, from `X-Agent`. Longer or unprintable text is cut and cleaned, never an error: it
/// is a remark.
fn on_behalf(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get("x-agent")?.as_bytes()).into_owned();
    let text: String = text.chars().filter(|it| !it.is_control()).take(ON_BEHALF_MAX).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A caller who has proved in this dialect's way who it is.
pub struct SignedBy<D: Dialect>(pub Caller, std::marker::PhantomData<fn() -> D>);

impl<D: Dialect> Deref for SignedBy<D> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<D: Dialect> FromRequestParts<House<D::Own>> for SignedBy<D> {
    type Rejection = Fault<D>;

    async fn from_request_parts(parts: &mut Parts, house: &House<D::Own>) -> Result<Self, Fault<D>> {
        let origin = origin(D::DOOR, parts);
        let address = origin.address.filter(|_| parts.headers.contains_key(header::AUTHORIZATION));
        let caller = match D::caller(house, parts, origin).await {
            Ok(caller) => caller,
            Err(error) => {
                metrics::counter!("bursar_unauthenticated_total", "door" => D::NAME).increment(1);
                return Err(house.limiters.refused(error, address).into());
            }
        };
        if !house.limiters.admits(&caller) {
            return Err(Error::Busy(Busy::RateLimited).into());
        }
        Ok(SignedBy(caller, std::marker::PhantomData))
    }
}

/// The address of somebody who has proved nothing, admitted within the limits for such.
pub struct Stranger<D: Dialect>(pub Origin, std::marker::PhantomData<fn() -> D>);

impl<D: Dialect> FromRequestParts<House<D::Own>> for Stranger<D> {
    type Rejection = Fault<D>;

    async fn from_request_parts(parts: &mut Parts, house: &House<D::Own>) -> Result<Self, Fault<D>> {
        let origin = origin(D::DOOR, parts);
        if !house.limiters.admits_address(origin.address.unwrap_or(IpAddr::from([0, 0, 0, 0]))) {
            return Err(Error::Busy(Busy::RateLimited).into());
        }
        Ok(Stranger(origin, std::marker::PhantomData))
    }
}

/// The raw body, within the limit.
pub struct RawBody<D: Dialect>(pub Bytes, std::marker::PhantomData<fn() -> D>);

impl<D: Dialect> FromRequest<House<D::Own>> for RawBody<D> {
    type Rejection = Fault<D>;

    async fn from_request(request: Request, house: &House<D::Own>) -> Result<Self, Fault<D>> {
        let limit = house.options.body_bytes;
        let declared =
            request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length > limit) {
            return Err(Trouble::BodyTooLarge(limit).into());
        }
        match axum::body::to_bytes(request.into_body(), limit).await {
            Ok(bytes) => Ok(RawBody(bytes, std::marker::PhantomData)),
            Err(error) => {
                let too_large =
                    std::error::Error::source(&error).is_some_and(|it| it.is::<http_body_util::LengthLimitError>());
                let trouble = match too_large {
                    true => Trouble::BodyTooLarge(limit),
                    false => Trouble::body("the body broke off"),
                };
                Err(trouble.into())
            }
        }
    }
}

/// A JSON body. `hash` is SHA-256 over it, for requests that must take effect once only.
pub struct Body<D: Dialect, T> {
    /// What it says.
    pub value: T,
    /// The bytes as they came.
    pub bytes: Bytes,
    voice: std::marker::PhantomData<fn() -> D>,
}

impl<D: Dialect, T: DeserializeOwned> FromRequest<House<D::Own>> for Body<D, T> {
    type Rejection = Fault<D>;

    async fn from_request(request: Request, house: &House<D::Own>) -> Result<Self, Fault<D>> {
        if !is_json(request.headers()) {
            return Err(Trouble::BodyType.into());
        }
        let RawBody(bytes, _) = RawBody::<D>::from_request(request, house).await?;
        let value = object(&bytes)?;
        Ok(Body { value, bytes, voice: std::marker::PhantomData })
    }
}

/// Reads a JSON object. An array of the right length would also do for serde; on our wires it is a mistake.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Trouble> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| b"[\"0123456789-tfn".contains(byte)) {
        return Err(Trouble::body("expected an object"));
    }
    json::check(bytes).map_err(|flaw| match flaw.message == json::NUL {
        true => Trouble::Desk(flaw.into()),
        false => Trouble::BodyMalformed(flaw),
    })?;
    serde_json::from_slice(bytes).map_err(|error| Trouble::BodyMalformed(json::translated(&error, bytes)))
}

/// Whether what is written with `%XX` is text: without a NUL or half of a surrogate pair. Other bytes that are no UTF-8 are read
/// as U+FFFD, as they always were.
pub fn is_text(encoded: &[u8]) -> bool {
    if encoded.iter().all(|byte| byte.is_ascii() && !b"%\0".contains(byte)) {
        return true;
    }
    let digit = |at: usize| encoded.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(encoded.len()), 0);
    while let Some(byte) = encoded.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    // In UTF-8, U+D800 to U+DFFF would begin so.
    let is_surrogate = |two: &[u8]| two[0] == 0xed && (0xa0..=0xbf).contains(&two[1]);
    !decoded.contains(&0) && !decoded.windows(2).any(is_surrogate)
}

/// What is said of a query or a form that is no text.
pub(super) const NO_TEXT: &str = "it has a NUL character or half of a surrogate pair, which are no text";

/// The pairs of a query string or a form, in their order.
pub fn pairs(encoded: &[u8]) -> Result<Vec<(String, String)>, &'static str> {
    if !is_text(encoded) {
        return Err(NO_TEXT);
    }
    serde_urlencoded::from_bytes(encoded).map_err(|_| "it is not made of names and values")
}

/// Whether the body is said to be JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    is_type(headers, "application/json", "+json")
}

fn is_type(headers: &HeaderMap, wanted: &str, suffix: &str) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == wanted || (!suffix.is_empty() && essence.ends_with(suffix))
}

/// A body of `application/x-www-form-urlencoded`, as pairs in their order.
pub struct Form<D: Dialect>(pub Vec<(String, String)>, std::marker::PhantomData<fn() -> D>);

impl<D: Dialect> FromRequest<House<D::Own>> for Form<D> {
    type Rejection = Fault<D>;

    async fn from_request(request: Request, house: &House<D::Own>) -> Result<Self, Fault<D>> {
        if !is_type(request.headers(), "application/x-www-form-urlencoded", "") {
            return Err(Trouble::BodyType.into());
        }
        let RawBody(bytes, _) = RawBody::<D>::from_request(request, house).await?;
        let pairs = pairs(&bytes).map_err(Trouble::body)?;
        Ok(Form(pairs, std::marker::PhantomData))
    }
}

/// The query string.
pub struct Query<D: Dialect, T>(pub T, std::marker::PhantomData<fn() -> D>);

impl<D: Dialect, T: DeserializeOwned + Send> FromRequestParts<House<D::Own>> for Query<D, T> {
    type Rejection = Fault<D>;

    async fn from_request_parts(parts: &mut Parts, _: &House<D::Own>) -> Result<Self, Fault<D>> {
        let value = parameters(parts.uri.query().unwrap_or_default()).map_err(Trouble::Query)?;
        Ok(Query(value, std::marker::PhantomData))
    }
}

/// Reads a query string into a type. What does not fit is named by its parameter, without the value.
fn parameters<T: DeserializeOwned>(query: &str) -> Result<T, Flaw> {
    let whole =
        |message: &str| Flaw { path: String::new(), code: "malformed", message: message.to_owned(), place: None };
    let pairs = pairs(query.as_bytes()).map_err(whole)?;
    let error = match serde_urlencoded::from_str(query) {
        Ok(value) => return Ok(value),
        Err(error) => error.to_string(),
    };
    if let Some((name, code, message)) = json::named(&error) {
        return Err(Flaw { path: json::shown(&name).to_owned(), code, message, place: None });
    }
    // The error does not say which one it was: the one that does not fit by itself.
    for (name, value) in pairs {
        let alone = serde_urlencoded::to_string([(&name, &value)]).unwrap_or_default();
        if let Err(error) = serde_urlencoded::from_str::<T>(&alone).map_err(|error| error.to_string())
            && json::named(&error).is_none()
        {
            let message = json::expected(&error);
            return Err(Flaw { path: json::shown(&name).to_owned(), code: "invalid", message, place: None });
        }
    }
    Err(whole("a parameter is not of the form that is needed"))
}

/// Something that can be read from one part of a path.
pub trait Part: Sized {
    /// What a caller is told does not exist when the text is not of its form.
    const NOUN: &'static str;
    /// Reads the text.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! parts_of_paths {
    ($($id:ident),+) => {$(
        impl Part for desk::value::id::$id {
            const NOUN: &'static str = desk::value::id::$id::NOUN;
            fn read(text: &str) -> Option<Self> {
                desk::value::id::$id::parse(text)
            }
        }
    )+};
}
parts_of_paths!(
    UserId,
    StaffId,
    TeamId,
    RoleId,
    KeyId,
    SessionId,
    DeviceId,
    ProofId,
    BulkId,
    ImportId,
    RequestId,
    DocumentId,
    AccountId,
    AdministratorId,
    ChallengeId,
    CallbackId
);

/// The first part of the path that is an id of this kind, by the order of `A` and `B`: `Text<D, UserId>` for one,
/// `Text<D, UserId, DeviceId>` for two. What is not of the form does not exist.
pub struct Text<D: Dialect, A, B = ()>(pub A, pub B, std::marker::PhantomData<fn() -> D>);

impl Part for () {
    const NOUN: &'static str = "";
    fn read(_: &str) -> Option<()> {
        Some(())
    }
}

impl<D: Dialect, A: Part + Send, B: Part + Send> FromRequestParts<House<D::Own>> for Text<D, A, B> {
    type Rejection = Fault<D>;

    async fn from_request_parts(parts: &mut Parts, house: &House<D::Own>) -> Result<Self, Fault<D>> {
        // A part that is not UTF-8 is no id of ours.
        let params = RawPathParams::from_request_parts(parts, house).await.map_err(|_| Error::NotFound(A::NOUN))?;
        let mut texts = params.iter().map(|(_, text)| text);
        let first = texts.next().and_then(A::read).ok_or(Error::NotFound(A::NOUN))?;
        let second = B::read(texts.next().unwrap_or_default()).ok_or(Error::NotFound(B::NOUN))?;
        Ok(Text(first, second, std::marker::PhantomData))
    }
}
