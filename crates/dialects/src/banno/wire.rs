//! The vendor's JSON, exactly: names, order, what is null and what is left out (contract 4).

use std::collections::BTreeMap;

use desk::device::SeenDevice;
use desk::message::Channel;
use desk::user::{Address, Demographic, Profile, SeenUser};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::words::{self, ABILITIES};

/// The answer of a search (contract 4.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    pub users: Vec<FoundUser>,
    pub total_count: i64,
}

/// A user in a search: exactly these 20 keys, absent values null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundUser {
    user_id: String,
    user_active: bool,
    primary_institution_username: String,
    primary_institution_id: String,
    first_name: String,
    middle_initial: String,
    last_name: String,
    user_added: String,
    user_modified: String,
    email: Option<String>,
    user_verified: bool,
    business_name: Option<String>,
    user_type: &'static str,
    review_institution_id: Option<String>,
    middle_name: Option<String>,
    mobile_phone_number: Option<String>,
    masked_ssn: Option<String>,
    preferred_name: Option<String>,
    employee_status: &'static str,
    last_seen: Option<String>,
}

impl FoundUser {
    pub(super) fn of(user: SeenUser, institution: &str) -> FoundUser {
        let verified = desk::user::standing::Verification::Verified;
        let profile = user.profile;
        FoundUser {
            user_id: user.id.0.to_string(),
            user_active: words::is_active(&user.standing),
            primary_institution_username: profile.username.clone().unwrap_or_default(),
            primary_institution_id: institution.to_owned(),
            middle_initial: middle_initial(&profile),
            first_name: profile.first_name,
            last_name: profile.last_name,
            user_added: user.created_at.rfc3339_millis(),
            user_modified: user.updated_at.rfc3339_millis(),
            email: profile.email,
            user_verified: user.standing.verification == verified,
            business_name: profile.business_name,
            user_type: words::user_type(user.kind),
            // Users under review by another institution are not a thing we have.
            review_institution_id: None,
            middle_name: profile.middle_name,
            mobile_phone_number: profile.phone,
            masked_ssn: profile.identifiers.ssn,
            preferred_name: profile.preferred_name,
            employee_status: words::employee(user.employee),
            last_seen: user.last_seen_at.map(|at| at.rfc3339_millis()),
        }
    }
}

fn middle_initial(profile: &Profile) -> String {
    profile.middle_name.iter().flat_map(|name| name.chars()).take(1).collect()
}

/// One user (contract 4.2). Optional keys are left out, never null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details {
    user_id: String,
    first_name: String,
    middle_initial: String,
    last_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    primary_institution_id: String,
    primary_institution_username: String,
    user_type: &'static str,
    business_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<AddressOut>,
    abilities: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    user_added: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    demographic: Option<DemographicOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked_ssn: Option<String>,
    #[serde(rename = "lockedOutOfRSA")]
    locked_out_of_rsa: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_teller_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_number: Option<String>,
    /// Required by the reference, absent in the guide (contract 6). We keep no pictures.
    user_image: &'static str,
}

impl Details {
    pub(super) fn of(user: SeenUser, institution: &str, defaults: &BTreeMap<String, bool>) -> Details {
        let profile = &user.profile;
        Details {
            user_id: user.id.0.to_string(),
            first_name: profile.first_name.clone(),
            middle_initial: middle_initial(profile),
            last_name: profile.last_name.clone(),
            email: profile.email.clone(),
            primary_institution_id: institution.to_owned(),
            primary_institution_username: profile.username.clone().unwrap_or_default(),
            user_type: words::user_type(user.kind),
            business_name: profile.business_name.clone().unwrap_or_default(),
            address: AddressOut::of(&profile.address),
            abilities: all_abilities(&[defaults, &profile.abilities]),
            last_seen: user.last_seen_at.map(|at| at.rfc3339_millis()),
            user_added: user.created_at.rfc3339_millis(),
            phone: profile.phone.clone(),
            demographic: DemographicOut::of(&user),
            masked_ssn: profile.identifiers.ssn.clone(),
            locked_out_of_rsa: user.risk_locked,
            net_teller_id: profile.identifiers.net_teller_id.clone(),
            customer_id: profile.identifiers.customer_id.clone(),
            member_number: profile.identifiers.member_number.clone(),
            user_image: "",
        }
    }
}

/// Six lines are required once there is an address, two more are optional (contract 4.2).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddressOut {
    address_line_one: String,
    address_line_two: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line_three: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line_four: Option<String>,
    city: String,
    state: String,
    zip: String,
    zip_plus_four: String,
}

impl AddressOut {
    fn of(address: &Address) -> Option<AddressOut> {
        let text = |line: &Option<String>| line.clone().unwrap_or_default();
        (*address != Address::default()).then(|| AddressOut {
            address_line_one: text(&address.line_one),
            address_line_two: text(&address.line_two),
            address_line_three: address.line_three.clone(),
            address_line_four: address.line_four.clone(),
            city: text(&address.city),
            state: text(&address.state),
            zip: text(&address.zip),
            zip_plus_four: text(&address.zip_plus_four),
        })
    }
}

/// What the institution keeps about a person's life (contract 4.2).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DemographicOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_importance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthday: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_branch_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    education_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    employer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    employee_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_worth: Option<String>,
    employee_data: &'static str,
    last_updated: String,
}

impl DemographicOut {
    fn of(user: &SeenUser) -> Option<DemographicOut> {
        let known: Demographic = user.profile.demographic.clone();
        let birthday = user.profile.date_of_birth.clone();
        (known != Demographic::default() || birthday.is_some()).then(|| DemographicOut {
            customer_code: known.customer_code,
            customer_importance: known.customer_importance,
            customer_description: known.customer_description,
            gender: known.gender,
            birthday,
            home_branch_id: known.home_branch_id,
            education_level: known.education_level,
            employer_name: known.employer_name,
            employee_title: known.employee_title,
            net_worth: known.net_worth,
            employee_data: words::employee(user.employee),
            last_updated: user.updated_at.rfc3339_millis(),
        })
    }
}

/// All 16 abilities: off, unless a later layer says otherwise.
pub(super) fn all_abilities(layers: &[&BTreeMap<String, bool>]) -> Map<String, Value> {
    let said = |name: &str| layers.iter().rev().find_map(|layer| layer.get(name)).copied().unwrap_or_default();
    ABILITIES.iter().map(|(name, _)| ((*name).to_owned(), Value::from(said(name)))).collect()
}

/// Those of the 16 that this layer speaks of.
pub(super) fn some_abilities(layer: &BTreeMap<String, bool>) -> Map<String, Value> {
    let said = |name: &str| Some((name.to_owned(), Value::from(*layer.get(name)?)));
    ABILITIES.iter().filter_map(|(name, _)| said(name)).collect()
}

/// The body of an unlock (contract 4.4): a JSON boolean, nothing else.
#[derive(Default, Deserialize)]
pub(super) struct LockedIn {
    pub state: bool,
}

/// The body of a reset (contract 4.5).
#[derive(Deserialize)]
pub(super) struct ResetIn {
    pub method: Channel,
}

impl Default for ResetIn {
    fn default() -> Self {
        ResetIn { method: Channel::Email }
    }
}

/// The reset settings, in and out (contract 4.6): seconds.
#[derive(Serialize, Deserialize)]
pub(super) struct ResetSettings {
    pub expiration: i64,
}

impl Default for ResetSettings {
    fn default() -> Self {
        ResetSettings { expiration: 3600 }
    }
}

/// A device (contract 4.8; the vendor's fields were cut off, these are ours).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceOut {
    device_id: String,
    model: Option<String>,
    brand: Option<String>,
    os: Option<String>,
    os_version: Option<String>,
    app_version: Option<String>,
    last_seen: String,
    active: bool,
}

impl DeviceOut {
    pub(super) fn of(device: SeenDevice) -> DeviceOut {
        DeviceOut {
            device_id: device.id.0.to_string(),
            model: device.details.model,
            brand: device.details.brand,
            os: device.details.os,
            os_version: device.details.os_version,
            app_version: device.details.app_version,
            last_seen: device.last_seen_at.rfc3339_millis(),
            active: device.unlinked_at.is_none(),
        }
    }
}
