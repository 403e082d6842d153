//! Partners are called back: one try a time, with the pauses that the desk decides.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use desk::administrator::callback::{CallbackTurn, Errand, RecordCallback, Told, Turn};
use desk::job::LeasedJob;
use desk::value::clock::SECOND;
use desk::value::id::{CallbackId, KeyId, uuid_v7};
use desk::{Caller, Error};
use dialects::choice::callback;

use super::Worker;
use super::jobs::code;

/// How many partners are called at the same time: some that never answer must not hold up everybody's mail.
const LINES: usize = 4;
/// How often, and after which pauses, to look whether a line becomes free: with most partners a call is a moment's matter.
const LOOKS: usize = 10;
const LOOK: Duration = Duration::from_millis(10);
/// When to come again if it does not.
const LINE_BUSY: i64 = 5 * SECOND;

/// The lines to partners that are in use: one for each.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<HashSet<KeyId>>>);

/// A line in use, until it is dropped.
struct Line<'a>(&'a Lines, KeyId);

impl Lines {
    /// A line to this partner, if there is one now.
    fn take(&self, partner: KeyId) -> Option<Line<'_>> {
        let mut used = self.used();
        (used.len() < LINES && used.insert(partner)).then(|| Line(self, partner))
    }

    /// The same, with a little patience.
    async fn wait(&self, partner: KeyId) -> Option<Line<'_>> {
        for _ in 0..LOOKS {
            if let Some(line) = self.take(partner) {
                return Some(line);
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    fn used(&self) -> MutexGuard<'_, HashSet<KeyId>> {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.used().remove(&self.1);
    }
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
                    let until = self.desk.now().plus(LINE_BUSY);
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
            (Told::NotOk(_), None) => "given_up",
        };
        metrics::counter!("bursar_callbacks_total", "outcome" => outcome).increment(1);
        match due {
            Some(due) => self.desk.rest_job(job, due).await.map_err(code),
            None => Ok(()),
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
