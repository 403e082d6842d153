//! The ledger's two engines behind one face. In reading order: `work` (what travels here: `Write`, `Read`), `engine`
//! (`Tx` and `Rd`, what a work is lent), `value`, `row`, `sql` (what goes in and comes out), then for SQLite `sqlite`,
//! `queue`, `writer`, `checkpoint`, `readers`, `keeper`, for PostgreSQL `postgres`, `pooled`, `lanes`, `postgres_connect`, and for both
//! `fault`, `dump` and `migrate` (with `statistics` for SQLite's planner); `shared` spares PostgreSQL what many ask at once. Store functions need `Rd`, `Tx`, `params!` and `Row`; only the door needs more.

mod ahead;
mod checkpoint;
mod dump;
mod engine;
mod fault;
mod fold;
mod keeper;
mod lanes;
mod migrate;
mod pooled;
mod postgres;
mod postgres_connect;
mod queue;
mod readers;
mod row;
mod shared;
mod sql;
mod sqlite;
mod statistics;
mod value;
mod work;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) use ahead::many;
pub use ahead::{First, Look};
pub use dump::Dumped;
pub use engine::{Engine, Rd, Tx};
pub use migrate::Migration;
pub use row::Row;
pub(crate) use shared::Shared;
pub use sql::{Sql, slots};
pub use value::{FromValue, Param, ToParam, Value, params};
pub use work::{Read, Weight, Write};

use crate::error::{Busy, Error, Result};

/// When a commit counts as done (SQLite).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Once it is on the disk: it survives a power cut.
    Full,
    /// Once the system has it: it survives the end of this process, the last moments may not survive a power cut.
    Normal,
}

/// How a database is to be opened. The defaults suit a machine of two to eight cores.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// SQLite: when a commit counts as done.
    pub synchronous: Synchronous,
    /// SQLite: connections for point reads.
    pub readers: usize,
    /// SQLite: connections for scans.
    pub scanners: usize,
    /// How many writes may wait before callers are told that we are busy.
    pub queue_length: usize,
    /// SQLite: how many writes go into one commit at most.
    pub batch: usize,
    /// SQLite: how many pages the write-ahead log may have before it is folded into the file.
    pub checkpoint_pages: u64,
    /// SQLite: keep the newest state locked, which makes reading cheaper (`keeper`). Not for a command, which works beside the
    /// process that serves.
    pub keep_newest: bool,
    /// SQLite: how large the file may become, in pages. For tests of a full disk.
    pub max_pages: Option<u32>,
    /// PostgreSQL: the schema to live in; made if absent. For tests, and to share a database.
    pub schema: Option<String>,
    /// PostgreSQL: how many connections at most.
    pub pool_size: usize,
    /// How long a statement (PostgreSQL) or a scan (SQLite) may take.
    pub statement_timeout: Duration,
    /// PostgreSQL: how long to wait for a connection.
    pub connect_timeout: Duration,
}

impl Default for DbOptions {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        DbOptions {
            synchronous: Synchronous::Full,
            readers: workers,
            scanners: 2,
            queue_length: 4096,
            batch: 256,
            checkpoint_pages: 16_000,
            keep_newest: true,
            max_pages: None,
            schema: None,
            pool_size: 16,
            statement_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// How often a job that waits for the log looks at it, and how often before it goes on all the same: five seconds.
const SETTLING: Duration = Duration::from_millis(10);
const SETTLING_MAX: u32 = 500;

/// What an operator watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Writes waiting for the writer (SQLite), or callers waiting for a connection or in line (PostgreSQL).
    pub queue_depth: u64,
    /// Pages in SQLite's write-ahead log. Grows while a long reader keeps it from being folded into the file.
    pub wal_pages: u64,
    /// Transactions so far.
    pub batches: u64,
    /// Works within them so far.
    pub actions: u64,
}

/// With less room than this for the file and its log, in bytes, the next writes will not fit.
const ROOM: u64 = 1 << 20;

/// A database, open. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Opened>);

struct Opened {
    store: Store,
    /// Whether the storage has refused a write, and none was tried by `ready` since.
    refused: AtomicBool,
    /// SQLite: the folder of the file.
    folder: Option<PathBuf>,
}

enum Store {
    Sqlite { writer: Arc<writer::Writer>, readers: readers::Readers },
    Postgres(pooled::Pooled),
}

impl Db {
    /// Opens a database: `sqlite:/var/lib/bursar/bursar.db` (folder and file are made if absent) or `postgres://…`.
    pub async fn open(url: &str, options: &DbOptions) -> Result<Db> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let pool = postgres_connect::connect(url, options).await?;
            let db = Db::over(Store::Postgres(pooled::Pooled::new(pool, options)), None);
            db.ready().await?;
            return Ok(db);
        }
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            let message = "Begins with sqlite: or postgres://.";
            return Err(Error::invalid("database.url", "unknown", message));
        };
        let file = sqlite::File::at(Path::new(path), options)?;
        let writer = Arc::new(writer::Writer::start(&file, options)?);
        let readers = readers::Readers::open(&file, options)?;
        let folder = file.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        Ok(Db::over(Store::Sqlite { writer, readers }, Some(folder)))
    }

    fn over(store: Store, folder: Option<PathBuf>) -> Db {
        Db(Arc::new(Opened { store, refused: AtomicBool::new(false), folder }))
    }

    /// Which engine keeps the data.
    pub fn engine(&self) -> Engine {
        match &self.0.store {
            Store::Sqlite { .. } => Engine::Sqlite,
            Store::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a change in a transaction; the answer comes after the commit. A caller who stops waiting may find it done.
    pub async fn write<W: Write>(&self, work: W) -> Result<W::Output> {
        let done = match &self.0.store {
            Store::Sqlite { writer, .. } => writer.write(work).await,
            Store::Postgres(pooled) => pooled.write(work).await,
        };
        if let Err(Error::Busy(Busy::StorageFull | Busy::StorageReadOnly)) = &done {
            self.0.refused.store(true, Ordering::Relaxed);
        }
        done
    }

    /// Runs a question.
    pub async fn read<R: Read>(&self, work: R) -> Result<R::Output> {
        match &self.0.store {
            Store::Sqlite { readers, .. } => readers.read(work).await,
            Store::Postgres(pooled) => pooled.read(work).await,
        }
    }

    /// Runs a question that many ask at the same time, with the same answer for all. On PostgreSQL, where each costs a round
    /// trip, one that begins after they have asked answers all of them; SQLite answers faster than they could gather.
    pub(crate) async fn read_shared<R: Read>(
        &self,
        shared: impl FnOnce() -> Arc<Shared<R::Output>>,
        question: impl Fn() -> R,
    ) -> Result<R::Output>
    where
        R::Output: Copy,
    {
        match &self.0.store {
            Store::Sqlite { readers, .. } => readers.read(question()).await,
            Store::Postgres(pooled) => shared().ask(|| pooled.read(question())).await,
        }
    }

    /// Works off what is queued and closes; the last process to close the file has the log folded in. Whatever comes later is
    /// told that we stop.
    pub async fn stop(&self) {
        match &self.0.store {
            Store::Sqlite { writer, readers } => {
                let writer = writer.clone();
                let last = tokio::task::spawn_blocking(move || writer.stop()).await;
                readers.close().await;
                // After all others, and it may have pages to copy.
                let closed = tokio::task::spawn_blocking(move || drop(last)).await;
                if closed.is_err() {
                    tracing::error!("the database could not be stopped in order");
                }
            }
            Store::Postgres(pooled) => pooled.stop().await,
        }
    }

    /// Whether questions are answered and changes taken at this moment.
    pub async fn ready(&self) -> Result<()> {
        let stopping = match &self.0.store {
            Store::Sqlite { writer, .. } => writer.queue.is_closed(),
            Store::Postgres(pooled) => pooled.is_stopping(),
        };
        if stopping {
            return Err(Error::Busy(Busy::Stopping));
        }
        self.read(Ping).await?;
        // Only then: a write costs the disk something, and anybody may ask.
        if self.0.refused.swap(false, Ordering::Relaxed)
            && let Err(Error::Busy(why)) = self.write(Trial).await
        {
            return Err(Error::Busy(why));
        }
        // A house in which nobody writes at this moment does not know yet.
        match self.room() {
            Some(room) if room < ROOM => Err(Error::Busy(Busy::StorageFull)),
            _ => Ok(()),
        }
    }

    /// SQLite: how many bytes the disk of the file has left for this user.
    pub fn room(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.0.folder.as_deref()?).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Lets PostgreSQL look anew at how many users there are. It keeps the plans that it made while the tables were nearly
    /// empty until it has looked again, which it does by itself only now and then. SQLite is told once and for all
    /// (`statistics`).
    pub async fn learn(&self) -> Result<()> {
        match &self.0.store {
            Store::Sqlite { .. } => Ok(()),
            Store::Postgres(pooled) => pooled.write(Learn).await,
        }
    }

    /// What a long job does between two of its slices: waits while SQLite's log is so long that it has to be folded into the
    /// file first. The log begins anew only when all of it is folded in and nobody has written since, and large slices on
    /// each other's heels leave no such moment; meanwhile it grows, and every page is looked for in all of it. Others go on
    /// writing. A reader who holds the log is not waited for long.
    pub async fn settle(&self) -> Result<()> {
        let Store::Sqlite { writer, .. } = &self.0.store else { return Ok(()) };
        for _ in 0..SETTLING_MAX {
            if !writer.is_behind() {
                break;
            }
            tokio::time::sleep(SETTLING).await;
            writer.write(Nothing).await?;
        }
        Ok(())
    }

    /// What an operator watches.
    pub fn gauges(&self) -> Gauges {
        match &self.0.store {
            Store::Sqlite { writer, .. } => Gauges {
                queue_depth: writer.queue.len() as u64,
                wal_pages: writer.counters.wal_pages.load(Ordering::Relaxed),
                batches: writer.counters.batches.load(Ordering::Relaxed),
                actions: writer.counters.actions.load(Ordering::Relaxed),
            },
            Store::Postgres(pooled) => Gauges {
                queue_depth: (pooled.pool.status().waiting + pooled.lanes.waiting()) as u64,
                wal_pages: 0,
                batches: pooled.batches.load(Ordering::Relaxed),
                actions: pooled.actions.load(Ordering::Relaxed),
            },
        }
    }

    /// Brings the schema up to this list, in its order, and tells which were applied. Two processes that start together
    /// do it one after the other.
    pub async fn migrate(&self, list: &'static [Migration]) -> Result<Vec<&'static str>> {
        migrate::migrate(self, list).await
    }

    /// Migrations that were applied to this database and are not in the list: a newer program made them.
    pub async fn unknown_migrations(&self, list: &'static [Migration]) -> Result<Vec<String>> {
        migrate::unknown(self, list).await
    }
}

/// Lets the writer come between two batches.
struct Nothing;

impl Write for Nothing {
    type Output = ();

    async fn run(&self, _: &mut Tx) -> Result<()> {
        Ok(())
    }
}

struct Learn;

impl Write for Learn {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        const TABLES: &str =
            "ANALYZE users; ANALYZE user_unique; ANALYZE user_unique_recent; ANALYZE user_token; ANALYZE user_run";
        tx.script(TABLES).await
    }
}

/// Writes something that changes nothing.
struct Trial;

impl Write for Trial {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.run("UPDATE schema_migration SET applied_at = applied_at", &[]).await.map(drop)
    }
}

struct Ping;

impl Read for Ping {
    type Output = ();

    async fn run(&self, rd: &mut Rd) -> Result<()> {
        rd.one("SELECT 1", &[]).await.map(drop)
    }
}
