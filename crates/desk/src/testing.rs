//! What tests of this and the other crates stand on. Nothing in service uses it.

use std::path::PathBuf;

use crate::db::{Db, DbOptions, Engine};
use crate::value::random::Random;

/// Names the server that tests may use, e.g. `postgres://postgres@127.0.0.1:5544/postgres`. Without it they run on
/// SQLite only.
pub const POSTGRES_URL: &str = "BURSAR_TEST_POSTGRES_URL";

/// A fresh, empty database on each engine there is. Keep the guard as long as the database: it clears away.
pub async fn test_dbs() -> Vec<(Engine, Db, Guard)> {
    test_dbs_with(&DbOptions::default()).await
}

/// The same with options.
pub async fn test_dbs_with(options: &DbOptions) -> Vec<(Engine, Db, Guard)> {
    let mut all = Vec::new();
    for place in places() {
        let db = place.open(options).await;
        all.push((db.engine(), db, place));
    }
    all
}

/// A place for a database on each engine there is, to be opened as often as the test likes.
pub fn places() -> Vec<Guard> {
    let name = format!("t_{:032x}", u128::from_be_bytes(Random::System.bytes()));
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() }.join(format!("bursar_{name}"));
    let mut all = vec![Guard::Folder(folder)];
    if let Ok(url) = std::env::var(POSTGRES_URL) {
        all.push(Guard::Schema { url, name });
    }
    all
}

/// Where a test's database lives. Removes it when dropped.
#[derive(Debug)]
pub enum Guard {
    /// SQLite: a folder of its own.
    Folder(PathBuf),
    /// PostgreSQL: a schema of its own.
    Schema {
        /// The server.
        url: String,
        /// The schema.
        name: String,
    },
}

impl Guard {
    /// Opens the database that lives here.
    pub async fn open(&self, options: &DbOptions) -> Db {
        match self {
            Guard::Folder(folder) => {
                let url = format!("sqlite:{}", folder.join("bursar.db").display());
                Db::open(&url, options).await.expect("a test database can be made")
            }
            Guard::Schema { url, name } => {
                let options =
                    DbOptions { schema: Some(name.clone()), pool_size: options.pool_size.min(8), ..options.clone() };
                Db::open(url, &options).await.expect("the server named for tests answers")
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        match self {
            // It may never have been made.
            Guard::Folder(folder) => drop(std::fs::remove_dir_all(folder)),
            Guard::Schema { url, name } => {
                let (url, sql) = (url.clone(), format!("DROP SCHEMA IF EXISTS {name} CASCADE"));
                // In a thread of its own, since the test's runtime cannot wait in a drop.
                let dropped = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(drop_schema(&url, &sql))
                });
                match dropped.join() {
                    Ok(Ok(())) => {}
                    trouble => eprintln!("a schema was left behind: {trouble:?}"),
                }
            }
        }
    }
}

async fn drop_schema(url: &str, sql: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let talk = tokio::spawn(connection);
    client.batch_execute(sql).await?;
    drop(client);
    talk.await??;
    Ok(())
}
