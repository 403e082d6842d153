//! Where a partner is called back, said and seen in our own voice.

use desk::Permission as P;
use serde_json::{Value, json};

use crate::harness::House;

#[tokio::test]
async fn a_partners_address_is_given_with_its_key_changed_and_taken_away() {
    for house in House::all().await {
        let admin = house.admin().await;
        let new = |url: Value| json!({"kind": "choice_sender", "name": "Acme Pay", "callback_url": url});
        let made = admin.post("/v1/keys", new(json!("https://partner.example/one"))).await.is(201).json();
        assert_eq!(made["callback_url"], "https://partner.example/one");
        let at = format!("/v1/keys/{}/callback-url", made["id"].as_str().unwrap());
        let changed = admin.post(&at, json!({"url": "https://partner.example/two"})).await.is(200).json();
        assert_eq!((&changed["callback_url"], changed.get("secret")), (&json!("https://partner.example/two"), None));
        let listed = |keys: &Value| {
            let keys = keys["data"].as_array().unwrap().iter();
            keys.filter(|it| it["id"] == made["id"]).map(|it| it["callback_url"].clone()).next().unwrap()
        };
        assert_eq!(listed(&admin.get("/v1/keys").await.json()), "https://partner.example/two");
        // A preview changes nothing; leaving the address out is no way to take it away.
        admin.post(&format!("{at}?preview=true"), json!({"url": null})).await.is(200);
        assert_eq!(admin.post(&at, json!({})).await.is(400).code(), "body_malformed");
        assert_eq!(listed(&admin.get("/v1/keys").await.json()), "https://partner.example/two");
        let gone = admin.post(&at, json!({"url": null})).await.is(200).json();
        assert_eq!(gone["callback_url"], Value::Null);
        for bad in ["", "partner.example", "ftp://partner.example/", "https://a:b@partner.example/", "https://x/#y"] {
            let answer = admin.post(&at, json!({"url": bad})).await.is(400);
            assert_eq!(answer.json()["errors"][0]["field"], "url", "{bad} {}", answer.text);
            let answer = admin.post("/v1/keys", new(json!(bad))).await.is(400);
            assert_eq!(answer.json()["errors"][0]["field"], "callback_url", "{bad} {}", answer.text);
            assert!(bad.is_empty() || !answer.text.contains(bad), "what was sent is not repeated: {}", answer.text);
        }
        for bad in [json!(1), json!(["https://partner.example/"]), json!({})] {
            admin.post(&at, json!({"url": bad})).await.is(400);
        }
        let native = json!({"kind": "native", "name": "K", "callback_url": "https://partner.example/"});
        admin.post("/v1/keys", native).await.is(400);
    }
}

#[tokio::test]
async fn callbacks_are_listed_by_who_may_see_keys() {
    for house in House::all().await {
        let admin = house.admin().await;
        let made = admin.post("/v1/keys", json!({"kind": "choice_sender", "name": "Acme Pay"})).await.is(201).json();
        let at = format!("/v1/keys/{}/callbacks", made["id"].as_str().unwrap());
        let reader = house.holder("reader", &[P::KeysRead]).await;
        assert_eq!(reader.get(&at).await.is(200).json(), json!({"data": [], "next": null}));
        reader.get(&format!("{at}?state=failed&limit=200")).await.is(200);
        for bad in ["state=lost", "limit=0", "limit=201", "before=x", "before=key_01jqzs8v1xe5ja4c3rq0f2m6tn"] {
            let answer = reader.get(&format!("{at}?{bad}")).await;
            assert_eq!(answer.status.as_u16(), 400, "{bad} {}", answer.text);
        }
        let nobodys = "/v1/callbacks/cbk_01jqzs8v1xe5ja4c3rq0f2m6tn/send-again";
        admin.post(nobodys, json!({})).await.is(404);
        reader.post(nobodys, json!({})).await.is(403);
        admin.get("/v1/keys/key_01jqzs8v1xe5ja4c3rq0f2m6tn/callbacks").await.is(404);
        admin.post("/v1/keys/key_01jqzs8v1xe5ja4c3rq0f2m6tn/callback-url", json!({"url": null})).await.is(404);
    }
}
