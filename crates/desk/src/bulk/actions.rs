//! Starting, steering and undoing bulk actions, and the slice that the worker does over and over.

use std::collections::HashSet;
use std::sync::Arc;

use super::model::*;
use super::store::{self, ChangedRow, NewRow};
use crate::caller::{Caller, Door, Origin};
use crate::credential;
use crate::db::{Rd, Read, Weight, params};
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::{ACTIONS, Permission, need_of};
use crate::tenant::Tenant;
use crate::user::actions::check_reason;
use crate::user::census::{Census, Wanted};
use crate::user::store::{hides_employees, seat};
use crate::user::*;
use crate::value::clock::Time;
use crate::value::id::{BulkId, UserId};
use crate::verb::{Action, Became, Cx, Eyes, Subject};

/// The most users one slice may take.
const SLICE_MAX: i64 = 5_000;
/// Numbers that one slice looks through at most: a filter that fits few has to pass by the others.
const WINDOW: i64 = 10_000;

/// Runs `$body` with the single action that a deed is for one user; ending sessions is not ruled by standing, and has a
/// body of its own where that matters.
macro_rules! with_action {
    ($deed:expr, $user:expr, $reason:expr, |$action:ident| $body:expr) => {
        with_action!($deed, $user, $reason, |$action| $body, else $body)
    };
    ($deed:expr, $user:expr, $reason:expr, |$action:ident| $body:expr, else $sessions:expr) => {{
        let (user, params, reason): (UserId, &BulkParams, Option<String>) = ($user, &$deed.params, $reason);
        let needed = |name| Error::internal(format!("a bulk action without its {name}"));
        match $deed.verb {
            BulkVerb::Lock => { let $action = $crate::user::LockUser { user, until: params.until, reason }; $body }
            BulkVerb::Unlock => { let $action = $crate::user::UnlockUser { user, reason }; $body }
            BulkVerb::Disable => { let $action = $crate::user::DisableUser { user, reason }; $body }
            BulkVerb::Enable => { let $action = $crate::user::EnableUser { user, reason }; $body }
            BulkVerb::Suspend => { let $action = $crate::user::SuspendUser { user, reason }; $body }
            BulkVerb::Reinstate => { let $action = $crate::user::ReinstateUser { user, reason }; $body }
            BulkVerb::Flag => { let $action = $crate::user::FlagUser { user, bank: params.bank.clone(), reason }; $body }
            BulkVerb::Unflag => { let $action = $crate::user::UnflagUser { user, bank: params.bank.clone(), reason }; $body }
            BulkVerb::Blacklist => { let $action = $crate::user::BlacklistUser { user, reason }; $body }
            BulkVerb::Unblacklist => { let $action = $crate::user::UnblacklistUser { user, reason }; $body }
            BulkVerb::FraudStatus => {
                let status = params.status.ok_or_else(|| needed("status"))?;
                let $action = $crate::user::SetFraudStatus { user, status, reason };
                $body
            }
            BulkVerb::Hold => { let $action = $crate::user::HoldUser { user, legal: params.legal.unwrap_or(false), reason }; $body }
            BulkVerb::Release => { let $action = $crate::user::ReleaseUser { user, reason }; $body }
            BulkVerb::CoreState => {
                let state = params.state.ok_or_else(|| needed("state"))?;
                let $action = $crate::user::SetCoreState { user, state, reason };
                $body
            }
            BulkVerb::AskVerification => { let $action = $crate::user::AskVerification { user, reason }; $body }
            BulkVerb::DecideVerification => {
                let verified = params.verified.ok_or_else(|| needed("decision"))?;
                let $action = $crate::user::DecideVerification { user, verified, reason };
                $body
            }
            BulkVerb::Remove => { let $action = $crate::user::RemoveUser { user, reason }; $body }
            BulkVerb::EndSessions => { let $action = $crate::session::EndSessions { user, reason }; $sessions }
        }
    }};
}
pub(crate) use with_action;

/// The permission that is missing for doing this to anybody.
pub(super) fn lacks(caller: &Caller, verb: BulkVerb) -> Result<Option<&'static str>> {
    let name = verb.action();
    let need = need_of(ACTIONS, name).ok_or_else(|| Error::internal(format!("{name} has no line")))?;
    Ok(caller.lacks(need, Subject::Tenant))
}

/// Whether the caller may do this to many: nothing that needs a second person is done so alone, and nothing at all that each
/// customer has to confirm.
fn needs(cx: &mut Cx<'_>, deed: &BulkDeed) -> Result<()> {
    match lacks(cx.caller, deed.verb)? {
        Some(missing) if !cx.is_tried() => Err(Error::Forbidden(missing)),
        _ => deed.held_as().into_iter().try_for_each(|name| cx.check_policy(name, Subject::Tenant)),
    }
}

/// What somebody wants done to many.
#[derive(Debug, Clone)]
pub struct BulkOrder {
    /// What.
    pub deed: BulkDeed,
    /// To whom.
    pub selection: Selection,
    /// Why.
    pub reason: Option<String>,
    /// How many a preview said there are; another number is refused.
    pub expected: Option<i64>,
}

impl BulkOrder {
    /// Each id once, in the order given; and whether the order can be carried out at all.
    pub(super) fn checked(mut self, now: Time) -> Result<BulkOrder> {
        check_reason(self.reason.as_deref())?;
        self.deed.check(now)?;
        if let Selection::Ids(ids) = &mut self.selection {
            if ids.len() > IDS_MAX {
                return Err(Error::invalid("ids", "too_many", format!("At most {IDS_MAX}; for more, use a filter.")));
            }
            let mut seen = HashSet::with_capacity(ids.len());
            ids.retain(|id| seen.insert(*id));
        }
        Ok(self)
    }
}

/// How many an order selects, and the last number it may reach.
struct Measure {
    filter: UserFilter,
    tenant: Arc<Tenant>,
    hides_employees: bool,
}

impl Read for Measure {
    type Output = (i64, i64);

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<(i64, i64)> {
        let last: i64 = rd.one(store::LAST_NUMBER, params![self.tenant.id]).await?.take()?;
        let wanted = Wanted::of(&self.filter, self.hides_employees);
        Ok((Census::read(rd, self.tenant.id, wanted).await?.total(), last))
    }
}

impl Desk {
    /// Makes an order ready to be started: whom a filter selects is counted beforehand, since counting may take longer than
    /// a change may.
    pub async fn plan_bulk(&self, caller: &Caller, order: BulkOrder) -> Result<StartBulk> {
        let (selected, last_position) = match &order.selection {
            Selection::Ids(_) => (0, 0),
            // Whoever may not start it is refused, and on record, when she tries.
            Selection::Filter(_) if !caller.may(Permission::BulkRun) => (0, 0),
            Selection::Filter(filter) => {
                let tenant = self.tenant(caller.tenant).await?;
                let hides_employees = hides_employees(&tenant, caller);
                let measure = Measure { filter: filter.clone(), tenant, hides_employees };
                self.inner.db.read(measure).await?
            }
        };
        Ok(StartBulk { order, measured: Some((selected, last_position)) })
    }
}

/// Starts a bulk action; made by `Desk::plan_bulk`, or of a proposal.
pub struct StartBulk {
    order: BulkOrder,
    /// How many a filter selects, and the last number; absent: they are counted when it is started.
    measured: Option<(i64, i64)>,
}

impl StartBulk {
    /// One that was proposed: whom a filter selects is counted when it is decided.
    pub(crate) fn proposed(order: BulkOrder) -> StartBulk {
        StartBulk { order, measured: None }
    }
}

impl Action for StartBulk {
    const NAME: &'static str = "bulk.start";
    type Output = Bulk;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    fn reason(&self) -> Option<&str> {
        self.order.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Bulk> {
        needs(cx, &self.order.deed)?;
        let order = self.order.clone().checked(cx.now)?;
        let (chosen, ids, selected, last_position, field) = match order.selection {
            Selection::Filter(filter) => {
                let (selected, last) = match self.measured {
                    Some(measured) => measured,
                    None => {
                        let (tenant, hides_employees) = (cx.tenant.clone(), hides_employees(cx.tenant, cx.caller));
                        Measure { filter: filter.clone(), tenant, hides_employees }.run(cx.tx).await?
                    }
                };
                (Chosen::Filter(filter), None, selected, last, "filter")
            }
            Selection::Ids(ids) => {
                let count = ids.len() as i64;
                (Chosen::Ids, Some(ids), count, count, "ids")
            }
        };
        if let Some(expected) = order.expected
            && expected != selected
        {
            return Err(Refusal::SelectionChanged.into());
        }
        if selected == 0 {
            return Err(Error::invalid(field, "empty", "Selects nobody."));
        }
        let most = cx.tenant.settings.bulk_max;
        if selected > most {
            return Err(Error::invalid(field, "too_many", format!("Selects {selected}; at most {most}.")));
        }
        start(cx, order.deed, chosen, ids, order.reason, (selected, last_position)).await
    }
}

async fn start(
    cx: &mut Cx<'_>,
    deed: BulkDeed,
    chosen: Chosen,
    ids: Option<Vec<UserId>>,
    reason: Option<String>,
    (selected, last_position): (i64, i64),
) -> Result<Bulk> {
    let origin = &cx.caller.origin;
    let (address, on_behalf) = (origin.address.map(|it| it.to_string()), origin.on_behalf.clone());
    let bulk = Bulk {
        id: BulkId::new(cx.id_time(), cx.random),
        deed,
        chosen,
        state: BulkState::Running,
        code: None,
        permission: None,
        selected,
        changed: 0,
        unchanged: 0,
        refused: 0,
        starter: cx.caller.who,
        approved: cx.is_approved(),
        reason,
        created_at: cx.now,
        updated_at: cx.now,
        ended_at: None,
        address,
        on_behalf,
        position: 0,
        last_position,
    };
    store::insert(cx.tx, cx.tenant, cx.random, &bulk, ids.as_deref()).await?;
    let undo_of = match bulk.chosen {
        Chosen::Undo(undone) => Some(undone),
        Chosen::Filter(_) | Chosen::Ids => None,
    };
    cx.note(Fact::BulkStarted { bulk: bulk.id, action: bulk.deed.verb.word(), selected, undo_of });
    Ok(bulk)
}

/// Turns back what a bulk action changed, where it is still as that left it.
pub struct UndoBulk {
    /// Which.
    pub bulk: BulkId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for UndoBulk {
    const NAME: &'static str = "bulk.undo";
    type Output = Bulk;

    fn subject(&self) -> Subject {
        Subject::Bulk(self.bulk)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Bulk> {
        check_reason(self.reason.as_deref())?;
        let undone = store::load_for_change(cx.tx, cx.tenant, self.bulk).await?;
        let deed = BulkDeed::plain(undone.deed.verb.inverse().ok_or(Refusal::NotUndoable)?);
        needs(cx, &deed)?;
        if !undone.state.is_over() {
            return Err(Refusal::BulkNotEnded.into());
        }
        if store::is_undone(cx.tx, cx.tenant.id, self.bulk).await? {
            return Err(Refusal::AlreadyUndone.into());
        }
        let span = (undone.changed, undone.handled());
        start(cx, deed, Chosen::Undo(undone.id), None, self.reason.clone(), span).await
    }
}

/// A bulk action after it was steered.
pub struct BulkChanged {
    /// As it is now.
    pub bulk: Bulk,
    /// Whether anything changed.
    pub changed: bool,
}

macro_rules! steering {
    ($($(#[$meta:meta])* $name:ident = $verb:literal, |$bulk:ident, $cx:ident| $decide:expr;)+) => {$(
        $(#[$meta])*
        pub struct $name {
            /// Which.
            pub bulk: BulkId,
            /// Why.
            pub reason: Option<String>,
        }

        impl Action for $name {
            const NAME: &'static str = $verb;
            type Output = BulkChanged;

            fn subject(&self) -> Subject {
                Subject::Bulk(self.bulk)
            }

            fn reason(&self) -> Option<&str> {
                self.reason.as_deref()
            }

            async fn run(&self, $cx: &mut Cx<'_>) -> Result<BulkChanged> {
                check_reason(self.reason.as_deref())?;
                let mut loaded = store::load_for_change($cx.tx, $cx.tenant, self.bulk).await?;
                let fact = {
                    let $bulk = &mut loaded;
                    $decide?
                };
                let changed = fact.is_some();
                if let Some(fact) = fact {
                    store::save($cx.tx, $cx.tenant.id, &mut loaded, $cx.now).await?;
                    $cx.note(fact);
                }
                Ok(BulkChanged { bulk: loaded, changed })
            }
        }
    )+};
}

steering! {
    /// Lets a bulk action rest; the slice that is being done is finished.
    PauseBulk = "bulk.pause", |bulk, cx| bulk.pause();

    /// Lets it go on where it rested, in the name of who started it. Whoever resumes it must be allowed to do it, too.
    ResumeBulk = "bulk.resume", |bulk, cx| match needs(cx, &bulk.deed) {
        // It was approved as a whole when it was started.
        Err(Error::Refused(Refusal::NeedsSecondPerson)) if bulk.approved => bulk.resume(false),
        other => other.and_then(|()| bulk.resume(cx.is_approved())),
    };

    /// Ends it where it is. What was done stays done, until it is undone.
    CancelBulk = "bulk.cancel", |bulk, cx| bulk.cancel(cx.now);
}

/// Ends a bulk action that failed again and again; for the worker.
pub struct GiveUpBulk {
    /// Which.
    pub bulk: BulkId,
    /// Why.
    pub code: &'static str,
}

impl Action for GiveUpBulk {
    const NAME: &'static str = "bulk.give_up";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Bulk(self.bulk)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let mut bulk = store::load_for_change(cx.tx, cx.tenant, self.bulk).await?;
        if !bulk.state.is_over() {
            let fact = bulk.fail(self.code, None, cx.now);
            store::save(cx.tx, cx.tenant.id, &mut bulk, cx.now).await?;
            cx.note(fact);
        }
        Ok(())
    }
}

/// Does the next piece of a bulk action: a few users, all or none of them. How far it has come is saved with them, so that
/// whoever goes on, and after whatever end, neither repeats nor skips one.
pub struct RunBulkSlice {
    /// Which.
    pub bulk: BulkId,
    /// How many users at most.
    pub limit: i64,
}

/// What a slice came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// How far the bulk action is now.
    pub state: BulkState,
    /// How many users had their turn.
    pub handled: i64,
}

/// Somebody whose turn has come.
pub(super) struct Turned {
    pub user: UserId,
    pub loaded: Result<User>,
    /// What is done to her; nothing where it is right already.
    pub deed: Option<BulkDeed>,
}

impl Action for RunBulkSlice {
    const NAME: &'static str = "bulk.run_slice";
    type Output = Slice;

    fn subject(&self) -> Subject {
        Subject::Bulk(self.bulk)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Slice> {
        let mut bulk = store::load_for_change(cx.tx, cx.tenant, self.bulk).await?;
        if bulk.state != BulkState::Running {
            return Ok(Slice { state: bulk.state, handled: 0 });
        }
        let starter = Arc::new(starter_now(cx, &bulk).await?);
        // Asked anew for each slice: a right that was taken away stops what was begun with it.
        let may_run = if starter.may(Permission::BulkRun) { None } else { Some(Permission::BulkRun.word()) };
        if let Some(missing) = may_run.or(lacks(&starter, bulk.deed.verb)?) {
            let fact = bulk.fail("forbidden", Some(missing), cx.now);
            store::save(cx.tx, cx.tenant.id, &mut bulk, cx.now).await?;
            cx.note(fact);
            return Ok(Slice { state: bulk.state, handled: 0 });
        }
        let before = bulk.handled();
        for turned in next(cx, &mut bulk, &starter, self.limit.clamp(1, SLICE_MAX)).await? {
            take_turn(cx, &mut bulk, &starter, turned).await?;
        }
        if bulk.position >= bulk.last_position {
            let fact = bulk.complete(cx.now);
            cx.note(fact);
        }
        store::save(cx.tx, cx.tenant.id, &mut bulk, cx.now).await?;
        Ok(Slice { state: bulk.state, handled: bulk.handled() - before })
    }
}

/// Who started it, with what she may do now. Her records name the bulk action as the request.
async fn starter_now(cx: &mut Cx<'_>, bulk: &Bulk) -> Result<Caller> {
    let may = credential::permissions_now(cx.tx, cx.tenant.id, bulk.starter, cx.now).await?;
    let origin = Origin {
        door: Door::Worker,
        request_id: bulk.id.to_string(),
        address: bulk.address.as_deref().and_then(|text| text.parse().ok()),
        on_behalf: bulk.on_behalf.clone(),
    };
    Ok(Caller { who: bulk.starter, tenant: cx.tenant.id, may, origin })
}

/// Those whose turn it is, loaded for change; moves the position behind them.
async fn next(cx: &mut Cx<'_>, bulk: &mut Bulk, starter: &Caller, limit: i64) -> Result<Vec<Turned>> {
    let tenant = cx.tenant.clone();
    let deed = Some(bulk.deed.clone());
    let mut turned = Vec::new();
    match &bulk.chosen {
        Chosen::Filter(filter) => {
            let until = bulk.last_position.min(bulk.position.saturating_add(WINDOW));
            let sql = store::next_sql(filter, hides_employees(&tenant, starter), true);
            let (after, last) = (seat(tenant.id, bulk.position), seat(tenant.id, until));
            for mut row in cx.tx.all(sql, params![after, last, limit]).await? {
                let user = crate::user::store::read(&tenant, &mut row)?;
                bulk.position = user.number;
                turned.push(Turned { user: user.id, loaded: Ok(user), deed: deed.clone() });
            }
            if (turned.len() as i64) < limit {
                bulk.position = until;
            }
        }
        Chosen::Ids => {
            for user in store::ids(cx.tx, tenant.id, bulk.id, bulk.position, limit).await? {
                let loaded = crate::user::store::load_for_change(cx.tx, &tenant, starter, user).await;
                turned.push(Turned { user, loaded: only_refused(loaded)?, deed: deed.clone() });
            }
            bulk.position += turned.len() as i64;
        }
        Chosen::Undo(undone) => {
            let rows = store::changed_rows(cx.tx, tenant.id, *undone, bulk.position, limit).await?;
            let is_last = (rows.len() as i64) < limit;
            for row in rows {
                let loaded = crate::user::store::load_for_change(cx.tx, &tenant, starter, row.user).await;
                bulk.position = row.seq;
                turned.push(turn_back(row, only_refused(loaded)?, &bulk.deed, cx.now));
            }
            if is_last {
                bulk.position = bulk.last_position;
            }
        }
    }
    Ok(turned)
}

/// What an undo does about one row.
pub(super) fn turn_back(row: ChangedRow, loaded: Result<User>, plain: &BulkDeed, now: Time) -> Turned {
    let turn = match (&loaded, &row.inverse) {
        // Who is gone or hidden is refused for that.
        (Err(_), _) => None,
        (Ok(_), None) => Some(Turn::Refuse(Refusal::NotUndoable)),
        (Ok(user), Some(inverse)) => Some(inverse.turns_back(user, row.at, now)),
    };
    // On record is what was tried.
    let tried = Some(row.inverse.unwrap_or_else(|| plain.clone()));
    let (loaded, deed) = match turn {
        None => (loaded, tried),
        Some(Turn::Do(deed)) => (loaded, Some(deed)),
        Some(Turn::Leave) => (loaded, None),
        Some(Turn::Refuse(refusal)) => (Err(refusal.into()), tried),
    };
    Turned { user: row.user, loaded, deed }
}

/// A fault of ours or of the storage ends the slice; anything else is one user's own.
pub(super) fn only_refused(loaded: Result<User>) -> Result<Result<User>> {
    match loaded {
        Err(error @ (Error::Busy(_) | Error::Internal(_))) => Err(error),
        other => Ok(other),
    }
}

async fn take_turn(cx: &mut Cx<'_>, bulk: &mut Bulk, starter: &Arc<Caller>, turned: Turned) -> Result<()> {
    let Turned { user, loaded, deed } = turned;
    let (became, inverse) = match &deed {
        None => (Became::Unchanged, None),
        Some(deed) => {
            let inverse = loaded.as_ref().ok().and_then(|user| deed.inverse(&user.standing, cx.now));
            let reason = bulk.reason.clone();
            let eyes = if bulk.approved { Eyes::TWO } else { Eyes::ONE };
            let became =
                with_action!(deed, user, reason, |action| cx.perform_apart(starter, &action, loaded, eyes).await?);
            (became, inverse.filter(|_| became == Became::Done))
        }
    };
    let (outcome, code) = match became {
        Became::Done => (RowOutcome::Done, None),
        Became::Unchanged => (RowOutcome::Unchanged, None),
        Became::Refused(code) => (RowOutcome::Refused, Some(code)),
    };
    let seq = bulk.handled() + 1;
    match outcome {
        RowOutcome::Done => bulk.changed += 1,
        RowOutcome::Unchanged => bulk.unchanged += 1,
        RowOutcome::Refused => bulk.refused += 1,
    }
    let inverse = inverse.map(|deed| serde_json::to_string(&deed)).transpose().map_err(Error::internal)?;
    store::insert_row(cx.tx, cx.tenant.id, bulk.id, &NewRow { seq, user, outcome, code, inverse }, cx.now).await
}
