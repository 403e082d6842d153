//! From a bearer token to a caller. Whether the signature is right is remembered for a token; whether the key, its owner
//! and the token itself still count is asked of the desk for every request.

use std::sync::Arc;
use std::time::Duration;

use api::kit::House;
use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use desk::value::clock::{SECOND, Time};
use desk::value::id::TenantId;
use desk::value::secret::fingerprint;
use desk::{Caller, Error, Origin, Permissions, Result};
use moka::sync::Cache;

use super::keys::{self, Claims};
use super::{Own, ROUTES};

/// What a request without a token is told; the fault voice knows it by this text (contract 2.2).
pub(super) const NO_TOKEN: &str = "no access token was sent";
const BAD_TOKEN: Error = Error::Unauthenticated("the access token is malformed, expired, revoked or not ours");

/// Longer texts are no tokens of ours.
const TOKEN_MAX: usize = 4096;
/// How many verified tokens are remembered; one costs about a kilobyte.
const REMEMBERED: u64 = 10_000;

/// Tokens whose signature was found right, by their SHA-256.
pub struct Bearers(Cache<[u8; 32], Arc<Claims>>);

impl Bearers {
    /// None yet.
    pub fn new() -> Bearers {
        let age = Duration::from_secs(super::token::SECONDS as u64);
        Bearers(Cache::builder().max_capacity(REMEMBERED).time_to_live(age).build())
    }
}

/// Who is calling.
pub(super) async fn caller(house: &House<Own>, parts: &Parts, origin: Origin) -> Result<Caller> {
    let token = bearer(&parts.headers).ok_or(Error::Unauthenticated(NO_TOKEN))?;
    let claims = claims(house, token).ok_or(BAD_TOKEN)?;
    if house.desk.now() >= Time(claims.exp.saturating_mul(SECOND)) {
        return Err(BAD_TOKEN);
    }
    let tenant = TenantId(claims.tenant);
    let mut caller = house.desk.caller_of_token(tenant, claims.key, &claims.jti, origin).await?;
    // Somebody else's institution, or a scope that was not asked for: she may do nothing here, and the desk says so and
    // records the attempt like any other that is forbidden.
    if !has_scope(&claims, parts) || !is_own_institution(house, tenant, parts.uri.path()).await? {
        caller.may = Permissions::NONE;
    }
    Ok(caller)
}

/// The token of `Authorization: Bearer …`. Another scheme is no token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn claims(house: &House<Own>, token: &str) -> Option<Arc<Claims>> {
    if token.len() > TOKEN_MAX {
        return None;
    }
    let print = fingerprint(token);
    if let Some(known) = house.own.bearers.0.get(&print) {
        return Some(known);
    }
    let claims = Arc::new(house.own.keys.verify(token, &keys::issuer(house))?);
    house.own.bearers.0.insert(print, claims.clone());
    Some(claims)
}

/// Scopes count only for clients registered that way (contract 2.3).
fn has_scope(claims: &Claims, parts: &Parts) -> bool {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    // A HEAD request is a GET whose answer loses its body on the way out.
    let method = if parts.method == "HEAD" { "GET" } else { parts.method.as_str() };
    let route = ROUTES.iter().find(|route| route.path == path && route.method == method);
    match route.and_then(|route| route.scope) {
        Some(needed) if claims.scopes_enforced => claims.scope.split(' ').any(|scope| scope == needed),
        _ => true,
    }
}

/// Whether the path names no institution or the token's own. What is not a UUID is nobody's (contract 3).
async fn is_own_institution(house: &House<Own>, tenant: TenantId, path: &str) -> Result<bool> {
    let mut parts = path.split('/').skip_while(|part| *part != "institutions").skip(1);
    let Some(named) = parts.next() else { return Ok(true) };
    let own = house.desk.tenant(tenant).await?.institution.id.0.to_string();
    Ok(named.eq_ignore_ascii_case(&own))
}
