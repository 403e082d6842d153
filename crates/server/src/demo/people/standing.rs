//! Where a demo person stands: one field for each axis of the desk, as words of its own, so that the generator depends
//! on nothing but chance. Whoever seeds the people turns these into actions.

/// Where somebody stands, one field for each axis (docs/standing.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoStanding {
    /// May she try to sign in?
    pub sign_in_lock: SignInLock,
    /// Why she is disabled, if she is.
    pub disabled: Option<&'static str>,
    /// What the core says.
    pub core: CoreState,
    /// Why she is suspended, if she is.
    pub suspended: Option<&'static str>,
    /// Kept from linking and fetching?
    pub flag: Flag,
    /// Why she is on the blacklist, if she is.
    pub blacklisted: Option<&'static str>,
    /// What is thought of her.
    pub fraud: Fraud,
    /// Is she who she says she is?
    pub verification: Verification,
    /// Why nothing may be changed, if so.
    pub hold: Option<Hold>,
    /// Is she still a customer?
    pub presence: Presence,
}

/// Sign-in lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInLock {
    /// Not locked.
    Open,
    /// Locked, by what, and for how many hours from now; without a number until somebody unlocks.
    Locked { cause: LockCause, hours: Option<u32> },
}

/// What locked somebody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockCause {
    /// Too many wrong passwords.
    FailedSignIns,
    /// Somebody here, for this reason.
    Staff(&'static str),
    /// The core.
    Core,
}

/// Core state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreState {
    /// Nothing special.
    Normal,
    /// The password is too old.
    PasswordExpired,
    /// The password must be reset first.
    PasswordNeedsReset,
    /// Not used for so long that the core put it to sleep.
    Dormant,
    /// Never to be used again.
    PermanentlyFrozen,
}

/// Flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Not flagged.
    None,
    /// For every bank.
    Whole,
    /// For these banks.
    Banks(&'static [&'static str]),
}

/// Fraud status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fraud {
    /// Nothing is suspected.
    Whitelisted,
    /// Something looks odd.
    Suspicious(&'static str),
    /// It is fraud.
    Fraudulent(&'static str),
}

/// Verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Never asked for.
    None,
    /// Waiting for a decision.
    Requested,
    /// Granted.
    Verified,
    /// Refused, for this reason.
    Declined(&'static str),
}

/// Hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// An ordinary hold, for this reason.
    Held(&'static str),
    /// A legal hold, which also forbids erasure.
    Legal(&'static str),
}

/// Presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A customer.
    Present,
    /// Access was withdrawn.
    Removed,
    /// Her data was erased.
    Erased,
}

impl DemoStanding {
    /// Nothing is the matter with her.
    pub fn plain() -> DemoStanding {
        DemoStanding {
            sign_in_lock: SignInLock::Open,
            disabled: None,
            core: CoreState::Normal,
            suspended: None,
            flag: Flag::None,
            blacklisted: None,
            fraud: Fraud::Whitelisted,
            verification: Verification::None,
            hold: None,
            presence: Presence::Present,
        }
    }

    /// Whether nothing is the matter; being verified or never having asked is both plain.
    pub fn is_plain(&self) -> bool {
        let settled = matches!(self.verification, Verification::None | Verification::Verified);
        settled && DemoStanding { verification: Verification::None, ..self.clone() } == DemoStanding::plain()
    }
}
