//! The two connections behind one face: `Rd` may read, `Tx` may also write. Store functions see these two types and
//! nothing of an engine; the branches on the engine stand here and in the driver files `sqlite` and `postgres`.

use std::ops::{Deref, DerefMut};

use super::ahead::{Ahead, Asked, First};
use super::value::Param;
use super::{Row, Sql, postgres, sqlite};
use crate::error::{Conflict, Error, Result};

/// Which engine keeps the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded: one file, one writer thread.
    Sqlite,
    /// PostgreSQL, or what speaks its wire.
    Postgres,
}

/// One of the two connections.
pub(super) enum Link {
    Sqlite(sqlite::Link),
    Postgres(postgres::Link),
}

/// What a statement is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Every row.
    Rows,
    /// How many rows were changed.
    Changed,
}

/// A statement and its values.
pub(super) type Ask<'a> = (&'a Sql, &'a [Param<'a>]);

/// How many rows a statement has to change whose answer nobody waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    /// However many.
    Any,
    /// The one of this version.
    One,
}

impl Changes {
    pub fn check(self, changed: u64) -> Result<()> {
        match self {
            Changes::One if changed != 1 => Err(Error::Conflict(Conflict::Version)),
            Changes::One | Changes::Any => Ok(()),
        }
    }
}

/// What a statement gave.
pub(super) struct Got {
    pub rows: Vec<Row>,
    pub changed: u64,
}

/// A connection that may read.
pub struct Rd {
    pub(super) link: Link,
    statements: u64,
    /// How many statements that change rows this work has run.
    written: u64,
    /// Whether this work has run a script, which SQLite does not count among the changes.
    scripted: bool,
    /// What was asked for this work and for others before their turns.
    ahead: Ahead,
    /// Set by the first SQL error of a transaction. PostgreSQL refuses everything from then on; SQLite would go on and
    /// commit half of it, therefore we refuse ourselves, on both alike.
    pub(super) broken: bool,
}

impl Rd {
    pub(super) fn new(link: Link) -> Rd {
        Rd { link, statements: 0, written: 0, scripted: false, ahead: Ahead::default(), broken: false }
    }

    /// Forgets what the work before has left: for the next one it is a new connection.
    pub(super) fn fresh(&mut self) {
        self.statements = 0;
        self.written = 0;
        self.scripted = false;
        self.broken = false;
    }

    /// The one row of a statement. None, or more than one, is a fault of ours.
    pub async fn one(&mut self, sql: impl Into<Sql>, params: &[Param<'_>]) -> Result<Row> {
        let sql = sql.into();
        match self.first(&sql, params).await? {
            Some(row) => Ok(row),
            None => Err(Error::internal(format!("no row where there must be one: {}", sql.0))),
        }
    }

    /// The row of a statement that gives one or none. More than one is a fault of ours: say `LIMIT 1`.
    pub async fn find(&mut self, sql: impl Into<Sql>, params: &[Param<'_>]) -> Result<Option<Row>> {
        let sql = sql.into();
        self.first(&sql, params).await
    }

    /// All rows of a statement.
    pub async fn all(&mut self, sql: impl Into<Sql>, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let sql = sql.into();
        Ok(self.execute(&sql, params, Want::Rows).await?.rows)
    }

    /// The rows of two statements, which give one or none each. PostgreSQL is asked for both at once; the second sees what the
    /// first has waited for, as if it had been asked afterwards.
    pub async fn find_two(
        &mut self,
        (first, its): (impl Into<Sql>, &[Param<'_>]),
        (second, others): (impl Into<Sql>, &[Param<'_>]),
    ) -> Result<(Option<Row>, Option<Row>)> {
        let (first, second) = (first.into(), second.into());
        let lies_here = self.ahead.knows(&first, its) || self.ahead.knows(&second, others);
        if lies_here || self.engine() == Engine::Sqlite {
            return Ok((self.first(&first, its).await?, self.first(&second, others).await?));
        }
        self.begin_statement(&first, its)?;
        self.begin_statement(&second, others)?;
        let got = match &mut self.link {
            Link::Postgres(link) => link.two((&first, its), (&second, others)).await,
            Link::Sqlite(_) => unreachable!("asked before"),
        };
        self.broken |= got.is_err();
        let (one, other) = got?;
        Ok((at_most_one(one.rows, &first)?, at_most_one(other.rows, &second)?))
    }

    /// It is the turn of a work that asks this first.
    pub(super) fn turn_of(&mut self, first: Option<First>) {
        self.ahead.turn_of(first);
    }

    /// Asks what several works ask first, for all of them (PostgreSQL).
    pub(super) async fn ask_ahead(&mut self, asked: Asked) -> Result<()> {
        let (params, looks) = (asked.params(), asked.looks);
        let (first, second) = (Sql::from(looks[0].many), Sql::from(looks[1].many));
        let got = match &mut self.link {
            Link::Postgres(link) => link.two((&first, &params), (&second, &params)).await,
            Link::Sqlite(_) => unreachable!("works share PostgreSQL's transactions only"),
        };
        self.broken |= got.is_err();
        let (one, other) = got?;
        self.ahead.lay_by(&asked, [one.rows, other.rows])
    }

    /// How many statements this work has run so far, for tests.
    pub fn statements(&self) -> u64 {
        self.statements
    }

    /// Which engine this is. For tests and the few places of `db/`; a store function has no use for it, unless one engine
    /// needs another text to do the same.
    pub fn engine(&self) -> Engine {
        match self.link {
            Link::Sqlite(_) => Engine::Sqlite,
            Link::Postgres(_) => Engine::Postgres,
        }
    }

    /// The row of a question, asked unless that was done before this work's turn.
    async fn first(&mut self, sql: &Sql, params: &[Param<'_>]) -> Result<Option<Row>> {
        if let Some(row) = self.ahead.take(sql, params) {
            self.begin_statement(sql, params)?;
            return Ok(row);
        }
        at_most_one(self.execute(sql, params, Want::Rows).await?.rows, sql)
    }

    async fn put(&mut self, sql: Sql, params: &[Param<'_>], changes: Changes) -> Result<()> {
        self.begin_statement(&sql, params)?;
        self.written += 1;
        self.ahead.changes(&sql, params, changes);
        let done = match &mut self.link {
            Link::Sqlite(link) => link.execute(&sql, params, Want::Changed).and_then(|got| changes.check(got.changed)),
            Link::Postgres(link) => link.put(sql, params, changes).await,
        };
        self.broken |= done.is_err();
        done
    }

    fn begin_statement(&mut self, sql: &Sql, params: &[Param<'_>]) -> Result<()> {
        if self.broken {
            return Err(Error::internal(format!("the transaction failed before this statement: {}", sql.0)));
        }
        // PostgreSQL keeps no NUL in a text; SQLite would. The doors refuse it and name the field: this is the net below them.
        if params.iter().any(|param| matches!(param, Param::Text(text) if text.as_bytes().contains(&0))) {
            return Err(Error::invalid("text", "invalid", "A text has a NUL character, which cannot be kept."));
        }
        self.statements += 1;
        Ok(())
    }

    async fn execute(&mut self, sql: &Sql, params: &[Param<'_>], want: Want) -> Result<Got> {
        self.begin_statement(sql, params)?;
        if want == Want::Changed || sql.changes_rows() {
            self.written += 1;
            self.ahead.changes(sql, params, Changes::Any);
        }
        let got = match &mut self.link {
            Link::Sqlite(link) => link.execute(sql, params, want),
            Link::Postgres(link) => link.execute(sql, params, want).await,
        };
        self.broken |= got.is_err();
        got
    }

    /// Runs SQL text without parameters, rows or cache: for migrations.
    pub(super) async fn script(&mut self, sql: &str) -> Result<()> {
        self.scripted = true;
        self.ahead.clear();
        let done = match &mut self.link {
            Link::Sqlite(link) => link.script(sql),
            Link::Postgres(link) => link.script(sql).await,
        };
        self.broken |= done.is_err();
        done
    }
}

fn at_most_one(mut rows: Vec<Row>, sql: &Sql) -> Result<Option<Row>> {
    if rows.len() > 1 {
        return Err(Error::internal(format!("more than one row where there must be one: {}", sql.0)));
    }
    Ok(rows.pop())
}

/// A connection within a transaction that may write. Lent to one work at a time; beginning and ending the transaction is
/// not its business.
pub struct Tx(Rd);

impl Tx {
    pub(super) fn new(link: Link) -> Tx {
        Tx(Rd::new(link))
    }

    /// Runs a statement that changes rows, and tells how many it changed.
    pub async fn run(&mut self, sql: impl Into<Sql>, params: &[Param<'_>]) -> Result<u64> {
        let sql = sql.into();
        Ok(self.0.execute(&sql, params, Want::Changed).await?.changed)
    }

    /// Runs a statement that changes rows, however many those are. PostgreSQL's answer is not waited for: that it has failed
    /// shows at a later statement, or at the commit. What may find its place taken is `run`.
    pub async fn put(&mut self, sql: impl Into<Sql>, params: &[Param<'_>]) -> Result<()> {
        self.0.put(sql.into(), params, Changes::Any).await
    }

    /// The same for a statement that changes the one row of a version: that of the tenant `$1` with the id `$2`, and no other. That it
    /// has found none, since somebody else was there in between, shows as `Conflict::Version`, like a failure.
    pub async fn put_version(&mut self, sql: impl Into<Sql>, params: &[Param<'_>]) -> Result<()> {
        self.0.put(sql.into(), params, Changes::One).await
    }

    /// How many statements that change rows were run so far. For a caller of several works within one transaction, which
    /// must know whether a refused one has left something behind.
    pub fn written(&self) -> u64 {
        self.0.written
    }

    /// Whether this work has run a script.
    pub(super) fn has_run_script(&self) -> bool {
        self.0.scripted
    }

    /// Sets a mark, to which `back_to_mark` returns. One at a time.
    pub async fn mark(&mut self) -> Result<()> {
        self.0.script("SAVEPOINT trial").await
    }

    /// Takes back everything since the mark: what was done was only a trial.
    pub async fn back_to_mark(&mut self) -> Result<()> {
        self.0.script("ROLLBACK TO SAVEPOINT trial; RELEASE SAVEPOINT trial").await
    }

    /// Marks the transaction as one that cannot be committed, as an SQL error does. For a caller of several works within
    /// one transaction whose inner work has failed: swallowing that error must not commit the half of it.
    pub fn spoil(&mut self) {
        self.0.broken = true;
    }

    /// Whether an SQL error (or `spoil`) has made this transaction impossible to commit.
    pub fn is_broken(&self) -> bool {
        self.0.broken
    }
}

impl Deref for Tx {
    type Target = Rd;

    fn deref(&self) -> &Rd {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Rd {
        &mut self.0
    }
}
