//! Plays the recorded exchanges. A file is a story told to a fresh bank: exchanges after `###` lines, each a request and
//! the response it must get, in HTTP's own form. In between, `# @` lines do what no caller of this interface can: move the
//! clock, change a setting. `{{name}}` stands for what the bank made up. A response whose first line is `HTTP/1.1 ?` is
//! filled in with what came, and the test fails, so that a new exchange is written by asking.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use desk::tenant::ChangeSettings;
use desk::value::clock::SECOND;
use serde_json::{Map, Value};

use super::world::{ASSERTION_TYPE, Answer, PEOPLE, World};
use crate::recorded::fits;

#[tokio::test]
async fn every_recorded_exchange_is_repeated() {
    let files = files();
    assert!(files.len() >= 8, "the transcripts are where they were");
    let mut unwritten = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for world in World::all().await {
            if let Some(filled) = play(&world, file, &text).await {
                std::fs::write(file, filled).unwrap();
                unwritten.push(file.clone());
                break;
            }
        }
    }
    assert!(unwritten.is_empty(), "these were filled in; read them, and run again: {unwritten:?}");
}

/// What one file asks for: each method with its path. For the coverage test.
#[test]
fn every_route_is_in_some_transcript() {
    let mut told = BTreeSet::new();
    for file in files() {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            if let Some((method, rest)) = line.split_once(' ')
                && let Some(path) = rest.strip_suffix(" HTTP/1.1")
            {
                told.insert((method.to_owned(), path.split('?').next().unwrap().to_owned()));
            }
        }
    }
    let missing: Vec<String> = dialects::banno::ROUTES
        .iter()
        .filter(|route| !told.iter().any(|(method, path)| method == route.method && is_of(route.path, path)))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert!(missing.is_empty(), "no transcript asks for {missing:#?}");
}

fn is_of(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(path).all(|(part, given)| part.starts_with('{') || *part == given)
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/banno");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "http"));
    files.sort();
    files
}

/// The known names with what they stand for in this bank.
async fn names(world: &World, text: &str) -> Vec<(String, String)> {
    let mut names = vec![
        ("institution".to_owned(), world.institution().await),
        ("stranger".to_owned(), world.stranger.0.to_string()),
        ("assertion_type".to_owned(), ASSERTION_TYPE.replace(':', "%3A")),
    ];
    names.extend(PEOPLE.iter().map(|name| ((*name).to_owned(), world.user(name).0.to_string())));
    for client in ["everything", "viewer", "nothing", "no-employees", "scoped"] {
        if text.contains(&format!("{{{{{client}}}}}")) {
            names.push((client.to_owned(), world.token(client).await));
        }
    }
    names
}

/// Plays a file; gives its text anew if something had to be filled in.
async fn play(world: &World, file: &Path, text: &str) -> Option<String> {
    let names = names(world, text).await;
    let mut filled = None;
    let mut out: Vec<String> = Vec::new();
    for part in text.split("\n###").collect::<Vec<_>>() {
        let mut part = part.to_owned();
        for line in part.lines().filter_map(|line| line.strip_prefix("# @")) {
            direct(world, line).await;
        }
        let whole = part.clone();
        if let Some((request, response)) = whole.split_once("\nHTTP/1.1 ") {
            // Every exchange happens in a moment of its own, so that "newest first" has one meaning.
            world.test.clock.advance(SECOND);
            let request = request.replace("{{assertion}}", &world.assertion("everything"));
            let answer = send(world, &fill(&request, &names)).await;
            if response.starts_with('?') {
                part = format!("{}\n{}", whole.split_once("\nHTTP/1.1 ").unwrap().0, written(&answer, &names));
                filled = Some(());
            } else {
                compare(file, world, request.trim(), &fill(response, &names), &answer);
            }
        }
        out.push(part);
    }
    filled.map(|()| out.join("\n###"))
}

fn fill(text: &str, names: &[(String, String)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

async fn direct(world: &World, line: &str) {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("advance", seconds) => world.test.clock.advance(seconds.parse::<i64>().unwrap() * SECOND),
        ("settings", patch) => {
            let patch: Map<String, Value> = serde_json::from_str(patch).unwrap();
            world.test.desk.perform(&world.house(), ChangeSettings { patch }).await.unwrap();
        }
        ("queued", "apply") => {
            for user in world.test.desk.ask(&world.house(), desk::user::QueuedUnlocks).await.unwrap() {
                let apply = desk::user::ApplyQueuedUnlock { user, reason: None };
                world.test.desk.perform(&world.house(), apply).await.unwrap();
            }
        }
        other => panic!("no such direction: {other:?}"),
    }
}

async fn send(world: &World, request: &str) -> Answer {
    let lines = request.lines().skip_while(|line| !line.ends_with(" HTTP/1.1"));
    let request = lines.collect::<Vec<_>>().join("\n");
    let (head, body) = request.split_once("\n\n").unwrap_or((&request, ""));
    let mut head = head.lines();
    let mut first = head.next().expect("a request line").split(' ');
    let (method, path) = (first.next().unwrap(), first.next().unwrap());
    let headers: Vec<(&str, &str)> = head.filter_map(|line| line.split_once(": ")).collect();
    world.send(method, path, &headers, body.trim().to_owned()).await
}

/// The headers that a transcript shows. `Cache-Control: no-store` is on every answer, whether it is written or not.
const SHOWN: &[&str] = &["content-type", "www-authenticate", "allow", "retry-after"];

fn written(answer: &Answer, names: &[(String, String)]) -> String {
    let mut text = format!("HTTP/1.1 {}", answer.status.as_u16());
    for name in SHOWN {
        if !answer.header(name).is_empty() {
            text.push_str(&format!("\n{name}: {}", answer.header(name)));
        }
    }
    if !answer.text.is_empty() {
        let body = match serde_json::from_str::<Value>(&answer.text) {
            Ok(mut json) => {
                forget(&mut json);
                serde_json::to_string_pretty(&json).unwrap()
            }
            Err(_) => answer.text.clone(),
        };
        text.push_str(&format!("\n\n{body}"));
    }
    names.iter().fold(text, |text, (name, value)| text.replace(value, &format!("{{{{{name}}}}}"))) + "\n"
}

/// What differs each time.
fn forget(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "eventId" | "access_token" | "kid" | "x" => *value = Value::from("{{any}}"),
                    _ => forget(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(forget),
        _ => {}
    }
}

fn compare(file: &Path, world: &World, request: &str, expected: &str, answer: &Answer) {
    let (head, body) = expected.trim_end().split_once("\n\n").unwrap_or((expected.trim_end(), ""));
    let mut head = head.lines();
    let status = head.next().unwrap().split(' ').next().unwrap().to_owned();
    let came = written(answer, &[]);
    let context = format!("{} on {:?}\n{request}\n--- came:\n{came}", file.display(), world.test.engine);
    assert_eq!(answer.status.as_str(), status, "{context}");
    assert_eq!(answer.header("cache-control"), "no-store", "{context}");
    let expected_headers: Vec<&str> = head.filter(|line| !line.starts_with("cache-control:")).collect();
    let headers: Vec<String> = SHOWN
        .iter()
        .filter(|name| !answer.header(name).is_empty())
        .map(|name| format!("{name}: {}", answer.header(name)))
        .collect();
    assert_eq!(headers, expected_headers, "{context}");
    match serde_json::from_str::<Value>(body) {
        Ok(expected) => {
            let actual = answer.json();
            assert!(fits(&expected, &actual), "{context}\n--- expected:\n{body}");
            assert_eq!(answer.text, serde_json::to_string(&actual).unwrap(), "no blanks, nothing twice: {context}");
        }
        Err(_) => assert_eq!(answer.text, body, "{context}"),
    }
}
