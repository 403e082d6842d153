//! Teams: who works together, and with which roles. A staff member's permissions are the union of her roles.

use crate::db::{Rd, Row, params};
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::role::{self, checked_name};
use crate::staff;
use crate::value::id::{RoleId, StaffId, TeamId, TenantId};
use crate::value::normal;
use crate::verb::{Action, Cx, Question, Qx, Subject};

pub(crate) mod store {
    //! The SQL of teams and their members.

    pub(crate) const INSERT: &str = "\
        INSERT INTO team (tenant_id, id, name, created_at, version)
        VALUES ($1, $2, $3, $4, 1)
        ON CONFLICT (tenant_id, name) DO NOTHING";

    pub(crate) const TOUCH: &str = "\
        UPDATE team
        SET version = version + 1
        WHERE tenant_id = $1 AND id = $2";

    pub(crate) const ALL: &str = "\
        SELECT id, name
        FROM team
        WHERE tenant_id = $1
        ORDER BY name
        LIMIT 1000";

    pub(crate) const MEMBERS: &str = "\
        SELECT team_id, staff_id, role_id
        FROM member
        WHERE tenant_id = $1
        ORDER BY team_id, staff_id, role_id
        LIMIT 10000";

    pub(crate) const ADD: &str = "\
        INSERT INTO member (tenant_id, staff_id, team_id, role_id, created_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, staff_id, team_id, role_id) DO NOTHING";

    pub(crate) const ROLES_OF: &str = "\
        SELECT role_id
        FROM member
        WHERE tenant_id = $1 AND staff_id = $2 AND team_id = $3";

    pub(crate) const REMOVE: &str = "\
        DELETE FROM member
        WHERE tenant_id = $1 AND staff_id = $2 AND team_id = $3";
}

/// A team with its members.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Team {
    pub id: TeamId,
    pub name: String,
    pub members: Vec<(StaffId, RoleId)>,
}

/// Founds a team.
pub struct CreateTeam {
    /// Its name, unique in the tenant.
    pub name: String,
}

impl Action for CreateTeam {
    const NAME: &'static str = "team.create";
    type Output = Team;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Team> {
        let name = checked_name(&self.name)?;
        let form = normal::lower(&name);
        for mut row in cx.tx.all(store::ALL, params![cx.tenant.id]).await? {
            let (_, other): (TeamId, String) = (row.take()?, row.take()?);
            if normal::lower(&other) == form {
                return Err(Error::invalid("name", "taken", "Another team has this name."));
            }
        }
        let id = TeamId::new(cx.id_time(), cx.random);
        if cx.tx.run(store::INSERT, params![cx.tenant.id, id, name, cx.now]).await? == 0 {
            return Err(Error::invalid("name", "taken", "Another team has this name."));
        }
        cx.note(Fact::TeamCreated { team: id, name: name.clone() });
        Ok(Team { id, name, members: Vec::new() })
    }
}

/// Gives a staff member a role in a team. Nobody gives more than she has.
pub struct AddMember {
    /// In which team.
    pub team: TeamId,
    /// Whom.
    pub staff: StaffId,
    /// With which role.
    pub role: RoleId,
}

impl Action for AddMember {
    const NAME: &'static str = "team.add_member";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Team(self.team)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tenant = cx.tenant.id;
        touch(cx, self.team).await?;
        let role = role::store::find_for_change(cx.tx, tenant, self.role).await?;
        let role = role.ok_or(Error::NotFound(RoleId::NOUN))?;
        role::check_reach(cx, &role).await?;
        staff::store::load(cx.tx, cx.tenant, self.staff).await?;
        cx.weigh("permissions", &role.permissions.to_stored())?;
        if cx.tx.run(store::ADD, params![tenant, self.staff, self.team, self.role, cx.now]).await? == 1 {
            cx.note(Fact::MemberAdded { team: self.team, staff: self.staff, role: self.role });
        }
        Ok(())
    }
}

/// Takes a staff member out of a team.
pub struct RemoveMember {
    /// Out of which team.
    pub team: TeamId,
    /// Whom.
    pub staff: StaffId,
}

impl Action for RemoveMember {
    const NAME: &'static str = "team.remove_member";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Team(self.team)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tenant = cx.tenant.id;
        touch(cx, self.team).await?;
        if cx.caller.staff() == Some(self.staff) {
            return Err(Refusal::NotToOneself.into());
        }
        staff::store::load(cx.tx, cx.tenant, self.staff).await?;
        for mut row in cx.tx.all(store::ROLES_OF, params![tenant, self.staff, self.team]).await? {
            if let Some(role) = role::store::find_for_change(cx.tx, tenant, row.take()?).await? {
                role::check_reach(cx, &role).await?;
            }
        }
        if cx.tx.run(store::REMOVE, params![tenant, self.staff, self.team]).await? > 0 {
            cx.note(Fact::MemberRemoved { team: self.team, staff: self.staff });
        }
        Ok(())
    }
}

/// Rules about a team's members live on the team: whoever changes them changes its row, so two at once conflict.
async fn touch(cx: &mut Cx<'_>, team: TeamId) -> Result<()> {
    match cx.tx.run(store::TOUCH, params![cx.tenant.id, team]).await? {
        1 => Ok(()),
        _ => Err(Error::NotFound(TeamId::NOUN)),
    }
}

/// All teams with their members.
pub struct ListTeams;

impl Question for ListTeams {
    const NAME: &'static str = "team.list";
    type Output = Vec<Team>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Team>> {
        let tenant = qx.tenant.id;
        let mut teams: Vec<Team> = Vec::new();
        for mut row in qx.rd.all(store::ALL, params![tenant]).await? {
            teams.push(Team { id: row.take()?, name: row.take()?, members: Vec::new() });
        }
        for (team, staff, role) in members(qx.rd, tenant).await? {
            if let Some(team) = teams.iter_mut().find(|known| known.id == team) {
                team.members.push((staff, role));
            }
        }
        Ok(teams)
    }
}

/// Who is in which team, with which role.
pub(crate) async fn members(rd: &mut Rd, tenant: TenantId) -> Result<Vec<(TeamId, StaffId, RoleId)>> {
    let read = |mut row: Row| Ok((row.take()?, row.take()?, row.take()?));
    rd.all(store::MEMBERS, params![tenant]).await?.into_iter().map(read).collect()
}
