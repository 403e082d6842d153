//! What an administrator is, how she is recognised, and who may be sent a code.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Field, Refusal, Result};
use crate::message::Channel;
use crate::user::profile::Profile;
use crate::value::clock::Time;
use crate::value::contact::Email;
use crate::value::id::{AccountId, AdministratorId};
use crate::value::name::fault_of_name;
use crate::value::words;

words! {
    /// Where she is.
    pub enum AdministratorState {
        /// The owner has not confirmed her yet.
        Pending = "pending",
        /// She is one.
        Active = "active",
        /// She was one.
        Removed = "removed",
        /// She never became one, or the owner is gone.
        Ended = "ended",
    }
}
words! {
    /// The paper that says who she is.
    pub enum IdType {
        /// A Kenyan national id.
        NationalId = "101",
        /// A Kenyan alien id.
        AlienId = "102",
        /// A passport.
        Passport = "103",
    }
}
words! {
    /// One of her two contacts.
    pub enum Contact {
        /// Her phone.
        Mobile = "mobile",
        /// Her mail.
        Email = "email",
    }
}

impl Contact {
    /// The way by which codes go there.
    pub fn channel(self) -> Channel {
        match self {
            Contact::Mobile => Channel::Sms,
            Contact::Email => Channel::Email,
        }
    }
}

/// Who she is: what is sealed of her.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Person {
    pub id_type: IdType,
    /// Upper case.
    pub id_number: String,
    pub full_name: String,
    /// Digits, without a plus.
    pub country_code: String,
    /// National digits, without a zero before them.
    pub mobile: String,
    pub email: String,
}

impl Person {
    /// Trims, brings into the form that is compared, and checks; all faults at once (contracts/choice.md, section 6).
    pub fn checked(self) -> Result<Person> {
        let id_number = self.id_number.trim().to_ascii_uppercase();
        let full_name = self.full_name.trim().to_owned();
        let (country_code, mobile) = (self.country_code.trim().to_owned(), self.mobile.trim().to_owned());
        let email = self.email.trim().to_owned();
        let mut faults = Vec::new();
        faults.extend(id_fault(&id_number));
        if !(1..=128).contains(&full_name.chars().count()) || full_name.chars().any(char::is_control) {
            faults.push(Field::new("full_name", "invalid", "1 to 128 characters."));
        }
        faults.extend(fault_of_name(&full_name).map(|fault| fault.field("full_name")));
        faults.extend(phone_fault(&country_code, &mobile));
        if email.len() > 254 || Email::parse(&email).is_err() {
            faults.push(Field::new("email", "invalid", "Not an e-mail address."));
        }
        match faults.is_empty() {
            true => Ok(Person { id_type: self.id_type, id_number, full_name, country_code, mobile, email }),
            false => Err(Error::Invalid(faults)),
        }
    }

    /// In E.164.
    pub fn phone(&self) -> String {
        format!("+{}{}", self.country_code, self.mobile)
    }

    /// Whether she is the owner herself, as far as that can be seen: the same number on a paper, or the same phone.
    pub(crate) fn is(&self, owner: &Profile) -> bool {
        let plain = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
        };
        let mine = plain(&self.id_number);
        owner.identifiers.all().chain(&owner.photo_id.number).any(|theirs| plain(theirs) == mine)
            || owner.phone.as_ref().is_some_and(|phone| *phone == self.phone())
    }
}

/// What is wrong with the number of a paper.
pub(crate) fn id_fault(number: &str) -> Option<Field> {
    let is_plain = number.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-'));
    let is_fine = (3..=32).contains(&number.len()) && is_plain;
    (!is_fine).then(|| Field::new("id_number", "invalid", "3 to 32 letters, digits, slashes and hyphens."))
}

/// What is wrong with a phone number in two parts.
pub(crate) fn phone_fault(country_code: &str, mobile: &str) -> Option<Field> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=4).contains(&country_code.len()) || !digits(country_code) || country_code.starts_with('0') {
        return Some(Field::new("country_code", "invalid", "1 to 4 digits, without a plus."));
    }
    let is_fine = match country_code {
        "254" => mobile.len() == 9 && mobile.starts_with(['1', '7']),
        _ => (5..=14).contains(&mobile.len()),
    };
    let is_fine = is_fine && digits(mobile) && !mobile.starts_with('0');
    (!is_fine).then(|| Field::new("mobile", "invalid", "National digits, without a zero before them."))
}

/// What she may do on the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// See it.
    pub view: bool,
    /// Begin a payment.
    pub initiate: bool,
    /// Approve one that somebody else has begun.
    pub approve: bool,
    /// Up to how much, in minor units; absent: without a limit.
    pub limit: Option<i64>,
}

impl Default for Rights {
    /// What a new one has.
    fn default() -> Self {
        Rights { view: true, initiate: true, approve: true, limit: None }
    }
}

/// An administrator of one account.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Administrator {
    pub id: AdministratorId,
    pub account: AccountId,
    pub state: AdministratorState,
    /// Gone once her data were erased.
    pub person: Option<Person>,
    pub mobile_verified_at: Option<Time>,
    pub email_verified_at: Option<Time>,
    pub rights: Rights,
    pub created_at: Time,
    pub ended_at: Option<Time>,
    pub end_cause: Option<String>,
    pub version: i64,
}

impl Administrator {
    /// Whether she is one, or may become one.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, AdministratorState::Pending | AdministratorState::Active)
    }

    /// When this contact was shown to be hers.
    pub fn verified_at(&self, contact: Contact) -> Option<Time> {
        match contact {
            Contact::Mobile => self.mobile_verified_at,
            Contact::Email => self.email_verified_at,
        }
    }

    /// Whether she may be sent codes for what happens on the account, by this way: the one rule for every operation but the
    /// verifying of the contact itself.
    pub fn may_be_sent(&self, channel: Channel) -> Result<()> {
        let contact = match channel {
            Channel::Sms => Contact::Mobile,
            Channel::Email => Contact::Email,
        };
        match self.state {
            AdministratorState::Active if self.verified_at(contact).is_some() => Ok(()),
            AdministratorState::Active => Err(Refusal::ContactNotVerified.into()),
            _ => Err(Error::NotFound(AdministratorId::NOUN)),
        }
    }
}
