//! What users do themselves: making an account, signing in and out, a new password, opening a lock (contract 6.5; the
//! wording of registration is the vendor's, that of the others ours in its manner).

use std::collections::BTreeSet;

use api::kit::{House, Json};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::credential::tenant_of_link;
use desk::message::Channel;
use desk::password::Registration;
use desk::session::{ConfirmSignIn, NewDevice, SignInAnswer, SignInRequest, SignOut};
use desk::tenant::RegistrationField;
use desk::user::{ShowUser, User};
use desk::value::clock::Time;
use desk::value::id::ProofId;
use desk::value::secret::Secret;
use desk::{Error, Field, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{ByAnybody, ByUser, Call, Checksum};
use super::factors::digits;
use super::fault::{Wrong, said};
use super::session::{credentials, kept_by_nobody, not_in};
use super::token::{SECONDS, Side};
use super::users::around;
use super::{Answer, Own, countries, wire};

#[derive(Deserialize)]
struct RegisterIn {
    email: Option<String>,
    password: Option<Secret>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<Value>,
    date_of_birth: Option<String>,
    gender: Option<String>,
    country: Option<String>,
    bvn: Option<String>,
    sales_agent_referral_code: Option<String>,
    is_diaspora: Option<bool>,
}

/// POST `/user/register`
pub(super) async fn register(State(house): State<House<Own>>, ByAnybody(call): ByAnybody) -> Answer<Response> {
    call.check(Checksum::Due)?;
    let it: RegisterIn = call.body()?;
    const FAILED: &str = "Error occurred creating user";
    let fields = &call.client.tenant.settings.registration_fields;
    let (registration, password) = registered(it, fields).map_err(|faults| Wrong::Fields(FAILED, faults))?;
    let registered = house.desk.register(&call.caller, registration, password).await;
    registered.map_err(|error| Wrong::from(error).under(FAILED))?;
    // The same whoever has the address: a token would say that nobody has. Signing in works once the mailed link was opened.
    Ok(Json(json!({ "message": "User created successfully", "data": [] })).into_response())
}

fn registered(it: RegisterIn, fields: &BTreeSet<RegistrationField>) -> Result<(Registration, Secret), Vec<Field>> {
    let mut faults = Vec::new();
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut needed = |name: &str, text: Option<String>| {
        given(text).unwrap_or_else(|| {
            faults.push(Field::new(name, "required", ""));
            String::new()
        })
    };
    let (first_name, last_name) = (needed("first_name", it.first_name), needed("last_name", it.last_name));
    let email = needed("email", it.email);
    // The vendor's page calls it a number.
    let phone = match it.phone {
        Some(Value::String(text)) => Some(text),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let phone = needed("phone", phone);
    let password = it.password.unwrap_or_else(|| Secret::new(""));
    if password.expose().is_empty() {
        faults.push(Field::new("password", "required", ""));
    } else if !is_mixed(password.expose()) {
        // The vendor's policy (contract 5.9); ours comes on top.
        let message = "must have an upper-case letter, a lower-case letter, a digit and a special character";
        faults.push(Field::new("password", "weak", message));
    }
    let country = countries::code_of(&given(it.country).unwrap_or_else(|| "nigeria".to_owned()));
    if country.is_none() {
        faults.push(Field::new("country", "unknown", "is not a country"));
    }
    let is_diaspora = it.is_diaspora.unwrap_or(country.is_some_and(|code| code != "NG"));
    let bvn = given(it.bvn);
    if bvn.is_none() && !is_diaspora && fields.contains(&RegistrationField::Bvn) {
        faults.push(Field::new("bvn", "required", ""));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    // A number without its plus is international here, as the vendor's examples are, or else dialled at home.
    let phone = if phone.starts_with(['+', '0']) { phone } else { format!("+{phone}") };
    let phone = match (phone.strip_prefix('0'), country) {
        (Some(rest), Some("NG")) => format!("+234{rest}"),
        _ => phone,
    };
    let registration = Registration {
        first_name,
        last_name,
        email,
        phone: Some(phone),
        date_of_birth: given(it.date_of_birth),
        is_diaspora: Some(is_diaspora),
        country: country.map(str::to_owned),
        bvn,
        gender: given(it.gender),
        sales_agent_code: given(it.sales_agent_referral_code),
        ..Registration::default()
    };
    Ok((registration, password))
}

/// At least one of each kind of character.
pub(super) fn is_mixed(password: &str) -> bool {
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    has(char::is_uppercase)
        && has(char::is_lowercase)
        && has(|it| it.is_ascii_digit())
        && has(|it| !it.is_alphanumeric() && !it.is_whitespace())
}

/// Token and file of somebody who has just signed in.
async fn opened(house: &House<Own>, call: &Call, token: &Secret, user: &User, until: Time) -> Answer<Value> {
    let caller = house.desk.caller(token.expose(), call.caller.origin.clone()).await?;
    let (desk, tenant) = (&house.desk, call.caller.tenant);
    let token = house.own.tokens.issue(desk, tenant, Side::User, user.number, token, until)?;
    let seen = user.seen_by(&caller)?;
    let around = around(house, &caller, user.id).await?;
    Ok(json!({ "auth_token": token, "user": wire::herself(&seen, &around) }))
}

#[derive(Deserialize)]
struct LoginIn {
    email: Option<String>,
    password: Option<Secret>,
    /// The phone she signs in on (an addition of ours: the vendor's page does not say how devices are linked).
    device_id: Option<String>,
    device_model: Option<String>,
    device_os: Option<String>,
    /// The second step.
    two_factor_token: Option<String>,
    otp: Option<Value>,
}

/// POST `/user/login`
pub(super) async fn login(State(house): State<House<Own>>, ByAnybody(call): ByAnybody) -> Answer<Response> {
    call.check(Checksum::Due)?;
    let it: LoginIn = call.body()?;
    let answer = match (it.two_factor_token, it.otp) {
        (Some(proof), code) => {
            let code = digits(code, 6).ok_or_else(|| Wrong::from(Error::invalid("otp", "required", "")))?;
            let proof = ProofId::parse(&proof).ok_or(Error::Refused(Refusal::LinkInvalid))?;
            let confirm = ConfirmSignIn { proof, code, lives_seconds: Some(SECONDS) };
            house.desk.perform(&call.caller, confirm).await?
        }
        (None, _) => {
            let (email, password) = credentials(it.email, it.password)?;
            let device = it.device_id.filter(|id| !id.is_empty()).map(|fingerprint| NewDevice {
                fingerprint,
                model: it.device_model,
                os: it.device_os,
                ..NewDevice::default()
            });
            let request = SignInRequest { identifier: email, password, device, lives_seconds: Some(SECONDS) };
            house.desk.sign_in(&call.caller, request).await?
        }
    };
    match answer {
        SignInAnswer::SignedIn { token, user, expires_at, .. } => {
            let data = opened(&house, &call, &token, &user, expires_at).await?;
            Ok(kept_by_nobody(json!({ "message": "User login successful", "data": data })))
        }
        SignInAnswer::SecondFactor { proof, factor, .. } => {
            let factor = if factor == "totp" { "google_authenticator" } else { "email" };
            let data = json!({ "two_factor_token": proof.to_string(), "two_factor_authentication_type": factor });
            Ok(kept_by_nobody(json!({ "message": "Two factor authentication required", "data": data })))
        }
        SignInAnswer::Wrong => Ok(not_in(false)),
        SignInAnswer::Shut => Ok(not_in(true)),
        SignInAnswer::Barred(refusal) => Ok(barred(refusal)),
    }
}

/// What a disabled user is told who has proved who she is.
const DISABLED: &str = "Your account has been disabled";

/// The right password, and yet she does not get in (contract 7).
fn barred(refusal: Refusal) -> Response {
    match refusal {
        Refusal::UserLocked => not_in(true),
        Refusal::UserDisabled => said(StatusCode::UNAUTHORIZED, DISABLED),
        other => said(StatusCode::UNAUTHORIZED, other.sentence()),
    }
}

/// POST `/user/logout`
pub(super) async fn logout(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    house.desk.perform(&call.caller, SignOut { user: call.herself()? }).await?;
    Ok(Json(json!({ "message": "User session invalidated" })))
}

/// GET `/user`
pub(super) async fn show(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let user = house.desk.ask(&call.caller, ShowUser(call.herself()?)).await?;
    let around = around(&house, &call.caller, user.id).await?;
    Ok(Json(json!({ "message": "User retrieved", "data": wire::herself(&user, &around) })))
}

/// GET `/user/balance`
pub(super) async fn balance(State(house): State<House<Own>>, ByUser(call): ByUser) -> Answer<Json<Value>> {
    call.check(Checksum::Spared)?;
    let user = house.desk.ask(&call.caller, ShowUser(call.herself()?)).await?;
    Ok(Json(json!({ "message": "Balance retrieved successfully", "data": wire::wallet(&user) })))
}

#[derive(Deserialize)]
struct EmailIn {
    email: Option<String>,
}

fn asked(call: &Call) -> Answer<String> {
    let email = call.body::<EmailIn>()?.email.filter(|email| !email.trim().is_empty());
    email.ok_or_else(|| Error::invalid("email", "required", "").into())
}

/// POST `/user/forgot_password`: answered alike whether there is such a user or not.
pub(super) async fn forgot_password(
    State(house): State<House<Own>>,
    ByAnybody(call): ByAnybody,
) -> Answer<Json<Value>> {
    call.check(Checksum::Due)?;
    let email = asked(&call)?;
    house.desk.ask_reset(&call.caller, email.trim(), Channel::Email).await?;
    Ok(Json(json!({ "message": "Reset password instructions have been sent to your email", "data": [] })))
}

#[derive(Deserialize)]
struct ResetIn {
    reset_password_token: Option<Secret>,
    password: Option<Secret>,
    password_confirmation: Option<Secret>,
}

/// POST `/user/reset_password`. The answers to security questions are not kept here: the link is the proof.
pub(super) async fn reset_password(State(house): State<House<Own>>, ByAnybody(call): ByAnybody) -> Answer<Json<Value>> {
    call.check(Checksum::Due)?;
    let it: ResetIn = call.body()?;
    const FAILED: &str = "Error occurred resetting password";
    let needed = |name: &str, secret: Option<Secret>| {
        secret
            .filter(|secret| !secret.expose().is_empty())
            .ok_or_else(|| Wrong::Fields(FAILED, vec![Field::new(name, "required", "")]))
    };
    let token = needed("reset_password_token", it.reset_password_token)?;
    let password = needed("password", it.password)?;
    let again = needed("password_confirmation", it.password_confirmation)?;
    if password.expose() != again.expose() {
        let fault = Field::new("password_confirmation", "different", "doesn't match Password");
        return Err(Wrong::Fields(FAILED, vec![fault]));
    }
    if !is_mixed(password.expose()) {
        let message = "must have an upper-case letter, a lower-case letter, a digit and a special character";
        return Err(Wrong::Fields(FAILED, vec![Field::new("password", "weak", message)]));
    }
    // A link of another institution is no link here.
    if tenant_of_link(token.expose()) != Some(call.caller.tenant) {
        return Err(Error::Refused(Refusal::LinkInvalid).into());
    }
    match house.desk.choose_password(&call.caller, &token, password).await {
        Err(Error::NotFound(_)) => Err(Error::Refused(Refusal::LinkInvalid).into()),
        // Contract 7: as where she signs in. The link works again once she is enabled.
        Err(Error::Refused(Refusal::UserDisabled)) => Err(Wrong::Said(StatusCode::UNAUTHORIZED, DISABLED.to_owned())),
        Err(other) => Err(Wrong::from(other).under(FAILED)),
        Ok(()) => Ok(Json(json!({ "message": "Password reset successful", "data": [] }))),
    }
}

#[derive(Deserialize)]
struct UnlockIn {
    unlock_token: Option<Secret>,
}

/// POST `/user/unlock_account`
pub(super) async fn unlock(State(house): State<House<Own>>, ByAnybody(call): ByAnybody) -> Answer<Json<Value>> {
    call.check(Checksum::Due)?;
    let code = call.body::<UnlockIn>()?.unlock_token.filter(|code| !code.expose().is_empty());
    let code = code.ok_or_else(|| Wrong::from(Error::invalid("unlock_token", "required", "")))?;
    house.desk.unlock_by_code(&call.caller, &code).await?;
    Ok(Json(json!({ "message": "Account unlocked successfully", "data": [] })))
}

/// POST `/user/resend_unlock_email`: answered alike whether there is such a user or not.
pub(super) async fn resend_unlock_email(
    State(house): State<House<Own>>,
    ByAnybody(call): ByAnybody,
) -> Answer<Json<Value>> {
    call.check(Checksum::Due)?;
    let email = asked(&call)?;
    house.desk.ask_unlock(&call.caller, email.trim()).await?;
    Ok(Json(json!({ "message": "Unlock instructions have been sent to your email", "data": [] })))
}
