//! Doors for users themselves: signing in and out, their own devices, second factor and password. Those who have not
//! signed in yet name their tenant in the body or in the header `Bursar-Tenant`.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::credential::tenant_of_link;
use desk::device::{ListDevices, UnlinkDevice};
use desk::second_factor::{ConfirmSecondFactor, OwnProof, PrepareSecondFactor};
use desk::session::{ConfirmSignIn, NewDevice, SignInAnswer, SignInRequest, SignOut};
use desk::user::ShowUser;
use desk::value::id::{DeviceId, ProofId, TenantId, UserId};
use desk::value::secret::Secret;
use desk::{Caller, Error, Origin, Refusal, Who};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::act::Call;
use super::around::{DeviceWire, ListOf, channel, list_of};
use super::fault::problem;
use super::wire::{UserWire, time};
use super::{House, Native, Problems};
use crate::kit::{Body, Fault, Json, Part, SignedBy, Stranger, Text};

type Answer = Result<Response, Fault<Native>>;

/// The tenant a stranger names.
pub fn tenant_named(field: Option<&str>, headers: &HeaderMap) -> desk::Result<TenantId> {
    let header = headers.get("bursar-tenant").and_then(|value| value.to_str().ok());
    let text = field.or(header);
    let text =
        text.ok_or_else(|| Error::invalid("tenant_id", "required", "Name the tenant here or in Bursar-Tenant."))?;
    TenantId::parse(text)
        .ok_or_else(|| Error::invalid("tenant_id", "invalid", "Not the id of a tenant, such as ten_1."))
}

/// A tenant that does not exist. At the doors for strangers it is answered as one that does answers to somebody unknown: nobody
/// learns there which institutions there are.
pub fn is_unknown_tenant(error: &Error) -> bool {
    matches!(error, Error::NotFound("tenant"))
}

/// The same where the answer says nothing anyway.
pub fn unless_unknown_tenant(answer: desk::Result<()>) -> desk::Result<()> {
    match answer {
        Err(error) if is_unknown_tenant(&error) => Ok(()),
        other => other,
    }
}

fn stranger(tenant: TenantId, origin: &Origin) -> Caller {
    Caller::anonymous(tenant, origin.clone())
}

/// Answers that hold secrets are kept by nobody on the way.
fn no_store(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The device somebody signs in on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceIn {
    /// The app's own lasting name for the device, 1 to 120 characters: the same one the next time.
    pub fingerprint: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub brand: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub os: Option<String>,
    #[serde(default)]
    pub os_version: Option<String>,
    #[serde(default)]
    pub app_version: Option<String>,
}

impl From<DeviceIn> for NewDevice {
    fn from(it: DeviceIn) -> Self {
        let DeviceIn { fingerprint, name, brand, model, os, os_version, app_version } = it;
        NewDevice { fingerprint, name, brand, model, os, os_version, app_version }
    }
}

/// A sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInIn {
    /// The tenant; may stand in the header `Bursar-Tenant` instead.
    #[serde(default)]
    #[schema(example = "ten_1")]
    pub tenant_id: Option<String>,
    /// Username or e-mail.
    pub identifier: String,
    /// The password.
    #[schema(value_type = String)]
    pub password: Secret,
    /// From which device.
    #[serde(default)]
    pub device: Option<DeviceIn>,
}

/// What follows on a sign-in: a session, or a second step.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignInWire {
    /// `signed_in` or `second_factor`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The session's token, shown this once: send it as `Authorization: Bearer …`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Names the pending second step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// `totp` or `email_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<&'static str>,
    pub expires_at: String,
}

fn answered(answer: SignInAnswer, request_id: &str) -> Response {
    match answer {
        SignInAnswer::Wrong | SignInAnswer::Shut => {
            let detail = "The name or the password is wrong, or the user may not sign in.".to_owned();
            problem(StatusCode::UNAUTHORIZED, "sign_in_failed", "Not signed in", detail, request_id)
        }
        SignInAnswer::Barred(Refusal::CodeWrong) => {
            let detail = Refusal::CodeWrong.sentence().to_owned();
            problem(StatusCode::UNAUTHORIZED, Refusal::CodeWrong.word(), "Not signed in", detail, request_id)
        }
        SignInAnswer::Barred(refusal) => {
            let status = match refusal {
                Refusal::LinkInvalid | Refusal::LinkExpired | Refusal::TooManyTries => StatusCode::GONE,
                _ => StatusCode::FORBIDDEN,
            };
            problem(status, refusal.word(), "Refused", refusal.sentence().to_owned(), request_id)
        }
        SignInAnswer::SecondFactor { proof, factor, expires_at } => {
            let wire = SignInWire {
                state: "second_factor",
                session_id: None,
                token: None,
                user_id: None,
                device_id: None,
                proof: Some(proof.to_string()),
                factor: Some(factor),
                expires_at: time(expires_at),
            };
            no_store((StatusCode::ACCEPTED, Json(wire)))
        }
        SignInAnswer::SignedIn { session, token, user, device, expires_at } => {
            let wire = SignInWire {
                state: "signed_in",
                session_id: Some(session.to_string()),
                token: Some(token.expose().to_owned()),
                user_id: Some(user.id.to_string()),
                device_id: device.map(|device| device.to_string()),
                proof: None,
                factor: None,
                expires_at: time(expires_at),
            };
            no_store((StatusCode::CREATED, Json(wire)))
        }
    }
}

/// Sign a user in. An unknown user, a wrong password and any password after too many wrong ones are answered alike; only the
/// right password is told what else bars it.
#[utoipa::path(post, path = "/v1/sessions", tag = "signing in", security(()), request_body = SignInIn,
    responses((status = 201, description = "Signed in.", body = SignInWire),
        (status = 202, description = "A second step is asked for.", body = SignInWire), Problems))]
pub async fn sign_in(
    State(house): State<House>,
    origin: Stranger<Native>,
    headers: HeaderMap,
    body: Body<Native, SignInIn>,
) -> Answer {
    let body = body.value;
    let caller = stranger(tenant_named(body.tenant_id.as_deref(), &headers)?, &origin.0);
    let device = body.device.map(NewDevice::from);
    let password = body.password.clone();
    let request = SignInRequest { identifier: body.identifier, password: body.password, device, lives_seconds: None };
    let answer = match house.desk.sign_in(&caller, request).await {
        Err(error) if is_unknown_tenant(&error) => {
            house.desk.check_for_nobody(password).await?;
            SignInAnswer::Wrong
        }
        other => other?,
    };
    Ok(answered(answer, &origin.0.request_id))
}

/// The second step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmIn {
    /// The tenant; may stand in the header `Bursar-Tenant` instead.
    #[serde(default)]
    pub tenant_id: Option<String>,
    /// The pending step.
    pub proof: String,
    /// The code.
    #[schema(value_type = String, example = "123456")]
    pub code: Secret,
}

/// Confirm a sign-in with a code from the authenticator or the mail.
#[utoipa::path(post, path = "/v1/sessions/confirm", tag = "signing in", security(()), request_body = ConfirmIn,
    responses((status = 201, description = "Signed in.", body = SignInWire), Problems))]
pub async fn confirm(
    State(house): State<House>,
    origin: Stranger<Native>,
    headers: HeaderMap,
    body: Body<Native, ConfirmIn>,
) -> Answer {
    let body = body.value;
    let caller = stranger(tenant_named(body.tenant_id.as_deref(), &headers)?, &origin.0);
    let proof = ProofId::read(&body.proof).ok_or(Error::Refused(Refusal::LinkInvalid))?;
    let confirm = ConfirmSignIn { proof, code: body.code, lives_seconds: None };
    let answer = match house.desk.perform(&caller, confirm).await {
        Err(error) if is_unknown_tenant(&error) => SignInAnswer::Barred(Refusal::LinkInvalid),
        other => other?,
    };
    Ok(answered(answer, &origin.0.request_id))
}

/// The signed-in user.
pub fn oneself(caller: &Caller) -> desk::Result<UserId> {
    match caller.who {
        Who::User { id, .. } => Ok(id),
        _ => Err(Error::Forbidden("oneself")),
    }
}

/// Sign out: end the session that this request came with.
#[utoipa::path(delete, path = "/v1/sessions/current", tag = "signing in",
    responses((status = 204, description = "The session has ended."), Problems))]
pub async fn sign_out(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    house.desk.perform(&caller, SignOut { user: oneself(&caller)? }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The signed-in user herself.
#[utoipa::path(get, path = "/v1/me", tag = "signing in",
    responses((status = 200, description = "The user.", body = UserWire), Problems))]
pub async fn me(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let user = house.desk.ask(&caller, ShowUser(oneself(&caller)?)).await?;
    Ok(Json(UserWire::from(user)).into_response())
}

/// The signed-in user's devices.
#[utoipa::path(get, path = "/v1/me/devices", tag = "signing in",
    responses((status = 200, description = "Oldest first.", body = ListOf<DeviceWire>), Problems))]
pub async fn my_devices(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let devices = house.desk.ask(&caller, ListDevices(oneself(&caller)?)).await?;
    Ok(list_of(devices.into_iter().map(DeviceWire::from).collect()))
}

/// Unlink a device of the signed-in user.
#[utoipa::path(delete, path = "/v1/me/devices/{device_id}", tag = "signing in", params(("device_id" = String, Path)),
    responses((status = 204, description = "It is unlinked; its sessions have ended."), Problems))]
pub async fn unlink_my_device(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, DeviceId>,
) -> Answer {
    let action = UnlinkDevice { user: oneself(&caller)?, device: id.0, reason: None };
    house.desk.perform(&caller, action).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What an authenticator is fed with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreparedWire {
    /// The secret in base 32; nothing is stored until it is confirmed.
    pub secret: String,
    /// The `otpauth://` address, for a QR code.
    pub url: String,
}

/// Prepare a second factor: a secret for an authenticator.
#[utoipa::path(post, path = "/v1/me/second-factor", tag = "signing in",
    responses((status = 200, description = "The secret, shown this once.", body = PreparedWire), Problems))]
pub async fn prepare_second_factor(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let prepared = house.desk.perform(&caller, PrepareSecondFactor { user: oneself(&caller)? }).await?;
    let (secret, url) = (prepared.secret.expose().to_owned(), prepared.url.expose().to_owned());
    Ok(no_store(Json(PreparedWire { secret, url })))
}

/// A first code from the authenticator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstCodeIn {
    /// The secret as it was prepared.
    #[schema(value_type = String)]
    pub secret: Secret,
    /// The code.
    #[schema(value_type = String)]
    pub code: Secret,
}

/// Set the second factor up, with a first code as proof that it works.
#[utoipa::path(post, path = "/v1/me/second-factor/confirm", tag = "signing in", request_body = FirstCodeIn,
    responses((status = 204, description = "It is asked for from now on."), Problems))]
pub async fn confirm_second_factor(
    State(house): State<House>,
    caller: SignedBy<Native>,
    body: Body<Native, FirstCodeIn>,
) -> Answer {
    let FirstCodeIn { secret, code } = body.value;
    match house.desk.perform(&caller, ConfirmSecondFactor { user: oneself(&caller)?, secret, code }).await? {
        None => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(refusal) => Err(Error::Refused(refusal).into()),
    }
}

/// What the user shows besides the session: the password, or a code of the authenticator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorProofIn {
    /// The password.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret>,
    /// A code of the authenticator.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "123456")]
    pub code: Option<Secret>,
}

/// Remove one's second factor. A session alone is not enough: the password or a code of the authenticator is needed, too.
#[utoipa::path(delete, path = "/v1/me/second-factor", tag = "signing in", request_body = FactorProofIn,
    responses((status = 204, description = "It is removed."), Problems))]
pub async fn remove_my_second_factor(State(house): State<House>, call: Call<FactorProofIn>) -> Answer {
    call.check_no_preview()?;
    let FactorProofIn { password, code } = call.body;
    house.desk.remove_own_second_factor(&call.caller, OwnProof { password, code, pin: None }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A new password for an old one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeIn {
    /// The password now.
    #[schema(value_type = String)]
    pub current_password: Secret,
    /// The new one.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Change one's password. Every session ends, also this one.
#[utoipa::path(post, path = "/v1/me/password", tag = "signing in", request_body = ChangeIn,
    responses((status = 204, description = "Changed; sign in again."), Problems))]
pub async fn change_password(
    State(house): State<House>,
    caller: SignedBy<Native>,
    body: Body<Native, ChangeIn>,
) -> Answer {
    house.desk.change_password(&caller, body.value.current_password, body.value.password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Somebody has forgotten her password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskResetIn {
    /// The tenant; may stand in the header `Bursar-Tenant` instead.
    #[serde(default)]
    pub tenant_id: Option<String>,
    /// Username or e-mail.
    pub identifier: String,
    /// `email` or `sms`.
    pub method: String,
}

/// Ask for a reset link. Answered alike whether there is such a user or not.
#[utoipa::path(post, path = "/v1/password-resets", tag = "signing in", security(()), request_body = AskResetIn,
    responses((status = 202, description = "If there is such a user, a link is on its way."), Problems))]
pub async fn ask_reset(
    State(house): State<House>,
    origin: Stranger<Native>,
    headers: HeaderMap,
    body: Body<Native, AskResetIn>,
) -> Answer {
    let caller = stranger(tenant_named(body.value.tenant_id.as_deref(), &headers)?, &origin.0);
    unless_unknown_tenant(house.desk.ask_reset(&caller, &body.value.identifier, channel(&body.value.method)?).await)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A link for a new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemIn {
    /// What stands at the end of the link.
    #[schema(value_type = String)]
    pub token: Secret,
    /// The new password.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Choose a new password through a link, as our own page does. A password that is too weak leaves the link usable.
#[utoipa::path(post, path = "/v1/password-resets/redeem", tag = "signing in", security(()), request_body = RedeemIn,
    responses((status = 204, description = "The new password counts; every session has ended."), Problems))]
pub async fn redeem(State(house): State<House>, origin: Stranger<Native>, body: Body<Native, RedeemIn>) -> Answer {
    let tenant = tenant_of_link(body.value.token.expose()).ok_or(Error::Refused(Refusal::LinkInvalid))?;
    let caller = stranger(tenant, &origin.0);
    let chosen = house.desk.choose_password(&caller, &body.value.token, body.value.password).await;
    match chosen {
        // A tenant that does not exist has no links.
        Err(Error::NotFound(_)) => Err(Error::Refused(Refusal::LinkInvalid).into()),
        other => {
            other?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    }
}
