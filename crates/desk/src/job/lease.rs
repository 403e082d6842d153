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

/// Takes it from whoever has it.
pub(crate) const SEIZE: &str = "\
    INSERT INTO lease (name, holder, fence, until)
    VALUES ($1, $2, 1, $3)
    ON CONFLICT (name) DO UPDATE SET holder = $2, until = $3, fence = lease.fence + 1";

/// Gives it back, for the next one to take at once.
pub(crate) const LEAVE: &str = "UPDATE lease SET until = 0 WHERE name = $1 AND holder = $2";

struct Take {
    name: String,
    holder: String,
    now: Time,
    until: Time,
}

impl Write for Take {
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        take(tx, &self.name, &self.holder, self.now, self.until).await
    }
}

/// Takes a lease within a transaction that does more.
pub(crate) async fn take(tx: &mut Tx, name: &str, holder: &str, now: Time, until: Time) -> Result<bool> {
    Ok(tx.run(TAKE, params![name, holder, until, now]).await? == 1)
}

struct Seize {
    name: String,
    holder: String,
    until: Time,
}

impl Write for Seize {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(SEIZE, params![self.name, self.holder, self.until]).await
    }
}

struct Leave {
    name: String,
    holder: String,
}

impl Write for Leave {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(LEAVE, params![self.name, self.holder]).await
    }
}

impl Desk {
    /// Whether `holder` has the lease until so many microseconds from now.
    pub async fn take_lease(&self, name: &str, holder: &str, micros: i64) -> Result<bool> {
        let now = self.now();
        let take = Take { name: name.to_owned(), holder: holder.to_owned(), now, until: now.plus(micros) };
        self.inner.db.write(take).await
    }

    /// Takes a lease from a holder who is known not to use it any more. Only for work of which two at once do no harm: the
    /// other may yet believe to have it.
    pub async fn seize_lease(&self, name: &str, holder: &str, micros: i64) -> Result<()> {
        let until = self.now().plus(micros);
        self.inner.db.write(Seize { name: name.to_owned(), holder: holder.to_owned(), until }).await
    }

    /// Gives a lease back, if `holder` has it.
    pub async fn leave_lease(&self, name: &str, holder: &str) -> Result<()> {
        self.inner.db.write(Leave { name: name.to_owned(), holder: holder.to_owned() }).await
    }
}
