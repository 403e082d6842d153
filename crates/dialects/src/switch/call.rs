//! A request, and what is checked of it in which order (contract 7): client, token, role, checksum, the id in the path,
//! the body, the state. The first two are checked before a handler is called; the last is the desk's.

use std::net::IpAddr;

use api::kit::{Dialect, Fault, House, RawBody, Trouble, is_json, object, origin};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header;
use desk::credential::SwitchClient;
use desk::tenant::ChecksumMode;
use desk::user::UserByNumber;
use desk::value::id::UserId;
use desk::{Action, Busy, Caller, Error, Permission, Who};
use serde::de::DeserializeOwned;

use super::fault::Wrong;
use super::token::{self, Side};
use super::{Answer, Own, Switch};

/// Whether a call must have a checksum (contract 2); one that is sent is verified everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksum {
    /// Documented for this call.
    Due,
    /// Not documented.
    Spared,
}

/// A request of a known client.
pub(super) struct Call {
    /// Who asks.
    pub caller: Caller,
    /// The program.
    pub client: SwitchClient,
    /// The query string.
    pub query: String,
    checksum: Option<String>,
    body: Result<Bytes, Trouble>,
    is_json: bool,
    /// The parts of the path, in order.
    parts: Vec<String>,
}

/// A call by a signed-in admin.
pub(super) struct ByAdmin(pub Call);
/// A call by a signed-in user.
pub(super) struct ByUser(pub Call);
/// A call by anybody, through a known client.
pub(super) struct ByAnybody(pub Call);

impl FromRequest<House<Own>> for ByAdmin {
    type Rejection = Wrong;

    async fn from_request(request: Request, house: &House<Own>) -> Answer<Self> {
        read(request, house, Some(Side::Admin)).await.map(ByAdmin)
    }
}

impl FromRequest<House<Own>> for ByUser {
    type Rejection = Wrong;

    async fn from_request(request: Request, house: &House<Own>) -> Answer<Self> {
        read(request, house, Some(Side::User)).await.map(ByUser)
    }
}

impl FromRequest<House<Own>> for ByAnybody {
    type Rejection = Wrong;

    async fn from_request(request: Request, house: &House<Own>) -> Answer<Self> {
        read(request, house, None).await.map(ByAnybody)
    }
}

async fn read(request: Request, house: &House<Own>, side: Option<Side>) -> Answer<Call> {
    let (mut parts, body) = request.into_parts();
    let origin = origin(Switch::DOOR, &parts);
    let address = origin.address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    if side.is_none() && !house.limiters.admits_address(address) {
        return Err(Error::Busy(Busy::RateLimited).into());
    }
    let address_of_proof = origin
        .address
        .filter(|_| ["swi-cid", "authorization", "auth_token"].iter().any(|name| parts.headers.contains_key(*name)));
    let proved = async {
        let client = token::client(house, &parts.headers).await?;
        let caller = match side {
            Some(side) => token::caller(house, &client, &parts.headers, side, origin).await?,
            None => Caller::anonymous(client.tenant.id, origin),
        };
        Ok((client, caller))
    };
    let (client, caller) = proved.await.map_err(|error: Error| {
        metrics::counter!("bursar_unauthenticated_total", "door" => Switch::NAME).increment(1);
        house.limiters.refused(error, address_of_proof)
    })?;
    if side.is_some() && !house.limiters.admits(&caller) {
        return Err(Error::Busy(Busy::RateLimited).into());
    }
    let named = RawPathParams::from_request_parts(&mut parts, house).await;
    // A part that is not UTF-8 is no id of ours: an empty one is not either.
    let path = named.map(|named| named.iter().map(|(_, text)| text.to_owned()).collect()).unwrap_or_default();
    let checksum = parts.headers.get("swi-cs").map(|text| String::from_utf8_lossy(text.as_bytes()).trim().to_owned());
    let is_json = is_json(&parts.headers) || !parts.headers.contains_key(header::CONTENT_TYPE);
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let read = RawBody::<Switch>::from_request(Request::from_parts(parts, body), house).await;
    let body = read.map(|raw| raw.0).map_err(|fault: Fault<Switch>| fault.trouble);
    Ok(Call { caller, client, query, checksum, body, is_json, parts: path })
}

impl Call {
    /// Role and checksum of a call that only looks.
    pub fn may_see(&self, permission: Permission) -> Answer<()> {
        if !self.caller.may(permission) {
            return Err(Error::Forbidden(permission.word()).into());
        }
        self.check(Checksum::Spared)
    }

    /// Role and checksum of a call that changes something. Whoever may not have it has `otherwise` refused by the desk, so
    /// that the attempt stands in the record.
    pub async fn may_do<A: Action>(
        &self,
        house: &House<Own>,
        permission: Permission,
        checksum: Checksum,
        otherwise: A,
    ) -> Answer<()> {
        if !self.caller.may(permission) {
            house.desk.perform(&self.caller, otherwise).await?;
            return Err(Error::Forbidden(permission.word()).into());
        }
        self.check(checksum)
    }

    /// The checksum of the payload (contract 2).
    pub fn check(&self, checksum: Checksum) -> Answer<()> {
        let is_right = match (self.client.tenant.settings.switch_checksum, &self.checksum) {
            (ChecksumMode::Off, _) => true,
            (ChecksumMode::Present, sent) => {
                checksum == Checksum::Spared || sent.as_ref().is_some_and(|sent| !sent.is_empty())
            }
            (ChecksumMode::Enforce, None) => checksum == Checksum::Spared,
            (ChecksumMode::Enforce, Some(sent)) => match &self.body {
                Ok(body) => self.client.is_checksum(body, sent),
                // Too large to be read is too large to be summed up.
                Err(_) => return self.bytes().map(drop),
            },
        };
        if is_right { Ok(()) } else { Err(Wrong::bad("Invalid payload checksum")) }
    }

    /// The user whose number stands first in the path, if there is one whom the caller may see.
    pub async fn user(&self, house: &House<Own>) -> Answer<Option<UserId>> {
        let Some(number) = self.number() else { return Ok(None) };
        match house.desk.ask(&self.caller, UserByNumber(number)).await {
            Ok(found) => Ok(found),
            // Who may not look may not know; what she came for is refused by itself.
            Err(Error::Forbidden(_)) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// That user, or what the vendor says of one who is not there.
    pub fn found(&self, user: Option<UserId>) -> Answer<UserId> {
        user.ok_or_else(|| self.absent("User"))
    }

    /// The number that stands first in the path: decimal digits and nothing else.
    pub fn number(&self) -> Option<i64> {
        let text = self.part(0);
        let is_plain = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| text.parse().ok()).flatten()
    }

    /// A part of the path.
    pub fn part(&self, place: usize) -> &str {
        self.parts.get(place).map_or("", String::as_str)
    }

    /// What is said of something whose id stands first in the path and that is not there.
    pub fn absent(&self, noun: &str) -> Wrong {
        Wrong::absent(noun, self.part(0))
    }

    /// The signed-in user herself.
    pub fn herself(&self) -> Answer<UserId> {
        match self.caller.who {
            Who::User { id, .. } => Ok(id),
            _ => Err(Error::Forbidden("oneself").into()),
        }
    }

    /// What the body says.
    pub fn body<T: DeserializeOwned>(&self) -> Answer<T> {
        let bytes = self.bytes()?;
        if !self.is_json {
            return Err(Trouble::BodyType.into());
        }
        Ok(object(bytes)?)
    }

    fn bytes(&self) -> Answer<&Bytes> {
        match &self.body {
            Ok(bytes) => Ok(bytes),
            Err(Trouble::BodyTooLarge(limit)) => Err(Trouble::BodyTooLarge(*limit).into()),
            Err(_) => Err(Trouble::body("the body broke off").into()),
        }
    }
}
