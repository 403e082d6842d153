//! Asking, deciding, asking for more, and showing documents. Each moves the axis by its rule and the request with it.

use super::model::{
    DOCUMENTS_MAX, DOCUMENTS_OF_STAFF, Document, Request, RequestState, STEPS_MAX, Said, Step, check_text,
};
use super::store;
use crate::caller::{Caller, Who};
use crate::db::params;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::tenant::Tenant;
use crate::user::actions::{Changed, Moves, check_reason};
use crate::user::model::{By, User};
use crate::user::standing::{Attempt, Axis, Verification};
use crate::user::store as users;
use crate::value::clock::{MINUTE, Time};
use crate::value::id::{UserId, VerificationId};
use crate::verb::{Action, Cx, OnLoaded, Subject};

/// An object that was written longer ago than this before its end is not kept any more: the clocks of two processes may
/// differ, and one of them is about to drop it.
const LATE: i64 = 30 * MINUTE;

/// A user and her newest request after an action.
pub struct Verifying {
    /// The user as she is now.
    pub user: User,
    /// The request that was moved, or stands.
    pub request: Option<Request>,
    /// Whether something changed.
    pub changed: bool,
}

/// The open request of a user whose axis says that there is one. A user who was brought in with that axis has none yet: it
/// begins when she was.
async fn open_request(cx: &mut Cx<'_>, user: &User) -> Result<Request> {
    if let Some(open) = store::open_of(cx.tx, cx.tenant.id, user.id).await? {
        return Ok(open);
    }
    let mark = user.marks.get(&Axis::Verification);
    let (at, by) = mark.map_or((cx.now, "house".to_owned()), |mark| (mark.at, mark.by.clone()));
    open(cx, user, at, by, Said::default()).await
}

async fn open(cx: &mut Cx<'_>, user: &User, at: Time, by: String, said: Said) -> Result<Request> {
    let id = VerificationId::new(cx.id_time(), cx.random);
    let mut request = Request {
        id,
        user: user.id,
        state: RequestState::Requested,
        asked_at: at,
        asked_by: by.clone(),
        decided_at: None,
        decided_by: None,
        steps: Vec::new(),
        step_count: 0,
    };
    store::insert(cx.tx, cx.tenant.id, &request).await?;
    step(cx, user, &mut request, RequestState::Requested, (at, by), said).await?;
    cx.note(Fact::VerificationOpened { user: user.id, verification: id });
    Ok(request)
}

/// Moves a request one step on; the step's number.
async fn step(
    cx: &mut Cx<'_>,
    user: &User,
    request: &mut Request,
    state: RequestState,
    (at, author): (Time, String),
    said: Said,
) -> Result<i64> {
    request.step_count += 1;
    request.state = state;
    let seq = request.step_count;
    let step = Step { seq, state, at, author, said: Some(said) };
    store::insert_step(cx.tx, user, request.id, &step, cx.random).await?;
    store::save(cx.tx, cx.tenant.id, request).await?;
    request.steps.push(step);
    Ok(seq)
}

/// The open request comes to its end.
async fn close(cx: &mut Cx<'_>, user: &User, state: RequestState, said: Said) -> Result<Request> {
    let mut request = open_request(cx, user).await?;
    let author = cx.caller.author();
    (request.decided_at, request.decided_by) = (Some(cx.now), Some(author.clone()));
    let now = cx.now;
    let seq = step(cx, user, &mut request, state, (now, author), said).await?;
    let (verification, outcome) = (request.id, state.word());
    cx.note(Fact::VerificationClosed { user: user.id, verification, outcome, step: seq });
    Ok(request)
}

async fn load(cx: &mut Cx<'_>, user: UserId) -> Result<User> {
    users::load_for_change(cx.tx, cx.tenant, cx.caller, user).await
}

fn plain(reason: &Option<String>) -> Said {
    Said { reason: reason.clone(), text: None }
}

macro_rules! about_user {
    ($action:ident = $name:literal, $output:ident, |$self:ident| $reason:expr) => {
        const NAME: &'static str = $name;
        type Output = $output;

        fn subject(&self) -> Subject {
            Subject::User(self.user)
        }

        fn reason(&self) -> Option<&str> {
            let $self = self;
            $reason
        }
    };
}

/// Asks for verification, by the user herself or by staff for her.
pub struct AskVerification {
    /// Whom.
    pub user: UserId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for AskVerification {
    about_user!(AskVerification = "user.ask_verification", Changed, |it| it.reason.as_deref());

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
        check_reason(self.reason.as_deref())?;
        let loaded = load(cx, self.user).await?;
        self.on_loaded(cx, loaded).await
    }
}

impl Moves for AskVerification {
    fn decide(&self, user: &mut User, by: &By<'_>, _: &Tenant) -> Result<Option<Fact>> {
        user.set_verification(Attempt::AskVerification, Verification::Requested, by)
    }
}

impl OnLoaded for AskVerification {
    type Thing = User;

    async fn on_loaded(&self, cx: &mut Cx<'_>, mut user: User) -> Result<Changed> {
        let author = cx.caller.author();
        let by = By { now: cx.now, author: &author, reason: self.reason.as_deref() };
        let Some(fact) = self.decide_on_found(cx, &mut user, &by)? else {
            return Ok(Changed { user, changed: false });
        };
        users::save_standing(cx.tx, &mut user, cx.random, cx.now).await?;
        cx.note(fact);
        let now = cx.now;
        open(cx, &user, now, author, plain(&self.reason)).await?;
        Ok(Changed { user, changed: true })
    }
}

/// Decides a verification that was asked for.
pub struct DecideVerification {
    /// Whom.
    pub user: UserId,
    /// Verified, or else declined.
    pub verified: bool,
    /// Why.
    pub reason: Option<String>,
}

impl DecideVerification {
    /// By which names the policy holds a decision: by its own, and by that of approving or declining, as it decides.
    pub(crate) fn held_as(verified: bool) -> [&'static str; 2] {
        [Self::NAME, if verified { ApproveVerification::NAME } else { DeclineVerification::NAME }]
    }

    async fn on_user(&self, cx: &mut Cx<'_>, mut user: User, said: Said) -> Result<Verifying> {
        // Approving and declining a request for verification decide, too, and deciding approves or declines.
        for name in Self::held_as(self.verified) {
            cx.check_policy(name, Subject::User(user.id))?;
        }
        let author = cx.caller.author();
        let by = By { now: cx.now, author: &author, reason: self.reason.as_deref() };
        let Some(fact) = self.decide_on_found(cx, &mut user, &by)? else {
            return Ok(Verifying { user, request: None, changed: false });
        };
        if cx.is_planned() {
            // Other papers are another decision.
            let shown = store::documents(cx.tx, cx.tenant.id, user.id).await?.into_iter();
            let shown: Vec<String> = shown.filter(|it| it.replaced_at.is_none()).map(|it| it.id.to_string()).collect();
            cx.weigh("documents", &shown)?;
        }
        users::save_standing(cx.tx, &mut user, cx.random, cx.now).await?;
        cx.note(fact);
        let state = if self.verified { RequestState::Approved } else { RequestState::Declined };
        let request = close(cx, &user, state, said).await?;
        Ok(Verifying { user, request: Some(request), changed: true })
    }
}

impl Action for DecideVerification {
    about_user!(DecideVerification = "user.decide_verification", Changed, |it| it.reason.as_deref());

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
        check_reason(self.reason.as_deref())?;
        let loaded = load(cx, self.user).await?;
        self.on_loaded(cx, loaded).await
    }
}

impl Moves for DecideVerification {
    fn decide(&self, user: &mut User, by: &By<'_>, _: &Tenant) -> Result<Option<Fact>> {
        let to = if self.verified { Verification::Verified } else { Verification::Declined };
        user.set_verification(Attempt::DecideVerification, to, by)
    }
}

impl OnLoaded for DecideVerification {
    type Thing = User;

    async fn on_loaded(&self, cx: &mut Cx<'_>, user: User) -> Result<Changed> {
        let Verifying { user, changed, .. } = self.on_user(cx, user, plain(&self.reason)).await?;
        Ok(Changed { user, changed })
    }
}

/// Approves the open request of a user.
pub struct ApproveVerification {
    /// Whom.
    pub user: UserId,
    /// Why, among staff.
    pub reason: Option<String>,
}

impl Action for ApproveVerification {
    about_user!(ApproveVerification = "verification.approve", Verifying, |it| it.reason.as_deref());

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Verifying> {
        check_reason(self.reason.as_deref())?;
        let user = load(cx, self.user).await?;
        let decide = DecideVerification { user: self.user, verified: true, reason: self.reason.clone() };
        decide.on_user(cx, user, plain(&self.reason)).await
    }
}

/// Declines the open request of a user. She may ask again.
pub struct DeclineVerification {
    /// Whom.
    pub user: UserId,
    /// Why, among staff; needed.
    pub reason: String,
    /// What she is told besides, in the message of the outcome.
    pub text: Option<String>,
}

impl Action for DeclineVerification {
    about_user!(DeclineVerification = "verification.decline", Verifying, |it| Some(&it.reason));

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Verifying> {
        check_reason(Some(&self.reason))?;
        if self.reason.trim().is_empty() {
            return Err(Error::invalid("reason", "required", "Say why."));
        }
        check_text("text", self.text.as_deref(), false)?;
        let user = load(cx, self.user).await?;
        let said = Said { reason: Some(self.reason.clone()), text: self.text.clone() };
        let decide = DecideVerification { user: self.user, verified: false, reason: Some(self.reason.clone()) };
        decide.on_user(cx, user, said).await
    }
}

/// Asks a user for more before anything is decided: the axis stays as it is, and the request waits for her.
pub struct AskForMore {
    /// Whom.
    pub user: UserId,
    /// What she is told.
    pub text: String,
    /// Why, among staff.
    pub reason: Option<String>,
}

impl Action for AskForMore {
    about_user!(AskForMore = "verification.ask_more", Verifying, |it| it.reason.as_deref());

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Verifying> {
        check_reason(self.reason.as_deref())?;
        check_text("text", Some(&self.text), true)?;
        let user = load(cx, self.user).await?;
        user.try_to(Attempt::DecideVerification, cx.now)?;
        let mut request = open_request(cx, &user).await?;
        if request.step_count >= STEPS_MAX {
            return Err(Refusal::VerificationState.into());
        }
        let said = Said { reason: self.reason.clone(), text: Some(self.text.clone()) };
        let by = (cx.now, cx.caller.author());
        let step = step(cx, &user, &mut request, RequestState::MoreNeeded, by, said).await?;
        cx.note(Fact::VerificationMoreAsked { user: user.id, verification: request.id, step });
        Ok(Verifying { user, request: Some(request), changed: true })
    }
}

/// Asks for verification, or says that what was asked for is there now: the one thing a user does with her request.
pub struct SubmitVerification {
    /// Whom.
    pub user: UserId,
}

impl Action for SubmitVerification {
    about_user!(SubmitVerification = "verification.submit", Verifying, |_it| None);

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Verifying> {
        let user = load(cx, self.user).await?;
        if user.standing.verification != Verification::Requested {
            cx.check_policy(AskVerification::NAME, Subject::User(user.id))?;
        }
        let asked = AskVerification { user: self.user, reason: None }.on_loaded(cx, user).await?;
        let (user, mut changed) = (asked.user, asked.changed);
        let mut request = store::open_of(cx.tx, cx.tenant.id, self.user).await?;
        if let Some(open) = request.as_mut().filter(|open| open.state == RequestState::MoreNeeded) {
            let by = (cx.now, cx.caller.author());
            step(cx, &user, open, RequestState::Requested, by, Said::default()).await?;
            cx.note(Fact::VerificationAnswered { user: user.id, verification: open.id });
            changed = true;
        }
        Ok(Verifying { user, request, changed })
    }
}

/// Records a document whose bytes are stored already. Made by `Desk::receive_document` and what follows it.
pub struct AddDocument {
    pub(super) document: Document,
    pub(super) user: UserId,
}

/// Whether one more may be kept beside so many. She herself cannot use up all the room there is: what she shows while her
/// request is open is kept, and staff must be able to add what decides.
pub(super) fn room_for_one_more(caller: &Caller, user: UserId, kept: usize) -> Result<()> {
    let is_herself = matches!(caller.who, Who::User { id, .. } if id == user);
    let most = if is_herself { DOCUMENTS_MAX - DOCUMENTS_OF_STAFF } else { DOCUMENTS_MAX };
    if kept >= most { Err(Refusal::TooManyDocuments.into()) } else { Ok(()) }
}

/// What became of a document.
pub struct AddedDocument {
    /// The document as it counts now.
    pub document: Document,
    /// Whether it is new; `false`: the same file counts already.
    pub changed: bool,
}

impl Action for AddDocument {
    about_user!(AddDocument = "verification.add_document", AddedDocument, |_it| None);

    async fn run(&self, cx: &mut Cx<'_>) -> Result<AddedDocument> {
        let (user, tenant) = (load(cx, self.user).await?, cx.tenant.id);
        user.may_show_documents(cx.now)?;
        let all = store::documents(cx.tx, tenant, user.id).await?;
        let old = all.iter().find(|it| it.kind == self.document.kind && it.replaced_at.is_none());
        if let Some(old) = old.filter(|old| old.is_the_same(self.document.kind, &self.document.token)) {
            // If this one has an object, it belongs to nothing, and is dropped in its time.
            return Ok(AddedDocument { document: old.clone(), changed: false });
        }
        room_for_one_more(cx.caller, user.id, all.len())?;
        let in_time = cx.now.plus(LATE);
        let kept = cx.tx.run(store::KEEP_OBJECT, params![tenant, self.document.object, user.id, in_time]).await?;
        if kept != 1 {
            return Err(Error::Busy(crate::Busy::DocumentsAway));
        }
        let document = Document { added_at: cx.now, added_by: cx.caller.author(), ..self.document.clone() };
        if let Some(old) = old {
            let requests = store::of_user(cx.tx, tenant, user.id).await?;
            let was_seen = requests.iter().any(|request| request.saw(old, cx.now));
            store::replace(cx.tx, tenant, old, was_seen, cx.now).await?;
        }
        store::insert_document(cx.tx, tenant, &document).await?;
        cx.note(Fact::DocumentAdded { user: user.id, document: document.id, kind: document.kind.word() });
        Ok(AddedDocument { document, changed: true })
    }
}
