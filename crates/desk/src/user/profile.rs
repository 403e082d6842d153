//! Who somebody is: sealed at rest, masked by default when it leaves. Every field here is personal data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::error::{Error, Field, Result};
use crate::permission::Permission;
use crate::value::clock::{HOUR, Time};
use crate::value::contact::{Email, Phone, Username};
use crate::value::mask::Mask;
use crate::value::name::fault_of_name;

/// The longest text a plain field takes, in characters.
const TEXT_MAX: usize = 200;

macro_rules! texts {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* $field:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$fmeta])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<String>,)+
        }

        impl $name {
            fn fields_mut(&mut self) -> Vec<(&'static str, &mut Option<String>)> {
                vec![$((stringify!($field), &mut self.$field),)+]
            }

            /// The values that are set.
            pub fn all(&self) -> impl Iterator<Item = &String> {
                [$(&self.$field,)+].into_iter().flatten()
            }
        }
    };
}

texts! {
    /// A postal address.
    pub struct Address {
        /// First line.
        line_one,
        /// Second line.
        line_two,
        /// Third line.
        line_three,
        /// Fourth line.
        line_four,
        /// City.
        city,
        /// State: two letters in the United States.
        state,
        /// Postal code.
        zip,
        /// Four more digits, in the United States.
        zip_plus_four,
        /// ISO 3166 alpha-2.
        country,
        /// What is near and easily found.
        landmark,
    }
}

texts! {
    /// Somebody at home who speaks for a customer who lives abroad.
    pub struct HomeContact {
        /// Her name.
        name,
        /// Her number, as it was given.
        phone,
        /// Her address, in one line.
        address,
        /// What she is to the customer, e.g. `sister`.
        relationship,
    }
}

texts! {
    /// The next of kin.
    pub struct NextOfKin {
        /// Her name.
        name,
        /// What she is to the customer, e.g. `mother`.
        relationship,
        /// Her number, as it was given.
        phone,
        /// Her e-mail address, as it was given.
        email,
    }
}

texts! {
    /// The account that the institution keeps for the customer at its own bank.
    pub struct HouseAccount {
        /// In whose name.
        name,
        /// Its number. Masked unless revealed.
        number,
        /// The customer's number at that bank.
        customer_id,
    }
}

texts! {
    /// The customer's wallet, as it was last told: decimal amounts.
    pub struct Wallet {
        /// What is in it.
        balance,
        /// What is in it with what is still on its way.
        soft_balance,
    }
}

texts! {
    /// Numbers that others know the person by. Masked unless revealed.
    pub struct Identifiers {
        /// United States social security number.
        ssn,
        /// Nigerian bank verification number, 11 digits.
        bvn,
        /// Nigerian national identity number, 11 digits.
        nin,
        /// NetTeller id, at banks.
        net_teller_id,
        /// Customer number at the core, at banks.
        customer_id,
        /// Member number, at credit unions: 10 digits, zero padded.
        member_number,
        /// The id another system of the institution knows the user by; unique.
        external_id,
    }
}

texts! {
    /// The official paper a person proves herself by. Masked as identifiers are.
    pub struct PhotoId {
        /// Its number.
        number,
        /// Who issued it, or what it is: text, e.g. `drivers_license`.
        issuer,
        /// Until when it is good: `YYYY-MM-DD`.
        expiry,
    }
}

texts! {
    /// What the institution keeps about a person's life.
    pub struct Demographic {
        /// A code of the institution.
        customer_code,
        /// `Yes` or `No`.
        customer_importance,
        /// Free text.
        customer_description,
        /// `Male` or `Female`.
        gender,
        /// The home branch.
        home_branch_id,
        /// Free text, e.g. `AssocDegree`.
        education_level,
        /// Employer.
        employer_name,
        /// Title at the employer.
        employee_title,
        /// Free text.
        net_worth,
    }
}

/// Who somebody is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Profile {
    pub first_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    pub last_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_name: Option<String>,
    /// Unique in the tenant; a way to sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Unique in the tenant; a way to sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    /// BCP 47, e.g. `en-US`; messages are written in it where we speak it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Lives abroad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_diaspora: Option<bool>,
    #[serde(skip_serializing_if = "is_empty")]
    pub address: Address,
    #[serde(skip_serializing_if = "is_empty")]
    pub identifiers: Identifiers,
    #[serde(skip_serializing_if = "is_empty")]
    pub photo_id: PhotoId,
    #[serde(skip_serializing_if = "is_empty")]
    pub demographic: Demographic,
    #[serde(skip_serializing_if = "is_empty")]
    pub home_contact: HomeContact,
    #[serde(skip_serializing_if = "is_empty")]
    pub next_of_kin: NextOfKin,
    #[serde(skip_serializing_if = "is_empty")]
    pub house_account: HouseAccount,
    #[serde(skip_serializing_if = "is_empty")]
    pub wallet: Wallet,
    /// The word at the end of a link by which others pay her.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_slug: Option<String>,
    /// The code of the sales agent who brought her.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales_agent_code: Option<String>,
    /// Her e-mail address was shown to be hers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_confirmed: Option<bool>,
    /// Her phone was shown to be hers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_verified: Option<bool>,
    /// The second factor she chose: `pin`, `phone` or `totp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_factor_choice: Option<String>,
    /// How many security questions she has answered, 0 to 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_questions: Option<String>,
    /// Abilities that differ from the institution's, by the vendor's own names.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub abilities: std::collections::BTreeMap<String, bool>,
}

fn is_empty<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether a day of birth has come by this moment, somewhere on earth. The day is as `Profile::checked` has it.
pub(crate) fn is_born_by(date: &str, now: Time) -> bool {
    // Where the day begins first, it is fourteen hours ahead of UTC.
    *date <= now.plus(14 * HOUR).rfc3339_millis()[..10]
}

/// Refuses a day of birth that has not come.
pub(crate) fn born_by(date: Option<&str>, now: Time) -> Result<()> {
    match date {
        Some(date) if !is_born_by(date, now) => {
            Err(Error::invalid("date_of_birth", "out_of_range", "Is in the future."))
        }
        _ => Ok(()),
    }
}

impl Profile {
    /// First and last name, or the business's.
    pub fn full_name(&self) -> String {
        match &self.business_name {
            Some(name) if self.first_name.is_empty() && self.last_name.is_empty() => name.clone(),
            _ => format!("{} {}", self.first_name, self.last_name).trim().to_owned(),
        }
    }

    /// Brings every field into its one form, or says which cannot be accepted. `path` stands before the field names.
    pub fn checked(self, path: &str) -> Result<Profile> {
        self.checked_in(path, None)
    }

    /// The same where a telephone number without a country's code is one of this country (ISO 3166, two letters).
    pub fn checked_in(mut self, path: &str, country: Option<&str>) -> Result<Profile> {
        let mut faults = Vec::new();
        let at = |name: &str| format!("{path}{name}");
        for (name, text) in [("first_name", &mut self.first_name), ("last_name", &mut self.last_name)] {
            tidy(text, &at(name), &mut faults);
            faults.extend(fault_of_name(text).map(|fault| fault.field(at(name))));
        }
        // Only names are written to people; what else has a path in it may be meant so.
        for (name, text) in [
            ("middle_name", &self.middle_name),
            ("preferred_name", &self.preferred_name),
            ("business_name", &self.business_name),
            ("home_contact.name", &self.home_contact.name),
            ("next_of_kin.name", &self.next_of_kin.name),
            ("house_account.name", &self.house_account.name),
        ] {
            let fault = text.as_deref().and_then(fault_of_name);
            faults.extend(fault.map(|fault| fault.field(at(name))));
        }
        let mut optional: Vec<(String, &mut Option<String>)> = vec![
            (at("middle_name"), &mut self.middle_name),
            (at("preferred_name"), &mut self.preferred_name),
            (at("business_name"), &mut self.business_name),
        ];
        for (group, fields) in [
            ("address", self.address.fields_mut()),
            ("identifiers", self.identifiers.fields_mut()),
            ("photo_id", self.photo_id.fields_mut()),
            ("demographic", self.demographic.fields_mut()),
            ("home_contact", self.home_contact.fields_mut()),
            ("next_of_kin", self.next_of_kin.fields_mut()),
            ("house_account", self.house_account.fields_mut()),
            ("wallet", self.wallet.fields_mut()),
        ] {
            optional.extend(fields.into_iter().map(|(name, field)| (at(&format!("{group}.{name}")), field)));
        }
        optional.push((at("payment_slug"), &mut self.payment_slug));
        optional.push((at("sales_agent_code"), &mut self.sales_agent_code));
        for (name, field) in optional {
            if let Some(text) = field {
                tidy(text, &name, &mut faults);
                if text.is_empty() {
                    *field = None;
                }
            }
        }
        if self.first_name.is_empty() && self.last_name.is_empty() && self.business_name.is_none() {
            faults.push(Field::new(at("last_name"), "required", "A user needs a name: first, last or business name."));
        }
        parse(&mut self.username, &at("username"), &mut faults, |text| {
            Username::parse(text).map(|it| it.as_str().to_owned()).map_err(|fault| fault.field(""))
        });
        parse(&mut self.email, &at("email"), &mut faults, |text| {
            Email::parse(text).map(|it| it.as_str().to_owned()).map_err(|fault| fault.field(""))
        });
        parse(&mut self.phone, &at("phone"), &mut faults, |text| {
            Phone::parse(text, country).map(|it| it.as_str().to_owned()).map_err(|fault| fault.field(""))
        });
        let date = |text: &str| {
            let date = (text.len() == 10).then(|| text.parse::<jiff::civil::Date>().ok()).flatten();
            let believable = date.filter(|date| (1880..=2200).contains(&date.year()));
            believable
                .map(|date| date.to_string())
                .ok_or_else(|| Field::new("", "invalid", "Not a date of the form YYYY-MM-DD."))
        };
        parse(&mut self.date_of_birth, &at("date_of_birth"), &mut faults, date);
        parse(&mut self.photo_id.expiry, &at("photo_id.expiry"), &mut faults, date);
        parse(&mut self.locale, &at("locale"), &mut faults, |text| {
            let fits =
                (2..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if fits { Ok(text.to_owned()) } else { Err(Field::new("", "invalid", "Not a language tag such as en-US.")) }
        });
        let eleven = |text: &str| match text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Ok(text.to_owned()),
            false => Err(Field::new("", "invalid", "Must be 11 digits.")),
        };
        parse(&mut self.identifiers.bvn, &at("identifiers.bvn"), &mut faults, eleven);
        parse(&mut self.identifiers.nin, &at("identifiers.nin"), &mut faults, eleven);
        parse(&mut self.identifiers.ssn, &at("identifiers.ssn"), &mut faults, |text| {
            let digits: String = text.chars().filter(|it| *it != '-' && *it != ' ').collect();
            match digits.len() == 9 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                true => Ok(format!("{}-{}-{}", &digits[..3], &digits[3..5], &digits[5..])),
                false => Err(Field::new("", "invalid", "Must be nine digits.")),
            }
        });
        parse(&mut self.wallet.balance, &at("wallet.balance"), &mut faults, amount);
        parse(&mut self.wallet.soft_balance, &at("wallet.soft_balance"), &mut faults, amount);
        parse(&mut self.second_factor_choice, &at("second_factor_choice"), &mut faults, |text| {
            let known = SECOND_FACTORS.contains(&text);
            known.then(|| text.to_owned()).ok_or_else(|| Field::new("", "unknown", "One of: pin, phone, totp."))
        });
        parse(&mut self.security_questions, &at("security_questions"), &mut faults, |text| {
            let count = text.parse::<u8>().ok().filter(|count| *count <= 20);
            count.map(|count| count.to_string()).ok_or_else(|| Field::new("", "invalid", "A number from 0 to 20."))
        });
        if self.abilities.len() > 64 || self.abilities.keys().any(|key| key.len() > 64) {
            faults.push(Field::new(
                at("abilities"),
                "too_long",
                "At most 64 abilities with names of at most 64 characters.",
            ));
        }
        if faults.is_empty() { Ok(self) } else { Err(Error::Invalid(faults)) }
    }

    /// Refuses what a mask has made where it does not stand already: who reads a masked profile and sends it back would
    /// replace the values by asterisks.
    pub fn unmasked(self, old: &Profile) -> Result<Profile> {
        let (texts, before) = (self.texts()?, old.texts()?);
        let is_new = |(path, text): &(&String, &String)| is_masked(path, text) && before.get(*path) != Some(*text);
        let faults: Vec<Field> =
            texts.iter().filter(is_new).map(|(path, _)| Field::new(path.clone(), "masked", MASKED)).collect();
        if faults.is_empty() { Ok(self) } else { Err(Error::Invalid(faults)) }
    }

    /// Every text in it, by its path.
    fn texts(&self) -> Result<BTreeMap<String, String>> {
        let mut texts = BTreeMap::new();
        let Value::Object(fields) = serde_json::to_value(self).map_err(Error::internal)? else { return Ok(texts) };
        for (name, value) in fields {
            match value {
                Value::String(text) => {
                    texts.insert(name, text);
                }
                Value::Object(inner) => texts.extend(inner.into_iter().filter_map(|(field, value)| match value {
                    Value::String(text) => Some((format!("{name}.{field}"), text)),
                    _ => None,
                })),
                _ => {}
            }
        }
        Ok(texts)
    }

    /// What this caller is shown: identifiers always masked (a reveal is a question of its own), contacts only with the
    /// right to see them. The one policy for every door.
    pub fn seen_by(self: Box<Self>, caller: &Caller) -> Box<Profile> {
        let mut seen = self;
        seen.identifiers.ssn = masked(seen.identifiers.ssn, Mask::Ssn);
        seen.identifiers.bvn = masked(seen.identifiers.bvn, Mask::NationalId);
        seen.identifiers.nin = masked(seen.identifiers.nin, Mask::NationalId);
        seen.house_account.number = masked(seen.house_account.number, Mask::Account);
        seen.photo_id.number = masked(seen.photo_id.number, Mask::NationalId);
        let is_herself = matches!(caller.who, crate::caller::Who::User { .. });
        if !is_herself && !caller.may(Permission::UsersContacts) {
            seen.email = masked(seen.email, Mask::Email);
            seen.phone = masked(seen.phone, Mask::Phone);
            seen.date_of_birth = masked(seen.date_of_birth, Mask::BirthDate);
            seen.username = masked(seen.username, Mask::Hidden);
            seen.payment_slug = masked(seen.payment_slug, Mask::Hidden);
            let others = [
                seen.home_contact.fields_mut(),
                seen.next_of_kin.fields_mut(),
                seen.house_account.fields_mut(),
                seen.wallet.fields_mut(),
            ];
            for (_, field) in others.into_iter().flatten() {
                *field = masked(field.take(), Mask::Hidden);
            }
            for (_, field) in seen.address.fields_mut() {
                *field = masked(field.take(), Mask::Hidden);
            }
            for field in [&mut seen.photo_id.issuer, &mut seen.photo_id.expiry] {
                *field = masked(field.take(), Mask::Hidden);
            }
            for (_, field) in seen.demographic.fields_mut() {
                *field = masked(field.take(), Mask::Hidden);
            }
            for field in [
                &mut seen.identifiers.net_teller_id,
                &mut seen.identifiers.customer_id,
                &mut seen.identifiers.member_number,
                &mut seen.identifiers.external_id,
            ] {
                *field = masked(field.take(), Mask::Account);
            }
        }
        seen
    }

    /// The names of the top-level fields in which two profiles differ (never the values).
    pub fn differing_fields(&self, other: &Profile) -> Result<Vec<String>> {
        Ok(self.differences(other)?.into_keys().collect())
    }

    /// The top-level fields in which two profiles differ: the other's value, and this one's.
    pub(crate) fn differences(&self, other: &Profile) -> Result<BTreeMap<String, [Value; 2]>> {
        let (ours, theirs) = (serde_json::to_value(self), serde_json::to_value(other));
        let (ours, theirs) = (ours.map_err(Error::internal)?, theirs.map_err(Error::internal)?);
        let (Some(ours), Some(theirs)) = (ours.as_object(), theirs.as_object()) else { return Ok(BTreeMap::new()) };
        let value = |it: &Map<String, Value>, name: &str| it.get(name).cloned().unwrap_or_default();
        let both = |name: &String| (name.clone(), [value(theirs, name), value(ours, name)]);
        let names = ours.keys().chain(theirs.keys()).filter(|name| ours.get(*name) != theirs.get(*name));
        Ok(names.map(both).collect())
    }
}

/// The top-level fields of a patch in which something stands that this caller may not see. What may be seen is asked of
/// `seen_by` itself, with a profile that has everything, so that there is no second list.
pub(crate) fn hidden_in(patch: &Map<String, Value>, caller: &Caller) -> Result<Vec<String>> {
    if caller.may(Permission::UsersContacts) && caller.may(Permission::UsersReveal) {
        return Ok(Vec::new());
    }
    let whole = whole();
    let seen = Box::new(whole.clone()).seen_by(caller);
    let (whole, seen) = (serde_json::to_value(whole), serde_json::to_value(seen));
    let (whole, seen) = (whole.map_err(Error::internal)?, seen.map_err(Error::internal)?);
    let is_hidden = |name: &String, asked: &Value| match asked {
        Value::Object(fields) => fields.keys().any(|field| whole[name][field] != seen[name][field]),
        _ => whole[name] != seen[name],
    };
    Ok(patch.iter().filter(|(name, asked)| is_hidden(name, asked)).map(|(name, _)| name.clone()).collect())
}

/// A profile in which everything stands that could be masked.
fn whole() -> Profile {
    let text = |text: &str| Some(text.to_owned());
    let mut all = Profile {
        username: text("somebody"),
        email: text("somebody@mail.example"),
        phone: text("+12025550143"),
        date_of_birth: text("1990-04-17"),
        payment_slug: text("somebody"),
        ..Profile::default()
    };
    let groups = [
        all.address.fields_mut(),
        all.identifiers.fields_mut(),
        all.photo_id.fields_mut(),
        all.demographic.fields_mut(),
        all.home_contact.fields_mut(),
        all.next_of_kin.fields_mut(),
        all.house_account.fields_mut(),
        all.wallet.fields_mut(),
    ];
    groups.into_iter().flatten().for_each(|(_, field)| *field = text("A0123456789"));
    all
}

/// What is said of a masked value.
pub(crate) const MASKED: &str = "This is a masked value. Give the value itself, or leave the field out.";

/// Whether a text is what a mask makes of a value of this field (`seen_by`).
pub(crate) fn is_masked(path: &str, text: &str) -> bool {
    let is_number = matches!(path, "identifiers.bvn" | "identifiers.nin" | "photo_id.number");
    Mask::Hidden.may_have_made(text) || (is_number && Mask::NationalId.may_have_made(text))
}

/// What somebody may choose as her second factor.
pub const SECOND_FACTORS: &[&str] = &["pin", "phone", "totp"];

/// A plain decimal amount, kept as it was sent: up to 18 digits, a point and up to 6 more. What a vendor prints of it is
/// its dialect's business.
fn amount(text: &str) -> std::result::Result<String, Field> {
    let bad = || Field::new("", "invalid", "A plain decimal amount such as 1250.75.");
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole, 18) || !are_digits(part, 6) {
        return Err(bad());
    }
    Ok(text.to_owned())
}

fn masked(text: Option<String>, how: Mask) -> Option<String> {
    text.map(|text| how.apply(&text))
}

fn tidy(text: &mut String, path: &str, faults: &mut Vec<Field>) {
    if text.chars().any(char::is_control) {
        faults.push(Field::new(path, "invalid", "Control characters are not accepted."));
    } else if text.chars().count() > TEXT_MAX {
        faults.push(Field::new(path, "too_long", format!("At most {TEXT_MAX} characters.")));
    } else if text.trim().len() != text.len() {
        *text = text.trim().to_owned();
    }
}

fn parse(
    field: &mut Option<String>,
    path: &str,
    faults: &mut Vec<Field>,
    read: impl Fn(&str) -> std::result::Result<String, Field>,
) {
    let Some(text) = field.take() else { return };
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    match read(text) {
        Ok(good) => *field = Some(good),
        Err(fault) => faults.push(Field { path: path.to_owned(), ..fault }),
    }
}
