//! SQLite: how its connections are opened, and how a statement runs on one. Everything here is synchronous and complete
//! when it returns; a statement never lives longer than the call.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};

use super::engine::{Got, Want};
use super::row::RowBuilder;
use super::value::Param;
use super::{DbOptions, Row, Sql, Synchronous, fault, sql};
use crate::error::{Error, Result};

/// How many prepared statements a connection keeps: more than the desk has.
const STATEMENTS: usize = 256;
/// How many translations of constant texts a connection keeps. There are no more constants than that.
const TRANSLATIONS: usize = 2048;
/// The same of texts that are put together at run time, of which there are few.
const TRANSLATED_TEXTS: usize = 256;
/// How long to wait for another process (a command, a migration, a backup) before saying busy.
const PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    /// When this thread began to wait.
    static WAITS_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Looks again every millisecond. SQLite's own waiting sleeps up to a tenth of a second at a time: two processes that write
/// much would hardly ever look at the moment in which the other has just committed.
fn look_again(times: i32) -> bool {
    let now = Instant::now();
    if times == 0 {
        WAITS_SINCE.set(Some(now));
    }
    std::thread::sleep(Duration::from_millis(1));
    WAITS_SINCE.get().is_some_and(|since| now.duration_since(since) < PATIENCE)
}

/// How often SQLite is asked to look whether it has taken too many steps.
const STEPS_BETWEEN_LOOKS: i32 = 1000;

/// A connection to the file.
pub(super) struct Link {
    pub conn: Connection,
    /// Constant text (by address and length) to what SQLite reads. Statics never move, so the address is the text.
    translated: HashMap<(usize, usize), Arc<str>>,
    translated_texts: HashMap<Box<str>, Arc<str>>,
    /// The steps that are left until a statement is interrupted.
    steps: Arc<AtomicI64>,
}

impl Link {
    fn new(conn: Connection) -> Link {
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        let steps = Arc::new(AtomicI64::new(i64::MAX));
        Link { conn, translated: HashMap::new(), translated_texts: HashMap::new(), steps }
    }

    /// Interrupts, from now on, whatever takes more steps than these in all.
    pub fn allow_steps(&self, steps: i64) {
        self.steps.store(steps, Ordering::Relaxed);
    }

    /// Interrupts nothing any more; `false` if something was interrupted.
    pub fn allow_all_steps(&self) -> bool {
        self.steps.swap(i64::MAX, Ordering::Relaxed) > 0
    }

    pub fn execute(&mut self, sql: &Sql, params: &[Param<'_>], want: Want) -> Result<Got> {
        let text = self.translate(sql);
        self.step(&text, params, want).map_err(|error| fault::from_sqlite(&error, &text))
    }

    pub fn script(&mut self, sql: &str) -> Result<()> {
        self.conn.execute_batch(sql).map_err(|error| fault::from_sqlite(&error, sql))
    }

    /// A statement of the writer itself: begin, savepoint, commit.
    pub fn control(&self, sql: &'static str) -> Result<(), rusqlite::Error> {
        self.conn.prepare_cached(sql)?.raw_execute().map(|_| ())
    }

    /// Whether a transaction is open. Some errors (a full disk) make SQLite roll back by itself.
    pub fn in_transaction(&self) -> bool {
        !self.conn.is_autocommit()
    }

    /// Leaves whatever transaction is open.
    pub fn leave(&self) {
        if self.in_transaction()
            && let Err(error) = self.control("ROLLBACK")
        {
            tracing::error!(%error, "cannot roll back");
        }
    }

    fn step(&self, text: &str, params: &[Param<'_>], want: Want) -> Result<Got, rusqlite::Error> {
        let mut statement = self.conn.prepare_cached(text)?;
        bind(&mut statement, params)?;
        let width = statement.column_count();
        let mut rows = Vec::new();
        // Stepped to the very end, also for one row: only then are foreign keys checked.
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next()? {
            let mut columns = Row::build(width);
            for at in 0..width {
                fill(&mut columns, row.get_ref_unwrap(at))?;
            }
            rows.push(columns.finish());
        }
        drop(cursor);
        // `changes` is that of the last INSERT, UPDATE or DELETE, so it says nothing of a SELECT.
        let changed = if want == Want::Changed { self.conn.changes() } else { 0 };
        Ok(Got { rows, changed })
    }

    fn translate(&mut self, sql: &Sql) -> Arc<str> {
        match &sql.0 {
            std::borrow::Cow::Borrowed(text) => {
                if self.translated.len() >= TRANSLATIONS {
                    self.translated.clear();
                }
                let key = (text.as_ptr().addr(), text.len());
                self.translated.entry(key).or_insert_with(|| sql::for_sqlite(text).into()).clone()
            }
            std::borrow::Cow::Owned(text) => {
                if let Some(known) = self.translated_texts.get(text.as_str()) {
                    return known.clone();
                }
                if self.translated_texts.len() >= TRANSLATED_TEXTS {
                    self.translated_texts.clear();
                }
                let translated: Arc<str> = sql::for_sqlite(text).into();
                self.translated_texts.insert(text.as_str().into(), translated.clone());
                translated
            }
        }
    }
}

fn bind(statement: &mut CachedStatement<'_>, params: &[Param<'_>]) -> Result<(), rusqlite::Error> {
    let expected = statement.parameter_count();
    if expected != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(params.len(), expected));
    }
    for (at, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, param)?;
    }
    Ok(())
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Param::Null => ValueRef::Null,
            Param::Int(number) => ValueRef::Integer(number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn fill(row: &mut RowBuilder, value: ValueRef<'_>) -> Result<(), rusqlite::Error> {
    match value {
        ValueRef::Null => row.null(),
        ValueRef::Integer(number) => row.int(number),
        ValueRef::Text(bytes) => row.text(bytes),
        ValueRef::Blob(bytes) => row.blob(bytes),
        // No column of ours is a fraction: money is in minor units.
        ValueRef::Real(_) => return Err(rusqlite::Error::IntegralValueOutOfRange(0, 0)),
    }
    Ok(())
}

/// Where the file is and how it is to be opened.
pub(super) struct File {
    pub path: PathBuf,
    synchronous: Synchronous,
    max_pages: Option<u32>,
}

impl File {
    /// Makes folder and file if they are not there, readable by nobody else.
    pub fn at(path: &Path, options: &DbOptions) -> Result<File> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::internal)?;
        }
        // Only ever created here, never opened: closing a descriptor of a file that SQLite has open in this process would
        // drop SQLite's locks on it.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::internal(error)),
            _ => Ok(File { path: path.into(), synchronous: options.synchronous, max_pages: options.max_pages }),
        }
    }

    /// A connection that may write: the writer's, and the one that folds the log in.
    pub fn writer(&self) -> Result<Link> {
        let synchronous = match self.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        // secure_delete: erasing a person destroys her key; its bytes must not stay behind in the freed space of a page.
        let limit = self.max_pages.map(|pages| format!("PRAGMA max_page_count = {pages};")).unwrap_or_default();
        let link = self.open(
            OpenFlags::SQLITE_OPEN_READ_WRITE,
            &format!(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = {synchronous};
                 PRAGMA wal_autocheckpoint = 0;
                 PRAGMA cache_size = -98304;
                 PRAGMA mmap_size = 0;
                 PRAGMA temp_store = MEMORY;
                 PRAGMA secure_delete = ON;
                 PRAGMA foreign_keys = ON;
                 {limit}"
            ),
        )?;
        // Some file systems cannot share the memory that the log needs, and SQLite then silently does without the log.
        let mode: String = link
            .conn
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .map_err(|error| fault::from_sqlite(&error, ""))?;
        if mode != "wal" {
            return Err(Error::internal("sqlite: this file system cannot hold a database with a write-ahead log"));
        }
        Ok(link)
    }

    /// A connection that may only read.
    pub fn reader(&self) -> Result<Link> {
        let mut link = self.open(
            OpenFlags::SQLITE_OPEN_READ_ONLY,
            "PRAGMA query_only = ON;
             PRAGMA cache_size = -24576;
             PRAGMA mmap_size = 0;
             PRAGMA temp_store = MEMORY;",
        )?;
        let steps = link.steps.clone();
        let is_used_up = move || {
            let left = steps.load(Ordering::Relaxed);
            // No other thread uses the connection meanwhile.
            steps.store(left - i64::from(STEPS_BETWEEN_LOOKS), Ordering::Relaxed);
            left <= i64::from(STEPS_BETWEEN_LOOKS)
        };
        link.conn.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_used_up)).map_err(|it| fault::from_sqlite(&it, ""))?;
        Ok(link)
    }

    fn open(&self, access: OpenFlags, pragmas: &str) -> Result<Link> {
        let fail = |error| fault::from_sqlite(&error, "");
        let mut conn =
            Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(fail)?;
        conn.busy_handler(Some(look_again)).map_err(fail)?;
        conn.execute_batch(pragmas).map_err(fail)?;
        // "text" in double quotes is a name, here as on PostgreSQL.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false).map_err(fail)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false).map_err(fail)?;
        // One plan for a statement, whatever its values: else the library looks at them where a partial index might serve
        // and then compiles the statement anew each time it is run with others.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fail)?;
        Ok(Link::new(conn))
    }
}
