//! Callbacks: a partner of the Choice voice is told what became of the administrators of its accounts, if its key says where.
//! What is to be told is a row, written with the change; a job tells it, in the vendor's format, until it is answered with
//! `ok` or was tried five times. An account's are told in their order. Who it is about is read when it is told
//! (docs/decisions/0035-callbacks.md).

mod actions;
mod model;
mod questions;
pub(crate) mod store;

pub use actions::{RecordCallback, SendCallbackAgain};
pub(crate) use actions::{queue, queue_removals};
pub use model::{Callback, CallbackEvent, CallbackState, Told};
pub use questions::{CallbackPage, CallbackTurn, Errand, ListCallbacks, Turn};
