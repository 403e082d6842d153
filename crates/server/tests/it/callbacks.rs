//! A partner of a running server is called back over the wire, also after the server was killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use desk::job::queue::LEASE_SECONDS;
use desk::message::Outbox;
use serde_json::{Value, json};

use crate::bank::{Bank, Client, person};
use crate::running::{PATIENCE, house};

/// How long after a try that failed it is told again: after ten seconds, or once the lease is over if the server was killed
/// between noting the try and letting go of its job.
const TOLD_AGAIN: Duration = Duration::from_secs(LEASE_SECONDS as u64);

/// A partner's web server: what it is told, and how it answers, one after the other.
fn partner(answers: Vec<&'static str>) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
    let (say, hear) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            say.send(serde_json::from_slice(&body).unwrap()).unwrap();
            let mut stream = reader.into_inner();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
            let _ = write!(stream, "{head}: {}\r\n\r\n{answer}", answer.len());
        }
    });
    (url, hear)
}

/// The only callback, once it is as it should be.
async fn until_it_is(native: &Client, path: &str, right: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let list = native.call("GET", path, Value::Null).await;
        let it = list.body["data"][0].clone();
        if right(&it) {
            return it;
        }
        assert!(began.elapsed() < PATIENCE, "{it}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_told_by_a_running_server_and_again_after_it_was_killed() {
    let bank = Bank::embedded();
    let (url, hear) = partner(vec!["not yet", "ok"]);
    let http = Client::http();
    // By default nothing inside is called, and nobody can say so by mistake.
    let mut server = bank.start();
    let native = Client::new(&http, &server, &bank.key);
    let new = json!({"kind": "choice_sender", "name": "Acme Pay", "client_id": "acmepay", "callback_url": url});
    let refused = native.call("POST", "/v1/keys", new.clone()).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (400, &json!("callback_url")), "{refused:?}");
    server.kill();
    let mut server = bank.launch(&["--callbacks-to", "anywhere"]);
    server.wait(&bank);
    let native = Client::new(&http, &server, &bank.key);
    let key = native.call("POST", "/v1/keys", new).await;
    assert_eq!((key.status, key.text("callback_url")), (201, url.as_str()), "{key:?}");
    let owner = native.call("POST", "/v1/users", person("owner")).await;
    let account = json!({
        "owner_id": owner.text("id"), "number": "46017700990011", "name": "Acme", "kind": "sme", "currency": "KES",
        "partner": "acmepay",
    });
    let account = native.call("POST", "/v1/accounts", account).await;
    let new = json!({
        "id_type": "103", "id_number": "P12345", "full_name": "Wanjiru Otieno", "country_code": "44",
        "mobile": "7700900123", "email": "w@mail.example",
    });
    let path = format!("/v1/accounts/{}/administrators", account.text("id"));
    let opened = native.call("POST", &path, new).await;
    let challenge = format!("/v1/challenges/{}", opened.text("challenge_id"));
    let sent = native.call("POST", &format!("{challenge}/send"), json!({"channel": "email"})).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let desk = bank.desk().await;
    let letters = desk.ask(&house(), Outbox::Before(None)).await.unwrap();
    let code = letters.into_iter().find_map(|it| it.letter.and_then(|letter| letter.code)).unwrap();
    let done = native.call("POST", &format!("{challenge}/confirm"), json!({ "code": code })).await;
    assert_eq!(done.status, 200, "{done:?}");
    // It is told once and says no; the server is killed, and the next one tells it again.
    let first = hear.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&first["notificationType"], &first["params"]["idNumber"]), (&json!("9101"), &json!("P12345")));
    let path = format!("/v1/keys/{}/callbacks", key.text("id"));
    let tried = until_it_is(&native, &path, |it| it["tries"] == 1).await;
    assert_eq!((&tried["id"], &tried["last_error"]), (&first["requestId"], &json!("the partner did not answer ok")));
    server.kill();
    let mut server = bank.launch(&["--callbacks-to", "anywhere"]);
    server.wait(&bank);
    let second = hear.recv_timeout(TOLD_AGAIN + PATIENCE).unwrap();
    assert_eq!((&first["requestId"], &first["params"]), (&second["requestId"], &second["params"]));
    assert_ne!(first["signature"], second["signature"]);
    until_it_is(&Client::new(&http, &server, &bank.key), &path, |it| it["state"] == "delivered").await;
    desk.db().stop().await;
    let log = bank.log();
    for word in ["P12345", "Wanjiru", "46017700990011", "not yet", "/callbacks\""] {
        assert!(!log.contains(word), "{word} in:\n{log}");
    }
}
