//! A bank whose server can be started on the same data again and again, a client that speaks to it, and looks into its
//! tables.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use desk::db::{Db, DbOptions, Engine, Rd, Read, Tx, Value as Cell, Weight, Write};
use desk::value::clock::Clock;
use desk::value::password::Hashing;
use desk::value::random::Random;
use desk::value::seal::MasterKey;
use desk::{Desk, DeskParts};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use crate::running::{PATIENCE, beside, bursar, free_port, get, printed, test_variable, until};

/// The password of every user here.
pub const PASSWORD: &str = "Lantern-Gravel-77-Orchid";

/// Hashing that costs nothing, unless a test is about its cost.
const CHEAP: &[&str] = &["--hashing-memory-kib", "8", "--hashing-passes", "1"];

/// Where its data are.
pub struct Bank {
    pub folder: TempDir,
    pub database: String,
    /// The secret of a key that may do everything.
    pub key: String,
    /// The client id at the Banno door.
    pub client: String,
    schema: Option<(String, String)>,
    /// Where its first server listened: tokens are bound to it, and later servers listen elsewhere.
    public_url: OnceLock<String>,
    /// Never among the data: those may lie on a disk that is full.
    log: NamedTempFile,
}

impl Bank {
    /// A bank on the embedded engine, on the disk that the build is on: `/tmp` may be memory.
    pub fn embedded() -> Bank {
        Bank::embedded_in(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder"))
    }

    /// The same in this folder.
    pub fn embedded_in(folder: TempDir) -> Bank {
        let database = crate::running::database(folder.path());
        Bank::open(folder, database, None)
    }

    /// A bank on PostgreSQL, in a schema of its own; nothing if this run of the tests has none.
    pub async fn on_postgres() -> Option<Bank> {
        let Some(url) = test_variable("BURSAR_TEST_POSTGRES_URL") else {
            eprintln!("BURSAR_TEST_POSTGRES_URL is not set: NOT tested (scripts/test sets it)");
            return None;
        };
        Bank::on_postgres_at(&url).await
    }

    /// The same at this address.
    pub async fn on_postgres_at(url: &str) -> Option<Bank> {
        let schema = format!("t_{:032x}", u128::from_be_bytes(Random::System.bytes()));
        let options = DbOptions { schema: Some(schema.clone()), ..DbOptions::default() };
        Db::open(url, &options).await.expect("the server named for tests answers").stop().await;
        let database = format!("{url}?options=-c%20search_path%3D{schema}");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Bank::open(folder, database, Some((url.to_owned(), schema))))
    }

    fn open(folder: TempDir, database: String, schema: Option<(String, String)>) -> Bank {
        let log = NamedTempFile::new().expect("a log");
        let mut bank = Bank {
            folder,
            database,
            key: String::new(),
            client: String::new(),
            schema,
            public_url: OnceLock::new(),
            log,
        };
        bank.told(&["tenant", "create", "--name", "Harbor & Pine Bank"]);
        bank.told(&["staff", "add", "--email", "ada@bank.example", "--name", "Ada", "--role", "admin"]);
        let key = ["key", "create", "--staff", "ada@bank.example", "--name", "first"];
        bank.key = bank.told(&key).trim().to_owned();
        let public = beside("tls/server-public.pem");
        let banno = ["--kind", "banno", "--public-key", public.to_str().expect("a path of letters")];
        bank.client = bank.told(&[&key[..], &banno[..]].concat()).trim().to_owned();
        bank
    }

    fn master_key(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    fn settings(&self) -> Vec<String> {
        let master = self.master_key().display().to_string();
        ["--database", &self.database, "--master-key-file", &master].map(str::to_owned).to_vec()
    }

    /// What a command prints about this bank.
    pub fn told(&self, words: &[&str]) -> String {
        let settings = self.settings();
        let settings = settings.iter().map(String::as_str).chain(CHEAP.iter().copied());
        printed(&words.iter().copied().chain(settings).collect::<Vec<_>>())
    }

    /// Exit code and complaint of a command that fails.
    pub fn complaint(&self, words: &[&str]) -> (i32, String) {
        let settings = self.settings();
        let settings = settings.iter().map(String::as_str).chain(CHEAP.iter().copied());
        crate::running::complaint(&words.iter().copied().chain(settings).collect::<Vec<_>>())
    }

    /// A command over this bank, to be started.
    pub fn command(&self, words: &[&str]) -> Command {
        let settings = self.settings();
        let settings = settings.iter().map(String::as_str).chain(CHEAP.iter().copied());
        bursar(&words.iter().copied().chain(settings).collect::<Vec<_>>())
    }

    /// Exit code, output and complaint of a command that need not succeed.
    pub fn ends(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.command(words).output().expect("the binary can be started");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    /// Begins to start the server, and does not wait.
    pub fn launch(&self, more: &[&str]) -> Server {
        self.launch_with(more, |_| {})
    }

    /// The same, with something done to the command.
    pub fn launch_with(&self, more: &[&str], change: impl FnOnce(&mut Command)) -> Server {
        self.launch_program(env!("CARGO_BIN_EXE_bursar").as_ref(), more, change)
    }

    /// The same by a program that lies elsewhere.
    pub fn launch_program(&self, program: &Path, more: &[&str], change: impl FnOnce(&mut Command)) -> Server {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::null()).args(["serve", "--listen", &listen, "--metrics-listen", "off"]);
        command.args(["--public-url", self.public_url.get_or_init(|| format!("http://{listen}"))]);
        command.args(self.settings()).args(more);
        if !more.contains(&"--anonymous-rate-limit-per-second") {
            command.args(["--anonymous-rate-limit-per-second", "100000"]);
        }
        if !more.contains(&"--document-store") {
            let papers = self.folder.path().join("documents");
            command.args(["--document-store", &format!("file:{}", papers.display())]);
        }
        if !more.contains(&CHEAP[0]) {
            command.args(CHEAP);
        }
        let log = std::fs::OpenOptions::new().append(true).open(self.log.path()).expect("a log");
        command.stdout(Stdio::null()).stderr(log);
        change(&mut command);
        Server { base: format!("http://{listen}"), child: command.spawn().expect("the binary can be started") }
    }

    /// Starts the server and waits until it answers.
    pub fn start(&self) -> Server {
        let mut server = self.launch(&[]);
        server.wait(self);
        server
    }

    /// What all its servers logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }

    /// A token for the Banno door.
    pub fn token(&self, server: &Server) -> String {
        let key = beside("tls/server-key.pem");
        let key = key.to_str().expect("a path of letters");
        printed(&["token", "--client-id", &self.client, "--key", key, "--url", &server.base]).trim().to_owned()
    }

    /// A desk of the test's own over the same data. Stop its database when done.
    pub async fn desk(&self) -> Desk {
        let db = Db::open(&self.database, &DbOptions::default()).await.expect("the database can be shared");
        let master = MasterKey::read_or_create(&self.master_key(), &Random::System).expect("the key is there");
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
}

impl Drop for Bank {
    fn drop(&mut self) {
        if let Some((url, schema)) = self.schema.take() {
            // In a thread of its own, since the test's runtime cannot wait in a drop.
            let dropping = std::thread::spawn(move || -> desk::Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let db = Db::open(&url, &DbOptions::default()).await?;
                    db.write(Told(format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))).await?;
                    db.stop().await;
                    Ok(())
                })
            });
            if !matches!(dropping.join(), Ok(Ok(()))) {
                eprintln!("a schema was left behind");
            }
        }
    }
}

/// A started server.
pub struct Server {
    pub base: String,
    child: Child,
}

impl Server {
    /// Waits until it answers.
    pub fn wait(&mut self, bank: &Bank) {
        until("an answer", || {
            assert!(self.child.try_wait().expect("a child").is_none(), "it ended: {}", bank.log());
            get(&format!("{}/healthz", self.base))
        });
    }

    /// SIGKILL, at once.
    pub fn kill(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("a child");
    }

    /// SIGTERM, and waits for its end in order.
    pub fn terminate(&mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()));
        let ended = until("its end", || self.child.try_wait().expect("a child"));
        assert!(ended.success(), "{ended}");
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// The processes that it has sent to read documents, and that have taken their limits.
    pub fn readers(&self) -> Vec<PathBuf> {
        let parent = format!("PPid:\t{}\n", self.child.id());
        let all = std::fs::read_dir("/proc").expect("Linux tells").flatten().map(|it| it.path());
        let is_one = |path: &PathBuf| {
            let told = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
            told("status").contains(&parent) && told("cmdline").contains("read-document\0--limited")
        };
        all.filter(is_one).collect()
    }

    /// Resident memory at this moment and at most so far, in MiB.
    pub fn resident_mib(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux tells");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the line");
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who speaks to a server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    bearer: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// A text of the body.
    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }
}

impl Client {
    /// Speaks with this credential; `http` may be shared.
    pub fn new(http: &reqwest::Client, server: &Server, bearer: &str) -> Client {
        Client { http: http.clone(), base: server.base.clone(), bearer: bearer.to_owned() }
    }

    /// The same credential at another server.
    pub fn at(&self, server: &Server) -> Client {
        Client { base: server.base.clone(), ..self.clone() }
    }

    /// A client for many of these.
    pub fn http() -> reqwest::Client {
        reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
    }

    /// Sends bytes of a type; the status and the answer's bytes, unless the connection broke.
    pub async fn put(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> Option<(u16, Vec<u8>)> {
        let request = self.http.put(format!("{}{path}", self.base)).bearer_auth(&self.bearer);
        let answer = request.header("content-type", media_type).body(bytes).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.bytes().await.ok()?.to_vec()))
    }

    /// Sends, and takes the whole answer; nothing when the connection broke before its end.
    pub async fn send(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Option<Reply> {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.bearer);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.ok()?;
        Some(Reply { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    /// The same without headers, and the answer must come.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.send(method, path, &body, &[]).await.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// Tries to sign in.
    pub async fn sign_in(&self, identifier: &str, password: &str) -> Reply {
        let body = json!({ "tenant_id": "ten_1", "identifier": identifier, "password": password });
        self.call("POST", "/v1/sessions", body).await
    }
}

/// A new user's body; every field that must be unique is made of `word`.
pub fn person(word: &str) -> Value {
    json!({
        "first_name": "Marta", "last_name": format!("Reyes-{word}"), "username": format!("marta.{word}"),
        "email": format!("marta.{word}@mail.example"), "phone": "+12025550143", "password": PASSWORD,
    })
}

/// Asks the database several things at one moment.
pub struct Looks(pub Vec<String>);

/// Rows of cells.
pub type Rows = Vec<Vec<Cell>>;

impl Read for Looks {
    type Output = Vec<Rows>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> desk::Result<Vec<Rows>> {
        let mut all = Vec::new();
        for sql in &self.0 {
            let rows = rd.all(sql.clone(), &[]).await?.into_iter();
            all.push(rows.map(|mut row| std::iter::from_fn(|| row.take().ok()).collect()).collect());
        }
        Ok(all)
    }
}

/// Tells the database something.
pub struct Told(pub String);

impl Write for Told {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> desk::Result<u64> {
        tx.run(self.0.clone(), &[]).await
    }
}

/// Bytes as SQL text.
pub fn blob(bytes: &[u8], engine: Engine) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match engine {
        Engine::Sqlite => format!("x'{hex}'"),
        Engine::Postgres => format!("'\\x{hex}'::bytea"),
    }
}

/// How long a whole answer may take when the server has much to do.
pub const SOON: Duration = Duration::from_secs(5);
