//! Partners are called back: one try a time, with the pauses that the desk decides.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use desk::administrator::callback::{CallbackTurn, Errand, RecordCallback, Told, Turn};
use desk::job::LeasedJob;
use desk::value::clock::{HOUR, SECOND, Time};
use desk::value::id::{CallbackId, KeyId, uuid_v7};
use desk::value::random::Random;
use desk::{Caller, Error};
use dialects::choice::callback;

use super::Worker;
use super::jobs::code;

/// How many partners are called at the same time: some that never answer must not hold up everybody's mail.
const LINES: usize = 4;
/// How many jobs wait a moment for a line, each for another partner's; the others rest at once.
const WAITING: usize = 2;
/// How often, and after which pauses, to look whether a line becomes free: with most partners a call is a moment's matter.
const LOOKS: usize = 10;
const LOOK: Duration = Duration::from_millis(10);
/// How soon to come again if it does not; later, the longer the callback is overdue.
const LINE_BUSY: i64 = 5 * SECOND;

type Keys = Mutex<HashSet<KeyId>>;

/// The lines to partners that are in use, and those that are waited for: one of each for each partner.
#[derive(Clone, Default)]
pub struct Lines {
    used: Arc<Keys>,
    waited_for: Arc<Keys>,
}

/// A partner's place among those, until it is dropped.
struct Place<'a>(&'a Keys, KeyId);

impl<'a> Place<'a> {
    /// The place of this partner, if it is free, and fewer than `most` are taken.
    fn take(among: &'a Keys, partner: KeyId, most: usize) -> Option<Place<'a>> {
        let mut taken = locked(among);
        (taken.len() < most && taken.insert(partner)).then(|| Place(among, partner))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        locked(self.0).remove(&self.1);
    }
}

fn locked(keys: &Keys) -> MutexGuard<'_, HashSet<KeyId>> {
    keys.lock().unwrap_or_else(|broken| broken.into_inner())
}

impl Lines {
    /// A line to this partner, if there is one now.
    fn take(&self, partner: KeyId) -> Option<Place<'_>> {
        Place::take(&self.used, partner, LINES)
    }

    /// The same, with a little patience, unless somebody waits for it already: whoever waits does nothing else.
    async fn wait(&self, partner: KeyId) -> Option<Place<'_>> {
        if let Some(line) = self.take(partner) {
            return Some(line);
        }
        let _waiting = Place::take(&self.waited_for, partner, WAITING)?;
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK).await;
            if let Some(line) = self.take(partner) {
                return Some(line);
            }
        }
        None
    }
}

/// When what was due then, and has found the line busy, comes again: what was queued together does not come together, or
/// all but one would be in vain.
fn again_at(due: Time, now: Time, random: &Random) -> Time {
    let pause = ((now.0 - due.0) / 4).clamp(LINE_BUSY, HOUR);
    let chance = i64::from(u16::from_be_bytes(random.bytes()));
    now.plus(pause + pause / 2 * chance / 0xffff)
}

impl Worker {
    /// Tells a partner what it is to be told, once, if it is its turn; the job rests until the next try.
    pub(super) async fn call_back(&self, house: &Caller, id: CallbackId, job: &LeasedJob) -> Result<(), String> {
        let turn = match self.desk.ask(house, CallbackTurn(id)).await {
            Ok(turn) => turn,
            Err(Error::NotFound(_)) => return Ok(()),
            Err(fault) => return Err(code(fault)),
        };
        let told = match turn {
            Turn::Over => return Ok(()),
            Turn::Wait(until) => return self.desk.rest_job(job, until).await.map_err(code),
            Turn::Nobody(cause) => Told::Nobody(cause),
            Turn::Now(errand) => {
                let Some(_line) = self.lines.wait(errand.key).await else {
                    let until = again_at(errand.due_at, self.desk.now(), self.desk.random());
                    return self.desk.rest_job(job, until).await.map_err(code);
                };
                match self.tell(&errand).await {
                    Ok(()) => Told::Ok,
                    Err(why) => {
                        tracing::warn!(callback = %id, key = %errand.key, why, "a partner could not be told");
                        Told::NotOk(why)
                    }
                }
            }
        };
        let due = self.desk.perform(house, RecordCallback { callback: id, told: told.clone() }).await.map_err(code)?;
        let outcome = match (&told, due) {
            (Told::Ok, _) => "delivered",
            (Told::Nobody(_), _) => "dropped",
            (Told::NotOk(_), Some(_)) => "failed",
            (Told::NotOk(_), None) | (Told::GivenUp(_), _) => "given_up",
        };
        metrics::counter!("bursar_callbacks_total", "outcome" => outcome).increment(1);
        match due {
            Some(due) => self.desk.rest_job(job, due).await.map_err(code),
            None => Ok(()),
        }
    }

    /// Takes down that nobody comes to tell it any more: its job is given up.
    pub(super) async fn give_up_callback(&self, house: &Caller, id: CallbackId, fault: &str) {
        let told = Told::GivenUp(fault.to_owned());
        match self.desk.perform(house, RecordCallback { callback: id, told }).await {
            Ok(_) => metrics::counter!("bursar_callbacks_total", "outcome" => "given_up").increment(1),
            Err(fault) => tracing::warn!(callback = %id, code = fault.code(), "a callback stays queued without a job"),
        }
    }

    async fn tell(&self, errand: &Errand) -> Result<(), String> {
        let now = self.desk.now();
        let message = callback::message(errand, now, uuid_v7(now, self.desk.random()));
        let message = message.map_err(|_| "the message cannot be written".to_owned())?;
        let answer = self.outside.partners.post(&errand.url, message).await?;
        if callback::is_ok(&answer) { Ok(()) } else { Err("the partner did not answer ok".to_owned()) }
    }
}

#[cfg(test)]
mod tests;
