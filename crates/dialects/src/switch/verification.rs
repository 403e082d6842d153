//! Verification: what users complete and ask for (contract 6.5), and what staff decide, as the two additions that the contract
//! names (6.5, end). Documents are shown through our own API; here they are told by name.

use api::kit::{House, Json};
use axum::extract::State;
use desk::Permission;
use desk::user::standing::Verification;
use desk::user::verification::{ApproveVerification, DeclineVerification, ShowVerification, SubmitVerification};
use desk::user::{EditMyself, ShowUser};
use desk::value::id::UserId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{ByAdmin, ByUser, Checksum};
use super::fault::Wrong;
use super::users::{NOBODY, around, given, needed};
use super::{Answer, Own, countries, wire};

/// The vendor's name of a field, and where it stands in a profile.
const FIELDS: &[(&str, &str, &str)] = &[
    ("address", "address", "line_one"),
    ("city", "address", "city"),
    ("state", "address", "state"),
    ("zipcode", "address", "zip"),
    ("country", "address", "country"),
    ("nearest_landmark", "address", "landmark"),
    ("photo_id_issuer", "photo_id", "issuer"),
    ("photo_id_number", "photo_id", "number"),
    ("photo_id_expiry", "photo_id", "expiry"),
    ("nigerian_contact_name", "home_contact", "name"),
    ("nigerian_contact_phone", "home_contact", "phone"),
    ("nigerian_contact_address", "home_contact", "address"),
    ("nigerian_contact_relationship", "home_contact", "relationship"),
    ("next_of_kin_name", "next_of_kin", "name"),
    ("next_of_kin_relationship", "next_of_kin", "relationship"),
    ("next_of_kin_phone_number", "next_of_kin", "phone"),
    ("next_of_kin_email_address", "next_of_kin", "email"),
];

/// What is sent, as a patch of a profile. What nobody knows is not looked at.
fn patch(sent: &Map<String, Value>) -> Answer<Map<String, Value>> {
    let mut patch = Map::new();
    for (name, group, field) in FIELDS {
        let Some(value) = sent.get(*name) else { continue };
        let value = match (value, *name) {
            (Value::Null, _) => Value::Null,
            (Value::String(text), "country") => {
                let code = countries::code_of(text).ok_or_else(|| Wrong::field("country", "is not a country"))?;
                Value::from(code)
            }
            // The vendor's moments hold a day.
            (Value::String(text), "photo_id_expiry") => Value::from(text.chars().take(10).collect::<String>()),
            (Value::String(_), _) => value.clone(),
            _ => return Err(Wrong::field(name, "must be text")),
        };
        let group = patch.entry((*group).to_owned()).or_insert_with(|| json!({}));
        if let Value::Object(fields) = group {
            fields.insert((*field).to_owned(), value);
        }
    }
    Ok(patch)
}

/// POST `/user/verification/update`
pub(super) async fn update(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let user = call.herself()?;
    let patch = patch(&call.body()?)?;
    // What is sent here is for a verification: whoever may not ask for one does not prepare one either (contract 7). The desk
    // says so, in words that tell nothing of a blacklist.
    house.desk.preview(&call.caller, SubmitVerification { user }).await?;
    let changed = house.desk.perform(&call.caller, EditMyself { user, patch }).await?;
    let seen = changed.user.seen_by(&call.caller)?;
    let around = around(&house, &call.caller, user).await?;
    Ok(Json(json!({ "message": "Verification details updated successfully", "data": wire::herself(&seen, &around) })))
}

/// POST `/user/verification/process`: asks for verification. A second time while one waits is refused (contract 7).
pub(super) async fn process(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let user = call.herself()?;
    let asked = house.desk.perform(&call.caller, SubmitVerification { user }).await?;
    if !asked.changed {
        return Err(Wrong::bad(match asked.user.standing.verification {
            Verification::Verified => "user is already verified",
            _ => "A pending verification request for this user already exists",
        }));
    }
    let seen = asked.user.seen_by(&call.caller)?;
    let around = around(&house, &call.caller, user).await?;
    Ok(Json(json!({ "message": "Verification request submitted successfully", "data": wire::herself(&seen, &around) })))
}

/// GET `/user/verification/progress`
pub(super) async fn progress(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let user = house.desk.ask(&call.caller, ShowUser(call.herself()?)).await?;
    let file = house.desk.ask(&call.caller, ShowVerification(user.id)).await?;
    let newest = file.requests.first();
    let documents = wire::Documents::of(&file);
    let data = json!({
        "is_verified": file.verification == Verification::Verified,
        "verification_requested": file.verification == Verification::Requested,
        "status": newest.map_or(file.verification.word(), |request| request.state.word()),
        "comment": newest.and_then(|request| request.last_text()),
        "photo_id_url": documents.photo_id,
        "image_selfie_url": documents.selfie,
        "signature_url": documents.signature,
    });
    Ok(Json(json!({ "message": "Verification progress retrieved successfully", "data": data })))
}

#[derive(Deserialize)]
struct DecisionIn {
    reason: Option<String>,
}

/// POST `/admin/users/verify/{id}`: an addition.
pub(super) async fn verify(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let user = call.user(&house).await?;
    let approve = |reason| ApproveVerification { user: user.unwrap_or(NOBODY), reason };
    call.may_do(&house, Permission::VerificationsDecide, Checksum::Due, approve(None)).await?;
    call.found(user)?;
    let reason = given("reason", call.body::<DecisionIn>()?.reason)?;
    let done = house.desk.perform(&call.caller, approve(reason)).await?;
    let seen = done.user.seen_by(&call.caller)?;
    Ok(Json(json!({ "message": "User verified successfully", "data": wire::Waiting::of(&seen) })))
}

/// POST `/admin/users/decline_verification/{id}`: an addition.
pub(super) async fn decline(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let user = call.user(&house).await?;
    let decline = |reason| DeclineVerification { user: user.unwrap_or(NOBODY), reason, text: None };
    call.may_do(&house, Permission::VerificationsDecide, Checksum::Due, decline(String::new())).await?;
    call.found(user)?;
    let reason = needed("reason", call.body::<DecisionIn>()?.reason)?;
    let done = house.desk.perform(&call.caller, decline(reason)).await?;
    let seen = done.user.seen_by(&call.caller)?;
    Ok(Json(json!({ "message": "Verification request declined successfully", "data": wire::Waiting::of(&seen) })))
}

/// The names of a user's documents.
pub(super) async fn documents(house: &House<Own>, caller: &desk::Caller, user: UserId) -> Answer<wire::Documents> {
    let file = house.desk.ask(caller, ShowVerification(user)).await?;
    Ok(wire::Documents::of(&file))
}
