//! What travels to an engine: a `Write` or a `Read`, a value with a future that touches nothing but the connection it is
//! lent. On SQLite that future runs straight through on the writer's thread; here is also how it is polled there, and how
//! a panic inside it is kept from its neighbours.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::{First, Rd, Tx};
use crate::error::{Busy, Error, Result};

/// A change. **It must be repeatable**: it takes `&self`, touches only `tx`, and nothing outside the database, because
/// it is run again when transactions meet (PostgreSQL) or when its batch was rolled back (SQLite). It must await nothing
/// but `tx`.
pub trait Write: Send + Sync + 'static {
    /// What the caller gets once the change is durable.
    type Output: Send + 'static;

    /// Makes the change. After an error, or a panic, nothing of it remains.
    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Runs in a transaction of its own after `run` has failed and was rolled back, to record the refused attempt. The
    /// caller gets the error of `run`, or that of `failed` if there is one: an attempt that cannot be recorded is not
    /// answered as if it had been. Not called when the storage itself refused.
    fn failed(&self, _tx: &mut Tx, _error: &Error) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Whether it is small and somebody waits for it, so that it shares a transaction with others of its kind where that is
    /// cheaper (PostgreSQL). What it finds, and what becomes of it, is the same either way.
    fn shares(&self) -> bool {
        false
    }

    /// What it asks before it changes anything, if there are many that ask the same about other things: it is asked for those that
    /// share a transaction in one go.
    fn asks(&self) -> Option<First> {
        None
    }

    /// `false` rolls back although `run` succeeded: a preview.
    fn keep(&self) -> bool {
        true
    }
}

/// A question. Repeatable like a `Write`, and awaits nothing but `rd`.
pub trait Read: Send + Sync + 'static {
    /// What the caller gets.
    type Output: Send + 'static;

    /// How heavy it is.
    fn weight(&self) -> Weight {
        Weight::Point
    }

    /// Reads.
    fn run(&self, rd: &mut Rd) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// How heavy a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Indexed reads of few rows. On SQLite they run inline on the caller's thread: a few microseconds. Each statement
    /// sees the newest state.
    Point,
    /// A page: a few statements of which nobody expects much. All of them see the same state. On SQLite they run inline as
    /// well, and a page that turns out to be long is asked again as a `Scan`.
    Page,
    /// Anything that scans. On SQLite it goes to a reader thread. All statements see the same state.
    Scan,
}

/// Up to so many rows are read between other callers' reads: less than half a millisecond.
const SHORT_PAGE: i64 = 50;

impl Weight {
    /// That of so many rows, wherever they are found at once: more are worth a thread of their own.
    pub(crate) fn of_page(rows: i64) -> Weight {
        if rows <= SHORT_PAGE { Weight::Page } else { Weight::Scan }
    }
}

/// Runs a future that must not wait: polls it once. A panic and a foreign await become errors of this work alone.
pub(super) fn straight<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut work = pin!(work);
        work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }));
    match polled {
        Ok(Poll::Ready(result)) => result,
        Ok(Poll::Pending) => Err(Error::internal("the work awaits something other than the database")),
        Err(_) => Err(panicked()),
    }
}

/// Runs a future that may wait; a panic inside becomes an error.
pub(super) async fn caught<T>(work: impl Future<Output = Result<T>>) -> (Result<T>, Ended) {
    let mut work = pin!(work);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => polled.map(|result| (result, Ended::Orderly)),
        Err(_) => Poll::Ready((Err(panicked()), Ended::Panicked)),
    })
    .await
}

/// How a work came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Orderly,
    Panicked,
}

/// What a work's result is worth once it is known whether an SQL error was met on the way.
pub(super) fn honest<T>(result: Result<T>, tx: &Tx) -> Result<T> {
    match result {
        Ok(_) if tx.is_broken() => Err(Error::internal("a statement failed and the work went on as if it had not")),
        other => other,
    }
}

/// Whether `failed` should be asked to record this. When the storage refuses there is nothing to record it with.
pub(super) fn is_recordable(error: &Error) -> bool {
    !matches!(
        error,
        Error::Busy(Busy::Queue | Busy::StorageFull | Busy::StorageReadOnly | Busy::StorageAway | Busy::Stopping)
    )
}

fn panicked() -> Error {
    // The panic hook has printed message and place already.
    Error::internal("the work panicked")
}
