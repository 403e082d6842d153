//! What may exist once only in a tenant: username, e-mail, external id, as keyed fingerprints with the number of the user
//! who has it. They stand in no order that anybody knows, so each new one would change another page of a table that grows
//! with the number of users. Therefore there are two tables: whatever is new goes into the small one (`user_unique_recent`),
//! and now and then all of it is moved into the large one (`user_unique`) in the order of both (decision 0040).
//!
//! That nothing exists twice, although no index spans both: everybody first inserts into the small one, whose key forbids
//! it there, and then looks into the large one. What was moved in between is seen by that look, because a move is one
//! transaction. Whoever gives something up deletes in the same order, and a move locks what it takes.

pub(crate) mod store;

use super::profile::Profile;
use crate::db::{Rd, Read, Tx, Weight, Write};
use crate::door::Desk;
use crate::error::Result;
use crate::value::id::TenantId;
use crate::value::token::{Domain, Lookup, UniqueToken};

crate::value::words! {
    /// What may exist once only in a tenant.
    pub enum Unique {
        /// The username.
        Username = "username",
        /// The e-mail address.
        Email = "email",
        /// Another system's id.
        ExternalId = "identifiers.external_id",
    }
}

impl Unique {
    /// The domain of its token.
    pub(crate) fn domain(self) -> Domain {
        match self {
            Unique::Username => Domain::Username,
            Unique::Email => Domain::Email,
            Unique::ExternalId => Domain::ExternalId,
        }
    }

    fn of(self, profile: &Profile) -> Option<&str> {
        match self {
            Unique::Username => profile.username.as_deref(),
            Unique::Email => profile.email.as_deref(),
            Unique::ExternalId => profile.identifiers.external_id.as_deref(),
        }
    }
}

/// The tokens of what may exist once only.
pub(crate) fn unique_tokens(lookup: &Lookup, profile: &Profile) -> Vec<(Unique, UniqueToken)> {
    let token = |field: &Unique| field.of(profile).map(|text| (*field, lookup.unique(field.domain(), text)));
    Unique::ALL.iter().filter_map(token).collect()
}

/// So many are moved in one transaction, more or less: on SQLite everybody waits for so long.
const AT_ONCE: i64 = 4096;
/// From so many on it is worth it to move them.
pub const WORTH_SETTLING: i64 = 10_000;

/// Moves what is recent and begins with one of these bytes.
struct Move {
    tenant: TenantId,
    first: u8,
    last: u8,
}

impl Write for Move {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        store::move_recent(tx, self.tenant, self.first, self.last).await
    }
}

struct CountRecent(TenantId);

impl Read for CountRecent {
    const WEIGHT: Weight = Weight::Scan;
    type Output = i64;

    async fn run(&self, rd: &mut Rd) -> Result<i64> {
        store::count_recent(rd, self.0).await
    }
}

impl Desk {
    /// Moves what is recent among what may exist once only into the large table, if there are so many; answers how
    /// many there were. Nothing depends on when it is done but how much finding somebody by it costs, and bringing somebody in.
    pub async fn settle_unique(&self, tenant: TenantId, at_least: i64) -> Result<i64> {
        let recent = self.recent_unique(tenant).await?;
        if recent < at_least.max(1) {
            return Ok(0);
        }
        // Tokens begin with any byte as often as with any other.
        let pieces = (recent / AT_ONCE).clamp(1, 256) as usize;
        for piece in 0..pieces {
            let begin = |piece: usize| piece * 256 / pieces;
            let (first, last) = (begin(piece) as u8, (begin(piece + 1) - 1) as u8);
            self.inner.db.write(Move { tenant, first, last }).await?;
            self.inner.db.settle().await?;
        }
        Ok(recent)
    }

    /// How many of what may exist once only are recent.
    pub(crate) async fn recent_unique(&self, tenant: TenantId) -> Result<i64> {
        self.inner.db.read(CountRecent(tenant)).await
    }
}
