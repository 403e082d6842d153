//! The audit in the vendor's words (contract 6.4), newest first.

use api::kit::{House, Json};
use axum::extract::State;
use desk::Permission;
use desk::activity::{Activity, ActivityFilter, AllActivity};
use desk::audit::AuditRecord;
use desk::staff::StaffCards;
use desk::user::{UserFilter, UsersNewestFirst};
use desk::value::clock::{DAY, Time};
use desk::value::id::made_at;
use serde_json::{Value, json};

use super::call::ByAdmin;
use super::fault::Wrong;
use super::page::Page;
use super::users::{named, pairs};
use super::{Answer, Own, words};

/// What each `log_type` holds: the actions of ours that belong there. Money does not move here, so there is nothing of the
/// first.
const LOG_TYPES: &[(&str, &[&str])] = &[
    ("transactions", &[]),
    ("enrolments", &["user.create", "user.confirm_registration", "import.start"]),
    ("disable_requests", &["request.propose", "request.approve", "request.decline", "user.disable"]),
    ("enable_requests", &["request.propose", "request.approve", "request.decline", "user.enable"]),
    (
        "verification",
        &[
            "user.ask_verification",
            "user.decide_verification",
            "verification.submit",
            "verification.approve",
            "verification.decline",
            "verification.ask_more",
            "verification.add_document",
        ],
    ),
    (
        "service_profile",
        &[
            "staff.add",
            "staff.appoint",
            "staff.disable",
            "staff.enable",
            "staff.sign_in",
            "staff.sign_out",
            "team.add_member",
            "team.remove_member",
            "settings.change",
            "settings.change_security",
            "key.create",
            "key.revoke",
        ],
    ),
];

/// How many users a search for a name looks up in the book.
const PEOPLE_MAX: i64 = 100;

/// GET `/admin/audits`
pub(super) async fn list(State(house): State<House<Own>>, ByAdmin(call): ByAdmin) -> Answer<Json<Value>> {
    call.may_see(Permission::ActivityStaff)?;
    let pairs = pairs(&call.query)?;
    let given = |name: &str| named(&pairs, name).filter(|text| !text.is_empty());
    let page = Page::read(given("page"), given("per_page"))?;
    let by_staff = match given("user_type") {
        None => None,
        Some("admin") => Some(true),
        Some("user") => Some(false),
        Some(_) => return Err(Wrong::field("user_type", "must be admin or user")),
    };
    let from = day("start_date", given("start_date"))?;
    let to = day("end_date", given("end_date"))?.map(|day| day.plus(DAY));
    let actions = match given("log_type") {
        None => None,
        Some(word) => {
            let known = LOG_TYPES.iter().find(|(known, _)| *known == word);
            Some(known.ok_or_else(|| Wrong::field("log_type", "is not included in the list"))?.1)
        }
    };
    let told = |data: Vec<Value>| Json(json!({ "message": "Audit logs returned successfully", "data": data }));
    if actions.is_some_and(<[_]>::is_empty) {
        return Ok(told(Vec::new()));
    }
    let people = match given("search_query") {
        None => None,
        Some(text) => Some(people(&house, &call, text).await?),
    };
    // Requests of both kinds have the same actions; what was proposed stands in their facts.
    let about = match given("log_type") {
        Some("disable_requests") => Some("user.disable"),
        Some("enable_requests") => Some("user.enable"),
        _ => None,
    };
    let fits = move |record: &AuditRecord| {
        if let Some(about) = about
            && record.action != about
            && !record.facts.to_string().contains(&format!("\"{about}\""))
        {
            return false;
        }
        // Who signs in is nobody yet; whom it is about tells.
        let is_staff = matches!(record.actor_kind.as_str(), "staff" | "key") || record.subject_kind == "staff";
        by_staff.is_none_or(|by_staff| by_staff == is_staff)
            && people.as_ref().is_none_or(|people| {
                let about = record.subject_id.is_some_and(|id| people.contains(&id));
                about || record.staff.is_some_and(|staff| people.contains(&staff.0))
            })
    };
    let filter = ActivityFilter {
        about: None,
        from,
        to,
        actions: actions.unwrap_or_default().to_vec(),
        fits: Box::new(fits),
        offset: usize::try_from(page.row()).unwrap_or(usize::MAX),
        limit: page.limit() as usize,
    };
    let activities = house.desk.ask(&call.caller, AllActivity(filter)).await?;
    Ok(told(activities.iter().map(log).collect()))
}

/// The ids of users and admins whose names or addresses have this in them.
async fn people(
    house: &House<Own>,
    call: &super::call::Call,
    text: &str,
) -> Answer<std::collections::HashSet<desk::value::id::Uuid>> {
    let mut ids = std::collections::HashSet::new();
    if call.caller.may(Permission::UsersRead) {
        let question = UsersNewestFirst {
            filter: UserFilter::default(),
            containing: Some(text.to_owned()),
            brought_by: None,
            row: 0,
            limit: PEOPLE_MAX,
        };
        ids.extend(house.desk.ask(&call.caller, question).await?.users.iter().map(|user| user.id.0));
    }
    if call.caller.may(Permission::StaffRead) {
        let text = text.to_lowercase();
        let cards = house.desk.ask(&call.caller, StaffCards).await?;
        let fits = |email: &str| email.to_lowercase().contains(&text);
        ids.extend(cards.iter().filter(|card| fits(&card.staff.profile.email)).map(|card| card.staff.id.0));
    }
    Ok(ids)
}

fn day(name: &str, text: Option<&str>) -> Answer<Option<Time>> {
    let Some(text) = text else { return Ok(None) };
    let day = (text.len() == 10).then(|| Time::parse_rfc3339(&format!("{text}T00:00:00Z"))).flatten();
    day.map(Some).ok_or_else(|| Wrong::field(name, "must be a date of the form YYYY-MM-DD"))
}

/// One row of the book. What it changed is told by names of fields and words, never by what stands in a field.
fn log(activity: &Activity) -> Value {
    let record = &activity.record;
    let kind = match record.subject_kind.as_str() {
        "user" => "User",
        "staff" => "Admin",
        "request" => "Request",
        "key" => "Client",
        // Somebody was made an admin.
        "tenant" if facts(record).any(|fact| fact["event"] == "staff.added") => "Admin",
        // Somebody was made a user; until then she had no number.
        "tenant" if made_a_user(record).is_some() => "User",
        "tenant" => "Institution",
        other => other,
    };
    let snapshot = json!({
        "action": record.action,
        "outcome": record.outcome,
        "error": record.code,
        "reason": record.reason,
        "admin": activity.staff.as_ref().map(|(_, profile)| profile.email.clone()),
        "facts": record.facts,
    });
    json!({
        // The moment in the record's id, in microseconds: a whole number, as the vendor's clients expect one.
        "id": made_at(record.id.0).0,
        "auditable_id": activity.number.or_else(|| made_a_user(record)).unwrap_or_default(),
        "auditable_type": kind,
        "user_type": Value::Null,
        "user": Value::Null,
        "action_performed": performed(record),
        "updated_object": snapshot,
        "location": Value::Null,
        "remote_address": record.address,
        "request_uuid": record.request_id,
        "created_at": words::time(record.at),
    })
}

/// The number of the user who was made by this.
fn made_a_user(record: &AuditRecord) -> Option<i64> {
    facts(record).find(|fact| fact["event"] == "user.created")?["number"].as_i64()
}

/// What was done, as the vendor says it.
fn performed(record: &AuditRecord) -> String {
    let words = match record.action.as_str() {
        "staff.sign_in" | "session.sign_in" | "session.confirm_sign_in" => signing_in(record),
        "staff.sign_out" | "session.sign_out" => "signed out",
        "user.disable" => "disabled user",
        "user.enable" => "enabled user",
        "user.set_fraud_status" => "updated fraud status",
        "password.revoke" => "reset password",
        "device.unlink" => "unlinked device",
        "user.ask_verification" | "verification.submit" => "requested verification",
        "user.decide_verification" => "decided verification",
        "verification.approve" => "approved verification",
        "verification.decline" => "declined verification",
        "verification.ask_more" => "asked for more",
        "verification.add_document" => "uploaded document",
        "user.register" => "asked to sign up",
        "user.confirm_registration" => "signed up",
        "user.create" => "created user",
        "staff.appoint" | "staff.add" => "created admin",
        "staff.disable" => "disabled admin",
        "request.propose" => "created request",
        "request.approve" => "approved request",
        "request.decline" => "declined request",
        other => return told(other, record),
    };
    told(words, record)
}

/// What came of an attempt to sign in. The attempt is recorded as done whatever came of it: the facts tell.
fn signing_in(record: &AuditRecord) -> &'static str {
    let holds = |event: &str| facts(record).any(|fact| fact["event"] == event);
    if holds("user.signed_in") || holds("staff.signed_in") {
        "signed in"
    } else if holds("user.second_factor_asked") {
        "was asked for a second factor"
    } else {
        "failed to sign in"
    }
}

fn facts(record: &AuditRecord) -> impl Iterator<Item = &Value> {
    record.facts.as_array().into_iter().flatten()
}

fn told(words: &str, record: &AuditRecord) -> String {
    match record.outcome.as_str() {
        "refused" => format!("{words} (refused)"),
        _ => words.to_owned(),
    }
}
