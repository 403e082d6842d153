//! The SQL of what may exist once only.

use std::collections::HashMap;

use super::{Looked, Moves, Unique};
use crate::db::{Engine, Param, Rd, ToParam, Tx, params};
use crate::error::{Conflict, Error, Result};
use crate::user::store::{columns, seat_of};
use crate::value::id::{TenantId, UserId};
use crate::value::token::UniqueToken;

/// The numbers of those who have one of these tokens; `$1` is the tenant.
macro_rules! numbers_of {
    ($tokens:literal) => {
        concat!(
            "SELECT r.token, r.number FROM user_unique_recent r WHERE r.tenant_id = $1 AND r.token ",
            $tokens,
            " UNION ALL SELECT q.token, q.number FROM user_unique q WHERE q.tenant_id = $1 AND q.token ",
            $tokens
        )
    };
}
pub(crate) use numbers_of;

/// The same for a username that is an address, of which most tenants have none: then this is two looks less.
macro_rules! numbers_of_address_username {
    ($token:literal) => {
        concat!(
            "SELECT r.token, r.number FROM address_username CROSS JOIN user_unique_recent r \
             WHERE address_username.tenant_id = $1 AND r.tenant_id = $1 AND r.token ",
            $token,
            " UNION ALL SELECT q.token, q.number FROM address_username CROSS JOIN user_unique q \
             WHERE address_username.tenant_id = $1 AND q.tenant_id = $1 AND q.token ",
            $token
        )
    };
}
pub(crate) use numbers_of_address_username;

pub(crate) const ID_OF: &str =
    concat!("SELECT u.id FROM (", numbers_of!("= $2"), ") h CROSS JOIN users u WHERE u.seat = ", seat_of!("h.number"));

/// Who holds any of these.
pub(crate) const HOLDERS_8: &str = concat!(
    "SELECT h.token, u.id FROM (",
    numbers_of!("IN ($2, $3, $4, $5, $6, $7, $8, $9)"),
    ") h CROSS JOIN users u WHERE u.seat = ",
    seat_of!("h.number")
);

/// Who holds any of these, as far as it is recent.
pub(crate) const RECENT_HOLDERS_8: &str = concat!(
    "SELECT r.token, u.id FROM user_unique_recent r CROSS JOIN users u \
     WHERE r.tenant_id = $1 AND r.token IN ($2, $3, $4, $5, $6, $7, $8, $9) AND u.seat = ",
    seat_of!("r.number")
);

pub(crate) const MOVES: &str = "SELECT moves FROM user_unique_moves WHERE tenant_id = $1";

pub(crate) const MOVES_FOR_CHANGE: &str = "SELECT moves FROM user_unique_moves WHERE tenant_id = $1 FOR UPDATE";

pub(crate) const INSERT_MOVES: &str = "\
    INSERT INTO user_unique_moves (tenant_id, moves)
    VALUES ($1, $2)
    ON CONFLICT (tenant_id) DO NOTHING";

pub(crate) const SAVE_MOVES: &str = "\
    UPDATE user_unique_moves
    SET moves = $2
    WHERE tenant_id = $1";

pub(crate) const NOTE_ADDRESS_USERNAME: &str = "\
    INSERT INTO address_username (tenant_id)
    VALUES ($1)
    ON CONFLICT (tenant_id) DO NOTHING";

pub(crate) const NOTE_NUMERIC_USERNAME: &str = "\
    INSERT INTO numeric_username (tenant_id)
    VALUES ($1)
    ON CONFLICT (tenant_id) DO NOTHING";

pub(crate) const HAS_NUMERIC_USERNAMES: &str = "SELECT 1 FROM numeric_username WHERE tenant_id = $1";

/// Users in the order of their numbers, to compare their names.
pub(crate) const PAGE_OF_USERS: &str =
    concat!("SELECT ", columns!(), " FROM users u WHERE u.seat > $1 AND u.seat <= $2 ORDER BY u.seat LIMIT $3");

pub(crate) const INSERT: &str = "\
    INSERT INTO user_unique_recent (tenant_id, token, number)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id, token) DO NOTHING";

/// Eight at a time, for many users.
pub(crate) const INSERT_8: &str = "\
    INSERT INTO user_unique_recent (tenant_id, token, number)
    VALUES ($1, $2, $3), ($1, $4, $5), ($1, $6, $7), ($1, $8, $9), ($1, $10, $11), ($1, $12, $13), ($1, $14, $15),
           ($1, $16, $17)
    ON CONFLICT (tenant_id, token) DO NOTHING";

/// Which of these eight are in the large table.
pub(crate) const SETTLED_8: &str = "\
    SELECT token
    FROM user_unique
    WHERE tenant_id = $1 AND token IN ($2, $3, $4, $5, $6, $7, $8, $9)";

pub(crate) const DELETE_RECENT: &str = "\
    DELETE FROM user_unique_recent
    WHERE tenant_id = $1 AND token = $2 AND number = $3";

pub(crate) const DELETE_SETTLED: &str = "\
    DELETE FROM user_unique
    WHERE tenant_id = $1 AND token = $2 AND number = $3";

pub(crate) const MOVE: &str = "\
    INSERT INTO user_unique (tenant_id, token, number)
    SELECT tenant_id, token, number
    FROM user_unique_recent
    WHERE tenant_id = $1 AND token BETWEEN $2 AND $3
    ORDER BY token
    FOR UPDATE";

/// What was moved, where nobody else can have inserted anything since the move looked.
pub(crate) const DELETE_MOVED: &str = "\
    DELETE FROM user_unique_recent
    WHERE tenant_id = $1 AND token BETWEEN $2 AND $3";

/// What was moved, where others may have.
pub(crate) const DELETE_MOVED_ONLY: &str = "\
    DELETE FROM user_unique_recent
    WHERE tenant_id = $1 AND token BETWEEN $2 AND $3
        AND EXISTS (
            SELECT 1
            FROM user_unique q
            WHERE q.tenant_id = user_unique_recent.tenant_id AND q.token = user_unique_recent.token)";

pub(crate) const COUNT_RECENT: &str = "SELECT COUNT(*) FROM user_unique_recent WHERE tenant_id = $1";

/// The user who holds this username, e-mail or external id.
pub(crate) async fn id_of(rd: &mut Rd, tenant: TenantId, token: &UniqueToken) -> Result<Option<UserId>> {
    rd.find(ID_OF, params![tenant, token]).await?.map(|mut row| row.take()).transpose()
}

/// Who holds which of these.
pub(crate) async fn holders(
    rd: &mut Rd,
    tenant: TenantId,
    tokens: &[UniqueToken],
) -> Result<HashMap<UniqueToken, UserId>> {
    holders_by(HOLDERS_8, rd, tenant, tokens).await
}

/// Who holds which of these, as far as it is recent.
pub(super) async fn recent_holders(
    rd: &mut Rd,
    tenant: TenantId,
    tokens: &[UniqueToken],
) -> Result<HashMap<UniqueToken, UserId>> {
    holders_by(RECENT_HOLDERS_8, rd, tenant, tokens).await
}

async fn holders_by(
    sql: &'static str,
    rd: &mut Rd,
    tenant: TenantId,
    tokens: &[UniqueToken],
) -> Result<HashMap<UniqueToken, UserId>> {
    let mut found = HashMap::new();
    for eight in tokens.chunks(8) {
        for mut row in rd.all(sql, &filled(&tenant, eight)).await? {
            found.insert(row.take()?, row.take()?);
        }
    }
    Ok(found)
}

/// How often what begins with which byte was moved until now.
pub(super) async fn moves(rd: &mut Rd, tenant: TenantId) -> Result<Moves> {
    match rd.find(MOVES, params![tenant]).await? {
        Some(mut row) => Moves::read(row.take()?),
        None => Ok(Moves::default()),
    }
}

/// The tenant and eight of at most eight tokens: the last fills up.
fn filled<'a>(tenant: &'a TenantId, tokens: &'a [UniqueToken]) -> Vec<Param<'a>> {
    let eight = tokens.iter().chain(tokens.last().into_iter().cycle()).take(8);
    std::iter::once(tenant.to_param()).chain(eight.map(ToParam::to_param)).collect()
}

/// Keeps in mind that somebody's username is an address: with the name itself, in one transaction.
pub(in crate::user) async fn note_address_username(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    tx.put(NOTE_ADDRESS_USERNAME, params![tenant]).await
}

/// Keeps in mind that somebody's username could be a telephone number.
pub(in crate::user) async fn note_numeric_username(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    tx.put(NOTE_NUMERIC_USERNAME, params![tenant]).await
}

/// Whether somebody's username could be a telephone number, or once could.
pub(super) async fn has_numeric_names(rd: &mut Rd, tenant: TenantId) -> Result<bool> {
    Ok(rd.find(HAS_NUMERIC_USERNAMES, params![tenant]).await?.is_some())
}

/// Writes what a user has; says which field is taken.
pub(in crate::user) async fn insert(
    tx: &mut Tx,
    tenant: TenantId,
    number: i64,
    tokens: impl Iterator<Item = &(Unique, UniqueToken)>,
) -> Result<()> {
    for (field, token) in tokens {
        let is_new = tx.run(INSERT, params![tenant, token, number]).await? == 1;
        if !is_new || !settled(tx, tenant, std::slice::from_ref(token)).await?.is_empty() {
            return Err(Error::invalid(field.word(), "taken", "Another user has this already."));
        }
    }
    Ok(())
}

/// Writes what many users have, of which nobody had any when that was looked at in this transaction; what somebody has by now
/// fails them all.
pub(in crate::user) async fn insert_many(
    tx: &mut Tx,
    tenant: TenantId,
    mut rows: Vec<(UniqueToken, i64)>,
    looked: &Looked,
) -> Result<()> {
    // In the order of the key, so that what goes into the same page goes there together.
    rows.sort_unstable();
    for eight in rows.chunks(8) {
        let mut new = 0;
        if eight.len() == 8 {
            let mut params = vec![tenant.to_param()];
            params.extend(eight.iter().flat_map(|(token, number)| [token.to_param(), number.to_param()]));
            new += tx.run(INSERT_8, &params).await?;
        } else {
            for (token, number) in eight {
                new += tx.run(INSERT, params![tenant, token, number]).await?;
            }
        }
        if new != eight.len() as u64 {
            return Err(Error::Conflict(Conflict::Exists));
        }
    }
    // On SQLite nobody else has written since the caller looked.
    if tx.engine() == Engine::Postgres {
        let moves = moves(tx, tenant).await?;
        let moved = rows.into_iter().map(|(token, _)| token).filter(|token| !looked.is_sure(&moves, token));
        if !settled(tx, tenant, &moved.collect::<Vec<_>>()).await?.is_empty() {
            return Err(Error::Conflict(Conflict::Exists));
        }
    }
    Ok(())
}

/// Which of these are in the large table.
pub(super) async fn settled(rd: &mut Rd, tenant: TenantId, tokens: &[UniqueToken]) -> Result<Vec<UniqueToken>> {
    let mut found = Vec::new();
    for eight in tokens.chunks(8) {
        for mut row in rd.all(SETTLED_8, &filled(&tenant, eight)).await? {
            found.push(row.take()?);
        }
    }
    Ok(found)
}

/// What a user has no longer.
pub(in crate::user) async fn delete(tx: &mut Tx, tenant: TenantId, number: i64, token: &UniqueToken) -> Result<()> {
    tx.put(DELETE_RECENT, params![tenant, token, number]).await?;
    tx.put(DELETE_SETTLED, params![tenant, token, number]).await
}

/// Moves what is recent and begins with one of these bytes, and counts it.
pub(super) async fn move_recent(tx: &mut Tx, tenant: TenantId, first: u8, last: u8) -> Result<()> {
    // Whoever moves waits for whoever does: two would count as one.
    let mut counted = match tx.find(MOVES_FOR_CHANGE, params![tenant]).await? {
        Some(row) => row,
        None => {
            tx.run(INSERT_MOVES, params![tenant, Moves::default().bytes()]).await?;
            tx.one(MOVES_FOR_CHANGE, params![tenant]).await?
        }
    };
    let mut moves = Moves::read(counted.take()?)?;
    moves.count_up(first, last);
    tx.put(SAVE_MOVES, params![tenant, moves.bytes()]).await?;
    let (mut from, mut to) = ([0x00; 16], [0xff; 16]);
    (from[0], to[0]) = (first, last);
    tx.put(MOVE, params![tenant, from, to]).await?;
    let delete = match tx.engine() {
        Engine::Sqlite => DELETE_MOVED,
        Engine::Postgres => DELETE_MOVED_ONLY,
    };
    tx.put(delete, params![tenant, from, to]).await
}

/// How many are recent.
pub(super) async fn count_recent(rd: &mut Rd, tenant: TenantId) -> Result<i64> {
    rd.one(COUNT_RECENT, params![tenant]).await?.take()
}
