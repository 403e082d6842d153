//! What a verb is, and what it may touch while it runs. A verb meets the desk only through `Cx` (actions) and `Qx`
//! (questions); no noun names the door.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::caller::{Caller, Door, Who};
use crate::db::{Rd, Tx, Weight};
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::{ACTIONS, need_of};
use crate::plan::Plan;
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id::*;
use crate::value::random::Random;

/// What a verb is about: named in the audit, and the key of "oneself".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A user.
    User(UserId),
    /// A staff member.
    Staff(StaffId),
    /// A team.
    Team(TeamId),
    /// A role.
    Role(RoleId),
    /// A key.
    Key(KeyId),
    /// A message.
    Message(MessageId),
    /// A bulk action.
    Bulk(BulkId),
    /// An import of users.
    Import(ImportId),
    /// A request for somebody else's decision.
    Request(RequestId),
    /// An account.
    Account(AccountId),
    /// An administrator of an account.
    Administrator(AdministratorId),
    /// Something that waits for a person's code.
    Challenge(ChallengeId),
    /// What a partner is told.
    Callback(CallbackId),
    /// The tenant as a whole (lists, settings, creation).
    Tenant,
}

impl Subject {
    /// The noun's word.
    pub fn kind(self) -> &'static str {
        match self {
            Subject::User(_) => "user",
            Subject::Staff(_) => "staff",
            Subject::Team(_) => "team",
            Subject::Role(_) => "role",
            Subject::Key(_) => "key",
            Subject::Message(_) => "message",
            Subject::Bulk(_) => "bulk",
            Subject::Import(_) => "import",
            Subject::Request(_) => "request",
            Subject::Account(_) => "account",
            Subject::Administrator(_) => "administrator",
            Subject::Challenge(_) => "challenge",
            Subject::Callback(_) => "callback",
            Subject::Tenant => "tenant",
        }
    }

    /// The id, if it is about one thing.
    pub fn id(self) -> Option<uuid::Uuid> {
        match self {
            Subject::User(id) => Some(id.0),
            Subject::Staff(id) => Some(id.0),
            Subject::Team(id) => Some(id.0),
            Subject::Role(id) => Some(id.0),
            Subject::Key(id) => Some(id.0),
            Subject::Message(id) => Some(id.0),
            Subject::Bulk(id) => Some(id.0),
            Subject::Import(id) => Some(id.0),
            Subject::Request(id) => Some(id.0),
            Subject::Account(id) => Some(id.0),
            Subject::Administrator(id) => Some(id.0),
            Subject::Challenge(id) => Some(id.0),
            Subject::Callback(id) => Some(id.0),
            Subject::Tenant => None,
        }
    }

    /// What kind and id stand for, as they were stored.
    pub(crate) fn of(kind: &str, id: uuid::Uuid) -> Option<Subject> {
        Some(match kind {
            "user" => Subject::User(UserId(id)),
            "staff" => Subject::Staff(StaffId(id)),
            "team" => Subject::Team(TeamId(id)),
            "role" => Subject::Role(RoleId(id)),
            "key" => Subject::Key(KeyId(id)),
            "message" => Subject::Message(MessageId(id)),
            "bulk" => Subject::Bulk(BulkId(id)),
            "import" => Subject::Import(ImportId(id)),
            "request" => Subject::Request(RequestId(id)),
            "account" => Subject::Account(AccountId(id)),
            "administrator" => Subject::Administrator(AdministratorId(id)),
            "challenge" => Subject::Challenge(ChallengeId(id)),
            "callback" => Subject::Callback(CallbackId(id)),
            "tenant" => Subject::Tenant,
            _ => return None,
        })
    }

    /// The text form of kind and id, as audit and events print it.
    pub fn text(kind: &str, id: Option<uuid::Uuid>) -> Option<String> {
        let id = id?;
        Some(match kind {
            "user" => UserId(id).to_string(),
            "staff" => StaffId(id).to_string(),
            "team" => TeamId(id).to_string(),
            "role" => RoleId(id).to_string(),
            "key" => KeyId(id).to_string(),
            "message" => MessageId(id).to_string(),
            "bulk" => BulkId(id).to_string(),
            "import" => ImportId(id).to_string(),
            "request" => RequestId(id).to_string(),
            "account" => AccountId(id).to_string(),
            "administrator" => AdministratorId(id).to_string(),
            "challenge" => ChallengeId(id).to_string(),
            "callback" => CallbackId(id).to_string(),
            _ => return None,
        })
    }
}

/// Whose eyes an action has passed besides its caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Eyes {
    /// A second person's.
    pub second_person: bool,
    /// The customer's whom it is about.
    pub customer: bool,
    /// It is tried out for a proposal and taken back: what it needs is noted, whatever the proposer may do herself.
    pub tried: bool,
    /// It is a preview, and taken back.
    pub previewed: bool,
}

impl Eyes {
    /// Nobody else's.
    pub const ONE: Eyes = Eyes { second_person: false, customer: false, tried: false, previewed: false };
    /// A second person's.
    pub const TWO: Eyes = Eyes { second_person: true, ..Eyes::ONE };
    /// A preview: nothing comes of it, so that nobody else need have looked.
    pub const PREVIEW: Eyes = Eyes { customer: true, previewed: true, ..Eyes::TWO };
    /// Nobody's yet.
    const TRIED: Eyes = Eyes { tried: true, ..Eyes::ONE };
}

/// Whom the policy wants to look at what was tried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// A second person.
    pub second_person: bool,
    /// The customer whom it is about.
    pub customer: bool,
}

/// Whom the institution's policy wants besides this caller. Two are not held by it: a user who does something about herself, and
/// the operator at the machine, who is the way back in when there is no second person left.
fn wants(tenant: &Tenant, caller: &Caller, name: &str, subject: Subject) -> Wants {
    let is_bound = match caller.who {
        Who::User { id, .. } => subject != Subject::User(id),
        Who::House => caller.origin.door != Door::Cli,
        Who::Staff { .. } | Who::Key { .. } | Who::Anonymous => true,
    };
    Wants {
        second_person: is_bound && tenant.settings.needs_second_person(name),
        customer: is_bound && tenant.settings.needs_customer(name),
    }
}

/// The one place that keeps the institution's policy: what needs a second person, or the customer, is done on the strength of a
/// request, or not at all, by whichever door, key or bulk action it is tried.
pub(crate) fn check_policy(tenant: &Tenant, caller: &Caller, name: &str, subject: Subject, eyes: Eyes) -> Result<()> {
    let wants = wants(tenant, caller, name, subject);
    match () {
        () if wants.second_person && !eyes.second_person => Err(Refusal::NeedsSecondPerson.into()),
        () if wants.customer && !eyes.customer => Err(Refusal::NeedsCustomer.into()),
        () => Ok(()),
    }
}

/// An action without its type, to be run within another.
pub(crate) trait Step: Send + Sync {
    /// The action's name.
    fn name(&self) -> &'static str;
    /// What it is about.
    fn subject(&self) -> Subject;
    /// Why.
    fn reason(&self) -> Option<&str>;
    /// Runs it; answers as the action does.
    fn run<'a>(&'a self, cx: &'a mut Cx<'_>) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>>;
}

/// An output without its type.
pub(crate) type Answer = Box<dyn Any + Send>;

impl<A: Action> Step for A {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn subject(&self) -> Subject {
        Action::subject(self)
    }

    fn reason(&self) -> Option<&str> {
        Action::reason(self)
    }

    fn run<'a>(&'a self, cx: &'a mut Cx<'_>) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>> {
        Box::pin(async move { Ok(Box::new(Action::run(self, cx).await?) as Answer) })
    }
}

/// A verb that changes state. Run only by `Desk::perform`. `run` must be repeatable: it touches only `cx`, and nothing
/// outside the database, because an engine may run it again after a conflict.
pub trait Action: Send + Sync + 'static {
    /// The stable name, e.g. `user.lock`: its line in `permission::ACTIONS`, the audit, the metrics.
    const NAME: &'static str;
    /// Whether it can be tried out. What takes a secret that somebody could guess cannot: a preview is neither counted nor
    /// recorded, and would tell right from wrong for nothing.
    const PREVIEWABLE: bool = true;
    /// Whether it may take hundreds of statements, so that nobody should be made to wait for it.
    const LONG: bool = false;
    /// What the caller gets.
    type Output: Send + 'static;
    /// What it is about.
    fn subject(&self) -> Subject;
    /// Why, in the caller's words; kept sealed in the audit.
    fn reason(&self) -> Option<&str> {
        None
    }
    /// Load, decide, save, note the fact.
    fn run(&self, cx: &mut Cx<'_>) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// An action on one thing, cut where the thing has been loaded: so that who acts on many loads them together, and yet does
/// to each exactly what the action does.
pub(crate) trait OnLoaded: Action {
    /// What is loaded.
    type Thing: Send;

    /// What the action does once its thing is loaded for change.
    fn on_loaded(&self, cx: &mut Cx<'_>, thing: Self::Thing) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    /// Something changed.
    Done,
    /// It was so already.
    Unchanged,
    /// It was refused, with this code.
    Refused(&'static str),
}

/// An attempt within an action that is on record by itself, under its own caller.
pub(crate) struct Apart {
    pub caller: Arc<Caller>,
    pub name: &'static str,
    pub subject: Subject,
    pub reason: Option<String>,
    pub became: Became,
    pub facts: Vec<Fact>,
}

/// A verb that changes nothing. Run only by `Desk::ask`.
pub trait Question: Send + Sync + 'static {
    /// The stable name: its line in `permission::QUESTIONS`.
    const NAME: &'static str;
    /// Whether asking leaves an audit row (reveals, exports).
    const RECORDED: bool = false;
    /// What the caller gets.
    type Output: Send + 'static;
    /// What it is about.
    fn subject(&self) -> Subject {
        Subject::Tenant
    }
    /// Why, for recorded questions.
    fn purpose(&self) -> Option<&str> {
        None
    }
    /// A point read runs at once; a page as well, and sees one snapshot; a scan goes to a reader thread and sees one, too.
    fn weight(&self) -> Weight {
        Weight::Point
    }
    /// Read and answer.
    fn run(&self, qx: &mut Qx<'_>) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// What an action may touch.
pub struct Cx<'a> {
    /// The transaction, for the stores.
    pub tx: &'a mut Tx,
    /// Who asked.
    pub caller: &'a Caller,
    /// The tenant: its keys and its settings.
    pub tenant: &'a Arc<Tenant>,
    /// Chance.
    pub random: &'a Random,
    /// The moment of this action; one for all it writes.
    pub now: Time,
    pub(crate) facts: Vec<Fact>,
    pub(crate) apart: Vec<Apart>,
    pub(crate) announced: Vec<Fact>,
    /// Whether this user has something open that could be ended, where it was asked for together with her row.
    pub(crate) open_access: Option<(UserId, bool)>,
    weights: Vec<Value>,
    wants: Wants,
    ids_made: i64,
    eyes: Eyes,
    proposers: Vec<StaffId>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        tx: &'a mut Tx,
        caller: &'a Caller,
        tenant: &'a Arc<Tenant>,
        random: &'a Random,
        now: Time,
    ) -> Self {
        let (facts, announced, apart, weights) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (wants, eyes, ids_made, proposers) = (Wants::default(), Eyes::ONE, 0, Vec::new());
        let open_access = None;
        Cx {
            tx,
            caller,
            tenant,
            random,
            now,
            facts,
            apart,
            announced,
            open_access,
            weights,
            wants,
            ids_made,
            eyes,
            proposers,
        }
    }

    /// The same, for what has passed these eyes.
    pub(crate) fn with(self, eyes: Eyes) -> Self {
        Cx { eyes, ..self }
    }

    /// Refuses what needs somebody else who has not looked; for what is done later, piece by piece, or within something else.
    pub(crate) fn check_policy(&mut self, name: &str, subject: Subject) -> Result<()> {
        if self.eyes.tried {
            let more = wants(self.tenant, self.caller, name, subject);
            self.wants.second_person |= more.second_person;
            self.wants.customer |= more.customer;
            return Ok(());
        }
        check_policy(self.tenant, self.caller, name, subject, self.eyes)
    }

    /// Says what has happened. The fact is the only source of audit detail, events and follow-up jobs.
    pub fn note(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// Says what has happened to one of many whom a single noted fact sums up: it becomes an event, and causes its jobs,
    /// but is not told again in the audit row (docs/decisions/0010-slices-of-an-import.md).
    pub fn announce(&mut self, fact: Fact) {
        self.announced.push(fact);
    }

    /// Whether a second person has looked at this action: what is done of it later, piece by piece, is done on that strength.
    pub(crate) fn is_approved(&self) -> bool {
        self.eyes.second_person
    }

    /// Who may be behind the proposal on the strength of which this is done.
    pub(crate) fn proposers(&self) -> &[StaffId] {
        &self.proposers
    }

    /// Whether it is only tried out for a proposal, whose author need not be allowed to do it.
    pub(crate) fn is_tried(&self) -> bool {
        self.eyes.tried
    }

    /// Whether somebody else has looked at this action, and will not only be shown it.
    pub(crate) fn has_other_eyes(&self) -> bool {
        (self.eyes.second_person || self.eyes.customer) && !self.eyes.previewed
    }

    /// Whether nothing comes of it: a preview, or tried out for a proposal.
    pub(crate) fn is_shown(&self) -> bool {
        self.eyes.previewed || self.eyes.tried
    }

    /// Whether somebody will compare what this action does with what it was shown to do.
    pub(crate) fn is_planned(&self) -> bool {
        self.eyes != Eyes::ONE
    }

    /// Says what the action found and changes, or leans on, where the facts name no values: another value is another plan.
    /// Only the plan's keyed hash sees it.
    pub(crate) fn weigh(&mut self, what: &'static str, value: &impl Serialize) -> Result<()> {
        if self.is_planned() {
            let value = serde_json::to_value(value).map_err(Error::internal)?;
            self.weights.push(Value::Array(vec![what.into(), value]));
        }
        Ok(())
    }

    /// The plan of what was done so far, about this.
    pub(crate) fn plan<'f>(&self, facts: impl IntoIterator<Item = &'f Fact>, about: Subject) -> Result<Plan> {
        Plan::of(self.tenant, facts, &self.weights, self.now, about)
    }

    /// The moment for the next new id: ids made in one action sort in the order in which they were made.
    pub fn id_time(&mut self) -> Time {
        self.ids_made += 1;
        self.now.plus(self.ids_made - 1)
    }

    /// Runs another action inside this one: same transaction, same audit row, again authorised.
    pub async fn perform<A: Action>(&mut self, action: &A) -> Result<A::Output> {
        let need = need_of(ACTIONS, A::NAME).ok_or_else(|| Error::internal(format!("{} has no line", A::NAME)))?;
        if let Some(missing) = self.caller.lacks(need, action.subject()).filter(|_| !self.eyes.tried) {
            return Err(Error::Forbidden(missing));
        }
        self.check_policy(A::NAME, action.subject())?;
        action.run(self).await
    }

    /// Runs an action that these eyes have looked at, for this caller: again authorised, with a record, events and jobs of its
    /// own. An error of it is one of the whole. `proposers` may be behind its proposal. Answers what it has caused, and as the
    /// action does.
    pub(crate) async fn perform_decided(
        &mut self,
        caller: &Caller,
        step: &dyn Step,
        eyes: Eyes,
        proposers: Vec<StaffId>,
    ) -> Result<(Plan, Answer)> {
        let name = step.name();
        let need = need_of(ACTIONS, name).ok_or_else(|| Error::internal(format!("{name} has no line")))?;
        if let Some(missing) = caller.lacks(need, step.subject()) {
            return Err(Error::Forbidden(missing));
        }
        check_policy(self.tenant, caller, name, step.subject(), eyes)?;
        let mut cx = Cx::new(self.tx, caller, self.tenant, self.random, self.now).with(eyes);
        (cx.ids_made, cx.proposers) = (self.ids_made, proposers);
        let answer = step.run(&mut cx).await?;
        let plan = cx.plan(cx.facts.iter().chain(&cx.announced), step.subject())?;
        let (mut facts, announced, ids_made) = (cx.facts, cx.announced, cx.ids_made);
        let apart = cx.apart;
        facts.extend(announced);
        self.ids_made = ids_made;
        self.apart.extend(apart);
        let became = if facts.is_empty() { Became::Unchanged } else { Became::Done };
        let (caller, reason) = (Arc::new(caller.clone()), step.reason().map(str::to_owned));
        self.apart.push(Apart { caller, name, subject: step.subject(), reason, became, facts });
        Ok((plan, answer))
    }

    /// What an action would cause, and whom the policy wants for it and for what it does within itself: it is run within this
    /// transaction and taken back. Nobody is asked whether the caller may do it: who proposes need not be allowed to do it
    /// herself.
    pub(crate) async fn try_out(&mut self, step: &dyn Step) -> Result<(Plan, Wants)> {
        self.tx.mark().await?;
        let mut cx = Cx::new(self.tx, self.caller, self.tenant, self.random, self.now).with(Eyes::TRIED);
        cx.check_policy(step.name(), step.subject())?;
        step.run(&mut cx).await?;
        let (plan, wants) = (cx.plan(cx.facts.iter().chain(&cx.announced), step.subject())?, cx.wants);
        self.tx.back_to_mark().await?;
        Ok((plan, wants))
    }

    /// Runs another action inside this one as a deed of its own: same transaction, but authorised for that caller, and with
    /// a record, events and jobs of its own, as if that caller had come to the door. A refusal is its outcome and not an
    /// error here: the others go on. `loaded` is what the action's thing came to when it was loaded for change, `eyes` whose
    /// eyes the whole has passed.
    pub(crate) async fn perform_apart<A: OnLoaded>(
        &mut self,
        caller: &Arc<Caller>,
        action: &A,
        loaded: Result<A::Thing>,
        eyes: Eyes,
    ) -> Result<Became> {
        let need = need_of(ACTIONS, A::NAME).ok_or_else(|| Error::internal(format!("{} has no line", A::NAME)))?;
        let written = self.tx.written();
        let policy = check_policy(self.tenant, caller, A::NAME, action.subject(), eyes);
        let mut cx = Cx::new(self.tx, caller, self.tenant, self.random, self.now).with(eyes);
        cx.ids_made = self.ids_made;
        let told = match (caller.lacks(need, action.subject()), policy.and(loaded)) {
            (Some(missing), _) => Err(Error::Forbidden(missing)),
            (None, Err(error)) => Err(error),
            (None, Ok(thing)) => action.on_loaded(&mut cx, thing).await.map(drop),
        };
        // It has a row of its own: what is otherwise only announced stands in it, too.
        let (mut facts, announced, ids_made) = (cx.facts, cx.announced, cx.ids_made);
        facts.extend(announced);
        self.ids_made = ids_made;
        let became = match told {
            Ok(()) if facts.is_empty() => Became::Unchanged,
            Ok(()) => Became::Done,
            Err(error @ (Error::Busy(_) | Error::Internal(_))) => return Err(error),
            Err(error) if self.tx.written() == written => Became::Refused(error.code()),
            Err(error) => {
                // Half of it is written, and there is no going back to before it without losing the others.
                self.tx.spoil();
                return Err(Error::internal(format!("{} was refused after it had written: {error}", A::NAME)));
            }
        };
        let facts = if became == Became::Done { facts } else { Vec::new() };
        let reason = action.reason().map(str::to_owned);
        self.apart.push(Apart {
            caller: caller.clone(),
            name: A::NAME,
            subject: action.subject(),
            reason,
            became,
            facts,
        });
        Ok(became)
    }
}

/// What a question may touch.
pub struct Qx<'a> {
    /// The read connection, for the stores.
    pub rd: &'a mut Rd,
    /// Who asked.
    pub caller: &'a Caller,
    /// The tenant: its keys and its settings.
    pub tenant: &'a Arc<Tenant>,
    /// The moment of this question.
    pub now: Time,
}
