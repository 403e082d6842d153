//! Work to be done outside a request. Jobs are rows written with the change that causes them; the worker leases one, does
//! the outside call, and comes back to the desk as a caller of its own. A lease that runs out makes the job due again.

pub mod lease;
pub mod queue;
pub mod rotate;
pub(crate) mod store;
pub mod sweep;

use serde_json::{Value, json};

use crate::fact::Fact;
use crate::value::clock::Time;
use crate::value::words;

pub use queue::{LeasedJob, MAX_TRIES};

words! {
    /// The kinds of job.
    pub enum JobKind {
        /// Hand a message over to the mail or text gateway.
        DeliverMessage = "deliver_message",
        /// Open a lock whose time is over.
        UnlockWhenDue = "unlock_when_due",
        /// Apply the unlocks that waited for the core to leave memo mode.
        ApplyQueuedUnlocks = "apply_queued_unlocks",
        /// Go on with a bulk action, slice by slice.
        RunBulk = "run_bulk",
        /// Write to a user what became of her verification.
        TellOfVerification = "tell_of_verification",
        /// Forget what is left of somebody who was erased: stored objects that belong to no document any more, and rows of
        /// files that were brought in.
        DropObjects = "drop_objects",
        /// Bring in the users of a file, or clear away the file of an import that has ended.
        RunImport = "run_import",
        /// End a request that nobody has decided in time.
        ExpireRequest = "expire_request",
        /// Tell a partner what became of an administrator.
        CallBack = "call_back",
    }
}

/// A job to be inserted.
pub(crate) struct NewJob {
    pub kind: JobKind,
    pub payload: Value,
    pub run_at: Time,
}

/// Which job a fact causes: the one list.
pub(crate) fn follow_up(fact: &Fact, now: Time) -> Option<NewJob> {
    let job = |kind, payload, run_at| Some(NewJob { kind, payload, run_at });
    match fact {
        Fact::MessageQueued { message, .. }
        | Fact::StaffInvited { message, .. }
        | Fact::RegistrationAsked { message, .. }
        | Fact::ChallengeCodeSent { message, .. } => job(JobKind::DeliverMessage, json!({ "message": message }), now),
        Fact::CallbackQueued { callback, .. } => job(JobKind::CallBack, json!({ "callback": callback }), now),
        Fact::UserLocked { user, until: Some(until), .. } => {
            job(JobKind::UnlockWhenDue, json!({ "user": user }), *until)
        }
        Fact::BulkStarted { bulk, .. } | Fact::BulkResumed { bulk } => {
            job(JobKind::RunBulk, json!({ "bulk": bulk }), now)
        }
        Fact::SettingsChanged { fields, .. } if fields.iter().any(|field| field == "memo_mode") => {
            job(JobKind::ApplyQueuedUnlocks, json!({}), now)
        }
        Fact::RequestProposed { request, expires_at, .. } => {
            job(JobKind::ExpireRequest, json!({ "request": request }), *expires_at)
        }
        Fact::ImportStarted { import, .. }
        | Fact::ImportResumed { import }
        | Fact::ImportCancelled { import }
        | Fact::ImportFailed { import, .. } => job(JobKind::RunImport, json!({ "import": import }), now),
        Fact::VerificationMoreAsked { verification, step, .. }
        | Fact::VerificationClosed { verification, step, .. } => {
            job(JobKind::TellOfVerification, json!({ "verification": verification, "step": step }), now)
        }
        Fact::UserErased { .. } => job(JobKind::DropObjects, json!({}), now),
        _ => None,
    }
}
