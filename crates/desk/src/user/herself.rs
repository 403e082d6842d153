//! What a customer changes of her own file.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::user::actions::{Changed, EditUser};
use crate::value::id::UserId;
use crate::verb::{Action, Cx, Subject};

/// The parts of a profile that a customer may complete or correct herself.
pub const HERS: &[&str] =
    &["address", "photo_id", "home_contact", "next_of_kin", "locale", "preferred_name", "is_diaspora"];

/// Changes what a customer may change of her own profile, by a merge patch as in `EditUser`.
pub struct EditMyself {
    /// The caller.
    pub user: UserId,
    /// The patch of the profile, of the parts in `HERS` only.
    pub patch: Map<String, Value>,
}

impl Action for EditMyself {
    const NAME: &'static str = "user.edit_herself";
    type Output = Changed;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Changed> {
        if let Some(name) = self.patch.keys().find(|name| !HERS.contains(&name.as_str())) {
            let message = format!("One changes this of oneself only: {}.", HERS.join(", "));
            return Err(Error::invalid(name.clone(), "unknown", message));
        }
        let (patch, user) = (self.patch.clone(), self.user);
        let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
        // She has no right to edit anybody: this action is the right to edit herself, and reaches as far as `HERS`.
        edit.run(cx).await
    }
}
