//! Users: found, shown, disabled and enabled, their fraud status, their password (contract 5.1 to 5.6 and 5.9).

use api::kit::{House, Json, Trouble};
use axum::extract::State;
use desk::password::RevokePassword;
use desk::permission::Proposable;
use desk::request::PendingRequests;
use desk::second_factor::RevealSecondFactor;
use desk::staff::MyCard;
use desk::user::standing::{Blacklist, FraudStatus};
use desk::user::verification::{ListVerifications, VerificationBegin};
use desk::user::{
    Changed, DisableEnabledUser, EnableDisabledUser, SeenUser, SetFraudStatus, ShowUser, UserFilter, UsersNewestFirst,
};
use desk::value::id::UserId;
use desk::{Caller, Error, Permission};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{ByAdmin, Call, Checksum};
use super::fault::Wrong;
use super::page::{Page, truth};
use super::verification::documents;
use super::wire::{self, Around, Detail, Listed, Waiting};
use super::{Answer, Own, words};

/// The longest reason or comment (contract 5.3).
const REASON_MAX: usize = desk::user::REASON_MAX;

/// The query as pairs; of one that comes twice the last counts, unknown ones do not (contract 5.1).
pub(super) fn pairs(query: &str) -> Answer<Vec<(String, String)>> {
    Ok(api::kit::pairs(query.as_bytes()).map_err(Trouble::query)?)
}

pub(super) fn named<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// GET `/admin/users`
pub(super) async fn list(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.may_see(Permission::UsersRead)?;
    let pairs = pairs(&call.query)?;
    let given = |name: &str| named(&pairs, name);
    let blacklisted = truth("blacklisted", given("blacklisted"))?;
    let page = Page::read(given("page"), given("per_page"))?;
    let question = UsersNewestFirst {
        filter: UserFilter {
            blacklist: blacklisted.map(|it| if it { Blacklist::Blacklisted } else { Blacklist::No }),
            diaspora: truth("is_diaspora", given("is_diaspora"))?,
            verified: truth("is_verified", given("is_verified"))?,
            ..UserFilter::default()
        },
        containing: given("search_query").map(str::to_owned),
        brought_by: given("sales_agent_referral_code").map(str::to_owned),
        row: page.row(),
        limit: page.limit(),
    };
    let found = house.desk.ask(&call.caller, question).await?;
    let data: Vec<Listed> = found.users.iter().map(Listed::of).collect();
    Ok(Json(page.told("Users retrieved successfully", &data, found.total.unwrap_or_default())))
}

/// GET `/admin/users/pending_verification_requests`
pub(super) async fn pending(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.may_see(Permission::UsersRead)?;
    let pairs = pairs(&call.query)?;
    let page = Page::read(named(&pairs, "page"), named(&pairs, "per_page"))?;
    let begin = VerificationBegin::RowFromEnd(page.row());
    let question = ListVerifications { filter: UserFilter::default(), begin, limit: page.limit() };
    let found = house.desk.ask(&call.caller, question).await?;
    let data: Vec<Waiting> = found.users.iter().map(|it| Waiting::of(&it.user)).collect();
    Ok(Json(page.told("Verification Requests retrieved successfully", &data, found.total)))
}

/// GET `/admin/users/{id}`
pub(super) async fn show(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.may_see(Permission::UsersRead)?;
    let user = call.found(call.user(&house).await?)?;
    let user = house.desk.ask(&call.caller, ShowUser(user)).await?;
    told(&house, &call, "User retrieved", user, plain(&call)).await
}

/// The detail object of an ordinary answer (contract A1).
fn plain(call: &Call) -> Detail {
    match call.client.tenant.settings.switch_detail_fraud_status {
        true => Detail::WithFraudStatus,
        false => Detail::Plain,
    }
}

/// An answer with the detail object.
async fn told(house: &House<Own>, call: &Call, message: &str, user: SeenUser, which: Detail) -> Answer<Json<Value>> {
    let mut around = around(house, &call.caller, user.id).await?;
    around.authenticator_uri = authenticator(house, call, &user).await?;
    Ok(Json(json!({ "message": message, "data": wire::detail(&user, &around, which) })))
}

/// What of a user does not stand in her own file. She herself is not told what is proposed about her.
pub(super) async fn around(house: &House<Own>, caller: &Caller, user: UserId) -> Answer<Around> {
    let documents = documents(house, caller, user).await?;
    if !caller.may(Permission::UsersRead) {
        return Ok(Around { documents, ..Around::default() });
    }
    let pending = house.desk.ask(caller, PendingRequests(user)).await?;
    let (pending_disable, pending_enable) =
        (pending.contains(&Proposable::Disable), pending.contains(&Proposable::Enable));
    Ok(Around { pending_disable, pending_enable, documents, authenticator_uri: None })
}

/// What her authenticator is fed with: for a super-admin who may reveal, where the institution shows it, and then it is on
/// record (contract A5).
async fn authenticator(house: &House<Own>, call: &Call, user: &SeenUser) -> Answer<Option<String>> {
    let is_shown = call.client.tenant.settings.switch_expose_totp_uri && user.has_second_factor;
    if !is_shown || !call.caller.may(Permission::UsersReveal) {
        return Ok(None);
    }
    let card = house.desk.ask(&call.caller, MyCard).await?;
    if !words::is_super_admin(&card.roles) {
        return Ok(None);
    }
    let reveal = RevealSecondFactor { user: user.id, purpose: "authenticator_uri of the Switch voice".to_owned() };
    let secret = house.desk.ask(&call.caller, reveal).await?;
    let email = user.profile.email.as_deref().unwrap_or_default();
    Ok(secret
        .map(|secret| format!("otpauth://totp/SWITCH:{email}?secret={}&issuer=SWITCH", secret.expose().to_lowercase())))
}

fn seen(call: &Call, changed: Changed) -> Answer<SeenUser> {
    Ok(changed.user.seen_by(&call.caller)?)
}

#[derive(Deserialize)]
struct ReasonIn {
    reason: Option<String>,
}

/// A text that must be there, without the blanks around it.
pub(super) fn needed(name: &str, text: Option<String>) -> Answer<String> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Wrong::from(Error::invalid(name, "required", "")))?;
    within(name, text)
}

/// A text that may be there, without the blanks around it.
pub(super) fn given(name: &str, text: Option<String>) -> Answer<Option<String>> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    text.map(|text| within(name, text)).transpose()
}

fn within(name: &str, text: String) -> Answer<String> {
    if text.chars().count() > REASON_MAX {
        return Err(Wrong::field(name, &format!("is too long (maximum is {REASON_MAX} characters)")));
    }
    Ok(text)
}

/// POST `/admin/users/disable/{id}`
pub(super) async fn disable(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let user = call.user(&house).await?;
    let disable = |user: Option<UserId>, reason| DisableEnabledUser { user: user.unwrap_or(NOBODY), reason };
    call.may_do(&house, Permission::UsersDisable, Checksum::Due, disable(user, None)).await?;
    call.found(user)?;
    let reason = needed("reason", call.body::<ReasonIn>()?.reason)?;
    let changed = house.desk.perform(&call.caller, disable(user, Some(reason))).await?;
    told(&house, &call, "User disabled successfully", seen(&call, changed)?, plain(&call)).await
}

/// POST `/admin/users/enable/{id}`
pub(super) async fn enable(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let user = call.user(&house).await?;
    let enable = |user: Option<UserId>, reason| EnableDisabledUser { user: user.unwrap_or(NOBODY), reason };
    call.may_do(&house, Permission::UsersDisable, Checksum::Due, enable(user, None)).await?;
    call.found(user)?;
    let reason = needed("reason", call.body::<ReasonIn>()?.reason)?;
    let changed = house.desk.perform(&call.caller, enable(user, Some(reason))).await?;
    told(&house, &call, "User enabled successfully", seen(&call, changed)?, plain(&call)).await
}

/// Whom an attempt is about that may not be made and names nobody.
pub(super) const NOBODY: UserId = UserId(desk::value::id::NIL);

#[derive(Deserialize)]
struct FraudIn {
    comment: Option<String>,
    fraud_status: Option<String>,
}

/// POST `/admin/users/update_fraud_status/{id}`
pub(super) async fn set_fraud_status(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let user = call.user(&house).await?;
    let set = |user: Option<UserId>, status, reason| SetFraudStatus { user: user.unwrap_or(NOBODY), status, reason };
    let otherwise = set(user, FraudStatus::Whitelisted, None);
    call.may_do(&house, Permission::UsersFraud, Checksum::Due, otherwise).await?;
    call.found(user)?;
    let FraudIn { comment, fraud_status } = call.body()?;
    let word = fraud_status.filter(|word| !word.is_empty());
    let word = word.ok_or_else(|| Wrong::from(Error::invalid("fraud_status", "required", "")))?;
    let status =
        FraudStatus::parse(&word).ok_or_else(|| Wrong::field("fraud_status", "is not included in the list"))?;
    let comment = match status {
        FraudStatus::Whitelisted if comment.as_ref().is_none_or(|comment| comment.trim().is_empty()) => None,
        _ => Some(needed("comment", comment)?),
    };
    let changed = house.desk.perform(&call.caller, set(user, status, comment)).await?;
    let user = seen(&call, changed)?;
    told(&house, &call, "User Fraud-status updated successfully", user, Detail::AfterFraudStatus).await
}

/// POST `/admin/users/reset_password/{id}`: the answer is the vendor's, the effect ours (contract 5.9).
pub(super) async fn reset_password(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    let user = call.user(&house).await?;
    let revoke = || RevokePassword { user: user.unwrap_or(NOBODY), reason: None };
    call.may_do(&house, Permission::UsersResetPassword, Checksum::Spared, revoke()).await?;
    call.found(user)?;
    let changed = house.desk.perform(&call.caller, revoke()).await?;
    let user = seen(&call, changed)?;
    let around = around(&house, &call.caller, user.id).await?;
    let app = call.client.tenant.settings.switch_app_url.clone();
    let app = app.unwrap_or_else(|| house.options.public_url.clone());
    let data = wire::after_reset(&user, &around, app.trim_end_matches('/'));
    Ok(Json(json!({ "message": "User password updated successfully", "data": data })))
}
