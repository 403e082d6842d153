//! Rows that have outlived their use: kept answers, used assertions, old failures. Bookkeeping of the house, under a lease.

use crate::db::{Tx, Write, params};
use crate::door::Desk;
use crate::error::Result;
use crate::message::limits;
use crate::value::clock::{DAY, HOUR, Time};
use crate::{idempotency, key, password, tries};

/// How long an answer is kept for a repeated request.
pub const ANSWERS_KEPT: i64 = DAY;

struct Sweep(Time);

impl Write for Sweep {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        let answers = tx.run(idempotency::SWEEP, params![self.0.plus(-ANSWERS_KEPT)]).await?;
        let assertions = tx.run(key::store::SWEEP_ASSERTIONS, params![self.0]).await?;
        let tries = tx.run(tries::store::SWEEP, params![self.0]).await?;
        let counts = tx.run(limits::store::SWEEP, params![self.0.0.div_euclid(HOUR)]).await?;
        let registrations = tx.run(password::store::SWEEP, params![self.0]).await?;
        Ok(answers + assertions + tries + counts + registrations)
    }
}

impl Desk {
    /// Deletes what has expired; answers how many rows.
    pub async fn sweep(&self) -> Result<u64> {
        self.inner.db.write(Sweep(self.now())).await
    }
}
