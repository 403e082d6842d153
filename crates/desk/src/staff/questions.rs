//! What may be asked about staff.

use super::{Staff, store};
use crate::error::{Error, Result};
use crate::permission::Permissions;
use crate::value::id::StaffId;
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

/// A staff member with the names of her roles.
#[derive(Debug, Clone)]
pub struct StaffCard {
    /// She.
    pub staff: Staff,
    /// The names of her roles, in the order of the alphabet.
    pub roles: Vec<String>,
}

/// Everybody with their roles, by number.
pub struct StaffCards;

impl Question for StaffCards {
    const NAME: &'static str = "staff.list";
    type Output = Vec<StaffCard>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<StaffCard>> {
        let mut cards: Vec<StaffCard> = store::all(qx.rd, qx.tenant)
            .await?
            .into_iter()
            .map(|staff| StaffCard { staff, roles: Vec::new() })
            .collect();
        for (id, role) in store::role_names(qx.rd, qx.tenant, None).await? {
            if let Some(card) = cards.iter_mut().find(|card| card.staff.id == id) {
                card.roles.push(role);
            }
        }
        cards.sort_by_key(|card| card.staff.number);
        Ok(cards)
    }
}

/// The staff member with a number, with her roles; for the doors that speak in numbers.
pub struct StaffByNumber(pub i64);

impl Question for StaffByNumber {
    const NAME: &'static str = "staff.list";
    type Output = Option<StaffCard>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Option<StaffCard>> {
        let Some(staff) = store::by_number(qx.rd, qx.tenant, self.0).await? else { return Ok(None) };
        Ok(Some(card(qx, staff).await?))
    }
}

/// The caller herself, with the names of her roles.
pub struct MyCard;

impl Question for MyCard {
    const NAME: &'static str = "staff.who_am_i";
    type Output = StaffCard;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<StaffCard> {
        let id = qx.caller.staff().ok_or(Error::Forbidden("signed_in_staff"))?;
        let staff = store::load_to_read(qx.rd, qx.tenant, id).await?;
        card(qx, staff).await
    }
}

async fn card(qx: &mut Qx<'_>, staff: Staff) -> Result<StaffCard> {
    let one: Option<StaffId> = Some(staff.id);
    let roles = store::role_names(qx.rd, qx.tenant, one).await?.into_iter().map(|(_, name)| name).collect();
    Ok(StaffCard { staff, roles })
}
