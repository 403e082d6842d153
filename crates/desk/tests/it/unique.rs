//! What may exist once only, wherever it stands: a name that is recent, one that was moved, one that is being moved.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use desk::db::Value;
use desk::testing::TestDesk;
use desk::user::*;
use desk::value::id::UserId;
use desk::{Error, Result};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::imports::csv;
use crate::support::*;

async fn create(t: &TestDesk, word: &str) -> Result<UserId> {
    t.desk.perform(&t.admin(), CreateUser::of(profile(word))).await.map(|user| user.id)
}

/// Gives a user other names.
async fn rename(t: &TestDesk, user: UserId, word: &str) -> Result<()> {
    let patch = json!({ "username": profile(word).username, "email": profile(word).email });
    let patch = patch.as_object().unwrap().clone();
    let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
    t.desk.perform(&t.admin(), edit).await.map(drop)
}

async fn holder(t: &TestDesk, word: &str) -> Option<UserId> {
    let text = profile(word).username.unwrap();
    t.desk.ask(&t.admin(), UserByName { by: Unique::Username, text }).await.unwrap()
}

fn is_taken(done: &Result<UserId>) -> bool {
    matches!(done, Err(Error::Invalid(faults)) if faults.iter().any(|fault| fault.code == "taken"))
}

async fn counted(t: &TestDesk, table: &str) -> i64 {
    let rows = look(t, format!("SELECT COUNT(*) FROM {table}")).await;
    match rows.into_iter().next().and_then(|row| row.into_iter().next()) {
        Some(Value::Int(count)) => count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_moved_is_found_is_taken_and_is_given_up() {
    for t in TestDesk::all().await {
        let tenant = t.admin().tenant;
        let ada = create(&t, "ada").await.unwrap();
        assert_eq!(t.desk.settle_unique(tenant, 1_000).await.unwrap(), 0, "too few to be worth it");
        let names = t.desk.settle_unique(tenant, 1).await.unwrap();
        assert!(names >= 2);
        assert_eq!((counted(&t, "user_unique_recent").await, counted(&t, "user_unique").await), (0, names));
        assert_eq!(holder(&t, "ada").await, Some(ada));
        let email = profile("ada").email.unwrap();
        assert_eq!(t.desk.ask(&t.admin(), FindUsers::of(email)).await.unwrap().users[0].id, ada);
        assert!(is_taken(&create(&t, "ada").await));
        // What she gives up somebody else may have, and she may have it again when that one is gone.
        rename(&t, ada, "eve").await.unwrap();
        assert_eq!((holder(&t, "ada").await, holder(&t, "eve").await), (None, Some(ada)));
        let other = create(&t, "ada").await.unwrap();
        assert!(rename(&t, ada, "ada").await.is_err());
        t.desk.settle_unique(tenant, 1).await.unwrap();
        t.desk.perform(&t.admin(), EraseUser { user: other, reason: None }).await.unwrap();
        assert_eq!(holder(&t, "ada").await, None);
        rename(&t, ada, "ada").await.unwrap();
        assert_eq!((holder(&t, "ada").await, holder(&t, "eve").await), (Some(ada), None));
    }
}

/// Moves names until it is over; answers how many.
fn mover(t: &Arc<TestDesk>, is_over: &Arc<AtomicBool>) -> JoinHandle<i64> {
    let (t, is_over) = (t.clone(), is_over.clone());
    tokio::spawn(async move {
        let mut moved = 0;
        while !is_over.load(Ordering::Relaxed) {
            moved += t.desk.settle_unique(t.tenant, 1).await.unwrap();
        }
        moved
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_name_twice_while_names_are_moved() {
    const NAMES: usize = 6;
    for t in TestDesk::all().await {
        let t = Arc::new(t);
        let is_over = Arc::new(AtomicBool::new(false));
        let mover = mover(&t, &is_over);
        let callers: Vec<_> = (0..4)
            .map(|caller| {
                let t = t.clone();
                tokio::spawn(async move {
                    for round in 0..15 {
                        let word = format!("twin{}", (caller + round) % NAMES);
                        // Whoever gets it gives it up again, every other time.
                        if let Ok(user) = create(&t, &word).await
                            && round % 2 == 0
                        {
                            rename(&t, user, &format!("once{caller}-{round}")).await.unwrap();
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(mover.await.unwrap() > 0);
        // Everybody is found by what she has now, and the index has nothing else.
        let found = t.desk.ask(&t.admin(), FindUsers { limit: 200, ..FindUsers::of("") }).await.unwrap();
        let mut holders = HashMap::new();
        let mut names = 0;
        for user in &found.users {
            let profile =
                t.desk.ask(&t.admin(), RevealUser { user: user.id, purpose: "test".to_owned() }).await.unwrap();
            let username = profile.profile.username.unwrap();
            names += 1 + i64::from(profile.profile.email.is_some());
            let by_name = UserByName { by: Unique::Username, text: username.clone() };
            assert_eq!(t.desk.ask(&t.admin(), by_name).await.unwrap(), Some(user.id), "{username} on {:?}", t.engine);
            assert!(holders.insert(username.clone(), user.id).is_none(), "{username} twice on {:?}", t.engine);
        }
        assert!(holders.len() > NAMES, "{}", holders.len());
        let kept = counted(&t, "user_unique_recent").await + counted(&t, "user_unique").await;
        assert_eq!(kept, names, "{:?}", t.engine);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_others_who_want_the_same_names_share_them_while_names_are_moved() {
    const NAMES: usize = 400;
    let word = |n: usize| format!("race{n}");
    for t in TestDesk::all().await {
        let t = Arc::new(t);
        let is_over = Arc::new(AtomicBool::new(false));
        let mover = mover(&t, &is_over);
        let other = {
            let t = t.clone();
            tokio::spawn(async move {
                let mut got = 0;
                // From the end, towards the import.
                for n in (0..NAMES).rev() {
                    match create(&t, &word(n)).await {
                        Ok(_) => got += 1,
                        taken => assert!(is_taken(&taken), "{taken:?}"),
                    }
                }
                got
            })
        };
        let rows: String = (0..NAMES).map(|n| format!("{},Racer\n", profile(&word(n)).username.unwrap())).collect();
        let import = csv(&t, &format!("username,last_name\n{rows}")).await;
        let got = other.await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        mover.await.unwrap();
        assert_eq!(import.rows_created + got, NAMES as i64, "{:?}", t.engine);
        assert_eq!(import.rows_created + import.rows_rejected, NAMES as i64, "{:?}", t.engine);
        let both = "(SELECT token FROM user_unique UNION ALL SELECT token FROM user_unique_recent)";
        let twice = format!("(SELECT token FROM {both} AS names GROUP BY token HAVING COUNT(*) > 1) AS twice");
        assert_eq!(counted(&t, &twice).await, 0, "{:?}", t.engine);
    }
}

/// The ids of those who are found by an address, in their order.
async fn at_address(t: &TestDesk, address: &str) -> Vec<UserId> {
    let found = t.desk.ask(&t.admin(), FindUsers::of(address)).await.unwrap();
    found.users.into_iter().map(|user| user.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_finds_whose_username_it_is_however_she_came_by_it() {
    let address = profile("pat").email.unwrap();
    let username = |word| Profile { username: Some(address.to_uppercase()), email: None, ..profile(word) };
    // Nobody has a username of that kind to begin with: each way is the first.
    for t in TestDesk::all().await {
        create(&t, "ada").await.unwrap();
        assert!(at_address(&t, &address).await.is_empty());
        let eve = t.desk.perform(&t.admin(), CreateUser::of(username("eve"))).await.unwrap().id;
        assert_eq!(at_address(&t, &address).await, [eve]);
        assert!(t.desk.settle_unique(t.admin().tenant, 1).await.unwrap() > 0);
        assert_eq!(at_address(&t, &address).await, [eve], "moved");
    }
    for t in TestDesk::all().await {
        let eve = create(&t, "eve").await.unwrap();
        let patch = json!({ "username": address }).as_object().unwrap().clone();
        let edit = |user| EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
        t.desk.perform(&t.admin(), edit(eve)).await.unwrap();
        assert_eq!(at_address(&t, &address).await, [eve]);
        rename(&t, eve, "eve").await.unwrap();
        assert!(at_address(&t, &address).await.is_empty());
    }
    for t in TestDesk::all().await {
        let file = format!("external_id,first_name,last_name,username\nx-1,Eve,Harbor,{address}\n");
        assert_eq!(csv(&t, &file).await.rows_created, 1);
        assert_eq!(at_address(&t, &address).await.len(), 1);
    }
}
