//! A user's devices (contract 5.7 and 5.8).

use api::kit::{House, Json};
use axum::extract::State;
use desk::Permission;
use desk::device::{ListDevices, SeenDevice, UnlinkDevice};
use desk::value::id::DeviceId;
use serde_json::{Value, json};

use super::call::{ByAdmin, Checksum};
use super::fault::Wrong;
use super::users::NOBODY;
use super::{Answer, Own, words};

fn device(it: &SeenDevice) -> Value {
    let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let details = &it.details;
    let model = known(&details.model).or_else(|| known(&details.brand)).unwrap_or_else(|| "unknown".to_owned());
    let os: Vec<String> = [known(&details.os), known(&details.os_version)].into_iter().flatten().collect();
    let os = if os.is_empty() { "unknown".to_owned() } else { os.join(" ") };
    json!({
        "device_id": it.id.to_string(),
        "device_model": model,
        "device_os": os,
        "created_at": words::time(it.first_seen_at),
    })
}

/// GET `/admin/users/{id}/devices`
pub(super) async fn list(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.may_see(Permission::DevicesRead)?;
    let user = call.found(call.user(&house).await?)?;
    let devices = house.desk.ask(&call.caller, ListDevices(user)).await?;
    let linked = devices.iter().rev().filter(|device| device.unlinked_at.is_none());
    let data: Vec<Value> = linked.map(device).collect();
    // The misspelling is the vendor's (contract 5.7).
    Ok(Json(json!({ "message": "User's devices retrieved succesfully", "data": data })))
}

/// POST `/admin/users/delete/{id}/devices/{device_id}`
pub(super) async fn delete(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let user = call.user(&house).await?;
    let device = DeviceId::parse(call.part(1));
    let unlink = || UnlinkDevice {
        user: user.unwrap_or(NOBODY),
        device: device.unwrap_or(DeviceId(desk::value::id::NIL)),
        reason: None,
    };
    call.may_do(&house, Permission::DevicesUnlink, Checksum::Due, unlink()).await?;
    call.found(user)?;
    let gone = || Wrong::absent("Device", call.part(1));
    match house.desk.perform(&call.caller, unlink()).await {
        Ok(true) => Ok(Json(json!({ "message": "Device unlinked from account succesfully" }))),
        Ok(false) | Err(desk::Error::NotFound(DeviceId::NOUN)) => Err(gone()),
        Err(other) => Err(other.into()),
    }
}
