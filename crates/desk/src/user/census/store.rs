//! The census' SQL.

use std::collections::BTreeMap;

use super::{Axes, BLOCK, Block, Changes, Move, REGION, Tally, axes_of};
use crate::db::{Rd, Row, ToParam, Tx, params, slots};
use crate::error::Result;
use crate::user::model::User;
use crate::user::questions::UserFilter;
use crate::user::store::{COLUMNS, NOBODY, seat};
use crate::value::id::{TenantId, UserId};

pub(crate) const INSERT_MOVE: &str = "\
    INSERT INTO user_move (tenant_id, number, version, was, axes)
    VALUES ($1, $2, $3, $4, $5)";

pub(crate) const MOVES: &str = "SELECT number, was, axes FROM user_move WHERE tenant_id = $1";

/// Whole users, however often each has moved.
pub(crate) const TAKE_MOVES: &str = "\
    DELETE FROM user_move
    WHERE tenant_id = $1 AND number <= (
        SELECT MAX(m.number)
        FROM (SELECT number FROM user_move WHERE tenant_id = $1 ORDER BY number LIMIT $2) m)
    RETURNING number, was, axes";

/// Whoever folds holds the tenant's row: two would overwrite each other's counts.
pub(crate) const ALONE: &str = "SELECT id FROM tenant WHERE id = $1 FOR UPDATE";

pub(crate) const TENANTS_WITH_MOVES: &str = "\
    SELECT t.id
    FROM tenant t
    WHERE EXISTS (SELECT 1 FROM user_move m WHERE m.tenant_id = t.id)";

pub(crate) const SUMS: &str = "SELECT region, sums FROM user_region WHERE tenant_id = $1";

pub(crate) const REGION_OF: &str = "SELECT sums, blocks FROM user_region WHERE tenant_id = $1 AND region = $2";

pub(crate) const SAVE_REGION: &str = "\
    INSERT INTO user_region (tenant_id, region, sums, blocks)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, region) DO UPDATE SET sums = excluded.sums, blocks = excluded.blocks";

pub(crate) const SAVE_BLOCK: &str = "\
    INSERT INTO user_block (tenant_id, block, axes)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id, block) DO UPDATE SET axes = excluded.axes";

/// `$2, $3 …` from the first one on, for so many numbers and up to three times as many: few texts for any count.
pub(crate) fn padded_slots(first: usize, count: usize) -> (String, usize) {
    let mut room = 1;
    while room < count {
        room *= 4;
    }
    (slots(first, room), room)
}

/// `padded_slots` for the users with these numbers, and the seats that go into them.
pub(crate) fn padded_seats(first: usize, tenant: TenantId, numbers: &[i64]) -> (String, Vec<i64>) {
    let (slots, room) = padded_slots(first, numbers.len());
    let numbers = numbers.iter().chain(std::iter::repeat(&NOBODY)).take(room);
    (slots, numbers.map(|number| seat(tenant, *number)).collect())
}

/// Rows of a statement over the tenant and some regions or blocks; `-1` is none.
async fn some(rd: &mut Rd, tenant: TenantId, sql: impl Fn(&str) -> String, numbers: &[i64]) -> Result<Vec<Row>> {
    let (slots, room) = padded_slots(2, numbers.len());
    let mut params = vec![tenant.to_param()];
    params.extend(numbers.iter().chain(std::iter::repeat(&-1)).take(room).map(ToParam::to_param));
    rd.all(sql(&slots), &params).await
}

pub(crate) fn blocks_of_regions_sql(slots: &str) -> String {
    format!("SELECT region, blocks FROM user_region WHERE tenant_id = $1 AND region IN ({slots})")
}

pub(crate) fn blocks_sql(slots: &str) -> String {
    format!("SELECT block, axes FROM user_block WHERE tenant_id = $1 AND block IN ({slots})")
}

pub(crate) fn users_sql(slots: &str) -> String {
    format!("SELECT {COLUMNS} FROM users u WHERE u.seat IN ({slots}) ORDER BY u.seat")
}

pub(super) async fn moves(rd: &mut Rd, tenant: TenantId) -> Result<Vec<Move>> {
    rd.all(MOVES, params![tenant]).await?.iter_mut().map(read_move).collect()
}

fn read_move(row: &mut Row) -> Result<Move> {
    Ok(Move { number: row.take()?, was: row.take()?, axes: row.take()? })
}

pub(super) async fn sums(rd: &mut Rd, tenant: TenantId) -> Result<Vec<(i64, Vec<u8>)>> {
    rd.all(SUMS, params![tenant]).await?.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
}

pub(super) async fn blocks_of_regions(rd: &mut Rd, tenant: TenantId, regions: &[i64]) -> Result<Vec<(i64, Vec<u8>)>> {
    let rows = some(rd, tenant, blocks_of_regions_sql, regions).await?;
    rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
}

pub(super) async fn blocks(rd: &mut Rd, tenant: TenantId, blocks: &[i64]) -> Result<Vec<(i64, Vec<u8>)>> {
    let rows = some(rd, tenant, blocks_sql, blocks).await?;
    rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
}

/// The rows of `COLUMNS` of the users with these numbers, in order.
pub(crate) async fn users(rd: &mut Rd, tenant: TenantId, numbers: &[i64]) -> Result<Vec<Row>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let (slots, seats) = padded_seats(1, tenant, numbers);
    let params: Vec<_> = seats.iter().map(ToParam::to_param).collect();
    rd.all(users_sql(&slots), &params).await
}

/// A page of everybody, erased ones too, as rows of `COLUMNS`.
pub(super) async fn everybody(rd: &mut Rd, tenant: TenantId, after: i64, limit: i64) -> Result<Vec<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.seat > $1 AND u.seat <= $2 ORDER BY u.seat LIMIT $3");
    rd.all(sql, params![seat(tenant, after), seat(tenant, i64::MAX), limit]).await
}

/// How many users fit, counted one by one.
pub(super) async fn count_all(rd: &mut Rd, tenant: TenantId, filter: &UserFilter) -> Result<i64> {
    let sql = format!("SELECT COUNT(*) FROM users u WHERE u.seat >= $1 AND u.seat <= $2{}", filter.conditions());
    rd.one(sql, params![seat(tenant, NOBODY), seat(tenant, i64::MAX)]).await?.take()
}

/// The tenants in which something waits to be folded.
pub(super) async fn tenants_with_moves(rd: &mut Rd) -> Result<Vec<TenantId>> {
    rd.all(TENANTS_WITH_MOVES, &[]).await?.into_iter().map(|mut row| row.take()).collect()
}

pub(crate) const SAVE_DIASPORA: &str = "\
    UPDATE users
    SET diaspora = $3
    WHERE tenant_id = $1 AND id = $2";

/// Users of before an axis was added, who are not counted by it yet.
pub(crate) const UNCOUNTED: &str = "\
    SELECT id
    FROM users
    WHERE tenant_id = $1 AND diaspora IS NULL
    ORDER BY number
    LIMIT $2";

pub(crate) const TENANTS_WITH_UNCOUNTED: &str = "\
    SELECT t.id
    FROM tenant t
    WHERE EXISTS (SELECT 1 FROM users u WHERE u.tenant_id = t.id AND u.diaspora IS NULL)";

/// Counts a user anew whose row is one of before.
pub(crate) const RECOUNT: &str = "\
    UPDATE users
    SET version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(super) async fn uncounted(rd: &mut Rd, tenant: TenantId, limit: i64) -> Result<Vec<UserId>> {
    rd.all(UNCOUNTED, params![tenant, limit]).await?.into_iter().map(|mut row| row.take()).collect()
}

/// The tenants with users of before an axis was added.
pub(super) async fn tenants_with_uncounted(rd: &mut Rd) -> Result<Vec<TenantId>> {
    rd.all(TENANTS_WITH_UNCOUNTED, &[]).await?.into_iter().map(|mut row| row.take()).collect()
}

/// Notes that a user's axes have changed since she was counted. Every save of a user ends here.
pub(crate) async fn count(tx: &mut Tx, user: &mut User) -> Result<()> {
    let axes = axes_of(user);
    if user.diaspora_stored != Some(user.diaspora) {
        tx.put(SAVE_DIASPORA, params![user.tenant, user.id, user.diaspora]).await?;
        user.diaspora_stored = Some(user.diaspora);
    }
    if user.counted != axes {
        tx.put(INSERT_MOVE, params![user.tenant, user.number, user.version, user.counted, axes]).await?;
        user.counted = axes;
    }
    Ok(())
}

/// From so many new users on they are folded at once: a row for each that is deleted soon after would cost more.
const FOLD_AT_ONCE: usize = 64;

/// Counts users who were not there before.
pub(crate) async fn count_new(
    tx: &mut Tx,
    tenant: TenantId,
    users: impl ExactSizeIterator<Item = (i64, Axes)>,
) -> Result<()> {
    let moves: Vec<Move> = users.map(|(number, axes)| Move { number, was: 0, axes }).collect();
    if moves.len() >= FOLD_AT_ONCE {
        tx.one(ALONE, params![tenant]).await?;
        return fold_moves(tx, tenant, &moves).await;
    }
    for Move { number, was, axes } in moves {
        tx.put(INSERT_MOVE, params![tenant, number, 1, was, axes]).await?;
    }
    Ok(())
}

/// Folds some moves into blocks and regions; answers how many.
pub(crate) async fn fold(tx: &mut Tx, tenant: TenantId, limit: i64) -> Result<usize> {
    tx.one(ALONE, params![tenant]).await?;
    let moves: Vec<Move> =
        tx.all(TAKE_MOVES, params![tenant, limit]).await?.iter_mut().map(read_move).collect::<Result<_>>()?;
    fold_moves(tx, tenant, &moves).await?;
    Ok(moves.len())
}

/// For whoever folds alone.
async fn fold_moves(tx: &mut Tx, tenant: TenantId, moves: &[Move]) -> Result<()> {
    let mut touched: BTreeMap<i64, Vec<&Move>> = BTreeMap::new();
    // By region: of the sums, and of the counts by block.
    let mut changes: BTreeMap<i64, (Changes, Changes)> = BTreeMap::new();
    for it in moves {
        let block = it.number >> BLOCK;
        touched.entry(block).or_default().push(it);
        let (sums, blocks) = changes.entry(it.number >> REGION).or_default();
        let place = ((block as u32) & 0xff) << 24;
        for (axes, change) in [(it.was, -1), (it.axes, 1)] {
            if axes != 0 {
                *sums.entry(axes).or_default() += change;
                *blocks.entry(place | axes).or_default() += change;
            }
        }
    }
    for (region, (sums, blocks)) in changes {
        let (mut all, mut by_block) = match tx.find(REGION_OF, params![tenant, region]).await? {
            Some(mut row) => (Tally::read(&row.take::<Vec<u8>>()?)?, Tally::read(&row.take::<Vec<u8>>()?)?),
            None => Default::default(),
        };
        all.add(&sums)?;
        by_block.add(&blocks)?;
        tx.put(SAVE_REGION, params![tenant, region, all.bytes(), by_block.bytes()]).await?;
    }
    let numbers: Vec<i64> = touched.keys().copied().collect();
    let mut known: BTreeMap<i64, Block> = BTreeMap::new();
    if !numbers.is_empty() {
        for (block, bytes) in self::blocks(tx, tenant, &numbers).await? {
            known.insert(block, Block::read(bytes)?);
        }
    }
    for (block, moves) in touched {
        let mut axes = known.remove(&block).unwrap_or_else(Block::empty);
        moves.into_iter().for_each(|it| axes.add(it));
        tx.put(SAVE_BLOCK, params![tenant, block, axes.stored()]).await?;
    }
    Ok(())
}
