//! The one door. `perform` is the only way to change anything: allowed? → begun → done → recorded → announced →
//! committed, in one transaction, and a refused attempt leaves its own record. `ask` is the only way to know anything,
//! `preview` is `perform` without the commit. An author of an action cannot forget audit, event, job or permission:
//! there is nothing to remember.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use crate::caller::{Caller, Door, Who};
use crate::db::{Db, Rd, Read, Tx, Weight, Write};
use crate::error::{Conflict, Error, Result};
use crate::fact::Fact;
use crate::permission::{ACTIONS, Need, QUESTIONS, need_of};
use crate::tenant::{self, CreateTenant, Environment, Institution, Settings, Tenant};
use crate::value::clock::{Clock, SECOND, Time};
use crate::value::id::{self, AuditId, TenantId};
use crate::value::password::Hashing;
use crate::value::random::Random;
use crate::value::seal::{MasterKey, TenantKeys};
use crate::verb::{Action, Cx, Question, Qx};
use crate::{audit, event, idempotency, job};

/// Settings read from the database are believed for so long; the process that changes them forgets them at once.
const TENANT_AGE: i64 = SECOND;

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
    pub hashing_pool: Semaphore,
    pub wake: Notify,
    tenants: RwLock<HashMap<TenantId, (Time, Arc<Tenant>)>>,
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
                hashing_pool: Semaphore::new(parts.hashing_at_once.max(1)),
                wake: Notify::new(),
                tenants: RwLock::new(HashMap::new()),
            }),
        }
    }

    /// Does an action for a caller, or says why not.
    pub async fn perform<A: Action>(&self, caller: &Caller, action: A) -> Result<A::Output> {
        let performing = self.performing(caller, action).await?;
        self.run::<A, _>(performing).await
    }

    /// Does an action and renders its answer inside the transaction; with a key, the answer is kept with its effect, so
    /// that the same request again gets the same answer and nothing happens twice.
    pub async fn perform_once<A: Action, F>(
        &self,
        caller: &Caller,
        action: A,
        once: Option<Once>,
        render: F,
    ) -> Result<Vec<u8>>
    where
        F: Fn(A::Output) -> Result<Vec<u8>> + Send + Sync + 'static,
    {
        let performing = self.performing(caller, action).await?;
        self.run::<A, _>(PerformingOnce { performing, once, render }).await
    }

    /// What an action would cause, without causing it.
    pub async fn preview<A: Action>(&self, caller: &Caller, action: A) -> Result<Plan> {
        let performing = self.performing(caller, action).await?;
        self.inner.db.write(Previewing(performing)).await
    }

    /// Answers a question, or says why not.
    pub async fn ask<Q: Question>(&self, caller: &Caller, question: Q) -> Result<Q::Output> {
        let need = need_of(QUESTIONS, Q::NAME).ok_or_else(|| no_line(Q::NAME))?;
        let tenant = self.tenant(caller.tenant).await?;
        let missing = caller.lacks(need, question.subject());
        if missing.is_some() && caller.who == Who::Anonymous {
            return Err(stranger());
        }
        let asking = Asking { inner: self.inner.clone(), tenant, caller: caller.clone(), question, missing };
        if Q::RECORDED {
            return self.inner.db.write(asking).await;
        }
        match missing {
            Some(missing) => Err(Error::Forbidden(missing)),
            None => match asking.question.weight() {
                Weight::Point => self.inner.db.read(asking).await,
                Weight::Scan => self.inner.db.read(Scanning(asking)).await,
            },
        }
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
        let performing = Performing {
            inner: self.inner.clone(),
            tenant,
            caller,
            action: CreateTenant { wrapped_keys },
            missing: None,
        };
        self.run::<CreateTenant, _>(performing).await?;
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

    /// The database, for readiness, gauges and the stop.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Waits until something was committed that may have left a job, or the time is over.
    pub async fn wait_for_work(&self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.inner.wake.notified()).await;
    }

    async fn performing<A: Action>(&self, caller: &Caller, action: A) -> Result<Performing<A>> {
        let need = need_of(ACTIONS, A::NAME).ok_or_else(|| no_line(A::NAME))?;
        let tenant = self.tenant(caller.tenant).await?;
        let missing = caller.lacks(need, action.subject());
        if missing.is_some() && caller.who == Who::Anonymous {
            // Noise from outside is counted by the doors, not written into the book.
            return Err(stranger());
        }
        Ok(Performing { inner: self.inner.clone(), tenant, caller: caller.clone(), action, missing })
    }

    async fn run<A: Action, W: Write>(&self, work: W) -> Result<W::Output> {
        let answer = self.inner.db.write(work).await;
        if answer.is_ok() {
            if A::NAME.starts_with("settings.") {
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

/// What an action would cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The facts, as the audit would hold them.
    pub facts: Vec<Value>,
    /// SHA-256 over them, in hex: the same plan has the same hash. Ids of what the action would make do not count.
    pub hash: String,
}

struct Performing<A: Action> {
    inner: Arc<Inner>,
    tenant: Arc<Tenant>,
    caller: Caller,
    action: A,
    missing: Option<&'static str>,
}

impl<A: Action> Performing<A> {
    /// Runs the action and gives its answer with the facts, before anything is recorded.
    async fn act(&self, tx: &mut Tx) -> Result<(A::Output, Vec<Fact>, Time)> {
        if let Some(missing) = self.missing {
            return Err(Error::Forbidden(missing));
        }
        let now = self.inner.clock.now();
        let mut cx = Cx::new(tx, &self.caller, &self.tenant, &self.inner.random, now);
        let output = self.action.run(&mut cx).await?;
        Ok((output, cx.facts, now))
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
            name: A::NAME,
            subject: self.action.subject(),
            outcome,
            code,
            reason: self.action.reason(),
            facts,
        }
    }
}

impl<A: Action> Write for Performing<A> {
    type Output = A::Output;

    async fn run(&self, tx: &mut Tx) -> Result<A::Output> {
        let (output, facts, now) = self.act(tx).await?;
        if facts.is_empty() {
            // Somebody unknown who changed nothing leaves no row: noise must not fill the book.
            if self.caller.who != Who::Anonymous {
                let entry = self.entry(now, audit::Outcome::Unchanged, None, Vec::new());
                audit::store::record(tx, &self.tenant, &self.inner.random, entry).await?;
            }
            return Ok(output);
        }
        let told = facts.iter().map(Fact::to_json).collect::<Result<Vec<_>>>()?;
        let entry = self.entry(now, audit::Outcome::Done, None, told.clone());
        let audit_id = entry.id;
        audit::store::record(tx, &self.tenant, &self.inner.random, entry).await?;
        for (index, (fact, told)) in facts.iter().zip(&told).enumerate() {
            event::store::announce(tx, &self.tenant, &self.inner.random, now.plus(index as i64), audit_id, fact, told)
                .await?;
            if let Some(job) = job::follow_up(fact, now) {
                job::store::insert(tx, self.tenant.id, &self.inner.random, now, job).await?;
            }
        }
        Ok(output)
    }

    async fn failed(&self, tx: &mut Tx, error: &Error) -> Result<()> {
        if self.caller.who == Who::Anonymous || matches!(error, Error::Busy(_) | Error::Internal(_)) {
            return Ok(());
        }
        let entry = self.entry(self.inner.clock.now(), audit::Outcome::Refused, Some(error.code()), Vec::new());
        audit::store::record(tx, &self.tenant, &self.inner.random, entry).await
    }
}

struct PerformingOnce<A: Action, F> {
    performing: Performing<A>,
    once: Option<Once>,
    render: F,
}

impl<A: Action, F> Write for PerformingOnce<A, F>
where
    F: Fn(A::Output) -> Result<Vec<u8>> + Send + Sync + 'static,
{
    type Output = Vec<u8>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<u8>> {
        let Some(once) = &self.once else {
            return (self.render)(self.performing.run(tx).await?);
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
                Some(answer) => Ok(answer),
                None => Err(Error::Conflict(Conflict::KeyInUse)),
            };
        }
        let answer = (self.render)(self.performing.run(tx).await?)?;
        idempotency::keep(tx, tenant, random, &caller, once, &answer).await?;
        Ok(answer)
    }

    async fn failed(&self, tx: &mut Tx, error: &Error) -> Result<()> {
        self.performing.failed(tx, error).await
    }
}

struct Previewing<A: Action>(Performing<A>);

impl<A: Action> Write for Previewing<A> {
    type Output = Plan;

    async fn run(&self, tx: &mut Tx) -> Result<Plan> {
        let (_, facts, now) = self.0.act(tx).await?;
        let facts = facts.iter().map(Fact::to_json).collect::<Result<Vec<_>>>()?;
        let hashed: Vec<Value> = facts.iter().map(|fact| without_new_ids(fact, now)).collect();
        let text = serde_json::to_vec(&hashed).map_err(Error::internal)?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
        let hash = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Plan { facts, hash })
    }

    fn keep(&self) -> bool {
        false
    }
}

/// A fact as the plan's hash sees it: what the action itself would make has another id each time.
fn without_new_ids(fact: &Value, now: Time) -> Value {
    let mut seen = fact.clone();
    for value in seen.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        if value.as_str().and_then(id::made_at_of_text).is_some_and(|made| made >= now) {
            *value = Value::from("new");
        }
    }
    seen
}

struct Asking<Q: Question> {
    inner: Arc<Inner>,
    tenant: Arc<Tenant>,
    caller: Caller,
    question: Q,
    missing: Option<&'static str>,
}

impl<Q: Question> Asking<Q> {
    async fn answer(&self, rd: &mut Rd) -> Result<Q::Output> {
        let now = self.inner.clock.now();
        self.question.run(&mut Qx { rd, caller: &self.caller, tenant: &self.tenant, now }).await
    }

    async fn record(&self, tx: &mut Tx, outcome: audit::Outcome, code: Option<&'static str>) -> Result<()> {
        let now = self.inner.clock.now();
        let entry = audit::Entry {
            id: AuditId::new(now, &self.inner.random),
            at: now,
            caller: &self.caller,
            name: Q::NAME,
            subject: self.question.subject(),
            outcome,
            code,
            reason: self.question.purpose(),
            facts: Vec::new(),
        };
        audit::store::record(tx, &self.tenant, &self.inner.random, entry).await
    }
}

struct Scanning<Q: Question>(Asking<Q>);

impl<Q: Question> Read for Scanning<Q> {
    const WEIGHT: Weight = Weight::Scan;
    type Output = Q::Output;

    async fn run(&self, rd: &mut Rd) -> Result<Q::Output> {
        self.0.answer(rd).await
    }
}

impl<Q: Question> Read for Asking<Q> {
    type Output = Q::Output;

    async fn run(&self, rd: &mut Rd) -> Result<Q::Output> {
        self.answer(rd).await
    }
}

/// A recorded question: the record is written before the answer leaves.
impl<Q: Question> Write for Asking<Q> {
    type Output = Q::Output;

    async fn run(&self, tx: &mut Tx) -> Result<Q::Output> {
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

/// Whether somebody who proved nothing may run this action.
pub fn is_public(action: &str) -> bool {
    need_of(ACTIONS, action) == Some(Need::Anyone)
}
