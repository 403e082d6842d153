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

pub(crate) const INSERT_UNSEALED: &str = "INSERT INTO audit_unsealed (tenant_id, audit_id, proof) VALUES ($1, $2, $3)";

pub(crate) const UNSEALED: &str = "\
    SELECT audit_id, proof
    FROM audit_unsealed
    WHERE tenant_id = $1 AND audit_id > $2
    ORDER BY audit_id
    LIMIT $3";

pub(crate) const INSERT_CHECKPOINT: &str = "\
    INSERT INTO audit_checkpoint (tenant_id, seq, at, audit_ids, hash, signature, unproved)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Rows between two ids, with whether each waits to be sealed, and its proof.
pub(crate) const BETWEEN: &str = "\
    SELECT a.id, u.audit_id, u.proof
    FROM audit a
    LEFT JOIN audit_unsealed u ON u.tenant_id = a.tenant_id AND u.audit_id = a.id
    WHERE a.tenant_id = $1 AND a.id > $2 AND a.id <= $3
    ORDER BY a.id
    LIMIT $4";

pub(crate) const CHAIN_END: &str = "SELECT seq, hash FROM audit_chain WHERE tenant_id = $1";

pub(crate) const SAVE_CHAIN_END: &str = "\
    INSERT INTO audit_chain (tenant_id, seq, hash)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id) DO UPDATE SET seq = $2, hash = $3
    WHERE audit_chain.seq = $4";

pub(crate) const CHECKPOINTS_FROM: &str = "\
    SELECT seq, at, audit_ids, hash, signature, unproved
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
    let row = AuditRow {
        id: entry.id,
        at: entry.at,
        actor_kind: actor_kind.to_owned(),
        actor_id: actor_id.map(|id| id.into_bytes().to_vec()),
        staff_id: entry.caller.staff(),
        door: origin.door.word().to_owned(),
        action: entry.name.to_owned(),
        subject_kind: entry.subject.kind().to_owned(),
        subject_id: entry.subject.id().map(|id| id.into_bytes().to_vec()),
        outcome: entry.outcome.word().to_owned(),
        code: entry.code.map(str::to_owned),
        facts: serde_json::to_string(&entry.facts).map_err(Error::internal)?,
        request_id: origin.request_id.to_string(),
        sealed,
    };
    let proof = tenant.keys.prove(&super::chain::row_hash(&super::chain::START, tenant.id, 0, &row));
    tx.put(
        INSERT,
        params![
            tenant.id,
            row.id,
            row.at,
            row.actor_kind,
            row.actor_id,
            row.staff_id,
            row.door,
            row.action,
            row.subject_kind,
            row.subject_id,
            row.outcome,
            row.code,
            row.facts,
            row.request_id,
            row.sealed
        ],
    )
    .await?;
    tx.put(INSERT_UNSEALED, params![tenant.id, row.id, proof]).await?;
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

/// A row that waits to be sealed, and its proof.
pub(crate) type Unproved = (AuditId, Option<Vec<u8>>);

/// The ids of rows that wait to be sealed, with their proofs, oldest first, behind this one.
pub(crate) async fn unsealed(rd: &mut Rd, tenant: TenantId, behind: AuditId, limit: i64) -> Result<Vec<Unproved>> {
    let rows = rd.all(UNSEALED, params![tenant, behind, limit]).await?;
    rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
}

/// Rows behind the first id up to the second, each with its proof if it waits to be sealed.
pub(crate) async fn between(
    rd: &mut Rd,
    tenant: TenantId,
    (behind, last): (AuditId, AuditId),
    limit: i64,
) -> Result<Vec<(AuditId, Option<Option<Vec<u8>>>)>> {
    let rows = rd.all(BETWEEN, params![tenant, behind, last, limit]).await?;
    let read = |mut row: Row| {
        let (id, waits, proof): (AuditId, Option<AuditId>, Option<Vec<u8>>) = (row.take()?, row.take()?, row.take()?);
        Ok((id, waits.map(|_| proof)))
    };
    rows.into_iter().map(read).collect()
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
    /// Those of the rows that something else than this program has put into the queue.
    pub unproved: Vec<AuditId>,
}

fn read_checkpoint(mut row: Row) -> Result<CheckpointRow> {
    let (seq, at) = (row.take()?, row.take()?);
    let audit_ids = ids(row.take()?)?;
    let (hash, signature) = (row.take()?, row.take()?);
    let unproved: Option<Vec<u8>> = row.take()?;
    Ok(CheckpointRow { seq, at, audit_ids, hash, signature, unproved: ids(unproved.unwrap_or_default())? })
}

fn ids(bytes: Vec<u8>) -> Result<Vec<AuditId>> {
    let (ids, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(Error::internal("a checkpoint's list of rows is cut"));
    }
    Ok(ids.iter().map(|id| AuditId(uuid::Uuid::from_bytes(*id))).collect())
}

pub(crate) async fn insert_checkpoint(tx: &mut Tx, tenant: TenantId, checkpoint: &CheckpointRow) -> Result<()> {
    let CheckpointRow { seq, at, audit_ids, hash, signature, unproved } = checkpoint;
    let bytes = |ids: &[AuditId]| ids.iter().flat_map(AuditId::bytes).copied().collect::<Vec<u8>>();
    let named = (!unproved.is_empty()).then(|| bytes(unproved));
    tx.put(INSERT_CHECKPOINT, params![tenant, seq, at, bytes(audit_ids), hash, signature, named]).await?;
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
