//! Who works here. Staff sign in with e-mail and password, or act through keys; what they may do is the union of their
//! roles, looked up for every request, so that a change counts at once.

pub mod actions;
pub mod questions;
pub(crate) mod store;

pub use actions::{AddStaff, DisableStaff, EnableStaff, StaffSignIn, StaffSignInAnswer, StaffSignOut};
pub use questions::{ListStaff, MyCard, StaffByNumber, StaffCard, StaffCards, WhoAmI};

use serde::{Deserialize, Serialize};

use crate::value::clock::Time;
use crate::value::id::StaffId;

/// Who a staff member is; sealed with the tenant's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct StaffProfile {
    pub name: String,
    pub email: String,
}

/// A staff member.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Staff {
    pub id: StaffId,
    /// The dense number in the tenant, from 1.
    pub number: i64,
    pub profile: StaffProfile,
    pub disabled_at: Option<Time>,
    pub created_at: Time,
    pub(crate) password_hash: Option<String>,
    pub(crate) failed_sign_ins: i64,
    pub(crate) locked_until: Option<Time>,
}

impl Staff {
    /// Whether wrong passwords keep her out.
    pub fn is_locked(&self, now: Time) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    /// Whether she can sign in with a password.
    pub fn has_password(&self) -> bool {
        self.password_hash.is_some()
    }
}
