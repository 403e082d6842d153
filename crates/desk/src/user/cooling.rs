//! The time after a change of a contact in which nobody alone has something sent there that opens the account. Whoever may edit
//! contacts and send links could else take an account over with two calls, and so could whoever talks one of them into it.
//! The other ways stay open: the contact that did not change, a second person's approval, the customer's code by a contact
//! that did not change, and the operator at the machine.

use super::model::User;
use crate::caller::{Door, Who};
use crate::error::{Refusal, Result};
use crate::tenant::Settings;
use crate::value::clock::{SECOND, Time};
use crate::verb::Cx;

/// Where something would be sent, or what the customer would be reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The e-mail address.
    Email,
    /// The phone.
    Phone,
    /// Either.
    Any,
}

impl User {
    /// Whether this contact was changed so lately that it is not believed alone.
    pub(crate) fn is_fresh(&self, reached: Reached, settings: &Settings, now: Time) -> bool {
        let span = settings.contact_cooling_seconds * SECOND;
        let is_fresh = |at: Option<Time>| at.is_some_and(|at| now < at.plus(span));
        match reached {
            Reached::Email => is_fresh(self.email_changed_at),
            Reached::Phone => is_fresh(self.phone_changed_at),
            Reached::Any => is_fresh(self.email_changed_at) || is_fresh(self.phone_changed_at),
        }
    }
}

/// Refuses to send what opens an account to a contact that was changed lately, or to take a guard of it away, unless somebody
/// else has looked.
pub(crate) fn check_cooled(cx: &Cx<'_>, user: &User, reached: Reached) -> Result<()> {
    let is_operator = cx.caller.who == Who::House && cx.caller.origin.door == Door::Cli;
    if is_operator || cx.has_other_eyes() || cx.is_tried() || !user.is_fresh(reached, &cx.tenant.settings, cx.now) {
        return Ok(());
    }
    Err(Refusal::ContactChanged.into())
}
