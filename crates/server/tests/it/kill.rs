//! SIGKILL at any moment: what was acknowledged is there, and what was not is there as a whole or not at all. (A killed
//! process leaves the system's caches alone, so this says nothing of power cuts: that is what `synchronous = full` and
//! the engines' own tests are for.)

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use desk::audit::{ExportAudit, verify_export};
use desk::db::{Engine, Value as Cell};
use desk::job::JobKind;
use desk::value::id::{MessageId, TenantId, UserId};
use desk::{Caller, Desk, Door};
use serde_json::{Value, json};

use crate::bank::{Bank, Client, Looks, PASSWORD, Reply, Rows, blob, person};
use crate::running::test_variable;

/// Clients that work at the same time; each has a user whom nobody else touches.
const CLIENTS: usize = 4;
/// Every so many rounds it is killed while it starts, too.
const STARTS: usize = 10;

/// SplitMix64: the same seed, the same moments.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// What one client tries next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Lock,
    Note,
    Unlock,
    UnlockAtBanno,
    SignIn,
    Create,
    WrongPassword,
    Reset,
}

/// A round of steps. It begins with a lock, so that whatever the last kill left is overwritten by something known.
const STEPS: &[Step] = &[
    Step::Lock,
    Step::UnlockAtBanno,
    Step::SignIn,
    Step::Note,
    Step::Create,
    Step::WrongPassword,
    Step::Reset,
    Step::Lock,
    Step::Note,
    Step::Unlock,
    Step::SignIn,
];

/// A request that was sent and never answered.
struct Pending {
    step: Step,
    request_id: String,
    path: String,
    body: Value,
}

/// What one client knows after a round.
struct Tally {
    user: UserId,
    /// Whether its user is locked, as far as it was told.
    locked: bool,
    /// The requests that were acknowledged.
    requests: Vec<String>,
    /// The rows it was told of: table and id.
    rows: Vec<(&'static str, [u8; 16])>,
    pending: Option<Pending>,
}

struct Worker {
    native: Client,
    banno: Client,
    user: UserId,
    word: String,
    name: String,
}

impl Worker {
    /// Works until the server is gone.
    async fn work(self, locked: bool) -> Tally {
        let mut tally = Tally { user: self.user, locked, requests: Vec::new(), rows: Vec::new(), pending: None };
        for (count, step) in STEPS.iter().cycle().enumerate() {
            let request_id = format!("{}-{count}", self.name);
            let (method, path, body) = self.request(*step, count);
            let client = if *step == Step::UnlockAtBanno { &self.banno } else { &self.native };
            // Only notes carry a key, and repeat it after the kill.
            let mut headers = vec![("x-request-id", request_id.as_str())];
            if *step == Step::Note {
                headers.push(("idempotency-key", request_id.as_str()));
            }
            match client.send(method, &path, &body, &headers).await {
                Some(reply) => self.acknowledged(*step, &reply, &mut tally),
                None => {
                    tally.pending = Some(Pending { step: *step, request_id, path, body });
                    break;
                }
            }
            tally.requests.push(request_id);
        }
        tally
    }

    fn request(&self, step: Step, count: usize) -> (&'static str, String, Value) {
        let user = format!("/v1/users/{}", self.user);
        let sign_in = |password: &str| {
            json!({ "tenant_id": "ten_1", "identifier": format!("marta.{}", self.word), "password": password,
                "device": { "fingerprint": format!("{}-{}", self.word, count % 3) } })
        };
        match step {
            Step::Lock => ("POST", format!("{user}/lock"), json!({ "reason": "kill test" })),
            Step::Note => ("POST", format!("{user}/notes"), json!({ "text": format!("{} {count}", self.name) })),
            Step::Unlock => ("POST", format!("{user}/unlock"), json!({})),
            Step::UnlockAtBanno => {
                let path = format!("/a/consumer-status/api/v0/users/{}/status/locked", self.user.0);
                ("PUT", path, json!({ "state": false }))
            }
            Step::SignIn => ("POST", "/v1/sessions".to_owned(), sign_in(PASSWORD)),
            Step::WrongPassword => ("POST", "/v1/sessions".to_owned(), sign_in("Not-The-Password-11")),
            Step::Create => ("POST", "/v1/users".to_owned(), person(&format!("{}.{count}", self.name))),
            Step::Reset => ("POST", format!("{user}/password-resets"), json!({ "method": "email" })),
        }
    }

    fn acknowledged(&self, step: Step, reply: &Reply, tally: &mut Tally) {
        let expected = match step {
            Step::Lock | Step::Unlock => 200,
            Step::UnlockAtBanno => 204,
            Step::Note | Step::SignIn | Step::Create => 201,
            Step::WrongPassword => 401,
            Step::Reset => 202,
        };
        assert_eq!(reply.status, expected, "{step:?} of {}: {reply:?}", self.name);
        match step {
            Step::Lock => tally.locked = true,
            Step::Unlock | Step::UnlockAtBanno => tally.locked = false,
            Step::Note => tally.rows.push(("note", raw(reply.text("id")))),
            Step::SignIn => tally.rows.push(("session", raw(reply.text("session_id")))),
            Step::Create => tally.rows.push(("users", raw(reply.text("id")))),
            Step::WrongPassword | Step::Reset => {}
        }
    }
}

/// The bytes of an id as programs see it.
fn raw(text: &str) -> [u8; 16] {
    let (_, id) = text.split_once('_').expect("a prefix");
    desk::value::id::decode(id).expect("an id").into_bytes()
}

/// What the tables hold, all of one moment; the long ones only since the round began.
struct State {
    /// By request: the audit row's outcome and how many facts it tells.
    audit: HashMap<String, Vec<(String, usize)>>,
    ids: HashMap<&'static str, HashSet<Vec<u8>>>,
    locked: HashMap<Vec<u8>, bool>,
}

fn count(rows: &Rows) -> i64 {
    match rows[0][0] {
        Cell::Int(number) => number,
        ref other => panic!("not a number: {other:?}"),
    }
}

fn text(cell: &Cell) -> &str {
    match cell {
        Cell::Text(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}

fn bytes(cell: &Cell) -> Vec<u8> {
    match cell {
        Cell::Blob(bytes) => bytes.clone(),
        other => panic!("not bytes: {other:?}"),
    }
}

/// What must be nowhere, whatever happened: each a count that is 0.
const NOWHERE: &[(&str, &str)] = &[
    ("a user without a person's key", "SELECT COUNT(*) FROM users WHERE person_key IS NULL"),
    (
        "a user who cannot be found",
        "SELECT COUNT(*) FROM users u WHERE NOT EXISTS
             (SELECT 1 FROM user_token t WHERE t.tenant_id = u.tenant_id AND t.number = u.number)",
    ),
    (
        "a user who cannot sign in by name and by e-mail",
        "SELECT COUNT(*) FROM users u WHERE 2 <>
             (SELECT COUNT(*) FROM (SELECT tenant_id, number FROM user_unique
              UNION ALL SELECT tenant_id, number FROM user_unique_recent) q
              WHERE q.tenant_id = u.tenant_id AND q.number = u.number)",
    ),
    (
        "a name that belongs to nobody",
        "SELECT COUNT(*) FROM (SELECT tenant_id, number FROM user_unique
              UNION ALL SELECT tenant_id, number FROM user_unique_recent) q WHERE NOT EXISTS
             (SELECT 1 FROM users u WHERE u.seat = (q.tenant_id << 40) + q.number)",
    ),
    (
        "a number given twice or left out",
        "SELECT ABS(COUNT(*) - COUNT(DISTINCT number)) + ABS(COUNT(*) - COALESCE(MAX(number), 0))
             + ABS(COUNT(*) - (SELECT last_user_number FROM tenant WHERE id = 1)) FROM users",
    ),
    (
        "an open session of somebody who is locked",
        "SELECT COUNT(*) FROM session s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.subject_id
         WHERE s.ended_at IS NULL AND u.sign_in_lock = 'locked'",
    ),
    (
        "an open reset link of somebody who is locked",
        "SELECT COUNT(*) FROM proof p JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
         WHERE p.ended_at IS NULL AND u.sign_in_lock = 'locked' AND p.created_at < u.updated_at",
    ),
    (
        "a lock without a cause",
        "SELECT COUNT(*) FROM users WHERE (sign_in_lock = 'locked') <> (lock_cause IS NOT NULL)",
    ),
    ("a job that was given up", "SELECT COUNT(*) FROM job WHERE state = 'dead'"),
    ("a claimed key without its answer", "SELECT COUNT(*) FROM idempotency WHERE answer IS NULL"),
];

/// Looks at everything and checks what must hold of any state.
async fn state(desk: &Desk, since_ms: i64) -> State {
    let engine = desk.db().engine();
    // Ids begin with their milliseconds.
    let mut first = [0; 16];
    first[..6].copy_from_slice(&since_ms.to_be_bytes()[2..]);
    let since = blob(&first, engine);
    let mut looks: Vec<String> = NOWHERE.iter().map(|(_, sql)| (*sql).to_owned()).collect();
    looks.extend([
        format!("SELECT id, request_id, outcome, facts FROM audit WHERE tenant_id = 1 AND id >= {since}"),
        format!("SELECT audit_id, name, subject_id FROM event WHERE tenant_id = 1 AND id >= {since} ORDER BY id"),
        format!(
            "SELECT COUNT(*) FROM event e WHERE e.tenant_id = 1 AND e.id >= {since} AND NOT EXISTS
                 (SELECT 1 FROM audit a WHERE a.tenant_id = e.tenant_id AND a.id = e.audit_id)"
        ),
        format!("SELECT id FROM note WHERE tenant_id = 1 AND id >= {since}"),
        format!("SELECT id FROM session WHERE tenant_id = 1 AND id >= {since}"),
        "SELECT id, sign_in_lock, lock_until FROM users".to_owned(),
        "SELECT id, state FROM message".to_owned(),
        "SELECT kind, payload FROM job".to_owned(),
    ]);
    if engine == Engine::Sqlite {
        looks.push("PRAGMA quick_check".to_owned());
    }
    let mut found = desk.db().read(Looks(looks)).await.unwrap().into_iter();
    for (what, _) in NOWHERE {
        assert_eq!(count(&found.next().unwrap()), 0, "there is {what}");
    }
    let mut next = || found.next().unwrap();
    let (audit_rows, events, loose, notes, sessions, users, messages, jobs) =
        (next(), next(), next(), next(), next(), next(), next(), next());
    assert_eq!(count(&loose), 0, "there is an event without its audit row");
    if engine == Engine::Sqlite {
        assert_eq!(text(&next()[0][0]), "ok");
    }
    // Each fact of an audit row is one event, and there are no others.
    let mut announced: HashMap<Vec<u8>, usize> = HashMap::new();
    for event in &events {
        *announced.entry(bytes(&event[0])).or_default() += 1;
    }
    let mut audit: HashMap<String, Vec<(String, usize)>> = HashMap::new();
    for row in &audit_rows {
        let facts: Vec<Value> = serde_json::from_str(text(&row[3])).unwrap();
        let events = announced.get(&bytes(&row[0])).copied().unwrap_or(0);
        assert_eq!(events, facts.len(), "{} of {} tells {facts:?}", text(&row[2]), text(&row[1]));
        assert_eq!(text(&row[2]) == "done", !facts.is_empty(), "{row:?}");
        audit.entry(text(&row[1]).to_owned()).or_default().push((text(&row[2]).to_owned(), facts.len()));
    }
    // Who is locked was locked by the last event that speaks of it.
    let locked: HashMap<Vec<u8>, bool> = users.iter().map(|row| (bytes(&row[0]), text(&row[1]) == "locked")).collect();
    let mut last: HashMap<Vec<u8>, bool> = HashMap::new();
    for event in &events {
        if let Some(locks) = match text(&event[1]) {
            "user.locked" => Some(true),
            "user.unlocked" => Some(false),
            _ => None,
        } {
            last.insert(bytes(&event[2]), locks);
        }
    }
    for (user, locks) in last {
        assert_eq!(locked[&user], locks, "a lock and its last event differ");
    }
    check_jobs(&users, &messages, &jobs);
    let ids = |rows: &Rows| rows.iter().map(|row| bytes(&row[0])).collect();
    let ids = [("note", ids(&notes)), ("session", ids(&sessions)), ("users", ids(&users))].into();
    State { audit, ids, locked }
}

/// What waits has a job, and a job has something to do it to.
fn check_jobs(users: &Rows, messages: &Rows, jobs: &Rows) {
    let mut delivering = HashSet::new();
    let mut unlocking = HashSet::new();
    for job in jobs {
        let payload: Value = serde_json::from_str(text(&job[1])).unwrap();
        match JobKind::parse(text(&job[0])).expect("a kind of job") {
            JobKind::DeliverMessage => {
                delivering.insert(MessageId::parse(payload["message"].as_str().unwrap()).unwrap().bytes().to_vec());
            }
            JobKind::UnlockWhenDue => {
                unlocking.insert(UserId::parse(payload["user"].as_str().unwrap()).unwrap().bytes().to_vec());
            }
            JobKind::ApplyQueuedUnlocks
            | JobKind::RunBulk
            | JobKind::TellOfVerification
            | JobKind::DropObjects
            | JobKind::ExpireRequest
            | JobKind::CallBack
            | JobKind::RunImport => {}
        }
    }
    let known: HashSet<Vec<u8>> = messages.iter().map(|row| bytes(&row[0])).collect();
    assert!(delivering.is_subset(&known), "a job delivers a message that is not there");
    for message in messages.iter().filter(|row| text(&row[1]) == "queued") {
        assert!(delivering.contains(&bytes(&message[0])), "a message waits for ever");
    }
    for user in users.iter().filter(|row| text(&row[1]) == "locked" && row[2] != Cell::Null) {
        assert!(unlocking.contains(&bytes(&user[0])), "a lock with an end will never open");
    }
}

/// What the clients were told is so; what they were not told is so as a whole or not at all.
fn check(state: &State, tallies: &[Tally]) {
    for tally in tallies {
        for request in &tally.requests {
            let rows = state.audit.get(request).unwrap_or_else(|| panic!("{request} was acknowledged and is lost"));
            assert!(rows.len() == 1 && ["done", "unchanged"].contains(&rows[0].0.as_str()), "{request}: {rows:?}");
        }
        for (table, id) in &tally.rows {
            assert!(state.ids[table].contains(id.as_slice()), "a row of {table} was acknowledged and is lost");
        }
        let mut expected = tally.locked;
        if let Some(pending) = &tally.pending
            && state.audit.contains_key(&pending.request_id)
        {
            match pending.step {
                Step::Lock => expected = true,
                Step::Unlock | Step::UnlockAtBanno => expected = false,
                Step::Note | Step::SignIn | Step::Create | Step::WrongPassword | Step::Reset => {}
            }
        }
        assert_eq!(state.locked[tally.user.bytes().as_slice()], expected, "{}: locked or not", tally.user);
    }
}

/// A note that was not acknowledged is sent again with the same key, and is written once.
async fn repeat_notes(native: &Client, state: &State, tallies: &[Tally]) -> usize {
    let mut repeated = 0;
    for pending in tallies.iter().filter_map(|tally| tally.pending.as_ref()).filter(|it| it.step == Step::Note) {
        let headers = [("idempotency-key", pending.request_id.as_str())];
        let reply = native.send("POST", &pending.path, &pending.body, &headers).await.expect("an answer");
        assert_eq!(reply.status, 201, "{reply:?}");
        let was_kept = reply.headers.contains_key("idempotency-replayed");
        assert_eq!(was_kept, state.audit.contains_key(&pending.request_id), "the answer is kept with its effect");
        repeated += 1;
    }
    repeated
}

/// The chain holds from its first row, and after a last sealing no row is outside it.
async fn check_chain(desk: &Desk) -> usize {
    let tenant = TenantId(1);
    while desk.seal_audit(tenant).await.unwrap() > 0 {}
    let house = Caller::house(tenant, Door::Cli);
    let unsealed = "SELECT COUNT(*) FROM audit_unsealed";
    let unsealed = desk.db().read(Looks(vec![unsealed.to_owned()])).await.unwrap();
    assert_eq!(count(&unsealed[0]), 0);
    let (mut after, mut lines) = (0, Vec::new());
    loop {
        let piece = desk.ask(&house, ExportAudit { after }).await.unwrap();
        lines.extend(piece.lines);
        match piece.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let held = verify_export(lines.into_iter().map(Ok::<_, std::io::Error>)).expect("the chain holds");
    held.rows as usize
}

fn now_ms() -> i64 {
    desk::value::clock::Clock::System.now().0 / 1000
}

async fn kill_again_and_again(bank: Bank, rounds: usize) {
    let seed = test_variable("BURSAR_TEST_SEED").and_then(|text| text.parse().ok()).unwrap_or(20_250_101);
    eprintln!("BURSAR_TEST_SEED={seed}");
    let (mut dice, http, began) = (Dice(seed), Client::http(), Instant::now());
    let mut server = bank.start();
    let token = bank.token(&server);
    let native = Client::new(&http, &server, &bank.key);
    // Each of these users is sent more links than people are.
    let more = json!({ "messages_per_user_hour": 1_000 });
    assert_eq!(native.call("PATCH", "/v1/settings", more).await.status, 200);
    let mut users = Vec::new();
    for client in 0..CLIENTS {
        let reply = native.call("POST", "/v1/users", person(&format!("own{client}"))).await;
        users.push((UserId::parse(reply.text("id")).unwrap(), false));
    }
    let first_ms = now_ms() - 60_000;
    let (mut all, mut repeated, mut open, mut done) = (Vec::new(), 0, 0, 0);
    for round in 0..rounds {
        let since_ms = now_ms() - 1_000;
        let mut clients = tokio::task::JoinSet::new();
        for (client, (user, locked)) in users.iter().enumerate() {
            let worker = Worker {
                native: Client::new(&http, &server, &bank.key),
                banno: Client::new(&http, &server, &token),
                user: *user,
                word: format!("own{client}"),
                name: format!("kill-{round}-{client}"),
            };
            clients.spawn(worker.work(*locked));
        }
        tokio::time::sleep(Duration::from_millis(20 + dice.next(280))).await;
        server.kill();
        let tallies = clients.join_all().await;
        if round % STARTS == STARTS - 1 {
            // Killed again while it recovers.
            let mut starting = bank.launch(&[]);
            tokio::time::sleep(Duration::from_millis(dice.next(120))).await;
            starting.kill();
        }
        // The server recovers by itself, before anybody else opens the file.
        server = bank.start();
        let desk = bank.desk().await;
        let now = state(&desk, since_ms).await;
        check(&now, &tallies);
        desk.db().stop().await;
        repeated += repeat_notes(&Client::new(&http, &server, &bank.key), &now, &tallies).await;
        for ((user, locked), _) in users.iter_mut().zip(0..) {
            *locked = now.locked[user.bytes().as_slice()];
        }
        open += tallies.iter().filter_map(|it| it.pending.as_ref()).count();
        done += tallies
            .iter()
            .filter_map(|it| it.pending.as_ref())
            .filter(|it| now.audit.contains_key(&it.request_id))
            .count();
        all.extend(tallies.into_iter().map(|tally| (tally.requests, tally.rows)));
    }
    server.kill();
    // Nothing that was there once is gone later.
    let desk = bank.desk().await;
    let last = state(&desk, first_ms).await;
    let mut requests = 0;
    for (acknowledged, rows) in all {
        requests += acknowledged.len();
        for request in acknowledged {
            assert!(last.audit.contains_key(&request), "{request} was lost later");
        }
        for (table, id) in rows {
            assert!(last.ids[table].contains(id.as_slice()), "a row of {table} was lost later");
        }
    }
    let sealed = check_chain(&desk).await;
    desk.db().stop().await;
    assert!(!bank.log().contains("panic"), "{}", bank.log());
    assert!(requests > rounds, "too little was done to say anything: {requests} writes in {rounds} rounds");
    eprintln!(
        "{rounds} kills in {:?}: {requests} acknowledged writes, none lost; {open} in flight, {done} of them committed; \
         {repeated} repeated by key; {sealed} sealed rows hold",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_in_a_hundred_kills_and_nothing_is_half_done() {
    kill_again_and_again(Bank::embedded(), 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_on_postgresql() {
    let Some(bank) = Bank::on_postgres().await else { return };
    kill_again_and_again(bank, 15).await;
}
