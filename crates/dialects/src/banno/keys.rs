//! The key that signs our access tokens, and the documents that tell of it. One Ed25519 key for the house, derived from
//! the master key: it survives restarts, every process of a cluster has the same, and nothing need be stored.

use api::kit::{House, Json, Stranger};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk::value::id::KeyId;
use desk::value::secret::fingerprint;
use desk::{Desk, Error, Result};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Banno, Own, ROUTES};

/// The vendor's paths (contract 2.1).
const ISSUER: &str = "/a/oidc-provider/api/v0";
pub(super) const TOKEN: &str = "/a/oidc-provider/api/v0/token";
pub(super) const REVOCATION: &str = "/a/oidc-provider/api/v0/token/revocation";
pub(super) const JWKS: &str = "/a/oidc-provider/api/v0/jwks";
pub(super) const CONFIGURATION: &str = "/a/oidc-provider/api/v0/.well-known/openid-configuration";

/// What an access token says. Clients treat it as opaque; `key`, `tenant` and `scopes_enforced` are for us.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub sub: String,
    pub client_id: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub scope: String,
    pub key: KeyId,
    pub tenant: i64,
    pub scopes_enforced: bool,
}

/// The pair, ready to sign and to verify.
pub struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    kid: String,
    public: String,
}

impl Keys {
    /// The house's pair.
    pub fn of(desk: &Desk) -> Keys {
        let seed = desk.derived_key("banno access tokens");
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).expect("32 bytes are a seed");
        let document = pair.to_pkcs8v1().expect("a pair has a document");
        let public = pair.public_key().as_ref();
        let print = fingerprint(&URL_SAFE_NO_PAD.encode(public));
        Keys {
            sign: EncodingKey::from_ed_der(document.as_ref()),
            verify: DecodingKey::from_ed_der(public),
            kid: URL_SAFE_NO_PAD.encode(&print[..12]),
            public: URL_SAFE_NO_PAD.encode(public),
        }
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Claims) -> Result<String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.sign).map_err(Error::internal)
    }

    /// The claims of a token we signed as this issuer. When it expires is for the caller of this to compare: the clock is
    /// the desk's.
    pub(super) fn verify(&self, token: &str, issuer: &str) -> Option<Claims> {
        let claims = decode::<Claims>(token, &self.verify, Algorithm::EdDSA)?;
        (claims.iss == issuer).then_some(claims)
    }
}

/// The claims, if the signature is right for this key and algorithm. Nothing else is checked.
pub(super) fn decode<T: serde::de::DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Option<T> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    jsonwebtoken::decode::<T>(token, key, &validation).ok().map(|data| data.claims)
}

/// Who signs, as the tokens name it.
pub(super) fn issuer(house: &House<Own>) -> String {
    format!("{}{ISSUER}", house.options.public_url)
}

/// GET `/a/oidc-provider/api/v0/jwks`
pub(super) async fn jwks(State(house): State<House<Own>>, _: Stranger<Banno>) -> Json<Value> {
    let keys = &house.own.keys;
    let key =
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": keys.kid, "x": keys.public });
    Json(json!({ "keys": [key] }))
}

/// GET `/a/oidc-provider/api/v0/.well-known/openid-configuration`
pub(super) async fn configuration(State(house): State<House<Own>>, _: Stranger<Banno>) -> Json<Value> {
    let url = |path: &str| format!("{}{path}", house.options.public_url);
    let algorithms = ["ES256", "PS256", "RS256"];
    Json(json!({
        "issuer": issuer(&house),
        "token_endpoint": url(TOKEN),
        "revocation_endpoint": url(REVOCATION),
        "jwks_uri": url(JWKS),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "scopes_supported": scopes(),
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
    }))
}

/// Every scope a client can be given.
fn scopes() -> Vec<&'static str> {
    let mut scopes = vec!["openid"];
    scopes.extend(ROUTES.iter().filter_map(|route| route.scope));
    scopes.dedup();
    scopes
}
