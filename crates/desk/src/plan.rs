//! What an action would cause: its facts, and a hash by which two plans are compared. A preview answers one, a request
//! keeps one until somebody decides it.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id;
use crate::value::secret;
use crate::verb::Subject;

/// Whether a fact comes and goes by itself: how many sessions and codes an action ends depends on who has signed in meanwhile,
/// and which requests it makes void on what others have proposed. It is shown, and does not make another plan of it.
fn is_besides(fact: &Value) -> bool {
    match fact["event"].as_str() {
        Some("user.access_ended" | "request.expired") => true,
        // A word to the old address is not shown to whoever may not see that there was another.
        Some("message.queued") => matches!(fact["template"].as_str(), Some("email_changed" | "phone_changed")),
        // Unless ending it is what somebody wants.
        Some("challenge.cancelled") => fact["cause"] != "cancelled",
        _ => false,
    }
}

/// What an action would cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The facts, as the audit would hold them.
    pub facts: Vec<Value>,
    /// A keyed fingerprint in hex, over the facts and over the values that the action found and would change: the same plan has
    /// the same hash. Ids and numbers of what the action would make do not count, nor does what comes and goes by itself
    /// (ended sessions, voided requests).
    pub hash: String,
}

impl Plan {
    /// The plan of an action that ran at this moment, about this, caused these, and found these values.
    pub(crate) fn of<'f>(
        tenant: &Tenant,
        facts: impl IntoIterator<Item = &'f Fact>,
        weights: &[Value],
        now: Time,
        about: Subject,
    ) -> Result<Plan> {
        let about = Subject::text(about.kind(), about.id());
        let facts = facts.into_iter().map(Fact::to_json).collect::<Result<Vec<_>>>()?;
        let counts = facts.iter().filter(|fact| !is_besides(fact));
        let hashed: Vec<Value> = counts.map(|fact| without_new_ids(fact, now, about.as_deref())).collect();
        let text = serde_json::to_vec(&(hashed, weights)).map_err(Error::internal)?;
        // Keyed: a hash over values that say who somebody is could else be tried out value by value.
        let digest = secret::hex(&secret::digest(&text));
        let hash = secret::hex(&tenant.keys.lookup().of_person(&["plan", &digest]));
        Ok(Plan { facts, hash })
    }
}

/// A fact as the plan's hash sees it: what the action itself would make has another id each time, and may have another number.
/// What it is about was there before, whatever the clock of the process that made it said.
fn without_new_ids(fact: &Value, now: Time, about: Option<&str>) -> Value {
    let mut seen = fact.clone();
    let Some(fields) = seen.as_object_mut() else { return seen };
    let mut is_new = false;
    for value in fields.values_mut() {
        let is_made_now = |text: &&str| id::made_at_of_text(text).is_some_and(|made| made >= now);
        if value.as_str().filter(|text| Some(*text) != about).is_some_and(|text| is_made_now(&text)) {
            *value = Value::from("new");
            is_new = true;
        }
    }
    if is_new {
        fields.remove("number");
    }
    seen
}
