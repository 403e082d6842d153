//! A user's standing: independent axes, never one big status. Every rule about who may attempt what stands in
//! `Standing::rule`, once; the transitions below only move one axis each. Pure: no database, no clock.

use std::collections::BTreeSet;

use crate::error::Refusal;
use crate::value::clock::Time;
use crate::value::words;

words! {
    /// Why sign-in is locked.
    pub enum LockCause {
        /// Too many wrong passwords.
        FailedSignIns = "failed_sign_ins",
        /// A staff member locked it.
        Staff = "staff",
        /// The core says so.
        Core = "core",
    }
}

/// Whether sign-in is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInLock {
    /// Not locked.
    Open,
    /// Locked.
    Locked {
        /// Why.
        cause: LockCause,
        /// When it opens by itself, if it does.
        until: Option<Time>,
    },
}

impl SignInLock {
    /// `open` or `locked`.
    pub fn word(self) -> &'static str {
        match self {
            SignInLock::Open => "open",
            SignInLock::Locked { .. } => "locked",
        }
    }

    /// The cause, when locked.
    pub fn cause(self) -> Option<LockCause> {
        match self {
            SignInLock::Open => None,
            SignInLock::Locked { cause, .. } => Some(cause),
        }
    }

    /// When the lock opens by itself.
    pub fn until(self) -> Option<Time> {
        match self {
            SignInLock::Open => None,
            SignInLock::Locked { until, .. } => until,
        }
    }
}

words! {
    /// Whether the user is admitted at all.
    pub enum Admission {
        /// Admitted.
        Enabled = "enabled",
        /// Withdrawn by staff.
        Disabled = "disabled",
    }
}
words! {
    /// What the core banking system says.
    pub enum CoreState {
        /// Nothing special.
        Normal = "normal",
        /// A new password must be chosen.
        PasswordExpired = "password_expired",
        /// The password must be reset.
        PasswordNeedsReset = "password_needs_reset",
        /// Unused for long; only the core can change that.
        Dormant = "dormant",
        /// Frozen for good; only the core can change that.
        PermanentlyFrozen = "permanently_frozen",
    }
}
words! {
    /// Suspended by staff, until the user signs in again or staff reinstate her.
    pub enum Suspension {
        /// Not suspended.
        No = "no",
        /// Suspended.
        Suspended = "suspended",
    }
}
words! {
    /// How far a flag reaches.
    pub enum FlagReach {
        /// Not flagged.
        None = "none",
        /// Flagged as a whole.
        Whole = "whole",
        /// Flagged for some banks.
        Banks = "banks",
    }
}
words! {
    /// On the blacklist or not.
    pub enum Blacklist {
        /// Not on it.
        No = "no",
        /// On it.
        Blacklisted = "blacklisted",
    }
}
words! {
    /// What the fraud team thinks.
    pub enum FraudStatus {
        /// Nothing known against her.
        Whitelisted = "whitelisted",
        /// Under suspicion.
        Suspicious = "suspicious",
        /// Fraud was found.
        Fraudulent = "fraudulent",
    }
}
words! {
    /// How far the verification of identity is.
    pub enum Verification {
        /// Never asked for.
        None = "none",
        /// Asked for, not decided.
        Requested = "requested",
        /// Verified.
        Verified = "verified",
        /// Declined.
        Declined = "declined",
    }
}
words! {
    /// On hold or not.
    pub enum Hold {
        /// Not on hold.
        None = "none",
        /// On hold.
        Held = "held",
        /// On hold for legal reasons, which also forbids erasure.
        Legal = "legal",
    }
}
words! {
    /// Whether the person is still here.
    pub enum Presence {
        /// Here.
        Present = "present",
        /// Access was withdrawn.
        Removed = "removed",
        /// Erased: the key is destroyed.
        Erased = "erased",
    }
}
words! {
    /// The axes, by the names that marks and lists use.
    pub enum Axis {
        /// Sign-in lock.
        SignInLock = "sign_in_lock",
        /// Admission.
        Admission = "admission",
        /// Core state.
        CoreState = "core_state",
        /// Suspension.
        Suspension = "suspension",
        /// Flag.
        Flag = "flag",
        /// Blacklist.
        Blacklist = "blacklist",
        /// Fraud status.
        Fraud = "fraud",
        /// Verification.
        Verification = "verification",
        /// Hold.
        Hold = "hold",
        /// Presence.
        Presence = "presence",
    }
}

/// All axes of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Sign-in lock.
    pub lock: SignInLock,
    /// An unlock that waits for the core to leave memo mode, since when.
    pub unlock_queued_at: Option<Time>,
    /// Admission.
    pub admission: Admission,
    /// Core state.
    pub core: CoreState,
    /// Suspension.
    pub suspension: Suspension,
    /// Flagged as a whole.
    pub flagged_whole: bool,
    /// Flagged for these banks.
    pub flagged_banks: BTreeSet<String>,
    /// Blacklist.
    pub blacklist: Blacklist,
    /// Fraud status.
    pub fraud: FraudStatus,
    /// Verification.
    pub verification: Verification,
    /// Hold.
    pub hold: Hold,
    /// Presence.
    pub presence: Presence,
}

impl Default for Standing {
    fn default() -> Self {
        Standing {
            lock: SignInLock::Open,
            unlock_queued_at: None,
            admission: Admission::Enabled,
            core: CoreState::Normal,
            suspension: Suspension::No,
            flagged_whole: false,
            flagged_banks: BTreeSet::new(),
            blacklist: Blacklist::No,
            fraud: FraudStatus::Whitelisted,
            verification: Verification::None,
            hold: Hold::None,
            presence: Presence::Present,
        }
    }
}

words! {
    /// What somebody may attempt with a user: the columns of the matrix in `docs/standing.md`.
    pub enum Attempt {
        /// Sign in with the right password.
        SignIn = "sign_in",
        /// Use a session that is still open.
        UseSession = "use_session",
        /// Have a password reset link sent.
        StartReset = "start_reset",
        /// Choose a new password through a link.
        ChoosePassword = "choose_password",
        /// Link a bank.
        LinkBank = "link_bank",
        /// Fetch new data from a linked bank.
        FetchData = "fetch_data",
        /// Be read by staff.
        Read = "read",
        /// Have the profile changed by staff.
        Edit = "edit",
        /// Be locked by staff.
        Lock = "lock",
        /// Be unlocked.
        Unlock = "unlock",
        /// Be disabled.
        Disable = "disable",
        /// Be enabled.
        Enable = "enable",
        /// Be suspended.
        Suspend = "suspend",
        /// Be reinstated.
        Reinstate = "reinstate",
        /// Be flagged as a whole.
        Flag = "flag",
        /// Have the whole flag removed.
        Unflag = "unflag",
        /// Be blacklisted.
        Blacklist = "blacklist",
        /// Be taken off the blacklist.
        Unblacklist = "unblacklist",
        /// Have the fraud status set.
        SetFraud = "set_fraud_status",
        /// Ask for verification.
        AskVerification = "ask_verification",
        /// Have a verification decided.
        DecideVerification = "decide_verification",
        /// Be put on hold.
        Hold = "hold",
        /// Be released from hold.
        Release = "release",
        /// Have the core state set.
        SetCore = "set_core_state",
        /// Have access withdrawn.
        Remove = "remove",
        /// Be erased.
        Erase = "erase",
        /// Have a note written.
        Note = "note",
        /// Have a device unlinked.
        UnlinkDevice = "unlink_device",
    }
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may happen.
    Allowed,
    /// There is nothing to do: it is so already.
    Nothing,
    /// It may not happen.
    Refused(Refusal),
}

use Verdict::{Allowed, Nothing, Refused};

/// Allowed where the axis would change, else nothing to do.
fn unless(already: bool) -> Verdict {
    if already { Nothing } else { Allowed }
}

impl Standing {
    /// The reach of the flag, as lists filter by it.
    pub fn flag(&self) -> FlagReach {
        if self.flagged_whole {
            FlagReach::Whole
        } else if self.flagged_banks.is_empty() {
            FlagReach::None
        } else {
            FlagReach::Banks
        }
    }

    /// The one place that says what may be attempted with a user in this standing. `now` matters for a lock with an end:
    /// past it, the lock no longer counts.
    pub fn rule(&self, attempt: Attempt, now: Time) -> Verdict {
        // Who is gone is gone for everything, but may be read about, and what is removed may still be erased.
        match (self.presence, attempt) {
            (_, Attempt::Read) | (Presence::Present, _) => {}
            (Presence::Erased, Attempt::Erase) | (Presence::Removed, Attempt::Remove) => return Nothing,
            (Presence::Erased, _) => return Refused(Refusal::UserErased),
            (Presence::Removed, Attempt::Erase | Attempt::Note | Attempt::Hold | Attempt::Release | Attempt::Edit) => {}
            (
                Presence::Removed,
                Attempt::Flag | Attempt::Unflag | Attempt::Blacklist | Attempt::Unblacklist | Attempt::SetFraud,
            ) => {}
            (Presence::Removed, _) => return Refused(Refusal::UserRemoved),
        }
        match attempt {
            Attempt::SignIn => match self.barred_from_access(now) {
                Some(refusal) => Refused(refusal),
                None => Allowed,
            },
            Attempt::UseSession => match self.barred_from_access(now) {
                Some(refusal) => Refused(refusal),
                None if self.suspension == Suspension::Suspended => Refused(Refusal::UserSuspended),
                None => Allowed,
            },
            // A link that staff send her meanwhile waits until she is enabled.
            Attempt::ChoosePassword if self.admission == Admission::Disabled => Refused(Refusal::UserDisabled),
            Attempt::StartReset | Attempt::ChoosePassword => match (self.core, self.suspension) {
                (CoreState::PermanentlyFrozen, _) => Refused(Refusal::UserPermanentlyFrozen),
                (CoreState::Dormant, _) => Refused(Refusal::UserDormant),
                (_, Suspension::Suspended) => Refused(Refusal::UserSuspended),
                _ => Allowed,
            },
            Attempt::LinkBank | Attempt::FetchData => match self.barred_from_access(now) {
                Some(refusal) => Refused(refusal),
                None if self.suspension == Suspension::Suspended => Refused(Refusal::UserSuspended),
                None if self.flagged_whole => Refused(Refusal::UserFlagged),
                None if self.blacklist == Blacklist::Blacklisted => Refused(Refusal::UserBlacklisted),
                None => Allowed,
            },
            Attempt::Read | Attempt::Edit | Attempt::Note | Attempt::UnlinkDevice => Allowed,
            // Without an end: a lock that has one gives way to it.
            Attempt::Lock => unless(self.is_locked(now) && self.lock.until().is_none()),
            Attempt::Unlock => match self.core {
                CoreState::PermanentlyFrozen => Refused(Refusal::UserPermanentlyFrozen),
                CoreState::Dormant => Refused(Refusal::UserDormant),
                _ => unless(self.lock == SignInLock::Open),
            },
            Attempt::Disable => unless(self.admission == Admission::Disabled),
            Attempt::Enable => unless(self.admission == Admission::Enabled),
            Attempt::Suspend => unless(self.suspension == Suspension::Suspended),
            Attempt::Reinstate => unless(self.suspension == Suspension::No),
            Attempt::Flag => unless(self.flagged_whole),
            Attempt::Unflag => unless(!self.flagged_whole),
            Attempt::Blacklist => unless(self.blacklist == Blacklist::Blacklisted),
            Attempt::Unblacklist => unless(self.blacklist == Blacklist::No),
            Attempt::SetFraud | Attempt::SetCore => Allowed,
            Attempt::AskVerification => match self.verification {
                _ if self.blacklist == Blacklist::Blacklisted => Refused(Refusal::UserBlacklisted),
                Verification::Requested | Verification::Verified => Nothing,
                Verification::None | Verification::Declined => Allowed,
            },
            Attempt::DecideVerification => match self.verification {
                Verification::Requested => Allowed,
                Verification::None | Verification::Verified | Verification::Declined => {
                    Refused(Refusal::VerificationState)
                }
            },
            Attempt::Hold => unless(self.hold != Hold::None),
            Attempt::Release => unless(self.hold == Hold::None),
            Attempt::Remove => Allowed,
            Attempt::Erase => match self.hold {
                Hold::Legal => Refused(Refusal::LegalHold),
                Hold::Held | Hold::None => Allowed,
            },
        }
    }

    /// Whether the customer may take themselves to be admitted. A hold is shown to them as if they were disabled, and must
    /// behave so wherever they can try it out.
    pub fn is_shown_as_admitted(&self) -> bool {
        self.admission == Admission::Enabled && self.hold == Hold::None
    }

    /// The standing as the customer it is about may read it: what may mean that they are suspected has its neutral value.
    pub fn for_customer(&self) -> Standing {
        let lock = match self.lock {
            SignInLock::Locked { cause: LockCause::FailedSignIns, .. } => self.lock,
            SignInLock::Locked { .. } | SignInLock::Open => SignInLock::Open,
        };
        let core = match self.core {
            CoreState::PermanentlyFrozen | CoreState::Dormant => CoreState::Normal,
            known => known,
        };
        Standing { lock, core, verification: self.verification, presence: self.presence, ..Standing::default() }
    }

    /// The axes that are not as an ordinary user's.
    pub fn deviating(&self) -> Vec<Axis> {
        let ordinary = Standing::default();
        let axes = [
            (Axis::SignInLock, self.lock != ordinary.lock),
            (Axis::Admission, self.admission != ordinary.admission),
            (Axis::CoreState, self.core != ordinary.core),
            (Axis::Suspension, self.suspension != ordinary.suspension),
            (Axis::Flag, self.flag() != FlagReach::None),
            (Axis::Blacklist, self.blacklist != ordinary.blacklist),
            (Axis::Fraud, self.fraud != ordinary.fraud),
            (Axis::Verification, self.verification != ordinary.verification),
            (Axis::Hold, self.hold != ordinary.hold),
            (Axis::Presence, self.presence != ordinary.presence),
        ];
        axes.into_iter().filter(|(_, deviates)| *deviates).map(|(axis, _)| axis).collect()
    }

    /// Whether the lock still counts.
    pub fn is_locked(&self, now: Time) -> bool {
        match self.lock {
            SignInLock::Open => false,
            SignInLock::Locked { until, .. } => until.is_none_or(|until| now < until),
        }
    }

    /// Whether another lock would keep her out longer than the one there is. Wrong passwords prolong nothing, or else
    /// whoever goes on guessing would keep her out for good.
    pub fn is_prolonged_by(&self, cause: LockCause, until: Option<Time>, now: Time) -> bool {
        match self.lock {
            SignInLock::Locked { until: Some(present), .. } if now < present => match cause {
                LockCause::FailedSignIns => false,
                LockCause::Staff | LockCause::Core => until.is_none_or(|until| present < until),
            },
            SignInLock::Locked { .. } | SignInLock::Open => !self.is_locked(now),
        }
    }

    /// What keeps the user out, the gravest first.
    fn barred_from_access(&self, now: Time) -> Option<Refusal> {
        if self.admission == Admission::Disabled {
            return Some(Refusal::UserDisabled);
        }
        match self.core {
            CoreState::PermanentlyFrozen => return Some(Refusal::UserPermanentlyFrozen),
            CoreState::Dormant => return Some(Refusal::UserDormant),
            CoreState::Normal | CoreState::PasswordExpired | CoreState::PasswordNeedsReset => {}
        }
        if self.hold != Hold::None {
            return Some(Refusal::UserOnHold);
        }
        if self.is_locked(now) {
            return Some(Refusal::UserLocked);
        }
        match self.core {
            CoreState::PasswordNeedsReset => Some(Refusal::PasswordNeedsReset),
            CoreState::PasswordExpired => Some(Refusal::PasswordExpired),
            CoreState::Normal | CoreState::Dormant | CoreState::PermanentlyFrozen => None,
        }
    }
}

/// The states of the matrix: an ordinary user, and one deviation on one axis each.
pub fn matrix_states() -> Vec<(&'static str, Standing)> {
    let ordinary = Standing::default;
    let locked = |cause, until| Standing { lock: SignInLock::Locked { cause, until }, ..ordinary() };
    vec![
        ("ordinary", ordinary()),
        ("locked: failed_sign_ins", locked(LockCause::FailedSignIns, None)),
        ("locked: staff", locked(LockCause::Staff, None)),
        ("locked: core", locked(LockCause::Core, None)),
        ("locked for a while", locked(LockCause::FailedSignIns, Some(Time(4_000_000_000_000_000)))),
        ("lock run out", locked(LockCause::FailedSignIns, Some(Time(0)))),
        ("disabled", Standing { admission: Admission::Disabled, ..ordinary() }),
        ("password_expired", Standing { core: CoreState::PasswordExpired, ..ordinary() }),
        ("password_needs_reset", Standing { core: CoreState::PasswordNeedsReset, ..ordinary() }),
        ("dormant", Standing { core: CoreState::Dormant, ..ordinary() }),
        ("permanently_frozen", Standing { core: CoreState::PermanentlyFrozen, ..ordinary() }),
        ("suspended", Standing { suspension: Suspension::Suspended, ..ordinary() }),
        ("flagged: whole", Standing { flagged_whole: true, ..ordinary() }),
        ("flagged: banks", Standing { flagged_banks: ["bank-a".to_owned()].into(), ..ordinary() }),
        ("blacklisted", Standing { blacklist: Blacklist::Blacklisted, ..ordinary() }),
        ("suspicious", Standing { fraud: FraudStatus::Suspicious, ..ordinary() }),
        ("fraudulent", Standing { fraud: FraudStatus::Fraudulent, ..ordinary() }),
        ("verification requested", Standing { verification: Verification::Requested, ..ordinary() }),
        ("verified", Standing { verification: Verification::Verified, ..ordinary() }),
        ("verification declined", Standing { verification: Verification::Declined, ..ordinary() }),
        ("held", Standing { hold: Hold::Held, ..ordinary() }),
        ("legal hold", Standing { hold: Hold::Legal, ..ordinary() }),
        ("removed", Standing { presence: Presence::Removed, ..ordinary() }),
        ("erased", Standing { presence: Presence::Erased, ..ordinary() }),
    ]
}

/// The matrix as the Markdown page `docs/standing.md` holds it.
pub fn matrix_page() -> String {
    let mut page = String::from(
        "# What may be attempted, in which standing\n\n\
         Generated from `Standing::rule` (`bursar standing`); a test compares this page with the code, and every cell\n\
         with what the desk does. Rows are an ordinary user with one deviation on one axis; when several apply, the\n\
         gravest answers. `✓` allowed · `–` nothing to do (it is so already) · a code: refused with it.\n",
    );
    // Three tables, so that each fits a screen.
    for attempts in Attempt::ALL.chunks(10) {
        page.push_str("\n| standing |");
        for attempt in attempts {
            page.push_str(&format!(" {attempt} |"));
        }
        page.push_str("\n|---|");
        page.push_str(&"---|".repeat(attempts.len()));
        for (name, standing) in matrix_states() {
            page.push_str(&format!("\n| {name} |"));
            for attempt in attempts {
                let cell = match standing.rule(*attempt, Time(1)) {
                    Allowed => "✓".to_owned(),
                    Nothing => "–".to_owned(),
                    Refused(refusal) => format!("`{refusal}`"),
                };
                page.push_str(&format!(" {cell} |"));
            }
        }
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlocking_is_ruled_by_core_before_lock() {
        let locked = SignInLock::Locked { cause: LockCause::Staff, until: None };
        for (core, verdict) in [
            (CoreState::Normal, Allowed),
            (CoreState::PasswordExpired, Allowed),
            (CoreState::PasswordNeedsReset, Allowed),
            (CoreState::Dormant, Refused(Refusal::UserDormant)),
            (CoreState::PermanentlyFrozen, Refused(Refusal::UserPermanentlyFrozen)),
        ] {
            let standing = Standing { lock: locked, core, ..Standing::default() };
            assert_eq!(standing.rule(Attempt::Unlock, Time(1)), verdict, "{core}");
        }
    }

    #[test]
    fn the_gravest_reason_answers_a_sign_in() {
        let standing = Standing {
            lock: SignInLock::Locked { cause: LockCause::Staff, until: None },
            admission: Admission::Disabled,
            ..Standing::default()
        };
        assert_eq!(standing.rule(Attempt::SignIn, Time(1)), Refused(Refusal::UserDisabled));
    }

    #[test]
    fn a_lock_counts_until_its_end() {
        let standing = Standing {
            lock: SignInLock::Locked { cause: LockCause::FailedSignIns, until: Some(Time(100)) },
            ..Standing::default()
        };
        assert_eq!(standing.rule(Attempt::SignIn, Time(99)), Refused(Refusal::UserLocked));
        assert_eq!(standing.rule(Attempt::SignIn, Time(100)), Allowed);
    }

    #[test]
    fn a_lock_gives_way_to_a_longer_one_of_the_staffs() {
        let (wrong, staff) = (LockCause::FailedSignIns, LockCause::Staff);
        let (short, long) = (Some(Time(100)), Some(Time(200)));
        let locked = |until| SignInLock::Locked { cause: wrong, until };
        for (present, cause, until, prolonged) in [
            (SignInLock::Open, staff, short, true),
            (SignInLock::Open, wrong, short, true),
            (locked(short), staff, None, true),
            (locked(short), staff, long, true),
            (locked(short), staff, short, false),
            (locked(long), staff, short, false),
            (locked(short), wrong, None, false),
            (locked(short), wrong, long, false),
            (locked(Some(Time(1))), wrong, short, true),
            (locked(None), staff, None, false),
            (locked(None), staff, long, false),
        ] {
            let standing = Standing { lock: present, ..Standing::default() };
            assert_eq!(standing.is_prolonged_by(cause, until, Time(50)), prolonged, "{present:?} {cause} {until:?}");
        }
    }
}
