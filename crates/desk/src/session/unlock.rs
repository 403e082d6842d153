//! Opening a sign-in that wrong passwords have locked, by a code that is mailed to whoever asks: she who has the mailbox has
//! the account. What staff or the core have locked stays locked.

use super::store::{self, ProofPurpose};
use crate::caller::Caller;
use crate::db::params;
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::message::limits::{self, Cause};
use crate::message::{self, Channel, Draft};
use crate::user::model::{By, User};
use crate::user::standing::LockCause;
use crate::user::{self, Attempt, Verdict};
use crate::value::clock::{MINUTE, SECOND};
use crate::value::id::{ProofId, TenantId, UserId};
use crate::value::secret::{Secret, fingerprint, new_token, pasted};
use crate::verb::{Action, Cx, Subject};

/// So long a link or code that was asked for lives on when the same is asked again.
pub(crate) const LIVES_ON: i64 = 5 * MINUTE;

/// Somebody asks for a code that opens her lock. Made by `Desk::ask_unlock`; what it did is never told.
pub struct AskUnlock {
    user: UserId,
}

impl Action for AskUnlock {
    const NAME: &'static str = "session.ask_unlock";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let house = Caller::house(cx.tenant.id, cx.caller.origin.door);
        let user = user::store::load_for_change(cx.tx, cx.tenant, &house, self.user).await?;
        if !may_open_herself(&user, cx) || user.profile()?.email.is_none() {
            return Ok(());
        }
        let sent = (ProofPurpose::UnlockCode, Channel::Email);
        if store::lives_on(cx.tx, cx.tenant.id, user.id, sent, (cx.now, LIVES_ON)).await?
            || !limits::admit(cx, user.id, Cause::Stranger).await?
        {
            return Ok(());
        }
        let seconds = cx.tenant.settings.reset_link_seconds;
        let code = new_token(&format!("buc_{}_", cx.tenant.id.0), cx.random);
        let (print, proof) = (fingerprint(code.expose()), ProofId::new(cx.id_time(), cx.random));
        let (tenant, now) = (cx.tenant.id, cx.now);
        let until = now.plus(seconds * SECOND);
        store::insert_proof(
            cx.tx,
            tenant,
            proof,
            user.id,
            ProofPurpose::UnlockCode,
            Some(Channel::Email),
            &print,
            None,
            1,
            now,
            until,
        )
        .await?;
        let message = message::queue(cx, &user, Draft::UnlockCode { code, minutes: seconds / 60 }).await?;
        cx.note(Fact::UnlockAsked { user: user.id, message });
        Ok(())
    }
}

/// Whether nothing but wrong passwords keeps her out, as far as the lock goes.
fn may_open_herself(user: &User, cx: &Cx<'_>) -> bool {
    let is_hers = user.standing.is_locked(cx.now) && user.standing.lock.cause() == Some(LockCause::FailedSignIns);
    let is_admitted = user.standing.is_shown_as_admitted();
    is_hers && is_admitted && user.standing.rule(Attempt::Unlock, cx.now) == Verdict::Allowed
}

/// Trades a code for an open sign-in. Made by `Desk::unlock_by_code`.
pub struct UnlockByCode {
    user: UserId,
    print: [u8; 32],
}

impl Action for UnlockByCode {
    const NAME: &'static str = "session.unlock";
    const PREVIEWABLE: bool = false;
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let house = Caller::house(cx.tenant.id, cx.caller.origin.door);
        let mut user = user::store::load_for_change(cx.tx, cx.tenant, &house, self.user).await?;
        let proof = store::unlock_code(cx.tx, cx.tenant.id, &self.print).await?;
        let proof = proof.filter(|proof| proof.user == user.id && proof.ended_at.is_none());
        let proof = proof.ok_or(Refusal::LinkInvalid)?;
        if cx.now >= proof.expires_at {
            return Err(Refusal::LinkExpired.into());
        }
        if !may_open_herself(&user, cx) {
            return Err(Refusal::LinkInvalid.into());
        }
        cx.tx.put(store::END_PROOF, params![cx.tenant.id, proof.id, cx.now, "used"]).await?;
        let author = format!("user:{}", user.id);
        let opened = user.unlock("code", &By { now: cx.now, author: &author, reason: None })?;
        user::store::save_lock(cx.tx, &mut user, cx.random, cx.now).await?;
        opened.into_iter().for_each(|fact| cx.note(fact));
        Ok(())
    }
}

/// The tenant that a code which opens a lock belongs to.
pub fn tenant_of_unlock_code(code: &str) -> Option<TenantId> {
    let code = pasted(code);
    let (tenant, _) = code.expose().strip_prefix("buc_")?.split_once('_')?;
    tenant.parse().ok().map(TenantId)
}

struct FindCode(TenantId, [u8; 32]);

impl crate::db::Read for FindCode {
    type Output = Option<UserId>;

    async fn run(&self, rd: &mut crate::db::Rd) -> Result<Option<UserId>> {
        Ok(store::unlock_code(rd, self.0, &self.1).await?.map(|proof| proof.user))
    }
}

impl Desk {
    /// Somebody asks for a code that opens her lock, by a name she signs in with. Answers alike, and takes alike long, whether
    /// there is such a user or not.
    pub async fn ask_unlock(&self, caller: &Caller, identifier: &str) -> Result<()> {
        if identifier.is_empty() || identifier.len() > 254 {
            return Err(Error::invalid("identifier", "invalid", "1 to 254 characters."));
        }
        self.tenant(caller.tenant).await?;
        let (desk, caller, identifier) = (self.clone(), caller.clone(), identifier.to_owned());
        tokio::spawn(async move {
            let done = match desk.user_named(&caller, &identifier).await {
                Ok(Some(user)) => desk.perform(&caller, AskUnlock { user }).await,
                other => other.map(drop),
            };
            if let Err(fault) = done {
                tracing::warn!(code = fault.code(), "a code that somebody asked for could not be sent");
            }
        });
        Ok(())
    }

    /// Trades a code for an open sign-in.
    pub async fn unlock_by_code(&self, caller: &Caller, code: &Secret) -> Result<()> {
        let print = fingerprint(pasted(code.expose()).expose());
        let tenant = self.tenant(caller.tenant).await?.id;
        let user = self.inner.db.read(FindCode(tenant, print)).await?.ok_or(Refusal::LinkInvalid)?;
        self.perform(caller, UnlockByCode { user, print }).await
    }
}
