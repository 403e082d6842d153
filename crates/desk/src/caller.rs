//! Who wants something: with which permissions, in which tenant, by which door. Made by the doors once a proof was
//! checked; everything in the desk trusts it.

use std::net::IpAddr;

use crate::error::{Error, Refusal, Result};
use crate::permission::{Need, Permission, Permissions};
use crate::value::id::{KeyId, SessionId, StaffId, TenantId, UserId};
use crate::value::words;
use crate::verb::Subject;

words! {
    /// The door somebody came in by.
    pub enum Door {
        /// Our own REST API.
        Native = "native",
        /// The web console.
        Console = "console",
        /// The Banno voice.
        Banno = "banno",
        /// The Switch voice.
        Switch = "switch",
        /// The Okra voice.
        Okra = "okra",
        /// The Choice Bank voice.
        Choice = "choice",
        /// The Linxo voice.
        Linxo = "linxo",
        /// A page of ours that a user reached by a link.
        Page = "page",
        /// The background worker.
        Worker = "worker",
        /// The command line, at the machine.
        Cli = "cli",
    }
}

/// Who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Nobody has proved anything.
    Anonymous,
    /// An end customer, signed in.
    User {
        /// The user.
        id: UserId,
        /// Her session.
        session: SessionId,
    },
    /// A staff member, signed in.
    Staff {
        /// The staff member.
        id: StaffId,
        /// The session.
        session: SessionId,
    },
    /// A machine's key, which acts with its owner's current permissions.
    Key {
        /// The key.
        id: KeyId,
        /// The staff member it acts as.
        staff: StaffId,
    },
    /// The house itself: the background worker, or the operator at the machine.
    House,
}

/// By which way, for the record.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The door.
    pub door: Door,
    /// The id of the request, also in the log and in the answer.
    pub request_id: String,
    /// The address it came from.
    pub address: Option<IpAddr>,
    /// The human agent whom a program says it acts for (free text, at most 128 characters).
    pub on_behalf: Option<String>,
}

impl Origin {
    /// A way in without request, e.g. for the worker.
    pub fn house(door: Door) -> Origin {
        Origin { door, request_id: String::new(), address: None, on_behalf: None }
    }
}

/// Who wants something.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub who: Who,
    /// The tenant all of this happens in.
    pub tenant: TenantId,
    /// What the caller may do.
    pub may: Permissions,
    /// By which way it came.
    pub origin: Origin,
}

impl Caller {
    /// Somebody who has proved nothing.
    pub fn anonymous(tenant: TenantId, origin: Origin) -> Caller {
        Caller { who: Who::Anonymous, tenant, may: Permissions::NONE, origin }
    }

    /// The house itself.
    pub fn house(tenant: TenantId, door: Door) -> Caller {
        Caller { who: Who::House, tenant, may: Permissions::all(), origin: Origin::house(door) }
    }

    /// Whether it is no member of the staff and no program of theirs, but a customer, or a stranger who may be one: what they
    /// read tells nothing of suspicion.
    pub fn is_customer(&self) -> bool {
        matches!(self.who, Who::User { .. } | Who::Anonymous)
    }

    /// An error as this caller may read it.
    pub(crate) fn reads(&self, error: Error) -> Error {
        if self.is_customer() { error.for_customer() } else { error }
    }

    /// Whether the caller holds the permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.may.has(permission)
    }

    /// Refuses who lacks any of these rights: nobody gives, takes away, or acts on somebody or something that holds, more than
    /// they may do themselves. The one rule behind `beyond_own_rights`; the operator at the machine holds every right.
    pub fn reaches(&self, rights: Permissions) -> Result<()> {
        match rights.within(self.may) {
            true => Ok(()),
            false => Err(Refusal::BeyondOwnRights.into()),
        }
    }

    /// The missing permission's word, if the caller may not do this to that subject.
    pub fn lacks(&self, need: Need, subject: Subject) -> Option<&'static str> {
        let is_house = self.who == Who::House;
        let is_oneself = matches!((self.who, subject), (Who::User { id, .. }, Subject::User(other)) if id == other);
        let allowed = match need {
            Need::Anyone => true,
            Need::Oneself => is_oneself,
            Need::OneselfOr(permission) => is_oneself || self.may(permission),
            Need::Holder(permission) => self.may(permission),
            Need::SignedInStaff => matches!(self.who, Who::Staff { .. } | Who::Key { .. }) || is_house,
            Need::House => is_house,
        };
        match need {
            _ if allowed => None,
            Need::OneselfOr(permission) | Need::Holder(permission) => Some(permission.word()),
            Need::Oneself => Some("oneself"),
            Need::SignedInStaff => Some("signed_in_staff"),
            Need::House | Need::Anyone => Some("house"),
        }
    }

    /// The stable words of the record: kind and id of the one who acts.
    pub fn actor(&self) -> (&'static str, Option<uuid::Uuid>) {
        match self.who {
            Who::Anonymous => ("anonymous", None),
            Who::User { id, .. } => ("user", Some(id.0)),
            Who::Staff { id, .. } => ("staff", Some(id.0)),
            Who::Key { id, .. } => ("key", Some(id.0)),
            Who::House => ("house", None),
        }
    }

    /// The author's name in marks and notes: `staff:stf_…`, `key:key_…`, `user:usr_…`, `house`.
    pub fn author(&self) -> String {
        match self.who {
            Who::Anonymous => "anonymous".to_owned(),
            Who::User { id, .. } => format!("user:{id}"),
            Who::Staff { id, .. } => format!("staff:{id}"),
            Who::Key { id, .. } => format!("key:{id}"),
            Who::House => "house".to_owned(),
        }
    }

    /// The staff member behind a session or a key.
    pub fn staff(&self) -> Option<StaffId> {
        match self.who {
            Who::Staff { id, .. } | Who::Key { staff: id, .. } => Some(id),
            _ => None,
        }
    }
}
