//! Bringing users in and taking them out, over HTTP.

use desk::Permission as P;
use desk::import::{Stopped, ToTheEnd};
use desk::value::id::ImportId;

use crate::harness::{Answer, Handle, House};

const CSV: (&str, &str) = ("content-type", "text/csv");
const FILE: &str = "external_id,first_name,last_name,email,bvn\n\
    1,Marta,Reyes,marta@mail.example,22123456144\n2,Tunde,Bello,nowhere,\n3,Ngozi,Eze,,\n";

async fn upload(caller: &Handle, query: &str, file: &str) -> Answer {
    caller.send("POST", &format!("/v1/imports{query}"), &[CSV], file.to_owned()).await
}

/// What the worker does.
async fn work(house: &House, id: &str) {
    let (tenant, id) = (house.desk.tenant, ImportId::parse(id).unwrap());
    assert_eq!(house.desk.desk.run_import(tenant, id, ToTheEnd).await.unwrap(), Stopped::Over);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_received_brought_in_and_told_of() {
    for house in House::all().await {
        let caller = house.holder("importer", &[P::UsersImport]).await;
        let begun = upload(&caller, "", FILE).await.is(202);
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(begun.headers["location"], format!("/v1/imports/{id}").as_str());
        assert_eq!((begun.json()["state"].as_str(), begun.json()["rows_read"].as_i64()), (Some("running"), Some(0)));
        let at = format!("/v1/imports/{id}");
        let paused = caller.post(&format!("{at}/pause"), serde_json::json!({})).await.is(200);
        assert_eq!(
            (paused.json()["state"].as_str(), &paused.headers["bursar-changed"]),
            (Some("paused"), &"true".parse().unwrap())
        );
        let resumed = caller.post(&format!("{at}/resume"), serde_json::json!({})).await.is(200);
        assert_eq!(resumed.json()["state"], "running");
        work(&house, &id).await;
        let done = caller.get(&at).await.is(200).json();
        assert_eq!(done["state"], "completed");
        for (name, count) in [("rows_read", 3), ("rows_imported", 2), ("rows_unchanged", 0), ("rows_rejected", 1)] {
            assert_eq!(done[name], count, "{name}");
        }
        let rejected = caller.get(done["rejected"].as_str().unwrap()).await.is(200);
        assert_eq!(rejected.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(rejected.text, "line,field,code,reason\r\n3,email,malformed,This is not an e-mail address.\r\n");
        let reveal = serde_json::json!({"purpose": "mending the file"});
        assert_eq!(caller.post(&format!("{at}/rejected"), reveal.clone()).await.is(403).code(), "forbidden");
        // The right to reveal alone is not enough: the rows hold what was handed in, passwords' hashes too.
        let reader = house.holder("reader", &[P::UsersReveal]).await;
        assert_eq!(reader.post(&format!("{at}/rejected"), reveal.clone()).await.is(403).code(), "forbidden");
        let revealer = house.holder("revealer", &[P::UsersReveal, P::UsersImport]).await;
        let full = revealer.post(&format!("{at}/rejected"), reveal).await.is(200).text;
        assert!(full.ends_with(",2,Tunde,Bello,nowhere,\r\n"), "{full}");
        let stream = caller.get(&format!("{at}/progress")).await.is(200);
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        assert!(
            stream.text.starts_with("event: progress\ndata: {") && stream.text.ends_with("}\n\n"),
            "{}",
            stream.text
        );
        assert!(stream.text.contains("\"state\":\"completed\""));
        assert_eq!(caller.post(&format!("{at}/cancel"), serde_json::json!({})).await.is(409).code(), "import_over");
        let list = caller.get("/v1/imports?limit=1").await.is(200).json();
        assert_eq!(list["data"][0]["id"], id.as_str());
        // The other doors of the house know nothing of it.
        let other = house.desk.other_tenant().await;
        let stranger = house.holder_in(other, "stranger", &[P::UsersImport]).await;
        assert_eq!(stranger.get(&at).await.is(404).code(), "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_received_is_refused_in_our_own_voice() {
    for house in House::all().await {
        let caller = house.holder("importer", &[P::UsersImport]).await;
        let powerless = house.holder("powerless", &[P::UsersRead]).await;
        assert_eq!(upload(&powerless, "", FILE).await.is(403).code(), "forbidden");
        let wrong = upload(&caller, "", "external_id,fone\n1,2\n").await.is(400);
        assert_eq!(wrong.code(), "invalid");
        assert!(wrong.text.contains("nearest is `phone`"), "{}", wrong.text);
        let mapped = upload(&caller, "?dry_run=true&map=phone=fone", "external_id,fone\n1,2\n").await.is(202).json();
        assert_eq!(mapped["dry_run"], true);
        // What may be an identity is decided by the caller, in a header and in NDJSON alike.
        let undecided = upload(&caller, "", "ID,last_name\n1,Reyes\n").await.is(400);
        assert!(
            undecided.text.contains("\"undecided\"") && undecided.text.contains("external_id=id"),
            "{}",
            undecided.text
        );
        let json = [("content-type", "application/x-ndjson")];
        let row = "{\"number\":1,\"last_name\":\"Reyes\"}\n";
        let undecided = caller.send("POST", "/v1/imports?dry_run=true", &json, row).await.is(400);
        assert!(undecided.text.contains("\"undecided\""), "{}", undecided.text);
        for query in ["?dry_run=true&ignore=number", "?dry_run=true&map=external_id=number"] {
            let begun = caller.send("POST", &format!("/v1/imports{query}"), &json, row).await.is(202).json();
            caller
                .post(&format!("/v1/imports/{}/cancel", begun["id"].as_str().unwrap()), serde_json::json!({}))
                .await
                .is(200);
        }
        // One-byte encodings are named, never guessed.
        for (query, kind, status) in [
            ("?dry_run=true", "text/csv", 400),
            ("?dry_run=true&encoding=windows-1252", "text/csv", 202),
            ("?dry_run=true", "text/csv; charset=ISO-8859-1", 202),
            ("?dry_run=true&encoding=ebcdic", "text/csv", 400),
            ("?dry_run=true", "text/csv; charset=klingon", 400),
        ] {
            let file = b"last_name,stra\xdfe\nReyes,\n".to_vec();
            let query = format!("{query}&map=address_line_one=stra%C3%9Fe");
            let answer =
                caller.send("POST", &format!("/v1/imports{query}"), &[("content-type", kind)], file).await.is(status);
            if status == 202 {
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                caller.post(&format!("/v1/imports/{id}/cancel"), serde_json::json!({})).await.is(200);
            }
        }
        assert_eq!(upload(&caller, "", "").await.is(400).code(), "invalid");
        assert_eq!(upload(&caller, "?dry_run=perhaps", FILE).await.is(400).code(), "query_malformed");
        assert_eq!(upload(&caller, "?drop=all", FILE).await.is(400).code(), "query_malformed");
        assert_eq!(upload(&caller, "?map=phone", FILE).await.is(400).code(), "invalid");
        let zipped = [CSV, ("content-encoding", "gzip")];
        let bomb = caller.send("POST", "/v1/imports", &zipped, "\u{1f}bomb").await.is(415);
        assert!(bomb.text.contains("Content-Encoding"), "{}", bomb.text);
        let typed = [("content-type", "application/zip")];
        assert_eq!(caller.send("POST", "/v1/imports", &typed, FILE).await.is(415).code(), "body_type");
        let long = [CSV, ("content-length", "9000000000")];
        assert_eq!(caller.send("POST", "/v1/imports", &long, FILE).await.is(413).code(), "body_too_large");
        let kept = caller.get("/v1/imports").await.is(200).json();
        let open = kept["data"].as_array().unwrap().iter().filter(|it| it["state"] != "cancelled");
        assert_eq!(open.count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_profile_sent_back_overwrites_nothing() {
    for house in House::all().await {
        let admin = house.admin().await;
        let person = serde_json::json!({
            "first_name": "Marta", "last_name": "Reyes",
            "identifiers": { "bvn": "22123456144", "external_id": "crm-00000017" },
            "house_account": { "number": "0123451234" }, "photo_id": { "number": "AB1234567" },
            "address": { "city": "Lagos" }
        });
        let made = admin.post("/v1/users", person).await.is(201).json();
        let at = format!("/v1/users/{}", made["id"].as_str().unwrap());
        let editor = house.holder("editor", &[P::UsersRead, P::UsersEdit]).await;
        let seen = editor.get(&at).await.is(200).json();
        for group in ["identifiers", "house_account", "photo_id", "address"] {
            let fault = editor.patch(&at, serde_json::json!({ group: seen[group] })).await.is(400);
            assert!(fault.text.contains("\"masked\""), "{}", fault.text);
        }
        let masked = serde_json::json!({ "last_name": "Reyes", "email": "m***@mail.example" });
        assert!(admin.post("/v1/users", masked).await.is(400).text.contains("\"masked\""));
        let reveal = serde_json::json!({ "purpose": "to compare" });
        let after = admin.post(&format!("{at}/reveal"), reveal).await.is(200).json();
        assert_eq!(after["house_account"]["number"], "0123451234");
        assert_eq!(after["version"], seen["version"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_upload_with_the_same_key_is_one_import() {
    for house in House::all().await {
        let caller = house.holder("importer", &[P::UsersImport]).await;
        let headers = [CSV, ("idempotency-key", "monday")];
        let first = caller.send("POST", "/v1/imports", &headers, FILE).await.is(202);
        let again = caller.send("POST", "/v1/imports", &headers, FILE).await.is(202);
        assert_eq!(first.json()["id"], again.json()["id"]);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let other = caller.send("POST", "/v1/imports", &headers, "last_name\nReyes\n").await.is(422);
        assert_eq!(other.code(), "idempotency_key_reused");
        assert_eq!(caller.get("/v1/imports").await.json()["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_taken_out_masked_and_with_a_purpose_in_full() {
    for house in House::all().await {
        let admin = house.admin().await;
        let begun = upload(&admin, "", FILE).await.is(202);
        work(&house, begun.json()["id"].as_str().unwrap()).await;
        let exporter = house.holder("exporter", &[P::UsersExport]).await;
        let csv = exporter.get("/v1/users/export?kind=individual").await.is(200);
        assert_eq!(csv.text.lines().count(), 3);
        assert!(csv.text.contains("22xxxxxx144") && !csv.text.contains("22123456144"), "{}", csv.text);
        let json = exporter.get("/v1/users/export?format=ndjson&verification=none").await.is(200);
        assert_eq!(json.headers["content-type"], "application/x-ndjson");
        assert_eq!(json.text.lines().count(), 2);
        let full = serde_json::json!({"purpose": "a report", "format": "ndjson", "filters": {"kind": "individual"}});
        assert_eq!(exporter.post("/v1/users/export", full.clone()).await.is(403).code(), "forbidden");
        let seen = admin.post("/v1/users/export", full).await.is(200).text;
        assert!(seen.contains("22123456144"), "{seen}");
        assert_eq!(exporter.get("/v1/users/export?format=pdf").await.is(400).code(), "invalid");
        assert_eq!(exporter.get("/v1/users/export?purpose=x").await.is(400).code(), "query_malformed");
        let powerless = house.holder("powerless", &[P::UsersRead]).await;
        assert_eq!(powerless.get("/v1/users/export").await.is(403).code(), "forbidden");
    }
}
