//! What commands at the machine share: the desk, opened, and in which institution they work.

use desk::staff::{ListStaff, Staff};
use desk::tenant::TenantCard;
use desk::{Caller, Desk, Door};

use crate::cli::At;
use crate::config::Settings;
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Purpose};

/// The desk, and the operator as its caller.
pub struct House {
    /// The desk.
    pub desk: Desk,
    /// The house, in the institution meant.
    pub caller: Caller,
}

/// Opens the desk for work in one institution.
pub async fn open(settings: &Settings, at: &At) -> Done<House> {
    let desk = wire_up::open(settings, Absent::Refuse, Purpose::Command).await?.desk;
    let all = wire_up::tenants(&desk).await?;
    let tenant = match (at.tenant, all.as_slice()) {
        (_, []) => {
            return Err(Trouble::new(
                "there is no institution yet",
                "Open one: bursar tenant create --name \"Your Bank\" --kind bank",
            ));
        }
        (Some(id), all) if all.iter().any(|card| card.id == id) => id,
        (Some(id), all) => return Err(Trouble::usage(format!("there is no institution {id}"), listed(all))),
        (None, [only]) => only.id,
        (None, all) => return Err(Trouble::usage("there are several institutions", listed(all))),
    };
    Ok(House { desk, caller: Caller::house(tenant, Door::Cli) })
}

fn listed(all: &[TenantCard]) -> String {
    let cards: Vec<String> = all.iter().map(|card| format!("{} ({})", card.id, card.institution.name)).collect();
    format!("Choose one with --tenant: {}.", cards.join(", "))
}

impl House {
    /// The staff member with this e-mail address.
    pub async fn staff_member(&self, email: &str) -> Done<Staff> {
        let all = self.desk.ask(&self.caller, ListStaff).await?;
        let found = all.into_iter().find(|staff| staff.profile.email.eq_ignore_ascii_case(email.trim()));
        found.ok_or_else(|| {
            Trouble::new(
                format!("no staff member has the address {email}"),
                "Add her first: bursar staff add --email … --name … --role …",
            )
        })
    }

    /// Ends in order, so that what was done is on the disk and in the file.
    pub async fn close(self) {
        self.desk.db().stop().await;
    }
}
