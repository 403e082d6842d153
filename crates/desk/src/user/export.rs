//! A list of users taken out: opened once, and on record from then on; then read page by page, so that nothing is held
//! whole. In full only with the right to reveal and a purpose.

use crate::db::Weight;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::user::census::{self, Begin, Census, Wanted};
use crate::user::questions::{SeenUser, UserFilter, check_purpose};
use crate::user::store;
use crate::verb::{Question, Qx};

/// Users of one page.
pub const EXPORT_PAGE: i64 = 500;

/// Opens an export. Recorded, with its purpose if it has one.
pub struct ExportUsers {
    /// Which users.
    pub filter: UserFilter,
    /// What for: then nothing is masked, and the caller must have the right to reveal.
    pub purpose: Option<String>,
}

/// An export that was opened; only the desk makes it.
#[derive(Debug, Clone)]
pub struct Export {
    filter: UserFilter,
    in_full: bool,
}

impl Export {
    /// Whether nothing is masked.
    pub fn in_full(&self) -> bool {
        self.in_full
    }
}

impl Question for ExportUsers {
    const NAME: &'static str = "user.export";
    const RECORDED: bool = true;
    type Output = Export;

    fn purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Export> {
        if let Some(purpose) = &self.purpose {
            if !qx.caller.may(Permission::UsersReveal) {
                return Err(Error::Forbidden(Permission::UsersReveal.word()));
            }
            check_purpose(purpose)?;
        }
        Ok(Export { filter: self.filter.clone(), in_full: self.purpose.is_some() })
    }
}

/// The next users of an export that was opened. The caller must still have the rights that it was opened with: ask
/// `Desk::caller_now` before each page.
pub struct ExportPage {
    /// The export.
    pub export: Export,
    /// Those with a greater number.
    pub after: i64,
}

impl Question for ExportPage {
    const NAME: &'static str = "user.export_page";
    type Output = Vec<SeenUser>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<SeenUser>> {
        if self.export.in_full && !qx.caller.may(Permission::UsersReveal) {
            return Err(Error::Forbidden(Permission::UsersReveal.word()));
        }
        let wanted = Wanted::of(&self.export.filter, store::hides_employees(qx.tenant, qx.caller));
        let census = Census::read(qx.rd, qx.tenant.id, wanted).await?;
        let numbers = census.numbers(qx.rd, Begin::After(self.after), EXPORT_PAGE).await?;
        let rows = census::store::users(qx.rd, qx.tenant.id, &numbers).await?;
        let mut users = Vec::with_capacity(rows.len());
        for mut row in rows {
            let user = store::read(qx.tenant, &mut row)?;
            users.push(if self.export.in_full { user.in_full()? } else { user.seen_by(qx.caller)? });
        }
        Ok(users)
    }
}
