//! The events' SQL. Rows are written by the door alone and never changed.

use serde_json::Value;

use crate::db::{Tx, params};
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

pub(crate) async fn announce(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    at: Time,
    audit: AuditId,
    fact: &Fact,
    told: &Value,
) -> Result<()> {
    let subject = fact.subject();
    let subject_id = subject.id().map(uuid::Uuid::into_bytes);
    let id = EventId::new(at, random);
    tx.run(INSERT, params![tenant.id, id, at, fact.name(), subject.kind(), subject_id, audit, told.to_string()])
        .await?;
    Ok(())
}
