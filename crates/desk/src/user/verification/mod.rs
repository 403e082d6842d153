//! Verification of identity: what stands behind the axis. A user asks (or staff for her) and shows documents; staff approve,
//! decline, or ask for more. The axis and its request move in one transaction, whichever way they are moved. The bytes of a
//! document lie outside the database (`vault`), sealed; `content` says what is taken, `mark` what leaves again, and both work where
//! `reading` sends them.

pub mod actions;
pub(crate) mod content;
mod documents;
pub mod mark;
mod model;
pub mod questions;
pub mod reading;
pub(crate) mod store;
pub mod vault;

pub use actions::{
    AddDocument, AddedDocument, ApproveVerification, AskForMore, AskVerification, DecideVerification,
    DeclineVerification, SubmitVerification, Verifying,
};
pub use content::{BYTES_MAX as DOCUMENT_BYTES_MAX, MediaType};
pub use documents::{Arriving, ShownDocument};
pub use model::{Document, DocumentKind, Request, RequestState, Said, Step, TEXT_MAX};
pub use questions::{
    ListVerifications, OpenDocument, PendingPage, PendingUser, ShowVerification, VerificationBegin, VerificationFile,
};
pub use reading::{InThisProcess, Reader, Unread};
pub use vault::{S3Place, Vault, VaultPlace};
