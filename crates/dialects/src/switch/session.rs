//! Admins signing in and out (contract 2).

use api::kit::{House, Json};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::staff::{MyCard, StaffSignInAnswer, StaffSignOut};
use desk::value::secret::Secret;
use desk::{Error, Field, Who};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{ByAdmin, ByAnybody, Checksum};
use super::token::{SECONDS, Side};
use super::{Answer, Own, wire};

#[derive(Deserialize)]
pub(super) struct LoginIn {
    email: Option<String>,
    password: Option<Secret>,
}

/// Address and password of somebody who signs in; both are needed.
pub(super) fn credentials(email: Option<String>, password: Option<Secret>) -> Answer<(String, Secret)> {
    let email = email.unwrap_or_default();
    let password = password.unwrap_or_else(|| Secret::new(""));
    let blank = [("email", email.trim().is_empty()), ("password", password.expose().is_empty())];
    let faults: Vec<Field> =
        blank.iter().filter(|(_, is)| *is).map(|(name, _)| Field::new(*name, "required", "")).collect();
    if faults.is_empty() { Ok((email, password)) } else { Err(Error::Invalid(faults).into()) }
}

/// What is told whoever does not get in (contract 2).
pub(super) fn not_in(locked: bool) -> Response {
    let body = json!({ "message": "Invalid login details", "locked": locked });
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

/// POST `/admin/login`
pub(super) async fn login(State(house): State<House<Own>>, ByAnybody(call): ByAnybody) -> Answer<Response> {
    call.check(Checksum::Due)?;
    let LoginIn { email, password } = call.body()?;
    let (email, password) = credentials(email, password)?;
    let answer = house.desk.staff_sign_in_for(&call.caller, &email, password, Some(SECONDS)).await?;
    let StaffSignInAnswer::SignedIn { token, expires_at, .. } = answer else {
        return Ok(not_in(matches!(answer, StaffSignInAnswer::Wrong { locked: true })));
    };
    let caller = house.desk.caller(token.expose(), call.caller.origin.clone()).await?;
    let card = house.desk.ask(&caller, MyCard).await?;
    let (desk, tenant, number) = (&house.desk, call.caller.tenant, card.staff.number);
    let token = house.own.tokens.issue(desk, tenant, Side::Admin, number, &token, expires_at)?;
    let data = json!({ "auth_token": token, "admin": wire::signed_in(&card) });
    Ok(kept_by_nobody(json!({ "message": "Admin login successful", "data": data })))
}

/// An answer with a secret in it.
pub(super) fn kept_by_nobody(body: Value) -> Response {
    ([("cache-control", "no-store")], Json(body)).into_response()
}

/// POST `/admin/logout`
pub(super) async fn logout(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    if let Who::Staff { id, .. } = call.caller.who {
        house.desk.perform(&call.caller, StaffSignOut { staff: id }).await?;
    }
    Ok(Json(json!({ "message": "User session invalidated" })))
}
