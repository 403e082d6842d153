//! What may be asked about events.

use serde_json::Value;

use super::store;
use crate::db::{Weight, params};
use crate::error::{Error, Result};
use crate::value::clock::Time;
use crate::value::id::{AuditId, EventId};
use crate::verb::{Question, Qx, Subject};

/// The most events one page holds.
pub const PAGE_MAX: i64 = 500;

/// One event.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct EventRecord {
    pub id: EventId,
    pub at: Time,
    pub name: String,
    pub subject_kind: String,
    pub subject: Option<String>,
    pub audit: AuditId,
    pub fact: Value,
}

/// A page, oldest first.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The events.
    pub events: Vec<EventRecord>,
    /// Continue after this one, if there is more.
    pub next: Option<EventId>,
}

/// Events in the order in which they happened.
pub struct ListEvents {
    /// After this one.
    pub after: Option<EventId>,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
}

impl Question for ListEvents {
    const NAME: &'static str = "event.list";
    type Output = EventPage;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<EventPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let after = self.after.map_or([0; 16], |id| *id.bytes());
        let rows = qx.rd.all(store::PAGE, params![qx.tenant.id, after, self.limit + 1]).await?;
        let more = rows.len() as i64 > self.limit;
        let mut events = Vec::with_capacity(rows.len());
        for mut row in rows.into_iter().take(self.limit as usize) {
            let (id, at, name) = (row.take()?, row.take()?, row.take()?);
            let subject_kind: String = row.take()?;
            let subject_id: Option<Vec<u8>> = row.take()?;
            let subject_id = subject_id.and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok());
            let subject = Subject::text(&subject_kind, subject_id);
            let audit = row.take()?;
            let fact: String = row.take()?;
            let fact = serde_json::from_str(&fact).map_err(Error::internal)?;
            events.push(EventRecord { id, at, name, subject_kind, subject, audit, fact });
        }
        let next = if more { events.last().map(|event| event.id) } else { None };
        Ok(EventPage { events, next })
    }
}
