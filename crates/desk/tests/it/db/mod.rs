//! The two engines behind one face keep the same promises.

mod migrations;
mod promises;
mod storage;

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
    Panic,
    AwaitSomethingElse,
    SwallowAnError,
    Spoil,
    GoOnAfterAnError,
    WriteBig(usize),
}

fn put(id: i64, then: Then) -> Put {
    Put { id, then }
}

impl Write for Put {
    type Output = i64;

    async fn run(&self, tx: &mut Tx) -> Result<i64> {
        let name = format!("item {}", self.id);
        let body: Option<Vec<u8>> = match self.then {
            Then::WriteBig(size) => Some(vec![7; size]),
            _ => None,
        };
        tx.run("INSERT INTO item (id, name, body) VALUES ($1, $2, $3)", params![self.id, name, body]).await?;
        match self.then {
            Then::Keep | Then::Preview | Then::WriteBig(_) => {}
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
        }
        Ok(self.id)
    }

    async fn failed(&self, tx: &mut Tx, error: &Error) -> Result<()> {
        tx.run("INSERT INTO attempt (name) VALUES ($1)", params![error.code()]).await.map(drop)
    }

    fn keep(&self) -> bool {
        self.then != Then::Preview
    }
}

/// The ids of all items.
struct Items;

impl Read for Items {
    type Output = Vec<i64>;
    const WEIGHT: Weight = Weight::Scan;

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
