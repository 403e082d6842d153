//! The two engines behind one face keep the same promises.

mod migrations;
mod promises;
mod storage;
mod together;

use desk::db::{Db, Migration, Rd, Read, Tx, Weight, Write, params};
use desk::{Error, Result};

const SCHEMA: &[Migration] = &[Migration {
    name: "0001_item",
    sql: "-- What the tests write to.
          CREATE TABLE item (
              id BIGINT NOT NULL PRIMARY KEY,
              name TEXT NOT NULL UNIQUE,
              body BYTEA
          ) /* clustered */;
          CREATE TABLE attempt (name TEXT NOT NULL);",
}];

/// Writes one item, then does as told.
#[derive(Clone)]
struct Put {
    id: i64,
    then: Then,
}

#[derive(Clone, PartialEq)]
enum Then {
    Keep,
    Preview,
    Refuse,
    /// Before anything was changed.
    RefuseAtOnce,
    Panic,
    AwaitSomethingElse,
    SwallowAnError,
    Spoil,
    GoOnAfterAnError,
    WriteBig(usize),
    /// What is put fails, and nobody waits for it.
    PutTwice,
    /// The same, with a statement that is waited for behind it.
    PutTwiceAndLook,
    /// What is put cannot even be sent.
    PutNonsense,
    PutMany(i64),
    /// A preview that puts this one, too.
    PreviewPut(i64),
    /// Somebody else has changed the row meanwhile, and whether a statement comes behind it.
    PutVersion {
        look: bool,
    },
    /// Rows of another table behind a change of this row, which is written as one statement where that is less work.
    PutBehindVersion(i64),
}

fn put(id: i64, then: Then) -> Put {
    Put { id, then }
}

impl Write for Put {
    type Output = i64;

    async fn run(&self, tx: &mut Tx) -> Result<i64> {
        if self.then == Then::RefuseAtOnce {
            return Err(desk::Refusal::LastOne.into());
        }
        let name = format!("item {}", self.id);
        let body: Option<Vec<u8>> = match self.then {
            Then::WriteBig(size) => Some(vec![7; size]),
            _ => None,
        };
        tx.run("INSERT INTO item (id, name, body) VALUES ($1, $2, $3)", params![self.id, name, body]).await?;
        match self.then {
            Then::Keep | Then::Preview | Then::WriteBig(_) | Then::RefuseAtOnce => {}
            Then::Refuse => return Err(desk::Refusal::LastOne.into()),
            Then::Panic => panic!("a test panics on purpose"),
            Then::AwaitSomethingElse => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            Then::SwallowAnError => {
                let _ = tx.run("INSERT INTO item (id, name) VALUES ($1, $2)", params![self.id, "again"]).await;
            }
            Then::Spoil => tx.spoil(),
            Then::GoOnAfterAnError => {
                let _ = tx.run("INSERT INTO item (id, name) VALUES ($1, $2)", params![self.id, "again"]).await;
                let _ = tx.run("INSERT INTO item (id, name) VALUES ($1, $2)", params![self.id + 1000, "next"]).await;
            }
            Then::PutTwice => tx.put("INSERT INTO item (id, name) VALUES ($1, $2)", params![self.id, "again"]).await?,
            Then::PutTwiceAndLook => {
                tx.put("INSERT INTO item (id, name) VALUES ($1, $2)", params![self.id, "again"]).await?;
                tx.one("SELECT 1", &[]).await?;
            }
            Then::PutNonsense => {
                tx.put("INSERT INTO item (id, name) VALUES ($1, $2)", params![None::<i64>, 5]).await?;
            }
            Then::PreviewPut(id) => tx.put("INSERT INTO item (id, name) VALUES ($1, $2)", params![id, "again"]).await?,
            Then::PutVersion { look } => {
                tx.put_version("UPDATE item SET name = 'new' WHERE id = $1", params![self.id]).await?;
                tx.put_version("UPDATE item SET name = 'newer' WHERE id = $1", params![self.id + 1]).await?;
                if look {
                    tx.one("SELECT 1", &[]).await?;
                }
            }
            Then::PutBehindVersion(id) => {
                tx.put_version("UPDATE item SET name = $2 WHERE id = $1", params![id, "new"]).await?;
                for name in ["one", "two"] {
                    tx.put("INSERT INTO attempt (name) VALUES ($1)", params![name]).await?;
                }
            }
            Then::PutMany(count) => {
                for id in self.id + 1..=self.id + count {
                    let name = format!("item {id}");
                    tx.put("INSERT INTO item (id, name) VALUES ($1, $2)", params![id, name]).await?;
                    tx.put("UPDATE item SET body = $2 WHERE id = $1", params![id, [3u8]]).await?;
                    tx.put("DELETE FROM item WHERE id = $1 AND body IS NOT NULL", params![id - 1]).await?;
                }
                let left: i64 = tx.one("SELECT COUNT(*) FROM item", &[]).await?.take()?;
                assert_eq!(left, 2, "a statement sees what was put before it");
            }
        }
        Ok(self.id)
    }

    async fn failed(&self, tx: &mut Tx, error: &Error) -> Result<()> {
        tx.run("INSERT INTO attempt (name) VALUES ($1)", params![error.code()]).await.map(drop)
    }

    fn shares(&self) -> bool {
        true
    }

    fn keep(&self) -> bool {
        !matches!(self.then, Then::Preview | Then::PreviewPut(_))
    }
}

/// The ids of all items.
struct Items;

impl Read for Items {
    type Output = Vec<i64>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Vec<i64>> {
        let rows = rd.all("SELECT id FROM item ORDER BY id", &[]).await?;
        rows.into_iter().map(|mut row| row.take()).collect()
    }
}

/// The codes of the attempts that were recorded.
struct Attempts;

impl Read for Attempts {
    type Output = Vec<String>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<String>> {
        let rows = rd.all("SELECT name FROM attempt ORDER BY name", &[]).await?;
        rows.into_iter().map(|mut row| row.take()).collect()
    }
}

async fn with_schema(dbs: Vec<(desk::db::Engine, Db, desk::testing::Guard)>) -> Vec<(Db, desk::testing::Guard)> {
    let mut all = Vec::new();
    for (_, db, guard) in dbs {
        db.migrate(SCHEMA).await.unwrap();
        all.push((db, guard));
    }
    all
}

async fn fresh() -> Vec<(Db, desk::testing::Guard)> {
    with_schema(desk::testing::test_dbs().await).await
}
