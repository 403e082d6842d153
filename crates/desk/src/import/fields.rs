//! What a column of a file may hold: one table, from which the manual's table is made (docs/import.md), and which says how
//! a text becomes part of a user. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Error, Field, Result};
use crate::user::model::UserKind;
use crate::user::profile::{self, MASKED, Profile, is_masked};
use crate::user::questions::SeenUser;
use crate::user::standing::*;
use crate::value::clock::Time;
use crate::value::password;

/// What a column may hold.
pub struct ImportField {
    /// The canonical name.
    pub name: &'static str,
    /// Where the API has it, e.g. `identifiers.bvn`; accepted as a name, too.
    pub path: &'static str,
    /// What may stand there.
    pub holds: &'static str,
    target: Target,
}

/// A place in a profile.
enum Slot<'a> {
    Name(&'a mut String),
    Text(&'a mut Option<String>),
    Flag(&'a mut Option<bool>),
    Abilities(&'a mut std::collections::BTreeMap<String, bool>),
}

enum Target {
    /// Part of the profile: a repeated row may change it.
    Profile(fn(&mut Profile) -> Slot<'_>),
    /// Beside the profile, and changed like it.
    Beside(fn(&mut Draft, &str) -> Option<()>),
    /// Counts for a new user only: later it is moved by actions with rules and permissions of their own.
    AtFirst(fn(&mut Draft, &str) -> Option<()>),
    /// The hash of a password; for a user who has none.
    Hash,
}

/// What one row says.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    /// Values by field; `None` clears.
    values: Vec<(usize, Option<String>)>,
    pub kind: Option<UserKind>,
    pub employee: Option<bool>,
    pub risk_locked: Option<bool>,
    pub standing: Standing,
    pub password_hash: Option<String>,
    pub created_at: Option<Time>,
    pub last_seen_at: Option<Time>,
    /// Of which country telephone numbers without a country's code are.
    country: Option<Arc<str>>,
}

macro_rules! table {
    ($($name:literal $(at $path:literal)? = $kind:ident($($how:tt)*), $holds:literal;)+) => {
        /// Every field there is, in the order of the manual.
        pub const FIELDS: &[ImportField] = &[$(ImportField {
            name: $name,
            path: table!(@path $name $(, $path)?),
            holds: $holds,
            target: table!(@target $kind $($how)*),
        },)+];
    };
    (@path $name:literal) => { $name };
    (@path $name:literal, $path:literal) => { $path };
    (@target name $field:ident) => { Target::Profile(|it| Slot::Name(&mut it.$field)) };
    (@target text $($field:ident).+) => { Target::Profile(|it| Slot::Text(&mut it.$($field).+)) };
    (@target flag $field:ident) => { Target::Profile(|it| Slot::Flag(&mut it.$field)) };
    (@target abilities) => { Target::Profile(|it| Slot::Abilities(&mut it.abilities)) };
    (@target beside $field:ident, $read:expr) => {
        Target::Beside(|it, text| { it.$field = Some($read(text)?); Some(()) })
    };
    (@target axis $axis:ident, $read:expr) => {
        Target::AtFirst(|it, text| { it.standing.$axis = $read(text)?; Some(()) })
    };
    (@target moment $field:ident) => {
        Target::AtFirst(|it, text| { it.$field = Some(Time::parse_rfc3339(text)?); Some(()) })
    };
    (@target hash) => { Target::Hash };
}

table! {
    "external_id" at "identifiers.external_id" = text(identifiers.external_id), "The id by which another system knows the user; unique. A row with the id of somebody who is here changes her.";
    "first_name" = name(first_name), "Text. A user needs a first, last or business name.";
    "middle_name" = text(middle_name), "Text.";
    "last_name" = name(last_name), "Text.";
    "preferred_name" = text(preferred_name), "Text.";
    "business_name" = text(business_name), "Text.";
    "email" = text(email), "An e-mail address; unique.";
    "phone" = text(phone), "A telephone number: with `+` or `00` and the country's code, or as it is dialled in the import's or the institution's country.";
    "username" = text(username), "A username; unique.";
    "date_of_birth" = text(date_of_birth), "`YYYY-MM-DD`.";
    "gender" at "demographic.gender" = text(demographic.gender), "Text.";
    "locale" = text(locale), "A language tag such as `en-US`.";
    "address_line_one" at "address.line_one" = text(address.line_one), "Text.";
    "address_line_two" at "address.line_two" = text(address.line_two), "Text.";
    "address_line_three" at "address.line_three" = text(address.line_three), "Text.";
    "address_line_four" at "address.line_four" = text(address.line_four), "Text.";
    "city" at "address.city" = text(address.city), "Text.";
    "state" at "address.state" = text(address.state), "Text.";
    "zip" at "address.zip" = text(address.zip), "Text.";
    "zip_plus_four" at "address.zip_plus_four" = text(address.zip_plus_four), "Text.";
    "country" at "address.country" = text(address.country), "Two letters, ISO 3166.";
    "bvn" at "identifiers.bvn" = text(identifiers.bvn), "11 digits.";
    "nin" at "identifiers.nin" = text(identifiers.nin), "11 digits.";
    "ssn" at "identifiers.ssn" = text(identifiers.ssn), "Nine digits, with or without dashes.";
    "photo_id_number" at "photo_id.number" = text(photo_id.number), "Text.";
    "photo_id_issuer" at "photo_id.issuer" = text(photo_id.issuer), "Text, e.g. `drivers_license`.";
    "photo_id_expiry" at "photo_id.expiry" = text(photo_id.expiry), "`YYYY-MM-DD`.";
    "net_teller_id" at "identifiers.net_teller_id" = text(identifiers.net_teller_id), "Text.";
    "customer_id" at "identifiers.customer_id" = text(identifiers.customer_id), "Text.";
    "member_number" at "identifiers.member_number" = text(identifiers.member_number), "Text.";
    "is_diaspora" = flag(is_diaspora), "`true` or `false`: lives abroad.";
    "customer_code" at "demographic.customer_code" = text(demographic.customer_code), "Text.";
    "customer_importance" at "demographic.customer_importance" = text(demographic.customer_importance), "Text.";
    "customer_description" at "demographic.customer_description" = text(demographic.customer_description), "Text.";
    "home_branch_id" at "demographic.home_branch_id" = text(demographic.home_branch_id), "Text.";
    "education_level" at "demographic.education_level" = text(demographic.education_level), "Text.";
    "employer_name" at "demographic.employer_name" = text(demographic.employer_name), "Text.";
    "employee_title" at "demographic.employee_title" = text(demographic.employee_title), "Text.";
    "net_worth" at "demographic.net_worth" = text(demographic.net_worth), "Text.";
    "landmark" at "address.landmark" = text(address.landmark), "Text.";
    "home_contact_name" at "home_contact.name" = text(home_contact.name), "Text: somebody at home, for those who live abroad.";
    "home_contact_phone" at "home_contact.phone" = text(home_contact.phone), "Text.";
    "home_contact_address" at "home_contact.address" = text(home_contact.address), "Text.";
    "home_contact_relationship" at "home_contact.relationship" = text(home_contact.relationship), "Text.";
    "next_of_kin_name" at "next_of_kin.name" = text(next_of_kin.name), "Text.";
    "next_of_kin_relationship" at "next_of_kin.relationship" = text(next_of_kin.relationship), "Text.";
    "next_of_kin_phone" at "next_of_kin.phone" = text(next_of_kin.phone), "Text.";
    "next_of_kin_email" at "next_of_kin.email" = text(next_of_kin.email), "Text.";
    "house_account_name" at "house_account.name" = text(house_account.name), "Text: the account the institution keeps for her at its own bank.";
    "house_account_number" at "house_account.number" = text(house_account.number), "Text.";
    "house_account_customer_id" at "house_account.customer_id" = text(house_account.customer_id), "Text.";
    "wallet_balance" at "wallet.balance" = text(wallet.balance), "A plain decimal amount such as `1250.75`.";
    "wallet_soft_balance" at "wallet.soft_balance" = text(wallet.soft_balance), "As above, with what is still on its way.";
    "payment_slug" = text(payment_slug), "Text: the word at the end of a link by which others pay her.";
    "sales_agent_code" = text(sales_agent_code), "Text: the code of the sales agent who brought her.";
    "email_confirmed" = flag(email_confirmed), "`true` or `false`.";
    "phone_verified" = flag(phone_verified), "`true` or `false`.";
    "second_factor_choice" = text(second_factor_choice), "`pin`, `phone` or `totp`.";
    "security_questions" = text(security_questions), "A number from 0 to 20: how many she has answered.";
    "abilities" = abilities(), "`name=true;name=false`: abilities that differ from the institution's.";
    "kind" = beside(kind, UserKind::parse), "`individual` or `business`.";
    "employee" = beside(employee, truth), "`true` or `false`: works for the institution.";
    "risk_locked" = beside(risk_locked, truth), "`true` or `false`.";
    "is_verified" = axis(verification, verified), "`true` or `false`; short for `verification`.";
    "verification" = axis(verification, Verification::parse), "`none`, `requested`, `verified` or `declined`.";
    "fraud_status" at "fraud" = axis(fraud, FraudStatus::parse), "`whitelisted`, `suspicious` or `fraudulent`.";
    "sign_in_lock" = axis(lock, lock), "`open` or `locked`; the cause of a lock is then the core.";
    "admission" = axis(admission, Admission::parse), "`enabled` or `disabled`.";
    "core_state" = axis(core, CoreState::parse), "`normal`, `password_expired`, `password_needs_reset`, `dormant` or `permanently_frozen`.";
    "suspension" = axis(suspension, Suspension::parse), "`no` or `suspended`.";
    "flag" = axis(flagged_whole, flag), "`none` or `whole`.";
    "flagged_banks" = axis(flagged_banks, banks), "Ids of banks with `;` between.";
    "blacklist" = axis(blacklist, Blacklist::parse), "`no` or `blacklisted`.";
    "hold" = axis(hold, Hold::parse), "`none`, `held` or `legal`.";
    "presence" = axis(presence, presence), "`present` or `removed`.";
    "password_hash" = hash(), "Argon2, bcrypt, PBKDF2 or scrypt, as below.";
    "created_at" = moment(created_at), "RFC 3339: when she was created elsewhere.";
    "last_seen_at" = moment(last_seen_at), "RFC 3339: when she was last seen elsewhere.";
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

fn verified(text: &str) -> Option<Verification> {
    truth(text).map(|verified| if verified { Verification::Verified } else { Verification::None })
}

fn lock(text: &str) -> Option<SignInLock> {
    match text {
        "open" => Some(SignInLock::Open),
        "locked" => Some(SignInLock::Locked { cause: LockCause::Core, until: None }),
        _ => None,
    }
}

fn flag(text: &str) -> Option<bool> {
    match FlagReach::parse(text)? {
        FlagReach::None => Some(false),
        FlagReach::Whole => Some(true),
        FlagReach::Banks => None,
    }
}

fn banks(text: &str) -> Option<BTreeSet<String>> {
    let banks: BTreeSet<String> = text.split(';').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect();
    (banks.len() <= 64 && banks.iter().all(|bank| crate::user::actions::is_bank(bank))).then_some(banks)
}

/// Nobody is brought in erased.
fn presence(text: &str) -> Option<Presence> {
    Presence::parse(text).filter(|it| *it != Presence::Erased)
}

/// The field of a name: canonical, or as the API has it.
pub(super) fn named(name: &str) -> Option<usize> {
    let exactly = FIELDS.iter().position(|field| field.name == name || field.path == name);
    exactly.or_else(|| {
        let name = folded(name);
        FIELDS.iter().position(|field| folded(field.name) == name || folded(field.path) == name)
    })
}

/// A name by which it is known again in any case, and with blanks or hyphens: `First Name` is `first_name`.
pub(super) fn folded(name: &str) -> String {
    let counts = |it: &char| !matches!(it, ' ' | '-' | '_' | '\u{a0}');
    name.trim().chars().filter(counts).flat_map(char::to_lowercase).collect()
}

/// The name that is most like this one, if any is.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    // No name of ours is so long, and comparing takes time.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase().replace([' ', '-', '.'], "_");
    let near = FIELDS.iter().map(|field| (strsim::jaro_winkler(&name, field.name), field.name));
    near.filter(|(likeness, _)| *likeness > 0.7).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// The canonical name for a path of the profile.
pub(super) fn name_of_path(path: &str) -> String {
    FIELDS.iter().find(|field| field.path == path).map_or(path, |field| field.name).to_owned()
}

/// The field `external_id`.
pub(super) const EXTERNAL_ID: usize = 0;

/// A user's values in the order of `FIELDS`, as they can be brought in again; no password.
pub fn cells(user: &SeenUser) -> Vec<Option<String>> {
    let mut profile = user.profile.clone();
    let standing = &user.standing;
    let text = |text: &str| Some(text.to_owned());
    FIELDS
        .iter()
        .map(|field| match &field.target {
            Target::Profile(slot) => match slot(&mut profile) {
                Slot::Name(name) => Some(name.clone()).filter(|name| !name.is_empty()),
                Slot::Text(text) => text.clone(),
                Slot::Flag(flag) => flag.map(|flag| flag.to_string()),
                Slot::Abilities(abilities) => {
                    let pairs: Vec<String> = abilities.iter().map(|(name, on)| format!("{name}={on}")).collect();
                    Some(pairs.join(";")).filter(|text| !text.is_empty())
                }
            },
            _ => match field.name {
                "kind" => text(user.kind.word()),
                "employee" => Some(user.employee.to_string()),
                "risk_locked" => Some(user.risk_locked.to_string()),
                "is_verified" => Some((standing.verification == Verification::Verified).to_string()),
                "verification" => text(standing.verification.word()),
                "fraud_status" => text(standing.fraud.word()),
                "sign_in_lock" => text(standing.lock.word()),
                "admission" => text(standing.admission.word()),
                "core_state" => text(standing.core.word()),
                "suspension" => text(standing.suspension.word()),
                "flag" => text(if standing.flagged_whole { "whole" } else { "none" }),
                "flagged_banks" => {
                    let banks: Vec<&str> = standing.flagged_banks.iter().map(String::as_str).collect();
                    Some(banks.join(";")).filter(|text| !text.is_empty())
                }
                "blacklist" => text(standing.blacklist.word()),
                "hold" => text(standing.hold.word()),
                "presence" => text(standing.presence.word()),
                "created_at" => Some(user.created_at.rfc3339_millis()),
                "last_seen_at" => user.last_seen_at.map(Time::rfc3339_millis),
                _ => None,
            },
        })
        .collect()
}

impl Draft {
    /// One that says nothing yet.
    pub fn of(country: Option<Arc<str>>) -> Draft {
        Draft { country, ..Draft::default() }
    }

    /// Takes one value; an empty text says nothing. `None` clears.
    pub fn take(&mut self, field: usize, text: Option<String>) -> std::result::Result<(), Field> {
        let known = &FIELDS[field];
        let bad = || Field::new(known.name, "invalid", format!("Must be: {}", known.holds));
        let trimmed = text.as_deref().map(str::trim);
        if trimmed == Some("") {
            return Ok(());
        }
        match (&known.target, trimmed) {
            (Target::Profile(_), Some(text)) if is_masked(known.path, text) => {
                return Err(Field::new(known.name, "masked", MASKED));
            }
            (Target::Profile(_), _) => self.values.push((field, text)),
            (_, None) => {}
            (Target::Beside(read) | Target::AtFirst(read), Some(text)) => read(self, text).ok_or_else(bad)?,
            (Target::Hash, Some(text)) => {
                password::check_stored(text).map_err(|why| Field::new(known.name, "password_hash", why))?;
                self.password_hash = Some(text.to_owned());
            }
        }
        Ok(())
    }

    /// The fault of a day of birth that has not come.
    pub fn unborn(&self, now: Time) -> Option<Field> {
        let date = self.values.iter().find(|(field, _)| FIELDS[*field].name == "date_of_birth")?;
        let date = date.1.as_deref().map(str::trim).filter(|date| date.len() == 10)?;
        (!profile::is_born_by(date, now)).then(|| Field::new("date_of_birth", "out_of_range", "Is in the future."))
    }

    /// The external id, if the row has one.
    pub fn external_id(&self) -> Option<&str> {
        let found = self.values.iter().find(|(field, _)| *field == EXTERNAL_ID)?;
        found.1.as_deref().map(str::trim)
    }

    /// Whether the row says something of this field, by its path in a profile.
    pub fn states(&self, path: &str) -> bool {
        self.values.iter().any(|(field, text)| text.is_some() && FIELDS[*field].name == name_of_path(path))
    }

    /// Lays what the row says over a profile, and brings every field into its one form.
    pub fn over(&self, mut profile: Profile) -> Result<Profile> {
        for (field, text) in &self.values {
            let Target::Profile(slot) = &FIELDS[*field].target else { continue };
            let bad = || Error::invalid(FIELDS[*field].name, "invalid", format!("Must be: {}", FIELDS[*field].holds));
            match (slot(&mut profile), text) {
                (Slot::Name(name), text) => *name = text.clone().unwrap_or_default(),
                (Slot::Text(slot), text) => *slot = text.clone(),
                (Slot::Flag(flag), None) => *flag = None,
                (Slot::Flag(flag), Some(text)) => *flag = Some(truth(text.trim()).ok_or_else(bad)?),
                (Slot::Abilities(abilities), None) => abilities.clear(),
                (Slot::Abilities(abilities), Some(text)) => {
                    *abilities = text
                        .split(';')
                        .map(|pair| {
                            let (name, value) = pair.split_once('=')?;
                            Some((name.trim().to_owned(), truth(value.trim())?))
                        })
                        .collect::<Option<_>>()
                        .ok_or_else(bad)?;
                }
            }
        }
        profile.checked_in("", self.country.as_deref()).map_err(|error| match error {
            Error::Invalid(faults) => Error::Invalid(
                faults.into_iter().map(|fault| Field { path: name_of_path(&fault.path), ..fault }).collect(),
            ),
            other => other,
        })
    }
}

/// The table of docs/import.md.
pub fn columns_page() -> String {
    let mut page = "| column | also | may hold | of somebody who is here |\n|---|---|---|---|\n".to_owned();
    for field in FIELDS {
        let also = if field.path == field.name { String::new() } else { format!("`{}`", field.path) };
        let later = match field.target {
            Target::Profile(_) | Target::Beside(_) => "changed",
            Target::AtFirst(_) => "left alone",
            Target::Hash => "taken if there is no password yet",
        };
        page.push_str(&format!("| `{}` | {also} | {} | {later} |\n", field.name, field.holds));
    }
    page
}
