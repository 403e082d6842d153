//! A bank, two partners of it and one of another bank, each with a web server of its own, and a clock that can be moved.

use std::collections::VecDeque;

use desk::account::{AccountKind, Details, OpenAccount};
use desk::administrator::callback::{Callback, CallbackState, ListCallbacks, SendCallbackAgain};
use desk::administrator::{
    AddAdministrator, Contact, IdType, Person, RemoveAdministrator, Selector, VerifyAdministrator,
};
use desk::challenge::{ConfirmChallenge, SendCode, Sending};
use desk::db::{Tx, Write, params};
use desk::job::{JobKind, MAX_TRIES};
use desk::key::{CreateKey, KeyKind, RevokeKey, SetCallbackUrl};
use desk::message::Outbox;
use desk::role::ListRoles;
use desk::staff::{AddStaff, DisableStaff, EnableStaff};
use desk::team::{AddMember, CreateTeam};
use desk::tenant::ChangeSettings;
use desk::testing::TestDesk;
use desk::user::{CreateUser, EditUser, EraseUser, Profile, RemoveUser};
use desk::value::clock::{HOUR, MINUTE, Time};
use desk::value::id::{AccountId, AdministratorId, ChallengeId, StaffId, TenantId, UserId};
use desk::value::secret::Secret;
use desk::{Door, Permission};
use dialects::choice::message::{self, Value as Said};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::outside::{Outside, impatient};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
/// It says nothing, and keeps the line open.
const SILENCE: &str = "";

/// A partner's web server: it answers as it was told to, one after the other, and then `ok`.
#[derive(Clone)]
struct Partner {
    url: String,
    told: Arc<Mutex<Vec<Value>>>,
    answers: Arc<Mutex<VecDeque<String>>>,
}

impl Partner {
    async fn open() -> Partner {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
        let partner = Partner { url, told: Default::default(), answers: Default::default() };
        let it = partner.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (head, body) = request(&mut stream).await;
                assert!(head.starts_with("POST /callbacks "), "{head}");
                assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
                it.told.lock().unwrap().push(serde_json::from_str(&body).unwrap());
                let answer = it.answers.lock().unwrap().pop_front().unwrap_or_else(|| OK.to_owned());
                if answer == SILENCE {
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_secs(30)).await;
                        drop(stream);
                    });
                } else {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        partner
    }

    fn will_answer(&self, answers: impl IntoIterator<Item = impl Into<String>>) {
        self.answers.lock().unwrap().extend(answers.into_iter().map(Into::into));
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }

    /// Type and event of each, in their order.
    fn events(&self) -> Vec<String> {
        let name = |it: &Value| {
            format!("{} {}", it["notificationType"].as_str().unwrap(), it["params"]["event"].as_str().unwrap())
        };
        self.told().iter().map(name).collect()
    }
}

async fn request(stream: &mut tokio::net::TcpStream) -> (String, String) {
    let mut text = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        text.extend_from_slice(&piece[..read]);
        let said = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = said.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length.split_once("content-length: ").unwrap().1;
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if body.len() >= length {
                return (head.to_owned(), body.to_owned());
            }
        }
        assert!(read > 0, "{said}");
    }
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// A partner's key at the bank.
struct Sender {
    key: KeyId,
    staff: StaffId,
    signing_key: String,
}

struct World {
    t: TestDesk,
    worker: Worker,
    owner: UserId,
    acme: Sender,
    rival: Sender,
    foreign: Sender,
    other: TenantId,
}

impl World {
    async fn all() -> Vec<World> {
        let mut all = Vec::new();
        for t in TestDesk::all().await {
            let outside = Outside { mail: None, sms: None, partners: impatient() };
            let (_, stop) = tokio::sync::watch::channel(false);
            let worker = Worker::new(t.desk.clone(), Arc::new(outside), "https://bank.example".to_owned(), stop);
            let other = t.other_tenant().await;
            let acme = sender(&t, t.tenant, "acmepay").await;
            let rival = sender(&t, t.tenant, "rival").await;
            let foreign = sender(&t, other, "foreign").await;
            let owner = Profile {
                last_name: "Otieno".to_owned(),
                email: Some("owner@mail.example".to_owned()),
                ..Profile::default()
            };
            let patch = json!({ "challenge_codes_a_day": 100 }).as_object().unwrap().clone();
            t.desk.perform(&t.house(), ChangeSettings { patch }).await.unwrap();
            let owner = t.desk.perform(&t.house(), CreateUser::of(owner)).await.unwrap().id;
            all.push(World { t, worker, owner, acme, rival, foreign, other });
        }
        all
    }

    async fn account(&self, number: &str, partner: &str) -> AccountId {
        let details = Details { number: number.to_owned(), name: "Acme Traders".to_owned(), short_code: None };
        let (kind, currency, partner) = (AccountKind::Sme, "KES".to_owned(), Some(partner.to_owned()));
        let open = OpenAccount { owner: self.owner, kind, currency, balance: 0, details, partner };
        self.t.desk.perform(&self.t.admin(), open).await.unwrap().account.id
    }

    async fn called_at(&self, sender: &Sender, url: Option<&str>) {
        let url = url.map(|url| self.t.desk.callback_url("url", url).unwrap());
        let tenant = if sender.key == self.foreign.key { self.other } else { self.t.tenant };
        let house = Caller::house(tenant, Door::Cli);
        self.t.desk.perform(&house, SetCallbackUrl { key: sender.key, url }).await.unwrap();
    }

    async fn confirm(&self, challenge: ChallengeId) {
        let newest = self.t.desk.ask(&self.t.house(), Outbox::Before(None)).await.unwrap();
        let code = newest.into_iter().find_map(|it| it.letter.and_then(|letter| letter.code)).unwrap();
        let confirm = ConfirmChallenge { challenge, code: Secret::new(code), partner: None };
        self.t.desk.perform(&self.t.admin(), confirm).await.unwrap();
        self.t.clock.advance(SECOND);
    }

    async fn add(&self, account: AccountId, number: u32) -> AdministratorId {
        let person = Person {
            id_type: IdType::NationalId,
            id_number: format!("3011{number:04}"),
            full_name: "Wanjiru Otieno".to_owned(),
            country_code: "254".to_owned(),
            mobile: format!("71200{number:04}"),
            email: format!("w{number}@mail.example"),
        };
        let opened = self.t.desk.perform(&self.t.admin(), AddAdministrator { account, person }).await.unwrap();
        let challenge = opened.challenge;
        let send =
            SendCode { challenge, channel: Some(desk::message::Channel::Email), sending: Sending::Any, partner: None };
        self.t.desk.perform(&self.t.admin(), send).await.unwrap();
        self.confirm(challenge).await;
        opened.administrator.administrator.id
    }

    async fn verify(&self, account: AccountId, administrator: AdministratorId, contact: Contact) {
        let verify = VerifyAdministrator { account, who: Selector::Id(administrator), contact };
        let challenge = self.t.desk.perform(&self.t.admin(), verify).await.unwrap().challenge;
        self.confirm(challenge).await;
    }

    async fn remove(&self, account: AccountId, administrator: AdministratorId) {
        let remove = RemoveAdministrator { account, who: Selector::Id(administrator), reason: None };
        self.t.desk.perform(&self.t.admin(), remove).await.unwrap();
        self.t.clock.advance(SECOND);
    }

    /// Does what is due at this moment, until nothing is.
    async fn work(&self) {
        loop {
            let jobs = self.t.desk.lease_jobs(10).await.unwrap();
            if jobs.is_empty() {
                return;
            }
            for job in jobs {
                self.worker.clone().finish(job).await;
            }
        }
    }

    /// Does what comes due from now until then.
    async fn work_until(&self, until: Time) {
        loop {
            self.work().await;
            match self.t.desk.next_job_due().await.unwrap().filter(|due| *due <= until) {
                Some(due) => self.t.clock.advance((due.0 - self.t.desk.now().0).max(0)),
                None => break,
            }
        }
        self.t.clock.advance((until.0 - self.t.desk.now().0).max(0));
    }

    async fn callbacks(&self, key: KeyId, state: Option<CallbackState>) -> Vec<Callback> {
        let question = ListCallbacks { key, state, before: None, limit: 200 };
        self.t.desk.ask(&self.t.holder(&[Permission::KeysRead]), question).await.unwrap().callbacks
    }

    async fn only(&self) -> Callback {
        let mut all = self.callbacks(self.acme.key, None).await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

async fn sender(t: &TestDesk, tenant: TenantId, name: &str) -> Sender {
    let house = Caller::house(tenant, Door::Cli);
    let add = AddStaff {
        id: None,
        name: "Partner service".to_owned(),
        email: format!("{name}@bank.example"),
        password_hash: None,
    };
    let staff = t.desk.perform(&house, add).await.unwrap().id;
    let role = t.desk.ask(&house, ListRoles).await.unwrap().into_iter().find(|it| it.name == "admin").unwrap().id;
    let team = t.desk.perform(&house, CreateTeam { name: format!("Team {name}") }).await.unwrap().id;
    t.desk.perform(&house, AddMember { team, staff, role }).await.unwrap();
    let create = CreateKey {
        kind: KeyKind::ChoiceSender,
        client_id: Some(name.to_owned()),
        permissions: Some(vec![Permission::AccountsRead]),
        ..CreateKey::native(name, staff)
    };
    let made = t.desk.perform(&house, create).await.unwrap();
    Sender { key: made.key.id, staff, signing_key: made.secret.unwrap().expose().to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_told_each_event_in_the_vendors_envelope_signed_with_its_key() {
    for w in World::all().await {
        let partner = Partner::open().await;
        let account = w.account("46017700990011", "acmepay").await;
        // Off, as long as nobody has said where.
        let ada = w.add(account, 1).await;
        w.remove(account, ada).await;
        w.work().await;
        assert!(w.callbacks(w.acme.key, None).await.is_empty());
        w.called_at(&w.acme, Some(&partner.url)).await;
        let begin = w.t.desk.now();
        let ada = w.add(account, 1).await;
        w.verify(account, ada, Contact::Email).await;
        w.verify(account, ada, Contact::Mobile).await;
        w.remove(account, ada).await;
        w.work_until(w.t.desk.now().plus(MINUTE)).await;
        assert_eq!(partner.events(), ["9101 ADDED", "9102 EMAIL_VERIFIED", "9102 MOBILE_VERIFIED", "9103 REMOVED"]);
        for (at, told) in partner.told().iter().enumerate() {
            let said = Said::read(&told.to_string()).unwrap();
            assert_eq!(message::is_signed(&said, &w.acme.signing_key), Ok(true), "{told}");
            assert_eq!(message::is_signed(&said, &w.rival.signing_key), Ok(false));
            let names: Vec<&String> = told.as_object().unwrap().keys().collect();
            let expected =
                ["requestId", "sender", "notificationType", "locale", "timestamp", "salt", "params", "signature"];
            assert_eq!(names, expected);
            let happened = begin.0 / 1000 + 1000 * at as i64;
            let params = json!({
                "accountId": "46017700990011", "idType": "101", "idNumber": "30110001",
                "event": told["params"]["event"], "time": happened,
            });
            assert_eq!(told["params"], params);
            assert_eq!((&told["sender"], &told["locale"]), (&json!("apigw.baas.choice"), &json!("en_KE")));
        }
        // The signature by the contract's own steps, once more and by hand.
        let first = &partner.told()[0];
        let text = |name: &str| first[name].as_str().unwrap().to_owned();
        let flat = format!(
            "locale=en_KE&notificationType=9101&params.accountId=46017700990011&params.event=ADDED&params.idNumber=30110001\
             &params.idType=101&params.time={}&requestId={}&salt={}&sender=apigw.baas.choice&senderKey={}&timestamp={}",
            first["params"]["time"],
            text("requestId"),
            text("salt"),
            w.acme.signing_key,
            first["timestamp"]
        );
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, flat.as_bytes());
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text("signature"), hex);
        let all = w.callbacks(w.acme.key, Some(CallbackState::Delivered)).await;
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|it| it.tries == 1 && it.last_error.is_none() && it.ended_at.is_some()));
        assert_eq!(all[0].id.to_string(), partner.told()[3]["requestId"].as_str().unwrap(), "newest first");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_does_not_answer_ok_is_told_five_times_with_longer_pauses_and_then_again_when_asked_to() {
    for w in World::all().await {
        let partner = Partner::open().await;
        partner.will_answer(vec![answer("200 OK", "no"); 5]);
        let account = w.account("46017700990011", "acmepay").await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        w.add(account, 1).await;
        let mut waited = Vec::new();
        for tries in 1..=5 {
            w.work().await;
            let it = w.only().await;
            assert_eq!((it.tries, partner.told().len()), (tries, tries as usize));
            assert_eq!(it.last_error.as_deref(), Some("the partner did not answer ok"));
            if it.state == CallbackState::Queued {
                let pause = it.due_at.0 - w.t.desk.now().0;
                waited.push(pause / SECOND);
                w.t.clock.advance(pause - 1);
                w.work().await;
                assert_eq!(partner.told().len(), tries as usize, "not before its time");
                w.t.clock.advance(1);
            }
        }
        assert_eq!(waited, [10, 60, 300, 1800]);
        let given_up = w.only().await;
        assert_eq!((given_up.state, given_up.ended_at.is_some()), (CallbackState::Failed, true));
        w.work_until(w.t.desk.now().plus(24 * HOUR)).await;
        let told = partner.told();
        assert_eq!(told.len(), 5);
        for name in ["timestamp", "salt", "signature"] {
            let values: HashSet<String> = told.iter().map(|it| it[name].to_string()).collect();
            assert_eq!(values.len(), 5, "{name} is made anew");
        }
        // Once more, because somebody wants it, and twice changes nothing.
        let manager = w.t.holder(&[Permission::KeysManage]);
        for _ in 0..2 {
            let again = w.t.desk.perform(&manager, SendCallbackAgain(given_up.id)).await.unwrap();
            assert_eq!((again.state, again.tries), (CallbackState::Queued, 0));
        }
        w.work().await;
        assert_eq!(w.only().await.state, CallbackState::Delivered);
        let told = partner.told();
        assert_eq!(told.len(), 6);
        for it in &told {
            assert_eq!((&it["requestId"], &it["params"]), (&json!(given_up.id.to_string()), &told[0]["params"]));
            assert_eq!(message::is_signed(&Said::read(&it.to_string()).unwrap(), &w.acme.signing_key), Ok(true));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_ok_with_success_ends_it_and_nothing_is_followed_or_read_without_end() {
    for w in World::all().await {
        let (partner, elsewhere) = (Partner::open().await, Partner::open().await);
        let account = w.account("46017700990011", "acmepay").await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url);
        let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: 900000000\r\n\r\n{}", "ok ".repeat(2000));
        let broken = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nok".to_owned();
        for (number, (said, error)) in [
            (answer("500 Oops", "ok"), "the partner answered 500"),
            (answer("404 Not Found", ""), "the partner answered 404"),
            (moved, "the partner answered 307"),
            (answer("200 OK", ""), "the partner did not answer ok"),
            (answer("200 OK", r#"{"code":"00000"}"#), "the partner did not answer ok"),
            (endless, "the partner answered too much"),
            (broken, "the partner's answer broke off"),
            ("nonsense\r\n\r\n".to_owned(), "the partner's answer broke off"),
            (SILENCE.to_owned(), "the partner did not answer in time"),
        ]
        .into_iter()
        .enumerate()
        {
            for ok in ["ok", " OK\n", "\"ok\""] {
                partner.will_answer([said.clone(), answer("200 OK", ok)]);
                let ada = w.add(account, number as u32).await;
                w.work().await;
                let it = w.callbacks(w.acme.key, None).await.remove(0);
                assert_eq!((it.state, it.last_error.as_deref()), (CallbackState::Queued, Some(error)));
                w.work_until(w.t.desk.now().plus(MINUTE)).await;
                let it = w.callbacks(w.acme.key, None).await.remove(0);
                assert_eq!((it.state, it.tries), (CallbackState::Delivered, 2), "{error} {ok:?}");
                w.remove(account, ada).await;
                w.work().await;
                if error.contains("time") {
                    break;
                }
            }
        }
        assert!(elsewhere.told().is_empty(), "nobody was sent there");
        // And one who is not there at all.
        drop(partner);
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        w.called_at(&w.acme, Some(&format!("http://{nobody}/"))).await;
        w.add(account, 99).await;
        w.work().await;
        let it = w.callbacks(w.acme.key, None).await.remove(0);
        assert_eq!(it.last_error.as_deref(), Some("the partner cannot be reached"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_has_seen_is_told_in_its_order_and_holds_up_no_other_account() {
    for w in World::all().await {
        let partner = Partner::open().await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        let (first, second) =
            (w.account("46017700990011", "acmepay").await, w.account("46017700990012", "acmepay").await);
        partner.will_answer([answer("503 Later", ""), answer("503 Later", "")]);
        let ada = w.add(first, 1).await;
        w.work().await;
        w.verify(first, ada, Contact::Email).await;
        w.remove(first, ada).await;
        w.work().await;
        assert_eq!(partner.events(), ["9101 ADDED"], "the others wait for it");
        w.add(second, 2).await;
        w.t.clock.advance(10 * SECOND);
        w.work_until(w.t.desk.now().plus(10 * MINUTE)).await;
        let of_first: Vec<String> = {
            let told = partner.told();
            let mine = told.iter().zip(partner.events()).filter(|(it, _)| it["params"]["idNumber"] == "30110001");
            mine.map(|(_, event)| event).collect()
        };
        assert_eq!(of_first[of_first.len() - 3..], ["9101 ADDED", "9102 EMAIL_VERIFIED", "9103 REMOVED"]);
        assert_eq!(w.callbacks(w.acme.key, Some(CallbackState::Delivered)).await.len(), 4);
        // What was given up is not waited for.
        partner.will_answer(vec![answer("500 Oops", ""); 5]);
        let ada = w.add(first, 3).await;
        w.work().await;
        w.remove(first, ada).await;
        w.work_until(w.t.desk.now().plus(HOUR)).await;
        assert_eq!(partner.events().last().unwrap(), "9103 REMOVED");
        assert_eq!(w.callbacks(w.acme.key, Some(CallbackState::Failed)).await.len(), 1);
        // Nor what nobody works at any more: its job is dead, and it is overdue for a day.
        let bob = w.add(first, 4).await;
        let lost = w.t.desk.lease_jobs(10).await.unwrap();
        for mut job in lost {
            job.tries = MAX_TRIES;
            w.t.desk.put_off_job(job, "given up").await.unwrap();
        }
        w.remove(first, bob).await;
        let told = partner.told().len();
        w.work_until(w.t.desk.now().plus(23 * HOUR)).await;
        assert_eq!(partner.told().len(), told);
        w.work_until(w.t.desk.now().plus(2 * HOUR)).await;
        assert_eq!(partner.told().len(), told + 1);
        // Until somebody has it sent again.
        let lost = w.callbacks(w.acme.key, Some(CallbackState::Queued)).await.remove(0);
        w.t.desk.perform(&w.t.admin(), SendCallbackAgain(lost.id)).await.unwrap();
        w.work().await;
        assert_eq!(partner.told().last().unwrap()["requestId"], lost.id.to_string());
        assert!(w.callbacks(w.acme.key, Some(CallbackState::Queued)).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_later_is_told_later_though_the_clock_says_otherwise() {
    for w in World::all().await {
        let partner = Partner::open().await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        let account = w.account("46017700990011", "acmepay").await;
        let ada = w.add(account, 1).await;
        w.work().await;
        w.verify(account, ada, Contact::Email).await;
        // Somebody began earlier, or by a slower clock, and had to wait for the account.
        w.t.clock.advance(-MINUTE);
        w.remove(account, ada).await;
        w.work_until(w.t.desk.now().plus(HOUR)).await;
        assert_eq!(partner.events(), ["9101 ADDED", "9102 EMAIL_VERIFIED", "9103 REMOVED"]);
        let happened: Vec<Time> = w.callbacks(w.acme.key, None).await.iter().map(|it| it.happened_at).collect();
        assert!(happened.is_sorted_by(|newer, older| newer > older), "{happened:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partner_address_and_rights_are_those_of_the_moment_it_is_told() {
    for w in World::all().await {
        let (partner, moved) = (Partner::open().await, Partner::open().await);
        let account = w.account("46017700990011", "acmepay").await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        let state = async || {
            let it = w.callbacks(w.acme.key, None).await.remove(0);
            (it.state, it.last_error)
        };
        let dropped = |cause: &str| (CallbackState::Dropped, Some(cause.to_owned()));
        // It moves between two tries.
        partner.will_answer([answer("500 Oops", "")]);
        w.add(account, 1).await;
        w.work().await;
        w.called_at(&w.acme, Some(&moved.url)).await;
        w.work_until(w.t.desk.now().plus(MINUTE)).await;
        assert_eq!((partner.told().len(), moved.told().len()), (1, 1));
        assert_eq!(partner.told()[0]["requestId"], moved.told()[0]["requestId"]);
        // It wants to hear no more.
        w.add(account, 2).await;
        w.called_at(&w.acme, None).await;
        w.work().await;
        assert_eq!(state().await, dropped("no_url"));
        w.add(account, 3).await;
        assert_eq!(w.callbacks(w.acme.key, None).await.len(), 2, "nothing is queued for it now");
        // It may not know of the owner any more: she has begun to work here, and the bank hides who does.
        w.called_at(&w.acme, Some(&moved.url)).await;
        let house = w.t.house();
        let patch = json!({ "hide_employees": true }).as_object().unwrap().clone();
        w.t.desk.perform(&house, ChangeSettings { patch }).await.unwrap();
        let works_here = async |is: bool| {
            let (user, employee) = (w.owner, Some(is));
            let edit = EditUser { user, if_version: None, patch: Map::new(), kind: None, employee, reason: None };
            w.t.desk.perform(&house, edit).await.unwrap();
        };
        w.add(account, 6).await;
        works_here(true).await;
        w.work().await;
        assert_eq!(state().await, dropped("no_permission"));
        works_here(false).await;
        // Whoever stands behind it is gone, or the key itself.
        w.t.desk.perform(&house, DisableStaff(w.acme.staff)).await.unwrap();
        w.add(account, 4).await;
        w.work().await;
        assert_eq!(state().await, dropped("no_permission"));
        w.t.desk.perform(&house, EnableStaff(w.acme.staff)).await.unwrap();
        w.add(account, 5).await;
        w.t.desk.perform(&house, RevokeKey(w.acme.key)).await.unwrap();
        w.work().await;
        assert_eq!(state().await, dropped("no_permission"));
        assert_eq!((partner.told().len(), moved.told().len()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_accounts_own_partner_is_told_and_never_one_of_another_institution() {
    for w in World::all().await {
        let (acme, rival, foreign) = (Partner::open().await, Partner::open().await, Partner::open().await);
        w.called_at(&w.acme, Some(&acme.url)).await;
        w.called_at(&w.rival, Some(&rival.url)).await;
        w.called_at(&w.foreign, Some(&foreign.url)).await;
        let theirs = w.account("46017700990011", "acmepay").await;
        // An account that names what is a sender elsewhere, and one that names nobody's.
        let (elsewhere, nobodys) =
            (w.account("46017700990012", "foreign").await, w.account("46017700990013", "unknown").await);
        for (number, account) in [theirs, elsewhere, nobodys].into_iter().enumerate() {
            w.add(account, number as u32).await;
        }
        w.work_until(w.t.desk.now().plus(HOUR)).await;
        assert_eq!((acme.told().len(), rival.told().len(), foreign.told().len()), (1, 0, 0));
        let foreigns = ListCallbacks { key: w.foreign.key, state: None, before: None, limit: 10 };
        let there = Caller::house(w.other, Door::Cli);
        assert!(w.t.desk.ask(&there, foreigns).await.unwrap().callbacks.is_empty());
        // What belongs to this institution does not exist for the other.
        let ours = w.only().await;
        let ask = ListCallbacks { key: w.acme.key, state: None, before: None, limit: 10 };
        assert!(matches!(w.t.desk.ask(&there, ask).await, Err(Error::NotFound("key"))));
        let again = w.t.desk.perform(&there, SendCallbackAgain(ours.id)).await;
        assert!(matches!(again, Err(Error::NotFound("callback"))));
        let set = SetCallbackUrl { key: w.acme.key, url: None };
        assert!(matches!(w.t.desk.perform(&there, set).await, Err(Error::NotFound("key"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_told_when_the_owner_goes_and_nothing_of_who_was_erased() {
    for w in World::all().await {
        let partner = Partner::open().await;
        let account = w.account("46017700990011", "acmepay").await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        w.add(account, 1).await;
        w.work().await;
        let (user, reason) = (w.owner, None);
        w.t.desk.perform(&w.t.admin(), RemoveUser { user, reason: None }).await.unwrap();
        w.work().await;
        assert_eq!(partner.events(), ["9101 ADDED", "9103 REMOVED"]);
        let last = w.callbacks(w.acme.key, None).await.remove(0);
        w.t.desk.perform(&w.t.admin(), EraseUser { user, reason }).await.unwrap();
        w.t.desk.perform(&w.t.admin(), SendCallbackAgain(last.id)).await.unwrap();
        w.work().await;
        assert_eq!(partner.told().len(), 2);
        let last = w.callbacks(w.acme.key, None).await.remove(0);
        assert_eq!((last.state, last.last_error.as_deref()), (CallbackState::Dropped, Some("erased")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_whose_worker_died_is_made_again_with_the_same_id_and_no_job_names_anybody() {
    for w in World::all().await {
        let partner = Partner::open().await;
        let account = w.account("46017700990011", "acmepay").await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        w.add(account, 1).await;
        // It posts, and dies before it can say so.
        let jobs = w.t.desk.lease_jobs(10).await.unwrap();
        let job = jobs.into_iter().find(|job| job.kind == JobKind::CallBack).unwrap();
        assert_eq!(job.payload, json!({ "callback": w.only().await.id }));
        let turn = w.t.desk.ask(&w.t.house(), CallbackTurn(w.only().await.id)).await.unwrap();
        let Turn::Now(errand) = turn else { panic!("it is its turn") };
        w.worker.tell(&errand).await.unwrap();
        w.work().await;
        assert_eq!(partner.told().len(), 1);
        w.t.clock.advance(MINUTE);
        w.work().await;
        let told = partner.told();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0]["requestId"], told[1]["requestId"]);
        assert_eq!(w.only().await.state, CallbackState::Delivered);
        // The lost worker comes back and changes nothing.
        let late = RecordCallback { callback: w.only().await.id, told: Told::NotOk("late".to_owned()) };
        assert_eq!(w.t.desk.perform(&w.t.house(), late).await.unwrap(), None);
        assert_eq!(w.only().await.state, CallbackState::Delivered);
    }
}

/// Something that no door does: a partner's signing key is lost.
struct LoseSecrets;

impl Write for LoseSecrets {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> desk::Result<()> {
        tx.put("UPDATE key SET secret = id WHERE kind = 'choice_sender'", params![]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_whose_job_is_given_up_has_failed_and_is_not_waited_for() {
    for w in World::all().await {
        let partner = Partner::open().await;
        let account = w.account("46017700990011", "acmepay").await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        w.add(account, 1).await;
        w.t.desk.db().write(LoseSecrets).await.unwrap();
        w.work().await;
        assert_eq!(w.only().await.state, CallbackState::Queued, "its job comes again");
        w.work_until(w.t.desk.now().plus(HOUR)).await;
        let it = w.only().await;
        assert_eq!((it.state, it.tries, it.last_error.as_deref()), (CallbackState::Failed, 0, Some("internal")));
        assert!(it.ended_at.is_some() && partner.told().is_empty());
        // It can be sent again, and is given up again.
        w.t.desk.perform(&w.t.admin(), SendCallbackAgain(it.id)).await.unwrap();
        w.work().await;
        assert_eq!(w.only().await.state, CallbackState::Queued);
        w.work_until(w.t.desk.now().plus(HOUR)).await;
        assert_eq!(w.only().await.state, CallbackState::Failed);
    }
}

#[tokio::test]
async fn one_line_to_each_partner_and_four_in_all() {
    let keys: Vec<KeyId> = (0..8).map(|number| KeyId(desk::value::id::Uuid::from_u128(number))).collect();
    let lines = Lines::default();
    let first = lines.take(keys[0]).unwrap();
    assert!(lines.take(keys[0]).is_none());
    let more: Vec<_> = keys[1..4].iter().map(|key| lines.take(*key).unwrap()).collect();
    assert!(lines.take(keys[4]).is_none());
    // One for each of two partners waits; the others do not even do that.
    let waits = async |key| tokio::time::timeout(Duration::ZERO, lines.wait(key)).await.is_err();
    assert!(waits(keys[4]).await);
    let waiting: Vec<_> = keys[4..6].iter().map(|key| Place::take(&lines.waited_for, *key, WAITING).unwrap()).collect();
    assert!(!waits(keys[4]).await && !waits(keys[6]).await);
    drop(first);
    assert!(lines.wait(keys[6]).await.is_some(), "free is free");
    drop(waiting);
    let _last = lines.take(keys[0]).unwrap();
    let (late, ()) = tokio::join!(lines.wait(keys[4]), async { drop(more) });
    assert!(late.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_is_being_called_is_called_later() {
    for w in World::all().await {
        let partner = Partner::open().await;
        let account = w.account("46017700990011", "acmepay").await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        w.add(account, 1).await;
        let line = w.worker.lines.take(w.acme.key).unwrap();
        w.work().await;
        assert_eq!((partner.told().len(), w.only().await.tries), (0, 0));
        drop(line);
        w.t.clock.advance(LINE_BUSY - 1);
        w.work().await;
        assert_eq!(partner.told().len(), 0);
        w.work_until(w.t.desk.now().plus(LINE_BUSY)).await;
        assert_eq!(partner.told().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_wait_for_a_slow_partner_look_ever_more_seldom_and_are_all_told_in_the_end() {
    const MANY: usize = 12;
    for w in World::all().await {
        let partner = Partner::open().await;
        w.called_at(&w.acme, Some(&partner.url)).await;
        for number in 0..MANY {
            let account = w.account(&format!("460177009900{number:02}"), "acmepay").await;
            w.add(account, number as u32).await;
        }
        let line = w.worker.lines.take(w.acme.key).unwrap();
        let waiting = Place::take(&w.worker.lines.waited_for, w.acme.key, WAITING).unwrap();
        w.work().await;
        let (mut looks, hour) = (0, w.t.desk.now().plus(HOUR));
        while let Some(due) = w.t.desk.next_job_due().await.unwrap().filter(|due| *due <= hour) {
            w.t.clock.advance(due.0 - w.t.desk.now().0);
            for job in w.t.desk.lease_jobs(10).await.unwrap() {
                assert_eq!(job.tries, 1, "nothing has failed");
                looks += 1;
                w.worker.clone().finish(job).await;
            }
        }
        // Every five seconds, it would be 720 for each.
        assert!(looks <= 30 * MANY, "{looks}");
        let waiting_still = w.callbacks(w.acme.key, Some(CallbackState::Queued)).await;
        assert!(waiting_still.len() == MANY && waiting_still.iter().all(|it| it.tries == 0));
        drop((line, waiting));
        w.work_until(w.t.desk.now().plus(HOUR)).await;
        assert_eq!(partner.told().len(), MANY);
    }
}
