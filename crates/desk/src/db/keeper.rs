//! A reader that always looks at SQLite's newest state and never reads anything. Whoever begins to read locks the place of
//! that state in the log, by a call into the system for which every other reader in this process waits; if somebody in the
//! process has that lock already, a counter is counted up instead. The keeper has it: a tenth of a point read.
//!
//! Only a process that serves needs it. One that works beside it (a command) commits seldom, and would keep an old state
//! locked meanwhile, so that the log could not be folded in.
//!
//! It must not stand in the way of the log being folded in, and therefore moves on with each commit, and lets go before
//! (decision 0039).

use std::sync::{Mutex, MutexGuard};

use rusqlite::Connection;

use super::sqlite;

/// The reader.
pub(super) struct Keeper {
    conn: Mutex<Connection>,
    is_wanted: bool,
}

impl Keeper {
    /// Over a connection that nobody else uses. It keeps nothing yet.
    pub fn new(link: sqlite::Link, is_wanted: bool) -> Keeper {
        Keeper { conn: Mutex::new(link.conn), is_wanted }
    }

    /// Moves on to the newest state. Readers work without it, too, so a failure is only told.
    pub fn hold_newest(&self) {
        if !self.is_wanted {
            return;
        }
        let conn = self.lock();
        if let Err(error) = leave(&conn).and_then(|()| run(&conn, "BEGIN")).and_then(|()| run(&conn, LOOK)) {
            tracing::debug!(%error, "the newest state is not kept locked; reads are slower");
        }
    }

    /// Keeps nothing until it moves on again.
    pub fn let_go(&self) {
        if let Err(error) = leave(&self.lock()) {
            tracing::warn!(%error, "a reader cannot leave its transaction, which keeps the log from being folded in");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

/// The transaction begins with the first look at the file.
const LOOK: &str = "SELECT 1 FROM sqlite_schema LIMIT 1";

fn leave(conn: &Connection) -> Result<(), rusqlite::Error> {
    if conn.is_autocommit() { Ok(()) } else { run(conn, "ROLLBACK") }
}

fn run(conn: &Connection, sql: &'static str) -> Result<(), rusqlite::Error> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}
