//! A person must confirm: a challenge is bound to one operation, one subject and one recipient, and is answered by a code
//! of six digits that was sent to her, five minutes good, once. What it waited for is done in the transaction that confirms
//! it. Tries, codes and time are bounded by the institution's settings.

pub mod actions;
mod model;
pub mod questions;
pub(crate) mod store;

pub use actions::{Answered, CancelChallenge, ConfirmChallenge, SendCode, Sending};
pub(crate) use actions::{cancel_of, cancel_one, open, open_for_request, send_first};
pub use model::{Challenge, ChallengeState, Purpose, Waits};
pub use questions::{ListChallenges, ShowChallenge};
