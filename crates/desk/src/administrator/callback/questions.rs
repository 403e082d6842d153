//! What may be asked about callbacks: by the house, whether one may be told now; by staff, what became of them.

use super::model::{Callback, CallbackEvent, CallbackState};
use super::store;
use crate::account;
use crate::administrator;
use crate::administrator::IdType;
use crate::caller::{Caller, Origin};
use crate::credential;
use crate::error::{Error, Result};
use crate::key;
use crate::permission::Permission;
use crate::user::questions::PAGE_MAX;
use crate::value::clock::{DAY, HOUR, SECOND, Time};
use crate::value::id::{CallbackId, KeyId};
use crate::value::secret::Secret;
use crate::verb::{Question, Qx, Subject};

/// How soon to look again whether what comes before has been told; later, the longer that is overdue.
const LOOK_AGAIN: i64 = 2 * SECOND;
/// For how long what comes before may be overdue and still be waited for: its job may have died with the worker.
const OVERDUE: i64 = DAY;

/// All that is needed to tell a partner.
pub struct Errand {
    /// Which callback; its text is the same at every try.
    pub callback: CallbackId,
    /// The partner's key.
    pub key: KeyId,
    /// Where to.
    pub url: String,
    /// What signs it.
    pub signing_key: Secret,
    /// The account's number, in full.
    pub account_number: String,
    /// Which paper says who the administrator is.
    pub id_type: IdType,
    /// Its number, in full.
    pub id_number: String,
    /// What happened,
    pub event: CallbackEvent,
    /// and when.
    pub happened_at: Time,
    /// Since when it could be told.
    pub due_at: Time,
}

/// Whether a callback may be told.
pub enum Turn {
    /// It has ended.
    Over,
    /// Not before then: its pause is not over, or another comes first.
    Wait(Time),
    /// There is nobody to tell it to, or about: `no_url`, `no_permission`, `erased`.
    Nobody(&'static str),
    /// Now.
    Now(Box<Errand>),
}

/// Whether it may be told now, and then all that is needed for it. Partner, account and person are as they are at this
/// moment: whoever may not see the account any more is not told, and nothing is told of who was erased.
pub struct CallbackTurn(pub CallbackId);

impl Question for CallbackTurn {
    const NAME: &'static str = "callback.turn";
    type Output = Turn;

    fn subject(&self) -> Subject {
        Subject::Callback(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Turn> {
        let (tenant, now) = (qx.tenant.clone(), qx.now);
        let it = store::load(qx.rd, tenant.id, self.0).await?;
        if it.state != CallbackState::Queued {
            return Ok(Turn::Over);
        }
        if let Some(due) = store::before(qx.rd, tenant.id, &it, now.plus(-OVERDUE)).await? {
            let pause = ((now.0 - due.0) / 4).clamp(LOOK_AGAIN, HOUR);
            return Ok(Turn::Wait(due.max(now).plus(pause)));
        }
        if it.due_at > now {
            return Ok(Turn::Wait(it.due_at));
        }
        let Some((url, signing_key)) = key::store::callback_of(qx.rd, &tenant, it.key).await? else {
            return Ok(Turn::Nobody("no_url"));
        };
        // Whether the key counts, and what it may see, as if it came and asked.
        let found = credential::key_now(qx.rd, tenant.id, it.key, now).await?;
        let Some((who, may)) = found.filter(|(_, may)| may.has(Permission::AccountsRead)) else {
            return Ok(Turn::Nobody("no_permission"));
        };
        let partner = Caller { who, tenant: tenant.id, may, origin: Origin::house(qx.caller.origin.door) };
        let account = account::store::load(qx.rd, &tenant, it.account).await?;
        match account::questions::owner_of(qx.rd, &tenant, &partner, &account, KeyId::NOUN).await {
            Ok(_) => {}
            Err(Error::NotFound(_)) => return Ok(Turn::Nobody("no_permission")),
            Err(other) => return Err(other),
        }
        let administrator = administrator::store::load(qx.rd, &tenant, it.administrator).await?.it;
        let (Some(details), Some(person)) = (account.details, administrator.person) else {
            return Ok(Turn::Nobody("erased"));
        };
        Ok(Turn::Now(Box::new(Errand {
            callback: it.id,
            key: it.key,
            url,
            signing_key,
            account_number: details.number,
            id_type: person.id_type,
            id_number: person.id_number,
            event: it.event,
            happened_at: it.happened_at,
            due_at: it.due_at,
        })))
    }
}

/// A page of callbacks.
pub struct CallbackPage {
    /// They, the newest first.
    pub callbacks: Vec<Callback>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// What a partner was told and is to be told, the newest first.
pub struct ListCallbacks {
    /// The partner's key.
    pub key: KeyId,
    /// Only those in this state.
    pub state: Option<CallbackState>,
    /// Older than this one.
    pub before: Option<CallbackId>,
    /// How many, 1 to 200.
    pub limit: i64,
}

impl Question for ListCallbacks {
    const NAME: &'static str = "callback.list";
    type Output = CallbackPage;

    fn subject(&self) -> Subject {
        Subject::Key(self.key)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<CallbackPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        key::store::load(qx.rd, qx.tenant.id, self.key).await?;
        let before = self.before.map_or([0xff; 16], |id| *id.bytes());
        let mut callbacks = store::page(qx.rd, qx.tenant.id, self.key, self.state, before, self.limit + 1).await?;
        let more = callbacks.len() as i64 > self.limit;
        callbacks.truncate(self.limit as usize);
        Ok(CallbackPage { callbacks, more })
    }
}
