//! Calls that need another door, a moved clock or many callers at once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk::key::RevokeKey;
use desk::permission::Proposable;
use desk::request::{Proposal, ProposeAction};
use desk::session::SignInAnswer;
use desk::staff::{DisableStaff, EnableStaff, StaffSignInAnswer};
use desk::testing::origin;
use desk::value::clock::{DAY, SECOND};
use desk::value::secret::Secret;
use serde_json::json;

use super::world::*;

#[tokio::test]
async fn a_user_disabled_here_is_refused_at_every_other_door_in_the_same_instant() {
    for world in World::all().await {
        let SignInAnswer::SignedIn { token: native, .. } = world.sign_in("tunde", None).await else {
            panic!("she gets in");
        };
        let bearer = format!("Bearer {}", native.expose());
        let me = async || world.send("GET", "/v1/me", &[("authorization", &bearer)], "").await.status.as_u16();
        let app = world.customer("tunde").await;
        assert_eq!((me().await, world.get(&app, "/user").await.status.as_u16()), (200, 200));
        let admin = world.admin("super_admin").await;
        let banno = Banno::of(&world).await;
        assert_eq!(banno.status("tunde").await, "Active");
        assert_eq!(banno.is_active("tunde").await, json!(true));
        let told = world.post(&admin, "/admin/users/disable/2", json!({ "reason": "card testing" })).await;
        assert_eq!(told.status, 200, "{}", told.text);
        // Her native session and her app's are over, and she gets no other by any door.
        assert_eq!((me().await, world.get(&app, "/user").await.status.as_u16()), (401, 401));
        let answer = world.sign_in("tunde", None).await;
        assert!(matches!(answer, SignInAnswer::Barred(desk::Refusal::UserDisabled)));
        let body = json!({ "tenant_id": world.test.tenant, "identifier": "tunde@mail.example", "password": PASSWORD });
        let headers = [("content-type", "application/json")];
        let answer = world.send("POST", "/v1/sessions", &headers, body.to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (403, Some("user_disabled")));
        assert_eq!(world.log_in("tunde").await.told(), (401, "Your account has been disabled".to_owned()));
        assert_eq!(banno.is_active("tunde").await, json!(false), "Banno tells it, too");
        // Enabled again: the old tokens stay dead, and she signs in anew.
        assert_eq!(world.post(&admin, "/admin/users/enable/2", json!({ "reason": "cleared" })).await.status, 200);
        assert_eq!((me().await, world.get(&app, "/user").await.status.as_u16()), (401, 401));
        assert_eq!(world.log_in("tunde").await.status, 200);
        assert_eq!(banno.is_active("tunde").await, json!(true));
    }
}

/// A Banno client of the same bank.
struct Banno<'a> {
    world: &'a World,
    token: String,
}

impl Banno<'_> {
    async fn of(world: &World) -> Banno<'_> {
        use desk::key::{CreateKey, KeyKind, PublicKeys};
        use jsonwebtoken::{Algorithm, EncodingKey, Header};
        let desk = &world.test.desk;
        let staff = desk.ask(&world.house(), desk::staff::ListStaff).await.unwrap()[0].id;
        let public = include_str!("../../keys/test-only-client-p256.public.pem");
        let key = CreateKey {
            kind: KeyKind::Banno,
            client_id: Some("banno".to_owned()),
            public_keys: Some(PublicKeys::Pem(public.to_owned())),
            ..CreateKey::native("Banno", staff)
        };
        desk.perform(&world.house(), key).await.unwrap();
        let path = "/a/oidc-provider/api/v0/token";
        let exp = desk.now().unix_seconds() + 240;
        let claims = json!({
            "iss": "banno", "sub": "banno", "aud": format!("{PUBLIC_URL}{path}"), "exp": exp, "jti": "once",
        });
        let private = include_str!("../../keys/test-only-client-p256.private.pem");
        let key = EncodingKey::from_ec_pem(private.as_bytes()).unwrap();
        let assertion = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap();
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let form = format!(
            "grant_type=client_credentials&client_assertion_type={kind}&client_assertion={assertion}&scope=openid"
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = world.send("POST", path, &headers, form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        Banno { world, token }
    }

    async fn get(&self, path: &str) -> serde_json::Value {
        let bearer = format!("Bearer {}", self.token);
        self.world.send("GET", path, &[("authorization", &bearer)], "").await.json()
    }

    async fn status(&self, name: &str) -> String {
        let user = self.world.user(name).await.0;
        let answer = self.get(&format!("/a/consumer-status/api/v0/users/{user}/status")).await;
        answer["status"].as_str().unwrap().to_owned()
    }

    async fn is_active(&self, name: &str) -> serde_json::Value {
        let institution = self.world.test.desk.tenant(self.world.test.tenant).await.unwrap().institution.id.0;
        let search = format!("/a/consumer-user-search/api/v0/institutions/{institution}/users?query={name}");
        self.get(&search).await["users"][0]["userActive"].clone()
    }
}

#[tokio::test]
async fn of_those_who_do_the_same_at_once_one_did_it() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        for (path, rule) in
            [("/admin/users/disable/2", "user is already disabled"), ("/admin/users/enable/2", "user is not disabled")]
        {
            let body = json!({ "reason": "together" });
            let calls = (0..8).map(|_| world.post(&token, path, body.clone()));
            let told = all(calls).await;
            let won = told.iter().filter(|answer| answer.status == 200).count();
            let lost = told.iter().filter(|answer| answer.told() == (400, rule.to_owned())).count();
            assert_eq!((won, lost), (1, 7), "{path}");
        }
        // One disables and one enables: whoever comes first, each is told by the rule.
        let (body, other) = (json!({ "reason": "a" }), json!({ "reason": "b" }));
        let disable = world.post(&token, "/admin/users/disable/2", body);
        let enable = world.post(&token, "/admin/users/enable/2", other);
        let (one, two) = tokio::join!(disable, enable);
        assert_eq!(one.status, 200);
        assert!(two.status == 200 || two.told() == (400, "user is not disabled".to_owned()), "{}", two.text);
        let devices = world.get(&token, "/admin/users/7/devices").await.json();
        let path = format!("/admin/users/delete/7/devices/{}", devices["data"][0]["device_id"].as_str().unwrap());
        let calls = (0..4).map(|_| world.call(Some(&token), "POST", &path, ""));
        let told = all(calls).await;
        assert_eq!(told.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!(told.iter().filter(|answer| answer.status == 404).count(), 3);
        assert_eq!(world.get(&token, "/admin/users/7/devices").await.json()["data"].as_array().unwrap().len(), 1);
    }
}

async fn all<F: Future<Output = Answer>>(calls: impl Iterator<Item = F>) -> Vec<Answer> {
    let mut calls: Vec<_> = calls.map(Box::pin).collect();
    let mut told: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (call, told) in calls.iter_mut().zip(&mut told) {
            if told.is_none()
                && let std::task::Poll::Ready(answer) = call.as_mut().poll(cx)
            {
                *told = Some(answer);
            }
        }
        if told.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    told.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_session_lasts_half_an_hour_and_ends_with_the_admin_or_the_client() {
    for world in World::all().await {
        let (high, low) = (world.admin("super_admin").await, world.admin("customer_success").await);
        world.test.clock.advance(1799 * SECOND);
        assert_eq!(world.get(&high, "/admin").await.status, 200);
        world.test.clock.advance(SECOND);
        assert_eq!(world.get(&high, "/admin").await.status, 401);
        assert_eq!(world.get(&low, "/admin").await.status, 401);
        let (high, low) = (world.admin("super_admin").await, world.admin("customer_success").await);
        assert_eq!(world.call(Some(&high), "POST", "/admin/disable/3", "").await.status, 200);
        assert_eq!(world.get(&low, "/admin").await.status, 401, "she was disabled");
        let body = json!({ "email": "customer.success@bank.example", "password": PASSWORD }).to_string();
        let answer = world.call(None, "POST", "/admin/login", &body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["locked"].clone()), (401, json!(false)));
        let keys = world.test.desk.ask(&world.house(), desk::key::ListKeys).await.unwrap();
        let key = keys.iter().find(|key| key.client_id.as_deref() == Some(CLIENT)).unwrap();
        // Whoever owns a client knows its secret: it goes with her, until it is made anew or she comes back.
        let other = world.admin("other_super_admin").await;
        world.test.desk.perform(&world.house(), DisableStaff(key.staff)).await.unwrap();
        assert_eq!(world.get(&other, "/admin").await.told(), (401, "Invalid client".to_owned()));
        world.test.desk.perform(&world.house(), EnableStaff(key.staff)).await.unwrap();
        assert_eq!(world.get(&other, "/admin").await.status, 200);
        world.test.desk.perform(&world.house(), RevokeKey(key.id)).await.unwrap();
        assert_eq!(world.get(&high, "/admin").await.told(), (401, "Invalid client".to_owned()));
    }
}

/// The `jti` of a token, as whoever holds it reads it.
fn jti(token: &str) -> String {
    let claims = token.split('.').nth(1).expect("three parts");
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_cannot_act_by_itself_nor_its_secret_open_another_door() {
    for world in World::all().await {
        for credential in [world.secret.as_str(), CLIENT] {
            let bearer = format!("Bearer {credential}");
            let answer = world.send("GET", "/v1/users", &[("authorization", &bearer)], "").await;
            assert_eq!(answer.status, 401);
        }
        let token = world.admin("super_admin").await;
        let bearer = format!("Bearer {token}");
        let answer = world.send("GET", "/v1/staff/me", &[("authorization", &bearer)], "").await;
        assert_eq!(answer.status, 401, "this voice's tokens are of this voice");
        // What stands in a token can be read by whoever holds it, and is no key to our own API either.
        for (token, path) in [(token, "/v1/staff/me"), (world.customer("ada").await, "/v1/me")] {
            let jti = jti(&token);
            let plain = String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(&jti).unwrap()).into_owned();
            assert!(!jti.starts_with("bss_") && !jti.starts_with("bus_") && !plain.contains("bss_"), "{jti}");
            assert!(!plain.contains("bus_"), "{jti}");
            let bearer = format!("Bearer {jti}");
            let answer = world.send("GET", path, &[("authorization", &bearer)], "").await;
            assert_eq!(answer.status, 401, "{path}: the session in it is sealed");
        }
    }
}

#[tokio::test]
async fn an_appointed_admin_chooses_her_password_through_a_link_and_nobody_else_does() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        let made = world.post(&token, "/admin/new", json!({ "email": "new@bank.example", "role": "admin" })).await;
        assert_eq!(made.json()["data"]["role"], "admin", "{}", made.text);
        let all = world.test.desk.ask(&world.house(), desk::message::Outbox::After(None)).await.unwrap();
        let letter = all.into_iter().find(|it| it.template == "staff_invitation").unwrap();
        assert!(letter.staff.is_some() && letter.user.is_none());
        let link = letter.letter.unwrap();
        assert_eq!(link.to, "new@bank.example");
        let link = link.token.unwrap();
        assert!(!made.text.contains(&link));
        let redeem = async |password: &str| {
            let body = json!({ "token": link, "password": password }).to_string();
            world.send("POST", "/v1/password-resets/redeem", &[("content-type", "application/json")], body).await.status
        };
        assert_eq!(redeem("short").await, 400);
        assert_eq!(redeem("Copper-Meadow-42-Violin").await, 204);
        assert_eq!(redeem("Copper-Meadow-43-Violin").await, 410, "once only");
        let body = json!({ "email": "new@bank.example", "password": "Copper-Meadow-42-Violin" }).to_string();
        let answer = world.call(None, "POST", "/admin/login", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["data"]["admin"]["role"], "admin");
    }
}

#[tokio::test]
async fn sign_ins_at_once_do_not_starve_the_others() {
    for world in World::all().await {
        let admin = world.admin("super_admin").await;
        let logins = (0..60).map(|_| async { world.log_in("ada").await });
        let looks = (0..60).map(|_| async { world.get(&admin, "/admin/users/1").await });
        let (logins, looks) = tokio::join!(all(logins), all(looks));
        assert!(logins.iter().chain(&looks).all(|answer| answer.status == 200));
    }
}

#[tokio::test]
async fn the_book_tells_who_got_in_and_who_did_not() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        let newest = async |query: &str| {
            let told = world.get(&token, &format!("/admin/audits?per_page=1&{query}")).await.json();
            let (row, text) = (&told["data"][0], |value: &serde_json::Value| value.as_str().unwrap().to_owned());
            (text(&row["action_performed"]), text(&row["auditable_type"]), row["auditable_id"].as_i64().unwrap())
        };
        let told = |words: &str, kind: &str, id: i64| (words.to_owned(), kind.to_owned(), id);
        let wrong = |email: &str| json!({ "email": email, "password": "Not-The-Password-11-Sorry" }).to_string();
        // Admins: whom it is about tells that they are admins, before anybody knows who they are.
        world.test.clock.advance(SECOND);
        let body = wrong("customer.success@bank.example");
        assert_eq!(world.call(None, "POST", "/admin/login", &body).await.status, 401);
        assert_eq!(newest("user_type=admin").await, told("failed to sign in", "Admin", 3));
        assert_eq!(newest("log_type=service_profile").await, told("failed to sign in", "Admin", 3));
        world.test.clock.advance(SECOND);
        world.admin("customer_success").await;
        assert_eq!(newest("user_type=admin").await, told("signed in", "Admin", 3));
        // Users.
        world.test.clock.advance(SECOND);
        assert_eq!(world.call(None, "POST", "/user/login", &wrong("ada@mail.example")).await.status, 401);
        assert_eq!(newest("user_type=user").await, told("failed to sign in", "User", 1));
        assert_eq!(newest("user_type=admin").await, told("signed in", "Admin", 3));
        world.test.clock.advance(SECOND);
        world.customer("ada").await;
        assert_eq!(newest("user_type=user").await, told("signed in", "User", 1));
        // In two steps: the first one is not yet in.
        world.settings(json!({ "mail_codes": true })).await;
        world.test.clock.advance(SECOND);
        let proof = world.log_in("ada").await.json()["data"]["two_factor_token"].as_str().unwrap().to_owned();
        assert_eq!(newest("user_type=user").await, told("was asked for a second factor", "User", 1));
        let code = world.letter("ada", "sign_in_code").await;
        let second = async |otp: &str| {
            world.test.clock.advance(SECOND);
            let body = json!({ "two_factor_token": proof, "otp": otp }).to_string();
            world.call(None, "POST", "/user/login", &body).await.status
        };
        let other = if code == "000000" { "000001" } else { "000000" };
        assert_eq!(second(other).await, 401);
        assert_eq!(newest("user_type=user").await.0, "failed to sign in");
        assert_eq!(second(&code).await, 200);
        assert_eq!(newest("user_type=user").await.0, "signed in");
        // Whom somebody made an admin, and which request was decided, are told by their numbers.
        world.test.clock.advance(SECOND);
        let made = world.post(&token, "/admin/new", json!({ "email": "new@bank.example", "role": "admin" })).await;
        let number = made.json()["data"]["id"].as_i64().unwrap();
        assert_eq!(newest("user_type=admin").await, told("created admin", "Admin", number));
        let low = world.admin("customer_success").await;
        let ask = json!({ "user_id": 2, "reason": "card testing" });
        let asked = world.post(&low, "/admin/disable_requests", ask).await.json();
        let number = asked["data"]["id"].as_str().unwrap().to_owned();
        world.test.clock.advance(SECOND);
        let path = format!("/admin/disable_requests/decline/{number}");
        assert_eq!(world.post(&token, &path, json!({ "comment": "no grounds" })).await.status, 200);
        assert_eq!(newest("user_type=admin").await, told("declined request", "Request", number.parse().unwrap()));
    }
}

#[tokio::test]
async fn what_an_admin_has_proposed_by_our_own_door_she_does_not_approve_here() {
    for world in World::all().await {
        let desk = &world.test.desk;
        let email = "super.admin@bank.example";
        let signed_in = desk.staff_sign_in(&world.test.nobody(), email, Secret::new(PASSWORD)).await.unwrap();
        let StaffSignInAnswer::SignedIn { token, .. } = signed_in else { panic!("she gets in") };
        let herself = desk.caller(token.expose(), origin()).await.unwrap();
        let proposal = Proposal::plain(Proposable::Disable, world.user("tunde").await);
        let propose = ProposeAction { proposal, reason: "card testing".to_owned() };
        let number = desk.perform(&herself, propose).await.unwrap().request.number;
        let path = format!("/admin/disable_requests/approve/{number}");
        let one = world.admin("super_admin").await;
        let told = world.post(&one, &path, json!({})).await.told();
        assert_eq!(told, (400, "Nobody decides what she has proposed herself.".to_owned()));
        let other = world.admin("other_super_admin").await;
        assert_eq!(world.post(&other, &path, json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn a_request_that_nobody_decides_in_time_is_no_longer_pending() {
    for world in World::all().await {
        let low = world.admin("customer_success").await;
        let ask = json!({ "user_id": 2, "reason": "card testing" });
        let asked = world.post(&low, "/admin/disable_requests", ask).await.json();
        let number = asked["data"]["id"].as_str().unwrap().to_owned();
        world.test.clock.advance(7 * DAY);
        let high = world.admin("super_admin").await;
        for way in ["approve", "decline"] {
            let path = format!("/admin/disable_requests/{way}/{number}");
            let told = world.post(&high, &path, json!({ "comment": "late" })).await.told();
            assert_eq!(told, (400, "request is no longer pending".to_owned()), "{way}");
        }
        let shown = world.get(&high, &format!("/admin/disable_requests/{number}")).await.json();
        assert_eq!(shown["data"]["status"], "expired");
        let user = world.get(&high, "/admin/users/2").await.json();
        assert_eq!(
            (&user["data"]["disabled"], &user["data"]["has_pending_disable_request"]),
            (&json!(false), &json!(false))
        );
    }
}
