//! Bulk actions as their callers meet them. Nobody works here in the background: the slices are done by hand.

use desk::Permission as P;
use desk::bulk::{BulkState, RunBulkSlice};
use desk::value::id::BulkId;
use serde_json::{Value, json};

use crate::harness::{Answer, Handle, House};

async fn people(admin: &Handle, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for at in 0..count {
        let new = json!({ "first_name": "Marta", "last_name": "Reyes", "email": format!("marta.{at}@example.com") });
        ids.push(admin.post("/v1/users", new).await.is(201).json()["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn work(house: &House, bulk: &Value) {
    let bulk = BulkId::parse(bulk["id"].as_str().unwrap()).unwrap();
    let desk = &house.desk;
    loop {
        let slice = desk.desk.perform(&desk.house(), RunBulkSlice { bulk, limit: 2 }).await.unwrap();
        if slice.state != BulkState::Running {
            return;
        }
    }
}

fn place(bulk: &Value, rest: &str) -> String {
    format!("/v1/bulk/{}{rest}", bulk["id"].as_str().unwrap())
}

/// Field and code of the first fault.
fn fault(answer: &Answer) -> (String, String) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid"), "{}", answer.text);
    let first = &answer.json()["errors"][0];
    (first["field"].as_str().unwrap().to_owned(), first["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_bulk_action_is_previewed_started_once_followed_and_undone() {
    for house in House::all().await {
        let admin = house.admin().await;
        let ids = people(&admin, 5).await;
        admin.post(&format!("/v1/users/{}/fraud-status", ids[0]), json!({"status": "fraudulent"})).await.is(200);
        admin.post(&format!("/v1/users/{}/fraud-status", ids[1]), json!({"status": "fraudulent"})).await.is(200);
        admin.post(&format!("/v1/users/{}/lock", ids[1]), json!({})).await.is(200);
        let ada = house.holder("ada", &[P::BulkRun, P::BulkRead, P::UsersRead, P::UsersLock]).await;
        let body = json!({ "action": "lock", "filter": {"fraud": "fraudulent"}, "reason": "case 17", "expected": 2 });
        let preview = ada.post("/v1/bulk?preview=true", body.clone()).await.is(200).json();
        assert_eq!(preview["preview"], true);
        assert_eq!((&preview["selected"], &preview["exact"]), (&json!(2), &json!(true)));
        assert_eq!((&preview["changed"]["count"], &preview["unchanged"]["count"]), (&json!(1), &json!(1)));
        assert_eq!(preview["changed"]["sample"][0]["email"], "m***@example.com");
        let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
        let started = ada.send("POST", "/v1/bulk", &headers, body.to_string()).await.is(202);
        let bulk = started.json();
        assert_eq!(started.headers["location"].to_str().unwrap(), place(&bulk, ""));
        assert_eq!(bulk["filter"], json!({"fraud": "fraudulent"}));
        assert_eq!((&bulk["state"], &bulk["selected"]), (&json!("running"), &json!(2)));
        assert_eq!(bulk["started_by"].as_str().unwrap().split(':').next(), Some("key"));
        let again = ada.send("POST", "/v1/bulk", &headers, body.to_string()).await.is(202);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(again.json()["id"], bulk["id"]);
        let paused = ada.post(&place(&bulk, "/pause"), json!({})).await.is(200);
        assert_eq!(
            (paused.headers["bursar-changed"].to_str().unwrap(), &paused.json()["state"]),
            ("true", &json!("paused"))
        );
        ada.post(&place(&bulk, "/resume"), json!({"reason": "go on"})).await.is(200);
        work(&house, &bulk).await;
        let done = ada.get(&place(&bulk, "")).await.is(200).json();
        assert_eq!((&done["state"], &done["changed"], &done["unchanged"]), (&json!("completed"), &json!(1), &json!(1)));
        assert_eq!((&done["undoable"], &done["reason"]), (&json!(true), &json!("case 17")));
        let rows = ada.get(&place(&bulk, "/rows?limit=1")).await.is(200).json();
        assert_eq!((&rows["data"][0]["user_id"], &rows["data"][0]["outcome"]), (&json!(ids[0]), &json!("done")));
        let next = rows["next"].as_str().unwrap();
        let rest = ada.get(&place(&bulk, &format!("/rows?after={next}"))).await.is(200).json();
        assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
        let tampered = ada.get(&place(&bulk, &format!("/rows?after=9{next}"))).await;
        assert_eq!(fault(&tampered), ("after".to_owned(), "invalid".to_owned()));
        assert_eq!(ada.post(&place(&bulk, "/pause"), json!({})).await.is(409).code(), "bulk_ended");
        let undo = ada.post(&place(&bulk, "/undo?preview=true"), json!({})).await.is(200).json();
        assert_eq!((&undo["selected"], &undo["changed"]["count"]), (&json!(1), &json!(1)));
        let undo = ada.post(&place(&bulk, "/undo"), json!({"reason": "wrong list"})).await.is(202).json();
        assert_eq!((&undo["action"], &undo["undo_of"]), (&json!("unlock"), &bulk["id"]));
        work(&house, &undo).await;
        let user = admin.get(&format!("/v1/users/{}", ids[0])).await.is(200).json();
        assert_eq!(user["standing"]["sign_in_lock"]["state"], "open");
        assert_eq!(ada.post(&place(&bulk, "/undo"), json!({})).await.is(409).code(), "already_undone");
        let list = ada.get("/v1/bulk?limit=1").await.is(200).json();
        assert_eq!(list["data"].as_array().unwrap().len(), 1);
        let older = ada.get(&format!("/v1/bulk?before={}", list["next"].as_str().unwrap())).await.is(200).json();
        assert_eq!((older["data"].as_array().unwrap().len(), &older["next"]), (1, &Value::Null));
        // The book tells of it, and of each user.
        let audit = admin.get(&format!("/v1/audit?subject={}", bulk["id"].as_str().unwrap())).await.is(200).json();
        let told: Vec<&str> =
            audit["data"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
        assert!(
            told.contains(&"bulk.run_slice") && told.contains(&"bulk.pause") && told.contains(&"bulk.undo"),
            "{told:?}"
        );
        let hers = admin.get(&format!("/v1/audit?subject={}", ids[1])).await.is(200).json();
        let hers = hers["data"].as_array().unwrap().iter().find(|it| it["request_id"] == bulk["id"]).unwrap();
        assert_eq!((&hers["action"], &hers["outcome"]), (&json!("user.lock"), &json!("unchanged")));
        assert_eq!((&hers["door"], &hers["reason"]), (&json!("worker"), &json!("case 17")));
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_told_by_its_field() {
    for house in House::all().await {
        let admin = house.admin().await;
        let ids = people(&admin, 1).await;
        let many: Vec<String> = vec![ids[0].clone(); 10_001];
        for (body, field, code) in [
            (json!({"filter": {}}), "action", "required"),
            (json!({"action": "lokc", "filter": {}}), "action", "unknown"),
            (json!({"action": "erase", "filter": {}}), "action", "unknown"),
            (json!({"action": "lock"}), "filter", "required"),
            (json!({"action": "lock", "filter": {}, "ids": []}), "ids", "both"),
            (json!({"action": "lock", "ids": []}), "ids", "empty"),
            (json!({"action": "lock", "ids": ["usr_1"]}), "ids[0]", "invalid"),
            (json!({"action": "lock", "ids": many}), "ids", "too_many"),
            (json!({"action": "lock", "filter": {"fraud": "maybe"}}), "filter.fraud", "unknown"),
            (json!({"action": "lock", "filter": {"hold": "legal"}}), "filter", "empty"),
            (json!({"action": "lock", "filter": {}, "until": "tomorrow"}), "until", "invalid"),
            (json!({"action": "lock", "filter": {}, "status": "suspicious"}), "status", "unknown"),
            (json!({"action": "fraud_status", "filter": {}}), "status", "required"),
            (json!({"action": "core_state", "filter": {}, "state": "odd"}), "state", "unknown"),
            (json!({"action": "lock", "filter": {}, "reason": "x".repeat(1_001)}), "reason", "too_long"),
        ] {
            let answer = admin.post("/v1/bulk", body).await;
            assert_eq!(fault(&answer), (field.to_owned(), code.to_owned()), "{}", answer.text);
        }
        let near = admin.post("/v1/bulk", json!({"action": "lokc", "filter": {}})).await.json();
        assert!(near["errors"][0]["message"].as_str().unwrap().starts_with("The nearest is `lock`."), "{near}");
        let changed = admin.post("/v1/bulk", json!({"action": "lock", "filter": {}, "expected": 7})).await.is(409);
        assert_eq!(changed.code(), "selection_changed");
        for body in
            [json!({"action": "lock", "filter": {"colour": "red"}}), json!({"action": "lock", "everybody": true})]
        {
            assert_eq!(admin.post("/v1/bulk", body).await.is(400).code(), "body_malformed");
        }
        assert_eq!(fault(&admin.get("/v1/bulk?before=blk_1").await).0, "before");
        assert_eq!(fault(&admin.get("/v1/bulk?limit=201").await).0, "limit");
        let nobodys = "/v1/bulk/blk_01jqzs8v1xe5ja4c3rq0f2m6tn";
        for path in [nobodys.to_owned(), format!("{nobodys}/rows")] {
            assert_eq!(admin.get(&path).await.is(404).code(), "not_found");
        }
        for verb in ["pause", "resume", "cancel", "undo", "undo?preview=true"] {
            assert_eq!(admin.post(&format!("{nobodys}/{verb}"), json!({})).await.is(404).code(), "not_found", "{verb}");
        }
    }
}
