//! How fast and how large: starts a server on data of its own as an operator would, asks it over HTTP, and puts each
//! figure beside its floor of the same run and what it must reach. `make bench` measures both engines, with a PostgreSQL of
//! its own, keeps the results as JSON and draws them; `bursar bench` hands on to `here`, which measures one installation;
//! `peers` measures other products beside ours (`make bench-peers`).
//!
//! In reading order: `measure` (the order of things), `figures` (which there are and what they must reach), `house` (the
//! installation), then a module for each kind of work; `plot`, `postgres` and `peers` are of the repository only.

mod at_desk;
mod audit;
mod broken;
mod bulk;
mod choice;
mod data;
mod figures;
mod floor;
mod house;
mod import;
mod load;
mod logins;
mod machine;
mod measure;
mod peers;
mod plot;
mod postgres;
mod reads;
mod server;
mod writes;

use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode};
use std::time::{Duration, Instant};

use broken::{Broken, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use measure::{Part, Plan, measure};
use postgres::Postgres;
use serde_json::json;

/// Measures the server that was built beside this program.
#[derive(Parser)]
#[command(name = "bursar-bench")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    all: All,
}

#[derive(Subcommand)]
enum Command {
    /// Measure the program beside this one on this machine, on data of its own that are removed afterwards (`bursar bench`)
    Here(Here),
    /// Draw what the results say
    Plot {
        /// The folder of results
        #[arg(long, default_value = "bench/results")]
        out: PathBuf,
    },
    /// Measure other products beside this one
    Peers(peers::Wish),
    /// Do a bulk action on so many users at a desk without a server, for a profile
    BulkAtDesk {
        /// How many
        users: i64,
    },
    /// Serve these bytes from a bare route (used by this program itself)
    #[command(hide = true)]
    Floor {
        /// What to serve
        file: PathBuf,
        /// Where to listen
        address: String,
    },
}

/// Everything.
#[derive(Args)]
struct All {
    /// How many users; several with commas between
    #[arg(long, default_value = "100000", value_delimiter = ',')]
    users: Vec<u64>,
    /// On which engines
    #[arg(long, value_enum, default_value = "sqlite,postgres", value_delimiter = ',')]
    engine: Vec<On>,
    /// How long each figure is measured, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measure only these parts: get, search, lists, audit, bulk, writes, logins, choice. Such a run is not kept as a result
    #[arg(long, value_delimiter = ',', value_parser = Part::parse)]
    only: Vec<Part>,
    /// Rows in the audit, of which one user's are looked up
    #[arg(long, default_value_t = 1_000_000)]
    audit_rows: u64,
    /// Leave the data, and use those that a run with --keep has left
    #[arg(long)]
    keep: bool,
    /// Where the embedded engine's data are made
    #[arg(long, default_value = "target/bench")]
    data: PathBuf,
    /// Where PostgreSQL's data are made: on a disk, and within the reach of the user it runs as
    #[arg(long, default_value = "/var/tmp/bursar-bench")]
    postgres_data: PathBuf,
    /// Where results go
    #[arg(long, default_value = "bench/results")]
    out: PathBuf,
}

/// One installation, without the repository.
#[derive(Args)]
struct Here {
    /// How many users
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    users: u64,
    /// How long each figure is measured, in seconds
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Only these: get, search, lists, audit, bulk, writes, logins, choice
    #[arg(long, value_name = "PART", value_delimiter = ',', value_parser = Part::parse)]
    only: Vec<Part>,
    /// Rows in the audit, of which one user's are looked up
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    audit_rows: u64,
    /// Where the data are made: on the disk that is meant; a folder that holds something else is refused
    #[arg(long, value_name = "DIR", default_value = "data/bench")]
    data: PathBuf,
    /// Use this PostgreSQL instead of a file, and there the schema bursar_bench, which is dropped before and afterwards
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    Sqlite,
    Postgres,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => all(&cli.all),
        Some(Command::Here(wish)) => here(wish),
        Some(Command::Plot { out }) => draw(&out),
        Some(Command::Peers(wish)) => peers::run(&wish),
        Some(Command::BulkAtDesk { users }) => {
            let folder = PathBuf::from("target/bench/at-desk");
            let _ = std::fs::remove_dir_all(&folder);
            at_desk::bulk(&folder, users)
        }
        Some(Command::Floor { file, address }) => floor::serve(&file, &address),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Broken(why)) => {
            eprintln!("bursar-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The program under test, and what serves the bare route.
fn programs() -> Result<(PathBuf, (PathBuf, Vec<String>))> {
    let own = std::env::current_exe()?;
    let bursar = own.with_file_name("bursar");
    if !bursar.exists() {
        return Err(Broken("there is no `bursar` beside this program".to_owned()));
    }
    Ok((bursar, (own, vec!["floor".to_owned()])))
}

fn here(wish: Here) -> Result<()> {
    let (bursar, floor) = programs()?;
    let machine = machine::describe();
    eprintln!("{}", machine::line(&machine));
    let run = measure(&Plan {
        bursar,
        floor,
        folder: wish.data,
        postgres: wish.postgres.map(|url| (url, "bursar_bench".to_owned())),
        users: wish.users,
        audit_rows: wish.audit_rows,
        time: Duration::from_secs(wish.seconds),
        only: wish.only,
        again: false,
        keep: false,
    })?;
    if wish.json {
        let mut result = run.json();
        result["machine"] = machine;
        result["date"] = machine::today().into();
        println!("{result:#}");
    } else {
        println!("{}", run.table());
    }
    Ok(())
}

fn all(wish: &All) -> Result<()> {
    let (bursar, floor) = programs()?;
    let machine = machine::describe();
    eprintln!("{}", machine::line(&machine));
    let began = Instant::now();
    let mut tables = Vec::new();
    for engine in &wish.engine {
        let postgres = match engine {
            On::Sqlite => None,
            On::Postgres => Some(Postgres::start(Path::new("."), wish.keep.then_some(wish.postgres_data.as_path()))?),
        };
        for users in &wish.users {
            let word = if *engine == On::Sqlite { "sqlite" } else { "postgres" };
            eprintln!("==> {word}, {users} users");
            let folder = wish.data.join(format!("{word}-{users}"));
            let plan = Plan {
                bursar: bursar.clone(),
                floor: floor.clone(),
                again: wish.keep && folder.join("house.json").exists(),
                folder,
                postgres: postgres.as_ref().map(|it| (it.url.clone(), format!("bench_{users}"))),
                users: *users,
                audit_rows: wish.audit_rows,
                time: Duration::from_secs(wish.seconds),
                only: wish.only.clone(),
                keep: wish.keep,
            };
            let run = measure(&plan)?;
            let table = run.table();
            println!("{table}");
            tables.push(table);
            if wish.only.is_empty() && !plan.again {
                keep(&wish.out, &machine, &run)?;
            }
        }
    }
    eprintln!("all of it took {:.1} min", began.elapsed().as_secs_f64() / 60.0);
    if tables.len() > 1 {
        println!("\n{}{}", machine::line(&machine), tables.concat());
    }
    if wish.only.is_empty() { draw(&wish.out) } else { Ok(()) }
}

/// Writes a run down, with the machine and the state of the code.
fn keep(out: &Path, machine: &serde_json::Value, run: &figures::Run) -> Result<()> {
    let mut result = json!({ "machine": machine, "date": machine::today(), "commit": commit() });
    if let (Some(result), serde_json::Value::Object(run)) = (result.as_object_mut(), run.json()) {
        result.extend(run);
    }
    let path = out.join(format!("{}-{}.json", figures::word(run.engine), run.users));
    write(&path, &format!("{}\n", serde_json::to_string_pretty(&result)?))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

fn draw(out: &Path) -> Result<()> {
    match plot::draw(out)? {
        Some(drawn) => write(&out.join("cost.svg"), &drawn),
        None => Err(Broken(format!("there are no results in {}", out.display()))),
    }
}

/// The commit that was measured; with a `+` if the code was changed since.
fn commit() -> String {
    let git = |words: &[&str]| {
        let output = Program::new("git").args(words).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--", "crates", "bench/src", "Cargo.toml", "Cargo.lock"]);
    if changed.is_some_and(|it| it.is_empty()) { commit } else { format!("{commit}+") }
}
