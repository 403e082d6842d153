//! What a challenge is, and when it takes a code.

use crate::error::{Refusal, Result};
use crate::message::Channel;
use crate::tenant::Settings;
use crate::value::clock::{SECOND, Time};
use crate::value::id::{AccountId, AdministratorId, ChallengeId, RequestId, Uuid};
use crate::value::words;

words! {
    /// What is to be confirmed.
    pub enum Purpose {
        /// Somebody becomes an administrator; the account's owner confirms it.
        AdministratorAdd = "administrator_add",
        /// An administrator's phone is hers; she confirms it.
        AdministratorMobile = "administrator_mobile",
        /// An administrator's mail is hers; she confirms it.
        AdministratorEmail = "administrator_email",
        /// What staff have proposed about a user; she confirms it.
        Request = "request",
    }
}

impl Purpose {
    /// The one way by which its codes go, if there is only one.
    pub fn channel(self) -> Option<Channel> {
        match self {
            Purpose::AdministratorAdd | Purpose::Request => None,
            Purpose::AdministratorMobile => Some(Channel::Sms),
            Purpose::AdministratorEmail => Some(Channel::Email),
        }
    }
}

words! {
    /// Where it is.
    pub enum ChallengeState {
        /// It waits.
        Open = "open",
        /// It was confirmed, and what it waited for was done.
        Confirmed = "confirmed",
        /// It will not be.
        Cancelled = "cancelled",
    }
}

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Something about an administrator of an account.
    Administrator {
        /// The account.
        account: AccountId,
        /// She.
        administrator: AdministratorId,
    },
    /// A request about a user.
    Request(RequestId),
}

/// Something that waits for a person's code.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Challenge {
    pub id: ChallengeId,
    pub purpose: Purpose,
    pub waits: Waits,
    /// A user's id or an administrator's, by the purpose.
    pub(crate) recipient: Uuid,
    /// The partner through which it was opened; nobody else's program knows of it.
    pub(crate) partner: Option<String>,
    pub state: ChallengeState,
    pub(crate) code: Option<Vec<u8>>,
    pub code_sent_at: Option<Time>,
    pub code_expires_at: Option<Time>,
    pub channel: Option<Channel>,
    /// How many codes were sent.
    pub sends: i64,
    /// How many wrong ones came.
    pub tries: i64,
    pub created_at: Time,
    pub expires_at: Time,
    pub ended_at: Option<Time>,
    pub end_cause: Option<String>,
}

impl Challenge {
    /// Whether it still waits.
    pub(crate) fn check_open(&self, settings: &Settings, now: Time) -> Result<(), Refusal> {
        match self.state {
            ChallengeState::Confirmed | ChallengeState::Cancelled => Err(Refusal::ChallengeOver),
            ChallengeState::Open if now >= self.expires_at => Err(Refusal::ChallengeExpired),
            ChallengeState::Open if self.tries >= settings.challenge_tries => Err(Refusal::TooManyTries),
            ChallengeState::Open => Ok(()),
        }
    }

    /// Whether another code may be sent already.
    pub(crate) fn check_pause(&self, settings: &Settings, now: Time) -> Result<(), Refusal> {
        let pause = settings.challenge_resend_seconds * SECOND;
        match self.code_sent_at {
            Some(at) if now < at.plus(pause) => Err(Refusal::CodeTooSoon),
            _ => Ok(()),
        }
    }
}
