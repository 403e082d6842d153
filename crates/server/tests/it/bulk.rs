//! A bulk action and the end of the process: killed in the middle of it, again and again, each user has her turn exactly
//! once.

use std::time::{Duration, Instant};

use desk::db::Value as Cell;
use desk::user::{CreateUser, Profile};
use desk::value::id::TenantId;
use desk::{Caller, Door};
use serde_json::{Value, json};

use crate::bank::{Bank, Client, Looks};

/// Users: enough for several kills on the way.
const USERS: i64 = 3_000;
/// How long all of it may take; after each kill the lease of the job must run out.
const LONGEST: Duration = Duration::from_secs(150);

async fn populate(bank: &Bank) {
    let desk = bank.desk().await;
    let house = Caller::house(TenantId(1), Door::Cli);
    let mut making = tokio::task::JoinSet::new();
    for at in 0..USERS {
        let (desk, house) = (desk.clone(), house.clone());
        making.spawn(async move {
            let last_name = format!("Reyes {at}");
            let profile = Profile { first_name: "Marta".to_owned(), last_name, ..Profile::default() };
            desk.perform(&house, CreateUser::of(profile)).await.unwrap();
        });
        if making.len() >= 64 {
            making.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(made) = making.join_next().await {
        made.unwrap();
    }
    desk.db().stop().await;
}

async fn state(native: &Client, bulk: &str) -> Value {
    native.call("GET", &format!("/v1/bulk/{bulk}"), Value::Null).await.body
}

async fn numbers(bank: &Bank, sql: &[&str]) -> Vec<i64> {
    let desk = bank.desk().await;
    let found = desk.db().read(Looks(sql.iter().map(|it| (*it).to_owned()).collect())).await.unwrap();
    desk.db().stop().await;
    let number = |rows: &Vec<Vec<Cell>>| match rows[0][0] {
        Cell::Int(number) => number,
        ref other => panic!("not a number: {other:?}"),
    };
    found.iter().map(number).collect()
}

async fn kill_in_the_middle(bank: Bank, kills: usize) {
    populate(&bank).await;
    let (http, began) = (Client::http(), Instant::now());
    let mut server = bank.start();
    let native = Client::new(&http, &server, &bank.key);
    let body = json!({ "action": "lock", "filter": {}, "reason": "kill test", "expected": USERS });
    let headers = [("idempotency-key", "bulk-of-the-kill-test")];
    let reply = native.send("POST", "/v1/bulk", &body, &headers).await.expect("an answer");
    assert_eq!(reply.status, 202, "{reply:?}");
    let bulk = reply.text("id").to_owned();
    let mut in_the_middle = 0;
    for _ in 0..kills {
        let native = Client::new(&http, &server, &bank.key);
        let before = state(&native, &bulk).await["handled"].as_i64().unwrap();
        // Until it comes on, and then at once.
        let handled = loop {
            let now = state(&native, &bulk).await;
            if now["handled"].as_i64().unwrap() > before || now["state"] != "running" {
                break now["handled"].as_i64().unwrap();
            }
            assert!(began.elapsed() < LONGEST, "{now}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        server.kill();
        in_the_middle += usize::from(handled > 0 && handled < USERS);
        server = bank.start();
    }
    assert!(in_the_middle > 0, "it was never killed in the middle");
    let native = Client::new(&http, &server, &bank.key);
    // Asked for again with the same key: the same bulk action, not another one.
    let again = native.send("POST", "/v1/bulk", &body, &headers).await.expect("an answer");
    assert_eq!((again.status, again.text("id")), (202, bulk.as_str()));
    let done = loop {
        let now = state(&native, &bulk).await;
        if now["state"] != "running" {
            break now;
        }
        assert!(began.elapsed() < LONGEST, "{now}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((done["state"].as_str(), done["changed"].as_i64()), (Some("completed"), Some(USERS)), "{done}");
    assert_eq!((done["unchanged"].as_i64(), done["refused"].as_i64()), (Some(0), Some(0)));
    server.kill();
    let once = numbers(
        &bank,
        &[
            "SELECT COUNT(*) FROM bulk_row",
            "SELECT COUNT(DISTINCT user_id) FROM bulk_row WHERE outcome = 'done'",
            "SELECT MAX(seq) FROM bulk_row",
            "SELECT COUNT(*) FROM users WHERE sign_in_lock = 'locked' AND version = 2",
            "SELECT COUNT(*) FROM audit WHERE action = 'user.lock' AND outcome = 'done'",
            "SELECT COUNT(DISTINCT subject_id) FROM audit WHERE action = 'user.lock'",
            "SELECT COUNT(*) FROM event WHERE name = 'user.locked'",
        ],
    )
    .await;
    assert!(once.iter().all(|count| *count == USERS), "each user exactly once: {once:?}");
    let ended = ["SELECT COUNT(*) FROM event WHERE name = 'bulk.completed'", "SELECT COUNT(*) FROM bulk"];
    assert_eq!(numbers(&bank, &ended).await, [1, 1]);
    eprintln!("{in_the_middle} of {kills} kills in the middle of {USERS} users, in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_action_that_is_killed_goes_on_exactly_where_it_was() {
    kill_in_the_middle(Bank::embedded(), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_on_postgresql_too() {
    let Some(bank) = Bank::on_postgres().await else { return };
    kill_in_the_middle(bank, 2).await;
}
