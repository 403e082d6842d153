//! SQLite's one writer: a thread that owns the write connection. It takes a batch of works from the queue, runs them in
//! one transaction, commits once, and answers every caller after the commit. One sync of the disk thus serves many
//! callers, and yet each work fails alone: a work that fails has nearly always changed nothing yet, and then there is
//! nothing to take back. If one has, the whole batch is taken back and run again, now with a savepoint for each. (A
//! savepoint makes SQLite keep a copy of every page that is about to change: a fifth of the writer's time.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::checkpoint::Checkpointer;
use super::engine::Link;
use super::keeper::Keeper;
use super::queue::Queue;
use super::work::{honest, is_recordable, straight};
use super::{DbOptions, Tx, Write, fault, sqlite};
use crate::error::{Busy, Error, Result};

/// After a batch had to be run again, so many batches have savepoints from the start: what failed once after a change is
/// likely to come again.
const CAREFUL: u32 = 64;
/// How many times its usual length the log may have before large slices wait (`Db::settle`). The longer it is, the more
/// often a page is overwritten in it before it goes into the file once.
const LONG: u64 = 4;

/// What the writer counts.
#[derive(Default)]
pub(super) struct Counters {
    pub batches: AtomicU64,
    pub actions: AtomicU64,
    pub wal_pages: AtomicU64,
    /// Of these, what is not in the file yet.
    pub wal_left: AtomicU64,
}

/// The way to the writer.
pub(super) struct Writer {
    pub queue: Arc<Queue<Box<dyn Slip>>>,
    pub counters: Arc<Counters>,
    /// How long the log may get.
    long: u64,
    thread: std::sync::Mutex<Option<JoinHandle<Tx>>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(file: &sqlite::File, options: &DbOptions) -> Result<Writer> {
        let batch = options.batch.max(1);
        let queue = Arc::new(Queue::new(options.queue_length));
        let counters = Arc::new(Counters::default());
        let tx = Tx::new(Link::Sqlite(file.writer()?));
        let keeper = Keeper::new(file.reader()?, options.keep_newest);
        let checkpointer = Checkpointer::start(file.writer()?, keeper, &file.path, options.checkpoint_pages)?;
        let mut desk = Desk { tx, checkpointer, counters: counters.clone(), careful: 0 };
        let closing = Closing(queue.clone());
        let thread = std::thread::Builder::new()
            .name("db-writer".into())
            .spawn(move || {
                let mut last_time = 1;
                while let Some(slips) = closing.0.take(batch, last_time) {
                    last_time = slips.len();
                    desk.serve(slips);
                }
                desk.close()
            })
            .map_err(Error::internal)?;
        let long = options.checkpoint_pages * LONG;
        Ok(Writer { queue, counters, long, thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// Hands in a work and waits for its answer. Once handed in it runs, unless the caller is gone before its turn comes.
    pub async fn write<W: Write>(&self, work: W) -> Result<W::Output> {
        let (answer, answered) = oneshot::channel();
        self.queue.put(Box::new(Work { work, result: None, answer }))?;
        // Without an answer the writer has ended in the middle: nobody knows whether it was committed.
        answered.await.unwrap_or_else(|_| Err(Error::internal("the writer has ended without an answer")))
    }

    /// Whether so much of the log is not in the file yet that whoever is in no hurry should wait.
    pub fn is_behind(&self) -> bool {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        of(&self.counters.wal_pages) > self.long && of(&self.counters.wal_left) > 0
    }

    /// Works off the queue, ends the thread, and hands over its connection, which is to be closed last. Blocks.
    pub fn stop(&self) -> Option<Tx> {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(|broken| broken.into_inner()).take();
        match thread?.join() {
            Ok(connection) => Some(connection),
            Err(_) => {
                tracing::error!("the database writer has panicked");
                None
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Closes the queue when the thread ends, for whatever reason: callers get an answer instead of silence.
struct Closing(Arc<Queue<Box<dyn Slip>>>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
        // Dropping the slips tells their callers.
        while self.0.take(usize::MAX, 1).is_some() {}
    }
}

/// A work in the queue, whatever its type.
pub(super) trait Slip: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Whether what it does is taken back even when it succeeds.
    fn is_taken_back(&self) -> bool;
    /// Runs it; keeps the result for later.
    fn run(&mut self, tx: &mut Tx) -> Verdict;
    /// Lets it record that it has failed.
    fn record(&mut self, tx: &mut Tx) -> Verdict;
    /// Sends the result, or this error instead.
    fn answer(self: Box<Self>, instead: Option<Error>);
}

/// What is to become of what a work has just done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Keep it.
    Keep,
    /// Take it back.
    Drop,
    /// Take it back, and let it record that.
    Record,
}

struct Work<W: Write> {
    work: W,
    result: Option<Result<W::Output>>,
    answer: oneshot::Sender<Result<W::Output>>,
}

impl<W: Write> Slip for Work<W> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn is_taken_back(&self) -> bool {
        !self.work.keep()
    }

    fn run(&mut self, tx: &mut Tx) -> Verdict {
        let result = straight(async {
            let output = self.work.run(tx).await?;
            Ok((output, self.work.keep()))
        });
        let (result, verdict) = match honest(result, tx) {
            Ok((output, true)) => (Ok(output), Verdict::Keep),
            Ok((output, false)) => (Ok(output), Verdict::Drop),
            Err(error) if is_recordable(&error) => (Err(error), Verdict::Record),
            Err(error) => (Err(error), Verdict::Drop),
        };
        self.result = Some(result);
        verdict
    }

    fn record(&mut self, tx: &mut Tx) -> Verdict {
        let Some(Err(error)) = &self.result else { return Verdict::Drop };
        let recorded = straight(self.work.failed(tx, error));
        match honest(recorded, tx) {
            Ok(()) => Verdict::Keep,
            Err(why) => {
                tracing::error!(%error, %why, "a failed work could not be recorded");
                self.result = Some(Err(why));
                Verdict::Drop
            }
        }
    }

    fn answer(self: Box<Self>, instead: Option<Error>) {
        let result = match instead {
            Some(error) => Err(error),
            None => self.result.unwrap_or_else(|| Err(Error::internal("the work was not run"))),
        };
        // A caller who went away while it ran does not care.
        let _ = self.answer.send(result);
    }
}

/// The writer's connection and what it does with it.
struct Desk {
    tx: Tx,
    checkpointer: Checkpointer,
    counters: Arc<Counters>,
    /// Batches that shall have savepoints.
    careful: u32,
}

/// How the works of a batch are kept apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// By nothing.
    Bare,
    /// By a savepoint each.
    Savepoints,
}

/// Why a transaction came to nothing.
enum Lost {
    /// The engine has rolled the whole of it back by itself, with the neighbours' changes.
    Transaction,
    /// A work has failed after a change, and there is no savepoint to go back to.
    Half,
}

impl Desk {
    fn serve(&mut self, mut slips: Vec<Box<dyn Slip>>) {
        slips.retain(|slip| !slip.is_abandoned());
        if slips.is_empty() {
            return;
        }
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.actions.fetch_add(slips.len() as u64, Ordering::Relaxed);
        let must = self.careful > 0 || slips.iter().any(|slip| slip.is_taken_back());
        self.careful = self.careful.saturating_sub(1);
        let mut done = self.together(&mut slips, if must { Apart::Savepoints } else { Apart::Bare });
        if let Err(Lost::Half) = done {
            self.careful = CAREFUL;
            done = self.together(&mut slips, Apart::Savepoints);
        }
        match done {
            Ok(outcome) => answer(slips, outcome),
            // Somebody's statement has cost everybody the transaction: now each one by itself, so that only those fail
            // that must.
            Err(_) => {
                for slip in slips {
                    let mut alone = vec![slip];
                    let outcome = self.together(&mut alone, Apart::Savepoints);
                    answer(alone, outcome.unwrap_or(Ok(())));
                }
            }
        }
        let log = self.checkpointer.between_batches(&self.link().conn);
        self.counters.wal_pages.store(log.pages(), Ordering::Relaxed);
        self.counters.wal_left.store(log.pages_left(), Ordering::Relaxed);
    }

    /// Closes every connection but its own. Whoever closes the last connection to the file, of all processes, has SQLite fold
    /// the log in and remove it; for all others closing costs nothing. A checkpoint that waits (`TRUNCATE`) is not run here:
    /// it holds the write lock while it waits for the readers of the process that serves, for whom all writes then fail.
    fn close(self) -> Tx {
        let Desk { tx, checkpointer, .. } = self;
        drop(checkpointer);
        tx
    }

    /// Runs all of them in one transaction and commits it. A transaction that is lost with one slip in it is that slip's
    /// own failure, and its result says so already.
    fn together(&mut self, slips: &mut [Box<dyn Slip>], apart: Apart) -> Result<Result<(), rusqlite::Error>, Lost> {
        if let Err(error) = self.link().control("BEGIN IMMEDIATE") {
            return Ok(Err(error));
        }
        for slip in slips.iter_mut() {
            let step = self.one(slip.as_mut(), apart);
            if !self.link().in_transaction() {
                return Err(Lost::Transaction);
            }
            match step {
                Ok(true) => {}
                Ok(false) => {
                    self.link().leave();
                    return Err(Lost::Half);
                }
                Err(error) => {
                    self.link().leave();
                    return Ok(Err(error));
                }
            }
        }
        let committed = self.link().control("COMMIT");
        // A commit that fails leaves the transaction open.
        self.link().leave();
        match committed {
            // A constraint that is looked at only now: one of them has violated it, the others should not suffer.
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::ConstraintViolation && slips.len() > 1 =>
            {
                Err(Lost::Transaction)
            }
            committed => Ok(committed),
        }
    }

    /// Runs one, and lets it record its failure. `false`: it has left something behind that must not stay.
    fn one(&mut self, slip: &mut dyn Slip, apart: Apart) -> Result<bool, rusqlite::Error> {
        if apart == Apart::Savepoints {
            let verdict = self.in_savepoint(|tx| slip.run(tx))?;
            if verdict == Verdict::Record && self.link().in_transaction() {
                self.in_savepoint(|tx| slip.record(tx))?;
            }
            return Ok(true);
        }
        let verdict = self.bare(|tx| slip.run(tx));
        if verdict != Some(Verdict::Record) || !self.link().in_transaction() {
            return Ok(verdict.is_some());
        }
        Ok(self.bare(|tx| slip.record(tx)).is_some())
    }

    /// Runs a work as it is. `None`: what it has changed would have to be taken back.
    fn bare(&mut self, work: impl FnOnce(&mut Tx) -> Verdict) -> Option<Verdict> {
        let before = self.link().conn.total_changes();
        self.tx.fresh();
        let verdict = work(&mut self.tx);
        let has_changed = self.tx.has_run_script() || self.link().conn.total_changes() != before;
        (verdict == Verdict::Keep || !has_changed).then_some(verdict)
    }

    fn in_savepoint(&mut self, work: impl FnOnce(&mut Tx) -> Verdict) -> Result<Verdict, rusqlite::Error> {
        self.link().control("SAVEPOINT work")?;
        self.tx.fresh();
        let verdict = work(&mut self.tx);
        if self.link().in_transaction() {
            if verdict != Verdict::Keep {
                self.link().control("ROLLBACK TO work")?;
            }
            self.link().control("RELEASE work")?;
        }
        Ok(verdict)
    }

    fn link(&self) -> &sqlite::Link {
        match &self.tx.link {
            Link::Sqlite(link) => link,
            Link::Postgres(_) => unreachable!("the writer thread is SQLite's"),
        }
    }
}

fn answer(slips: Vec<Box<dyn Slip>>, outcome: Result<(), rusqlite::Error>) {
    match &outcome {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
            tracing::warn!(
                works = slips.len(),
                "another process writes to the database; these were told to come again"
            );
        }
        Err(error) => tracing::error!(%error, works = slips.len(), "a batch could not be committed"),
        Ok(()) => {}
    }
    for slip in slips {
        slip.answer(outcome.as_ref().err().map(|error| match fault::from_sqlite(error, "") {
            // The disk, whatever it says exactly: what matters is that nothing was changed.
            Error::Conflict(_) => Error::Busy(Busy::StorageFull),
            error => error,
        }));
    }
}
