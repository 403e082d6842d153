//! What a callback is, and when it is tried again.

use crate::value::clock::{HOUR, SECOND, Time};
use crate::value::id::{AccountId, AdministratorId, CallbackId, KeyId};
use crate::value::words;

/// The pauses after a try that failed, in seconds; after a fifth it is given up.
const PAUSES: [i64; 4] = [10, 60, 300, 1800];
/// What should have been tried so long ago is taken for one that has lost its job. Waiting for an earlier one, or for the
/// partner's line, moves no `due_at`: the pauses grow with how long it is overdue. So a job may live yet; then two work at
/// it, and the later finds it over, or tells it once more with the same id.
const LOST: i64 = HOUR;

words! {
    /// What became of an administrator.
    pub enum CallbackEvent {
        /// The owner has confirmed her.
        Added = "added",
        /// Her phone is hers.
        MobileVerified = "mobile_verified",
        /// Her mail is hers.
        EmailVerified = "email_verified",
        /// She may do nothing on the account any more.
        Removed = "removed",
    }
}
words! {
    /// Where a callback is.
    pub enum CallbackState {
        /// It waits for its turn, or for the next try.
        Queued = "queued",
        /// The partner has answered `ok`.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
        /// There was nobody to tell it to, or about, any more.
        Dropped = "dropped",
    }
}

/// What a partner is to be told, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Callback {
    pub id: CallbackId,
    /// The partner's key.
    pub key: KeyId,
    pub account: AccountId,
    pub administrator: AdministratorId,
    pub event: CallbackEvent,
    pub happened_at: Time,
    pub state: CallbackState,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next, or was to be.
    pub due_at: Time,
    /// Why the last try failed, or why it was dropped; names nobody.
    pub last_error: Option<String>,
    pub ended_at: Option<Time>,
}

/// What came of telling it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The partner has answered `ok`.
    Ok,
    /// It has not; why, in words that name nobody.
    NotOk(String),
    /// It was not told: there is nobody to tell it to, or about (`no_url`, `no_permission`, `erased`).
    Nobody(&'static str),
    /// It was not told, by a fault of ours, and nobody tries it again; which, in words that name nobody.
    GivenUp(String),
}

impl Callback {
    /// Takes down what came of telling it.
    pub(crate) fn record(&mut self, told: &Told, now: Time) {
        let (state, error) = match told {
            Told::Ok => (CallbackState::Delivered, None),
            Told::Nobody(cause) => (CallbackState::Dropped, Some((*cause).to_owned())),
            Told::NotOk(why) => {
                let pause = usize::try_from(self.tries).ok().and_then(|tries| PAUSES.get(tries));
                self.due_at = pause.map_or(self.due_at, |pause| now.plus(pause * SECOND));
                let state = if pause.is_some() { CallbackState::Queued } else { CallbackState::Failed };
                (state, Some(why.chars().take(200).collect()))
            }
            Told::GivenUp(fault) => (CallbackState::Failed, Some(fault.chars().take(200).collect())),
        };
        self.tries += i64::from(matches!(told, Told::Ok | Told::NotOk(_)));
        (self.state, self.last_error) = (state, error);
        self.ended_at = (state != CallbackState::Queued).then_some(now);
    }

    /// Has it told anew, as if it had never been tried. `false`: it is queued, and somebody works at it.
    pub(crate) fn begin_again(&mut self, now: Time) -> bool {
        if self.state == CallbackState::Queued && self.due_at.plus(LOST) > now {
            return false;
        }
        (self.state, self.tries, self.due_at) = (CallbackState::Queued, 0, now);
        (self.last_error, self.ended_at) = (None, None);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::random::Random;

    fn queued() -> Callback {
        let (now, random) = (Time(0), Random::seeded(1));
        Callback {
            id: CallbackId::new(now, &random),
            key: KeyId::new(now, &random),
            account: AccountId::new(now, &random),
            administrator: AdministratorId::new(now, &random),
            event: CallbackEvent::Added,
            happened_at: now,
            state: CallbackState::Queued,
            tries: 0,
            due_at: now,
            last_error: None,
            ended_at: None,
        }
    }

    #[test]
    fn pauses_grow_and_the_fifth_try_is_the_last() {
        let (mut it, mut now, mut pauses) = (queued(), Time(0), Vec::new());
        while it.state == CallbackState::Queued {
            it.record(&Told::NotOk("the partner answered 500".to_owned()), now);
            pauses.push((it.due_at.0 - now.0) / SECOND);
            now = it.due_at;
        }
        assert_eq!(pauses, [10, 60, 300, 1800, 0]);
        assert_eq!((it.state, it.tries, it.ended_at), (CallbackState::Failed, 5, Some(now)));
        let later = now.plus(SECOND);
        assert!(it.begin_again(later) && !it.begin_again(later) && !it.begin_again(later.plus(HOUR - 1)));
        assert_eq!((it.state, it.tries, it.due_at, it.ended_at), (CallbackState::Queued, 0, later, None));
        assert!(it.begin_again(later.plus(HOUR)), "its job is taken for lost");
        it.record(&Told::Ok, now);
        assert_eq!((it.state, it.tries, it.last_error), (CallbackState::Delivered, 1, None));
    }

    #[test]
    fn what_was_not_told_was_not_tried() {
        let mut it = queued();
        it.record(&Told::Nobody("erased"), Time(7));
        assert_eq!((it.state, it.tries, it.last_error.as_deref()), (CallbackState::Dropped, 0, Some("erased")));
        let mut it = queued();
        it.record(&Told::GivenUp("internal".to_owned()), Time(7));
        assert_eq!((it.state, it.tries, it.last_error.as_deref()), (CallbackState::Failed, 0, Some("internal")));
        assert_eq!(it.ended_at, Some(Time(7)));
    }
}
