//! What may be asked about challenges. Codes are no part of any answer.

use super::model::{Challenge, Waits};
use super::store;
use crate::account;
use crate::error::Result;
use crate::request::customer;
use crate::value::id::{AccountId, ChallengeId};
use crate::verb::{Question, Qx, Subject};

/// One challenge.
pub struct ShowChallenge(pub ChallengeId);

impl Question for ShowChallenge {
    const NAME: &'static str = "challenge.show";
    type Output = Challenge;

    fn subject(&self) -> Subject {
        Subject::Challenge(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Challenge> {
        let challenge = store::load(qx.rd, qx.tenant.id, self.0).await?;
        match challenge.waits {
            Waits::Administrator { account, .. } => {
                let account = account::store::load(qx.rd, qx.tenant, account).await?;
                account::questions::owner_of(qx.rd, qx.tenant, qx.caller, &account, ChallengeId::NOUN).await?;
            }
            Waits::Request(request) => customer::may_know_of(qx, request).await?,
        }
        Ok(challenge)
    }
}

/// The newest challenges of an account, at most 100.
pub struct ListChallenges {
    /// Of which.
    pub account: AccountId,
}

impl Question for ListChallenges {
    const NAME: &'static str = "challenge.list";
    type Output = Vec<Challenge>;

    fn subject(&self) -> Subject {
        Subject::Account(self.account)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Challenge>> {
        let account = account::store::load(qx.rd, qx.tenant, self.account).await?;
        account::questions::owner_of(qx.rd, qx.tenant, qx.caller, &account, AccountId::NOUN).await?;
        store::of_account(qx.rd, qx.tenant.id, account.id).await
    }
}
