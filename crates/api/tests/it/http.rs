//! HTTP as clients and proxies use it: conditions, `HEAD`, what may be kept, streams, and moments beyond all calendars.

use desk::import::ToTheEnd;
use desk::key::RevokeKey;
use desk::value::id::KeyId;
use serde_json::{Value, json};

use crate::harness::{Answer, Handle, House};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A user, where they are, and their ETag without its quotes.
async fn sample(admin: &Handle) -> (String, i64) {
    let made = admin.post("/v1/users", json!({"last_name": "Sample", "email": "s.sample@mail.example"})).await.is(201);
    let version = made.headers["etag"].to_str().unwrap().trim_matches('"').parse().unwrap();
    (format!("/v1/users/{}", made.json()["id"].as_str().unwrap()), version)
}

async fn with(admin: &Handle, method: &str, at: &str, tags: &[&str], body: Value) -> Answer {
    let mut headers = vec![JSON];
    headers.extend(tags.iter().map(|tag| ("if-match", *tag)));
    admin.send(method, at, &headers, body.to_string()).await
}

#[tokio::test]
async fn a_condition_may_be_a_list_or_several_lines_and_weak_tags_never_match() {
    for house in House::all().await {
        let admin = house.admin().await;
        let (at, version) = sample(&admin).await;
        let (now, other) = (format!("\"{version}\""), format!("\"{}\"", version + 7));
        let patch = async |tags: &[&str]| with(&admin, "PATCH", &at, tags, json!({"reason": "nothing changes"})).await;
        let lists = [
            format!("{other}, {now}"),
            format!("{now},{other}"),
            format!("  {now} ,, W/{other}"),
            format!("W/{now}, {now}"),
            "*".to_owned(),
        ];
        for list in &lists {
            patch(&[list]).await.is(200);
        }
        patch(&[&other, &now]).await.is(200);
        patch(&[&now, &other]).await.is(200);
        for none in [other.as_str(), "\"x\"", "\"\"", &format!("{other}, \"x\"")] {
            assert_eq!(patch(&[none]).await.is(412).code(), "version_conflict", "{none}");
        }
        for weak in [format!("W/{now}"), format!("W/{now}, W/{other}")] {
            let said = patch(&[&weak]).await.is(412);
            assert_eq!(said.code(), "precondition_failed", "{weak}");
            assert!(said.json()["detail"].as_str().unwrap().contains("weak"), "{}", said.text);
            assert!(!said.text.contains("changed"), "{}", said.text);
        }
        let bare = version.to_string();
        for bad in [bare.as_str(), "\"1", "1\"", "\"1\" \"2\"", "w/\"1\"", "*, \"1\"", ",", "\"1\";q=1"] {
            assert_eq!(patch(&[bad]).await.is(400).code(), "invalid", "{bad}");
        }
    }
}

#[tokio::test]
async fn a_condition_is_honoured_by_every_action_on_a_user() {
    for house in House::all().await {
        let admin = house.admin().await;
        let (at, version) = sample(&admin).await;
        let (now, old) = (format!("\"{version}\""), format!("\"{}\"", version + 1));
        let actions: &[(&str, &str, Value)] = &[
            ("PATCH", "", json!({"preferred_name": "S"})),
            ("POST", "/lock", json!({})),
            ("POST", "/unlock", json!({})),
            ("POST", "/disable", json!({})),
            ("POST", "/enable", json!({})),
            ("POST", "/suspend", json!({})),
            ("POST", "/flag", json!({})),
            ("POST", "/blacklist", json!({})),
            ("POST", "/fraud-status", json!({"status": "suspicious"})),
            ("POST", "/hold", json!({})),
            ("POST", "/core-state", json!({"state": "dormant"})),
            ("POST", "/verification/ask", json!({})),
            ("POST", "/remove", json!({})),
            ("POST", "/erase", json!({})),
            ("POST", "/notes", json!({"text": "called"})),
            ("POST", "/password-resets", json!({"method": "email"})),
            ("DELETE", "/sessions", json!({})),
        ];
        for (method, path, body) in actions {
            let to = format!("{at}{path}");
            let refused = with(&admin, method, &to, &[&old], body.clone()).await.is(412);
            assert_eq!(refused.code(), "version_conflict", "{path}");
            let preview = with(&admin, method, &format!("{to}?preview=true"), &[&old], body.clone()).await;
            assert_eq!(preview.is(412).code(), "version_conflict", "{path}");
            let name = format!("k{path}");
            let keyed = [JSON, ("if-match", old.as_str()), ("idempotency-key", name.as_str())];
            admin.send(method, &to, &keyed, body.to_string()).await.is(412);
        }
        assert_eq!(admin.get(&at).await.is(200).headers["etag"], now, "nothing was done");
        let locked = with(&admin, "POST", &format!("{at}/lock"), &[&now], json!({})).await.is(200);
        assert_eq!(locked.headers["bursar-changed"], "true");
        // Where there is no version, a condition cannot hold.
        let said = with(&admin, "POST", "/v1/teams", &[&now], json!({"name": "T"})).await.is(412);
        assert_eq!(said.code(), "precondition_failed");
        with(&admin, "POST", "/v1/teams", &["*"], json!({"name": "T"})).await.is(201);
    }
}

#[tokio::test]
async fn a_head_records_no_export() {
    for house in House::all().await {
        let admin = house.admin().await;
        sample(&admin).await;
        let exports = async || {
            let book = admin.get("/v1/audit?limit=500").await.is(200).json();
            let rows = book["data"].as_array().unwrap().clone();
            rows.iter().filter(|row| row["action"].as_str().unwrap().ends_with(".export")).count()
        };
        for path in ["/v1/users/export", "/v1/users/export?format=ndjson", "/v1/audit/export?after=0"] {
            let head = admin.send("HEAD", path, &[], "").await.is(200);
            assert_eq!(head.text, "", "{path}");
            let powerless = house.holder(&format!("powerless{}", path.len()), &[]).await;
            powerless.send("HEAD", path, &[], "").await.is(403);
            house.nobody().send("HEAD", path, &[], "").await.is(401);
        }
        assert_eq!(exports().await, 0);
        let whole = admin.get("/v1/users/export").await.is(200);
        let head = admin.send("HEAD", "/v1/users/export", &[], "").await.is(200);
        assert_eq!(head.headers["content-type"], whole.headers["content-type"]);
        assert_eq!(exports().await, 1);
    }
}

#[tokio::test]
async fn whatever_shows_somebody_is_kept_by_nobody_on_the_way() {
    for house in House::all().await {
        let admin = house.admin().await;
        let (at, _) = sample(&admin).await;
        for path in [
            at.as_str(),
            "/v1/users",
            "/v1/audit",
            "/v1/events",
            "/v1/staff",
            "/v1/users/export",
            "/v1/nothing",
            "/v1/users/usr_x",
        ] {
            let answer = admin.get(path).await;
            assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        }
        let stream = admin.get("/v1/users/export").await.is(200);
        assert_eq!(stream.headers["x-accel-buffering"], "no");
        assert_eq!(house.nobody().get("/v1/users").await.is(401).headers["cache-control"], "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_key() {
    for house in House::all().await {
        let admin = house.admin().await;
        // An import that waits for its approval, so that its progress has no end of its own.
        let headers = [("content-type", "text/csv")];
        let file = "external_id,last_name\r\ncrm-1,Sample\r\n";
        let import = admin.send("POST", "/v1/imports?wait=true", &headers, file).await.is(202).json();
        let at = format!("/v1/imports/{}/progress", import["id"].as_str().unwrap());
        let other = house.holder("watcher", desk::Permission::ALL).await;
        let keys = admin.get("/v1/keys").await.is(200).json();
        let own =
            keys["data"].as_array().unwrap().iter().find(|key| key["name"] == "watcher").expect("its key").clone();
        let watching = tokio::spawn({
            let other = other.clone();
            async move { other.get(&at).await.is(200) }
        });
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(!watching.is_finished(), "it goes on by itself");
        let key = KeyId::parse(own["id"].as_str().unwrap()).unwrap();
        house.desk.desk.perform(&house.desk.house(), RevokeKey(key)).await.unwrap();
        let ended = tokio::time::timeout(std::time::Duration::from_secs(10), watching).await.expect("it ends").unwrap();
        assert_eq!(ended.headers["x-accel-buffering"], "no");
        assert!(ended.text.starts_with("event: progress"), "{}", ended.text);
    }
}

#[tokio::test]
async fn moments_beyond_all_calendars_are_told_as_such() {
    for house in House::all().await {
        let admin = house.admin().await;
        let (at, _) = sample(&admin).await;
        let lock = format!("{at}/lock");
        for far in
            ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00+00:00", "+012345-01-01T00:00:00Z", "12345-01-01T00:00:00Z"]
        {
            let said = admin.post(&lock, json!({ "until": far })).await.is(400).json();
            assert_eq!(said["errors"][0]["code"], "out_of_range", "{far}: {said}");
            assert!(said["detail"].as_str().unwrap().contains("Too far ahead"), "{said}");
            let said =
                admin.post("/v1/bulk", json!({"action": "lock", "filter": {}, "until": far})).await.is(400).json();
            assert_eq!(said["errors"][0]["code"], "out_of_range", "{far}: {said}");
        }
        for wrong in ["soon", "2026-13-01T00:00:00Z", "9999", "2026-01-01", ""] {
            let said = admin.post(&lock, json!({ "until": wrong })).await.is(400).json();
            assert_eq!(said["errors"][0]["code"], "invalid", "{wrong}: {said}");
        }
        let locked = admin.post(&lock, json!({"until": "9999-12-30T00:00:00Z"})).await.is(200).json();
        assert_eq!(locked["standing"]["sign_in_lock"]["until"], "9999-12-30T00:00:00.000Z");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_born_in_the_future() {
    for house in House::all().await {
        let admin = house.admin().await;
        let today = &house.desk.desk.now().rfc3339_millis()[..10];
        let born = |day: &str| json!({"last_name": "Sample", "date_of_birth": day});
        let made = admin.post("/v1/users", born(today)).await.is(201).json();
        let at = format!("/v1/users/{}", made["id"].as_str().unwrap());
        for day in ["2199-01-01", "2100-12-31"] {
            for (method, path) in [("POST", "/v1/users"), ("PATCH", at.as_str())] {
                let said = admin.send(method, path, &[JSON], born(day).to_string()).await.is(400).json();
                let error = &said["errors"][0];
                assert_eq!(
                    (&error["field"], &error["code"]),
                    (&json!("date_of_birth"), &json!("out_of_range")),
                    "{said}"
                );
            }
        }
        admin.patch(&at, json!({"date_of_birth": "1990-02-28"})).await.is(200);
        let file = format!("external_id,last_name,date_of_birth\ncrm-1,A,2199-01-01\ncrm-2,B,{today}\n");
        let headers = [("content-type", "text/csv")];
        let import = admin.send("POST", "/v1/imports", &headers, file).await.is(202).json();
        let id = desk::value::id::ImportId::parse(import["id"].as_str().unwrap()).unwrap();
        house.desk.desk.run_import(house.desk.tenant, id, ToTheEnd).await.unwrap();
        let rejected = admin.get(&format!("/v1/imports/{id}/rejected")).await.is(200);
        assert!(rejected.text.contains("2,date_of_birth,out_of_range"), "{}", rejected.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_files_refuse_names_that_are_there_twice_and_what_is_no_text() {
    for house in House::all().await {
        let admin = house.admin().await;
        let file = "{\"external_id\":\"a\",\"last_name\":\"A\",\"last_name\":\"B\"}\n\
            {\"external_id\":\"b\",\"last_name\":\"B\",\"address\":{\"zip\":\"1\",\"zip\":\"2\"}}\n\
            {\"external_id\":\"c\",\"last_name\":\"C\\u0000\"}\n\
            {\"external_id\":\"d\",\"last_name\":\"D\\ud800\"}\n\
            {\"external_id\":\"e\",\"last_name\":\"E\"}\n";
        let csv = "external_id,first_name,last_name\nf,F\0,x\n\"g\0\",G,x\nh,H,x\n";
        for (kind, file, expected, created) in [
            (
                "application/x-ndjson",
                file,
                &["1,last_name,duplicate", "2,address", "3,last_name,invalid", "4,,json"][..],
                1,
            ),
            ("text/csv", csv, &["2,first_name,invalid", "3,external_id,invalid"][..], 1),
        ] {
            let import = admin.send("POST", "/v1/imports", &[("content-type", kind)], file).await.is(202).json();
            let id = desk::value::id::ImportId::parse(import["id"].as_str().unwrap()).unwrap();
            house.desk.desk.run_import(house.desk.tenant, id, ToTheEnd).await.unwrap();
            let rejected = admin.get(&format!("/v1/imports/{id}/rejected")).await.is(200);
            for line in expected {
                assert!(rejected.text.contains(line), "{line} is not in {}", rejected.text);
            }
            let done = admin.get(&format!("/v1/imports/{id}")).await.is(200).json();
            assert_eq!(done["rows_created"], created, "{done}");
        }
    }
}

#[tokio::test]
async fn whoever_asks_for_links_that_are_none_is_slowed_down_by_address() {
    use axum::extract::ConnectInfo;
    use tower::ServiceExt;
    for house in House::all().await {
        let options = api::Options { anonymous_rate_limit_per_second: 3, ..api::Options::default() };
        let pages = api::pages::limited_routes(house.desk.desk.clone(), &options);
        let mut statuses = Vec::new();
        for number in 0..30 {
            let mut request =
                axum::http::Request::get(format!("/reset/bur_1_{number:043}")).body(axum::body::Body::empty()).unwrap();
            // One client of IPv6, at another address each time.
            let address: std::net::IpAddr = format!("2001:db8:1:2::{number:x}").parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::new(address, 4711)));
            statuses.push(pages.clone().oneshot(request).await.unwrap().status().as_u16());
        }
        assert!([404, 410].contains(&statuses[0]), "{statuses:?}");
        assert!(statuses.contains(&429), "{statuses:?}");
    }
}
