//! What may be asked about users. What leaves here is what the caller may see.

use std::collections::BTreeMap;

use crate::caller::Caller;
use crate::db::{Param, ToParam, Weight, params};
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::user::model::{Mark, User, UserKind};
use crate::user::profile::Profile;
use crate::user::standing::*;
use crate::user::store::{self, Unique};
use crate::value::clock::Time;
use crate::value::id::UserId;
use crate::value::token::QueryWord;
use crate::value::{normal, secret};
use crate::verb::{Question, Qx, Subject};

/// The most users one page holds.
pub const PAGE_MAX: i64 = 200;
/// The most candidates a search looks at; a query that fits more people than this is not a search for one of them.
pub const CANDIDATES_MAX: usize = 10_000;
/// The longest query, in characters.
pub const QUERY_MAX: usize = 200;

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
    pub profile: Profile,
    pub has_password: bool,
    pub has_second_factor: bool,
    pub failed_sign_ins: i64,
    pub created_at: Time,
    pub updated_at: Time,
    pub last_seen_at: Option<Time>,
}

impl User {
    /// The user as this caller may see her: the only way her profile leaves the desk, but for a recorded reveal.
    pub fn seen_by(&self, caller: &Caller) -> Result<SeenUser> {
        Ok(self.shown(self.profile()?.seen_by(caller)))
    }

    /// The user with nothing masked: for recorded questions only.
    pub(crate) fn in_full(&self) -> Result<SeenUser> {
        Ok(self.shown(self.profile()?))
    }

    fn shown(&self, profile: Profile) -> SeenUser {
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
            failed_sign_ins: self.failed_sign_ins,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_seen_at: self.last_seen_at,
        }
    }
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
        let profile = user.profile()?;
        Ok(user.shown(profile))
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

/// Where a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Names, e-mail, username, phone, identifiers, ids.
    Anything,
    /// First, last and preferred name, e-mail, username and NetTeller id: the Banno search. A query with an `@` is an
    /// e-mail only.
    NamesAndLogins,
}

/// In which order a search answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSort {
    /// The best match first: whole identifiers, then whole words, then beginnings.
    Best,
    /// Last name, first name, id.
    Name,
}

/// Users that fit a query, every one verified.
pub struct FindUsers {
    /// What was typed.
    pub query: String,
    /// Where to look.
    pub term: Term,
    /// In which order.
    pub sort: UserSort,
    /// Skip so many.
    pub offset: usize,
    /// How many at most.
    pub limit: usize,
}

/// What a search found.
pub struct Found {
    /// One page.
    pub users: Vec<SeenUser>,
    /// How many fit in all. Exact unless `capped`.
    pub total: i64,
    /// More candidates than a search looks at: the query should say more.
    pub capped: bool,
}

impl Question for FindUsers {
    const NAME: &'static str = "user.find";
    type Output = Found;

    /// Whole addresses, numbers and ids are one look into an index; names may fit many.
    fn weight(&self) -> Weight {
        let query = self.query.trim();
        let digits = query.bytes().filter(u8::is_ascii_digit).count();
        let is_exact = (query.contains('@') && query.contains('.')) || digits >= 7 || UserId::parse(query).is_some();
        if is_exact && !query.contains(' ') { Weight::Point } else { Weight::Scan }
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Found> {
        if self.query.chars().count() > QUERY_MAX {
            return Err(Error::invalid("query", "too_long", format!("At most {QUERY_MAX} characters.")));
        }
        let query = self.query.trim();
        if self.term == Term::Anything
            && let Some(id) = UserId::parse(query).or_else(|| query.parse().ok().map(UserId))
        {
            let users: Vec<_> = match store::load(qx.rd, qx.tenant, qx.caller, id).await {
                Ok(user) => vec![user.seen_by(qx.caller)?],
                Err(Error::NotFound(_)) => Vec::new(),
                Err(other) => return Err(other),
            };
            return Ok(Found { total: users.len() as i64, users, capped: false });
        }
        if query.is_empty() {
            return everybody(qx, self.sort, self.offset, self.limit).await;
        }
        let words = qx.tenant.keys.lookup().query_tokens(query);
        let (mut candidates, capped) = candidates(qx, &words).await?;
        let mut fitting: Vec<(u8, User, Profile)> = Vec::with_capacity(candidates.len());
        for user in candidates.drain(..) {
            let profile = user.profile()?;
            if let Some(rank) = rank(self.term, &words, query, &profile) {
                fitting.push((rank, user, profile));
            }
        }
        let total = fitting.len() as i64;
        fitting.sort_by_cached_key(|(rank, user, profile)| (self.rank_counts(*rank), by_name(profile), user.id));
        let page = fitting.into_iter().skip(self.offset).take(self.limit);
        let users = page.map(|(_, user, profile)| user.shown(profile.seen_by(qx.caller))).collect();
        Ok(Found { users, total, capped })
    }
}

impl FindUsers {
    fn rank_counts(&self, rank: u8) -> u8 {
        if self.sort == UserSort::Best { rank } else { 0 }
    }
}

fn by_name(profile: &Profile) -> (String, String) {
    (normal::fold(&profile.last_name), normal::fold(&profile.first_name))
}

/// Users who have every word under some token, at most `CANDIDATES_MAX`. One statement.
async fn candidates(qx: &mut Qx<'_>, words: &[QueryWord]) -> Result<(Vec<User>, bool)> {
    let mut words: Vec<&QueryWord> = words.iter().filter(|word| !word.alternatives.is_empty()).collect();
    if words.is_empty() {
        return Ok((Vec::new(), false));
    }
    // The longest word is likely the rarest: begin there, and ask the others of each candidate.
    words.sort_by_key(|word| std::cmp::Reverse(word.word.len()));
    let mut params: Vec<Param<'_>> = vec![qx.tenant.id.to_param()];
    params.extend(words.iter().flat_map(|word| &word.alternatives).map(|(_, token)| token.to_param()));
    let alternatives: Vec<usize> = words.iter().map(|word| word.alternatives.len()).collect();
    let sql = candidates_sql(&alternatives, store::hides_employees(qx.tenant, qx.caller));
    let rows = qx.rd.all(sql, &params).await?;
    let capped = rows.len() > CANDIDATES_MAX;
    let tenant: &Tenant = qx.tenant;
    let users =
        rows.into_iter().take(CANDIDATES_MAX).map(|mut row| store::read(tenant, &mut row)).collect::<Result<_>>()?;
    Ok((users, capped))
}

/// The statement for words with so many alternatives each, the rarest word first.
pub(crate) fn candidates_sql(alternatives: &[usize], hides_employees: bool) -> String {
    let mut sql = format!("SELECT {} FROM users u WHERE u.tenant_id = $1 AND u.id IN (", store::COLUMNS);
    let mut next = 2;
    for (index, count) in alternatives.iter().enumerate() {
        let slots = (next..next + count).map(|slot| format!("${slot}")).collect::<Vec<_>>().join(", ");
        next += count;
        if index == 0 {
            sql.push_str(&format!(
                "SELECT t.user_id FROM user_token t WHERE t.tenant_id = $1 AND t.token IN ({slots})"
            ));
        } else {
            sql.push_str(&format!(
                " AND EXISTS (SELECT 1 FROM user_token x WHERE x.tenant_id = $1 AND x.user_id = t.user_id \
                 AND x.token IN ({slots}))"
            ));
        }
    }
    // A user may have a word under each of its tokens (name, username, address): so many rows hold one user more than are
    // looked at, whoever they are. `DISTINCT` would have SQLite walk through the tokens of everybody.
    let rows = alternatives.first().unwrap_or(&1) * (CANDIDATES_MAX + 1);
    sql.push_str(&format!(" LIMIT {rows})"));
    if hides_employees {
        sql.push_str(" AND u.employee = 0");
    }
    sql.push_str(&format!(" LIMIT {}", CANDIDATES_MAX + 1));
    sql
}

/// How well a user fits: 0 a whole identifier, 1 whole words, 2 beginnings; `None` does not fit.
fn rank(term: Term, words: &[QueryWord], query: &str, profile: &Profile) -> Option<u8> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (email, username, phone) = (text(&profile.email), text(&profile.username), text(&profile.phone));
    let identifiers: Vec<&String> = match term {
        Term::Anything => profile.identifiers.all().collect(),
        Term::NamesAndLogins => profile.identifiers.net_teller_id.iter().collect(),
    };
    let mut names: Vec<String> = normal::words(&profile.first_name);
    names.extend(normal::words(&profile.last_name));
    names.extend(profile.preferred_name.iter().flat_map(|name| normal::words(name)));
    if term == Term::Anything {
        names.extend(profile.middle_name.iter().flat_map(|name| normal::words(name)));
        names.extend(profile.business_name.iter().flat_map(|name| normal::words(name)));
    }
    let folded_query = normal::fold(query);
    let is_email = query.contains('@');
    let fits = words.iter().all(|word| {
        let by_email = !email.is_empty() && word.matches_email(&email);
        if is_email && term == Term::NamesAndLogins {
            return by_email;
        }
        word.matches_words(&names)
            || by_email
            || (!username.is_empty()
                && (word.matches_name(&username) || normal::fold(&username).starts_with(&word.word)))
            || (term == Term::Anything && !phone.is_empty() && word.matches_phone(&phone))
            || identifiers.iter().any(|identifier| word.matches_identifier(identifier))
    });
    if !fits {
        return None;
    }
    let is_whole = normal::fold(&email) == folded_query
        || normal::fold(&username) == folded_query
        || words.iter().any(|word| identifiers.iter().any(|identifier| word.matches_identifier(identifier)))
        || (words.len() == 1 && !phone.is_empty() && normal::digits(&phone) == normal::digits(query));
    let whole_words = words.iter().all(|word| names.contains(&word.word));
    Some(if is_whole {
        0
    } else if whole_words {
        1
    } else {
        2
    })
}

/// A blank query: everybody who has not been erased. Sorted by name while that is affordable, else by number.
async fn everybody(qx: &mut Qx<'_>, sort: UserSort, offset: usize, limit: usize) -> Result<Found> {
    let hidden = if store::hides_employees(qx.tenant, qx.caller) { " AND u.employee = 0" } else { "" };
    let from = format!("FROM users u WHERE u.tenant_id = $1 AND u.presence <> 'erased'{hidden}");
    let total: i64 = qx.rd.one(format!("SELECT COUNT(*) {from}"), params![qx.tenant.id]).await?.take()?;
    let tenant: &Tenant = qx.tenant;
    if sort == UserSort::Name && total <= CANDIDATES_MAX as i64 {
        let rows = qx.rd.all(format!("SELECT {} {from}", store::COLUMNS), params![tenant.id]).await?;
        let mut all = Vec::with_capacity(rows.len());
        for mut row in rows {
            let user = store::read(tenant, &mut row)?;
            let profile = user.profile()?;
            all.push((user, profile));
        }
        all.sort_by_cached_key(|(user, profile)| (by_name(profile), user.id));
        let page = all.into_iter().skip(offset).take(limit);
        let users = page.map(|(user, profile)| user.shown(profile.seen_by(qx.caller))).collect();
        return Ok(Found { users, total, capped: false });
    }
    let (limit, offset) = (limit as i64, offset as i64);
    let sql = format!("SELECT {} {from} ORDER BY u.number LIMIT $2 OFFSET $3", store::COLUMNS);
    let rows = qx.rd.all(sql, params![tenant.id, limit, offset]).await?;
    let mut users = Vec::with_capacity(rows.len());
    for mut row in rows {
        users.push(store::read(tenant, &mut row)?.seen_by(qx.caller)?);
    }
    Ok(Found { users, total, capped: false })
}

/// Which users a list holds; an absent axis does not matter. Erased users are listed only when asked for.
#[derive(Debug, Clone, Default, PartialEq)]
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
}

impl UserFilter {
    /// The conditions; words of closed vocabularies stand in the text, so that the indexes of rare values are usable.
    pub(crate) fn conditions(&self) -> String {
        let mut sql = String::new();
        let mut axis = |column: &str, word: Option<&'static str>, ordinary: &str| {
            if let Some(word) = word {
                sql.push_str(&format!(" AND u.{column} = '{word}'"));
                if word != ordinary {
                    sql.push_str(&format!(" AND u.{column} <> '{ordinary}'"));
                }
            }
        };
        axis("sign_in_lock", self.locked.map(|locked| if locked { "locked" } else { "open" }), "open");
        axis("admission", self.admission.map(Admission::word), "enabled");
        axis("core_state", self.core_state.map(CoreState::word), "normal");
        axis("suspension", self.suspension.map(Suspension::word), "no");
        axis("flag", self.flag.map(FlagReach::word), "none");
        axis("blacklist", self.blacklist.map(Blacklist::word), "no");
        axis("fraud", self.fraud.map(FraudStatus::word), "whitelisted");
        axis("verification", self.verification.map(Verification::word), "none");
        axis("hold", self.hold.map(Hold::word), "none");
        axis("presence", self.presence.map(Presence::word), "present");
        axis("kind", self.kind.map(UserKind::word), "individual");
        if let Some(employee) = self.employee {
            sql.push_str(&format!(" AND u.employee = {}", i64::from(employee)));
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
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<UserPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let hidden = if store::hides_employees(qx.tenant, qx.caller) { " AND u.employee = 0" } else { "" };
        let conditions = format!("u.tenant_id = $1{}{hidden}", self.filter.conditions());
        let after = match &self.after {
            Some(cursor) => read_cursor(qx.tenant, &conditions, cursor)?,
            None => 0,
        };
        let sql = format!(
            "SELECT {} FROM users u WHERE {conditions} AND u.number > $2 ORDER BY u.number LIMIT $3",
            store::COLUMNS
        );
        let rows = qx.rd.all(sql, params![qx.tenant.id, after, self.limit + 1]).await?;
        let more = rows.len() as i64 > self.limit;
        let mut users = Vec::with_capacity(rows.len());
        for mut row in rows.into_iter().take(self.limit as usize) {
            users.push(store::read(qx.tenant, &mut row)?.seen_by(qx.caller)?);
        }
        let total = match self.count {
            true => {
                let sql = format!("SELECT COUNT(*) FROM users u WHERE {conditions}");
                Some(qx.rd.one(sql, params![qx.tenant.id]).await?.take()?)
            }
            false => None,
        };
        let last = users.last().filter(|_| more).map(|user| user.number);
        Ok(UserPage { users, next: last.map(|number| make_cursor(qx.tenant, &conditions, number)), total })
    }
}

/// A cursor is a number with a keyed tag over tenant, list and number: made by us for this list, or not accepted.
fn cursor_tag(tenant: &Tenant, list: &str, number: i64) -> String {
    let tag = tenant.keys.lookup().of_person(&["cursor", &tenant.id.to_string(), list, &number.to_string()]);
    tag.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn make_cursor(tenant: &Tenant, list: &str, number: i64) -> String {
    format!("{number}.{}", cursor_tag(tenant, list, number))
}

fn read_cursor(tenant: &Tenant, list: &str, cursor: &str) -> Result<i64> {
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
        let found = store::id_of(qx.rd, qx.tenant.id, self.by, &token).await?;
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
        unless_hidden(qx, found).await
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
