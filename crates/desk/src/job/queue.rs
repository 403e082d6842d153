//! The queue as the worker sees it: lease what is due, finish it or put it off. Bookkeeping of the house itself, not an
//! action on anybody's data: what a job then does goes through the door.

use serde_json::Value;

use super::{JobKind, store};
use crate::db::{Rd, Read, Tx, Write, params};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::value::clock::{SECOND, Time};
use crate::value::id::{JobId, TenantId};

/// Tries before a job is given up.
pub const MAX_TRIES: i64 = 10;
/// How long a job is a worker's until it renews the lease. Work that takes longer renews it while it runs; so long a job
/// waits whose process died.
pub const LEASE_SECONDS: i64 = 10;

/// A job in the hands of a worker.
#[derive(Debug, Clone)]
pub struct LeasedJob {
    /// Whose.
    pub tenant: TenantId,
    /// The job.
    pub id: JobId,
    /// What to do.
    pub kind: JobKind,
    /// On what; ids only.
    pub payload: Value,
    /// Which try this is, from 1.
    pub tries: i64,
    fence: i64,
}

struct Lease {
    now: Time,
    limit: i64,
}

impl Write for Lease {
    type Output = Vec<LeasedJob>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<LeasedJob>> {
        let rows = tx.all(store::DUE, params![self.now, self.limit]).await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for mut row in rows {
            let (tenant, id): (TenantId, JobId) = (row.take()?, row.take()?);
            let kind: JobKind = row.take()?;
            let payload: String = row.take()?;
            let payload = serde_json::from_str(&payload).map_err(Error::internal)?;
            let (tries, fence): (i64, i64) = (row.take()?, row.take()?);
            if tries >= MAX_TRIES {
                // It has been begun so often and never ended: no worker survived it, so no worker gets it again.
                tracing::warn!(job = %id, kind = kind.word(), tries, "a job was begun too often without an end: given up");
                tx.put(store::GIVE_UP, params![tenant, id, "begun too often without an end"]).await?;
                continue;
            }
            tx.put(store::LEASE, params![tenant, id, self.now.plus(LEASE_SECONDS * SECOND)]).await?;
            jobs.push(LeasedJob { tenant, id, kind, payload, tries: tries + 1, fence: fence + 1 });
        }
        Ok(jobs)
    }
}

struct Finish(LeasedJob);

impl Write for Finish {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        // No row means that the lease ran out and another worker has the job: it will finish it.
        tx.put(store::FINISH, params![self.0.tenant, self.0.id, self.0.fence]).await?;
        Ok(())
    }
}

struct Renew {
    sql: &'static str,
    job: LeasedJob,
    until: Time,
}

impl Write for Renew {
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        let job = &self.job;
        Ok(tx.run(self.sql, params![job.tenant, job.id, job.fence, self.until]).await? == 1)
    }
}

struct PassOn {
    job: LeasedJob,
    until: Time,
}

impl Write for PassOn {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let job = &self.job;
        tx.put(store::PASS_ON, params![job.tenant, job.id, job.fence, self.until]).await?;
        Ok(())
    }
}

struct PutOff {
    job: LeasedJob,
    until: Time,
    error: String,
    give_up: bool,
}

impl Write for PutOff {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let state = if self.give_up { "dead" } else { "ready" };
        let job = &self.job;
        tx.put(store::PUT_OFF, params![job.tenant, job.id, job.fence, self.until, self.error, state]).await?;
        Ok(())
    }
}

struct NextDue;

impl Read for NextDue {
    type Output = Option<Time>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Time>> {
        rd.find(store::NEXT_DUE, params![]).await?.map(|mut row| row.take()).transpose()
    }
}

impl Desk {
    /// Takes at most so many jobs that are due; each is this worker's for `LEASE_SECONDS`.
    pub async fn lease_jobs(&self, limit: i64) -> Result<Vec<LeasedJob>> {
        // The look costs a read; only a due job costs a write.
        let now = self.now();
        match self.inner.db.read(NextDue).await? {
            Some(due) if due <= now => self.inner.db.write(Lease { now, limit }).await,
            _ => Ok(Vec::new()),
        }
    }

    /// When the next job comes due.
    pub async fn next_job_due(&self) -> Result<Option<Time>> {
        self.inner.db.read(NextDue).await
    }

    /// Makes a lease end so many seconds from now. `false`: it had run out, and the job is another worker's.
    pub async fn renew_job(&self, job: &LeasedJob, seconds: i64) -> Result<bool> {
        let until = self.now().plus(seconds * SECOND);
        self.inner.db.write(Renew { sql: store::RENEW, job: job.clone(), until }).await
    }

    /// Lets go of a job that has come on and takes longer: it is due again at once, behind whatever has waited, and its
    /// failed tries are forgotten. This worker no longer has it: finishing it afterwards does nothing.
    pub async fn pass_on_job(&self, job: &LeasedJob) -> Result<()> {
        self.rest_job(job, self.now()).await
    }

    /// Lets go of a job whose time has not come: it is due again then, and nothing of it has failed. This worker no longer
    /// has it.
    pub async fn rest_job(&self, job: &LeasedJob, until: Time) -> Result<()> {
        self.inner.db.write(PassOn { job: job.clone(), until }).await
    }

    /// The job is done.
    pub async fn finish_job(&self, job: LeasedJob) -> Result<()> {
        self.inner.db.write(Finish(job)).await
    }

    /// The job gets on, and is this worker's for so many seconds more (none: it comes due at once). What gets on has not
    /// failed, however often it was begun. `false`: another worker has it.
    pub async fn keep_job(&self, job: &LeasedJob, seconds: i64) -> Result<bool> {
        let until = self.now().plus(seconds * SECOND);
        self.inner.db.write(Renew { sql: store::KEEP, job: job.clone(), until }).await
    }

    /// The job failed: it comes again after a growing pause, or is given up. The text must not name people.
    pub async fn put_off_job(&self, job: LeasedJob, error: &str) -> Result<()> {
        let pause = (2_i64.saturating_pow(job.tries.min(12) as u32)).min(3600);
        let give_up = job.tries >= MAX_TRIES;
        let error = error.chars().take(300).collect();
        self.inner.db.write(PutOff { until: self.now().plus(pause * SECOND), job, error, give_up }).await
    }
}
