//! What may be done with staff, and their signing in.

use super::store::BroughtIn;
use super::{Staff, StaffProfile, store};
use crate::access;
use crate::caller::{Caller, Who};
use crate::db::{Rd, Read, params};
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::key;
use crate::role;
use crate::session::store as sessions;
use crate::tries::{self, CHECKS_MAX};
use crate::value::clock::{SECOND, Time};
use crate::value::contact::Email;
use crate::value::id::{DeviceId, SessionId, StaffId};
use crate::value::name::fault_of_name;
use crate::value::normal;
use crate::value::secret::{Secret, fingerprint, new_token};
use crate::value::token::Domain;
use crate::verb::{Action, Cx, Subject};

/// Adds a staff member. She may do nothing until she joins a team with a role.
pub struct AddStaff {
    /// The id to use, for seeded data; else a new one.
    pub id: Option<StaffId>,
    /// Her name.
    pub name: String,
    /// Her e-mail address, unique in the tenant.
    pub email: String,
    /// The hash of a password, from the operator at the machine only; without one they choose one by an invitation, or act
    /// through keys.
    pub password_hash: Option<String>,
}

impl Action for AddStaff {
    const NAME: &'static str = "staff.add";
    type Output = Staff;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Staff> {
        let name = self.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 120 || !name.chars().all(normal::is_printable) {
            return Err(Error::invalid("name", "invalid", "1 to 120 printable characters."));
        }
        if let Some(fault) = fault_of_name(&name) {
            return Err(Error::Invalid(vec![fault.field("name")]));
        }
        let email = Email::parse(&self.email).map_err(|fault| Error::Invalid(vec![fault.field("email")]))?;
        let profile = StaffProfile { name, email: email.as_str().to_owned() };
        let id = match self.id {
            Some(id) => id,
            None => StaffId::new(cx.id_time(), cx.random),
        };
        let hash = self.password_hash.as_deref();
        if hash.is_some() && cx.caller.who != Who::House {
            return Err(Error::invalid(
                "password",
                "not_accepted",
                "Nobody chooses a colleague's password: invite them.",
            ));
        }
        let brought_in = brought_in(cx).await?;
        if !store::insert(cx.tx, cx.tenant, cx.random, id, &profile, hash, &brought_in, cx.now).await? {
            return Err(Error::invalid("email", "taken", "Another staff member has this address."));
        }
        cx.note(Fact::StaffAdded { staff: id });
        store::load(cx.tx, cx.tenant, id).await
    }
}

/// Who brings somebody in now. What a second person has approved is confirmed with that: they may manage the team as well.
async fn brought_in(cx: &mut Cx<'_>) -> Result<BroughtIn> {
    let mut by = match cx.caller.who {
        Who::Staff { id, .. } => vec![id],
        Who::Key { id, staff } => key::people_behind(cx.tx, cx.tenant.id, staff, Some(id)).await?,
        Who::User { .. } | Who::House | Who::Anonymous => Vec::new(),
    };
    let confirmed_at = (cx.is_approved() && !cx.proposers().is_empty()).then_some(cx.now);
    by.extend(cx.proposers());
    by.sort_unstable();
    by.dedup();
    Ok(BroughtIn { by, confirmed_at })
}

/// Ends a staff member's right to act: their sessions end and their keys stop working at once. Only for who holds what they
/// hold.
pub struct DisableStaff(pub StaffId);

impl Action for DisableStaff {
    const NAME: &'static str = "staff.disable";
    type Output = Staff;

    fn subject(&self) -> Subject {
        Subject::Staff(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Staff> {
        let mut staff = store::load(cx.tx, cx.tenant, self.0).await?;
        if cx.caller.staff() == Some(self.0) {
            return Err(Refusal::NotToOneself.into());
        }
        role::check_reach_of_staff(cx, self.0).await?;
        if staff.disabled_at.is_none() {
            staff.disabled_at = Some(cx.now);
            store::save(cx.tx, cx.tenant, &staff).await?;
            cx.tx.put(access::END_SESSIONS, params![cx.tenant.id, self.0, cx.now, "disabled"]).await?;
            cx.note(Fact::StaffDisabled { staff: self.0 });
        }
        Ok(staff)
    }
}

/// Lets a staff member act again.
pub struct EnableStaff(pub StaffId);

impl Action for EnableStaff {
    const NAME: &'static str = "staff.enable";
    type Output = Staff;

    fn subject(&self) -> Subject {
        Subject::Staff(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Staff> {
        let mut staff = store::load(cx.tx, cx.tenant, self.0).await?;
        role::check_reach_of_staff(cx, self.0).await?;
        if staff.disabled_at.take().is_some() {
            staff.failed_sign_ins = 0;
            store::save(cx.tx, cx.tenant, &staff).await?;
            cx.note(Fact::StaffEnabled { staff: self.0 });
        }
        Ok(staff)
    }
}

/// A staff password was checked outside; this decides what follows. Made by `Desk::staff_sign_in`.
pub struct StaffSignIn {
    staff: Option<StaffId>,
    right: bool,
    hash: Option<String>,
    email: String,
    lives_seconds: Option<i64>,
}

/// What becomes of a staff member who wants to sign in.
pub enum StaffSignInAnswer {
    /// No such person, not their password, or disabled: which is not said.
    Wrong {
        /// Too many wrong passwords of this name came from this network, whether anybody has the name or not. Whether this
        /// one is right is not said either.
        locked: bool,
    },
    /// Signed in.
    SignedIn {
        /// The session.
        session: SessionId,
        /// Its token; shown this once.
        token: Secret,
        /// Whom.
        staff: StaffId,
        /// Until when.
        expires_at: Time,
        /// The password was set by somebody else: nothing may be done until it is changed.
        password_change_due: bool,
    },
}

impl Action for StaffSignIn {
    const NAME: &'static str = "staff.sign_in";
    const PREVIEWABLE: bool = false;
    /// Nothing: the stored hash is another one by now, and the password has to be checked again.
    type Output = Option<StaffSignInAnswer>;

    fn subject(&self) -> Subject {
        self.staff.map_or(Subject::Tenant, Subject::Staff)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Option<StaffSignInAnswer>> {
        let tenant = cx.tenant.id;
        let name = cx.tenant.keys.lookup().unique(Domain::Email, &self.email);
        let key = tries::staff_key(&name, cx.caller.origin.address);
        let Some(id) = self.staff else {
            let bucket = i64::from(fingerprint(&self.email)[0] % 64);
            cx.tx.put(sessions::COUNT_NOISE, params![tenant, bucket, cx.now]).await?;
            if tries::staff_shut_until(cx, &key).await?.is_some() {
                return Ok(Some(StaffSignInAnswer::Wrong { locked: true }));
            }
            let shut = tries::count_staff_failure(cx, &key).await?;
            return Ok(Some(StaffSignInAnswer::Wrong { locked: shut.is_some() }));
        };
        // First the staff member: whoever guesses in many requests at once is counted one after the other.
        let mut staff = store::load(cx.tx, cx.tenant, id).await?;
        if tries::staff_shut_until(cx, &key).await?.is_some() {
            return Ok(Some(StaffSignInAnswer::Wrong { locked: true }));
        }
        if staff.password_hash != self.hash {
            return Ok(None);
        }
        if staff.disabled_at.is_some() || !self.right {
            staff.failed_sign_ins += 1;
            store::save(cx.tx, cx.tenant, &staff).await?;
            cx.note(Fact::StaffSignInFailed { staff: id, failures: staff.failed_sign_ins });
            let until = tries::count_staff_failure(cx, &key).await?;
            if until.is_some() {
                cx.note(Fact::StaffLocked { staff: id, until });
            }
            return Ok(Some(StaffSignInAnswer::Wrong { locked: until.is_some() }));
        }
        staff.failed_sign_ins = 0;
        store::save(cx.tx, cx.tenant, &staff).await?;
        tries::forget_staff_failures(cx, &key).await?;
        let session = SessionId::new(cx.id_time(), cx.random);
        let granted = cx.tenant.settings.staff_session_seconds;
        let expires_at = cx.now.plus(self.lives_seconds.unwrap_or(granted).min(granted) * SECOND);
        let token = new_token(&format!("bss_{}_", tenant.0), cx.random);
        let print = fingerprint(token.expose());
        let device: Option<DeviceId> = None;
        cx.tx.put(sessions::INSERT, params![tenant, session, print, "staff", id, device, cx.now, expires_at]).await?;
        cx.note(Fact::StaffSignedIn { staff: id, session });
        let password_change_due = staff.password_change_due;
        Ok(Some(StaffSignInAnswer::SignedIn { session, token, staff: id, expires_at, password_change_due }))
    }
}

/// Ends the caller's own staff session.
pub struct StaffSignOut {
    /// The caller.
    pub staff: StaffId,
}

impl Action for StaffSignOut {
    const NAME: &'static str = "staff.sign_out";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Staff(self.staff)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let Who::Staff { session, id } = cx.caller.who else { return Err(Error::Forbidden("signed_in_staff")) };
        if id != self.staff {
            return Err(Error::Forbidden("signed_in_staff"));
        }
        if cx.tx.run(sessions::END, params![cx.tenant.id, id, session, cx.now, "signed_out"]).await? == 1 {
            cx.note(Fact::StaffSignedOut { staff: id, session });
        }
        Ok(())
    }
}

struct FindByEmail {
    tenant: std::sync::Arc<crate::tenant::Tenant>,
    email: String,
}

impl Read for FindByEmail {
    type Output = Option<Staff>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Staff>> {
        store::by_email(rd, &self.tenant, &self.email).await
    }
}

impl Desk {
    /// Signs a staff member in, or answers why not. The caller is anonymous.
    pub async fn staff_sign_in(&self, caller: &Caller, email: &str, password: Secret) -> Result<StaffSignInAnswer> {
        self.staff_sign_in_for(caller, email, password, None).await
    }

    /// The same for a session that lasts so long, and never longer than the institution's setting.
    pub async fn staff_sign_in_for(
        &self,
        caller: &Caller,
        email: &str,
        password: Secret,
        lives_seconds: Option<i64>,
    ) -> Result<StaffSignInAnswer> {
        if email.len() > 254 || password.expose().len() > 1024 {
            return Err(Error::invalid("email", "too_long", "At most 254 characters; passwords at most 1024 bytes."));
        }
        let tenant = self.tenant(caller.tenant).await?;
        for _ in 0..CHECKS_MAX {
            let find = FindByEmail { tenant: tenant.clone(), email: email.to_owned() };
            let found = self.inner.db.read(find).await?;
            let hash = found.as_ref().and_then(|staff| staff.password_hash.clone());
            let right = self.verify_password(password.clone(), hash.clone()).await? && hash.is_some();
            let staff = found.map(|staff| staff.id);
            let action = StaffSignIn { staff, right, hash, email: email.to_owned(), lives_seconds };
            if let Some(answer) = self.perform(caller, action).await? {
                return Ok(answer);
            }
        }
        Ok(StaffSignInAnswer::Wrong { locked: false })
    }
}
