//! The one door. `perform` is the only way to change anything: allowed? → begun → done → recorded → announced →
//! committed, in one transaction, and a refused attempt leaves its own record. `ask` is the only way to know anything,
//! `preview` is `perform` without the commit. An author of an action cannot forget audit, event, job or permission:
//! there is nothing to remember.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use crate::caller::{Caller, Door, Who};
use crate::db::{Db, First, Rd, Read, Tx, Weight, Write};
use crate::error::{Conflict, Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::{ACTIONS, QUESTIONS, need_of};
use crate::plan::Plan;
use crate::request::ApproveRequest;
use crate::tenant::{self, CreateTenant, Environment, Institution, Settings, Tenant};
use crate::user::verification::Vault;
use crate::value::callback_url::Reach;
use crate::value::clock::{Clock, SECOND, Time};
use crate::value::id::{AuditId, TenantId, UserId};
use crate::value::password::Hashing;
use crate::value::random::Random;
use crate::value::seal::{HouseKey, MasterKey, TenantKeys};
use crate::verb::{Action, Answer, Apart, Became, Cx, Eyes, Question, Qx, Subject, check_policy};
use crate::{audit, credential, event, idempotency, job, user};

/// Settings read from the database are believed for so long; the process that changes them forgets them at once.
const TENANT_AGE: i64 = SECOND;

/// How many passwords may be hashed or wait to be: more would wait longer than anybody waits for an answer.
const HASHING_PLACES: usize = 512;

/// What a desk is opened with.
pub struct DeskParts {
    /// The database, migrated.
    pub db: Db,
    /// The key that wraps all others.
    pub master: MasterKey,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
    /// How passwords are hashed.
    pub hashing: Hashing,
    /// How many passwords are hashed at the same time; each takes the memory of `hashing`.
    pub hashing_at_once: usize,
    /// Where documents lie.
    pub vault: Vault,
    /// Where partners may be called back.
    pub callbacks_to: Reach,
}

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub db: Db,
    pub master: MasterKey,
    pub clock: Clock,
    pub random: Random,
    pub hashing: Hashing,
    pub hashing_pool: Arc<Semaphore>,
    pub hashing_places: Arc<Semaphore>,
    pub vault: Vault,
    pub callbacks_to: Reach,
    pub wake: Notify,
    tenants: RwLock<HashMap<TenantId, (Time, Arc<Tenant>)>>,
    /// How far the rows of the audit were sealed.
    pub emptied: Mutex<HashMap<TenantId, audit::chain::Emptied>>,
    pub remembered: credential::Remembered,
}

impl Desk {
    /// Opens a desk over a migrated database.
    pub fn open(parts: DeskParts) -> Desk {
        Desk {
            inner: Arc::new(Inner {
                db: parts.db,
                master: parts.master,
                clock: parts.clock,
                random: parts.random,
                hashing: parts.hashing,
                hashing_pool: Arc::new(Semaphore::new(parts.hashing_at_once.max(1))),
                hashing_places: Arc::new(Semaphore::new(HASHING_PLACES)),
                vault: parts.vault,
                callbacks_to: parts.callbacks_to,
                wake: Notify::new(),
                tenants: RwLock::new(HashMap::new()),
                emptied: Mutex::default(),
                remembered: credential::Remembered::nothing(),
            }),
        }
    }

    /// Does an action for a caller, or says why not.
    pub async fn perform<A: Action>(&self, caller: &Caller, action: A) -> Result<A::Output> {
        let performing = self.performing(caller, action).await?;
        self.run(A::NAME, performing).await.map(known::<A::Output>).map_err(|error| caller.reads(error))
    }

    /// Does an action and renders its answer inside the transaction; with a key, the answer is kept with its effect, so
    /// that the same request again gets the same answer and nothing happens twice.
    pub async fn perform_once<A: Action, F, R: Into<Rendered>>(
        &self,
        caller: &Caller,
        action: A,
        once: Option<Once>,
        render: F,
    ) -> Result<Vec<u8>>
    where
        F: Fn(A::Output) -> Result<R> + Send + Sync + 'static,
    {
        let performing = self.performing(caller, action).await?;
        let render: Render = Box::new(move |output| render(known::<A::Output>(output)).map(Into::into));
        let done = self.run(A::NAME, PerformingOnce { performing, once, render }).await;
        done.map_err(|error| caller.reads(error))
    }

    /// What an action would cause, without causing it; but for what takes a secret (`Action::PREVIEWABLE`).
    pub async fn preview<A: Action>(&self, caller: &Caller, action: A) -> Result<Plan> {
        let performing = self.performing(caller, action).await?;
        if !A::PREVIEWABLE {
            let message = "What takes a secret cannot be previewed: that would be a guess that nobody counts.";
            return Err(Error::invalid("preview", "not_previewable", message));
        }
        self.inner.db.write(Previewing(performing)).await.map_err(|error| caller.reads(error))
    }

    /// Answers a question, or says why not.
    pub async fn ask<Q: Question>(&self, caller: &Caller, question: Q) -> Result<Q::Output> {
        let need = need_of(QUESTIONS, Q::NAME).ok_or_else(|| no_line(Q::NAME))?;
        let tenant = self.tenant(caller.tenant).await?;
        let missing = caller.lacks(need, question.subject());
        if missing.is_some() && caller.who == Who::Anonymous {
            return Err(stranger());
        }
        let (inner, question) = (self.inner.clone(), Box::new(question));
        let asking = Asking { inner, tenant, caller: caller.clone(), question, name: Q::NAME, missing };
        let answer = match (Q::RECORDED, missing) {
            (true, _) => self.inner.db.write(asking).await,
            (false, Some(missing)) => Err(Error::Forbidden(missing)),
            (false, None) => self.inner.db.read(asking).await,
        };
        answer.map(known::<Q::Output>).map_err(|error| caller.reads(error))
    }

    /// The tenant: its keys and its settings. Unknown tenants are `NotFound`.
    pub async fn tenant(&self, id: TenantId) -> Result<Arc<Tenant>> {
        let now = self.inner.clock.now();
        let known = self.inner.tenants.read().unwrap_or_else(|broken| broken.into_inner()).get(&id).cloned();
        if let Some((read_at, tenant)) = known
            && now.0.saturating_sub(read_at.0) < TENANT_AGE
            && now >= read_at
        {
            return Ok(tenant);
        }
        let row = self.inner.db.read(FindTenant(id)).await?.ok_or(Error::NotFound("tenant"))?;
        let keys = TenantKeys::unwrap(&self.inner.master, row.id, &row.wrapped_keys)?;
        let tenant = Arc::new(Tenant {
            id: row.id,
            institution: row.institution,
            environment: row.environment,
            keys,
            settings: row.settings,
            version: row.version,
        });
        let mut tenants = self.inner.tenants.write().unwrap_or_else(|broken| broken.into_inner());
        tenants.insert(id, (now, tenant.clone()));
        Ok(tenant)
    }

    /// Opens a new tenant with keys of its own and the built-in roles.
    pub async fn open_tenant(
        &self,
        door: Door,
        institution: Institution,
        environment: Environment,
        settings: Settings,
    ) -> Result<TenantId> {
        let keys = TenantKeys::create(&self.inner.random);
        let id = TenantId(self.inner.db.read(LastTenant).await? + 1);
        let wrapped_keys = keys.wrap(&self.inner.master, id);
        let tenant = Arc::new(Tenant { id, institution, environment, keys, settings, version: 1 });
        let caller = Caller::house(id, door);
        let performing = Performing::of(self, tenant, caller, CreateTenant { wrapped_keys }, None);
        self.run(CreateTenant::NAME, performing).await?;
        Ok(id)
    }

    /// This moment, by the desk's clock.
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    /// The desk's source of chance.
    pub fn random(&self) -> &Random {
        &self.inner.random
    }

    /// The desk's clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// A key of this house for a purpose outside the ledger, e.g. signing a vendor's tokens. Every process with the same
    /// master key has the same.
    pub fn derived_key(&self, purpose: &str) -> zeroize::Zeroizing<[u8; 32]> {
        self.inner.master.derive(purpose)
    }

    /// A key of this house that seals what a voice gives away and takes back. Every process with the same master key has the
    /// same.
    pub fn sealing_key(&self, purpose: &str) -> HouseKey {
        self.inner.master.sealing(purpose)
    }

    /// The database, for readiness, gauges and the stop.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Waits until something was committed that may have left a job, or the time is over.
    pub async fn wait_for_work(&self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.inner.wake.notified()).await;
    }

    async fn performing<A: Action>(&self, caller: &Caller, action: A) -> Result<Performing> {
        let need = need_of(ACTIONS, A::NAME).ok_or_else(|| no_line(A::NAME))?;
        let tenant = self.tenant(caller.tenant).await?;
        let missing = caller.lacks(need, action.subject());
        if missing.is_some() && caller.who == Who::Anonymous {
            // Noise from outside is counted by the doors, not written into the book.
            return Err(stranger());
        }
        Ok(Performing::of(self, tenant, caller.clone(), action, missing))
    }

    async fn run<W: Write>(&self, name: &'static str, work: W) -> Result<W::Output> {
        let answer = self.inner.db.write(work).await;
        if answer.is_ok() {
            // An approved request may have changed them, too.
            if name.starts_with("settings.") || name == ApproveRequest::NAME {
                self.inner.forget_tenants();
            }
            self.inner.wake.notify_one();
        }
        answer
    }
}

impl Inner {
    fn forget_tenants(&self) {
        self.tenants.write().unwrap_or_else(|broken| broken.into_inner()).clear();
    }
}

/// Whether somebody waits for it who is busy with one user: mostly small, as against what the house does in slices.
fn is_about_one_user(caller: &Caller, subject: Subject) -> bool {
    caller.who != Who::House && matches!(subject, Subject::User(_))
}

fn stranger() -> Error {
    Error::Unauthenticated("this needs a caller who has signed in")
}

fn no_line(name: &str) -> Error {
    Error::internal(format!("{name} has no line in permission.rs"))
}

/// A request that must take effect once only.
#[derive(Debug, Clone)]
pub struct Once {
    /// The caller's key, 1 to 255 characters.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub request_hash: [u8; 32],
}

/// An action without its type: what the door needs of it. The door is a generic shell around plain insides, so that the
/// way through it is compiled once, not once for each action.
trait Deed: Send + Sync {
    fn subject(&self) -> Subject;
    fn reason(&self) -> Option<&str>;
    fn is_long(&self) -> bool;
    fn act<'a>(&'a self, cx: &'a mut Cx<'_>) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>>;
}

/// Turns an output into the bytes to be kept and sent.
type Render = Box<dyn Fn(Answer) -> Result<Rendered> + Send + Sync>;

/// An answer in its bytes, which are text.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// What is sent now.
    pub answer: Vec<u8>,
    /// What is sent to whoever repeats the request, where that is something else: without a secret, which is shown once.
    pub again: Option<Vec<u8>>,
}

impl From<Vec<u8>> for Rendered {
    fn from(answer: Vec<u8>) -> Rendered {
        Rendered { answer, again: None }
    }
}

/// An output as what it is.
fn known<T: 'static>(answer: Answer) -> T {
    *answer.downcast().expect("a verb answers with its own output")
}

impl<A: Action> Deed for A {
    fn subject(&self) -> Subject {
        Action::subject(self)
    }

    fn reason(&self) -> Option<&str> {
        Action::reason(self)
    }

    fn is_long(&self) -> bool {
        A::LONG
    }

    fn act<'a>(&'a self, cx: &'a mut Cx<'_>) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>> {
        Box::pin(async move { Ok(Box::new(self.run(cx).await?) as Answer) })
    }
}

/// What an action has done, before anything is recorded.
struct Acted {
    output: Answer,
    /// What the audit row tells.
    facts: Vec<Fact>,
    /// What becomes events only.
    announced: Vec<Fact>,
    /// What has a row of its own.
    apart: Vec<Apart>,
    /// What it comes to, where that is asked.
    plan: Option<Plan>,
    now: Time,
}

struct Performing {
    inner: Arc<Inner>,
    tenant: Arc<Tenant>,
    caller: Caller,
    deed: Box<dyn Deed>,
    name: &'static str,
    missing: Option<&'static str>,
}

impl Performing {
    fn of<A: Action>(
        desk: &Desk,
        tenant: Arc<Tenant>,
        caller: Caller,
        action: A,
        missing: Option<&'static str>,
    ) -> Performing {
        Performing { inner: desk.inner.clone(), tenant, caller, deed: Box::new(action), name: A::NAME, missing }
    }

    /// Runs the action and gives its answer with the facts, before anything is recorded.
    async fn act(&self, tx: &mut Tx, eyes: Eyes) -> Result<Acted> {
        if let Some(missing) = self.missing {
            return Err(Error::Forbidden(missing));
        }
        check_policy(&self.tenant, &self.caller, self.name, self.deed.subject(), eyes)?;
        let now = self.inner.clock.now();
        let mut cx = Cx::new(tx, &self.caller, &self.tenant, &self.inner.random, now).with(eyes);
        let output = self.deed.act(&mut cx).await?;
        let apart = cx.apart.iter().flat_map(|it| &it.facts);
        let plan = match cx.is_planned() {
            true => Some(cx.plan(cx.facts.iter().chain(&cx.announced).chain(apart), self.deed.subject())?),
            false => None,
        };
        Ok(Acted { output, facts: cx.facts, announced: cx.announced, apart: cx.apart, plan, now })
    }

    /// Makes events of a record's facts (`told` as the row tells them) and of what is only announced, and leaves the jobs
    /// they cause, which are due at once. `at` is the moment of the first event's id.
    async fn announce(
        &self,
        tx: &mut Tx,
        now: Time,
        at: Time,
        audit_id: AuditId,
        (facts, told): (&[Fact], &[Value]),
        announced: &[Fact],
    ) -> Result<()> {
        let random = &self.inner.random;
        let mut events: Vec<(&Fact, String)> =
            facts.iter().zip(told).map(|(fact, told)| (fact, told.to_string())).collect();
        for fact in announced {
            events.push((fact, fact.to_json()?.to_string()));
        }
        event::store::announce(tx, &self.tenant, random, at, audit_id, &events).await?;
        if events.iter().any(|(fact, _)| fact.moves_rights()) {
            credential::count_access_up(tx, self.tenant.id).await?;
        }
        for (fact, _) in &events {
            if let Some(job) = job::follow_up(fact, now) {
                job::store::insert(tx, self.tenant.id, random, at, job).await?;
            }
        }
        Ok(())
    }

    /// Records what was done apart, each under its own caller; later ones sort behind earlier ones. No two records and no
    /// two events of one action share a moment: those of the action itself have the first, `own` of them.
    async fn record_apart(&self, tx: &mut Tx, now: Time, own: usize, apart: &[Apart]) -> Result<()> {
        let mut at = now.plus(own.max(1) as i64);
        for it in apart {
            let (outcome, code) = match it.became {
                Became::Done => (audit::Outcome::Done, None),
                Became::Unchanged => (audit::Outcome::Unchanged, None),
                Became::Refused(code) => (audit::Outcome::Refused, Some(code)),
            };
            let told = it.facts.iter().map(Fact::to_json).collect::<Result<Vec<_>>>()?;
            let entry = audit::Entry {
                id: AuditId::new(at, &self.inner.random),
                at: now,
                caller: &it.caller,
                name: it.name,
                subject: it.subject,
                outcome,
                code,
                reason: it.reason.as_deref(),
                facts: told.clone(),
            };
            let audit_id = entry.id;
            audit::store::record(tx, &self.tenant, &self.inner.random, entry).await?;
            self.announce(tx, now, at, audit_id, (&it.facts, &told), &[]).await?;
            at = at.plus(it.facts.len().max(1) as i64);
        }
        Ok(())
    }

    fn entry(
        &self,
        now: Time,
        outcome: audit::Outcome,
        code: Option<&'static str>,
        facts: Vec<Value>,
    ) -> audit::Entry<'_> {
        audit::Entry {
            id: AuditId::new(now, &self.inner.random),
            at: now,
            caller: &self.caller,
            name: self.name,
            subject: self.deed.subject(),
            outcome,
            code,
            reason: self.deed.reason(),
            facts,
        }
    }
}

impl Performing {
    /// Does it and records it; and says whom it was about, if that is a user.
    async fn recorded(&self, tx: &mut Tx) -> Result<(Answer, Option<UserId>)> {
        let Acted { output, facts, announced, apart, now, .. } = self.act(tx, Eyes::ONE).await?;
        let subjects = facts.iter().chain(&announced).map(Fact::subject);
        let user = std::iter::once(self.deed.subject()).chain(subjects).find_map(|subject| match subject {
            Subject::User(user) => Some(user),
            _ => None,
        });
        self.record_apart(tx, now, facts.len() + announced.len(), &apart).await?;
        if facts.is_empty() {
            // Somebody unknown who changed nothing leaves no row: noise must not fill the book. Nor does somebody who only
            // did what is on record apart.
            if self.caller.who != Who::Anonymous && apart.is_empty() {
                let entry = self.entry(now, audit::Outcome::Unchanged, None, Vec::new());
                audit::store::record(tx, &self.tenant, &self.inner.random, entry).await?;
            }
            return Ok((output, user));
        }
        let told = facts.iter().map(Fact::to_json).collect::<Result<Vec<_>>>()?;
        let entry = self.entry(now, audit::Outcome::Done, None, told.clone());
        let audit_id = entry.id;
        audit::store::record(tx, &self.tenant, &self.inner.random, entry).await?;
        self.announce(tx, now, now, audit_id, (&facts, &told), &announced).await?;
        Ok((output, user))
    }
}

impl Write for Performing {
    type Output = Answer;

    async fn run(&self, tx: &mut Tx) -> Result<Answer> {
        Ok(self.recorded(tx).await?.0)
    }

    async fn failed(&self, tx: &mut Tx, error: &Error) -> Result<()> {
        if self.caller.who == Who::Anonymous || matches!(error, Error::Busy(_) | Error::Internal(_)) {
            return Ok(());
        }
        let entry = self.entry(self.inner.clock.now(), audit::Outcome::Refused, Some(error.code()), Vec::new());
        audit::store::record(tx, &self.tenant, &self.inner.random, entry).await
    }

    fn shares(&self) -> bool {
        !self.deed.is_long() && is_about_one_user(&self.caller, self.deed.subject())
    }

    fn asks(&self) -> Option<First> {
        match (self.missing, self.deed.subject()) {
            (None, Subject::User(user)) => Some(user::store::asked_first(self.tenant.id, user)),
            _ => None,
        }
    }
}

struct PerformingOnce {
    performing: Performing,
    once: Option<Once>,
    render: Render,
}

impl Write for PerformingOnce {
    type Output = Vec<u8>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<u8>> {
        let Some(once) = &self.once else {
            return Ok((self.render)(self.performing.run(tx).await?)?.answer);
        };
        // Before the kept answer: whoever has lost the right does not get it again either.
        if let Some(missing) = self.performing.missing {
            return Err(Error::Forbidden(missing));
        }
        let (tenant, random) = (&self.performing.tenant, &self.performing.inner.random);
        let caller = self.performing.caller.author();
        let now = self.performing.inner.clock.now();
        if !idempotency::claim(tx, tenant.id, &caller, once, now).await? {
            return match idempotency::find(tx, tenant, &caller, once).await? {
                Some(kept) => kept.shown_to(tenant, &self.performing.caller),
                None if idempotency::is_forgotten(tx, tenant.id, &caller, once).await? => {
                    Err(Refusal::UserErased.into())
                }
                None => Err(Error::Conflict(Conflict::KeyInUse)),
            };
        }
        let (output, user) = self.performing.recorded(tx).await?;
        let Rendered { answer, again } = (self.render)(output)?;
        let again = again.unwrap_or_else(|| answer.clone());
        let kept = idempotency::Kept::of(tenant, &self.performing.caller, again)?;
        idempotency::keep(tx, tenant, random, &caller, once, &kept).await?;
        if let Some(user) = user {
            idempotency::about(tx, tenant.id, &caller, once, user).await?;
        }
        Ok(answer)
    }

    async fn failed(&self, tx: &mut Tx, error: &Error) -> Result<()> {
        self.performing.failed(tx, error).await
    }

    /// Not with a key: the claim to it is a change, and whoever is refused behind one would cost the others their turn.
    fn shares(&self) -> bool {
        self.once.is_none() && self.performing.shares()
    }

    fn asks(&self) -> Option<First> {
        self.performing.asks()
    }
}

struct Previewing(Performing);

impl Write for Previewing {
    type Output = Plan;

    async fn run(&self, tx: &mut Tx) -> Result<Plan> {
        let acted = self.0.act(tx, Eyes::PREVIEW).await?;
        acted.plan.ok_or_else(|| Error::internal("a preview without its plan"))
    }

    fn keep(&self) -> bool {
        false
    }
}

/// A question without its type.
trait Query: Send + Sync {
    fn subject(&self) -> Subject;
    fn purpose(&self) -> Option<&str>;
    fn weight(&self) -> Weight;
    fn answer<'a>(&'a self, qx: &'a mut Qx<'_>) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>>;
}

impl<Q: Question> Query for Q {
    fn subject(&self) -> Subject {
        Question::subject(self)
    }

    fn purpose(&self) -> Option<&str> {
        Question::purpose(self)
    }

    fn weight(&self) -> Weight {
        Question::weight(self)
    }

    fn answer<'a>(&'a self, qx: &'a mut Qx<'_>) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>> {
        Box::pin(async move { Ok(Box::new(self.run(qx).await?) as Answer) })
    }
}

struct Asking {
    inner: Arc<Inner>,
    tenant: Arc<Tenant>,
    caller: Caller,
    question: Box<dyn Query>,
    name: &'static str,
    missing: Option<&'static str>,
}

impl Asking {
    async fn answer(&self, rd: &mut Rd) -> Result<Answer> {
        let now = self.inner.clock.now();
        self.question.answer(&mut Qx { rd, caller: &self.caller, tenant: &self.tenant, now }).await
    }

    async fn record(&self, tx: &mut Tx, outcome: audit::Outcome, code: Option<&'static str>) -> Result<()> {
        let now = self.inner.clock.now();
        let entry = audit::Entry {
            id: AuditId::new(now, &self.inner.random),
            at: now,
            caller: &self.caller,
            name: self.name,
            subject: self.question.subject(),
            outcome,
            code,
            reason: self.question.purpose(),
            facts: Vec::new(),
        };
        audit::store::record(tx, &self.tenant, &self.inner.random, entry).await
    }
}

impl Read for Asking {
    type Output = Answer;

    fn weight(&self) -> Weight {
        self.question.weight()
    }

    async fn run(&self, rd: &mut Rd) -> Result<Answer> {
        self.answer(rd).await
    }
}

/// A recorded question: the record is written before the answer leaves.
impl Write for Asking {
    type Output = Answer;

    async fn run(&self, tx: &mut Tx) -> Result<Answer> {
        if let Some(missing) = self.missing {
            return Err(Error::Forbidden(missing));
        }
        let answer = self.answer(tx).await?;
        self.record(tx, audit::Outcome::Asked, None).await?;
        Ok(answer)
    }

    async fn failed(&self, tx: &mut Tx, error: &Error) -> Result<()> {
        match error {
            Error::Busy(_) | Error::Internal(_) => Ok(()),
            _ => self.record(tx, audit::Outcome::Refused, Some(error.code())).await,
        }
    }

    fn shares(&self) -> bool {
        is_about_one_user(&self.caller, self.question.subject())
    }
}

struct FindTenant(TenantId);

impl Read for FindTenant {
    type Output = Option<tenant::store::TenantRow>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        tenant::store::find(rd, self.0).await
    }
}

struct LastTenant;

impl Read for LastTenant {
    type Output = i64;

    async fn run(&self, rd: &mut Rd) -> Result<i64> {
        tenant::store::last_id(rd).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::ConfirmChallenge;
    use crate::password::{ChangePassword, ChoosePassword, ChooseStaffPassword, ConfirmRegistration};
    use crate::permission::Need;
    use crate::second_factor::{ChooseSecondFactor, ConfirmSecondFactor, RemoveOwnSecondFactor, SetPin};
    use crate::session::{ConfirmPhone, ConfirmSignIn, SignIn, UnlockByCode};
    use crate::staff::{ChangeStaffPassword, StaffSignIn};

    /// What anybody may have done and takes no secret that could be guessed: it is asked for, or is checked before.
    const TAKES_NO_SECRET: &[&str] =
        &["user.register", "session.ask_unlock", "password.ask_reset", "key.remember_assertion", "key.revoke_token"];

    fn told<A: Action>() -> (&'static str, bool) {
        (A::NAME, A::PREVIEWABLE)
    }

    #[test]
    fn what_takes_a_secret_that_could_be_guessed_is_not_previewed() {
        let takes = [
            told::<ConfirmRegistration>(),
            told::<ConfirmChallenge>(),
            told::<SignIn>(),
            told::<ConfirmSignIn>(),
            told::<UnlockByCode>(),
            told::<ConfirmPhone>(),
            told::<ConfirmSecondFactor>(),
            told::<RemoveOwnSecondFactor>(),
            told::<SetPin>(),
            told::<ChooseSecondFactor>(),
            told::<ChoosePassword>(),
            told::<ChangePassword>(),
            told::<ChooseStaffPassword>(),
            told::<StaffSignIn>(),
            told::<ChangeStaffPassword>(),
        ];
        for (name, previewable) in takes {
            assert!(!previewable, "{name} can be previewed");
        }
        for (name, _) in ACTIONS.iter().filter(|(_, need)| *need == Need::Anyone) {
            let is_known = takes.iter().any(|(known, _)| known == name) || TAKES_NO_SECRET.contains(name);
            assert!(is_known, "{name} is open to anybody: say whether it takes a secret");
        }
    }
}
