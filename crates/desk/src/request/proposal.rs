//! What is proposed: an action, what it is about, and what it is told besides; and how the action is made of that.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::account::{AccountChange, AccountKind, ChangeAccount, Details, OpenAccount};
use crate::administrator::callback::SendCallbackAgain;
use crate::administrator::{
    AddAdministrator, Contact, Person, RemoveAdministrator, Rights, Selector, SetAdministratorRights,
    VerifyAdministrator,
};
use crate::bulk::actions::with_action;
use crate::bulk::{
    BulkDeed, BulkOrder, BulkParams, BulkVerb, CancelBulk, PauseBulk, PreviewBulk, ResumeBulk, Selection, StartBulk,
    UndoBulk,
};
use crate::caller::Caller;
use crate::challenge::CancelChallenge;
use crate::device::{UnlinkAllDevices, UnlinkDevice};
use crate::error::{Error, Field, Result};
use crate::import::{BeginImport, CancelImport, PauseImport, ResumeImport};
use crate::key::{CreateKey, KeyKind, PublicKeys, RevokeKey, SetCallbackUrl};
use crate::message::Channel;
use crate::note::WriteNote;
use crate::password::{AppointStaff, InviteStaff, RevokePassword, StartPasswordReset};
use crate::permission::{Permission, Proposable};
use crate::role::{DefineRole, DeleteRole};
use crate::second_factor::RemoveSecondFactor;
use crate::session::EndSession;
use crate::staff::{DisableStaff, EnableStaff};
use crate::team::{AddMember, CreateTeam, RemoveMember};
use crate::tenant::{ChangeSecuritySettings, ChangeSettings};
use crate::user::actions::patched;
use crate::user::verification::{ApproveVerification, AskForMore, DeclineVerification, SubmitVerification};
use crate::user::{CreateUser, EditUser, EraseUser, Profile, UserFilter, UserKind};
use crate::value::callback_url::CallbackUrl;
use crate::value::clock::Time;
use crate::value::id::{AccountId, DeviceId, RoleId, SessionId, StaffId, UserId};
use crate::value::mask::Mask;
use crate::verb::{Step, Subject};

/// What an action may be told besides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// What the actions on a user's standing are told: `until`, `bank`, `status`, `legal`, `state`, `verified`.
    #[serde(flatten)]
    pub deed: BulkParams,
    /// `user.create`: the profile; `user.edit`: the merge patch of it; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Map<String, Value>>,
    /// `user.create`, `user.edit`: person or business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<UserKind>,
    /// `user.create`, `user.edit`: an employee of the institution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee: Option<bool>,
    /// `password.start_reset`: by mail or text message; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Channel>,
    /// `device.unlink`: which; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// `session.end`: which; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// `note.write`: the note; `verification.ask_more`: what the user is told; needed. `verification.decline`: the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `team.add_member`, `team.remove_member`: whom; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffId>,
    /// `team.add_member`: with which role; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
    /// `staff.appoint`: the name of the role; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// `staff.add`, `team.create`, `role.define`: the name; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `staff.add`, `staff.appoint`: the mail address, to which a link is sent by which she chooses her password; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `role.define`: what it permits; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<Permission>>,
    /// `settings.change`, `settings.change_security`: the fields to change; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Map<String, Value>>,
    /// `key.create`: the key; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<ProposedKey>,
    /// `key.set_callback`: where to; absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<CallbackUrl>,
    /// `bulk.start`: what is done to whom; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk: Option<ProposedBulk>,
    /// `account.open`: the account; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<ProposedAccount>,
    /// `account.change`: how it shall move; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<AccountChange>,
    /// `administrator.add`: who; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// `administrator.verify`, `administrator.remove`: of which account; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_account: Option<AccountId>,
    /// `administrator.verify`: which contact; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// `administrator.set_rights`: what she may do from then on; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<Rights>,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `CreateKey`")]
pub struct ProposedKey {
    pub kind: KeyKind,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<Permission>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_keys: Option<PublicKeys>,
    pub enforce_scopes: bool,
    pub scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<CallbackUrl>,
}

impl ProposedKey {
    /// The action that makes it for this person.
    pub fn for_staff(self, staff: StaffId) -> CreateKey {
        CreateKey {
            kind: self.kind,
            name: self.name,
            staff,
            permissions: self.permissions,
            client_id: self.client_id,
            public_keys: self.public_keys,
            enforce_scopes: self.enforce_scopes,
            scopes: self.scopes,
            expires_at: self.expires_at,
            callback_url: self.callback_url,
        }
    }
}

/// A bulk action to be started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProposedBulk {
    /// What is done to each.
    #[serde(flatten)]
    pub deed: BulkDeed,
    /// Whoever fits when her turn comes; or else `ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<UserFilter>,
    /// These.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<UserId>>,
}

impl ProposedBulk {
    fn order(&self, reason: Option<String>) -> BulkOrder {
        let selection = match &self.filter {
            Some(filter) => Selection::Filter(filter.clone()),
            None => Selection::Ids(self.ids.clone().unwrap_or_default()),
        };
        BulkOrder { deed: self.deed.clone(), selection, reason, expected: None }
    }
}

/// An account to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `OpenAccount`")]
pub struct ProposedAccount {
    pub kind: AccountKind,
    pub currency: String,
    pub balance: i64,
    #[serde(flatten)]
    pub details: Details,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
}

/// The longest patch of a profile or of settings, as JSON.
const PATCH_MAX: usize = 16 * 1024;

/// What stands for what is not seen.
const HIDDEN: &str = "***";

impl Told {
    /// The same as this caller may see it: who somebody is, is masked as it is where it rests.
    pub(crate) fn seen_by(&self, caller: &Caller) -> Result<Told> {
        let profile = match &self.profile {
            Some(patch) => {
                let whole: Box<Profile> = serde_json::from_value(without_nulls(patch)).map_err(Error::internal)?;
                let seen = serde_json::to_value(whole.seen_by(caller)).map_err(Error::internal)?;
                Some(laid_over(patch, &seen))
            }
            None => None,
        };
        let mut seen = Told { profile, ..self.clone() };
        seen.person = seen.person.map(|person| person.seen_by(caller));
        if let Some(account) = &mut seen.account {
            account.details.number = Mask::Account.apply(&account.details.number);
        }
        if seen.text.is_some() && !caller.may(Permission::NotesRead) {
            seen.text = Some(HIDDEN.to_owned());
        }
        Ok(seen)
    }
}

/// A patch without what it clears.
fn without_nulls(patch: &Map<String, Value>) -> Value {
    let some = patch.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| match value {
        Value::Object(inner) => (name.clone(), without_nulls(inner)),
        value => (name.clone(), value.clone()),
    });
    Value::Object(some.collect())
}

/// The fields of a patch with the values that are seen; what is not seen at all is hidden.
fn laid_over(patch: &Map<String, Value>, seen: &Value) -> Map<String, Value> {
    let hidden = Value::from(HIDDEN);
    let shown = patch.iter().map(|(name, value)| match value {
        Value::Null => (name.clone(), Value::Null),
        Value::Object(inner) => (name.clone(), Value::Object(laid_over(inner, &seen[name]))),
        _ => (name.clone(), seen.get(name).unwrap_or(&hidden).clone()),
    });
    shown.collect()
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The action.
    pub action: Proposable,
    /// What it is about, of the kind that the action says.
    pub about: Subject,
    /// What it is told besides.
    pub told: Told,
}

/// The verb that a bulk action has for this, if it has one.
fn verb_of(action: Proposable) -> Option<BulkVerb> {
    BulkVerb::ALL.iter().copied().find(|verb| verb.action() == action.word())
}

impl Proposal {
    /// An action on a user that is told nothing besides.
    pub fn plain(action: Proposable, user: UserId) -> Proposal {
        Proposal { action, about: Subject::User(user), told: Told::default() }
    }

    /// Whether it is about what the action is about, and told what that needs and nothing else.
    pub(crate) fn check(&self, now: Time) -> Result<()> {
        use Proposable as A;
        let (action, told) = (self.action, &self.told);
        if self.about.kind() != action.about() {
            let message = format!("`{action}` is about a {}.", action.about());
            return Err(Error::invalid("about", "invalid", message));
        }
        let mut faults = Vec::new();
        match verb_of(action) {
            Some(verb) => match (BulkDeed { verb, params: told.deed.clone() }).check(now) {
                Err(Error::Invalid(fields)) => faults.extend(fields),
                other => other?,
            },
            None if told.deed != BulkParams::default() => {
                faults.push(Field::new("params", "unknown", format!("Means nothing to `{action}`.")));
            }
            None => {}
        }
        let mut takes = |name: &str, is_there: bool, needed: &[A], besides: &[A]| {
            if is_there && !needed.contains(&action) && !besides.contains(&action) {
                faults.push(Field::new(name, "unknown", format!("Means nothing to `{action}`.")));
            } else if !is_there && needed.contains(&action) {
                faults.push(Field::new(name, "required", format!("`{action}` needs it.")));
            }
        };
        takes("profile", told.profile.is_some(), &[A::CreateUser], &[A::Edit]);
        takes("kind", told.kind.is_some(), &[], &[A::CreateUser, A::Edit]);
        takes("employee", told.employee.is_some(), &[], &[A::CreateUser, A::Edit]);
        takes("method", told.method.is_some(), &[A::StartReset], &[]);
        takes("device_id", told.device.is_some(), &[A::UnlinkDevice], &[]);
        takes("session_id", told.session.is_some(), &[A::EndSession], &[]);
        takes("text", told.text.is_some(), &[A::WriteNote, A::AskForMore], &[A::DeclineVerification]);
        takes("staff_id", told.staff.is_some(), &[A::AddMember, A::RemoveMember], &[]);
        takes("role_id", told.role.is_some(), &[A::AddMember], &[]);
        takes("role", told.role_name.is_some(), &[A::AppointStaff], &[]);
        takes("name", told.name.is_some(), &[A::AddStaff, A::CreateTeam, A::DefineRole], &[]);
        takes("email", told.email.is_some(), &[A::AddStaff, A::AppointStaff], &[]);
        takes("permissions", told.permissions.is_some(), &[A::DefineRole], &[]);
        takes("settings", told.settings.is_some(), &[A::ChangeSettings, A::ChangeSecurity], &[]);
        takes("key", told.key.is_some(), &[A::CreateKey], &[]);
        takes("callback_url", told.callback_url.is_some(), &[], &[A::SetKeyCallback]);
        takes("bulk", told.bulk.is_some(), &[A::StartBulk], &[]);
        takes("account", told.account.is_some(), &[A::OpenAccount], &[]);
        takes("change", told.change.is_some(), &[A::ChangeAccount], &[]);
        takes("administrator", told.person.is_some(), &[A::AddAdministrator], &[]);
        takes("account_id", told.of_account.is_some(), &[A::VerifyAdministrator, A::RemoveAdministrator], &[]);
        takes("contact", told.contact.is_some(), &[A::VerifyAdministrator], &[]);
        takes("rights", told.rights.is_some(), &[A::SetAdministratorRights], &[]);
        if action == A::Edit && told.profile.is_none() && told.kind.is_none() && told.employee.is_none() {
            faults.push(Field::new("profile", "required", format!("`{action}` needs it.")));
        }
        if told.bulk.as_ref().is_some_and(|bulk| bulk.filter.is_some() == bulk.ids.is_some()) {
            faults.push(Field::new("bulk", "invalid", "Either `filter` or `ids`."));
        }
        for (name, patch) in [("profile", &told.profile), ("settings", &told.settings)] {
            let size = patch.as_ref().and_then(|patch| serde_json::to_vec(patch).ok()).map_or(0, |text| text.len());
            if size > PATCH_MAX {
                faults.push(Field::new(name, "too_long", format!("At most {PATCH_MAX} bytes.")));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }

    /// What tells this proposal about the institution from others of the same action: several that make different things may
    /// wait at the same time, but only one change of the settings.
    pub(crate) fn makes(&self) -> Result<Option<String>> {
        Ok(match self.action {
            Proposable::DefineRole | Proposable::CreateTeam => self.told.name.clone(),
            Proposable::CreateUser | Proposable::AddStaff | Proposable::AppointStaff | Proposable::StartBulk => {
                Some(serde_json::to_string(&self.told).map_err(Error::internal)?)
            }
            _ => None,
        })
    }

    /// The staff member it is about, or whom it gives or takes something: she does not decide it.
    pub(crate) fn staff(&self) -> Option<StaffId> {
        match self.about {
            Subject::Staff(staff) => Some(staff),
            _ => self.told.staff,
        }
    }

    /// The bulk action that it would start: what that comes to is counted.
    pub(crate) fn bulk(&self) -> Option<PreviewBulk> {
        match (self.action, self.about, &self.told.bulk) {
            (Proposable::StartBulk, _, Some(bulk)) => Some(PreviewBulk::Start(bulk.order(None))),
            (Proposable::UndoBulk, Subject::Bulk(bulk), _) => Some(PreviewBulk::Undo(bulk)),
            _ => None,
        }
    }

    /// The action itself.
    pub(crate) fn step(&self, reason: Option<&str>) -> Result<Box<dyn Step>> {
        let reason = reason.map(str::to_owned);
        let action = self.action;
        if let (Some(verb), Subject::User(user)) = (verb_of(action), self.about) {
            let deed = BulkDeed { verb, params: self.told.deed.clone() };
            return with_action!(deed, user, reason, |made| Ok(Box::new(made) as Box<dyn Step>));
        }
        match self.about {
            Subject::User(user) => self.about_user(user, reason),
            Subject::Tenant => self.about_institution(reason),
            Subject::Account(_) | Subject::Administrator(_) | Subject::Challenge(_) => self.about_account(reason),
            _ => self.about_house(reason),
        }
    }

    /// A part of what is told; that it is there was checked when it was proposed.
    fn told<T: Clone>(&self, what: &str, part: &Option<T>) -> Result<T> {
        part.clone().ok_or_else(|| Error::internal(format!("a proposal of {} without its {what}", self.action)))
    }

    fn nothing_such(&self) -> Error {
        Error::internal(format!("a proposal of {} about a {}", self.action, self.about.kind()))
    }

    fn about_user(&self, user: UserId, reason: Option<String>) -> Result<Box<dyn Step>> {
        let told = &self.told;
        Ok(match self.action {
            Proposable::Edit => {
                let patch = told.profile.clone().unwrap_or_default();
                Box::new(EditUser { user, if_version: None, patch, kind: told.kind, employee: told.employee, reason })
            }
            Proposable::Erase => Box::new(EraseUser { user, reason }),
            Proposable::SubmitVerification => Box::new(SubmitVerification { user }),
            Proposable::ApproveVerification => Box::new(ApproveVerification { user, reason }),
            Proposable::DeclineVerification => {
                let reason = self.told("reason", &reason)?;
                Box::new(DeclineVerification { user, reason, text: told.text.clone() })
            }
            Proposable::AskForMore => Box::new(AskForMore { user, text: self.told("text", &told.text)?, reason }),
            Proposable::EndSession => {
                Box::new(EndSession { user, session: self.told("session", &told.session)?, reason })
            }
            Proposable::StartReset => {
                Box::new(StartPasswordReset { user, method: self.told("method", &told.method)?, reason })
            }
            Proposable::RevokePassword => Box::new(RevokePassword { user, reason }),
            Proposable::RemoveSecondFactor => Box::new(RemoveSecondFactor { user, reason }),
            Proposable::UnlinkDevice => {
                Box::new(UnlinkDevice { user, device: self.told("device", &told.device)?, reason })
            }
            Proposable::UnlinkAllDevices => Box::new(UnlinkAllDevices { user, reason }),
            Proposable::WriteNote => Box::new(WriteNote { user, text: self.told("text", &told.text)? }),
            Proposable::OpenAccount => {
                let ProposedAccount { kind, currency, balance, details, partner } =
                    self.told("account", &told.account)?;
                Box::new(OpenAccount { owner: user, kind, currency, balance, details, partner })
            }
            _ => return Err(self.nothing_such()),
        })
    }

    fn about_institution(&self, reason: Option<String>) -> Result<Box<dyn Step>> {
        let told = &self.told;
        Ok(match self.action {
            Proposable::CreateUser => {
                let profile = patched(&Profile::default(), &self.told("profile", &told.profile)?)?;
                let (kind, employee) = (told.kind.unwrap_or(UserKind::Individual), told.employee.unwrap_or(false));
                Box::new(CreateUser { kind, employee, ..CreateUser::of(profile) })
            }
            Proposable::AddStaff => {
                let (name, email) = (self.told("name", &told.name)?, self.told("email", &told.email)?);
                Box::new(InviteStaff { name, email })
            }
            Proposable::AppointStaff => {
                let (email, role) = (self.told("email", &told.email)?, self.told("role", &told.role_name)?);
                Box::new(AppointStaff { email, role })
            }
            Proposable::CreateTeam => Box::new(CreateTeam { name: self.told("name", &told.name)? }),
            Proposable::DefineRole => {
                let (name, permissions) =
                    (self.told("name", &told.name)?, self.told("permissions", &told.permissions)?);
                Box::new(DefineRole { name, permissions })
            }
            Proposable::StartBulk => Box::new(StartBulk::proposed(self.told("bulk", &told.bulk)?.order(reason))),
            Proposable::ChangeSettings => Box::new(ChangeSettings { patch: self.told("settings", &told.settings)? }),
            Proposable::ChangeSecurity => {
                Box::new(ChangeSecuritySettings { patch: self.told("settings", &told.settings)? })
            }
            _ => return Err(self.nothing_such()),
        })
    }

    fn about_account(&self, reason: Option<String>) -> Result<Box<dyn Step>> {
        let told = &self.told;
        let account = || self.told("account", &told.of_account);
        Ok(match (self.action, self.about) {
            (Proposable::ChangeAccount, Subject::Account(account)) => {
                Box::new(ChangeAccount { account, change: self.told("change", &told.change)?, reason })
            }
            (Proposable::AddAdministrator, Subject::Account(account)) => {
                Box::new(AddAdministrator { account, person: self.told("person", &told.person)? })
            }
            (Proposable::VerifyAdministrator, Subject::Administrator(who)) => {
                let (account, contact) = (account()?, self.told("contact", &told.contact)?);
                Box::new(VerifyAdministrator { account, who: Selector::Id(who), contact })
            }
            (Proposable::SetAdministratorRights, Subject::Administrator(administrator)) => {
                let rights = self.told("rights", &told.rights)?;
                Box::new(SetAdministratorRights { administrator, rights, reason })
            }
            (Proposable::RemoveAdministrator, Subject::Administrator(who)) => {
                Box::new(RemoveAdministrator { account: account()?, who: Selector::Id(who), reason })
            }
            (Proposable::CancelChallenge, Subject::Challenge(challenge)) => {
                Box::new(CancelChallenge { challenge, reason })
            }
            _ => return Err(self.nothing_such()),
        })
    }

    /// Staff, teams, roles, keys and what partners are told; bulk actions and imports that are there already.
    fn about_house(&self, reason: Option<String>) -> Result<Box<dyn Step>> {
        let told = &self.told;
        Ok(match (self.action, self.about) {
            (Proposable::DisableStaff, Subject::Staff(staff)) => Box::new(DisableStaff(staff)),
            (Proposable::EnableStaff, Subject::Staff(staff)) => Box::new(EnableStaff(staff)),
            (Proposable::CreateKey, Subject::Staff(staff)) => Box::new(self.told("key", &told.key)?.for_staff(staff)),
            (Proposable::AddMember, Subject::Team(team)) => {
                let (staff, role) = (self.told("staff member", &told.staff)?, self.told("role", &told.role)?);
                Box::new(AddMember { team, staff, role })
            }
            (Proposable::RemoveMember, Subject::Team(team)) => {
                Box::new(RemoveMember { team, staff: self.told("staff member", &told.staff)? })
            }
            (Proposable::DeleteRole, Subject::Role(role)) => Box::new(DeleteRole(role)),
            (Proposable::RevokeKey, Subject::Key(key)) => Box::new(RevokeKey(key)),
            (Proposable::SetKeyCallback, Subject::Key(key)) => {
                Box::new(SetCallbackUrl { key, url: told.callback_url.clone() })
            }
            (Proposable::SendCallbackAgain, Subject::Callback(callback)) => Box::new(SendCallbackAgain(callback)),
            (Proposable::UndoBulk, Subject::Bulk(bulk)) => Box::new(UndoBulk { bulk, reason }),
            (Proposable::PauseBulk, Subject::Bulk(bulk)) => Box::new(PauseBulk { bulk, reason }),
            (Proposable::ResumeBulk, Subject::Bulk(bulk)) => Box::new(ResumeBulk { bulk, reason }),
            (Proposable::CancelBulk, Subject::Bulk(bulk)) => Box::new(CancelBulk { bulk, reason }),
            (Proposable::StartImport, Subject::Import(import)) => Box::new(BeginImport(import)),
            (Proposable::PauseImport, Subject::Import(import)) => Box::new(PauseImport(import)),
            (Proposable::ResumeImport, Subject::Import(import)) => Box::new(ResumeImport(import)),
            (Proposable::CancelImport, Subject::Import(import)) => Box::new(CancelImport(import)),
            _ => return Err(self.nothing_such()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::callback_url::Reach;
    use crate::value::id::{KeyId, TeamId};

    fn id() -> uuid::Uuid {
        uuid::Uuid::from_u128(7)
    }

    fn about(kind: &str) -> Subject {
        Subject::of(kind, id()).unwrap()
    }

    fn key() -> ProposedKey {
        ProposedKey {
            kind: KeyKind::Banno,
            name: "CRM".to_owned(),
            permissions: Some(vec![Permission::UsersRead]),
            client_id: None,
            public_keys: Some(PublicKeys::Pem("a key".to_owned())),
            enforce_scopes: true,
            scopes: vec!["read".to_owned()],
            expires_at: Some(Time(60)),
            callback_url: None,
        }
    }

    fn account() -> ProposedAccount {
        let details = Details { number: "001-2345".to_owned(), name: "Ada".to_owned(), short_code: None };
        ProposedAccount { kind: AccountKind::Sme, currency: "KES".to_owned(), balance: 5, details, partner: None }
    }

    fn person() -> Person {
        Person {
            id_type: crate::administrator::IdType::Passport,
            id_number: "P0000017".to_owned(),
            full_name: "Wanjiru Otieno".to_owned(),
            country_code: "254".to_owned(),
            mobile: "712000017".to_owned(),
            email: "w17@mail.example".to_owned(),
        }
    }

    /// A proposal of each action, told all that it needs.
    fn whole(action: Proposable) -> Proposal {
        let mut told = Told::default();
        match action {
            Proposable::SetFraudStatus => told.deed.status = Some(crate::user::standing::FraudStatus::Suspicious),
            Proposable::SetCoreState => told.deed.state = Some(crate::user::standing::CoreState::Dormant),
            Proposable::DecideVerification => told.deed.verified = Some(true),
            Proposable::CreateUser => {
                told.profile = serde_json::json!({"first_name": "Ada", "last_name": "Obi"}).as_object().cloned();
            }
            Proposable::Edit => told.profile = Some(Map::new()),
            Proposable::EndSession => told.session = Some(SessionId(id())),
            Proposable::WriteNote | Proposable::AskForMore => told.text = Some("She called.".to_owned()),
            Proposable::AddStaff => {
                (told.name, told.email) = (Some("Sade".to_owned()), Some("s@bank.example".to_owned()))
            }
            Proposable::AppointStaff => {
                (told.email, told.role_name) = (Some("s@bank.example".to_owned()), Some("R".to_owned()));
            }
            Proposable::CreateTeam => told.name = Some("T".to_owned()),
            Proposable::CreateKey => told.key = Some(key()),
            Proposable::SetKeyCallback => {
                let url = CallbackUrl::parse("https://partner.example/told", Reach::Outside);
                told.callback_url = Some(url.unwrap());
            }
            Proposable::StartBulk => {
                let ids = Some(vec![UserId(id())]);
                told.bulk = Some(ProposedBulk { deed: BulkDeed::plain(BulkVerb::Flag), filter: None, ids });
            }
            Proposable::OpenAccount => told.account = Some(account()),
            Proposable::ChangeAccount => told.change = Some(AccountChange::Freeze),
            Proposable::AddAdministrator => told.person = Some(person()),
            Proposable::VerifyAdministrator => {
                (told.of_account, told.contact) = (Some(AccountId(id())), Some(Contact::Email));
            }
            Proposable::SetAdministratorRights => told.rights = Some(Rights::default()),
            Proposable::RemoveAdministrator => told.of_account = Some(AccountId(id())),
            Proposable::ChangeSettings => told.settings = Some(Map::new()),
            Proposable::StartReset => told.method = Some(Channel::Email),
            Proposable::UnlinkDevice => told.device = Some(DeviceId(id())),
            Proposable::AddMember => (told.staff, told.role) = (Some(StaffId(id())), Some(RoleId(id()))),
            Proposable::RemoveMember => told.staff = Some(StaffId(id())),
            Proposable::DefineRole => (told.name, told.permissions) = (Some("R".to_owned()), Some(Vec::new())),
            Proposable::ChangeSecurity => told.settings = Some(Map::new()),
            _ => {}
        }
        Proposal { action, about: about(action.about()), told }
    }

    #[test]
    fn each_action_that_can_be_proposed_is_made_of_its_proposal() {
        for action in Proposable::ALL.iter().copied() {
            let proposal = whole(action);
            proposal.check(Time(50)).unwrap();
            let step = proposal.step(Some("case 17")).unwrap();
            assert_eq!((step.name(), step.subject()), (action.word(), proposal.about), "{action}");
            let kept = serde_json::to_string(&proposal.told).unwrap();
            assert_eq!(serde_json::from_str::<Told>(&kept).unwrap(), proposal.told, "{action} reads back what is kept");
        }
    }

    #[test]
    fn a_patch_is_seen_as_a_profile_is() {
        let may = |permissions: &[Permission]| Caller {
            may: permissions.iter().copied().collect(),
            ..Caller::house(crate::value::id::TenantId(1), crate::caller::Door::Native)
        };
        let patch = serde_json::json!({
            "email": "ada.new@mail.example", "middle_name": "Chi", "phone": null, "is_diaspora": true,
            "identifiers": {"bvn": "22123456144", "ssn": null}, "address": {"city": "Enugu"},
        });
        let told = Told { profile: patch.as_object().cloned(), ..Told::default() };
        let seen = told.seen_by(&may(&[])).unwrap().profile.unwrap();
        assert_eq!(
            Value::Object(seen),
            serde_json::json!({
                "email": "a***@mail.example", "middle_name": "Chi", "phone": null, "is_diaspora": true,
                "identifiers": {"bvn": "22xxxxxx144", "ssn": null}, "address": {"city": "***"},
            })
        );
        let seen = told.seen_by(&may(&[Permission::UsersContacts])).unwrap().profile.unwrap();
        assert_eq!((&seen["email"], &seen["identifiers"]["bvn"]), (&patch["email"], &Value::from("22xxxxxx144")));
        assert_eq!((&seen["is_diaspora"], &seen["address"]), (&Value::from(true), &patch["address"]));
    }

    #[test]
    fn what_is_told_of_people_is_masked_as_it_is_where_it_rests() {
        let may = |permissions: &[Permission]| Caller {
            may: permissions.iter().copied().collect(),
            ..Caller::house(crate::value::id::TenantId(1), crate::caller::Door::Native)
        };
        let text = Some("She called from a new number.".to_owned());
        let told = Told { account: Some(account()), person: Some(person()), text, ..Told::default() };
        let seen = told.seen_by(&may(&[])).unwrap();
        let whole = serde_json::to_string(&seen).unwrap();
        for hidden in ["001-2345", "P0000017", "712000017", "w17@mail", "new number"] {
            assert!(!whole.contains(hidden), "{hidden} in {whole}");
        }
        let seen = told.seen_by(&may(&[Permission::UsersContacts, Permission::NotesRead])).unwrap();
        assert_eq!((&seen.person.as_ref().unwrap().mobile, &seen.text), (&person().mobile, &told.text));
        assert_ne!(seen.person.unwrap().id_number, person().id_number);
    }

    #[test]
    fn whatever_a_bulk_action_does_can_be_proposed() {
        for verb in BulkVerb::ALL {
            assert!(Proposable::parse(verb.action()).is_some(), "{verb}");
        }
    }

    #[test]
    fn a_proposal_is_told_what_it_needs_and_nothing_else() {
        let codes = |proposal: Proposal| match proposal.check(Time(50)) {
            Err(Error::Invalid(fields)) => fields.into_iter().map(|it| format!("{} {}", it.path, it.code)).collect(),
            told => vec![format!("{told:?}")],
        };
        let bare = |action: Proposable| Proposal { action, about: about(action.about()), told: Told::default() };
        assert_eq!(codes(bare(Proposable::Disable)), ["Ok(())"]);
        assert_eq!(codes(bare(Proposable::SetFraudStatus)), ["status required"]);
        assert_eq!(codes(bare(Proposable::AddMember)), ["staff_id required", "role_id required"]);
        assert_eq!(codes(bare(Proposable::ChangeSecurity)), ["settings required"]);
        let told = Told { method: Some(Channel::Sms), ..Told::default() };
        assert_eq!(codes(Proposal { told, ..bare(Proposable::Erase) }), ["method unknown"]);
        let told = Told { deed: BulkParams { legal: Some(true), ..BulkParams::default() }, ..Told::default() };
        assert_eq!(codes(Proposal { told, ..bare(Proposable::Erase) }), ["params unknown"]);
        let wrong = Proposal { about: Subject::Team(TeamId(id())), ..bare(Proposable::Disable) };
        assert_eq!(codes(wrong), ["about invalid"]);
        let wrong = Proposal { about: Subject::Key(KeyId(id())), ..bare(Proposable::DefineRole) };
        assert_eq!(codes(wrong), ["about invalid"]);
    }
}
