//! PostgreSQL: how works run on the pool. A write is spawned, so that a caller who goes away cannot cut it in half; it is
//! run again when it met another transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::{Semaphore, TryAcquireError};

use super::engine::Link;
use super::lanes::Lanes;
use super::work::{Ended, caught, honest, is_recordable};
use super::{DbOptions, Rd, Read, Tx, Weight, Write, postgres};
use crate::error::{Busy, Error, Result};
use crate::value::random::Random;

/// How often a transaction that met another one is run before its caller is told to come back.
const TRIES: u32 = 10;
/// The longest first pause before the next try; it doubles up to a hundredfold.
const PAUSE_US: u64 = 500;

/// The pool and what it counts.
#[derive(Clone)]
pub(super) struct Pooled {
    pub pool: Pool,
    pub batches: Arc<AtomicU64>,
    pub actions: Arc<AtomicU64>,
    /// Where small works share transactions.
    pub lanes: Arc<Lanes>,
    /// One permit for each write that may run or wait; all of them at once mean that none is under way.
    places: Arc<Semaphore>,
    all_places: u32,
    stopping: Arc<AtomicBool>,
}

impl Pooled {
    pub fn new(pool: Pool, options: &DbOptions) -> Pooled {
        let all_places = u32::try_from(options.queue_length.saturating_add(options.pool_size)).unwrap_or(u32::MAX);
        let all_places = all_places.min(1 << 20);
        Pooled {
            pool,
            batches: Arc::default(),
            actions: Arc::default(),
            lanes: Arc::new(Lanes::new(options)),
            places: Arc::new(Semaphore::new(all_places as usize)),
            all_places,
            stopping: Arc::default(),
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Lets the writes that are under way finish, and refuses later ones.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let none_under_way = self.places.acquire_many(self.all_places).await;
        self.places.close();
        drop(none_under_way);
        self.pool.close();
    }

    pub async fn write<W: Write>(&self, work: W) -> Result<W::Output> {
        if self.is_stopping() {
            return Err(Error::Busy(Busy::Stopping));
        }
        let place = self.places.clone().try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => Error::Busy(Busy::Queue),
            TryAcquireError::Closed => Error::Busy(Busy::Stopping),
        })?;
        if work.shares() && work.keep() {
            return self.share(work, place).await;
        }
        let pooled = self.clone();
        let task = tokio::spawn(async move {
            let result = pooled.settle(work).await;
            drop(place);
            result
        });
        task.await.unwrap_or_else(|error| Err(Error::internal(error)))
    }

    pub async fn read<R: Read>(&self, work: R) -> Result<R::Output> {
        let mut again = true;
        loop {
            let link = match work.weight() {
                Weight::Point => postgres::Link::plain(&self.pool).await?,
                Weight::Page | Weight::Scan => postgres::Link::snapshot(&self.pool).await?,
            };
            let mut rd = Rd::new(Link::Postgres(link));
            let (result, ended) = caught(work.run(&mut rd)).await;
            let link = link_of(&mut rd);
            match ended {
                Ended::Panicked => link.discard(),
                Ended::Orderly => link.leave().await,
            }
            // Once: a migration may have passed since the statement was prepared.
            if result.is_err() && link.repeat && std::mem::take(&mut again) {
                continue;
            }
            return result;
        }
    }

    /// Runs a work by itself, and lets it record that it has failed.
    pub(super) async fn settle<W: Write>(&self, work: W) -> Result<W::Output> {
        self.actions.fetch_add(1, Ordering::Relaxed);
        match self.transact(&Doing(&work)).await {
            Err(error) if is_recordable(&error) => Err(self.recorded(&work, error).await),
            result => result,
        }
    }

    /// The error of a work that has failed, once that is on record; or why it could not be recorded.
    pub(super) async fn recorded<W: Write>(&self, work: &W, error: Error) -> Error {
        match self.transact(&Recording(work, &error)).await {
            Ok(()) => error,
            Err(why) => {
                tracing::error!(%error, %why, "a failed work could not be recorded");
                why
            }
        }
    }

    /// Runs it in a transaction until it has met no other one.
    async fn transact<S: Step>(&self, step: &S) -> Result<S::Output> {
        for attempt in 0..TRIES {
            self.batches.fetch_add(1, Ordering::Relaxed);
            let mut tx = Tx::new(Link::Postgres(postgres::Link::transaction(&self.pool).await?));
            let result = attempt_once(step, &mut tx).await;
            if result.is_ok() || !link_of(&mut tx).repeat {
                return result;
            }
            drop(tx);
            pause(attempt).await;
        }
        tracing::warn!(tries = TRIES, "a transaction kept meeting others");
        Err(Error::Busy(Busy::Queue))
    }
}

/// A future with a transaction: the work itself, or its record of having failed.
trait Step: Sync {
    type Output: Send;
    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Output>> + Send;
    fn keep(&self) -> bool;
}

struct Doing<'a, W>(&'a W);

impl<W: Write> Step for Doing<'_, W> {
    type Output = W::Output;

    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<W::Output>> + Send {
        self.0.run(tx)
    }

    fn keep(&self) -> bool {
        self.0.keep()
    }
}

struct Recording<'a, W>(&'a W, &'a Error);

impl<W: Write> Step for Recording<'_, W> {
    type Output = ();

    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<()>> + Send {
        self.0.failed(tx, self.1)
    }

    fn keep(&self) -> bool {
        true
    }
}

async fn attempt_once<S: Step>(step: &S, tx: &mut Tx) -> Result<S::Output> {
    let (result, ended) = caught(async {
        let output = step.run(tx).await?;
        Ok((output, step.keep()))
    })
    .await;
    let result = honest(result, tx);
    let link = link_of(tx);
    match result {
        Ok((output, true)) => {
            let done = link.commit().await;
            // The connection is as good as before: only what failed has to be left.
            if done.is_err() {
                link.leave().await;
            }
            done.map(|()| output)
        }
        // What nobody has waited for is run all the same: what fails is no preview of what would succeed.
        Ok((output, false)) => {
            let done = link.send().await;
            link.roll_back().await?;
            done.map(|()| output)
        }
        Err(error) => {
            match ended {
                Ended::Panicked => link.discard(),
                Ended::Orderly => link.leave().await,
            }
            Err(error)
        }
    }
}

pub(super) fn link_of(rd: &mut Rd) -> &mut postgres::Link {
    match &mut rd.link {
        Link::Postgres(link) => link,
        Link::Sqlite(_) => unreachable!("the pool is PostgreSQL's"),
    }
}

/// Longer each time, and never the same for two that met: or they would meet again.
async fn pause(attempt: u32) {
    let longest = PAUSE_US << attempt.min(7);
    tokio::time::sleep(Duration::from_micros(longest / 4 + Random::System.below(longest))).await;
}
