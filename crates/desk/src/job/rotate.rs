//! The master key is replaced by another: the keys of every tenant are wrapped anew, in one transaction. What they seal stays
//! as it is.

use std::sync::Arc;

use super::lease;
use crate::audit;
use crate::caller::{Caller, Door};
use crate::db::{Tx, Write};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::tenant::{Tenant, store};
use crate::value::clock::SECOND;
use crate::value::id::{AuditId, TenantId};
use crate::value::seal::{MasterKey, TenantKeys};
use crate::verb::Subject;

struct Rotate {
    desk: Desk,
    new: Arc<MasterKey>,
}

impl Write for Rotate {
    type Output = Option<usize>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<usize>> {
        let now = self.desk.now();
        // Whoever serves has the lease, and would read the keys with the old one. Kept for a moment, so that nobody begins.
        if !lease::take(tx, "audit_seal", "key rotate-master", now, now.plus(5 * SECOND)).await? {
            return Ok(None);
        }
        let rows = store::all(tx).await?;
        let count = rows.len();
        for row in rows {
            let keys = TenantKeys::unwrap(&self.desk.inner.master, row.id, &row.wrapped_keys)?;
            store::save_keys(tx, row.id, &keys.wrap(&self.new, row.id)).await?;
            let tenant = Tenant {
                id: row.id,
                institution: row.institution,
                environment: row.environment,
                keys,
                settings: row.settings,
                version: row.version,
            };
            let entry = audit::Entry {
                id: AuditId::new(now, self.desk.random()),
                at: now,
                caller: &Caller::house(tenant.id, Door::Cli),
                name: "tenant.rotate_master_key",
                subject: Subject::Tenant,
                outcome: audit::Outcome::Done,
                code: None,
                reason: None,
                facts: Vec::new(),
            };
            audit::store::record(tx, &tenant, self.desk.random(), entry).await?;
        }
        Ok(Some(count))
    }
}

impl Desk {
    /// Wraps the keys of all tenants with another master key; tells how many, or nothing when a server works with this database
    /// at this moment. Recorded in each tenant's audit. This desk has the old key, and is of no use afterwards.
    pub async fn rotate_master(&self, new: MasterKey) -> Result<Option<usize>> {
        self.inner.db.write(Rotate { desk: self.clone(), new: Arc::new(new) }).await
    }
}

/// Whether this master key opens the keys of the first tenant.
pub async fn opens(db: &crate::db::Db, master: &MasterKey) -> Result<bool> {
    let Some(row) = db.read(First).await? else { return Ok(true) };
    match TenantKeys::unwrap(master, row.id, &row.wrapped_keys) {
        Ok(_) => Ok(true),
        Err(Error::Internal(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

struct First;

impl crate::db::Read for First {
    type Output = Option<store::TenantRow>;

    async fn run(&self, rd: &mut crate::db::Rd) -> Result<Self::Output> {
        store::find(rd, TenantId(1)).await
    }
}
