//! The demo: two invented institutions and the people who bank there, in a fresh folder, and a server for them. `people`
//! decides who they are, `names` holds the words they are made of, `history` is what happened to them, `seed` tells it
//! to the desk, `paper` is what a visitor is handed: demo.json and the card on the screen.

mod accounts;
mod bridge;
mod client_key;
mod folder;
mod history;
mod in_order;
mod outbox;
// Word lists are read as paragraphs, not as columns of one word.
#[rustfmt::skip]
pub mod names;
mod paper;
pub mod people;
mod progress;
mod seed;
mod specimen;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use desk::value::random::Random;
use desk::value::seal::MasterKey;
use serde_json::Value;
use tokio::sync::watch;

use crate::cli::Demo;
use crate::config::{Flags, LogFormat, Settings};
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Opened, Purpose};
use crate::{log, metrics, serve};

pub use folder::read;

/// How often to look whether the seeding has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// `bursar demo`.
pub async fn run(demo: Demo, mut settings: Settings, flags: &Flags) -> Done {
    let config = &mut settings.config;
    config.database = folder::database(&demo.data);
    config.master_key_file = Some(folder::master_key(&demo.data));
    settings.master_key = None;
    // Next to the database, wherever the house keeps its real ones.
    config.document_store = None;
    if settings.is_default("metrics_listen") {
        settings.config.metrics_listen = "off".to_owned();
    }
    if settings.is_default("log_format") {
        settings.config.log_format = LogFormat::Text;
    }
    if settings.is_default("log_level") {
        settings.config.log_level = "warn".to_owned();
    }
    log::start(&settings.config)?;
    if let Some(base_url) = &demo.seed_only {
        return seed::everything(&demo, &settings.config, base_url).await;
    }
    let prometheus = metrics::start()?;
    let stop = serve::signals()?;
    let listener = serve::listen(settings.config.listen).await?;
    let address = listener.local_addr().unwrap_or(settings.config.listen);
    let base_url = match &settings.config.public_url {
        Some(_) => settings.config.public_url(),
        None => format!("http://{}", reachable(address)),
    };
    // Held as long as we run: another demo must not clear the folder under us.
    let _held = folder::prepare(&demo.data)?;
    if !seed_elsewhere(&demo, flags, &base_url, &stop)? {
        return Ok(());
    }
    let (db, _) = wire_up::open_db(&settings.config, Absent::Refuse, Purpose::Serve).await?;
    let master = MasterKey::read_or_create(&settings.config.master_key_file(), &Random::System)?;
    let desk = wire_up::desk_over(&settings.config, db.clone(), master);
    let card = paper::card(&folder::read(&demo.data)?, &demo.data);
    let opened = Opened { desk, db };
    let letter_box = outbox::router(opened.desk.clone(), &base_url);
    serve::run(letter_box, &settings, opened, listener, &base_url, prometheus, stop, |_| {
        // Whoever closed the terminal's end does not want the card; the server goes on.
        let _ = crate::command::print(&card);
    })
    .await
}

/// Seeds in a process of its own, so that the server begins with a small memory. `false`: told to stop meanwhile.
fn seed_elsewhere(demo: &Demo, flags: &Flags, base_url: &str, stop: &watch::Receiver<bool>) -> Done<bool> {
    let failed = |fault: std::io::Error| Trouble::new(format!("cannot begin to seed: {fault}"), "");
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("demo").arg("--data").arg(&demo.data);
    command.args(["--users", &demo.users.to_string(), "--seed", &demo.seed.to_string(), "--seed-only", base_url]);
    if let Some(seconds) = demo.otp_resend_seconds {
        command.args(["--otp-resend-seconds", &seconds.to_string()]);
    }
    if let Some(file) = &flags.file {
        command.arg("--config").arg(file);
    }
    for (name, value) in &flags.values {
        command.arg(format!("--{}={value}", name.replace('_', "-")));
    }
    let mut child = command.stdin(Stdio::null()).spawn().map_err(failed)?;
    loop {
        if *stop.borrow() {
            // Nothing of it is needed any more; the folder is cleared at the next start.
            let _ = child.kill();
            let _ = child.wait();
            return Ok(false);
        }
        match child.try_wait().map_err(failed)? {
            Some(status) if status.success() => return Ok(true),
            Some(_) => return Err(Trouble::new("the demo could not be seeded", "The lines above say why.")),
            None => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// An address that a browser on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        _ => address,
    }
}

/// Points the settings at the demo in a folder, and answers where its server is reached.
pub fn point_at(folder: &Path, flags: &mut Flags) -> Option<String> {
    flags.or_set("database", folder::database(folder));
    flags.or_set("master_key_file", folder::master_key(folder).display().to_string());
    let demo: Value = folder::read(folder).ok()?;
    demo["base_url"].as_str().map(str::to_owned)
}
