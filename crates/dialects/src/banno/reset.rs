//! Password reset links and how long they work (contract 4.5 and 4.6).

use api::kit::{House, Json, SignedBy};
use axum::extract::State;
use axum::http::StatusCode;
use desk::Permission;
use desk::password::StartPasswordReset;
use desk::tenant::{ChangeSecuritySettings, ShowUserTerms};
use serde_json::{Map, Value, json};

use super::person::{Person, Wish, wished};
use super::wire::{ResetIn, ResetSettings};
use super::{Answer, Banno, Own};

/// POST `/a/password-reset/api/v0/institutions/{institutionId}/users/{userId}/password/reset`, and the same without `v0`
pub(super) async fn send(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    Person(user): Person,
    body: Wish<ResetIn>,
) -> Answer<Json<Value>> {
    let method = wished(&caller, Permission::UsersResetPassword, body)?.method;
    house.desk.perform(&caller, StartPasswordReset { user, method, reason: None }).await?;
    Ok(Json(json!({})))
}

/// GET `/a/password-reset/api/v0/institutions/{institutionId}/settings`
pub(super) async fn settings(State(house): State<House<Own>>, caller: SignedBy<Banno>) -> Answer<Json<ResetSettings>> {
    let terms = house.desk.ask(&caller, ShowUserTerms).await?;
    Ok(Json(ResetSettings { expiration: terms.reset_link_seconds }))
}

/// PUT on the same path
pub(super) async fn change_settings(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    body: Wish<ResetSettings>,
) -> Answer<StatusCode> {
    let wanted = wished(&caller, Permission::SettingsSecurity, body)?;
    let patch = Map::from_iter([("reset_link_seconds".to_owned(), Value::from(wanted.expiration))]);
    house.desk.perform(&caller, ChangeSecuritySettings { patch }).await?;
    Ok(StatusCode::NO_CONTENT)
}
