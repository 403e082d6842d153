//! `make bench`: how fast and how large, each figure beside its floor measured in the same run, and beside what it must
//! reach. Machines are noisy: compare ratios of one run, not figures of two.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

mod bulk;
mod data;
mod floor;
mod import;
mod load;
mod reads;
mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use load::{Line, Run, request, run};
use serde_json::{Value, json};
use server::Server;

/// Measures the server that was built beside this program.
#[derive(Parser)]
struct Args {
    /// How many users.
    #[arg(long, default_value_t = 100_000)]
    users: usize,
    /// How long each figure is measured, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Where the data is made; emptied first if it was made by this program.
    #[arg(long, default_value = "target/bench")]
    data: PathBuf,
    /// Use the data that a run before has left, as it is.
    #[arg(long)]
    keep: bool,
    /// Measure only these: `get`, `search`, `lists`, `writes`, `import`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write the figures here as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Serve the bare route with this body (used by this program itself).
    #[arg(long, hide = true)]
    floor: Option<PathBuf>,
    /// Only do a bulk action on so many users, at a desk without a server (for a profile).
    #[arg(long)]
    bulk_at_desk: Option<i64>,
    /// Where the bare route listens.
    #[arg(long, hide = true, default_value = "127.0.0.1:18081")]
    floor_listen: String,
}

const ADDRESS: &str = "127.0.0.1:18080";
const FLOOR: &str = "127.0.0.1:18081";

/// One line of the table.
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    must: Option<(bool, f64)>,
}

struct Table(Vec<Figure>);

impl Table {
    fn at_least(&mut self, name: &'static str, value: f64, unit: &'static str, least: f64) {
        self.0.push(Figure { name, value, unit, must: Some((true, least)) });
    }

    fn at_most(&mut self, name: &'static str, value: f64, unit: &'static str, most: f64) {
        self.0.push(Figure { name, value, unit, must: Some((false, most)) });
    }

    fn floor(&mut self, name: &'static str, value: f64, unit: &'static str) {
        self.0.push(Figure { name, value, unit, must: None });
    }

    fn print(&self) {
        println!("\n{:<58} {:>12}   {:<14}", "figure", "measured", "must be");
        for it in &self.0 {
            let must = match it.must {
                None => "(floor)".to_owned(),
                Some((true, least)) => format!("≥ {least} {}", if it.value >= least { "✓" } else { "✗" }),
                Some((false, most)) => format!("≤ {most} {}", if it.value <= most { "✓" } else { "✗" }),
            };
            let value = if it.value >= 100.0 { format!("{:.0}", it.value) } else { format!("{:.2}", it.value) };
            println!("{:<58} {:>8} {:<5} {must}", it.name, value, it.unit);
        }
    }

    fn json(&self) -> Value {
        let one = |it: &Figure| json!({"name": it.name, "value": it.value, "unit": it.unit, "must": it.must.map(|(_, bound)| bound)});
        Value::Array(self.0.iter().map(one).collect())
    }
}

fn main() {
    let args = Args::parse();
    if let Some(body) = args.floor {
        floor::serve(&args.floor_listen, std::fs::read_to_string(body).unwrap());
        return;
    }
    if let Some(users) = args.bulk_at_desk {
        let _ = std::fs::remove_dir_all(args.data.join("bulk"));
        bulk::at_the_desk(&args.data.join("bulk"), users);
        return;
    }
    let bursar = std::env::current_exe().unwrap().with_file_name("bursar");
    let size = std::fs::metadata(&bursar).expect("`cargo build --release -p server` comes first").len();
    let mut table = Table(Vec::new());
    table.at_most("binary", size as f64 / 1e6, "MB", 30.0);
    let measured = |what: &str| args.only.is_empty() || args.only.iter().any(|it| it == what);

    if !args.keep {
        seed(&args, &bursar, &mut table);
    }
    let card: Value = serde_json::from_str(&std::fs::read_to_string(args.data.join("demo.json")).unwrap()).unwrap();
    let key = card["native"]["secret_key"].as_str().unwrap();
    let database = find_database(&args.data);
    let url = format!("sqlite:{}", database.display());
    let serve = ["serve", "--database", &url, "--listen", ADDRESS, "--metrics-listen", "off"];
    let server = Server::start(&bursar, &serve, ADDRESS, Duration::from_secs(30));
    table.at_most("start to first answer", server.first_answer.as_secs_f64() * 1e3, "ms", 300.0);
    server.rest(Duration::from_secs(300));
    table.at_most("memory, idle", server.memory_mb(), "MB", 40.0);

    eprintln!("reading ids …");
    let mut people = read_people(key);
    shuffle(&mut people);
    server.rest(Duration::from_secs(60));
    let scene = Scene {
        token: banno_token(&bursar, &args.data),
        institution: card["banno"]["institution_id"].as_str().unwrap().to_owned(),
        key: key.to_owned(),
        time: Duration::from_secs(args.seconds),
        data: args.data.clone(),
        database,
        people,
        server,
    };
    if measured("get") {
        scene.gets(&mut table);
    }
    if measured("search") {
        scene.searches(&mut table);
    }
    if measured("lists") {
        let banno = (scene.token.as_str(), scene.institution.as_str());
        let against = reads::Against { address: &scene.server.address, key: &scene.key, banno, time: scene.time };
        reads::measure(&mut table, &against);
    }
    if measured("writes") {
        scene.writes(&mut table);
    }
    if measured("import") {
        scene.import(&mut table, args.users as u64);
    }
    table.floor("memory, after all of this", scene.server.memory_mb(), "MB");
    scene.server.stop();
    table.print();
    if let Some(path) = args.json {
        std::fs::write(path, serde_json::to_string_pretty(&table.json()).unwrap()).unwrap();
    }
}

/// Makes the demo's data with so many users.
fn seed(args: &Args, bursar: &Path, table: &mut Table) {
    if args.data.join("demo.json").exists() {
        std::fs::remove_dir_all(&args.data).unwrap();
    }
    eprintln!("seeding {} users …", args.users);
    let seeding = Instant::now();
    let (data, users) = (args.data.to_str().unwrap(), args.users.to_string());
    let line = ["demo", "--listen", ADDRESS, "--data", data, "--users", &users];
    let demo = Server::start(bursar, &line, ADDRESS, Duration::from_secs(3600));
    let rate = 2.0 * args.users as f64 / seeding.elapsed().as_secs_f64();
    table.floor("seeding, users a second (both institutions)", rate, "/s");
    demo.stop();
}

/// The server under test with what is known of its data.
struct Scene {
    server: Server,
    people: Vec<Person>,
    key: String,
    token: String,
    institution: String,
    time: Duration,
    data: PathBuf,
    database: PathBuf,
}

impl Scene {
    fn gets(&self, table: &mut Table) {
        let get = |it: &Person| request("GET", &format!("/v1/users/{}", it.id), Some(&self.key), None);
        let gets: Vec<_> = self.people.iter().map(get).collect();
        let names = ["get user", "get user, p99", "get user / bare route", "bare axum route, the same bytes"];
        self.reads(table, &gets, names);
    }

    fn searches(&self, table: &mut Table) {
        let search = |email: &str| {
            let at = format!(
                "/a/consumer-user-search/api/v0/institutions/{}/users?query={}",
                self.institution,
                email.replace('+', "%2B")
            );
            request("GET", &at, Some(&self.token), None)
        };
        let known = self.people.iter().filter(|it| !it.email.is_empty());
        let searches: Vec<_> = known.map(|it| search(&it.email)).collect();
        let names = [
            "Banno search by e-mail",
            "Banno search, p99",
            "Banno search / bare route",
            "bare axum route, the same bytes ",
        ];
        self.reads(table, &searches, names);
    }

    /// Asks over eight connections, beside a bare route with the first answer's bytes.
    fn reads(&self, table: &mut Table, asks: &[Vec<u8>], names: [&'static str; 4]) {
        let address = &self.server.address;
        let body = Line::to(address).unwrap().ask(&asks[0]).unwrap().1;
        let bare = bare_route(&self.data, &body, self.time);
        let found = run(address, asks, 8, self.time, 200, true);
        tell(names[0], &found);
        figures(table, [names[0], names[1], names[2]], &found, 15_000.0, 5.0, (bare.rate, 0.25));
        table.floor(names[3], bare.rate, "/s");
    }

    fn writes(&self, table: &mut Table) {
        let address = &self.server.address;
        self.bulk(table);
        eprintln!("locking everybody …");
        let lock = |it: &Person| request("POST", &format!("/v1/users/{}/lock", it.id), Some(&self.key), Some("{}"));
        let locks: Vec<_> = self.people.iter().map(lock).collect();
        let locked = run(address, &locks, 32, Duration::from_secs(600), 200, false);
        tell("lock", &locked);
        table.floor("lock through the native API, 32 connections", locked.rate, "/s");
        table.floor("lock, p99", locked.p99_ms, "ms");
        self.server.rest(Duration::from_secs(300));
        // The copy for the raw writer is taken while everybody is locked.
        let copy = self.data.join("raw.db");
        let _ = std::fs::remove_file(&copy);
        rusqlite::Connection::open(&self.database)
            .unwrap()
            .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();

        let unlock = |it: &Person| {
            request(
                "PUT",
                &format!("/a/consumer-status/api/v0/users/{}/status/locked", it.uuid),
                Some(&self.token),
                Some(r#"{"state":false}"#),
            )
        };
        let unlocks: Vec<_> = self.people.iter().filter(|it| it.unlockable).map(unlock).collect();
        let unlocked = run(address, &unlocks, 32, Duration::from_secs(600), 204, false);
        tell("unlock", &unlocked);
        self.server.rest(Duration::from_secs(300));
        let raw = floor::raw_unlocks(&copy, 32, self.time);
        let names = ["unlock through Banno, 32 connections", "unlock, p99", "unlock / raw batched writer"];
        figures(table, names, &unlocked, 5_000.0, 25.0, (raw, 0.5));
        table.floor("raw batched writer, the same statements, 32 a commit", raw, "/s");
    }
}

impl Scene {
    /// As many people more as there are.
    fn import(&self, table: &mut Table, people: u64) {
        eprintln!("bringing in {people} people …");
        let done = import::run(&self.server.address, &self.key, &data::csv(people));
        let rate = done.imported as f64 / done.took.as_secs_f64();
        table.at_least("import of as many users again", rate, "/s", 1_000_000.0 / 120.0);
        table.at_most("import, last tenth / first tenth, time", done.last_to_first, "", 1.2);
    }

    fn bulk(&self, table: &mut Table) {
        eprintln!("locking everybody at once, and undoing that …");
        let (address, key, user) = (&self.server.address, &self.key, &self.people[0].id);
        let lock = json!({ "action": "lock", "filter": {}, "reason": "bench" });
        let done = bulk::run(address, key, "/v1/bulk", &lock, user);
        let of_100k = |done: &bulk::Done| done.took.as_secs_f64() * 100_000.0 / done.changed as f64;
        table.at_most("bulk lock, for 100,000 users", of_100k(&done), "s", 30.0);
        table.floor("slowest other write meanwhile", done.slowest_write.as_secs_f64() * 1e3, "ms");
        self.server.rest(Duration::from_secs(300));
        let undone = bulk::run(address, key, &format!("/v1/bulk/{}/undo", done.id), &json!({}), user);
        table.floor("undo of it, for 100,000 users", of_100k(&undone), "s");
        self.server.rest(Duration::from_secs(300));
    }
}

fn tell(name: &str, it: &Run) {
    eprintln!(
        "{name}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms, {} unexpected answers",
        it.p50_ms, it.p99_ms, it.max_ms, it.wrong
    );
}

fn figures(table: &mut Table, names: [&'static str; 3], it: &Run, least: f64, p99: f64, (floor, part): (f64, f64)) {
    table.at_least(names[0], it.rate, "/s", least);
    table.at_most(names[1], it.p99_ms, "ms", p99);
    table.at_least(names[2], it.rate / floor, "", part);
}

struct Person {
    id: String,
    uuid: String,
    email: String,
    unlockable: bool,
}

/// Everybody, page by page, through the native API.
fn read_people(key: &str) -> Vec<Person> {
    let mut line = Line::to(ADDRESS).unwrap();
    let mut people = Vec::new();
    let mut after = String::new();
    loop {
        let ask = request("GET", &format!("/v1/users?limit=200{after}"), Some(key), None);
        let (status, body) = line.ask(&ask).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let page: Value = serde_json::from_slice(&body).unwrap();
        for user in page["data"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let id = text(&user["id"]);
            let standing = &user["standing"];
            // Those who are gone cannot be locked, those the core has frozen cannot be unlocked.
            if standing["presence"]["state"] != "present" {
                continue;
            }
            let core = text(&standing["core_state"]["state"]);
            let unlockable = core != "dormant" && core != "permanently_frozen";
            let uuid = desk::value::id::UserId::parse(&id).unwrap().0.to_string();
            people.push(Person { uuid, email: text(&user["email"]), id, unlockable });
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return people,
        }
    }
}

/// The same order in every run, and no order that the database knows.
fn shuffle(people: &mut [Person]) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for index in (1..people.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        people.swap(index, (state >> 33) as usize % (index + 1));
    }
}

fn bare_route(data: &Path, body: &[u8], time: Duration) -> Run {
    let path = data.join("floor.json");
    std::fs::write(&path, body).unwrap();
    let own = std::env::current_exe().unwrap();
    let bare = Server::start(&own, &["--floor", path.to_str().unwrap()], FLOOR, Duration::from_secs(10));
    let asks = vec![request("GET", "/json", Some("x"), None); 8];
    let found = run(FLOOR, &asks, 8, time, 200, true);
    bare.stop();
    found
}

fn banno_token(bursar: &Path, data: &Path) -> String {
    let output = std::process::Command::new(bursar).args(["token", "--demo", data.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn find_database(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data).unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let mut found = entries.filter(|path| path.extension().is_some_and(|it| it == "db"));
    found.next().expect("the demo made a database")
}
