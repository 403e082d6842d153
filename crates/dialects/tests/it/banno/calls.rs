//! What takes more than one exchange to see: searches, unlocks side by side, what the history keeps.

use desk::key::{CreateKey, KeyKind};
use desk::role::DefineRole;
use desk::staff::AddStaff;
use desk::team::{AddMember, CreateTeam};
use desk::tenant::ChangeSettings;
use desk::user::{ApplyQueuedUnlock, CreateUser, LockUser, Profile, QueuedUnlocks};
use desk::value::id::UserId;
use desk::{Caller, Door, Permission};
use serde_json::{Value, json};

use super::world::*;

fn locked(world: &World, user: &str) -> String {
    format!("/a/consumer-status/api/v0/users/{}/status/locked", world.user(user).0)
}

async fn history(world: &World, token: &str, query: &str) -> Vec<Value> {
    let institution = world.institution().await;
    let answer = world.get(token, &format!("/a/history/api/v0/institutions/{institution}/user-events?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json().as_array().unwrap().clone()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["change"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn of_unlocks_side_by_side_one_is_done_and_the_rest_find_her_open() {
    for world in World::all().await {
        let token = world.token("everything").await;
        let path = locked(&world, "marta");
        let puts = (0..8).map(|_| world.put(&token, &path, r#"{"state":false}"#));
        let mut statuses: Vec<u16> = Vec::new();
        let mut waiting: Vec<_> = puts.map(Box::pin).collect();
        std::future::poll_fn(|cx| {
            waiting.retain_mut(|put| match put.as_mut().poll(cx) {
                std::task::Poll::Ready(answer) => {
                    statuses.push(answer.status.as_u16());
                    false
                }
                std::task::Poll::Pending => true,
            });
            if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409, 409, 409, 409, 409, 409, 409], "{:?}", world.test.engine);
        let events = history(&world, &token, "").await;
        let done = names(&events).iter().filter(|name| **name == "UserUnlocked").count();
        let failed = names(&events).iter().filter(|name| **name == "UserUnlockedFailed").count();
        assert_eq!((done, failed), (1, 7));
    }
}

#[tokio::test]
async fn in_memo_mode_one_unlock_is_queued_and_applied_afterwards() {
    for world in World::all().await {
        let (desk, house) = (&world.test.desk, world.house());
        let set = async |memo: bool| {
            let patch = json!({ "memo_mode": memo }).as_object().unwrap().clone();
            desk.perform(&house, ChangeSettings { patch }).await.unwrap();
        };
        let token = world.token("everything").await;
        let (path, status) = (locked(&world, "marta"), locked(&world, "marta").replace("/locked", ""));
        set(true).await;
        for _ in 0..2 {
            let answer = world.put(&token, &path, r#"{"state":false}"#).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
            assert_eq!(world.get(&token, &status).await.json(), json!({ "status": "Locked" }));
        }
        assert_eq!(world.put(&token, &locked(&world, "adaeze"), r#"{"state":false}"#).await.status, 409);
        let waiting = desk.ask(&house, QueuedUnlocks).await.unwrap();
        assert_eq!(waiting, [world.user("marta")]);
        set(false).await;
        desk.perform(&house, ApplyQueuedUnlock { user: waiting[0], reason: None }).await.unwrap();
        assert_eq!(world.get(&token, &status).await.json(), json!({ "status": "Active" }));
        assert_eq!(names(&history(&world, &token, "change=UserUnlockQueued").await), ["UserUnlockQueued"]);
    }
}

#[tokio::test]
async fn forbidden_attempts_are_recorded() {
    for world in World::all().await {
        let (weak, strong) = (world.token("viewer").await, world.token("everything").await);
        let institution = world.institution().await;
        let marta = world.user("marta").0;
        // 403 comes before 400: what the body says does not matter.
        for body in [r#"{"state":false}"#, r#"{"state":true}"#, "no JSON", ""] {
            assert_eq!(world.put(&weak, &locked(&world, "marta"), body).await.status, 403);
        }
        let settings = format!("/a/password-reset/api/v0/institutions/{institution}/settings");
        assert_eq!(world.put(&weak, &settings, r#"{"expiration":1}"#).await.text, r#"{"errorCode":40}"#);
        let reset = format!("/a/password-reset/api/institutions/{institution}/users/{marta}/password/reset");
        let headers = [("authorization", format!("Bearer {weak}"))];
        let answer = world.send("POST", &reset, &[(headers[0].0, &headers[0].1)], "").await;
        assert_eq!(answer.status, 403);
        let events = history(&world, &strong, &format!("userId={marta}")).await;
        assert_eq!(events.len(), 5);
        assert!(names(&events).iter().all(|name| name.ends_with("Failed")), "{events:?}");
        assert_eq!(events.iter().filter(|it| it["change"]["error"] == "forbidden").count(), 5);
        assert_eq!(events[0]["change"]["performedBy"]["email"], "viewer@bank.example");
        assert_eq!(history(&world, &strong, "change=PasswordResetSettingsChangedFailed").await.len(), 1);
    }
}

#[tokio::test]
async fn the_history_comes_in_pages_and_names_the_agent() {
    for world in World::all().await {
        let token = world.token("everything").await;
        let headers = [
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
            ("x-agent", "agent 7 (Bo)".to_owned()),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, text)| (*name, text.as_str())).collect();
        for _ in 0..5 {
            world.test.clock.advance(1_000_000);
            let path = locked(&world, "adaeze");
            assert_eq!(world.send("PUT", &path, &headers, r#"{"state":false}"#).await.status, 409);
        }
        let all = history(&world, &token, "").await;
        assert_eq!(all.len(), 5);
        assert_eq!(all[0]["change"]["performedBy"]["agent"], "agent 7 (Bo)");
        assert!(all.windows(2).all(|pair| pair[0]["date"].as_str() > pair[1]["date"].as_str()), "newest first");
        assert_eq!(history(&world, &token, "count=2&offset=1").await, all[1..3]);
        assert_eq!(history(&world, &token, "offset=5").await.len(), 0);
        let third = all[2]["date"].as_str().unwrap();
        assert_eq!(history(&world, &token, &format!("from={third}")).await, all[..3]);
        assert_eq!(history(&world, &token, &format!("to={third}")).await, all[3..]);
        assert_eq!(history(&world, &token, "application=people").await.len(), 0);
    }
}

#[tokio::test]
async fn a_search_pages_through_all_in_the_order_of_names() {
    for world in World::all().await {
        let (desk, house) = (&world.test.desk, world.house());
        for index in 0..30 {
            let create = CreateUser {
                id: Some(UserId(uuid(0x1000 + index))),
                ..CreateUser::of(Profile {
                    first_name: format!("Twin{:02}", 29 - index),
                    last_name: "Zabel".to_owned(),
                    email: Some(format!("twin{index}@zabel.example")),
                    ..Profile::default()
                })
            };
            desk.perform(&house, create).await.unwrap();
        }
        let token = world.token("everything").await;
        let institution = world.institution().await;
        let search = async |query: &str| {
            let answer = world
                .get(&token, &format!("/a/consumer-user-search/api/v0/institutions/{institution}/users{query}"))
                .await;
            (answer.status.as_u16(), answer.json())
        };
        let firsts = |found: &Value| -> Vec<String> {
            found["users"]
                .as_array()
                .unwrap()
                .iter()
                .map(|user| user["firstName"].as_str().unwrap().to_owned())
                .collect()
        };
        let (status, found) = search("?query=zabel").await;
        assert_eq!((status, found["totalCount"].as_i64()), (200, Some(30)));
        assert_eq!(firsts(&found).len(), 25);
        assert_eq!(firsts(&found)[..2], ["Twin00", "Twin01"]);
        let (_, found) = search("?query=zab+twin&limit=1000&offset=29").await;
        assert_eq!((firsts(&found), found["totalCount"].as_i64()), (vec!["Twin29".to_owned()], Some(30)));
        // Everybody but the erased one.
        let everybody = PEOPLE.len() as i64 - 1 + 30;
        for blank in ["", "?query=", "?query=%20", "?offset=99999999999999999999999"] {
            assert_eq!(search(blank).await.1["totalCount"].as_i64(), Some(everybody), "{blank}");
        }
        assert_eq!(search("?offset=99999999999999999999999").await.1["users"], json!([]));
        assert_eq!(firsts(&search("?limit=100").await.1).len() as i64, everybody);
        for (query, total) in [
            ("marta.reyes@example.com", 1),
            ("MARTA.REYES@EXAMPLE.COM", 1),
            ("marta.reyes@", 1),
            ("example.com", 0),
            ("@example.com", 0),
            ("reyes marta", 1),
            ("marti", 1),
            ("nt100200", 1),
            ("mreyes", 1),
            ("reyes nobody", 0),
            ("2025550101", 0),
            ("*", 0),
            ("%25", 0),
            ("gone", 0),
            ("ngozi", 0),
        ] {
            assert_eq!(
                search(&format!("?query={}", query.replace(' ', "+"))).await.1["totalCount"].as_i64(),
                Some(total),
                "{query}"
            );
        }
        for bad in
            ["limit=0", "limit=-1", "limit=x", "limit=", "limit=1.5", "offset=-1", "offset=%2B1", "limit=1&limit=2"]
        {
            let (status, body) = search(&format!("?{bad}")).await;
            assert_eq!((status, body["error"].as_str()), (400, Some("bad_request")), "{bad}");
        }
    }
}

#[tokio::test]
async fn employees_are_hidden_where_the_institution_says_so() {
    for world in World::all().await {
        let patch = json!({ "hide_employees": true }).as_object().unwrap().clone();
        world.test.desk.perform(&world.house(), ChangeSettings { patch }).await.unwrap();
        let (all, some) = (world.token("everything").await, world.token("no-employees").await);
        let institution = world.institution().await;
        let search = format!("/a/consumer-user-search/api/v0/institutions/{institution}/users?query=castor");
        assert_eq!(world.get(&all, &search).await.json()["totalCount"], 1);
        assert_eq!(world.get(&some, &search).await.json(), json!({ "users": [], "totalCount": 0 }));
        let status = locked(&world, "wendell").replace("/locked", "");
        assert_eq!(world.get(&all, &status).await.status, 200);
        assert_eq!(world.get(&some, &status).await.status, 404);
        let lock = LockUser { user: world.user("wendell"), until: None, reason: None };
        world.test.desk.perform(&world.house(), lock).await.unwrap();
        assert_eq!(world.put(&some, &locked(&world, "wendell"), r#"{"state":false}"#).await.status, 404);
        assert_eq!(world.put(&all, &locked(&world, "wendell"), r#"{"state":false}"#).await.status, 204);
        assert_eq!(history(&world, &all, "").await.len(), 1);
        assert_eq!(history(&world, &some, "").await.len(), 0, "nor in the history");
    }
}

#[tokio::test]
async fn contacts_are_masked_for_those_who_may_not_see_them() {
    for world in World::all().await {
        let token = world.token("viewer").await;
        let institution = world.institution().await;
        let path = format!("/a/mobile/api/v0/institutions/{institution}/users/{}/details", world.user("marta").0);
        let answer = world.get(&token, &path).await;
        assert_eq!(answer.status, 200);
        for planted in ["marta.reyes@example.com", "2025550101", "900-12-1234", "12 Harbor Lane", "1984-11-02"] {
            assert!(!answer.text.contains(planted), "{planted} in {}", answer.text);
        }
    }
}

#[tokio::test]
async fn what_users_do_stands_in_a_history_of_their_own_and_their_devices_are_listed() {
    use desk::session::{NewDevice, SignInRequest};
    for world in World::all().await {
        let (desk, house) = (&world.test.desk, world.house());
        let password = || desk::value::secret::Secret::new("copper kettle on the sill");
        let hash = desk.hash_new_password(password(), 10, Vec::new()).await.unwrap();
        let id = UserId(uuid(0x2000));
        let profile = Profile {
            first_name: "Oona".to_owned(),
            last_name: "Field".to_owned(),
            email: Some("oona@field.example".to_owned()),
            ..Profile::default()
        };
        let create = CreateUser { id: Some(id), password_hash: Some(hash), ..CreateUser::of(profile) };
        desk.perform(&house, create).await.unwrap();
        for phone in ["one", "two"] {
            world.test.clock.advance(1_000_000);
            let device = NewDevice {
                fingerprint: phone.to_owned(),
                model: Some(format!("Model {phone}")),
                os: Some("Android".to_owned()),
                ..NewDevice::default()
            };
            let identifier = "oona@field.example".to_owned();
            let request = SignInRequest { identifier, password: password(), device: Some(device), lives_seconds: None };
            desk.sign_in(&world.test.nobody(), request).await.unwrap();
        }
        let token = world.token("everything").await;
        let devices = format!("/a/consumer/api/v0/users/{}/devices", id.0);
        let listed = world.get(&token, &devices).await.json();
        let mut first = listed[0].as_object().unwrap().clone();
        first.remove("deviceId").unwrap();
        let expected = json!({ "model": "Model one", "brand": null, "os": "Android", "osVersion": null, "appVersion": null,
            "lastSeen": "2026-03-02T09:00:01.000Z", "active": true });
        assert_eq!((listed.as_array().unwrap().len(), Value::Object(first)), (2, expected));
        let bearer = format!("Bearer {token}");
        let answer = world.send("DELETE", &devices, &[("authorization", &bearer)], "").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert_eq!(world.get(&token, &devices).await.json(), json!([]));
        let all = world.get(&token, &format!("{devices}?onlyActive=false")).await.json();
        assert!(all.as_array().unwrap().iter().all(|device| device["active"] == false), "{all}");
        assert_eq!(names(&history(&world, &token, "").await), ["DevicesDeactivated"]);
        let institution = world.institution().await;
        let path = format!("/a/history/api/v0/institutions/{institution}/person-events?personId={}", id.0);
        let events = world.get(&token, &path).await.json();
        let events = events.as_array().unwrap();
        assert_eq!(events.len(), 2, "{events:?}");
        assert!(events.iter().all(|event| event["change"]["application"] == "login"), "{events:?}");
        assert_eq!(events[0]["change"]["performedBy"]["fullName"], "Oona Field");
        assert_eq!(events[0]["change"]["performedBy"]["personId"], id.0.to_string());
    }
}

#[tokio::test]
async fn a_credit_union_calls_it_frozen() {
    for world in World::all().await {
        let (desk, house) = (&world.test.desk, Caller::house(world.other, Door::Cli));
        let add =
            AddStaff { id: None, name: "Kit".to_owned(), email: "kit@union.example".to_owned(), password_hash: None };
        let staff = desk.perform(&house, add).await.unwrap().id;
        let team = desk.perform(&house, CreateTeam { name: "Support".to_owned() }).await.unwrap().id;
        let define = DefineRole { name: "all".to_owned(), permissions: Permission::ALL.to_vec() };
        let role = desk.perform(&house, define).await.unwrap().id;
        desk.perform(&house, AddMember { team, staff, role }).await.unwrap();
        let key = CreateKey {
            kind: KeyKind::Banno,
            client_id: Some("union".to_owned()),
            public_keys: Some(both_keys()),
            ..CreateKey::native("union", staff)
        };
        desk.perform(&house, key).await.unwrap();
        let token = world.token("union").await;
        let path = format!("/a/consumer-status/api/v0/users/{}/status", world.stranger.0);
        assert_eq!(world.get(&token, &path).await.json(), json!({ "status": "Frozen" }));
        assert_eq!(
            world.put(&token, &format!("{path}/locked"), r#"{"state":false}"#).await.status,
            204,
            "frozen is locked"
        );
        assert_eq!(world.get(&token, &path).await.json(), json!({ "status": "Active" }));
        let marta = format!("/a/consumer-status/api/v0/users/{}/status", world.user("marta").0);
        assert_eq!(world.get(&token, &marta).await.status, 404, "a user of the bank");
    }
}
