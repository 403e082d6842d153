//! Events: every fact as a row, in order per tenant, for queues, webhooks and the live view.

pub mod questions;
pub(crate) mod store;

pub use questions::{EventPage, EventRecord, ListEvents};
