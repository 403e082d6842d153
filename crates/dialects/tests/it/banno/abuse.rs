//! Wrong methods, broken and huge bodies: a clear answer in this voice, never a 500.

use super::world::*;

#[tokio::test]
async fn other_methods_of_known_paths_are_told_which_there_are() {
    for world in World::all().await {
        let (institution, user) = (world.institution().await, world.user("marta").0.to_string());
        for route in dialects::banno::ROUTES {
            let path = route.path.replace("{institutionId}", &institution).replace("{userId}", &user);
            for method in ["TRACE", "QUERY", "FOO", "PATCH"] {
                let answer = world.send(method, &path, &[], "").await;
                assert_eq!(answer.status, 405, "{method} {path}");
                assert!(answer.header("allow").contains(route.method), "{method} {path}: {:?}", answer.headers);
                assert_eq!(answer.json()["error"], "method_not_allowed");
            }
        }
        for path in ["/a/", "/a/nothing", "/a/consumer-status/api/v0/users", "/a/consumer-status/api/v1/users/x/status"]
        {
            let answer = world.send("GET", path, &[], "").await;
            assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (404, Some("not_found")), "{path}");
        }
    }
}

#[tokio::test]
async fn broken_bodies_are_bad_requests_and_change_nothing() {
    for world in World::all().await {
        let token = world.token("everything").await;
        let (institution, user) = (world.institution().await, world.user("marta").0);
        let locked = format!("/a/consumer-status/api/v0/users/{user}/status/locked");
        let reset = format!("/a/password-reset/api/v0/institutions/{institution}/users/{user}/password/reset");
        let settings = format!("/a/password-reset/api/v0/institutions/{institution}/settings");
        let bearer = format!("Bearer {token}");
        let json = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let nested = "[".repeat(100_000);
        let bodies: [&[u8]; 12] = [
            b"",
            b"{",
            b"null",
            b"[]",
            b"{}",
            b"{\"state\":\"false\",\"method\":\"post\",\"expiration\":\"1\"}",
            b"{\"state\":0,\"method\":0,\"expiration\":3600.5}",
            b"{\"state\":null,\"method\":null,\"expiration\":null}",
            b"{\"state\":false,\"state\":false,\"method\":\"email\",\"method\":\"email\",\"expiration\":300,\"expiration\":300}",
            b"{\"state\":\xff\xfe}",
            b"{\"state\":false,\"method\":\"email\",\"expiration\":300}x",
            nested.as_bytes(),
        ];
        for body in bodies {
            for (method, path) in [("PUT", &locked), ("POST", &reset), ("PUT", &settings)] {
                let answer = world.send(method, path, &json, body.to_vec()).await;
                assert_eq!(
                    answer.status,
                    400,
                    "{method} {path} {}",
                    String::from_utf8_lossy(&body[..body.len().min(80)])
                );
                assert_eq!(answer.json()["error"], "bad_request");
            }
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
            let answer = world.send("PUT", &locked, &headers, r#"{"state":false}"#).await;
            assert_eq!(answer.status, 400, "{kind}");
        }
        for expiration in ["299", "604801", "-1", "99999999999999999999"] {
            let answer = world.put(&token, &settings, &format!("{{\"expiration\":{expiration}}}")).await;
            assert_eq!(answer.status, 400, "{expiration}");
        }
        let huge = format!("{{\"state\":false,\"more\":\"{}\"}}", "x".repeat(1024 * 1024));
        let answer = world.send("PUT", &locked, &json, huge).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (413, Some("request_too_large")));
        let status = world.get(&token, &locked.replace("/locked", "")).await;
        assert_eq!(status.text, r#"{"status":"Locked"}"#);
        assert_eq!(world.get(&token, &settings).await.text, r#"{"expiration":3600}"#);
    }
}

#[tokio::test]
async fn odd_query_strings_are_bad_requests() {
    for world in World::all().await {
        let token = world.token("everything").await;
        let (institution, user) = (world.institution().await, world.user("marta").0);
        let history = format!("/a/history/api/v0/institutions/{institution}/user-events");
        for query in
            ["from=yesterday", "to=2024-13-01T00:00:00Z", "count=0", "count=x", "offset=-1", "userId=7", "personId="]
        {
            assert_eq!(world.get(&token, &format!("{history}?{query}")).await.status, 400, "{query}");
        }
        let devices = format!("/a/consumer/api/v0/users/{user}/devices?onlyActive=maybe");
        let answer = world.get(&token, &devices).await;
        assert_eq!((answer.status.as_u16(), answer.json().is_string()), (400, true));
        let search = format!("/a/consumer-user-search/api/v0/institutions/{institution}/users");
        assert_eq!(world.get(&token, &format!("{search}?query=%FF%FE")).await.status, 200);
        assert_eq!(world.get(&token, &format!("{search}?query={}", "x".repeat(201))).await.status, 400);
    }
}
