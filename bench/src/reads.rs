//! Lists and searches: what they cost by filter, by depth and by how common the name is.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Table;
use crate::load::{Line, Run, request, run};

const CONNECTIONS: usize = 8;
/// As many users as a page of Banno's has unless another number is asked for.
const PAGE: usize = 25;

/// What is measured against.
pub struct Against<'a> {
    /// Where the server listens.
    pub address: &'a str,
    /// A key of the native API.
    pub key: &'a str,
    /// A token of Banno's, and its institution.
    pub banno: (&'a str, &'a str),
    /// How long each figure is measured.
    pub time: Duration,
}

impl Against<'_> {
    fn ask(&self, request: &[u8]) -> Value {
        let (status, body) = Line::to(self.address).unwrap().ask(request).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    fn run(&self, requests: &[Vec<u8>], connections: usize) -> Run {
        let found = run(self.address, requests, connections, self.time, 200, true);
        assert_eq!(found.wrong, 0, "every answer is 200");
        found
    }

    fn list(&self, what: &str) -> Vec<u8> {
        request("GET", &format!("/v1/users?limit={PAGE}{what}"), Some(self.key), None)
    }

    fn search(&self, query: &str) -> Vec<u8> {
        let body = json!({ "query": query, "limit": PAGE }).to_string();
        request("POST", "/v1/users/search", Some(self.key), Some(&body))
    }

    fn at_row(&self, row: i64) -> Vec<u8> {
        let (token, institution) = self.banno;
        let at = "/a/consumer-user-search/api/v0/institutions";
        request("GET", &format!("{at}/{institution}/users?limit={PAGE}&offset={row}"), Some(token), None)
    }

    /// The most common names among the first users: whole, and the first name alone.
    fn names(&self) -> (Vec<String>, Vec<String>) {
        let (mut whole, mut first) = (HashMap::new(), HashMap::new());
        let mut after = String::new();
        for _ in 0..25 {
            let page = self.ask(&request("GET", &format!("/v1/users?limit=200{after}"), Some(self.key), None));
            for user in page["data"].as_array().unwrap() {
                let text = |field: &str| user[field].as_str().unwrap_or_default().to_owned();
                let (one, other) = (text("first_name"), text("last_name"));
                if !one.is_empty() && !other.is_empty() {
                    *whole.entry(format!("{one} {other}")).or_insert(0) += 1;
                    *first.entry(one).or_insert(0) += 1;
                }
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        (commonest(whole), commonest(first))
    }
}

fn commonest(counted: HashMap<String, usize>) -> Vec<String> {
    let mut all: Vec<(usize, String)> = counted.into_iter().map(|(text, count)| (count, text)).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.into_iter().take(64).map(|(_, text)| text).collect()
}

/// Measures and adds to the table.
pub fn measure(table: &mut Table, against: &Against<'_>) {
    let filtered =
        ["&admission=enabled&verification=verified&total=true", "&kind=business&sign_in_lock=open&total=true"];
    let lists: Vec<_> = (0..CONNECTIONS * 2).map(|at| against.list(filtered[at % 2])).collect();
    let listed = against.run(&lists, CONNECTIONS);
    table.at_least("list, two filters and exact total, first page of 25", listed.rate, "/s", 4_000.0);
    table.at_most("list, two filters and exact total, p99", listed.p99_ms, "ms", 10.0);

    // One caller, and the two pages by turns in pieces of the time: what is compared is the cost, not the crowd.
    let total = against.ask(&against.at_row(0))["totalCount"].as_i64().unwrap();
    let rows = [0, total / 10 * 9];
    let mut rates = [0.0, 0.0];
    let piece = Against { time: against.time / 4, ..*against };
    for turn in 0..8 {
        rates[turn % 2] += piece.run(&[against.at_row(rows[turn % 2])], 1).rate;
    }
    table.at_most("page at nine tenths of all users / first page, cost", rates[0] / rates[1], "", 1.2);
    table.floor("first page by offset, with total, one connection", rates[0] / 4.0, "/s");

    let (whole, first) = against.names();
    let beginnings: Vec<_> = first.iter().map(|name| name.chars().take(3).collect::<String>()).collect();
    let prefixes: Vec<_> = beginnings.iter().map(|name| against.search(name)).collect();
    let found = against.run(&prefixes, CONNECTIONS);
    table.at_most("search, three letters of a common name, p99", found.p99_ms, "ms", 5.0);
    table.floor("search, three letters of a common name", found.rate, "/s");
    let names: Vec<_> = whole.iter().map(|name| against.search(name)).collect();
    let found = against.run(&names, CONNECTIONS);
    table.at_most("search, common first and last name, p99", found.p99_ms, "ms", 15.0);
    table.floor("search, common first and last name", found.rate, "/s");
    let pairs = beginnings.iter().zip(beginnings.iter().skip(7)).map(|(one, other)| format!("{one} {other}"));
    let both: Vec<_> = pairs.map(|query| against.search(&query)).collect();
    let found = against.run(&both, CONNECTIONS);
    table.floor("search, beginnings of two common names, p99", found.p99_ms, "ms");
}
