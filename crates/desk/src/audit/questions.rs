//! What may be asked of the audit.

use std::collections::HashSet;

use serde_json::Value;

use super::{chain, store};
use crate::db::{Param, ToParam, Weight};
use crate::error::{Error, Result};
use crate::value::clock::Time;
use crate::value::id::{AuditId, StaffId, TenantId};
use crate::verb::{Question, Qx, Subject};

/// The most records one page holds.
pub const PAGE_MAX: i64 = 500;

/// Which records.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// About this subject only.
    pub subject: Option<uuid::Uuid>,
    /// By this kind of actor only: `user`, `staff`, `key`, `house`.
    pub actor_kind: Option<&'static str>,
    /// Not before.
    pub from: Option<Time>,
    /// Before.
    pub to: Option<Time>,
    /// Older than this record.
    pub before: Option<AuditId>,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
}

/// One record, opened.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are; shapes as in the audit table")]
pub struct AuditRecord {
    pub id: AuditId,
    pub at: Time,
    pub actor_kind: String,
    pub actor: Option<String>,
    pub staff: Option<StaffId>,
    pub door: String,
    pub action: String,
    pub subject_kind: String,
    pub subject: Option<String>,
    pub subject_id: Option<uuid::Uuid>,
    pub outcome: String,
    pub code: Option<String>,
    pub reason: Option<String>,
    pub address: Option<String>,
    pub on_behalf: Option<String>,
    pub facts: Value,
    pub request_id: String,
}

/// A page, newest first.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The records.
    pub records: Vec<AuditRecord>,
    /// Continue before this one, if there is more.
    pub next: Option<AuditId>,
}

async fn page(qx: &mut Qx<'_>, filter: &AuditFilter) -> Result<AuditPage> {
    if !(1..=PAGE_MAX).contains(&filter.limit) {
        return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
    }
    let before = filter.before.map_or([0xff; 16], |id| *id.bytes());
    let (from, to) = (filter.from.unwrap_or(Time(0)), filter.to.unwrap_or(Time(i64::MAX)));
    let limit = filter.limit + 1;
    let mut params: Vec<Param<'_>> =
        vec![qx.tenant.id.to_param(), before.to_param(), from.to_param(), to.to_param(), limit.to_param()];
    let subject = filter.subject.map(uuid::Uuid::into_bytes);
    let sql = match (&subject, &filter.actor_kind) {
        (Some(subject), Some(kind)) => {
            params.extend([subject.to_param(), kind.to_param()]);
            store::PAGE_OF_SUBJECT_AND_ACTOR_KIND
        }
        (Some(subject), None) => {
            params.push(subject.to_param());
            store::PAGE_OF_SUBJECT
        }
        (None, Some(kind)) => {
            params.push(kind.to_param());
            store::PAGE_OF_ACTOR_KIND
        }
        (None, None) => store::PAGE,
    };
    let rows = qx.rd.all(sql, &params).await?;
    let more = rows.len() as i64 > filter.limit;
    let mut records = Vec::with_capacity(rows.len());
    for row in rows.into_iter().take(filter.limit as usize) {
        records.push(opened(qx, store::read(row)?)?);
    }
    let next = if more { records.last().map(|record| record.id) } else { None };
    Ok(AuditPage { records, next })
}

pub(crate) fn opened(qx: &Qx<'_>, row: store::AuditRow) -> Result<AuditRecord> {
    let sealed = store::open(qx.tenant, &row)?;
    let uuid = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|bytes| uuid::Uuid::from_slice(bytes).ok());
    let (actor_id, subject_id) = (uuid(&row.actor_id), uuid(&row.subject_id));
    Ok(AuditRecord {
        id: row.id,
        at: row.at,
        actor: Subject::text(&row.actor_kind, actor_id),
        actor_kind: row.actor_kind,
        staff: row.staff_id,
        door: row.door,
        action: row.action,
        subject: Subject::text(&row.subject_kind, subject_id),
        subject_kind: row.subject_kind,
        subject_id,
        outcome: row.outcome,
        code: row.code,
        reason: sealed.reason,
        address: sealed.address,
        on_behalf: sealed.on_behalf,
        facts: serde_json::from_str(&row.facts).map_err(Error::internal)?,
        request_id: row.request_id,
    })
}

/// Records of the audit, newest first.
pub struct ListAudit(pub AuditFilter);

impl Question for ListAudit {
    const NAME: &'static str = "audit.list";
    type Output = AuditPage;

    fn weight(&self) -> Weight {
        Weight::of_page(self.0.limit)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<AuditPage> {
        page(qx, &self.0).await
    }
}

/// A piece of the sealed audit as lines of JSON, to be checked offline by `bursar audit verify`.
pub struct ExportAudit {
    /// Continue after this number; 0 begins, with the head line.
    pub after: i64,
}

/// Lines of an export.
pub struct ExportPiece {
    /// The lines, without line ends.
    pub lines: Vec<String>,
    /// The last number in them, if there may be more.
    pub next: Option<i64>,
}

/// Checkpoints in one piece; each covers at most `chain::BATCH` rows.
const EXPORT_PIECE: i64 = 5;

impl Question for ExportAudit {
    const NAME: &'static str = "audit.export";
    const RECORDED: bool = true;
    type Output = ExportPiece;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<ExportPiece> {
        let tenant: TenantId = qx.tenant.id;
        let mut lines = Vec::new();
        if self.after == 0 {
            lines.push(chain::export_head(qx.tenant)?.to_string());
        }
        // Read first: what is sealed while this is read, on PostgreSQL, is of the next export.
        let end = store::chain_end(qx.rd, tenant).await?.unwrap_or_else(chain::start);
        // The one before is needed for its hash.
        let mut checkpoints = store::checkpoints_from(qx.rd, tenant, self.after, EXPORT_PIECE + 1).await?;
        let (_, mut before) = chain::start();
        // Pieces lie behind one another: each tells of the rows up to the last one of its own that are not in it.
        let mut behind = chain::BEGINNING;
        if checkpoints.first().is_some_and(|checkpoint| checkpoint.seq == self.after) {
            let last = checkpoints.remove(0);
            behind = last.audit_ids.iter().copied().max().unwrap_or(behind);
            before = last.hash;
        } else if self.after != 0 {
            return Err(Error::invalid("after", "invalid", "Not where a piece of an export ends."));
        }
        checkpoints.retain(|checkpoint| checkpoint.seq <= end.0);
        checkpoints.truncate(EXPORT_PIECE as usize);
        for checkpoint in &checkpoints {
            let rows = store::some(qx.rd, tenant, &checkpoint.audit_ids).await?;
            lines.extend(chain::export_batch(tenant, &before, checkpoint, &rows));
            before.clone_from(&checkpoint.hash);
        }
        let ids: HashSet<AuditId> = checkpoints.iter().flat_map(|it| &it.audit_ids).copied().collect();
        let next = checkpoints.last().filter(|_| checkpoints.len() as i64 == EXPORT_PIECE);
        let last = next.and_then(|it| it.audit_ids.iter().copied().max()).unwrap_or(AuditId(uuid::Uuid::max()));
        lines.extend(chain::outside(qx.rd, qx.tenant, (behind, last), &ids, end.0).await?);
        if let Some(last) = next {
            return Ok(ExportPiece { lines, next: Some(last.seq) });
        }
        lines.push(chain::export_end(qx.tenant, qx.now, end)?);
        Ok(ExportPiece { lines, next: None })
    }
}
