//! Bulk actions: slice after slice, each a short transaction, so that everybody else's changes pass between two of them.
//! How far it has come is saved with each slice; the job only says that somebody is at it.

use std::time::{Duration, Instant};

use desk::bulk::{BulkState, GiveUpBulk, RunBulkSlice};
use desk::job::{LeasedJob, MAX_TRIES};
use desk::value::id::BulkId;
use desk::{Caller, Error};

use super::Worker;

/// How long a slice should take: others wait for it.
const SLICE: Duration = Duration::from_millis(50);
/// Users in the first slice, and at least and at most in a later one.
const FIRST: i64 = 100;
const LEAST: i64 = 10;
const MOST: i64 = 1_000;
/// How long a worker is at it before it lets other jobs have their turn: there may be more bulk actions than workers.
const AT_IT: Duration = Duration::from_secs(5);

impl Worker {
    /// Goes on with a bulk action until it is over, rests, or is another worker's.
    pub(super) async fn run_bulk(&self, house: &Caller, bulk: BulkId, job: &LeasedJob) -> Result<(), String> {
        let since = Instant::now();
        let mut limit = FIRST;
        loop {
            let began = Instant::now();
            let slice = match self.desk.perform(house, RunBulkSlice { bulk, limit }).await {
                Ok(slice) => slice,
                Err(Error::NotFound(_)) => return Ok(()),
                Err(fault) => return self.not_now(house, bulk, job, &fault).await,
            };
            metrics::counter!("bursar_bulk_users_total").increment(u64::try_from(slice.handled).unwrap_or(0));
            if slice.state != BulkState::Running {
                return Ok(());
            }
            // What was done is saved, and whoever takes the job goes on behind it.
            if since.elapsed() >= AT_IT || *self.stop.borrow() {
                return self.desk.pass_on_job(job).await.map_err(|fault| fault.code().to_owned());
            }
            limit = next_limit(limit, slice.handled, began.elapsed());
            self.desk.db().settle().await.map_err(|fault| fault.code().to_owned())?;
        }
    }

    /// A slice failed: it comes again after a pause, until it has failed too often.
    async fn not_now(&self, house: &Caller, bulk: BulkId, job: &LeasedJob, fault: &Error) -> Result<(), String> {
        let code = fault.code();
        if job.tries >= MAX_TRIES {
            self.desk.perform(house, GiveUpBulk { bulk, code }).await.map_err(|fault| fault.code().to_owned())?;
        }
        Err(code.to_owned())
    }
}

/// So many users as would have taken the time that a slice should take; never more than twice as many as before.
fn next_limit(limit: i64, handled: i64, took: Duration) -> i64 {
    if handled < limit {
        return limit;
    }
    let fitting = i64::try_from(SLICE.as_micros()).unwrap_or(1) * limit
        / i64::try_from(took.as_micros()).unwrap_or(i64::MAX).max(1);
    fitting.min(limit * 2).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_and_shrink_towards_their_time() {
        let ms = Duration::from_millis;
        assert_eq!(next_limit(100, 100, ms(50)), 100);
        assert_eq!(next_limit(100, 100, ms(10)), 200);
        assert_eq!(next_limit(100, 100, ms(40)), 125);
        assert_eq!(next_limit(100, 100, ms(500)), 10);
        assert_eq!(next_limit(100, 3, ms(1)), 100, "a slice that found few says nothing");
        assert_eq!(next_limit(1_000, 1_000, Duration::ZERO), 1_000);
    }
}
