//! Every text field of every route of the native API x every character that is no text x both engines: 400, the field is named, and
//! nothing is repeated of what was sent. Generated from the specification, so that a new route or field cannot escape.

use serde_json::{Value, json};

use crate::coverage::{PUBLIC, filled, operations};
use crate::harness::House;

/// NUL, and the halves of a surrogate pair alone and in the wrong order, as JSON writes them.
const NO_TEXT: &[&str] = &["\\u0000", "hush\\u0000", "\\ud800", "\\udc00", "\\udc00\\ud800", "hush\\ud83dx"];
/// The same in an address: NUL, and halves of a surrogate pair in UTF-8.
const NO_TEXT_ENCODED: &[&str] = &["%00", "secret%00", "%ED%A0%80", "x%ed%bf%bfy"];

/// For what no file is sent as JSON.
const FILES: &[&str] = &[
    "POST /v1/imports",
    "PUT /v1/me/verification/documents/{kind}",
    "PUT /v1/users/{user_id}/verification/documents/{kind}",
];

/// The schema that a reference stands for.
fn resolved<'a>(spec: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(spec, spec.pointer(&reference[1..]).expect("the specification is whole")),
        None => schema,
    }
}

/// The paths of all fields of a body, with a body that has only this field.
fn fields(spec: &Value, schema: &Value, depth: usize) -> Vec<Vec<String>> {
    let schema = resolved(spec, schema);
    let mut all = Vec::new();
    for word in ["allOf", "oneOf", "anyOf"] {
        for part in schema[word].as_array().into_iter().flatten() {
            all.extend(fields(spec, part, depth));
        }
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let below = if depth < 3 { fields(spec, inner, depth + 1) } else { Vec::new() };
        match below.is_empty() {
            true => all.push(vec![name.clone()]),
            false => all.extend(below.into_iter().map(|path| [vec![name.clone()], path].concat())),
        }
    }
    all
}

fn body(path: &[String], text: &str) -> String {
    path.iter().rev().fold(format!("\"{text}\""), |inner, name| format!("{{\"{name}\":{inner}}}"))
}

#[tokio::test]
async fn every_text_field_of_every_body_refuses_what_is_no_text() {
    let spec: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    // Strangers ask more often here than they may.
    let options = api::Options { anonymous_rate_limit_per_second: 100_000, ..api::Options::default() };
    for house in House::all_with(options).await {
        let admin = house.admin().await;
        let mut looked_at = 0;
        for (method, path, operation) in operations() {
            let name = format!("{method} {path}");
            if FILES.contains(&name.as_str()) || operation["requestBody"].is_null() {
                continue;
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let caller = if PUBLIC.contains(&name.as_str()) { house.nobody() } else { admin.clone() };
            // A name of nobody's is as bad, and so is a name that is no text.
            let mut paths = fields(&spec, schema, 0);
            paths.push(vec!["nickname".to_owned()]);
            for field in paths {
                for bad in NO_TEXT {
                    let headers = [("content-type", "application/json")];
                    let answer = caller.send(&method, &filled(&path), &headers, body(&field, bad)).await;
                    let said = answer.is(400);
                    let code = if bad.contains("u0000") { "invalid" } else { "body_malformed" };
                    assert_eq!(said.code(), code, "{name} {field:?} {bad}");
                    let errors = &said.json()["errors"];
                    assert_eq!(errors[0]["field"], field.join("."), "{name} {bad}: {}", said.text);
                    assert!(!said.text.contains("hush"), "{name} {field:?} {bad}: {}", said.text);
                    looked_at += 1;
                }
            }
            let answer =
                caller.send(&method, &filled(&path), &[("content-type", "application/json")], "{\"a\\u0000\":1}").await;
            assert_eq!(answer.is(400).code(), "invalid", "{name}: a name");
        }
        assert!(looked_at > 500, "only {looked_at} fields were looked at");
    }
}

#[tokio::test]
async fn every_body_refuses_a_name_that_is_there_twice() {
    for house in House::all().await {
        let admin = house.admin().await;
        for (method, path, operation) in operations() {
            let name = format!("{method} {path}");
            if FILES.contains(&name.as_str()) || operation["requestBody"].is_null() {
                continue;
            }
            for (body, field) in [
                (r#"{"reason":"a","reason":"b"}"#, "reason"),
                (r#"{"address":{"zip":"1","city":"x","zip":"2"}}"#, "address.zip"),
                (r#"{"nickname":[{"a":1},{"a":1,"\u0061":2}]}"#, "nickname[1].a"),
            ] {
                let caller = if PUBLIC.contains(&name.as_str()) { house.nobody() } else { admin.clone() };
                let answer = caller.send(&method, &filled(&path), &[("content-type", "application/json")], body).await;
                let said = answer.is(400);
                assert_eq!(said.code(), "body_malformed", "{name}");
                let error = &said.json()["errors"][0];
                assert_eq!((&error["field"], &error["code"]), (&json!(field), &json!("duplicate")), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn every_part_of_every_address_refuses_what_is_no_text() {
    for house in House::all().await {
        let admin = house.admin().await;
        for (method, path, operation) in operations() {
            let name = format!("{method} {path}");
            for bad in NO_TEXT_ENCODED {
                let parts: Vec<&str> = path.split('/').filter(|part| part.starts_with('{')).collect();
                for part in parts {
                    let at = filled(&path.replace(part, bad));
                    let answer = admin.send(&method, &at, &[("content-type", "application/json")], "{}").await;
                    // What is none of our ids does not exist.
                    // A key is told first that it is no user.
                    let code = answer.code();
                    assert!(
                        ["not_found", "no_such_path", "forbidden"].contains(&code.as_str()),
                        "{name} {part} {bad}: {code}"
                    );
                }
                let mut names: Vec<String> = operation["parameters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|it| it["in"] == "query")
                    .map(|it| it["name"].as_str().unwrap().to_owned())
                    .collect();
                names.extend(["nothing".to_owned(), (*bad).to_owned()]);
                for parameter in names {
                    let at = format!("{}?{parameter}={bad}", filled(&path).split('?').next().unwrap());
                    let answer = admin.send(&method, &at, &[("content-type", "application/json")], "{}").await;
                    assert_eq!(answer.is(400).code(), "query_malformed", "{name} {parameter} {bad}");
                }
            }
        }
    }
}

#[tokio::test]
async fn headers_that_are_read_refuse_what_is_no_text() {
    for house in House::all().await {
        let admin = house.admin().await;
        // A header cannot have a NUL: the server refuses such a head. What is left is bytes that are no ASCII.
        for bad in ["k\u{e4}y", "\u{fffd}"] {
            let headers = [("content-type", "application/json"), ("idempotency-key", bad)];
            let body = json!({"last_name": "Sample"}).to_string();
            assert_eq!(admin.send("POST", "/v1/users", &headers, body).await.is(400).code(), "invalid");
        }
    }
}

#[tokio::test]
async fn a_parameter_that_does_not_fit_is_named_without_its_value() {
    for house in House::all().await {
        let admin = house.admin().await;
        for (query, field) in [
            ("limit=secret", "limit"),
            ("limit=5&employee=secret", "employee"),
            ("limit=5&nickname=secret", "nickname"),
            ("limit=5&limit=secret", "limit"),
            ("limit=99999999999999999999", "limit"),
        ] {
            let said = admin.get(&format!("/v1/users?{query}")).await.is(400);
            assert_eq!(said.code(), "query_malformed", "{query}");
            assert_eq!(said.json()["errors"][0]["field"], field, "{query}: {}", said.text);
            assert!(!said.text.contains("secret") && !said.text.contains("i64"), "{query}: {}", said.text);
        }
    }
}

#[tokio::test]
async fn a_field_that_does_not_fit_is_named_without_its_value_or_a_type_of_ours() {
    for house in House::all().await {
        let admin = house.admin().await;
        let user = admin.post("/v1/users", json!({"last_name": "Sample"})).await.is(201).json();
        let at = format!("/v1/users/{}", user["id"].as_str().unwrap());
        let words = ["4711", "secret", "i64", "u32", "struct", "Option", "enum", "variant", "integer", "sequence"];
        for (method, path, body, field) in [
            ("PATCH", at.as_str(), json!({"first_name": 4711}), "first_name"),
            ("PATCH", at.as_str(), json!({"address": {"zip": 4711}}), "address.zip"),
            ("PATCH", at.as_str(), json!({"address": "secret"}), "address"),
            ("PATCH", at.as_str(), json!({"identifiers": {"ssn": ["4711"]}}), "identifiers.ssn"),
            ("PATCH", at.as_str(), json!({"abilities": {"zelle": "secret"}}), "abilities.zelle"),
            ("PATCH", "/v1/settings", json!({"lock_after": "secret"}), "lock_after"),
            ("PATCH", "/v1/settings", json!({"session_seconds": 1, "lock_after": {"secret": 1}}), "lock_after"),
            ("POST", "/v1/users", json!({"last_name": 4711}), "last_name"),
            ("POST", "/v1/users", json!({"last_name": "x", "employee": "secret"}), "employee"),
            ("POST", "/v1/users", json!({"last_name": "x", "address": {"city": {"secret": 1}}}), "address.city"),
            ("POST", "/v1/users/search", json!({"query": "x", "limit": "secret"}), "limit"),
            ("POST", "/v1/users/search", json!({"limit": 5}), "query"),
            ("POST", "/v1/bulk", json!({"action": 4711}), "action"),
            ("POST", "/v1/roles", json!({"name": "R", "permissions": "secret"}), "permissions"),
        ] {
            let headers = [("content-type", "application/json")];
            let said = admin.send(method, path, &headers, body.to_string()).await.is(400);
            assert_eq!(said.json()["errors"][0]["field"], field, "{method} {path} {body}: {}", said.text);
            let told = words.iter().find(|word| said.text.contains(**word));
            assert!(told.is_none(), "{told:?} in {}", said.text);
        }
    }
}
