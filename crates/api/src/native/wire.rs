//! The native wire: how things of the desk look in JSON. Not the desk's own types, even where they look alike.

use std::collections::BTreeMap;

use desk::tenant::Settings;
use desk::user::standing::*;
use desk::user::{
    Address, Attempt, Axis, Demographic, HomeContact, HouseAccount, Identifiers, Mark, NextOfKin, PhotoId, Profile,
    SeenUser, UserKind, Verdict, Wallet,
};
use desk::value::clock::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// RFC 3339 in UTC with milliseconds.
pub fn time(at: Time) -> String {
    at.rfc3339_millis()
}

macro_rules! same_fields {
    ($(#[$meta:meta])* pub struct $name:ident for $theirs:ident { $($field:ident: $example:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(#[schema(example = $example)]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<String>,)+
        }

        impl From<$theirs> for $name {
            fn from(theirs: $theirs) -> Self {
                $name { $($field: theirs.$field,)+ }
            }
        }

        impl From<$name> for $theirs {
            fn from(ours: $name) -> Self {
                $theirs { $($field: ours.$field,)+ }
            }
        }
    };
}

same_fields! {
    /// A postal address.
    pub struct AddressWire for Address {
        line_one: "12 Elm Street", line_two: "Apt 4", line_three: "", line_four: "", city: "Springfield", state: "IL",
        zip: "62701", zip_plus_four: "0001", country: "US", landmark: "",
    }
}
same_fields! {
    /// Numbers that others know the person by; masked unless revealed.
    pub struct IdentifiersWire for Identifiers {
        ssn: "***-**-1234", bvn: "22xxxxxx144", nin: "12xxxxxx789", net_teller_id: "900100200", customer_id: "C0001",
        member_number: "0000070000", external_id: "crm-17",
    }
}
same_fields! {
    /// What the institution keeps about a person's life.
    pub struct DemographicWire for Demographic {
        customer_code: "A1", customer_importance: "Yes", customer_description: "", gender: "Female",
        home_branch_id: "12", education_level: "AssocDegree", employer_name: "Acme", employee_title: "Baker",
        net_worth: "",
    }
}

same_fields! {
    /// Somebody at home who speaks for a customer who lives abroad.
    pub struct HomeContactWire for HomeContact {
        name: "Ngozi Eze", phone: "+2348030000001", address: "4 Palm Close, Lagos", relationship: "sister",
    }
}
same_fields! {
    /// The next of kin.
    pub struct NextOfKinWire for NextOfKin {
        name: "Ada Eze", relationship: "mother", phone: "+2348030000002", email: "ada.eze@example.com",
    }
}
same_fields! {
    /// The account that the institution keeps for the customer at its own bank; the number is masked unless revealed.
    pub struct HouseAccountWire for HouseAccount {
        name: "Marta Reyes", number: "******1234", customer_id: "C0001",
    }
}
same_fields! {
    /// The customer's wallet, as it was last told: decimal amounts.
    pub struct WalletWire for Wallet {
        balance: "1250.75", soft_balance: "1300.0",
    }
}
same_fields! {
    /// The official paper a user proves herself by; its number is masked as identifiers are.
    pub struct PhotoIdWire for PhotoId {
        number: "A01234567", issuer: "international_passport", expiry: "2031-05-30",
    }
}

/// A user. Contacts are masked without `users.contacts`; identifiers always, but for a recorded reveal.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserWire {
    #[schema(example = "usr_01jqzs8v1xe5ja4c3rq0f2m6tn")]
    pub id: String,
    /// The dense number in the tenant, from 1.
    pub number: i64,
    /// Counts the changes; also the ETag.
    pub version: i64,
    /// `individual` or `business`.
    pub kind: String,
    pub employee: bool,
    pub risk_locked: bool,
    pub first_name: String,
    pub middle_name: Option<String>,
    pub last_name: String,
    pub preferred_name: Option<String>,
    pub business_name: Option<String>,
    pub username: Option<String>,
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    pub locale: Option<String>,
    /// Lives abroad.
    pub is_diaspora: Option<bool>,
    pub address: AddressWire,
    pub identifiers: IdentifiersWire,
    pub photo_id: PhotoIdWire,
    pub demographic: DemographicWire,
    pub home_contact: HomeContactWire,
    pub next_of_kin: NextOfKinWire,
    pub house_account: HouseAccountWire,
    pub wallet: WalletWire,
    /// The word at the end of a link by which others pay her.
    pub payment_slug: Option<String>,
    /// The code of the sales agent who brought her.
    pub sales_agent_code: Option<String>,
    pub email_confirmed: Option<bool>,
    pub phone_verified: Option<bool>,
    /// The second factor she chose: `pin`, `phone` or `totp`.
    pub second_factor_choice: Option<String>,
    /// How many security questions she has answered, 0 to 20.
    pub security_questions: Option<String>,
    pub abilities: BTreeMap<String, bool>,
    pub standing: StandingWire,
    pub has_password: bool,
    pub has_second_factor: bool,
    /// Whether she has set a PIN for payments.
    pub has_pin: bool,
    /// Wrong passwords in the running window.
    pub failed_sign_ins: i64,
    pub created_at: String,
    pub updated_at: String,
    pub last_seen_at: Option<String>,
}

impl From<SeenUser> for UserWire {
    fn from(user: SeenUser) -> Self {
        let standing = StandingWire::of(&user);
        let profile = user.profile;
        UserWire {
            id: user.id.to_string(),
            number: user.number,
            version: user.version,
            kind: user.kind.to_string(),
            employee: user.employee,
            risk_locked: user.risk_locked,
            first_name: profile.first_name,
            middle_name: profile.middle_name,
            last_name: profile.last_name,
            preferred_name: profile.preferred_name,
            business_name: profile.business_name,
            username: profile.username,
            email: profile.email,
            phone: profile.phone,
            date_of_birth: profile.date_of_birth,
            locale: profile.locale,
            is_diaspora: profile.is_diaspora,
            address: profile.address.into(),
            identifiers: profile.identifiers.into(),
            photo_id: profile.photo_id.into(),
            demographic: profile.demographic.into(),
            home_contact: profile.home_contact.into(),
            next_of_kin: profile.next_of_kin.into(),
            house_account: profile.house_account.into(),
            wallet: profile.wallet.into(),
            payment_slug: profile.payment_slug,
            sales_agent_code: profile.sales_agent_code,
            email_confirmed: profile.email_confirmed,
            phone_verified: profile.phone_verified,
            second_factor_choice: profile.second_factor_choice,
            security_questions: profile.security_questions,
            abilities: profile.abilities,
            standing,
            has_password: user.has_password,
            has_second_factor: user.has_second_factor,
            has_pin: user.has_pin,
            failed_sign_ins: user.failed_sign_ins,
            created_at: time(user.created_at),
            updated_at: time(user.updated_at),
            last_seen_at: user.last_seen_at.map(time),
        }
    }
}

/// One axis of standing: its state, and when, by whom and why it last moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct AxisWire {
    /// The state's word.
    #[schema(example = "locked")]
    pub state: &'static str,
    /// When it last moved; absent if it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Who moved it: `staff:stf_…`, `key:key_…`, `user:usr_…`, `house`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The lock.
#[derive(Debug, Serialize, ToSchema)]
pub struct LockWire {
    #[serde(flatten)]
    #[schema(inline)]
    pub axis: AxisWire,
    /// Why it is locked: `failed_sign_ins`, `staff` or `core`.
    pub cause: Option<&'static str>,
    /// When it opens by itself.
    pub until: Option<String>,
    /// Since when an unlock waits for the core to leave memo mode.
    pub unlock_queued_at: Option<String>,
}

/// The flag.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagWire {
    #[serde(flatten)]
    #[schema(inline)]
    pub axis: AxisWire,
    /// Flagged for these banks.
    pub banks: Vec<String>,
}

/// All axes. They are independent of each other.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingWire {
    pub sign_in_lock: LockWire,
    pub admission: AxisWire,
    pub core_state: AxisWire,
    pub suspension: AxisWire,
    pub flag: FlagWire,
    pub blacklist: AxisWire,
    pub fraud: AxisWire,
    pub verification: AxisWire,
    pub hold: AxisWire,
    pub presence: AxisWire,
}

impl StandingWire {
    fn of(user: &SeenUser) -> StandingWire {
        let standing = &user.standing;
        let axis = |axis: Axis, state: &'static str| {
            let mark: Option<&Mark> = user.marks.get(&axis);
            AxisWire {
                state,
                at: mark.map(|mark| time(mark.at)),
                by: mark.map(|mark| mark.by.clone()),
                reason: mark.and_then(|mark| mark.reason.clone()),
            }
        };
        StandingWire {
            sign_in_lock: LockWire {
                axis: axis(Axis::SignInLock, standing.lock.word()),
                cause: standing.lock.cause().map(LockCause::word),
                until: standing.lock.until().map(time),
                unlock_queued_at: standing.unlock_queued_at.map(time),
            },
            admission: axis(Axis::Admission, standing.admission.word()),
            core_state: axis(Axis::CoreState, standing.core.word()),
            suspension: axis(Axis::Suspension, standing.suspension.word()),
            flag: FlagWire {
                axis: axis(Axis::Flag, standing.flag().word()),
                banks: standing.flagged_banks.iter().cloned().collect(),
            },
            blacklist: axis(Axis::Blacklist, standing.blacklist.word()),
            fraud: axis(Axis::Fraud, standing.fraud.word()),
            verification: axis(Axis::Verification, standing.verification.word()),
            hold: axis(Axis::Hold, standing.hold.word()),
            presence: axis(Axis::Presence, standing.presence.word()),
        }
    }
}

/// A standing with what may be attempted in it now.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingCard {
    /// Whose.
    pub user_id: String,
    /// All axes.
    pub standing: StandingWire,
    /// For each attempt: `allowed`, `nothing_to_do`, or the code it is refused with.
    #[schema(value_type = Object)]
    pub attempts: BTreeMap<&'static str, &'static str>,
}

impl StandingCard {
    /// The card of a user.
    pub fn of(user: &SeenUser, now: Time) -> StandingCard {
        let verdict = |attempt: Attempt| match user.standing.rule(attempt, now) {
            Verdict::Allowed => "allowed",
            Verdict::Nothing => "nothing_to_do",
            Verdict::Refused(refusal) => refusal.word(),
        };
        StandingCard {
            user_id: user.id.to_string(),
            standing: StandingWire::of(user),
            attempts: Attempt::ALL.iter().map(|attempt| (attempt.word(), verdict(*attempt))).collect(),
        }
    }
}

/// A new user.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// `individual` (default) or `business`.
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub employee: bool,
    /// Checked and stored as a hash; absent: the user chooses one through a reset link.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub password: Option<desk::value::secret::Secret>,
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub middle_name: Option<String>,
    #[serde(default)]
    pub last_name: String,
    #[serde(default)]
    pub preferred_name: Option<String>,
    #[serde(default)]
    pub business_name: Option<String>,
    #[serde(default)]
    pub username: Option<String>,
    #[schema(example = "marta.reyes@example.com")]
    #[serde(default)]
    pub email: Option<String>,
    #[schema(example = "+15555550101")]
    #[serde(default)]
    pub phone: Option<String>,
    #[schema(example = "1988-04-17")]
    #[serde(default)]
    pub date_of_birth: Option<String>,
    #[serde(default)]
    pub locale: Option<String>,
    /// Lives abroad.
    #[serde(default)]
    pub is_diaspora: Option<bool>,
    #[serde(default)]
    pub address: AddressWire,
    #[serde(default)]
    pub identifiers: IdentifiersWire,
    #[serde(default)]
    pub photo_id: PhotoIdWire,
    #[serde(default)]
    pub demographic: DemographicWire,
    #[serde(default)]
    pub home_contact: HomeContactWire,
    #[serde(default)]
    pub next_of_kin: NextOfKinWire,
    #[serde(default)]
    pub house_account: HouseAccountWire,
    #[serde(default)]
    pub wallet: WalletWire,
    /// The word at the end of a link by which others pay her.
    #[serde(default)]
    pub payment_slug: Option<String>,
    /// The code of the sales agent who brought her.
    #[serde(default)]
    pub sales_agent_code: Option<String>,
    #[serde(default)]
    pub email_confirmed: Option<bool>,
    #[serde(default)]
    pub phone_verified: Option<bool>,
    /// `pin`, `phone` or `totp`.
    #[serde(default)]
    pub second_factor_choice: Option<String>,
    /// A number from 0 to 20.
    #[serde(default)]
    pub security_questions: Option<String>,
    #[serde(default)]
    pub abilities: BTreeMap<String, bool>,
}

impl NewUser {
    /// The profile in it.
    pub fn profile(&self) -> Profile {
        Profile {
            first_name: self.first_name.clone(),
            middle_name: self.middle_name.clone(),
            last_name: self.last_name.clone(),
            preferred_name: self.preferred_name.clone(),
            business_name: self.business_name.clone(),
            username: self.username.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            date_of_birth: self.date_of_birth.clone(),
            locale: self.locale.clone(),
            is_diaspora: self.is_diaspora,
            address: self.address.clone().into(),
            identifiers: self.identifiers.clone().into(),
            photo_id: self.photo_id.clone().into(),
            demographic: self.demographic.clone().into(),
            home_contact: self.home_contact.clone().into(),
            next_of_kin: self.next_of_kin.clone().into(),
            house_account: self.house_account.clone().into(),
            wallet: self.wallet.clone().into(),
            payment_slug: self.payment_slug.clone(),
            sales_agent_code: self.sales_agent_code.clone(),
            email_confirmed: self.email_confirmed,
            phone_verified: self.phone_verified,
            second_factor_choice: self.second_factor_choice.clone(),
            security_questions: self.security_questions.clone(),
            abilities: self.abilities.clone(),
        }
    }
}

/// `individual` or `business`.
pub fn kind(word: Option<&str>) -> desk::Result<Option<UserKind>> {
    chosen("kind", word, UserKind::parse, UserKind::WORDS)
}

const TOO_FAR: &str = "Too far ahead: the last moment is 9999-12-30T22:00:00Z. Where no end is meant, leave it out.";

/// A moment, if there is one. One that is written well and lies beyond all calendars is told as such: it is no typing error.
pub fn moment(field: &str, text: Option<&str>) -> desk::Result<Option<Time>> {
    let Some(text) = text else { return Ok(None) };
    if let Some(moment) = Time::parse_rfc3339(text) {
        return Ok(Some(moment));
    }
    let year = text.trim_start_matches('+').split('-').next().unwrap_or_default();
    let is_far = year.len() >= 4 && year.parse::<u64>().is_ok_and(|year| year >= 9999);
    Err(match is_far && text.contains('T') {
        true => desk::Error::invalid(field, "out_of_range", TOO_FAR),
        false => desk::Error::invalid(field, "invalid", "Not a time of the form 2026-01-31T09:00:00Z."),
    })
}

/// A word of a closed vocabulary, or which words there are.
pub fn chosen<T>(
    field: impl std::fmt::Display,
    word: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    words: &[&str],
) -> desk::Result<Option<T>> {
    let Some(word) = word else { return Ok(None) };
    match parse(word) {
        Some(value) => Ok(Some(value)),
        None => Err(desk::Error::invalid(field.to_string(), "unknown", format!("One of: {}.", words.join(", ")))),
    }
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserList {
    /// The users.
    pub data: Vec<UserWire>,
    /// Where to go on, if there is more: pass it as `after`.
    pub next: Option<String>,
    /// How many fit in all, when asked for.
    pub total: Option<i64>,
}

/// What an institution may choose.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingsWire {
    pub lock_after: i64,
    pub lock_window_seconds: i64,
    pub lock_seconds: Option<i64>,
    pub session_seconds: i64,
    pub staff_session_seconds: i64,
    pub reset_link_seconds: i64,
    pub code_seconds: i64,
    pub password_min_length: i64,
    pub mail_codes: bool,
    pub memo_mode: bool,
    pub hide_employees: bool,
    pub abilities: BTreeMap<String, bool>,
    pub bulk_max: i64,
    pub self_registration: bool,
    /// What strangers may say of themselves besides: `bvn`, `nin`, `gender`, `address`, `sales_agent_code`.
    #[schema(example = json!(["gender"]))]
    pub registration_fields: Vec<&'static str>,
    pub registrations_an_hour: i64,
    /// The institution's country; telephone numbers without a country's code are of it.
    #[schema(example = "NG")]
    pub country: Option<String>,
    /// `enforce`, `present` or `off`.
    pub switch_checksum: &'static str,
    pub switch_expose_totp_uri: bool,
    pub switch_detail_fraud_status: bool,
    pub switch_app_url: Option<String>,
    /// The actions that need a second person, by the names of `GET /v1/permissions`.
    #[schema(example = json!(["user.disable"]))]
    pub second_person: Vec<&'static str>,
    /// The actions about a user that she has to confirm by a code.
    #[schema(example = json!(["second_factor.remove"]))]
    pub customer_confirms: Vec<&'static str>,
    /// The role whose holders decide requests; null: whoever has `requests.decide`.
    pub deciding_role: Option<String>,
    pub request_seconds: i64,
    pub challenge_seconds: i64,
    pub challenge_code_seconds: i64,
    pub challenge_tries: i64,
    pub challenge_resend_seconds: i64,
    pub challenge_codes_a_day: i64,
    pub messages_per_user_hour: i64,
    pub messages_per_address_hour: i64,
    pub messages_per_institution_hour: i64,
    pub choice_window_seconds: i64,
    pub contact_cooling_seconds: i64,
    pub hidden_searches_an_hour: i64,
    pub mail_from: Option<String>,
}

impl From<Settings> for SettingsWire {
    fn from(it: Settings) -> Self {
        SettingsWire {
            lock_after: it.lock_after,
            lock_window_seconds: it.lock_window_seconds,
            lock_seconds: it.lock_seconds,
            session_seconds: it.session_seconds,
            staff_session_seconds: it.staff_session_seconds,
            reset_link_seconds: it.reset_link_seconds,
            code_seconds: it.code_seconds,
            password_min_length: it.password_min_length,
            mail_codes: it.mail_codes,
            memo_mode: it.memo_mode,
            hide_employees: it.hide_employees,
            abilities: it.abilities,
            bulk_max: it.bulk_max,
            self_registration: it.self_registration,
            registration_fields: it.registration_fields.iter().map(|field| field.word()).collect(),
            registrations_an_hour: it.registrations_an_hour,
            country: it.country,
            switch_checksum: it.switch_checksum.word(),
            switch_expose_totp_uri: it.switch_expose_totp_uri,
            switch_detail_fraud_status: it.switch_detail_fraud_status,
            switch_app_url: it.switch_app_url,
            second_person: it.second_person.iter().map(|action| action.word()).collect(),
            customer_confirms: it.customer_confirms.iter().map(|action| action.word()).collect(),
            deciding_role: it.deciding_role,
            request_seconds: it.request_seconds,
            challenge_seconds: it.challenge_seconds,
            challenge_code_seconds: it.challenge_code_seconds,
            challenge_tries: it.challenge_tries,
            challenge_resend_seconds: it.challenge_resend_seconds,
            challenge_codes_a_day: it.challenge_codes_a_day,
            messages_per_user_hour: it.messages_per_user_hour,
            messages_per_address_hour: it.messages_per_address_hour,
            messages_per_institution_hour: it.messages_per_institution_hour,
            choice_window_seconds: it.choice_window_seconds,
            contact_cooling_seconds: it.contact_cooling_seconds,
            hidden_searches_an_hour: it.hidden_searches_an_hour,
            mail_from: it.mail_from,
        }
    }
}
