//! The order of things: found a house, bring everybody in, ask, change, and write down what it came to.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use desk::db::Engine;

use crate::broken::broken;
use crate::figures::Run;
use crate::house::House;
use crate::reads::Person;
use crate::server::Server;
use crate::{Result, audit, data, import, machine, reads};

/// What can be measured apart. Import, start and memory always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Single users, by id and e-mail.
    Get,
    /// Searches for names.
    Search,
    /// Lists, totals, pages far down.
    Lists,
    /// The audit of one user among very many rows.
    Audit,
    /// One action on many users.
    Bulk,
    /// Locks and unlocks.
    Writes,
    /// Very many who sign in at once, and how others fare meanwhile.
    Logins,
    /// Administrators of accounts, confirmed by codes.
    Choice,
}

impl Part {
    /// All of them.
    pub const ALL: &[Part] =
        &[Part::Get, Part::Search, Part::Lists, Part::Audit, Part::Bulk, Part::Writes, Part::Logins, Part::Choice];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Part::Get => "get",
            Part::Search => "search",
            Part::Lists => "lists",
            Part::Audit => "audit",
            Part::Bulk => "bulk",
            Part::Writes => "writes",
            Part::Logins => "logins",
            Part::Choice => "choice",
        }
    }

    /// The part with this word.
    pub fn parse(word: &str) -> std::result::Result<Part, String> {
        let words = || Part::ALL.iter().map(|part| part.word()).collect::<Vec<_>>().join(", ");
        Part::ALL.iter().copied().find(|part| part.word() == word).ok_or_else(|| format!("one of {}", words()))
    }
}

/// What shall be measured, and where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program under test.
    pub bursar: PathBuf,
    /// What serves a bare route, given a file and an address behind these words.
    pub floor: (PathBuf, Vec<String>),
    /// The folder for data; one that holds something else is refused.
    pub folder: PathBuf,
    /// The PostgreSQL to use instead of a file, and the schema to live in.
    pub postgres: Option<(String, String)>,
    /// How many users.
    pub users: u64,
    /// Rows in the audit.
    pub audit_rows: u64,
    /// How long each figure is measured.
    pub time: Duration,
    /// Which parts; none is all.
    pub only: Vec<Part>,
    /// Go on with what a run before has left.
    pub again: bool,
    /// Leave the data.
    pub keep: bool,
}

/// A server with its house and its people.
pub struct Scene<'a> {
    pub(crate) house: &'a House,
    pub(crate) floor: (&'a Path, &'a [String]),
    pub(crate) address: String,
    pub(crate) time: Duration,
    pub(crate) people: Vec<Person>,
    server: Option<Server>,
    peak_mb: f64,
}

impl Scene<'_> {
    pub(crate) fn key(&self) -> &str {
        &self.house.key
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("it is taken only within `at_rest`, and put back")
    }

    /// Stops the server, does something with what it has left, and starts it again.
    pub(crate) fn at_rest(&mut self, work: impl FnOnce(&House) -> Result<()>) -> Result<()> {
        if let Some(server) = self.server.take() {
            self.peak_mb = self.peak_mb.max(server.peak_mb());
            server.stop()?;
        }
        work(self.house)?;
        self.server = Some(self.house.start()?);
        Ok(())
    }
}

/// How long the server may take to be done with what it does beside requests.
const REST: Duration = Duration::from_secs(900);

/// Measures.
pub fn measure(plan: &Plan) -> Result<Run> {
    if plan.users < 1000 {
        return broken("at least 1000 users");
    }
    let postgres = plan.postgres.as_ref().map(|(url, schema)| (url.as_str(), schema.as_str()));
    let engine = if postgres.is_some() { Engine::Postgres } else { Engine::Sqlite };
    let measured = |part: Part| plan.only.is_empty() || plan.only.contains(&part);
    let mut run = Run::new(engine, plan.users, plan.time.as_secs());
    run.add("binary", std::fs::metadata(&plan.bursar)?.len() as f64 / 1e6);

    let house = if plan.again {
        House::find(&plan.bursar, &plan.folder, postgres)?
    } else {
        let house = House::found(&plan.bursar, &plan.folder, postgres)?;
        bring_in(plan, &house, &mut run)?;
        house
    };
    run.add("sync", machine::sync_ms(&plan.folder)?);
    house.settle()?;
    let server = house.start()?;
    run.add("start", server.first_answer.as_secs_f64() * 1e3);
    server.rest(Duration::from_secs(60));
    run.add("memory_idle", server.memory_mb());

    eprintln!("reading ids …");
    let people = reads::people(&house.address(), &house.key)?;
    if people.len() as u64 != plan.users {
        return broken(format!("{} users instead of {}", people.len(), plan.users));
    }
    server.rest(Duration::from_secs(60));
    let mut scene = Scene {
        address: house.address(),
        house: &house,
        floor: (&plan.floor.0, &plan.floor.1),
        time: plan.time,
        people,
        server: Some(server),
        peak_mb: 0.0,
    };
    if measured(Part::Get) {
        eprintln!("getting and finding …");
        scene.gets(&mut run)?;
    }
    if measured(Part::Search) {
        eprintln!("searching …");
        scene.searches(&mut run)?;
    }
    if measured(Part::Lists) {
        eprintln!("listing …");
        scene.lists(&mut run)?;
    }
    if measured(Part::Audit) {
        // A run before may have filled it already.
        let mark = plan.folder.join("audit_rows");
        let mut rows = std::fs::read_to_string(&mark).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        if rows < plan.audit_rows {
            eprintln!("filling the audit with {} rows …", plan.audit_rows - rows);
            let people = std::mem::take(&mut scene.people);
            scene.at_rest(|house| {
                rows += audit::fill(house, &people, plan.audit_rows - rows)?;
                std::fs::write(&mark, rows.to_string())?;
                house.settle()
            })?;
            scene.people = people;
        }
        run.add("audit_rows", rows as f64);
        scene.audits(&mut run)?;
    }
    if measured(Part::Bulk) {
        scene.bulk(&mut run)?;
    }
    if measured(Part::Writes) {
        scene.locks(&mut run)?;
        if plan.keep {
            scene.open_all()?;
        }
    }
    if measured(Part::Logins) {
        eprintln!("signing in …");
        scene.logins(&mut run)?;
    }
    if measured(Part::Choice) {
        eprintln!("confirming by codes …");
        scene.rounds(&mut run)?;
    }
    let peak = scene.peak_mb.max(scene.server().peak_mb());
    run.add("memory_peak", peak);
    if let Some(server) = scene.server.take() {
        server.stop()?;
    }
    drop(scene);
    if !plan.keep {
        house.raze(postgres)?;
    }
    Ok(run)
}

/// A house with everybody in it, and its server at rest.
pub struct Inhabited {
    /// The house.
    pub house: House,
    /// Everybody.
    pub people: Vec<Person>,
    server: Server,
}

/// Founds a house, brings everybody in, and starts its server.
pub fn inhabited(plan: &Plan) -> Result<Inhabited> {
    let postgres = plan.postgres.as_ref().map(|(url, schema)| (url.as_str(), schema.as_str()));
    let house = House::found(&plan.bursar, &plan.folder, postgres)?;
    bring_in(plan, &house, &mut Run::new(house.engine, plan.users, plan.time.as_secs()))?;
    house.settle()?;
    let server = house.start()?;
    let people = reads::people(&house.address(), &house.key)?;
    server.rest(REST);
    Ok(Inhabited { house, people, server })
}

impl Inhabited {
    /// Stops the server, and removes everything.
    pub fn leave(self, plan: &Plan) -> Result<()> {
        self.server.stop()?;
        self.house.raze(plan.postgres.as_ref().map(|(url, schema)| (url.as_str(), schema.as_str())))
    }
}

/// Makes everybody, by the product itself.
fn bring_in(plan: &Plan, house: &House, run: &mut Run) -> Result<()> {
    eprintln!("bringing in {} users …", plan.users);
    let server = house.start()?;
    let done = import::run(&house.address(), &house.key, &data::csv(plan.users), plan.users)?;
    run.add("import", done.took.as_secs_f64() * 1e6 / plan.users as f64);
    run.add("import_rate", plan.users as f64 / done.took.as_secs_f64());
    run.add("import_last_tenth", done.last_to_first);
    let sealing = Instant::now();
    server.rest(REST);
    run.add("import_sealed", sealing.elapsed().as_secs_f64());
    server.stop()
}
