//! What a verb is, and what it may touch while it runs. A verb meets the desk only through `Cx` (actions) and `Qx`
//! (questions); no noun names the door.

use std::future::Future;
use std::sync::Arc;

use crate::caller::Caller;
use crate::db::{Rd, Tx, Weight};
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::permission::{ACTIONS, need_of};
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
    /// An import of users.
    Import(ImportId),
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
            Subject::Import(_) => "import",
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
            Subject::Import(id) => Some(id.0),
            Subject::Tenant => None,
        }
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
            "import" => ImportId(id).to_string(),
            _ => return None,
        })
    }
}

/// A verb that changes state. Run only by `Desk::perform`. `run` must be repeatable: it touches only `cx`, and nothing
/// outside the database, because an engine may run it again after a conflict.
pub trait Action: Send + Sync + 'static {
    /// The stable name, e.g. `user.lock`: its line in `permission::ACTIONS`, the audit, the metrics.
    const NAME: &'static str;
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
    /// A point read runs at once; a scan goes to a reader thread and sees one snapshot.
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
    pub(crate) announced: Vec<Fact>,
    ids_made: i64,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        tx: &'a mut Tx,
        caller: &'a Caller,
        tenant: &'a Arc<Tenant>,
        random: &'a Random,
        now: Time,
    ) -> Self {
        Cx { tx, caller, tenant, random, now, facts: Vec::new(), announced: Vec::new(), ids_made: 0 }
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

    /// The moment for the next new id: ids made in one action sort in the order in which they were made.
    pub fn id_time(&mut self) -> Time {
        self.ids_made += 1;
        self.now.plus(self.ids_made - 1)
    }

    /// Runs another action inside this one: same transaction, same audit row, again authorised.
    pub async fn perform<A: Action>(&mut self, action: &A) -> Result<A::Output> {
        let need = need_of(ACTIONS, A::NAME).ok_or_else(|| Error::internal(format!("{} has no line", A::NAME)))?;
        match self.caller.lacks(need, action.subject()) {
            Some(missing) => Err(Error::Forbidden(missing)),
            None => action.run(self).await,
        }
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
