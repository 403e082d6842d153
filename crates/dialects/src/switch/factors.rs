//! A user's second factors and PIN (contract 6.5).

use api::kit::{House, Json};
use axum::extract::State;
use desk::second_factor::ChooseSecondFactor;
use desk::session::{ConfirmPhone, PhoneAnswer, SendPhoneCode};
use desk::value::secret::Secret;
use desk::{Error, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{ByUser, Checksum};
use super::fault::Wrong;
use super::{Answer, Own, words};

#[derive(Deserialize)]
struct PinIn {
    pin: Option<Value>,
}

/// A code as text or as a number, as apps send either.
fn digits(value: Option<Value>) -> Option<Secret> {
    match value {
        Some(Value::String(text)) => Some(Secret::new(text)),
        Some(Value::Number(number)) => Some(Secret::new(number.to_string())),
        _ => None,
    }
}

fn done(message: &str) -> Json<Value> {
    Json(json!({ "message": message, "data": [] }))
}

/// POST `/user/two_factor_auth/set_pin`
pub(super) async fn set_pin(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    // The vendor's own sentence (contract 3).
    let bad = || Wrong::bad("Pin should be a 4-digit number");
    let pin = digits(call.body::<PinIn>()?.pin).ok_or_else(bad)?;
    match house.desk.set_pin(&call.caller, pin).await {
        Ok(()) => Ok(done("Pin set successfully")),
        Err(Error::Invalid(_)) => Err(bad()),
        Err(other) => Err(other.into()),
    }
}

/// POST `/user/two_factor_auth/send_otp`
pub(super) async fn send_otp(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    house.desk.perform(&call.caller, SendPhoneCode { user: call.herself()? }).await?;
    Ok(done("OTP sent successfully"))
}

#[derive(Deserialize)]
struct OtpIn {
    otp: Option<Value>,
}

/// POST `/user/two_factor_auth/verify_phone`
pub(super) async fn verify_phone(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let code = digits(call.body::<OtpIn>()?.otp);
    let code = code.ok_or_else(|| Wrong::from(Error::invalid("otp", "required", "")))?;
    match house.desk.perform(&call.caller, ConfirmPhone { user: call.herself()?, code }).await? {
        PhoneAnswer::Verified => Ok(done("Phone verified successfully")),
        PhoneAnswer::Refused(refusal) => Err(Error::Refused(refusal).into()),
    }
}

#[derive(Deserialize)]
struct FactorIn {
    #[serde(alias = "two_factor_authentication_type")]
    r#type: Option<String>,
}

/// POST `/user/two_factor_auth/set_two_factor_auth`
pub(super) async fn choose(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let word = call.body::<FactorIn>()?.r#type.unwrap_or_default();
    let choice = words::our_second_factor(&word).ok_or_else(|| Wrong::field("type", "is not included in the list"))?;
    let action = ChooseSecondFactor { user: call.herself()?, choice: choice.to_owned() };
    match house.desk.perform(&call.caller, action).await {
        Ok(_) => Ok(done("Two factor authentication set successfully")),
        Err(Error::Refused(Refusal::NotSetUp)) => Err(Wrong::bad("This second factor is not set up")),
        Err(other) => Err(other.into()),
    }
}
