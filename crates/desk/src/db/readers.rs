//! SQLite's readers: a few connections that may only read. Point reads use one inline, scans use one on a thread that may
//! block; each kind has connections of its own, so that scans never make a point read wait.

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::engine::Link;
use super::work::straight;
use super::{Rd, Read, Weight, sqlite};
use crate::error::{Busy, Error, Result};

/// The connections that may only read.
pub(super) struct Readers {
    points: Arc<Pool>,
    scans: Arc<Pool>,
}

struct Pool {
    idle: Mutex<Vec<Rd>>,
    /// As many as there are connections: who holds a permit finds one.
    permits: Semaphore,
}

impl Readers {
    pub fn open(file: &sqlite::File, points: usize, scans: usize) -> Result<Readers> {
        let pool = |count: usize| -> Result<Arc<Pool>> {
            let idle = (0..count).map(|_| Ok(Rd::new(Link::Sqlite(file.reader()?)))).collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(Pool { permits: Semaphore::new(idle.len()), idle: Mutex::new(idle) }))
        };
        Ok(Readers { points: pool(points.max(1))?, scans: pool(scans.max(1))? })
    }

    pub async fn read<R: Read>(&self, work: R) -> Result<R::Output> {
        match R::WEIGHT {
            Weight::Point => {
                let _permit = self.points.permits.acquire().await.map_err(|_| Error::Busy(Busy::Stopping))?;
                self.points.lend(|rd| straight(work.run(rd)))
            }
            Weight::Scan => {
                let pool = self.scans.clone();
                let _permit = self.scans.permits.acquire().await.map_err(|_| Error::Busy(Busy::Stopping))?;
                let task = tokio::task::spawn_blocking(move || {
                    pool.lend(|rd| {
                        begin(rd)?;
                        straight(work.run(rd))
                    })
                });
                task.await.unwrap_or_else(|error| Err(Error::internal(error)))
            }
        }
    }

    /// Nobody gets a connection any more; those at work finish.
    pub fn close(&self) {
        for pool in [&self.points, &self.scans] {
            pool.permits.close();
            pool.lock().clear();
        }
    }
}

impl Pool {
    fn lend<T>(&self, work: impl FnOnce(&mut Rd) -> Result<T>) -> Result<T> {
        let mut rd = self.lock().pop().ok_or(Error::Busy(Busy::Stopping))?;
        rd.fresh();
        let result = work(&mut rd);
        if let Link::Sqlite(link) = &rd.link {
            link.leave();
        }
        if !self.permits.is_closed() {
            self.lock().push(rd);
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Rd>> {
        self.idle.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

fn begin(rd: &mut Rd) -> Result<()> {
    match &mut rd.link {
        Link::Sqlite(link) => link.script("BEGIN"),
        Link::Postgres(_) => unreachable!("the readers are SQLite's"),
    }
}
