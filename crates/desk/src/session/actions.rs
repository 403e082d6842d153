//! Signing in and out.

use super::sign_in::NewDevice;
use super::store::{self, ProofPurpose};
use crate::access;
use crate::caller::{Caller, Who};
use crate::db::params;
use crate::device;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::message::limits::{self, Cause};
use crate::message::{self, Channel, Draft};
use crate::tries as counted;
use crate::user::model::{By, User};
use crate::user::standing::*;
use crate::user::{self, Checked, tries};
use crate::value::clock::{SECOND, Time};
use crate::value::id::{DeviceId, ProofId, SessionId, UserId};
use crate::value::secret::{Secret, fingerprint, new_token, numeric_code, pasted, same};
use crate::value::token::Domain;
use crate::value::totp::TotpSecret;
use crate::verb::{Action, Cx, OnLoaded, Subject};

/// Wrong codes a second step takes.
const CODE_TRIES: i64 = 5;
/// Rows that count attempts with unknown names, in each tenant.
const NOISE_BUCKETS: u8 = 64;

/// What becomes of somebody who wants to sign in.
pub enum SignInAnswer {
    /// No such user, or not the password: which of the two is not said.
    Wrong,
    /// Too many wrong passwords came; whether this one is right is not said. A name that nobody has is answered so, too.
    Shut,
    /// The right password, but she may not come in.
    Barred(Refusal),
    /// The right password; now a second step is asked for.
    SecondFactor {
        /// Names the pending step.
        proof: ProofId,
        /// `totp` or `email_code`.
        factor: &'static str,
        /// Until when.
        expires_at: Time,
    },
    /// Signed in.
    SignedIn {
        /// The session.
        session: SessionId,
        /// Its token; shown this once.
        token: Secret,
        /// Whom.
        user: Box<User>,
        /// On which device.
        device: Option<DeviceId>,
        /// Until when.
        expires_at: Time,
    },
}

/// A password was checked outside; this decides what follows. Made by `Desk::sign_in`.
pub struct SignIn {
    pub(crate) user: Option<UserId>,
    pub(crate) password: Checked,
    /// The same password, hashed as new ones are.
    pub(crate) upgraded: Option<String>,
    pub(crate) identifier: String,
    pub(crate) device: Option<NewDevice>,
    pub(crate) lives_seconds: Option<i64>,
}

impl Action for SignIn {
    const NAME: &'static str = "session.sign_in";
    const PREVIEWABLE: bool = false;
    /// Nothing: the stored hash is another one by now, and the password has to be checked again.
    type Output = Option<SignInAnswer>;

    fn subject(&self) -> Subject {
        self.user.map_or(Subject::Tenant, Subject::User)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Option<SignInAnswer>> {
        let Some(id) = self.user else {
            let bucket = i64::from(fingerprint(&self.identifier)[0] % NOISE_BUCKETS);
            cx.tx.put(store::COUNT_NOISE, params![cx.tenant.id, bucket, cx.now]).await?;
            let name = cx.tenant.keys.lookup().unique(Domain::Email, &self.identifier);
            return Ok(Some(match counted::count_unknown(cx, &name).await? {
                true => SignInAnswer::Shut,
                false => SignInAnswer::Wrong,
            }));
        };
        let mut user = load_for_sign_in(cx, id).await?;
        if tries::is_shut(&user, &cx.tenant.settings, cx.now) {
            tries::count_ignored(cx, &mut user).await?;
            return Ok(Some(SignInAnswer::Shut));
        }
        // A hash that was changed meanwhile may be of the same password: whoever asks twice at once is not wrong.
        if !self.password.is_of(&user) {
            return Ok(None);
        }
        if !self.password.right {
            tries::count_wrong(cx, &mut user, "password").await?;
            return Ok(Some(SignInAnswer::Wrong));
        }
        self.enter(cx, user).await.map(Some)
    }
}

impl SignIn {
    /// The password is right.
    async fn enter(&self, cx: &mut Cx<'_>, mut user: User) -> Result<SignInAnswer> {
        if let Verdict::Refused(refusal) = user.standing.rule(Attempt::SignIn, cx.now) {
            cx.note(Fact::UserSignInFailed { user: user.id, step: refusal.word(), failures: user.failed_sign_ins });
            return Ok(SignInAnswer::Barred(refusal.for_customer()));
        }
        if let Some(hash) = &self.upgraded {
            user.password_hash = Some(hash.clone());
            user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
        }
        let mails_codes = cx.tenant.settings.mail_codes;
        if user.has_second_factor() {
            return self.ask_second_factor(cx, &user, ProofPurpose::SignInTotp).await;
        }
        if mails_codes && user.profile()?.email.is_some() {
            return self.ask_second_factor(cx, &user, ProofPurpose::SignInCode).await;
        }
        open_session(cx, user, self.device.as_ref(), self.lives_seconds).await
    }
}

/// Loads the user with the system's own view, and opens a lock whose time is over.
async fn load_for_sign_in(cx: &mut Cx<'_>, id: UserId) -> Result<User> {
    let house = Caller::house(cx.tenant.id, cx.caller.origin.door);
    let mut user = user::store::load_for_change(cx.tx, cx.tenant, &house, id).await?;
    tries::open_run_out(cx, &mut user).await?;
    Ok(user)
}

impl SignIn {
    async fn ask_second_factor(&self, cx: &mut Cx<'_>, user: &User, purpose: ProofPurpose) -> Result<SignInAnswer> {
        if purpose == ProofPurpose::SignInCode && !limits::admit(cx, user.id, Cause::User).await? {
            return Ok(SignInAnswer::Barred(Refusal::TooManyMessages));
        }
        let proof = ProofId::new(cx.id_time(), cx.random);
        let expires_at = cx.now.plus(cx.tenant.settings.code_seconds * SECOND);
        let device = match &self.device {
            Some(device) => Some(device::seal_new(cx, user, proof, device)?),
            None => None,
        };
        let code = numeric_code(cx.random, 6);
        let print = code_print(proof, code.expose());
        let (tenant, now) = (cx.tenant.id, cx.now);
        let channel = (purpose == ProofPurpose::SignInCode).then_some(Channel::Email);
        store::insert_proof(
            cx.tx, tenant, proof, user.id, purpose, channel, &print, device, CODE_TRIES, now, expires_at,
        )
        .await?;
        let factor = match purpose {
            ProofPurpose::SignInCode => {
                message::queue(cx, user, Draft::SignInCode { code }).await?;
                "email_code"
            }
            ProofPurpose::SignInTotp
            | ProofPurpose::ResetLink
            | ProofPurpose::UnlockCode
            | ProofPurpose::PhoneCode
            | ProofPurpose::StaffLink => "totp",
        };
        cx.note(Fact::UserSecondFactorAsked { user: user.id, factor });
        Ok(SignInAnswer::SecondFactor { proof, factor, expires_at })
    }
}

/// A code is short; what is stored of it depends on the proof it belongs to.
fn code_print(proof: ProofId, code: &str) -> [u8; 32] {
    fingerprint(&format!("{proof}:{code}"))
}

/// The second step: a code from the authenticator or from the mail.
pub struct ConfirmSignIn {
    /// The pending step.
    pub proof: ProofId,
    /// The code.
    pub code: Secret,
    /// How long the session lasts, where a voice says so.
    pub lives_seconds: Option<i64>,
}

impl Action for ConfirmSignIn {
    const NAME: &'static str = "session.confirm_sign_in";
    const PREVIEWABLE: bool = false;
    type Output = SignInAnswer;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SignInAnswer> {
        let tenant = cx.tenant.id;
        let code = pasted(self.code.expose());
        let proof = store::proof_for_change(cx.tx, tenant, self.proof).await?;
        let is_second_step =
            |proof: &store::Proof| matches!(proof.purpose, ProofPurpose::SignInCode | ProofPurpose::SignInTotp);
        let Some(proof) = proof.filter(is_second_step) else {
            return Ok(SignInAnswer::Barred(Refusal::LinkInvalid));
        };
        if proof.ended_at.is_some() {
            return Ok(SignInAnswer::Barred(Refusal::LinkInvalid));
        }
        if cx.now >= proof.expires_at {
            return Ok(SignInAnswer::Barred(Refusal::LinkExpired));
        }
        if proof.tries_left < 1 {
            return Ok(SignInAnswer::Barred(Refusal::TooManyTries));
        }
        let mut user = load_for_sign_in(cx, proof.user).await?;
        let (right, step) = match proof.purpose {
            ProofPurpose::SignInTotp => check_totp(cx, &user, &code)?,
            ProofPurpose::SignInCode
            | ProofPurpose::ResetLink
            | ProofPurpose::UnlockCode
            | ProofPurpose::PhoneCode
            | ProofPurpose::StaffLink => (same(&proof.fingerprint, &code_print(proof.id, code.expose())), None),
        };
        if !right {
            cx.tx.put(store::SPEND_TRY, params![tenant, proof.id]).await?;
            tries::count_wrong(cx, &mut user, "code").await?;
            return Ok(SignInAnswer::Barred(Refusal::CodeWrong));
        }
        if let Verdict::Refused(refusal) = user.standing.rule(Attempt::SignIn, cx.now) {
            cx.note(Fact::UserSignInFailed { user: user.id, step: refusal.word(), failures: user.failed_sign_ins });
            return Ok(SignInAnswer::Barred(refusal.for_customer()));
        }
        cx.tx.put(store::END_PROOF, params![tenant, proof.id, cx.now, "used"]).await?;
        if step.is_some() {
            user.second_factor_step = step;
        }
        let device = match &proof.device {
            Some(sealed) => Some(device::open_new(&user, proof.id, sealed)?),
            None => None,
        };
        open_session(cx, user, device.as_ref(), self.lives_seconds).await
    }
}

/// The step of a right code of the user's authenticator.
fn check_totp(cx: &Cx<'_>, user: &User, code: &Secret) -> Result<(bool, Option<i64>)> {
    let Some(secret) = user.second_factor()? else { return Ok((false, None)) };
    let secret = TotpSecret::from_bytes(&secret)?;
    let last = user.second_factor_step.and_then(|step| u64::try_from(step).ok());
    let step = secret.check(code.expose(), cx.now, last);
    Ok((step.is_some(), step.and_then(|step| i64::try_from(step).ok())))
}

/// Opens a session of its own length; a voice may ask for a shorter one than the institution grants.
pub(crate) async fn open_session(
    cx: &mut Cx<'_>,
    mut user: User,
    device: Option<&NewDevice>,
    lives_seconds: Option<i64>,
) -> Result<SignInAnswer> {
    if user.standing.suspension == Suspension::Suspended {
        let by = By { now: cx.now, author: &format!("user:{}", user.id), reason: None };
        let fact = Fact::UserReinstated { user: user.id };
        let ended =
            user.switch(Attempt::Reinstate, Axis::Suspension, &by, |it| it.suspension = Suspension::No, fact)?;
        if let Some(fact) = ended {
            user::store::save_standing(cx.tx, &mut user, cx.random, cx.now).await?;
            cx.note(fact);
        }
    }
    let device = match device {
        Some(device) => Some(device::seen(cx, &user, device).await?),
        None => None,
    };
    user::store::save_seen(cx.tx, &mut user, cx.now).await?;
    let session = SessionId::new(cx.id_time(), cx.random);
    let granted = cx.tenant.settings.session_seconds;
    let expires_at = cx.now.plus(lives_seconds.unwrap_or(granted).min(granted) * SECOND);
    let token = new_token(&format!("bus_{}_", cx.tenant.id.0), cx.random);
    let print = fingerprint(token.expose());
    cx.tx
        .put(store::INSERT, params![cx.tenant.id, session, print, "user", user.id, device, cx.now, expires_at])
        .await?;
    cx.note(Fact::UserSignedIn { user: user.id, session, device });
    Ok(SignInAnswer::SignedIn { session, token, user: Box::new(user), device, expires_at })
}

/// Ends the caller's own session.
pub struct SignOut {
    /// The caller.
    pub user: UserId,
}

impl Action for SignOut {
    const NAME: &'static str = "session.sign_out";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let Who::User { session, .. } = cx.caller.who else { return Err(Error::Forbidden("oneself")) };
        let params = params![cx.tenant.id, self.user, session, cx.now, "signed_out"];
        if cx.tx.run(store::END, params).await? == 1 {
            cx.note(Fact::UserSignedOut { user: self.user, session });
        }
        Ok(())
    }
}

/// Ends one session of a user.
pub struct EndSession {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for EndSession {
    const NAME: &'static str = "session.end";
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<bool> {
        user::store::load(cx.tx, cx.tenant, cx.caller, self.user).await?;
        let known = store::of_subject(cx.tx, cx.tenant.id, self.user, 1_000).await?;
        if !known.iter().any(|row| row.id == self.session) {
            return Err(Error::NotFound(SessionId::NOUN));
        }
        let params = params![cx.tenant.id, self.user, self.session, cx.now, "ended_by_staff"];
        let ended = cx.tx.run(store::END, params).await? == 1;
        if ended {
            cx.note(Fact::UserSignedOut { user: self.user, session: self.session });
        }
        Ok(ended)
    }
}

/// Ends every session, reset link and pending code of a user.
pub struct EndSessions {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for EndSessions {
    const NAME: &'static str = "session.end_all";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let user = user::store::load(cx.tx, cx.tenant, cx.caller, self.user).await?;
        self.on_loaded(cx, user).await
    }
}

impl OnLoaded for EndSessions {
    type Thing = User;

    async fn on_loaded(&self, cx: &mut Cx<'_>, user: User) -> Result<()> {
        access::end(cx, user.id, "ended_by_staff").await
    }
}
