//! How a client proves itself at the token endpoint: a signed assertion (`private_key_jwt`). Every rule of contract 2.1
//! stands here; each failure is `invalid_client`.

use api::kit::House;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk::key::{Key, KeyKind, PublicKeys, RememberAssertion};
use desk::value::clock::{MINUTE, SECOND, Time};
use desk::value::json;
use desk::{Caller, Error, Origin};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Deserialize;
use serde_json::{Number, Value};

use super::keys::{self, REVOCATION, TOKEN};
use super::token::Refused;
use super::{Own, Wrong};

/// Longer texts are no assertions.
const ASSERTION_MAX: usize = 16 * 1024;
/// How far clocks may differ.
const LEEWAY: i64 = 30 * SECOND;
/// How far ahead an assertion may expire.
const AHEAD_MAX: i64 = 5 * MINUTE;
/// Numbers above this are milliseconds (the vendor's own documents and helper), below it seconds (what others send).
const SECONDS_MAX: f64 = 100_000_000_000.0;
/// How many keys of a set are tried.
const KEYS_MAX: usize = 10;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Number,
    jti: String,
    iat: Option<Number>,
    nbf: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A client that proved itself.
pub(super) struct Client {
    /// Its key.
    pub key: Key,
    /// Its id.
    pub id: String,
    /// As whom it acts.
    pub caller: Caller,
}

/// Why a client is not believed; all of it is told as `invalid_client`.
fn unbelieved(why: &str) -> Refused {
    Refused::OAuth(StatusCode::UNAUTHORIZED, "invalid_client", why.to_owned())
}

/// One sentence for all that must not tell whether there is such a client.
fn unknown() -> Refused {
    unbelieved("client authentication failed")
}

/// Checks an assertion and uses it up.
pub(super) async fn check(
    house: &House<Own>,
    origin: Origin,
    text: &str,
    client_id: Option<&str>,
) -> Result<Client, Refused> {
    if is_malformed(text) {
        return Err(Refused::malformed("the assertion names something twice, or has a text that is none"));
    }
    let (header, claims) = read(text).ok_or_else(unknown)?;
    let (tenant, key) = house.desk.client(&claims.sub).await.map_err(Wrong::from)?.ok_or_else(unknown)?;
    let is_signed = candidates(&key, &header).iter().any(|key| keys::decode::<Value>(text, key, header.alg).is_some());
    if key.kind != KeyKind::Banno || !is_signed {
        return Err(unknown());
    }
    // Revoked, expired, or its owner disabled: the desk does not know it.
    let caller = match house.desk.caller_of_key(tenant, key.id, origin).await {
        Err(Error::Unauthenticated(_)) => return Err(unknown()),
        known => known.map_err(Wrong::from)?,
    };
    let expires_at = obeys(house, &claims, client_id).map_err(unbelieved)?;
    let used = RememberAssertion { key: key.id, jti: claims.jti, expires_at: expires_at.plus(LEEWAY + SECOND) };
    match house.desk.perform(&caller, used).await.map_err(Wrong::from)? {
        true => Ok(Client { key, id: claims.sub, caller }),
        false => Err(unbelieved("the assertion was used before: jti must be unique")),
    }
}

/// Whether header or claims name something twice, or have a text that is none. What is no JSON at all is no token.
fn is_malformed(text: &str) -> bool {
    let is_flaw = |flaw: json::Flaw| flaw.code != "malformed" || !flaw.path.is_empty();
    let part = |part: &str| URL_SAFE_NO_PAD.decode(part).is_ok_and(|json| json::check(&json).is_err_and(is_flaw));
    text.len() <= ASSERTION_MAX && text.split('.').take(2).any(part)
}

/// Header and claims, nothing believed yet.
fn read(text: &str) -> Option<(Header, Claims)> {
    if text.len() > ASSERTION_MAX {
        return None;
    }
    let read = jsonwebtoken::dangerous::insecure_decode::<Claims>(text).ok()?;
    let is_ours = matches!(read.header.alg, Algorithm::ES256 | Algorithm::PS256 | Algorithm::RS256);
    (is_ours && read.header.crit.is_none()).then_some((read.header, read.claims))
}

/// The rules for what the claims say; gives the moment of expiry.
fn obeys(house: &House<Own>, claims: &Claims, client_id: Option<&str>) -> Result<Time, &'static str> {
    let now = house.desk.now();
    let expires_at = moment(&claims.exp);
    if claims.iss != claims.sub {
        return Err("iss and sub must both be the client id");
    }
    if client_id.is_some_and(|id| id != claims.sub) {
        return Err("client_id is not the assertion's sub");
    }
    if !is_for_us(house, &claims.aud) {
        return Err("aud must be the address of the token endpoint");
    }
    if now > expires_at.plus(LEEWAY) {
        return Err("the assertion has expired");
    }
    if expires_at > now.plus(AHEAD_MAX + LEEWAY) {
        return Err("exp is more than five minutes ahead");
    }
    let begins = [&claims.iat, &claims.nbf].into_iter().flatten().map(moment).max();
    if begins.is_some_and(|at| at > now.plus(LEEWAY)) {
        return Err("the assertion is not valid yet");
    }
    if claims.jti.is_empty() { Err("jti is missing") } else { Ok(expires_at) }
}

fn moment(number: &Number) -> Time {
    let number = number.as_f64().unwrap_or(f64::MAX);
    let micros = if number > SECONDS_MAX { number * 1e3 } else { number * 1e6 };
    // A cast of too large a number gives the largest.
    Time(micros as i64)
}

/// A string, or a list of one (contract 2.1).
fn is_for_us(house: &House<Own>, audience: &Audience) -> bool {
    let named = match audience {
        Audience::One(named) => named,
        Audience::Many(list) => match list.as_slice() {
            [named] => named,
            _ => return false,
        },
    };
    let own = [TOKEN, REVOCATION].map(|path| format!("{}{path}", house.options.public_url));
    own.contains(named) || house.own.settings.token_urls.contains(named)
}

/// The client's keys that may have made this signature: by `kid` when it is known, otherwise any that fits `alg`. A key of
/// another type never does, so that no algorithm can be talked into reading a key as what it is not; RSA keys below 2048
/// bits and curves other than P-256 are refused where the signature is checked.
fn candidates(key: &Key, header: &Header) -> Vec<DecodingKey> {
    match &key.public_keys {
        None => Vec::new(),
        Some(PublicKeys::Pem(pem)) => {
            let read = match header.alg {
                Algorithm::ES256 => DecodingKey::from_ec_pem(pem.as_bytes()),
                _ => DecodingKey::from_rsa_pem(pem.as_bytes()),
            };
            read.into_iter().collect()
        }
        Some(PublicKeys::Jwks(set)) => {
            // One by one: a key of a kind we do not read must not spoil the others.
            let listed = set.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![set.clone()]);
            let known: Vec<Jwk> = listed.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
            let named: Vec<&Jwk> =
                known.iter().filter(|key| key.common.key_id.is_some() && key.common.key_id == header.kid).collect();
            let tried = if named.is_empty() { known.iter().collect() } else { named };
            let fitting = tried.into_iter().filter(|key| fits(key, header.alg)).take(KEYS_MAX);
            fitting.filter_map(|key| DecodingKey::from_jwk(key).ok()).collect()
        }
    }
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let is_of_type = match &key.algorithm {
        AlgorithmParameters::RSA(_) => algorithm != Algorithm::ES256,
        AlgorithmParameters::EllipticCurve(curve) => {
            algorithm == Algorithm::ES256 && curve.curve == EllipticCurve::P256
        }
        _ => false,
    };
    let is_of_algorithm = key.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let is_to_sign = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    is_of_type && is_of_algorithm && is_to_sign
}
