//! What must hold for every route: it is in the specification, a stranger is refused, a caller without rights is
//! refused, broken bodies and foreign ids are told in our own voice. Generated from the specification, so that a new
//! route cannot escape; exceptions are listed here with their reasons.

use axum::body::Body;
use desk::Permission;
use serde_json::{Value, json};

use crate::harness::House;

/// Open to strangers: they prove themselves in the body.
pub const PUBLIC: &[&str] = &[
    "POST /v1/sessions",
    "POST /v1/sessions/confirm",
    "POST /v1/password-resets",
    "POST /v1/password-resets/redeem",
    "POST /v1/staff/sessions",
    "POST /v1/registrations",
    "POST /v1/registrations/confirm",
    "POST /v1/unlocks",
    "POST /v1/unlocks/redeem",
];

/// About the caller herself: a key without rights is answered.
const ABOUT_ONESELF: &[&str] = &["GET /v1/staff/me", "GET /v1/permissions", "GET /v1/permissions/explain"];

/// For what a good body is needed before rights are asked: the body says whom it is about.
fn good_body(operation: &str) -> Value {
    match operation {
        "POST /v1/users" => json!({"last_name": "Sample"}),
        "PATCH /v1/users/{user_id}" => json!({"preferred_name": "S"}),
        "POST /v1/users/search" => json!({"query": "sample"}),
        "POST /v1/users/{user_id}/reveal" => json!({"purpose": "coverage"}),
        "POST /v1/users/{user_id}/fraud-status" => json!({"status": "suspicious"}),
        "POST /v1/users/{user_id}/core-state" => json!({"state": "dormant"}),
        "POST /v1/users/{user_id}/verification/decide" => json!({"verified": true}),
        "POST /v1/users/{user_id}/verification/decline" => json!({"reason": "forged"}),
        "POST /v1/users/{user_id}/verification/ask-more" => json!({"text": "more"}),
        "POST /v1/users/{user_id}/verification/documents/{document_id}/reveal" => json!({"purpose": "coverage"}),
        "POST /v1/users/{user_id}/notes" => json!({"text": "called"}),
        "POST /v1/users/{user_id}/password-resets" => json!({"method": "email"}),
        "POST /v1/imports/{import_id}/rejected" => json!({"purpose": "coverage"}),
        "POST /v1/me/second-factor/confirm" => json!({"secret": "A", "code": "1"}),
        "POST /v1/me/pin" => json!({"pin": "0417"}),
        "POST /v1/me/phone/confirm" => json!({"code": "1"}),
        "POST /v1/me/second-factor/choice" => json!({"choice": "pin"}),
        "POST /v1/staff/invitations" => json!({"email": "b.new@bank.example", "role": "auditor"}),
        "POST /v1/staff/me/password" => json!({"current_password": "a", "password": "b"}),
        "POST /v1/me/password" => json!({"current_password": "a", "password": "b"}),
        "POST /v1/staff" => json!({"name": "A", "email": "a.new@bank.example"}),
        "POST /v1/teams" => json!({"name": "T"}),
        "POST /v1/teams/{team_id}/members" => json!({"staff_id": "stf_x", "role_id": "rol_x"}),
        "POST /v1/roles" => json!({"name": "R", "permissions": []}),
        "POST /v1/requests" => {
            json!({"action": "user.disable", "user_id": "usr_01jqzs8v1xe5ja4c3rq0f2m6tn", "reason": "coverage"})
        }
        "POST /v1/requests/{request_id}/decline" => json!({"reason": "coverage"}),
        "POST /v1/bulk" => json!({"action": "lock", "filter": {}}),
        "POST /v1/accounts" => json!({
            "owner_id": "usr_01jqzs8v1xe5ja4c3rq0f2m6tn", "number": "10203040", "name": "A", "kind": "sme", "currency": "KES",
        }),
        "POST /v1/accounts/{account_id}/changes" => json!({"change": "freeze"}),
        "POST /v1/accounts/{account_id}/reveal" => json!({"purpose": "coverage"}),
        "POST /v1/accounts/{account_id}/administrators" => json!({
            "id_type": "103", "id_number": "P12345", "full_name": "A", "country_code": "44", "mobile": "7700900123",
            "email": "a@mail.example",
        }),
        "POST /v1/accounts/{account_id}/administrators/{administrator_id}/verify" => json!({"contact": "email"}),
        "POST /v1/administrators/{administrator_id}/rights" => {
            json!({"rights": {"view": true, "initiate": false, "approve": false, "limit": null}})
        }
        "POST /v1/challenges/{challenge_id}/confirm" => json!({"code": "123456"}),
        "POST /v1/keys/{key_id}/callback-url" => json!({"url": null}),
        "POST /v1/keys" => json!({"kind": "native", "name": "K"}),
        _ => json!({}),
    }
}

/// A path with ids that nobody has.
pub fn filled(path: &str) -> String {
    let mut filled = path.to_owned();
    for (name, prefix) in [
        ("user_id", "usr"),
        ("session_id", "ses"),
        ("device_id", "dev"),
        ("staff_id", "stf"),
        ("team_id", "tea"),
        ("role_id", "rol"),
        ("key_id", "key"),
        ("bulk_id", "blk"),
        ("import_id", "imp"),
        ("request_id", "rqt"),
        ("document_id", "doc"),
        ("account_id", "acc"),
        ("administrator_id", "adm"),
        ("challenge_id", "chl"),
        ("callback_id", "cbk"),
    ] {
        filled = filled.replace(&format!("{{{name}}}"), &format!("{prefix}_01jqzs8v1xe5ja4c3rq0f2m6tn"));
    }
    let mut filled = filled.replace("{kind}", "photo_id");
    if path == "/v1/permissions/explain" {
        filled.push_str("?action=user.lock");
    }
    assert!(!filled.contains('{'), "{path} has a part that this test does not know");
    filled
}

pub fn operations() -> Vec<(String, String, Value)> {
    let spec: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let mut all = Vec::new();
    for (path, item) in spec["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    assert!(all.len() > 60, "the specification lost routes: {}", all.len());
    all
}

#[tokio::test]
async fn every_route_refuses_strangers_and_those_without_rights() {
    for house in House::all().await {
        let powerless = house.holder("powerless", &[]).await;
        let admin = house.admin().await;
        for (method, path, _) in operations() {
            let operation = format!("{method} {path}");
            let (at, body) = (filled(&path), good_body(&operation).to_string());
            let headers = [("content-type", "application/json")];
            let is_public = PUBLIC.contains(&operation.as_str());
            if !is_public {
                let answer = house.nobody().send(&method, &at, &headers, body.clone()).await;
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{operation}");
                let wrong = house.bearing("bsk_live_1_wrong").send(&method, &at, &headers, body.clone()).await;
                assert_eq!(wrong.status.as_u16(), 401, "{operation}");
            }
            let answer = powerless.send(&method, &at, &headers, body.clone()).await;
            if ABOUT_ONESELF.contains(&operation.as_str()) {
                assert_eq!(answer.status.as_u16(), 200, "{operation} {}", answer.text);
            } else if !is_public && operation != "POST /v1/teams/{team_id}/members" {
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"), "{operation}");
            }
            // Whatever the caller may: broken bodies and ids that nobody has are told in our own voice.
            let answer = admin.send(&method, &at, &headers, "{broken").await;
            assert!(answer.status.as_u16() < 500, "{operation} {}", answer.text);
            if method == "POST" || method == "PATCH" {
                let takes_body = answer.status.as_u16() == 400 && answer.code() == "body_malformed";
                let without = ["POST /v1/me/second-factor"];
                // A file, not JSON.
                let takes_file = operation == "POST /v1/imports" && answer.code() == "body_type";
                assert!(
                    takes_body || takes_file || without.contains(&operation.as_str()),
                    "{operation} {}",
                    answer.text
                );
            }
            if ["{user_id}", "{import_id}", "{request_id}"].iter().any(|part| path.contains(part)) {
                let answer = admin.send(&method, &at, &headers, body).await;
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{operation}");
                let other = at.replace("usr_", "key_").replace("imp_", "key_").replace("rqt_", "key_");
                let answer = admin.send(&method, &other, &headers, good_body(&operation).to_string()).await;
                assert_eq!(answer.status.as_u16(), 404, "{operation} {}", answer.text);
            }
            let answer = admin.send("TRACE", &at, &[], Body::empty()).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (405, "method_not_allowed"), "{operation}");
        }
    }
}

#[tokio::test]
async fn every_operation_says_what_it_answers() {
    let mut ids: Vec<String> = operations().iter().map(|(_, _, it)| it["operationId"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), operations().len(), "an operation's id is its own");
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        assert!(responses.contains_key("401") && responses.contains_key("503"), "{name} does not tell its problems");
        assert!(responses.values().all(|it| it["description"].as_str().is_some_and(|text| !text.is_empty())), "{name}");
    }
}

/// `BLESS=1` writes the specification anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told to write what it compares")]
fn the_committed_specification_is_what_the_code_says() {
    let at = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    if std::env::var("BLESS").is_ok() {
        std::fs::write(at, api::openapi_json()).unwrap();
    }
    let committed = std::fs::read_to_string(at).unwrap_or_default();
    assert!(committed == api::openapi_json(), "docs/openapi.json is not up to date: run `make spec`");
    if std::env::var("BLESS").is_err() {
        assert!(committed == api::committed_openapi_json(), "the program has another one: build it anew");
    }
}

#[tokio::test]
async fn the_committed_specification_is_what_is_served_packed_or_not() {
    for house in House::all().await {
        let plain = house.nobody().get("/openapi.json").await.is(200);
        assert!(plain.text == api::committed_openapi_json(), "it is another text");
        let packed = house.nobody().send("GET", "/openapi.json", &[("accept-encoding", "gzip")], "").await.is(200);
        assert_eq!(packed.headers["content-encoding"], "gzip");
        assert_eq!(packed.headers["content-type"], "application/json");
    }
}

/// The validator is a third party's; `make test` installs it.
#[test]
#[expect(clippy::disallowed_methods, reason = "the place of the validator is told by `make test`")]
fn the_specification_is_valid_openapi() {
    let Ok(validator) = std::env::var("BURSAR_TEST_SPEC_VALIDATOR") else { return };
    let at = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let output = std::process::Command::new(validator).arg(at).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn whatever_the_specification_points_to_is_in_it() {
    // The validator does not follow references.
    let text = api::openapi_json();
    let spec: Value = serde_json::from_str(&text).unwrap();
    for reference in text.split("\"#/").skip(1) {
        let pointer = format!("/{}", reference.split('"').next().unwrap());
        assert!(spec.pointer(&pointer).is_some(), "{pointer}");
    }
}

#[test]
fn permissions_have_one_word_each() {
    let mut words: Vec<_> = Permission::ALL.iter().map(|it| it.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Permission::ALL.len());
}
