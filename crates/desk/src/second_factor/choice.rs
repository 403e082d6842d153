//! Which second factor a customer wants, and the PIN that guards payments.

use super::own::{OwnProof, ShownProof, Unproven, oneself};
use crate::caller::Caller;
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::user;
use crate::user::profile::SECOND_FACTORS;
use crate::value::id::UserId;
use crate::value::secret::{Secret, pasted};
use crate::verb::{Action, Cx, Subject};

/// Sets the PIN that guards the caller's payments; another one for one that is set needs a proof. Made by `Desk::set_pin`.
pub struct SetPin {
    user: UserId,
    hash: String,
    proof: ShownProof,
}

impl Action for SetPin {
    const NAME: &'static str = "second_factor.set_pin";
    const PREVIEWABLE: bool = false;
    type Output = std::result::Result<(), Unproven>;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Self::Output> {
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if user.sealed_pin.is_some()
            && let Err(unproven) = self.proof.check(cx, &mut user, "pin").await?
        {
            return Ok(Err(unproven));
        }
        user.set_pin(&self.hash, cx.random)?;
        user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::PinSet { user: user.id });
        Ok(Ok(()))
    }
}

/// The caller chooses a second factor: one that is set up. Another one than was chosen before needs a proof. Made by
/// `Desk::choose_second_factor`.
pub struct ChooseSecondFactor {
    user: UserId,
    choice: String,
    proof: ShownProof,
}

impl Action for ChooseSecondFactor {
    const NAME: &'static str = "second_factor.choose";
    const PREVIEWABLE: bool = false;
    type Output = std::result::Result<bool, Unproven>;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Self::Output> {
        let known = SECOND_FACTORS.iter().find(|known| **known == self.choice);
        let choice = *known.ok_or_else(|| Error::invalid("type", "unknown", "One of: pin, phone, totp."))?;
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        let mut profile = user.profile()?;
        let is_set_up = match choice {
            "pin" => user.sealed_pin.is_some(),
            "phone" => profile.phone_verified == Some(true),
            _ => user.has_second_factor(),
        };
        if !is_set_up {
            return Err(Refusal::NotSetUp.into());
        }
        if profile.second_factor_choice.as_deref() == Some(choice) {
            return Ok(Ok(false));
        }
        if profile.second_factor_choice.is_some() {
            if let Err(unproven) = self.proof.check(cx, &mut user, "second_factor").await? {
                return Ok(Err(unproven));
            }
            // A code of the authenticator counts once.
            user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
        }
        profile.second_factor_choice = Some(choice.to_owned());
        user.set_profile(&profile, cx.random)?;
        user::store::save_profile(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::SecondFactorChosen { user: user.id, choice });
        Ok(Ok(true))
    }
}

impl Desk {
    /// Sets the PIN of the signed-in caller: four digits, hashed like a password and sealed besides. Where one is set, the
    /// proof is needed: the password, or the PIN of until now.
    pub async fn set_pin(&self, caller: &Caller, pin: Secret, proof: OwnProof) -> Result<()> {
        let user = oneself(caller)?;
        let pin = pasted(pin.expose());
        if pin.expose().len() != 4 || !pin.expose().bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid("pin", "invalid", "Four digits."));
        }
        let hash = self.hash_again(pin).await?;
        self.perform_proved(caller, &proof, |proof| SetPin { user, hash: hash.clone(), proof }).await
    }

    /// Chooses the signed-in caller's second factor, `pin`, `phone` or `totp`; answers whether that is another one. Where one
    /// was chosen, the proof is needed.
    pub async fn choose_second_factor(&self, caller: &Caller, choice: &str, proof: OwnProof) -> Result<bool> {
        let user = oneself(caller)?;
        self.perform_proved(caller, &proof, |proof| ChooseSecondFactor { user, choice: choice.to_owned(), proof }).await
    }
}
