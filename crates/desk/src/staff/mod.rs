//! Who works here. Staff sign in with e-mail and password, or act through keys; what they may do is the union of their
//! roles, looked up for every request, so that a change counts at once.

pub mod actions;
mod confirm;
mod password;
pub mod questions;
pub(crate) mod store;

pub use actions::{AddStaff, DisableStaff, EnableStaff, StaffSignIn, StaffSignInAnswer, StaffSignOut};
pub use confirm::ConfirmStaff;
pub use password::{ChangeStaffPassword, RequirePasswordChange};
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
    /// Who brought them in; nobody of the staff, where the operator at the machine did.
    pub brought_in_by: Vec<StaffId>,
    /// When another member confirmed that.
    pub confirmed_at: Option<Time>,
    /// The password was set by somebody else: it opens nothing until it is changed.
    pub password_change_due: bool,
}

impl Staff {
    /// Whether they count as a second person for whoever brought them in, and the other way round.
    pub fn is_confirmed(&self) -> bool {
        self.brought_in_by.is_empty() || self.confirmed_at.is_some()
    }

    /// Whether she can sign in with a password.
    pub fn has_password(&self) -> bool {
        self.password_hash.is_some()
    }
}
