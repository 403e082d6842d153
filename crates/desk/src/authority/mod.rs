//! Who may do what, and why somebody may not: roles with the people who have them, actions with the roles and people who may
//! take them, and the reasons that stand between a person and an action.

use crate::caller::{Caller, Origin, Who};
use crate::db::{Rd, Weight, params};
use crate::error::{Error, Result};
use crate::key;
use crate::permission::{ACTIONS, Need, Permission, Permissions, QUESTIONS};
use crate::request::{ApproveRequest, DeclineRequest};
use crate::role::{self, Role};
use crate::staff::{self, Staff};
use crate::team;
use crate::tenant::Tenant;
use crate::user::store::hides_employees;
use crate::user::{self, Attempt, Verdict};
use crate::value::id::{KeyId, RoleId, SessionId, StaffId, TeamId, UserId};
use crate::verb::{Action, Question, Qx, Subject};

/// The most people that are named with one action; the count says how many there are.
pub const PEOPLE_MAX: usize = 50;

/// Somebody who has a role, and in which team.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Holder {
    pub staff: StaffId,
    pub name: String,
    pub enabled: bool,
    pub team: TeamId,
    pub team_name: String,
}

/// A role and who has it.
#[derive(Debug, Clone)]
pub struct HeldRole {
    /// The role.
    pub role: Role,
    /// Who has it; once for each team.
    pub holders: Vec<Holder>,
}

/// All that the answers here are made of, in four statements.
struct Book {
    roles: Vec<Role>,
    staff: Vec<Staff>,
    teams: Vec<(TeamId, String)>,
    members: Vec<(TeamId, StaffId, RoleId)>,
}

impl Book {
    async fn read(rd: &mut Rd, tenant: &Tenant) -> Result<Book> {
        let mut teams = Vec::new();
        for mut row in rd.all(team::store::ALL, params![tenant.id]).await? {
            teams.push((row.take()?, row.take()?));
        }
        Ok(Book {
            roles: role::store::all(rd, tenant.id).await?,
            staff: staff::store::all(rd, tenant).await?,
            teams,
            members: team::members(rd, tenant.id).await?,
        })
    }

    fn holders(&self, role: RoleId) -> Vec<Holder> {
        let held = self.members.iter().filter(|(_, _, held)| *held == role);
        held.filter_map(|(team, staff, _)| {
            let staff = self.staff.iter().find(|it| it.id == *staff)?;
            let team_name = self.teams.iter().find(|(id, _)| id == team).map(|(_, name)| name.clone());
            Some(Holder {
                staff: staff.id,
                name: staff.profile.name.clone(),
                enabled: staff.disabled_at.is_none(),
                team: *team,
                team_name: team_name.unwrap_or_default(),
            })
        })
        .collect()
    }

    /// What a staff member's roles permit, whether or not she is enabled.
    fn permissions_of(&self, staff: StaffId) -> Permissions {
        let roles = self.members.iter().filter(|(_, member, _)| *member == staff).map(|(_, _, role)| *role);
        roles.fold(Permissions::NONE, |may, id| {
            may.or(self.roles.iter().find(|role| role.id == id).map_or(Permissions::NONE, |role| role.permissions))
        })
    }
}

/// All roles by name, with who has them.
pub struct ListHeldRoles;

impl Question for ListHeldRoles {
    const NAME: &'static str = "role.list";
    type Output = Vec<HeldRole>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<HeldRole>> {
        let book = Book::read(qx.rd, qx.tenant).await?;
        let held = |role: &Role| HeldRole { holders: book.holders(role.id), role: role.clone() };
        Ok(book.roles.iter().map(held).collect())
    }
}

/// One role, with who has it.
pub struct ShowRole(pub RoleId);

impl Question for ShowRole {
    const NAME: &'static str = "role.show";
    type Output = HeldRole;

    fn subject(&self) -> Subject {
        Subject::Role(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<HeldRole> {
        let book = Book::read(qx.rd, qx.tenant).await?;
        let role = book.roles.iter().find(|role| role.id == self.0).ok_or(Error::NotFound(RoleId::NOUN))?;
        Ok(HeldRole { holders: book.holders(role.id), role: role.clone() })
    }
}

/// A verb, what it needs, and who may.
#[derive(Debug, Clone)]
pub struct WhoMay {
    /// Its name.
    pub verb: &'static str,
    /// What it needs.
    pub need: Need,
    /// Whether the institution wants a second person for it.
    pub second_person: bool,
    /// Whether the customer whom it is about has to confirm it.
    pub customer_confirms: bool,
    /// The roles that permit it, by name.
    pub roles: Vec<String>,
    /// Enabled staff who may, at most `PEOPLE_MAX` of them.
    pub people: Vec<StaffId>,
    /// How many may.
    pub people_count: usize,
}

/// Every action and question with who may.
#[derive(Debug, Clone)]
pub struct PermissionTable {
    /// The actions.
    pub actions: Vec<WhoMay>,
    /// The questions.
    pub questions: Vec<WhoMay>,
    /// Whether roles and people are told: to holders of `staff.read`.
    pub tells_people: bool,
}

/// What a staff member with these permissions may, by the tables alone.
fn permits(may: Permissions, tenant: &Tenant, need: Need) -> bool {
    let who = Who::Staff { id: StaffId(uuid::Uuid::nil()), session: SessionId(uuid::Uuid::nil()) };
    let origin = Origin::house(crate::caller::Door::Native);
    let caller = Caller { who, tenant: tenant.id, may, origin };
    caller.lacks(need, Subject::Tenant).is_none()
}

/// Who may do what.
pub struct ShowPermissions;

impl Question for ShowPermissions {
    const NAME: &'static str = "permission.table";
    type Output = PermissionTable;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<PermissionTable> {
        let tells_people = qx.caller.may(Permission::StaffRead);
        let book = match tells_people {
            true => Some(Book::read(qx.rd, qx.tenant).await?),
            false => None,
        };
        let people: Vec<(StaffId, Permissions)> = book
            .iter()
            .flat_map(|book| {
                let enabled = book.staff.iter().filter(|staff| staff.disabled_at.is_none());
                enabled.map(|staff| (staff.id, book.permissions_of(staff.id)))
            })
            .collect();
        let tenant = qx.tenant.clone();
        let who_may = |(verb, need): &(&'static str, Need)| {
            let roles = book.iter().flat_map(|book| &book.roles);
            let may: Vec<StaffId> =
                people.iter().filter(|(_, may)| permits(*may, &tenant, *need)).map(|(staff, _)| *staff).collect();
            WhoMay {
                verb,
                need: *need,
                second_person: tenant.settings.needs_second_person(verb),
                customer_confirms: tenant.settings.needs_customer(verb),
                roles: roles.filter(|it| permits(it.permissions, &tenant, *need)).map(|it| it.name.clone()).collect(),
                people_count: may.len(),
                people: may.into_iter().take(PEOPLE_MAX).collect(),
            }
        };
        let (actions, questions) = (ACTIONS.iter().map(who_may).collect(), QUESTIONS.iter().map(who_may).collect());
        Ok(PermissionTable { actions, questions, tells_people })
    }
}

/// Something that stands between a person and an action, or that she should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// No permission opens it: it is for users themselves, for strangers, or for the house.
    NotForStaff,
    /// The permission is missing; these roles would give it.
    PermissionMissing(Permission, Vec<String>),
    /// She is disabled.
    StaffDisabled,
    /// The institution wants a second person: she may propose it, if she may propose.
    SecondPerson,
    /// The institution wants the customer to confirm it: she may propose it, if she may propose.
    Customer,
    /// The institution has named a role whose holders decide requests, and she has it not.
    NotADecider(String),
    /// The user is an employee whom she may not see.
    UserHidden,
    /// The user's standing refuses it, with this code.
    UserRefuses(&'static str),
    /// It is so already.
    NothingToDo,
    /// This key of hers is narrowed and has not the permission.
    KeyNarrowed(KeyId),
}

impl Obstacle {
    /// Whether she is kept from it by this.
    pub fn bars(&self) -> bool {
        match self {
            Obstacle::NotForStaff
            | Obstacle::PermissionMissing(..)
            | Obstacle::StaffDisabled
            | Obstacle::SecondPerson
            | Obstacle::Customer
            | Obstacle::NotADecider(_)
            | Obstacle::UserHidden
            | Obstacle::UserRefuses(_) => true,
            Obstacle::NothingToDo | Obstacle::KeyNarrowed(_) => false,
        }
    }
}

/// Why somebody may, or may not.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Who.
    pub staff: StaffId,
    /// What.
    pub action: &'static str,
    /// What it needs.
    pub need: Need,
    /// Whether she may, by a session of hers.
    pub allowed: bool,
    /// Her roles that give it.
    pub given_by: Vec<String>,
    /// What stands between, in the order in which it would be met; also what she should know.
    pub obstacles: Vec<Obstacle>,
}

/// Why may this person do this, or why not.
pub struct ExplainPermission {
    /// Who; absent: the caller.
    pub staff: Option<StaffId>,
    /// The action or question, by its name.
    pub action: String,
    /// To whom.
    pub user: Option<UserId>,
}

/// What of the rule of standing an action asks.
fn attempt_of(action: &str) -> Option<Attempt> {
    match action {
        "password.start_reset" => Some(Attempt::StartReset),
        "note.write" => Some(Attempt::Note),
        "device.unlink" => Some(Attempt::UnlinkDevice),
        other => other.strip_prefix("user.").and_then(Attempt::parse),
    }
}

impl Question for ExplainPermission {
    const NAME: &'static str = "permission.explain";
    type Output = Explanation;

    fn subject(&self) -> Subject {
        self.staff.map_or(Subject::Tenant, Subject::Staff)
    }

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Explanation> {
        let staff = self.staff.or(qx.caller.staff()).ok_or(Error::Forbidden("signed_in_staff"))?;
        if Some(staff) != qx.caller.staff() && !qx.caller.may(Permission::StaffRead) {
            return Err(Error::Forbidden(Permission::StaffRead.word()));
        }
        let known = ACTIONS.iter().chain(QUESTIONS).find(|(name, _)| *name == self.action);
        let Some((action, need)) = known.copied() else {
            return Err(Error::invalid("action", "unknown", "See GET /v1/permissions for what there is."));
        };
        let tenant = qx.tenant.clone();
        let book = Book::read(qx.rd, &tenant).await?;
        let person = book.staff.iter().find(|it| it.id == staff).ok_or(Error::NotFound(StaffId::NOUN))?;
        let may = book.permissions_of(staff);
        let (mut obstacles, mut given_by) = (Vec::new(), Vec::new());
        if person.disabled_at.is_some() {
            obstacles.push(Obstacle::StaffDisabled);
        }
        match need {
            Need::Anyone | Need::SignedInStaff => {}
            Need::Oneself | Need::House => obstacles.push(Obstacle::NotForStaff),
            Need::OneselfOr(permission) | Need::Holder(permission) => {
                let gives = |role: &&Role| role.permissions.has(permission);
                let her = |role: &&Role| book.members.iter().any(|(_, it, id)| *it == staff && *id == role.id);
                given_by.extend(book.roles.iter().filter(gives).filter(her).map(|role| role.name.clone()));
                if !may.has(permission) {
                    let roles = book.roles.iter().filter(gives).map(|role| role.name.clone()).collect();
                    obstacles.push(Obstacle::PermissionMissing(permission, roles));
                }
                for key in key::of_staff(qx.rd, tenant.id, staff).await? {
                    let ended = key.revoked_at.is_some() || key.expires_at.is_some_and(|at| at <= qx.now);
                    if !ended && may.has(permission) && key.permissions.is_some_and(|may| !may.has(permission)) {
                        obstacles.push(Obstacle::KeyNarrowed(key.id));
                    }
                }
            }
        }
        if tenant.settings.needs_second_person(action) {
            obstacles.push(Obstacle::SecondPerson);
        }
        if tenant.settings.needs_customer(action) {
            obstacles.push(Obstacle::Customer);
        }
        if let Some(name) = &tenant.settings.deciding_role
            && [ApproveRequest::NAME, DeclineRequest::NAME].contains(&action)
            && !role::store::is_held_by(qx.rd, tenant.id, name, staff).await?
        {
            obstacles.push(Obstacle::NotADecider(name.clone()));
        }
        if let Some(user) = self.user {
            obstacles.extend(about_user(qx, user, may, action).await?);
        }
        let allowed = !obstacles.iter().any(Obstacle::bars);
        Ok(Explanation { staff, action, need, allowed, given_by, obstacles })
    }
}

/// What of a user stands in the way. Whoever asks learns no more of her than she may see.
async fn about_user(qx: &mut Qx<'_>, user: UserId, may: Permissions, action: &str) -> Result<Option<Obstacle>> {
    if !qx.caller.may(Permission::UsersRead) {
        return Err(Error::Forbidden(Permission::UsersRead.word()));
    }
    let found = user::store::load(qx.rd, qx.tenant, qx.caller, user).await?;
    let person = Caller { may, ..qx.caller.clone() };
    if found.employee && hides_employees(qx.tenant, &person) {
        return Ok(Some(Obstacle::UserHidden));
    }
    let Some(attempt) = attempt_of(action) else { return Ok(None) };
    Ok(match found.standing.rule(attempt, qx.now) {
        Verdict::Allowed => None,
        Verdict::Nothing => Some(Obstacle::NothingToDo),
        Verdict::Refused(refusal) => Some(Obstacle::UserRefuses(refusal.word())),
    })
}
