//! Every text of every call x every character that is no text: 400 in this voice, on both engines.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::world::*;

const TOKEN: &str = "/a/oidc-provider/api/v0/token";

/// An assertion with these claims as they are written; its signature is nobody's.
fn written(header: &str, claims: &str) -> String {
    format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

#[tokio::test]
async fn every_claim_of_an_assertion_refuses_what_is_no_text() {
    for world in World::all().await {
        let refused = async |assertion: &str, what: &str| {
            for path in [TOKEN, "/a/oidc-provider/api/v0/token/revocation"] {
                let fields = [
                    ("grant_type", "client_credentials"),
                    ("client_assertion_type", ASSERTION_TYPE),
                    ("client_assertion", assertion),
                    ("token", "x"),
                ];
                let answer = world.form(path, &fields).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what}: {}", answer.text);
                assert_eq!(answer.json()["error"], "invalid_request", "{what}");
            }
        };
        for claim in ["iss", "sub", "aud", "jti", "nobody_reads_this"] {
            // By a stranger, and by a client that has signed it.
            let mut claims = world.claims("everything");
            claims[claim] = json!("every\0thing");
            refused(&written(r#"{"alg":"ES256"}"#, &claims.to_string()), claim).await;
            refused(&signed(&claims, Algorithm::ES256, P256), claim).await;
        }
        let mut claims = world.claims("everything");
        claims["aud"] = json!([TOKEN_URL, "\0"]);
        refused(&signed(&claims, Algorithm::ES256, P256), "one of several audiences").await;
        let claims = world.claims("everything").to_string();
        refused(&written(r#"{"alg":"ES256","kid":"\u0000"}"#, &claims), "kid").await;
        let twice = format!(r#"{{"sub":"nothing",{}"#, &claims[1..]);
        refused(&written(r#"{"alg":"ES256"}"#, &twice), "a claim that is there twice").await;
    }
}

#[tokio::test]
async fn every_text_of_every_call_refuses_what_is_no_text() {
    for world in World::all().await {
        for bad in ["%00", "x%00", "%ED%A0%80"] {
            for field in ["client_id", "scope", "grant_type", "client_assertion", "nobody_reads_this", bad] {
                let body = format!("grant_type=client_credentials&{field}={bad}");
                let headers = [("content-type", "application/x-www-form-urlencoded")];
                let answer = world.send("POST", TOKEN, &headers, body).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field} {bad}: {}", answer.text);
            }
        }
        let token = world.token("everything").await;
        let institution = world.institution().await;
        let marta = world.user("marta").0.to_string();
        for route in dialects::banno::ROUTES {
            let filled = |user: &str, institution: &str| {
                route.path.replace("{userId}", user).replace("{institutionId}", institution)
            };
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            for bad in ["%00", "x%00", "%ED%A0%80"] {
                // What is none of our ids is nobody's.
                for at in [filled(bad, &institution), filled(&marta, bad)].iter().filter(|at| at.contains('%')) {
                    let status = world.send(route.method, at, &headers, "{}").await.status;
                    assert!((400..405).contains(&status.as_u16()), "{} {at}: {status}", route.method);
                }
                let addresses = [
                    format!("{}?nameFilter={bad}", filled(&marta, &institution)),
                    format!("{}?{bad}=1", filled(&marta, &institution)),
                ];
                for at in addresses {
                    let answer = world.send(route.method, &at, &headers, "{}").await;
                    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{} {at}: {}", route.method, answer.text);
                }
            }
        }
        for (method, path) in [
            ("PUT", format!("/a/consumer-status/api/v0/users/{marta}/status/locked")),
            ("POST", format!("/a/password-reset/api/v0/institutions/{institution}/users/{marta}/password/reset")),
            ("PUT", format!("/a/password-reset/api/v0/institutions/{institution}/settings")),
        ] {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            for field in ["state", "method", "expiration", "nobody_reads_this"] {
                for bad in [r#""\u0000""#, r#""secret\u0000""#, r#""\ud800""#, r#"["\udc00"]"#, r#"{"a\u0000":1}"#] {
                    let answer = world.send(method, &path, &headers, format!("{{\"{field}\":{bad}}}")).await;
                    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {field} {bad}: {}", answer.text);
                    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
                    assert!(message.contains(field), "{path} {field} {bad}: {message}");
                    assert!(!answer.text.contains("secret"), "{}", answer.text);
                }
            }
            let twice = world.send(method, &path, &headers, r#"{"state":false,"state":false}"#).await;
            assert_eq!(twice.status, StatusCode::BAD_REQUEST, "{path}: {}", twice.text);
        }
        let lock: Value = world.get(&token, &format!("/a/consumer-status/api/v0/users/{marta}/status")).await.json();
        assert!(lock.to_string().contains("ock"), "nothing was done: {lock}");
    }
}
