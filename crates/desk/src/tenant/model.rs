//! What a tenant is, and the settings an institution may choose.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Field, Result};
use crate::permission::{ACTIONS, Need, Permission, Permissions, Proposable, need_of};
use crate::value::clock::{SECOND, Time};
use crate::value::contact::Phone;
use crate::value::id::{InstitutionId, TenantId};
use crate::value::json;
use crate::value::seal::TenantKeys;
use crate::value::words;

words! {
    /// What kind of institution it is; it decides some words (Banno: locked or frozen).
    pub enum InstitutionKind {
        /// A bank.
        Bank = "bank",
        /// A credit union.
        CreditUnion = "credit_union",
    }
}
words! {
    /// In which environment a tenant lives.
    pub enum Environment {
        /// Real people.
        Live = "live",
        /// For trying out.
        Sandbox = "sandbox",
    }
}

words! {
    /// How strict the Switch voice is about the checksum of a payload.
    pub enum ChecksumMode {
        /// It must be there and right.
        Enforce = "enforce",
        /// It must be there; its value is not looked at.
        Present = "present",
        /// It is not looked at.
        Off = "off",
    }
}

words! {
    /// What an institution may let strangers say of themselves when they register, beside what everybody may say.
    pub enum RegistrationField {
        /// Nigerian bank verification number.
        Bvn = "bvn",
        /// Nigerian national identity number.
        Nin = "nin",
        /// Gender.
        Gender = "gender",
        /// The postal address.
        Address = "address",
        /// The code of the sales agent who brought them.
        SalesAgentCode = "sales_agent_code",
    }
}

/// The bank or fintech.
#[derive(Debug, Clone)]
pub struct Institution {
    /// Its id; Banno prints the UUID.
    pub id: InstitutionId,
    /// Its kind.
    pub kind: InstitutionKind,
    /// Its name, as users know it.
    pub name: String,
}

/// A tenant as the desk keeps it at hand.
pub struct Tenant {
    /// The number that begins every key.
    pub id: TenantId,
    /// The institution.
    pub institution: Institution,
    /// Live or sandbox.
    pub environment: Environment,
    /// The tenant's keys, unwrapped.
    pub keys: TenantKeys,
    /// The settings when it was last read.
    pub settings: Settings,
    /// The version of the row that was read.
    pub version: i64,
}

/// What an institution may choose. Times are in seconds, as people write them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Wrong passwords that lock sign-in; 1 to 100.
    pub lock_after: i64,
    /// How long wrong passwords are remembered, in seconds.
    pub lock_window_seconds: i64,
    /// How long such a lock lasts, in seconds; absent: until somebody unlocks.
    pub lock_seconds: Option<i64>,
    /// How long a user's session lasts, in seconds.
    pub session_seconds: i64,
    /// How long a staff session lasts, in seconds.
    pub staff_session_seconds: i64,
    /// How long a reset link works, in seconds; 300 to 604800.
    pub reset_link_seconds: i64,
    /// How long a mailed code works, in seconds.
    pub code_seconds: i64,
    /// The shortest password accepted, in characters.
    pub password_min_length: i64,
    /// Users without an authenticator are sent a code by mail when they sign in.
    pub mail_codes: bool,
    /// The core takes no changes now: unlocks are queued and applied afterwards.
    pub memo_mode: bool,
    /// Users who are employees are shown only to holders of `users.employees`.
    pub hide_employees: bool,
    /// The institution's abilities, by the vendor's own names; absent ones are off.
    pub abilities: BTreeMap<String, bool>,
    /// The most users one bulk action may select.
    pub bulk_max: i64,
    /// Anybody may make an account for herself, through a voice that has a call for it.
    pub self_registration: bool,
    /// What strangers may say of themselves beside names, contacts, language, country and date of birth.
    pub registration_fields: BTreeSet<RegistrationField>,
    /// Registrations that are taken from one address in an hour; 1 to 100,000.
    pub registrations_an_hour: i64,
    /// The institution's country (ISO 3166, two letters): telephone numbers without a country's code are of it. Absent: such
    /// numbers are refused.
    pub country: Option<String>,
    /// The Switch voice: how strict it is about `SWI-CS`.
    pub switch_checksum: ChecksumMode,
    /// The Switch voice: super-admins are shown the secret of a user's authenticator, as by the vendor.
    pub switch_expose_totp_uri: bool,
    /// The Switch voice: `fraud_status` stands in every detail of a user, not only after it was set.
    pub switch_detail_fraud_status: bool,
    /// The Switch voice: where the institution's app is reached, for links of invitation and payment; absent: the server.
    pub switch_app_url: Option<String>,
    /// The actions that need a second person: who wants one proposes it as a request.
    pub second_person: BTreeSet<Proposable>,
    /// The actions about a user that she has to confirm by a code: who wants one proposes it as a request.
    pub customer_confirms: BTreeSet<Proposable>,
    /// The name of the role whose holders decide requests; absent: whoever has the permission.
    pub deciding_role: Option<String>,
    /// How long a request waits to be decided, in seconds.
    pub request_seconds: i64,
    /// How long something waits to be confirmed by a code, in seconds.
    pub challenge_seconds: i64,
    /// How long such a code works, in seconds.
    pub challenge_code_seconds: i64,
    /// Wrong codes that end all chance of confirming; 1 to 20.
    pub challenge_tries: i64,
    /// How long to wait before another code is sent, in seconds.
    pub challenge_resend_seconds: i64,
    /// Codes that are sent to one person in a day.
    pub challenge_codes_a_day: i64,
    /// Messages that are sent to one user within an hour because somebody asked for them; 1 to 1,000.
    pub messages_per_user_hour: i64,
    /// The same because of strangers at one network address.
    pub messages_per_address_hour: i64,
    /// The same in the whole institution.
    pub messages_per_institution_hour: i64,
    /// The Choice voice: how far a request's time may be from ours, in seconds; 0: it is not looked at.
    pub choice_window_seconds: i64,
    /// For how long after a change of a contact nobody alone has sent there what opens the account, in seconds; 0: at once.
    pub contact_cooling_seconds: i64,
    /// Searches for a whole value that the searcher may not see, for each staff member in an hour; 0: none.
    pub hidden_searches_an_hour: i64,
    /// The sender of mails, e.g. `Harbor & Pine <no-reply@bank.example>`; absent: the server's.
    pub mail_from: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lock_after: 5,
            lock_window_seconds: 15 * 60,
            lock_seconds: Some(30 * 60),
            session_seconds: 12 * 60 * 60,
            staff_session_seconds: 8 * 60 * 60,
            reset_link_seconds: 60 * 60,
            code_seconds: 5 * 60,
            password_min_length: 10,
            mail_codes: false,
            memo_mode: false,
            hide_employees: false,
            abilities: BTreeMap::new(),
            bulk_max: 1_000_000,
            self_registration: false,
            registration_fields: BTreeSet::new(),
            registrations_an_hour: 30,
            country: None,
            switch_checksum: ChecksumMode::Enforce,
            switch_expose_totp_uri: false,
            switch_detail_fraud_status: false,
            switch_app_url: None,
            second_person: BTreeSet::new(),
            customer_confirms: BTreeSet::new(),
            deciding_role: None,
            request_seconds: 7 * 86_400,
            challenge_seconds: 30 * 60,
            challenge_code_seconds: 5 * 60,
            challenge_tries: 5,
            challenge_resend_seconds: 60,
            challenge_codes_a_day: 10,
            messages_per_user_hour: 20,
            messages_per_address_hour: 100,
            messages_per_institution_hour: 10_000,
            choice_window_seconds: 15 * 60,
            contact_cooling_seconds: 24 * 60 * 60,
            hidden_searches_an_hour: 30,
            mail_from: None,
        }
    }
}

impl Settings {
    /// The settings that guard something. Only holders of `settings.security` change them, and only those who also hold the
    /// right that the setting guards: a guard is no way around a right that one lacks.
    pub const SECURITY: &'static [(&'static str, Permission)] = &[
        ("lock_after", Permission::UsersLock),
        ("lock_window_seconds", Permission::UsersLock),
        ("lock_seconds", Permission::UsersLock),
        ("session_seconds", Permission::SessionsEnd),
        ("staff_session_seconds", Permission::TeamManage),
        ("reset_link_seconds", Permission::UsersResetPassword),
        ("code_seconds", Permission::UsersResetPassword),
        ("password_min_length", Permission::UsersResetPassword),
        ("mail_codes", Permission::UsersResetPassword),
        ("hide_employees", Permission::UsersEmployees),
        ("self_registration", Permission::UsersCreate),
        ("registration_fields", Permission::UsersCreate),
        ("registrations_an_hour", Permission::UsersCreate),
        ("switch_checksum", Permission::KeysManage),
        ("switch_expose_totp_uri", Permission::UsersReveal),
        ("switch_app_url", Permission::SettingsSecurity),
        ("second_person", Permission::RequestsDecide),
        ("customer_confirms", Permission::RequestsDecide),
        ("deciding_role", Permission::RequestsDecide),
        ("request_seconds", Permission::RequestsDecide),
        ("challenge_seconds", Permission::ChallengesManage),
        ("challenge_code_seconds", Permission::ChallengesManage),
        ("challenge_tries", Permission::ChallengesManage),
        ("challenge_resend_seconds", Permission::ChallengesManage),
        ("challenge_codes_a_day", Permission::ChallengesManage),
        ("choice_window_seconds", Permission::KeysManage),
        ("messages_per_user_hour", Permission::UsersResetPassword),
        ("messages_per_address_hour", Permission::UsersResetPassword),
        ("messages_per_institution_hour", Permission::UsersResetPassword),
        ("contact_cooling_seconds", Permission::UsersResetPassword),
        ("hidden_searches_an_hour", Permission::UsersReveal),
        ("mail_from", Permission::SettingsSecurity),
    ];

    /// Whether the setting of this name guards something.
    pub fn is_security(name: &str) -> bool {
        Settings::SECURITY.iter().any(|(known, _)| *known == name)
    }

    /// The rights that somebody needs who turns these settings into those: what the settings that differ guard, and whatever an
    /// action needs that would no longer wait for a second person or for the customer.
    pub fn guarded(&self, to: &Settings, fields: &[String]) -> Permissions {
        let guards = Settings::SECURITY.iter().filter(|(name, _)| fields.iter().any(|field| field == name));
        let freed = self.second_person.difference(&to.second_person);
        let freed = freed.chain(self.customer_confirms.difference(&to.customer_confirms));
        let freed = freed.filter_map(|action| match need_of(ACTIONS, action.word()) {
            Some(Need::Holder(right) | Need::OneselfOr(right)) => Some(right),
            _ => None,
        });
        guards.map(|(_, right)| *right).chain(freed).collect()
    }

    /// These settings with a JSON merge patch applied, checked; and the names of the fields that differ.
    pub fn patched(&self, patch: &serde_json::Map<String, serde_json::Value>) -> Result<(Settings, Vec<String>)> {
        let mut merged = serde_json::to_value(self).map_err(Error::internal)?;
        let fields = merged.as_object_mut().ok_or_else(|| Error::internal("settings are an object"))?;
        let mut changed = Vec::new();
        for (name, value) in patch {
            let Some(known) = fields.get(name) else {
                return Err(Error::invalid(name.clone(), "unknown", "There is no such setting."));
            };
            if known != value {
                changed.push(name.clone());
                fields.insert(name.clone(), value.clone());
            }
        }
        let settings: Settings = json::fit(&merged)?;
        settings.check()?;
        Ok((settings, changed))
    }

    fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        let mut within = |name: &str, value: i64, low: i64, high: i64| {
            if !(low..=high).contains(&value) {
                faults.push(Field::new(name, "out_of_range", format!("Must be from {low} to {high}.")));
            }
        };
        within("lock_after", self.lock_after, 1, 100);
        within("lock_window_seconds", self.lock_window_seconds, 10, 30 * 86_400);
        within("lock_seconds", self.lock_seconds.unwrap_or(60), 1, 365 * 86_400);
        within("session_seconds", self.session_seconds, 60, 365 * 86_400);
        within("staff_session_seconds", self.staff_session_seconds, 60, 30 * 86_400);
        within("reset_link_seconds", self.reset_link_seconds, 300, 604_800);
        within("code_seconds", self.code_seconds, 30, 3_600);
        within("password_min_length", self.password_min_length, 8, 64);
        within("bulk_max", self.bulk_max, 1, 10_000_000);
        within("registrations_an_hour", self.registrations_an_hour, 1, 100_000);
        within("request_seconds", self.request_seconds, 60, 90 * 86_400);
        within("challenge_seconds", self.challenge_seconds, 60, 7 * 86_400);
        within("challenge_code_seconds", self.challenge_code_seconds, 30, 3_600);
        within("challenge_tries", self.challenge_tries, 1, 20);
        within("challenge_resend_seconds", self.challenge_resend_seconds, 0, 3_600);
        within("challenge_codes_a_day", self.challenge_codes_a_day, 1, 100_000);
        within("messages_per_user_hour", self.messages_per_user_hour, 1, 1_000);
        within("messages_per_address_hour", self.messages_per_address_hour, 1, 1_000_000);
        within("messages_per_institution_hour", self.messages_per_institution_hour, 1, 100_000_000);
        within("contact_cooling_seconds", self.contact_cooling_seconds, 0, 30 * 86_400);
        within("hidden_searches_an_hour", self.hidden_searches_an_hour, 0, 10_000);
        within("choice_window_seconds", self.choice_window_seconds, 0, 86_400);
        if let Some(action) = self.customer_confirms.iter().find(|action| action.about() != "user") {
            let message = format!("`{action}` is about no user who could confirm it.");
            faults.push(Field::new("customer_confirms", "invalid", message));
        }
        if self.country.as_ref().is_some_and(|code| !Phone::is_country(code)) {
            faults.push(Field::new("country", "unknown", "Must be a country's two letters, e.g. NG."));
        }
        if self.abilities.len() > 64 {
            faults.push(Field::new("abilities", "too_long", "At most 64 abilities."));
        }
        let is_url = |url: &String| {
            let is_web = url.starts_with("https://") || url.starts_with("http://");
            is_web && url.len() <= 200 && !url.contains(|it: char| it.is_control() || it.is_whitespace())
        };
        if !self.switch_app_url.as_ref().is_none_or(is_url) {
            faults.push(Field::new("switch_app_url", "invalid", "An address that begins with https:// or http://."));
        }
        if self.mail_from.as_ref().is_some_and(|from| from.len() > 320 || from.chars().any(char::is_control)) {
            faults.push(Field::new("mail_from", "invalid", "Not a mailbox."));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }

    /// Whether the action of this name needs a second person.
    pub fn needs_second_person(&self, name: &str) -> bool {
        holds(&self.second_person, name)
    }

    /// Whether the customer whom the action of this name is about has to confirm it.
    pub fn needs_customer(&self, name: &str) -> bool {
        holds(&self.customer_confirms, name)
    }

    /// When a lock set now opens by itself.
    pub fn lock_ends(&self, now: Time) -> Option<Time> {
        self.lock_seconds.map(|seconds| now.plus(seconds * SECOND))
    }
}

/// Whether a list of the policy holds the action of this name. What nobody does alone to all of a user's sessions or devices,
/// nobody does alone to one after the other; and what nobody does alone to one, nobody does alone to all of them.
fn holds(listed: &BTreeSet<Proposable>, name: &str) -> bool {
    let alike = match name {
        "session.end" => "session.end_all",
        "session.end_all" => "session.end",
        "device.unlink" => "device.unlink_all",
        "device.unlink_all" => "device.unlink",
        other => other,
    };
    listed.iter().any(|action| action.word() == name || action.word() == alike)
}
