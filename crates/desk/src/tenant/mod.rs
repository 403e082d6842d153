//! The tenant: one institution in one environment, with its keys and settings.

pub mod actions;
pub mod model;
pub mod questions;
pub(crate) mod store;

pub use actions::{ChangeSecuritySettings, ChangeSettings, CreateTenant};
pub use model::{ChecksumMode, Environment, Institution, InstitutionKind, RegistrationField, Settings, Tenant};
pub use questions::{ListTenants, ShowSettings, ShowUserTerms, TenantCard, UserTerms};

use crate::db::{Db, Rd, Read};
use crate::error::Result;

struct Last;

impl Read for Last {
    type Output = i64;

    async fn run(&self, rd: &mut Rd) -> Result<i64> {
        store::last_id(rd).await
    }
}

/// Whether this database has tenants, and is thus sealed with a master key. For who has no desk yet, since that needs the key.
pub async fn are_any(db: &Db) -> Result<bool> {
    Ok(db.read(Last).await? > 0)
}
