//! Folding SQLite's write-ahead log into the file without making writers wait. A thread with a connection of its own does
//! the heavy part (copying pages, syncing the file) while the writer goes on; the writer then does the last short piece
//! between two batches, after which the log begins anew. Automatic checkpoints would stall a batch for as long as the
//! disk needs for thousands of pages, and RESTART or TRUNCATE would stall everybody.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::keeper::Keeper;
use super::sqlite;
use crate::error::{Error, Result};

/// Few enough frames to leave the rest to the writer.
const NEARLY_DONE: i64 = 300;
/// With more frames than this the writer would wait too long; the thread has to come again.
const SHORT: i64 = 2000;
/// How often the thread goes round before it lets the writer have a try.
const ROUNDS: u32 = 20;
/// How long to leave it when a reader, or a full disk, keeps the log from being folded in.
const LATER: Duration = Duration::from_secs(1);
/// So long after a commit the keeper looks again: readers who begin at the very moment of it may lock the same state in
/// another place.
const AGAIN: Duration = Duration::from_millis(20);
/// How many times the usual length of the log is worth a warning.
const LONG: i64 = 8;

/// How far the log has been folded in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// Frames in the log.
    pub log: i64,
    /// Frames of them that are in the file.
    pub done: i64,
}

impl Progress {
    fn left(self) -> i64 {
        self.log - self.done
    }

    /// Pages in the log.
    pub fn pages(self) -> u64 {
        u64::try_from(self.log).unwrap_or(0)
    }

    /// Pages of it that are not in the file yet.
    pub fn pages_left(self) -> u64 {
        u64::try_from(self.left()).unwrap_or(0)
    }
}

/// Asks how long the log is; does nothing.
pub(super) fn look(conn: &Connection) -> Result<Progress, rusqlite::Error> {
    pragma(conn, "PRAGMA wal_checkpoint(NOOP)")
}

fn pragma(conn: &Connection, sql: &'static str) -> Result<Progress, rusqlite::Error> {
    let mut statement = conn.prepare_cached(sql)?;
    statement
        .query_row([], |row| Ok(Progress { log: row.get::<_, i64>(1)?.max(0), done: row.get::<_, i64>(2)?.max(0) }))
}

/// The thread, as the writer sees it.
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// How many frames the log may have before the thread is asked.
    pages: i64,
}

struct Shared {
    state: Mutex<State>,
    told: Condvar,
    /// Lets go of the state it keeps while the log is folded in.
    keeper: Keeper,
    /// The thread has done its part; the rest is short.
    handed_over: AtomicBool,
}

#[derive(Default)]
struct State {
    asked: bool,
    ended: bool,
    /// There was a commit since the keeper was last sent for.
    moved: bool,
}

impl Checkpointer {
    pub fn start(link: sqlite::Link, keeper: Keeper, path: &Path, pages: u64) -> Result<Checkpointer> {
        // For syncing only. Never closed: closing a descriptor of a file drops the locks that SQLite holds on it in this
        // process. That is one descriptor for each time a database is opened.
        let file: &'static fs::File = Box::leak(Box::new(fs::File::open(path).map_err(Error::internal)?));
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            told: Condvar::new(),
            keeper,
            handed_over: AtomicBool::new(false),
        });
        let pages = i64::try_from(pages).unwrap_or(i64::MAX);
        let mut thread = Folding { conn: link.conn, file, shared: shared.clone(), pages };
        let thread = std::thread::Builder::new()
            .name("db-checkpoint".into())
            .spawn(move || thread.serve())
            .map_err(Error::internal)?;
        shared.moved();
        Ok(Checkpointer { shared, thread: Some(thread), pages })
    }

    /// What the writer does between two batches. Tells how long the log is.
    pub fn between_batches(&self, conn: &Connection) -> Progress {
        self.step(conn).unwrap_or_else(|error| {
            tracing::warn!(%error, "the log cannot be folded into the database at this moment");
            Progress::default()
        })
    }

    fn step(&self, conn: &Connection) -> Result<Progress, rusqlite::Error> {
        self.shared.moved();
        let progress = look(conn)?;
        let handed_over = self.shared.handed_over.swap(false, Ordering::AcqRel);
        if handed_over && progress.left() < SHORT {
            return self.shared.passive(conn);
        }
        if progress.log >= self.pages && progress.left() > 0 {
            self.shared.tell(|state| state.asked = true);
        }
        Ok(progress)
    }

    /// Ends the thread, and lets go of the log.
    pub fn stop(&mut self) {
        self.shared.tell(|state| state.ended = true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread has panicked");
        }
        self.shared.keeper.let_go();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Folds in what can be folded in without waiting for anybody.
    fn passive(&self, conn: &Connection) -> Result<Progress, rusqlite::Error> {
        self.keeper.let_go();
        let progress = pragma(conn, "PRAGMA wal_checkpoint(PASSIVE)");
        self.keeper.hold_newest();
        progress
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.told.notify_one();
    }

    /// Waits until there is work; `false` when it is time to end.
    fn wait_for_work(&self) -> bool {
        let mut state = self.lock();
        while !state.asked && !state.ended {
            if !state.moved {
                state = self.told.wait(state).unwrap_or_else(|broken| broken.into_inner());
                continue;
            }
            drop(state);
            self.wait(AGAIN, |state| state.asked);
            self.lock().moved = false;
            self.keeper.hold_newest();
            state = self.lock();
        }
        state.asked = false;
        !state.ended
    }

    /// There is a newer state.
    fn moved(&self) {
        self.keeper.hold_newest();
        if !std::mem::replace(&mut self.lock().moved, true) {
            self.told.notify_one();
        }
    }

    /// Waits a while, or until it is time to end, or for this.
    fn wait(&self, time: Duration, or: impl Fn(&State) -> bool) {
        let state = self.lock();
        drop(self.told.wait_timeout_while(state, time, |state| !state.ended && !or(state)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

/// The thread itself.
struct Folding {
    conn: Connection,
    file: &'static fs::File,
    shared: Arc<Shared>,
    pages: i64,
}

impl Folding {
    fn serve(&mut self) {
        while self.shared.wait_for_work() {
            match self.fold() {
                Ok(progress) if progress.left() < SHORT => self.shared.handed_over.store(true, Ordering::Release),
                Ok(progress) => {
                    if progress.log > LONG * self.pages {
                        tracing::warn!(wal_pages = progress.log, "a long reader keeps the log from being folded in");
                    }
                    self.shared.wait(LATER, |_| false);
                }
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be folded into the database at this moment");
                    self.shared.wait(LATER, |_| false);
                }
            }
        }
    }

    /// Goes round until little is left, or nothing moves.
    fn fold(&mut self) -> Result<Progress, Box<dyn std::error::Error>> {
        let mut before = -1;
        let mut progress = look(&self.conn)?;
        for _ in 0..ROUNDS {
            let done = self.shared.passive(&self.conn)?.done;
            // So that the writer's last piece finds little to sync.
            self.file.sync_data()?;
            progress = look(&self.conn)?;
            if progress.left() < NEARLY_DONE || done == before {
                break;
            }
            before = done;
        }
        Ok(progress)
    }
}
