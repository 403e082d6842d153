//! The floors: what the machine gives without us. The same JSON from a bare axum route, and a raw writer that runs the
//! same statements in batches of the same size.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

/// Serves these bytes as JSON on one route, and `/healthz`; runs until it is killed.
pub fn serve(address: &str, body: String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async move {
        let json = move || {
            let body = body.clone();
            async move { ([("content-type", "application/json")], body) }
        };
        let router = axum::Router::new()
            .route("/healthz", axum::routing::get(|| async { "ok" }))
            .route("/json", axum::routing::get(json));
        let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
        axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), router)
            .await
            .expect("it serves until it is killed");
    });
}

/// A locked user's row: tenant, id, version, marks.
type Locked = (i64, Vec<u8>, i64, Option<Vec<u8>>);

/// Unlocks a second by a single-threaded loop over a copy of the database: load, save, audit, event, so many in a commit.
pub fn raw_unlocks(database: &Path, batch: usize, time: Duration) -> f64 {
    let [select, save, audit, event] =
        desk::testing::unlock_statements().map(|sql| sql.replace('$', "?").replace(" FOR UPDATE", ""));
    let db = Connection::open(database).expect("the copy can be opened");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
    )
    .expect("the settings fit");
    let ids: Vec<Locked> = {
        let sql = "SELECT tenant_id, id, version, marks FROM users WHERE sign_in_lock <> 'open' AND tenant_id = 1";
        let mut all = db.prepare(sql).expect("the users are there");
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        rows.expect("they can be read").collect::<Result<_, _>>().expect("they can be read")
    };
    let facts = r#"[{"event":"user.unlocked","user":"usr_01jqzs8v1xe5ja4c3rq0f2m6tn","cause":"staff"}]"#;
    let began = Instant::now();
    let mut done = 0usize;
    for group in ids.chunks(batch) {
        if began.elapsed() >= time {
            break;
        }
        db.execute_batch("BEGIN IMMEDIATE").expect("it begins");
        for (tenant, id, version, marks) in group {
            let now = 1_800_000_000_000_000 + done as i64;
            let mut row_id = [0u8; 16];
            row_id[..8].copy_from_slice(&now.to_be_bytes());
            row_id[8..].copy_from_slice(&(done as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            db.prepare_cached(&select)
                .and_then(|mut it| it.query_row(params![tenant, id], |row| row.get::<_, Option<Vec<u8>>>(6)))
                .expect("the user is there");
            let none: Option<i64> = None;
            let no_word: Option<String> = None;
            db.prepare_cached(&save)
                .and_then(|mut it| {
                    it.execute(params![tenant, id, version, "open", no_word, none, none, 0, none, marks, now])
                })
                .expect("it saves");
            db.prepare_cached(&audit)
                .and_then(|mut it| {
                    it.execute(params![
                        tenant,
                        row_id,
                        now,
                        "key",
                        id,
                        id,
                        "banno",
                        "user.unlock",
                        "user",
                        id,
                        "done",
                        no_word,
                        facts,
                        "req_01jqzs8v1xe5ja4c3rq0f2m6tn",
                        marks
                    ])
                })
                .expect("it records");
            db.prepare_cached(&event)
                .and_then(|mut it| it.execute(params![tenant, row_id, now, "user.unlocked", "user", id, row_id, facts]))
                .expect("it announces");
            done += 1;
        }
        db.execute_batch("COMMIT").expect("it commits");
    }
    done as f64 / began.elapsed().as_secs_f64()
}
