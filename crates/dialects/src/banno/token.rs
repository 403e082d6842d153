//! The token endpoint (contract 2.1): an assertion for an access token that lives ten minutes. It speaks OAuth's own
//! words for what goes wrong, not the voice of the other endpoints.

use api::kit::{Form, House, Json, Stranger, Trouble};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::key::{Key, RevokeToken};
use desk::value::clock::{SECOND, Time};
use desk::value::id::uuid_v7;
use serde_json::json;

use super::assertion::{self, Client};
use super::keys::{self, Claims};
use super::{Banno, Own, Wrong};

/// How long an access token lives (contract 2.1).
pub(super) const SECONDS: i64 = 600;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The observed sentence (contract 2.1).
const NO_MECHANISM: &str = "no client authentication mechanism provided";

/// Why there is no token.
pub(super) enum Refused {
    /// In OAuth's words.
    OAuth(StatusCode, &'static str, String),
    /// In the voice of the other endpoints: what has nothing to do with OAuth.
    Other(Wrong),
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Refused {
        match wrong.trouble {
            Trouble::BodyMalformed(_) | Trouble::BodyType => {
                invalid_request("the body must be application/x-www-form-urlencoded")
            }
            _ => Refused::Other(wrong),
        }
    }
}

impl Refused {
    /// A request that cannot be read.
    pub fn malformed(why: &str) -> Refused {
        invalid_request(why)
    }
}

fn invalid_request(why: &str) -> Refused {
    Refused::OAuth(StatusCode::BAD_REQUEST, "invalid_request", why.to_owned())
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Other(wrong) => wrong.into_response(),
            Refused::OAuth(status, error, why) => {
                let body = Json(json!({ "error": error, "error_description": why }));
                let mut response = (status, no_store(), body).into_response();
                if status == StatusCode::UNAUTHORIZED {
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                }
                response
            }
        }
    }
}

fn no_store() -> [(header::HeaderName, &'static str); 2] {
    [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")]
}

/// The fields of a form, each at most once (RFC 6749, 3.2). An empty one counts as absent.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(form: Result<Form<Banno>, Wrong>) -> Result<Fields, Refused> {
        let mut pairs = form.map_err(Refused::from)?.0;
        pairs.sort();
        if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid_request("a field was sent twice"));
        }
        Ok(Fields(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, text)| known == name && !text.is_empty()).map(|(_, text)| text.as_str())
    }

    /// The client behind the assertion. A secret is no proof here (contract 2.1), nor beside one.
    async fn client(
        &self,
        house: &House<Own>,
        stranger: Stranger<Banno>,
        headers: &HeaderMap,
    ) -> Result<Client, Refused> {
        if self.get("client_secret").is_some() || headers.contains_key(header::AUTHORIZATION) {
            return Err(invalid_request("a client proves itself by client_assertion only, not by a secret"));
        }
        let (Some(assertion), Some(kind)) = (self.get("client_assertion"), self.get("client_assertion_type")) else {
            return Err(invalid_request(NO_MECHANISM));
        };
        if kind != ASSERTION_TYPE {
            return Err(invalid_request("client_assertion_type is not one that is read here"));
        }
        assertion::check(house, stranger.0, assertion, self.get("client_id")).await
    }
}

/// POST `/a/oidc-provider/api/v0/token`
pub(super) async fn issue(
    State(house): State<House<Own>>,
    stranger: Stranger<Banno>,
    headers: HeaderMap,
    form: Result<Form<Banno>, Wrong>,
) -> Result<Response, Refused> {
    let fields = Fields::of(form)?;
    match fields.get("grant_type") {
        Some("client_credentials") => {}
        None if fields.get("client_assertion").is_none() => return Err(invalid_request(NO_MECHANISM)),
        None => return Err(invalid_request("grant_type is missing")),
        Some(_) => {
            let why = "only client_credentials is granted here".to_owned();
            return Err(Refused::OAuth(StatusCode::BAD_REQUEST, "unsupported_grant_type", why));
        }
    }
    let client = fields.client(&house, stranger, &headers).await?;
    let scope = granted(&client.key, fields.get("scope").unwrap_or("openid"))?;
    let claims = claims(&house, &client, scope);
    let access_token = house.own.keys.sign(&claims).map_err(Wrong::from)?;
    let body =
        json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": SECONDS, "scope": claims.scope });
    Ok((no_store(), Json(body)).into_response())
}

/// The scopes asked for, if the client was given all of them. `openid` is everybody's.
fn granted(key: &Key, asked: &str) -> Result<String, Refused> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split_ascii_whitespace() {
        if scope != "openid" && !key.scopes.iter().any(|given| given == scope) {
            let why = "a scope was asked for that the client was not given".to_owned();
            return Err(Refused::OAuth(StatusCode::BAD_REQUEST, "invalid_scope", why));
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes.join(" "))
}

fn claims(house: &House<Own>, client: &Client, scope: String) -> Claims {
    let now = house.desk.now();
    Claims {
        iss: keys::issuer(house),
        sub: client.id.clone(),
        client_id: client.id.clone(),
        iat: now.unix_seconds(),
        exp: now.unix_seconds() + SECONDS,
        jti: uuid_v7(now, house.desk.random()).to_string(),
        scope,
        key: client.key.id,
        tenant: client.caller.tenant.0,
        scopes_enforced: client.key.enforce_scopes,
    }
}

/// POST `/a/oidc-provider/api/v0/token/revocation`: RFC 7009. A token that is not this client's is no matter of hers, and
/// told alike.
pub(super) async fn revoke(
    State(house): State<House<Own>>,
    stranger: Stranger<Banno>,
    headers: HeaderMap,
    form: Result<Form<Banno>, Wrong>,
) -> Result<StatusCode, Refused> {
    let fields = Fields::of(form)?;
    let client = fields.client(&house, stranger, &headers).await?;
    let token = fields.get("token").ok_or_else(|| invalid_request("token is missing"))?;
    if let Some(claims) =
        house.own.keys.verify(token, &keys::issuer(&house)).filter(|claims| claims.key == client.key.id)
    {
        let expires_at = Time(claims.exp.saturating_mul(SECOND)).plus(SECOND);
        let revoke = RevokeToken { key: client.key.id, token: claims.jti, expires_at };
        house.desk.perform(&client.caller, revoke).await.map_err(Wrong::from)?;
    }
    Ok(StatusCode::OK)
}
