//! A list by page numbers, whoever came last first, filtered by axes, by words and by who brought the customers: for doors
//! that speak of pages and totals. Without words it costs what any list costs; with them it looks at those who fit, up to
//! a stated number.

use crate::db::Weight;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::user::census::{self, Begin, Census, Wanted};
use crate::user::model::User;
use crate::user::profile::Profile;
use crate::user::questions::{ListOrder, PAGE_MAX, SeenUser, UserFilter, UserPage, UsersAtRow};
use crate::user::search::{CANDIDATES_MAX, FindUsers, QUERY_MAX, Term, UserSort, store as words};
use crate::user::store;
use crate::verb::{Question, Qx};

/// Up to so many users are looked through one by one for a part of a word.
pub const LOOKED_THROUGH: i64 = 2_000;
/// How many are read at a time.
const STRIDE: usize = 500;

/// A page of users, newest first.
pub struct UsersNewestFirst {
    /// Which.
    pub filter: UserFilter,
    /// Only those in whose names or e-mail address this stands. Among more than `LOOKED_THROUGH` users who fit the filter,
    /// those who have words that begin so.
    pub containing: Option<String>,
    /// Only those whom the sales agent with this code brought.
    pub brought_by: Option<String>,
    /// How many come before, from 0.
    pub row: i64,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
}

impl Question for UsersNewestFirst {
    const NAME: &'static str = "user.list";
    type Output = UserPage;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<UserPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let text = self.containing.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.chars().count() > QUERY_MAX) {
            return Err(Error::invalid("query", "too_long", format!("At most {QUERY_MAX} characters.")));
        }
        let wanted = Wanted::of(&self.filter, store::hides_employees(qx.tenant, qx.caller));
        let sees_email = qx.caller.may(Permission::UsersContacts);
        let code = self.brought_by.as_deref().map(str::trim).filter(|code| !code.is_empty());
        match (code, text) {
            (None, None) => {
                let (filter, row, limit) = (self.filter.clone(), self.row, self.limit);
                UsersAtRow { filter, row, limit, order: ListOrder::NewestFirst }.run(qx).await
            }
            (Some(code), text) => {
                let token = qx.tenant.keys.lookup().of_agent(code);
                let numbers = words::numbers_of(qx.rd, qx.tenant.id, token, CANDIDATES_MAX as i64).await?;
                let fits = |profile: &Profile| {
                    profile.sales_agent_code.as_deref() == Some(code)
                        && text.is_none_or(|text| contains(profile, text, sees_email))
                };
                self.looked_through(qx, wanted, numbers, fits).await
            }
            (None, Some(text)) => {
                let census = Census::read(qx.rd, qx.tenant.id, wanted).await?;
                if census.total() > LOOKED_THROUGH {
                    return self.by_words(qx, text).await;
                }
                let numbers = census.numbers(qx.rd, Begin::Row(0), LOOKED_THROUGH).await?;
                self.looked_through(qx, wanted, numbers, |profile| contains(profile, text, sees_email)).await
            }
        }
    }
}

impl UsersNewestFirst {
    /// Opens each of these users and keeps who fits.
    async fn looked_through(
        &self,
        qx: &mut Qx<'_>,
        wanted: Wanted,
        numbers: Vec<i64>,
        fits: impl Fn(&Profile) -> bool,
    ) -> Result<UserPage> {
        let mut found: Vec<(User, Box<Profile>)> = Vec::new();
        for some in numbers.chunks(STRIDE) {
            for mut row in census::store::users(qx.rd, qx.tenant.id, some).await? {
                let user = store::read(qx.tenant, &mut row)?;
                if !wanted.fits_user(&user) {
                    continue;
                }
                let profile = user.profile()?;
                if fits(&profile) {
                    found.push((user, profile));
                }
            }
        }
        found.sort_by_key(|(user, _)| std::cmp::Reverse(user.number));
        let total = found.len() as i64;
        let row = usize::try_from(self.row.max(0)).unwrap_or(usize::MAX);
        let page = found.into_iter().skip(row).take(self.limit as usize);
        let users: Vec<SeenUser> = page.map(|(user, profile)| user.shown(profile.seen_by(qx.caller))).collect();
        Ok(UserPage { users, next: None, total: Some(total) })
    }

    async fn by_words(&self, qx: &mut Qx<'_>, text: &str) -> Result<UserPage> {
        let find = FindUsers {
            term: Term::NamesAndEmail,
            sort: UserSort::Newest,
            filter: self.filter.clone(),
            offset: usize::try_from(self.row.max(0)).unwrap_or(usize::MAX),
            limit: self.limit as usize,
            ..FindUsers::of(text)
        };
        let found = find.run(qx).await?;
        Ok(UserPage { users: found.users, next: None, total: found.total })
    }
}

/// Whether the text stands in the e-mail address (of which a part is looked for only where it is seen), a name, or the two names
/// with a blank between; case does not count.
fn contains(profile: &Profile, text: &str, sees_email: bool) -> bool {
    let text = text.to_lowercase();
    let email = profile.email.as_deref().filter(|_| sees_email).unwrap_or_default();
    let full = format!("{} {}", profile.first_name, profile.last_name);
    email.to_lowercase().contains(&text) || full.to_lowercase().contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_name_or_address_is_found_and_nothing_stands_for_anything() {
        let ada = Profile {
            first_name: "Ada".to_owned(),
            last_name: "Nwosu".to_owned(),
            email: Some("ada.nwosu@example.com".to_owned()),
            ..Profile::default()
        };
        for (text, found) in
            [("WOS", true), ("da nw", true), ("@example", true), ("nwosu ada", false), ("%", false), ("a_a", false)]
        {
            assert_eq!(contains(&ada, text, true), found, "{text}");
        }
        assert!(!contains(&ada, "@example", false) && contains(&ada, "WOS", false));
    }
}
