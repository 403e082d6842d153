//! Migrations: files of SQL, applied once, in order, remembered with their checksums. A lease row keeps two processes
//! that start together from doing it both, since not every engine that speaks PostgreSQL's wire has advisory locks; each
//! migration's own transaction asserts the lease again, so one that has expired does no harm.

use std::time::Duration;

use super::{Db, Engine, Rd, Read, Tx, Write, params, sql, statistics};
use crate::error::{Busy, Conflict, Error, Result};
use crate::value::clock::{Clock, SECOND};
use crate::value::random::Random;
use crate::value::secret;

/// One file of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its name, e.g. `0001_staff`.
    pub name: &'static str,
    /// Its text, in the portable subset.
    pub sql: &'static str,
}

/// How long the lease of a process that has died between two migrations keeps the next one waiting. A migration may take
/// longer: its transaction holds the row.
const LEASE: i64 = 20 * SECOND;
/// How often to look whether the lease is free, and how often to look before giving up: longer than a lease.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 600;

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS schema_migration (
        name TEXT NOT NULL PRIMARY KEY,
        checksum TEXT NOT NULL,
        applied_at BIGINT NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS schema_lease (
        id BIGINT NOT NULL PRIMARY KEY,
        holder BYTEA NOT NULL,
        until_at BIGINT NOT NULL
    )",
];

type Holder = [u8; 16];

pub(super) async fn migrate(db: &Db, list: &'static [Migration]) -> Result<Vec<&'static str>> {
    match pending(db, list).await {
        Ok(pending) if pending.is_empty() => return Ok(Vec::new()),
        // Before anything is written.
        Err(Error::Conflict(conflict)) => return Err(Error::Conflict(conflict)),
        // Perhaps there is no list yet.
        Ok(_) | Err(_) => {}
    }
    make_tables(db).await?;
    let holder: Holder = Random::System.bytes();
    once_free(|| async { Ok(db.write(TakeLease { holder }).await?.then_some(())) }).await?;
    let applied = apply(db, list, holder).await;
    let ended = once_free(|| async { db.write(EndLease { holder }).await.map(Some) }).await;
    let applied = applied?;
    ended.map(|()| applied)
}

/// What an attempt gives once it gives something. The file locked by another process (SQLite) is but another way of being told
/// to wait, also for who has the lease, while others look for it.
async fn once_free<T, F>(attempt: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    for _ in 0..LOOKS {
        match attempt().await {
            Ok(Some(it)) => return Ok(it),
            Ok(None) | Err(Error::Busy(Busy::Queue)) => tokio::time::sleep(LOOK_EVERY).await,
            Err(other) => return Err(other),
        }
    }
    Err(Error::Busy(Busy::Queue))
}

async fn apply(db: &Db, list: &'static [Migration], holder: Holder) -> Result<Vec<&'static str>> {
    let pending = pending(db, list).await?;
    for migration in &pending {
        tracing::info!(migration = migration.name, "applying a migration");
        once_free(|| async { db.write(Apply { migration: **migration, holder }).await.map(Some) }).await?;
    }
    Ok(pending.iter().map(|migration| migration.name).collect())
}

/// What was applied that is not in the list.
pub(super) async fn unknown(db: &Db, list: &'static [Migration]) -> Result<Vec<String>> {
    let mut names: Vec<String> = db.read(Applied).await?.into_iter().map(|(name, _)| name).collect();
    names.retain(|name| list.iter().all(|migration| migration.name != name));
    names.sort_unstable();
    Ok(names)
}

/// What of the list is not applied yet. One that was applied with another text is a conflict, and so is one that the list does
/// not have: an older program does not know what a newer one writes.
async fn pending(db: &Db, list: &'static [Migration]) -> Result<Vec<&'static Migration>> {
    let applied = db.read(Applied).await?;
    if applied.iter().any(|(name, _)| list.iter().all(|migration| migration.name != name)) {
        return Err(Error::Conflict(Conflict::Newer));
    }
    let mut pending = Vec::new();
    for migration in list {
        match applied.iter().find(|(name, _)| name == migration.name) {
            None => pending.push(migration),
            Some((_, known)) if *known == checksum(migration.sql) => {}
            Some(_) => {
                tracing::error!(
                    migration = migration.name,
                    "the migration differs from the one this database was made with"
                );
                return Err(Error::Conflict(Conflict::Migration));
            }
        }
    }
    Ok(pending)
}

/// Two processes may make the same table at once, and PostgreSQL then fails one of them, `IF NOT EXISTS` or not.
async fn make_tables(db: &Db) -> Result<()> {
    let mut result = Ok(());
    for _ in 0..5 {
        result = once_free(|| async { db.write(MakeTables).await.map(Some) }).await;
        if matches!(result, Ok(()) | Err(Error::Busy(Busy::Queue))) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    result
}

/// SHA-256 in hexadecimal; line ends do not count.
fn checksum(sql: &str) -> String {
    let text = sql.replace("\r\n", "\n");
    secret::hex(&secret::digest(text.as_bytes()))
}

/// An index over a million users takes longer than a request may, and so does waiting for another process to make it.
async fn without_limit(tx: &mut Tx) -> Result<()> {
    match tx.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => tx.script("SET LOCAL statement_timeout = 0").await,
    }
}

struct Applied;

impl Read for Applied {
    type Output = Vec<(String, String)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let rows = rd.all("SELECT name, checksum FROM schema_migration", &[]).await?;
        rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
    }
}

struct MakeTables;

impl Write for MakeTables {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for table in TABLES {
            let text = sql::migration_for(tx.engine(), table);
            tx.script(&text).await?;
        }
        Ok(())
    }
}

struct TakeLease {
    holder: Holder,
}

impl Write for TakeLease {
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        without_limit(tx).await?;
        let now = Clock::System.now();
        let taken = tx
            .run(
                "INSERT INTO schema_lease (id, holder, until_at)
                 VALUES (1, $1, $2)
                 ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
                 WHERE schema_lease.until_at < $3",
                params![self.holder, now.plus(LEASE), now],
            )
            .await?;
        Ok(taken == 1)
    }
}

struct EndLease {
    holder: Holder,
}

impl Write for EndLease {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.run("DELETE FROM schema_lease WHERE holder = $1", params![self.holder]).await.map(drop)
    }
}

struct Apply {
    migration: Migration,
    holder: Holder,
}

impl Write for Apply {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let now = Clock::System.now();
        let held = tx
            .run("UPDATE schema_lease SET until_at = $2 WHERE holder = $1", params![self.holder, now.plus(LEASE)])
            .await?;
        if held != 1 {
            return Err(Error::Busy(Busy::Queue));
        }
        without_limit(tx).await?;
        for statement in sql::statements(&sql::migration_for(tx.engine(), self.migration.sql)) {
            tx.script(&statement).await?;
        }
        if tx.engine() == Engine::Sqlite {
            statistics::write(tx).await?;
        }
        tx.run(
            "INSERT INTO schema_migration (name, checksum, applied_at) VALUES ($1, $2, $3)",
            params![self.migration.name, checksum(self.migration.sql), now],
        )
        .await
        .map(drop)
    }
}
