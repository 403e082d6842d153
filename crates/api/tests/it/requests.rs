//! Requests as their callers meet them: proposed, shown with the plan, decided by another; and the policy at every door.

use desk::Permission as P;
use desk::message::Outbox;
use serde_json::{Value, json};

use crate::harness::{Answer, Handle, House};

async fn person(admin: &Handle, at: &str) -> String {
    let new = json!({ "first_name": "Marta", "last_name": "Reyes", "email": format!("marta.{at}@example.com") });
    admin.post("/v1/users", new).await.is(201).json()["id"].as_str().unwrap().to_owned()
}

fn place(request: &Value, rest: &str) -> String {
    format!("/v1/requests/{}{rest}", request["id"].as_str().unwrap())
}

/// Field and code of the first fault.
fn fault(answer: &Answer) -> (String, String) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid"), "{}", answer.text);
    let first = &answer.json()["errors"][0];
    (first["field"].as_str().unwrap().to_owned(), first["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_request_is_proposed_once_shown_with_its_plan_and_decided_by_another() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = person(&admin, "one").await;
        let maker = house.holder("maker", &[P::RequestsPropose, P::RequestsRead]).await;
        let checker = house.holder("checker", &[P::RequestsDecide, P::RequestsRead, P::UsersDisable]).await;
        let body = json!({"action": "user.disable", "user_id": user, "reason": "card testing"});
        let preview = maker.post("/v1/requests?preview=true", body.clone()).await.is(200).json();
        assert_eq!(preview["facts"][0]["event"], "request.proposed");
        let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
        let made = maker.send("POST", "/v1/requests", &headers, body.to_string()).await.is(201);
        let request = made.json();
        assert_eq!(made.headers["location"].to_str().unwrap(), place(&request, ""));
        let again = maker.send("POST", "/v1/requests", &headers, body.to_string()).await.is(201);
        assert_eq!(
            (&again.headers["idempotency-replayed"], &again.json()["id"]),
            (&"true".parse().unwrap(), &request["id"])
        );
        assert_eq!(maker.post("/v1/requests", body.clone()).await.is(409).code(), "request_pending");
        assert_eq!(
            (&request["number"], &request["state"], &request["user_id"]),
            (&json!(1), &json!("pending"), &json!(user))
        );
        assert_eq!(request["plan"]["facts"], json!([{"event": "user.disabled", "user": user}]));
        assert_eq!(request["proposed_by"]["staff_id"], json!(maker.staff.unwrap().to_string()));
        assert_eq!(request["params"], json!({}));

        assert_eq!(maker.post(&place(&request, "/approve"), json!({})).await.is(403).code(), "forbidden");
        let preview = checker.post(&place(&request, "/approve?preview=true"), json!({})).await.is(200).json();
        let names: Vec<&str> =
            preview["facts"].as_array().unwrap().iter().map(|fact| fact["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["request.approved", "user.disabled"]);
        let seen =
            checker.post(&place(&request, "/approve"), json!({"reason": "seen the papers"})).await.is(200).json();
        assert_eq!((&seen["state"], &seen["decision_reason"]), (&json!("approved"), &json!("seen the papers")));
        assert_eq!(seen["decided_by"]["staff_id"], json!(checker.staff.unwrap().to_string()));
        let now = admin.get(&format!("/v1/users/{user}")).await.is(200).json();
        assert_eq!(now["standing"]["admission"]["state"], "disabled");
        assert_eq!(now["standing"]["admission"]["reason"], "card testing");
        assert_eq!(checker.post(&place(&request, "/approve"), json!({})).await.is(409).code(), "request_decided");
        let audit = admin.get(&format!("/v1/audit?subject={}", request["id"].as_str().unwrap())).await.is(200).json();
        let facts = &audit["data"].as_array().unwrap().iter().find(|row| row["outcome"] == "done").unwrap()["facts"];
        assert_eq!(facts[0]["proposer"], request["proposed_by"]["staff_id"]);
        assert_eq!(facts[0]["decider"], seen["decided_by"]["staff_id"]);

        let body = json!({"action": "user.hold", "user_id": user, "legal": true, "reason": "court order"});
        let second = maker.post("/v1/requests", body).await.is(201).json();
        assert_eq!((&second["number"], &second["params"]), (&json!(2), &json!({"legal": true})));
        let without = checker.post(&place(&second, "/decline"), json!({})).await;
        assert_eq!(fault(&without), ("reason".to_owned(), "required".to_owned()));
        let declined = checker.post(&place(&second, "/decline"), json!({"reason": "no order"})).await.is(200).json();
        assert_eq!((&declined["state"], &declined["decision_reason"]), (&json!("declined"), &json!("no order")));
        let body = json!({"action": "user.lock", "user_id": user, "until": "2026-06-01T00:00:00Z", "reason": "away"});
        let third = maker.post("/v1/requests", body).await.is(201).json();
        assert_eq!(third["params"], json!({"until": "2026-06-01T00:00:00.000Z"}));
        assert_eq!(checker.post(&place(&third, "/withdraw"), json!({})).await.is(403).code(), "forbidden");
        let back = maker.post(&place(&third, "/withdraw"), json!({})).await.is(200).json();
        assert_eq!((&back["state"], &back["decided_by"]), (&json!("withdrawn"), &Value::Null));

        let list = maker.get("/v1/requests?limit=2&total=true").await.is(200).json();
        assert_eq!((list["data"].as_array().unwrap().len(), &list["total"]), (2, &json!(3)));
        let next = list["next"].as_str().unwrap();
        let rest = maker.get(&format!("/v1/requests?limit=2&after={next}")).await.is(200).json();
        assert_eq!((&rest["data"][0]["id"], &rest["next"]), (&request["id"], &Value::Null));
        for (query, count) in [
            ("state=approved", 1),
            ("state=pending", 0),
            ("action=user.lock", 1),
            ("action=user.lock&state=declined", 0),
            (&*format!("user_id={user}&total=true"), 3),
        ] {
            let list = maker.get(&format!("/v1/requests?{query}")).await.is(200).json();
            assert_eq!(list["data"].as_array().unwrap().len(), count, "{query}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_proposal_is_told_by_its_field() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = person(&admin, "one").await;
        for (body, field, code) in [
            (json!({}), "action", "required"),
            (json!({"action": "request.approve"}), "action", "unknown"),
            (json!({"action": "user.create", "reason": "r"}), "profile", "required"),
            (
                json!({"action": "key.create", "staff_id": admin.staff.unwrap().to_string(), "reason": "r"}),
                "key",
                "required",
            ),
            (
                json!({"action": "bulk.start", "reason": "r", "bulk": {"action": "lock", "ids": [], "expected": 1}}),
                "bulk",
                "unknown",
            ),
            (json!({"action": "user.disable"}), "user_id", "required"),
            (json!({"action": "user.disable", "user_id": user}), "reason", "required"),
            (json!({"action": "user.disable", "user_id": user, "reason": "x".repeat(1001)}), "reason", "too_long"),
            (json!({"action": "user.disable", "user_id": user, "reason": "r", "legal": true}), "legal", "unknown"),
            (json!({"action": "user.set_fraud_status", "user_id": user, "reason": "r"}), "status", "required"),
            (json!({"action": "user.set_fraud_status", "user_id": user, "status": "odd"}), "status", "unknown"),
            (json!({"action": "user.lock", "user_id": user, "until": "tomorrow"}), "until", "invalid"),
            (json!({"action": "role.define", "user_id": user}), "user_id", "unknown"),
            (json!({"action": "role.define", "permissions": ["fly"], "name": "R"}), "permissions", "unknown"),
            (json!({"action": "role.define", "reason": "r", "name": "R"}), "permissions", "required"),
            (json!({"action": "password.start_reset", "user_id": user, "method": "owl"}), "method", "unknown"),
            (
                json!({"action": "settings.change_security", "reason": "r", "settings": {"memo_mode": true}}),
                "memo_mode",
                "unknown",
            ),
        ] {
            let answer = admin.post("/v1/requests", body).await;
            assert_eq!(fault(&answer), (field.to_owned(), code.to_owned()), "{}", answer.text);
        }
        let nothing = json!({"action": "user.enable", "user_id": user, "reason": "r"});
        assert_eq!(admin.post("/v1/requests", nothing).await.is(409).code(), "nothing_to_do");
        for body in [
            json!({"action": "user.disable", "user_id": "usr_1", "reason": "r"}),
            json!({"action": "staff.disable", "staff_id": "stf_01jqzs8v1xe5ja4c3rq0f2m6tn", "reason": "r"}),
        ] {
            assert_eq!(admin.post("/v1/requests", body).await.is(404).code(), "not_found");
        }
        for query in ["state=odd", "action=request.approve", "user_id=usr_1", "limit=0", "after=1.x"] {
            fault(&admin.get(&format!("/v1/requests?{query}")).await);
        }
        assert_eq!(admin.get("/v1/requests?colour=red").await.is(400).code(), "query_malformed");
    }
}

#[tokio::test]
async fn the_policy_keeps_everybody_from_acting_alone_at_this_door() {
    for house in House::all().await {
        let (admin, other) = (house.admin().await, house.holder("other", P::ALL).await);
        let user = person(&admin, "one").await;
        let settings = admin.get("/v1/settings").await.is(200).json();
        assert_eq!((&settings["second_person"], &settings["request_seconds"]), (&json!([]), &json!(604_800)));
        let policy = json!({"second_person": ["user.disable", "user.erase"]});
        let ordinary = house.holder("ordinary", &[P::SettingsManage]).await;
        assert_eq!(ordinary.patch("/v1/settings", policy.clone()).await.is(403).code(), "forbidden");
        let settings = admin.patch("/v1/settings", policy).await.is(200).json();
        assert_eq!(settings["second_person"], json!(["user.disable", "user.erase"]));
        for path in ["disable", "erase"] {
            let alone = admin.post(&format!("/v1/users/{user}/{path}"), json!({"reason": "alone"})).await.is(409);
            assert_eq!(alone.code(), "needs_second_person");
            admin.post(&format!("/v1/users/{user}/{path}?preview=true"), json!({})).await.is(200);
        }
        let many = json!({"action": "disable", "ids": [user]});
        assert_eq!(admin.post("/v1/bulk", many).await.is(409).code(), "needs_second_person");
        admin.post(&format!("/v1/users/{user}/lock"), json!({})).await.is(200);
        let body = json!({"action": "user.disable", "user_id": user, "reason": "case 17"});
        let request = admin.post("/v1/requests", body).await.is(201).json();
        assert_eq!(admin.post(&place(&request, "/approve"), json!({})).await.is(409).code(), "own_request");
        other.post(&place(&request, "/approve"), json!({})).await.is(200);
        let policy = json!({"deciding_role": "role of other"});
        admin.patch("/v1/settings", policy).await.is(200);
        let body = json!({"action": "user.enable", "user_id": user, "reason": "case 17"});
        let request = other.post("/v1/requests", body).await.is(201).json();
        assert_eq!(admin.post(&place(&request, "/approve"), json!({})).await.is(403).code(), "not_a_decider");
        let hers = admin.get(&format!("/v1/audit?subject={user}")).await.is(200).json();
        assert!(hers["data"].as_array().unwrap().iter().any(|row| row["action"] == "request.propose"), "{hers}");
    }
}

#[tokio::test]
async fn who_may_do_what_and_why_not_is_told() {
    for house in House::all().await {
        let admin = house.admin().await;
        let support = house.holder("support", &[P::UsersRead, P::UsersLock]).await;
        let user = person(&admin, "one").await;
        let table = admin.get("/v1/permissions").await.is(200).json();
        let lock = table["actions"].as_array().unwrap().iter().find(|it| it["verb"] == "user.lock").unwrap();
        assert_eq!((&lock["permission"], &lock["people_count"]), (&json!("users.lock"), &json!(2)));
        assert!(lock["roles"].as_array().unwrap().contains(&json!("role of support")));
        let bare = support.get("/v1/permissions").await.is(200).json();
        assert!(bare["actions"][0].get("people").is_none() && bare["actions"][0].get("roles").is_none());
        let roles = admin.get("/v1/roles").await.is(200).json();
        let role = roles["data"].as_array().unwrap().iter().find(|it| it["name"] == "role of support").unwrap();
        assert_eq!(role["holders"][0]["staff_id"], json!(support.staff.unwrap().to_string()));
        let shown = admin.get(&format!("/v1/roles/{}", role["id"].as_str().unwrap())).await.is(200).json();
        assert_eq!(
            (&shown["permissions"], &shown["holders"]),
            (&json!(["users.read", "users.lock"]), &role["holders"])
        );
        let nobodys = admin.get("/v1/roles/rol_01jqzs8v1xe5ja4c3rq0f2m6tn").await;
        assert_eq!(nobodys.is(404).code(), "not_found");

        let explain = |rest: &str| format!("/v1/permissions/explain?{rest}");
        let hers = format!("staff={}&action=user.disable&user={user}", support.staff.unwrap());
        let told = admin.get(&explain(&hers)).await.is(200).json();
        assert_eq!((&told["allowed"], &told["permission"]), (&json!(false), &json!("users.disable")));
        let missing = &told["obstacles"][0];
        assert_eq!((&missing["code"], &missing["permission"]), (&json!("permission_missing"), &json!("users.disable")));
        assert!(missing["roles"].as_array().unwrap().contains(&json!("compliance")));
        admin.patch("/v1/settings", json!({"second_person": ["user.lock"]})).await.is(200);
        let told = support.get(&explain("action=user.lock")).await.is(200).json();
        assert_eq!((&told["allowed"], &told["given_by"]), (&json!(false), &json!(["role of support"])));
        assert_eq!(told["obstacles"][0]["code"], "needs_second_person");
        let others = format!("staff={}&action=user.lock", admin.staff.unwrap());
        assert_eq!(support.get(&explain(&others)).await.is(403).code(), "forbidden");
        assert_eq!(fault(&support.get(&explain("")).await).0, "action");
        assert_eq!(fault(&support.get(&explain("action=user.juggle")).await).0, "action");
        assert_eq!(support.get(&explain("action=user.lock&staff=stf_1")).await.is(404).code(), "not_found");
    }
}

#[tokio::test]
async fn what_makes_something_new_is_proposed_in_the_shape_in_which_it_is_made() {
    for house in House::all().await {
        let (admin, other) = (house.admin().await, house.holder("other", P::ALL).await);
        let user = person(&admin, "one").await;
        let staff = admin.staff.unwrap().to_string();
        let account = json!({"number": "0012345", "name": "Marta Traders", "kind": "sme", "currency": "KES"});
        let bodies = [
            json!({"action": "user.create", "profile": {"first_name": "Ngozi", "last_name": "Eze"}, "employee": true}),
            json!({"action": "account.open", "user_id": user, "account": account}),
            json!({"action": "note.write", "user_id": user, "text": "She called."}),
            json!({"action": "staff.add", "name": "Sade", "email": "sade@bank.example"}),
            json!({"action": "staff.appoint", "email": "bola@bank.example", "role": "auditor"}),
            json!({"action": "team.create", "name": "Counter"}),
            json!({"action": "bulk.start", "bulk": {"action": "lock", "filter": {"fraud": "whitelisted"},
                "until": "2026-06-01T00:00:00Z"}}),
            json!({"action": "settings.change", "settings": {"bulk_max": 99}}),
            json!({"action": "key.create", "staff_id": staff, "key": {"kind": "native", "name": "Night batch",
                "expires_at": "2030-01-31T09:00:00Z", "permissions": ["users.read"]}}),
        ];
        for mut body in bodies {
            body["reason"] = json!("case 17");
            let request = admin.post("/v1/requests", body.clone()).await.is(201).json();
            assert_eq!(request["action"], body["action"]);
            let shown = admin.get(&place(&request, "")).await.is(200).json();
            assert!(shown.get("outcome").is_none(), "{shown}");
            let headers = [("content-type", "application/json"), ("idempotency-key", request["id"].as_str().unwrap())];
            let path = place(&request, "/approve");
            let done = other.send("POST", &path, &headers, "{}".to_owned()).await.is(200).json();
            assert!(!done["outcome"]["facts"].as_array().unwrap().is_empty(), "{done}");
            let again = other.send("POST", &path, &headers, "{}".to_owned()).await.is(200).json();
            let mut repeated = done.clone();
            // A secret is shown once.
            repeated["outcome"].as_object_mut().unwrap().remove("key_secret");
            assert_eq!(repeated, again, "the same answer again");
            match body["action"].as_str().unwrap() {
                "key.create" => {
                    let secret = done["outcome"]["key_secret"].as_str().unwrap();
                    assert!(secret.starts_with("bsk_"));
                    assert!(!other.get(&place(&request, "")).await.is(200).text.contains(secret));
                    assert_eq!(done["params"]["key"]["expires_at"], "2030-01-31T09:00:00.000Z");
                }
                "account.open" => {
                    assert_eq!((&done["user_id"], &done["about"]), (&json!(user), &json!(user)));
                    assert!(!done.to_string().contains("0012345"), "{done}");
                }
                "bulk.start" => {
                    assert_eq!(request["plan"]["counts"]["selected"], 2);
                    let bulk = &request["params"]["bulk"];
                    assert_eq!((&bulk["action"], &bulk["filter"]), (&json!("lock"), &json!({"fraud": "whitelisted"})));
                    assert_eq!(bulk["until"], "2026-06-01T00:00:00.000Z");
                }
                "user.create" => assert_eq!(done["params"], json!({"employee": true})),
                "staff.appoint" => assert_eq!(done["params"]["role"], "auditor"),
                _ => {}
            }
        }
        // Of many ids, a list says how many.
        let body = json!({"action": "bulk.start", "bulk": {"action": "flag", "ids": [user]}, "reason": "case 17"});
        let request = admin.post("/v1/requests", body).await.is(201).json();
        let list = admin.get("/v1/requests?limit=1").await.is(200).json();
        for listed in [&request, &list["data"][0]] {
            assert_eq!(listed["params"], json!({"bulk": {"action": "flag", "ids_count": 1}}));
        }
        let shown = admin.get(&place(&request, "")).await.is(200).json();
        assert_eq!(shown["params"]["bulk"], json!({"action": "flag", "ids": [user]}));
        let accounts = admin.get(&format!("/v1/users/{user}/accounts")).await.is(200).json();
        let account = accounts["data"][0]["id"].as_str().unwrap().to_owned();
        let person = json!({"id_type": "103", "id_number": "P0000017", "full_name": "Wanjiru Otieno",
            "country_code": "254", "mobile": "712000017", "email": "w17@mail.example"});
        let add = json!({"action": "administrator.add", "account_id": account, "reason": "r", "administrator": person});
        let request = admin.post("/v1/requests", add).await.is(201).json();
        assert_eq!((&request["about"], &request["user_id"]), (&json!(account), &json!(user)));
        assert_ne!(request["params"]["administrator"]["id_number"], "P0000017");
        let freeze = json!({"action": "account.change", "account_id": account, "change": "freeze", "reason": "r"});
        let request = admin.post("/v1/requests", freeze).await.is(201).json();
        other.post(&place(&request, "/approve"), json!({})).await.is(200);
        let frozen = admin.get(&format!("/v1/accounts/{account}")).await.is(200).json();
        assert_eq!(frozen["frozen"], true);
    }
}

#[tokio::test]
async fn a_file_that_waits_is_begun_by_an_approval() {
    for house in House::all().await {
        let (admin, other) = (house.admin().await, house.holder("other", P::ALL).await);
        admin.patch("/v1/settings", json!({"second_person": ["import.start"]})).await.is(200);
        let file = "external_id,last_name\ncrm-17,Reyes\n";
        let csv = [("content-type", "text/csv")];
        let alone = admin.send("POST", "/v1/imports", &csv, file.to_owned()).await;
        assert_eq!(alone.is(409).code(), "needs_second_person");
        let odd = admin.send("POST", "/v1/imports?wait=maybe", &csv, file.to_owned()).await;
        assert_eq!(odd.is(400).code(), "query_malformed");
        let waits = admin.send("POST", "/v1/imports?wait=true", &csv, file.to_owned()).await.is(202).json();
        assert_eq!(waits["state"], "awaiting");
        let id = waits["id"].as_str().unwrap();
        assert_eq!(admin.post(&format!("/v1/imports/{id}/resume"), json!({})).await.is(409).code(), "import_awaits");
        let body = json!({"action": "import.start", "import_id": id, "reason": "the branch's list"});
        let request = admin.post("/v1/requests", body).await.is(201).json();
        other.post(&place(&request, "/approve"), json!({})).await.is(200);
        let begun = admin.get(&format!("/v1/imports/{id}")).await.is(200).json();
        assert_eq!(begun["state"], "running");
        assert_ne!(begun["by"], waits["by"], "in the name of who approved");
    }
}

#[tokio::test]
async fn a_customer_confirms_by_a_code_what_is_proposed_about_her() {
    for house in House::all().await {
        let admin = house.admin().await;
        let other = house.holder("other", P::ALL).await;
        let user = person(&admin, "one").await;
        assert_eq!(admin.get("/v1/settings").await.is(200).json()["customer_confirms"], json!([]));
        let odd = admin.patch("/v1/settings", json!({"customer_confirms": ["team.create"]})).await;
        assert_eq!(fault(&odd), ("customer_confirms".to_owned(), "invalid".to_owned()));
        admin.patch("/v1/settings", json!({"customer_confirms": ["user.edit", "user.lock"]})).await.is(200);
        let patch = json!({"email": "marta.new@example.com"});
        let direct = admin.patch(&format!("/v1/users/{user}"), patch.clone()).await.is(409);
        assert_eq!(direct.code(), "needs_customer");
        assert_eq!(admin.post(&format!("/v1/users/{user}/lock"), json!({})).await.is(409).code(), "needs_customer");
        let many = json!({"action": "lock", "ids": [user]});
        assert_eq!(admin.post("/v1/bulk", many).await.is(409).code(), "needs_customer");
        let told = admin.get("/v1/permissions/explain?action=user.lock").await.is(200).json();
        assert_eq!((&told["allowed"], &told["obstacles"][0]["code"]), (&json!(false), &json!("needs_customer")));
        let table = admin.get("/v1/permissions").await.is(200).json();
        let lock = table["actions"].as_array().unwrap().iter().find(|it| it["verb"] == "user.lock").unwrap();
        assert_eq!((&lock["customer_confirms"], &lock["second_person"]), (&json!(true), &json!(false)));

        let body = json!({"action": "user.edit", "user_id": user, "profile": patch, "reason": "she wrote"});
        let request = admin.post("/v1/requests", body).await.is(201).json();
        assert_eq!((&request["needs_decider"], &request["customer"]["state"]), (&json!(false), &json!("waiting")));
        let waits = format!("/v1/challenges/{}", request["customer"]["challenge_id"].as_str().unwrap());
        let shown = admin.get(&waits).await.is(200).json();
        assert_eq!((&shown["purpose"], &shown["request_id"]), (&json!("request"), &request["id"]));
        assert_eq!((&shown["account_id"], &shown["sends"]), (&Value::Null, &json!(0)));
        assert_eq!(other.post(&place(&request, "/approve"), json!({})).await.is(409).code(), "needs_customer");
        // She has no number; the mail goes to the address that she has now.
        let sms = admin.post(&format!("{waits}/send"), json!({"channel": "sms"})).await.is(409);
        assert_eq!(sms.code(), "no_delivery_address");
        let sent = admin.post(&format!("{waits}/send"), json!({})).await.is(200).json();
        assert_eq!(sent["channel"], "email");
        let soon = admin.post(&format!("{waits}/send"), json!({})).await;
        assert_eq!(soon.code(), "code_too_soon");
        let outbox = house.desk.desk.ask(&house.desk.house(), Outbox::Before(None)).await.unwrap();
        let letter = outbox.into_iter().find_map(|it| it.letter).unwrap();
        assert_eq!(letter.to, "marta.one@example.com");
        let code = letter.code.unwrap();
        let wrong = if code == "123456" { "654321" } else { "123456" };
        for guess in [wrong, &*code] {
            let told = admin.post(&format!("{waits}/confirm?preview=true"), json!({"code": guess})).await;
            assert_eq!(fault(&told), ("preview".to_owned(), "not_previewable".to_owned()));
        }
        assert_eq!(admin.post(&format!("{waits}/confirm"), json!({"code": wrong})).await.code(), "code_wrong");
        let done = admin.post(&format!("{waits}/confirm"), json!({"code": code})).await.is(200).json();
        assert_eq!(done["state"], "confirmed");
        let request = admin.get(&place(&request, "")).await.is(200).json();
        assert_eq!((&request["state"], &request["customer"]["state"]), (&json!("approved"), &json!("confirmed")));
        assert_eq!(request["decided_by"], Value::Null);
        let now = other.get(&format!("/v1/users/{user}")).await.is(200).json();
        assert_eq!(now["email"], "marta.new@example.com");
        assert_eq!(admin.post(&format!("{waits}/confirm"), json!({"code": code})).await.code(), "challenge_over");
    }
}
