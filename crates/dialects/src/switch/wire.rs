//! The vendor's objects, key for key and in the vendor's order (contract 4 and 5; the user's own view is from the vendor's
//! page on authentication).

use desk::request::SeenRequest;
use desk::staff::StaffCard;
use desk::user::SeenUser;
use desk::user::verification::{Document, DocumentKind, VerificationFile};
use desk::value::clock::Time;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{countries, words};

/// A large object, its keys in the order in which they stand.
macro_rules! object {
    ($($name:literal: $value:expr,)+) => {{
        let mut out = Map::new();
        $(out.insert($name.to_owned(), json!($value));)+
        Value::Object(out)
    }};
}

/// What of a user does not stand in her own file.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    /// A request to disable her waits for a decision.
    pub pending_disable: bool,
    /// A request to enable her does.
    pub pending_enable: bool,
    /// What her authenticator is fed with, where the institution shows it.
    pub authenticator_uri: Option<String>,
    /// The names of her documents.
    pub documents: Documents,
}

/// The names of a user's documents.
#[derive(Debug, Clone, Default)]
pub(super) struct Documents {
    pub photo_id: Option<String>,
    pub selfie: Option<String>,
    pub signature: Option<String>,
}

impl Documents {
    /// Of those that count now.
    pub fn of(file: &VerificationFile) -> Documents {
        let named = |kind| file.current().find(|document| document.kind == kind).map(Document::file_name);
        Documents {
            photo_id: named(DocumentKind::PhotoId),
            selfie: named(DocumentKind::Selfie),
            signature: named(DocumentKind::Signature),
        }
    }
}

/// The paper a user shows who she is with. Its end is a day with us, and a moment with the vendor.
struct Paper {
    issuer: Option<String>,
    number: Option<String>,
    expiry: Option<String>,
}

fn paper(user: &SeenUser) -> Paper {
    let it = &user.profile.photo_id;
    // Masked, it is no day, and no moment can be made of it.
    let moment = it.expiry.as_ref().map(|day| format!("{day}T00:00:00.000Z"));
    let expiry = moment.filter(|moment| Time::parse_rfc3339(moment).is_some());
    Paper { issuer: it.issuer.clone(), number: it.number.clone(), expiry }
}

fn gender(user: &SeenUser) -> Option<String> {
    user.profile.demographic.gender.as_ref().map(|gender| gender.to_lowercase())
}

/// The country by its name.
fn country_name(user: &SeenUser) -> Option<String> {
    user.profile.address.country.as_deref().map(countries::name_of)
}

/// The country by its two letters.
fn country_code(user: &SeenUser) -> Option<String> {
    user.profile.address.country.as_ref().map(|code| code.to_ascii_uppercase())
}

fn questions(user: &SeenUser) -> u8 {
    user.profile.security_questions.as_ref().and_then(|count| count.parse().ok()).unwrap_or_default()
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

/// A user in the list: seven keys (contract 5.1).
#[derive(Serialize)]
pub(super) struct Listed {
    id: i64,
    switch_id: i64,
    first_name: String,
    last_name: String,
    email: String,
    is_verified: bool,
    phone: String,
}

impl Listed {
    pub fn of(user: &SeenUser) -> Listed {
        let (first_name, last_name) = words::names(user);
        Listed {
            id: user.number,
            switch_id: words::switch_id(user.number),
            first_name,
            last_name,
            email: text(&user.profile.email),
            is_verified: words::is_verified(user),
            phone: text(&user.profile.phone),
        }
    }
}

/// A user who waits for verification: eight keys (contract 5.6).
#[derive(Serialize)]
pub(super) struct Waiting {
    id: i64,
    switch_id: i64,
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
    is_verified: bool,
    verification_requested: bool,
}

impl Waiting {
    pub fn of(user: &SeenUser) -> Waiting {
        let (first_name, last_name) = words::names(user);
        Waiting {
            id: user.number,
            switch_id: words::switch_id(user.number),
            first_name,
            last_name,
            email: text(&user.profile.email),
            phone: text(&user.profile.phone),
            is_verified: words::is_verified(user),
            verification_requested: is_waiting(user),
        }
    }
}

fn is_waiting(user: &SeenUser) -> bool {
    user.standing.verification == desk::user::standing::Verification::Requested
}

/// Which of the two orders of the detail object (contract 4.1, A1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// 46 keys of somebody abroad, four fewer of others.
    Plain,
    /// The same with the fraud status.
    WithFraudStatus,
    /// The answer to setting the fraud status, which has `disabled` elsewhere.
    AfterFraudStatus,
}

/// The detail object (contract 4.1).
pub(super) fn detail(user: &SeenUser, around: &Around, which: Detail) -> Value {
    let it = &user.profile;
    let paper = paper(user);
    let (first_name, last_name) = words::names(user);
    let full_name = format!("{first_name} {last_name}").trim_end().to_owned();
    let is_diaspora = it.is_diaspora == Some(true);
    let factor = words::second_factor(user);
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("id", json!(user.number));
    put("email", json!(text(&it.email)));
    put("first_name", json!(first_name));
    put("last_name", json!(last_name));
    put("phone", json!(text(&it.phone)));
    put("date_of_birth", json!(it.date_of_birth));
    put("gender", json!(gender(user)));
    put("country", json!(country_name(user)));
    put("is_verified", json!(words::is_verified(user)));
    put("blacklisted", json!(is_blacklisted(user)));
    put("pin_set", json!(user.has_pin));
    put("phone_verified", json!(it.phone_verified == Some(true)));
    put("two_factor_authentication_enabled", json!(factor != "none"));
    put("bvn", json!(it.identifiers.bvn));
    put("address", json!(words::address(user)));
    put("photo_id_url", json!(around.documents.photo_id));
    put("image_selfie_url", json!(around.documents.selfie));
    put("signature_url", json!(around.documents.signature));
    put("switch_id", json!(words::switch_id(user.number)));
    put("payment_link_slug", json!(it.payment_slug));
    put("google_auth_set_up", json!(user.has_second_factor));
    put("city", json!(it.address.city));
    put("state", json!(it.address.state));
    put("full_address", json!(words::full_address(user)));
    put("zipcode", json!(it.address.zip));
    put("last_sign_in", json!(user.last_seen_at.map(words::time)));
    put("photo_id_expiry", json!(paper.expiry));
    put("photo_id_issuer", json!(paper.issuer));
    put("photo_id_number", json!(paper.number));
    if which == Detail::AfterFraudStatus {
        put("disabled", json!(words::is_disabled(user)));
    }
    put("switch_bank_account_name", json!(it.house_account.name));
    put("switch_bank_account_number", json!(it.house_account.number));
    put("switch_bank_customer_id", json!(it.house_account.customer_id));
    put("full_name", json!(full_name));
    if which != Detail::AfterFraudStatus {
        put("disabled", json!(words::is_disabled(user)));
    }
    put("has_pending_disable_request", json!(around.pending_disable));
    put("has_pending_enable_request", json!(around.pending_enable));
    if which != Detail::Plain {
        put("fraud_status", json!(user.standing.fraud.word()));
    }
    if is_diaspora {
        put("nigerian_contact_address", json!(it.home_contact.address));
        put("nigerian_contact_name", json!(it.home_contact.name));
        put("nigerian_contact_phone", json!(it.home_contact.phone));
        put("nigerian_contact_relationship", json!(it.home_contact.relationship));
    }
    put("verification_requested", json!(is_waiting(user)));
    put("wallet", wallet(user));
    put("authenticator_uri", json!(around.authenticator_uri));
    put("two_factor_authentication_type", json!(factor));
    put("security_question_set", json!(questions(user) > 0));
    put("is_diaspora", json!(is_diaspora));
    Value::Object(out)
}

fn is_blacklisted(user: &SeenUser) -> bool {
    user.standing.blacklist == desk::user::standing::Blacklist::Blacklisted
}

/// A plain decimal as this vendor prints it: no leading zeros, and at least one digit after the point, the last of which is
/// only zero where it is the only one: `0.0`, `2978497.0`, `3993500.5`.
fn amount(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    match (whole, part) {
        ("", "") => "0.0".to_owned(),
        (whole, part) => {
            let or_zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
            format!("{sign}{}.{}", or_zero(whole), or_zero(part))
        }
    }
}

/// What is in the wallet: texts, plain decimals (contract 4).
pub(super) fn wallet(user: &SeenUser) -> Value {
    let it = &user.profile.wallet;
    let balance = amount(it.balance.as_deref().unwrap_or("0"));
    let soft = it.soft_balance.as_deref().map_or_else(|| balance.clone(), amount);
    json!({ "wallet_balance": balance, "soft_balance": soft })
}

/// The answer to a password reset: 58 keys (contract 4.2). `app` is where the institution's app is reached.
pub(super) fn after_reset(user: &SeenUser, around: &Around, app: &str) -> Value {
    let it = &user.profile;
    let paper = paper(user);
    let (first_name, last_name) = words::names(user);
    let switch_id = words::switch_id(user.number);
    let factor = words::second_factor(user);
    let nothing = Value::Null;
    object! {
        "id": user.number.to_string(),
        "email": text(&it.email),
        "phone": text(&it.phone),
        "first_name": first_name,
        "last_name": last_name,
        "date_of_birth": it.date_of_birth,
        "photo_id_url": around.documents.photo_id,
        "image_selfie_url": around.documents.selfie,
        "signature_url": around.documents.signature,
        "address": words::address(user),
        "nearest_landmark": it.address.landmark,
        "next_of_kin_name": it.next_of_kin.name,
        "next_of_kin_relationship": it.next_of_kin.relationship,
        "next_of_kin_phone_number": it.next_of_kin.phone,
        "next_of_kin_email_address": it.next_of_kin.email,
        "is_verified": words::is_verified(user),
        "gender": gender(user),
        "country": country_code(user),
        "blacklisted": is_blacklisted(user),
        "switch_id": switch_id,
        "two_factor_authentication_enabled": factor != "none",
        "two_factor_authentication_type": factor,
        "phone_verified": it.phone_verified == Some(true),
        "pin_set": user.has_pin,
        "payment_link_slug": it.payment_slug,
        "city": it.address.city,
        "state": it.address.state,
        "zipcode": it.address.zip,
        "last_sign_in": user.last_seen_at.map(words::time),
        "photo_id_issuer": paper.issuer,
        "photo_id_number": paper.number,
        "photo_id_expiry": paper.expiry,
        "switch_bank_account_name": it.house_account.name,
        "switch_bank_account_number": it.house_account.number,
        "google_auth_set_up": user.has_second_factor,
        "nigerian_contact_name": it.home_contact.name,
        "nigerian_contact_phone": it.home_contact.phone,
        "nigerian_contact_address": it.home_contact.address,
        "nigerian_contact_relationship": it.home_contact.relationship,
        "switch_bank_customer_id": it.house_account.customer_id,
        "disabled": words::is_disabled(user),
        "has_pending_disable_request": around.pending_disable,
        "has_pending_enable_request": around.pending_enable,
        "fraud_status": user.standing.fraud.word(),
        "verified_at": words::verified_at(user),
        "email_confirmed": it.email_confirmed == Some(true),
        "kaoshi_user_id": nothing,
        "kaoshi_name": nothing,
        "verification_requested": is_waiting(user),
        "bvn": it.identifiers.bvn,
        "number_of_security_questions_set": questions(user),
        "security_question_set": questions(user) > 0,
        "is_diaspora": it.is_diaspora == Some(true),
        "has_wallet": it.wallet.balance.is_some(),
        "dom_accounts": nothing,
        "invite_link": format!("{app}/register/{switch_id}"),
        "payment_link": format!("{app}/pay/{switch_id}"),
        "created_at": words::time(user.created_at),
    }
}

/// A user as she sees herself: 45 keys, from the vendor's page on authentication.
pub(super) fn herself(user: &SeenUser, around: &Around) -> Value {
    let it = &user.profile;
    let paper = paper(user);
    let (first_name, last_name) = words::names(user);
    let factor = words::second_factor(user);
    object! {
        "is_verified": words::is_verified(user),
        "blacklisted": is_blacklisted(user),
        "two_factor_authentication_enabled": factor != "none",
        "two_factor_authentication_type": factor,
        "phone_verified": it.phone_verified == Some(true),
        "pin_set": user.has_pin,
        "google_auth_set_up": user.has_second_factor,
        "disabled": words::is_disabled(user),
        "has_pending_disable_request": around.pending_disable,
        "has_pending_enable_request": around.pending_enable,
        "fraud_status": user.standing.fraud.word(),
        "id": user.number.to_string(),
        "email": text(&it.email),
        "first_name": first_name,
        "last_name": last_name,
        "date_of_birth": it.date_of_birth,
        "phone": text(&it.phone),
        "gender": gender(user),
        "country": country_code(user),
        "photo_id_url": around.documents.photo_id,
        "image_selfie_url": around.documents.selfie,
        "signature_url": around.documents.signature,
        "address": words::address(user),
        "switch_id": words::switch_id(user.number),
        "payment_link_slug": it.payment_slug,
        "city": it.address.city,
        "state": it.address.state,
        "zipcode": it.address.zip,
        "last_sign_in": user.last_seen_at.map(words::time),
        "photo_id_issuer": paper.issuer,
        "photo_id_number": paper.number,
        "photo_id_expiry": paper.expiry,
        "switch_bank_account_name": it.house_account.name,
        "switch_bank_account_number": it.house_account.number,
        "nigerian_contact_name": it.home_contact.name,
        "nigerian_contact_phone": it.home_contact.phone,
        "nigerian_contact_address": it.home_contact.address,
        "nigerian_contact_relationship": it.home_contact.relationship,
        "switch_bank_customer_id": it.house_account.customer_id,
        "verified_at": words::verified_at(user),
        "verification_requested": is_waiting(user),
        "bvn": it.identifiers.bvn,
        "security_question_set": questions(user) > 0,
        "is_diaspora": it.is_diaspora == Some(true),
        "has_wallet": it.wallet.balance.is_some(),
    }
}

/// A disable or enable request (contract 6.1). One that ran out or was taken back is in a state that the vendor has no word
/// for, and is told in ours.
pub(super) fn request(it: &SeenRequest) -> Value {
    let user = it.user.as_ref().map(|user| {
        let (first_name, last_name) = words::names(user);
        json!({
            "first_name": first_name,
            "last_name": last_name,
            "email": text(&user.profile.email),
            "is_verified": words::is_verified(user),
            "switch_id": words::switch_id(user.number),
            "image_selfie_url": it.selfie,
        })
    });
    json!({
        "status": it.state.word(),
        "id": it.request.number.to_string(),
        "reason": it.reason(),
        "super_admin_comment": it.comment(),
        "user": user,
        "created_by": { "id": it.proposer.number.to_string(), "email": it.proposer.email },
    })
}

/// An admin who has just signed in: six keys (contract 2). There is no rule here that makes passwords of staff expire; only one
/// that the operator has set must be changed.
pub(super) fn signed_in(card: &StaffCard) -> Value {
    json!({
        "id": card.staff.number,
        "email": card.staff.profile.email,
        "role": words::role(&card.roles),
        "disabled": card.staff.disabled_at.is_some(),
        "has_changed_password": card.staff.has_password() && !card.staff.password_change_due,
        "password_expired": false,
    })
}

/// An admin as she sees herself: seven keys (contract 6.3).
pub(super) fn myself(card: &StaffCard) -> Value {
    json!({
        "id": card.staff.number,
        "email": card.staff.profile.email,
        "role": words::role(&card.roles),
        "disabled": card.staff.disabled_at.is_some(),
        "locked": false,
        "has_changed_password": card.staff.has_password() && !card.staff.password_change_due,
        "password_expired": false,
    })
}

/// An admin as others see her: four keys (contract 6.3).
pub(super) fn admin(card: &StaffCard) -> Value {
    json!({
        "id": card.staff.number,
        "email": card.staff.profile.email,
        "role": words::role(&card.roles),
        "disabled": card.staff.disabled_at.is_some(),
    })
}
