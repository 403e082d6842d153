//! Every text of every call x every character that is no text: 400 in this voice, on both engines.

use super::world::*;

/// The texts of the calls that read a body.
const TEXTS: &[(&str, &[&str])] = &[
    ("/admin/login", &["email", "password"]),
    ("/admin/new", &["email", "role"]),
    ("/admin/users/disable/{id}", &["reason"]),
    ("/admin/users/enable/{id}", &["reason"]),
    ("/admin/users/update_fraud_status/{id}", &["comment", "fraud_status"]),
    ("/admin/users/verify/{id}", &["reason"]),
    ("/admin/users/decline_verification/{id}", &["reason"]),
    ("/admin/disable_requests", &["user_id", "reason"]),
    ("/admin/disable_requests/approve/{id}", &["comment"]),
    ("/admin/disable_requests/decline/{id}", &["comment"]),
    ("/admin/enable_requests/{id}", &["reason"]),
    ("/admin/enable_requests/approve/{id}", &["comment"]),
    ("/admin/enable_requests/decline/{id}", &["comment"]),
    ("/user/register", &["email", "password", "first_name", "last_name", "phone", "country"]),
    ("/user/login", &["email", "password", "fingerprint"]),
    ("/user/forgot_password", &["email"]),
    ("/user/reset_password", &["password", "reset_password_token"]),
    ("/user/unlock_account", &["unlock_token"]),
    ("/user/resend_unlock_email", &["email"]),
    ("/user/two_factor_auth/set_pin", &["pin"]),
    ("/user/two_factor_auth/verify_phone", &["otp"]),
    ("/user/two_factor_auth/set_two_factor_auth", &["type"]),
    ("/user/verification/update", &["bvn", "address", "city", "gender", "nigerian_contact_name"]),
];

/// Calls that read no body, whatever is sent.
const NO_BODY: &[&str] = &[
    "/admin/logout",
    "/admin/disable/{id}",
    "/admin/users/reset_password/{id}",
    "/admin/users/delete/{id}/devices/{device_id}",
    "/user/logout",
    "/user/two_factor_auth/send_otp",
    "/user/verification/process",
];

fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id).replace("{device_id}", "dev_x")
}

#[tokio::test]
async fn every_text_of_every_call_refuses_what_is_no_text() {
    for route in dialects::switch::ROUTES.iter().filter(|route| route.method != "GET") {
        let is_known = TEXTS.iter().any(|(path, _)| *path == route.path) || NO_BODY.contains(&route.path);
        assert!(is_known || route.path == "/admin/enable_requests", "{} is not looked at", route.path);
    }
    for world in World::all().await {
        let (admin, customer) = (world.admin("super_admin").await, world.customer("ada").await);
        let agent = world.admin("customer_success").await;
        for (path, fields) in TEXTS {
            let token = match *path {
                "/admin/disable_requests" | "/admin/enable_requests/{id}" => &agent,
                path if path.starts_with("/admin") => &admin,
                _ => &customer,
            };
            let token = Some(token.as_str()).filter(|_| !path.ends_with("login"));
            for bad in ["\\u0000", "secret\\u0000", "\\ud800", "\\udc00\\ud800"] {
                for field in fields.iter().chain(&["nobody_reads_this"]) {
                    let body = format!("{{\"{field}\":\"{bad}\"}}");
                    let answer = world.call(token, "POST", &filled(path, "1"), &body).await;
                    if path.contains("_requests/") && answer.status == 404 {
                        // There is no such request: that is told before the body is looked at.
                        continue;
                    }
                    assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
                    assert!(answer.text.contains(*field), "{path} {body}: {}", answer.text);
                    assert!(!answer.text.contains("secret"), "{path} {body}: {}", answer.text);
                }
                let body = format!("{{\"a\":{{\"b{bad}\":1}}}}");
                let status = world.call(token, "POST", &filled(path, "1"), &body).await.status;
                assert!(status == 400 || path.contains("_requests/") && status == 404, "{path} {body}: {status}");
            }
            if path.contains("_requests/") {
                continue;
            }
            let twice = world.call(token, "POST", &filled(path, "1"), r#"{"a":1,"a":2}"#).await;
            assert_eq!(
                twice.told(),
                (400, "The body cannot be read: `a`: is there twice (line 1, column 10)".into()),
                "{path}"
            );
        }
        for route in dialects::switch::ROUTES {
            let token = if route.path.starts_with("/admin") { &admin } else { &customer };
            for bad in ["%00", "1%00", "%ED%A0%80"] {
                if route.path.contains("{id}") {
                    // What is no number is nobody's.
                    let status = world.call(Some(token), route.method, &filled(route.path, bad), "{}").await.status;
                    assert!((400..405).contains(&status.as_u16()), "{} {bad}: {status}", route.path);
                }
                for query in [format!("?page={bad}"), format!("?{bad}=1"), format!("?search={bad}")] {
                    let at = format!("{}{query}", filled(route.path, "1"));
                    let answer = world.call(Some(token), route.method, &at, "{}").await;
                    assert_eq!(answer.status, 400, "{at}: {}", answer.text);
                }
            }
        }
    }
}
