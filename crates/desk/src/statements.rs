//! Every SQL statement of the desk by name, for tests: each is prepared on both engines, and none scans a whole table
//! unless it is listed with a reason. A statement that is missing from the list fails by name.

use std::path::Path;

use crate::audit;
use crate::db::{Engine, Param, Rd, Read, Row, Tx, Write};
use crate::error::Result;
use crate::testing::TestDesk;
use crate::user::UserFilter;
use crate::user::search::store::{Second, first, second};
use crate::user::search::whole_tokens;
use crate::value::id::TenantId;
use crate::value::token::{Lookup, QueryWord};

macro_rules! statements {
    ($($first:ident $(:: $rest:ident)*,)+) => {
        &[$((concat!(stringify!($first) $(, "::", stringify!($rest))*), crate::$first $(:: $rest)*),)+]
    };
}

/// In the order of the alphabet.
const STATEMENTS: &[(&str, &str)] = statements! {
    access::ANY,
    access::ANY_OF,
    access::CLEAR_ADMINISTRATORS_KEYS,
    access::END_ADMINISTRATORS,
    access::END_CHALLENGES,
    access::END_CHALLENGES_ON_ACCOUNTS,
    access::END_CODES_SENT_BY,
    access::END_PROOFS,
    access::END_PROOFS_SENT_BY,
    access::END_REQUESTS,
    access::END_SESSIONS,
    access::END_SESSIONS_OF_DEVICE,
    account::store::BY_NUMBER,
    account::store::INSERT,
    account::store::OF_USER,
    account::store::PAGE,
    account::store::SAVE,
    account::store::SELECT,
    account::store::SELECT_FOR_CHANGE,
    administrator::callback::store::ACTIVE_OF_OWNER,
    administrator::callback::store::BEFORE,
    administrator::callback::store::INSERT,
    administrator::callback::store::LAST_QUEUED,
    administrator::callback::store::PAGE,
    administrator::callback::store::PAGE_IN_STATE,
    administrator::callback::store::SAVE,
    administrator::callback::store::SELECT,
    administrator::callback::store::SELECT_FOR_CHANGE,
    administrator::store::BY_IDENTITY,
    administrator::store::BY_PHONE,
    administrator::store::INSERT,
    administrator::store::PAGE,
    administrator::store::SAVE,
    administrator::store::SELECT,
    audit::store::BETWEEN,
    audit::store::CHAIN_END,
    audit::store::CHECKPOINTS_FROM,
    audit::store::INSERT,
    audit::store::INSERT_CHECKPOINT,
    audit::store::INSERT_UNSEALED,
    audit::store::PAGE,
    audit::store::PAGE_OF_ACTOR_KIND,
    audit::store::PAGE_OF_SUBJECT,
    audit::store::PAGE_OF_SUBJECT_AND_ACTOR_KIND,
    audit::store::SAVE_CHAIN_END,
    audit::store::UNSEALED,
    bulk::store::CHANGED_ROWS,
    bulk::store::IDS,
    bulk::store::INSERT,
    bulk::store::INSERT_ROW,
    bulk::store::LAST_NUMBER,
    bulk::store::PAGE,
    bulk::store::ROWS,
    bulk::store::ROWS_OF_OUTCOME,
    bulk::store::SAVE,
    bulk::store::SELECT,
    bulk::store::SELECT_FOR_CHANGE,
    bulk::store::UNDO_THAT_COUNTS,
    challenge::store::COUNT_SEND,
    challenge::store::INSERT,
    challenge::store::OF_ACCOUNT,
    challenge::store::OPEN_OF,
    challenge::store::SAVE,
    challenge::store::SELECT,
    challenge::store::SELECT_FOR_CHANGE,
    credential::ACCESS_VERSION,
    credential::CLIENT,
    credential::CLIENT_WITH_SECRET,
    credential::COUNT_ACCESS_UP,
    credential::IS_ACTIVE_STAFF,
    credential::KEY_BY_ID,
    credential::KEY_BY_SECRET,
    credential::KEY_BY_TOKEN,
    credential::PERMISSIONS_OF,
    credential::SESSION,
    device::store::OF_USER,
    device::store::SAVE_DETAILS,
    device::store::SEEN,
    device::store::UNLINK,
    event::store::INSERT,
    event::store::PAGE,
    erasure::DONE,
    erasure::FORGET_ANSWERS,
    erasure::NOTE,
    erasure::PENDING,
    erasure::TENANTS,
    idempotency::ABOUT,
    idempotency::CLAIM,
    idempotency::FIND,
    idempotency::FORGOTTEN,
    idempotency::KEEP,
    idempotency::SWEEP,
    import::store::AWAITED_TOO_LONG,
    import::store::AWAITING,
    import::store::DELETE_PIECES,
    import::store::DELETE_REJECTED,
    import::store::DELETE_UPLOAD,
    import::store::DELETE_WAITING,
    import::store::FILE_TOKEN,
    import::store::FORGET_REJECTED,
    import::store::FORGET_ROW,
    import::store::FORGET_WAITING,
    import::store::INSERT,
    import::store::INSERT_PIECE,
    import::store::INSERT_REJECTED,
    import::store::INSERT_UPLOAD,
    import::store::INSERT_WAITING,
    import::store::NEWEST,
    import::store::OLDEST_UPLOAD,
    import::store::OLD_UPLOADS,
    import::store::OPEN,
    import::store::PIECE,
    import::store::REJECTED_AFTER,
    import::store::REPLACE_PIECE,
    import::store::SAVE,
    import::store::SELECT,
    import::store::SELECT_FOR_CHANGE,
    import::store::WAITING,
    job::lease::LEAVE,
    job::lease::SEIZE,
    job::lease::TAKE,
    job::store::DUE,
    job::store::FINISH,
    job::store::GIVE_UP,
    job::store::INSERT,
    job::store::KEEP,
    job::store::LEASE,
    job::store::NEXT_DUE,
    job::store::PASS_ON,
    job::store::PUT_OFF,
    job::store::RENEW,
    key::store::ALL,
    key::store::CALLBACK_OF,
    key::store::CALLED_BACK,
    key::store::INSERT,
    key::store::MAKERS,
    key::store::OF_STAFF,
    key::store::REMEMBER_ASSERTION,
    key::store::REVOKE,
    key::store::SELECT,
    key::store::SELECT_FOR_CHANGE,
    key::store::SET_CALLBACK,
    key::store::SWEEP_ASSERTIONS,
    message::limits::store::COUNT,
    message::limits::store::SWEEP,
    message::store::ADMINISTRATOR_KEY,
    message::store::AFTER,
    message::store::BEFORE,
    message::store::INSERT,
    message::store::MARK,
    message::store::OF_USER,
    message::store::QUEUED_SINCE,
    message::store::REGISTRATION_KEY,
    message::store::SELECT,
    note::store::INSERT,
    note::store::OF_USER,
    password::store::BY_FINGERPRINT,
    password::store::COUNT_FROM,
    password::store::DELETE_OF_ADDRESS,
    password::store::FOR_CHANGE,
    password::store::INSERT,
    password::store::OF_ADDRESS,
    password::store::SPEND_TRY,
    password::store::SWEEP,
    request::store::INSERT,
    request::store::PENDING,
    request::store::PENDING_OF,
    request::store::SAVE,
    request::store::SELECT,
    request::store::SELECT_BY_NUMBER,
    request::store::SELECT_FOR_CHANGE,
    role::store::ALL,
    role::store::BY_NAME,
    role::store::DELETE,
    role::store::HELD_BY,
    role::store::INSERT,
    role::store::IS_HELD,
    role::store::IS_HELD_BY,
    role::store::SAVE,
    role::store::SELECT,
    session::store::COUNT_NOISE,
    session::store::END,
    session::store::END_PROOF,
    session::store::END_PROOFS_FOR,
    session::store::INSERT,
    session::store::INSERT_PROOF,
    session::store::LINK,
    session::store::OF_SUBJECT,
    session::store::OPEN_FOR,
    session::store::PROOF_FOR_CHANGE,
    session::store::SPEND_TRY,
    session::store::UNLOCK,
    staff::store::ALL,
    staff::store::BRINGERS,
    staff::store::BY_EMAIL,
    staff::store::BY_NUMBER,
    staff::store::CONFIRM,
    staff::store::INSERT,
    staff::store::NEXT_NUMBER,
    staff::store::PASSWORD_CHANGE_DUE,
    staff::store::REQUIRE_PASSWORD_CHANGE,
    staff::store::ROLE_NAMES,
    staff::store::ROLE_NAMES_OF,
    staff::store::SAVE,
    staff::store::SELECT,
    staff::store::SELECT_TO_READ,
    staff::store::SET_PASSWORD,
    team::store::ADD,
    team::store::ALL,
    team::store::INSERT,
    team::store::MEMBERS,
    team::store::REMOVE,
    team::store::ROLES_OF,
    team::store::TOUCH,
    tenant::store::INSERT,
    tenant::store::INSERT_INSTITUTION,
    tenant::store::LAST_ID,
    tenant::store::NEXT_NUMBER,
    tenant::store::NEXT_NUMBERS,
    tenant::store::NEXT_REQUEST_NUMBER,
    tenant::store::SAVE_KEYS,
    tenant::store::SAVE_SETTINGS,
    tenant::store::SELECT,
    tenant::store::SELECT_ALL,
    tenant::store::SETTINGS_FOR_CHANGE,
    tries::store::CLEAR,
    tries::store::LOAD,
    tries::store::SAVE,
    tries::store::SWEEP,
    user::census::store::ALONE,
    user::census::store::INSERT_MOVE,
    user::census::store::MOVES,
    user::census::store::RECOUNT,
    user::census::store::REGION_OF,
    user::census::store::SAVE_BLOCK,
    user::census::store::SAVE_DIASPORA,
    user::census::store::SAVE_REGION,
    user::census::store::SUMS,
    user::census::store::TAKE_MOVES,
    user::census::store::TENANTS_WITH_MOVES,
    user::census::store::TENANTS_WITH_UNCOUNTED,
    user::census::store::UNCOUNTED,
    user::search::store::COUNT_HIDDEN,
    user::search::store::NUMBERS_OF,
    user::store::DELETE_TOKEN,
    user::store::ERASE,
    user::store::ID_OF_SEAT,
    user::store::INSERT,
    user::store::INSERT_RUN,
    user::store::INSERT_TOKEN,
    user::store::KEYLESS,
    user::store::QUEUED_UNLOCKS,
    user::store::SAVE_CREDENTIALS,
    user::store::SAVE_LOCK,
    user::store::SAVE_PROFILE,
    user::store::SAVE_SEEN,
    user::store::SAVE_STANDING,
    user::store::SELECT,
    user::store::SELECT_BY_LOGIN,
    user::store::SELECT_FOR_CHANGE,
    user::store::SELECT_SOME_FOR_CHANGE,
    user::unique::store::COUNT_RECENT,
    user::unique::store::DELETE_MOVED,
    user::unique::store::DELETE_MOVED_ONLY,
    user::unique::store::DELETE_RECENT,
    user::unique::store::DELETE_SETTLED,
    user::unique::store::HAS_NUMERIC_USERNAMES,
    user::unique::store::HOLDERS_8,
    user::unique::store::ID_OF,
    user::unique::store::INSERT,
    user::unique::store::INSERT_8,
    user::unique::store::INSERT_MOVES,
    user::unique::store::MOVE,
    user::unique::store::MOVES,
    user::unique::store::MOVES_FOR_CHANGE,
    user::unique::store::NOTE_ADDRESS_USERNAME,
    user::unique::store::NOTE_NUMERIC_USERNAME,
    user::unique::store::PAGE_OF_USERS,
    user::unique::store::RECENT_HOLDERS_8,
    user::unique::store::SAVE_MOVES,
    user::unique::store::SETTLED_8,
    user::verification::store::DELETE_DOCUMENT,
    user::verification::store::DELETE_DOCUMENTS,
    user::verification::store::DOCUMENT,
    user::verification::store::DOCUMENTS,
    user::verification::store::DROP_OBJECT,
    user::verification::store::DROP_OBJECTS_OF,
    user::verification::store::DUE_OBJECTS,
    user::verification::store::FORGET_OBJECT,
    user::verification::store::INSERT,
    user::verification::store::INSERT_DOCUMENT,
    user::verification::store::INSERT_OBJECT,
    user::verification::store::INSERT_STEP,
    user::verification::store::KEEP_OBJECT,
    user::verification::store::OF_USER,
    user::verification::store::OPEN_OF_USER,
    user::verification::store::REPLACE_DOCUMENT,
    user::verification::store::SAVE,
    user::verification::store::SELECT,
    user::verification::store::STEPS,
    user::verification::store::TELL,
};

/// What may look at a whole table, and why.
const SCANS: &[(&str, &str)] = &[
    ("tenant::store::SELECT_ALL", "a house has few tenants, and this lists them"),
    ("tenant::store::LAST_ID", "as above; the end of the primary key"),
    ("user::store::KEYLESS", "once, after a backup was restored"),
    ("audit::store::CHAIN_END", "one row for each tenant"),
    ("credential::ACCESS_VERSION", "one row for each tenant"),
    ("user::census::store::TENANTS_WITH_MOVES", "as above, each with one look into the moves"),
    ("user::census::store::TENANTS_WITH_UNCOUNTED", "as above, each with one look into an index of rare rows"),
    ("key::store::ALL", "a list of all, bounded"),
    ("role::store::ALL", "a list of all, bounded"),
    ("staff::store::ALL", "a list of all, bounded"),
    ("staff::store::ROLE_NAMES", "as above"),
    ("team::store::ALL", "a list of all, bounded"),
    ("team::store::MEMBERS", "a list of all, bounded"),
];

/// Indexes of rare rows: all that a tenant has in one is little.
const RARE: &[&str] = &[
    "audit_unsealed",
    "users_unlock_queued",
    "user_move",
    "user_region",
    "user_run",
    "user_unique_recent",
    "user_unique_moves",
    "address_username",
    "numeric_username",
    "import_open",
    "import_rejected_sealed",
    "users_uncounted",
    "challenge_open",
    "challenge_to",
];

/// A statement's plan, without running it.
struct Explain {
    name: String,
    sql: String,
}

impl Write for Explain {
    type Output = Vec<String>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<String>> {
        if tx.engine() == Engine::Sqlite {
            return explain(tx, &self.sql).await;
        }
        let slots = (1..=300).rev().find(|slot| holds_slot(&self.sql, *slot)).unwrap_or(0);
        // The plan for any parameters, and a sequential scan only where there is no other way.
        tx.run("SET LOCAL plan_cache_mode = force_generic_plan", &[]).await?;
        tx.run("SET LOCAL enable_seqscan = off", &[]).await?;
        let name = self.name.replace("::", "_").to_lowercase();
        tx.run(format!("PREPARE {name} AS {}", self.sql), &[]).await?;
        let nulls = if slots == 0 { String::new() } else { format!("({})", vec!["NULL"; slots].join(", ")) };
        let rows = tx.all(format!("EXPLAIN EXECUTE {name}{nulls}"), &[]).await?;
        tx.run(format!("DEALLOCATE {name}"), &[]).await?;
        rows.into_iter().map(|mut row| row.take()).collect()
    }

    fn keep(&self) -> bool {
        false
    }
}

/// The plan on a connection that only reads: it was open before the schema and its statistics were made.
impl Read for Explain {
    type Output = Vec<String>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<String>> {
        explain(rd, &self.sql).await
    }
}

async fn explain(rd: &mut Rd, sql: &str) -> Result<Vec<String>> {
    let slots = (1..=300).rev().find(|slot| holds_slot(sql, *slot)).unwrap_or(0);
    let rows = rd.all(format!("EXPLAIN QUERY PLAN {sql}"), &vec![Param::Null; slots]).await?;
    let detail = |mut row: Row| {
        (0..3).for_each(|_| row.skip());
        row.take()
    };
    rows.into_iter().map(detail).collect()
}

fn holds_slot(sql: &str, slot: usize) -> bool {
    let mark = format!("${slot}");
    sql.match_indices(&mark).any(|(at, _)| !sql[at + mark.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

async fn plan(t: &TestDesk, name: &str, sql: &str) -> Vec<String> {
    let explain = Explain { name: name.to_owned(), sql: sql.to_owned() };
    let lines = match t.desk.db().write(explain).await {
        Ok(lines) => lines,
        Err(fault) => panic!("{name} on {:?}: {fault}", t.engine),
    };
    if t.engine == Engine::Sqlite && sql.starts_with("SELECT") {
        let explain = Explain { name: name.to_owned(), sql: sql.to_owned() };
        let read = t.desk.db().read(explain).await.expect("what the writer plans a reader plans");
        assert_eq!(read, lines, "readers plan {name} as the writer does");
    }
    lines
}

/// Whether a step of a plan looks at a whole table, or at all that one tenant has in it.
fn is_scan(line: &str) -> bool {
    let whole = line.starts_with("SCAN ") && !line.contains("CONSTANT") && !line.contains("VALUES");
    let tenants = line.ends_with("(tenant_id=?)") && !RARE.iter().any(|index| line.contains(index));
    line.contains("Seq Scan on") || whole || tenants
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_prepares_on_both_engines_and_none_scans_a_table() {
    for t in TestDesk::all().await {
        let mut found = Vec::new();
        for (name, sql) in STATEMENTS {
            let lines = plan(&t, name, sql).await;
            let scans = lines.iter().any(|line| is_scan(line));
            let excused = SCANS.iter().any(|(known, _)| known == name);
            if scans && !excused {
                found.push(format!("{name} scans on {:?}:\n{}", t.engine, lines.join("\n")));
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// What was asked ahead about others is believed behind such a change (decision 0046).
#[test]
fn a_change_of_a_users_version_changes_no_other_row() {
    let changes = STATEMENTS.iter().filter(|(_, sql)| sql.starts_with("UPDATE users") && sql.contains("version + 1"));
    let mut count = 0;
    for (name, sql) in changes {
        assert!(sql.ends_with("WHERE tenant_id = $1 AND id = $2 AND version = $3"), "{name}");
        count += 1;
    }
    assert!(count >= 6, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_a_user_is_found_by_its_subject() {
    use crate::activity::store::{ALL, About, STAFF, USERS, page};
    for t in TestDesk::all().await {
        for (actions, whose) in [(&[][..], USERS), (&[], ALL), (&["user.lock", "user.unlock"], STAFF)] {
            let text = plan(&t, "activity", &page(actions, About::User, whose, 1_000)).await.join("\n");
            // Of few rows PostgreSQL rather sorts them.
            assert!(
                t.engine == Engine::Postgres || text.contains("audit_by_subject (tenant_id=? AND subject_id=?"),
                "{text}"
            );
            assert!(t.engine == Engine::Postgres || !text.contains("TEMP B-TREE"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_looks_for_blocks_and_users_by_their_numbers() {
    use crate::user::census::store::{blocks_of_regions_sql, blocks_sql, padded_slots, users_sql};
    for t in TestDesk::all().await {
        for count in [1, 3, 17, 201] {
            let (slots, _) = padded_slots(2, count);
            for (name, sql) in [
                ("regions", blocks_of_regions_sql(&slots)),
                ("blocks", blocks_sql(&slots)),
                ("users", users_sql(&padded_slots(1, count).0)),
            ] {
                let lines = plan(&t, name, &sql).await;
                let text = lines.join("\n");
                assert!(!lines.iter().any(|line| is_scan(line)), "{name} of {count} on {:?}:\n{text}", t.engine);
                assert!(!text.contains("TEMP B-TREE"), "{name} of {count} sorts nothing:\n{text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_requests_are_looked_for_user_by_user() {
    use crate::user::census::store::padded_slots;
    for t in TestDesk::all().await {
        for count in [1, 20, 200] {
            use crate::user::verification::store::{open_of_users_sql, selfies_sql};
            let slots = padded_slots(2, count).0;
            for sql in [open_of_users_sql(&slots), selfies_sql(&slots)] {
                let lines = plan(&t, "open_requests", &sql).await;
                assert!(!lines.iter().any(|line| is_scan(line)), "{count} on {:?}:\n{}", t.engine, lines.join("\n"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_of_a_bulk_action_reads_on_from_its_number() {
    for t in TestDesk::all().await {
        for filter in [UserFilter::default(), UserFilter { locked: Some(true), ..UserFilter::default() }] {
            for sql in
                [crate::bulk::store::next_sql(&filter, true, true), crate::bulk::store::next_sql(&filter, false, false)]
            {
                let lines = plan(&t, "bulk_slice", &sql).await;
                let text = lines.join("\n");
                assert!(!lines.iter().any(|line| is_scan(line)), "{sql} on {:?}:\n{text}", t.engine);
                assert!(!text.contains("TEMP B-TREE") && !text.contains("Sort"), "{sql} on {:?}:\n{text}", t.engine);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_requests_reads_on_from_its_number() {
    use crate::request::store::{count_sql, page_sql};
    use crate::request::{RequestFilter, RequestState};
    let (action, user) =
        (Some(crate::permission::Proposable::Disable), Some(crate::value::id::UserId(uuid::Uuid::nil())));
    for t in TestDesk::all().await {
        for state in RequestState::ALL.iter().copied().map(Some).chain([None]) {
            for (action, user) in [(None, None), (action, None), (None, user), (action, user)] {
                let filter = RequestFilter { state, action, user };
                for (sql, is_page) in [
                    (page_sql(&filter, true, false), true),
                    (page_sql(&filter, false, false), true),
                    (page_sql(&filter, false, true), false),
                    (count_sql(&filter, true), false),
                ] {
                    let lines = plan(&t, "requests", &sql).await;
                    let text = lines.join("\n");
                    // Passing by pages of all there are goes through all there are; a cursor does not.
                    let passes_all = !is_page && filter == RequestFilter::default();
                    let scans = lines.iter().any(|line| is_scan(line)) && !passes_all;
                    assert!(!scans, "{filter:?} on {:?}:\n{sql}\n{text}", t.engine);
                    // Two states in one list, and one user's few, may be sorted.
                    let sorts = text.contains("TEMP B-TREE") || text.contains("Sort");
                    let may = state == Some(RequestState::Expired) || user.is_some();
                    assert!(!is_page || !sorts || may, "{filter:?} on {:?}:\n{sql}\n{text}", t.engine);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_reads_tokens_in_order_and_sorts_nothing() {
    let lookup = Lookup::new(&[7; 32]);
    let tenant = TenantId(1);
    for t in TestDesk::all().await {
        for query in [
            "ma",
            "maria",
            "christopher",
            "maria garcia",
            "anne-marie o'neil",
            "maria jane garcia 0143",
            "2025550143",
            "a@b",
        ] {
            let words = lookup.query_tokens(query);
            let words: Vec<&QueryWord> = words.iter().collect();
            let whole = whole_tokens(|one, other| lookup.pair(one, other), &words);
            let one = first(t.engine, &tenant, &words, Some(&[0; 16]), &whole, 0, 21);
            let (known, begins) = ([1, 2, 3], Some((&*words, &*whole, 0)));
            let two = second(t.engine, &tenant, &Second { known: &known, whole: Some((&whole, 0)), begins, limit: 21 });
            for sql in one.into_iter().map(|one| one.sql).chain([two.sql]) {
                let lines = plan(&t, "search", &sql).await;
                let text = lines.join("\n");
                // What an arm gives is walked through, and no arm gives more than is asked for.
                let is_arm = |line: &str| ["SCAN a", "SCAN c", "SCAN f"].iter().any(|arm| line.starts_with(arm));
                let scans = lines.iter().any(|line| is_scan(line) && !is_arm(line));
                assert!(!scans, "{query} on {:?}:\n{text}", t.engine);
                assert!(!text.contains("TEMP B-TREE"), "{query} on {:?}:\n{text}", t.engine);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_looks_at_the_rows_it_seals_and_no_others() {
    for t in TestDesk::all().await {
        for sql in [audit::store::some_sql(30), audit::store::delete_unsealed_sql(30)] {
            let lines = plan(&t, "sealing", &sql).await;
            let key = match t.engine {
                Engine::Sqlite => "id=?",
                Engine::Postgres => "Index Cond",
            };
            assert!(lines.iter().any(|line| line.contains(key)), "{}", lines.join("\n"));
            assert!(!lines.iter().any(|line| is_scan(line)), "{}", lines.join("\n"));
        }
    }
}

/// The constants of a source file that hold a statement.
fn constants(path: &str, source: &str) -> Vec<String> {
    let mut module = path.trim_end_matches(".rs").replace('/', "::");
    let mut found = Vec::new();
    let inner = module.strip_suffix("::mod").map(str::to_owned);
    for (at, _) in source.match_indices("const ") {
        let line_start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let Some((name, rest)) = source[at + 6..].split_once(": &str =") else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
            continue;
        }
        let text = rest.split_once(";\n").map_or(rest, |(text, _)| text);
        if !["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().any(|word| text.contains(word)) {
            continue;
        }
        if let Some(inner) = &inner {
            // A noun of one file keeps its statements in a module of their own.
            module = if source[line_start..].starts_with(' ') { format!("{inner}::store") } else { inner.clone() };
        }
        found.push(format!("{module}::{name}"));
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("an entry").path();
        let name =
            path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("within").display().to_string();
        if path.is_dir() {
            sources(&path, into);
        } else if name.ends_with(".rs") && name != "statements.rs" {
            into.push((name, std::fs::read_to_string(&path).expect("a source is text")));
        }
    }
}

#[test]
fn every_statement_in_the_sources_is_listed() {
    let mut files = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    let mut found = 0;
    for (path, source) in files.iter().filter(|(path, _)| !path.starts_with("db/") && !path.starts_with("value/")) {
        for name in constants(path, source) {
            assert!(STATEMENTS.iter().any(|(known, _)| *known == name), "{name} is missing in statements.rs");
            found += 1;
        }
    }
    assert_eq!(found, STATEMENTS.len(), "the list names each statement once");
    for (name, reason) in SCANS {
        assert!(STATEMENTS.iter().any(|(known, _)| known == name) && !reason.is_empty(), "{name}");
    }
}
