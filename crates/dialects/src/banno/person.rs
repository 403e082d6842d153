//! The user a path names, and a wish that waits until it is known that the caller may have it.

use std::convert::Infallible;

use api::kit::{Body, House};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use desk::value::id::UserId;
use desk::{Caller, Permission};

use super::{Answer, Banno, Own, Wrong};

/// The user of `{userId}`. What is not a UUID is nobody: the nil id, which no user has, so that whoever lacks the
/// permission is told that first (contract 3 and 4.4).
pub(super) struct Person(pub UserId);

impl FromRequestParts<House<Own>> for Person {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, house: &House<Own>) -> Result<Self, Infallible> {
        let params = RawPathParams::from_request_parts(parts, house).await.ok();
        let named = params.iter().flatten().find(|(name, _)| *name == "userId").map(|(_, text)| text);
        // Only the form with four hyphens; the parser takes others too.
        let id = named.filter(|text| text.len() == 36).and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Person(UserId(id)))
    }
}

/// A body that is looked at later.
pub(super) type Wish<T> = Result<Body<Banno, T>, Wrong>;

/// What the body says. A caller who may not have it anyhow is not told that her body is wrong: whatever it says is taken
/// as the ordinary wish, which the desk then refuses and records (403 comes before 400: contract 4.4).
pub(super) fn wished<T: Default>(caller: &Caller, needed: Permission, wish: Wish<T>) -> Answer<T> {
    if caller.may(needed) { Ok(wish?.value) } else { Ok(T::default()) }
}
