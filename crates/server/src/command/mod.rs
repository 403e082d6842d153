//! The commands, apart from serving. `house` opens what they all need.

mod audit;
mod backup;
mod bench;
mod doctor;
mod house;
mod import;
mod key;
pub mod master;
mod outbox;
pub mod read_document;
mod staff;
mod tenant;
mod token;
mod user;

use std::io::Write;

use crate::cli::{Cli, Command};
use crate::config::{self, DEFAULTS};
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Purpose};
use crate::{demo, serve};

/// Prints what was asked for. A reader that has seen enough (`head`) is no trouble; a full disk is.
pub fn print(text: &str) -> Done {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Trouble::new(format!("cannot write to standard output: {fault}"), "Check the disk."))
        }
        _ => Ok(()),
    }
}

/// Does what the command line asks for.
pub async fn run(cli: Cli) -> Done {
    let mut flags = cli.flags;
    match cli.command {
        // These need no settings, and must work where they are broken.
        Command::ReadDocument { limited } => read_document::run(limited),
        Command::Openapi => print(&api::committed_openapi_json()),
        Command::Standing => print(&desk::user::standing::matrix_page()),
        Command::Config { manual: true } => print(DEFAULTS),
        Command::Token(token) => token::run(token).await,
        Command::Bench { arguments } => bench::run(&arguments, &flags),
        Command::Audit(crate::cli::Audit::Verify { file, public_key, witness }) => {
            audit::verify(&file, public_key.as_deref(), &witness)
        }
        Command::Outbox(outbox) => {
            let public_url = outbox.data.as_deref().and_then(|data| demo::point_at(data, &mut flags));
            let mut settings = config::load(&flags, &config::environment())?;
            if outbox.data.is_some() {
                // A demo has a key of its own.
                settings.master_key = None;
            }
            outbox::run(outbox, settings, public_url).await
        }
        command => {
            let settings = config::load(&flags, &config::environment())?;
            match command {
                Command::Serve => serve::serve(settings).await,
                Command::Demo(demo) => demo::run(demo, settings, &flags).await,
                Command::Migrate => {
                    let (db, applied) = wire_up::open_db(&settings.config, Absent::Make, Purpose::Command).await?;
                    match applied.as_slice() {
                        [] => println!("nothing to do: the schema is up to date"),
                        applied => println!("applied {}", applied.join(", ")),
                    }
                    db.stop().await;
                    Ok(())
                }
                Command::Doctor(wish) => doctor::run(&settings, &wish).await,
                Command::Backup { folder } => backup::backup(&settings, &folder).await,
                Command::Restore { folder, person_keys } => backup::restore(&settings, &folder, person_keys).await,
                Command::Key(crate::cli::Key::RotateMaster) => master::rotate(&settings).await,
                Command::Audit(crate::cli::Audit::Head) => audit::head(&settings).await,
                Command::Tenant(command) => tenant::run(command, &settings).await,
                Command::Staff(crate::cli::Staff::Add(add)) => staff::add(add, &settings).await,
                Command::Key(crate::cli::Key::Create(create)) => key::create(create, &settings).await,
                Command::User(crate::cli::User::Find { query, limit, at }) => {
                    user::find(&settings, query, limit, at).await
                }
                Command::User(crate::cli::User::Import(wish)) => import::import(&settings, wish).await,
                Command::User(crate::cli::User::Export(wish)) => import::export(&settings, wish).await,
                Command::Import(command) => import::manage(&settings, command).await,
                Command::Audit(crate::cli::Audit::Export { out, at }) => audit::export(&settings, out, at).await,
                Command::Config { .. } => print(&settings.page()),
                Command::Openapi
                | Command::Standing
                | Command::ReadDocument { .. }
                | Command::Bench { .. }
                | Command::Token(_)
                | Command::Outbox(_)
                | Command::Audit(_) => Ok(()),
            }
        }
    }
}
