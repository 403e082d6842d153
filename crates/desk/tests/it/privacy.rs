//! What says who somebody is never stands in the database in the clear, leaves it masked, and is gone after an erasure.

use std::path::PathBuf;

use desk::activity::{ActivityFilter, UserActivity};
use desk::audit::{AuditFilter, ListAudit};
use desk::db::{Engine, Value};
use desk::device::ListDevices;
use desk::key::CreateKey;
use desk::message::{Channel, Outbox};
use desk::note::{ListNotes, WriteNote};
use desk::password::StartPasswordReset;
use desk::permission::Permission as P;
use desk::session::{NewDevice, SignInRequest};
use desk::staff::AddStaff;
use desk::testing::{Guard, TestDesk, origin};
use desk::user::profile::{Address, Demographic, Identifiers, PhotoId};
use desk::user::*;
use desk::value::id::UserId;
use desk::{Caller, Error, Once, Refusal};
use serde_json::json;

use crate::support::*;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Somebody whose every field can be recognised.
fn planted() -> Profile {
    Profile {
        first_name: "Quillonzia".to_owned(),
        middle_name: some("Brisendra"),
        last_name: "Ötvösházi".to_owned(),
        preferred_name: some("Zillowen"),
        business_name: some("Marrowgate Upholstery"),
        username: some("quill.otvos88"),
        email: some("quillonzia.otvoshazi@plantedmail.example"),
        phone: some("+12025550187"),
        date_of_birth: some("1971-11-23"),
        locale: some("hu-HU"),
        address: Address {
            line_one: some("7741 Wexcombe Terrace"),
            zip: some("90417"),
            city: some("Farnborough"),
            ..Default::default()
        },
        identifiers: Identifiers {
            ssn: some("731-55-2048"),
            bvn: some("22719384650"),
            nin: some("61830274951"),
            net_teller_id: some("NT5588213377"),
            customer_id: some("CUST77410293"),
            member_number: some("0048817263"),
            external_id: some("crm-8831-qz"),
        },
        photo_id: PhotoId {
            number: some("PZ773104482"),
            issuer: some("Republic of Quornia"),
            expiry: some("2033-08-19"),
        },
        demographic: Demographic { employer_name: some("Hollowbrook Mills"), ..Default::default() },
        ..Profile::default()
    }
}

/// Everything that was planted, wherever it was said.
const PLANTED: &[&str] = &[
    "Quillonzia",
    "Brisendra",
    "Ötvösházi",
    "otvoshazi",
    "Zillowen",
    "Marrowgate",
    "quill.otvos88",
    "plantedmail",
    "2025550187",
    "1971-11-23",
    "Wexcombe",
    "90417",
    "Farnborough",
    "731-55-2048",
    "731552048",
    "22719384650",
    "61830274951",
    "5588213377",
    "77410293",
    "0048817263",
    "8831-qz",
    "Hollowbrook",
    "773104482",
    "Quornia",
    "2033-08-19",
    "smudged by Thornquill",
    "page with the Marlowe stamp",
    "sister lives in Quimperlé",
    "Fennwick phone",
    "device-print-7731",
    "argued about Drumlanrig",
    "Tesselworth",
    "wilhelmina.tess",
    "203.0.113.77",
    "Agent Ravensbourne",
    "Copper-Meadow-42-Violin",
    "Lantern-Gravel-77-Orchid",
    "answer for Skelmersdale",
];

async fn live(t: &TestDesk) -> (UserId, Vec<String>) {
    let hash = t.desk.hash_new_password(secret(PASSWORD), 10, Vec::new()).await.unwrap();
    let create = CreateUser { password_hash: Some(hash), ..CreateUser::of(planted()) };
    let user = t.desk.perform(&t.house(), create).await.unwrap().id;
    let mut origin = origin();
    origin.address = "203.0.113.77".parse().ok();
    origin.on_behalf = some("Agent Ravensbourne");
    let admin = Caller { origin, ..t.admin() };
    let device =
        NewDevice { fingerprint: "device-print-7731".to_owned(), name: some("Fennwick phone"), ..Default::default() };
    let request = SignInRequest {
        identifier: "quill.otvos88".to_owned(),
        password: secret(PASSWORD),
        device: Some(device),
        lives_seconds: None,
    };
    let session = token_of(t.desk.sign_in(&t.nobody(), request).await.unwrap());
    let request = SignInRequest {
        identifier: "nobody@plantedmail.example".to_owned(),
        password: secret(WRONG),
        device: None,
        lives_seconds: None,
    };
    t.desk.sign_in(&t.nobody(), request).await.unwrap();
    let text = "Her sister lives in Quimperlé.".to_owned();
    t.desk.perform(&admin, WriteNote { user, text }).await.unwrap();
    let reason = || some("she argued about Drumlanrig");
    t.desk.perform(&admin, FlagUser { user, bank: None, reason: reason() }).await.unwrap();
    t.desk.perform(&admin, BlacklistUser { user, reason: reason() }).await.unwrap();
    let paper = crate::papers::png(64, 64);
    let kind = desk::user::verification::DocumentKind::PhotoId;
    let before = desk::user::UnblacklistUser { user, reason: None };
    t.desk.perform(&admin, before).await.unwrap();
    crate::papers::show(t, &admin, user, kind, &paper).await.unwrap();
    t.desk.perform(&admin, AskVerification { user, reason: some("smudged by Thornquill") }).await.unwrap();
    let text = "Send the page with the Marlowe stamp.".to_owned();
    let more = desk::user::verification::AskForMore { user, text, reason: some("smudged by Thornquill") };
    t.desk.perform(&admin, more).await.unwrap();
    let patch = json!({ "address": { "line_two": "Wexcombe annex" } }).as_object().unwrap().clone();
    let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: reason() };
    t.desk.perform(&admin, edit).await.unwrap();
    t.desk.ask(&admin, RevealUser { user, purpose: "argued about Drumlanrig".to_owned() }).await.unwrap();
    let reset = StartPasswordReset { user, method: Channel::Email, reason: reason() };
    t.desk.perform(&admin, reset).await.unwrap();
    let link = letter(t, user, "password_reset").await.unwrap().token.unwrap();
    let add = AddStaff {
        id: None,
        name: "Wilhelmina Tesselworth".to_owned(),
        email: "wilhelmina.tess@bank.example".to_owned(),
        password_hash: None,
    };
    let staff = t.desk.perform(&admin, add).await.unwrap().id;
    let key = t.desk.perform(&admin, CreateKey::native("CRM", staff)).await.unwrap().secret.unwrap();
    let once = Some(Once { key: "k".to_owned(), request_hash: [1; 32] });
    let note = WriteNote { user, text: "second".to_owned() };
    let answer = |_| Ok(b"answer for Skelmersdale".to_vec());
    t.desk.perform_once(&admin, note, once, answer).await.unwrap();
    (user, vec![session.expose().to_owned(), link, key.expose().to_owned()])
}

/// The bytes of the database and of its log.
fn files(t: &TestDesk) -> Vec<u8> {
    let Guard::Folder(folder) = &t.guard else { panic!("files are SQLite's") };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "db-shm") {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

/// Bytes as text, one character each: the standard library then searches megabytes in a moment, also unoptimised.
fn as_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn holds(place: &str, text: &str) -> bool {
    place.contains(&as_text(text.as_bytes()))
}

/// A text as it might have been written down.
fn forms(text: &str) -> Vec<String> {
    vec![text.to_owned(), text.to_lowercase(), text.to_uppercase(), desk::value::normal::fold(text)]
}

/// Every value of every table as text: what a dump of the database would show.
async fn dump(t: &TestDesk) -> Vec<u8> {
    let mut all = Vec::new();
    let names = match t.engine {
        Engine::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        Engine::Postgres => "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()",
    };
    for mut row in look(t, names).await {
        let Some(Value::Text(table)) = row.pop() else { panic!("a name") };
        for row in look(t, format!("SELECT * FROM {table}")).await {
            for value in row {
                match value {
                    Value::Text(text) => all.extend(text.into_bytes()),
                    Value::Blob(bytes) => all.extend(bytes),
                    Value::Int(number) => all.extend(number.to_string().into_bytes()),
                    Value::Null => {}
                }
                all.push(b'\n');
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_says_who_somebody_is_stands_in_the_database() {
    for t in TestDesk::all().await {
        let (user, tokens) = live(&t).await;
        let mut places = vec![as_text(&dump(&t).await)];
        if t.engine == Engine::Sqlite {
            places.push(as_text(&files(&t)));
            assert!(holds(&places[1], "session.sign_in"), "the files are the ones");
        }
        assert!(holds(&places[0], "session.sign_in"), "the tables are the ones");
        for place in &places {
            for text in PLANTED.iter().copied().chain(tokens.iter().map(String::as_str)) {
                for form in forms(text) {
                    assert!(!holds(place, &form), "{form} stands in the clear on {:?}", t.engine);
                }
            }
        }
        // And it was all there to be found: the desk itself reads it.
        let seen = t.desk.ask(&t.admin(), RevealUser { user, purpose: "a test".to_owned() }).await.unwrap().profile;
        assert_eq!(seen.identifiers, planted().identifiers);
        if t.engine == Engine::Sqlite {
            t.desk.db().stop().await;
            let folded = as_text(&files(&t));
            for text in PLANTED {
                assert!(!holds(&folded, text), "{text} stands in the folded file");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_is_masked_by_what_the_caller_may_see() {
    for t in TestDesk::all().await {
        let (user, _) = live(&t).await;
        let show = async |permissions: &[P]| t.desk.ask(&t.holder(permissions), ShowUser(user)).await.unwrap().profile;

        let masked = show(&[P::UsersRead]).await;
        assert_eq!(masked.first_name, "Quillonzia", "the name is how staff speak to her");
        assert_eq!(masked.email.as_deref(), Some("q***@plantedmail.example"));
        assert_eq!(masked.phone.as_deref(), Some("+1******0187"));
        assert_eq!(masked.date_of_birth.as_deref(), Some("****-**-**"));
        assert_eq!(masked.username.as_deref(), Some("***"));
        assert_eq!(masked.address.line_one.as_deref(), Some("***"));
        assert_eq!(masked.demographic.employer_name.as_deref(), Some("***"));
        assert_eq!(masked.identifiers.ssn.as_deref(), Some("***-**-2048"));
        assert_eq!(masked.identifiers.bvn.as_deref(), Some("22xxxxxx650"));
        assert_eq!(masked.identifiers.customer_id.as_deref(), Some("******0293"));
        assert_eq!(masked.identifiers.external_id.as_deref(), Some("******31qz"));
        assert_eq!(masked.photo_id.number.as_deref(), Some("PZxxxxxx482"));
        assert_eq!(masked.photo_id.expiry.as_deref(), Some("***"));

        let contacts = show(&[P::UsersRead, P::UsersContacts]).await;
        assert_eq!(contacts.email, planted().email);
        assert_eq!(contacts.date_of_birth, planted().date_of_birth);
        assert_eq!(contacts.identifiers.ssn.as_deref(), Some("***-**-2048"), "identifiers stay masked for everybody");
        assert_eq!(contacts.identifiers.nin.as_deref(), Some("61xxxxxx951"));

        let find = || FindUsers::of("731-55-2048");
        let found = t.desk.ask(&t.holder(&[P::UsersRead, P::UsersReveal]), find()).await.unwrap();
        assert_eq!(found.users[0].profile, masked, "found by the whole number, shown masked");
        let found = t.desk.ask(&t.holder(&[P::UsersRead]), find()).await.unwrap();
        assert!(found.users.is_empty(), "not by whoever may not see the number");
        let list = ListUsers { filter: UserFilter::default(), after: None, limit: 5, count: false };
        assert_eq!(t.desk.ask(&t.holder(&[P::UsersRead]), list).await.unwrap().users[0].profile, masked);

        let purpose = "loan file 17".to_owned();
        let revealed = t.desk.ask(&t.holder(&[P::UsersReveal]), RevealUser { user, purpose }).await.unwrap();
        assert_eq!(revealed.profile.identifiers, planted().identifiers);
        assert_eq!(revealed.profile.email, planted().email);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_kept_answers_and_their_requests_take_no_effect_again() {
    for t in TestDesk::all().await {
        let once = |key: &str| Some(Once { key: key.to_owned(), request_hash: [1; 32] });
        let answer = |_| Ok(b"answer for Skelmersdale".to_vec());
        let (admin, user) = (t.admin(), t.desk.perform(&t.house(), CreateUser::of(planted())).await.unwrap().id);
        let other = t.desk.perform(&t.house(), CreateUser::of(profile("eve"))).await.unwrap().id;
        let note = |user| WriteNote { user, text: "second".to_owned() };
        t.desk.perform_once(&admin, note(user), once("of her"), answer).await.unwrap();
        t.desk.perform_once(&admin, note(other), once("of another"), answer).await.unwrap();
        // She is the one who was made, although the action names nobody.
        let made = |user: User| Ok(user.id.to_string().into_bytes());
        let create = || CreateUser::of(profile("made"));
        let id = t.desk.perform_once(&admin, create(), once("made"), made).await.unwrap();
        let id = UserId::parse(std::str::from_utf8(&id).unwrap()).unwrap();
        for user in [user, id] {
            t.desk.perform(&admin, EraseUser { user, reason: None }).await.unwrap();
        }
        assert_eq!(count(&t, "SELECT COUNT(*) FROM idempotency WHERE answer IS NOT NULL").await, 1);
        let users = count(&t, "SELECT COUNT(*) FROM users").await;
        let again = t.desk.perform_once(&admin, create(), once("made"), made).await;
        assert_eq!(refusal(again), Refusal::UserErased);
        let again = t.desk.perform_once(&admin, note(user), once("of her"), answer).await;
        assert_eq!(refusal(again), Refusal::UserErased);
        assert!(t.desk.perform_once(&admin, note(other), once("of another"), answer).await.is_ok());
        assert_eq!(count(&t, "SELECT COUNT(*) FROM users").await, users, "nobody was made anew");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_erasure_nothing_is_left_that_names_her() {
    for t in TestDesk::all().await {
        let (user, tokens) = live(&t).await;
        let at = hex(user.0, t.engine);
        let blob = async |sql: String| match look(&t, sql).await.pop().unwrap().pop().unwrap() {
            Value::Blob(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        let old_profile = blob(format!("SELECT profile FROM users WHERE id = {at}")).await;
        let records = audit(&t).await.len();
        later(&t);
        let erase = EraseUser { user, reason: some("she asked for it") };
        t.desk.perform(&t.admin(), erase).await.unwrap();

        let keys = format!("SELECT COUNT(*) FROM users WHERE id = {at} AND person_key IS NOT NULL");
        assert_eq!(count(&t, keys).await, 0);
        let of_her = format!("number = (SELECT u.number FROM users u WHERE u.id = {at})");
        for table in ["user_unique_recent", "user_unique", "user_token"] {
            assert_eq!(count(&t, format!("SELECT COUNT(*) FROM {table} WHERE {of_her}")).await, 0, "{table}");
        }
        let seen = t.desk.ask(&t.admin(), ShowUser(user)).await.unwrap();
        assert_eq!(seen.profile, Box::<Profile>::default());
        assert!(seen.marks.is_empty() && !seen.has_password);
        let purpose = "loan file 17".to_owned();
        assert_eq!(
            t.desk.ask(&t.admin(), RevealUser { user, purpose }).await.unwrap().profile,
            Box::<Profile>::default()
        );
        for query in ["Quillonzia", "otvoshazi", "quillonzia.otvoshazi@plantedmail.example", "731-55-2048", "0187", ""]
        {
            assert_eq!(t.desk.ask(&t.admin(), FindUsers::of(query)).await.unwrap().total, Some(0));
        }
        assert!(t.desk.ask(&t.admin(), ListNotes(user)).await.unwrap().is_empty());
        assert!(t.desk.ask(&t.admin(), ListDevices(user)).await.unwrap().is_empty());
        let letters = t.desk.ask(&t.house(), Outbox::After(None)).await.unwrap();
        assert!(!letters.is_empty() && letters.iter().all(|message| message.letter.is_none()));
        for token in &tokens[..2] {
            assert!(!is_open(&t, &secret(token)).await);
        }
        assert_eq!(
            refusal(t.desk.perform(&t.admin(), WriteNote { user, text: "x".to_owned() }).await),
            Refusal::UserErased
        );

        // The book still says what was done, and to whom by id.
        assert_eq!(audit(&t).await.len(), records + 3, "the erasing, the look through the reveal, and the note");
        let filter = AuditFilter { subject: Some(user.0), limit: 100, ..AuditFilter::default() };
        let about = t.desk.ask(&t.admin(), ListAudit(filter)).await.unwrap().records;
        assert!(
            about
                .iter()
                .any(|record| record.action == "user.erase" && record.reason.as_deref() == Some("she asked for it"))
        );
        assert!(about.iter().any(|record| record.action == "user.flag"));
        let own = UserActivity(ActivityFilter { about: Some(user.0), ..ActivityFilter::page(10) });
        assert_eq!(t.desk.ask(&t.admin(), own).await.unwrap()[0].record.action, "session.sign_in");

        // A copy of her row from a backup does not bring her back.
        let bytes: String = old_profile.iter().map(|byte| format!("{byte:02x}")).collect();
        let literal = match t.engine {
            Engine::Sqlite => format!("x'{bytes}'"),
            Engine::Postgres => format!("'\\x{bytes}'::bytea"),
        };
        assert_eq!(tamper(&t, format!("UPDATE users SET profile = {literal} WHERE id = {at}")).await, 1);
        assert_eq!(t.desk.ask(&t.admin(), ShowUser(user)).await.unwrap().profile, Box::<Profile>::default());
        // Nor under the key of somebody else.
        let other = t.desk.perform(&t.house(), CreateUser::of(profile("eve"))).await.unwrap().id;
        let other_at = hex(other.0, t.engine);
        assert_eq!(tamper(&t, format!("UPDATE users SET profile = {literal} WHERE id = {other_at}")).await, 1);
        assert!(matches!(t.desk.ask(&t.admin(), ShowUser(other)).await, Err(Error::Internal(_))));

        // Her names are free again.
        t.desk.perform(&t.house(), CreateUser::of(planted())).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_a_destroyed_key_are_not_left_in_the_file() {
    for t in TestDesk::all().await {
        if t.engine == Engine::Postgres {
            // Dead rows are the server's until it vacuums.
            continue;
        }
        let ada = user(&t, "ada").await;
        let Some(Value::Blob(wrapped)) = look(&t, "SELECT person_key FROM users").await.pop().unwrap().pop() else {
            panic!("a wrapped key")
        };
        let stands = |bytes: &[u8]| bytes.windows(wrapped.len()).any(|window| window == wrapped);
        assert!(stands(&files(&t)));
        t.desk.perform(&t.admin(), EraseUser { user: ada, reason: None }).await.unwrap();
        t.desk.db().stop().await;
        assert!(!stands(&files(&t)), "the space of the deleted row still holds it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_values_do_not_move_from_row_to_row() {
    for t in TestDesk::all().await {
        let (ada, eve) = (user(&t, "ada").await, user(&t, "eve").await);
        let (ada_at, eve_at) = (hex(ada.0, t.engine), hex(eve.0, t.engine));
        // Row and key of one person in another's place.
        let sql =
            format!("UPDATE users SET profile = (SELECT profile FROM users WHERE id = {ada_at}) WHERE id = {eve_at}");
        tamper(&t, sql).await;
        let key = format!("(SELECT person_key FROM users WHERE id = {ada_at})");
        tamper(&t, format!("UPDATE users SET person_key = {key} WHERE id = {eve_at}")).await;
        assert!(matches!(t.desk.ask(&t.admin(), ShowUser(eve)).await, Err(Error::Internal(_))));
        assert!(t.desk.ask(&t.admin(), ShowUser(ada)).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_and_events_name_fields_never_values() {
    for t in TestDesk::all().await {
        let (user, _) = live(&t).await;
        later(&t);
        let patch = json!({ "first_name": "Rosalindara", "phone": null }).as_object().unwrap().clone();
        let edit = EditUser { user, if_version: None, patch, kind: None, employee: Some(true), reason: None };
        t.desk.perform(&t.admin(), edit).await.unwrap();
        let fact = &last_audit(&t).await.facts[0];
        assert_eq!(fact, &json!({"event": "user.edited", "user": user, "fields": ["first_name", "phone", "employee"]}));
    }
}
