//! Queueing what a partner is to be told, and taking down what came of it.

use super::model::{Callback, CallbackEvent, CallbackState, Told};
use super::store;
use crate::error::Result;
use crate::fact::Fact;
use crate::key;
use crate::value::clock::Time;
use crate::value::id::{AccountId, AdministratorId, CallbackId, UserId, made_at};
use crate::verb::{Action, Cx, Subject};

/// Queues what the account's partner is to be told, if its key says where; the fact sends the worker. Whoever calls holds the
/// account: it is put behind what is queued of it, also if that was begun later, or by a process whose clock is ahead.
pub(crate) async fn queue(
    cx: &mut Cx<'_>,
    (account, partner): (AccountId, Option<&str>),
    administrator: AdministratorId,
    event: CallbackEvent,
) -> Result<()> {
    let Some(partner) = partner else { return Ok(()) };
    let Some(key) = key::store::called_back(cx.tx, cx.tenant.id, partner).await? else { return Ok(()) };
    let last = store::last_queued(cx.tx, cx.tenant.id, key, account).await?;
    let happened_at = last.map_or(cx.now, |last| cx.now.max(made_at(last.0).plus(1)));
    let callback = Callback {
        id: CallbackId::new(happened_at, cx.random),
        key,
        account,
        administrator,
        event,
        happened_at,
        state: CallbackState::Queued,
        tries: 0,
        due_at: cx.now,
        last_error: None,
        ended_at: None,
    };
    store::insert(cx.tx, cx.tenant.id, &callback).await?;
    note_queued(cx, &callback);
    Ok(())
}

fn note_queued(cx: &mut Cx<'_>, it: &Callback) {
    let (callback, key, administrator) = (it.id, it.key, it.administrator);
    cx.note(Fact::CallbackQueued { callback, key, administrator, about: it.event.word() });
}

/// Queues that whoever may act on a user's accounts may do so no more: the user goes.
pub(crate) async fn queue_removals(cx: &mut Cx<'_>, owner: UserId) -> Result<()> {
    for (administrator, account, partner) in store::active_of_owner(cx.tx, cx.tenant.id, owner).await? {
        queue(cx, (account, Some(&partner)), administrator, CallbackEvent::Removed).await?;
    }
    Ok(())
}

/// The worker has told it, or could not.
pub struct RecordCallback {
    /// Which.
    pub callback: CallbackId,
    /// What came of it.
    pub told: Told,
}

impl Action for RecordCallback {
    const NAME: &'static str = "callback.record";
    /// When it is to be tried again; nothing if it has ended.
    type Output = Option<Time>;

    fn subject(&self) -> Subject {
        Subject::Callback(self.callback)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Option<Time>> {
        let mut it = store::load_for_change(cx.tx, cx.tenant.id, self.callback).await?;
        if it.state != CallbackState::Queued {
            return Ok(None);
        }
        it.record(&self.told, cx.now);
        store::save(cx.tx, cx.tenant.id, &it).await?;
        let (callback, tries, last) = (it.id, it.tries, it.state != CallbackState::Queued);
        cx.note(match self.told {
            Told::Ok => Fact::CallbackDelivered { callback, tries },
            Told::NotOk(_) | Told::GivenUp(_) => Fact::CallbackFailed { callback, tries, last },
            Told::Nobody(cause) => Fact::CallbackDropped { callback, cause },
        });
        Ok((!last).then_some(it.due_at))
    }
}

/// Has a partner told once more what it was told, or was not: with the id it had, and five tries anew. What is queued and
/// not overdue for an hour stays as it is: somebody works at it.
pub struct SendCallbackAgain(pub CallbackId);

impl Action for SendCallbackAgain {
    const NAME: &'static str = "callback.send_again";
    type Output = Callback;

    fn subject(&self) -> Subject {
        Subject::Callback(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Callback> {
        let mut it = store::load_for_change(cx.tx, cx.tenant.id, self.0).await?;
        if it.begin_again(cx.now) {
            store::save(cx.tx, cx.tenant.id, &it).await?;
            note_queued(cx, &it);
        }
        Ok(it)
    }
}
