//! Storage that fails while it is served: a full disk, a file that may not be written, a PostgreSQL that goes away. Writes
//! are refused with 503, reads go on where there is something to read from, and once it is over everything goes on by
//! itself, with all that was acknowledged.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bank::{Bank, Client, PASSWORD, Reply, Server, person};
use crate::running::{PATIENCE, test_variable};

/// Something mounted, as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    /// Mounts; nothing, told loudly, where this user may not.
    fn at(place: &Path, arguments: &[&str]) -> Option<Mounted> {
        let done = Command::new("mount").args(arguments).arg(place).output().ok()?;
        if !done.status.success() {
            eprintln!("cannot mount, which takes root: NOT tested ({})", String::from_utf8_lossy(&done.stderr).trim());
            return None;
        }
        Some(Mounted(place.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: the server may not have let go yet.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A bank with one user, its server, and clients at both doors.
struct Case {
    server: Server,
    native: Client,
    banno: Client,
    user: desk::value::id::UserId,
}

impl Case {
    async fn of(bank: &Bank) -> Case {
        let server = bank.start();
        let http = Client::http();
        let native = Client::new(&http, &server, &bank.key);
        let banno = Client::new(&http, &server, &bank.token(&server));
        let reply = native.call("POST", "/v1/users", person("one")).await;
        let user = desk::value::id::UserId::parse(reply.text("id")).unwrap();
        Case { server, native, banno, user }
    }

    async fn note(&self, text: &str) -> Reply {
        self.native.call("POST", &format!("/v1/users/{}/notes", self.user), json!({ "text": text })).await
    }

    /// What can be read.
    async fn reads(&self) -> [u16; 4] {
        let user = self.user;
        let shown = self.native.call("GET", &format!("/v1/users/{user}"), Value::Null).await;
        let found = self.native.call("POST", "/v1/users/search", json!({ "query": "marta.one" })).await;
        let listed = self.native.call("GET", "/v1/users?limit=5", Value::Null).await;
        let path = format!("/a/consumer-status/api/v0/users/{}/status", user.0);
        let status = self.banno.call("GET", &path, Value::Null).await;
        [shown.status, found.status, listed.status, status.status]
    }

    /// What would be written, at every door, and the problem each time.
    async fn refusals(&self) -> Vec<(u16, String)> {
        let user = self.user;
        let said = |reply: Reply| (reply.status, reply.body["code"].as_str().unwrap_or("-").to_owned());
        let mut all = vec![
            said(self.native.call("POST", &format!("/v1/users/{user}/lock"), json!({})).await),
            said(self.native.call("POST", "/v1/users", person("two")).await),
            said(self.native.sign_in("marta.one", PASSWORD).await),
            said(self.native.sign_in("marta.one", "Not-The-Password-11").await),
        ];
        let path = format!("/a/consumer-status/api/v0/users/{}/status/locked", user.0);
        let banno = self.banno.call("PUT", &path, json!({ "state": false })).await;
        assert!(banno.body["message"].is_string(), "in the vendor's own shape: {banno:?}");
        all.push((banno.status, banno.body["error"].as_str().unwrap_or("-").to_owned()));
        all
    }

    async fn notes(&self) -> Vec<String> {
        let reply = self.native.call("GET", &format!("/v1/users/{}/notes", self.user), Value::Null).await;
        let notes = reply.body["data"].as_array().unwrap_or_else(|| panic!("{reply:?}"));
        notes.iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Writes again as soon as it can, without a new start; how long that took.
    async fn recovers(&mut self) -> Duration {
        let began = Instant::now();
        loop {
            let reply = self.note("after").await;
            if reply.status == 201 {
                assert!(self.server.runs());
                return began.elapsed();
            }
            assert_eq!(reply.status, 503, "{reply:?}");
            assert!(began.elapsed() < PATIENCE, "it does not recover: {reply:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn all_are(refusals: &[(u16, String)], code: &str) {
    assert!(refusals.iter().all(|(status, said)| *status == 503 && said == code), "{refusals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_writes_are_refused_reads_go_on_and_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(_mounted) = Mounted::at(&disk, &["-t", "tmpfs", "-o", "size=6m", "none"]) else { return };
    let home = tempfile::tempdir_in(&disk).unwrap();
    let bank = Bank::embedded_in(home);
    let mut case = Case::of(&bank).await;
    let mut kept = vec![case.note("before").await.text("text").to_owned()];
    // Somebody else's file takes all the room.
    let ballast = disk.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[7; 4096]).is_ok() {}
    // What is left of the last block of the log may still take a few.
    let mut refused = None;
    for count in 0..500 {
        let text = format!("{count} {}", "x".repeat(2000));
        let reply = case.note(&text).await;
        match reply.status {
            201 => kept.push(text),
            _ => {
                refused = Some(reply);
                break;
            }
        }
    }
    let refused = refused.expect("the disk becomes full");
    assert_eq!((refused.status, refused.text("code")), (503, "storage_full"), "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"));
    assert!(refused.text("detail").contains("freed some space"), "{refused:?}");
    for _ in 0..3 {
        let (status, said) = crate::running::get(&format!("{}/readyz", case.server.base)).unwrap();
        assert!(status == 503 && said.contains("storage_full: The disk of the database is full"), "{said}");
        all_are(&case.refusals().await, "storage_full");
        assert_eq!(case.reads().await, [200; 4]);
    }
    assert_eq!(case.notes().await.len(), kept.len());
    std::fs::remove_file(&ballast).unwrap();
    drop(file);
    let took = case.recovers().await;
    kept.push("after".to_owned());
    crate::running::until("readiness", || {
        crate::running::get(&format!("{}/readyz", case.server.base)).filter(|(status, _)| *status == 200)
    });
    let mut found = case.notes().await;
    found.reverse();
    assert_eq!(found, kept, "exactly what was acknowledged");
    // It is also there for the next process, after the worst end.
    case.server.kill();
    let after = bank.start();
    let native = Client::new(&Client::http(), &after, &bank.key);
    let reply = native.call("GET", &format!("/v1/users/{}/notes", case.user), Value::Null).await;
    assert_eq!(reply.body["data"].as_array().unwrap().len(), kept.len());
    assert!(!bank.log().contains("panic"), "{}", bank.log());
    eprintln!("a full disk: {} writes acknowledged, all kept; writing again after {took:?}", kept.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_written_is_still_read() {
    let bank = Bank::embedded();
    let mut case = Case::of(&bank).await;
    assert_eq!(case.note("before").await.status, 201);
    case.server.kill();
    let file = bank.folder.path().join("bursar.db");
    // Root may write whatever its mode says, but not through a mount that forbids it.
    let mut mode = std::fs::metadata(&file).unwrap().permissions();
    mode.set_readonly(true);
    std::fs::set_permissions(&file, mode).unwrap();
    let is_writable = std::fs::OpenOptions::new().write(true).open(&file).is_ok();
    let _mounted = if is_writable {
        let source = file.to_str().unwrap().to_owned();
        let Some(mounted) = Mounted::at(&file, &["--bind", &source]) else { return };
        let remounted = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&file).status();
        assert!(remounted.unwrap().success());
        Some(mounted)
    } else {
        None
    };
    let token = case.banno;
    case.server = bank.start();
    case.native = Client::new(&Client::http(), &case.server, &bank.key);
    case.banno = token.at(&case.server);
    all_are(&case.refusals().await, "storage_read_only");
    assert_eq!(case.reads().await, [200; 4]);
    assert_eq!(case.notes().await, ["before"]);
    assert!(case.server.runs() && !bank.log().contains("panic"), "{}", bank.log());
}

/// Stands between the server and PostgreSQL, and can cut everything that goes through.
struct Between {
    address: SocketAddr,
    away: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Between {
    fn new(to: SocketAddr) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (away, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (cut, held) = (away.clone(), open.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), false) = (client, cut.load(Ordering::SeqCst)) else { continue };
                let Ok(server) = TcpStream::connect(to) else { continue };
                let both = [client.try_clone(), server.try_clone()].map(Result::unwrap);
                held.lock().unwrap().extend(both);
                pass(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(server, client);
            }
        });
        Between { address, away, open }
    }

    fn goes_away(&self) {
        self.away.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn comes_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_goes_away_is_told_and_taken_up_again() {
    let Some(url) = test_variable("BURSAR_TEST_POSTGRES_URL") else {
        eprintln!("BURSAR_TEST_POSTGRES_URL is not set: NOT tested (scripts/test sets it)");
        return;
    };
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let host = authority.rsplit('@').next().unwrap();
    let between = Between::new(host.parse().expect("an address with a port"));
    let Some(bank) = Bank::on_postgres_at(&url.replace(host, &between.address.to_string())).await else { return };
    let mut case = Case::of(&bank).await;
    assert_eq!(case.note("before").await.status, 201);
    for _ in 0..3 {
        between.goes_away();
        // The tenant's settings are believed for a second, then everything needs the database.
        for _ in 0..2 {
            let began = Instant::now();
            let refusals = case.refusals().await;
            all_are(&refusals, "storage_away");
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
            assert_eq!(case.reads().await, [503; 4]);
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        between.comes_back();
        let took = case.recovers().await;
        assert_eq!(case.reads().await, [200; 4]);
        eprintln!("PostgreSQL is back: writing again after {took:?}");
    }
    assert_eq!(case.notes().await, ["after", "after", "after", "before"]);
    assert!(!bank.log().contains("panic"), "{}", bank.log());
}
