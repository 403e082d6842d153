//! A bulk action without a server: a desk over a fresh file, for a profile.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;
use desk::bulk::{BulkDeed, BulkOrder, BulkState, BulkVerb, RunBulkSlice, Selection, UndoBulk};
use desk::db::{Db, DbOptions};
use desk::tenant::{Environment, Institution, InstitutionKind, Settings};
use desk::user::verification::Vault;
use desk::user::{CreateUser, Profile, UserFilter};
use desk::value::callback_url::Reach;
use desk::value::clock::Clock;
use desk::value::id::{BulkId, InstitutionId};
use desk::value::password::Hashing;
use desk::value::random::Random;
use desk::value::seal::MasterKey;
use desk::{Caller, Desk, DeskParts, Door};

/// Users in one slice where there is no worker to find out.
const SLICE: i64 = 500;

/// A desk over a database, without a server.
pub fn open(db: Db, master: MasterKey) -> Desk {
    let (clock, random, hashing) = (Clock::System, Random::System, Hashing::cheap());
    let (vault, callbacks_to) = (Vault::in_memory(), Reach::Outside);
    Desk::open(DeskParts { db, master, clock, random, hashing, hashing_at_once: 1, vault, callbacks_to })
}

/// Locks so many users at once, and undoes it, over a fresh file in this folder.
pub fn bulk(folder: &Path, users: i64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let url = format!("sqlite:{}", folder.join("bulk.db").display());
        let db = Db::open(&url, &DbOptions::default()).await?;
        db.migrate(desk::migrations::ALL).await?;
        let desk = open(db, MasterKey::create(&Random::System));
        let id = InstitutionId::new(desk.now(), desk.random());
        let bank = Institution { id, kind: InstitutionKind::Bank, name: "Harbor & Pine Bank".to_owned() };
        let tenant = desk.open_tenant(Door::Cli, bank, Environment::Live, Settings::default()).await?;
        let house = Caller::house(tenant, Door::Cli);
        let began = Instant::now();
        let mut making = tokio::task::JoinSet::new();
        for at in 0..users {
            let (desk, house) = (desk.clone(), house.clone());
            making.spawn(async move {
                let last_name = format!("Reyes {at}");
                let profile = Profile { first_name: "Marta".to_owned(), last_name, ..Profile::default() };
                desk.perform(&house, CreateUser::of(profile)).await.map(drop)
            });
            if making.len() >= 256
                && let Some(made) = making.join_next().await
            {
                made??;
            }
        }
        while let Some(made) = making.join_next().await {
            made??;
        }
        eprintln!("{users} users in {:?}", began.elapsed());
        while desk.seal_audit(tenant).await? > 0 {}
        // The audit is sealed beside it, as in service.
        let sealing = {
            let desk = desk.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    while desk.seal_audit(tenant).await.is_ok_and(|sealed| sealed > 0) {}
                }
            })
        };
        let began = Instant::now();
        let deed = BulkDeed::plain(BulkVerb::Lock);
        let selection = Selection::Filter(UserFilter::default());
        let order = BulkOrder { deed, selection, reason: Some("bench".to_owned()), expected: Some(users) };
        let action = desk.plan_bulk(&house, order).await?;
        let bulk = desk.perform(&house, action).await?.id;
        finish(&desk, &house, bulk).await?;
        eprintln!("bulk lock of {users} in {:?}", began.elapsed());
        let began = Instant::now();
        let undo = desk.perform(&house, UndoBulk { bulk, reason: None }).await?.id;
        finish(&desk, &house, undo).await?;
        eprintln!("undo of it in {:?}", began.elapsed());
        sealing.abort();
        desk.db().stop().await;
        Ok(())
    })
}

async fn finish(desk: &Desk, house: &Caller, bulk: BulkId) -> Result<()> {
    let (mut slowest, mut slices) = (Duration::ZERO, 0);
    loop {
        let began = Instant::now();
        let slice = desk.perform(house, RunBulkSlice { bulk, limit: SLICE }).await?;
        (slowest, slices) = (slowest.max(began.elapsed()), slices + 1);
        if slice.state != BulkState::Running {
            eprintln!("{slices} slices of {SLICE}, the slowest {slowest:?}");
            return Ok(());
        }
    }
}
