//! What may be asked about users. What leaves here is what the caller may see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::db::Weight;
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::user::census::{self, Begin, Census, Wanted};
use crate::user::model::{Mark, User, UserKind};
use crate::user::profile::Profile;
use crate::user::standing::*;
use crate::user::store;
use crate::user::unique::{self, Unique};
use crate::value::clock::Time;
use crate::value::id::UserId;
use crate::value::secret;
use crate::verb::{Question, Qx, Subject};

/// The most users one page holds.
pub const PAGE_MAX: i64 = 200;

/// A user as the caller may see her.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "as in `User`")]
pub struct SeenUser {
    pub id: UserId,
    pub number: i64,
    pub version: i64,
    pub kind: UserKind,
    pub employee: bool,
    pub risk_locked: bool,
    pub standing: Standing,
    pub marks: BTreeMap<Axis, Mark>,
    pub profile: Box<Profile>,
    pub has_password: bool,
    pub has_second_factor: bool,
    /// A PIN for payments is set.
    pub has_pin: bool,
    pub failed_sign_ins: i64,
    pub created_at: Time,
    pub updated_at: Time,
    pub last_seen_at: Option<Time>,
}

impl User {
    /// The user as this caller may see her: the only way her profile leaves the desk, but for a recorded reveal.
    pub fn seen_by(&self, caller: &Caller) -> Result<SeenUser> {
        let seen = self.shown(self.profile()?.seen_by(caller));
        Ok(if caller.is_customer() { seen.for_customer() } else { seen })
    }

    /// The user with nothing masked: for recorded questions only.
    pub(crate) fn in_full(&self) -> Result<SeenUser> {
        Ok(self.shown(self.profile()?))
    }

    pub(super) fn shown(&self, profile: Box<Profile>) -> SeenUser {
        SeenUser {
            id: self.id,
            number: self.number,
            version: self.version,
            kind: self.kind,
            employee: self.employee,
            risk_locked: self.risk_locked,
            standing: self.standing.clone(),
            marks: self.marks.clone(),
            profile,
            has_password: self.password_hash.is_some(),
            has_second_factor: self.has_second_factor(),
            has_pin: self.sealed_pin.is_some(),
            failed_sign_ins: self.failed_sign_ins,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_seen_at: self.last_seen_at,
        }
    }
}

impl SeenUser {
    /// The user as they read themselves, by whichever door: nothing that may mean that they are suspected, and of what staff
    /// did neither author nor reason (docs/customer-view.md).
    fn for_customer(mut self) -> SeenUser {
        self.standing = self.standing.for_customer();
        self.risk_locked = false;
        let verification = self.marks.remove(&Axis::Verification);
        self.marks.clear();
        if let Some(mark) = verification {
            let mark = Mark { at: mark.at, by: shown_author(&mark.by), reason: None };
            self.marks.insert(Axis::Verification, mark);
        }
        // Words of the institution about its customer, not to them.
        let demographic = &mut self.profile.demographic;
        (demographic.customer_code, demographic.customer_importance) = (None, None);
        demographic.customer_description = None;
        self
    }
}

/// A customer reads whether it was they or the institution, and not who of its staff.
pub(crate) fn shown_author(author: &str) -> String {
    if author.starts_with("user:") { author.to_owned() } else { "institution".to_owned() }
}

/// One user.
pub struct ShowUser(pub UserId);

impl Question for ShowUser {
    const NAME: &'static str = "user.show";
    type Output = SeenUser;

    fn subject(&self) -> Subject {
        Subject::User(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<SeenUser> {
        store::load(qx.rd, qx.tenant, qx.caller, self.0).await?.seen_by(qx.caller)
    }
}

/// One user with every identifier in full; recorded with its purpose.
pub struct RevealUser {
    /// Whom.
    pub user: UserId,
    /// What for; required.
    pub purpose: String,
}

impl Question for RevealUser {
    const NAME: &'static str = "user.reveal";
    const RECORDED: bool = true;
    type Output = SeenUser;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn purpose(&self) -> Option<&str> {
        Some(&self.purpose)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<SeenUser> {
        check_purpose(&self.purpose)?;
        let user = store::load(qx.rd, qx.tenant, qx.caller, self.user).await?;
        user.in_full()
    }
}

/// A purpose is said in words.
pub(crate) fn check_purpose(purpose: &str) -> Result<()> {
    let purpose = purpose.trim();
    if purpose.len() < 3 || purpose.chars().count() > 500 {
        return Err(Error::invalid("purpose", "required", "Say in 3 to 500 characters what it is needed for."));
    }
    Ok(())
}

/// Which users a list holds; an absent axis does not matter. Erased users are listed only when asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "one field for each axis")]
pub struct UserFilter {
    pub locked: Option<bool>,
    pub admission: Option<Admission>,
    pub core_state: Option<CoreState>,
    pub suspension: Option<Suspension>,
    pub flag: Option<FlagReach>,
    pub blacklist: Option<Blacklist>,
    pub fraud: Option<FraudStatus>,
    pub verification: Option<Verification>,
    pub hold: Option<Hold>,
    pub presence: Option<Presence>,
    pub kind: Option<UserKind>,
    pub employee: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diaspora: Option<bool>,
    /// Verified, or else in any other state of verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

impl UserFilter {
    /// The conditions on a row `u` of users, for statements that walk through all of them; lists are answered from the
    /// census. Words of closed vocabularies stand in the text.
    pub(crate) fn conditions(&self) -> String {
        let words = [
            ("sign_in_lock", self.locked.map(|locked| if locked { "locked" } else { "open" })),
            ("admission", self.admission.map(Admission::word)),
            ("core_state", self.core_state.map(CoreState::word)),
            ("suspension", self.suspension.map(Suspension::word)),
            ("flag", self.flag.map(FlagReach::word)),
            ("blacklist", self.blacklist.map(Blacklist::word)),
            ("fraud", self.fraud.map(FraudStatus::word)),
            ("verification", self.verification.map(Verification::word)),
            ("hold", self.hold.map(Hold::word)),
            ("presence", self.presence.map(Presence::word)),
            ("kind", self.kind.map(UserKind::word)),
        ];
        let words = words.into_iter().filter_map(|(column, word)| Some((column, word?)));
        let mut sql: String = words.map(|(column, word)| format!(" AND u.{column} = '{word}'")).collect();
        if let Some(employee) = self.employee {
            sql.push_str(&format!(" AND u.employee = {}", i64::from(employee)));
        }
        if let Some(diaspora) = self.diaspora {
            sql.push_str(&format!(" AND u.diaspora = {}", i64::from(diaspora)));
        }
        if let Some(verified) = self.verified {
            sql.push_str(&format!(" AND u.verification {} 'verified'", if verified { "=" } else { "<>" }));
        }
        if self.presence.is_none() {
            sql.push_str(" AND u.presence <> 'erased'");
        }
        sql
    }
}

/// A list of users, in the order of their numbers.
pub struct ListUsers {
    /// Which.
    pub filter: UserFilter,
    /// The cursor that the page before gave.
    pub after: Option<String>,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
    /// Whether to count all that fit.
    pub count: bool,
}

/// One page of a list.
pub struct UserPage {
    /// The users.
    pub users: Vec<SeenUser>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
    /// How many fit in all, when asked for. Of the same moment as the page.
    pub total: Option<i64>,
}

impl Question for ListUsers {
    const NAME: &'static str = "user.list";
    type Output = UserPage;

    fn weight(&self) -> Weight {
        Weight::of_page(self.limit)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<UserPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let wanted = Wanted::of(&self.filter, store::hides_employees(qx.tenant, qx.caller));
        let after = match &self.after {
            Some(cursor) => read_cursor(qx.tenant, &wanted.name(), cursor)?,
            None => 0,
        };
        let census = Census::read(qx.rd, qx.tenant.id, wanted).await?;
        let mut users = page(qx, &census, Begin::After(after), self.limit + 1).await?;
        let more = users.len() as i64 > self.limit;
        users.truncate(self.limit as usize);
        let last = users.last().filter(|_| more).map(|user| user.number);
        let next = last.map(|number| make_cursor(qx.tenant, &wanted.name(), number));
        Ok(UserPage { users, next, total: self.count.then(|| census.total()) })
    }
}

/// A page of the same list from a row on, as deep as may be at the same cost; for doors that speak of offsets and pages.
pub struct UsersAtRow {
    /// Which.
    pub filter: UserFilter,
    /// How many users of the list come before, from 0.
    pub row: i64,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
    /// In which order of their numbers.
    pub order: ListOrder,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOrder {
    /// As they came.
    OldestFirst,
    /// Whoever came last comes first.
    NewestFirst,
}

impl Question for UsersAtRow {
    const NAME: &'static str = "user.list";
    type Output = UserPage;

    fn weight(&self) -> Weight {
        Weight::of_page(self.limit)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<UserPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let wanted = Wanted::of(&self.filter, store::hides_employees(qx.tenant, qx.caller));
        let census = Census::read(qx.rd, qx.tenant.id, wanted).await?;
        let total = census.total();
        let (row, limit) = match self.order {
            ListOrder::OldestFirst => (self.row.max(0), self.limit),
            // The same rows, counted from the other end: how many there are is known, at the same moment.
            ListOrder::NewestFirst => {
                let end = total.saturating_sub(self.row.max(0)).max(0);
                let begin = end.saturating_sub(self.limit).max(0);
                (begin, end - begin)
            }
        };
        let mut users = if limit > 0 { page(qx, &census, Begin::Row(row), limit).await? } else { Vec::new() };
        if self.order == ListOrder::NewestFirst {
            users.reverse();
        }
        Ok(UserPage { users, next: None, total: Some(total) })
    }
}

/// The users of a page, as the caller may see them.
async fn page(qx: &mut Qx<'_>, census: &Census, begin: Begin, limit: i64) -> Result<Vec<SeenUser>> {
    let numbers = census.numbers(qx.rd, begin, limit).await?;
    let rows = census::store::users(qx.rd, qx.tenant.id, &numbers).await?;
    rows.into_iter().map(|mut row| store::read(qx.tenant, &mut row)?.seen_by(qx.caller)).collect()
}

/// A cursor is a number with a keyed tag over tenant, list and number: made by us for this list, or not accepted.
fn cursor_tag(tenant: &Tenant, list: &str, number: i64) -> String {
    let tag = tenant.keys.lookup().of_person(&["cursor", &tenant.id.to_string(), list, &number.to_string()]);
    secret::hex(&tag[..8])
}

/// The cursor behind this number of a list.
pub(crate) fn make_cursor(tenant: &Tenant, list: &str, number: i64) -> String {
    format!("{number}.{}", cursor_tag(tenant, list, number))
}

/// The number in a cursor of this list.
pub(crate) fn read_cursor(tenant: &Tenant, list: &str, cursor: &str) -> Result<i64> {
    let read = cursor.split_once('.').and_then(|(number, tag)| Some((number.parse::<i64>().ok()?, tag)));
    match read {
        Some((number, tag)) if secret::same(cursor_tag(tenant, list, number).as_bytes(), tag.as_bytes()) => Ok(number),
        _ => Err(Error::invalid("after", "invalid", "Not a cursor of this list.")),
    }
}

/// The user another system, a username or a number names; for the doors that do not know our ids.
pub struct UserByName {
    /// By what.
    pub by: Unique,
    /// The name.
    pub text: String,
}

impl Question for UserByName {
    const NAME: &'static str = "user.find";
    type Output = Option<UserId>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Option<UserId>> {
        let token = qx.tenant.keys.lookup().unique(self.by.domain(), &self.text);
        let found = unique::store::id_of(qx.rd, qx.tenant.id, &token).await?;
        unless_hidden(qx, found).await
    }
}

/// A user who is hidden from the caller has no id either.
async fn unless_hidden(qx: &mut Qx<'_>, found: Option<UserId>) -> Result<Option<UserId>> {
    let Some(id) = found else { return Ok(None) };
    match store::load(qx.rd, qx.tenant, qx.caller, id).await {
        Ok(_) => Ok(Some(id)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// The user with a number; for the doors that speak in numbers.
pub struct UserByNumber(pub i64);

impl Question for UserByNumber {
    const NAME: &'static str = "user.find";
    type Output = Option<UserId>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Option<UserId>> {
        let found = store::id_of_number(qx.rd, qx.tenant.id, self.0).await?;
        let Some(id) = unless_hidden(qx, found).await? else { return Ok(None) };
        // Who was erased is nobody any more to whoever knew her by a number.
        let user = store::load(qx.rd, qx.tenant, qx.caller, id).await?;
        Ok((user.standing.presence != Presence::Erased).then_some(id))
    }
}

/// Some users whose unlock waits for memo mode to end; for the worker.
pub struct QueuedUnlocks;

impl Question for QueuedUnlocks {
    const NAME: &'static str = "user.queued_unlocks";
    type Output = Vec<UserId>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<UserId>> {
        store::queued_unlocks(qx.rd, qx.tenant.id, 500).await
    }
}
