//! Small works that come together: on PostgreSQL they share transactions, and nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use desk::db::{Db, Engine, Rd, Read, Tx, Write, params};
use desk::error::Busy;
use desk::{Error, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::promises::Sql;
use super::{Attempts, Items, Put, Then, fresh, put};

fn all_at_once(db: &Db, works: Vec<Put>) -> JoinSet<(i64, Result<i64>)> {
    let mut all = JoinSet::new();
    for work in works {
        let db = db.clone();
        all.spawn(async move { (work.id, db.write(work).await) });
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_works_are_committed_together() {
    for (db, _guard) in fresh().await {
        let before = db.gauges();
        let refused = |id: i64| id % 10 == 3;
        let works = (0..400).map(|id| put(id, if refused(id) { Then::RefuseAtOnce } else { Then::Keep })).collect();
        for (id, result) in all_at_once(&db, works).join_all().await {
            assert_eq!(result.is_err(), refused(id), "{result:?}");
        }
        assert_eq!(db.read(Items).await.unwrap(), (0..400).filter(|id| !refused(*id)).collect::<Vec<_>>());
        assert_eq!(db.read(Attempts).await.unwrap(), ["last_one"; 40]);
        let after = db.gauges();
        assert_eq!(after.actions - before.actions, 400);
        assert!(after.batches - before.batches < 200, "{after:?}, {before:?}");
        assert_eq!(after.queue_depth, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_late_is_told_to_the_one_it_is_about() {
    for (db, _guard) in fresh().await {
        db.write(put(1000, Then::Keep)).await.unwrap();
        let then = |id: i64| match id % 8 {
            1 => Then::PutTwice,
            3 => Then::PutNonsense,
            5 | 6 => Then::PutBehindVersion(2000),
            7 => Then::PutBehindVersion(1000),
            _ => Then::Keep,
        };
        let code = |id: i64| match id % 8 {
            1 => "already_exists",
            3 => "internal",
            5 | 6 => "version_conflict",
            _ => "",
        };
        let works = (0..80).map(|id| put(id, then(id))).collect();
        for (id, result) in all_at_once(&db, works).join_all().await {
            assert_eq!(result.as_ref().map_or_else(Error::code, |_| ""), code(id), "{id}: {result:?}");
        }
        let kept: Vec<i64> = (0..80).filter(|id| code(*id).is_empty()).chain([1000]).collect();
        assert_eq!(db.read(Items).await.unwrap(), kept);
        let (conflicts, behind) = (["version_conflict"; 20], [["one"; 10], ["two"; 10]].concat());
        let recorded = [&["already_exists"; 10][..], &["internal"; 10], &behind, &conflicts].concat();
        assert_eq!(db.read(Attempts).await.unwrap(), recorded);
    }
}

/// Changes the name of an item, and keeps it to itself until it is let go.
struct Hold {
    id: i64,
    held: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
}

impl Write for Hold {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.run("UPDATE item SET name = 'held' WHERE id = $1", params![self.id]).await?;
        self.held.add_permits(1);
        self.let_go.acquire().await.map(drop).map_err(Error::internal)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_waits_for_a_lock_keeps_nobody_else_waiting() {
    for (db, _guard) in fresh().await {
        if db.engine() == Engine::Sqlite {
            // Its one writer has no locks to wait for.
            continue;
        }
        db.write(put(1000, Then::Keep)).await.unwrap();
        let (held, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let hold = Hold { id: 1000, held: held.clone(), let_go: let_go.clone() };
        let holding = tokio::spawn({
            let db = db.clone();
            async move { db.write(hold).await }
        });
        held.acquire().await.unwrap().forget();
        // As many as a test has lanes and more, and fewer than it has connections, since each of them keeps one.
        let waiting = all_at_once(&db, (100..105).map(|id| put(id, Then::PutBehindVersion(1000))).collect());
        for round in 0..20 {
            let works = (0..5).map(|at| put(round * 5 + at, Then::Keep)).collect();
            for (_, result) in all_at_once(&db, works).join_all().await {
                result.unwrap();
            }
        }
        assert_eq!(db.read(Items).await.unwrap(), (0..100).chain([1000]).collect::<Vec<_>>());
        let_go.add_permits(1);
        holding.await.unwrap().unwrap();
        for (id, result) in waiting.join_all().await {
            assert_eq!(result.unwrap(), id);
        }
        assert_eq!(db.read(Items).await.unwrap(), (0..105).chain([1000]).collect::<Vec<_>>());
    }
}

/// Writes an item, and counts how often it was run.
struct Counted {
    id: i64,
    runs: Arc<AtomicI64>,
}

impl Write for Counted {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        tx.put("INSERT INTO item (id, name) VALUES ($1, $2)", params![self.id, self.id.to_string()]).await
    }

    fn shares(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_perhaps_committed_is_not_run_again() {
    for (db, _guard) in fresh().await {
        if db.engine() == Engine::Sqlite {
            continue;
        }
        // The server goes away in the middle of the commit.
        for sql in [
            "CREATE FUNCTION go_away() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN PERFORM \
             pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
            "CREATE CONSTRAINT TRIGGER away AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE \
             FUNCTION go_away()",
        ] {
            db.write(Sql(sql)).await.unwrap();
        }
        let runs = Arc::new(AtomicI64::new(0));
        let mut all = JoinSet::new();
        for id in 0..40 {
            let (db, work) = (db.clone(), Counted { id, runs: runs.clone() });
            all.spawn(async move { db.write(work).await });
        }
        for told in all.join_all().await {
            assert!(matches!(told, Err(Error::Busy(Busy::StorageAway))), "{told:?}");
        }
        assert_eq!(runs.load(Ordering::Relaxed), 40);
        assert_eq!(db.read(Items).await.unwrap(), [0; 0]);
    }
}

/// Takes what an item is called, and then fails.
struct Grab(i64);

impl Write for Grab {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let sql = "UPDATE item SET name = 'grabbed ' || name WHERE id = $1 RETURNING name";
        tx.one(sql, params![self.0]).await?;
        Err(desk::Refusal::LastOne.into())
    }

    fn shares(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_asked_for_its_rows_is_a_change() {
    for (db, _guard) in fresh().await {
        for id in 0..4 {
            db.write(put(id, Then::Keep)).await.unwrap();
        }
        let mut all = JoinSet::new();
        for id in 0..40 {
            let db = db.clone();
            all.spawn(async move {
                if id % 2 == 0 {
                    assert!(db.write(Grab(id % 4)).await.is_err());
                } else {
                    db.write(put(100 + id, Then::Keep)).await.unwrap();
                }
            });
        }
        all.join_all().await;
        let grabbed = db.read(Named("grabbed%")).await.unwrap();
        assert_eq!(grabbed, 0);
        assert_eq!(db.read(Items).await.unwrap().len(), 24);
    }
}

/// How many items have such a name.
struct Named(&'static str);

impl Read for Named {
    type Output = i64;

    async fn run(&self, rd: &mut Rd) -> Result<i64> {
        rd.one("SELECT COUNT(*) FROM item WHERE name LIKE $1", params![self.0]).await?.take()
    }
}
