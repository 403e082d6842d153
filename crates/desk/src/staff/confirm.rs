//! Another member's word that a colleague is a colleague.

use super::{Staff, store};
use crate::caller::Who;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::key;
use crate::value::id::StaffId;
use crate::verb::{Action, Cx, Subject};

/// Confirms a colleague whom somebody else brought in: from then on they may be each other's second person.
pub struct ConfirmStaff(pub StaffId);

impl Action for ConfirmStaff {
    const NAME: &'static str = "staff.confirm";
    type Output = Staff;

    fn subject(&self) -> Subject {
        Subject::Staff(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Staff> {
        let tenant = cx.tenant.id;
        let mut staff = store::load(cx.tx, cx.tenant, self.0).await?;
        let hands = match cx.caller.who {
            Who::Staff { id, .. } => vec![id],
            Who::Key { id, staff } => key::people_behind(cx.tx, tenant, staff, Some(id)).await?,
            // The operator at the machine is none of the staff.
            Who::House => Vec::new(),
            Who::User { .. } | Who::Anonymous => return Err(Error::Forbidden("signed_in_staff")),
        };
        if hands.contains(&self.0) {
            return Err(Refusal::NotToOneself.into());
        }
        if staff.is_confirmed() {
            return Ok(staff);
        }
        if let Some(id) = cx.caller.staff()
            && store::is_password_change_due(cx.tx, tenant, id).await?
        {
            return Err(Refusal::PasswordNotOwn.into());
        }
        crate::role::check_reach_of_staff(cx, self.0).await?;
        // Nor does somebody whom the same person brought in.
        let people = store::with_bringers(cx.tx, tenant, hands).await?;
        let bringers = store::with_bringers(cx.tx, tenant, staff.brought_in_by.clone()).await?;
        if people.iter().any(|person| bringers.contains(person)) {
            return Err(Refusal::BroughtInByCaller.into());
        }
        staff.confirmed_at = Some(cx.now);
        cx.tx.put(store::CONFIRM, crate::db::params![tenant, self.0, cx.now]).await?;
        cx.note(Fact::StaffConfirmed { staff: self.0 });
        Ok(staff)
    }
}
