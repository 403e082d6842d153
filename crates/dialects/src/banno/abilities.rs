//! What a user's app can do: the institution's defaults and what differs for one user (contract 4.8).

use api::kit::{House, Json, SignedBy};
use axum::extract::State;
use desk::tenant::ShowUserTerms;
use serde_json::{Map, Value, json};

use super::person::Person;
use super::wire::{all_abilities, some_abilities};
use super::words::ABILITIES;
use super::{Answer, Banno, Own, users};

/// GET `/a/mobile/api/v0/institutions/{institutionId}/users/{userId}/abilities`
pub(super) async fn of_user(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    Person(user): Person,
) -> Answer<Json<Map<String, Value>>> {
    let user = users::shown(&house, &caller, user).await?;
    Ok(Json(some_abilities(&user.profile.abilities)))
}

/// GET `/a/mobile/api/v0/institutions/{institutionId}/abilities`
pub(super) async fn of_institution(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
) -> Answer<Json<Map<String, Value>>> {
    let terms = house.desk.ask(&caller, ShowUserTerms).await?;
    Ok(Json(all_abilities(&[&terms.abilities])))
}

/// GET `/a/mobile/api/v0/abilities/metadata`: the vendor's shape was not captured, this one is ours.
pub(super) async fn metadata(State(house): State<House<Own>>, caller: SignedBy<Banno>) -> Answer<Json<Vec<Value>>> {
    // Asked for the permission alone: what there is to know is the same everywhere.
    house.desk.ask(&caller, ShowUserTerms).await?;
    let told =
        |(name, description): &(&str, &str)| json!({ "name": name, "type": "boolean", "description": description });
    Ok(Json(ABILITIES.iter().map(told).collect()))
}
