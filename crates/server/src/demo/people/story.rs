//! What is the matter with somebody: how common each trouble is, the standing it makes, and what agents write about it.

use super::DemoNote;
use super::dice::Dice;
use super::standing::{CoreState, DemoStanding, Flag, Fraud, Hold, LockCause, Presence, SignInLock, Verification};

/// What is the matter with somebody, if anything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    Plain,
    LockedByTries,
    LockedByStaff,
    LockedByCore,
    LockedForHours,
    Disabled,
    PasswordExpired,
    NeedsReset,
    Dormant,
    Frozen,
    Suspended,
    FlaggedWhole,
    FlaggedForBanks,
    Blacklisted,
    Suspicious,
    Fraudulent,
    VerificationRequested,
    VerificationDeclined,
    Held,
    LegalHold,
    Removed,
    Erased,
    LockedAndDisabled,
    LockedAndSuspicious,
}

/// The stories that are not plain, the most telling first, each with how common it is.
pub(super) const STORIES: &[(u32, Story)] = &[
    (24, Story::LockedByTries),
    (9, Story::Dormant),
    (8, Story::Disabled),
    (6, Story::LockedByStaff),
    (8, Story::PasswordExpired),
    (6, Story::NeedsReset),
    (5, Story::Suspended),
    (5, Story::Suspicious),
    (7, Story::VerificationRequested),
    (3, Story::Frozen),
    (3, Story::FlaggedWhole),
    (3, Story::FlaggedForBanks),
    (3, Story::Blacklisted),
    (2, Story::Fraudulent),
    (3, Story::VerificationDeclined),
    (3, Story::Held),
    (2, Story::LegalHold),
    (5, Story::Removed),
    (1, Story::Erased),
    (3, Story::LockedByCore),
    (4, Story::LockedForHours),
    (2, Story::LockedAndDisabled),
    (2, Story::LockedAndSuspicious),
];

/// How many of a hundred are not plain.
const NOT_PLAIN_PERCENT: usize = 16;
/// From this many people on there is one of every story.
pub(super) const EVERY_STORY_FROM: usize = 60;

/// One story for each person, well mixed.
pub(super) fn stories(dice: &Dice, count: usize) -> Vec<Story> {
    let wanted = count * NOT_PLAIN_PERCENT / 100;
    let odd = if count >= EVERY_STORY_FROM { wanted.max(STORIES.len()) } else { wanted };
    let mut stories: Vec<Story> = STORIES.iter().map(|(_, story)| *story).take(odd).collect();
    while stories.len() < odd {
        stories.push(dice.weighted(STORIES));
    }
    stories.resize(count, Story::Plain);
    for last in (1..stories.len()).rev() {
        stories.swap(last, dice.below(last + 1));
    }
    stories
}

impl Story {
    /// The story on each axis.
    pub(super) fn standing(self, dice: &Dice) -> DemoStanding {
        let locked = |cause, hours| SignInLock::Locked { cause, hours };
        let verification = if dice.percent(58) { Verification::Verified } else { Verification::None };
        let usual = DemoStanding { verification, ..DemoStanding::plain() };
        match self {
            Story::Plain => usual,
            Story::LockedByTries => DemoStanding { sign_in_lock: locked(LockCause::FailedSignIns, None), ..usual },
            Story::LockedByStaff => {
                DemoStanding { sign_in_lock: locked(LockCause::Staff(dice.pick(LOCK_REASONS)), None), ..usual }
            }
            Story::LockedByCore => DemoStanding { sign_in_lock: locked(LockCause::Core, None), ..usual },
            Story::LockedForHours => {
                let hours = u32::try_from(dice.between(6, 48)).ok();
                DemoStanding { sign_in_lock: locked(LockCause::FailedSignIns, hours), ..usual }
            }
            Story::Disabled => DemoStanding { disabled: Some(dice.pick(DISABLE_REASONS)), ..usual },
            Story::PasswordExpired => DemoStanding { core: CoreState::PasswordExpired, ..usual },
            Story::NeedsReset => DemoStanding { core: CoreState::PasswordNeedsReset, ..usual },
            Story::Dormant => DemoStanding { core: CoreState::Dormant, ..usual },
            Story::Frozen => DemoStanding { core: CoreState::PermanentlyFrozen, ..usual },
            Story::Suspended => DemoStanding { suspended: Some(dice.pick(SUSPEND_REASONS)), ..usual },
            Story::FlaggedWhole => DemoStanding { flag: Flag::Whole, ..usual },
            Story::FlaggedForBanks => DemoStanding { flag: Flag::Banks(dice.pick(FLAGGED_BANKS)), ..usual },
            Story::Blacklisted => DemoStanding { blacklisted: Some(dice.pick(BLACKLIST_REASONS)), ..usual },
            Story::Suspicious => DemoStanding { fraud: Fraud::Suspicious(dice.pick(SUSPICIONS)), ..usual },
            Story::Fraudulent => {
                let fraud = Fraud::Fraudulent(dice.pick(FRAUDS));
                DemoStanding { fraud, disabled: Some("Confirmed fraud, see case file"), ..usual }
            }
            Story::VerificationRequested => DemoStanding { verification: Verification::Requested, ..usual },
            Story::VerificationDeclined => {
                DemoStanding { verification: Verification::Declined(dice.pick(DECLINE_REASONS)), ..usual }
            }
            Story::Held => DemoStanding { hold: Some(Hold::Held(dice.pick(HOLD_REASONS))), ..usual },
            Story::LegalHold => DemoStanding { hold: Some(Hold::Legal(dice.pick(LEGAL_REASONS))), ..usual },
            Story::Removed => DemoStanding { presence: Presence::Removed, ..usual },
            Story::Erased => DemoStanding { presence: Presence::Erased, ..usual },
            Story::LockedAndDisabled => DemoStanding {
                sign_in_lock: locked(LockCause::FailedSignIns, None),
                disabled: Some(dice.pick(DISABLE_REASONS)),
                ..usual
            },
            Story::LockedAndSuspicious => DemoStanding {
                sign_in_lock: locked(LockCause::FailedSignIns, None),
                fraud: Fraud::Suspicious(dice.pick(SUSPICIONS)),
                ..usual
            },
        }
    }

    /// What agents wrote: often something about the story, now and then about daily matters.
    pub(super) fn notes(self, dice: &Dice, created: u32) -> Vec<DemoNote> {
        let own = notes_of(self);
        let mut texts = Vec::new();
        if !own.is_empty() && dice.percent(75) {
            texts.push((dice.pick(own), dice.days(0, 9)));
        }
        let chance = if texts.is_empty() { 24 } else { 15 };
        if dice.percent(chance) {
            texts.push((dice.pick(EVERYDAY_NOTES), dice.days(10, 700)));
        }
        if texts.len() == 1 && own.is_empty() && dice.percent(12) {
            let more = dice.pick(EVERYDAY_NOTES);
            if more != texts[0].0 {
                texts.push((more, dice.days(10, 700)));
            }
        }
        texts.into_iter().map(|(text, ago)| DemoNote { text, written_days_ago: ago.min(created) }).collect()
    }
}

// What agents wrote, and why things were done. "Caller" because an agent's note rarely says he or she.

const EVERYDAY_NOTES: &[&str] = &[
    "Asked how to set up direct deposit; mailed the form.",
    "Prefers to be called after 5 p.m.; works nights.",
    "Moved in spring, new address confirmed with a utility bill.",
    "Caller is hard of hearing. Speak slowly, or write.",
    "Travelling abroad for a month; card travel notice is in place.",
    "Wanted the wire fee back. Waived once as a courtesy.",
    "Joint account question; explained that both owners have to sign.",
    "Interested in a home equity line, referred to the branch.",
    "Has a caregiver who sometimes calls. No authorisation on file, do not discuss the account with anyone else.",
    "Reported a lost debit card. Replacement ordered, old card closed.",
    "Changed the name after marriage; certificate seen at the branch.",
    "Complained about hold music. Fair enough.",
    "Cannot find the routing number in the app; showed where it is.",
    "Asked for paper statements again, does not trust the e-mail ones.",
    "Disputed a gym charge of 49.99; provisional credit given.",
    "Wrong address on the new checks; reordered at no cost.",
];
const LOCKED_NOTES: &[&str] = &[
    "Called this morning, locked out after a new phone. Did not know the security answer, asked to call back.",
    "Says the keyboard was in another language when typing the password.",
    "Second lockout this month. Suggested a password manager.",
    "Locked out while paying rent, rather upset. Please be quick if there is another call.",
];
const STAFF_LOCK_NOTES: &[&str] = &[
    "Asked when access will be back. Told to come to a branch with an identity card.",
    "Do not unlock on the phone, whatever the hurry.",
];
const DISABLED_NOTES: &[&str] = &[
    "Access disabled by request of the branch manager, paperwork to follow.",
    "Do not enable without a word with operations.",
];
const DORMANT_NOTES: &[&str] = &[
    "Letter to the last known address came back.",
    "Dormant at the core. To reactivate, come to a branch with an identity card.",
];
const FROZEN_NOTES: &[&str] = &[
    "Frozen for good by the core. Only the core can change that, please do not promise anything.",
    "Wants a letter saying why the account is frozen; passed on to operations.",
];
const RESET_NOTES: &[&str] = &[
    "Did not get the reset mail, it was in the spam folder.",
    "Password set by the conversion; has to be reset at first sign-in.",
];
const FRAUD_NOTES: &[&str] = &[
    "Three new payees within an hour, all from a new device. Sent to the fraud desk.",
    "Caller could not name a single recent transaction.",
    "Fraud desk spoke to the account holder: did not make the transfers.",
];
const VERIFICATION_NOTES: &[&str] = &[
    "Uploaded a driving licence, back side is missing.",
    "Asked when the verification will be done. Told two working days.",
];
const HOLD_NOTES: &[&str] = &[
    "Estate matter. Everything goes through the legal department.",
    "On hold, see the letter in the file; nothing to be changed meanwhile.",
];
const LEFT_NOTES: &[&str] = &[
    "Closed everything and moved to another bank. Friendly.",
    "Asked us to remove online access, will use the branch only.",
];

fn notes_of(story: Story) -> &'static [&'static str] {
    match story {
        Story::LockedByTries | Story::LockedForHours | Story::LockedAndDisabled => LOCKED_NOTES,
        Story::LockedByStaff | Story::LockedByCore => STAFF_LOCK_NOTES,
        Story::Disabled | Story::Suspended => DISABLED_NOTES,
        Story::Dormant => DORMANT_NOTES,
        Story::Frozen => FROZEN_NOTES,
        Story::PasswordExpired | Story::NeedsReset => RESET_NOTES,
        Story::Suspicious | Story::Fraudulent | Story::Blacklisted | Story::LockedAndSuspicious => FRAUD_NOTES,
        Story::VerificationRequested | Story::VerificationDeclined => VERIFICATION_NOTES,
        Story::Held | Story::LegalHold => HOLD_NOTES,
        Story::Removed => LEFT_NOTES,
        Story::Plain | Story::FlaggedWhole | Story::FlaggedForBanks | Story::Erased => &[],
    }
}

const LOCK_REASONS: &[&str] = &[
    "Phone reported stolen",
    "Identity not proved on the phone",
    "Customer asked for it",
    "Account takeover suspected",
];
const DISABLE_REASONS: &[&str] = &[
    "Returned mail, address unknown",
    "Overdrawn and charged off",
    "Abusive towards staff",
    "Power of attorney revoked",
    "Duplicate profile, other one kept",
];
// The screen this comes from takes fifty characters.
const SUSPEND_REASONS: &[&str] = &["No sign-in for a year", "Statement fees unpaid", "Asked for a pause while abroad"];
const FLAGGED_BANKS: &[&[&str]] =
    &[&["first-lagoon-bank"], &["prairie-state-bank", "first-lagoon-bank"], &["old-mint-savings"]];
const BLACKLIST_REASONS: &[&str] =
    &["Chargebacks at two merchants", "Opened accounts with forged papers", "Money mule, police reference on file"];
const SUSPICIONS: &[&str] = &[
    "Sign-in from two countries within an hour",
    "New device, then three new payees",
    "E-mail and phone changed on the same day",
    "Cheque deposit pattern, under review",
];
const FRAUDS: &[&str] = &[
    "Synthetic identity, confirmed with the bureau",
    "Account sold on, confirmed by the holder",
    "Cheque kiting, losses booked",
];
const DECLINE_REASONS: &[&str] =
    &["Document is not readable", "Photo does not match", "Address proof older than three months"];
const HOLD_REASONS: &[&str] = &[
    "Holder deceased, awaiting letters of administration",
    "Name dispute after divorce",
    "Merger of profiles under way",
];
const LEGAL_REASONS: &[&str] = &["Subpoena 24-1187, preserve all records", "Garnishment order of the county court"];
