//! What these tests stand on beside `TestDesk`: people to act on, callers with real credentials, looks into tables where
//! no door shows what must be known, and documents that are compared with what the code says.

use std::path::PathBuf;

use desk::audit::{AuditFilter, AuditRecord, ListAudit};
use desk::caller::{Caller, Who};
use desk::db::{Rd, Read, Tx, Value, Weight, Write};
use desk::event::{EventRecord, ListEvents};
use desk::message::{Letter, Outbox};
use desk::session::{NewDevice, SignInAnswer, SignInRequest};
use desk::staff::{AddStaff, StaffSignInAnswer};
use desk::testing::{TestDesk, origin};
use desk::user::{CreateUser, Profile, ShowUser, Standing};
use desk::value::clock::MINUTE;
use desk::value::id::{SessionId, StaffId, UserId};
use desk::value::secret::Secret;
use desk::{Error, Refusal, Result};

/// A password that is good enough for everybody here.
pub const PASSWORD: &str = "Lantern-Gravel-77-Orchid";
/// Another one.
pub const NEW_PASSWORD: &str = "Copper-Meadow-42-Violin";
/// One that is not hers.
pub const WRONG: &str = "Not-The-Password-11-Sorry";

/// A text as a secret.
pub fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// Somebody with a name of her own; every field that must be unique is made of `word`.
pub fn profile(word: &str) -> Profile {
    Profile {
        first_name: "Adaeze".to_owned(),
        last_name: format!("Okafor-{word}"),
        username: Some(format!("adaeze.{word}")),
        email: Some(format!("adaeze.{word}@mail.example")),
        phone: Some("+12025550143".to_owned()),
        ..Profile::default()
    }
}

/// Creates an ordinary user with a password.
pub async fn user(t: &TestDesk, word: &str) -> UserId {
    user_in(t, word, Standing::default()).await
}

/// Creates a user in this standing, with a password.
pub async fn user_in(t: &TestDesk, word: &str, standing: Standing) -> UserId {
    let hash = t.desk.hash_new_password(secret(PASSWORD), 10, Vec::new()).await.unwrap();
    let create = CreateUser { password_hash: Some(hash), standing, ..CreateUser::of(profile(word)) };
    t.desk.perform(&t.house(), create).await.unwrap().id
}

/// The version of a user, which counts her changes.
pub async fn version(t: &TestDesk, user: UserId) -> i64 {
    t.desk.ask(&t.house(), ShowUser(user)).await.unwrap().version
}

/// A phone.
pub fn phone(fingerprint: &str) -> NewDevice {
    NewDevice { fingerprint: fingerprint.to_owned(), name: Some("Adaeze's phone".to_owned()), ..NewDevice::default() }
}

/// Tries to sign in by the username that `profile(word)` gave.
pub async fn sign_in(t: &TestDesk, word: &str, password: &str) -> SignInAnswer {
    sign_in_on(t, word, password, None).await
}

/// The same on a device.
pub async fn sign_in_on(t: &TestDesk, word: &str, password: &str, device: Option<NewDevice>) -> SignInAnswer {
    let identifier = format!("adaeze.{word}");
    let request = SignInRequest { identifier, password: secret(password), device, lives_seconds: None };
    t.desk.sign_in(&t.nobody(), request).await.unwrap()
}

/// What an answer comes to, in a word that tests compare.
pub fn told(answer: &SignInAnswer) -> String {
    match answer {
        SignInAnswer::Wrong => "wrong".to_owned(),
        SignInAnswer::Shut => "shut".to_owned(),
        SignInAnswer::Barred(refusal) => refusal.word().to_owned(),
        SignInAnswer::SecondFactor { factor, .. } => format!("asked for {factor}"),
        SignInAnswer::SignedIn { .. } => "signed in".to_owned(),
    }
}

/// The token of a sign-in that went well.
pub fn token_of(answer: SignInAnswer) -> Secret {
    match answer {
        SignInAnswer::SignedIn { token, .. } => token,
        other => panic!("not signed in: {}", told(&other)),
    }
}

/// Signs in with the right password; the token.
pub async fn token(t: &TestDesk, word: &str) -> Secret {
    token_of(sign_in_on(t, word, PASSWORD, Some(phone(word))).await)
}

/// The user as a caller, with a session of her own.
pub async fn herself(t: &TestDesk, word: &str) -> Caller {
    let token = token(t, word).await;
    t.desk.caller(token.expose(), origin()).await.unwrap()
}

/// The session a caller came with.
pub fn session_of(caller: &Caller) -> SessionId {
    match caller.who {
        Who::User { session, .. } | Who::Staff { session, .. } => session,
        other => panic!("no session: {other:?}"),
    }
}

/// Whether a credential still opens the door.
pub async fn is_open(t: &TestDesk, token: &Secret) -> bool {
    match t.desk.caller(token.expose(), origin()).await {
        Ok(_) => true,
        Err(Error::Unauthenticated(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// Adds a staff member with a password.
pub async fn staff(t: &TestDesk, word: &str) -> StaffId {
    let hash = t.desk.hash_new_password(secret(PASSWORD), 10, Vec::new()).await.unwrap();
    let (name, email) = (format!("Tunde {word}"), format!("tunde.{word}@bank.example"));
    t.desk.perform(&t.house(), AddStaff { id: None, name, email, password_hash: Some(hash) }).await.unwrap().id
}

/// Tries to sign a staff member in; the token if it went well.
pub async fn staff_sign_in(t: &TestDesk, word: &str, password: &str) -> Option<Secret> {
    let email = format!("tunde.{word}@bank.example");
    match t.desk.staff_sign_in(&t.nobody(), &email, secret(password)).await.unwrap() {
        StaffSignInAnswer::SignedIn { token, .. } => Some(token),
        StaffSignInAnswer::Wrong { .. } => None,
    }
}

/// The newest letter to this user of this template.
pub async fn letter(t: &TestDesk, user: UserId, template: &str) -> Option<Letter> {
    let all = t.desk.ask(&t.house(), Outbox::Before(None)).await.unwrap();
    all.into_iter().find(|it| it.user == Some(user) && it.template == template).and_then(|it| it.letter)
}

/// The audit, oldest first. Move the clock between two actions whose order matters.
pub async fn audit(t: &TestDesk) -> Vec<AuditRecord> {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    let mut records = t.desk.ask(&t.house(), ListAudit(filter)).await.unwrap().records;
    records.reverse();
    records
}

/// The newest record of the audit.
pub async fn last_audit(t: &TestDesk) -> AuditRecord {
    audit(t).await.pop().unwrap()
}

/// The names of the facts a record holds.
pub fn facts_of(record: &AuditRecord) -> Vec<String> {
    record.facts.as_array().unwrap().iter().map(|fact| fact["event"].as_str().unwrap().to_owned()).collect()
}

/// The events, oldest first.
pub async fn events(t: &TestDesk) -> Vec<EventRecord> {
    t.desk.ask(&t.house(), ListEvents { after: None, limit: 500 }).await.unwrap().events
}

/// Moves the clock by a minute, so that what follows sorts after what was before.
pub fn later(t: &TestDesk) {
    t.clock.advance(MINUTE);
}

/// The refusal in an error.
pub fn refusal<T>(result: Result<T>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        Err(other) => panic!("not a refusal: {other:?}"),
        Ok(_) => panic!("not refused"),
    }
}

/// The code of an error.
pub fn code<T>(result: Result<T>) -> &'static str {
    match result {
        Err(error) => error.code(),
        Ok(_) => "ok",
    }
}

/// The code and place of each field that was not accepted.
pub fn faults<T>(result: Result<T>) -> Vec<(String, &'static str)> {
    match result {
        Err(Error::Invalid(fields)) => fields.into_iter().map(|field| (field.path, field.code)).collect(),
        Err(other) => panic!("not invalid: {other:?}"),
        Ok(_) => panic!("accepted"),
    }
}

struct Look(String);

impl Read for Look {
    type Output = Vec<Vec<Value>>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let rows = rd.all(self.0.clone(), &[]).await?;
        Ok(rows.into_iter().map(|mut row| std::iter::from_fn(|| row.take().ok()).collect()).collect())
    }
}

/// The rows of a statement.
pub async fn look(t: &TestDesk, sql: impl Into<String>) -> Vec<Vec<Value>> {
    t.desk.db().read(Look(sql.into())).await.unwrap()
}

/// The number that a statement answers.
pub async fn count(t: &TestDesk, sql: impl Into<String>) -> i64 {
    match look(t, sql).await.pop().unwrap().pop().unwrap() {
        Value::Int(number) => number,
        other => panic!("not a number: {other:?}"),
    }
}

struct Tamper(String);

impl Write for Tamper {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.run(self.0.clone(), &[]).await
    }
}

/// Changes tables behind the desk's back; how many rows.
pub async fn tamper(t: &TestDesk, sql: impl Into<String>) -> u64 {
    t.desk.db().write(Tamper(sql.into())).await.unwrap()
}

/// An id as SQL text.
pub fn hex(id: uuid::Uuid, engine: desk::db::Engine) -> String {
    match engine {
        desk::db::Engine::Sqlite => format!("x'{}'", id.simple()),
        desk::db::Engine::Postgres => format!("'\\x{}'::bytea", id.simple()),
    }
}

/// Compares a committed document with what the code says now; `BLESS=1` writes it anew.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment to write instead of compare")]
pub fn same_as_document(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/{name} is not what the code says; look at it and run the test with BLESS=1");
}

/// The authenticator's code of this moment (RFC 6238 with SHA-1, six digits, thirty seconds).
pub fn totp(base32: &str, unix_seconds: i64) -> String {
    let mut bits = 0_u32;
    let mut value = 0_u64;
    let mut key = Vec::new();
    for letter in base32.bytes() {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).unwrap();
        value = value << 5 | digit as u64;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            key.push((value >> bits) as u8);
        }
    }
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = aws_lc_rs::hmac::sign(&key, &(unix_seconds / 30).to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let four = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", four % 1_000_000)
}

/// A native key to be proposed that may do what its owner may.
pub fn native_key(name: &str) -> desk::request::ProposedKey {
    desk::request::ProposedKey {
        kind: desk::key::KeyKind::Native,
        name: name.to_owned(),
        permissions: None,
        client_id: None,
        public_keys: None,
        enforce_scopes: false,
        scopes: Vec::new(),
        expires_at: None,
        callback_url: None,
    }
}
