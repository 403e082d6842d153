//! One name space for what people sign in with. A username that is somebody's e-mail address has that address's token, too,
//! and so is `taken` by the key of the index (`unique_tokens`). Telephone numbers are shared by families and stand in no
//! such index: here is what compares them with usernames. Two transactions of PostgreSQL at the same moment may both pass;
//! `DuplicateNames` then reports the pair.

use super::store;
use crate::caller::{Caller, Door};
use crate::db::{Rd, Row, Weight, params};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::user::profile::Profile;
use crate::user::search::store::numbers_of;
use crate::user::store as users;
use crate::value::contact::Phone;
use crate::value::id::{TenantId, UserId};
use crate::value::normal;
use crate::value::token::{Domain, Lookup, SearchToken, UniqueToken};
use crate::verb::{Question, Qx, Subject};

/// How many digits a username has at least that could be a telephone number.
const DIGITS_MIN: usize = 7;
/// The most users who are compared with one username: so many hardly ever share seven digits.
const COMPARED_MAX: i64 = 64;
/// Users who are looked at in one read.
const PAGE: i64 = 1_000;

/// What of a profile is compared across usernames and telephone numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct PhoneNames {
    /// The username's digits, if it could be a telephone number.
    username: Option<String>,
    /// The telephone number.
    phone: Option<String>,
}

impl PhoneNames {
    /// Of a checked profile.
    pub fn of(profile: &Profile) -> PhoneNames {
        let username = profile.username.as_deref().filter(|name| could_be_phone(name)).map(normal::digits);
        PhoneNames { username, phone: profile.phone.clone() }
    }

    /// What of it was not so before.
    pub fn beside(self, before: &PhoneNames) -> PhoneNames {
        PhoneNames {
            username: self.username.filter(|it| before.username.as_ref() != Some(it)),
            phone: self.phone.filter(|it| before.phone.as_ref() != Some(it)),
        }
    }

    /// The names that a telephone number would collide with.
    pub fn of_phone(&self, lookup: &Lookup) -> Vec<UniqueToken> {
        let phone = self.phone.as_deref().and_then(|phone| Phone::parse(phone, None).ok());
        let written = phone.map(|phone| phone.written()).unwrap_or_default();
        written.iter().map(|digits| lookup.unique(Domain::NumericName, digits)).collect()
    }

    /// The username's digits, if it could be a telephone number.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Whether a username with these digits is this telephone number.
    pub fn is_phone(&self, digits: &str) -> bool {
        self.phone.as_deref().is_some_and(|phone| is_phone(phone, digits))
    }
}

fn is_phone(phone: &str, digits: &str) -> bool {
    Phone::parse(phone, None).is_ok_and(|phone| phone.written().iter().any(|way| way == digits))
}

/// Whether a username could be somebody's telephone number.
pub(super) fn could_be_phone(username: &str) -> bool {
    username.bytes().all(|byte| byte.is_ascii_digit() || b".-_".contains(&byte))
        && username.bytes().filter(u8::is_ascii_digit).count() >= DIGITS_MIN
}

fn last_seven(lookup: &Lookup, digits: &str) -> Option<SearchToken> {
    // The same token as a telephone number with this end.
    lookup.of_phone(digits).first().copied()
}

/// Refuses a telephone number that is another user's username, and a username that is another user's telephone number.
pub(crate) async fn check(rd: &mut Rd, tenant: &Tenant, user: UserId, names: &PhoneNames) -> Result<()> {
    let lookup = tenant.keys.lookup();
    let taken = |field: &str| Err(Error::invalid(field, "taken", "Another user has this already."));
    if names.phone.is_some() && store::has_numeric_names(rd, tenant.id).await? {
        let holders = store::holders(rd, tenant.id, &names.of_phone(lookup)).await?;
        if holders.values().any(|holder| *holder != user) {
            return taken("phone");
        }
    }
    if let Some(digits) = &names.username
        && who_has_phone(rd, tenant, user, digits).await?.is_some()
    {
        return taken("username");
    }
    Ok(())
}

/// Another user whose telephone number a username with these digits is.
async fn who_has_phone(rd: &mut Rd, tenant: &Tenant, but: UserId, digits: &str) -> Result<Option<UserId>> {
    let Some(token) = last_seven(tenant.keys.lookup(), digits) else { return Ok(None) };
    let system = Caller::house(tenant.id, Door::Worker);
    let mut ids = Vec::new();
    for number in numbers_of(rd, tenant.id, token, COMPARED_MAX).await? {
        ids.extend(users::id_of_number(rd, tenant.id, number).await?);
    }
    for user in users::some(rd, tenant, &system, ids).await? {
        let phone = if user.id == but { None } else { user.profile()?.phone };
        if phone.is_some_and(|phone| is_phone(&phone, digits)) {
            return Ok(Some(user.id));
        }
    }
    Ok(None)
}

/// Two users one of whom signs in with what is the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateName {
    /// Whose username it is.
    pub user: UserId,
    /// Whose address or telephone number it is.
    pub other: UserId,
    /// `email` or `phone`.
    pub of: &'static str,
}

/// Which usernames are another user's e-mail address or telephone number, among some users in the order of their numbers.
/// There can be such pairs only in data from before that was refused. Answers where to go on, if there is more.
pub struct DuplicateNames {
    /// Those after this number.
    pub after: i64,
}

impl Question for DuplicateNames {
    const NAME: &'static str = "user.duplicate_names";
    type Output = (Vec<DuplicateName>, Option<i64>);

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Self::Output> {
        let tenant = qx.tenant.clone();
        let (first, last_seat) = (users::seat(tenant.id, self.after), users::seat(tenant.id, i64::MAX));
        let rows: Vec<Row> = qx.rd.all(store::PAGE_OF_USERS, params![first, last_seat, PAGE]).await?;
        let mut last = None;
        let is_full = rows.len() as i64 == PAGE;
        let mut found = Vec::new();
        for mut row in rows {
            let user = users::read(&tenant, &mut row)?;
            last = Some(user.number);
            // Who was erased has no names.
            if user.person.is_none() {
                continue;
            }
            let Some(username) = user.profile()?.username else { continue };
            if username.contains('@') {
                let token = tenant.keys.lookup().unique(Domain::Email, &username);
                let holder = store::id_of(qx.rd, tenant.id, &token).await?;
                found.extend(holder.filter(|other| *other != user.id).map(|other| DuplicateName {
                    user: user.id,
                    other,
                    of: "email",
                }));
            }
            if could_be_phone(&username) {
                let other = who_has_phone(qx.rd, &tenant, user.id, &normal::digits(&username)).await?;
                found.extend(other.map(|other| DuplicateName { user: user.id, other, of: "phone" }));
            }
        }
        Ok((found, last.filter(|_| is_full)))
    }
}

impl Desk {
    /// The first so many usernames of a tenant that are another user's e-mail address or telephone number. Looks at everybody.
    pub async fn duplicate_names(&self, caller: &Caller, limit: usize) -> Result<Vec<DuplicateName>> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let (found, next) = self.ask(caller, DuplicateNames { after }).await?;
            all.extend(found);
            match next {
                Some(next) if all.len() < limit => after = next,
                _ => break,
            }
        }
        all.truncate(limit);
        Ok(all)
    }

    /// The same of any tenant, for the operator at the machine.
    pub async fn duplicate_names_of(&self, tenant: TenantId, limit: usize) -> Result<Vec<DuplicateName>> {
        self.duplicate_names(&Caller::house(tenant, Door::Cli), limit).await
    }
}
