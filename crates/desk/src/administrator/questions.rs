//! What may be asked about administrators.

use super::model::{Administrator, Person};
use super::store;
use crate::account;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::user::questions::PAGE_MAX;
use crate::value::id::{AccountId, AdministratorId};
use crate::value::mask::Mask;
use crate::verb::{Question, Qx, Subject};

/// An administrator as somebody may see her: the paper's number masked, contacts only for holders of `users.contacts`.
#[derive(Debug, Clone)]
pub struct SeenAdministrator {
    /// The administrator; who she is as it may be seen.
    pub administrator: Administrator,
}

impl SeenAdministrator {
    pub(crate) fn of(mut it: Administrator, caller: &Caller) -> SeenAdministrator {
        it.person = it.person.map(|person| person.seen_by(caller));
        SeenAdministrator { administrator: it }
    }
}

impl Person {
    /// Who she is, as this caller may see it.
    pub(crate) fn seen_by(self, caller: &Caller) -> Person {
        let mut seen = Person { id_number: Mask::NationalId.apply(&self.id_number), ..self };
        if !caller.may(Permission::UsersContacts) {
            let hidden = seen.mobile.len().saturating_sub(4);
            seen.mobile = seen.mobile.char_indices().map(|(at, c)| if at < hidden { '*' } else { c }).collect();
            seen.email = Mask::Email.apply(&seen.email);
        }
        seen
    }
}

/// One administrator.
pub struct ShowAdministrator(pub AdministratorId);

impl Question for ShowAdministrator {
    const NAME: &'static str = "administrator.show";
    type Output = SeenAdministrator;

    fn subject(&self) -> Subject {
        Subject::Administrator(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<SeenAdministrator> {
        let it = store::load(qx.rd, qx.tenant, self.0).await?.it;
        let account = account::store::load(qx.rd, qx.tenant, it.account).await?;
        account::questions::owner_of(qx.rd, qx.tenant, qx.caller, &account, AdministratorId::NOUN).await?;
        Ok(SeenAdministrator::of(it, qx.caller))
    }
}

/// A page of administrators.
pub struct AdministratorPage {
    /// They, the oldest first, ended ones too.
    pub administrators: Vec<SeenAdministrator>,
    /// Whether there are more after the last.
    pub more: bool,
}

/// The administrators of an account.
pub struct ListAdministrators {
    /// Of which.
    pub account: AccountId,
    /// Behind this one.
    pub after: Option<AdministratorId>,
    /// How many, 1 to 200.
    pub limit: i64,
}

impl Question for ListAdministrators {
    const NAME: &'static str = "administrator.list";
    type Output = AdministratorPage;

    fn subject(&self) -> Subject {
        Subject::Account(self.account)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<AdministratorPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let account = account::store::load(qx.rd, qx.tenant, self.account).await?;
        account::questions::owner_of(qx.rd, qx.tenant, qx.caller, &account, AccountId::NOUN).await?;
        let after = self.after.map_or([0; 16], |id| *id.bytes());
        let mut found = store::page(qx.rd, qx.tenant, account.id, after, self.limit + 1).await?;
        let more = found.len() as i64 > self.limit;
        found.truncate(self.limit as usize);
        let administrators = found.into_iter().map(|it| SeenAdministrator::of(it, qx.caller)).collect();
        Ok(AdministratorPage { administrators, more })
    }
}
