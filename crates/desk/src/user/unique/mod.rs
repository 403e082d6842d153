//! What may exist once only in a tenant: username, e-mail, external id, as keyed fingerprints with the number of the user
//! who has it. They stand in no order that anybody knows, so each new one would change another page of a table that grows
//! with the number of users. Therefore there are two tables: whatever is new goes into the small one (`user_unique_recent`),
//! and now and then all of it is moved into the large one (`user_unique`) in the order of both (decision 0040).
//!
//! That nothing exists twice, although no index spans both: everybody first inserts into the small one, whose key forbids
//! it there, and then looks into the large one. What was moved in between is seen by that look, because a move is one
//! transaction. Whoever gives something up deletes in the same order, and a move locks what it takes.
//!
//! Whoever brings many in looks before the transaction (`Looked`), in which everybody waits for it, and looks there only at
//! what may have changed (decision 0045).

pub(crate) mod names;
pub(crate) mod store;

use std::collections::{HashMap, HashSet};

use super::profile::Profile;
use crate::db::{Rd, Read, Tx, Weight, Write};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::value::id::{TenantId, UserId};
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

/// The tokens of what may exist once only. A username that is an address also has the token of that address, so that nobody
/// signs in with what is another user's; one of digits has a token that telephone numbers are compared with.
pub(crate) fn unique_tokens(lookup: &Lookup, profile: &Profile) -> Vec<(Unique, UniqueToken)> {
    let token = |field: &Unique| field.of(profile).map(|text| (*field, lookup.unique(field.domain(), text)));
    let mut tokens: Vec<_> = Unique::ALL.iter().filter_map(token).collect();
    if let Some(username) = &profile.username {
        let claimed = [(Domain::Email, username.contains('@')), (Domain::NumericName, names::could_be_phone(username))];
        for (domain, _) in claimed.into_iter().filter(|(_, is_so)| *is_so) {
            let token = lookup.unique(domain, username);
            // Whoever signs in with their own address under both names has it once.
            if !tokens.iter().any(|(_, known)| *known == token) {
                tokens.push((Unique::Username, token));
            }
        }
    }
    tokens
}

/// Which of these are in the large table, for who has begun to look; some thousands at most.
pub(crate) struct Settled(pub TenantId, pub Vec<UniqueToken>);

impl Read for Settled {
    type Output = Vec<UniqueToken>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Vec<UniqueToken>> {
        store::settled(rd, self.0, &self.1).await
    }
}

/// So many are moved in one transaction, more or less: on SQLite everybody waits for so long.
const AT_ONCE: i64 = 4096;
/// From so many on it is worth it to move them.
pub const WORTH_SETTLING: i64 = 10_000;
/// While so many come in, all that was there before is moved once. Fewer: the large table is gone through more often. More:
/// the small one is no longer small, and its pages are written more often.
const ROUND: i64 = 300_000;
/// Tokens begin with any byte as often as with any other.
const BYTES: i64 = 256;

/// How often what begins with each byte was moved: two bytes for each.
pub(crate) struct Moves(Box<[[u8; 2]; BYTES as usize]>);

impl Default for Moves {
    fn default() -> Moves {
        Moves(Box::new([[0; 2]; BYTES as usize]))
    }
}

impl Moves {
    fn read(bytes: Vec<u8>) -> Result<Moves> {
        let broken = || Error::internal("the counts of moves are cut");
        let (counts, rest) = bytes.as_chunks::<2>();
        let counts = counts.to_vec().try_into().map_err(|_| broken())?;
        if rest.is_empty() { Ok(Moves(counts)) } else { Err(broken()) }
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// Begins anew behind 65,535: nobody looks, and writes only after so many.
    fn count_up(&mut self, first: u8, last: u8) {
        for count in &mut self.0[usize::from(first)..=usize::from(last)] {
            *count = u16::from_be_bytes(*count).wrapping_add(1).to_be_bytes();
        }
    }

    fn of(&self, token: &UniqueToken) -> [u8; 2] {
        self.0[usize::from(token[0])]
    }
}

/// What somebody has seen who looked before she writes. What was not in the large table then, and was not moved since, can only be
/// among the recent: new tokens come in there, and are counted when they leave.
#[derive(Default)]
pub(crate) struct Looked {
    moves: Moves,
    held: HashSet<UniqueToken>,
}

impl Looked {
    /// Begins to look: what is seen from here on, and is not moved from here on, is sure.
    pub async fn begin(rd: &mut Rd, tenant: TenantId) -> Result<Looked> {
        Ok(Looked { moves: store::moves(rd, tenant).await?, held: HashSet::new() })
    }

    /// Looks who holds any of these.
    pub async fn see(
        &mut self,
        rd: &mut Rd,
        tenant: TenantId,
        tokens: &[UniqueToken],
    ) -> Result<HashMap<UniqueToken, UserId>> {
        let found = store::holders(rd, tenant, tokens).await?;
        self.held.extend(found.keys());
        Ok(found)
    }

    /// Takes over what `Settled` has found.
    pub fn add(&mut self, settled: Vec<UniqueToken>) {
        self.held.extend(settled);
    }

    /// Who holds any of these now, all of which were seen.
    pub async fn holders(
        &self,
        rd: &mut Rd,
        tenant: TenantId,
        tokens: Vec<UniqueToken>,
    ) -> Result<HashMap<UniqueToken, UserId>> {
        let mut found = store::recent_holders(rd, tenant, &tokens).await?;
        // Counted behind that look: what was moved before it is counted, and what is moved after it was seen by it.
        let moves = store::moves(rd, tenant).await?;
        let doubtful: Vec<_> = tokens.into_iter().filter(|token| !self.is_sure(&moves, token)).collect();
        found.extend(store::holders(rd, tenant, &doubtful).await?);
        Ok(found)
    }

    /// Whether this one, which was seen, is not in the large table, where so often was moved by now.
    fn is_sure(&self, now: &Moves, token: &UniqueToken) -> bool {
        self.moves.of(token) == now.of(token) && !self.held.contains(token)
    }
}

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

/// Where somebody is who moves what is recent little by little, first byte after first byte, again and again: nobody waits
/// for a large move, and each of many imported users bears her share of it.
#[derive(Default)]
pub(crate) struct Round {
    /// The next first byte.
    at: i64,
    /// Of `BYTES` parts of a token, how many came in and have not yet moved the round on.
    owed: i64,
}

struct CountRecent(TenantId);

impl Read for CountRecent {
    type Output = i64;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<i64> {
        store::count_recent(rd, self.0).await
    }
}

impl Desk {
    /// Moves what is recent among what may exist once only into the large table, if there are so many; answers how
    /// many there were. Nothing depends on when it is done but how much finding somebody by it costs, and bringing somebody in.
    pub async fn settle_unique(&self, tenant: TenantId, at_least: i64) -> Result<i64> {
        let recent = self.inner.db.read(CountRecent(tenant)).await?;
        if recent < at_least.max(1) {
            return Ok(0);
        }
        self.move_recent(tenant, 0, BYTES, recent).await?;
        Ok(recent)
    }

    /// Goes on with a round by as much as these new ones are of it.
    pub(crate) async fn settle_share(&self, tenant: TenantId, round: &mut Round, new: i64) -> Result<()> {
        round.owed += new * BYTES;
        let (mut bytes, owed) = (round.owed / ROUND, round.owed % ROUND);
        round.owed = owed;
        bytes = bytes.min(BYTES);
        while bytes > 0 {
            let end = (round.at + bytes).min(BYTES);
            self.move_recent(tenant, round.at, end, ROUND).await?;
            bytes -= end - round.at;
            round.at = end % BYTES;
        }
        Ok(())
    }

    /// Moves what begins with one of these bytes, where there may be so many in all, in pieces.
    async fn move_recent(&self, tenant: TenantId, mut first: i64, end: i64, recent: i64) -> Result<()> {
        let at_once = (AT_ONCE * BYTES / recent).clamp(1, BYTES);
        while first < end {
            let next = (first + at_once).min(end);
            self.inner.db.write(Move { tenant, first: first as u8, last: (next - 1) as u8 }).await?;
            self.inner.db.settle().await?;
            first = next;
        }
        Ok(())
    }
}
