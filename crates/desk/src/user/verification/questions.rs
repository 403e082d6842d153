//! What may be asked about verifications: who waits, what became of somebody's requests, and a document itself.

use std::collections::HashMap;

use super::content::Shape;
use super::model::{Document, Request};
use super::store;
use crate::caller::{Caller, Who};
use crate::db::Weight;
use crate::error::{Error, Result};
use crate::user::census::{self, Begin, Census, Wanted};
use crate::user::questions::{PAGE_MAX, SeenUser, UserFilter, check_purpose, make_cursor, read_cursor, shown_author};
use crate::user::standing::{Presence, Verification};
use crate::user::store as users;
use crate::value::clock::Time;
use crate::value::id::{DocumentId, UserId};
use crate::value::seal::PersonKey;
use crate::verb::{Question, Qx, Subject};

/// Where a page of those who wait begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationBegin {
    /// Behind the page that gave this cursor; absent: with the first.
    After(Option<String>),
    /// With this row, from 0; at the same cost, however deep.
    Row(i64),
    /// With this row counted from the end, and backwards: for doors that show the newest users first.
    RowFromEnd(i64),
}

/// Users who wait for verification, in the order of their numbers; those whose access was removed do not wait.
pub struct ListVerifications {
    /// Which of them; verification and presence are set here.
    pub filter: UserFilter,
    /// Which page.
    pub begin: VerificationBegin,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
}

/// Somebody who waits.
pub struct PendingUser {
    /// Who, as the caller may see her.
    pub user: SeenUser,
    /// Her request, without its steps; none where she was brought in waiting.
    pub request: Option<Request>,
}

/// A page of those who wait.
pub struct PendingPage {
    /// They.
    pub users: Vec<PendingUser>,
    /// The cursor of the next page, of a list that goes forward.
    pub next: Option<String>,
    /// How many wait in all, exactly, of the same moment.
    pub total: i64,
}

impl Question for ListVerifications {
    const NAME: &'static str = "verification.list";
    type Output = PendingPage;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<PendingPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let (verification, presence) = (Some(Verification::Requested), Some(Presence::Present));
        let filter = UserFilter { verification, presence, ..self.filter.clone() };
        let wanted = Wanted::of(&filter, users::hides_employees(qx.tenant, qx.caller));
        let name = format!("verification {}", wanted.name());
        let census = Census::read(qx.rd, qx.tenant.id, wanted).await?;
        let total = census.total();
        let (begin, count) = match &self.begin {
            VerificationBegin::After(None) => (Begin::After(0), self.limit + 1),
            VerificationBegin::After(Some(cursor)) => {
                (Begin::After(read_cursor(qx.tenant, &name, cursor)?), self.limit + 1)
            }
            VerificationBegin::Row(row) => (Begin::Row((*row).max(0)), self.limit),
            VerificationBegin::RowFromEnd(row) => {
                let end = total.saturating_sub((*row).max(0)).max(0);
                (Begin::Row((end - self.limit).max(0)), self.limit.min(end))
            }
        };
        let numbers = if count > 0 { census.numbers(qx.rd, begin, count).await? } else { Vec::new() };
        let rows = census::store::users(qx.rd, qx.tenant.id, &numbers).await?;
        let mut found = Vec::with_capacity(rows.len());
        for mut row in rows {
            found.push(users::read(qx.tenant, &mut row)?.seen_by(qx.caller)?);
        }
        let more = found.len() as i64 > self.limit;
        found.truncate(self.limit as usize);
        let last = found.last().filter(|_| more && matches!(self.begin, VerificationBegin::After(_)));
        let next = last.map(|user| make_cursor(qx.tenant, &name, user.number));
        if matches!(self.begin, VerificationBegin::RowFromEnd(_)) {
            found.reverse();
        }
        let ids: Vec<UserId> = found.iter().map(|user| user.id).collect();
        let open = store::open_of_users(qx.rd, qx.tenant.id, &ids).await?;
        let mut open: HashMap<UserId, Request> = open.into_iter().map(|it| (it.user, it)).collect();
        let users = found.into_iter().map(|user| PendingUser { request: open.remove(&user.id), user }).collect();
        Ok(PendingPage { users, next, total })
    }
}

/// How far somebody's verification is: her requests, the newest first, and her documents.
pub struct ShowVerification(pub UserId);

/// Somebody's verification.
pub struct VerificationFile {
    /// Whose.
    pub user: UserId,
    /// The axis.
    pub verification: Verification,
    /// At most 20, the newest first, with their steps. For herself without what staff said among themselves.
    pub requests: Vec<Request>,
    /// All that are kept, oldest first, replaced ones too.
    pub documents: Vec<Document>,
    /// The moment of the answer.
    pub now: Time,
}

impl VerificationFile {
    /// The documents that count now.
    pub fn current(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|it| it.replaced_at.is_none())
    }
}

impl Question for ShowVerification {
    const NAME: &'static str = "verification.show";
    type Output = VerificationFile;

    fn subject(&self) -> Subject {
        Subject::User(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<VerificationFile> {
        let user = users::load(qx.rd, qx.tenant, qx.caller, self.0).await?;
        let mut requests = store::of_user(qx.rd, qx.tenant.id, user.id).await?;
        for request in &mut requests {
            request.steps = store::steps(qx.rd, &user, request.id).await?;
        }
        let mut documents = store::documents(qx.rd, qx.tenant.id, user.id).await?;
        if is_herself(qx.caller, self.0) {
            for step in requests.iter_mut().flat_map(|request| &mut request.steps) {
                if let Some(said) = &mut step.said {
                    said.reason = None;
                }
                step.author = shown_author(&step.author);
            }
            for request in &mut requests {
                request.asked_by = shown_author(&request.asked_by);
                request.decided_by = request.decided_by.as_deref().map(shown_author);
            }
            documents.retain(|it| it.replaced_at.is_none());
            for document in &mut documents {
                document.added_by = shown_author(&document.added_by);
            }
        }
        let verification = user.standing.verification;
        Ok(VerificationFile { user: user.id, verification, requests, documents, now: qx.now })
    }
}

fn is_herself(caller: &Caller, user: UserId) -> bool {
    matches!(caller.who, Who::User { id, .. } if id == user)
}

/// A document itself; recorded with its purpose before anything is read. Its bytes come through `Desk::show_document`.
pub struct OpenDocument {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub document: DocumentId,
    /// What for; required.
    pub purpose: String,
}

/// What it takes to read a document.
pub struct Opened {
    pub(super) document: Document,
    pub(super) key: PersonKey,
    pub(super) shape: Shape,
}

impl Question for OpenDocument {
    const NAME: &'static str = "verification.document";
    const RECORDED: bool = true;
    type Output = Opened;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn purpose(&self) -> Option<&str> {
        Some(&self.purpose)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Opened> {
        check_purpose(&self.purpose)?;
        let user = users::load(qx.rd, qx.tenant, qx.caller, self.user).await?;
        let document = store::document(qx.rd, qx.tenant.id, user.id, self.document).await?;
        let key = user.person.ok_or(Error::NotFound(DocumentId::NOUN))?;
        let side = |side: Option<i64>| side.and_then(|side| u32::try_from(side).ok());
        let size = side(document.width).zip(side(document.height));
        let kept = usize::try_from(document.bytes).unwrap_or(0);
        let shape = Shape { media_type: document.media_type, size, kept, cost: 0 };
        Ok(Opened { document, key, shape })
    }
}
