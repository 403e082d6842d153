//! The events' SQL. Rows are written by the door alone and never changed.

use std::sync::LazyLock;

use crate::db::{Param, ToParam, Tx, params};
use crate::error::Result;
use crate::fact::Fact;
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id::{AuditId, EventId};
use crate::value::random::Random;

pub(crate) const INSERT: &str = "\
    INSERT INTO event (tenant_id, id, at, name, subject_kind, subject_id, audit_id, fact)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(crate) const PAGE: &str = "\
    SELECT id, at, name, subject_kind, subject_id, audit_id, fact
    FROM event
    WHERE tenant_id = $1 AND id > $2
    ORDER BY id
    LIMIT $3";

/// So many in one statement, where there are many: most of the cost of a row is the statement.
const AT_ONCE: usize = 32;

/// `INSERT` for `AT_ONCE` events: tenant and audit row are said once.
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| {
    let row = |row: usize| {
        let slot: Vec<usize> = (3 + row * 6..9 + row * 6).collect();
        format!("($1, ${}, ${}, ${}, ${}, ${}, $2, ${})", slot[0], slot[1], slot[2], slot[3], slot[4], slot[5])
    };
    let (head, _) = INSERT.split_once("VALUES").expect("an insert has values");
    format!("{head}VALUES {}", (0..AT_ONCE).map(row).collect::<Vec<_>>().join(", "))
});

/// Writes an event for each fact, in their order: a microsecond apart, so that their ids sort so too.
pub(crate) async fn announce(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    now: Time,
    audit: AuditId,
    facts: &[(&Fact, String)],
) -> Result<()> {
    struct Line<'a> {
        id: EventId,
        at: Time,
        fact: &'a Fact,
        subject: (&'static str, Option<[u8; 16]>),
        told: &'a str,
    }
    let lines: Vec<Line<'_>> = facts
        .iter()
        .enumerate()
        .map(|(index, (fact, told))| {
            let (at, subject) = (now.plus(index as i64), fact.subject());
            let subject = (subject.kind(), subject.id().map(uuid::Uuid::into_bytes));
            Line { id: EventId::new(at, random), at, fact, subject, told }
        })
        .collect();
    let mut many = lines.chunks_exact(AT_ONCE);
    for chunk in &mut many {
        let mut params = vec![tenant.id.to_param(), audit.to_param()];
        for it in chunk {
            let (kind, subject) = &it.subject;
            let name = Param::Text(it.fact.name());
            params.extend([it.id.to_param(), it.at.to_param(), name, Param::Text(kind), subject.to_param()]);
            params.push(Param::Text(it.told));
        }
        tx.put(INSERT_MANY.as_str(), &params).await?;
    }
    for it in many.remainder() {
        let (kind, subject) = it.subject;
        tx.put(INSERT, params![tenant.id, it.id, it.at, it.fact.name(), kind, subject, audit, it.told]).await?;
    }
    Ok(())
}
