//! What tests of this and the other crates stand on. Nothing in service uses it.

use std::path::PathBuf;

use crate::caller::{Caller, Door, Origin, Who};
use crate::db::{Db, DbOptions, Engine};
use crate::door::{Desk, DeskParts};
use crate::permission::{Permission, Permissions};
use crate::tenant::{Environment, Institution, InstitutionKind, Settings};
use crate::user::verification::Vault;
use crate::value::callback_url::Reach;
use crate::value::clock::{Clock, Time};
use crate::value::id::{InstitutionId, KeyId, StaffId, TenantId};
use crate::value::password::Hashing;
use crate::value::random::Random;
use crate::value::seal::MasterKey;

/// Names the server that tests may use, e.g. `postgres://postgres@127.0.0.1:5544/postgres`. Without it they run on
/// SQLite only.
pub const POSTGRES_URL: &str = "BURSAR_TEST_POSTGRES_URL";

/// A fresh, empty database on each engine there is. Keep the guard as long as the database: it clears away.
pub async fn test_dbs() -> Vec<(Engine, Db, Guard)> {
    test_dbs_with(&DbOptions::default()).await
}

/// The same with options.
pub async fn test_dbs_with(options: &DbOptions) -> Vec<(Engine, Db, Guard)> {
    let mut all = Vec::new();
    for place in places() {
        let db = place.open(options).await;
        all.push((db.engine(), db, place));
    }
    all
}

/// A place for a database on each engine there is, to be opened as often as the test likes.
#[expect(clippy::disallowed_methods, reason = "the one place that looks for BURSAR_TEST_POSTGRES_URL")]
pub fn places() -> Vec<Guard> {
    let name = format!("t_{:032x}", u128::from_be_bytes(Random::System.bytes()));
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() }.join(format!("bursar_{name}"));
    let mut all = vec![Guard::Folder(folder)];
    if let Ok(url) = std::env::var(POSTGRES_URL) {
        all.push(Guard::Schema { url, name });
    }
    all
}

/// Where a test's database lives. Removes it when dropped.
#[derive(Debug)]
pub enum Guard {
    /// SQLite: a folder of its own.
    Folder(PathBuf),
    /// PostgreSQL: a schema of its own.
    Schema {
        /// The server.
        url: String,
        /// The schema.
        name: String,
    },
}

impl Guard {
    /// Opens the database that lives here.
    pub async fn open(&self, options: &DbOptions) -> Db {
        match self {
            Guard::Folder(folder) => {
                let url = format!("sqlite:{}", folder.join("bursar.db").display());
                Db::open(&url, options).await.expect("a test database can be made")
            }
            Guard::Schema { url, name } => {
                let options =
                    DbOptions { schema: Some(name.clone()), pool_size: options.pool_size.min(8), ..options.clone() };
                Db::open(url, &options).await.expect("the server named for tests answers")
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        match self {
            // It may never have been made.
            Guard::Folder(folder) => drop(std::fs::remove_dir_all(folder)),
            Guard::Schema { url, name } => {
                let (url, sql) = (url.clone(), format!("DROP SCHEMA IF EXISTS {name} CASCADE"));
                // In a thread of its own, since the test's runtime cannot wait in a drop.
                let dropped = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(drop_schema(&url, &sql))
                });
                match dropped.join() {
                    Ok(Ok(())) => {}
                    trouble => eprintln!("a schema was left behind: {trouble:?}"),
                }
            }
        }
    }
}

async fn drop_schema(url: &str, sql: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let talk = tokio::spawn(connection);
    client.batch_execute(sql).await?;
    drop(client);
    talk.await??;
    Ok(())
}

/// The moment at which tests begin: 2026-03-02T09:00:00Z.
pub const TEST_BEGINS: Time = Time(1_772_442_000_000_000);

/// A desk with a fixed clock, seeded chance, cheap hashing and one tenant, on one engine.
pub struct TestDesk {
    /// The desk.
    pub desk: Desk,
    /// Its clock; move it with `advance`.
    pub clock: Clock,
    /// Its tenant: a bank, live.
    pub tenant: TenantId,
    /// Which engine it runs on.
    pub engine: Engine,
    /// Clears away when dropped.
    pub guard: Guard,
}

impl TestDesk {
    /// One desk on each engine there is.
    pub async fn all() -> Vec<TestDesk> {
        let mut all = Vec::new();
        for (engine, db, guard) in test_dbs().await {
            all.push(TestDesk::over(engine, db, guard).await);
        }
        all
    }

    /// A desk over an empty database.
    pub async fn over(engine: Engine, db: Db, guard: Guard) -> TestDesk {
        TestDesk::over_both(engine, db, guard, Vault::in_memory()).await
    }

    /// A desk over an empty database and a store of documents.
    pub async fn over_both(engine: Engine, db: Db, guard: Guard, vault: Vault) -> TestDesk {
        db.migrate(crate::migrations::ALL).await.expect("the migrations fit");
        let (clock, random) = (Clock::fixed(TEST_BEGINS), Random::seeded(1));
        let master = MasterKey::create(&random);
        let hashing = Hashing::cheap();
        let callbacks_to = Reach::Anywhere;
        let parts =
            DeskParts { db, master, clock: clock.clone(), random, hashing, hashing_at_once: 2, vault, callbacks_to };
        let desk = Desk::open(parts);
        let id = InstitutionId::new(clock.now(), desk.random());
        let bank = Institution { id, kind: InstitutionKind::Bank, name: "Harbor & Pine Bank".to_owned() };
        let opened = desk.open_tenant(Door::Cli, bank, Environment::Live, Settings::default()).await;
        TestDesk { desk, clock, tenant: opened.expect("a tenant can be opened"), engine, guard }
    }

    /// A second tenant in the same house: whatever the first has does not exist for it.
    pub async fn other_tenant(&self) -> TenantId {
        let id = InstitutionId::new(self.clock.now(), self.desk.random());
        let kind = InstitutionKind::CreditUnion;
        let union = Institution { id, kind, name: "Fieldlark Credit Union".to_owned() };
        let opened = self.desk.open_tenant(Door::Cli, union, Environment::Live, Settings::default()).await;
        opened.expect("a tenant can be opened")
    }

    /// The house itself in the first tenant.
    pub fn house(&self) -> Caller {
        Caller::house(self.tenant, Door::Cli)
    }

    /// Somebody who proved nothing.
    pub fn nobody(&self) -> Caller {
        Caller::anonymous(self.tenant, origin())
    }

    /// Somebody with these permissions, through a key that no table knows: enough for the desk, which trusts its doors.
    pub fn holder(&self, permissions: &[Permission]) -> Caller {
        let (id, staff) = (KeyId(uuid::Uuid::from_u128(7)), StaffId(uuid::Uuid::from_u128(8)));
        let may: Permissions = permissions.iter().copied().collect();
        Caller { who: Who::Key { id, staff }, tenant: self.tenant, may, origin: origin() }
    }

    /// Somebody who may do everything.
    pub fn admin(&self) -> Caller {
        self.holder(Permission::ALL)
    }
}

/// By which way a test's caller comes.
pub fn origin() -> Origin {
    let address = Some(std::net::IpAddr::from([192, 0, 2, 10]));
    Origin { door: Door::Native, request_id: "test-request".to_owned(), address, on_behalf: None }
}

/// The audit's own statement, for a benchmark that fills it.
pub const AUDIT_INSERT: &str = crate::audit::store::INSERT;

/// What a lock or an unlock runs, for a benchmark's floor: load, save, move of the census, end of sessions, end of proofs
/// (a lock only), audit, its place in the queue for sealing, event, job (a lock with an end only).
pub fn raw_statements() -> [&'static str; 9] {
    use crate::{access, audit, event, job, user};
    [
        user::store::SELECT_FOR_CHANGE,
        user::store::SAVE_LOCK,
        user::census::store::INSERT_MOVE,
        access::END_SESSIONS,
        access::END_PROOFS,
        audit::store::INSERT,
        audit::store::INSERT_UNSEALED,
        event::store::INSERT,
        job::store::INSERT,
    ]
}
