//! `bursar user import`, `bursar import` and `bursar user export`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use desk::Error;
use desk::import::questions::REJECTED_PAGE_MAX;
use desk::import::{
    self, CancelImport, Format, Import, ImportState, ListImports, Naming, PauseImport, ResumeImport, RevealRejected,
    ShowImport, Stopped, ToTheEnd,
};
use desk::user::standing::*;
use desk::user::{ExportPage, ExportUsers, UserFilter, UserKind};
use desk::value::id::ImportId;
use tokio::sync::watch;

use super::house::{self, House};
use crate::cli::{self, OneImport, UserExport, UserImport};
use crate::config::Settings;
use crate::serve;
use crate::trouble::{Done, Trouble};

/// How often the progress bar moves.
const FRAME: Duration = Duration::from_millis(250);
/// How often a line is printed where there is no terminal.
const LINE: Duration = Duration::from_secs(5);
/// How much of the file is read at a time.
const CHUNK: usize = 256 * 1024;
/// What the error file is for, as the audit has it.
const PURPOSE: &str = "error file of `bursar user import`";

pub async fn import(settings: &Settings, wish: UserImport) -> Done {
    let format = match wish.format {
        Some(format) => format,
        None => match wish.file.extension().and_then(|end| end.to_str()) {
            Some("ndjson" | "jsonl") => Format::Ndjson,
            _ => Format::Csv,
        },
    };
    let naming = Naming {
        map: wish.map.iter().map(|pair| Naming::pair(pair)).collect::<desk::Result<_>>()?,
        ignore: wish.ignore.clone(),
        country: wish.country.clone(),
        encoding: wish.encoding,
    };
    let stop = serve::signals()?;
    let digest = digest(&wish.file)?;
    let house = house::open(settings, &wish.at).await?;
    let id = match house.desk.unfinished_import(&house.caller, &digest, wish.dry_run).await? {
        Some(id) => {
            eprintln!("going on with {id}, which was begun with the same file");
            house.desk.perform(&house.caller, ResumeImport(id)).await?;
            id
        }
        None => receive(&house, &wish, format, naming, &stop).await?,
    };
    let import = run(&house, id, stop).await?;
    let kept = write_rejected(&house, &import, &wish.file).await?;
    tell(&import, kept.as_deref());
    house.close().await;
    match import.state {
        ImportState::Completed if import.rows_rejected == 0 => Ok(()),
        ImportState::Completed => Err(Trouble::partly(
            format!("{} of {} rows were rejected", import.rows_rejected, import.rows_read()),
            "Mend them in the file that is named above, and bring that in.",
        )),
        ImportState::Failed => Err(Trouble::new(
            format!("the import has failed: {}", import.failure.as_deref().unwrap_or("no reason is known")),
            "What is in stays in; begin again with the same file, and rows that are in change nothing.",
        )),
        ImportState::Paused => Err(Trouble::interrupted(
            format!("the import rests after {} rows; what is in stays in", import.rows_read()),
            format!("Run the command again to go on, or call it off: bursar import cancel {id}"),
        )),
        ImportState::Cancelled => Err(Trouble::new("the import was cancelled", "What is in stays in.")),
        ImportState::Awaiting | ImportState::Running => {
            Err(Trouble::new(format!("the import is {}", import.state), "Run the command again to go on."))
        }
    }
}

/// `bursar import`.
pub async fn manage(settings: &Settings, command: cli::Import) -> Done {
    let at = match &command {
        cli::Import::List { at, .. } => at,
        cli::Import::Status(one) | cli::Import::Pause(one) | cli::Import::Resume(one) | cli::Import::Cancel(one) => {
            &one.at
        }
    };
    let house = house::open(settings, at).await?;
    let done = match &command {
        cli::Import::List { limit, .. } => {
            let list = ListImports { before: None, limit: i64::from(*limit) };
            let found = house.desk.ask(&house.caller, list).await?;
            found.iter().for_each(|import| tell(import, None));
            Ok(())
        }
        cli::Import::Status(OneImport { id, .. }) => {
            tell(&house.desk.ask(&house.caller, ShowImport(*id)).await?, None);
            Ok(())
        }
        cli::Import::Pause(OneImport { id, .. }) => turned(house.desk.perform(&house.caller, PauseImport(*id)).await),
        cli::Import::Resume(OneImport { id, .. }) => turned(house.desk.perform(&house.caller, ResumeImport(*id)).await),
        cli::Import::Cancel(OneImport { id, .. }) => {
            let done = turned(house.desk.perform(&house.caller, CancelImport(*id)).await);
            if done.is_ok() {
                // The file goes at once, also where no server runs.
                house.desk.run_import(house.caller.tenant, *id, ToTheEnd).await?;
            }
            done
        }
    };
    house.close().await;
    done
}

fn turned(done: desk::Result<(Import, bool)>) -> Done {
    let (import, _) = done?;
    tell(&import, None);
    Ok(())
}

fn cannot_read(file: &Path, fault: &std::io::Error) -> Trouble {
    Trouble::usage(format!("cannot read {}: {fault}", file.display()), "Name a CSV or NDJSON file.")
}

/// Reads a file in chunks.
fn chunks(file: &Path, mut take: impl FnMut(&[u8])) -> Done {
    let mut open = File::open(file).map_err(|fault| cannot_read(file, &fault))?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match open.read(&mut buffer).map_err(|fault| cannot_read(file, &fault))? {
            0 => return Ok(()),
            read => take(&buffer[..read]),
        }
    }
}

/// SHA-256 of a file.
fn digest(file: &Path) -> Done<[u8; 32]> {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    chunks(file, |bytes| digest.update(bytes))?;
    let mut out = [0; 32];
    out.copy_from_slice(digest.finish().as_ref());
    Ok(out)
}

/// Puts the file where the import can go on from after anything, and starts it.
async fn receive(
    house: &House,
    wish: &UserImport,
    format: Format,
    naming: Naming,
    stop: &watch::Receiver<bool>,
) -> Done<ImportId> {
    let mut staging = house.desk.stage_import(&house.caller, format, wish.dry_run, naming).await?;
    let mut open = File::open(&wish.file).map_err(|fault| cannot_read(&wish.file, &fault))?;
    let mut buffer = vec![0; CHUNK];
    let received: Done<_> = async {
        loop {
            if *stop.borrow() {
                return Err(Trouble::interrupted("stopped before the import was begun", "Nothing was brought in."));
            }
            match open.read(&mut buffer).map_err(|fault| cannot_read(&wish.file, &fault))? {
                0 => return Ok(staging.finish().await?),
                read => staging.push(&buffer[..read]).await?,
            }
        }
    }
    .await;
    let started = match received {
        Ok(start) => house.desk.perform(&house.caller, start).await.map_err(Trouble::from),
        Err(fault) => Err(fault),
    };
    match started {
        Ok(import) => Ok(import.id),
        Err(fault) => {
            staging.discard().await?;
            Err(fault)
        }
    }
}

/// Brings the rows in, and shows how far it is. A signal lets the import rest, also where a server works at it: who stops
/// the command does not want it to go on elsewhere.
async fn run(house: &House, id: ImportId, mut stop: watch::Receiver<bool>) -> Done<Import> {
    let show = || house.desk.ask(&house.caller, ShowImport(id));
    let mut bar = Bar::begin(&show().await?);
    let running = house.desk.run_import(house.caller.tenant, id, ToTheEnd);
    tokio::pin!(running);
    let stopped = loop {
        tokio::select! {
            stopped = &mut running => break stopped?,
            () = tokio::time::sleep(FRAME) => bar.show(&show().await?),
            // Once: the channel says nothing more.
            Ok(()) = stop.changed() => match house.desk.perform(&house.caller, PauseImport(id)).await {
                // Over a moment ago.
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(fault) => return Err(fault.into()),
            },
        }
    };
    let import = show().await?;
    if stopped == Stopped::Over {
        bar.show(&import);
    }
    bar.end();
    Ok(import)
}

/// Rate and time left: one line that moves on a terminal, lines now and then elsewhere.
struct Bar {
    moves: bool,
    begun: Instant,
    rows: i64,
    bytes: i64,
    told: Option<Instant>,
}

impl Bar {
    fn begin(import: &Import) -> Bar {
        let (rows, bytes) = (import.rows_read(), import.done_bytes);
        Bar { moves: std::io::stderr().is_terminal(), begun: Instant::now(), rows, bytes, told: None }
    }

    fn show(&mut self, import: &Import) {
        if !self.moves && self.told.is_some_and(|told| told.elapsed() < LINE) && !import.state.is_over() {
            return;
        }
        self.told = Some(Instant::now());
        let line = self.line(import, self.begun.elapsed());
        if self.moves { eprint!("\r{line}\x1b[K") } else { eprintln!("{line}") }
    }

    fn line(&self, import: &Import, took: Duration) -> String {
        let seconds = took.as_secs_f64().max(0.001);
        let share = import.done_bytes as f64 / import.file_bytes.max(1) as f64;
        let rate = (import.rows_read() - self.rows) as f64 / seconds;
        let bytes_a_second = (import.done_bytes - self.bytes) as f64 / seconds;
        let left = match bytes_a_second > 0.0 {
            true => format!("{} left", span((import.file_bytes - import.done_bytes) as f64 / bytes_a_second)),
            false => "time left unknown".to_owned(),
        };
        let full = (share * 24.0).round() as usize;
        format!(
            "[{}{}] {:3.0}%  {} rows, {} rejected, {rate:.0}/s, {left}",
            "#".repeat(full.min(24)),
            "-".repeat(24 - full.min(24)),
            share * 100.0,
            import.rows_read(),
            import.rows_rejected,
        )
    }

    fn end(&self) {
        if self.moves {
            eprintln!();
        }
    }
}

/// Seconds as people say them.
fn span(seconds: f64) -> String {
    let seconds = seconds.min(1e9).ceil() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

fn tell(import: &Import, rejected: Option<&Path>) {
    let verb = if import.dry_run { "would be" } else { "were" };
    println!(
        "{} {}: {} rows read; {} users {verb} created, {} changed, {} unchanged; {} rows rejected",
        import.id,
        import.state,
        import.rows_read(),
        import.rows_created,
        import.rows_edited,
        import.rows_unchanged,
        import.rows_rejected
    );
    if let Some(path) = rejected {
        println!("the rejected rows, each with its reason: {}", path.display());
    }
}

/// Writes the error file beside the file.
async fn write_rejected(house: &House, import: &Import, file: &Path) -> Done<Option<PathBuf>> {
    if import.rejected_kept == 0 {
        return Ok(None);
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".rejected.csv");
    let path = file.with_file_name(name);
    let failed = |fault: std::io::Error| {
        Trouble::new(format!("cannot write {}: {fault}", path.display()), "Check folder and disk.")
    };
    let mut sink = BufWriter::new(private(&path).map_err(failed)?);
    let (mut after, mut first) = (0, true);
    loop {
        let (limit, purpose) = (REJECTED_PAGE_MAX, PURPOSE.to_owned());
        let page = house.desk.ask(&house.caller, RevealRejected { import: import.id, after, limit, purpose }).await?;
        if std::mem::take(&mut first) {
            sink.write_all(page.csv_header().as_bytes()).map_err(failed)?;
        }
        sink.write_all(page.csv_rows().as_bytes()).map_err(failed)?;
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    sink.flush().map_err(failed)?;
    Ok(Some(path))
}

/// A file that only its owner reads: people stand in it.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // One that was there may have been anybody's to read.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

pub async fn export(settings: &Settings, wish: UserExport) -> Done {
    let failed = |fault: std::io::Error| Trouble::new(format!("cannot write the export: {fault}"), "Check the disk.");
    let mut filter = UserFilter::default();
    for pair in &wish.filter {
        choose(&mut filter, pair)?;
    }
    let house = house::open(settings, &wish.at).await?;
    let export = house.desk.ask(&house.caller, ExportUsers { filter, purpose: wish.purpose }).await?;
    let mut sink: Box<dyn Write> = match &wish.out {
        Some(path) => Box::new(BufWriter::new(private(path).map_err(failed)?)),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let mut text = if wish.format == Format::Csv { import::csv_header() } else { String::new() };
    let (mut after, mut count) = (0, 0_usize);
    loop {
        let users = house.desk.ask(&house.caller, ExportPage { export: export.clone(), after }).await?;
        for user in &users {
            match wish.format {
                Format::Csv => import::csv_line(user, &mut text),
                Format::Ndjson => import::ndjson_line(user, &mut text),
            }
        }
        sink.write_all(text.as_bytes()).map_err(failed)?;
        text.clear();
        count += users.len();
        match users.last() {
            Some(last) => after = last.number,
            None => break,
        }
    }
    sink.flush().map_err(failed)?;
    eprintln!("{count} users{}", if export.in_full() { ", nothing masked" } else { ", identifiers masked" });
    drop(sink);
    house.close().await;
    Ok(())
}

/// Reads `fraud=suspicious`.
fn choose(filter: &mut UserFilter, pair: &str) -> Done {
    let (axis, word) = pair.split_once('=').unwrap_or((pair, ""));
    let truth = |word: &str| word.parse::<bool>().ok();
    let known = match axis {
        "sign_in_lock" => {
            filter.locked = ["open", "locked"].iter().position(|known| *known == word).map(|at| at == 1);
            filter.locked.is_some()
        }
        "admission" => set(&mut filter.admission, Admission::parse(word)),
        "core_state" => set(&mut filter.core_state, CoreState::parse(word)),
        "suspension" => set(&mut filter.suspension, Suspension::parse(word)),
        "flag" => set(&mut filter.flag, FlagReach::parse(word)),
        "blacklist" => set(&mut filter.blacklist, Blacklist::parse(word)),
        "fraud" => set(&mut filter.fraud, FraudStatus::parse(word)),
        "verification" => set(&mut filter.verification, Verification::parse(word)),
        "hold" => set(&mut filter.hold, Hold::parse(word)),
        "presence" => set(&mut filter.presence, Presence::parse(word)),
        "kind" => set(&mut filter.kind, UserKind::parse(word)),
        "employee" => set(&mut filter.employee, truth(word)),
        _ => false,
    };
    match known {
        true => Ok(()),
        false => Err(Trouble::usage(
            format!("there is no filter {pair}"),
            "Write axis=word, e.g. fraud=suspicious; docs/standing.md has the words.",
        )),
    }
}

fn set<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    *slot = value;
    slot.is_some()
}
