//! The worker: does what must happen outside a request. It leases jobs, does the outside call, and comes back to the desk
//! as the house. Delivery is at least once: a process that dies between handing a message over and recording it hands it
//! over again. Every process has a worker; leases keep them out of each other's way.

mod bulk;
mod callbacks;
mod housekeeping;
mod jobs;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use desk::Desk;
use desk::job::queue::LEASE_SECONDS;
use desk::job::{LeasedJob, MAX_TRIES};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::callbacks::Lines;
use crate::outside::Outside;

/// Jobs done at the same time.
const AT_ONCE: usize = 8;
/// The longest nap: another process may have left a job.
const NAP: Duration = Duration::from_secs(1);
/// The shortest: after a burst of changes one look is enough.
const BREATH: Duration = Duration::from_millis(5);
/// How often the lease of a job that is being done is renewed: a few times before it runs out.
const RENEWED: Duration = Duration::from_secs(3);
/// How long what has begun may take once we are told to stop.
const LAST_WORK: Duration = Duration::from_secs(10);

/// What the worker works with.
#[derive(Clone)]
pub struct Worker {
    desk: Desk,
    outside: Arc<Outside>,
    public_url: String,
    lines: Lines,
    /// Where the ends of the audit are written.
    witness: Option<PathBuf>,
    /// Told to those who are at something long.
    stop: watch::Receiver<bool>,
}

impl Worker {
    /// A worker at this desk.
    pub fn new(desk: Desk, outside: Arc<Outside>, public_url: String, stop: watch::Receiver<bool>) -> Worker {
        Worker { desk, outside, public_url, lines: Lines::default(), witness: None, stop }
    }

    /// Writes the ends of the audit to this file.
    pub fn with_witness(self, witness: Option<PathBuf>) -> Worker {
        Worker { witness, ..self }
    }

    /// Works until told to stop, then finishes what has begun.
    pub async fn run(self) {
        let mut stop = self.stop.clone();
        let mut keeping = tokio::spawn(housekeeping::run(self.desk.clone(), self.witness.clone(), stop.clone()));
        let mut running = JoinSet::new();
        while !*stop.borrow() {
            let free = AT_ONCE.saturating_sub(running.len());
            let nap = if free == 0 { NAP } else { self.begin(free, &mut running).await };
            tokio::select! {
                told = stop.changed() => if told.is_err() { break },
                Some(_) = running.join_next() => {}
                () = self.desk.wait_for_work(nap), if free > 0 => tokio::time::sleep(BREATH).await,
            }
        }
        let rest = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORK, rest).await.is_err() {
            tracing::warn!("some jobs were not finished; they come due again when their lease runs out");
        }
        // It seals what is left, and gives its leases back.
        if tokio::time::timeout(LAST_WORK, &mut keeping).await.is_err() {
            keeping.abort();
        }
    }

    /// Begins what is due, and says how long there will be nothing to do.
    async fn begin(&self, free: usize, running: &mut JoinSet<()>) -> Duration {
        self.lease(free, running).await.unwrap_or_else(|fault| {
            tracing::warn!(code = fault.code(), "jobs could not be looked for");
            NAP
        })
    }

    async fn lease(&self, free: usize, running: &mut JoinSet<()>) -> desk::Result<Duration> {
        let Some(due) = self.desk.next_job_due().await? else { return Ok(NAP) };
        let wait = due.0.saturating_sub(self.desk.now().0);
        if wait > 0 {
            return Ok(Duration::from_micros(u64::try_from(wait).unwrap_or(0)).clamp(BREATH, NAP));
        }
        for job in self.desk.lease_jobs(i64::try_from(free).unwrap_or(1)).await? {
            running.spawn(self.clone().finish(job));
        }
        // Whether there are more is seen at the next look.
        Ok(BREATH)
    }

    /// Waits for the work and renews the job's lease meanwhile. Nothing if another worker has the job by now: then this one
    /// stops, so that nothing is done twice.
    async fn while_leased(
        &self,
        job: &LeasedJob,
        mut work: JoinHandle<Result<(), String>>,
    ) -> Option<Result<(), String>> {
        loop {
            tokio::select! {
                did = &mut work => return Some(did.unwrap_or_else(|_| Err("panicked".to_owned()))),
                () = tokio::time::sleep(RENEWED) => match self.desk.renew_job(job, LEASE_SECONDS).await {
                    Ok(true) => {}
                    // It may also have let go of the job itself, and then it is about to end.
                    Ok(false) => {
                        work.abort();
                        return None;
                    }
                    Err(fault) => tracing::warn!(job = %job.id, code = fault.code(), "a lease could not be renewed"),
                }
            }
        }
    }

    /// Does one job and records what became of it. A job that panics is one that failed.
    async fn finish(self, job: LeasedJob) {
        let kind = job.kind.word();
        let (worker, own) = (self.clone(), job.clone());
        let work = tokio::spawn(async move { worker.work(&own).await });
        let Some(did) = self.while_leased(&job, work).await else {
            tracing::warn!(job = %job.id, kind, "the lease of a job was lost: another worker goes on with it");
            return;
        };
        let (outcome, recorded) = match did {
            Ok(()) => ("done", self.desk.finish_job(job).await),
            Err(why) => {
                let last = job.tries >= MAX_TRIES;
                let outcome = if last { "given_up" } else { "put_off" };
                tracing::warn!(job = %job.id, kind, tries = job.tries, outcome, why, "a job failed");
                if last {
                    self.give_up(&job, &why).await;
                }
                (outcome, self.desk.put_off_job(job, &why).await)
            }
        };
        metrics::counter!("bursar_jobs_total", "kind" => kind, "outcome" => outcome).increment(1);
        if let Err(fault) = recorded {
            tracing::warn!(kind, code = fault.code(), "the end of a job could not be recorded; it comes again");
        }
    }
}

#[cfg(test)]
mod tests {
    use desk::import::{Format, Naming};
    use desk::testing::TestDesk;
    use desk::value::clock::SECOND;

    use super::*;

    /// A job that was begun: an import of one row.
    async fn begun(t: &TestDesk) -> LeasedJob {
        let mut staging = t.desk.stage_import(&t.house(), Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(b"external_id,last_name\n1,Reyes\n").await.unwrap();
        let start = staging.finish().await.unwrap();
        t.desk.perform(&t.house(), start).await.unwrap();
        t.desk.lease_jobs(10).await.unwrap().pop().unwrap()
    }

    fn worker(t: &TestDesk) -> Worker {
        let outside = Outside { mail: None, sms: None, partners: crate::outside::impatient() };
        let (_, stop) = watch::channel(false);
        Worker::new(t.desk.clone(), Arc::new(outside), "https://bank.example".to_owned(), stop)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_is_renewed_while_the_work_runs_and_a_worker_that_lost_it_stops() {
        for t in TestDesk::all().await {
            let job = begun(&t).await;
            let (worker, tenant) = (worker(&t), t.tenant);
            // Nearly over when it is renewed, twice.
            let clock = t.clock.clone();
            let work = tokio::spawn(async move {
                for _ in 0..2 {
                    clock.advance((LEASE_SECONDS - 1) * SECOND);
                    tokio::time::sleep(RENEWED + Duration::from_millis(500)).await;
                }
                Ok(())
            });
            assert_eq!(worker.while_leased(&job, work).await, Some(Ok(())));
            assert!(t.desk.lease_jobs(10).await.unwrap().is_empty(), "it is still this worker's");
            // It was away for too long: another has the job, and what this one was at ends.
            t.clock.advance(LEASE_SECONDS * SECOND);
            let taken = t.desk.lease_jobs(10).await.unwrap().pop().unwrap();
            assert_eq!((taken.id, taken.tenant), (job.id, tenant));
            let endless = tokio::spawn(std::future::pending::<Result<(), String>>());
            let stops = endless.abort_handle();
            assert_eq!(worker.while_leased(&job, endless).await, None);
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(stops.is_finished());
            // What it says of the job now changes nothing.
            t.desk.finish_job(job).await.unwrap();
            assert!(t.desk.renew_job(&taken, LEASE_SECONDS).await.unwrap());
        }
    }
}
