//! Who did what (contract 4.7): the desk's audit in the vendor's words, newest first.

use api::kit::{House, Json, Query, SignedBy};
use axum::extract::State;
use desk::activity::{Activity, ActivityFilter, StaffActivity, UserActivity};
use desk::audit::AuditRecord;
use desk::value::clock::Time;
use desk::{Error, Permission};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::users::{institution, number};
use super::words::{self, Told};
use super::{Answer, Banno, Own, Wrong};

/// Events on a page unless another number is asked for, and the most.
const COUNT: usize = 50;
const COUNT_MAX: usize = 500;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryIn {
    from: Option<String>,
    to: Option<String>,
    application: Option<String>,
    change: Option<String>,
    user_id: Option<String>,
    person_id: Option<String>,
    count: Option<String>,
    offset: Option<String>,
}

type Wanted = Result<Query<Banno, HistoryIn>, Wrong>;
type Names = fn(&AuditRecord) -> Option<Told>;

/// GET `/a/history/api/v0/institutions/{institutionId}/user-events`: what employees did.
pub(super) async fn of_staff(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    query: Wanted,
) -> Answer<Json<Vec<Value>>> {
    let wanted = if caller.may(Permission::ActivityStaff) { query?.0 } else { HistoryIn::default() };
    let filter = filter(wanted, words::staff_actions(), words::staff_told)?;
    let activities = house.desk.ask(&caller, StaffActivity(filter)).await?;
    let institution = institution(&house, &caller).await?;
    Ok(Json(activities.iter().filter_map(|it| event(it, &institution, words::staff_told, by_staff)).collect()))
}

/// GET `/a/history/api/v0/institutions/{institutionId}/person-events`: what users did.
pub(super) async fn of_users(
    State(house): State<House<Own>>,
    caller: SignedBy<Banno>,
    query: Wanted,
) -> Answer<Json<Vec<Value>>> {
    let wanted = if caller.may(Permission::ActivityUsers) { query?.0 } else { HistoryIn::default() };
    let filter = filter(wanted, Vec::new(), words::user_told)?;
    let activities = house.desk.ask(&caller, UserActivity(filter)).await?;
    let institution = institution(&house, &caller).await?;
    Ok(Json(activities.iter().filter_map(|it| event(it, &institution, words::user_told, by_user)).collect()))
}

fn filter(wanted: HistoryIn, actions: Vec<&'static str>, names: Names) -> Answer<ActivityFilter> {
    let invalid = |name: &str, what: &str| Wrong::from(Error::invalid(name, "invalid", what));
    let moment = |name: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => {
            Time::parse_rfc3339(&text).map(Some).ok_or_else(|| invalid(name, "Must be a date-time of RFC 3339."))
        }
    };
    // Either name is taken at either path: the vendor's own use of the two is not clear.
    let about = match wanted.person_id.or(wanted.user_id) {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| invalid("userId", "Must be a UUID."))?),
    };
    let count = wanted.count.map_or(Ok(COUNT), |text| number("count", &text))?;
    if count == 0 {
        return Err(invalid("count", "Must be at least 1."));
    }
    let (application, change) = (wanted.application, wanted.change);
    let fits = move |record: &AuditRecord| {
        names(record).is_some_and(|told| {
            application.as_ref().is_none_or(|wanted| wanted == told.application)
                && change.as_ref().is_none_or(|wanted| *wanted == told.name)
        })
    };
    Ok(ActivityFilter {
        about,
        from: moment("from", wanted.from)?,
        to: moment("to", wanted.to)?,
        actions,
        fits: Box::new(fits),
        offset: wanted.offset.map_or(Ok(0), |text| number("offset", &text))?,
        limit: count.min(COUNT_MAX),
    })
}

fn event(
    activity: &Activity,
    institution: &str,
    names: Names,
    by: fn(&Activity, &mut Map<String, Value>),
) -> Option<Value> {
    let record = &activity.record;
    let told = names(record)?;
    let mut change = Map::new();
    change.insert("application".to_owned(), json!(told.application));
    change.insert("name".to_owned(), json!(told.name));
    if let Some(method) = words::reset_method(record) {
        change.insert("method".to_owned(), json!(method));
    }
    if let Some(code) = &record.code {
        change.insert("error".to_owned(), json!(code));
    }
    by(activity, &mut change);
    let (id, date) = (record.id.0.to_string(), record.at.rfc3339_millis());
    Some(json!({ "eventId": id, "date": date, "institutionId": institution, "change": change }))
}

/// The blocks of an employee's act: whom it was about, who did it, and for which human agent (contract 2.3, `X-Agent`).
fn by_staff(activity: &Activity, change: &mut Map<String, Value>) {
    if let Some((id, name)) = &activity.user {
        change.insert("affectedPerson".to_owned(), json!({ "personId": id.0.to_string(), "fullName": name }));
    }
    let mut actor = Map::new();
    if let Some((id, profile)) = &activity.staff {
        actor.insert("userId".to_owned(), json!(id.0.to_string()));
        actor.insert("userName".to_owned(), json!(profile.name));
        actor.insert("email".to_owned(), json!(profile.email));
    }
    if let Some(address) = &activity.record.address {
        actor.insert("userIp".to_owned(), json!(address));
    }
    if let Some(agent) = &activity.record.on_behalf {
        actor.insert("agent".to_owned(), json!(agent));
    }
    change.insert("performedBy".to_owned(), Value::Object(actor));
}

/// The block of a user's own act.
fn by_user(activity: &Activity, change: &mut Map<String, Value>) {
    let mut actor = Map::new();
    if let Some((id, name)) = &activity.user {
        actor.insert("personId".to_owned(), json!(id.0.to_string()));
        actor.insert("fullName".to_owned(), json!(name));
    }
    if let Some(address) = &activity.record.address {
        actor.insert("personIp".to_owned(), json!(address));
    }
    change.insert("performedBy".to_owned(), Value::Object(actor));
}
