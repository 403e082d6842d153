//! The order of checks on every admin call (contract 7): client, token, role, checksum, id, body, state.

use super::world::*;

/// Calls that change something: path, who may not, who may, and whether a checksum is documented.
const CHANGES: &[(&str, &str, &str, bool)] = &[
    ("/admin/users/disable/{id}", "customer_success", "super_admin", true),
    ("/admin/users/enable/{id}", "admin", "super_admin", true),
    ("/admin/users/update_fraud_status/{id}", "banking_operations", "customer_success", true),
    ("/admin/users/delete/{id}/devices/dev_x", "banking_operations", "customer_success", true),
    ("/admin/users/reset_password/{id}", "banking_operations", "admin", false),
    ("/admin/disable/{id}", "customer_success", "super_admin", false),
];

#[tokio::test]
async fn each_check_comes_before_the_next() {
    for world in World::all().await {
        for (path, may_not, may, documented) in CHANGES {
            let (nobody, body) = (path.replace("{id}", "999"), "nonsense");
            let send = async |client: Option<&str>, token: Option<&str>, checksum: Option<&str>, body: &str| {
                let bearer = token.map(|token| format!("Bearer {token}"));
                let mut headers = vec![("content-type", "application/json")];
                headers.extend(client.map(|client| ("swi-cid", client)));
                headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
                headers.extend(checksum.map(|checksum| ("swi-cs", checksum)));
                world.send("POST", &nobody, &headers, body.to_owned()).await
            };
            let (low, high) = (world.admin(may_not).await, world.admin(may).await);
            let right = world.checksum(body);
            let told = send(None, Some("x"), Some("0"), body).await;
            assert_eq!(told.told(), (401, "Invalid client".to_owned()), "{path}: the client");
            let told = send(Some(CLIENT), Some("x"), Some("0"), body).await;
            assert_eq!(told.told(), (401, "Invalid or expired token".to_owned()), "{path}: the token");
            let told = send(Some(CLIENT), Some(&low), Some("0"), body).await;
            let forbidden = "You are not authorized to perform this action".to_owned();
            assert_eq!(told.told(), (403, forbidden), "{path}: the role");
            let told = send(Some(CLIENT), Some(&high), Some("0"), body).await;
            assert_eq!(told.told(), (400, "Invalid payload checksum".to_owned()), "{path}: the checksum");
            if *documented {
                let told = send(Some(CLIENT), Some(&high), None, body).await;
                assert_eq!(told.told(), (400, "Invalid payload checksum".to_owned()), "{path}: no checksum");
            }
            let told = send(Some(CLIENT), Some(&high), Some(&right), body).await;
            assert_eq!(told.status, 404, "{path}: the id {}", told.text);
            let upper = right.to_uppercase();
            let told = send(Some(CLIENT), Some(&high), Some(&upper), body).await;
            assert_eq!(told.status, 404, "{path}: a checksum in capitals is the same");
        }
    }
}

#[tokio::test]
async fn a_client_of_another_institution_is_of_no_use_here() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        let bearer = format!("Bearer {token}");
        let headers = [("swi-cid", FOREIGN), ("authorization", bearer.as_str())];
        let answer = world.send("GET", "/admin/users/2", &headers, "").await;
        assert_eq!(answer.told(), (401, "Invalid or expired token".to_owned()));
        // The other institution's own admin sees its own user with the same number, and nobody else.
        let body = serde_json::json!({ "email": "super.admin@bank.example", "password": PASSWORD }).to_string();
        let sum = checksum(&world.foreign_secret, &body);
        let headers = [("swi-cid", FOREIGN), ("swi-cs", &sum), ("content-type", "application/json")];
        let answer = world.send("POST", "/admin/login", &headers, body).await;
        let token = answer.json()["data"]["auth_token"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        let headers = [("swi-cid", FOREIGN), ("authorization", bearer.as_str())];
        assert_eq!(world.send("GET", "/admin/users/1", &headers, "").await.json()["data"]["first_name"], "Tunde");
        assert_eq!(world.send("GET", "/admin/users/2", &headers, "").await.status, 404);
        let listed = world.send("GET", "/admin/users", &headers, "").await;
        assert_eq!(listed.json()["meta"]["total"], 1);
    }
}

#[tokio::test]
async fn what_is_refused_for_lack_of_a_role_is_on_record() {
    for world in World::all().await {
        let token = world.admin("customer_success").await;
        let answer = world.post(&token, "/admin/users/disable/2", serde_json::json!({ "reason": "mine" })).await;
        assert_eq!(answer.status, 403);
        let subject = Some(world.user("tunde").await.0);
        let filter = desk::audit::AuditFilter { subject, limit: 1, ..Default::default() };
        let page = world.test.desk.ask(&world.house(), desk::audit::ListAudit(filter)).await.unwrap();
        let record = &page.records[0];
        assert_eq!((record.action.as_str(), record.outcome.as_str()), ("user.disable", "refused"));
        assert_eq!(record.door, "switch");
    }
}
