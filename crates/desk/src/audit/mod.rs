//! The audit: one row for every attempt, written in the transaction of the change; rows of a tenant form a hash chain
//! that is sealed in batches into signed checkpoints (`chain`).

pub mod chain;
pub mod questions;
pub(crate) mod store;

use crate::caller::Caller;
use crate::value::clock::Time;
use crate::value::id::AuditId;
use crate::value::words;
use crate::verb::Subject;

pub use chain::{Heads, Verified, verify_export, verify_export_against};
pub use questions::{AuditFilter, AuditPage, AuditRecord, ExportAudit, ListAudit};

words! {
    /// What became of an attempt.
    pub enum Outcome {
        /// It happened.
        Done = "done",
        /// It was so already.
        Unchanged = "unchanged",
        /// It was refused or forbidden.
        Refused = "refused",
        /// A recorded question was answered.
        Asked = "asked",
    }
}

/// What the door writes.
pub(crate) struct Entry<'a> {
    pub id: AuditId,
    pub at: Time,
    pub caller: &'a Caller,
    pub name: &'static str,
    pub subject: Subject,
    pub outcome: Outcome,
    pub code: Option<&'static str>,
    pub reason: Option<&'a str>,
    pub facts: Vec<serde_json::Value>,
}
