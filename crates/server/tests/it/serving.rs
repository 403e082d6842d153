//! Serving: it begins quickly, ends in order, and says what to do.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::running::{Running, complaint, database, free_port, get, until};

#[test]
fn the_first_start_says_which_two_commands_come_next_and_both_work() {
    let server = Running::serve(&[]);
    let log = server.log();
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| line.starts_with("bursar ")).collect();
    let commands: Vec<&&str> = lines.iter().filter(|line| line.contains("--database")).collect();
    assert_eq!(commands.len(), 2, "{log}");
    for command in commands {
        let line = command.replacen("bursar", env!("CARGO_BIN_EXE_bursar"), 1);
        let done = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn sigterm_ends_it_with_zero_and_the_request_in_flight_is_answered() {
    let mut server = Running::serve(&[]);
    let host = server.base.strip_prefix("http://").unwrap().to_owned();
    let body = r#"{"identifier":"nobody","password":"nothing at all"}"#;
    let mut slow = TcpStream::connect(&host).unwrap();
    // The head is sent, the body not yet: the request is in flight.
    write!(
        slow,
        "POST /v1/sessions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    slow.write_all(&body.as_bytes()[..5]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    server.terminate();
    until("the end of listening", || TcpStream::connect(&host).is_err().then_some(()));
    slow.write_all(&body.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let status = server.end();
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

#[test]
fn metrics_have_an_address_of_their_own() {
    let place = format!("127.0.0.1:{}", free_port());
    let server = Running::serve(&["--metrics-listen", &place]);
    get(&format!("{}/v1/users/usr_nobody", server.base)).unwrap();
    let (status, page) = get(&format!("http://{place}/metrics")).unwrap();
    assert_eq!(status, 200);
    for name in [
        "bursar_build_info{version=",
        "bursar_queue_depth ",
        "bursar_wal_pages ",
        "bursar_commits_total ",
        "bursar_requests_total{",
        "bursar_request_seconds_bucket{",
    ] {
        assert!(page.contains(name), "{name} in:\n{page}");
    }
    assert_eq!(get(&format!("{}/metrics", server.base)).unwrap().0, 404);
}

#[test]
fn an_address_that_is_taken_and_a_database_that_cannot_be_made_are_told_in_a_line() {
    let server = Running::serve(&[]);
    let home = tempfile::tempdir().unwrap();
    let (listen, database) = (server.base.strip_prefix("http://").unwrap(), database(home.path()));
    let (code, text) = complaint(&["serve", "--listen", listen, "--database", &database, "--log-level", "error"]);
    assert!(code == 1 && text.contains("cannot listen on") && text.contains("--listen"), "{text}");
    assert!(!home.path().join("bursar.db").exists(), "nothing was made");
    let listen = format!("127.0.0.1:{}", free_port());
    let (code, text) =
        complaint(&["serve", "--listen", &listen, "--database", "sqlite:/proc/none/bursar.db", "--log-level", "error"]);
    assert!(code == 1 && text.contains("cannot open the database") && text.lines().count() == 2, "{text}");
}

#[test]
fn another_master_key_is_noticed_at_the_start() {
    let mut server = Running::serve(&[]);
    let database = database(server.home.path());
    crate::running::printed(&["tenant", "create", "--name", "A Bank", "--database", &database]);
    server.terminate();
    server.end();
    let other = server.home.path().join("other.key");
    let other = other.to_str().unwrap();
    let (code, text) = complaint(&["user", "find", "x", "--database", &database, "--master-key-file", other]);
    assert!(code == 1 && text.contains("there is no master key"), "a missing one is no wrong one: {text}");
    assert!(!std::path::Path::new(other).exists(), "a key that fits nothing must not stay");
    std::fs::write(other, "ab".repeat(32)).unwrap();
    std::fs::set_permissions(other, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (code, text) = complaint(&["user", "find", "x", "--database", &database, "--master-key-file", other]);
    assert!(code == 1 && text.contains("master key does not open"), "{text}");
}
