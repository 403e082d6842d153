//! The vendor's vocabulary: statuses, kinds, the names of abilities and of what stands in the history.

use desk::audit::AuditRecord;
use desk::tenant::InstitutionKind;
use desk::user::UserKind;
use desk::user::standing::{Admission, CoreState, Presence, Standing, Suspension};
use desk::value::clock::Time;
use serde_json::Value;

/// The 16 abilities with a sentence each, in the guide's order. `rdcOnboarddingEnabled` is misspelled on the wire
/// (contract 4.2); the sentences are ours.
pub(super) const ABILITIES: [(&str, &str); 16] = [
    ("rdc", "Remote deposit of cheques."),
    ("billPay", "Pay bills."),
    ("accountToAccount", "Transfers between own accounts."),
    ("schedulableTransfers", "Transfers at a later date."),
    ("separateBillPayAccounts", "Bill pay from accounts of its own."),
    ("externalAccounts", "Accounts at other institutions."),
    ("payeeCreation", "New payees."),
    ("p2pEnabled", "Payments to persons."),
    ("rdcOnboarddingEnabled", "Signing up for remote deposit."),
    ("paymentCardManagement", "Manage payment cards."),
    ("rdcOnboardingByAccountsEnabled", "Signing up for remote deposit by account."),
    ("externalTransferInbound", "Transfers from other institutions."),
    ("externalTransferOutbound", "Transfers to other institutions."),
    ("memberToMemberTransfers", "Transfers to other members."),
    ("billPayEnrollment", "Signing up for bill pay."),
    ("zelle", "Zelle."),
];

/// The one status: the first that applies (contract 4.3). The suspension, holds and the risk engine are flags of their own.
pub(super) fn status(standing: &Standing, kind: InstitutionKind, now: Time) -> &'static str {
    match standing.core {
        CoreState::PermanentlyFrozen => "PermanentlyFrozen",
        CoreState::Dormant => "Dormant",
        _ if standing.is_locked(now) => match kind {
            InstitutionKind::Bank => "Locked",
            InstitutionKind::CreditUnion => "Frozen",
        },
        CoreState::PasswordNeedsReset => "PasswordNeedsReset",
        CoreState::PasswordExpired => "PasswordExpired",
        CoreState::Normal => "Active",
    }
}

/// `userActive`: not suspended (contract 5), and not withdrawn in a way of ours that the vendor has no word for.
pub(super) fn is_active(standing: &Standing) -> bool {
    standing.suspension == Suspension::No
        && standing.admission == Admission::Enabled
        && standing.presence == Presence::Present
}

pub(super) fn user_type(kind: UserKind) -> &'static str {
    match kind {
        UserKind::Individual => "Individual",
        UserKind::Business => "Business",
    }
}

pub(super) fn employee(employee: bool) -> &'static str {
    if employee { "E" } else { "NE" }
}

/// What one record of the audit is called in the history.
pub(super) struct Told {
    /// The vendor's service.
    pub application: &'static str,
    /// The change.
    pub name: String,
}

/// What employees do: action, service, name (contract 4.7).
const STAFF_WORDS: &[(&str, &str, &str)] = &[
    ("user.unlock", "consumer-status", "UserUnlocked"),
    // Only as a failure at this door, which cannot lock (422 of contract 4.4).
    ("user.lock", "consumer-status", "UserUnlocked"),
    ("password.start_reset", "password-reset", "PasswordResetLinkSent"),
    ("settings.change_security", "password-reset", "PasswordResetSettingsChanged"),
    ("settings.change", "password-reset", "PasswordResetSettingsChanged"),
    ("device.unlink", "consumer", "DevicesDeactivated"),
    ("device.unlink_all", "consumer", "DevicesDeactivated"),
    ("user.suspend", "people", "UserSuspended"),
    ("user.reinstate", "people", "UserReinstated"),
];

/// The actions the staff's history is about.
pub(super) fn staff_actions() -> Vec<&'static str> {
    STAFF_WORDS.iter().map(|(action, ..)| *action).collect()
}

/// A staff member's act in the vendor's words; `None` when it has none. What was already so is not told; what was refused
/// ends in `Failed`, but for what named nobody or was not understood.
pub(super) fn staff_told(record: &AuditRecord) -> Option<Told> {
    let (action, application, name) = *STAFF_WORDS.iter().find(|(action, ..)| *action == record.action)?;
    let is_of_this_door = record.door == desk::Door::Banno.word();
    let name = match (record.outcome.as_str(), action) {
        ("done", "user.lock") => return None,
        ("done", "user.unlock") if has_event(record, "user.unlock_queued") => "UserUnlockQueued".to_owned(),
        ("done", "settings.change" | "settings.change_security") if !changes_lifetime(record) => return None,
        ("done", _) => name.to_owned(),
        ("refused", "user.lock" | "settings.change" | "settings.change_security") if !is_of_this_door => return None,
        ("refused", _) if matches!(record.code.as_deref(), Some("not_found" | "invalid")) => return None,
        ("refused", _) => format!("{name}Failed"),
        _ => return None,
    };
    Some(Told { application, name })
}

/// A user's own act, named after what happened: `user.signed_in` is `UserSignedIn`. The vendor's own names were not
/// captured.
pub(super) fn user_told(record: &AuditRecord) -> Option<Told> {
    let event = (record.subject_kind == "user").then(|| first_event(record)).flatten()?;
    let application = match record.action.split('.').next().unwrap_or_default() {
        "session" | "second_factor" => "login",
        "password" => "password-reset",
        "device" => "consumer",
        _ => "people",
    };
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let name = event.split(['.', '_']).filter(|word| !word.is_empty()).map(capital).collect();
    Some(Told { application, name })
}

fn facts(record: &AuditRecord) -> impl Iterator<Item = &Value> {
    record.facts.as_array().into_iter().flatten()
}

fn first_event(record: &AuditRecord) -> Option<&str> {
    facts(record).next()?.get("event")?.as_str()
}

fn has_event(record: &AuditRecord, event: &str) -> bool {
    facts(record).any(|fact| fact["event"] == event)
}

fn changes_lifetime(record: &AuditRecord) -> bool {
    facts(record)
        .any(|fact| fact["fields"].as_array().is_some_and(|fields| fields.iter().any(|it| it == "reset_link_seconds")))
}

/// `email` or `sms`, of a reset link that was sent.
pub(super) fn reset_method(record: &AuditRecord) -> Option<String> {
    facts(record).find_map(|fact| fact["method"].as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::user::standing::{LockCause, SignInLock};

    #[test]
    fn the_first_status_that_applies_is_told() {
        let locked = SignInLock::Locked { cause: LockCause::Core, until: Some(Time(10)) };
        let cases = [
            (CoreState::PermanentlyFrozen, locked, "PermanentlyFrozen"),
            (CoreState::Dormant, locked, "Dormant"),
            (CoreState::PasswordNeedsReset, locked, "Locked"),
            (CoreState::PasswordNeedsReset, SignInLock::Open, "PasswordNeedsReset"),
            (CoreState::PasswordExpired, SignInLock::Open, "PasswordExpired"),
            (CoreState::Normal, SignInLock::Open, "Active"),
        ];
        for (core, lock, word) in cases {
            let standing = Standing { core, lock, ..Standing::default() };
            assert_eq!(status(&standing, InstitutionKind::Bank, Time(9)), word);
        }
        let standing = Standing { lock: locked, ..Standing::default() };
        assert_eq!(status(&standing, InstitutionKind::CreditUnion, Time(9)), "Frozen");
        assert_eq!(status(&standing, InstitutionKind::Bank, Time(10)), "Active", "the lock is over");
    }
}
