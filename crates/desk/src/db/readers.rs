//! SQLite's readers: a few connections that may only read. Point reads and pages use one inline, scans use one on a thread that
//! may block; each kind has connections of its own, so that scans never make a point read wait. A scan is interrupted when
//! its caller has gone or when it takes too long, since the log cannot be folded in while it looks at an old state.
//!
//! Another thread costs a page more than its users do: two changes of threads, and memory that one processor gives and the
//! other takes back. So a page is read inline as far as `PAGE_STEPS` go, which few need, and as a scan from the beginning
//! where they are not enough.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::InterruptHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::engine::Link;
use super::work::straight;
use super::{DbOptions, Rd, Read, Weight, sqlite};
use crate::error::{Busy, Error, Result};

/// SQLite's steps within which a page is read inline: one to five milliseconds. A page of fifty users takes a tenth of them.
const PAGE_STEPS: i64 = 100_000;

/// The connections that may only read.
pub(super) struct Readers {
    points: Pool,
    scans: Pool,
    scan_limit: Duration,
}

#[derive(Clone)]
struct Pool {
    idle: Arc<Mutex<Vec<Rd>>>,
    /// As many as there are connections: who holds a permit finds one.
    permits: Arc<Semaphore>,
    count: u32,
}

/// How long those at work may take to come back once the readers are closed.
const LAST_READS: Duration = Duration::from_secs(2);

impl Readers {
    pub fn open(file: &sqlite::File, options: &DbOptions) -> Result<Readers> {
        let points = Pool::open(file, options.readers)?;
        let scans = Pool::open(file, options.scanners)?;
        Ok(Readers { points, scans, scan_limit: options.statement_timeout })
    }

    pub async fn read<R: Read>(&self, work: R) -> Result<R::Output> {
        match work.weight() {
            Weight::Point => {
                let mut lent = self.points.lend().await?;
                straight(work.run(lent.rd()))
            }
            Weight::Page => {
                let mut lent = self.points.lend().await?;
                lent.link().allow_steps(PAGE_STEPS);
                let result = begin(lent.rd()).and_then(|()| straight(work.run(lent.rd())));
                let is_long = !lent.link().allow_all_steps();
                drop(lent);
                if is_long { self.scan(work).await } else { result }
            }
            Weight::Scan => self.scan(work).await,
        }
    }

    async fn scan<R: Read>(&self, work: R) -> Result<R::Output> {
        let mut lent = self.scans.lend().await?;
        let scan = Scan::of(&mut lent);
        let running = scan.0.clone();
        let task = tokio::task::spawn_blocking(move || {
            // The permit travels along, so that a caller who goes away does not free a connection still in use.
            let result = begin(lent.rd()).and_then(|()| straight(work.run(lent.rd())));
            // From here on an interruption would hit somebody else.
            running.lock().unwrap_or_else(|broken| broken.into_inner()).take();
            drop(lent);
            result
        });
        let mut task = std::pin::pin!(task);
        let done = match tokio::time::timeout(self.scan_limit, task.as_mut()).await {
            Ok(done) => done,
            Err(_) => {
                scan.interrupt();
                task.await
            }
        };
        done.unwrap_or_else(|error| Err(Error::internal(error)))
    }

    /// Nobody gets a connection any more; those at work finish, and for a while they are waited for.
    pub async fn close(&self) {
        for pool in [&self.points, &self.scans] {
            let all_are_back = tokio::time::timeout(LAST_READS, pool.permits.acquire_many(pool.count)).await;
            pool.permits.close();
            pool.lock().clear();
            drop(all_are_back);
        }
    }
}

impl Pool {
    fn open(file: &sqlite::File, count: usize) -> Result<Pool> {
        let idle: Vec<_> =
            (0..count.max(1)).map(|_| Ok(Rd::new(Link::Sqlite(file.reader()?)))).collect::<Result<_>>()?;
        let count = u32::try_from(idle.len()).unwrap_or(u32::MAX);
        Ok(Pool { permits: Arc::new(Semaphore::new(idle.len())), idle: Arc::new(Mutex::new(idle)), count })
    }

    async fn lend(&self) -> Result<Lent> {
        let stopping = || Error::Busy(Busy::Stopping);
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| stopping())?;
        let mut rd = self.lock().pop().ok_or_else(stopping)?;
        rd.fresh();
        Ok(Lent { rd: Some(rd), pool: self.clone(), _permit: permit })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rd>> {
        self.idle.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

/// A connection out of the pool. Goes back when dropped, without its transaction.
struct Lent {
    rd: Option<Rd>,
    pool: Pool,
    _permit: OwnedSemaphorePermit,
}

impl Lent {
    fn rd(&mut self) -> &mut Rd {
        self.rd.as_mut().expect("a lent connection is there until it goes back")
    }

    fn link(&mut self) -> &mut sqlite::Link {
        link_of(self.rd())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.link().leave();
        if let Some(rd) = self.rd.take()
            && !self.pool.permits.is_closed()
        {
            self.pool.lock().push(rd);
        }
    }
}

/// A running scan, as its caller sees it: interrupted when the caller goes.
struct Scan(Arc<Mutex<Option<InterruptHandle>>>);

impl Scan {
    fn of(lent: &mut Lent) -> Scan {
        Scan(Arc::new(Mutex::new(Some(lent.link().conn.get_interrupt_handle()))))
    }

    fn interrupt(&self) {
        if let Some(handle) = &*self.0.lock().unwrap_or_else(|broken| broken.into_inner()) {
            handle.interrupt();
        }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.interrupt();
    }
}

fn begin(rd: &mut Rd) -> Result<()> {
    link_of(rd).script("BEGIN")
}

fn link_of(rd: &mut Rd) -> &mut sqlite::Link {
    match &mut rd.link {
        Link::Sqlite(link) => link,
        Link::Postgres(_) => unreachable!("the readers are SQLite's"),
    }
}
