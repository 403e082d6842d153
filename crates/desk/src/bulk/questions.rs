//! What may be asked about bulk actions: which there are, how far they are, what became of each user; and beforehand, what
//! one would come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::actions::{BulkOrder, Turned, lacks, only_refused, turn_back, with_action};
use super::model::*;
use super::store;
use crate::db::{Rd, Weight, params};
use crate::error::{Error, Refusal, Result};
use crate::permission::Permission;
use crate::user::actions::Moves;
use crate::user::census::{self, Begin, Census, Wanted};
use crate::user::model::By;
use crate::user::questions::{make_cursor, read_cursor};
use crate::user::store::hides_employees;
use crate::user::{SeenUser, User};
use crate::value::clock::Time;
use crate::value::id::{BulkId, UserId};
use crate::value::secret;
use crate::verb::{Became, Cx, Question, Qx, Subject};

/// The most bulk actions one page holds.
pub const PAGE_MAX: i64 = 200;
/// The most rows one page holds.
pub const ROWS_MAX: i64 = 500;
/// The most users a preview looks at.
pub const PREVIEW_MAX: i64 = 10_000;
/// The most users a preview shows of each outcome.
pub const SAMPLE_MAX: usize = 20;
/// The most users that are looked at when one is proposed, and again when that is decided.
pub const PLAN_MAX: i64 = 1_000;
/// Users a preview reads at a time.
const STRIDE: i64 = 500;

/// One bulk action.
pub struct ShowBulk(pub BulkId);

impl Question for ShowBulk {
    const NAME: &'static str = "bulk.show";
    type Output = Bulk;

    fn subject(&self) -> Subject {
        Subject::Bulk(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Bulk> {
        store::load(qx.rd, qx.tenant, self.0).await
    }
}

/// A page of bulk actions, newest first.
pub struct BulkPage {
    /// The bulk actions.
    pub bulks: Vec<Bulk>,
    /// Continue before this one, if there is more.
    pub next: Option<BulkId>,
}

/// Bulk actions, newest first.
pub struct ListBulks {
    /// Older than this one.
    pub before: Option<BulkId>,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
}

impl Question for ListBulks {
    const NAME: &'static str = "bulk.list";
    type Output = BulkPage;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<BulkPage> {
        within("limit", self.limit, PAGE_MAX)?;
        let before = self.before.map_or([0xff; 16], |id| *id.bytes());
        let mut bulks = store::page(qx.rd, qx.tenant, before, self.limit + 1).await?;
        let more = bulks.len() as i64 > self.limit;
        bulks.truncate(self.limit as usize);
        let next = if more { bulks.last().map(|bulk| bulk.id) } else { None };
        Ok(BulkPage { bulks, next })
    }
}

fn within(field: &str, limit: i64, most: i64) -> Result<()> {
    match (1..=most).contains(&limit) {
        true => Ok(()),
        false => Err(Error::invalid(field, "out_of_range", format!("Must be from 1 to {most}."))),
    }
}

/// What became of one user.
#[derive(Debug, Clone)]
pub struct BulkRow {
    /// When her turn came, from 1.
    pub seq: i64,
    /// Who.
    pub user: UserId,
    /// What became of it.
    pub outcome: RowOutcome,
    /// Why it was refused.
    pub code: Option<String>,
    /// When.
    pub at: Time,
}

/// A page of rows, in the order in which they came.
pub struct BulkRowPage {
    /// The rows.
    pub rows: Vec<BulkRow>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
}

/// What became of each user, in the order in which their turns came.
pub struct ListBulkRows {
    /// Of which bulk action.
    pub bulk: BulkId,
    /// Of this outcome only.
    pub outcome: Option<RowOutcome>,
    /// The cursor that the page before gave.
    pub after: Option<String>,
    /// How many, at most `ROWS_MAX`.
    pub limit: i64,
}

impl Question for ListBulkRows {
    const NAME: &'static str = "bulk.rows";
    type Output = BulkRowPage;

    fn subject(&self) -> Subject {
        Subject::Bulk(self.bulk)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<BulkRowPage> {
        within("limit", self.limit, ROWS_MAX)?;
        let list = format!("{} {}", self.bulk, self.outcome.map_or("all", RowOutcome::word));
        let after = match &self.after {
            Some(cursor) => read_cursor(qx.tenant, &list, cursor)?,
            None => 0,
        };
        let tenant = qx.tenant.id;
        store::load(qx.rd, qx.tenant, self.bulk).await?;
        let (bulk, one_more) = (self.bulk, self.limit + 1);
        let found = match self.outcome {
            None => qx.rd.all(store::ROWS, params![tenant, bulk, after, one_more]).await?,
            Some(outcome) => qx.rd.all(store::ROWS_OF_OUTCOME, params![tenant, bulk, after, one_more, outcome]).await?,
        };
        let more = found.len() as i64 > self.limit;
        let mut rows = Vec::with_capacity(found.len());
        for mut row in found.into_iter().take(self.limit as usize) {
            let (seq, user, outcome) = (row.take()?, row.take()?, row.take()?);
            rows.push(BulkRow { seq, user, outcome, code: row.take()?, at: row.take()? });
        }
        let last = rows.last().filter(|_| more).map(|row| row.seq);
        Ok(BulkRowPage { rows, next: last.map(|seq| make_cursor(qx.tenant, &list, seq)) })
    }
}

/// Users for whom a bulk action would come to the same.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// How many.
    pub count: i64,
    /// Some of them, as the caller may see them; nobody, if she may not see users.
    pub sample: Vec<SeenUser>,
}

/// What a bulk action would come to now.
#[derive(Debug, Clone, Default)]
pub struct BulkPreview {
    /// How many are selected.
    pub selected: i64,
    /// How many of them were looked at, at most `PREVIEW_MAX`.
    pub looked_at: i64,
    /// Who would be changed.
    pub changed: Group,
    /// For whom there is nothing to do.
    pub unchanged: Group,
    /// For whom it would be refused, by code.
    pub refused: Vec<(&'static str, Group)>,
    /// A fingerprint of who was looked at and what would become of each, in order.
    digest: [u8; 32],
}

/// What a bulk action would come to, without doing any of it: the rule of the single action is asked for each user.
pub enum PreviewBulk {
    /// One that would be started.
    Start(BulkOrder),
    /// The undo of one.
    Undo(BulkId),
}

/// What a bulk action that was proposed would come to: kept with the request, and looked at again when that is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct BulkCounts {
    pub selected: i64,
    /// How many of them were looked at, at most `PLAN_MAX`, the lowest numbers first.
    pub looked_at: i64,
    pub changed: i64,
    pub unchanged: i64,
    /// How many it would be refused for, by code.
    pub refused: BTreeMap<String, i64>,
    /// Who they are that were looked at and what would become of each, as a fingerprint: others are another plan, were they as
    /// many.
    #[serde(default)]
    pub digest: String,
}

impl BulkCounts {
    /// Counts what one would come to now, within an action: whoever proposes it need not be allowed to do it.
    pub(crate) async fn of(cx: &mut Cx<'_>, proposed: &PreviewBulk) -> Result<BulkCounts> {
        let mut qx = Qx { rd: cx.tx, caller: cx.caller, tenant: cx.tenant, now: cx.now };
        let seen = proposed.look(&mut qx, PLAN_MAX, May::Anybody).await?;
        let refused = seen.refused.into_iter().map(|(code, group)| (code.to_owned(), group.count)).collect();
        let (changed, unchanged) = match proposed {
            // Who is signed in comes and goes by itself.
            PreviewBulk::Start(order) if order.deed.verb == BulkVerb::EndSessions => {
                (seen.changed.count + seen.unchanged.count, 0)
            }
            _ => (seen.changed.count, seen.unchanged.count),
        };
        let (selected, looked_at, digest) = (seen.selected, seen.looked_at, secret::hex(&seen.digest));
        Ok(BulkCounts { selected, looked_at, changed, unchanged, refused, digest })
    }
}

/// Who may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    /// Whoever may do it.
    Doers,
    /// Whoever asks.
    Anybody,
}

impl Question for PreviewBulk {
    const NAME: &'static str = "bulk.preview";
    type Output = BulkPreview;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<BulkPreview> {
        self.look(qx, PREVIEW_MAX, May::Doers).await
    }
}

impl PreviewBulk {
    /// Looks at so many users at most.
    async fn look(&self, qx: &mut Qx<'_>, most: i64, may: May) -> Result<BulkPreview> {
        let mut preview = BulkPreview::default();
        match self {
            PreviewBulk::Start(order) => {
                let verb = order.deed.verb;
                may_do(qx, verb, may)?;
                let order = order.clone().checked(qx.now)?;
                let reason = order.reason.as_deref();
                match &order.selection {
                    Selection::Filter(filter) => of_filter(qx, &mut preview, &order.deed, reason, filter, most).await?,
                    Selection::Ids(ids) => {
                        preview.selected = ids.len() as i64;
                        for user in ids.iter().take(usize::try_from(most).unwrap_or(0)) {
                            let loaded = crate::user::store::load(qx.rd, qx.tenant, qx.caller, *user).await;
                            let deed = Some(order.deed.clone());
                            let turned = Turned { user: *user, loaded: only_refused(loaded)?, deed };
                            preview.look(qx, turned, reason).await?;
                        }
                    }
                }
            }
            PreviewBulk::Undo(id) => of_undo(qx, &mut preview, *id, most, may).await?,
        }
        Ok(preview)
    }
}

fn may_do(qx: &Qx<'_>, verb: BulkVerb, may: May) -> Result<()> {
    match lacks(qx.caller, verb)?.filter(|_| may == May::Doers) {
        Some(missing) => Err(Error::Forbidden(missing)),
        None => Ok(()),
    }
}

async fn of_filter(
    qx: &mut Qx<'_>,
    preview: &mut BulkPreview,
    deed: &BulkDeed,
    reason: Option<&str>,
    filter: &crate::user::UserFilter,
    most: i64,
) -> Result<()> {
    let wanted = Wanted::of(filter, hides_employees(qx.tenant, qx.caller));
    let census = Census::read(qx.rd, qx.tenant.id, wanted).await?;
    preview.selected = census.total();
    let mut after = 0;
    while preview.looked_at < most {
        // The census knows where they are: nobody else is read, however few they are among how many. A proposal is counted
        // while others wait to write.
        let numbers = census.numbers(qx.rd, Begin::After(after), STRIDE.min(most - preview.looked_at)).await?;
        let Some(last) = numbers.last() else { break };
        after = *last;
        for mut row in census::store::users(qx.rd, qx.tenant.id, &numbers).await? {
            let user = crate::user::store::read(qx.tenant, &mut row)?;
            let turned = Turned { user: user.id, loaded: Ok(user), deed: Some(deed.clone()) };
            preview.look(qx, turned, reason).await?;
        }
    }
    Ok(())
}

async fn of_undo(qx: &mut Qx<'_>, preview: &mut BulkPreview, id: BulkId, most: i64, may: May) -> Result<()> {
    let bulk = store::load(qx.rd, qx.tenant, id).await?;
    let verb = bulk.deed.verb.inverse().ok_or(Refusal::NotUndoable)?;
    may_do(qx, verb, may)?;
    if !bulk.state.is_over() {
        return Err(Refusal::BulkNotEnded.into());
    }
    if store::is_undone(qx.rd, qx.tenant.id, id).await? {
        return Err(Refusal::AlreadyUndone.into());
    }
    preview.selected = bulk.changed;
    let plain = BulkDeed::plain(verb);
    let mut after = 0;
    while preview.looked_at < most.min(preview.selected) {
        let stride = STRIDE.min(most.min(preview.selected) - preview.looked_at);
        let rows = store::changed_rows(qx.rd, qx.tenant.id, id, after, stride).await?;
        let is_last = (rows.len() as i64) < stride;
        for row in rows {
            after = row.seq;
            let loaded = crate::user::store::load(qx.rd, qx.tenant, qx.caller, row.user).await;
            let turned = turn_back(row, only_refused(loaded)?, &plain, qx.now);
            preview.look(qx, turned, None).await?;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

impl BulkPreview {
    /// Whether everybody selected was looked at.
    pub fn is_exact(&self) -> bool {
        self.looked_at == self.selected
    }

    async fn look(&mut self, qx: &mut Qx<'_>, turned: Turned, reason: Option<&str>) -> Result<()> {
        let Turned { user, loaded, deed } = turned;
        let (became, seen) = match loaded {
            Err(error) => (Became::Refused(error.code()), None),
            Ok(mut loaded) => {
                // As she is, not as she would be.
                let wants = |group: Option<&Group>| group.is_none_or(|group| group.sample.len() < SAMPLE_MAX);
                let is_wanted = wants(Some(&self.changed))
                    || wants(Some(&self.unchanged))
                    || self.refused.is_empty()
                    || self.refused.iter().any(|(_, group)| wants(Some(group)));
                let may_see = qx.caller.may(Permission::UsersRead);
                let seen = if is_wanted && may_see { Some(loaded.seen_by(qx.caller)?) } else { None };
                let became = match &deed {
                    None => Became::Unchanged,
                    Some(deed) => would(qx, deed, user, &mut loaded, reason).await?,
                };
                (became, seen)
            }
        };
        let outcome = match became {
            // Who is signed in comes and goes by itself.
            Became::Done | Became::Unchanged if deed.as_ref().is_some_and(|it| it.verb == BulkVerb::EndSessions) => {
                "either"
            }
            Became::Done => "changed",
            Became::Unchanged => "unchanged",
            Became::Refused(code) => code,
        };
        self.digest = secret::digest(&[&self.digest[..], &user.bytes()[..], outcome.as_bytes()].concat());
        let group = match became {
            Became::Done => &mut self.changed,
            Became::Unchanged => &mut self.unchanged,
            Became::Refused(code) => {
                let at = match self.refused.iter().position(|(known, _)| *known == code) {
                    Some(at) => at,
                    None => {
                        self.refused.push((code, Group::default()));
                        self.refused.len() - 1
                    }
                };
                &mut self.refused[at].1
            }
        };
        group.count += 1;
        self.looked_at += 1;
        if group.sample.len() < SAMPLE_MAX {
            group.sample.extend(seen);
        }
        Ok(())
    }
}

/// What the single action's rule says of a user.
async fn would(
    qx: &mut Qx<'_>,
    deed: &BulkDeed,
    user: UserId,
    loaded: &mut User,
    reason: Option<&str>,
) -> Result<Became> {
    let author = qx.caller.author();
    let by = By { now: qx.now, author: &author, reason };
    let told = with_action!(deed, user, None, |action| action.decide(loaded, &by, qx.tenant), else {
        let _ = action;
        return has_access(qx.rd, qx.tenant.id, user).await;
    });
    match told {
        Ok(Some(_)) => Ok(Became::Done),
        Ok(None) => Ok(Became::Unchanged),
        Err(error @ (Error::Busy(_) | Error::Internal(_))) => Err(error),
        Err(error) => Ok(Became::Refused(error.code())),
    }
}

/// Whether there is anything that ending her sessions would end.
async fn has_access(rd: &mut Rd, tenant: crate::value::id::TenantId, user: UserId) -> Result<Became> {
    let is_there = crate::access::is_there(rd, tenant, user).await?;
    Ok(if is_there { Became::Done } else { Became::Unchanged })
}
