//! What may be asked about tenants.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::tenant::model::{Environment, Institution, Settings};
use crate::tenant::store;
use crate::value::id::TenantId;
use crate::verb::{Question, Qx};

/// The settings as they are stored now.
pub struct ShowSettings;

impl Question for ShowSettings {
    const NAME: &'static str = "settings.show";
    type Output = Settings;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Settings> {
        let row = store::find(qx.rd, qx.tenant.id).await?.ok_or(Error::NotFound("tenant"))?;
        Ok(row.settings)
    }
}

/// What the settings say about users: whoever sees users may know it.
#[derive(Debug, Clone)]
pub struct UserTerms {
    /// How long a reset link works, in seconds.
    pub reset_link_seconds: i64,
    /// The abilities users have unless their own differ, by the vendor's own names; absent ones are off.
    pub abilities: BTreeMap<String, bool>,
}

/// The terms for users as they are stored now.
pub struct ShowUserTerms;

impl Question for ShowUserTerms {
    const NAME: &'static str = "settings.user_terms";
    type Output = UserTerms;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<UserTerms> {
        let row = store::find(qx.rd, qx.tenant.id).await?.ok_or(Error::NotFound("tenant"))?;
        let Settings { reset_link_seconds, abilities, .. } = row.settings;
        Ok(UserTerms { reset_link_seconds, abilities })
    }
}

/// A tenant in a list.
#[derive(Debug, Clone)]
pub struct TenantCard {
    /// The tenant.
    pub id: TenantId,
    /// Its institution.
    pub institution: Institution,
    /// Its environment.
    pub environment: Environment,
}

/// All tenants of this house; for the house itself.
pub struct ListTenants;

impl Question for ListTenants {
    const NAME: &'static str = "tenant.list";
    type Output = Vec<TenantCard>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<TenantCard>> {
        let rows = store::all(qx.rd).await?;
        let card = |row: store::TenantRow| TenantCard {
            id: row.id,
            institution: row.institution,
            environment: row.environment,
        };
        Ok(rows.into_iter().map(card).collect())
    }
}
