//! A request for verification and what is shown for it. Pure.

use serde::{Deserialize, Serialize};

use super::content::MediaType;
use crate::error::{Error, Refusal, Result};
use crate::user::model::User;
use crate::user::standing::{Attempt, Verification};
use crate::value::clock::Time;
use crate::value::id::{DocumentId, UserId, VerificationId};
use crate::value::words;

/// The longest text to a user, in characters.
pub const TEXT_MAX: usize = 1_000;
/// The most documents that are kept of one user, replaced ones included.
pub(super) const DOCUMENTS_MAX: usize = 60;
/// How many of these only staff can add.
pub(super) const DOCUMENTS_OF_STAFF: usize = 20;
/// The most steps of one request.
pub(super) const STEPS_MAX: i64 = 100;

words! {
    /// What a document shows.
    pub enum DocumentKind {
        /// A passport, a licence or another official paper with a picture.
        PhotoId = "photo_id",
        /// A picture of herself.
        Selfie = "selfie",
        /// Her signature.
        Signature = "signature",
    }
}

words! {
    /// Where a request is. While it is `requested` or `more_needed`, the axis is `requested`.
    pub enum RequestState {
        /// Waits for staff.
        Requested = "requested",
        /// Waits for the user.
        MoreNeeded = "more_needed",
        /// She is verified.
        Approved = "approved",
        /// She is not; she may ask again.
        Declined = "declined",
        /// Over without a decision: she was erased.
        Withdrawn = "withdrawn",
    }
}

impl RequestState {
    /// Whether it waits for somebody.
    pub fn is_open(self) -> bool {
        matches!(self, RequestState::Requested | RequestState::MoreNeeded)
    }
}

/// What was said with a step; sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Among staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// To the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One step of a request.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Step {
    pub seq: i64,
    /// Where the request was from then on.
    pub state: RequestState,
    pub at: Time,
    /// `staff:stf_…`, `key:key_…`, `user:usr_…`, `house`.
    pub author: String,
    /// Gone once the person is erased.
    pub said: Option<Said>,
}

/// A request for verification, with its history.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Request {
    pub id: VerificationId,
    pub user: UserId,
    pub state: RequestState,
    pub asked_at: Time,
    pub asked_by: String,
    pub decided_at: Option<Time>,
    pub decided_by: Option<String>,
    /// Oldest first; empty where only the request itself was looked for.
    pub steps: Vec<Step>,
    pub(super) step_count: i64,
}

impl Request {
    /// Whether a document counts for this request: it was there while the request was open.
    pub fn saw(&self, document: &Document, now: Time) -> bool {
        let end = self.decided_at.unwrap_or(now);
        document.added_at <= end && document.replaced_at.is_none_or(|replaced| replaced >= self.asked_at)
    }

    /// What was last said to the user.
    pub fn last_text(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| step.said.as_ref()?.text.as_deref())
    }
}

/// A document, without its bytes.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Document {
    pub id: DocumentId,
    pub user: UserId,
    pub kind: DocumentKind,
    pub media_type: MediaType,
    pub bytes: i64,
    /// Pixels of an image.
    pub width: Option<i64>,
    pub height: Option<i64>,
    /// Pages of a PDF.
    pub pages: Option<i64>,
    pub added_at: Time,
    pub added_by: String,
    /// When a newer one of its kind took its place.
    pub replaced_at: Option<Time>,
    pub(super) token: [u8; 32],
    pub(super) object: [u8; 16],
}

impl Document {
    /// Whether it counts, and is this very file.
    pub(super) fn is_the_same(&self, kind: DocumentKind, token: &[u8; 32]) -> bool {
        self.replaced_at.is_none() && self.kind == kind && self.token == *token
    }
}

impl Document {
    /// The name it has as a file.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.id, self.media_type.ending())
    }
}

impl User {
    /// Whether she may show a document now: whoever may ask for verification, or has.
    pub(super) fn may_show_documents(&self, now: Time) -> Result<()> {
        self.try_to(Attempt::AskVerification, now)?;
        match self.standing.verification {
            Verification::Verified => Err(Refusal::VerificationState.into()),
            Verification::None | Verification::Requested | Verification::Declined => Ok(()),
        }
    }
}

/// What staff say to a user: needed where `is_needed`, bounded, and without control characters.
pub(super) fn check_text(field: &str, text: Option<&str>, is_needed: bool) -> Result<()> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return match is_needed {
            true => Err(Error::invalid(field, "required", "Say what is needed.")),
            false => Ok(()),
        };
    };
    if text.chars().count() > TEXT_MAX {
        return Err(Error::invalid(field, "too_long", format!("At most {TEXT_MAX} characters.")));
    }
    if text.chars().any(|it| it.is_control() && it != '\n') {
        return Err(Error::invalid(field, "invalid", "Control characters are not accepted."));
    }
    Ok(())
}
