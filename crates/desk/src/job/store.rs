//! The jobs' SQL.

use super::NewJob;
use crate::db::{Tx, params};
use crate::error::Result;
use crate::value::clock::Time;
use crate::value::id::{JobId, TenantId};
use crate::value::random::Random;

pub(crate) const INSERT: &str = "\
    INSERT INTO job (tenant_id, id, kind, payload, state, run_at, tries, fence, created_at)
    VALUES ($1, $2, $3, $4, 'ready', $5, 0, 0, $6)";

pub(crate) const DUE: &str = "\
    SELECT tenant_id, id, kind, payload, tries, fence
    FROM job
    WHERE state = 'ready' AND run_at <= $1
    ORDER BY run_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED";

pub(crate) const LEASE: &str = "\
    UPDATE job
    SET run_at = $3, tries = tries + 1, fence = fence + 1
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const FINISH: &str = "\
    DELETE FROM job
    WHERE tenant_id = $1 AND id = $2 AND fence = $3";

pub(crate) const KEEP: &str = "\
    UPDATE job
    SET run_at = $4, tries = 1
    WHERE tenant_id = $1 AND id = $2 AND fence = $3";

pub(crate) const PUT_OFF: &str = "\
    UPDATE job
    SET run_at = $4, last_error = $5, state = $6
    WHERE tenant_id = $1 AND id = $2 AND fence = $3";

pub(crate) const RENEW: &str = "\
    UPDATE job
    SET run_at = $4
    WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND state = 'ready'";

pub(crate) const PASS_ON: &str = "\
    UPDATE job
    SET run_at = $4, tries = 0, fence = fence + 1
    WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND state = 'ready'";

pub(crate) const GIVE_UP: &str = "\
    UPDATE job
    SET state = 'dead', last_error = $3, fence = fence + 1
    WHERE tenant_id = $1 AND id = $2";

/// Not `MIN(run_at)`: PostgreSQL goes through all that are ready for it, as long as it takes the table for a small one.
pub(crate) const NEXT_DUE: &str = "\
    SELECT run_at
    FROM job
    WHERE state = 'ready' AND run_at >= 0
    ORDER BY run_at
    LIMIT 1";

pub(crate) async fn insert(tx: &mut Tx, tenant: TenantId, random: &Random, now: Time, job: NewJob) -> Result<()> {
    let id = JobId::new(now, random);
    tx.put(INSERT, params![tenant, id, job.kind, job.payload.to_string(), job.run_at, now]).await?;
    Ok(())
}
