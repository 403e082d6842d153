//! `bursar backup` and `bursar restore`.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use desk::db::{Db, DbOptions};
use desk::user::verification::{Vault, VaultPlace};
use desk::value::clock::Clock;

use crate::config::{Settings, without_password};
use crate::outside::ReaderApart;
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Purpose};

/// Names in the folder of a backup.
const DATA: &str = "data.ndjson";
const KEYS: &str = "person-keys.ndjson";
const DOCUMENTS: &str = "documents";

/// A backup may take long: no statement of it is interrupted.
const NO_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Opens the database without touching its schema, to read it for as long as that takes.
async fn to_read(settings: &Settings) -> Done<Db> {
    let config = &settings.config;
    if let Some(path) = config.database_file()
        && !path.exists()
    {
        return Err(Trouble::new(format!("there is no database at {}", path.display()), "Name one with --database."));
    }
    let options = DbOptions {
        statement_timeout: NO_LIMIT,
        pool_size: config.database_connections,
        keep_newest: false,
        ..DbOptions::default()
    };
    Db::open(&config.database, &options)
        .await
        .map_err(|fault| wire_up::cannot_open(&without_password(&config.database), &fault))
}

pub async fn backup(settings: &Settings, folder: &Path) -> Done {
    let occupied = std::fs::read_dir(folder).is_ok_and(|mut found| found.next().is_some());
    if occupied {
        return Err(Trouble::usage(
            format!("there is something in {} already", folder.display()),
            "Name a folder that is empty or not there yet: a backup never overwrites another.",
        ));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|fault| {
        Trouble::new(format!("cannot make the folder {}: {fault}", folder.display()), "Name another.")
    })?;
    let db = to_read(settings).await?;
    let dumped = db.dump(&folder.join(DATA), &folder.join(KEYS), Clock::System.now()).await?;
    // After the database: an object too many is of no harm, one that is missing cannot be shown.
    let documents = wire_up::vault(&settings.config).copy_to(&documents_in(folder)).await?;
    db.stop().await;
    println!(
        "{}: {} rows of {} tables, {} keys of persons, {documents} documents",
        folder.display(),
        dumped.rows,
        dumped.tables,
        dumped.keys
    );
    eprintln!(
        "Keep only the newest {KEYS}, apart from the rest, so that an erasure reaches older backups; and the master key, \
         which is in none of them, in a third place."
    );
    Ok(())
}

fn documents_in(folder: &Path) -> Vault {
    Vault::new(VaultPlace::Folder(folder.join(DOCUMENTS)), Arc::new(ReaderApart::default()))
}

pub async fn restore(settings: &Settings, folder: &Path, keys: Option<PathBuf>) -> Done {
    let config = &settings.config;
    let keys = keys.unwrap_or_else(|| folder.join(KEYS));
    for file in [&folder.join(DATA), &keys] {
        if !file.is_file() {
            return Err(Trouble::usage(
                format!("there is no {}", file.display()),
                "Name a folder made by `bursar backup`, and with --person-keys the file of keys if it lies elsewhere.",
            ));
        }
    }
    if settings.master_key.is_none() && !config.master_key_file().exists() {
        return Err(Trouble::usage(
            format!("there is no master key at {}", config.master_key_file().display()),
            "Put your copy of the key there first: it is in no backup, and without it nothing can be read.",
        ));
    }
    let options = DbOptions { statement_timeout: NO_LIMIT, keep_newest: false, ..DbOptions::default() };
    let place = without_password(&config.database);
    let db = Db::open(&config.database, &options).await.map_err(|fault| wire_up::cannot_open(&place, &fault))?;
    if !db.applied_migrations().await.unwrap_or_default().is_empty() && desk::tenant::are_any(&db).await? {
        return Err(Trouble::usage(
            format!("the database {place} has institutions already"),
            "A backup is restored into an empty database only: name a new one with --database, or remove this one.",
        ));
    }
    let loaded = db.load(desk::migrations::ALL, &folder.join(DATA), &keys).await?;
    db.stop().await;
    let documents = documents_in(folder).copy_to(&wire_up::vault(config)).await?;
    // Here it shows whether the master key is the right one.
    let opened = wire_up::open(settings, Absent::Refuse, Purpose::Command).await?;
    let mut erased = 0;
    for tenant in wire_up::tenants(&opened.desk).await? {
        erased += opened.desk.erase_keyless(tenant.id).await?;
    }
    opened.db.stop().await;
    println!(
        "{place}: {} rows of {} tables, {} keys of persons, {documents} documents",
        loaded.rows, loaded.tables, loaded.keys
    );
    if erased > 0 {
        println!(
            "{erased} users had no key among those given, and were erased: they had been since this backup was made"
        );
    }
    Ok(())
}
