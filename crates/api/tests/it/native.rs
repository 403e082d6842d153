//! The native API as its callers meet it.

use axum::body::Body;
use desk::Permission as P;
use desk::message::Outbox;
use desk::user::CreateUser;
use desk::value::clock::SECOND;
use serde_json::{Value, json};

use crate::harness::{Handle, House};

const PASSWORD: &str = "violet kettle harbour";

async fn marta(admin: &Handle) -> Value {
    let new = json!({
        "first_name": "Marta", "last_name": "Reyes", "username": "mreyes", "email": "marta.reyes@example.com",
        "phone": "+15555550101", "password": PASSWORD, "identifiers": {"ssn": "900-12-1234"},
    });
    admin.post("/v1/users", new).await.is(201).json()
}

fn path(user: &Value, rest: &str) -> String {
    format!("/v1/users/{}{rest}", user["id"].as_str().unwrap())
}

async fn sign_in(house: &House, password: &str) -> crate::harness::Answer {
    let body = json!({
        "tenant_id": house.desk.tenant.to_string(), "identifier": "mreyes", "password": password,
        "device": {"fingerprint": "phone-1", "model": "Pixel 9"},
    });
    house.nobody().post("/v1/sessions", body).await
}

#[tokio::test]
async fn a_whole_support_call_goes_through() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = marta(&admin).await;
        for _ in 0..5 {
            assert_eq!(sign_in(&house, "wrong").await.is(401).code(), "sign_in_failed");
        }
        // Nor is the right one told from them while it is locked by wrong ones.
        assert_eq!(sign_in(&house, PASSWORD).await.is(401).code(), "sign_in_failed");
        assert_eq!(sign_in(&house, "wrong").await.is(401).code(), "sign_in_failed");

        let support =
            house.holder("support", &[P::UsersRead, P::UsersContacts, P::UsersLock, P::UsersResetPassword]).await;
        let found = support
            .post("/v1/users/search", json!({"query": "marta.reyes@example.com", "total": true}))
            .await
            .is(200)
            .json();
        assert_eq!(found["data"][0]["id"], user["id"]);
        assert_eq!(found["total"], 1);
        assert_eq!(found["data"][0]["identifiers"]["ssn"], "***-**-1234");
        let card = support.get(&path(&user, "/standing")).await.is(200).json();
        assert_eq!(card["standing"]["sign_in_lock"]["state"], "locked");
        assert_eq!(card["standing"]["sign_in_lock"]["cause"], "failed_sign_ins");
        assert_eq!(card["attempts"]["unlock"], "allowed");
        assert_eq!(card["attempts"]["sign_in"], "user_locked");

        let plan = support.post(&format!("{}?preview=true", path(&user, "/unlock")), json!({})).await.is(200).json();
        assert_eq!(plan["facts"][0]["event"], "user.unlocked");
        let unlocked = support.post(&path(&user, "/unlock"), json!({"reason": "proved herself"})).await.is(200);
        assert_eq!(unlocked.headers["bursar-changed"], "true");
        assert_eq!(unlocked.json()["standing"]["sign_in_lock"]["state"], "open");
        assert_eq!(unlocked.json()["standing"]["sign_in_lock"]["reason"], "proved herself");
        let again = support.post(&path(&user, "/unlock"), json!({})).await.is(200);
        assert_eq!(again.headers["bursar-changed"], "false");
        support.post(&path(&user, "/password-resets"), json!({"method": "email"})).await.is(202);

        let session = sign_in(&house, PASSWORD).await.is(201).json();
        let herself = house.bearing(session["token"].as_str().unwrap());
        assert_eq!(herself.get("/v1/me").await.is(200).json()["id"], user["id"]);
        assert_eq!(herself.get("/v1/me/devices").await.is(200).json()["data"][0]["model"], "Pixel 9");
        admin.post(&path(&user, "/disable"), json!({"reason": "left"})).await.is(200);
        herself.get("/v1/me").await.is(401);

        let book = admin.get(&format!("/v1/audit?subject={}", user["id"].as_str().unwrap())).await.is(200).json();
        let actions: Vec<_> =
            book["data"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
        for action in ["user.disable", "session.sign_in", "password.start_reset", "user.unlock"] {
            assert!(actions.contains(&action), "{action} in {actions:?}");
        }
    }
}

#[tokio::test]
async fn a_patch_needs_the_version_it_was_made_from_when_it_says_so() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = marta(&admin).await;
        let at = path(&user, "");
        let tag = admin.get(&at).await.is(200).headers["etag"].to_str().unwrap().to_owned();
        let json_type = ("content-type", "application/json");
        let patch = |tag: String, body: &'static str| {
            let (admin, at) = (admin.clone(), at.clone());
            async move { admin.send("PATCH", &at, &[json_type, ("if-match", &tag)], body).await }
        };
        let changed = patch(tag.clone(), r#"{"preferred_name":"Marti","phone":null}"#).await.is(200);
        assert_eq!(changed.json()["preferred_name"], "Marti");
        assert_eq!(changed.json()["phone"], Value::Null);
        assert_ne!(changed.headers["etag"].to_str().unwrap(), tag);
        assert_eq!(patch(tag, r#"{"preferred_name":"M"}"#).await.is(412).code(), "version_conflict");
        assert_eq!(patch("\"x\"".to_owned(), "{}").await.is(412).code(), "version_conflict");
        let wrong = admin.patch(&at, json!({"email": "nonsense", "nickname": "x"})).await.is(400);
        assert_eq!(wrong.code(), "invalid");
        admin.patch(&at, json!({"password": "x"})).await.is(400);
        admin.patch(&at, json!({"first_name": 7})).await.is(400);
    }
}

#[tokio::test]
async fn an_idempotency_key_makes_one_user_and_gives_one_answer() {
    for house in House::all().await {
        let admin = house.admin().await;
        let body = r#"{"first_name":"Ada","last_name":"Okafor"}"#;
        let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
        let first = admin.send("POST", "/v1/users", &headers, body).await.is(201);
        let second = admin.send("POST", "/v1/users", &headers, body).await.is(201);
        assert_eq!(first.text, second.text);
        assert_eq!(second.headers["idempotency-replayed"], "true");
        assert_eq!(first.headers["etag"], second.headers["etag"]);
        let other = admin.send("POST", "/v1/users", &headers, r#"{"last_name":"Other"}"#).await.is(422);
        assert_eq!(other.code(), "idempotency_key_reused");
        assert_eq!(admin.get("/v1/users?total=true").await.json()["total"], 1);
        // Eight at the same time: one runs, all get its answer.
        let headers = [("content-type", "application/json"), ("idempotency-key", "k-2")];
        let racing = (0..8).map(|_| {
            let admin = admin.clone();
            tokio::spawn(async move { admin.send("POST", "/v1/users", &headers, body).await.is(201).text })
        });
        let mut texts = Vec::new();
        for one in racing {
            texts.push(one.await.unwrap());
        }
        texts.dedup();
        assert_eq!(texts.len(), 1);
        assert_eq!(admin.get("/v1/users?total=true").await.json()["total"], 2);
    }
}

#[tokio::test]
async fn lists_page_filter_and_count() {
    for house in House::all().await {
        let admin = house.admin().await;
        for index in 0..7 {
            let name = format!("Person{index}");
            let user = admin.post("/v1/users", json!({"last_name": name})).await.is(201).json();
            if index % 3 == 0 {
                admin.post(&path(&user, "/lock"), json!({})).await.is(200);
            }
        }
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = admin.get(&format!("/v1/users?limit=3&total=true{after}")).await.is(200).json();
            assert_eq!(page["total"], 7);
            seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["number"].as_i64().unwrap()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
        let locked = admin.get("/v1/users?sign_in_lock=locked&total=true").await.is(200).json();
        assert_eq!(locked["total"], 3);
        // A cursor of one list is none of another; a changed one is none at all.
        assert_eq!(admin.get(&format!("/v1/users?sign_in_lock=locked{after}")).await.is(400).code(), "invalid");
        admin.get("/v1/users?after=3.0123456789abcdef").await.is(400);
        admin.get("/v1/users?limit=0").await.is(400);
        admin.get("/v1/users?limit=x").await.is(400);
        assert_eq!(admin.get("/v1/users?admission=gone").await.is(400).code(), "invalid");
        admin.get("/v1/users?colour=red").await.is(400);
    }
}

#[tokio::test]
async fn what_a_limited_role_may_not_see_is_masked() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = marta(&admin).await;
        let auditor = house.holder("auditor", &[P::UsersRead]).await;
        let seen = auditor.get(&path(&user, "")).await.is(200);
        for secret in ["marta.reyes@", "5555550101", "900-12-1234", "mreyes"] {
            assert!(!seen.text.contains(secret), "{secret} in {}", seen.text);
        }
        assert_eq!(
            auditor.post(&path(&user, "/reveal"), json!({"purpose": "looking"})).await.is(403).code(),
            "forbidden"
        );
        admin.post(&path(&user, "/reveal"), json!({"purpose": " "})).await.is(400);
        house.desk.clock.advance(SECOND);
        let all = admin.post(&path(&user, "/reveal"), json!({"purpose": "card was lost"})).await.is(200).json();
        assert_eq!(all["identifiers"]["ssn"], "900-12-1234");
        let book = admin.get("/v1/audit?limit=1").await.json();
        assert_eq!(book["data"][0]["outcome"], "asked");
        assert_eq!(book["data"][0]["reason"], "card was lost");
    }
}

#[tokio::test]
async fn bad_input_gets_a_clear_problem() {
    for house in House::all().await {
        let admin = house.admin().await;
        let json_type = [("content-type", "application/json")];
        let post = |body: Body| admin.send("POST", "/v1/users", &json_type, body);
        assert_eq!(post(Body::from("{\"first_name\":")).await.is(400).code(), "body_malformed");
        assert_eq!(post(Body::from("[]")).await.is(400).code(), "body_malformed");
        assert_eq!(post(Body::from(r#"{"first_name":{"a":1}}"#)).await.is(400).code(), "body_malformed");
        assert_eq!(post(Body::from(vec![0x7b, 0x22, 0xff, 0x22])).await.is(400).code(), "body_malformed");
        assert_eq!(post(Body::from("{\"last_name\":\"a\\u0000b\"}")).await.is(400).code(), "invalid");
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(post(Body::from(deep)).await.is(400).code(), "body_malformed");
        assert_eq!(post(Body::from(vec![b' '; 1024 * 1024 + 1])).await.is(413).code(), "body_too_large");
        let secret = "do-not-repeat-me";
        let answer = post(Body::from(format!(r#"{{"employee":"{secret}"}}"#))).await.is(400);
        assert!(!answer.text.contains(secret), "{}", answer.text);
        let text = admin.send("POST", "/v1/users", &[("content-type", "text/plain")], "{}").await.is(415);
        assert_eq!(text.code(), "body_type");
        assert_eq!(admin.get("/v1/nothing/here").await.is(404).code(), "no_such_path");
        assert_eq!(admin.get("/v1/users/%ff%fe").await.is(404).code(), "not_found");
        for method in ["TRACE", "QUERY", "FOO", "PUT"] {
            let answer = admin.send(method, "/v1/users", &[], Body::empty()).await.is(405);
            assert_eq!(answer.code(), "method_not_allowed");
            assert!(answer.headers.contains_key("allow"));
        }
        for bearer in ["", "x", "bsk_live_1_nonsense", "bsk_live_99_nonsense", "bus_1_x", "bss_77_x", "ключ"] {
            let answer = house.nobody().send("GET", "/v1/users", &[], Body::empty()).await.is(401);
            assert_eq!(answer.code(), "unauthenticated");
            if bearer.is_ascii() {
                assert_eq!(house.bearing(bearer).get("/v1/users").await.is(401).code(), "unauthenticated");
            }
        }
        let long = "k".repeat(256);
        let headers = [("content-type", "application/json"), ("idempotency-key", long.as_str())];
        admin.send("POST", "/v1/users", &headers, "{}").await.is(400);
        admin.post("/v1/users?preview=perhaps", json!({"last_name": "A"})).await.is(400);
        let limited = admin.get("/v1/users").await;
        assert!(limited.headers["ratelimit"].to_str().unwrap().contains("r="));
        assert!(limited.headers["ratelimit-policy"].to_str().unwrap().contains("q=100000"));
    }
}

#[tokio::test]
async fn another_tenants_things_do_not_exist() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = marta(&admin).await;
        let other = house.desk.other_tenant().await;
        let stranger = house.holder_in(other, "stranger", P::ALL).await;
        stranger.get(&path(&user, "")).await.is(404);
        stranger.post(&path(&user, "/lock"), json!({})).await.is(404);
        stranger.patch(&path(&user, ""), json!({"last_name": "X"})).await.is(404);
        let found = stranger.post("/v1/users/search", json!({"query": "marta", "total": true})).await.is(200).json();
        assert_eq!(found["total"], 0);
        let at = format!("/v1/audit?subject={}", user["id"].as_str().unwrap());
        // Only what the stranger tried himself stands in his book.
        for record in stranger.get(&at).await.is(200).json()["data"].as_array().unwrap() {
            assert_eq!((&record["outcome"], &record["code"]), (&json!("refused"), &json!("not_found")));
        }
    }
}

#[tokio::test]
async fn a_second_factor_is_set_up_and_asked_for() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = marta(&admin).await;
        let session = sign_in(&house, PASSWORD).await.is(201).json();
        let herself = house.bearing(session["token"].as_str().unwrap());
        let prepared = herself.post("/v1/me/second-factor", json!({})).await.is(200).json();
        let secret = prepared["secret"].as_str().unwrap();
        let code = |at: i64| totp(secret, at);
        let now = house.desk.clock.now().unix_seconds();
        let confirm = json!({"secret": secret, "code": "000000"});
        assert_eq!(herself.post("/v1/me/second-factor/confirm", confirm).await.is(409).code(), "code_wrong");
        let confirm = json!({"secret": secret, "code": code(now)});
        herself.post("/v1/me/second-factor/confirm", confirm).await.is(204);
        house.desk.clock.advance(60 * SECOND);
        let asked = sign_in(&house, PASSWORD).await.is(202).json();
        assert_eq!(asked["factor"], "totp");
        let tenant = house.desk.tenant.to_string();
        let step = |code: String| json!({"tenant_id": tenant, "proof": asked["proof"], "code": code});
        let nobody = house.nobody();
        assert_eq!(nobody.post("/v1/sessions/confirm", step("000000".into())).await.is(401).code(), "code_wrong");
        let right = code(now + 60);
        nobody.post("/v1/sessions/confirm", step(right.clone())).await.is(201);
        assert_eq!(nobody.post("/v1/sessions/confirm", step(right)).await.is(410).code(), "link_invalid");
        // A session alone does not remove it.
        assert_eq!(herself.delete("/v1/me/second-factor").await.is(403).code(), "proof_needed");
        let wrong = json!({"password": "not-hers-at-all"}).to_string();
        let json = [("content-type", "application/json")];
        let wrong = herself.send("DELETE", "/v1/me/second-factor", &json, wrong).await;
        assert_eq!(wrong.is(403).code(), "proof_wrong");
        let right = json!({"password": PASSWORD}).to_string();
        let preview = herself.send("DELETE", "/v1/me/second-factor?preview=true", &json, right.clone()).await;
        assert_eq!(preview.is(400).json()["errors"][0]["code"], "not_previewable");
        herself.send("DELETE", "/v1/me/second-factor", &json, right).await.is(204);
        sign_in(&house, PASSWORD).await.is(201);
        admin.delete(&path(&user, "/second-factor")).await.is(204);
    }
}

fn totp(secret: &str, at: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(at as u64).to_string()
}

#[tokio::test]
async fn staff_rights_count_from_the_next_request_on() {
    for house in House::all().await {
        let admin = house.admin().await;
        let clerk =
            admin.post("/v1/staff", json!({"name": "Ivo Clerk", "email": "ivo@bank.example"})).await.is(201).json();
        let known = json!({"name": "Eve", "email": "eve@bank.example", "password": "orchid-lamp-twelve"});
        assert_eq!(admin.post("/v1/staff", known).await.is(400).code(), "body_malformed", "nobody chooses for another");
        let letters = house.desk.desk.ask(&house.desk.house(), Outbox::Before(None)).await.unwrap();
        let token = letters[0].letter.as_ref().unwrap().token.clone().unwrap();
        let redeem = json!({"token": format!(" {token}\n"), "password": "orchid-lamp-twelve"});
        house.nobody().post("/v1/password-resets/redeem", redeem).await.is(204);
        let tenant = house.desk.tenant.to_string();
        let body = json!({"tenant_id": tenant, "email": "ivo@bank.example", "password": "orchid-lamp-twelve"});
        let session = house.nobody().post("/v1/staff/sessions", body).await.is(201).json();
        let ivo = house.bearing(session["token"].as_str().unwrap());
        assert_eq!(ivo.get("/v1/users").await.is(403).code(), "forbidden");
        let role =
            admin.post("/v1/roles", json!({"name": "reader", "permissions": ["users.read"]})).await.is(200).json();
        let team = admin.post("/v1/teams", json!({"name": "Front"})).await.is(201).json();
        let members = format!("/v1/teams/{}/members", team["id"].as_str().unwrap());
        let member = json!({"staff_id": clerk["id"], "role_id": role["id"]});
        admin.post(&members, member).await.is(204);
        ivo.get("/v1/users").await.is(200);
        assert_eq!(ivo.post("/v1/roles", json!({"name": "x", "permissions": []})).await.is(403).code(), "forbidden");
        let id = clerk["id"].as_str().unwrap();
        admin.delete(&format!("{members}/{id}")).await.is(204);
        ivo.get("/v1/users").await.is(403);
        // Their own password, which ends every session; a key cannot change it.
        let change = |current: &str| json!({"current_password": current, "password": "copper-meadow-violin-7"});
        assert_eq!(admin.post("/v1/staff/me/password", change("x")).await.is(403).code(), "forbidden");
        let wrong = ivo.post("/v1/staff/me/password", change("not-the-one-at-all")).await.is(400).json();
        assert_eq!(wrong["errors"][0]["field"], "current_password");
        ivo.post("/v1/staff/me/password", change("orchid-lamp-twelve")).await.is(204);
        ivo.get("/v1/staff/me").await.is(401);
        let body = json!({"tenant_id": tenant, "email": "ivo@bank.example", "password": "copper-meadow-violin-7"});
        let session = house.nobody().post("/v1/staff/sessions", body).await.is(201).json();
        let ivo = house.bearing(session["token"].as_str().unwrap());
        let me = ivo.get("/v1/staff/me").await.is(200).json();
        assert_eq!((&me["staff"]["confirmed"], &me["staff"]["password_change_due"]), (&json!(false), &json!(false)));
        // Whoever brought them in does not confirm them; another does.
        assert_eq!(
            admin.post(&format!("/v1/staff/{id}/confirm"), json!({})).await.is(409).code(),
            "brought_in_by_caller"
        );
        let other = house.holder("second-admin", &[P::TeamManage]).await;
        let seen = other.post(&format!("/v1/staff/{id}/confirm"), json!({})).await.is(200).json();
        assert_eq!(seen["confirmed"], true);
        admin.post(&format!("/v1/staff/{id}/invitation"), json!({})).await.is(200);
        admin.post(&format!("/v1/staff/{id}/disable"), json!({})).await.is(200);
        ivo.get("/v1/users").await.is(401);
    }
}

#[tokio::test]
async fn nobody_gives_more_than_she_has() {
    for house in House::all().await {
        let lead = house.holder("lead", &[P::TeamManage, P::KeysManage, P::UsersRead]).await;
        let beyond = lead.post("/v1/roles", json!({"name": "x", "permissions": ["users.erase"]})).await.is(403);
        assert_eq!(beyond.code(), "beyond_own_rights");
        let admin = house.admin().await;
        let staff = admin.staff.unwrap().to_string();
        let key = json!({"kind": "native", "name": "sneaky", "staff_id": staff});
        assert_eq!(lead.post("/v1/keys", key).await.is(403).code(), "beyond_own_rights");
        let own = lead.post("/v1/keys", json!({"kind": "native", "name": "own", "permissions": ["users.read"]})).await;
        let own = own.is(201).json();
        let narrowed = house.bearing(own["secret"].as_str().unwrap());
        narrowed.get("/v1/users").await.is(200);
        narrowed.get("/v1/keys").await.is(403);
        lead.post(&format!("/v1/keys/{}/revoke", own["id"].as_str().unwrap()), json!({})).await.is(204);
        narrowed.get("/v1/users").await.is(401);
    }
}

#[tokio::test]
async fn the_sealed_audit_is_exported_and_checked() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = marta(&admin).await;
        admin.post(&path(&user, "/lock"), json!({"reason": "test"})).await.is(200);
        while house.desk.desk.seal_audit(house.desk.tenant).await.unwrap() > 0 {}
        let export = admin.get("/v1/audit/export?after=0").await.is(200).text;
        let lines = export.lines().map(|line| Ok(line.to_owned()));
        let found = desk::audit::verify_export(lines).unwrap();
        assert!(found.rows >= 2 && found.checkpoints >= 1, "{found:?}");
        assert!(!export.contains("\"test\""), "reasons stay sealed in an export");
    }
}

#[tokio::test]
async fn a_user_created_at_the_desk_reads_the_same_here() {
    for house in House::all().await {
        let admin = house.admin().await;
        let profile = desk::user::Profile { last_name: "Quill".to_owned(), ..Default::default() };
        let made = house.desk.desk.perform(&house.desk.house(), CreateUser::of(profile)).await.unwrap();
        assert_eq!(admin.get(&format!("/v1/users/{}", made.id)).await.is(200).json()["last_name"], "Quill");
    }
}

#[tokio::test]
async fn a_repeated_request_shows_a_secret_once_and_no_more_than_may_be_seen_now() {
    for house in House::all().await {
        let admin = house.admin().await;
        let json = ("content-type", "application/json");
        let body = json!({"kind": "native", "name": "script"}).to_string();
        let first = admin.send("POST", "/v1/keys", &[json, ("idempotency-key", "k-key")], body.clone()).await.is(201);
        assert!(first.json()["secret"].is_string());
        let again = admin.send("POST", "/v1/keys", &[json, ("idempotency-key", "k-key")], body).await.is(201);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(again.json()["id"], first.json()["id"]);
        assert!(again.json()["secret"].is_null(), "{}", again.text);

        // Whoever has lost a right is not shown what it showed.
        let user = marta(&admin).await;
        let clerk = house.holder("clerk", &[P::UsersRead, P::UsersEdit, P::UsersContacts]).await;
        let headers = [json, ("idempotency-key", "k-edit")];
        let body = json!({"preferred_name": "Marti"}).to_string();
        let first = clerk.send("PATCH", &path(&user, ""), &headers, body.clone()).await.is(200);
        assert!(first.text.contains("@"), "{}", first.text);
        clerk.send("PATCH", &path(&user, ""), &headers, body.clone()).await.is(200);
        let narrower = json!({"name": "role of clerk", "permissions": ["users.read", "users.edit"]});
        admin.post("/v1/roles", narrower).await.is(200);
        let again = clerk.send("PATCH", &path(&user, ""), &headers, body.clone()).await.is(403);
        assert_eq!(again.code(), "forbidden");
        assert!(!again.text.contains("marta.reyes"));
        // With the right again it is there again, and nothing was done twice.
        let wider = json!({"name": "role of clerk", "permissions": ["users.read", "users.edit", "users.contacts"]});
        admin.post("/v1/roles", wider).await.is(200);
        let again = clerk.send("PATCH", &path(&user, ""), &headers, body.clone()).await.is(200);
        assert_eq!(again.text, first.text);
        // Nor once employees are hidden.
        admin.patch("/v1/settings", json!({"hide_employees": true})).await.is(200);
        assert_eq!(clerk.send("PATCH", &path(&user, ""), &headers, body).await.is(403).code(), "forbidden");
    }
}

#[tokio::test]
async fn an_institution_that_does_not_exist_answers_strangers_like_one_that_does() {
    for house in House::all().await {
        let nobody = house.nobody();
        let there = house.desk.tenant.to_string();
        let known = |tenant: &str, mut body: Value| {
            body["tenant_id"] = json!(tenant);
            body
        };
        let calls = [
            ("/v1/sessions", json!({"identifier": "nobody@mail.example", "password": "Not-The-Password-11"})),
            ("/v1/staff/sessions", json!({"email": "nobody@bank.example", "password": "Not-The-Password-11"})),
            ("/v1/sessions/confirm", json!({"proof": "prf_01jqzs8v1xe5ja4c3rq0f2m6tn", "code": "123456"})),
            ("/v1/password-resets", json!({"identifier": "nobody@mail.example", "method": "email"})),
            ("/v1/unlocks", json!({"identifier": "nobody@mail.example"})),
        ];
        for (path, body) in calls {
            let one = nobody.post(path, known(&there, body.clone())).await;
            for elsewhere in ["ten_999", "ten_2147483647"] {
                let other = nobody.post(path, known(elsewhere, body.clone())).await;
                assert_eq!(one.status, other.status, "{path} {}", other.text);
                let plain = |answer: &crate::harness::Answer| {
                    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
                    body.as_object_mut().map(|fields| fields.remove("request_id"));
                    body
                };
                assert_eq!(plain(&one), plain(&other), "{path}");
            }
        }
        let new = json!({"first_name": "Ada", "last_name": "Obi", "email": "a@mail.example", "password": PASSWORD});
        let one = nobody.send("POST", "/v1/registrations", &register(&there), new.to_string()).await;
        let other = nobody.send("POST", "/v1/registrations", &register("ten_999"), new.to_string()).await;
        assert_eq!((one.status, one.code()), (other.status, other.code()));
    }
}

fn register(tenant: &str) -> [(&str, &str); 2] {
    [("content-type", "application/json"), ("bursar-tenant", tenant)]
}

#[tokio::test]
async fn two_headers_that_say_who_calls_are_refused() {
    for house in House::all().await {
        let admin = house.admin().await;
        for name in ["authorization", "bursar-tenant", "idempotency-key"] {
            let twice = [(name, "Bearer one"), (name, "Bearer two")];
            let answer = admin.send("GET", "/v1/users", &twice, "").await.is(400);
            assert_eq!(answer.code(), "invalid");
            assert_eq!(answer.json()["errors"][0]["field"], name);
            assert!(!answer.text.contains("Bearer one"), "{}", answer.text);
        }
        // Also the one that every handle sends, and another.
        admin.send("GET", "/v1/users", &[("authorization", "Bearer other")], "").await.is(400);
        admin.get("/v1/users").await.is(200);
    }
}
