//! A user's devices (contract 4.8): paths of the vendor's Consumer API that take a token of this one.

use api::kit::{House, Json, Query, SignedBy};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::Permission;
use desk::device::{ListDevices, UnlinkAllDevices};
use serde::Deserialize;

use super::person::Person;
use super::wire::DeviceOut;
use super::{Answer, Banno, Own, Wrong};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DevicesIn {
    #[serde(default = "yes")]
    only_active: bool,
}

fn yes() -> bool {
    true
}

/// GET `/a/consumer/api/v0/users/{userId}/devices`
pub(super) async fn list(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    Person(user): Person,
    query: Result<Query<Banno, DevicesIn>, Wrong>,
) -> Answer<Response> {
    let only_active = match query {
        Ok(query) => query.0.only_active,
        Err(_) if !caller.may(Permission::DevicesRead) => true,
        // This one endpoint is documented with a bare string for a body.
        Err(_) => return Ok((StatusCode::BAD_REQUEST, Json("onlyActive must be true or false")).into_response()),
    };
    let devices = house.desk.ask(&caller, ListDevices(user)).await?;
    let wanted = devices.into_iter().filter(|device| !only_active || device.unlinked_at.is_none());
    Ok(Json(wanted.map(DeviceOut::of).collect::<Vec<_>>()).into_response())
}

/// DELETE on the same path: all of them are deactivated.
pub(super) async fn deactivate(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    Person(user): Person,
) -> Answer<StatusCode> {
    house.desk.perform(&caller, UnlinkAllDevices { user, reason: None }).await?;
    Ok(StatusCode::NO_CONTENT)
}
