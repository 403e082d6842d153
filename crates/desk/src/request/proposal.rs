//! What is proposed: an action, what it is about, and what it is told besides; and how the action is made of that.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bulk::actions::with_action;
use crate::bulk::{BulkDeed, BulkParams, BulkVerb};
use crate::caller::Caller;
use crate::device::{UnlinkAllDevices, UnlinkDevice};
use crate::error::{Error, Field, Result};
use crate::key::RevokeKey;
use crate::message::Channel;
use crate::password::StartPasswordReset;
use crate::permission::{Permission, Proposable};
use crate::role::{DefineRole, DeleteRole};
use crate::second_factor::RemoveSecondFactor;
use crate::staff::{DisableStaff, EnableStaff};
use crate::team::{AddMember, RemoveMember};
use crate::tenant::ChangeSecuritySettings;
use crate::user::{EditUser, EraseUser, Profile};
use crate::value::clock::Time;
use crate::value::id::{DeviceId, RoleId, StaffId, UserId};
use crate::verb::{Step, Subject};

/// What an action may be told besides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// What the actions on a user's standing are told: `until`, `bank`, `status`, `legal`, `state`, `verified`.
    #[serde(flatten)]
    pub deed: BulkParams,
    /// `user.edit`: the merge patch of the profile; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Map<String, Value>>,
    /// `password.start_reset`: by mail or text message; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Channel>,
    /// `device.unlink`: which; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// `team.add_member`, `team.remove_member`: whom; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffId>,
    /// `team.add_member`: with which role; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
    /// `role.define`: its name; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `role.define`: what it permits; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<Permission>>,
    /// `settings.change_security`: the fields to change; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Map<String, Value>>,
}

/// The longest patch of a profile or of settings, as JSON.
const PATCH_MAX: usize = 16 * 1024;

impl Told {
    /// The same as this caller may see it: a patch of a profile is masked like a profile.
    pub(crate) fn seen_by(&self, caller: &Caller) -> Result<Told> {
        let profile = match &self.profile {
            Some(patch) => {
                let whole: Box<Profile> = serde_json::from_value(without_nulls(patch)).map_err(Error::internal)?;
                let seen = serde_json::to_value(whole.seen_by(caller)).map_err(Error::internal)?;
                Some(laid_over(patch, &seen))
            }
            None => None,
        };
        Ok(Told { profile, ..self.clone() })
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
    let hidden = Value::from("***");
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
    /// What it is about: a user, a staff member, a team, a role, a key, or the tenant.
    pub about: Subject,
    /// What it is told besides.
    pub told: Told,
}

/// The verb that a bulk action has for this, if it has one.
fn verb_of(action: Proposable) -> Option<BulkVerb> {
    BulkVerb::ALL.iter().copied().find(|verb| verb.action() == action.word())
}

/// The kind of thing an action is about.
pub fn about_kind(action: Proposable) -> &'static str {
    match action {
        Proposable::DisableStaff | Proposable::EnableStaff => "staff",
        Proposable::AddMember | Proposable::RemoveMember => "team",
        Proposable::DeleteRole => "role",
        Proposable::RevokeKey => "key",
        Proposable::DefineRole | Proposable::ChangeSecurity => "tenant",
        _ => "user",
    }
}

impl Proposal {
    /// An action on a user that is told nothing besides.
    pub fn plain(action: Proposable, user: UserId) -> Proposal {
        Proposal { action, about: Subject::User(user), told: Told::default() }
    }

    /// Whether it is about what the action is about, and told what that needs and nothing else.
    pub(crate) fn check(&self, now: Time) -> Result<()> {
        let (action, told) = (self.action, &self.told);
        if self.about.kind() != about_kind(action) {
            let message = format!("`{action}` is about a {}.", about_kind(action));
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
        let mut needs = |name: &str, is_there: bool, belongs: &[Proposable]| match (is_there, belongs.contains(&action))
        {
            (true, false) => faults.push(Field::new(name, "unknown", format!("Means nothing to `{action}`."))),
            (false, true) => faults.push(Field::new(name, "required", format!("`{action}` needs it."))),
            (true, true) | (false, false) => {}
        };
        needs("profile", told.profile.is_some(), &[Proposable::Edit]);
        needs("method", told.method.is_some(), &[Proposable::StartReset]);
        needs("device_id", told.device.is_some(), &[Proposable::UnlinkDevice]);
        needs("staff_id", told.staff.is_some(), &[Proposable::AddMember, Proposable::RemoveMember]);
        needs("role_id", told.role.is_some(), &[Proposable::AddMember]);
        needs("name", told.name.is_some(), &[Proposable::DefineRole]);
        needs("permissions", told.permissions.is_some(), &[Proposable::DefineRole]);
        needs("settings", told.settings.is_some(), &[Proposable::ChangeSecurity]);
        for (name, patch) in [("profile", &told.profile), ("settings", &told.settings)] {
            let size = patch.as_ref().and_then(|patch| serde_json::to_vec(patch).ok()).map_or(0, |text| text.len());
            if size > PATCH_MAX {
                faults.push(Field::new(name, "too_long", format!("At most {PATCH_MAX} bytes.")));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }

    /// The staff member it is about, or whom it gives or takes something: she does not decide it.
    pub(crate) fn staff(&self) -> Option<StaffId> {
        match self.about {
            Subject::Staff(staff) => Some(staff),
            _ => self.told.staff,
        }
    }

    /// The action itself.
    pub(crate) fn step(&self, reason: Option<&str>) -> Result<Box<dyn Step>> {
        let reason = reason.map(str::to_owned);
        let (action, told) = (self.action, &self.told);
        let missing = |what: &str| Error::internal(format!("a proposal of {action} without its {what}"));
        if let (Some(verb), Subject::User(user)) = (verb_of(action), self.about) {
            let deed = BulkDeed { verb, params: told.deed.clone() };
            return with_action!(deed, user, reason, |made| Ok(Box::new(made) as Box<dyn Step>));
        }
        Ok(match (action, self.about) {
            (Proposable::Edit, Subject::User(user)) => {
                let patch = told.profile.clone().ok_or_else(|| missing("profile"))?;
                Box::new(EditUser { user, if_version: None, patch, kind: None, employee: None, reason })
            }
            (Proposable::Erase, Subject::User(user)) => Box::new(EraseUser { user, reason }),
            (Proposable::StartReset, Subject::User(user)) => {
                let method = told.method.ok_or_else(|| missing("method"))?;
                Box::new(StartPasswordReset { user, method, reason })
            }
            (Proposable::RemoveSecondFactor, Subject::User(user)) => Box::new(RemoveSecondFactor { user, reason }),
            (Proposable::UnlinkDevice, Subject::User(user)) => {
                let device = told.device.ok_or_else(|| missing("device"))?;
                Box::new(UnlinkDevice { user, device, reason })
            }
            (Proposable::UnlinkAllDevices, Subject::User(user)) => Box::new(UnlinkAllDevices { user, reason }),
            (Proposable::DisableStaff, Subject::Staff(staff)) => Box::new(DisableStaff(staff)),
            (Proposable::EnableStaff, Subject::Staff(staff)) => Box::new(EnableStaff(staff)),
            (Proposable::AddMember, Subject::Team(team)) => {
                let staff = told.staff.ok_or_else(|| missing("staff member"))?;
                let role = told.role.ok_or_else(|| missing("role"))?;
                Box::new(AddMember { team, staff, role })
            }
            (Proposable::RemoveMember, Subject::Team(team)) => {
                let staff = told.staff.ok_or_else(|| missing("staff member"))?;
                Box::new(RemoveMember { team, staff })
            }
            (Proposable::DefineRole, Subject::Tenant) => {
                let name = told.name.clone().ok_or_else(|| missing("name"))?;
                let permissions = told.permissions.clone().ok_or_else(|| missing("permissions"))?;
                Box::new(DefineRole { name, permissions })
            }
            (Proposable::DeleteRole, Subject::Role(role)) => Box::new(DeleteRole(role)),
            (Proposable::RevokeKey, Subject::Key(key)) => Box::new(RevokeKey(key)),
            (Proposable::ChangeSecurity, Subject::Tenant) => {
                let patch = told.settings.clone().ok_or_else(|| missing("settings"))?;
                Box::new(ChangeSecuritySettings { patch })
            }
            (action, about) => return Err(Error::internal(format!("a proposal of {action} about a {}", about.kind()))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::id::{KeyId, TeamId};

    fn id() -> uuid::Uuid {
        uuid::Uuid::from_u128(7)
    }

    fn about(kind: &str) -> Subject {
        Subject::of(kind, id()).unwrap()
    }

    /// A proposal of each action, told all that it needs.
    fn whole(action: Proposable) -> Proposal {
        let mut told = Told::default();
        match action {
            Proposable::SetFraudStatus => told.deed.status = Some(crate::user::standing::FraudStatus::Suspicious),
            Proposable::SetCoreState => told.deed.state = Some(crate::user::standing::CoreState::Dormant),
            Proposable::DecideVerification => told.deed.verified = Some(true),
            Proposable::Edit => told.profile = Some(Map::new()),
            Proposable::StartReset => told.method = Some(Channel::Email),
            Proposable::UnlinkDevice => told.device = Some(DeviceId(id())),
            Proposable::AddMember => (told.staff, told.role) = (Some(StaffId(id())), Some(RoleId(id()))),
            Proposable::RemoveMember => told.staff = Some(StaffId(id())),
            Proposable::DefineRole => (told.name, told.permissions) = (Some("R".to_owned()), Some(Vec::new())),
            Proposable::ChangeSecurity => told.settings = Some(Map::new()),
            _ => {}
        }
        Proposal { action, about: about(about_kind(action)), told }
    }

    #[test]
    fn each_action_that_can_be_proposed_is_made_of_its_proposal() {
        for action in Proposable::ALL.iter().copied() {
            let proposal = whole(action);
            proposal.check(Time(50)).unwrap();
            let step = proposal.step(Some("case 17")).unwrap();
            assert_eq!(step.name(), action.word());
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
        let bare = |action: Proposable| Proposal { action, about: about(about_kind(action)), told: Told::default() };
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
