//! The audit's SQL. Rows are written by the door alone and never changed; the chain stands beside them, in checkpoints
//! that list them.

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::db::{Param, Rd, Row, ToParam, Tx, params, slots};
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id::{AuditId, StaffId, TenantId};
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};

/// What of an audit row may say who somebody is; sealed with the tenant's key.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf: Option<String>,
}

/// A row as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct AuditRow {
    pub id: AuditId,
    pub at: Time,
    pub actor_kind: String,
    pub actor_id: Option<Vec<u8>>,
    pub staff_id: Option<StaffId>,
    pub door: String,
    pub action: String,
    pub subject_kind: String,
    pub subject_id: Option<Vec<u8>>,
    pub outcome: String,
    pub code: Option<String>,
    pub facts: String,
    pub request_id: String,
    pub sealed: Option<Vec<u8>>,
}

macro_rules! columns {
    () => {
        "id, at, actor_kind, actor_id, staff_id, door, action, subject_kind, subject_id, outcome, code, facts, \
         request_id, sealed"
    };
}

/// The columns that `read` takes, for queries that are put together elsewhere.
pub(crate) const COLUMNS: &str = columns!();

pub(crate) const INSERT: &str = "\
    INSERT INTO audit (tenant_id, id, at, actor_kind, actor_id, staff_id, door, action, subject_kind, subject_id,
                       outcome, code, facts, request_id, sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

pub(crate) const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE tenant_id = $1 AND id < $2 AND at >= $3 AND at < $4 ORDER BY id DESC LIMIT $5"
);

pub(crate) const PAGE_OF_SUBJECT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE tenant_id = $1 AND subject_id = $6 AND id < $2 AND at >= $3 AND at < $4 ORDER BY id DESC LIMIT $5"
);

pub(crate) const PAGE_OF_ACTOR_KIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE tenant_id = $1 AND actor_kind = $6 AND id < $2 AND at >= $3 AND at < $4 ORDER BY id DESC LIMIT $5"
);

pub(crate) const PAGE_OF_SUBJECT_AND_ACTOR_KIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE tenant_id = $1 AND subject_id = $6 AND actor_kind = $7 AND id < $2 AND at >= $3 AND at < $4 \
     ORDER BY id DESC LIMIT $5"
);

pub(crate) const INSERT_UNSEALED: &str = "INSERT INTO audit_unsealed (tenant_id, audit_id) VALUES ($1, $2)";

pub(crate) const UNSEALED: &str = "\
    SELECT audit_id
    FROM audit_unsealed
    WHERE tenant_id = $1 AND audit_id > $2
    ORDER BY audit_id
    LIMIT $3";

pub(crate) const INSERT_CHECKPOINT: &str = "\
    INSERT INTO audit_checkpoint (tenant_id, seq, at, audit_ids, hash, signature)
    VALUES ($1, $2, $3, $4, $5, $6)";

pub(crate) const CHAIN_END: &str = "SELECT seq, hash FROM audit_chain WHERE tenant_id = $1";

pub(crate) const SAVE_CHAIN_END: &str = "\
    INSERT INTO audit_chain (tenant_id, seq, hash)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id) DO UPDATE SET seq = $2, hash = $3
    WHERE audit_chain.seq = $4";

pub(crate) const CHECKPOINTS_FROM: &str = "\
    SELECT seq, at, audit_ids, hash, signature
    FROM audit_checkpoint
    WHERE tenant_id = $1 AND seq >= $2
    ORDER BY seq
    LIMIT $3";

/// The rows with so many ids, in the order of their ids.
pub(crate) fn some_sql(count: usize) -> String {
    format!("SELECT {COLUMNS} FROM audit WHERE tenant_id = $1 AND id IN ({}) ORDER BY id", slots(2, count))
}

/// Takes so many rows off the queue of what is to be sealed, the first and the last of them said besides: PostgreSQL would go
/// through all that it has not cleared away yet.
pub(crate) fn delete_unsealed_sql(count: usize) -> String {
    format!(
        "DELETE FROM audit_unsealed WHERE tenant_id = $1 AND audit_id >= $2 AND audit_id <= $3 AND audit_id IN ({})",
        slots(4, count)
    )
}

fn place(tenant: TenantId, id: &AuditId) -> Place<'_> {
    Place { tenant, table: "audit", column: "sealed", row: id.bytes() }
}

/// Writes one row.
pub(crate) async fn record(tx: &mut Tx, tenant: &Tenant, random: &Random, entry: Entry<'_>) -> Result<()> {
    let origin = &entry.caller.origin;
    let sealed = Sealed {
        reason: entry.reason.map(str::to_owned),
        address: origin.address.map(|address| address.to_string()),
        on_behalf: origin.on_behalf.clone(),
    };
    let sealed = if sealed == Sealed::default() {
        None
    } else {
        let plain = serde_json::to_vec(&sealed).map_err(Error::internal)?;
        Some(tenant.keys.seal(&place(tenant.id, &entry.id), &plain, random))
    };
    let (actor_kind, actor_id) = entry.caller.actor();
    let facts = serde_json::to_string(&entry.facts).map_err(Error::internal)?;
    tx.put(
        INSERT,
        params![
            tenant.id,
            entry.id,
            entry.at,
            actor_kind,
            actor_id.map(|id| id.into_bytes()),
            entry.caller.staff(),
            origin.door,
            entry.name,
            entry.subject.kind(),
            entry.subject.id().map(|id| id.into_bytes()),
            entry.outcome,
            entry.code,
            facts,
            origin.request_id,
            sealed
        ],
    )
    .await?;
    tx.put(INSERT_UNSEALED, params![tenant.id, entry.id]).await?;
    Ok(())
}

/// Opens what is sealed in a row.
pub(crate) fn open(tenant: &Tenant, row: &AuditRow) -> Result<Sealed> {
    let Some(sealed) = &row.sealed else { return Ok(Sealed::default()) };
    let plain = tenant.keys.open(&place(tenant.id, &row.id), sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

pub(crate) fn read(mut row: Row) -> Result<AuditRow> {
    Ok(AuditRow {
        id: row.take()?,
        at: row.take()?,
        actor_kind: row.take()?,
        actor_id: row.take()?,
        staff_id: row.take()?,
        door: row.take()?,
        action: row.take()?,
        subject_kind: row.take()?,
        subject_id: row.take()?,
        outcome: row.take()?,
        code: row.take()?,
        facts: row.take()?,
        request_id: row.take()?,
        sealed: row.take()?,
    })
}

/// The ids of rows that wait to be sealed, oldest first, behind this one.
pub(crate) async fn unsealed(rd: &mut Rd, tenant: TenantId, behind: AuditId, limit: i64) -> Result<Vec<AuditId>> {
    rd.all(UNSEALED, params![tenant, behind, limit]).await?.into_iter().map(|mut row| row.take()).collect()
}

/// The rows with these ids that are there, by id; at most a few hundred at once.
pub(crate) async fn some(rd: &mut Rd, tenant: TenantId, ids: &[AuditId]) -> Result<Vec<AuditRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    rd.all(some_sql(ids.len()), &with_ids(&tenant, ids)).await?.into_iter().map(read).collect()
}

/// Takes rows off the queue, in the order of their ids; answers how many were in it.
pub(crate) async fn sealed(tx: &mut Tx, tenant: TenantId, ids: &[AuditId]) -> Result<u64> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(0) };
    let mut params = params![tenant, first, last].to_vec();
    params.extend(ids.iter().map(ToParam::to_param));
    tx.run(delete_unsealed_sql(ids.len()), &params).await
}

fn with_ids<'a>(tenant: &'a TenantId, ids: &'a [AuditId]) -> Vec<Param<'a>> {
    std::iter::once(tenant.to_param()).chain(ids.iter().map(ToParam::to_param)).collect()
}

/// A signed end of the chain, with the rows that it adds.
#[derive(Debug, Clone)]
pub(crate) struct CheckpointRow {
    pub seq: i64,
    pub at: Time,
    pub audit_ids: Vec<AuditId>,
    pub hash: Vec<u8>,
    pub signature: Vec<u8>,
}

fn read_checkpoint(mut row: Row) -> Result<CheckpointRow> {
    let (seq, at) = (row.take()?, row.take()?);
    let ids: Vec<u8> = row.take()?;
    let (ids, rest) = ids.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(Error::internal("a checkpoint's list of rows is cut"));
    }
    let audit_ids = ids.iter().map(|id| AuditId(uuid::Uuid::from_bytes(*id))).collect();
    Ok(CheckpointRow { seq, at, audit_ids, hash: row.take()?, signature: row.take()? })
}

pub(crate) async fn insert_checkpoint(tx: &mut Tx, tenant: TenantId, checkpoint: &CheckpointRow) -> Result<()> {
    let CheckpointRow { seq, at, audit_ids, hash, signature } = checkpoint;
    let ids: Vec<u8> = audit_ids.iter().flat_map(AuditId::bytes).copied().collect();
    tx.put(INSERT_CHECKPOINT, params![tenant, seq, at, ids, hash, signature]).await?;
    // Only on from where it ended: two sealers that meet must not fork the chain.
    let before = seq - audit_ids.len() as i64;
    if tx.run(SAVE_CHAIN_END, params![tenant, seq, hash, before]).await? != 1 {
        return Err(Error::internal("the chain was continued by somebody else at the same time"));
    }
    Ok(())
}

/// Number and hash of the chain's last row; nothing before the first sealing.
pub(crate) async fn chain_end(rd: &mut Rd, tenant: TenantId) -> Result<Option<(i64, Vec<u8>)>> {
    let row = rd.find(CHAIN_END, params![tenant]).await?;
    row.map(|mut row| Ok((row.take()?, row.take()?))).transpose()
}

/// The checkpoints from this number on.
pub(crate) async fn checkpoints_from(
    rd: &mut Rd,
    tenant: TenantId,
    seq: i64,
    limit: i64,
) -> Result<Vec<CheckpointRow>> {
    rd.all(CHECKPOINTS_FROM, params![tenant, seq, limit]).await?.into_iter().map(read_checkpoint).collect()
}
