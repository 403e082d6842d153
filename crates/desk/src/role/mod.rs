//! Roles: named sets of permissions. Built-in ones are rows like any other that cannot be changed.

use unicode_normalization::UnicodeNormalization;

use crate::caller::{Caller, Door, Who};
use crate::db::params;
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::{ALL_POWERFUL, BUILT_IN_ROLES, Permission, Permissions};
use crate::value::id::{RoleId, StaffId, TenantId};
use crate::value::name::fault_of_name;
use crate::value::normal;
use crate::verb::{Action, Cx, Question, Qx, Subject};

pub(crate) mod store {
    //! The roles' SQL.

    use crate::db::{Rd, Row, Tx, params};
    use crate::error::Result;
    use crate::permission::Permissions;
    use crate::role::Role;
    use crate::value::clock::Time;
    use crate::value::id::{RoleId, StaffId, TenantId};

    pub(crate) const INSERT: &str = "\
        INSERT INTO role (tenant_id, id, name, built_in, permissions, created_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, 1)";

    pub(crate) const SAVE: &str = "\
        UPDATE role
        SET permissions = $3, version = version + 1
        WHERE tenant_id = $1 AND id = $2";

    pub(crate) const SELECT: &str = "\
        SELECT id, name, built_in, permissions
        FROM role
        WHERE tenant_id = $1 AND id = $2
        FOR UPDATE";

    pub(crate) const BY_NAME: &str = "\
        SELECT id, name, built_in, permissions
        FROM role
        WHERE tenant_id = $1 AND name = $2
        FOR UPDATE";

    pub(crate) const ALL: &str = "\
        SELECT id, name, built_in, permissions
        FROM role
        WHERE tenant_id = $1
        ORDER BY name
        LIMIT 1000";

    pub(crate) const IS_HELD: &str = "\
        SELECT 1
        FROM member
        WHERE tenant_id = $1 AND role_id = $2
        LIMIT 1";

    pub(crate) const IS_HELD_BY: &str = "\
        SELECT 1
        FROM member m
        JOIN role r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
        WHERE m.tenant_id = $1 AND m.staff_id = $2 AND r.name = $3
        LIMIT 1";

    pub(crate) const HELD_BY: &str = "\
        SELECT r.id, r.name, r.built_in, r.permissions
        FROM member m
        JOIN role r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
        WHERE m.tenant_id = $1 AND m.staff_id = $2";

    pub(crate) const DELETE: &str = "DELETE FROM role WHERE tenant_id = $1 AND id = $2";

    fn read(mut row: Row) -> Result<Role> {
        let (id, name, built_in) = (row.take()?, row.take()?, row.take()?);
        let permissions: String = row.take()?;
        Ok(Role { id, name, built_in, permissions: Permissions::from_stored(&permissions) })
    }

    pub(crate) async fn insert(
        tx: &mut Tx,
        tenant: TenantId,
        id: RoleId,
        name: &str,
        built_in: bool,
        permissions: &str,
        now: Time,
    ) -> Result<()> {
        tx.put(INSERT, params![tenant, id, name, built_in, permissions, now]).await?;
        Ok(())
    }

    pub(crate) async fn find_for_change(tx: &mut Tx, tenant: TenantId, id: RoleId) -> Result<Option<Role>> {
        tx.find(SELECT, params![tenant, id]).await?.map(read).transpose()
    }

    pub(crate) async fn by_name_for_change(tx: &mut Tx, tenant: TenantId, name: &str) -> Result<Option<Role>> {
        tx.find(BY_NAME, params![tenant, name]).await?.map(read).transpose()
    }

    /// Whether a staff member has the role of this name, in whatever team.
    pub(crate) async fn is_held_by(rd: &mut Rd, tenant: TenantId, name: &str, staff: StaffId) -> Result<bool> {
        Ok(rd.find(IS_HELD_BY, params![tenant, staff, name]).await?.is_some())
    }

    /// The roles of a staff member, whether or not they are enabled; once for each team.
    pub(crate) async fn held_by(rd: &mut Rd, tenant: TenantId, staff: StaffId) -> Result<Vec<Role>> {
        rd.all(HELD_BY, params![tenant, staff]).await?.into_iter().map(read).collect()
    }

    pub(crate) async fn all(rd: &mut Rd, tenant: TenantId) -> Result<Vec<Role>> {
        rd.all(ALL, params![tenant]).await?.into_iter().map(read).collect()
    }
}

/// A role.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Role {
    pub id: RoleId,
    pub name: String,
    pub built_in: bool,
    pub permissions: Permissions,
}

/// Refuses who may not give or take this role: its permissions go beyond their own, or it is the role whose holders decide
/// requests and they do not hold it.
pub(crate) async fn check_reach(cx: &mut Cx<'_>, role: &Role) -> Result<()> {
    cx.caller.reaches(role.permissions)?;
    match cx.tenant.settings.deciding_role.as_deref() == Some(&*role.name) {
        true => check_decides(cx).await,
        false => Ok(()),
    }
}

/// Refuses who does not hold the role whose holders decide requests, where the institution has named one: they would appoint
/// themselves.
pub(crate) async fn check_decides(cx: &mut Cx<'_>) -> Result<()> {
    let Some(name) = cx.tenant.settings.deciding_role.clone() else { return Ok(()) };
    let holds = match cx.caller.who {
        Who::House => true,
        _ => match cx.caller.staff() {
            Some(staff) => store::is_held_by(cx.tx, cx.tenant.id, &name, staff).await?,
            None => false,
        },
    };
    if holds { Ok(()) } else { Err(Refusal::BeyondOwnRights.into()) }
}

/// Refuses who may not act on a staff member who holds more than they do. Whoever only proposes it acts on nobody: that rule
/// holds for whoever decides.
pub(crate) async fn check_reach_of_staff(cx: &mut Cx<'_>, staff: StaffId) -> Result<()> {
    if cx.is_tried() {
        return Ok(());
    }
    for role in store::held_by(cx.tx, cx.tenant.id, staff).await? {
        check_reach(cx, &role).await?;
    }
    Ok(())
}

/// What the roles of a staff member permit, whether or not they are enabled now.
pub(crate) async fn rights_of_staff(cx: &mut Cx<'_>, staff: StaffId) -> Result<Permissions> {
    let roles = store::held_by(cx.tx, cx.tenant.id, staff).await?;
    Ok(roles.iter().fold(Permissions::NONE, |rights, role| rights.or(role.permissions)))
}

/// Defines a role, or redefines the one of that name. Nobody gives more than she has.
pub struct DefineRole {
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it permits.
    pub permissions: Vec<Permission>,
}

impl Action for DefineRole {
    const NAME: &'static str = "role.define";
    type Output = Role;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Role> {
        let name = checked_name(&self.name)?;
        let permissions: Permissions = self.permissions.iter().copied().collect();
        cx.caller.reaches(permissions)?;
        let tenant = cx.tenant.id;
        check_look(&name)?;
        let known = store::by_name_for_change(cx.tx, tenant, &name).await?;
        if known.is_none() {
            let form = normal::lower(&name);
            let others = store::all(cx.tx, tenant).await?;
            if others.iter().any(|role| normal::lower(&role.name) == form) {
                return Err(Error::invalid("name", "taken", "Another role has this name, written differently."));
            }
        }
        cx.weigh("permissions", &known.as_ref().map(|role| role.permissions.to_stored()))?;
        let id = match known {
            Some(role) if role.built_in => return Err(Refusal::BuiltIn.into()),
            Some(role) if role.permissions == permissions => return Ok(role),
            // Who may not hand out what the role has now may not take it away either.
            Some(role) => {
                check_reach(cx, &role).await?;
                cx.tx.put(store::SAVE, params![tenant, role.id, permissions.to_stored()]).await?;
                role.id
            }
            None => {
                let id = RoleId::new(cx.id_time(), cx.random);
                store::insert(cx.tx, tenant, id, &name, false, &permissions.to_stored(), cx.now).await?;
                id
            }
        };
        let words = permissions.list().iter().map(|permission| permission.word()).collect();
        cx.note(Fact::RoleDefined { role: id, name: name.clone(), permissions: words });
        Ok(Role { id, name, built_in: false, permissions })
    }
}

/// Refuses a name that people would take for a built-in role's.
fn check_look(name: &str) -> Result<()> {
    let look = normal::look(name);
    match BUILT_IN_ROLES.iter().find(|(built_in, _)| *built_in != name && normal::look(built_in) == look) {
        Some((built_in, _)) => {
            Err(Error::invalid("name", "look_alike", format!("This looks like the built-in role `{built_in}`.")))
        }
        None => Ok(()),
    }
}

/// A name of a role, team or key: short, every character of it can be seen, no link.
pub(crate) fn checked_name(name: &str) -> Result<String> {
    let name: String = name.trim().nfc().collect();
    let count = name.chars().count();
    if count == 0 || count > 60 || !name.chars().all(normal::is_printable) {
        return Err(Error::invalid("name", "invalid", "1 to 60 printable characters."));
    }
    match fault_of_name(&name) {
        Some(fault) => Err(Error::Invalid(vec![fault.field("name")])),
        None => Ok(name),
    }
}

/// Deletes a role that nobody holds.
pub struct DeleteRole(pub RoleId);

impl Action for DeleteRole {
    const NAME: &'static str = "role.delete";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Role(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tenant = cx.tenant.id;
        let role = store::find_for_change(cx.tx, tenant, self.0).await?.ok_or(Error::NotFound(RoleId::NOUN))?;
        if role.built_in {
            return Err(Refusal::BuiltIn.into());
        }
        if !cx.is_tried() {
            check_reach(cx, &role).await?;
        }
        let is_deciding = cx.tenant.settings.deciding_role.as_deref() == Some(&*role.name);
        if is_deciding || cx.tx.find(store::IS_HELD, params![tenant, self.0]).await?.is_some() {
            return Err(Refusal::InUse.into());
        }
        cx.tx.put(store::DELETE, params![tenant, self.0]).await?;
        cx.note(Fact::RoleDeleted { role: self.0 });
        Ok(())
    }
}

/// The stored form of a built-in role's permissions.
fn stored(name: &str, permissions: &[Permission]) -> String {
    match ALL_POWERFUL.contains(&name) {
        true => "*".to_owned(),
        false => permissions.iter().copied().collect::<Permissions>().to_stored(),
    }
}

/// Inserts a built-in role.
pub(crate) async fn insert_built_in(cx: &mut Cx<'_>, name: &str, permissions: &[Permission]) -> Result<RoleId> {
    let id = RoleId::new(cx.id_time(), cx.random);
    store::insert(cx.tx, cx.tenant.id, id, name, true, &stored(name, permissions), cx.now).await?;
    Ok(id)
}

/// Brings a tenant's built-in roles up to this version: those that are new, and those that permit something else now. A
/// role of one's own that happens to have such a name stays as it is.
pub struct SettleRoles;

impl Action for SettleRoles {
    const NAME: &'static str = "role.settle";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tenant = cx.tenant.id;
        for (name, permissions) in BUILT_IN_ROLES {
            let wanted: Permissions = permissions.iter().copied().collect();
            let role = match store::by_name_for_change(cx.tx, tenant, name).await? {
                Some(role) if !role.built_in || role.permissions == wanted => continue,
                Some(role) => {
                    cx.tx.put(store::SAVE, params![tenant, role.id, stored(name, permissions)]).await?;
                    role.id
                }
                None => insert_built_in(cx, name, permissions).await?,
            };
            let words = wanted.list().iter().map(|permission| permission.word()).collect();
            cx.note(Fact::RoleDefined { role, name: (*name).to_owned(), permissions: words });
        }
        Ok(())
    }
}

impl Desk {
    /// Brings a tenant's built-in roles up to this version, if they are not; tells whether anything changed.
    pub async fn settle_roles(&self, tenant: TenantId) -> Result<bool> {
        let house = Caller::house(tenant, Door::Cli);
        let roles = self.ask(&house, ListRoles).await?;
        let is_settled = |(name, permissions): &(&str, &[Permission])| {
            let role = roles.iter().find(|role| role.name == *name);
            role.is_some_and(|role| !role.built_in || role.permissions == permissions.iter().copied().collect())
        };
        if BUILT_IN_ROLES.iter().all(is_settled) {
            return Ok(false);
        }
        self.perform(&house, SettleRoles).await?;
        Ok(true)
    }
}

/// All roles, by name.
pub struct ListRoles;

impl Question for ListRoles {
    const NAME: &'static str = "role.list";
    type Output = Vec<Role>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Role>> {
        store::all(qx.rd, qx.tenant.id).await
    }
}
