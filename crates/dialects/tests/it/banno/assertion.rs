//! The rules for a client's assertion (contract 2.1), one by one.

use desk::key::{PublicKeys, RevokeKey};
use desk::staff::{DisableStaff, EnableStaff};
use desk::value::clock::SECOND;
use desk::value::id::StaffId;
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use super::world::*;

async fn accepted(world: &World, assertion: &str) -> bool {
    let answer = world.ask_token(assertion, &[]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    if answer.status == 200 {
        let body = answer.json();
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(600)));
        return true;
    }
    assert_eq!(answer.status, 401, "{}", answer.text);
    assert_eq!(answer.json()["error"], "invalid_client");
    false
}

/// The claims with some changed; null takes one away.
fn with(world: &World, changes: Value) -> Value {
    let mut claims = world.claims("everything");
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

#[tokio::test]
async fn each_of_the_three_algorithms_is_accepted_with_the_key_that_fits() {
    for world in World::all().await {
        for (algorithm, pem) in [(Algorithm::RS256, RSA), (Algorithm::PS256, RSA), (Algorithm::ES256, P256)] {
            assert!(accepted(&world, &signed(&world.claims("everything"), algorithm, pem)).await, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn a_key_is_chosen_by_kid_when_it_is_known_and_by_algorithm_when_not() {
    for world in World::all().await {
        for (kid, right) in [("r1", true), ("no-such-key", true), ("e1", false)] {
            let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
            let assertion = signed_as(&world.claims("everything"), header, RSA);
            assert_eq!(accepted(&world, &assertion).await, right, "{kid}");
        }
    }
}

#[tokio::test]
async fn other_keys_and_other_algorithms_are_refused() {
    for world in World::all().await {
        let claims = || world.claims("everything");
        assert!(!accepted(&world, &signed(&claims(), Algorithm::RS256, FOREIGN_RSA)).await, "somebody else's key");
        assert!(
            !accepted(&world, &signed(&claims(), Algorithm::RS384, RSA)).await,
            "an algorithm that is not one of the three"
        );
        assert!(
            !accepted(&world, &signed(&claims(), Algorithm::HS256, RSA_PUBLIC)).await,
            "the public key as a secret"
        );
        assert!(
            !accepted(&world, &signed(&claims(), Algorithm::HS256, P256_PUBLIC)).await,
            "the public key as a secret"
        );
        assert!(!accepted(&world, &none(&claims())).await, "no signature");
        let critical = Header { crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::ES256) };
        assert!(!accepted(&world, &signed_as(&claims(), critical, P256)).await, "a header that must be understood");
        let good = world.assertion("everything");
        let (rest, signature) = good.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        assert!(!accepted(&world, &format!("{rest}.{flipped}{}", &signature[1..])).await, "a changed signature");
        assert!(!accepted(&world, &format!("{rest}.")).await, "a signature cut off");
        assert!(!accepted(&world, "not.a.token").await);
        assert!(!accepted(&world, &"a".repeat(20_000)).await);
    }
}

/// An assertion that says of itself that it is not signed.
fn none(claims: &Value) -> String {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims.to_string()))
}

#[tokio::test]
async fn a_key_must_be_of_the_type_and_size_the_algorithm_needs() {
    for world in World::all().await {
        let staff = StaffId(uuid(0xa00));
        let pem = |text: &str| PublicKeys::Pem(text.to_owned());
        world.client("rsa", staff, pem(RSA_PUBLIC), None).await;
        world.client("ec", staff, pem(P256_PUBLIC), None).await;
        world.client("weak", staff, pem(WEAK_RSA_PUBLIC), None).await;
        world.client("p384", staff, pem(P384_PUBLIC), None).await;
        let cases = [
            ("rsa", Algorithm::PS256, RSA, true),
            ("rsa", Algorithm::ES256, P256, false),
            ("rsa", Algorithm::HS256, RSA_PUBLIC, false),
            ("ec", Algorithm::ES256, P256, true),
            ("ec", Algorithm::RS256, RSA, false),
            ("p384", Algorithm::ES384, P384, false),
        ];
        for (client, algorithm, key, right) in cases {
            let assertion = signed(&world.claims(client), algorithm, key);
            assert_eq!(accepted(&world, &assertion).await, right, "{client} {algorithm:?}");
        }
        // Nobody's signer makes such a key any more; this was signed once with openssl, for the moment at which tests begin.
        assert!(!accepted(&world, WEAK_RSA_ASSERTION.trim()).await, "RSA below 2048 bits");
    }
}

#[tokio::test]
async fn exp_is_taken_in_milliseconds_and_seconds_within_its_bounds() {
    for world in World::all().await {
        let now = world.now_seconds();
        for (ahead, right) in
            [(240, true), (300, true), (330, true), (331, false), (0, true), (-30, true), (-31, false)]
        {
            for unit in [1, 1000] {
                let claims = with(&world, json!({ "exp": (now + ahead) * unit }));
                let answer = accepted(&world, &signed(&claims, Algorithm::ES256, P256)).await;
                assert_eq!(answer, right, "{ahead} seconds ahead, in units of 1/{unit} second");
            }
        }
        for odd in [json!("1772442000"), json!(null), json!(-1), json!(1e300), json!(u64::MAX)] {
            assert!(
                !accepted(&world, &signed(&with(&world, json!({ "exp": odd })), Algorithm::ES256, P256)).await,
                "{odd}"
            );
        }
        assert!(
            accepted(&world, &signed(&with(&world, json!({ "exp": now as f64 + 60.5 })), Algorithm::ES256, P256)).await
        );
    }
}

#[tokio::test]
async fn every_claim_is_looked_at() {
    for world in World::all().await {
        let now = world.now_seconds();
        let cases = [
            (json!({ "jti": null }), false),
            (json!({ "jti": "" }), false),
            (json!({ "jti": 7 }), false),
            (json!({ "aud": [TOKEN_URL] }), true),
            (json!({ "aud": [TOKEN_URL, TOKEN_URL] }), false),
            (json!({ "aud": [] }), false),
            (json!({ "aud": null }), false),
            (json!({ "aud": "https://desk.bank.example" }), false),
            (json!({ "aud": format!("{TOKEN_URL}/") }), false),
            (json!({ "aud": "https://banno.com/a/oidc-provider/api/v0/token" }), true),
            (json!({ "aud": "https://login.jackhenry.com/a/oidc-provider/api/v0/token" }), true),
            (json!({ "iss": "viewer" }), false),
            (json!({ "iss": null }), false),
            (json!({ "sub": null }), false),
            (json!({ "iss": "nobody", "sub": "nobody" }), false),
            (json!({ "iat": now, "nbf": now * 1000 }), true),
            (json!({ "iat": now + 30 }), true),
            (json!({ "iat": now + 31 }), false),
            (json!({ "nbf": (now + 31) * 1000 }), false),
        ];
        for (changes, right) in cases {
            let assertion = signed(&with(&world, changes.clone()), Algorithm::ES256, P256);
            assert_eq!(accepted(&world, &assertion).await, right, "{changes}");
        }
    }
}

#[tokio::test]
async fn an_assertion_works_once_as_long_as_it_could_work() {
    for world in World::all().await {
        let claims = world.claims("everything");
        let assertion = signed(&claims, Algorithm::ES256, P256);
        assert!(accepted(&world, &assertion).await);
        assert!(!accepted(&world, &assertion).await, "replayed");
        let resigned = signed(&claims, Algorithm::PS256, RSA);
        assert!(!accepted(&world, &resigned).await, "the jti counts, not the text");
        world.test.clock.advance(265 * SECOND);
        world.test.desk.sweep().await.unwrap();
        assert!(!accepted(&world, &assertion).await, "still within the leeway");
        let mut others = claims.clone();
        others["iss"] = json!("viewer");
        others["sub"] = json!("viewer");
        others["exp"] = json!(world.now_seconds() + 60);
        assert!(accepted(&world, &signed(&others, Algorithm::ES256, P256)).await, "another client's jti is its own");
    }
}

#[tokio::test]
async fn a_client_that_may_no_longer_act_gets_no_token() {
    for world in World::all().await {
        let (desk, house) = (&world.test.desk, world.house());
        let staff = StaffId(uuid(0xa00));
        assert!(accepted(&world, &world.assertion("everything")).await);
        desk.perform(&house, DisableStaff(staff)).await.unwrap();
        assert!(!accepted(&world, &world.assertion("everything")).await, "her employee is disabled");
        desk.perform(&house, EnableStaff(staff)).await.unwrap();
        assert!(accepted(&world, &world.assertion("everything")).await);
        let extra = world.client("extra", staff, both_keys(), None).await;
        assert!(accepted(&world, &world.assertion("extra")).await);
        desk.perform(&house, RevokeKey(extra.id)).await.unwrap();
        assert!(!accepted(&world, &world.assertion("extra")).await, "revoked");
    }
}

#[tokio::test]
async fn the_form_is_read_strictly() {
    for world in World::all().await {
        let token = "/a/oidc-provider/api/v0/token";
        let proof = |assertion: &str| {
            vec![
                ("grant_type".to_owned(), "client_credentials".to_owned()),
                ("client_assertion_type".to_owned(), ASSERTION_TYPE.to_owned()),
                ("client_assertion".to_owned(), assertion.to_owned()),
            ]
        };
        type Case = (&'static [(&'static str, &'static str)], u16, &'static str);
        let cases: &[Case] = &[
            (&[("client_id", "everything")], 200, ""),
            (&[("client_id", "viewer")], 401, "invalid_client"),
            (&[("client_secret", "hush")], 400, "invalid_request"),
            (&[("client_assertion", "twice")], 400, "invalid_request"),
            (&[("scope", "openid")], 200, ""),
            (&[("scope", "openid https://jackhenry.com/consumer-user-search")], 400, "invalid_scope"),
        ];
        for (more, status, error) in cases {
            let assertion = world.assertion("everything");
            let mut fields = proof(&assertion);
            fields.extend(more.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            let answer = world.form(token, &fields).await;
            assert_eq!(answer.status, *status, "{more:?}: {}", answer.text);
            assert_eq!(answer.json()["error"].as_str().unwrap_or_default(), *error);
        }
        const TYPED: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
        type Sent = (&'static [(&'static str, &'static str)], &'static [u8]);
        let bodies: [Sent; 3] =
            [(&TYPED, b"\xff\xfe%zz"), (&[], b"grant_type=x"), (&[("content-type", "application/json")], b"{}")];
        for (headers, body) in bodies {
            let answer = world.send("POST", token, headers, body.to_vec()).await;
            assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (400, Some("invalid_request")));
        }
    }
}
