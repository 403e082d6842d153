//! What happens when the storage cannot take more.

use desk::Error;
use desk::db::{DbOptions, Engine, Gauges};
use desk::error::Busy;
use desk::testing::test_dbs_with;

use super::{Items, Then, put, with_schema};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_answers_reads() {
    let options = DbOptions { max_pages: Some(200), ..DbOptions::default() };
    for (db, guard) in with_schema(test_dbs_with(&options).await).await {
        if db.engine() == Engine::Postgres {
            continue;
        }
        let mut all = tokio::task::JoinSet::new();
        for id in 0..400 {
            let db = db.clone();
            // Each tenth is too big for what is left at the end; the small ones still fit.
            let size = if id % 10 == 0 { 60_000 } else { 10 };
            all.spawn(async move { (id, db.write(put(id, Then::WriteBig(size))).await) });
        }
        let (mut kept, mut full) = (Vec::new(), 0);
        for (id, result) in all.join_all().await {
            match result {
                Ok(id) => kept.push(id),
                Err(Error::Busy(Busy::StorageFull)) => full += 1,
                Err(error) => panic!("{id}: {error:?}"),
            }
        }
        kept.sort_unstable();
        assert!(full > 0 && full <= 40, "only the big ones fail: {full}");
        assert_eq!(db.read(Items).await.unwrap(), kept);
        db.ready().await.unwrap();
        db.stop().await;
        let again = guard.open(&DbOptions::default()).await;
        assert_eq!(again.read(Items).await.unwrap(), kept);
    }
}

#[tokio::test]
async fn a_full_queue_says_busy() {
    let options = DbOptions { queue_length: 8, ..DbOptions::default() };
    for (db, _guard) in with_schema(test_dbs_with(&options).await).await {
        if db.engine() == Engine::Postgres {
            continue;
        }
        // One thread for all of these: the writer gets its share, yet two hundred at once do not fit.
        let mut all = tokio::task::JoinSet::new();
        for id in 0..200 {
            let db = db.clone();
            all.spawn(async move { db.write(put(id, Then::Keep)).await });
        }
        let results = all.join_all().await;
        let busy = results.iter().filter(|result| matches!(result, Err(Error::Busy(Busy::Queue)))).count();
        let kept = results.iter().filter(|result| result.is_ok()).count();
        assert!(busy > 0 && kept >= 8 && busy + kept == 200, "busy {busy}, kept {kept}");
        assert_eq!(db.read(Items).await.unwrap().len(), kept);
        let Gauges { queue_depth, batches, actions, .. } = db.gauges();
        assert_eq!(queue_depth, 0);
        assert!(batches > 0 && actions >= kept as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_folded_in_while_writing_and_empty_after_stopping() {
    let options = DbOptions { checkpoint_pages: 500, ..DbOptions::default() };
    for (db, guard) in with_schema(test_dbs_with(&options).await).await {
        let desk::testing::Guard::Folder(folder) = &guard else { continue };
        let mut longest = 0;
        for round in 0..60 {
            let mut all = tokio::task::JoinSet::new();
            for at in 0..20 {
                let db = db.clone();
                all.spawn(async move { db.write(put(round * 20 + at, Then::WriteBig(20_000))).await });
            }
            all.join_all().await.into_iter().for_each(|result| assert!(result.is_ok()));
            longest = longest.max(db.gauges().wal_pages);
        }
        // Six thousand pages were written.
        assert!(longest > 0 && longest < 4000, "{longest}");
        db.stop().await;
        let log = std::fs::metadata(folder.join("bursar.db-wal")).map_or(0, |log| log.len());
        assert_eq!(log, 0);
        let again = guard.open(&DbOptions::default()).await;
        assert_eq!(again.read(Items).await.unwrap().len(), 1200);
    }
}

#[tokio::test]
async fn folder_and_file_are_made_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    for place in desk::testing::places() {
        let desk::testing::Guard::Folder(folder) = &place else { continue };
        let db = place.open(&DbOptions::default()).await;
        db.ready().await.unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder), 0o700);
        for name in ["bursar.db", "bursar.db-wal", "bursar.db-shm"] {
            assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_beside_the_server_and_ends_costs_it_nothing() {
    let beside = DbOptions { keep_newest: false, ..DbOptions::default() };
    for (db, guard) in with_schema(test_dbs_with(&DbOptions::default()).await).await {
        for round in 0..4 {
            let command = guard.open(&beside).await;
            command.write(put(round, Then::Keep)).await.unwrap();
            let ending = tokio::spawn(async move {
                let began = std::time::Instant::now();
                command.stop().await;
                began.elapsed()
            });
            let mut slowest = std::time::Duration::ZERO;
            for at in 0..40 {
                let began = std::time::Instant::now();
                db.write(put(1_000 + round * 40 + at, Then::Keep)).await.unwrap();
                slowest = slowest.max(began.elapsed());
            }
            let took = ending.await.unwrap();
            // A checkpoint that waited for the server's reader held the write lock for two seconds.
            assert!(
                took.as_millis() < 1500 && slowest.as_millis() < 1500,
                "ended in {took:?}, a write took {slowest:?}"
            );
        }
        assert_eq!(db.read(Items).await.unwrap().len(), 164);
        db.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_waits_beside_the_server_does_not_make_its_log_grow() {
    let options = DbOptions { checkpoint_pages: 200, ..DbOptions::default() };
    let beside = DbOptions { keep_newest: false, ..options.clone() };
    for (db, guard) in with_schema(test_dbs_with(&options).await).await {
        if db.engine() == Engine::Postgres {
            continue;
        }
        let idle = guard.open(&beside).await;
        idle.write(put(0, Then::Keep)).await.unwrap();
        assert_eq!(idle.read(Items).await.unwrap(), [0]);
        for id in 1..600 {
            db.write(put(id, Then::WriteBig(20_000))).await.unwrap();
        }
        // Three thousand pages were written.
        let pages = db.gauges().wal_pages;
        assert!(pages < 2_000, "{pages}");
        idle.stop().await;
        db.stop().await;
    }
}
