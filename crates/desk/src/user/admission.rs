//! Disabling and enabling for doors to whose vendors "she was so already" is an answer of its own: of two who do the same
//! at the same time, one is told that she did it.

use crate::error::{Refusal, Result};
use crate::user::actions::{Changed, DisableUser, EnableUser};
use crate::value::id::UserId;
use crate::verb::{Action, Cx, Subject};

macro_rules! strict {
    ($($(#[$meta:meta])* $name:ident = $plain:ident, $refusal:ident;)+) => {$(
        $(#[$meta])*
        pub struct $name {
            /// Whom.
            pub user: UserId,
            /// Why.
            pub reason: Option<String>,
        }

        impl Action for $name {
            const NAME: &'static str = $plain::NAME;
            type Output = Changed;

            fn subject(&self) -> Subject {
                Subject::User(self.user)
            }

            fn reason(&self) -> Option<&str> {
                self.reason.as_deref()
            }

            async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
                let done = cx.perform(&$plain { user: self.user, reason: self.reason.clone() }).await?;
                if done.changed { Ok(done) } else { Err(Refusal::$refusal.into()) }
            }
        }
    )+};
}

strict! {
    /// Disables like `DisableUser`, but refuses where she is disabled already.
    DisableEnabledUser = DisableUser, AlreadyDisabled;

    /// Enables like `EnableUser`, but refuses where she is not disabled.
    EnableDisabledUser = EnableUser, NotDisabled;
}
