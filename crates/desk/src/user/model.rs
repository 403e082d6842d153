//! A user as the desk holds her while a verb runs, and the transitions of her standing. Pure: old value and request in;
//! a fact, nothing, or a refusal out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::user::profile::Profile;
use crate::user::standing::*;
use crate::value::clock::Time;
use crate::value::id::{TenantId, UserId};
use crate::value::random::Random;
use crate::value::seal::{PersonKey, Place, Sealing};
use crate::value::words;

words! {
    /// What kind of user it is.
    pub enum UserKind {
        /// A person.
        Individual = "individual",
        /// A business.
        Business = "business",
    }
}

/// The moment, author and reason of a state of one axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: Time,
    /// Who: `staff:stf_…`, `key:key_…`, `user:usr_…`, `house`.
    pub by: String,
    /// Why, in the author's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A user, loaded.
pub struct User {
    /// Whose.
    pub tenant: TenantId,
    /// The id.
    pub id: UserId,
    /// The dense number in the tenant, from 1.
    pub number: i64,
    /// Counts the changes; the ETag.
    pub version: i64,
    /// Person or business.
    pub kind: UserKind,
    /// An employee of the institution.
    pub employee: bool,
    /// Locked out by the institution's risk engine; shown only.
    pub risk_locked: bool,
    /// All axes.
    pub standing: Standing,
    /// Moment, author and reason of each axis that ever moved.
    pub marks: BTreeMap<Axis, Mark>,
    /// The password's hash, a PHC string.
    pub password_hash: Option<String>,
    /// Wrong passwords in the running window.
    pub failed_sign_ins: i64,
    /// Since when they are counted.
    pub failing_since: Option<Time>,
    /// The last accepted step of the authenticator.
    pub second_factor_step: Option<i64>,
    /// When she was created.
    pub created_at: Time,
    /// When anything about her last changed.
    pub updated_at: Time,
    /// When she last signed in.
    pub last_seen_at: Option<Time>,
    /// When the e-mail address was last changed.
    pub email_changed_at: Option<Time>,
    /// When the phone number was last changed.
    pub phone_changed_at: Option<Time>,
    /// She lives abroad; also in her profile, but lists are filtered on it.
    pub diaspora: bool,
    pub(crate) diaspora_stored: Option<bool>,
    pub(crate) sealed_profile: Option<Vec<u8>>,
    pub(crate) sealed_pin: Option<Vec<u8>>,
    pub(crate) sealed_second_factor: Option<Vec<u8>>,
    /// Gone once she is erased.
    pub(crate) person: Option<PersonKey>,
    /// The axes she is counted by (`census`); 0 until she is inserted.
    pub(crate) counted: u32,
}

impl User {
    fn place<'a>(&'a self, column: &'static str) -> Place<'a> {
        Place { tenant: self.tenant, table: "users", column, row: self.id.bytes() }
    }

    /// The person's key; an erased person has none.
    pub(crate) fn key(&self) -> Result<&PersonKey> {
        self.person.as_ref().ok_or(Error::Refused(Refusal::UserErased))
    }

    /// Who she is. An erased user has an empty profile.
    pub fn profile(&self) -> Result<Box<Profile>> {
        match (&self.person, &self.sealed_profile) {
            (Some(key), Some(sealed)) => {
                let plain = key.open(&self.place("profile"), sealed)?;
                serde_json::from_slice(&plain).map_err(Error::internal)
            }
            _ => Ok(Box::default()),
        }
    }

    pub(crate) fn set_profile(&mut self, profile: &Profile, random: &Random) -> Result<()> {
        let plain = serde_json::to_vec(profile).map_err(Error::internal)?;
        self.sealed_profile = Some(self.key()?.seal(&self.place("profile"), &plain, random));
        self.diaspora = profile.is_diaspora == Some(true);
        Ok(())
    }

    pub(crate) fn second_factor(&self) -> Result<Option<Vec<u8>>> {
        match (&self.person, &self.sealed_second_factor) {
            (Some(key), Some(sealed)) => key.open(&self.place("second_factor"), sealed).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn set_second_factor(&mut self, secret: Option<&[u8]>, random: &Random) -> Result<()> {
        self.sealed_second_factor = match secret {
            Some(secret) => Some(self.key()?.seal(&self.place("second_factor"), secret, random)),
            None => None,
        };
        self.second_factor_step = None;
        Ok(())
    }

    /// Seals the hash of a PIN.
    pub(crate) fn set_pin(&mut self, hash: &str, random: &Random) -> Result<()> {
        self.sealed_pin = Some(self.key()?.seal(&self.place("pin"), hash.as_bytes(), random));
        Ok(())
    }

    /// The hash of the PIN.
    pub(crate) fn pin_hash(&self) -> Result<Option<String>> {
        match (&self.person, &self.sealed_pin) {
            (Some(key), Some(sealed)) => {
                let hash = key.open(&self.place("pin"), sealed)?;
                String::from_utf8(hash.to_vec()).map(Some).map_err(Error::internal)
            }
            _ => Ok(None),
        }
    }

    /// Whether an authenticator is set up.
    pub fn has_second_factor(&self) -> bool {
        self.sealed_second_factor.is_some()
    }

    pub(crate) fn sealed_marks(&self, random: &Random) -> Result<Option<Vec<u8>>> {
        let Some(key) = &self.person else { return Ok(None) };
        if self.marks.is_empty() {
            return Ok(None);
        }
        let plain = serde_json::to_vec(&self.marks).map_err(Error::internal)?;
        Ok(Some(key.seal(&self.place("marks"), &plain, random)))
    }

    pub(crate) fn open_marks(&mut self, sealed: Option<Vec<u8>>) -> Result<()> {
        if let (Some(key), Some(sealed)) = (&self.person, sealed) {
            let plain = key.open(&self.place("marks"), &sealed)?;
            self.marks = serde_json::from_slice(&plain).map_err(Error::internal)?;
        }
        Ok(())
    }

    /// What the rule says of an attempt: `true` to go on, `false` for nothing to do.
    pub fn try_to(&self, attempt: Attempt, now: Time) -> Result<bool> {
        match self.standing.rule(attempt, now) {
            Verdict::Allowed => Ok(true),
            Verdict::Nothing => Ok(false),
            Verdict::Refused(refusal) => Err(refusal.into()),
        }
    }

    fn mark(&mut self, axis: Axis, by: &By<'_>) {
        self.marks.insert(axis, Mark { at: by.now, by: by.author.to_owned(), reason: by.reason.map(str::to_owned) });
    }

    /// Locks sign-in, or prolongs a lock that would open by itself.
    pub fn lock(&mut self, cause: LockCause, until: Option<Time>, by: &By<'_>) -> Result<Option<Fact>> {
        if !self.try_to(Attempt::Lock, by.now)? || !self.standing.is_prolonged_by(cause, until, by.now) {
            return Ok(None);
        }
        self.standing.lock = SignInLock::Locked { cause, until };
        self.standing.unlock_queued_at = None;
        self.mark(Axis::SignInLock, by);
        Ok(Some(Fact::UserLocked { user: self.id, cause: cause.word(), until }))
    }

    /// Opens sign-in again and forgets the wrong passwords.
    pub fn unlock(&mut self, cause: &'static str, by: &By<'_>) -> Result<Option<Fact>> {
        if !self.try_to(Attempt::Unlock, by.now)? {
            return Ok(None);
        }
        self.standing.lock = SignInLock::Open;
        self.standing.unlock_queued_at = None;
        self.failed_sign_ins = 0;
        self.failing_since = None;
        self.mark(Axis::SignInLock, by);
        Ok(Some(Fact::UserUnlocked { user: self.id, cause }))
    }

    /// Notes an unlock to be applied when the core leaves memo mode. Doing it twice queues one.
    pub fn queue_unlock(&mut self, by: &By<'_>) -> Result<Option<Fact>> {
        if !self.try_to(Attempt::Unlock, by.now)? || self.standing.unlock_queued_at.is_some() {
            return Ok(None);
        }
        self.standing.unlock_queued_at = Some(by.now);
        Ok(Some(Fact::UserUnlockQueued { user: self.id }))
    }

    /// Moves one axis by a plain switch, if the rule lets it.
    pub(crate) fn switch(
        &mut self,
        attempt: Attempt,
        axis: Axis,
        by: &By<'_>,
        change: impl FnOnce(&mut Standing),
        fact: Fact,
    ) -> Result<Option<Fact>> {
        if !self.try_to(attempt, by.now)? {
            return Ok(None);
        }
        change(&mut self.standing);
        self.mark(axis, by);
        Ok(Some(fact))
    }

    /// Flags the user for one bank.
    pub fn flag_bank(&mut self, bank: &str, by: &By<'_>) -> Result<Option<Fact>> {
        if self.standing.flagged_banks.contains(bank) {
            return Ok(None);
        }
        // The rule for a flag is the same for one bank; only "already so" is asked bank by bank, above.
        self.try_to(Attempt::Flag, by.now)?;
        self.standing.flagged_banks.insert(bank.to_owned());
        self.mark(Axis::Flag, by);
        Ok(Some(Fact::UserFlagged { user: self.id, bank: Some(bank.to_owned()) }))
    }

    /// Removes the flag for one bank.
    pub fn unflag_bank(&mut self, bank: &str, by: &By<'_>) -> Result<Option<Fact>> {
        self.try_to(Attempt::Unflag, by.now)?;
        if !self.standing.flagged_banks.remove(bank) {
            return Ok(None);
        }
        self.mark(Axis::Flag, by);
        Ok(Some(Fact::UserUnflagged { user: self.id, bank: Some(bank.to_owned()) }))
    }

    /// Puts on hold; a plain hold may become a legal one.
    pub fn hold(&mut self, legal: bool, by: &By<'_>) -> Result<Option<Fact>> {
        let to = if legal { Hold::Legal } else { Hold::Held };
        let sharpened = legal && self.standing.hold == Hold::Held;
        if !self.try_to(Attempt::Hold, by.now)? && !sharpened {
            return Ok(None);
        }
        self.standing.hold = to;
        self.mark(Axis::Hold, by);
        Ok(Some(Fact::UserHeld { user: self.id, legal }))
    }

    /// Sets the fraud status; the same status again is nothing.
    pub fn set_fraud(&mut self, to: FraudStatus, by: &By<'_>) -> Result<Option<Fact>> {
        let from = self.standing.fraud;
        if !self.try_to(Attempt::SetFraud, by.now)? || from == to {
            return Ok(None);
        }
        self.standing.fraud = to;
        self.mark(Axis::Fraud, by);
        Ok(Some(Fact::UserFraudStatusChanged { user: self.id, from: from.word(), to: to.word() }))
    }

    /// Sets what the core says; the same again is nothing.
    pub fn set_core(&mut self, to: CoreState, by: &By<'_>) -> Result<Option<Fact>> {
        let from = self.standing.core;
        if !self.try_to(Attempt::SetCore, by.now)? || from == to {
            return Ok(None);
        }
        self.standing.core = to;
        self.mark(Axis::CoreState, by);
        Ok(Some(Fact::UserCoreStateChanged { user: self.id, from: from.word(), to: to.word() }))
    }

    /// Moves the verification on, by asking or by deciding.
    pub fn set_verification(&mut self, attempt: Attempt, to: Verification, by: &By<'_>) -> Result<Option<Fact>> {
        let from = self.standing.verification;
        if !self.try_to(attempt, by.now)? {
            return Ok(None);
        }
        self.standing.verification = to;
        self.mark(Axis::Verification, by);
        Ok(Some(Fact::UserVerificationChanged { user: self.id, from: from.word(), to: to.word() }))
    }
}

/// Who moves an axis, when and why.
pub struct By<'a> {
    /// When.
    pub now: Time,
    /// Who.
    pub author: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}
