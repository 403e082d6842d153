//! Requests that must take effect once only: the answer is kept, sealed, in the transaction of its effect. Two at the
//! same time: the second waits for the first (PostgreSQL) or comes after it (SQLite), and then gets its answer.

use crate::db::{Tx, params};
use crate::door::Once;
use crate::error::{Conflict, Error, Result};
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id::TenantId;
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};

pub(crate) const CLAIM: &str = "\
    INSERT INTO idempotency (tenant_id, caller, key, request_hash, created_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, caller, key) DO NOTHING";

pub(crate) const FIND: &str = "\
    SELECT request_hash, answer
    FROM idempotency
    WHERE tenant_id = $1 AND caller = $2 AND key = $3";

pub(crate) const KEEP: &str = "\
    UPDATE idempotency
    SET answer = $4
    WHERE tenant_id = $1 AND caller = $2 AND key = $3";

pub(crate) const SWEEP: &str = "DELETE FROM idempotency WHERE created_at < $1";

fn place<'a>(tenant: &Tenant, row: &'a [u8]) -> Place<'a> {
    Place { tenant: tenant.id, table: "idempotency", column: "answer", row }
}

/// Whether this is the first time; the row then belongs to this transaction.
pub(crate) async fn claim(tx: &mut Tx, tenant: TenantId, caller: &str, once: &Once, now: Time) -> Result<bool> {
    Ok(tx.run(CLAIM, params![tenant, caller, once.key, once.request_hash, now]).await? == 1)
}

/// The kept answer of the same request; another request with this key is a conflict.
pub(crate) async fn find(tx: &mut Tx, tenant: &Tenant, caller: &str, once: &Once) -> Result<Option<Vec<u8>>> {
    let Some(mut row) = tx.find(FIND, params![tenant.id, caller, once.key]).await? else { return Ok(None) };
    let hash: Vec<u8> = row.take()?;
    if hash != once.request_hash {
        return Err(Error::Conflict(Conflict::KeyReused));
    }
    let sealed: Option<Vec<u8>> = row.take()?;
    sealed.map(|sealed| tenant.keys.open(&place(tenant, once.key.as_bytes()), &sealed)).transpose()
}

/// Keeps the answer.
pub(crate) async fn keep(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    caller: &str,
    once: &Once,
    answer: &[u8],
) -> Result<()> {
    let sealed = tenant.keys.seal(&place(tenant, once.key.as_bytes()), answer, random);
    tx.put(KEEP, params![tenant.id, caller, once.key, sealed]).await?;
    Ok(())
}
