//! A started binary, and what tests do with it.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use desk::db::{Db, DbOptions};
use desk::value::clock::Clock;
use desk::value::id::TenantId;
use desk::value::password::Hashing;
use desk::value::random::Random;
use desk::value::seal::MasterKey;
use desk::{Caller, Desk, DeskParts, Door};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The binary, told nothing by the environment of the tests.
pub fn bursar(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Output {
    bursar(arguments).output().expect("the binary can be started")
}

/// What a command that succeeds prints.
pub fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Exit code and complaint of a command that fails.
pub fn complaint(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?} must fail");
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).expect("text"))
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Asks again until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server in a folder of its own.
pub struct Running {
    /// The folder.
    pub home: TempDir,
    /// Where it is reached.
    pub base: String,
    child: Child,
}

impl Running {
    /// `bursar serve` with these settings besides.
    pub fn serve(more: &[&str]) -> Running {
        Running::serve_with(more, |_| {})
    }

    /// The same, with something done to the command.
    pub fn serve_with(more: &[&str], change: impl FnOnce(&mut Command)) -> Running {
        let home = tempfile::tempdir().expect("a folder");
        let (port, database) = (free_port(), database(home.path()));
        let listen = format!("127.0.0.1:{port}");
        let mut command = bursar(&["serve", "--database", &database, "--listen", &listen]);
        if !more.contains(&"--metrics-listen") {
            command.args(["--metrics-listen", "off"]);
        }
        command.args(["--hashing-memory-kib", "8", "--hashing-passes", "1"]).args(more);
        command.stdout(Stdio::null()).stderr(std::fs::File::create(home.path().join("log")).expect("a log"));
        change(&mut command);
        let child = command.spawn().expect("the binary can be started");
        let running = Running { home, base: format!("http://{listen}"), child };
        running.wait_until_it_answers();
        running
    }

    /// `bursar demo` with a small town.
    pub fn demo(more: &[&str]) -> Running {
        let home = tempfile::tempdir().expect("a folder");
        let data = home.path().join("demo");
        let data = data.to_str().expect("a path of letters");
        let mut command = bursar(&["demo", "--data", data, "--users", "60", "--listen", "127.0.0.1:0"]);
        command.args(["--hashing-memory-kib", "8", "--hashing-passes", "1"]).args(more);
        let card = std::fs::File::create(home.path().join("card")).expect("a file");
        command.stdout(card).stderr(std::fs::File::create(home.path().join("log")).expect("a log"));
        let child = command.spawn().expect("the binary can be started");
        let mut running = Running { home, base: String::new(), child };
        let paper = until("demo.json", || {
            assert!(running.child.try_wait().expect("a child").is_none(), "it ended: {}", running.log());
            running.paper()
        });
        running.base = paper["base_url"].as_str().expect("a URL").to_owned();
        running.wait_until_it_answers();
        running
    }

    /// demo.json, once it is there.
    pub fn paper(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.home.path().join("demo/demo.json")).ok()?).ok()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    fn wait_until_it_answers(&self) {
        until("an answer", || get(&format!("{}/healthz", self.base)).map(drop));
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }

    /// How it ended.
    pub fn end(&mut self) -> ExitStatus {
        until("its end", || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The database of a server in this folder, as a setting.
pub fn database(home: &Path) -> String {
    format!("sqlite:{}", home.join("bursar.db").display())
}

/// Status and body of a GET; nothing if nobody listens.
pub fn get(url: &str) -> Option<(u16, String)> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/')?;
    exchange(host, &format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
}

/// Status and body of whatever is sent.
pub fn exchange(host: &str, request: &str) -> Option<(u16, String)> {
    let mut stream = std::net::TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    std::io::Write::write_all(&mut stream, request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Some((status, body))
}

/// A desk of the test's own over the database of a running server: another process, as far as that is concerned.
pub async fn desk_over(folder: &Path) -> Desk {
    let db = Db::open(&database(folder), &DbOptions::default()).await.expect("the database can be shared");
    let master = MasterKey::read_or_create(&folder.join("master.key"), &Random::System).expect("the key is there");
    let (clock, random, hashing) = (Clock::System, Random::System, Hashing::cheap());
    Desk::open(DeskParts {
        db,
        master,
        clock,
        random,
        hashing,
        hashing_at_once: 1,
        vault: desk::user::verification::Vault::in_memory(),
        callbacks_to: desk::value::callback_url::Reach::Anywhere,
    })
}

/// The house in the first tenant.
pub fn house() -> Caller {
    Caller::house(TenantId(1), Door::Cli)
}

/// A variable that `scripts/test` sets.
#[expect(clippy::disallowed_methods, reason = "the one place in these tests that looks for BURSAR_TEST_ variables")]
pub fn test_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A file that stands beside these tests.
pub fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name)
}
