//! An action on a user that is done only if the user is still as the caller has seen them.

use super::actions::load;
use crate::error::{Conflict, Error, Result};
use crate::verb::{Action, Cx, Subject};

/// An action, and the versions of its user that the caller would have it done to. It is allowed, recorded and announced as the
/// action is by itself.
pub struct IfSeen<A> {
    /// One of these, else it is a conflict.
    pub versions: Vec<i64>,
    /// What is done.
    pub action: A,
}

impl<A: Action> Action for IfSeen<A> {
    const NAME: &'static str = A::NAME;
    const PREVIEWABLE: bool = A::PREVIEWABLE;
    const LONG: bool = A::LONG;
    type Output = A::Output;

    fn subject(&self) -> Subject {
        self.action.subject()
    }

    fn reason(&self) -> Option<&str> {
        self.action.reason()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<A::Output> {
        // Only users have versions that are told.
        let Subject::User(user) = self.action.subject() else { return Err(Error::Conflict(Conflict::Version)) };
        let user = load(cx, user).await?;
        if !self.versions.contains(&user.version) {
            return Err(Error::Conflict(Conflict::Version));
        }
        self.action.run(cx).await
    }
}
