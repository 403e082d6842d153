//! Finding users and showing one (contract 4.1 and 4.2).

use api::kit::{House, Json, Query, SignedBy};
use axum::extract::State;
use desk::tenant::ShowUserTerms;
use desk::user::standing::Presence;
use desk::user::{FindUsers, SeenUser, ShowUser, Term, UserSort};
use desk::value::id::UserId;
use desk::{Caller, Error, Permission};
use serde::Deserialize;

use super::person::Person;
use super::wire::{Details, Found, FoundUser};
use super::{Answer, Banno, Own, Wrong};

/// Users on a page unless another number is asked for, and the most.
const LIMIT: usize = 25;
const LIMIT_MAX: usize = 100;

#[derive(Deserialize)]
pub(super) struct SearchIn {
    query: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
}

/// GET `/a/consumer-user-search/api/v0/institutions/{institutionId}/users`
pub(super) async fn find(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    query: Result<Query<Banno, SearchIn>, Wrong>,
) -> Answer<Json<Found>> {
    let wanted = if caller.may(Permission::UsersRead) { search(query?.0)? } else { search_nothing() };
    let found = house.desk.find_users(&caller, wanted).await?;
    let institution = institution(&house, &caller).await?;
    let users = found.users.into_iter().map(|user| FoundUser::of(user, &institution)).collect();
    Ok(Json(Found { users, total_count: found.total.unwrap_or_default() }))
}

fn search(wanted: SearchIn) -> Answer<FindUsers> {
    let limit = wanted.limit.map_or(Ok(LIMIT), |text| number("limit", &text))?;
    if limit == 0 {
        return Err(Error::invalid("limit", "out_of_range", "Must be at least 1.").into());
    }
    let offset = wanted.offset.map_or(Ok(0), |text| number("offset", &text))?;
    let query = wanted.query.unwrap_or_default();
    let limit = limit.min(LIMIT_MAX);
    Ok(FindUsers { term: Term::NamesAndLogins, sort: UserSort::Name, offset, limit, ..FindUsers::of(query) })
}

/// For a caller who may not search at all: the desk says so.
fn search_nothing() -> FindUsers {
    FindUsers::of("")
}

/// A whole number from 0 on. What is too large for any list is as large as it gets.
pub(super) fn number(name: &str, text: &str) -> Answer<usize> {
    if text.is_empty() || !text.bytes().all(|it| it.is_ascii_digit()) {
        return Err(Error::invalid(name, "invalid", "Must be a whole number from 0 on.").into());
    }
    let most = usize::try_from(i64::MAX).unwrap_or(usize::MAX);
    Ok(text.parse::<usize>().unwrap_or(most).min(most))
}

/// The institution's id as the wire has it.
pub(super) async fn institution(house: &House<Own>, caller: &Caller) -> Answer<String> {
    Ok(house.desk.tenant(caller.tenant).await?.institution.id.0.to_string())
}

/// The user, as long as she is somebody: erased ones are gone for this vendor.
pub(super) async fn shown(house: &House<Own>, caller: &Caller, user: UserId) -> Answer<SeenUser> {
    let user = house.desk.ask(caller, ShowUser(user)).await?;
    if user.standing.presence == Presence::Erased { Err(Error::NotFound(UserId::NOUN).into()) } else { Ok(user) }
}

/// GET `/a/mobile/api/v0/institutions/{institutionId}/users/{userId}/details`
pub(super) async fn details(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    Person(user): Person,
) -> Answer<Json<Details>> {
    let user = shown(&house, &caller, user).await?;
    let terms = house.desk.ask(&caller, ShowUserTerms).await?;
    let institution = institution(&house, &caller).await?;
    Ok(Json(Details::of(user, &institution, &terms.abilities)))
}
