//! What each kind of job does. `Ok` ends the job, `Err` puts it off; the text of an error names nobody.

use std::time::{Duration, Instant};

use desk::import::{FailImport, GoesOn, Since, Stopped};
use desk::job::queue::LEASE_SECONDS;
use desk::job::{JobKind, LeasedJob, MAX_TRIES};
use desk::message::{Channel, Letter, MarkFailed, MarkSent, Message, MessageState, Outbox, TellOfVerification};
use desk::request::{ExpireRequest, RequestRef, RequestState, ShowRequest};
use desk::user::actions::{ApplyQueuedUnlock, UnlockWhenDue};
use desk::user::questions::QueuedUnlocks;
use desk::value::id::{BulkId, CallbackId, ImportId, MessageId, RequestId, TenantId, UserId, VerificationId};
use desk::{Caller, Desk, Door, Error};
use tokio::sync::watch;

use super::Worker;
use crate::letters;
use crate::outside::SendFault;

/// All of one delivery.
const DELIVERY: Duration = Duration::from_secs(40);

/// How often an import that gets on says so.
const KEPT_AGAIN: Duration = Duration::from_secs(4);

/// What became of handing a message over.
enum Handed {
    Over,
    /// There is no gateway: it rests.
    Resting,
}

pub(super) fn code(fault: Error) -> String {
    fault.code().to_owned()
}

impl Worker {
    pub(super) async fn work(&self, job: &LeasedJob) -> Result<(), String> {
        let house = Caller::house(job.tenant, Door::Worker);
        match job.kind {
            JobKind::DeliverMessage => match id(job, "message", MessageId::parse) {
                Some(message) => self.deliver(&house, message, job.tries).await,
                None => Ok(()),
            },
            JobKind::UnlockWhenDue => match id(job, "user", UserId::parse) {
                Some(user) => self.unlock_when_due(&house, user).await,
                None => Ok(()),
            },
            JobKind::ApplyQueuedUnlocks => self.apply_queued_unlocks(&house).await,
            JobKind::RunBulk => match id(job, "bulk", BulkId::parse) {
                Some(bulk) => self.run_bulk(&house, bulk, job).await,
                None => Ok(()),
            },
            JobKind::TellOfVerification => match id(job, "verification", VerificationId::parse) {
                Some(verification) => self.tell_of_verification(&house, verification, &job.payload["step"]).await,
                None => Ok(()),
            },
            JobKind::DropObjects => {
                // Neither keeps the other: what could not be done comes again.
                let imports = self.desk.forget_in_imports(job.tenant).await;
                self.desk.drop_objects().await.map(drop).and(imports).map_err(code)
            }
            JobKind::RunImport => match id(job, "import", ImportId::parse) {
                Some(import) => self.run_import(&house, import, job).await,
                None => Ok(()),
            },
            JobKind::CallBack => match id(job, "callback", CallbackId::parse) {
                Some(callback) => self.call_back(&house, callback, job).await,
                None => Ok(()),
            },
            JobKind::ExpireRequest => match id(job, "request", RequestId::parse) {
                Some(request) => self.expire_request(&house, request).await,
                None => Ok(()),
            },
        }
    }

    /// Does what is left to do when a job has failed for the last time, also one that panics.
    pub(super) async fn give_up(&self, job: &LeasedJob, why: &str) {
        if job.kind == JobKind::CallBack
            && let Some(callback) = id(job, "callback", CallbackId::parse)
        {
            self.give_up_callback(&Caller::house(job.tenant, Door::Worker), callback, why).await;
        }
    }

    async fn unlock_when_due(&self, house: &Caller, user: UserId) -> Result<(), String> {
        match self.desk.perform(house, UnlockWhenDue { user, reason: None }).await {
            // Gone, dormant or frozen meanwhile: there is nothing left to open.
            Ok(_) | Err(Error::NotFound(_) | Error::Refused(_)) => Ok(()),
            Err(fault) => Err(code(fault)),
        }
    }

    async fn expire_request(&self, house: &Caller, request: RequestId) -> Result<(), String> {
        // Most were decided long before: what has ended needs no record of not having expired.
        let seen = self.desk.ask(house, ShowRequest(RequestRef::Id(request))).await;
        match seen.map(|seen| seen.state) {
            Ok(RequestState::Expired) => self.desk.perform(house, ExpireRequest(request)).await.map(drop).map_err(code),
            // Another process's clock is ahead of this one's.
            Ok(RequestState::Pending) => Err("early".to_owned()),
            Ok(RequestState::Approved | RequestState::Declined | RequestState::Withdrawn) => Ok(()),
            Err(Error::NotFound(_)) => Ok(()),
            Err(fault) => Err(code(fault)),
        }
    }

    async fn apply_queued_unlocks(&self, house: &Caller) -> Result<(), String> {
        loop {
            let queued = self.desk.ask(house, QueuedUnlocks).await.map_err(code)?;
            let mut applied = 0;
            for user in queued {
                match self.desk.perform(house, ApplyQueuedUnlock { user, reason: None }).await {
                    Ok(changed) => applied += usize::from(changed.changed),
                    Err(Error::NotFound(_) | Error::Refused(_)) => {}
                    Err(fault) => return Err(code(fault)),
                }
            }
            // What is left cannot be unlocked (or memo mode is back, and will end again).
            if applied == 0 {
                return Ok(());
            }
        }
    }

    async fn tell_of_verification(
        &self,
        house: &Caller,
        verification: VerificationId,
        step: &serde_json::Value,
    ) -> Result<(), String> {
        let step = step.as_i64().unwrap_or(0);
        match self.desk.perform(house, TellOfVerification { verification, step }).await {
            Ok(()) | Err(Error::NotFound(_) | Error::Refused(_)) => Ok(()),
            Err(fault) => Err(code(fault)),
        }
    }

    /// Brings in the users of a file, for as long as that takes: the job is kept by asking again.
    async fn run_import(&self, house: &Caller, import: ImportId, job: &LeasedJob) -> Result<(), String> {
        let keeping = Keeping { desk: &self.desk, job, stop: &self.stop, asked: None, wrote: false };
        match self.desk.run_import(job.tenant, import, keeping).await {
            Ok(Stopped::Over | Stopped::Paused) => Ok(()),
            // Put off, so that the next process goes on.
            Ok(Stopped::Told) => Err("interrupted".to_owned()),
            Err(Error::NotFound(_)) => Ok(()),
            Err(fault) => {
                if job.tries >= MAX_TRIES {
                    let failed = FailImport { import, code: fault.code() };
                    self.desk.perform(house, failed).await.map_err(code)?;
                }
                Err(code(fault))
            }
        }
    }

    async fn deliver(&self, house: &Caller, id: MessageId, tries: i64) -> Result<(), String> {
        let message = match self.desk.ask(house, Outbox::One(id)).await {
            Ok(found) => found.into_iter().next(),
            Err(Error::NotFound(_)) => None,
            Err(fault) => return Err(code(fault)),
        };
        let Some(message) = message else { return Ok(()) };
        if matches!(message.state, MessageState::Sent | MessageState::Failed) {
            return Ok(());
        }
        // Without a letter the person was erased: there is nobody to write to.
        let Some(letter) = &message.letter else { return Ok(()) };
        let sent = tokio::time::timeout(DELIVERY, self.hand_over(house.tenant, &message, letter)).await;
        let sent = sent.unwrap_or_else(|_| Err(SendFault::Temporary("took too long".to_owned())));
        let channel = message.channel.word();
        let outcome = match &sent {
            Ok(Handed::Over) => "sent",
            Ok(Handed::Resting) => "resting",
            Err(SendFault::Permanent(_)) => "refused",
            Err(SendFault::Temporary(_)) => "failed",
        };
        metrics::counter!("bursar_messages_total", "channel" => channel, "outcome" => outcome).increment(1);
        match sent {
            Ok(handed) => {
                let resting = matches!(handed, Handed::Resting);
                self.desk.perform(house, MarkSent { message: id, resting }).await.map_err(code)
            }
            Err(SendFault::Permanent(why)) => {
                tracing::warn!(message = %id, channel, why, "a message cannot be delivered");
                self.desk.perform(house, MarkFailed { message: id, last: true }).await.map_err(code)
            }
            Err(SendFault::Temporary(why)) => {
                if tries >= MAX_TRIES {
                    self.desk.perform(house, MarkFailed { message: id, last: true }).await.map_err(code)?;
                }
                Err(why)
            }
        }
    }

    async fn hand_over(&self, tenant: TenantId, message: &Message, letter: &Letter) -> Result<Handed, SendFault> {
        let busy = |fault: Error| SendFault::Temporary(code(fault));
        let tenant = self.desk.tenant(tenant).await.map_err(busy)?;
        let rendered = letters::render(&message.template, letter, &tenant.institution.name, &self.public_url);
        // A letter that we cannot write today, a newer version may have to write.
        let rendered = rendered.map_err(|_| SendFault::Temporary("the letter cannot be written".to_owned()))?;
        match message.channel {
            Channel::Email => {
                let Some(mail) = &self.outside.mail else { return Ok(Handed::Resting) };
                let (id, from) = (message.id.to_string(), tenant.settings.mail_from.as_deref());
                mail.send(&id, from, (&letter.name, &letter.to), &rendered).await?;
            }
            Channel::Sms => {
                let Some(sms) = &self.outside.sms else { return Ok(Handed::Resting) };
                sms.send(&letter.to, &rendered.sms).await?;
            }
        }
        Ok(Handed::Over)
    }
}

/// An import goes on while its job is this worker's and the server does not stop.
struct Keeping<'a> {
    desk: &'a Desk,
    job: &'a LeasedJob,
    stop: &'a watch::Receiver<bool>,
    asked: Option<Instant>,
    /// Whether rows were written since the job was last asked for.
    wrote: bool,
}

impl GoesOn for Keeping<'_> {
    async fn goes_on(&mut self, since: Since) -> bool {
        self.wrote |= since == Since::Wrote;
        if *self.stop.borrow() {
            return false;
        }
        if self.asked.is_some_and(|at| at.elapsed() < KEPT_AGAIN) {
            return true;
        }
        self.asked = Some(Instant::now());
        // Only what gets on has not failed: a job that never writes a row must come to its last try.
        let kept = match std::mem::take(&mut self.wrote) {
            true => self.desk.keep_job(self.job, LEASE_SECONDS).await,
            false => self.desk.renew_job(self.job, LEASE_SECONDS).await,
        };
        kept.unwrap_or(false)
    }
}

/// An id of a job's payload. One that cannot be read never will be, so the job ends.
fn id<T>(job: &LeasedJob, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let found = job.payload[name].as_str().and_then(parse);
    if found.is_none() {
        tracing::error!(job = %job.id, kind = job.kind.word(), "a job without a subject was dropped");
    }
    found
}
