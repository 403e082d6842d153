//! What may be asked about sessions.

use super::store;
use crate::error::Result;
use crate::user;
use crate::value::clock::Time;
use crate::value::id::{DeviceId, SessionId, UserId};
use crate::verb::{Question, Qx, Subject};

/// A session in a list.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct SeenSession {
    pub id: SessionId,
    pub device: Option<DeviceId>,
    pub created_at: Time,
    pub expires_at: Time,
    pub ended_at: Option<Time>,
    pub end_cause: Option<String>,
    /// Whether it can still be used.
    pub open: bool,
}

/// The newest sessions of a user, at most 100.
pub struct ListSessions(pub UserId);

impl Question for ListSessions {
    const NAME: &'static str = "session.list";
    type Output = Vec<SeenSession>;

    fn subject(&self) -> Subject {
        Subject::User(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<SeenSession>> {
        user::store::load(qx.rd, qx.tenant, qx.caller, self.0).await?;
        let now = qx.now;
        let seen = |row: store::SessionRow| SeenSession {
            id: row.id,
            device: row.device,
            created_at: row.created_at,
            expires_at: row.expires_at,
            open: row.ended_at.is_none() && now < row.expires_at,
            ended_at: row.ended_at,
            end_cause: row.end_cause,
        };
        Ok(store::of_subject(qx.rd, qx.tenant.id, self.0, 100).await?.into_iter().map(seen).collect())
    }
}
