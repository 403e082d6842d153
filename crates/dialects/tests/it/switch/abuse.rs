//! Wrong methods, broken and huge bodies, odd headers and paths: a clear answer in this voice, never a 500, and nothing done.

use serde_json::json;

use super::world::*;

/// A path with numbers that somebody has.
fn filled(path: &str) -> String {
    path.replace("{id}", "1").replace("{device_id}", "dev_x")
}

#[tokio::test]
async fn other_methods_of_known_paths_are_told_which_there_are() {
    for world in World::all().await {
        for route in dialects::switch::ROUTES {
            for method in ["TRACE", "QUERY", "FOO", "PATCH", "DELETE"] {
                let answer = world.send(method, &filled(route.path), &[], "").await;
                assert_eq!(answer.status, 405, "{method} {}", route.path);
                assert!(!answer.header("allow").is_empty(), "{method} {}: {:?}", route.path, answer.headers);
                assert_eq!(answer.text, r#"{"message":"Method not allowed"}"#);
                assert_eq!(answer.header("content-type"), "application/json");
            }
        }
    }
}

#[tokio::test]
async fn unknown_paths_are_told_in_this_voice() {
    for world in World::all().await {
        for path in [
            "/admin/users/",
            "/admin/users/1/",
            "/admin/users/1/nothing",
            "/admin/users/1/devices/2",
            "/admin/a/b/c/d",
            "/user/",
            "/user/nothing",
            "/user/two_factor_auth",
            "/admin/users/%FF/devices/x/y",
        ] {
            let answer = world.send("GET", path, &[("swi-cid", CLIENT)], "").await;
            if path == "/user/" {
                // The path of the customer herself, with a slash behind.
                assert_eq!(answer.status, 401, "{path}");
                continue;
            }
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, r#"{"message":"Not found"}"#), "{path}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
        // Our own voice still answers for what is ours, and for what is nobody's.
        let answer = world.send("GET", "/administer", &[], "").await;
        assert_eq!(answer.json()["code"], "no_such_path");
    }
}

#[tokio::test]
async fn every_call_refuses_strangers_and_unknown_clients() {
    for world in World::all().await {
        for route in dialects::switch::ROUTES {
            let path = filled(route.path);
            for client in [None, Some(""), Some("nobody"), Some("\u{e4}\u{f6}")] {
                let headers: Vec<(&str, &str)> = client.iter().map(|client| ("swi-cid", *client)).collect();
                let answer = world.send(route.method, &path, &headers, "").await;
                assert_eq!(answer.told(), (401, "Invalid client".to_owned()), "{} {path} {client:?}", route.method);
            }
            let is_open =
                ["login", "register", "forgot_password", "reset_password", "unlock_account", "resend_unlock_email"];
            if is_open.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let customer = world.customer("ada").await;
            let admin = world.admin("super_admin").await;
            let wrong = if path.starts_with("/admin") { &customer } else { &admin };
            for token in ["", "x", "a.b.c", &"x".repeat(5000), wrong] {
                let bearer = format!("Bearer {token}");
                let headers = [("swi-cid", CLIENT), ("authorization", bearer.as_str())];
                let answer = world.send(route.method, &path, &headers, "").await;
                assert_eq!(answer.told(), (401, "Invalid or expired token".to_owned()), "{} {path}", route.method);
            }
        }
    }
}

#[tokio::test]
async fn broken_bodies_are_bad_requests_and_change_nothing() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        let nested = "[".repeat(100_000);
        let huge = format!("{{\"reason\":\"{}\"}}", "x".repeat(1024 * 1024));
        let long =
            format!("{{\"reason\":\"{0}\",\"comment\":\"{0}\",\"fraud_status\":\"suspicious\"}}", "x".repeat(1001));
        let bodies = [
            "",
            "{",
            "null",
            "[]",
            "7",
            "{}",
            r#"{"reason":null,"fraud_status":null}"#,
            r#"{"reason":7,"fraud_status":7}"#,
            r#"{"reason":["a"],"fraud_status":"SUSPICIOUS","comment":"x"}"#,
            r#"{"reason":"a\u0000b","fraud_status":"suspicious","comment":"a\u0000b"}"#,
            r#"{"reason":"a","reason":"b","fraud_status":"suspicious","fraud_status":"suspicious"}"#,
            &nested,
            &long,
        ];
        for body in bodies {
            for path in ["/admin/users/disable/2", "/admin/users/update_fraud_status/2", "/admin/new"] {
                let answer = world.call(Some(&token), "POST", path, body).await;
                let shown = &body[..body.len().min(60)];
                assert_eq!(answer.status, 400, "{path} {shown} {}", answer.text);
                assert!(answer.json()["message"].is_string(), "{path} {shown}");
            }
        }
        let answer = world.call(Some(&token), "POST", "/admin/users/disable/2", &huge).await;
        assert_eq!(answer.status, 413, "{}", answer.text);
        let user = world.get(&token, "/admin/users/2").await.json();
        assert_eq!(user["data"]["disabled"], false);
        let listed = world.get(&token, "/admin/list").await.json();
        assert_eq!(listed["meta"]["total"], ADMINS.len());
    }
}

#[tokio::test]
async fn odd_ids_and_queries_are_told_and_never_a_fault_of_ours() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        for id in ["0", "-1", "1.0", "1e0", "٣", "%00", "%FF", "99999999999999999999", "+1", "%201", "usr_x", "1%2F2"]
        {
            let answer = world.get(&token, &format!("/admin/users/{id}")).await;
            assert_eq!(answer.status, 404, "{id} {}", answer.text);
            assert!(answer.message().ends_with("does not exist"), "{id} {}", answer.text);
        }
        for query in [
            "page=9223372036854775807",
            "page=999999999999999999&per_page=100",
            "search_query=%FF%FE",
            "search_query=%00",
            "page=1&page=2",
        ] {
            let answer = world.get(&token, &format!("/admin/users?{query}")).await;
            assert!(matches!(answer.status.as_u16(), 200 | 400), "{query} {}", answer.text);
        }
        let long = "x".repeat(201);
        assert_eq!(world.get(&token, &format!("/admin/users?search_query={long}")).await.status, 400);
        let answer = world.post(&token, "/admin/users/disable/2", json!({ "reason": "r", "colour": "red" })).await;
        assert_eq!(answer.status, 200, "what nobody knows is not looked at");
    }
}
