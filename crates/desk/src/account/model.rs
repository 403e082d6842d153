//! What an account is, and what may be done with it in which state.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Field, Refusal, Result};
use crate::value::clock::Time;
use crate::value::id::{AccountId, UserId};
use crate::value::money::Currency;
use crate::value::words;

words! {
    /// What kind of account it is.
    pub enum AccountKind {
        /// A business's.
        Sme = "sme",
        /// A current account.
        Current = "current",
        /// A wallet.
        Wallet = "wallet",
        /// A loan.
        Loan = "loan",
        /// A fixed deposit.
        FixedDeposit = "fixed_deposit",
    }
}
words! {
    /// Whether it can be used.
    pub enum AccountStatus {
        /// It can.
        Normal = "normal",
        /// Not until it is unlocked.
        Locked = "locked",
        /// Never again.
        Closed = "closed",
    }
}

/// What is sealed of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Details {
    /// The institution's own number; once in a tenant.
    pub number: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_code: Option<String>,
}

impl Details {
    /// Trims and checks; all faults at once.
    pub fn checked(self) -> Result<Details> {
        let (number, name) = (self.number.trim().to_owned(), self.name.trim().to_owned());
        let short_code = self.short_code.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty());
        let mut faults = Vec::new();
        let is_plain = number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !(4..=34).contains(&number.len()) || !is_plain {
            faults.push(Field::new("number", "invalid", "4 to 34 letters, digits and hyphens."));
        }
        if !(1..=128).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            faults.push(Field::new("name", "invalid", "1 to 128 characters."));
        }
        let is_code = |code: &String| code.len() <= 16 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !short_code.as_ref().is_none_or(is_code) {
            faults.push(Field::new("short_code", "invalid", "At most 16 letters and digits."));
        }
        if faults.is_empty() { Ok(Details { number, name, short_code }) } else { Err(Error::Invalid(faults)) }
    }
}

/// An account.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Account {
    pub id: AccountId,
    pub owner: UserId,
    pub kind: AccountKind,
    pub currency: Currency,
    /// In minor units of the currency.
    pub balance: i64,
    pub status: AccountStatus,
    pub dormant: bool,
    pub frozen: bool,
    /// The sender id of the partner through which it was opened; nobody else's program knows of it.
    pub partner: Option<String>,
    /// Gone once the owner is erased.
    pub details: Option<Details>,
    pub created_at: Time,
    pub version: i64,
}

impl Account {
    /// The account, and the partner that knows of it.
    pub(crate) fn known_to(&self) -> (AccountId, Option<&str>) {
        (self.id, self.partner.as_deref())
    }

    /// Whether somebody may be given power over it, or use what she has.
    pub fn may_be_administered(&self) -> Result<()> {
        let refusal = match self.status {
            AccountStatus::Locked => Refusal::AccountLocked,
            AccountStatus::Closed => Refusal::AccountClosed,
            AccountStatus::Normal if self.frozen => Refusal::AccountFrozen,
            AccountStatus::Normal if self.dormant => Refusal::AccountDormant,
            AccountStatus::Normal if self.kind != AccountKind::Sme => Refusal::NotABusinessAccount,
            AccountStatus::Normal => return Ok(()),
        };
        Err(refusal.into())
    }
}
