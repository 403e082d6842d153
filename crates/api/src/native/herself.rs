//! What users do for themselves besides signing in: making an account, completing it, opening a lock, their PIN and phone.
//! And the one thing alike for staff: being appointed.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use desk::password::{AppointStaff, Registration, RegistrationAnswer, RevokePassword, tenant_of_registration};
use desk::second_factor::OwnProof;
use desk::session::{ConfirmPhone, PhoneAnswer, SendPhoneCode, tenant_of_unlock_code};
use desk::user::EditMyself;
use desk::value::id::UserId;
use desk::value::secret::Secret;
use desk::{Caller, Error, Refusal, Who};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::act::{Call, Reply};
use super::sign_in::{is_unknown_tenant, tenant_named, unless_unknown_tenant};
use super::staff::{Empty, StaffWire};
use super::standing::ReasonIn;
use super::wire::{AddressWire, UserWire};
use super::{House, Native, Problems};
use crate::kit::{Body, Fault, SignedBy, Stranger, Text};

type Answer = Result<Response, Fault<Native>>;

fn oneself(caller: &Caller) -> desk::Result<UserId> {
    match caller.who {
        Who::User { id, .. } => Ok(id),
        _ => Err(Error::Forbidden("oneself")),
    }
}

/// What a stranger may say of themselves. `bvn`, `nin`, `gender`, `address` and `sales_agent_code` only where the institution's
/// setting `registration_fields` has them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationIn {
    /// The tenant; may stand in the header `Bursar-Tenant` instead.
    #[serde(default)]
    pub tenant_id: Option<String>,
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub middle_name: Option<String>,
    #[serde(default)]
    pub last_name: String,
    #[serde(default)]
    pub preferred_name: Option<String>,
    #[serde(default)]
    pub business_name: Option<String>,
    #[serde(default)]
    pub username: Option<String>,
    /// The link that makes the account is mailed to it.
    #[schema(example = "marta.reyes@example.com")]
    pub email: String,
    #[schema(example = "+15555550101")]
    #[serde(default)]
    pub phone: Option<String>,
    /// The password; it is asked for once more when the link is opened.
    #[schema(value_type = String)]
    pub password: Secret,
    #[schema(example = "1988-04-17")]
    #[serde(default)]
    pub date_of_birth: Option<String>,
    #[serde(default)]
    pub locale: Option<String>,
    /// Where they live: ISO 3166, two letters.
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    pub bvn: Option<String>,
    #[serde(default)]
    pub nin: Option<String>,
    #[serde(default)]
    pub gender: Option<String>,
    /// Its country stands in `country`.
    #[serde(default)]
    pub address: Option<AddressWire>,
    #[serde(default)]
    pub sales_agent_code: Option<String>,
}

/// Ask for an account for oneself, where the institution lets strangers do so (`self_registration`). Answered alike whether the
/// address or the username is known or not; a link is mailed, and there is an account once it was opened
/// (`POST /v1/registrations/confirm`, or the page behind the link).
#[utoipa::path(post, path = "/v1/registrations", tag = "signing in", security(()), request_body = RegistrationIn,
    responses((status = 202, description = "A mail is on its way: with a link, or to whom the address belongs already."),
        Problems))]
pub async fn register(
    State(house): State<House>,
    origin: Stranger<Native>,
    headers: HeaderMap,
    body: Body<Native, RegistrationIn>,
) -> Answer {
    let it = body.value;
    let caller = Caller::anonymous(tenant_named(it.tenant_id.as_deref(), &headers)?, origin.0.clone());
    let registration = Registration {
        first_name: it.first_name,
        middle_name: it.middle_name,
        last_name: it.last_name,
        preferred_name: it.preferred_name,
        business_name: it.business_name,
        username: it.username,
        email: it.email,
        phone: it.phone,
        date_of_birth: it.date_of_birth,
        locale: it.locale,
        country: it.country,
        is_diaspora: None,
        bvn: it.bvn,
        nin: it.nin,
        gender: it.gender,
        address: it.address.map(Into::into),
        sales_agent_code: it.sales_agent_code,
    };
    match house.desk.register(&caller, registration, it.password).await {
        Err(error) if is_unknown_tenant(&error) => Err(Error::Refused(Refusal::RegistrationClosed).into()),
        other => {
            other?;
            Ok(StatusCode::ACCEPTED.into_response())
        }
    }
}

/// A registration's link, with the password that was registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRegistrationIn {
    /// What stands at the end of the link.
    #[schema(value_type = String)]
    pub token: Secret,
    /// The password that was registered: whoever opens the link is who has registered.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Make the account that was registered, by the link that was mailed. Five wrong passwords end the link.
#[utoipa::path(post, path = "/v1/registrations/confirm", tag = "signing in", security(()),
    request_body = ConfirmRegistrationIn,
    responses((status = 204, description = "There is an account now; sign in."), Problems))]
pub async fn confirm_registration(
    State(house): State<House>,
    origin: Stranger<Native>,
    body: Body<Native, ConfirmRegistrationIn>,
) -> Answer {
    let ConfirmRegistrationIn { token, password } = body.value;
    let tenant = tenant_of_registration(token.expose()).ok_or(Error::Refused(Refusal::LinkInvalid))?;
    let caller = Caller::anonymous(tenant, origin.0.clone());
    match house.desk.confirm_registration(&caller, &token, password).await {
        Ok(RegistrationAnswer::Registered(_)) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(RegistrationAnswer::WrongPassword) => {
            Err(Error::invalid("password", "wrong", "This is not the password that was registered.").into())
        }
        Ok(RegistrationAnswer::Refused(refusal)) => Err(Error::Refused(refusal).into()),
        // A tenant that does not exist has no registrations.
        Err(Error::NotFound(_)) => Err(Error::Refused(Refusal::LinkInvalid).into()),
        Err(other) => Err(other.into()),
    }
}

/// Complete or correct one's own file: a merge patch of `address`, `photo_id`, `home_contact`, `next_of_kin`, `locale`,
/// `preferred_name`, `is_diaspora`.
#[utoipa::path(patch, path = "/v1/me", tag = "signing in", request_body = Object,
    responses((status = 200, description = "As she is now.", body = UserWire), Problems))]
pub async fn edit(State(house): State<House>, call: Call<Map<String, Value>>) -> Answer {
    let action = EditMyself { user: oneself(&call.caller)?, patch: call.body.clone() };
    call.act(&house, action, |changed, caller| {
        Ok(Reply::ok(&UserWire::from(changed.user.seen_by(caller)?))?.changed(changed.changed))
    })
    .await
}

/// Somebody whom wrong passwords have locked out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskUnlockIn {
    /// The tenant; may stand in the header `Bursar-Tenant` instead.
    #[serde(default)]
    pub tenant_id: Option<String>,
    /// Username or e-mail.
    pub identifier: String,
}

/// Ask for a code that opens a sign-in which wrong passwords have locked. Answered alike whether there is such a user or not.
#[utoipa::path(post, path = "/v1/unlocks", tag = "signing in", security(()), request_body = AskUnlockIn,
    responses((status = 202, description = "If there is such a user, a code is on its way by mail."), Problems))]
pub async fn ask_unlock(
    State(house): State<House>,
    origin: Stranger<Native>,
    headers: HeaderMap,
    body: Body<Native, AskUnlockIn>,
) -> Answer {
    let tenant = tenant_named(body.value.tenant_id.as_deref(), &headers)?;
    let caller = Caller::anonymous(tenant, origin.0.clone());
    unless_unknown_tenant(house.desk.ask_unlock(&caller, &body.value.identifier).await)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A code from a mail.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockCodeIn {
    /// The code.
    #[schema(value_type = String)]
    pub code: Secret,
}

/// Open one's sign-in with a code from the mail. What staff or the core have locked stays locked.
#[utoipa::path(post, path = "/v1/unlocks/redeem", tag = "signing in", security(()), request_body = UnlockCodeIn,
    responses((status = 204, description = "It is open."), Problems))]
pub async fn redeem_unlock(
    State(house): State<House>,
    origin: Stranger<Native>,
    body: Body<Native, UnlockCodeIn>,
) -> Answer {
    let code = body.value.code;
    let tenant = tenant_of_unlock_code(code.expose()).ok_or(Error::Refused(Refusal::LinkInvalid))?;
    match house.desk.unlock_by_code(&Caller::anonymous(tenant, origin.0.clone()), &code).await {
        // A tenant that does not exist has no codes.
        Err(Error::NotFound(_)) => Err(Error::Refused(Refusal::LinkInvalid).into()),
        other => {
            other?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    }
}

/// A PIN.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinIn {
    /// Four digits.
    #[schema(value_type = String, example = "0417")]
    pub pin: Secret,
    /// Where a PIN is set: the PIN of until now,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2590")]
    pub current_pin: Option<Secret>,
    /// or the password.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret>,
}

/// Set the PIN that guards one's payments. Another one in place of one that is set needs that one or the password, too.
#[utoipa::path(post, path = "/v1/me/pin", tag = "signing in", request_body = PinIn,
    responses((status = 204, description = "Set."), Problems))]
pub async fn set_pin(State(house): State<House>, caller: SignedBy<Native>, body: Body<Native, PinIn>) -> Answer {
    let PinIn { pin, current_pin, password } = body.value;
    house.desk.set_pin(&caller, pin, OwnProof { password, code: None, pin: current_pin }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Have a code sent to one's phone, to show that it is one's own.
#[utoipa::path(post, path = "/v1/me/phone/code", tag = "signing in", request_body = Empty,
    responses((status = 202, description = "A code is on its way."), Problems))]
pub async fn send_phone_code(State(house): State<House>, call: Call<Empty>) -> Answer {
    let action = SendPhoneCode { user: oneself(&call.caller)? };
    house.desk.perform(&call.caller, action).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A code from a text message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneCodeIn {
    /// The code.
    #[schema(value_type = String, example = "123456")]
    pub code: Secret,
}

/// Tell the code that was sent to one's phone.
#[utoipa::path(post, path = "/v1/me/phone/confirm", tag = "signing in", request_body = PhoneCodeIn,
    responses((status = 204, description = "The phone is verified."), Problems))]
pub async fn confirm_phone(
    State(house): State<House>,
    caller: SignedBy<Native>,
    body: Body<Native, PhoneCodeIn>,
) -> Answer {
    let action = ConfirmPhone { user: oneself(&caller)?, code: body.value.code };
    match house.desk.perform(&caller, action).await? {
        PhoneAnswer::Verified => Ok(StatusCode::NO_CONTENT.into_response()),
        PhoneAnswer::Refused(refusal) => Err(Error::Refused(refusal).into()),
    }
}

/// A second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceIn {
    /// `pin`, `phone` or `totp`; one that is set up.
    pub choice: String,
    /// Where another one was chosen: the password,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret>,
    /// a code of the authenticator,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "123456")]
    pub code: Option<Secret>,
    /// or the PIN.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "0417")]
    pub pin: Option<Secret>,
}

/// Choose which second factor one wants. Another one than was chosen before needs the password or a factor, too.
#[utoipa::path(post, path = "/v1/me/second-factor/choice", tag = "signing in", request_body = ChoiceIn,
    responses((status = 204, description = "Chosen."), Problems))]
pub async fn choose_second_factor(State(house): State<House>, call: Call<ChoiceIn>) -> Answer {
    call.check_no_preview()?;
    let ChoiceIn { choice, password, code, pin } = call.body;
    let changed = house.desk.choose_second_factor(&call.caller, &choice, OwnProof { password, code, pin }).await?;
    Ok((StatusCode::NO_CONTENT, [("bursar-changed", changed.to_string())]).into_response())
}

/// Take a user's password away at once: it no longer works, every session ends, and a one-time link goes to her mail.
#[utoipa::path(post, path = "/v1/users/{user_id}/revoke-password", tag = "passwords", params(("user_id" = String, Path)),
    request_body = ReasonIn, responses((status = 204, description = "Revoked; a link is on its way."), Problems))]
pub async fn revoke_password(State(house): State<House>, id: Text<Native, UserId>, call: Call<ReasonIn>) -> Answer {
    let action = RevokePassword { user: id.0, reason: call.body.reason.clone() };
    call.act(&house, action, |_, _| Ok(Reply::nothing())).await
}

/// Somebody to appoint.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointIn {
    /// Her e-mail address.
    pub email: String,
    /// The name of her role.
    pub role: String,
}

/// Appoint a staff member: with a role, and a link by which she chooses her password.
#[utoipa::path(post, path = "/v1/staff/invitations", tag = "staff", request_body = AppointIn,
    responses((status = 201, description = "Appointed; a link is on its way.", body = StaffWire), Problems))]
pub async fn appoint(State(house): State<House>, call: Call<AppointIn>) -> Answer {
    let action = AppointStaff { email: call.body.email.clone(), role: call.body.role.clone() };
    call.act(&house, action, |staff, _| Reply::new(StatusCode::CREATED, &StaffWire::from(staff))).await
}
