//! Small works that come together: on PostgreSQL they share transactions, and nobody notices.

use std::sync::Arc;

use desk::db::{Db, Engine, Tx, Write, params};
use desk::{Error, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

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
