//! The audit's SQL. Rows are written by the door alone and never changed, but for `seq` and `hash`, which are set once.

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::db::{Rd, Row, Tx, params};
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
    pub seq: Option<i64>,
    pub hash: Option<Vec<u8>>,
}

macro_rules! columns {
    () => {
        "id, at, actor_kind, actor_id, staff_id, door, action, subject_kind, subject_id, outcome, code, facts, \
         request_id, sealed, seq, hash"
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

pub(crate) const UNSEALED: &str =
    concat!("SELECT ", columns!(), " FROM audit WHERE tenant_id = $1 AND seq IS NULL ORDER BY id LIMIT $2");

pub(crate) const AFTER_SEQ: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE tenant_id = $1 AND seq IS NOT NULL AND seq > $2 ORDER BY seq LIMIT $3"
);

pub(crate) const SEAL: &str = "\
    UPDATE audit
    SET seq = $3, hash = $4
    WHERE tenant_id = $1 AND id = $2 AND seq IS NULL";

pub(crate) const INSERT_CHECKPOINT: &str = "\
    INSERT INTO audit_checkpoint (tenant_id, seq, at, hash, signature)
    VALUES ($1, $2, $3, $4, $5)";

pub(crate) const LAST_CHECKPOINT: &str = "\
    SELECT seq, at, hash, signature
    FROM audit_checkpoint
    WHERE tenant_id = $1
    ORDER BY seq DESC
    LIMIT 1";

pub(crate) const CHECKPOINTS_AFTER: &str = "\
    SELECT seq, at, hash, signature
    FROM audit_checkpoint
    WHERE tenant_id = $1 AND seq > $2
    ORDER BY seq
    LIMIT $3";

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
    tx.run(
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
        seq: row.take()?,
        hash: row.take()?,
    })
}

pub(crate) async fn unsealed(rd: &mut Rd, tenant: TenantId, limit: i64) -> Result<Vec<AuditRow>> {
    rd.all(UNSEALED, params![tenant, limit]).await?.into_iter().map(read).collect()
}

pub(crate) async fn after_seq(rd: &mut Rd, tenant: TenantId, seq: i64, limit: i64) -> Result<Vec<AuditRow>> {
    rd.all(AFTER_SEQ, params![tenant, seq, limit]).await?.into_iter().map(read).collect()
}

/// A signed end of the chain.
#[derive(Debug, Clone)]
pub(crate) struct CheckpointRow {
    pub seq: i64,
    pub at: Time,
    pub hash: Vec<u8>,
    pub signature: Vec<u8>,
}

fn read_checkpoint(mut row: Row) -> Result<CheckpointRow> {
    Ok(CheckpointRow { seq: row.take()?, at: row.take()?, hash: row.take()?, signature: row.take()? })
}

pub(crate) async fn last_checkpoint(rd: &mut Rd, tenant: TenantId) -> Result<Option<CheckpointRow>> {
    rd.find(LAST_CHECKPOINT, params![tenant]).await?.map(read_checkpoint).transpose()
}

pub(crate) async fn checkpoints_after(
    rd: &mut Rd,
    tenant: TenantId,
    seq: i64,
    limit: i64,
) -> Result<Vec<CheckpointRow>> {
    rd.all(CHECKPOINTS_AFTER, params![tenant, seq, limit]).await?.into_iter().map(read_checkpoint).collect()
}
