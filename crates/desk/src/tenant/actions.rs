//! What may be done with a tenant.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::permission::BUILT_IN_ROLES;
use crate::role;
use crate::tenant::model::Settings;
use crate::tenant::store;
use crate::verb::{Action, Cx, Subject};

/// Opens a tenant with its built-in roles. Made by `Desk::open_tenant`, which also makes the keys.
pub struct CreateTenant {
    pub(crate) wrapped_keys: Vec<u8>,
}

impl Action for CreateTenant {
    const NAME: &'static str = "tenant.create";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tenant = cx.tenant.clone();
        let institution = &tenant.institution;
        store::insert(
            cx.tx,
            tenant.id,
            institution.id,
            institution.kind,
            &institution.name,
            tenant.environment,
            &self.wrapped_keys,
            &tenant.settings,
            cx.now,
        )
        .await?;
        for (name, permissions) in BUILT_IN_ROLES {
            role::insert_built_in(cx, name, permissions).await?;
        }
        cx.note(Fact::TenantCreated { tenant: tenant.id });
        Ok(())
    }
}

/// Changes settings by a merge patch. Security settings need another permission: `ChangeSecuritySettings`.
pub struct ChangeSettings {
    /// The fields to change; null clears an optional one.
    pub patch: Map<String, Value>,
}

impl Action for ChangeSettings {
    const NAME: &'static str = "settings.change";
    type Output = Settings;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Settings> {
        let (security, ordinary): (Map<_, _>, Map<_, _>) =
            self.patch.clone().into_iter().partition(|(name, _)| Settings::is_security(name));
        let mut settings = change(cx, &ordinary).await?;
        if !security.is_empty() {
            settings = cx.perform(&ChangeSecuritySettings { patch: security }).await?;
        }
        Ok(settings)
    }
}

/// Changes security settings by a merge patch.
pub struct ChangeSecuritySettings {
    /// The fields to change, all of them security settings.
    pub patch: Map<String, Value>,
}

impl Action for ChangeSecuritySettings {
    const NAME: &'static str = "settings.change_security";
    type Output = Settings;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Settings> {
        if let Some(name) = self.patch.keys().find(|name| !Settings::is_security(name)) {
            return Err(Error::invalid(name.clone(), "unknown", "Not a security setting."));
        }
        change(cx, &self.patch).await
    }
}

async fn change(cx: &mut Cx<'_>, patch: &Map<String, Value>) -> Result<Settings> {
    let tenant = cx.tenant.id;
    let old = store::settings_for_change(cx.tx, tenant).await?;
    let (settings, fields) = old.patched(patch)?;
    if let Some(role) = &settings.deciding_role
        && role::store::by_name_for_change(cx.tx, tenant, role).await?.is_none()
    {
        return Err(Error::invalid("deciding_role", "unknown", "There is no role of this name."));
    }
    if !cx.is_tried() {
        cx.caller.reaches(old.guarded(&settings, &fields))?;
        if fields.iter().any(|name| name == "deciding_role") {
            role::check_decides(cx).await?;
        }
    }
    if !fields.is_empty() {
        let values = |all: Value| fields.iter().map(|name| all[name].clone()).collect::<Vec<Value>>();
        let [from, to] = [&old, &settings].map(|it| serde_json::to_value(it).map(values));
        cx.weigh("settings", &(from.map_err(Error::internal)?, to.map_err(Error::internal)?))?;
        store::save_settings(cx.tx, tenant, &settings).await?;
        cx.note(Fact::SettingsChanged { tenant, fields });
    }
    Ok(settings)
}
