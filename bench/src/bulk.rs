//! One action on everybody, as a job of the server: how long until the last one had her turn, and how long others wait
//! meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use desk::bulk::{BulkDeed, BulkOrder, BulkState, BulkVerb, RunBulkSlice, Selection, UndoBulk};
use desk::db::{Db, DbOptions};
use desk::tenant::{Environment, Institution, InstitutionKind, Settings};
use desk::user::{CreateUser, Profile, UserFilter};
use desk::value::clock::Clock;
use desk::value::id::{BulkId, InstitutionId};
use desk::value::password::Hashing;
use desk::value::random::Random;
use desk::value::seal::MasterKey;
use desk::{Caller, Desk, DeskParts, Door};
use serde_json::{Value, json};

use crate::load::{Line, request};

/// Users in one slice where there is no worker to find out.
const SLICE: i64 = 500;

/// What a bulk action came to.
pub struct Done {
    /// Its id.
    pub id: String,
    /// How many were changed.
    pub changed: i64,
    /// How long it took, from asking to its end.
    pub took: Duration,
    /// The slowest note that was written meanwhile.
    pub slowest_write: Duration,
}

/// Asks for a bulk action and waits for its end; writes a note about `user` every now and then meanwhile.
pub fn run(address: &str, key: &str, path: &str, body: &Value, user: &str) -> Done {
    let mut line = Line::to(address).unwrap();
    let began = Instant::now();
    let (status, answer) = line.ask(&request("POST", path, Some(key), Some(&body.to_string()))).unwrap();
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
    let begun: Value = serde_json::from_slice(&answer).unwrap();
    let id = begun["id"].as_str().unwrap().to_owned();
    let look = request("GET", &format!("/v1/bulk/{id}"), Some(key), None);
    let note = json!({ "text": "written beside a bulk action" }).to_string();
    let note = request("POST", &format!("/v1/users/{user}/notes"), Some(key), Some(&note));
    let mut slowest_write = Duration::ZERO;
    loop {
        let asked = Instant::now();
        let (status, answer) = line.ask(&note).unwrap();
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
        slowest_write = slowest_write.max(asked.elapsed());
        let now: Value = serde_json::from_slice(&line.ask(&look).unwrap().1).unwrap();
        if now["state"] != "running" {
            assert_eq!(now["state"], "completed", "{now}");
            let changed = now["changed"].as_i64().unwrap();
            return Done { id, changed, took: began.elapsed(), slowest_write };
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The same without a server: a desk over a fresh file in this folder, with so many users. For a profile.
pub fn at_the_desk(folder: &Path, users: i64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite:{}", folder.join("bulk.db").display());
        let db = Db::open(&url, &DbOptions::default()).await.unwrap();
        db.migrate(desk::migrations::ALL).await.unwrap();
        let (clock, random, hashing) = (Clock::System, Random::System, Hashing::cheap());
        let master = MasterKey::create(&random);
        let vault = desk::user::verification::Vault::in_memory();
        let desk = Desk::open(DeskParts { db, master, clock, random, hashing, hashing_at_once: 1, vault });
        let id = InstitutionId::new(desk.now(), desk.random());
        let bank = Institution { id, kind: InstitutionKind::Bank, name: "Harbor & Pine Bank".to_owned() };
        let tenant = desk.open_tenant(Door::Cli, bank, Environment::Live, Settings::default()).await.unwrap();
        let house = Caller::house(tenant, Door::Cli);
        let began = Instant::now();
        let mut making = tokio::task::JoinSet::new();
        for at in 0..users {
            let (desk, house) = (desk.clone(), house.clone());
            making.spawn(async move {
                let last_name = format!("Reyes {at}");
                let profile = Profile { first_name: "Marta".to_owned(), last_name, ..Profile::default() };
                desk.perform(&house, CreateUser::of(profile)).await.unwrap();
            });
            if making.len() >= 256 {
                making.join_next().await.unwrap().unwrap();
            }
        }
        while making.join_next().await.is_some() {}
        eprintln!("{users} users in {:?}", began.elapsed());
        while desk.seal_audit(tenant).await.unwrap() > 0 {}
        // The audit is sealed beside it, as in service.
        let sealing = {
            let desk = desk.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    while desk.seal_audit(tenant).await.unwrap() > 0 {}
                }
            })
        };
        let began = Instant::now();
        let deed = BulkDeed::plain(BulkVerb::Lock);
        let selection = Selection::Filter(UserFilter::default());
        let order = BulkOrder { deed, selection, reason: Some("bench".to_owned()), expected: Some(users) };
        let action = desk.plan_bulk(&house, order).await.unwrap();
        let bulk = desk.perform(&house, action).await.unwrap().id;
        finish(&desk, &house, bulk).await;
        eprintln!("bulk lock of {users} in {:?}", began.elapsed());
        let began = Instant::now();
        let undo = desk.perform(&house, UndoBulk { bulk, reason: None }).await.unwrap().id;
        finish(&desk, &house, undo).await;
        eprintln!("undo of it in {:?}", began.elapsed());
        sealing.abort();
        desk.db().stop().await;
    });
}

async fn finish(desk: &Desk, house: &Caller, bulk: BulkId) {
    let (mut slowest, mut slices) = (Duration::ZERO, 0);
    loop {
        let began = Instant::now();
        let slice = desk.perform(house, RunBulkSlice { bulk, limit: SLICE }).await.unwrap();
        (slowest, slices) = (slowest.max(began.elapsed()), slices + 1);
        if slice.state != BulkState::Running {
            eprintln!("{slices} slices of {SLICE}, the slowest {slowest:?}");
            return;
        }
    }
}
