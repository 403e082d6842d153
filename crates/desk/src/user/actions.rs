//! What may be done with a user: load, decide in the model, save, note. The actions that move one axis differ only in
//! the axis, so they are told as a table.

use serde_json::{Map, Value};

use crate::access;
use crate::erasure;
use crate::error::{Conflict, Error, Result};
use crate::fact::Fact;
use crate::permission::Permission;
use crate::tenant::Tenant;
use crate::user::model::{By, Mark, User, UserKind};
use crate::user::profile::{self, Profile, born_by};
use crate::user::standing::*;
use crate::user::{contacts, store, verification};
use crate::value::clock::Time;
use crate::value::id::UserId;
use crate::value::json;
use crate::value::seal::PersonKey;
use crate::verb::{Action, Cx, OnLoaded, Subject};

/// The longest reason, in characters.
pub const REASON_MAX: usize = 1000;

/// A user after an action, and whether anything changed.
pub struct Changed {
    /// The user as she is now.
    pub user: User,
    /// Whether something changed; `false` when it was so already.
    pub changed: bool,
}

/// Whether a reason can be kept.
pub(crate) fn check_reason(reason: Option<&str>) -> Result<()> {
    match reason {
        Some(text) if text.chars().count() > REASON_MAX => {
            Err(Error::invalid("reason", "too_long", format!("At most {REASON_MAX} characters.")))
        }
        Some(text) if text.chars().any(|it| it.is_control() && it != '\n' && it != '\t') => {
            Err(Error::invalid("reason", "invalid", "Control characters are not accepted."))
        }
        _ => Ok(()),
    }
}

pub(super) async fn load(cx: &mut Cx<'_>, user: UserId) -> Result<User> {
    store::load_for_change(cx.tx, cx.tenant, cx.caller, user).await
}

/// An action that moves a standing as the model decides: whoever only asks what it would do asks the same rule.
pub(crate) trait Moves: OnLoaded<Thing = User> {
    /// What the model says: the fact, nothing to do, or a refusal. Moves the standing of the user at hand only.
    fn decide(&self, user: &mut User, by: &By<'_>, tenant: &Tenant) -> Result<Option<Fact>>;

    /// Decides, and says when the axes that it moves were moved before: what was undone and done again meanwhile is not what
    /// somebody was shown.
    fn decide_on_found(&self, cx: &mut Cx<'_>, user: &mut User, by: &By<'_>) -> Result<Option<Fact>> {
        let found = std::mem::take(&mut user.marks);
        let decided = self.decide(user, by, cx.tenant);
        let moved = std::mem::replace(&mut user.marks, found);
        for axis in moved.keys() {
            cx.weigh("moved", &(axis, user.marks.get(axis).map(|mark| mark.at)))?;
        }
        user.marks.extend(moved);
        decided
    }
}

macro_rules! standing_actions {
    ($($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty),* } = $verb:literal,
        $save:ident, $end:expr, |$self:ident, $user:ident, $by:ident, $tenant:ident| $decide:expr;)+) => {$(
        $(#[$meta])*
        pub struct $name {
            /// Whom.
            pub user: UserId,
            $($(#[$fmeta])* pub $field: $type,)*
            /// Why.
            pub reason: Option<String>,
        }

        impl Action for $name {
            const NAME: &'static str = $verb;
            type Output = Changed;

            fn subject(&self) -> Subject {
                Subject::User(self.user)
            }

            fn reason(&self) -> Option<&str> {
                self.reason.as_deref()
            }

            async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
                check_reason(self.reason.as_deref())?;
                let ends: Option<&'static str> = $end;
                let loaded = match ends {
                    Some(_) => store::load_to_bar(cx, self.user).await?,
                    None => load(cx, self.user).await?,
                };
                self.on_loaded(cx, loaded).await
            }
        }

        impl Moves for $name {
            fn decide(&self, $user: &mut User, $by: &By<'_>, $tenant: &Tenant) -> Result<Option<Fact>> {
                let $self = self;
                let _ = ($self, $tenant);
                $decide
            }
        }

        impl OnLoaded for $name {
            type Thing = User;

            async fn on_loaded(&self, cx: &mut Cx<'_>, mut loaded: User) -> Result<Changed> {
                let author = cx.caller.author();
                let by = By { now: cx.now, author: &author, reason: self.reason.as_deref() };
                let Some(fact) = self.decide_on_found(cx, &mut loaded, &by)? else {
                    return Ok(Changed { user: loaded, changed: false });
                };
                store::$save(cx.tx, &mut loaded, cx.random, cx.now).await?;
                cx.note(fact);
                let end: Option<&'static str> = $end;
                if let Some(cause) = end {
                    access::end(cx, self.user, cause).await?;
                }
                Ok(Changed { user: loaded, changed: true })
            }
        }
    )+};
}

standing_actions! {
    /// Locks sign-in by hand; it stays locked until somebody unlocks.
    LockUser { /** When it opens by itself, if it shall. */ until: Option<Time> } = "user.lock", save_lock, Some("locked"),
        |this, user, by, tenant| {
            if this.until.is_some_and(|until| until <= by.now) {
                return Err(Error::invalid("until", "out_of_range", "Must be in the future."));
            }
            user.lock(LockCause::Staff, this.until, by)
        };

    /// Opens a locked sign-in, or queues that while the core is in memo mode. Never enables a disabled user.
    UnlockUser {} = "user.unlock", save_lock, None,
        |this, user, by, tenant| match tenant.settings.memo_mode {
            true => user.queue_unlock(by),
            false => user.unlock("staff", by),
        };

    /// Opens a lock whose time is over.
    UnlockWhenDue {} = "user.unlock_when_due", save_lock, None,
        |this, user, by, tenant| match user.standing.lock {
            SignInLock::Locked { until: Some(until), .. } if until <= by.now => user.unlock("timer", by),
            SignInLock::Locked { .. } | SignInLock::Open => Ok(None),
        };

    /// Applies an unlock that waited for memo mode to end.
    ApplyQueuedUnlock {} = "user.apply_queued_unlock", save_lock, None,
        |this, user, by, tenant| match user.standing.unlock_queued_at {
            Some(_) if !tenant.settings.memo_mode => user.unlock("queued", by),
            _ => Ok(None),
        };

    /// Withdraws admission. Never touches the lock.
    DisableUser {} = "user.disable", save_standing, Some("disabled"),
        |this, user, by, tenant| {
            let fact = Fact::UserDisabled { user: user.id };
            user.switch(Attempt::Disable, Axis::Admission, by, |it| it.admission = Admission::Disabled, fact)
        };

    /// Gives admission back. Never unlocks.
    EnableUser {} = "user.enable", save_standing, None,
        |this, user, by, tenant| {
            let fact = Fact::UserEnabled { user: user.id };
            user.switch(Attempt::Enable, Axis::Admission, by, |it| it.admission = Admission::Enabled, fact)
        };

    /// Suspends, until the user signs in again or staff reinstate her.
    SuspendUser {} = "user.suspend", save_standing, Some("suspended"),
        |this, user, by, tenant| {
            let fact = Fact::UserSuspended { user: user.id };
            user.switch(Attempt::Suspend, Axis::Suspension, by, |it| it.suspension = Suspension::Suspended, fact)
        };

    /// Ends a suspension.
    ReinstateUser {} = "user.reinstate", save_standing, None,
        |this, user, by, tenant| {
            let fact = Fact::UserReinstated { user: user.id };
            user.switch(Attempt::Reinstate, Axis::Suspension, by, |it| it.suspension = Suspension::No, fact)
        };

    /// Flags a user, as a whole or for one bank: she may be read, but not link or fetch.
    FlagUser { /** For this bank only. */ bank: Option<String> } = "user.flag", save_standing, None,
        |this, user, by, tenant| {
            let fact = Fact::UserFlagged { user: user.id, bank: this.bank.clone() };
            match &this.bank {
                None => user.switch(Attempt::Flag, Axis::Flag, by, |it| it.flagged_whole = true, fact),
                Some(bank) => check_bank(bank).and_then(|()| user.flag_bank(bank, by)),
            }
        };

    /// Removes a flag: the whole one, or that for one bank.
    UnflagUser { /** For this bank only. */ bank: Option<String> } = "user.unflag", save_standing, None,
        |this, user, by, tenant| {
            let fact = Fact::UserUnflagged { user: user.id, bank: None };
            match &this.bank {
                None => user.switch(Attempt::Unflag, Axis::Flag, by, |it| it.flagged_whole = false, fact),
                Some(bank) => check_bank(bank).and_then(|()| user.unflag_bank(bank, by)),
            }
        };

    /// Puts a user on the blacklist: she may sign in and read, but not link, fetch or ask for verification.
    BlacklistUser {} = "user.blacklist", save_standing, None,
        |this, user, by, tenant| {
            let fact = Fact::UserBlacklisted { user: user.id };
            user.switch(Attempt::Blacklist, Axis::Blacklist, by, |it| it.blacklist = Blacklist::Blacklisted, fact)
        };

    /// Takes a user off the blacklist.
    UnblacklistUser {} = "user.unblacklist", save_standing, None,
        |this, user, by, tenant| {
            let fact = Fact::UserUnblacklisted { user: user.id };
            user.switch(Attempt::Unblacklist, Axis::Blacklist, by, |it| it.blacklist = Blacklist::No, fact)
        };

    /// Sets what the fraud team thinks; the reason is its comment.
    SetFraudStatus { /** The new status. */ status: FraudStatus } = "user.set_fraud_status", save_standing, None,
        |this, user, by, tenant| user.set_fraud(this.status, by);

    /// Puts a user on hold; a legal hold also forbids erasure.
    HoldUser { /** For legal reasons. */ legal: bool } = "user.hold", save_standing, Some("held"),
        |this, user, by, tenant| user.hold(this.legal, by);

    /// Releases a user from hold.
    ReleaseUser {} = "user.release", save_standing, None,
        |this, user, by, tenant| {
            let fact = Fact::UserReleased { user: user.id };
            user.switch(Attempt::Release, Axis::Hold, by, |it| it.hold = Hold::None, fact)
        };

    /// Sets what the core says of a user.
    SetCoreState { /** The new state. */ state: CoreState } = "user.set_core_state", save_standing,
        Some("core_state"),
        |this, user, by, tenant| user.set_core(this.state, by);

    /// Withdraws a user's access for good; her data stays until she is erased.
    RemoveUser {} = "user.remove", save_standing, Some("removed"),
        |this, user, by, tenant| {
            let fact = Fact::UserRemoved { user: user.id };
            user.switch(Attempt::Remove, Axis::Presence, by, |it| it.presence = Presence::Removed, fact)
        };
}

/// Whether a bank's id is of its form.
pub(crate) fn is_bank(bank: &str) -> bool {
    (1..=64).contains(&bank.len()) && bank.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.:".contains(&it))
}

/// Refuses what cannot be the id of a bank.
pub(crate) fn check_bank(bank: &str) -> Result<()> {
    if is_bank(bank) {
        Ok(())
    } else {
        Err(Error::invalid("bank", "invalid", "A bank's id has 1 to 64 letters, digits or -_.:"))
    }
}

/// Erases a person: her key is destroyed, so that nothing sealed with it can be read again (a backup made before still
/// holds the key: docs/privacy.md). What remains names nobody: number, states, and the audit.
pub struct EraseUser {
    /// Whom.
    pub user: UserId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for EraseUser {
    const NAME: &'static str = "user.erase";
    const LONG: bool = true;
    type Output = Changed;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
        check_reason(self.reason.as_deref())?;
        let mut user = load(cx, self.user).await?;
        if !user.try_to(Attempt::Erase, cx.now)? {
            return Ok(Changed { user, changed: false });
        }
        access::end(cx, self.user, "erased").await?;
        verification::store::forget(cx.tx, &user, &cx.caller.author(), cx.now).await?;
        erasure::begin(cx.tx, cx.tenant, cx.random, self.user, &*user.profile()?, cx.now).await?;
        store::erase(cx.tx, cx.tenant, &mut user, cx.now).await?;
        user.person = None;
        user.sealed_profile = None;
        user.sealed_pin = None;
        user.marks.clear();
        cx.note(Fact::UserErased { user: self.user });
        Ok(Changed { user, changed: true })
    }
}

/// Creates a user.
pub struct CreateUser {
    /// The id to use, for seeded data; else a new one.
    pub id: Option<UserId>,
    /// Person or business.
    pub kind: UserKind,
    /// An employee of the institution.
    pub employee: bool,
    /// Who she is.
    pub profile: Profile,
    /// The hash of her password, made by `Desk::hash_new_password`; absent: she chooses one by a reset link.
    pub password_hash: Option<String>,
    /// Her standing from the beginning; ordinary unless imported.
    pub standing: Standing,
    /// Locked out by the risk engine.
    pub risk_locked: bool,
    /// When she was created elsewhere; else now.
    pub created_at: Option<Time>,
    /// When she was last seen elsewhere.
    pub last_seen_at: Option<Time>,
}

impl CreateUser {
    /// An ordinary individual with this profile.
    pub fn of(profile: Profile) -> CreateUser {
        CreateUser {
            id: None,
            kind: UserKind::Individual,
            employee: false,
            profile,
            password_hash: None,
            standing: Standing::default(),
            risk_locked: false,
            created_at: None,
            last_seen_at: None,
        }
    }
}

impl Action for CreateUser {
    const NAME: &'static str = "user.create";
    type Output = User;

    fn subject(&self) -> Subject {
        self.id.map_or(Subject::Tenant, Subject::User)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<User> {
        let profile = self
            .profile
            .clone()
            .unmasked(&Profile::default())?
            .checked_in("", cx.tenant.settings.country.as_deref())?;
        born_by(profile.date_of_birth.as_deref(), cx.now)?;
        let id = match self.id {
            Some(id) => id,
            None => UserId::new(cx.id_time(), cx.random),
        };
        let number = crate::tenant::store::next_number(cx.tx, cx.tenant.id).await?;
        let mut user = User {
            tenant: cx.tenant.id,
            id,
            number,
            version: 1,
            kind: self.kind,
            employee: self.employee,
            risk_locked: self.risk_locked,
            standing: self.standing.clone(),
            marks: Default::default(),
            password_hash: self.password_hash.clone(),
            failed_sign_ins: 0,
            failing_since: None,
            second_factor_step: None,
            created_at: self.created_at.unwrap_or(cx.now),
            updated_at: cx.now,
            last_seen_at: self.last_seen_at,
            email_changed_at: None,
            phone_changed_at: None,
            diaspora: false,
            diaspora_stored: None,
            sealed_profile: None,
            sealed_pin: None,
            sealed_second_factor: None,
            person: Some(PersonKey::create(cx.random)),
            counted: 0,
        };
        // What is not ordinary has a moment and an author from the beginning.
        for axis in user.standing.deviating() {
            user.marks.insert(axis, Mark { at: cx.now, by: cx.caller.author(), reason: None });
        }
        user.set_profile(&profile, cx.random)?;
        store::insert(cx.tx, cx.tenant, &mut user, cx.random).await?;
        let findable = store::Findable::of(cx.tenant.keys.lookup(), &profile);
        let indexed = store::index(cx.tx, cx.tenant, &user, &findable).await;
        unless_hidden(cx, indexed)?;
        cx.note(Fact::UserCreated { user: id, number });
        Ok(user)
    }
}

/// A preview or a proposal does not tell whoever may not see contacts that somebody has one of these already: it leaves no record
/// of the attempt, or takes nothing but the right to propose. Whoever does it is told, and is on record.
fn unless_hidden(cx: &Cx<'_>, indexed: Result<()>) -> Result<()> {
    let is_hidden = cx.is_shown() && !cx.caller.may(Permission::UsersContacts);
    match indexed {
        Err(Error::Invalid(faults)) if is_hidden && faults.iter().all(|it| it.code == "taken") => Ok(()),
        other => other,
    }
}

/// Changes a profile by a JSON merge patch: absent fields stay, null clears, a value sets.
pub struct EditUser {
    /// Whom.
    pub user: UserId,
    /// The version the caller has seen; another one is a conflict.
    pub if_version: Option<i64>,
    /// The patch of the profile.
    pub patch: Map<String, Value>,
    /// A new kind.
    pub kind: Option<UserKind>,
    /// Employee or not.
    pub employee: Option<bool>,
    /// Why.
    pub reason: Option<String>,
}

impl Action for EditUser {
    const NAME: &'static str = "user.edit";
    type Output = Changed;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
        check_reason(self.reason.as_deref())?;
        let mut user = load(cx, self.user).await?;
        if self.if_version.is_some_and(|version| version != user.version) {
            return Err(Error::Conflict(Conflict::Version));
        }
        user.try_to(Attempt::Edit, cx.now)?;
        let old = user.profile()?;
        let mut new =
            patched(&old, &self.patch)?.unmasked(&old)?.checked_in("", cx.tenant.settings.country.as_deref())?;
        contacts::unconfirm(&old, &mut new, |field| self.patch.contains_key(field));
        if new.date_of_birth != old.date_of_birth {
            born_by(new.date_of_birth.as_deref(), cx.now)?;
        }
        let mut fields = new.differing_fields(&old)?;
        // Whether a value differs from one that the caller may not see is not told: what was asked for counts as changed.
        let hidden = profile::hidden_in(&self.patch, cx.caller)?;
        cx.weigh("asked", &self.patch)?;
        let hides_contact = hidden.iter().any(|name| name == "email" || name == "phone");
        if !hidden.is_empty() {
            fields.extend(hidden);
            fields.sort_unstable();
            fields.dedup();
        }
        if self.kind.is_some_and(|kind| kind != user.kind) {
            fields.push("kind".to_owned());
        }
        if self.employee.is_some_and(|employee| employee != user.employee) {
            fields.push("employee".to_owned());
        }
        if fields.is_empty() {
            return Ok(Changed { user, changed: false });
        }
        cx.weigh("kind", &self.kind.map(|to| (user.kind, to)))?;
        cx.weigh("employee", &self.employee.map(|to| (user.employee, to)))?;
        cx.weigh("profile", &new.differences(&old)?)?;
        user.kind = self.kind.unwrap_or(user.kind);
        user.employee = self.employee.unwrap_or(user.employee);
        user.set_profile(&new, cx.random)?;
        contacts::mark_changed(&mut user, &old, &new, cx.now);
        store::save_profile(cx.tx, &mut user, cx.now).await?;
        let [before, now] = [&old, &new].map(|it| store::Findable::of(cx.tenant.keys.lookup(), it));
        let indexed = store::reindex(cx.tx, cx.tenant, &user, &before, &now).await;
        unless_hidden(cx, indexed)?;
        cx.note(Fact::UserEdited { user: user.id, fields });
        // The word to the old address says that there was another one.
        if !(hides_contact && cx.is_shown()) {
            contacts::follow(cx, &user, &old, &new).await?;
        }
        Ok(Changed { user, changed: true })
    }
}

/// RFC 7396, two levels deep: a profile has objects, but no objects within them.
pub(crate) fn patched(old: &Profile, patch: &Map<String, Value>) -> Result<Profile> {
    let mut merged = serde_json::to_value(old).map_err(Error::internal)?;
    merge(&mut merged, &Value::Object(patch.clone()), 0);
    // Names may not be null inside; a cleared one is empty, and the check says whether that is accepted.
    Ok(json::fit(&merged)?)
}

fn merge(target: &mut Value, patch: &Value, depth: usize) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) if depth < 3 => {
            for (name, value) in patch {
                match value {
                    Value::Null => {
                        target.remove(name);
                    }
                    value => merge(target.entry(name.clone()).or_insert(Value::Object(Map::new())), value, depth + 1),
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
