//! What is done after a backup was restored: who was erased after it was made has no key among those of a later day, and is
//! erased again.

use super::EraseUser;
use super::store;
use crate::caller::{Caller, Door};
use crate::db::{Rd, Read, Tx, Weight, Write};
use crate::door::Desk;
use crate::error::Result;
use crate::value::id::{TenantId, UserId};

/// How many are looked for at a time.
const SLICE: i64 = 1_000;

struct Keyless(TenantId);

impl Read for Keyless {
    type Output = Vec<UserId>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Vec<UserId>> {
        store::keyless(rd, self.0, SLICE).await
    }
}

struct Forget(TenantId);

impl Write for Forget {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        store::forget_how_to_find_erased(tx, self.0).await
    }
}

impl Desk {
    /// Erases users whose keys are gone; tells how many. For a database that was just restored, which nobody is served from.
    pub async fn erase_keyless(&self, tenant: TenantId) -> Result<usize> {
        let house = Caller::house(tenant, Door::Cli);
        let mut erased = 0;
        loop {
            let users = self.inner.db.read(Keyless(tenant)).await?;
            for user in &users {
                let reason = Some("erased after this backup was made".to_owned());
                self.perform(&house, EraseUser { user: *user, reason }).await?;
            }
            erased += users.len();
            if (users.len() as i64) < SLICE {
                break;
            }
        }
        if erased > 0 {
            self.inner.db.write(Forget(tenant)).await?;
        }
        Ok(erased)
    }
}
