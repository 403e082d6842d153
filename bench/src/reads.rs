//! Gets, searches and lists: what they cost, by how common the name is and how deep the page.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use desk::value::id::UserId;
use serde_json::{Value, json};

use crate::broken::broken;
use crate::figures::Run;
use crate::load::{self, Line, Load, Took, request, request_with};
use crate::measure::Scene;
use crate::server::{Server, free_port};
use crate::{Broken, Result, data};

const CONNECTIONS: usize = 8;
/// As many users as a page of Banno's has unless another number is asked for.
const PAGE: usize = 25;
/// The same of Switch's.
const SWITCH_PAGE: u64 = 20;
/// Before each figure, unmeasured: caches and connections are as in service. The other products are given as long.
const WARM: Duration = Duration::from_secs(2);
/// In so many turns we and the bare route are measured.
const TURNS: u32 = 5;

/// A user, as the native API names her.
pub struct Person {
    /// Her id.
    pub id: String,
    /// The same as a UUID.
    pub uuid: String,
    /// The same as bytes.
    pub bytes: [u8; 16],
    /// Her row in the file she came from.
    pub row: u64,
}

/// Everybody, page by page, in no order that the database knows, the same in every run.
pub fn people(address: &str, key: &str) -> Result<Vec<Person>> {
    let mut line = Line::to(address)?;
    let mut people = Vec::new();
    let mut after = String::new();
    loop {
        let (status, body) = line.ask(&request("GET", &format!("/v1/users?limit=200{after}"), Some(key), None))?;
        if status != 200 {
            return broken(format!("no list of users: {}", String::from_utf8_lossy(&body)));
        }
        let page: Value = serde_json::from_slice(&body)?;
        for user in page["data"].as_array().into_iter().flatten() {
            let id = user["id"].as_str().unwrap_or_default().to_owned();
            let uuid = UserId::parse(&id).ok_or_else(|| Broken(format!("not an id: {id}")))?.0;
            // Numbers are given in the order of the rows.
            let row = user["number"].as_u64().unwrap_or(1) - 1;
            people.push(Person { id, uuid: uuid.to_string(), bytes: uuid.into_bytes(), row });
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    data::shuffle(&mut people);
    Ok(people)
}

/// So many different users are asked for in turn: enough that no small cache holds them.
const ASKED: usize = 100_000;

impl Scene<'_> {
    fn load(&self, asks: &[Vec<u8>], connections: usize) -> Result<Load> {
        load::run(&self.address, asks, connections, WARM, 200, true)?;
        Ok(load::run(&self.address, asks, connections, self.time, 200, true)?.load())
    }

    /// Asks over eight connections, by turns with a bare route that gives the first answer's bytes: a machine that becomes slower
    /// meanwhile does so for both.
    fn beside_bare(&self, run: &mut Run, keys: [&str; 2], mut asks: Vec<Vec<u8>>) -> Result<()> {
        let path = self.house.folder().join("floor.json");
        std::fs::write(&path, load::ask(&self.address, &asks[0], 200)?)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let (program, words) = self.floor;
        let mut command = Command::new(program);
        command.args(words).arg(&path).arg(&address).stdin(Stdio::null()).stdout(Stdio::null());
        let ask = request("GET", "/json", Some("x"), None);
        let _running = Server::start(command, &address, &ask, Duration::from_secs(10))?;
        let bare_asks = vec![ask; CONNECTIONS];
        let (mut bare, mut found) = (Took::default(), Took::default());
        for (address, asks) in [(&address, &bare_asks), (&self.address, &asks)] {
            load::run(address, asks, CONNECTIONS, WARM, 200, true)?;
        }
        for _ in 0..TURNS {
            bare.add(load::run(&address, &bare_asks, CONNECTIONS, self.time / TURNS, 200, true)?);
            let turn = load::run(&self.address, &asks, CONNECTIONS, self.time / TURNS, 200, true)?;
            // The next turn goes on where this one ended.
            let done = turn.count() % asks.len();
            asks.rotate_left(done);
            found.add(turn);
        }
        let (bare, found) = (bare.load(), found.load());
        run.add_beside(keys[0], found.rate, Some(bare.rate));
        run.add(keys[1], found.p99_ms);
        Ok(())
    }

    /// Single users, by id and by e-mail.
    pub fn gets(&self, run: &mut Run) -> Result<()> {
        let asked = &self.people[..self.people.len().min(ASKED)];
        let get = |it: &Person| request("GET", &format!("/v1/users/{}", it.id), Some(self.key()), None);
        self.beside_bare(run, ["get", "get_p99"], asked.iter().map(get).collect())?;

        let finds: Vec<_> = asked.iter().map(|it| self.search(&data::email(it.row))).collect();
        self.must_find(&finds[0], |answer| answer["data"][0]["id"] == asked[0].id.as_str())?;
        self.beside_bare(run, ["find", "find_p99"], finds)?;

        let token = self.house.banno_token()?;
        let search = |it: &Person| {
            let query = data::email(it.row);
            let institution = &self.house.institution;
            let at = format!("/a/consumer-user-search/api/v0/institutions/{institution}/users?query={query}");
            request("GET", &at, Some(&token), None)
        };
        let searches: Vec<_> = asked.iter().map(search).collect();
        self.must_find(&searches[0], |answer| answer["users"][0]["userId"] == asked[0].uuid.as_str())?;
        self.beside_bare(run, ["banno_find", "banno_find_p99"], searches)
    }

    fn must_find(&self, ask: &[u8], found: impl Fn(&Value) -> bool) -> Result<()> {
        let answer: Value = serde_json::from_slice(&load::ask(&self.address, ask, 200)?)?;
        if found(&answer) { Ok(()) } else { broken(format!("not what was looked for: {answer}")) }
    }

    fn list(&self, what: &str) -> Vec<u8> {
        request("GET", &format!("/v1/users?limit={PAGE}{what}"), Some(self.key()), None)
    }

    fn search(&self, query: &str) -> Vec<u8> {
        let body = json!({ "query": query, "limit": PAGE }).to_string();
        request("POST", "/v1/users/search", Some(self.key()), Some(&body))
    }

    /// Searches for the names that most people have.
    pub fn searches(&self, run: &mut Run) -> Result<()> {
        let (mut whole, mut first) = (HashMap::new(), HashMap::new());
        for row in 0..self.people.len().min(20_000) as u64 {
            let (one, other) = data::name(row);
            *whole.entry(format!("{one} {other}")).or_insert(0) += 1;
            *first.entry(one.to_owned()).or_insert(0) += 1;
        }
        let beginning = |name: &String| name.chars().take(3).collect::<String>();
        let prefixes: Vec<_> = commonest(first).iter().map(|name| self.search(&beginning(name))).collect();
        let found = self.load(&prefixes, CONNECTIONS)?;
        run.add("prefix", found.rate);
        run.add("prefix_p99", found.p99_ms);
        let names: Vec<_> = commonest(whole).iter().map(|name| self.search(name)).collect();
        self.must_find(&names[0], |answer| answer["data"].as_array().is_some_and(|it| !it.is_empty()))?;
        let found = self.load(&names, CONNECTIONS)?;
        run.add("names", found.rate);
        run.add("names_p99", found.p99_ms);
        Ok(())
    }

    /// Lists with totals, and a page far down.
    pub fn lists(&self, run: &mut Run) -> Result<()> {
        let filtered =
            ["&admission=enabled&verification=verified&total=true", "&kind=business&sign_in_lock=open&total=true"];
        let lists: Vec<_> = (0..CONNECTIONS * 2).map(|at| self.list(filtered[at % 2])).collect();
        let listed = self.load(&lists, CONNECTIONS)?;
        run.add("list", listed.rate);
        run.add("list_p99", listed.p99_ms);

        // One caller, and the two pages by turns in pieces of the time: what is compared is the cost, not the crowd.
        let token = self.house.banno_token()?;
        let at_row = |row: u64| {
            let institution = &self.house.institution;
            let at = format!("/a/consumer-user-search/api/v0/institutions/{institution}/users");
            request("GET", &format!("{at}?limit={PAGE}&offset={row}"), Some(&token), None)
        };
        let deep = self.people.len() as u64 / 10 * 9;
        self.must_find(&at_row(deep), |answer| answer["users"].as_array().is_some_and(|it| it.len() == PAGE))?;
        let (rate, cost) = self.by_turns(&at_row(0), &at_row(deep))?;
        run.add("page", rate);
        run.add("deep", cost);

        // The same through Switch, whose pages have numbers.
        let headers = self.house.switch_headers(&self.address)?;
        let page = |number: u64| {
            request_with("GET", &format!("/admin/users?page={number}&per_page={SWITCH_PAGE}"), &headers, None)
        };
        let deep = deep / SWITCH_PAGE;
        self.must_find(&page(deep), |answer| answer["meta"]["page"] == deep)?;
        let (rate, cost) = self.by_turns(&page(1), &page(deep))?;
        run.add("switch_page", rate);
        run.add("switch_deep", cost);
        Ok(())
    }

    /// The rate of the one, and what the other costs beside it; one caller, by turns.
    fn by_turns(&self, one: &[u8], other: &[u8]) -> Result<(f64, f64)> {
        let asks = [vec![one.to_vec()], vec![other.to_vec()]];
        let mut rates = [0.0, 0.0];
        for turn in 0..8 {
            rates[turn % 2] += load::run(&self.address, &asks[turn % 2], 1, self.time / 4, 200, true)?.load().rate;
        }
        Ok((rates[0] / 4.0, rates[0] / rates[1]))
    }

    /// What the book has of one user.
    pub fn audits(&self, run: &mut Run) -> Result<()> {
        let asked = &self.people[..self.people.len().min(ASKED)];
        let page = |it: &Person| request("GET", &format!("/v1/audit?subject={}", it.id), Some(self.key()), None);
        let found = self.load(&asked.iter().map(page).collect::<Vec<_>>(), CONNECTIONS)?;
        run.add("audit", found.rate);
        run.add("audit_p99", found.p99_ms);
        Ok(())
    }
}

fn commonest(counted: HashMap<String, usize>) -> Vec<String> {
    let mut all: Vec<(usize, String)> = counted.into_iter().map(|(text, count)| (count, text)).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.into_iter().take(64).map(|(_, text)| text).collect()
}
