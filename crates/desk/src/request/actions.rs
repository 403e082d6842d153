//! Proposing, deciding and taking back.

use super::customer;
use super::model::{Hand, Kept, Request, RequestState};
use super::proposal::Proposal;
use super::questions::{Outcome, SeenRequest, see};
use super::store::{self, Stored};
use crate::administrator;
use crate::bulk::BulkCounts;
use crate::caller::{Caller, Who};
use crate::challenge::{self, ShowChallenge, Waits};
use crate::error::{Error, Refusal, Result};
use crate::key::NewKey;
use crate::permission::{ACTIONS, need_of};
use crate::user::actions::check_reason;
use crate::user::{self, User};
use crate::value::clock::SECOND;
use crate::value::id::{RequestId, StaffId, UserId};
use crate::verb::{Action, Cx, Eyes, Question, Qx, Subject};
use crate::{account, key, role, staff};

/// The person behind a caller. What has no person behind it, the house too, neither proposes nor decides.
fn hand(caller: &Caller) -> Result<Hand> {
    match caller.who {
        Who::Staff { id, .. } => Ok(Hand { staff: id, key: None }),
        Who::Key { id, staff } => Ok(Hand { staff, key: Some(id) }),
        Who::User { .. } | Who::House | Who::Anonymous => Err(Error::Forbidden("signed_in_staff")),
    }
}

/// Words that must be said.
fn said(field: &'static str, text: &str) -> Result<()> {
    check_reason(Some(text))?;
    if text.trim().is_empty() {
        return Err(Error::invalid(field, "required", "Say why."));
    }
    Ok(())
}

/// Whom something concerns: the user it is, or the owner of the account it is or belongs to.
async fn concerned(cx: &mut Cx<'_>, about: Subject) -> Result<Option<UserId>> {
    let account = match about {
        Subject::User(user) => return Ok(Some(user)),
        Subject::Account(account) => account,
        Subject::Administrator(id) => administrator::store::load(cx.tx, cx.tenant, id).await?.it.account,
        Subject::Challenge(id) => {
            let mut qx = Qx { rd: cx.tx, caller: cx.caller, tenant: cx.tenant, now: cx.now };
            match ShowChallenge(id).run(&mut qx).await?.waits {
                Waits::Administrator { account, .. } => account,
                Waits::Request(request) => return Ok(store::load(cx.tx, cx.tenant, request).await?.user),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(account::store::load(cx.tx, cx.tenant, account).await?.owner))
}

/// Whom a request concerns, loaded for change: who lies outside what the caller may know of does not exist, and the request
/// about her neither.
async fn load_concerned(cx: &mut Cx<'_>, user: Option<UserId>) -> Result<Option<User>> {
    let Some(user) = user else { return Ok(None) };
    match user::store::load_for_change(cx.tx, cx.tenant, cx.caller, user).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound(RequestId::NOUN)),
        other => other.map(Some),
    }
}

async fn seen(cx: &mut Cx<'_>, request: Request) -> Result<SeenRequest> {
    let seen = see(cx.tx, cx.tenant, cx.caller, vec![request], cx.now).await?;
    seen.into_iter().next().ok_or_else(|| Error::internal("a request is seen as one"))
}

/// Proposes an action for somebody else to decide. It is tried out and taken back: what it would cause is kept with it.
pub struct ProposeAction {
    /// What.
    pub proposal: Proposal,
    /// Why; needed.
    pub reason: String,
}

impl Action for ProposeAction {
    const NAME: &'static str = "request.propose";
    type Output = SeenRequest;

    fn subject(&self) -> Subject {
        self.proposal.about
    }

    fn reason(&self) -> Option<&str> {
        Some(&self.reason)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenRequest> {
        let proposer = hand(cx.caller)?;
        said("reason", &self.reason)?;
        self.proposal.check(cx.now)?;
        let (action, subject) = (self.proposal.action, self.proposal.about);
        let step = self.proposal.step(Some(&self.reason))?;
        let (plan, wants) = cx.try_out(&*step).await?;
        if plan.facts.is_empty() {
            return Err(Refusal::NothingToDo.into());
        }
        let counts = counts(cx, &self.proposal).await?;
        let tenant = cx.tenant.clone();
        let concerned = concerned(cx, subject).await?;
        let user = load_concerned(cx, concerned).await?;
        if let Some(mut earlier) = store::pending_for_change(cx.tx, &tenant, &self.proposal).await? {
            // Its time may be over, and that not be noted yet.
            let fact = earlier.request.expire(cx.now).ok_or(Refusal::RequestPending)?;
            call_off(cx, &mut earlier.request, "expired").await?;
            store::save(cx.tx, &tenant, cx.random, &earlier, user.as_ref(), cx.now).await?;
            cx.note(fact);
        }
        let (reason, told) = (self.reason.clone(), self.proposal.told.clone());
        let id = RequestId::new(cx.id_time(), cx.random);
        let expires_at = cx.now.plus(tenant.settings.request_seconds * SECOND);
        let (contacts, customer) = match (wants.customer, subject, &user) {
            (false, ..) => (None, None),
            (true, Subject::User(_), Some(user)) => {
                let (contacts, customer) = customer::asked(cx, id, user, expires_at).await?;
                (Some(contacts), Some(customer))
            }
            // Many at once, or a thing of hers: nobody is there who could confirm it.
            (true, ..) => return Err(Refusal::NeedsCustomer.into()),
        };
        let need = need_of(ACTIONS, action.word());
        let lacks = need.is_none_or(|need| cx.caller.lacks(need, subject).is_some());
        let request = Request {
            id,
            number: crate::tenant::store::next_request_number(cx.tx, tenant.id).await?,
            action,
            about: subject,
            user: concerned,
            state: RequestState::Pending,
            end_cause: None,
            plan_hash: plan.hash,
            kept: Some(Kept { reason, told, facts: plan.facts, counts, contacts, comment: None }),
            // Who may not do it herself needs somebody who may.
            needs_decider: customer.is_none() || wants.second_person || lacks,
            customer,
            proposer,
            decider: None,
            created_at: cx.now,
            expires_at,
            ended_at: None,
        };
        if !store::insert(cx.tx, &tenant, cx.random, &request, user.as_ref()).await? {
            return Err(Refusal::RequestPending.into());
        }
        cx.note(request.proposed());
        seen(cx, request).await
    }
}

/// Nobody need confirm what has come to its end.
async fn call_off(cx: &mut Cx<'_>, request: &mut Request, cause: &'static str) -> Result<()> {
    match request.call_off() {
        Some(challenge) => challenge::cancel_one(cx, challenge, cause).await,
        None => Ok(()),
    }
}

/// What a bulk action would come to.
async fn counts(cx: &mut Cx<'_>, proposal: &Proposal) -> Result<Option<BulkCounts>> {
    match proposal.bulk() {
        Some(bulk) => BulkCounts::of(cx, &bulk).await.map(Some),
        None => Ok(None),
    }
}

/// What could be said when it was proposed and cannot be said now, such as a moment that has passed, is another plan.
pub(super) fn as_changed<T>(told: Result<T>) -> Result<T> {
    match told {
        Err(Error::Invalid(_)) => Err(Refusal::PlanChanged.into()),
        other => other,
    }
}

/// Whether this person may decide requests at all, besides her permission.
async fn may_decide(cx: &mut Cx<'_>, request: &Request, decider: Hand) -> Result<()> {
    let tenant = cx.tenant.clone();
    if let Some(name) = &tenant.settings.deciding_role
        && !role::store::is_held_by(cx.tx, tenant.id, name, decider.staff).await?
    {
        return Err(Refusal::NotADecider.into());
    }
    if request.state_at(cx.now) != RequestState::Pending {
        return Ok(());
    }
    // A key that somebody made or proposed for a colleague is a hand of both: with it she could be her own second person.
    let (proposers, deciders) = (people_behind(cx, request.proposer).await?, people_behind(cx, decider).await?);
    if deciders.iter().any(|person| proposers.contains(person)) {
        return Err(Refusal::OwnRequest.into());
    }
    // Whoever set a password, or brought a colleague in whom nobody else has confirmed, could be both.
    if staff::store::is_password_change_due(cx.tx, tenant.id, decider.staff).await? {
        return Err(Refusal::PasswordNotOwn.into());
    }
    let proposers = staff::store::with_bringers(cx.tx, tenant.id, proposers).await?;
    let deciders = staff::store::with_bringers(cx.tx, tenant.id, deciders).await?;
    match deciders.iter().any(|person| proposers.contains(person)) {
        true => Err(Refusal::ColleagueUnconfirmed.into()),
        false => Ok(()),
    }
}

/// Who may be behind a hand.
pub(super) async fn people_behind(cx: &mut Cx<'_>, hand: Hand) -> Result<Vec<StaffId>> {
    key::people_behind(cx.tx, cx.tenant.id, hand.staff, hand.key).await
}

/// What an approval is worth when the action has nothing left to do, because somebody else has done it meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlreadySo {
    /// It is refused like any plan that has changed.
    Refuse,
    /// The request is approved: it is as both wanted it.
    Approve,
}

/// Says yes: the action is done in the same transaction, if it still does what the request was shown to do. Whoever says so
/// must be allowed to do it herself.
pub struct ApproveRequest {
    /// Which.
    pub request: RequestId,
    /// What there is to say about it.
    pub comment: Option<String>,
    /// When there is nothing left to do.
    pub already_so: AlreadySo,
}

impl Action for ApproveRequest {
    const NAME: &'static str = "request.approve";
    type Output = SeenRequest;

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn reason(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenRequest> {
        let decider = hand(cx.caller)?;
        check_reason(self.comment.as_deref())?;
        let (mut stored, user) = load(cx, self.request).await?;
        may_decide(cx, &stored.request, decider).await?;
        let shown = stored.request.kept.clone();
        let proposal = stored.request.proposal();
        let fact = stored.request.approve(decider, cx.now)?;
        let (proposal, shown) = (proposal?, shown.ok_or(Refusal::UserErased)?);
        let step = proposal.step(Some(&shown.reason))?;
        if as_changed(counts(cx, &proposal).await)? != shown.counts {
            return Err(Refusal::PlanChanged.into());
        }
        comment(&mut stored.request, self.comment.as_deref());
        // Before the action: one that ends what is proposed about her shall not end this.
        store::save(cx.tx, cx.tenant, cx.random, &stored, user.as_ref(), cx.now).await?;
        cx.note(fact);
        let customer = stored.request.customer.is_some();
        let (caller, eyes) = (cx.caller, Eyes { customer, ..Eyes::TWO });
        let proposers = people_behind(cx, stored.request.proposer).await?;
        let (plan, answer) = as_changed(cx.perform_decided(caller, &*step, eyes, proposers).await)?;
        let is_already_so = plan.facts.is_empty() && self.already_so == AlreadySo::Approve;
        if plan.hash != stored.request.plan_hash && !is_already_so {
            return Err(Refusal::PlanChanged.into());
        }
        // The secret of a new key is in this answer and nowhere else.
        let secret = answer.downcast::<NewKey>().ok().and_then(|new| new.secret);
        let outcome = Some(Outcome { facts: plan.facts, secret });
        Ok(SeenRequest { outcome, ..seen(cx, stored.request).await? })
    }
}

/// Loads a request to change with whom it concerns.
async fn load(cx: &mut Cx<'_>, id: RequestId) -> Result<(Stored, Option<User>)> {
    let stored = store::load_for_change(cx.tx, cx.tenant, id).await?;
    let user = load_concerned(cx, stored.request.user).await?;
    Ok((stored, user))
}

fn comment(request: &mut Request, text: Option<&str>) {
    if let Some(kept) = &mut request.kept {
        kept.comment = text.map(str::to_owned);
    }
}

/// Says no. The request is kept, with the reason.
pub struct DeclineRequest {
    /// Which.
    pub request: RequestId,
    /// Why; needed.
    pub reason: String,
}

impl Action for DeclineRequest {
    const NAME: &'static str = "request.decline";
    type Output = SeenRequest;

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn reason(&self) -> Option<&str> {
        Some(&self.reason)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenRequest> {
        let decider = hand(cx.caller)?;
        said("reason", &self.reason)?;
        let (mut stored, user) = load(cx, self.request).await?;
        may_decide(cx, &stored.request, decider).await?;
        let fact = stored.request.decline(decider, cx.now)?;
        comment(&mut stored.request, Some(&self.reason));
        call_off(cx, &mut stored.request, "declined").await?;
        store::save(cx.tx, cx.tenant, cx.random, &stored, user.as_ref(), cx.now).await?;
        cx.note(fact);
        seen(cx, stored.request).await
    }
}

/// Takes one's own proposal back.
pub struct WithdrawRequest {
    /// Which.
    pub request: RequestId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for WithdrawRequest {
    const NAME: &'static str = "request.withdraw";
    type Output = SeenRequest;

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenRequest> {
        let proposer = hand(cx.caller)?;
        check_reason(self.reason.as_deref())?;
        let (mut stored, user) = load(cx, self.request).await?;
        let fact = stored.request.withdraw(proposer, cx.now)?;
        call_off(cx, &mut stored.request, "withdrawn").await?;
        store::save(cx.tx, cx.tenant, cx.random, &stored, user.as_ref(), cx.now).await?;
        cx.note(fact);
        seen(cx, stored.request).await
    }
}

/// Notes that nobody has decided a request in time; for the worker.
pub struct ExpireRequest(pub RequestId);

impl Action for ExpireRequest {
    const NAME: &'static str = "request.expire";
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::Request(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<bool> {
        let (mut stored, user) = load(cx, self.0).await?;
        let Some(fact) = stored.request.expire(cx.now) else { return Ok(false) };
        call_off(cx, &mut stored.request, "expired").await?;
        store::save(cx.tx, cx.tenant, cx.random, &stored, user.as_ref(), cx.now).await?;
        cx.note(fact);
        Ok(true)
    }
}
