//! What the house does with the census: folding what has moved, and counting all over to see whether it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::store;
use super::{Begin, Census, Wanted, axes_of};
use crate::caller::{Caller, Door};
use crate::db::{Engine, Rd, Read, Tx, Weight, Write};
use crate::door::Desk;
use crate::error::Result;
use crate::tenant::Tenant;
use crate::user::questions::UserFilter;
use crate::user::standing::Presence;
use crate::value::id::TenantId;

/// How many users are counted anew in one transaction, and on SQLite how many moves are folded: everybody waits for so long.
const AT_ONCE: i64 = 256;
/// On PostgreSQL only who creates users waits for a fold, and each writes the regions it touches as a whole.
const AT_ONCE_ON_POSTGRES: i64 = 512;
/// How many users are read at a time.
const PAGE: i64 = 1_000;

struct WithMoves;

impl Read for WithMoves {
    type Output = Vec<TenantId>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<TenantId>> {
        store::tenants_with_moves(rd).await
    }
}

/// Folds so many moves of a tenant.
struct Fold(TenantId, i64);

impl Write for Fold {
    type Output = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize> {
        store::fold(tx, self.0, self.1).await
    }
}

struct WithUncounted;

impl Read for WithUncounted {
    type Output = Vec<TenantId>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<TenantId>> {
        store::tenants_with_uncounted(rd).await
    }
}

/// Counts some users by the axes that were added since their rows were written.
struct CountAnew(Arc<Tenant>);

impl Write for CountAnew {
    type Output = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize> {
        let tenant = &*self.0;
        let house = Caller::house(tenant.id, Door::Worker);
        let users = store::uncounted(tx, tenant.id, AT_ONCE).await?;
        for id in &users {
            let mut user = crate::user::store::load_for_change(tx, tenant, &house, *id).await?;
            crate::user::store::recount(tx, &mut user).await?;
        }
        Ok(users.len())
    }
}

/// The census beside what the users' own rows say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recount {
    /// How many users there are, erased ones too.
    pub users: i64,
    /// How many of them the census does not have where they are, or has where they are not.
    pub wrong: i64,
}

struct Counting(Arc<Tenant>);

impl Read for Counting {
    type Output = Recount;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Recount> {
        let tenant = &*self.0;
        let mut recount = Recount::default();
        let mut lists: BTreeMap<&'static str, (UserFilter, Vec<i64>)> = Presence::ALL
            .iter()
            .map(|presence| {
                let filter = UserFilter { presence: Some(*presence), ..UserFilter::default() };
                (presence.word(), (filter, Vec::new()))
            })
            .collect();
        let mut sums: BTreeMap<u32, i64> = BTreeMap::new();
        let mut after = 0;
        loop {
            let rows = store::everybody(rd, tenant.id, after, PAGE).await?;
            let is_last = (rows.len() as i64) < PAGE;
            for mut row in rows {
                let user = crate::user::store::read(tenant, &mut row)?;
                after = user.number;
                recount.users += 1;
                *sums.entry(axes_of(&user)).or_default() += 1;
                if let Some((_, numbers)) = lists.get_mut(user.standing.presence.word()) {
                    numbers.push(user.number);
                }
            }
            if is_last {
                break;
            }
        }
        for (filter, numbers) in lists.into_values() {
            let census = Census::read(rd, tenant.id, Wanted::of(&filter, false)).await?;
            recount.wrong += (census.total() - store::count_all(rd, tenant.id, &filter).await?).abs();
            let mut after = 0;
            for page in numbers.chunks(PAGE as usize) {
                let told = census.numbers(rd, Begin::After(after), PAGE).await?;
                recount.wrong += i64::from(told != page);
                after = page.last().copied().unwrap_or(after);
            }
        }
        for (axes, count) in sums {
            let census = Census::read(rd, tenant.id, Wanted::exactly(axes)).await?;
            recount.wrong += (census.total() - count).abs();
        }
        Ok(recount)
    }
}

impl Desk {
    /// Counts some users by axes that were added since their rows were written; answers how many, and none once all are
    /// counted. Until then a list that asks for such an axis leaves out those who are still to be counted.
    pub async fn count_anew(&self) -> Result<usize> {
        let mut counted = 0;
        for tenant in self.inner.db.read(WithUncounted).await? {
            let tenant = self.tenant(tenant).await?;
            counted += self.inner.db.write(CountAnew(tenant)).await?;
        }
        Ok(counted)
    }

    /// Folds what has moved since the last time into blocks and regions; answers how many moves that were. Nothing depends
    /// on when it is done but how much every list has to add.
    pub async fn fold(&self) -> Result<usize> {
        let at_once = match self.inner.db.engine() {
            Engine::Sqlite => AT_ONCE,
            Engine::Postgres => AT_ONCE_ON_POSTGRES,
        };
        let (mut folded, mut trouble) = (0, None);
        for tenant in self.inner.db.read(WithMoves).await? {
            loop {
                match self.inner.db.write(Fold(tenant, at_once)).await {
                    Ok(moves) => {
                        folded += moves;
                        if (moves as i64) < at_once {
                            break;
                        }
                    }
                    // One tenant's trouble is not that of the others.
                    Err(error) => {
                        trouble = trouble.or(Some(error));
                        break;
                    }
                }
            }
        }
        trouble.map_or(Ok(folded), Err)
    }

    /// Counts all users of a tenant anew and compares that with the census.
    pub async fn recount(&self, tenant: TenantId) -> Result<Recount> {
        let tenant = self.tenant(tenant).await?;
        self.inner.db.read(Counting(tenant)).await
    }
}
