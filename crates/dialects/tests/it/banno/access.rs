//! Who may call, and for how long: tokens, what is taken from a client between two calls, scopes, institutions.

use desk::key::RevokeKey;
use desk::staff::DisableStaff;
use desk::value::clock::SECOND;
use desk::value::id::StaffId;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use super::world::*;

fn status(user: &str) -> String {
    format!("/a/consumer-status/api/v0/users/{user}/status")
}

fn marta(world: &World) -> String {
    status(&world.user("marta").0.to_string())
}

#[tokio::test]
async fn a_token_lives_ten_minutes() {
    for world in World::all().await {
        let (token, path) = (world.token("everything").await, marta(&world));
        world.test.clock.advance(599 * SECOND);
        assert_eq!(world.get(&token, &path).await.status, 200);
        world.test.clock.advance(SECOND);
        let answer = world.get(&token, &path).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
}

#[tokio::test]
async fn what_is_taken_from_a_client_counts_at_once() {
    for world in World::all().await {
        let (desk, house, path) = (&world.test.desk, world.house(), marta(&world));
        let extra = world.client("extra", StaffId(uuid(0xa00)), both_keys(), None).await;
        let token = world.token("extra").await;
        assert_eq!(world.get(&token, &path).await.status, 200);
        desk.perform(&house, RevokeKey(extra.id)).await.unwrap();
        assert_eq!(world.get(&token, &path).await.status, 401, "the key was revoked");
        let token = world.token("everything").await;
        assert_eq!(world.get(&token, &path).await.status, 200);
        desk.perform(&house, DisableStaff(StaffId(uuid(0xa00)))).await.unwrap();
        assert_eq!(world.get(&token, &path).await.status, 401, "the employee was disabled");
    }
}

#[tokio::test]
async fn a_token_can_be_revoked_by_its_own_client_only() {
    for world in World::all().await {
        let path = marta(&world);
        let (token, other) = (world.token("everything").await, world.token("everything").await);
        let revoke = async |client: &str, token: &str| {
            let assertion = world.assertion(client);
            let fields =
                [("token", token), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
            world.form("/a/oidc-provider/api/v0/token/revocation", &fields).await.status
        };
        assert_eq!(revoke("viewer", &token).await, 200, "not hers: told alike");
        assert_eq!(world.get(&token, &path).await.status, 200);
        assert_eq!(revoke("everything", &token).await, 200);
        assert_eq!(world.get(&token, &path).await.status, 401);
        assert_eq!(revoke("everything", &token).await, 200, "again");
        assert_eq!(revoke("everything", "no such token").await, 200);
        assert_eq!(world.get(&other, &path).await.status, 200, "the other token lives on");
    }
}

#[tokio::test]
async fn tokens_that_we_did_not_sign_are_refused() {
    for world in World::all().await {
        let (path, token) = (marta(&world), world.token("everything").await);
        let mut forged =
            vec!["".to_owned(), "x".to_owned(), "a.b.c".to_owned(), format!("{token}x"), world.assertion("everything")];
        let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode_claims(&token).unwrap();
        forged.push(signed(&claims, Algorithm::RS256, RSA));
        forged.push(
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(b"guess")).unwrap(),
        );
        forged.push("t".repeat(10_000));
        for forged in forged {
            let answer = world.get(&forged, &path).await;
            assert_eq!(answer.status, 401, "{forged}");
        }
        for headers in [&[][..], &[("authorization", "Basic bWU6bWU=")], &[("authorization", "Bearer")]] {
            let answer = world.send("GET", &path, headers, "").await;
            assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Bearer"), "{headers:?}");
        }
        let lower = [("authorization", format!("bearer {token}"))];
        let answer = world.send("GET", &path, &[(lower[0].0, &lower[0].1)], "").await;
        assert_eq!(answer.status, 200, "the scheme's case does not matter");
    }
}

#[tokio::test]
async fn the_key_set_verifies_our_tokens() {
    for world in World::all().await {
        let token = world.token("everything").await;
        let jwks = world.send("GET", "/a/oidc-provider/api/v0/jwks", &[], "").await.json();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwks["keys"][0].clone()).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.kid, jwk.common.key_id);
        let mut validation = jsonwebtoken::Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    }
}

#[tokio::test]
async fn scopes_count_for_clients_registered_so() {
    for world in World::all().await {
        let institution = world.institution().await;
        let search = format!("/a/consumer-user-search/api/v0/institutions/{institution}/users");
        let settings = format!("/a/password-reset/api/v0/institutions/{institution}/settings");
        let narrow = world.token_with("scoped", "openid").await;
        let answer = world.get(&narrow, &search).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (403, json!({ "errorCode": 40 })));
        assert_eq!(world.get(&narrow, &marta(&world)).await.status, 200, "no scope is listed for it");
        let wide = world.token_with("scoped", "openid https://jackhenry.com/consumer-user-search").await;
        assert_eq!(world.get(&wide, &search).await.status, 200);
        assert_eq!(world.get(&wide, &settings).await.status, 403);
        let refused = world.ask_token(&world.assertion("scoped"), &[("scope", "openid other")]).await;
        assert_eq!((refused.status.as_u16(), refused.json()["error"].as_str()), (400, Some("invalid_scope")));
    }
}

#[tokio::test]
async fn somebody_elses_institution_and_user_are_out_of_reach() {
    for world in World::all().await {
        let token = world.token("everything").await;
        let other = world.test.desk.tenant(world.other).await.unwrap().institution.id.0;
        let own = world.institution().await;
        for institution in [other.to_string(), "not-a-uuid".to_owned(), uuid::Uuid::nil().to_string()] {
            for path in ["consumer-user-search/api/v0/institutions/X/users", "mobile/api/v0/institutions/X/abilities"] {
                let answer = world.get(&token, &format!("/a/{}", path.replace('X', &institution))).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.text.as_str()),
                    (403, "{\"errorCode\":40}"),
                    "{institution}"
                );
            }
        }
        let upper = format!("/a/mobile/api/v0/institutions/{}/abilities", own.to_uppercase());
        assert_eq!(world.get(&token, &upper).await.status, 200);
        let upper = status(&world.user("marta").0.to_string().to_uppercase());
        assert_eq!(world.get(&token, &upper).await.status, 200);
        for user in [world.stranger.0.to_string(), world.user("gone").0.to_string(), "7".to_owned(), "%FF".to_owned()] {
            assert_eq!(world.get(&token, &status(&user)).await.status, 404, "{user}");
            let locked = format!("{}/locked", status(&user));
            assert_eq!(world.put(&token, &locked, r#"{"state":false}"#).await.status, 404, "{user}");
        }
    }
}

#[tokio::test]
async fn every_route_refuses_strangers_and_those_without_rights() {
    for world in World::all().await {
        let (institution, user) = (world.institution().await, world.user("marta").0.to_string());
        let token = world.token("nothing").await;
        let bearer = format!("Bearer {token}");
        for route in dialects::banno::ROUTES.iter().filter(|route| !route.path.contains("/oidc-provider/")) {
            // Whatever the rest of the path says.
            for user in [user.as_str(), "7"] {
                let path = route.path.replace("{institutionId}", &institution).replace("{userId}", user);
                let answer = world.send(route.method, &path, &[], "").await;
                let told = (answer.status.as_u16(), answer.header("www-authenticate"));
                assert_eq!(told, (401, "Bearer"), "{} {path}", route.method);
                let answer = world.send(route.method, &path, &[("authorization", &bearer)], "").await;
                let told = (answer.status.as_u16(), answer.text.as_str());
                assert_eq!(told, (403, "{\"errorCode\":40}"), "{} {path}", route.method);
            }
        }
    }
}
