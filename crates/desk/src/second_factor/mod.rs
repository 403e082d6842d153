//! The authenticator as a second factor (TOTP, RFC 6238): prepared, confirmed with a first code, removed.

mod choice;
pub(crate) mod own;

pub use choice::{ChooseSecondFactor, SetPin};
pub use own::{OwnProof, Unproven};

use crate::caller::Caller;
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::user::cooling::{Reached, check_cooled};
use crate::user::{self, tries};
use crate::value::id::UserId;
use crate::value::secret::{Secret, pasted};
use crate::value::totp::TotpSecret;
use crate::verb::{Action, Cx, Question, Qx, Subject};

/// Makes a secret for the authenticator. Nothing is stored: the user confirms with the secret and a first code.
pub struct PrepareSecondFactor {
    /// The caller.
    pub user: UserId,
}

/// What an authenticator is fed with; shown once.
pub struct Prepared {
    /// The secret in base 32.
    pub secret: Secret,
    /// The `otpauth://` address, for a QR code.
    pub url: Secret,
}

impl Action for PrepareSecondFactor {
    const NAME: &'static str = "second_factor.prepare";
    type Output = Prepared;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Prepared> {
        let user = user::store::load(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if user.has_second_factor() {
            return Err(Refusal::AlreadySetUp.into());
        }
        let profile = user.profile()?;
        let account = profile.username.or(profile.email).unwrap_or_else(|| user.number.to_string());
        let secret = TotpSecret::create(cx.random);
        let url = secret.url(&cx.tenant.institution.name, &account)?;
        Ok(Prepared { secret: secret.base32(), url })
    }
}

/// Sets the authenticator up, once a first code shows that it works. A wrong one is counted, so it is no error of the action:
/// it answers the refusal.
pub struct ConfirmSecondFactor {
    /// The caller.
    pub user: UserId,
    /// The secret in base 32, as it was prepared.
    pub secret: Secret,
    /// The first code.
    pub code: Secret,
}

impl Action for ConfirmSecondFactor {
    const NAME: &'static str = "second_factor.confirm";
    const PREVIEWABLE: bool = false;
    type Output = Option<Refusal>;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Option<Refusal>> {
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if user.has_second_factor() {
            return Err(Refusal::AlreadySetUp.into());
        }
        let secret = TotpSecret::from_base32(&pasted(self.secret.expose()).expose().to_ascii_uppercase())
            .map_err(|_| Error::invalid("secret", "invalid", "Not the secret that was prepared."))?;
        let Some(step) = secret.check(pasted(self.code.expose()).expose(), cx.now, None) else {
            tries::count_wrong(cx, &mut user, "code").await?;
            return Ok(Some(Refusal::CodeWrong));
        };
        user.set_second_factor(Some(secret.bytes()), cx.random)?;
        user.second_factor_step = i64::try_from(step).ok();
        user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::SecondFactorSetUp { user: self.user });
        Ok(None)
    }
}

/// Removes the authenticator of a user who lost it.
pub struct RemoveSecondFactor {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for RemoveSecondFactor {
    const NAME: &'static str = "second_factor.remove";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if user.has_second_factor() {
            check_cooled(cx, &user, Reached::Any)?;
            cx.weigh("second_factor", &user.second_factor()?)?;
            user.set_second_factor(None, cx.random)?;
            user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
            cx.note(Fact::SecondFactorRemoved { user: self.user });
        }
        Ok(())
    }
}

/// The caller removes their own authenticator, with a proof. Made by `Desk::remove_own_second_factor`.
pub struct RemoveOwnSecondFactor {
    user: UserId,
    proof: own::ShownProof,
}

impl Action for RemoveOwnSecondFactor {
    const NAME: &'static str = "second_factor.remove_own";
    const PREVIEWABLE: bool = false;
    type Output = std::result::Result<(), Unproven>;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Self::Output> {
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if !user.has_second_factor() {
            return Ok(Ok(()));
        }
        if let Err(unproven) = self.proof.check(cx, &mut user, "second_factor").await? {
            return Ok(Err(unproven));
        }
        user.set_second_factor(None, cx.random)?;
        user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::SecondFactorRemoved { user: self.user });
        Ok(Ok(()))
    }
}

impl Desk {
    /// Removes the authenticator of the signed-in caller, who shows the password or a code of it.
    pub async fn remove_own_second_factor(&self, caller: &Caller, proof: OwnProof) -> Result<()> {
        let user = own::oneself(caller)?;
        self.perform_proved(caller, &proof, |proof| RemoveOwnSecondFactor { user, proof }).await
    }
}

/// What a user's authenticator is fed with, in the form a vendor shows it; recorded, and only where the institution says so.
pub struct RevealSecondFactor {
    /// Whose.
    pub user: UserId,
    /// What for.
    pub purpose: String,
}

impl Question for RevealSecondFactor {
    const NAME: &'static str = "user.reveal_second_factor";
    const RECORDED: bool = true;
    /// The secret in base 32, if an authenticator is set up and the setting `switch_expose_totp_uri` is on.
    type Output = Option<Secret>;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn purpose(&self) -> Option<&str> {
        Some(&self.purpose)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Option<Secret>> {
        if !qx.tenant.settings.switch_expose_totp_uri {
            return Ok(None);
        }
        let user = user::store::load(qx.rd, qx.tenant, qx.caller, self.user).await?;
        user.second_factor()?.map(|bytes| Ok(TotpSecret::from_bytes(&bytes)?.base32())).transpose()
    }
}
