//! What an action would cause: its facts, and a hash by which two plans are compared. A preview answers one, a request
//! keeps one until somebody decides it.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::value::clock::Time;
use crate::value::id;
use crate::value::secret;
use crate::verb::Subject;

/// Facts that come and go by themselves: how many sessions an action ends depends on who has signed in meanwhile, and which
/// requests it makes void on what others have proposed. They are shown, and do not make another plan of it.
const BESIDES: &[&str] = &["user.access_ended", "request.expired"];

/// What an action would cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The facts, as the audit would hold them.
    pub facts: Vec<Value>,
    /// SHA-256 over them, in hex: the same plan has the same hash. Ids of what the action would make do not count, nor does
    /// what comes and goes by itself (ended sessions, voided requests).
    pub hash: String,
}

impl Plan {
    /// The plan of an action that ran at this moment, about this, and caused these.
    pub(crate) fn of<'f>(facts: impl IntoIterator<Item = &'f Fact>, now: Time, about: Subject) -> Result<Plan> {
        let about = Subject::text(about.kind(), about.id());
        let facts = facts.into_iter().map(Fact::to_json).collect::<Result<Vec<_>>>()?;
        let counts = |fact: &&Value| fact["event"].as_str().is_none_or(|name| !BESIDES.contains(&name));
        let hashed: Vec<Value> =
            facts.iter().filter(counts).map(|fact| without_new_ids(fact, now, about.as_deref())).collect();
        let text = serde_json::to_vec(&hashed).map_err(Error::internal)?;
        let hash = secret::hex(&secret::digest(&text));
        Ok(Plan { facts, hash })
    }
}

/// A fact as the plan's hash sees it: what the action itself would make has another id each time. What it is about was there
/// before, whatever the clock of the process that made it said.
fn without_new_ids(fact: &Value, now: Time, about: Option<&str>) -> Value {
    let mut seen = fact.clone();
    for value in seen.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        let is_made_now = |text: &&str| id::made_at_of_text(text).is_some_and(|made| made >= now);
        if value.as_str().filter(|text| Some(*text) != about).is_some_and(|text| is_made_now(&text)) {
            *value = Value::from("new");
        }
    }
    seen
}
