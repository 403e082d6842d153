//! Passwords: a staff member has a link sent, somebody asks for one herself, a link or an old password is traded for a
//! new password. Nobody but the user ever chooses, sees or mails a password.

mod appoint;
mod register;
pub(crate) mod store;

use crate::access;
use crate::caller::Caller;
use crate::db::{Rd, Read, params};
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::message::limits::{self, Cause};
use crate::message::{self, Channel, Draft};
use crate::second_factor::own::{OwnProof, ShownProof, Unproven, oneself};
use crate::session::EndSessions;
use crate::session::LIVES_ON;
use crate::session::store::{self as proofs, ProofPurpose};
use crate::staff;
use crate::user::cooling::{Reached, check_cooled};
use crate::user::model::User;
use crate::user::standing::{CoreState, LockCause};
use crate::user::{self, Attempt, UnlockUser};
use crate::value::clock::{SECOND, Time};
use crate::value::id::{ProofId, StaffId, TenantId, UserId, Uuid};
use crate::value::secret::{Secret, fingerprint, new_token, pasted};
use crate::verb::{Action, Cx, Subject};

pub use appoint::{AppointStaff, ChooseStaffPassword, InviteAgain, InviteStaff};
pub use register::{
    ConfirmRegistration, RegisterUser, Registration, RegistrationAnswer, RegistrationCard, tenant_of_registration,
};

/// Has a one-time link sent to the address on file. Neither unlocks nor enables; voids older links. The link of a disabled
/// user waits until she is enabled.
pub struct StartPasswordReset {
    /// Whom.
    pub user: UserId,
    /// By mail or text message.
    pub method: Channel,
    /// Why.
    pub reason: Option<String>,
}

/// A link is on its way.
#[derive(Debug, Clone)]
pub struct ResetStarted {
    /// How long the link works, in seconds.
    pub expires_in_seconds: i64,
    /// Until when.
    pub expires_at: Time,
}

impl Action for StartPasswordReset {
    const NAME: &'static str = "password.start_reset";
    type Output = ResetStarted;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<ResetStarted> {
        let user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if !limits::admit(cx, user.id, Cause::Staff).await? {
            return Err(Refusal::TooManyMessages.into());
        }
        start(cx, &user, self.method).await
    }
}

async fn start(cx: &mut Cx<'_>, user: &User, method: Channel) -> Result<ResetStarted> {
    user.try_to(Attempt::StartReset, cx.now)?;
    let profile = user.profile()?;
    let address = match method {
        Channel::Email => &profile.email,
        Channel::Sms => &profile.phone,
    };
    if address.is_none() {
        return Err(Refusal::NoDeliveryAddress.into());
    }
    let reached = match method {
        Channel::Email => Reached::Email,
        Channel::Sms => Reached::Phone,
    };
    check_cooled(cx, user, reached)?;
    let seconds = cx.tenant.settings.reset_link_seconds;
    let expires_at = cx.now.plus(seconds * SECOND);
    let token = new_token(&format!("bur_{}_", cx.tenant.id.0), cx.random);
    let print = fingerprint(token.expose());
    let proof = ProofId::new(cx.id_time(), cx.random);
    let (tenant, now) = (cx.tenant.id, cx.now);
    proofs::insert_proof(
        cx.tx,
        tenant,
        proof,
        user.id,
        ProofPurpose::ResetLink,
        Some(method),
        &print,
        None,
        1,
        now,
        expires_at,
    )
    .await?;
    cx.weigh("address", address)?;
    let message = message::queue(cx, user, Draft::PasswordReset { method, token, minutes: seconds / 60 }).await?;
    cx.note(Fact::PasswordResetAsked { user: user.id, method: method.word(), message });
    Ok(ResetStarted { expires_in_seconds: seconds, expires_at })
}

/// Takes a password away at once: it no longer works, every session, link and code ends, a lock by wrong passwords opens,
/// and a one-time link to choose a new one goes to the mail address on file. Nobody chooses, sees or mails a password. A
/// disabled user stays disabled, and her link waits until she is enabled.
pub struct RevokePassword {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for RevokePassword {
    const NAME: &'static str = "password.revoke";
    type Output = user::Changed;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<user::Changed> {
        user::check_reason(self.reason.as_deref())?;
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        user.try_to(Attempt::StartReset, cx.now)?;
        let opens_a_lock = user.standing.lock.cause() == Some(LockCause::FailedSignIns);
        // What it does besides is held by the policy as if it were done by itself.
        let about = Subject::User(user.id);
        cx.check_policy(StartPasswordReset::NAME, about)?;
        if opens_a_lock {
            cx.check_policy(UnlockUser::NAME, about)?;
        }
        if access::is_there(cx.tx, cx.tenant.id, user.id).await? {
            cx.check_policy(EndSessions::NAME, about)?;
        }
        // No password fits no hash.
        user.password_hash = None;
        let from = user.standing.core;
        if from == CoreState::Normal || from == CoreState::PasswordExpired {
            let to = CoreState::PasswordNeedsReset;
            user.standing.core = to;
            cx.note(Fact::UserCoreStateChanged { user: user.id, from: from.word(), to: to.word() });
        }
        user::store::save_credentials(cx.tx, &mut user, cx.now).await?;
        cx.note(Fact::PasswordRevoked { user: user.id });
        if opens_a_lock || user.failed_sign_ins > 0 {
            let author = cx.caller.author();
            let by = user::model::By { now: cx.now, author: &author, reason: self.reason.as_deref() };
            let opened = user.unlock("reset", &by)?;
            (user.failed_sign_ins, user.failing_since) = (0, None);
            user::store::save_lock(cx.tx, &mut user, cx.random, cx.now).await?;
            opened.into_iter().for_each(|fact| cx.note(fact));
        }
        access::end(cx, user.id, "password_revoked").await?;
        start(cx, &user, Channel::Email).await?;
        Ok(user::Changed { user, changed: true })
    }
}

/// Somebody says she has forgotten her password. Made by `Desk::ask_reset`; what it did is never told.
pub struct AskPasswordReset {
    user: UserId,
    method: Channel,
}

impl Action for AskPasswordReset {
    const NAME: &'static str = "password.ask_reset";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let house = Caller::house(cx.tenant.id, cx.caller.origin.door);
        let user = user::store::load_for_change(cx.tx, cx.tenant, &house, self.user).await?;
        // Whom we have shut out does not come back by asking; staff may send them a link all the same.
        if !user.standing.is_shown_as_admitted() {
            return Ok(());
        }
        let address = match self.method {
            Channel::Email => user.profile()?.email,
            Channel::Sms => user.profile()?.phone,
        };
        let sent = (ProofPurpose::ResetLink, self.method);
        if address.is_none()
            || user.try_to(Attempt::StartReset, cx.now).is_err()
            || proofs::lives_on(cx.tx, cx.tenant.id, user.id, sent, (cx.now, LIVES_ON)).await?
            || !limits::admit(cx, user.id, Cause::Stranger).await?
        {
            return Ok(());
        }
        match start(cx, &user, self.method).await {
            Ok(_) | Err(Error::Refused(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

/// Trades a link for a new password. Made by `Desk::choose_password`. Ends every session; neither unlocks nor enables.
pub struct ChoosePassword {
    user: UserId,
    print: [u8; 32],
    hash: String,
}

impl Action for ChoosePassword {
    const NAME: &'static str = "password.choose";
    const PREVIEWABLE: bool = false;
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let house = Caller::house(cx.tenant.id, cx.caller.origin.door);
        // The user first: two who use one link at the same time then wait for each other here.
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, &house, self.user).await?;
        let proof = open_link(cx.tx, user.tenant, user.id.0, &self.print, cx.now).await?;
        user.try_to(Attempt::ChoosePassword, cx.now)?;
        cx.tx.put(proofs::END_PROOF, params![cx.tenant.id, proof, cx.now, "used"]).await?;
        set_password(cx, &mut user, &self.hash, "link").await
    }
}

async fn open_link(rd: &mut Rd, tenant: TenantId, whose: Uuid, print: &[u8; 32], now: Time) -> Result<ProofId> {
    let link = proofs::link(rd, tenant, print).await?.filter(|link| link.user.0 == whose);
    match link {
        None => Err(Refusal::LinkInvalid.into()),
        Some(link) if link.ended_at.is_some() => Err(Refusal::LinkInvalid.into()),
        Some(link) if now >= link.expires_at => Err(Refusal::LinkExpired.into()),
        Some(link) => Ok(link.id),
    }
}

async fn set_password(cx: &mut Cx<'_>, user: &mut User, hash: &str, way: &'static str) -> Result<()> {
    user.password_hash = Some(hash.to_owned());
    if matches!(user.standing.core, CoreState::PasswordExpired | CoreState::PasswordNeedsReset) {
        let from = user.standing.core.word();
        user.standing.core = CoreState::Normal;
        cx.note(Fact::UserCoreStateChanged { user: user.id, from, to: CoreState::Normal.word() });
    }
    user::store::save_credentials(cx.tx, user, cx.now).await?;
    cx.note(Fact::PasswordChanged { user: user.id, way });
    access::end(cx, user.id, "password_changed").await?;
    if user.profile()?.email.is_some() {
        message::queue(cx, user, Draft::PasswordChanged).await?;
    }
    Ok(())
}

/// A signed-in user trades the current password for a new one. Made by `Desk::change_password`.
pub struct ChangePassword {
    user: UserId,
    proof: ShownProof,
    hash: String,
}

impl Action for ChangePassword {
    const NAME: &'static str = "password.change";
    const PREVIEWABLE: bool = false;
    type Output = std::result::Result<(), Unproven>;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Self::Output> {
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        if let Err(unproven) = self.proof.check(cx, &mut user, "current_password").await? {
            return Ok(Err(unproven));
        }
        user.try_to(Attempt::ChoosePassword, cx.now)?;
        set_password(cx, &mut user, &self.hash, "herself").await.map(Ok)
    }
}

/// Whose link this is, for the page that asks for the new password.
pub struct LinkCard {
    whose: Whose,
    /// The institution's name.
    pub institution: String,
    /// The user's language.
    pub locale: Option<String>,
    /// The fewest characters a password needs.
    pub password_min_length: i64,
    personal: Vec<String>,
}

/// A link is a user's, or a staff member's who was appointed.
enum Whose {
    User(UserId),
    Staff(StaffId),
}

struct FindLink {
    tenant: std::sync::Arc<crate::tenant::Tenant>,
    print: [u8; 32],
    caller: Caller,
    now: Time,
}

impl Read for FindLink {
    type Output = LinkCard;

    async fn run(&self, rd: &mut Rd) -> Result<LinkCard> {
        let tenant = &self.tenant;
        let link = proofs::link(rd, tenant.id, &self.print).await?.ok_or(Error::NotFound("link"))?;
        open_link(rd, tenant.id, link.user.0, &self.print, self.now).await?;
        let institution = tenant.institution.name.clone();
        let password_min_length = tenant.settings.password_min_length;
        if link.purpose == ProofPurpose::StaffLink {
            let staff = staff::store::load_to_read(rd, tenant, StaffId(link.user.0)).await?;
            let local = staff.profile.email.split('@').next().unwrap_or_default().to_owned();
            let personal = vec![staff.profile.name, local, institution.clone()];
            let whose = Whose::Staff(staff.id);
            return Ok(LinkCard { whose, institution, locale: None, password_min_length, personal });
        }
        let house = Caller::house(tenant.id, self.caller.origin.door);
        let user = user::store::load(rd, tenant, &house, link.user).await?;
        user.try_to(Attempt::ChoosePassword, self.now)?;
        let profile = user.profile()?;
        let personal = personal_words(&profile, &tenant.institution.name);
        let whose = Whose::User(user.id);
        Ok(LinkCard { whose, institution, locale: profile.locale, password_min_length, personal })
    }
}

/// What must not stand in a person's password.
pub fn personal_words(profile: &user::Profile, institution: &str) -> Vec<String> {
    let local = profile.email.as_ref().and_then(|email| email.split('@').next()).map(str::to_owned);
    let names = [Some(profile.first_name.clone()), Some(profile.last_name.clone()), profile.username.clone(), local];
    let mut words: Vec<String> = names.into_iter().flatten().collect();
    words.push(institution.to_owned());
    words
}

impl Desk {
    /// Somebody asks for a reset link by a name she signs in with. Answers alike whether there is such a user or not, and
    /// takes alike long: the caller is answered before anything is done.
    pub async fn ask_reset(&self, caller: &Caller, identifier: &str, method: Channel) -> Result<()> {
        if identifier.is_empty() || identifier.len() > 254 {
            return Err(Error::invalid("identifier", "invalid", "1 to 254 characters."));
        }
        self.tenant(caller.tenant).await?;
        let (desk, caller, identifier) = (self.clone(), caller.clone(), identifier.to_owned());
        tokio::spawn(async move {
            match desk.user_named(&caller, &identifier).await {
                Ok(Some(user)) => {
                    if let Err(fault) = desk.perform(&caller, AskPasswordReset { user, method }).await {
                        tracing::warn!(code = fault.code(), "a reset that somebody asked for could not be started");
                    }
                }
                Ok(None) => {}
                Err(fault) => tracing::warn!(code = fault.code(), "a name could not be looked up for a reset"),
            }
        });
        Ok(())
    }

    /// Whose link this is; `NotFound` if it never was one, refused if it was used, replaced or has expired.
    pub async fn reset_link(&self, caller: &Caller, token: &Secret) -> Result<LinkCard> {
        let tenant = self.tenant(caller.tenant).await?;
        let find = FindLink {
            tenant,
            print: fingerprint(pasted(token.expose()).expose()),
            caller: caller.clone(),
            now: self.now(),
        };
        self.inner.db.read(find).await
    }

    /// Trades a link for a new password; a password that is too weak leaves the link usable.
    pub async fn choose_password(&self, caller: &Caller, token: &Secret, password: Secret) -> Result<()> {
        let card = self.reset_link(caller, token).await?;
        let hash = self.hash_new_password(password, card.password_min_length, card.personal).await?;
        let print = fingerprint(pasted(token.expose()).expose());
        match card.whose {
            Whose::User(user) => self.perform(caller, ChoosePassword { user, print, hash }).await,
            Whose::Staff(staff) => self.perform(caller, ChooseStaffPassword { staff, print, hash }).await,
        }
    }

    /// A signed-in user trades her old password for a new one.
    pub async fn change_password(&self, caller: &Caller, current: Secret, password: Secret) -> Result<()> {
        let user = oneself(caller)?;
        let tenant = self.tenant(caller.tenant).await?;
        let profile = self.inner.db.read(OwnProfile { tenant: tenant.clone(), user }).await?;
        let personal = personal_words(&profile, &tenant.institution.name);
        let hash = self.hash_new_password(password, tenant.settings.password_min_length, personal).await?;
        let proof = OwnProof { password: Some(current), ..OwnProof::default() };
        match self.perform_proved(caller, &proof, |proof| ChangePassword { user, proof, hash: hash.clone() }).await {
            Err(Error::Refused(Refusal::ProofWrong)) => {
                Err(Error::invalid("current_password", "wrong", "This is not the current password."))
            }
            other => other,
        }
    }
}

struct OwnProfile {
    tenant: std::sync::Arc<crate::tenant::Tenant>,
    user: UserId,
}

impl Read for OwnProfile {
    type Output = Box<user::Profile>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let house = Caller::house(self.tenant.id, crate::caller::Door::Native);
        user::store::load(rd, &self.tenant, &house, self.user).await?.profile()
    }
}
