//! The rules of the house, read off the sources: who may name what. A broken rule fails with its sentence.

use std::collections::BTreeMap;
use std::path::Path;

/// The nouns from the ground up: each may name those before it, none those after it.
const NOUNS: &[&str] = &[
    // The ground of nouns, and what every action leaves behind.
    "value",
    "db",
    "error",
    "tenant",
    "audit",
    "event",
    "tries",
    "job",
    "access",
    "role",
    "staff",
    "team",
    "key",
    "user",
    "import",
    "device",
    "second_factor",
    "note",
    "message",
    "account",
    "challenge",
    "administrator",
    "session",
    "password",
    "activity",
    "bulk",
    "request",
    "authority",
];

/// Where the order does not hold today, and why that is so.
const UPHILL: &[(&str, &str, &str)] = &[
    ("device", "session", "a pending sign-in carries what the app told of its device; `NewDevice` is declared there"),
    ("user", "message", "the old address is told of a new one in the transaction that changes it"),
    ("staff", "key", "whoever brings somebody in may come with a key, behind which there may be several people"),
    ("staff", "session", "staff sessions are rows of the same table"),
    ("tenant", "role", "a tenant is born with the built-in roles"),
    ("challenge", "administrator", "what is confirmed is done in the same transaction, and whom it is sent to is hers"),
    ("access", "administrator", "partners are told that an owner's administrators end with her"),
    ("challenge", "request", "as above: what a customer confirms is a request, and is done in the same transaction"),
    ("job", "key", "the sweep deletes used assertions"),
    ("job", "message", "the sweep deletes counts of past hours"),
    ("job", "password", "the sweep deletes registrations that were never confirmed"),
];

/// Where SQL stands besides the files called `store.rs` and the modules called `store`.
const SQL_TOO: &[&str] = &[
    "access.rs",      // one file, three statements, shared by the nouns that bar somebody
    "credential.rs",  // the way in: one statement for each kind of credential
    "erasure.rs",     // what is left outside of a person's rows, which the nouns that keep it share
    "idempotency.rs", // kept answers
    "job/lease.rs",   // one statement
    "statements.rs",  // the list of all, in tests
];

fn sources() -> BTreeMap<String, String> {
    fn read(folder: &Path, into: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
                // Tests at the end of a file may know more than the file.
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
                into.insert(name.display().to_string(), code);
            }
        }
    }
    let mut all = BTreeMap::new();
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut all);
    assert!(all.len() > 50);
    all
}

/// The lines that are code, with their numbers.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn models_are_pure() {
    for (path, source) in sources() {
        if !["/model.rs", "/standing.rs", "/profile.rs"].iter().any(|end| path.ends_with(end)) {
            continue;
        }
        for (at, line) in code(&source) {
            let impure = ["crate::db", "async ", ".await", "Clock"].iter().any(|word| line.contains(word));
            assert!(!impure, "src/{path}:{at}: a model decides and touches nothing: no database, no waiting, no clock");
        }
    }
}

#[test]
fn only_the_ground_names_the_drivers_and_nothing_names_http() {
    for (path, source) in sources() {
        for (at, line) in code(&source) {
            let http = ["axum", "hyper::", "http::"].iter().any(|word| line.contains(word));
            assert!(!http, "src/{path}:{at}: the desk knows no HTTP");
            let driver = ["rusqlite", "tokio_postgres", "deadpool"].iter().any(|word| line.contains(word));
            let may = path.starts_with("db/") || path == "testing.rs";
            assert!(may || !driver, "src/{path}:{at}: only db/ knows the engines' drivers");
        }
    }
}

#[test]
fn sql_stands_in_the_stores() {
    let words = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE ", " WHERE "];
    for (path, source) in sources() {
        if path.ends_with("store.rs") || path.starts_with("db/") || path == "testing.rs" || SQL_TOO.contains(&&*path) {
            continue;
        }
        let mut in_store = false;
        for (at, line) in code(&source) {
            in_store = if line == "pub(crate) mod store {" { true } else { in_store && line != "}" };
            let sql = words.iter().any(|word| line.contains(word));
            assert!(in_store || !sql, "src/{path}:{at}: SQL stands in a store, where the next reader looks for it");
        }
    }
    for path in SQL_TOO {
        assert!(sources().contains_key(*path), "{path} is listed and gone");
    }
}

#[test]
fn nouns_name_only_what_lies_downhill() {
    let level = |noun: &str| NOUNS.iter().position(|known| *known == noun);
    let (mut used, mut broken) = (Vec::new(), Vec::new());
    for (path, source) in sources() {
        let noun = path.split('/').next().unwrap().trim_end_matches(".rs");
        let Some(from) = level(noun) else { continue };
        if noun == "db" || noun == "value" {
            for (at, line) in code(&source) {
                let above = NOUNS[3..].iter().find(|above| line.contains(&format!("crate::{above}::")));
                assert!(above.is_none(), "src/{path}:{at}: the ground names no noun: {line}");
            }
            continue;
        }
        for (at, line) in code(&source) {
            for named in named_in(line) {
                assert!(named != "door" || is_desk_part(&source), "src/{path}:{at}: a noun meets the desk through Cx");
                if level(named).is_none_or(|to| to <= from) {
                    continue;
                }
                let excuse = UPHILL.iter().find(|(from, to, _)| *from == noun && *to == named);
                match excuse {
                    Some(_) => used.push((noun.to_owned(), named)),
                    None => broken.push(format!("src/{path}:{at}: {noun} names {named}, which stands above it")),
                }
            }
        }
    }
    let advice = "What both need belongs below, or the caller of both puts them together.";
    assert!(broken.is_empty(), "{}\n{advice}", broken.join("\n"));
    for (from, to, reason) in UPHILL {
        let is_used = used.iter().any(|(a, b)| a == from && b == to);
        assert!(is_used, "{from} no longer names {to} ({reason}): take it off the list");
    }
}

/// A noun may add to `Desk` what must happen outside a transaction (hashing, looking up a name).
fn is_desk_part(source: &str) -> bool {
    source.contains("impl Desk {") || source.contains("use crate::door::Once;")
}

/// The modules of this crate that a line names.
fn named_in(line: &str) -> Vec<&'static str> {
    let mut named = Vec::new();
    for known in NOUNS.iter().copied().chain(["door"]) {
        let names = [format!("crate::{known}::"), format!("crate::{known};"), format!("crate::{known},")];
        if names.iter().any(|name| line.contains(name)) {
            named.push(known);
        }
        if let Some(list) = line.trim().strip_prefix("use crate::{")
            && list.trim_end_matches("};").split(',').any(|item| item.trim().split("::").next() == Some(known))
        {
            named.push(known);
        }
    }
    named
}
