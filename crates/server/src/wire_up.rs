//! Puts the house together from its settings: database, master key, desk, router. Nothing is decided here.

use std::sync::Arc;

use axum::Router;
use desk::db::{Db, DbOptions, Engine};
use desk::tenant::{ListTenants, TenantCard};
use desk::user::verification::Vault;
use desk::value::clock::Clock;
use desk::value::id::TenantId;
use desk::value::random::Random;
use desk::value::seal::MasterKey;
use desk::{Caller, Conflict, Desk, DeskParts, Door, Error};

use crate::command::master;
use crate::config::{Config, Settings, Synchronous, without_password};
use crate::outside::ReaderApart;
use crate::trouble::{Done, Trouble};

/// Whether a database that is not there may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It is made.
    Make,
    /// It is an error: a command that only looks must not leave an empty database behind.
    Refuse,
}

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: most of what is asked comes to this process.
    Serve,
    /// For one command, which may run beside the process that serves and must not be noticed there.
    Command,
}

/// A desk that is ready for work.
pub struct Opened {
    /// The desk.
    pub desk: Desk,
    /// Its database.
    pub db: Db,
}

/// Opens the database and brings its schema up to date; tells which migrations that took (the desk logs each).
pub async fn open_db(config: &Config, absent: Absent, purpose: Purpose) -> Done<(Db, Vec<&'static str>)> {
    let place = without_password(&config.database);
    if let (Absent::Refuse, Some(path)) = (absent, config.database_file())
        && !path.exists()
    {
        return Err(Trouble::new(
            format!("there is no database at {}", path.display()),
            "Name one with --database sqlite:PATH, or begin with `bursar serve`.",
        ));
    }
    let synchronous = match config.synchronous {
        Synchronous::Full => desk::db::Synchronous::Full,
        Synchronous::Normal => desk::db::Synchronous::Normal,
    };
    let options = DbOptions {
        synchronous,
        pool_size: config.database_connections,
        keep_newest: purpose == Purpose::Serve,
        ..DbOptions::default()
    };
    let db = Db::open(&config.database, &options).await.map_err(|fault| cannot_open(&place, &fault))?;
    match db.migrate(desk::migrations::ALL).await {
        Ok(applied) => Ok((db, applied)),
        Err(Error::Conflict(Conflict::Newer)) => {
            let unknown = db.unknown_migrations(desk::migrations::ALL).await.unwrap_or_default();
            Err(Trouble::new(
                format!(
                    "the database {place} was made by a newer version of this program than {}: it has {}",
                    env!("CARGO_PKG_VERSION"),
                    unknown.join(", ")
                ),
                "Nothing was changed. Use the version that made it, or a newer one.",
            ))
        }
        Err(Error::Conflict(_)) => Err(Trouble::new(
            format!("the database {place} was made by another version of this program"),
            "Use the version that made it, or a newer one; a released migration never changes.",
        )),
        Err(fault) => Err(cannot_open(&place, &fault)),
    }
}

/// Says why a database cannot be opened.
pub fn cannot_open(place: &str, fault: &Error) -> Trouble {
    if let Error::Busy(why) = fault
        && *why != desk::Busy::StorageReadOnly
    {
        let what = why.sentence().trim_end_matches('.');
        return Trouble::busy(*why, format!("cannot open the database {place}: {what}"));
    }
    let next = if place.starts_with("sqlite:") {
        "Check that this user may write its folder, or name another with --database sqlite:PATH."
    } else {
        "Check address, user and password (--database postgres://USER:PASSWORD@HOST/NAME), and that the server runs."
    };
    Trouble::new(format!("cannot open the database {place}: {fault}"), next)
}

/// Reads the master key, or makes one for a database that has no tenants yet.
pub async fn master_key(settings: &Settings, db: &Db) -> Done<MasterKey> {
    if let Some(text) = &settings.master_key {
        return Ok(MasterKey::from_text(text.expose())?);
    }
    let path = settings.config.master_key_file();
    let is_missing = std::fs::metadata(&path).is_err_and(|fault| fault.kind() == std::io::ErrorKind::NotFound);
    if is_missing && desk::tenant::are_any(db).await? {
        return Err(Trouble::new(
            format!("there is no master key at {}, and this database was sealed with one", path.display()),
            "Put your copy of the key there (mode 0600), or name it with --master-key-file or BURSAR_MASTER_KEY. \
             No new key was made: it would open nothing.",
        ));
    }
    if db.engine() == Engine::Postgres
        && let Some(folder) = path.parent()
        && !folder.as_os_str().is_empty()
    {
        // Next to a file the folder is there already.
        std::fs::create_dir_all(folder).map_err(|fault| {
            Trouble::new(
                format!("cannot make the folder {}: {fault}", folder.display()),
                "Name a --master-key-file elsewhere.",
            )
        })?;
    }
    Ok(MasterKey::read_or_create(&path, &Random::System)?)
}

/// A desk over a database, with the machine's clock and chance.
pub fn desk_over(config: &Config, db: Db, master: MasterKey) -> Desk {
    Desk::open(DeskParts {
        db,
        master,
        clock: Clock::System,
        random: Random::System,
        hashing: config.hashing(),
        hashing_at_once: config.hashing_at_once,
        vault: vault(config),
        callbacks_to: config.callbacks_to,
    })
}

/// Where documents lie, and who reads them: a process of its own for each.
pub fn vault(config: &Config) -> Vault {
    Vault::new(config.documents(), Arc::new(ReaderApart::default()))
}

/// Opens database and desk, and makes sure that the master key fits.
pub async fn open(settings: &Settings, absent: Absent, purpose: Purpose) -> Done<Opened> {
    let (db, _) = open_db(&settings.config, absent, purpose).await?;
    finish_rotation(settings, &db).await?;
    let key_was_there = settings.master_key.is_some() || settings.config.master_key_file().exists();
    let master = master_key(settings, &db).await?;
    let desk = desk_over(&settings.config, db.clone(), master);
    // The first tenant's keys are unwrapped here: a wrong key is found now, not at the first request.
    match tenants(&desk).await {
        Ok(tenants) => {
            // What a newer version has in built-in roles, older tenants get here.
            for tenant in tenants {
                if desk.settle_roles(tenant.id).await? {
                    tracing::info!(tenant = %tenant.id, "the built-in roles were brought up to this version");
                }
            }
            Ok(Opened { desk, db })
        }
        Err(fault) => {
            if !key_was_there {
                // The one just made fits nothing; it must not be taken for the right one later.
                let _ = std::fs::remove_file(settings.config.master_key_file());
            }
            Err(Trouble::new(
                format!("the master key does not open this database: {fault}"),
                format!(
                    "Put the right one into {} (64 hexadecimal characters) or into BURSAR_MASTER_KEY.",
                    settings.config.master_key_file().display()
                ),
            ))
        }
    }
}

/// Puts the next master key into its place, if `key rotate-master` was ended after the keys of tenants were wrapped by it and
/// before it was there.
async fn finish_rotation(settings: &Settings, db: &Db) -> Done {
    let file = settings.config.master_key_file();
    let next = master::next_to(&file);
    if settings.master_key.is_some() || !next.exists() {
        return Ok(());
    }
    let opens = async |file: &std::path::Path| {
        Ok::<bool, Trouble>(
            file.exists() && desk::job::rotate::opens(db, &MasterKey::read_or_create(file, &Random::System)?).await?,
        )
    };
    if !opens(&file).await? && opens(&next).await? {
        master::put_in_place(&file).map_err(|fault| {
            Trouble::new(
                format!("the master key was rotated, and the new one cannot be put into its place: {fault}"),
                format!("Rename {} to {}.", next.display(), file.display()),
            )
        })?;
        tracing::warn!("a rotation of the master key that was interrupted is finished");
    }
    Ok(())
}

/// All tenants of the house, oldest first.
pub async fn tenants(desk: &Desk) -> desk::Result<Vec<TenantCard>> {
    // A question is asked in a tenant; the first one is number 1, and without it there are none.
    match desk.ask(&Caller::house(TenantId(1), Door::Cli), ListTenants).await {
        Err(Error::NotFound(_)) => Ok(Vec::new()),
        answer => answer,
    }
}

/// Everything that is served: our own voice and the vendors'.
pub fn router(desk: &Desk, config: &Config, public_url: &str) -> Router {
    let options = api::Options {
        public_url: public_url.to_owned(),
        rate_limit_per_second: config.rate_limit_per_second,
        anonymous_rate_limit_per_second: config.anonymous_rate_limit_per_second,
        request_seconds: config.request_seconds,
        body_bytes: config.body_bytes,
        import_bytes: config.import_bytes,
    };
    let banno = banno(config);
    let dialects = dialects::app(desk.clone(), &options, banno);
    api::app(desk.clone(), options).merge(dialects)
}

fn banno(config: &Config) -> dialects::banno::Settings {
    let mut banno = dialects::banno::Settings::default();
    banno.token_urls.extend(config.token_audiences.iter().cloned());
    banno
}

/// The gateways to the outside.
pub fn outside(config: &Config) -> Done<Arc<crate::outside::Outside>> {
    Ok(Arc::new(crate::outside::Outside::from_config(config)?))
}
