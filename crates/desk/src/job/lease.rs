//! Work that one process at a time may do: a lease row elects it. Whoever holds the lease keeps it by asking again; who
//! does not ask loses it to the next.

use crate::db::{Tx, Write, params};
use crate::door::Desk;
use crate::error::Result;
use crate::value::clock::Time;

pub(crate) const TAKE: &str = "\
    INSERT INTO lease (name, holder, fence, until)
    VALUES ($1, $2, 1, $3)
    ON CONFLICT (name) DO UPDATE
    SET holder = $2, until = $3, fence = lease.fence + CASE WHEN lease.holder = $2 THEN 0 ELSE 1 END
    WHERE lease.holder = $2 OR lease.until < $4";

struct Take {
    name: String,
    holder: String,
    now: Time,
    until: Time,
}

impl Write for Take {
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        Ok(tx.run(TAKE, params![self.name, self.holder, self.until, self.now]).await? == 1)
    }
}

impl Desk {
    /// Whether `holder` has the lease until so many microseconds from now.
    pub async fn take_lease(&self, name: &str, holder: &str, micros: i64) -> Result<bool> {
        let now = self.now();
        let take = Take { name: name.to_owned(), holder: holder.to_owned(), now, until: now.plus(micros) };
        self.inner.db.write(take).await
    }
}
