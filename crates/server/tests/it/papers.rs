//! Documents and the real server: killed at any moment it loses none that it acknowledged, and however many come at once
//! it takes no more memory than it says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use desk::value::id::UserId;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use crate::bank::{Bank, Client, person};
use crate::running::until;

fn png(width: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(width, 40, image::Rgb([210, 200, 190])).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// Shows papers one after the other until the server is gone; the id of the last that was acknowledged.
async fn show_until_gone(client: Client, user: String, first: u32) -> (Option<String>, u32) {
    let (mut last, mut width) = (None, first);
    loop {
        let path = format!("/v1/users/{user}/verification/documents/photo_id");
        match client.put(&path, "image/png", png(width)).await {
            Some((201, body)) => {
                let body: Value = serde_json::from_slice(&body).unwrap();
                last = body["id"].as_str().map(str::to_owned);
                width += 1;
            }
            // No more than so many are kept of one user.
            Some((status, body)) => panic!("{status} {}", String::from_utf8_lossy(&body)),
            None => return (last, width),
        }
    }
}

async fn kill_while_papers_come(bank: Bank, rounds: u64) {
    let http = Client::http();
    let mut server = bank.start();
    let native = Client::new(&http, &server, &bank.key);
    let user = native.call("POST", "/v1/users", person("papers")).await.text("id").to_owned();
    assert!(UserId::parse(&user).is_some());
    let mut width = 20;
    for round in 0..rounds {
        let client = Client::new(&http, &server, &bank.key);
        let showing = tokio::spawn(show_until_gone(client, user.clone(), width));
        tokio::time::sleep(Duration::from_millis(60 + round * 53 % 240)).await;
        server.kill();
        let (last, next) = showing.await.unwrap();
        width = next + 1;
        server = bank.start();
        let native = Client::new(&http, &server, &bank.key);
        let file = native.call("GET", &format!("/v1/users/{user}/verification"), Value::Null).await.body;
        let documents = file["documents"].as_array().unwrap();
        assert!(documents.len() <= 1, "what nobody looked at was replaced: {file}");
        // The last that was acknowledged counts, unless the one on its way took its place before the kill.
        if let (Some(last), Some(now)) = (&last, documents.first()) {
            let is_the_last = now["id"].as_str() == Some(last) || now["width"] == json!(next);
            assert!(is_the_last, "{last} was acknowledged and is lost: {now}");
        }
        assert!(last.is_none() || !documents.is_empty(), "{last:?} was acknowledged and is lost");
        for document in documents {
            let path = format!("/v1/users/{user}/verification/documents/{}/reveal", document["id"].as_str().unwrap());
            let shown = native.call("POST", &path, json!({ "purpose": "looking whether it is whole" })).await;
            assert_eq!(shown.status, 200, "{shown:?}");
        }
    }
    server.kill();
    assert!(!bank.log().contains("panic"), "{}", bank.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_document_is_lost_when_the_server_is_killed() {
    kill_while_papers_come(Bank::embedded(), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_on_postgresql() {
    let Some(bank) = Bank::on_postgres().await else { return };
    kill_while_papers_come(bank, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_uploads_at_once_take_no_more_memory_than_there_is_for_them() {
    let bank = Bank::embedded();
    let server = bank.start();
    let http = Client::http();
    let native = Client::new(&http, &server, &bank.key);
    let user = native.call("POST", "/v1/users", person("papers")).await.text("id").to_owned();
    // 40 of nearly 10 MiB, which are no documents: 400 MB if all were held.
    let mut large = png(30);
    large.resize(10 * 1024 * 1024 - 100, 0);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (client, user, large) = (native.clone(), user.clone(), large.clone());
        all.spawn(async move {
            let path = format!("/v1/users/{user}/verification/documents/selfie");
            client.put(&path, "image/png", large).await.map(|(status, _)| status)
        });
    }
    let answers = all.join_all().await;
    // Who waits too long is told so before all of the body was sent: then the connection may break.
    assert!(answers.iter().all(|it| matches!(it, Some(400 | 503) | None)), "{answers:?}");
    assert!(answers.iter().filter(|it| **it == Some(400)).count() >= 6, "{answers:?}");
    let (_, most) = server.resident_mib();
    assert!(most < 260, "{most} MiB were resident");
    let well = native.put(&format!("/v1/users/{user}/verification/documents/selfie"), "image/png", png(30)).await;
    assert_eq!(well.map(|(status, _)| status), Some(201), "and then it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_trickle_keep_nobody_out() {
    let bank = Bank::embedded();
    let server = bank.start();
    let native = Client::new(&Client::http(), &server, &bank.key);
    let user = native.call("POST", "/v1/users", person("papers")).await.text("id").to_owned();
    let path = format!("/v1/users/{user}/verification/documents/selfie");
    let place = server.base.strip_prefix("http://").unwrap().to_owned();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: {place}\r\nauthorization: Bearer {}\r\ncontent-type: image/png\r\n\
         content-length: 10000000\r\n\r\n",
        bank.key
    );
    let trickling: Vec<TcpStream> = (0..6)
        .map(|_| {
            let mut stream = TcpStream::connect(&place).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    // They hold nearly all that there is; a large one waits for them, and not for long.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut large = png(30);
    large.resize(9 * 1024 * 1024, 0);
    let waited = std::time::Instant::now();
    assert_eq!(native.put(&path, "image/png", large).await.map(|(status, _)| status), Some(400));
    assert!(waited.elapsed() < Duration::from_secs(8), "{:?}", waited.elapsed());
    // Those who gave way are told to come again; those who need not may go on.
    let told = |mut stream: &TcpStream| {
        let mut answer = [0; 64];
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let length = stream.read(&mut answer).unwrap_or(0);
        String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 503")
    };
    assert!(trickling.iter().filter(|stream| told(stream)).count() >= 1);
}

/// What a bucket holds, by path.
type Held = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A service that keeps what is put, as S3 does; it believes every signature, but wants one. Where it is, and what it holds.
fn bucket() -> (String, Held) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    let held = Held::default();
    let keeping = held.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let held = keeping.clone();
            std::thread::spawn(move || while serve_one(&stream, &held).is_some() {});
        }
    });
    (place, held)
}

/// One request of a connection; nothing once it has ended.
fn serve_one(stream: &TcpStream, held: &Held) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end() {
            "" => break,
            text => head.push(text.to_owned()),
        }
    }
    let header = |name: &str| {
        let lines = head.iter().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let mut words = head[0].split(' ');
    let (method, path) = (words.next()?, words.next()?.split('?').next()?.to_owned());
    let signed = header("authorization").is_some_and(|it| it.starts_with("AWS4-HMAC-SHA256 Credential=papers-key/"));
    let mut held = held.lock().unwrap();
    let (status, answer) = match method {
        _ if !signed => ("403 Forbidden", Vec::new()),
        "PUT" => {
            held.insert(path, body);
            ("200 OK", Vec::new())
        }
        "GET" => held.get(&path).map_or(("404 Not Found", Vec::new()), |bytes| ("200 OK", bytes.clone())),
        "DELETE" => {
            held.remove(&path);
            ("204 No Content", Vec::new())
        }
        "POST" => {
            // Several at once, by their names.
            let text = String::from_utf8(body).unwrap();
            for key in text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                held.remove(&format!("{}/{key}", path.trim_end_matches('/')));
            }
            ("200 OK", b"<DeleteResult></DeleteResult>".to_vec())
        }
        _ => ("405 Method Not Allowed", Vec::new()),
    };
    let modified = "Mon, 02 Mar 2026 09:00:00 GMT";
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"one\"\r\nLast-Modified: {modified}\r\n\r\n",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&answer).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_lie_in_a_bucket_where_the_settings_say_so() {
    let (place, held) = bucket();
    let bank = Bank::embedded();
    let store = ["--document-store", "s3://papers/live", "--s3-endpoint", &place];
    let mut server = bank.launch_with(&store, |command| {
        command.env("BURSAR_S3_ACCESS_KEY_ID", "papers-key").env("BURSAR_S3_SECRET_ACCESS_KEY", "not-told");
    });
    server.wait(&bank);
    let native = Client::new(&Client::http(), &server, &bank.key);
    let user = native.call("POST", "/v1/users", person("papers")).await.text("id").to_owned();
    let path = format!("/v1/users/{user}/verification/documents/photo_id");
    let (status, body) = native.put(&path, "image/png", png(64)).await.unwrap();
    assert_eq!(status, 201, "{} {}", String::from_utf8_lossy(&body), bank.log());
    {
        let held = held.lock().unwrap();
        let (name, sealed) = held.first_key_value().unwrap();
        assert!(held.len() == 1 && name.starts_with("/papers/live/ten_1/"), "{name}");
        assert!(!sealed.windows(4).any(|four| four == b"IHDR"));
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    let path = format!("/v1/users/{user}/verification/documents/{}/reveal", body["id"].as_str().unwrap());
    assert_eq!(native.call("POST", &path, json!({ "purpose": "deciding on her request" })).await.status, 200);
    assert_eq!(native.call("POST", &format!("/v1/users/{user}/erase"), json!({})).await.status, 200);
    until("the object is gone", || held.lock().unwrap().is_empty().then_some(()));
    assert!(!bank.log().contains("not-told"));
}
