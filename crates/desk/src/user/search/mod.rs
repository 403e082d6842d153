//! Finding users by what is typed: one question behind every door.
//!
//! Those who fit come in three tiers, each in the order of numbers: first whoever has it as a whole value (an identifier, a
//! username, an e-mail address, a phone number), then whoever has each word as a whole word of her names, then whoever has
//! words that begin so. Tokens say who comes into question and in which tier; every one is opened and verified. Two
//! statements at most: numbers that are known from whole values and words, and how rare each word is; then the users.

pub mod hidden;
pub(crate) mod store;

use self::store::{BEGIN, EXACT, SAME_MAX, Second, WHOLE};
use crate::caller::Caller;
use crate::db::Weight;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::user::census::Wanted;
use crate::user::model::User;
use crate::user::profile::Profile;
use crate::user::questions::{ListOrder, SeenUser, UserFilter, UsersAtRow, make_cursor, read_cursor};
use crate::user::store::{hides_employees, load, read};
use crate::user::unique::Unique;
use crate::value::id::UserId;
use crate::value::normal;
use crate::value::token::{QueryWord, SearchToken};
use crate::verb::{Question, Qx};

/// The most candidates that are looked at to tell how many fit; a query that fits more is not a search for one of them.
pub const CANDIDATES_MAX: usize = 10_000;
/// The longest query, in characters.
pub const QUERY_MAX: usize = 200;
/// The most users of one page.
pub const FOUND_MAX: usize = 200;
/// How many candidates are read for a page when some may turn out not to fit.
const DOUBTFUL: std::ops::RangeInclusive<usize> = 200..=1_000;

/// Where a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Names, e-mail, username, phone, identifiers, ids.
    Anything,
    /// First, last and preferred name, e-mail, username and NetTeller id: the Banno search. A query with an `@` is an
    /// e-mail only.
    NamesAndLogins,
    /// First and last name, and e-mail: the Switch search.
    NamesAndEmail,
}

/// In which order a search answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSort {
    /// The best match first: whole identifiers, then whole words, then beginnings; each by number.
    Best,
    /// Last name, first name, id. All who fit are looked at, and counted.
    Name,
    /// Whoever came last first. All who fit are looked at, and counted.
    Newest,
}

/// Users that fit a query, every one verified.
#[derive(Debug, Clone)]
pub struct FindUsers {
    /// What was typed. Blank: everybody, by number.
    pub query: String,
    /// Where to look.
    pub term: Term,
    /// In which order.
    pub sort: UserSort,
    /// Only those whose standing is so.
    pub filter: UserFilter,
    /// The cursor that the page before gave; only in the order of the best match.
    pub after: Option<String>,
    /// Skip so many; only by name and of a blank query.
    pub offset: usize,
    /// How many at most, up to `FOUND_MAX`.
    pub limit: usize,
    /// Whether to tell how many fit in all; with the first page only.
    pub count: bool,
}

impl FindUsers {
    /// The first twenty who fit best, wherever the words stand, and how many there are.
    pub fn of(query: impl Into<String>) -> FindUsers {
        FindUsers {
            query: query.into(),
            term: Term::Anything,
            sort: UserSort::Best,
            filter: UserFilter::default(),
            after: None,
            offset: 0,
            limit: 20,
            count: true,
        }
    }
}

/// What a search found.
pub struct Found {
    /// One page. It may be short, or even empty, while there is a `next`: not every candidate fits.
    pub users: Vec<SeenUser>,
    /// Where to go on, if there may be more.
    pub next: Option<String>,
    /// How many fit in all, when asked for. Exact unless `capped`.
    pub total: Option<i64>,
    /// There are more candidates than are looked at for a total.
    pub capped: bool,
}

/// Which of a user's values a caller sees, so that a search may look at them: beginnings and parts of what is masked would tell
/// it character by character. The same as in `Profile::seen_by`, but that whoever may reveal identifiers may look for them.
#[derive(Clone, Copy)]
struct Sight {
    /// E-mail, username, phone, and what the institution and its systems call the user.
    contacts: bool,
    /// National numbers, and those of papers.
    identifiers: bool,
}

impl Sight {
    fn of(caller: &Caller) -> Sight {
        let contacts = caller.may(Permission::UsersContacts);
        Sight { contacts, identifiers: caller.may(Permission::UsersReveal) }
    }
}

/// How many candidates are read at most.
#[derive(Clone, Copy)]
struct Room {
    /// If so many have all words whole, nobody else is looked at.
    whole: usize,
    all: usize,
}

impl Room {
    fn is_for_counting(self) -> bool {
        self.all > CANDIDATES_MAX
    }
}

/// Tier and number.
type Position = (i64, i64);

/// A cursor has one number; users' numbers stay far below this.
const TIER: u32 = 56;

/// Candidates in order, and whether there may be more after the last.
#[derive(Default)]
struct Candidates {
    rows: Vec<(Position, User)>,
    more: bool,
}

impl Question for FindUsers {
    const NAME: &'static str = "user.find";
    type Output = Found;

    /// Whole addresses, numbers and ids are one look into an index; names may fit many.
    fn weight(&self) -> Weight {
        let query = self.query.trim();
        let digits = query.bytes().filter(u8::is_ascii_digit).count();
        let is_exact = (query.contains('@') && query.contains('.')) || digits >= 7 || UserId::parse(query).is_some();
        if is_exact && !query.contains(' ') {
            Weight::Point
        } else if self.counts() || self.sort != UserSort::Best {
            Weight::Scan
        } else {
            Weight::of_page(self.limit as i64)
        }
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Found> {
        if self.query.chars().count() > QUERY_MAX {
            return Err(Error::invalid("query", "too_long", format!("At most {QUERY_MAX} characters.")));
        }
        if !(1..=FOUND_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {FOUND_MAX}.")));
        }
        let query = self.query.trim();
        let wanted = Wanted::of(&self.filter, hides_employees(qx.tenant, qx.caller));
        let sight = Sight::of(qx.caller);
        let list = || format!("search {:?} {} {}", self.term, wanted.name(), normal::fold(query));
        let from = match &self.after {
            Some(cursor) => {
                let at = read_cursor(qx.tenant, &list(), cursor)?;
                (at >> TIER, at & ((1 << TIER) - 1))
            }
            None => (EXACT, 0),
        };
        if query.is_empty() {
            let row = i64::try_from(self.offset).unwrap_or(i64::MAX);
            let (filter, limit) = (self.filter.clone(), self.limit as i64);
            let all = UsersAtRow { filter, row, limit, order: ListOrder::OldestFirst };
            let page = all.run(qx).await?;
            return Ok(Found { users: page.users, next: None, total: page.total, capped: false });
        }
        if self.term == Term::Anything
            && let Some(id) = UserId::parse(query).or_else(|| query.parse().ok().map(UserId))
        {
            let found = one(qx, id, wanted).await?;
            // Another system's id may look like one of ours without our prefix.
            if !found.users.is_empty() || UserId::parse(query).is_some() {
                return Ok(found);
            }
        }
        if from == (EXACT, 0)
            && sight.contacts
            && query.contains('@')
            && !query.contains(char::is_whitespace)
            && let Some(found) = self.by_address(qx, query, wanted).await?
        {
            return Ok(found);
        }
        let words = qx.tenant.keys.lookup().query_tokens(query);
        let is_plain = self.term == Term::Anything && wanted == Wanted::of(&UserFilter::default(), false);
        let all_indexed = words.iter().all(QueryWord::is_indexed);
        let is_sure = is_plain && all_indexed && words.iter().all(|word| word.is_sure);
        let is_sorted = self.sort != UserSort::Best;
        let counts = is_sorted || (self.count && self.after.is_none());
        let room = match (counts, is_sure) {
            (true, _) => CANDIDATES_MAX + 1,
            (false, true) => self.limit + 1,
            (false, false) => (4 * self.limit).clamp(*DOUBTFUL.start(), *DOUBTFUL.end()),
        };
        // Whoever has all words whole fits, wherever it was looked for; a word that is too short to look for is seen only
        // when the user is opened.
        let room = Room { whole: if is_plain && all_indexed { room.min(self.limit + 1) } else { room }, all: room };
        let candidates = candidates(qx, query, &words, from, room).await?;
        let last = candidates.rows.last().map(|(at, _)| *at);
        let enough = if counts { usize::MAX } else { self.limit + 1 };
        let mut fitting: Vec<(Position, User, Box<Profile>)> = Vec::new();
        for (at, user) in candidates.rows {
            if !wanted.fits_user(&user) {
                continue;
            }
            let profile = user.profile()?;
            if fits(self.term, &words, query, &profile, sight) {
                fitting.push((at, user, profile));
                if fitting.len() == enough {
                    break;
                }
            }
        }
        let total = counts.then_some(fitting.len() as i64);
        match self.sort {
            UserSort::Best => {}
            UserSort::Name => fitting.sort_by_cached_key(|(_, user, profile)| (by_name(profile), user.id)),
            UserSort::Newest => fitting.sort_by_key(|(_, user, _)| std::cmp::Reverse(user.number)),
        }
        if is_sorted {
            fitting.drain(..self.offset.min(fitting.len()));
        }
        let next = match fitting.len() > self.limit {
            _ if is_sorted => None,
            true => fitting.get(self.limit - 1).map(|(at, ..)| *at),
            false => last.filter(|_| candidates.more),
        };
        fitting.truncate(self.limit);
        let users = fitting.into_iter().map(|(_, user, profile)| user.shown(profile.seen_by(qx.caller))).collect();
        let next = next.map(|(tier, number)| make_cursor(qx.tenant, &list(), (tier << TIER) | number));
        Ok(Found { users, next, total, capped: counts && candidates.more })
    }
}

impl FindUsers {
    /// Those who sign in with this address; none if nobody does. It comes before anything else, and needs no tokens of words:
    /// whose address it is, is who was meant.
    async fn by_address(&self, qx: &mut Qx<'_>, query: &str, wanted: Wanted) -> Result<Option<Found>> {
        let lookup = qx.tenant.keys.lookup();
        let unique = |field: Unique| lookup.unique(field.domain(), query);
        let email = unique(Unique::Email);
        // Elsewhere an address is nothing but an e-mail address.
        let username = (self.term == Term::Anything).then(|| unique(Unique::Username));
        let rows = store::by_login(qx.rd, qx.tenant.id, &email, username.as_ref()).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let folded = normal::fold(query);
        let is_it = |text: &Option<String>| text.as_ref().is_some_and(|text| normal::fold(text) == folded);
        let mut users = Vec::with_capacity(rows.len());
        for mut row in rows {
            let user = read(qx.tenant, &mut row)?;
            if !wanted.fits_user(&user) {
                continue;
            }
            let profile = user.profile()?;
            if is_it(&profile.email) || self.term == Term::Anything && is_it(&profile.username) {
                users.push(user.shown(profile.seen_by(qx.caller)));
            }
        }
        users.sort_unstable_by_key(|user| user.number);
        // Whoever signs in with her address under both names comes twice.
        users.dedup_by_key(|user| user.number);
        let total = self.counts().then_some(users.len() as i64);
        let users = users.into_iter().skip(if self.sort == UserSort::Name { self.offset } else { 0 }).take(self.limit);
        Ok(Some(Found { users: users.collect(), next: None, total, capped: false }))
    }

    /// Whether it is told how many fit.
    fn counts(&self) -> bool {
        self.sort == UserSort::Name || (self.count && self.after.is_none())
    }
}

/// The user with an id, if the caller may see her.
async fn one(qx: &mut Qx<'_>, id: UserId, wanted: Wanted) -> Result<Found> {
    let users: Vec<SeenUser> = match load(qx.rd, qx.tenant, qx.caller, id).await {
        Ok(user) if wanted.fits_user(&user) => vec![user.seen_by(qx.caller)?],
        Ok(_) | Err(Error::NotFound(_)) => Vec::new(),
        Err(other) => return Err(other),
    };
    Ok(Found { total: Some(users.len() as i64), users, next: None, capped: false })
}

fn by_name(profile: &Profile) -> (String, String) {
    (normal::fold(&profile.last_name), normal::fold(&profile.first_name))
}

/// The tokens that say together that each word is a whole word of a person's names; none if that cannot be said.
pub(crate) fn whole_tokens(pair: impl Fn(&str, &str) -> SearchToken, words: &[&QueryWord]) -> Vec<SearchToken> {
    let mut whole: Vec<&(String, SearchToken)> = words.iter().filter_map(|word| word.whole.as_ref()).collect();
    if whole.len() < words.len() {
        return Vec::new();
    }
    // The longest words are likely the rarest.
    whole.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    match whole.as_slice() {
        [one, other, rest @ ..] => {
            let rest = rest.iter().map(|(_, token)| *token);
            std::iter::once(pair(&one.0, &other.0)).chain(rest).collect()
        }
        few => few.iter().map(|(_, token)| *token).collect(),
    }
}

/// Users who come into question after a position, at most so many of them.
async fn candidates(
    qx: &mut Qx<'_>,
    query: &str,
    words: &[QueryWord],
    from: Position,
    room: Room,
) -> Result<Candidates> {
    let lookup = qx.tenant.keys.lookup();
    let unique = |field: Unique| lookup.unique(field.domain(), query);
    let (engine, tenant) = (qx.rd.engine(), qx.tenant.id);
    let mut indexed: Vec<&QueryWord> = words.iter().filter(|word| word.is_indexed()).collect();
    if indexed.is_empty() {
        return Ok(Candidates::default());
    }
    let whole = whole_tokens(|one, other| lookup.pair(one, other), &indexed);
    let after = |tier: i64| match tier.cmp(&from.0) {
        std::cmp::Ordering::Less => i64::MAX,
        std::cmp::Ordering::Equal => from.1,
        std::cmp::Ordering::Greater => 0,
    };
    let username = (words.len() == 1).then(|| unique(Unique::Username));
    // Numbers of whole words come with the first statement, unless so many are wanted that they had better be read at once.
    let whole_first = if room.is_for_counting() { &[][..] } else { &whole };
    let limit = room.whole + SAME_MAX + 1;
    let first = match store::first(engine, &tenant, &indexed, username.as_ref(), whole_first, after(WHOLE), limit) {
        Some(statement) => store::ask_first(qx.rd, statement).await?,
        None => store::First::default(),
    };
    let (mut exact, mut known) = (first.exact, first.whole);
    exact.sort_unstable();
    exact.dedup();
    let is_exact = |number: &i64| exact.binary_search(number).is_ok();
    known.retain(|number| !is_exact(number));
    known.sort_unstable();
    let is_enough = known.len() >= room.whole;
    known.truncate(room.whole);
    known.extend(exact.iter().filter(|number| (EXACT, **number) > from));
    let mut places: Vec<usize> = (0..indexed.len()).collect();
    places.sort_by_key(|place| (first.often.get(*place).copied(), std::cmp::Reverse(indexed[*place].word.len())));
    indexed = places.into_iter().map(|place| indexed[place]).collect();
    let limit = room.all + exact.len();
    let what = Second {
        known: &known,
        whole: room.is_for_counting().then_some((&*whole, after(WHOLE))),
        begins: (!is_enough).then_some((&*indexed, &*whole, after(BEGIN))),
        limit,
    };
    let mut found = Candidates::default();
    for mut row in store::ask_second(qx.rd, store::second(engine, &tenant, &what)).await? {
        let tier: i64 = row.take()?;
        let user = read(qx.tenant, &mut row)?;
        match is_exact(&user.number) {
            true if tier == WHOLE && known.contains(&user.number) => found.rows.push(((EXACT, user.number), user)),
            true => {}
            false => found.rows.push(((tier, user.number), user)),
        }
    }
    found.rows.sort_unstable_by_key(|(at, _)| *at);
    // Whoever has a word under several tokens comes with each of them.
    found.rows.dedup_by_key(|(at, _)| *at);
    found.more = is_enough || found.rows.len() >= room.all;
    found.rows.truncate(room.all);
    Ok(found)
}

/// Whether a user really fits: each word is the beginning of something of hers, or the whole of it.
fn fits(term: Term, words: &[QueryWord], query: &str, profile: &Profile, sight: Sight) -> bool {
    let text = |field: &Option<String>| field.clone().filter(|_| sight.contacts).unwrap_or_default();
    let (email, username, phone) = (text(&profile.email), text(&profile.username), text(&profile.phone));
    let identifiers: Vec<&String> = match term {
        Term::Anything => {
            let it = &profile.identifiers;
            let ours = [&it.net_teller_id, &it.customer_id, &it.member_number, &it.external_id];
            let national = [&it.ssn, &it.bvn, &it.nin, &profile.photo_id.number];
            let ours = ours.into_iter().filter(|_| sight.contacts);
            ours.chain(national.into_iter().filter(|_| sight.identifiers)).flatten().collect()
        }
        Term::NamesAndLogins => profile.identifiers.net_teller_id.iter().filter(|_| sight.contacts).collect(),
        Term::NamesAndEmail => Vec::new(),
    };
    let mut names: Vec<String> = normal::words(&profile.first_name);
    names.extend(normal::words(&profile.last_name));
    if term == Term::NamesAndEmail {
        return words
            .iter()
            .all(|word| word.matches_words(&names) || (!email.is_empty() && word.matches_email(&email)));
    }
    names.extend(profile.preferred_name.iter().flat_map(|name| normal::words(name)));
    if term == Term::Anything {
        names.extend(profile.middle_name.iter().flat_map(|name| normal::words(name)));
        names.extend(profile.business_name.iter().flat_map(|name| normal::words(name)));
    }
    let is_email = query.contains('@');
    words.iter().all(|word| {
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
    })
}
