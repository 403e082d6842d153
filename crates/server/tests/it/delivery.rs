//! Mail and text messages leave for real gateways: an SMTP server (scripts/smtp-sink, which scripts/test names in
//! BURSAR_TEST_SMTP_SINK), and a small HTTP one of our own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use desk::Desk;
use desk::message::{Channel, ListMessages, MessageState};
use desk::password::StartPasswordReset;
use desk::user::{CreateUser, Profile};
use desk::value::id::UserId;
use serde_json::Value;
use tempfile::TempDir;

use crate::running::{Running, beside, database, desk_over, house, printed, test_variable, until};

/// A real mail server, and the file it writes mails to.
struct Sink {
    child: Child,
    home: TempDir,
    port: u16,
}

impl Sink {
    /// Starts one; nothing if this run of the tests has none.
    fn start(arguments: &[&str]) -> Option<Sink> {
        let Some(words) = test_variable("BURSAR_TEST_SMTP_SINK") else {
            eprintln!("BURSAR_TEST_SMTP_SINK is not set: NOT tested (scripts/test sets it)");
            return None;
        };
        let (python, script) = words.split_once(' ').expect("two words");
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(python)
            .arg(script)
            .args(arguments)
            .arg("--with-parent")
            .arg(home.path().join("mails"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Sink { child, home, port: line.trim().parse().unwrap() })
    }

    fn mails(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.path().join("mails")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server with one bank and one user, whose reset link is under way.
struct Case {
    server: Running,
    desk: Desk,
    user: UserId,
}

impl Case {
    async fn begin(settings: &[&str], method: Channel) -> Case {
        let authority = beside("tls/authority.pem");
        let server = Running::serve_with(settings, |command| {
            command.env("SSL_CERT_FILE", authority);
        });
        printed(&["tenant", "create", "--name", "Harbor & Pine Bank", "--database", &database(server.home.path())]);
        let desk = desk_over(server.home.path()).await;
        let profile = Profile {
            first_name: "Zoë".to_owned(),
            last_name: "Ólafsdóttir".to_owned(),
            email: Some("zoe@example.com".to_owned()),
            phone: Some("+12025550123".to_owned()),
            ..Profile::default()
        };
        let user = desk.perform(&house(), CreateUser::of(profile)).await.unwrap().id;
        desk.perform(&house(), StartPasswordReset { user, method, reason: None }).await.unwrap();
        Case { server, desk, user }
    }

    async fn until_it_is(&self, state: MessageState) {
        let began = std::time::Instant::now();
        loop {
            let messages = self.desk.ask(&house(), ListMessages(self.user)).await.unwrap();
            if messages.len() == 1 && messages[0].state == state {
                return;
            }
            assert!(began.elapsed() < crate::running::PATIENCE, "{messages:?}\n{}", self.server.log());
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
    }

    /// Nothing personal is in the log, whatever happened.
    fn log_is_discreet(&self) {
        let log = self.server.log();
        for word in ["zoe@example.com", "Zoë", "2025550123", "bur_1_", "planted-secret"] {
            assert!(!log.contains(word), "{word} in:\n{log}");
        }
    }
}

const FROM: &str = "Harbor & Pine <no-reply@bank.example>";

fn tls(flag: &'static str) -> Vec<String> {
    let path = |name: &str| -> PathBuf { beside("tls").join(name) };
    vec![flag.to_owned(), path("server.pem").display().to_string(), path("server-key.pem").display().to_string()]
}

async fn arrives(sink: &Sink, url: &str, user: Option<&str>, is_tls: bool) {
    let from = format!("--mail-from={FROM}");
    let case = Case::begin(&["--smtp-url", url, &from], Channel::Email).await;
    case.until_it_is(MessageState::Sent).await;
    let mail = until("the mail", || sink.mails().pop());
    assert_eq!(mail["to"][0], "zoe@example.com");
    assert_eq!(mail["from"], "no-reply@bank.example");
    assert_eq!((mail["user"].as_str(), mail["tls"].as_bool()), (user, Some(is_tls)));
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    let link = format!("{}/reset/bur_1_", case.server.base);
    assert!(text.contains(&link) && html.contains(&link), "{text}\n{html}");
    let header = |name: &str| {
        let headers = mail["headers"].as_array().unwrap().iter();
        let found = headers.filter(|pair| pair[0].as_str().is_some_and(|it| it.eq_ignore_ascii_case(name)));
        found.map(|pair| pair[1].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let id = header("Message-ID");
    assert!(id.len() == 1 && id[0].starts_with("<msg_") && id[0].ends_with("@bank.example>"), "{id:?}");
    assert!(header("To")[0].contains("Ólafsdóttir"), "{:?}", header("To"));
    assert_eq!(header("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(sink.mails().len(), 1);
    case.log_is_discreet();
}

#[tokio::test]
async fn mail_reaches_a_plain_server() {
    let Some(sink) = Sink::start(&[]) else { return };
    arrives(&sink, &format!("smtp://127.0.0.1:{}", sink.port), None, false).await;
}

#[tokio::test]
async fn mail_reaches_a_server_with_tls_from_the_first_byte_and_a_sign_in() {
    let arguments = [tls("--tls"), vec!["--auth".to_owned(), "bursar:planted-secret".to_owned()]].concat();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(sink) = Sink::start(&arguments) else { return };
    arrives(&sink, &format!("smtps://bursar:planted-secret@127.0.0.1:{}", sink.port), Some("bursar"), true).await;
}

#[tokio::test]
async fn mail_reaches_a_server_that_wants_starttls_and_a_sign_in() {
    let arguments = [tls("--starttls"), vec!["--auth".to_owned(), "bursar:planted-secret".to_owned()]].concat();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(sink) = Sink::start(&arguments) else { return };
    let url = format!("smtp://bursar:planted-secret@127.0.0.1:{}?tls=required", sink.port);
    arrives(&sink, &url, Some("bursar"), true).await;
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_again() {
    let Some(sink) = Sink::start(&["--defer", "1"]) else { return };
    arrives(&sink, &format!("smtp://127.0.0.1:{}", sink.port), None, false).await;
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_ends_the_message() {
    let Some(sink) = Sink::start(&["--refuse", "zoe@example.com"]) else { return };
    let (url, from) = (format!("smtp://127.0.0.1:{}", sink.port), format!("--mail-from={FROM}"));
    let case = Case::begin(&["--smtp-url", &url, &from], Channel::Email).await;
    case.until_it_is(MessageState::Failed).await;
    assert!(case.server.log().contains("550"), "{}", case.server.log());
    case.log_is_discreet();
}

#[tokio::test]
async fn mail_to_a_domain_beyond_ascii_goes_in_the_form_that_every_server_takes() {
    let Some(sink) = Sink::start(&["--no-smtputf8"]) else { return };
    let (url, from) = (format!("smtp://127.0.0.1:{}", sink.port), format!("--mail-from={FROM}"));
    let case = Case::begin(&["--smtp-url", &url, &from], Channel::Email).await;
    case.until_it_is(MessageState::Sent).await;
    let create = |email: &str| {
        CreateUser::of(Profile { last_name: "Bücher".to_owned(), email: Some(email.to_owned()), ..Profile::default() })
    };
    let user = case.desk.perform(&house(), create("karl@bücher.example")).await.unwrap().id;
    let method = Channel::Email;
    case.desk.perform(&house(), StartPasswordReset { user, method, reason: None }).await.unwrap();
    let mail = until("the mail", || sink.mails().into_iter().find(|mail| mail["to"][0] != "zoe@example.com"));
    assert_eq!(mail["to"][0], "karl@xn--bcher-kva.example");
    // A local part beyond ASCII has no such form: the message ends at once, and says why.
    let user = case.desk.perform(&house(), create("jürgen@bücher.example")).await.unwrap().id;
    case.desk.perform(&house(), StartPasswordReset { user, method, reason: None }).await.unwrap();
    until("the line", || case.server.log().contains("SMTPUTF8").then_some(()));
    assert!(!case.server.log().contains("jürgen"), "{}", case.server.log());
}

#[tokio::test]
async fn a_text_message_is_posted_to_the_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/send", listener.local_addr().unwrap());
    let gateway = std::thread::spawn(move || {
        // Overloaded at first, then well.
        let mut taken = Vec::new();
        for answer in ["503 Service Unavailable", "201 Created"] {
            let (mut stream, _) = listener.accept().unwrap();
            taken.push(request(&mut stream));
            write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
        taken
    });
    let body = r#"{"number":"{to}","message":"{text}"}"#;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("sms.toml");
    std::fs::write(&file, "sms_headers = { Authorization = \"Bearer planted-secret\" }\n").unwrap();
    let settings = ["--config", file.to_str().unwrap(), "--sms-url", &url, "--sms-body", body];
    let case = Case::begin(&settings, Channel::Sms).await;
    case.until_it_is(MessageState::Sent).await;
    let taken = gateway.join().unwrap();
    let (head, body) = &taken[1];
    assert!(
        head.starts_with("POST /v1/send ") && head.to_lowercase().contains("authorization: bearer planted-secret"),
        "{head}"
    );
    let message: Value = serde_json::from_str(body).unwrap();
    assert_eq!(message["number"], "+12025550123");
    assert!(message["message"].as_str().unwrap().contains("/reset/bur_1_"), "{message}");
    assert_eq!(taken[0].1, taken[1].1, "the same message again");
    case.log_is_discreet();
}

/// Head and body of an HTTP request.
fn request(stream: &mut std::net::TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}
