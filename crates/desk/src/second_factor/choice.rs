//! Which second factor a customer wants, and the PIN that guards her payments.

use crate::caller::{Caller, Who};
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::user;
use crate::user::profile::SECOND_FACTORS;
use crate::value::id::UserId;
use crate::value::secret::Secret;
use crate::verb::{Action, Cx, Subject};

/// Sets the PIN that guards the caller's payments. Made by `Desk::set_pin`.
pub struct SetPin {
    user: UserId,
    hash: String,
}

impl Action for SetPin {
    const NAME: &'static str = "second_factor.set_pin";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        user.set_pin(&self.hash, cx.random)?;
        user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::PinSet { user: user.id });
        Ok(())
    }
}

/// The caller chooses her second factor: one that she has set up.
pub struct ChooseSecondFactor {
    /// The caller.
    pub user: UserId,
    /// `pin`, `phone` or `totp`.
    pub choice: String,
}

impl Action for ChooseSecondFactor {
    const NAME: &'static str = "second_factor.choose";
    type Output = user::Changed;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<user::Changed> {
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
            return Ok(user::Changed { user, changed: false });
        }
        profile.second_factor_choice = Some(choice.to_owned());
        user.set_profile(&profile, cx.random)?;
        user::store::save_profile(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::SecondFactorChosen { user: user.id, choice });
        Ok(user::Changed { user, changed: true })
    }
}

impl Desk {
    /// Sets the PIN of the signed-in caller: four digits, hashed like a password and sealed besides.
    pub async fn set_pin(&self, caller: &Caller, pin: Secret) -> Result<()> {
        let user = match caller.who {
            Who::User { id, .. } => id,
            Who::Anonymous => return Err(Error::Unauthenticated("this needs a caller who has signed in")),
            Who::Staff { .. } | Who::Key { .. } | Who::House => return Err(Error::Forbidden("oneself")),
        };
        if pin.expose().len() != 4 || !pin.expose().bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid("pin", "invalid", "Four digits."));
        }
        let hash = self.hash_again(pin).await?;
        self.perform(caller, SetPin { user, hash }).await
    }
}
