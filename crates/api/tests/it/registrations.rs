//! Making an account for oneself through our own API and the page behind the mailed link.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use desk::message::Outbox;
use desk::tenant::ChangeSettings;
use desk::user::{CreateUser, Profile};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::House;

const PASSWORD: &str = "Lantern-Gravel-77-Orchid";

async fn open(house: &House) {
    let patch = json!({ "self_registration": true }).as_object().unwrap().clone();
    house.desk.desk.perform(&house.desk.house(), ChangeSettings { patch }).await.unwrap();
}

fn body(house: &House, email: &str) -> Value {
    json!({ "tenant_id": house.desk.tenant.to_string(), "last_name": "Alabi", "email": email, "password": PASSWORD })
}

async fn token(house: &House) -> String {
    let all = house.desk.desk.ask(&house.desk.house(), Outbox::Before(None)).await.unwrap();
    let letter = all.into_iter().find(|it| it.template == "registration_link").and_then(|it| it.letter);
    letter.and_then(|letter| letter.token).unwrap()
}

#[tokio::test]
async fn a_stranger_sets_what_the_list_has_and_nothing_else() {
    for house in House::all().await {
        open(&house).await;
        let nobody = house.nobody();
        for (field, value) in [
            ("identifiers", json!({ "external_id": "C-1" })),
            ("identifiers", json!({ "customer_id": "1" })),
            ("external_id", json!("C-1")),
            ("wallet", json!({ "balance": "1000000.0" })),
            ("abilities", json!({ "transfer": true })),
            ("email_confirmed", json!(true)),
            ("phone_verified", json!(true)),
            ("house_account", json!({ "number": "1" })),
            ("security_questions", json!("3")),
            ("second_factor_choice", json!("pin")),
            ("employee", json!(true)),
            ("kind", json!("business")),
            ("photo_id", json!({ "number": "1" })),
            ("demographic", json!({ "net_worth": "much" })),
            ("next_of_kin", json!({ "name": "x" })),
            ("payment_slug", json!("x")),
            ("is_diaspora", json!(true)),
            ("standing", json!({ "verification": "verified" })),
            ("risk_locked", json!(false)),
            ("id", json!("usr_01jqzs8v1xe5ja4c3rq0f2m6tn")),
        ] {
            let mut body = body(&house, "kemi@mail.example");
            body[field] = value;
            let answer = nobody.post("/v1/registrations", body).await.is(400);
            assert!(answer.text.contains(field), "{}", answer.text);
        }
        for (field, value) in [("bvn", json!("22123456144")), ("gender", json!("female")), ("address", json!({}))] {
            let mut body = body(&house, "kemi@mail.example");
            body[field] = value;
            let answer = nobody.post("/v1/registrations", body).await.is(400);
            assert!(answer.text.contains("not_accepted"), "{}", answer.text);
        }
        let mut body = body(&house, "kemi@mail.example");
        for (field, value) in [
            ("first_name", json!("Kemi")),
            ("username", json!("kemi")),
            ("phone", json!("+2348035550101")),
            ("locale", json!("en-NG")),
            ("country", json!("NG")),
            ("date_of_birth", json!("1990-02-03")),
        ] {
            body[field] = value;
        }
        nobody.post("/v1/registrations", body).await.is(202);
    }
}

#[tokio::test]
async fn the_answer_says_nothing_and_the_page_behind_the_link_makes_the_account() {
    for house in House::all().await {
        let closed = house.nobody().post("/v1/registrations", body(&house, "kemi@mail.example")).await;
        assert_eq!(closed.code(), "registration_closed");
        open(&house).await;
        let profile = Profile {
            last_name: "Okafor".to_owned(),
            username: Some("ada".to_owned()),
            email: Some("ada@mail.example".to_owned()),
            ..Profile::default()
        };
        house.desk.desk.perform(&house.desk.house(), CreateUser::of(profile)).await.unwrap();
        let nobody = house.nobody();
        let taken = nobody.post("/v1/registrations", body(&house, "ada@mail.example")).await.is(202);
        let mut named = body(&house, "kemi@mail.example");
        named["username"] = json!("ada");
        let new = nobody.post("/v1/registrations", named).await.is(202);
        assert_eq!(taken.text, new.text);
        let names = |answer: &crate::harness::Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&taken), names(&new));

        let token = token(&house).await;
        let pages = api::pages::routes(house.desk.desk.clone());
        let send = |method: &str, form: Option<String>| {
            let request = Request::builder().method(method).uri(format!("/confirm/{token}"));
            let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            let request = request.body(form.map_or_else(Body::empty, Body::from)).unwrap();
            let pages = pages.clone();
            async move {
                let answer = pages.oneshot(request).await.unwrap();
                let status = answer.status();
                let bytes = answer.into_body().collect().await.unwrap().to_bytes();
                (status, String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        let sign_in = json!({ "tenant_id": house.desk.tenant.to_string(), "identifier": "kemi@mail.example",
            "password": PASSWORD });
        // Whoever only looks at the link confirms nothing.
        let (status, text) = send("GET", None).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(
            text.contains("Confirm your registration") && !text.contains(&token) && !text.contains("kemi"),
            "{text}"
        );
        assert_eq!(nobody.post("/v1/sessions", sign_in.clone()).await.status.as_u16(), 401);
        let (status, _) = send("POST", Some("password=wrong".to_owned())).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let wrong = json!({ "token": token, "password": "wrong" });
        assert_eq!(nobody.post("/v1/registrations/confirm", wrong).await.is(400).json()["errors"][0]["code"], "wrong");
        let (status, text) = send("POST", Some(format!("password={PASSWORD}"))).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        nobody.post("/v1/sessions", sign_in).await.is(201);
        let (status, _) = send("GET", None).await;
        assert_eq!(status, StatusCode::GONE);
        let again = json!({ "token": token, "password": PASSWORD });
        assert_eq!(nobody.post("/v1/registrations/confirm", again).await.code(), "link_invalid");
        for nonsense in ["brg_999_x", "bur_1_x", "", "brg__"] {
            let body = json!({ "token": nonsense, "password": "x" });
            assert_eq!(nobody.post("/v1/registrations/confirm", body).await.code(), "link_invalid");
        }
    }
}

#[tokio::test]
async fn the_api_confirms_a_token_that_was_pasted_with_line_ends() {
    for house in House::all().await {
        open(&house).await;
        house.nobody().post("/v1/registrations", body(&house, "kemi@mail.example")).await.is(202);
        let token = token(&house).await;
        let (begin, end) = token.split_at(20);
        let pasted = json!({ "token": format!(" {begin}\r\n {end} "), "password": PASSWORD });
        house.nobody().post("/v1/registrations/confirm", pasted).await.is(204);
    }
}
