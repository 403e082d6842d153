//! A staff member's own password: nobody else knows it for longer than until the first sign-in.

use std::sync::Arc;

use super::{Staff, store};
use crate::access;
use crate::caller::{Caller, Who};
use crate::db::{Rd, Read, params};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::tenant::Tenant;
use crate::tries::{self, CHECKS_MAX};
use crate::value::id::StaffId;
use crate::value::secret::Secret;
use crate::value::token::Domain;
use crate::verb::{Action, Cx, Subject};

/// The password was set by somebody else: the member has to change it before anything else. For the operator's command.
pub struct RequirePasswordChange(pub StaffId);

impl Action for RequirePasswordChange {
    const NAME: &'static str = "staff.require_password_change";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Staff(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        store::load(cx.tx, cx.tenant, self.0).await?;
        if cx.tx.run(store::REQUIRE_PASSWORD_CHANGE, params![cx.tenant.id, self.0]).await? == 1 {
            cx.note(Fact::StaffPasswordChangeRequired { staff: self.0 });
        }
        Ok(())
    }
}

/// What became of the current password that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// It was right, and the new one counts.
    Changed,
    /// It was wrong, which is counted.
    Wrong,
    /// The stored hash is another one by now: check again.
    Again,
}

/// A signed-in member trades the current password for a new one. Made by `Desk::change_staff_password`.
pub struct ChangeStaffPassword {
    staff: StaffId,
    right: bool,
    seen: Option<String>,
    hash: String,
}

impl Action for ChangeStaffPassword {
    const NAME: &'static str = "staff.change_password";
    const PREVIEWABLE: bool = false;
    type Output = PasswordAnswer;

    fn subject(&self) -> Subject {
        Subject::Staff(self.staff)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<PasswordAnswer> {
        // A key proves nothing of the person whose it is.
        let Who::Staff { id, .. } = cx.caller.who else { return Err(Error::Forbidden("signed_in_staff")) };
        if id != self.staff {
            return Err(Error::Forbidden("signed_in_staff"));
        }
        let tenant = cx.tenant.id;
        let mut staff = store::load(cx.tx, cx.tenant, id).await?;
        let name = cx.tenant.keys.lookup().unique(Domain::Email, &staff.profile.email);
        let key = tries::staff_key(&name, cx.caller.origin.address);
        if tries::staff_shut_until(cx, &key).await?.is_some() {
            return Ok(PasswordAnswer::Wrong);
        }
        if staff.password_hash != self.seen {
            return Ok(PasswordAnswer::Again);
        }
        if !self.right {
            staff.failed_sign_ins += 1;
            store::save(cx.tx, cx.tenant, &staff).await?;
            cx.note(Fact::StaffSignInFailed { staff: id, failures: staff.failed_sign_ins });
            tries::count_staff_failure(cx, &key).await?;
            return Ok(PasswordAnswer::Wrong);
        }
        cx.tx.put(store::SET_PASSWORD, params![tenant, id, self.hash]).await?;
        tries::forget_staff_failures(cx, &key).await?;
        cx.tx.put(access::END_SESSIONS, params![tenant, id, cx.now, "password_changed"]).await?;
        cx.note(Fact::StaffPasswordChanged { staff: id });
        Ok(PasswordAnswer::Changed)
    }
}

struct Load(Arc<Tenant>, StaffId);

impl Read for Load {
    type Output = Staff;

    async fn run(&self, rd: &mut Rd) -> Result<Staff> {
        store::load_to_read(rd, &self.0, self.1).await
    }
}

impl Desk {
    /// A signed-in member trades the current password for a new one; every session of theirs ends.
    pub async fn change_staff_password(&self, caller: &Caller, current: Secret, password: Secret) -> Result<()> {
        let Who::Staff { id, .. } = caller.who else {
            return Err(match caller.who {
                Who::Anonymous => Error::Unauthenticated("this needs a caller who has signed in"),
                _ => Error::Forbidden("signed_in_staff"),
            });
        };
        if current.expose().len() > 1024 {
            return Err(Error::invalid("current_password", "too_long", "At most 1024 bytes."));
        }
        let tenant = self.tenant(caller.tenant).await?;
        let mut hash = None;
        for _ in 0..CHECKS_MAX {
            let staff = self.inner.db.read(Load(tenant.clone(), id)).await?;
            let seen = staff.password_hash.clone();
            let right = self.verify_password(current.clone(), seen.clone()).await? && seen.is_some();
            let hash = match &hash {
                Some(hash) => hash,
                None => {
                    let local = staff.profile.email.split('@').next().unwrap_or_default().to_owned();
                    let personal = vec![staff.profile.name.clone(), local, tenant.institution.name.clone()];
                    let chars_min = tenant.settings.password_min_length;
                    &*hash.insert(self.hash_new_password(password.clone(), chars_min, personal).await?)
                }
            };
            let action = ChangeStaffPassword { staff: id, right, seen, hash: hash.clone() };
            match self.perform(caller, action).await? {
                PasswordAnswer::Changed => return Ok(()),
                PasswordAnswer::Wrong => break,
                PasswordAnswer::Again => {}
            }
        }
        Err(Error::invalid("current_password", "wrong", "This is not the current password."))
    }
}
