//! The floors: what the machine gives without us. The same JSON from a bare axum route, and a raw single-threaded writer
//! that runs the same statements in batches of the same size.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row, ToSql, params};

use crate::Result;
use crate::broken::broken;

/// Serves the bytes of this file as JSON on `/json`; runs until it is killed.
pub fn serve(file: &Path, address: &str) -> Result<()> {
    let body = std::fs::read_to_string(file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let json = move || {
            let body = body.clone();
            async move { ([("content-type", "application/json")], body) }
        };
        let router = axum::Router::new().route("/json", axum::routing::get(json));
        let listener = tokio::net::TcpListener::bind(address).await?;
        axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), router)
            .await?;
        Ok(())
    })
}

/// What the raw writer does to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Locks her, with a job that will open it.
    Lock,
    /// Unlocks her.
    Unlock,
}

struct User {
    tenant: i64,
    id: Vec<u8>,
    version: i64,
    number: i64,
    marks: Option<Vec<u8>>,
}

impl User {
    fn read(row: &Row<'_>) -> rusqlite::Result<User> {
        Ok(User { tenant: row.get(0)?, id: row.get(1)?, version: row.get(2)?, number: row.get(3)?, marks: row.get(4)? })
    }
}

/// Deeds a second by a single-threaded loop over a copy of the database, so many in a commit. `whole`: every statement that
/// the product runs for it (load, save, move of the census, end of sessions and proofs, audit, its place in the queue for
/// sealing, event, job); else only what anybody must write who keeps the same book (load, save, audit, event, job).
pub fn raw(copy: &Path, deed: Deed, whole: bool, batch: usize, time: Duration) -> Result<f64> {
    let sql = desk::testing::raw_statements().map(|sql| sql.replace('$', "?").replace(" FOR UPDATE", ""));
    let [select, save, moved, sessions, proofs, audit, unsealed, event, job] = sql;
    let db = Connection::open(copy)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
    )?;
    db.set_prepared_statement_cache_capacity(32);
    let lock = deed == Deed::Lock;
    let users: Vec<User> = {
        let sign = if lock { "=" } else { "<>" };
        // In no order that the database knows, as requests come.
        let sql = format!(
            "SELECT tenant_id, id, version, number, marks FROM users WHERE sign_in_lock {sign} 'open' AND tenant_id = 1 \
             ORDER BY (number * 2654435761) % 4294967296"
        );
        let mut all = db.prepare(&sql)?;
        all.query_map([], User::read)?.collect::<rusqlite::Result<_>>()?
    };
    if users.len() < batch {
        return broken("the copy has too few users left");
    }
    let run = |sql: &str, params: &[&dyn ToSql]| db.prepare_cached(sql).and_then(|mut it| it.execute(params));
    let facts = match deed {
        Deed::Lock => {
            r#"[{"event":"user.locked","user":"usr_01jqzs8v1xe5ja4c3rq0f2m6tn","cause":"staff","until":null}]"#
        }
        Deed::Unlock => r#"[{"event":"user.unlocked","user":"usr_01jqzs8v1xe5ja4c3rq0f2m6tn","cause":"staff"}]"#,
    };
    let (name, door, event_name) =
        if lock { ("user.lock", "native", "user.locked") } else { ("user.unlock", "banno", "user.unlocked") };
    let (nothing, no_word): (Option<i64>, Option<String>) = (None, None);
    // Each call has ids of its own.
    let first = 1_800_000_000_000_000 + (i64::from(lock) * 2 + i64::from(whole)) * 1_000_000_000_000;
    let began = Instant::now();
    let mut done = 0usize;
    for group in users.chunks(batch) {
        if began.elapsed() >= time {
            break;
        }
        db.execute_batch("BEGIN IMMEDIATE")?;
        for User { tenant, id, version, number, marks } in group {
            let now = first + done as i64;
            let mut row_id = [0u8; 16];
            row_id[..8].copy_from_slice(&now.to_be_bytes());
            row_id[8..].copy_from_slice(&(done as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            let row_id = row_id.to_vec();
            db.prepare_cached(&select)?.query_row(params![tenant, id], |row| row.get::<_, Option<Vec<u8>>>(6))?;
            let (state, cause, until) =
                if lock { ("locked", Some("staff"), Some(now + 1)) } else { ("open", None, None) };
            run(&save, params![tenant, id, version, state, cause, until, nothing, 0, nothing, marks, now])?;
            if whole {
                run(&moved, params![tenant, number, version, i64::from(!lock) * 2 + 1, i64::from(lock) * 2 + 1])?;
                if lock {
                    run(&sessions, params![tenant, id, now, "locked"])?;
                    run(&proofs, params![tenant, id, now, "locked"])?;
                }
            }
            let book = params![
                tenant,
                row_id,
                now,
                "key",
                id,
                id,
                door,
                name,
                "user",
                id,
                "done",
                no_word,
                facts,
                "req_01jqzs8v1xe5ja4c3rq0f2m6tn",
                marks
            ];
            run(&audit, book)?;
            if whole {
                run(&unsealed, params![tenant, row_id, [7_u8; 32].to_vec()])?;
            }
            run(&event, params![tenant, row_id, now, event_name, "user", id, row_id, facts])?;
            if lock {
                let payload = r#"{"user":"usr_01jqzs8v1xe5ja4c3rq0f2m6tn"}"#;
                run(&job, params![tenant, row_id, "unlock_when_due", payload, now, now])?;
            }
            done += 1;
        }
        db.execute_batch("COMMIT")?;
    }
    Ok(done as f64 / began.elapsed().as_secs_f64())
}
