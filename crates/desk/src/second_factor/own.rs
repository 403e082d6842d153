//! What a user shows besides a session before a credential is replaced or removed: the password, or the factor itself. Wrong
//! ones are counted as at sign-in. Hashes are checked outside the transaction.

use crate::caller::{Caller, Who};
use crate::db::{Rd, Read};
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::tries::CHECKS_MAX;
use crate::user::{self, Checked, User, tries};
use crate::value::id::UserId;
use crate::value::secret::{Secret, pasted};
use crate::value::totp::TotpSecret;
use crate::verb::{Action, Cx};

/// What a user shows; one of them is enough.
#[derive(Default, Clone)]
pub struct OwnProof {
    /// The password.
    pub password: Option<Secret>,
    /// A code of the authenticator.
    pub code: Option<Secret>,
    /// The PIN.
    pub pin: Option<Secret>,
}

/// The same, with the hashes checked.
pub(crate) struct ShownProof {
    password: Option<Checked>,
    code: Option<Secret>,
    pin: Option<Checked>,
}

/// Why a credential was not touched. A wrong proof is counted, so it is no error of the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// What was shown is wrong.
    Wrong,
    /// A hash was changed meanwhile: it has to be checked again.
    Again,
}

impl ShownProof {
    /// Whether it proves who the user is; counts it if it does not. `step` is the audit's word for it.
    pub async fn check(
        &self,
        cx: &mut Cx<'_>,
        user: &mut User,
        step: &'static str,
    ) -> Result<std::result::Result<(), Unproven>> {
        if self.password.is_none() && self.code.is_none() && self.pin.is_none() {
            return Err(Refusal::ProofNeeded.into());
        }
        if tries::is_shut(user, &cx.tenant.settings, cx.now) {
            tries::count_ignored(cx, user).await?;
            return Ok(Err(Unproven::Wrong));
        }
        let pin = user.pin_hash()?;
        let is_stale = self.password.as_ref().is_some_and(|it| !it.is_of(user))
            || self.pin.as_ref().is_some_and(|it| it.hash != pin);
        if is_stale {
            return Ok(Err(Unproven::Again));
        }
        let shown = [&self.password, &self.pin].into_iter().flatten().any(|it| it.right);
        if shown || self.takes_code(user, cx)? {
            return Ok(Ok(()));
        }
        tries::count_wrong(cx, user, step).await?;
        Ok(Err(Unproven::Wrong))
    }

    fn takes_code(&self, user: &mut User, cx: &Cx<'_>) -> Result<bool> {
        let (Some(code), Some(secret)) = (&self.code, user.second_factor()?) else { return Ok(false) };
        let last = user.second_factor_step.and_then(|step| u64::try_from(step).ok());
        let step = TotpSecret::from_bytes(&secret)?.check(pasted(code.expose()).expose(), cx.now, last);
        if let Some(step) = step {
            user.second_factor_step = i64::try_from(step).ok();
        }
        Ok(step.is_some())
    }
}

/// The hashes of a user.
struct OwnHashes {
    tenant: std::sync::Arc<crate::tenant::Tenant>,
    caller: Caller,
    user: UserId,
}

impl Read for OwnHashes {
    type Output = (Option<String>, Option<String>);

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let user = user::store::load(rd, &self.tenant, &self.caller, self.user).await?;
        let pin = user.pin_hash()?;
        Ok((user.password_hash, pin))
    }
}

/// The user who calls.
pub(crate) fn oneself(caller: &Caller) -> Result<UserId> {
    match caller.who {
        Who::User { id, .. } => Ok(id),
        Who::Anonymous => Err(Error::Unauthenticated("this needs a caller who has signed in")),
        Who::Staff { .. } | Who::Key { .. } | Who::House => Err(Error::Forbidden("oneself")),
    }
}

impl Desk {
    /// Performs an action that wants a proof besides the session, checking it anew where a hash was changed meanwhile.
    pub(crate) async fn perform_proved<A, T>(
        &self,
        caller: &Caller,
        proof: &OwnProof,
        action: impl Fn(ShownProof) -> A,
    ) -> Result<T>
    where
        A: Action<Output = std::result::Result<T, Unproven>>,
    {
        for _ in 0..CHECKS_MAX {
            let shown = self.shown(caller, proof).await?;
            match self.perform(caller, action(shown)).await? {
                Ok(done) => return Ok(done),
                Err(Unproven::Again) => {}
                Err(Unproven::Wrong) => return Err(Refusal::ProofWrong.into()),
            }
        }
        Err(Refusal::ProofWrong.into())
    }

    async fn shown(&self, caller: &Caller, proof: &OwnProof) -> Result<ShownProof> {
        let mut shown = ShownProof { password: None, code: proof.code.clone(), pin: None };
        if proof.password.is_none() && proof.pin.is_none() {
            return Ok(shown);
        }
        if [&proof.password, &proof.pin].into_iter().flatten().any(|it| it.expose().len() > 1024) {
            return Err(Error::invalid("password", "too_long", "At most 1024 bytes."));
        }
        let (tenant, user) = (self.tenant(caller.tenant).await?, oneself(caller)?);
        let (password, pin) = self.inner.db.read(OwnHashes { tenant, caller: caller.clone(), user }).await?;
        if let Some(given) = &proof.password {
            shown.password = Some(self.checked(given, password).await?);
        }
        if let Some(given) = &proof.pin {
            shown.pin = Some(self.checked(&pasted(given.expose()), pin).await?);
        }
        Ok(shown)
    }

    async fn checked(&self, given: &Secret, hash: Option<String>) -> Result<Checked> {
        let right = self.verify_password(given.clone(), hash.clone()).await? && hash.is_some();
        Ok(Checked { right, hash })
    }
}
