//! Admin accounts (contract 6.3).

use api::kit::{House, Json};
use axum::extract::State;
use desk::password::AppointStaff;
use desk::staff::{DisableStaff, MyCard, StaffByNumber, StaffCard, StaffCards};
use desk::value::id::StaffId;
use desk::{Error, Permission};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{ByAdmin, Call, Checksum};
use super::fault::Wrong;
use super::page::Page;
use super::users::{named, pairs};
use super::{Answer, Own, wire, words};

const ONE: &str = "Admin retrieved successfully";

/// GET `/admin`
pub(super) async fn me(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let card = house.desk.ask(&call.caller, MyCard).await?;
    Ok(Json(json!({ "message": ONE, "data": wire::myself(&card) })))
}

/// GET `/admin/{id}`
pub(super) async fn show(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.may_see(Permission::StaffRead)?;
    let card = found(&house, &call).await?.ok_or_else(|| call.absent("Admin"))?;
    Ok(Json(json!({ "message": ONE, "data": wire::admin(&card) })))
}

async fn found(house: &House<Own>, call: &Call) -> Answer<Option<StaffCard>> {
    let Some(number) = call.number() else { return Ok(None) };
    match house.desk.ask(&call.caller, StaffByNumber(number)).await {
        Ok(found) => Ok(found),
        // Who may not look may not know; what she came for is refused by itself.
        Err(Error::Forbidden(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// GET `/admin/list`
pub(super) async fn list(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.may_see(Permission::StaffRead)?;
    let pairs = pairs(&call.query)?;
    let page = Page::read(named(&pairs, "page"), named(&pairs, "per_page"))?;
    let wanted = named(&pairs, "search_query").unwrap_or_default().trim().to_lowercase();
    let mut cards = house.desk.ask(&call.caller, StaffCards).await?;
    cards.retain(|card| {
        let profile = &card.staff.profile;
        profile.email.to_lowercase().contains(&wanted) || profile.name.to_lowercase().contains(&wanted)
    });
    cards.reverse();
    let total = cards.len() as i64;
    let data: Vec<Value> = page.of(cards).iter().map(wire::admin).collect();
    Ok(Json(page.told("Admins retrieved successfully", &data, total)))
}

#[derive(Deserialize)]
struct AdminIn {
    email: Option<String>,
    role: Option<String>,
}

/// POST `/admin/new`
pub(super) async fn create(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let nobody = AppointStaff { email: String::new(), role: String::new() };
    call.may_do(&house, Permission::TeamManage, Checksum::Due, nobody).await?;
    let AdminIn { email, role } = call.body()?;
    let (email, role) = (email.unwrap_or_default(), role.unwrap_or_default());
    let mut faults = Vec::new();
    if email.trim().is_empty() {
        faults.push(desk::Field::new("email", "required", ""));
    }
    let ours = words::our_role(role.trim());
    match ours {
        None if role.trim().is_empty() => faults.push(desk::Field::new("role", "required", "")),
        None => faults.push(desk::Field::new("role", "unknown", "is not included in the list")),
        Some(_) => {}
    }
    const FAILED: &str = "Error occurred creating admin";
    if !faults.is_empty() {
        return Err(Wrong::Fields(FAILED, faults));
    }
    let appoint = AppointStaff { email, role: ours.unwrap_or_default().to_owned() };
    let staff = house.desk.perform(&call.caller, appoint).await.map_err(|error| Wrong::from(error).under(FAILED))?;
    let card = StaffCard { staff, roles: ours.into_iter().map(str::to_owned).collect() };
    Ok(Json(json!({ "message": "Admin created successfully", "data": wire::admin(&card) })))
}

/// POST `/admin/disable/{id}`
pub(super) async fn disable(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let card = found(&house, &call).await?;
    let disable = || DisableStaff(card.as_ref().map_or(StaffId(desk::value::id::NIL), |card| card.staff.id));
    call.may_do(&house, Permission::TeamManage, Checksum::Spared, disable()).await?;
    let card = card.as_ref().ok_or_else(|| call.absent("Admin"))?;
    if card.staff.disabled_at.is_some() {
        return Err(Wrong::bad("admin is already disabled"));
    }
    let staff = house.desk.perform(&call.caller, disable()).await?;
    let card = StaffCard { staff, roles: card.roles.clone() };
    Ok(Json(json!({ "message": "Admin disabled successfully", "data": wire::admin(&card) })))
}
