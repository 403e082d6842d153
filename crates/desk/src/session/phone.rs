//! Showing that a phone is one's own: a code is sent to it, and comes back.

use super::store::{self, ProofPurpose};
use crate::db::params;
use crate::error::{Refusal, Result};
use crate::fact::Fact;
use crate::message::limits::{self, Cause};
use crate::message::{self, Channel, Draft};
use crate::user::{self, tries};
use crate::value::clock::{MINUTE, SECOND};
use crate::value::id::{ProofId, UserId};
use crate::value::secret::{Secret, fingerprint, numeric_code, pasted, same};
use crate::verb::{Action, Cx, Subject};

/// Wrong codes a phone takes before another must be sent.
const TRIES: i64 = 5;
/// So long a code lives on when another one is asked for.
const LIVES_ON: i64 = MINUTE;

fn code_print(proof: ProofId, code: &str) -> [u8; 32] {
    fingerprint(&format!("{proof}:{code}"))
}

/// Sends a code to the caller's own phone.
pub struct SendPhoneCode {
    /// The caller.
    pub user: UserId,
}

impl Action for SendPhoneCode {
    const NAME: &'static str = "second_factor.send_phone_code";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if user.profile()?.phone.is_none() {
            return Err(Refusal::NoDeliveryAddress.into());
        }
        let sent = (ProofPurpose::PhoneCode, Channel::Sms);
        if store::lives_on(cx.tx, cx.tenant.id, user.id, sent, (cx.now, LIVES_ON)).await? {
            return Ok(());
        }
        if !limits::admit(cx, user.id, Cause::User).await? {
            return Err(Refusal::TooManyMessages.into());
        }
        let proof = ProofId::new(cx.id_time(), cx.random);
        let code = numeric_code(cx.random, 6);
        let print = code_print(proof, code.expose());
        let (tenant, now) = (cx.tenant.id, cx.now);
        let until = now.plus(cx.tenant.settings.code_seconds * SECOND);
        store::insert_proof(
            cx.tx,
            tenant,
            proof,
            user.id,
            ProofPurpose::PhoneCode,
            Some(Channel::Sms),
            &print,
            None,
            TRIES,
            now,
            until,
        )
        .await?;
        let message = message::queue(cx, &user, Draft::PhoneCode { code }).await?;
        cx.note(Fact::PhoneCodeSent { user: user.id, message });
        Ok(())
    }
}

/// What becomes of a code that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneAnswer {
    /// The phone is hers.
    Verified,
    /// It is not.
    Refused(Refusal),
}

/// The caller tells the code that was sent to her phone. A wrong one costs a try, so it is no error of the action.
pub struct ConfirmPhone {
    /// The caller.
    pub user: UserId,
    /// The code.
    pub code: Secret,
}

impl Action for ConfirmPhone {
    const NAME: &'static str = "second_factor.confirm_phone";
    const PREVIEWABLE: bool = false;
    type Output = PhoneAnswer;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<PhoneAnswer> {
        let tenant = cx.tenant.id;
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        let Some(proof) = store::open_for(cx.tx, tenant, user.id, ProofPurpose::PhoneCode).await? else {
            return Ok(PhoneAnswer::Refused(Refusal::LinkInvalid));
        };
        if cx.now >= proof.expires_at {
            return Ok(PhoneAnswer::Refused(Refusal::LinkExpired));
        }
        if proof.tries_left < 1 {
            return Ok(PhoneAnswer::Refused(Refusal::TooManyTries));
        }
        if tries::is_shut(&user, &cx.tenant.settings, cx.now) {
            tries::count_ignored(cx, &mut user).await?;
            return Ok(PhoneAnswer::Refused(Refusal::TooManyTries));
        }
        if !same(&proof.fingerprint, &code_print(proof.id, pasted(self.code.expose()).expose())) {
            cx.tx.put(store::SPEND_TRY, params![tenant, proof.id]).await?;
            tries::count_wrong(cx, &mut user, "phone_code").await?;
            return Ok(PhoneAnswer::Refused(Refusal::CodeWrong));
        }
        cx.tx.put(store::END_PROOF, params![tenant, proof.id, cx.now, "used"]).await?;
        let mut profile = user.profile()?;
        profile.phone_verified = Some(true);
        user.set_profile(&profile, cx.random)?;
        user::store::save_profile(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::PhoneVerified { user: user.id });
        Ok(PhoneAnswer::Verified)
    }
}
