//! Finding somebody by a whole value that the caller may not see: an identifier, the number of a paper, or a contact. A search
//! that answered such questions freely would tell a masked value digit by digit, or confirm a guessed one. So they are
//! answered for whole values only, each is on record, and there are so many an hour (`hidden_searches_an_hour`).

use super::store;
use super::{FindUsers, Found, Sight, Term};
use crate::caller::Caller;
use crate::db::params;
use crate::door::Desk;
use crate::error::{Busy, Error, Result};
use crate::user::census::{self, Wanted};
use crate::user::profile::Profile;
use crate::user::questions::SeenUser;
use crate::user::store::{hides_employees, read};
use crate::user::unique::Unique;
use crate::value::clock::HOUR;
use crate::value::normal;
use crate::value::token::QueryWord;
use crate::verb::{Action, Cx, Subject};

/// The fewest letters and digits of a whole value; what is shorter names nobody.
const VALUE_MIN: usize = 6;
/// The fewest digits that are a whole phone number.
const PHONE_MIN: usize = 9;
/// As many may share a value at most.
const SHARED_MAX: i64 = 100;

/// Users who have a value as a whole, whether or not the caller may see it. An action, because it counts.
pub struct FindByHiddenValue {
    /// What is looked for, and where.
    pub find: FindUsers,
}

impl Action for FindByHiddenValue {
    const NAME: &'static str = "user.find_by_hidden_value";
    const PREVIEWABLE: bool = false;
    type Output = Found;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Found> {
        let (tenant, most) = (cx.tenant.id, cx.tenant.settings.hidden_searches_an_hour);
        if let Some(staff) = cx.caller.staff() {
            let over = cx.now.plus(-HOUR);
            let row = cx.tx.find(store::COUNT_HIDDEN, params![tenant, staff, cx.now, over]).await?;
            let asked: i64 = row.ok_or_else(|| Error::internal("a count without its row"))?.take()?;
            if asked > most {
                return Err(Error::Busy(Busy::RateLimited));
            }
        }
        let query = self.find.query.trim();
        let lookup = cx.tenant.keys.lookup();
        let words = lookup.query_tokens(query);
        let [word] = words.as_slice() else { return Ok(self.found(Vec::new())) };
        let mut numbers = Vec::new();
        for token in &word.exact {
            numbers.extend(store::numbers_of(cx.tx, tenant, *token, SHARED_MAX).await?);
        }
        let mut rows = census::store::users(cx.tx, tenant, &numbers).await?;
        if query.contains('@') {
            let unique = |field: Unique| lookup.unique(field.domain(), query);
            let username = (self.find.term == Term::Anything).then(|| unique(Unique::Username));
            rows.extend(store::by_login(cx.tx, tenant, &unique(Unique::Email), username.as_ref()).await?);
        }
        let wanted = Wanted::of(&self.find.filter, hides_employees(cx.tenant, cx.caller));
        let mut users: Vec<SeenUser> = Vec::new();
        for mut row in rows {
            let user = read(cx.tenant, &mut row)?;
            if wanted.fits_user(&user) && has_whole(self.find.term, word, query, &*user.profile()?) {
                users.push(user.seen_by(cx.caller)?);
            }
        }
        users.sort_unstable_by_key(|user| user.number);
        users.dedup_by_key(|user| user.number);
        Ok(self.found(users))
    }
}

impl FindByHiddenValue {
    fn found(&self, users: Vec<SeenUser>) -> Found {
        let total = self.find.counts().then_some(users.len() as i64);
        let users = users.into_iter().skip(self.find.offset).take(self.find.limit).collect();
        Found { users, next: None, total, capped: false }
    }
}

/// Whether one of a person's values is this word, all of it.
fn has_whole(term: Term, word: &QueryWord, query: &str, profile: &Profile) -> bool {
    let folded = normal::fold(query);
    let is_it = |text: &Option<String>| text.as_ref().is_some_and(|text| normal::fold(text) == folded);
    let is_phone = |phone: &Option<String>| {
        let is_long = normal::digits(query).trim_start_matches('0').len() >= PHONE_MIN;
        is_long && phone.as_ref().is_some_and(|phone| word.matches_phone(phone))
    };
    let email = is_it(&profile.email);
    match term {
        Term::NamesAndEmail => email,
        Term::NamesAndLogins => email || profile.identifiers.net_teller_id.iter().any(|it| word.matches_identifier(it)),
        Term::Anything => {
            let mut identifiers = profile.identifiers.all().chain(&profile.photo_id.number);
            email
                || is_it(&profile.username)
                || is_phone(&profile.phone)
                || identifiers.any(|it| word.matches_identifier(it))
        }
    }
}

impl FindUsers {
    /// Whether the query may be a whole value that this caller does not see.
    fn may_be_hidden_value(&self, caller: &Caller) -> bool {
        let (sight, query) = (Sight::of(caller), self.query.trim());
        let is_one = !query.contains(char::is_whitespace) || !query.contains(char::is_alphabetic);
        let is_value = query.contains(|it: char| it.is_ascii_digit()) && normal::alphanumeric(query).len() >= VALUE_MIN;
        let hides_values = match self.term {
            Term::Anything => !sight.contacts || !sight.identifiers,
            Term::NamesAndLogins => !sight.contacts,
            Term::NamesAndEmail => false,
        };
        self.after.is_none() && is_one && (is_value && hides_values || query.contains('@') && !sight.contacts)
    }
}

impl Desk {
    /// Finds users: first by what the caller may see. If nobody fits, and it may be a whole value that they may not see, then
    /// by that: on record, and so often an hour.
    pub async fn find_users(&self, caller: &Caller, find: FindUsers) -> Result<Found> {
        let found = self.ask(caller, find.clone()).await?;
        if found.users.is_empty() && found.next.is_none() && find.may_be_hidden_value(caller) {
            return self.perform(caller, FindByHiddenValue { find }).await;
        }
        Ok(found)
    }
}
