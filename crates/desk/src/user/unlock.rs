//! Unlocking for doors to whose vendors "she was not locked" is an answer of its own.

use crate::error::{Refusal, Result};
use crate::user::actions::{Changed, UnlockUser};
use crate::value::id::UserId;
use crate::verb::{Action, Cx, Subject};

/// Opens a locked sign-in like `UnlockUser`, but refuses where there is nothing to open. An unlock that waits for memo
/// mode to end is not refused: it waits on.
pub struct UnlockLockedUser {
    /// Whom.
    pub user: UserId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for UnlockLockedUser {
    const NAME: &'static str = UnlockUser::NAME;
    type Output = Changed;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
        let unlocked = cx.perform(&UnlockUser { user: self.user, reason: self.reason.clone() }).await?;
        let waits = unlocked.user.standing.unlock_queued_at.is_some();
        if unlocked.changed || waits { Ok(unlocked) } else { Err(Refusal::NotLocked.into()) }
    }
}
