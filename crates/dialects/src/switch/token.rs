//! Who is calling: the program by its client id, the person by her token. A token looks as the vendor's does (contract 2),
//! so that programs which read its claims go on doing so; what counts is the session named in it, which is looked up for
//! every request.

use api::kit::House;
use axum::http::HeaderMap;
use axum::http::header;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk::credential::SwitchClient;
use desk::value::clock::Time;
use desk::value::id::TenantId;
use desk::value::seal::{HouseKey, Place, Sealing};
use desk::value::secret::Secret;
use desk::{Caller, Desk, Error, Origin, Result, Who};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::Own;

/// How long a session of this voice lasts: the vendor's sample token (contract 2).
pub(super) const SECONDS: i64 = 1800;

/// What a request without a known client is told.
pub(super) const INVALID_CLIENT: &str = "the client is missing, unknown or revoked";
const NO_TOKEN: Error = Error::Unauthenticated("no token was sent");
const BAD_TOKEN: Error = Error::Unauthenticated("the token is malformed, has expired, or its session has ended");

/// Longer texts are no tokens of ours.
const TOKEN_MAX: usize = 2048;

/// On which half of the paths a token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `/admin`: staff.
    Admin,
    /// `/user`: customers.
    User,
}

impl Side {
    fn context(self) -> &'static str {
        match self {
            Side::Admin => "admin",
            Side::User => "user",
        }
    }
}

/// What a token says. `jti` is the session's own token, sealed: a JWT can be read by whoever holds it, and the session's
/// token would open our own API without the client and the checksums that this door asks for. The rest is for whoever reads
/// the vendor's claims.
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    context: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// The keys that sign tokens and seal the session in them: derived from the master key, so that every process has the same.
pub(super) struct Tokens {
    seal: HouseKey,
    sign: EncodingKey,
    verify: DecodingKey,
}

impl Tokens {
    pub fn of(desk: &Desk) -> Tokens {
        let key = desk.derived_key("switch tokens");
        let seal = desk.sealing_key("switch tokens: sessions");
        Tokens { seal, sign: EncodingKey::from_secret(&*key), verify: DecodingKey::from_secret(&*key) }
    }

    /// A token for a session that was just opened.
    pub fn issue(
        &self,
        desk: &Desk,
        tenant: TenantId,
        side: Side,
        number: i64,
        session: &Secret,
        until: Time,
    ) -> Result<String> {
        let (admin_id, user_id) = match side {
            Side::Admin => (Some(number), None),
            Side::User => (None, Some(number.to_string())),
        };
        let sealed = self.seal.seal(&place(tenant, side), session.expose().as_bytes(), desk.random());
        let claims = Claims {
            admin_id,
            user_id,
            context: side.context().to_owned(),
            iat: desk.now().unix_seconds(),
            exp: until.unix_seconds(),
            jti: URL_SAFE_NO_PAD.encode(sealed),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign).map_err(Error::internal)
    }

    /// The session of a token that we issued for this half and this institution. Whether it has ended is for the desk to say.
    fn session(&self, tenant: TenantId, side: Side, token: &str) -> Option<Secret> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        // The session has an end of its own, by the desk's clock.
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verify, &validation).ok()?.claims;
        if claims.context != side.context() {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(claims.jti).ok()?;
        let session = self.seal.open(&place(tenant, side), &sealed).ok()?;
        String::from_utf8(session).ok().map(Secret::new)
    }
}

/// Where a sealed session belongs: no table, but a token of this institution and this half of the paths.
fn place(tenant: TenantId, side: Side) -> Place<'static> {
    Place { tenant, table: "switch token", column: "jti", row: side.context().as_bytes() }
}

/// The program that calls (contract 2: `SWI-CID`).
pub(super) async fn client(house: &House<Own>, headers: &HeaderMap) -> Result<SwitchClient> {
    let unknown = || Error::Unauthenticated(INVALID_CLIENT);
    let id = headers.get("swi-cid").and_then(|id| id.to_str().ok()).ok_or_else(unknown)?;
    house.desk.switch_client(id.trim()).await?.ok_or_else(unknown)
}

/// The person that calls, in the client's institution and on this half of the paths.
pub(super) async fn caller(
    house: &House<Own>,
    client: &SwitchClient,
    headers: &HeaderMap,
    side: Side,
    origin: Origin,
) -> Result<Caller> {
    let token = bearer(headers, side).ok_or(NO_TOKEN)?;
    let session = (token.len() <= TOKEN_MAX)
        .then(|| house.own.tokens.session(client.tenant.id, side, token))
        .flatten()
        .ok_or(BAD_TOKEN)?;
    let caller = house.desk.caller(session.expose(), origin).await?;
    let is_of_side = match caller.who {
        Who::Staff { .. } => side == Side::Admin,
        Who::User { .. } => side == Side::User,
        Who::Anonymous | Who::Key { .. } | Who::House => false,
    };
    if is_of_side && caller.tenant == client.tenant.id { Ok(caller) } else { Err(BAD_TOKEN) }
}

/// The token of `Authorization: Bearer …`; the vendor's pages on verification call the header `auth_token` (contract 6.5).
fn bearer(headers: &HeaderMap, side: Side) -> Option<&str> {
    let named = headers.get(header::AUTHORIZATION);
    let value = match side {
        Side::Admin => named,
        Side::User => named.or_else(|| headers.get("auth_token")),
    };
    let (scheme, token) = value?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
