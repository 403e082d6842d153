//! What may be asked about staff.

use super::{Staff, store};
use crate::error::{Error, Result};
use crate::permission::Permissions;
use crate::verb::{Question, Qx};

/// All staff.
pub struct ListStaff;

impl Question for ListStaff {
    const NAME: &'static str = "staff.list";
    type Output = Vec<Staff>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Staff>> {
        store::all(qx.rd, qx.tenant).await
    }
}

/// The caller herself, and what she may do now.
pub struct WhoAmI;

impl Question for WhoAmI {
    const NAME: &'static str = "staff.who_am_i";
    type Output = (Staff, Permissions);

    async fn run(&self, qx: &mut Qx<'_>) -> Result<(Staff, Permissions)> {
        let id = qx.caller.staff().ok_or(Error::Forbidden("signed_in_staff"))?;
        Ok((store::load_to_read(qx.rd, qx.tenant, id).await?, qx.caller.may))
    }
}
