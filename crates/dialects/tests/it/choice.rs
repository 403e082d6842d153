//! The Choice voice: recorded exchanges (`choice/*.exchange`) for what is said, Rust for what needs many callers at once or
//! broken envelopes.
//!
//! A file is a story told to a fresh bank. Each exchange is a path, the parameters, and the code with the result that they
//! must get; the player makes and signs the envelope. `# @` lines do what no caller of this interface can. `{{id}}` is the
//! newest operation, `{{code}}` the newest code that was sent, `{{any}}` fits every text. A code `?` is filled in with what
//! came, and the test fails, so that a new exchange is written by asking.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::Options;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use desk::account::{AccountChange, AccountKind, ChangeAccount, Details, OpenAccount};
use desk::challenge::CancelChallenge;
use desk::key::{CreateKey, KeyKind};
use desk::message::{Message, Outbox};
use desk::role::ListRoles;
use desk::staff::{AddStaff, DisableStaff};
use desk::team::{AddMember, CreateTeam};
use desk::tenant::ChangeSettings;
use desk::testing::TestDesk;
use desk::user::{CreateUser, DisableUser, EraseUser, Identifiers, Profile};
use desk::value::clock::SECOND;
use desk::value::id::{AccountId, ChallengeId, StaffId, UserId};
use desk::{Caller, Door, Permission};
use dialects::choice::message::{self, Value as Said};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::recorded::fits;

/// A bank with a business, and two partners of it; a third belongs to another institution.
struct World {
    test: TestDesk,
    app: Router,
    keys: Vec<(&'static str, String)>,
    owner: UserId,
    accounts: Vec<(&'static str, AccountId)>,
    staff: StaffId,
    count: std::sync::atomic::AtomicU64,
}

const PARTNER: [Permission; 4] =
    [Permission::UsersRead, Permission::AccountsRead, Permission::AdministratorsManage, Permission::ChallengesManage];

impl World {
    async fn all() -> Vec<Arc<World>> {
        let mut all = Vec::new();
        for test in TestDesk::all().await {
            all.push(Arc::new(World::over(test).await));
        }
        all
    }

    async fn over(test: TestDesk) -> World {
        let other = test.other_tenant().await;
        let app = dialects::app(test.desk.clone(), &Options::default(), dialects::banno::Settings::default());
        let mut keys = Vec::new();
        let mut staff = None;
        for (tenant, sender) in [(test.tenant, "acmepay"), (test.tenant, "rival"), (other, "foreign")] {
            let house = Caller::house(tenant, Door::Cli);
            let add = AddStaff {
                id: None,
                name: "Partner service".to_owned(),
                email: format!("{sender}@bank.example"),
                password_hash: None,
            };
            let member = test.desk.perform(&house, add).await.unwrap().id;
            let roles = test.desk.ask(&house, ListRoles).await.unwrap();
            let role = roles.iter().find(|role| role.name == "admin").unwrap().id;
            let team = test.desk.perform(&house, CreateTeam { name: format!("Team {sender}") }).await.unwrap().id;
            test.desk.perform(&house, AddMember { team, staff: member, role }).await.unwrap();
            let create = CreateKey {
                kind: KeyKind::ChoiceSender,
                client_id: Some(sender.to_owned()),
                permissions: Some(PARTNER.to_vec()),
                ..CreateKey::native(sender, member)
            };
            let made = test.desk.perform(&house, create).await.unwrap();
            keys.push((sender, made.secret.unwrap().expose().to_owned()));
            staff = staff.or(Some(member));
        }
        let house = Caller::house(test.tenant, Door::Cli);
        let owner = Profile {
            first_name: "Naliaka".to_owned(),
            last_name: "Otieno".to_owned(),
            email: Some("owner@mail.example".to_owned()),
            phone: Some("+254712000999".to_owned()),
            identifiers: Identifiers {
                external_id: Some("user-1".to_owned()),
                customer_id: Some("11223344".to_owned()),
                ..Default::default()
            },
            ..Profile::default()
        };
        let owner = test.desk.perform(&house, CreateUser::of(owner)).await.unwrap().id;
        let mut accounts = Vec::new();
        for (name, number, kind, partner, balance) in [
            ("sme", "46017700990011", AccountKind::Sme, "acmepay", 1_230),
            ("wallet", "46017700990012", AccountKind::Wallet, "acmepay", 0),
            ("empty", "46017700990013", AccountKind::Sme, "acmepay", 0),
            ("rivals", "46017700990014", AccountKind::Sme, "rival", 5),
        ] {
            let (short_code, name_of) = ((name == "sme").then(|| "880100".to_owned()), format!("Acme {name}"));
            test.clock.advance(SECOND);
            let details = Details { number: number.to_owned(), name: name_of, short_code };
            let (currency, partner) = ("KES".to_owned(), Some(partner.to_owned()));
            let open = OpenAccount { owner, kind, currency, balance, details, partner };
            accounts.push((name, test.desk.perform(&house, open).await.unwrap().account.id));
        }
        let (staff, count) = (staff.unwrap(), Default::default());
        World { test, app, keys, owner, accounts, staff, count }
    }

    fn house(&self) -> Caller {
        Caller::house(self.test.tenant, Door::Cli)
    }

    fn key(&self, sender: &str) -> &str {
        &self.keys.iter().find(|(known, _)| *known == sender).unwrap().1
    }

    /// An envelope, signed.
    fn signed(&self, sender: &str, params: &str) -> String {
        let number = self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let now = self.test.desk.now().0 / 1000;
        let head = format!(
            r#"{{"requestId":"{sender}-{number}","sender":"{sender}","locale":"en_KE","timestamp":{now},"salt":"s4lt","params":{params}"#
        );
        let signature = Said::read(&format!("{head}}}"))
            .ok()
            .and_then(|said| message::signature(&said, self.key(sender)).ok())
            .unwrap_or_default();
        format!(r#"{head},"signature":"{signature}"}}"#)
    }

    async fn post(&self, path: &str, body: String) -> (StatusCode, Value, String) {
        let mut request = Request::post(path).body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 10], 4711))));
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value, String) {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        assert_eq!(response.headers()["content-type"], "application/json;charset=UTF-8");
        let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap(), text)
    }

    /// One call by a partner: code and data. The answer is signed, unless the call is too large to be.
    async fn call(&self, sender: &str, path: &str, params: &str) -> (String, Option<Value>) {
        let body = self.signed(sender, params);
        let body_is_unsigned = body.ends_with(r#""signature":""}"#);
        let (status, answer, text) = self.post(path, body).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let is_signed = message::is_signed(&Said::read(&text).unwrap(), self.key(sender)) == Ok(true);
        assert_eq!(is_signed, !body_is_unsigned, "{text}");
        assert_eq!(answer["sender"], "apigw.baas.choice");
        (answer["code"].as_str().unwrap().to_owned(), answer.get("data").cloned())
    }

    async fn newest_message(&self) -> Option<Message> {
        self.test.desk.ask(&self.house(), Outbox::Before(None)).await.unwrap().into_iter().next()
    }

    async fn newest_code(&self) -> String {
        self.newest_message().await.and_then(|it| it.letter).and_then(|it| it.code).unwrap_or_default()
    }

    /// What no caller of this interface can do.
    async fn direct(&self, line: &str, newest: &str) {
        let (desk, house) = (&self.test.desk, self.house());
        let account = |name: &str| self.accounts.iter().find(|(known, _)| *known == name).unwrap().1;
        match line.split_once(' ').unwrap_or((line, "")) {
            ("advance", seconds) => self.test.clock.advance(seconds.parse::<i64>().unwrap() * SECOND),
            ("settings", patch) => {
                let patch: Map<String, Value> = serde_json::from_str(patch).unwrap();
                desk.perform(&house, ChangeSettings { patch }).await.unwrap();
            }
            ("account", words) => {
                let (name, change) = words.split_once(' ').unwrap();
                let change = AccountChange::parse(change).unwrap();
                let action = ChangeAccount { account: account(name), change, reason: None };
                desk.perform(&house, action).await.unwrap();
            }
            ("owner", "disable") => {
                desk.perform(&house, DisableUser { user: self.owner, reason: None }).await.unwrap();
            }
            ("owner", "erase") => {
                desk.perform(&house, EraseUser { user: self.owner, reason: None }).await.unwrap();
            }
            ("cancel", _) => {
                let challenge = ChallengeId::parse(newest).unwrap();
                desk.perform(&house, CancelChallenge { challenge, reason: None }).await.unwrap();
            }
            ("sent", expected) => {
                let message = self.newest_message().await.unwrap();
                assert_eq!(format!("{} {}", message.channel, message.letter.unwrap().to), expected);
            }
            other => panic!("no such direction: {other:?}"),
        }
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/choice");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_recorded_exchange_is_repeated() {
    let mut unwritten = Vec::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        for world in World::all().await {
            if let Some(filled) = play(&world, &file, &text).await {
                std::fs::write(&file, filled).unwrap();
                unwritten.push(file.clone());
                break;
            }
        }
    }
    assert!(unwritten.is_empty(), "these were filled in; read them, and run again: {unwritten:?}");
}

#[test]
fn every_route_is_in_some_exchange() {
    let told: String = files().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for (path, _) in dialects::choice::ROUTES {
        assert!(told.contains(&format!("\n{path}\n")), "no exchange asks {path}");
    }
}

async fn play(world: &World, file: &Path, text: &str) -> Option<String> {
    let (mut newest, mut filled, mut out) = (String::new(), false, Vec::new());
    for part in text.split("\n### ") {
        let mut lines = part.lines();
        let mut kept = vec![lines.next().unwrap().to_owned()];
        let mut sender = "acmepay".to_owned();
        let rest: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let mut at = 0;
        while let Some(line) = rest.get(at).and_then(|line| line.strip_prefix("# @")) {
            kept.push(format!("# @{line}"));
            match line.trim().strip_prefix("as ") {
                Some(name) => sender = name.to_owned(),
                None => world.direct(line.trim(), &newest).await,
            }
            at += 1;
        }
        if let [path, params, told] = rest[at..] {
            world.test.clock.advance(SECOND);
            let asked = params.replace("{{id}}", &newest).replace("{{code}}", &world.newest_code().await);
            let (code, data) = world.call(&sender, path, &asked).await;
            if let Some(id) = data.as_ref().and_then(|data| data["accAdminRequestId"].as_str()) {
                newest = id.to_owned();
            }
            let came = match &data {
                Some(data) => {
                    format!("{code} {}", serde_json::to_string(data).unwrap().replace(id_of(&newest), "{{any}}"))
                }
                None => code.clone(),
            };
            let context = format!("{} on {:?}: {part}\n--- came:\n{came}", file.display(), world.test.engine);
            let (right, expected) = told.split_once(' ').unwrap_or((told, ""));
            if right == "?" {
                filled = true;
            } else {
                assert_eq!(code, right, "{context}");
                let expected = (!expected.is_empty()).then(|| serde_json::from_str::<Value>(expected).unwrap());
                assert!(fits(&expected.unwrap_or_default(), &data.unwrap_or_default()), "{context}");
            }
            kept.extend([path.to_owned(), params.to_owned(), String::new()]);
            kept.push(if right == "?" { came } else { told.to_owned() });
        } else {
            kept.extend(rest[at..].iter().map(|line| (*line).to_owned()));
        }
        out.push(kept.join("\n"));
    }
    filled.then(|| out.join("\n\n### ") + "\n")
}

/// An id to look for; before there is one, one that is nobody's.
fn id_of(newest: &str) -> &str {
    if newest.is_empty() { "chl_" } else { newest }
}

const SEND: &str = "/common/sendOtp";
const CONFIRM: &str = "/common/confirmOperation";
const ADD: &str = "/account/v2/addAccountAdministrator";

fn person(number: u32) -> String {
    json!({
        "accountId": "46017700990011", "idType": "101", "idNumber": format!("3011{number:04}"),
        "fullName": "Wanjiru Otieno", "countryCode": "254", "mobile": format!("71200{number:04}"),
        "email": format!("w{number}@mail.example"),
    })
    .to_string()
}

/// An added administrator's operation, with its code sent.
async fn waiting(world: &World, number: u32) -> (String, String) {
    // Every message has a moment of its own, so that "newest" has one meaning.
    world.test.clock.advance(SECOND);
    let (code, data) = world.call("acmepay", ADD, &person(number)).await;
    assert_eq!(code, "00000");
    let id = data.unwrap()["accAdminRequestId"].as_str().unwrap().to_owned();
    let sent = world.call("acmepay", SEND, &format!(r#"{{"businessId":"{id}","otpType":"EMAIL"}}"#)).await;
    assert_eq!(sent.0, "00000");
    let code = world.newest_code().await;
    (id, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_right_confirmations_one_is_done() {
    for world in World::all().await {
        for round in 0..5 {
            let (id, code) = waiting(&world, round).await;
            let params = format!(r#"{{"businessId":"{id}","otpCode":"{code}"}}"#);
            let both = (0..4).map(|_| {
                let (world, params) = (world.clone(), params.clone());
                tokio::spawn(async move { world.call("acmepay", CONFIRM, &params).await.0 })
            });
            let mut codes = Vec::new();
            for one in both.collect::<Vec<_>>() {
                codes.push(one.await.unwrap());
            }
            codes.sort();
            assert_eq!(codes, ["00000", "19005", "19005", "19005"], "{:?}", world.test.engine);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_good_once_however_many_come() {
    for world in World::all().await {
        let body = world.signed("acmepay", &person(1));
        let both = (0..4).map(|_| {
            let (world, body) = (world.clone(), body.clone());
            tokio::spawn(async move { world.post(ADD, body).await.1["code"].as_str().unwrap().to_owned() })
        });
        let mut codes = Vec::new();
        for one in both.collect::<Vec<_>>() {
            codes.push(one.await.unwrap());
        }
        codes.sort();
        assert_eq!(codes, ["00000", "12002", "12002", "12002"]);
    }
}

#[tokio::test]
async fn envelopes_are_checked_in_the_contracts_order() {
    for world in World::all().await {
        let now = world.test.desk.now().0 / 1000;
        let code = async |body: String| world.post(SEND, body).await.1["code"].as_str().unwrap().to_owned();
        for broken in ["", "[]", "1", "{", r#"{"a":NaN}"#, r#"{"requestId":"a","requestId":"b"}"#] {
            assert_eq!(code(broken.to_owned()).await, "12001", "{broken}");
        }
        assert_eq!(code("x".repeat(300 * 1024)).await, "12001");
        assert_eq!(code(format!("{}1{}", r#"{"a":"#.repeat(5000), "}".repeat(5000))).await, "12001");
        assert_eq!(code("{}".to_owned()).await, "12002");
        assert_eq!(code(format!(r#"{{"requestId":"{}","sender":"nobody"}}"#, "x".repeat(129))).await, "12002");
        assert_eq!(code(r#"{"requestId":"1"}"#.to_owned()).await, "12003");
        assert_eq!(code(r#"{"requestId":"1","sender":"nobody"}"#.to_owned()).await, "12004");
        let (_, answer, _) = world.post(SEND, r#"{"requestId":"1","sender":"acmepay"}"#.to_owned()).await;
        assert_eq!((answer["code"].as_str(), answer["requestId"].as_str()), (Some("12004"), Some("1")));
        // What was refused up to here has used up no id.
        let seal = |head: String| {
            let signature = message::signature(&Said::read(&format!("{head}}}")).unwrap(), world.key("acmepay"));
            format!(r#"{head},"signature":"{}"}}"#, signature.unwrap().to_uppercase())
        };
        let head = |timestamp: String, params: &str| {
            format!(r#"{{"requestId":"1","sender":"acmepay","timestamp":{timestamp}{params}"#)
        };
        for late in [now - 16 * 60_000, now + 16 * 60_000, now / 1000, 0] {
            assert_eq!(code(seal(head(late.to_string(), ""))).await, "12001", "{late}");
        }
        assert_eq!(code(seal(head("9".repeat(40), ""))).await, "12001");
        assert_eq!(code(seal(head(format!("\"{now}\""), ""))).await, "12001", "no params");
        assert_eq!(code(seal(head(now.to_string(), r#","params":{}"#))).await, "12002", "the id was used");
        let twice =
            seal(format!(r#"{{"requestId":"2","sender":"acmepay","timestamp":{now},"senderKey":"x","params":{{}}"#));
        assert_eq!(code(twice).await, "12001", "a senderKey in the body counts for nothing");
        // Values that could make two messages one.
        let both = seal(format!(
            r#"{{"requestId":"3","sender":"acmepay","timestamp":{now},"params":{{"businessId":"a&params.otpType=SMS"}}"#
        ));
        assert_eq!(code(both).await, "12001");
    }
}

/// An answer without what differs by itself.
fn plain(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for name in ["timestamp", "salt"] {
        answer.as_object_mut().unwrap().remove(name);
    }
    answer
}

#[tokio::test]
async fn nothing_is_signed_before_the_callers_signature_holds() {
    for world in World::all().await {
        let now = world.test.desk.now().0 / 1000;
        let head = |sender: &str| {
            format!(r#"{{"requestId":"r-1","sender":"{sender}","locale":"en_KE","timestamp":{now},"params":{{}}"#)
        };
        let mut answers = Vec::new();
        for sender in ["acmepay", "nobody", "", "acmepay2", "x".repeat(300).as_str()] {
            for signature in ["", r#","signature":"""#, r#","signature":"00""#, r#","signature":7"#] {
                let (status, answer, _) = world.post(SEND, format!("{}{signature}}}", head(sender))).await;
                assert_eq!((status, answer["signature"].as_str()), (StatusCode::OK, None), "{sender} {signature}");
                answers.push(plain(&answer));
            }
        }
        assert_eq!(answers[0]["code"], "12004");
        assert!(
            answers.windows(2).all(|two| two[0] == two[1]),
            "an unknown sender looks as a wrong signature: {answers:?}"
        );
        // A partner's own error is signed as before.
        let message = Said::read(&format!("{}}}", head("acmepay"))).unwrap();
        let signature = message::signature(&message, world.key("acmepay")).unwrap();
        let (_, answer, text) = world.post(SEND, format!(r#"{},"signature":"{signature}"}}"#, head("acmepay"))).await;
        assert_eq!(answer["code"], "12001", "{text}");
        assert_eq!(message::is_signed(&Said::read(&text).unwrap(), world.key("acmepay")), Ok(true));
    }
}

#[tokio::test]
async fn what_is_echoed_is_looked_at_first_and_never_signed_with_a_second_meaning() {
    for world in World::all().await {
        let now = world.test.desk.now().0 / 1000;
        for bad in ["a&b", "a=b", "1&timestamp=2", "a\\nb", "a\\u007fb", "\\u0085"] {
            for (field, code, request_id) in [("requestId", "12002", ""), ("locale", "12001", "r-1")] {
                let (id, locale) = if field == "locale" { ("r-1", bad) } else { (bad, "en_KE") };
                let head = format!(
                    r#"{{"requestId":"{id}","sender":"acmepay","locale":"{locale}","timestamp":{now},"params":{{}}"#
                );
                // Signed by the partner, and not signed at all.
                let message = Said::read(&format!("{head}}}")).unwrap();
                let signature = message::signature(&message, world.key("acmepay")).unwrap();
                for whole in [format!("{head}}}"), format!(r#"{head},"signature":"{signature}"}}"#)] {
                    let (_, answer, text) = world.post(SEND, whole).await;
                    assert_eq!((answer["code"].as_str(), answer["requestId"].as_str()), (Some(code), Some(request_id)));
                    assert_eq!(
                        (answer["signature"].as_str(), answer["locale"].as_str()),
                        (None, Some("en_KE")),
                        "{text}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn every_text_of_a_message_refuses_what_is_no_text() {
    for world in World::all().await {
        for bad in ["\\u0000", "acmepay\\u0000", "\\ud800", "\\udc00\\ud800"] {
            for (field, params) in
                [("requestId", "{}"), ("sender", "{}"), ("locale", "{}"), ("signature", "{}"), ("salt", "{}")]
                    .into_iter()
                    .chain(
                        ["accountId", "idNumber", "fullName", "businessId", "otpCode"].map(|field| (field, "params")),
                    )
            {
                let member = format!(r#""{field}":"{bad}""#);
                let body =
                    if params == "params" { format!(r#"{{"params":{{{member}}}}}"#) } else { format!("{{{member}}}") };
                for (path, _) in dialects::choice::ROUTES {
                    let (status, answer, text) = world.post(path, body.clone()).await;
                    assert_eq!(
                        (status, answer["code"].as_str()),
                        (StatusCode::OK, Some("12001")),
                        "{path} {body}: {text}"
                    );
                }
            }
        }
        let (status, answer, _) = world.post("/common/sendOtp?a=%00", "{}".to_owned()).await;
        assert_eq!((status, answer["code"].as_str()), (StatusCode::OK, Some("12001")));
    }
}

#[tokio::test]
async fn whoever_guesses_signatures_is_slowed_down() {
    for world in World::all().await {
        let mut world = Arc::into_inner(world).unwrap();
        let options = Options { anonymous_rate_limit_per_second: 5, ..Options::default() };
        world.app = dialects::app(world.test.desk.clone(), &options, dialects::banno::Settings::default());
        let mut codes = Vec::new();
        for number in 0..60 {
            let sender = if number % 2 == 0 { "acmepay" } else { "nobody" };
            let body = format!(r#"{{"requestId":"{number}","sender":"{sender}","signature":"00"}}"#);
            codes.push(world.post(SEND, body).await.1["code"].as_str().unwrap().to_owned());
        }
        assert_eq!(codes[0], "12004");
        assert!(codes.iter().any(|code| code == "10001"), "{codes:?}");
        let (code, _) = world.call("acmepay", "/query/getAccountDetails", r#"{"accountId":"1"}"#).await;
        assert_eq!(code, "13000", "the partner itself is served on");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_told_in_this_voice() {
    for world in World::all().await {
        for method in ["GET", "PUT", "DELETE"] {
            let request = Request::builder().method(method).uri(SEND).body(Body::empty()).unwrap();
            let (status, answer, _) = world.send(request).await;
            assert_eq!((status, answer["code"].as_str()), (StatusCode::OK, Some("12000")), "{method}");
        }
        let (status, answer, _) = world.post("/account/v2/closeAccount", "{}".to_owned()).await;
        assert_eq!((status, answer["code"].as_str()), (StatusCode::NOT_FOUND, Some("12001")));
        let (status, ..) = world.post("/common/sendOtp/", world.signed("acmepay", "{}")).await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_partner_whose_person_is_gone_is_no_partner() {
    for world in World::all().await {
        world.test.desk.perform(&world.house(), DisableStaff(world.staff)).await.unwrap();
        // As one that is unknown.
        let (_, answer, _) = world.post(ADD, world.signed("acmepay", &person(1))).await;
        assert_eq!((answer["code"].as_str(), answer["signature"].as_str()), (Some("12004"), None));
    }
}

#[tokio::test]
async fn hostile_parameters_are_refused_and_nothing_else() {
    for world in World::all().await {
        let many = format!("[{}]", vec!["1"; 20_000].join(","));
        for value in
            ["1e400", "-0.0", "[]", "{}", "true", "null", "\"\"", "\" \"", &many, "123456789012345678901234567890"]
        {
            for field in ["accountId", "idType", "idNumber", "fullName", "countryCode", "mobile", "email"] {
                let mut params: Map<String, Value> = serde_json::from_str(&person(1)).unwrap();
                params.remove(field);
                let rest = serde_json::to_string(&params).unwrap();
                let params = format!("{{\"{field}\":{value},{}", &rest[1..]);
                let (code, _) = world.call("acmepay", ADD, &params).await;
                assert!(["12001", "12010"].contains(&code.as_str()), "{field}={value:.40}: {code}");
            }
            for path in [SEND, CONFIRM, "/query/getAccountDetails", "/account/queryAccountListByUserId"] {
                let params = format!(r#"{{"businessId":{value},"accountId":{value},"userId":{value}}}"#);
                assert_eq!(world.call("acmepay", path, &params).await.0, "12001", "{path} {value:.40}");
            }
        }
    }
}

#[tokio::test]
async fn a_balance_has_the_decimals_of_its_currency() {
    for world in World::all().await {
        for (at, (code, expected)) in
            [("UGX", "1000000"), ("KES", "10000.00"), ("KWD", "1000.000"), ("CLF", "100.0000")].iter().enumerate()
        {
            let number = format!("4601770099002{at}");
            let details = Details { number: number.clone(), name: "Acme".to_owned(), short_code: None };
            let open = OpenAccount {
                owner: world.owner,
                kind: AccountKind::Current,
                currency: (*code).to_owned(),
                balance: 1_000_000,
                details,
                partner: Some("acmepay".to_owned()),
            };
            world.test.desk.perform(&world.house(), open).await.unwrap();
            let params = format!(r#"{{"accountId":"{number}"}}"#);
            let (status, data) = world.call("acmepay", "/query/getAccountDetails", &params).await;
            let data = data.unwrap_or_default();
            assert_eq!((status.as_str(), data["balance"].as_str()), ("00000", Some(*expected)), "{code}: {data}");
            assert_eq!(data["currency"].as_str(), Some(*code));
        }
    }
}
