//! Migrations are applied once, by one process, and never silently changed.

use desk::Error;
use desk::db::Migration;
use desk::error::Conflict;
use desk::testing::{places, test_dbs};

const FIRST: Migration = Migration { name: "0001_a", sql: "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);" };
const SECOND: Migration = Migration { name: "0002_b", sql: "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2);" };
const CHANGED: Migration = Migration { name: "0001_a", sql: "CREATE TABLE a (id BIGINT);" };
const BROKEN: Migration =
    Migration { name: "0002_b", sql: "INSERT INTO a VALUES (3); INSERT INTO nowhere VALUES (1);" };

#[tokio::test]
async fn migrations_run_once_and_in_order() {
    for (_, db, _guard) in test_dbs().await {
        assert_eq!(db.migrate(&[FIRST]).await.unwrap(), ["0001_a"]);
        assert_eq!(db.migrate(&[FIRST, SECOND]).await.unwrap(), ["0002_b"]);
        assert!(db.migrate(&[FIRST, SECOND]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_changed_migration_is_a_conflict() {
    for (_, db, _guard) in test_dbs().await {
        db.migrate(&[FIRST]).await.unwrap();
        let result = db.migrate(&[CHANGED, SECOND]).await;
        assert!(matches!(result, Err(Error::Conflict(Conflict::Migration))), "{result:?}");
        assert_eq!(db.migrate(&[FIRST, SECOND]).await.unwrap(), ["0002_b"]);
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_and_can_be_tried_again() {
    for (_, db, _guard) in test_dbs().await {
        assert!(matches!(db.migrate(&[FIRST, BROKEN]).await, Err(Error::Internal(_))));
        assert_eq!(db.migrate(&[FIRST, SECOND]).await.unwrap(), ["0002_b"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_runners_each_migration_is_applied_by_one() {
    for place in places() {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let db = place.open(&Default::default()).await;
            all.spawn(async move { db.migrate(&[FIRST, SECOND]).await });
        }
        let mut applied: Vec<_> = all.join_all().await.into_iter().flat_map(|result| result.unwrap()).collect();
        applied.sort_unstable();
        assert_eq!(applied, ["0001_a", "0002_b"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_second_waits_for_a_slow_migration() {
    // Longer than a statement may take, and than SQLite waits for another process.
    const SLOW: Migration = Migration {
        name: "0001_a",
        sql: "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);
              WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000)
              INSERT INTO a SELECT count(*) FROM n;",
    };
    let limit = std::time::Duration::from_millis(200);
    for place in places() {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let db = place.open(&desk::db::DbOptions { statement_timeout: limit, ..Default::default() }).await;
            all.spawn(async move { db.migrate(&[SLOW]).await });
        }
        let applied: usize = all.join_all().await.into_iter().map(|result| result.unwrap().len()).sum();
        assert_eq!(applied, 1);
    }
}

#[tokio::test]
async fn a_database_that_a_newer_program_has_made_is_refused_before_anything_is_written() {
    for (_, db, _guard) in test_dbs().await {
        db.migrate(&[FIRST, SECOND]).await.unwrap();
        let writes = db.gauges().actions;
        let result = db.migrate(&[FIRST]).await;
        assert!(matches!(result, Err(Error::Conflict(Conflict::Newer))), "{result:?}");
        assert_eq!(db.gauges().actions, writes);
        assert_eq!(db.unknown_migrations(&[FIRST]).await.unwrap(), ["0002_b"]);
    }
}
