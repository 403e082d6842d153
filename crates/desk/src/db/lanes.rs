//! PostgreSQL: works that share a transaction (decision 0044). To commit costs it as much as what an action changes, and a
//! round trip half of that. So when more small works come than there are lanes, those in line go together: one after the
//! other in one transaction, what each one changes sent along with the next one's first question, and one commit for all.
//!
//! Each still fails alone, as on SQLite. One that fails before it has changed anything leaves nothing behind. When one
//! fails otherwise, or waits for somebody else's lock, all is taken back, and each of them is run again by itself.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::ahead::{Asked, First, MANY};
use super::engine::Link;
use super::pooled::{Pooled, link_of};
use super::work::{Ended, caught, honest, is_recordable};
use super::{DbOptions, Tx, Write, postgres};
use crate::error::{Busy, Error, Result};

/// How many go together at most: the first of them waits for the last.
const TOGETHER: usize = MANY;

/// The line in front of the lanes.
pub(super) struct Lanes {
    line: Mutex<Line>,
    lanes: usize,
}

struct Line {
    waiting: VecDeque<Box<dyn Rider>>,
    /// Lanes that nobody is in.
    free: usize,
}

impl Lanes {
    /// So many that the server has something to do while one of them waits for its disk or for us, and no more: the others
    /// wait in line, and go together. Half of the connections are left for questions and for long works.
    pub fn new(options: &DbOptions) -> Lanes {
        let lanes = (2 * available_parallelism().map_or(2, usize::from)).min(options.pool_size / 2).max(1);
        Lanes { line: Mutex::new(Line { waiting: VecDeque::new(), free: lanes }), lanes }
    }

    /// How many stand in line.
    pub fn waiting(&self) -> usize {
        self.line().waiting.len()
    }

    /// Gets in line. `true`: a lane is free, and the caller has to open it.
    fn join(&self, rider: Box<dyn Rider>) -> bool {
        let mut line = self.line();
        line.waiting.push_back(rider);
        let is_free = line.free > 0;
        line.free -= usize::from(is_free);
        is_free
    }

    /// Those who go next: each lane takes its share of the line. Nobody: the lane is free again.
    fn next(&self) -> Vec<Box<dyn Rider>> {
        let mut line = self.line();
        let share = line.waiting.len().div_ceil(self.lanes).min(TOGETHER);
        line.free += usize::from(share == 0);
        line.waiting.drain(..share).collect()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // No code of others runs under this lock, so a poisoned one is still whole.
        self.line.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

/// A work in line, whatever its type.
trait Rider: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// What it asks first.
    fn asks(&self) -> Option<First>;
    /// Runs it in a transaction with others; keeps the result for later.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Running<'a, Left>;
    /// Sends the result, which is committed; or records first that it has failed.
    fn arrive(self: Box<Self>, pooled: &Pooled);
    /// Runs it by itself, as if it had never met the others, and sends the result.
    fn alone(self: Box<Self>, pooled: Pooled) -> Running<'static, ()>;
    /// Says that the storage did not let it.
    fn refuse(self: Box<Self>, why: Busy);
}

type Running<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a work leaves the transaction to the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It is done, or has failed without a change.
    InOrder,
    /// It has failed after a change, or a statement has: the others cannot stay either.
    Half,
    /// Nobody knows what is under way on this connection.
    Panicked,
}

/// What became of a transaction.
enum Went {
    Through,
    /// Nothing of it remains.
    Back,
    /// It could not be begun, or nobody knows whether it was committed.
    Away(Busy),
}

struct Ride<W: Write> {
    work: W,
    result: Option<Result<W::Output>>,
    answer: oneshot::Sender<Result<W::Output>>,
    /// Kept until it is answered: the stop waits for it.
    place: OwnedSemaphorePermit,
}

impl<W: Write> Rider for Ride<W> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn asks(&self) -> Option<First> {
        self.work.asks()
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Running<'a, Left> {
        Box::pin(async move {
            tx.fresh();
            tx.turn_of(self.work.asks());
            let (result, ended) = caught(self.work.run(tx)).await;
            let result = honest(result, tx);
            let has_changed = tx.written() > 0 || tx.has_run_script();
            let left = match ended {
                Ended::Panicked => Left::Panicked,
                Ended::Orderly if tx.is_broken() || result.is_err() && has_changed => Left::Half,
                Ended::Orderly => Left::InOrder,
            };
            self.result = Some(result);
            left
        })
    }

    fn arrive(self: Box<Self>, pooled: &Pooled) {
        let Ride { work, result, answer, place } = *self;
        let result = result.unwrap_or_else(|| Err(Error::internal("the work was not run")));
        match result {
            Err(error) if is_recordable(&error) => {
                let pooled = pooled.clone();
                tokio::spawn(async move {
                    let _ = answer.send(Err(pooled.recorded(&work, error).await));
                    drop(place);
                });
            }
            // A caller who went away while it ran does not care.
            result => drop(answer.send(result)),
        }
    }

    fn alone(self: Box<Self>, pooled: Pooled) -> Running<'static, ()> {
        Box::pin(async move {
            let Ride { work, answer, place, .. } = *self;
            let _ = answer.send(pooled.settle(work).await);
            drop(place);
        })
    }

    fn refuse(self: Box<Self>, why: Busy) {
        let _ = self.answer.send(Err(Error::Busy(why)));
    }
}

impl Pooled {
    /// Runs a work that may share its transaction.
    pub(super) async fn share<W: Write>(&self, work: W, place: OwnedSemaphorePermit) -> Result<W::Output> {
        let (answer, answered) = oneshot::channel();
        if self.lanes.join(Box::new(Ride { work, result: None, answer, place })) {
            tokio::spawn(self.clone().lane());
        }
        answered.await.unwrap_or_else(|_| Err(Error::internal("a lane has ended without an answer")))
    }

    async fn lane(self) {
        loop {
            let mut riders = self.lanes.next();
            if riders.is_empty() {
                return;
            }
            riders.retain(|it| !it.is_abandoned());
            if riders.is_empty() {
                continue;
            }
            match self.ride(&mut riders).await {
                Went::Through => {
                    self.actions.fetch_add(riders.len() as u64, Ordering::Relaxed);
                    riders.into_iter().for_each(|it| it.arrive(&self));
                }
                // Beside the lane, which they might block: one of them may wait for a lock.
                Went::Back => riders.into_iter().for_each(|it| drop(tokio::spawn(it.alone(self.clone())))),
                Went::Away(why) => riders.into_iter().for_each(|it| it.refuse(why)),
            }
        }
    }

    async fn ride(&self, riders: &mut [Box<dyn Rider>]) -> Went {
        let mut tx = match postgres::Link::together(&self.pool).await {
            Ok(link) => Tx::new(Link::Postgres(link)),
            Err(Error::Busy(why)) => return Went::Away(why),
            Err(_) => return Went::Back,
        };
        self.batches.fetch_add(1, Ordering::Relaxed);
        let firsts: Vec<First> = riders.iter().filter_map(|it| it.asks()).collect();
        if let Some(asked) = Asked::of(&firsts)
            && tx.ask_ahead(asked).await.is_err()
        {
            return given_up(&mut tx).await;
        }
        for it in riders {
            match it.run(&mut tx).await {
                Left::InOrder => {}
                Left::Half => return given_up(&mut tx).await,
                Left::Panicked => {
                    link_of(&mut tx).discard();
                    return Went::Back;
                }
            }
        }
        match link_of(&mut tx).commit().await {
            Ok(()) => Went::Through,
            Err(_) => given_up(&mut tx).await,
        }
    }
}

/// Leaves a transaction in which something has failed.
async fn given_up(tx: &mut Tx) -> Went {
    let link = link_of(tx);
    link.leave().await;
    if link.is_unsure { Went::Away(Busy::StorageAway) } else { Went::Back }
}
