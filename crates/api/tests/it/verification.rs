//! Verification over the wire: documents as bodies, within their limit, and back with a watermark.

use desk::Permission as P;
use image::{ImageFormat, RgbImage};
use serde_json::json;

use crate::harness::{Handle, House};

const PASSWORD: &str = "Lantern-Gravel-77-Orchid";

fn png(width: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(width, 60, image::Rgb([200, 210, 220])).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// A user with a session of her own, and her id.
async fn user(house: &House, admin: &Handle, name: &str) -> (Handle, String) {
    let body = json!({"first_name": "Sade", "last_name": name, "username": format!("sade.{name}"), "password": PASSWORD,
        "email": format!("sade.{name}@mail.example"),
        "photo_id": {"number": "A0123456789", "issuer": "international_passport", "expiry": "2031-05-30"}});
    let user = admin.post("/v1/users", body).await.is(201).json();
    assert_eq!(user["photo_id"]["number"], "A0xxxxxx789");
    let session = json!({"tenant_id": "ten_1", "identifier": format!("sade.{name}"), "password": PASSWORD});
    let session = house.nobody().post("/v1/sessions", session).await.is(201).json();
    (house.bearing(session["token"].as_str().unwrap()), user["id"].as_str().unwrap().to_owned())
}

const PNG: &[(&str, &str)] = &[("content-type", "image/png")];

#[tokio::test]
async fn a_user_shows_asks_and_is_approved() {
    for house in House::all().await {
        let admin = house.admin().await;
        let (her, id) = user(&house, &admin, "one").await;
        let mine = her.get("/v1/me/verification").await.is(200).json();
        assert_eq!((&mine["verification"], &mine["requests"]), (&json!("none"), &json!([])));
        let document = her.send("PUT", "/v1/me/verification/documents/photo_id", PNG, png(80)).await.is(201).json();
        assert_eq!((&document["kind"], &document["width"]), (&json!("photo_id"), &json!(80)));
        let again = her.send("PUT", "/v1/me/verification/documents/photo_id", PNG, png(80)).await.is(200);
        assert_eq!(again.headers["bursar-changed"], "false");
        let asked = her.post("/v1/me/verification", json!({})).await.is(200).json();
        assert_eq!((&asked["verification"], &asked["request_state"]), (&json!("requested"), &json!("requested")));

        let waiting = admin.get("/v1/verifications?limit=10").await.is(200).json();
        assert_eq!((&waiting["total"], &waiting["data"][0]["user"]["id"]), (&json!(1), &json!(id)));
        assert_eq!(waiting["data"][0]["request"]["state"], "requested");
        let page = admin.get("/v1/verifications?page=1&order=newest&limit=5").await.is(200).json();
        assert_eq!(page["data"][0]["user"]["id"], json!(id));
        for bad in ["page=0", "page=1&after=x", "order=newest", "order=oldest&page=1", "limit=0", "nonsense=1"] {
            admin.get(&format!("/v1/verifications?{bad}")).await.is(400);
        }

        let at = |what: &str| format!("/v1/users/{id}/verification/{what}");
        let more = admin.post(&at("ask-more"), json!({"text": "Your signature, please."})).await.is(200).json();
        assert_eq!((&more["verification"], &more["request_state"]), (&json!("requested"), &json!("more_needed")));
        admin.post(&at("ask-more"), json!({"text": ""})).await.is(400);
        admin.post(&at("decline"), json!({})).await.is(400);
        let put = her.send("PUT", "/v1/me/verification/documents/signature", PNG, png(90)).await;
        put.is(201);
        her.post("/v1/me/verification", json!({})).await.is(200);
        let file = admin.get(&format!("/v1/users/{id}/verification")).await.is(200).json();
        let states: Vec<_> = file["requests"][0]["steps"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
        assert_eq!(states, ["requested", "more_needed", "requested"]);
        assert_eq!(file["requests"][0]["documents"].as_array().unwrap().len(), 2);
        let preview = admin.post(&at("approve?preview=true"), json!({})).await.is(200).json();
        assert_eq!(preview["facts"].as_array().unwrap().len(), 2);
        let key = [("content-type", "application/json"), ("idempotency-key", "once")];
        let first = admin.send("POST", &at("approve"), &key, "{\"reason\":\"fine\"}").await.is(200);
        let second = admin.send("POST", &at("approve"), &key, "{\"reason\":\"fine\"}").await.is(200);
        assert_eq!((first.text, second.headers["idempotency-replayed"].to_str().unwrap()), (second.text, "true"));
        let late = admin.post(&at("decline"), json!({"reason": "forged"})).await;
        assert_eq!((late.status.as_u16(), late.code().as_str()), (409, "verification_state"));
        let mine = her.get("/v1/me/verification").await.is(200).json();
        assert_eq!(mine["verification"], "verified");
        assert!(!mine.to_string().contains("fine") && !mine.to_string().contains("key_"), "{mine}");
    }
}

#[tokio::test]
async fn a_document_comes_back_marked_and_only_to_whom_may_see_it() {
    for house in House::all().await {
        let admin = house.admin().await;
        let (her, id) = user(&house, &admin, "one").await;
        let document = her.send("PUT", "/v1/me/verification/documents/selfie", PNG, png(300)).await.is(201).json();
        let at = format!("/v1/users/{id}/verification/documents/{}/reveal", document["id"].as_str().unwrap());
        let purpose = json!({"purpose": "deciding on her request"});
        let viewer = house.holder("viewer", &[P::DocumentsRead]).await;
        let shown = viewer.post(&at, purpose.clone()).await.is(200);
        for (name, value) in [
            ("content-type", "image/png"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
        ] {
            assert_eq!(shown.headers[name], value);
        }
        let disposition = shown.headers["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; filename=\"doc_") && disposition.ends_with(".png\""));
        viewer.post(&at, json!({"purpose": ""})).await.is(400);
        let decider = house.holder("decider", &[P::UsersRead, P::VerificationsDecide]).await;
        assert_eq!(decider.post(&at, purpose.clone()).await.is(403).code(), "forbidden");
        her.post(&at, purpose.clone()).await.is(403);
        let elsewhere = house.desk.other_tenant().await;
        let stranger = house.holder_in(elsewhere, "stranger", P::ALL).await;
        assert_eq!(stranger.post(&at, purpose).await.is(404).code(), "not_found");
    }
}

#[tokio::test]
async fn what_is_no_document_is_told_in_our_own_voice() {
    let house = House::all().await.remove(0);
    let admin = house.admin().await;
    let (her, _) = user(&house, &admin, "one").await;
    let at = "/v1/me/verification/documents/photo_id";
    let too_large = vec![0x89; 10 * 1024 * 1024 + 1];
    let exact = [&png(50)[..], &vec![0; 10 * 1024 * 1024 - png(50).len()]].concat();
    let pdf = [("content-type", "application/pdf")];
    let json = [("content-type", "application/json")];
    let packed = [("content-type", "image/png"), ("content-encoding", "gzip")];
    for (at, headers, body, status, code) in [
        (at, PNG, too_large, 413, "body_too_large"),
        (at, PNG, exact, 400, "invalid"),
        (at, &pdf[..], png(50), 400, "invalid"),
        (at, &json[..], png(50), 415, "body_type"),
        (at, &[], png(50), 415, "body_type"),
        (at, &packed[..], png(50), 415, "body_type"),
        (at, PNG, Vec::new(), 400, "invalid"),
        (at, PNG, b"<html></html>".to_vec(), 400, "invalid"),
        ("/v1/me/verification/documents/passport", PNG, png(50), 404, "no_such_path"),
        ("/v1/me/verification/documents/photo_id?x=1", PNG, png(50), 400, "query_malformed"),
    ] {
        let answer = her.send("PUT", at, headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{at} {headers:?} {}",
            answer.text
        );
    }
    let told = her.send("PUT", at, PNG, png(50)[..40].to_vec()).await.is(400).json();
    assert_eq!((&told["errors"][0]["field"], &told["errors"][0]["code"]), (&json!("document"), &json!("truncated")));
    // Done once only: the second time the answer is kept, and nothing is there twice.
    let key = [("content-type", "image/png"), ("idempotency-key", "one")];
    let first = her.send("PUT", at, &key, png(51)).await.is(201);
    let second = her.send("PUT", at, &key, png(51)).await.is(201);
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(her.send("PUT", at, &key, png(52)).await.is(422).code(), "idempotency_key_reused");
}
