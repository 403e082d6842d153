//! A user's second factors and PIN (contract 6.5).

use api::kit::{House, Json};
use axum::extract::State;
use desk::second_factor::OwnProof;
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
    /// Where one is set, one of these is needed besides (an addition of ours: docs/dialects/switch.md).
    current_pin: Option<Value>,
    password: Option<Secret>,
}

/// A code of so many digits as text or as a number, as apps send either; a number has lost its leading zeros.
pub(super) fn digits(value: Option<Value>, count: usize) -> Option<Secret> {
    match value {
        Some(Value::String(text)) => Some(Secret::new(text)),
        Some(Value::Number(number)) => Some(Secret::new(format!("{:0>count$}", number.to_string()))),
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
    let it: PinIn = call.body()?;
    let pin = digits(it.pin, 4).ok_or_else(bad)?;
    let proof = OwnProof { password: it.password, code: None, pin: digits(it.current_pin, 4) };
    match house.desk.set_pin(&call.caller, pin, proof).await {
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
    let code = digits(call.body::<OtpIn>()?.otp, 6);
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
    /// Where another one was chosen, one of these is needed besides (an addition of ours).
    password: Option<Secret>,
    pin: Option<Value>,
    otp: Option<Value>,
}

/// POST `/user/two_factor_auth/set_two_factor_auth`
pub(super) async fn choose(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let it: FactorIn = call.body()?;
    let word = it.r#type.unwrap_or_default();
    let choice = words::our_second_factor(&word).ok_or_else(|| Wrong::field("type", "is not included in the list"))?;
    let proof = OwnProof { password: it.password, code: digits(it.otp, 6), pin: digits(it.pin, 4) };
    match house.desk.choose_second_factor(&call.caller, choice, proof).await {
        Ok(_) => Ok(done("Two factor authentication set successfully")),
        Err(Error::Refused(Refusal::NotSetUp)) => Err(Wrong::bad("This second factor is not set up")),
        Err(other) => Err(other.into()),
    }
}
