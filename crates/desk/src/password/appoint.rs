//! Appointing somebody: a staff member with a role, who chooses her password through a link that is mailed to her. Nobody
//! chooses, sees or mails a password of hers.

use crate::access;
use crate::db::params;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::message::{self, Channel};
use crate::role;
use crate::session::store::{self as proofs, ProofPurpose};
use crate::staff::{self, AddStaff, Staff};
use crate::team::{AddMember, CreateTeam, ListTeams};
use crate::value::clock::DAY;
use crate::value::id::{ProofId, StaffId, UserId};
use crate::value::secret::{fingerprint, new_token};
use crate::verb::{Action, Cx, Question, Qx, Subject};

/// How long the link works.
const INVITATION: i64 = 3 * DAY;
/// The team that those join who were appointed with nothing but a role.
const TEAM: &str = "Administrators";

/// Makes somebody a staff member with a role, and has a link mailed to her by which she chooses her password.
pub struct AppointStaff {
    /// Her e-mail address, unique in the tenant; it stands for her name, too.
    pub email: String,
    /// The name of her role.
    pub role: String,
}

impl Action for AppointStaff {
    const NAME: &'static str = "staff.appoint";
    type Output = Staff;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Staff> {
        let tenant = cx.tenant.id;
        let role = role::store::by_name_for_change(cx.tx, tenant, &self.role).await?;
        let role = role.ok_or_else(|| Error::invalid("role", "unknown", "There is no such role."))?;
        let name = self.email.split('@').next().unwrap_or_default().to_owned();
        let name = if name.trim().is_empty() { self.email.clone() } else { name };
        let add = AddStaff { id: None, name, email: self.email.clone(), password_hash: None };
        let staff = cx.perform(&add).await?;
        let mut qx = Qx { rd: cx.tx, caller: cx.caller, tenant: cx.tenant, now: cx.now };
        let known = ListTeams.run(&mut qx).await?.into_iter().find(|team| team.name == TEAM).map(|team| team.id);
        let team = match known {
            Some(team) => team,
            None => cx.perform(&CreateTeam { name: TEAM.to_owned() }).await?.id,
        };
        cx.perform(&AddMember { team, staff: staff.id, role: role.id }).await?;
        invite(cx, &staff).await?;
        Ok(staff)
    }
}

/// Has a link mailed to a new staff member by which she chooses her password.
async fn invite(cx: &mut Cx<'_>, staff: &Staff) -> Result<()> {
    let tenant = cx.tenant.id;
    let token = new_token(&format!("bur_{}_", tenant.0), cx.random);
    let (print, proof) = (fingerprint(token.expose()), ProofId::new(cx.id_time(), cx.random));
    let (until, now, whose) = (cx.now.plus(INVITATION), cx.now, UserId(staff.id.0));
    proofs::insert_proof(
        cx.tx,
        tenant,
        proof,
        whose,
        ProofPurpose::StaffLink,
        Some(Channel::Email),
        &print,
        None,
        1,
        now,
        until,
    )
    .await?;
    let message = message::invite(cx, staff, &token, INVITATION / DAY * 24 * 60).await?;
    cx.note(Fact::StaffInvited { staff: staff.id, message });
    Ok(())
}

/// Adds a staff member who chooses a password through a link that is mailed to them. They may do nothing until they join a team
/// with a role.
pub struct InviteStaff {
    /// The name.
    pub name: String,
    /// The e-mail address, unique in the tenant.
    pub email: String,
}

impl Action for InviteStaff {
    const NAME: &'static str = AddStaff::NAME;
    type Output = Staff;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Staff> {
        let add = AddStaff { id: None, name: self.name.clone(), email: self.email.clone(), password_hash: None };
        let staff = cx.perform(&add).await?;
        invite(cx, &staff).await?;
        Ok(staff)
    }
}

/// Sends a member another link to choose a password, which voids the one before: where it ran out, or the password was
/// forgotten. It goes to the member's own address.
pub struct InviteAgain(pub StaffId);

impl Action for InviteAgain {
    const NAME: &'static str = "staff.invite_again";
    type Output = Staff;

    fn subject(&self) -> Subject {
        Subject::Staff(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Staff> {
        let staff = staff::store::load(cx.tx, cx.tenant, self.0).await?;
        if staff.disabled_at.is_some() {
            return Err(Refusal::UserDisabled.into());
        }
        role::check_reach_of_staff(cx, self.0).await?;
        invite(cx, &staff).await?;
        Ok(staff)
    }
}

/// Trades the link for a password. Made by `Desk::choose_password`.
pub struct ChooseStaffPassword {
    pub(super) staff: StaffId,
    pub(super) print: [u8; 32],
    pub(super) hash: String,
}

impl Action for ChooseStaffPassword {
    const NAME: &'static str = "staff.choose_password";
    const PREVIEWABLE: bool = false;
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Staff(self.staff)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tenant = cx.tenant.id;
        let staff = staff::store::load(cx.tx, cx.tenant, self.staff).await?;
        let proof = super::open_link(cx.tx, tenant, self.staff.0, &self.print, cx.now).await?;
        if staff.disabled_at.is_some() {
            return Err(Refusal::LinkInvalid.into());
        }
        cx.tx.put(proofs::END_PROOF, params![tenant, proof, cx.now, "used"]).await?;
        cx.tx.put(staff::store::SET_PASSWORD, params![tenant, self.staff, self.hash]).await?;
        cx.tx.put(access::END_SESSIONS, params![tenant, self.staff, cx.now, "password_changed"]).await?;
        cx.note(Fact::StaffPasswordChosen { staff: self.staff });
        Ok(())
    }
}
