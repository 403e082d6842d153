//! The lock status of a user, and unlocking her (contract 4.3 and 4.4).

use api::kit::{House, Json, SignedBy};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::user::{LockUser, UnlockLockedUser};
use desk::{Caller, Permission, Permissions};
use serde_json::{Value, json};

use super::person::{Person, Wish, wished};
use super::wire::LockedIn;
use super::{Answer, Banno, Own, fault, users, words};

/// GET `/a/consumer-status/api/v0/users/{userId}/status`
pub(super) async fn show(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    Person(user): Person,
) -> Answer<Json<Value>> {
    let user = users::shown(&house, &caller, user).await?;
    let kind = house.desk.tenant(caller.tenant).await?.institution.kind;
    Ok(Json(json!({ "status": words::status(&user.standing, kind, house.desk.now()) })))
}

/// PUT `/a/consumer-status/api/v0/users/{userId}/status/locked`
///
/// 204 unlocked, 202 queued until the core leaves memo mode; 401, 403, 400, 422, 404, 409 in this order.
pub(super) async fn unlock(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    Person(user): Person,
    body: Wish<LockedIn>,
) -> Answer<Response> {
    if wished(&caller, Permission::UsersLock, body)?.state {
        // Nobody may lock by this door: the attempt is made without the right to, so that it stands in the record.
        let powerless = Caller { may: Permissions::NONE, ..caller.clone() };
        let _refused = house.desk.perform(&powerless, LockUser { user, until: None, reason: None }).await;
        let message = "Users cannot be locked by this interface; state must be false.";
        return Ok(fault::envelope(StatusCode::UNPROCESSABLE_ENTITY, "locking_not_supported", message));
    }
    let unlocked = house.desk.perform(&caller, UnlockLockedUser { user, reason: None }).await?;
    let waits = unlocked.user.standing.unlock_queued_at.is_some();
    Ok(if waits { StatusCode::ACCEPTED } else { StatusCode::NO_CONTENT }.into_response())
}
