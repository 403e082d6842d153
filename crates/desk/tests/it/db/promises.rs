//! What every work may rely on.

use std::sync::Arc;

use desk::db::{Engine, Param, Rd, Read, Tx, Value, Weight, Write, params};
use desk::error::{Busy, Conflict};
use desk::value::clock::Time;
use desk::value::id::{TenantId, UserId};
use desk::value::random::Random;
use desk::{Error, Refusal, Result};

use super::{Attempts, Items, Then, fresh, put};

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_commit_when_one_fails() {
    for (db, _guard) in fresh().await {
        let db = Arc::new(db);
        let mut all = tokio::task::JoinSet::new();
        for id in 0..60 {
            let then = match id % 6 {
                0 => Then::Refuse,
                1 => Then::Panic,
                2 => Then::SwallowAnError,
                3 => Then::Spoil,
                _ => Then::Keep,
            };
            let db = db.clone();
            all.spawn(async move { (id, db.write(put(id, then)).await) });
        }
        for (id, result) in all.join_all().await {
            match id % 6 {
                0 => assert!(matches!(result, Err(Error::Refused(Refusal::LastOne)))),
                1..=3 => assert!(matches!(result, Err(Error::Internal(_)))),
                _ => assert_eq!(result.unwrap(), id),
            }
        }
        let kept: Vec<i64> = (0..60).filter(|id| id % 6 > 3).collect();
        assert_eq!(db.read(Items).await.unwrap(), kept);
        assert_eq!(db.read(Attempts).await.unwrap(), [vec!["internal"; 30], vec!["last_one"; 10]].concat());
        db.stop().await;
    }
}

#[tokio::test]
async fn awaiting_something_else_fails_that_work_on_sqlite() {
    for (db, _guard) in fresh().await {
        let result = db.write(put(1, Then::AwaitSomethingElse)).await;
        if db.engine() == Engine::Sqlite {
            assert!(matches!(result, Err(Error::Internal(_))));
            assert!(db.read(Items).await.unwrap().is_empty());
        }
        assert_eq!(db.write(put(2, Then::Keep)).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_preview_answers_and_leaves_nothing() {
    for (db, _guard) in fresh().await {
        assert_eq!(db.write(put(1, Then::Preview)).await.unwrap(), 1);
        assert!(db.read(Items).await.unwrap().is_empty());
        assert!(db.read(Attempts).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn nothing_runs_after_an_error_within_the_transaction() {
    for (db, _guard) in fresh().await {
        assert!(matches!(db.write(put(1, Then::GoOnAfterAnError)).await, Err(Error::Internal(_))));
        assert!(db.read(Items).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_put_and_fails_takes_all_with_it() {
    for (db, _guard) in fresh().await {
        for then in [Then::PutTwice, Then::PutTwiceAndLook] {
            let told = db.write(put(1, then)).await;
            assert!(matches!(told, Err(Error::Conflict(Conflict::Exists))), "{told:?}");
        }
        assert!(matches!(db.write(put(1, Then::PutNonsense)).await, Err(Error::Internal(_))));
        assert!(db.read(Items).await.unwrap().is_empty());
        assert_eq!(db.read(Attempts).await.unwrap(), ["already_exists", "already_exists", "internal"]);
    }
}

#[tokio::test]
async fn a_version_that_is_not_there_any_more_takes_all_with_it() {
    for (db, _guard) in fresh().await {
        for look in [true, false] {
            let told = db.write(put(1, Then::PutVersion { look })).await;
            assert!(matches!(told, Err(Error::Conflict(Conflict::Version))), "{told:?}");
            assert!(db.read(Items).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn what_is_written_behind_a_version_stays_with_it_and_goes_with_it() {
    for (db, _guard) in fresh().await {
        db.write(put(1, Then::PutBehindVersion(1))).await.unwrap();
        assert_eq!(db.read(Attempts).await.unwrap(), ["one", "two"]);
        let told = db.write(put(2, Then::PutBehindVersion(3))).await;
        assert!(matches!(told, Err(Error::Conflict(Conflict::Version))), "{told:?}");
        assert_eq!(db.read(Items).await.unwrap(), [1]);
        assert_eq!(db.read(Attempts).await.unwrap(), ["one", "two", "version_conflict"]);
    }
}

#[tokio::test]
async fn a_preview_of_what_would_fail_fails() {
    for (db, _guard) in fresh().await {
        db.write(put(1, Then::Keep)).await.unwrap();
        let told = db.write(put(2, Then::PreviewPut(1))).await;
        assert!(matches!(told, Err(Error::Conflict(Conflict::Exists))), "{told:?}");
        assert_eq!(db.read(Items).await.unwrap(), [1]);
    }
}

#[tokio::test]
async fn what_is_put_runs_in_its_order_and_is_seen() {
    for (db, _guard) in fresh().await {
        db.write(put(1, Then::PutMany(100))).await.unwrap();
        assert_eq!(db.read(Items).await.unwrap(), [1, 101]);
    }
}

#[tokio::test]
async fn a_second_of_something_unique_exists_already() {
    for (db, _guard) in fresh().await {
        db.write(put(1, Then::Keep)).await.unwrap();
        let again = db.write(put(1, Then::Keep)).await;
        assert!(matches!(again, Err(Error::Conflict(Conflict::Exists))), "{again:?}");
        assert_eq!(db.read(Attempts).await.unwrap(), ["already_exists"]);
    }
}

/// Fails, and cannot record it.
struct Unrecordable;

impl Write for Unrecordable {
    type Output = ();

    async fn run(&self, _: &mut Tx) -> Result<()> {
        Err(Refusal::LastOne.into())
    }

    async fn failed(&self, tx: &mut Tx, _: &Error) -> Result<()> {
        tx.run("INSERT INTO attempt (name) VALUES ($1)", params![None::<&str>]).await.map(drop)
    }

    fn shares(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn an_attempt_that_cannot_be_recorded_is_not_answered_as_if_it_had_been() {
    for (db, _guard) in fresh().await {
        assert!(matches!(db.write(Unrecordable).await, Err(Error::Internal(_))));
        assert!(db.read(Attempts).await.unwrap().is_empty());
    }
}

/// Fails while holding a value that must not be told.
struct Secretive(&'static str);

impl Write for Secretive {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.run(self.0, params!["hunter2"]).await.map(drop)
    }
}

#[tokio::test]
async fn an_engines_complaint_does_not_repeat_values() {
    for (db, _guard) in fresh().await {
        for sql in [
            "INSERT INTO item (id, name) VALUES (NULL, $1)",
            "INSERT INTO item (id, name, body) VALUES (CAST($1 AS BIGINT) / 0 + NULL, 'a', NULL)",
            "INSERT INTO nowhere (name) VALUES ($1)",
            "INSERT INTO item (name, id, body) SELECT name, id, $1 FROM item WHERE name = $1",
            "UPDATE item SET name = $2",
        ] {
            // What the one engine refuses the other may accept.
            if let Err(error) = db.write(Secretive(sql)).await {
                assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
                assert!(!format!("{error:?}").contains("Conflict"), "{error}");
            }
        }
    }
}

/// All kinds of values, there and back.
struct Kinds;

impl Write for Kinds {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        let user = UserId::new(Time(1_714_979_289_120_000), &Random::seeded(1));
        let mut row = tx
            .one(
                "SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS BYTEA), CAST($4 AS BYTEA), CAST($5 AS BIGINT),
                        CAST($6 AS BIGINT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS BYTEA), CAST($10 AS BIGINT)",
                params![
                    i64::MIN,
                    "häß\u{1F600}",
                    vec![0u8, 255],
                    user,
                    Time(5),
                    TenantId(7),
                    Busy::StorageFull,
                    None::<String>,
                    Some([1u8; 3]),
                    true
                ],
            )
            .await?;
        assert_eq!(row.take::<i64>()?, i64::MIN);
        assert_eq!(row.take::<String>()?, "häß\u{1F600}");
        assert_eq!(row.take::<Vec<u8>>()?, [0, 255]);
        assert_eq!(row.take::<UserId>()?, user);
        assert_eq!(row.take::<Option<Time>>()?, Some(Time(5)));
        assert_eq!(row.take::<TenantId>()?, TenantId(7));
        assert_eq!(row.take::<Busy>()?, Busy::StorageFull);
        assert_eq!(row.take::<Option<String>>()?, None);
        assert_eq!(row.take::<[u8; 3]>()?, [1; 3]);
        assert!(row.take::<bool>()?);
        assert!(row.take::<Value>().is_err());

        assert!(tx.find("SELECT id FROM item WHERE id = $1 FOR UPDATE", params![1]).await?.is_none());
        let mut row = tx
            .one("INSERT INTO item (id, name, body) VALUES ($1, $2, $3) RETURNING id", params![1, "a", [9u8]])
            .await?;
        assert_eq!(row.take::<i64>()?, 1);
        assert_eq!(tx.run("UPDATE item SET body = $1", &[Param::Null]).await?, 1);
        assert_eq!(tx.run("DELETE FROM item WHERE id = $1", params![2]).await?, 0);
        assert!(tx.one("SELECT id FROM item WHERE id = $1", params![2]).await.is_err());
        tx.run("INSERT INTO item (id, name) VALUES ($1, $2), ($3, $4)".to_owned(), params![2, "b", 3, "c"]).await?;
        assert!(tx.find("SELECT id FROM item", &[]).await.is_err());
        Ok(tx.statements())
    }
}

#[tokio::test]
async fn values_come_back_as_they_went_in_and_statements_are_counted_alike() {
    for (db, _guard) in fresh().await {
        assert_eq!(db.write(Kinds).await.unwrap(), 8);
        assert_eq!(db.read(Items).await.unwrap(), [1, 2, 3]);
    }
}

/// Counts twice, and tries to write in between.
struct TwoLooks<const PAGE: bool>;

impl<const PAGE: bool> Read for TwoLooks<PAGE> {
    type Output = (i64, i64, bool, u64);

    fn weight(&self) -> Weight {
        if PAGE { Weight::Page } else { Weight::Scan }
    }

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        const COUNT: &str = "SELECT CAST(count(*) AS BIGINT) FROM item";
        let first = rd.one(COUNT, &[]).await?.take()?;
        if rd.engine() == Engine::Sqlite {
            std::thread::sleep(std::time::Duration::from_millis(300));
        } else {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        let second = rd.one(COUNT, &[]).await?.take()?;
        let statements = rd.statements();
        let refused = rd.all("INSERT INTO item (id, name) VALUES (99, 'x') RETURNING id", &[]).await.is_err();
        Ok((first, second, refused, statements))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_scan_see_one_state_and_cannot_write() {
    for (db, _guard) in fresh().await {
        let (pages, scans) = (db.clone(), db.clone());
        let page = tokio::spawn(async move { pages.read(TwoLooks::<true>).await });
        let scan = tokio::spawn(async move { scans.read(TwoLooks::<false>).await });
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        db.write(put(1, Then::Keep)).await.unwrap();
        for looks in [page, scan] {
            assert_eq!(looks.await.unwrap().unwrap(), (0, 0, true, 2));
        }
        assert_eq!(db.read(Items).await.unwrap(), [1]);
    }
}

/// A page that counts so far; says on which thread it did.
struct Far(i64);

impl Read for Far {
    type Output = (i64, std::thread::ThreadId);

    fn weight(&self) -> Weight {
        Weight::Page
    }

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let count = "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                     SELECT CAST(count(*) AS BIGINT) FROM n";
        Ok((rd.one(count, params![self.0]).await?.take()?, std::thread::current().id()))
    }
}

#[tokio::test]
async fn a_page_that_turns_out_to_be_long_is_read_on_another_thread() {
    let here = std::thread::current().id();
    for (db, _guard) in fresh().await {
        for rows in [1000, 1_000_000, 1000] {
            let (counted, thread) = db.read(Far(rows)).await.unwrap();
            assert_eq!(counted, rows);
            if db.engine() == Engine::Sqlite {
                assert_eq!(thread == here, rows == 1000, "{rows} rows");
            }
        }
    }
}

struct PanickingRead;

impl Read for PanickingRead {
    type Output = ();

    async fn run(&self, rd: &mut Rd) -> Result<()> {
        rd.one("SELECT 1", &[]).await?;
        panic!("a test panics on purpose")
    }
}

#[tokio::test]
async fn a_panicking_read_fails_alone_and_loses_no_connection() {
    for (db, _guard) in fresh().await {
        for _ in 0..20 {
            assert!(matches!(db.read(PanickingRead).await, Err(Error::Internal(_))));
        }
        db.ready().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_is_queued_and_refuses_the_rest() {
    for (db, guard) in fresh().await {
        let mut all = tokio::task::JoinSet::new();
        for id in 0..500 {
            let db = db.clone();
            all.spawn(async move { db.write(put(id, Then::Keep)).await });
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        db.stop().await;
        let kept = all.join_all().await.into_iter().filter_map(|result| match result {
            Ok(id) => Some(id),
            Err(error) => {
                assert!(matches!(error, Error::Busy(Busy::Stopping)), "{error}");
                None
            }
        });
        let mut kept: Vec<i64> = kept.collect();
        kept.sort_unstable();
        let again = guard.open(&Default::default()).await;
        assert_eq!(again.read(Items).await.unwrap(), kept);
        assert!(matches!(db.write(put(1000, Then::Keep)).await, Err(Error::Busy(Busy::Stopping))));
        assert!(matches!(db.ready().await, Err(Error::Busy(Busy::Stopping))));
    }
}

/// Adds to one number that everybody adds to: reads it, and writes what it then should be.
struct Add;

impl Write for Add {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let count: i64 = tx.one("SELECT id FROM item WHERE name = $1 FOR UPDATE", params!["hot"]).await?.take()?;
        tx.run("UPDATE item SET id = $1 WHERE name = $2 AND id = $3", params![count + 1, "hot", count]).await?;
        Ok(())
    }

    fn shares(&self) -> bool {
        true
    }
}

pub struct Sql(pub &'static str);

impl Write for Sql {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.run(self.0, &[]).await
    }

    fn shares(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_everybody_changes_the_same_row() {
    for (db, _guard) in fresh().await {
        db.write(Sql("INSERT INTO item (id, name) VALUES (0, 'hot')")).await.unwrap();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let db = db.clone();
            all.spawn(async move { db.write(Add).await });
        }
        all.join_all().await.into_iter().for_each(|result| result.unwrap());
        assert_eq!(db.read(Items).await.unwrap(), [100]);
    }
}

/// Two that take the same two rows in opposite order.
struct Cross(i64, i64);

impl Write for Cross {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for id in [self.0, self.1] {
            tx.run("UPDATE item SET body = $1 WHERE id = $2", params![[1u8], id]).await?;
            if tx.engine() == Engine::Postgres {
                tx.one("SELECT 1 FROM pg_sleep(0.1)", &[]).await?;
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_run_again() {
    for (db, _guard) in fresh().await {
        db.write(Sql("INSERT INTO item (id, name) VALUES (1, 'a'), (2, 'b')")).await.unwrap();
        let (one, two) = tokio::join!(db.write(Cross(1, 2)), db.write(Cross(2, 1)));
        one.unwrap();
        two.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_told_to_its_caller_only() {
    for (db, _guard) in fresh().await {
        db.write(Sql("CREATE TABLE child (id BIGINT NOT NULL PRIMARY KEY,
                parent BIGINT NOT NULL REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)"))
            .await
            .unwrap();
        let mut all = tokio::task::JoinSet::new();
        for id in 0..40 {
            let db = db.clone();
            all.spawn(async move {
                if id == 20 {
                    let orphan = db.write(Sql("INSERT INTO child (id, parent) VALUES (1, 99)")).await;
                    assert!(matches!(orphan, Err(Error::Internal(_))), "{orphan:?}");
                } else {
                    db.write(put(id, Then::Keep)).await.unwrap();
                }
            });
        }
        all.join_all().await;
        assert_eq!(db.read(Items).await.unwrap().len(), 39);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departed_caller_leaves_all_or_nothing() {
    for (db, _guard) in fresh().await {
        for id in 0..50 {
            let work = db.write(put(id, Then::Keep));
            let _ = tokio::time::timeout(std::time::Duration::from_micros(id as u64 * 40), work).await;
        }
        db.write(put(1000, Then::Keep)).await.unwrap();
        let kept = db.read(Items).await.unwrap();
        assert!(kept.contains(&1000));
        db.ready().await.unwrap();
    }
}

/// Would take minutes.
struct Endless;

impl Read for Endless {
    type Output = i64;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<i64> {
        rd.one(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000)
             SELECT CAST(count(*) AS BIGINT) FROM n",
            &[],
        )
        .await?
        .take()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_ends_with_its_time_or_its_caller() {
    let short = std::time::Duration::from_millis(200);
    let options = desk::db::DbOptions { statement_timeout: short, scanners: 1, ..Default::default() };
    for (db, _guard) in super::with_schema(desk::testing::test_dbs_with(&options).await).await {
        assert!(db.read(Endless).await.is_err());
        assert!(tokio::time::timeout(short / 4, db.read(Endless)).await.is_err());
        assert!(db.read(Items).await.unwrap().is_empty());
    }
}

struct Names;

impl Read for Names {
    type Output = usize;

    async fn run(&self, rd: &mut Rd) -> Result<usize> {
        Ok(rd.all("SELECT * FROM item", &[]).await?.len())
    }
}

#[tokio::test]
async fn a_statement_survives_a_change_of_its_table() {
    let options = desk::db::DbOptions { pool_size: 1, ..Default::default() };
    for (db, _guard) in super::with_schema(desk::testing::test_dbs_with(&options).await).await {
        assert_eq!(db.read(Names).await.unwrap(), 0);
        db.write(Sql("ALTER TABLE item ADD COLUMN more BIGINT")).await.unwrap();
        assert_eq!(db.read(Names).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_lost_connection_is_busy_once_and_then_replaced() {
    let options = desk::db::DbOptions { pool_size: 1, ..Default::default() };
    for (db, _guard) in super::with_schema(desk::testing::test_dbs_with(&options).await).await {
        if db.engine() == Engine::Sqlite {
            continue;
        }
        let lost = db.write(Sql("SELECT pg_terminate_backend(pg_backend_pid())")).await;
        assert!(matches!(lost, Err(Error::Busy(Busy::StorageAway))), "{lost:?}");
        db.write(put(1, Then::Keep)).await.unwrap();
    }
}

/// Asks for a text.
struct Ask(&'static str);

impl Read for Ask {
    type Output = Option<String>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<String>> {
        let found = rd.find("SELECT CAST($1 AS TEXT)", params![self.0]).await?;
        found.map(|mut row| row.take()).transpose()
    }
}

#[tokio::test]
async fn a_text_with_a_nul_is_bad_input_on_both_engines() {
    for (db, _guard) in fresh().await {
        for bad in ["\0", "a\0b", "a\0"] {
            assert!(matches!(db.read(Ask(bad)).await, Err(Error::Invalid(_))), "{:?} {bad:?}", db.engine());
        }
        assert_eq!(
            db.read(Ask("a\u{1}b")).await.unwrap().as_deref(),
            Some("a\u{1}b"),
            "and the connection is as it was"
        );
    }
}
