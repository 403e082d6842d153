//! The vendors' histories: what staff and their keys did, and what users did themselves, with the names of both. A page
//! costs a few statements, however long it is; a search through it has a stated end.

pub(crate) mod store;

use std::collections::HashMap;

use serde_json::Value;

use self::store::About;
use crate::audit::questions::{PAGE_MAX, opened};
use crate::audit::{self, AuditRecord};
use crate::db::{Param, ToParam, Weight};
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::staff::{self, StaffProfile};
use crate::user;
use crate::value::clock::Time;
use crate::value::id::{StaffId, UserId};
use crate::verb::{Question, Qx};

/// The most rows one question looks through.
const SCAN_MAX: usize = 50_000;
/// Rows read at a time.
const STRIDE: usize = 1_000;

/// Which part of a history.
pub struct ActivityFilter {
    /// Done to this user or staff member, or by her.
    pub about: Option<uuid::Uuid>,
    /// Not before.
    pub from: Option<Time>,
    /// Before.
    pub to: Option<Time>,
    /// These actions only.
    pub actions: Vec<&'static str>,
    /// Records that the history's own words have a name for; the others are not counted.
    pub fits: Box<dyn Fn(&AuditRecord) -> bool + Send + Sync>,
    /// Skip so many of those that fit.
    pub offset: usize,
    /// How many at most, up to `PAGE_MAX`.
    pub limit: usize,
}

impl ActivityFilter {
    /// The newest so many, whatever they are.
    pub fn page(limit: usize) -> ActivityFilter {
        let fits = Box::new(|_: &AuditRecord| true);
        ActivityFilter { about: None, from: None, to: None, actions: Vec::new(), fits, offset: 0, limit }
    }
}

/// One thing somebody did.
#[derive(Debug, Clone)]
pub struct Activity {
    /// The record.
    pub record: AuditRecord,
    /// The user it is about and her name; empty once she is erased.
    pub user: Option<(UserId, String)>,
    /// The staff member who did it, or as whom a key did.
    pub staff: Option<(StaffId, StaffProfile)>,
    /// The number of the user, staff member or request it is about.
    pub number: Option<i64>,
}

/// What staff and their keys did, newest first; their signing in, too, which is done before anybody is known.
pub struct StaffActivity(pub ActivityFilter);

impl Question for StaffActivity {
    const NAME: &'static str = "audit.staff_activity";
    type Output = Vec<Activity>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Activity>> {
        history(qx, &self.0, store::STAFF).await
    }
}

/// What staff did, and what users did where the caller may know that too; newest first.
pub struct AllActivity(pub ActivityFilter);

impl Question for AllActivity {
    const NAME: &'static str = "audit.activity";
    type Output = Vec<Activity>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Activity>> {
        let whose = if qx.caller.may(Permission::ActivityUsers) { store::ALL } else { store::STAFF };
        history(qx, &self.0, whose).await
    }
}

/// What users did themselves, newest first. Signing in and asking for a reset are done before anybody is known: there the
/// actor is nobody and the subject the user.
pub struct UserActivity(pub ActivityFilter);

impl Question for UserActivity {
    const NAME: &'static str = "audit.user_activity";
    type Output = Vec<Activity>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Activity>> {
        history(qx, &self.0, store::USERS).await
    }
}

async fn history(qx: &mut Qx<'_>, filter: &ActivityFilter, whose: &'static str) -> Result<Vec<Activity>> {
    if filter.limit as i64 > PAGE_MAX {
        return Err(Error::invalid("count", "out_of_range", format!("At most {PAGE_MAX}.")));
    }
    let records = records(qx, filter, whose).await?;
    named(qx, records).await
}

async fn records(qx: &mut Qx<'_>, filter: &ActivityFilter, whose: &'static str) -> Result<Vec<AuditRecord>> {
    let sql = store::page(&filter.actions, whom(qx, filter, whose).await?, whose, STRIDE);
    let (from, to) = (filter.from.unwrap_or(Time(0)), filter.to.unwrap_or(Time(i64::MAX)));
    let about = filter.about.map(uuid::Uuid::into_bytes);
    let mut before = [0xff; 16];
    let (mut kept, mut skipped, mut seen) = (Vec::new(), 0, 0);
    while kept.len() < filter.limit && seen < SCAN_MAX {
        let mut params: Vec<Param<'_>> =
            vec![qx.tenant.id.to_param(), before.to_param(), from.to_param(), to.to_param()];
        params.extend(about.as_ref().map(ToParam::to_param));
        let rows = qx.rd.all(sql.clone(), &params).await?;
        let is_last = rows.len() < STRIDE;
        seen += rows.len();
        for row in rows {
            let row = audit::store::read(row)?;
            before = *row.id.bytes();
            let record = opened(qx, row)?;
            if !(filter.fits)(&record) {
                continue;
            }
            if skipped < filter.offset {
                skipped += 1;
            } else if kept.len() < filter.limit {
                kept.push(record);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(kept)
}

/// Whom the records are to be about: for a user they are found by their subject, however many others there are.
async fn whom(qx: &mut Qx<'_>, filter: &ActivityFilter, whose: &'static str) -> Result<About> {
    let Some(id) = filter.about else { return Ok(About::Anybody) };
    // Users do nothing as staff.
    let is_staff = whose != store::USERS && !staff::store::some(qx.rd, qx.tenant, vec![StaffId(id)]).await?.is_empty();
    Ok(if is_staff { About::Staff } else { About::User })
}

/// The records with names: one statement for all users, one for all staff. Records about users who are hidden from this
/// caller fall out.
async fn named(qx: &mut Qx<'_>, records: Vec<AuditRecord>) -> Result<Vec<Activity>> {
    let about = |record: &AuditRecord| (record.subject_kind == "user").then(|| record.subject_id.map(UserId)).flatten();
    let user_ids: Vec<UserId> = records.iter().filter_map(about).collect();
    let staff_ids: Vec<StaffId> =
        records.iter().flat_map(|record| [record.staff, about_staff(record)]).flatten().collect();
    let users: HashMap<UserId, (i64, String)> = user::store::some(qx.rd, qx.tenant, qx.caller, user_ids)
        .await?
        .iter()
        .map(|user| Ok((user.id, (user.number, user.profile()?.full_name()))))
        .collect::<Result<_>>()?;
    let staff: HashMap<StaffId, (i64, StaffProfile)> = staff::store::some(qx.rd, qx.tenant, staff_ids)
        .await?
        .into_iter()
        .map(|it| (it.id, (it.number, it.profile)))
        .collect();
    let hides = user::store::hides_employees(qx.tenant, qx.caller);
    let mut activities = Vec::with_capacity(records.len());
    for record in records {
        let user = about(&record).map(|id| (id, users.get(&id).cloned()));
        if hides && user.as_ref().is_some_and(|(_, known)| known.is_none()) {
            continue;
        }
        let number = match (&user, about_staff(&record)) {
            (Some((_, known)), _) => known.as_ref().map(|(number, _)| *number),
            (None, Some(id)) => staff.get(&id).map(|(number, _)| *number),
            (None, None) => number_of_request(&record),
        };
        let staff = record.staff.and_then(|id| staff.get(&id).map(|(_, profile)| (id, profile.clone())));
        let user = user.map(|(id, known)| (id, known.map(|(_, name)| name).unwrap_or_default()));
        activities.push(Activity { record, user, staff, number });
    }
    Ok(activities)
}

/// The staff member a record is about; of one who was just made, the facts tell.
fn about_staff(record: &AuditRecord) -> Option<StaffId> {
    match record.subject_kind.as_str() {
        "staff" => record.subject_id.map(StaffId),
        "tenant" => {
            let added = facts(record).find(|fact| fact["event"] == "staff.added")?;
            StaffId::parse(added["staff"].as_str()?)
        }
        _ => None,
    }
}

/// The number of the request a record is about.
fn number_of_request(record: &AuditRecord) -> Option<i64> {
    let is_about_one = record.subject_kind == "request";
    is_about_one.then(|| facts(record).find_map(|fact| fact["number"].as_i64())).flatten()
}

fn facts(record: &AuditRecord) -> impl Iterator<Item = &Value> {
    record.facts.as_array().into_iter().flatten()
}
