//! The installation that is measured: founded with the commands an operator has, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk::db::{Db, DbOptions, Engine, Tx, Write};
use desk::value::clock::Clock;
use desk::value::secret;
use serde_json::{Value, json};

use crate::broken::broken;
use crate::load::{ask, request, request_with};
use crate::server::{Server, free_port};
use crate::{Broken, Result};

/// What a house keeps of itself; also the mark of a folder that may be cleared.
const PAPER: &str = "house.json";
/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// An installation.
pub struct House {
    bursar: PathBuf,
    folder: PathBuf,
    /// Where the data are, as the setting has it.
    pub database: String,
    /// Which engine keeps them.
    pub engine: Engine,
    /// A key of the native API that may do everything.
    pub key: String,
    client: String,
    /// The institution's id, as Banno's addresses have it.
    pub institution: String,
    port: u16,
}

impl House {
    /// Founds one in this folder, emptied first if it holds another. `postgres`: the server to use instead of a file; the
    /// house lives there in a schema of its own, dropped first if it is there.
    pub fn found(bursar: &Path, folder: &Path, postgres: Option<(&str, &str)>) -> Result<House> {
        clear(folder)?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(PAPER), "{}")?;
        let (engine, database) = match postgres {
            None => (Engine::Sqlite, format!("sqlite:{}", folder.join("bursar.db").display())),
            Some((url, schema)) => {
                make_schema(url, schema)?;
                let joint = if url.contains('?') { '&' } else { '?' };
                (Engine::Postgres, format!("{url}{joint}options=-c%20search_path%3D{schema}"))
            }
        };
        let mut house = House {
            bursar: bursar.to_owned(),
            folder: folder.to_owned(),
            database,
            engine,
            key: String::new(),
            client: String::new(),
            institution: String::new(),
            port: free_port()?,
        };
        let opened = house.told(&["tenant", "create", "--name", "Harbor & Pine Bank"])?;
        house.institution = opened.split_whitespace().last().unwrap_or_default().to_owned();
        let mail = "bench@bank.example";
        house.told(&["staff", "add", "--email", mail, "--name", "Bench", "--role", "admin", "--no-password"])?;
        house.key = house.told(&["key", "create", "--staff", mail, "--name", "bench"])?;
        let (private, public) = client_key()?;
        std::fs::write(house.client_pem(), private)?;
        let public_pem = folder.join("client.pub.pem");
        std::fs::write(&public_pem, public)?;
        let public_pem = public_pem.display().to_string();
        let banno = ["--kind", "banno", "--public-key", &public_pem];
        house.client =
            house.told(&[&["key", "create", "--staff", mail, "--name", "bench, Banno"][..], &banno].concat())?;
        let paper = json!({
            "database": house.database, "key": house.key, "client": house.client, "institution": house.institution,
            "port": house.port,
        });
        std::fs::write(folder.join(PAPER), paper.to_string())?;
        Ok(house)
    }

    /// The one that a run before has left in this folder. The PostgreSQL of before may have another address now.
    pub fn find(bursar: &Path, folder: &Path, postgres: Option<(&str, &str)>) -> Result<House> {
        let paper: Value = serde_json::from_str(&std::fs::read_to_string(folder.join(PAPER))?)?;
        let text = |name: &str| paper[name].as_str().map(str::to_owned).ok_or(Broken(format!("{PAPER} lacks {name}")));
        let (engine, database) = match postgres {
            None => (Engine::Sqlite, text("database")?),
            Some((url, schema)) => {
                let joint = if url.contains('?') { '&' } else { '?' };
                (Engine::Postgres, format!("{url}{joint}options=-c%20search_path%3D{schema}"))
            }
        };
        Ok(House {
            bursar: bursar.to_owned(),
            folder: folder.to_owned(),
            database,
            engine,
            key: text("key")?,
            client: text("client")?,
            institution: text("institution")?,
            // Tokens are bound to the address.
            port: paper["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(18080),
        })
    }

    /// Removes everything.
    pub fn raze(self, postgres: Option<(&str, &str)>) -> Result<()> {
        if let Some((url, schema)) = postgres {
            on_postgres(url, None, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))?;
        }
        clear(&self.folder)
    }

    /// Where the house keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The database file of the embedded engine.
    pub fn file(&self) -> PathBuf {
        self.folder.join("bursar.db")
    }

    /// The master key's file.
    pub fn master_key(&self) -> PathBuf {
        self.folder.join("master.key")
    }

    /// Where the server listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn client_pem(&self) -> PathBuf {
        self.folder.join("client.pem")
    }

    /// The program, without whatever the environment says about another installation.
    fn bursar(&self) -> Command {
        let mut command = Command::new(&self.bursar);
        command.env_clear();
        command
    }

    fn settings(&self) -> [String; 4] {
        let master = self.master_key().display().to_string();
        ["--database".to_owned(), self.database.clone(), "--master-key-file".to_owned(), master]
    }

    /// What a command of the program prints about this house.
    pub fn told(&self, words: &[&str]) -> Result<String> {
        let output = self.bursar().args(words).args(self.settings()).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return broken(format!("bursar {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts the server, and waits for its first answer to a question about users.
    pub fn start(&self) -> Result<Server> {
        let (address, url) = (self.address(), format!("http://{}", self.address()));
        let serve = ["serve", "--listen", &address, "--public-url", &url, "--metrics-listen", "off"];
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("server.log"))?;
        let mut command = self.bursar();
        // All who sign in come from one address here.
        command.args(["--anonymous-rate-limit-per-second", "1000000"]);
        command.args(serve).args(self.settings()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let ask = request("GET", "/v1/users?limit=1", Some(&self.key), None);
        Server::start(command, &address, &ask, PATIENCE)
    }

    /// A token of the Banno API; good for ten minutes.
    pub fn banno_token(&self) -> Result<String> {
        let (pem, url) = (self.client_pem().display().to_string(), format!("http://{}", self.address()));
        let words = ["token", "--client-id", &self.client, "--key", &pem, "--url", &url];
        let output = self.bursar().args(words).output()?;
        if !output.status.success() {
            return broken(format!("no token: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// What a call of the Switch voice says: its client, which is made here, and the token of an admin who has signed in.
    pub fn switch_headers(&self, address: &str) -> Result<Vec<String>> {
        // Others each time: what a run before has left is still there.
        let word = Clock::System.now().0;
        let (client, mail) = (format!("bench-{word}"), format!("switch.{word}@bank.example"));
        let name = ["--staff", "bench@bank.example", "--name", "bench, Switch", "--client-id", &client];
        let secret = self.told(&[&["key", "create", "--kind", "switch_client"][..], &name].concat())?;
        let added = self.told(&["staff", "add", "--email", &mail, "--name", "Switch", "--role", "admin"])?;
        let last = |told: &str| told.split_whitespace().last().unwrap_or_default().to_owned();
        let printed = added.lines().find(|line| line.starts_with("password")).map(last).unwrap_or_default();
        let password = own_password(address, &mail, &printed)?;
        let body = json!({ "email": mail, "password": password }).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, last(&secret).as_bytes());
        let checksum = secret::hex(hmac::sign(&key, body.as_bytes()).as_ref());
        let mut headers = vec![format!("SWI-CID: {client}"), format!("SWI-CS: {checksum}")];
        let told = ask(address, &request_with("POST", "/admin/login", &headers, Some(&body)), 200)?;
        let told: Value = serde_json::from_slice(&told)?;
        let token = told["data"]["auth_token"].as_str().ok_or_else(|| Broken(format!("no token: {told}")))?;
        headers.pop();
        headers.push(format!("Authorization: Bearer {token}"));
        Ok(headers)
    }

    /// Lets PostgreSQL look at what is there, as its own housekeeping would soon.
    pub fn settle(&self) -> Result<()> {
        match self.engine {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => on_postgres(&self.database, None, "ANALYZE"),
        }
    }
}

fn clear(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let empty = std::fs::read_dir(folder)?.next().is_none();
    if !empty && !folder.join(PAPER).exists() {
        return broken(format!("{} holds something that is not ours; name another folder", folder.display()));
    }
    Ok(std::fs::remove_dir_all(folder)?)
}

fn make_schema(url: &str, schema: &str) -> Result<()> {
    on_postgres(url, None, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))?;
    on_postgres(url, Some(schema.to_owned()), "SELECT 1")
}

/// Runs one statement; with a schema, it is made first.
fn on_postgres(url: &str, schema: Option<String>, sql: &str) -> Result<()> {
    struct Told(String);
    impl Write for Told {
        type Output = ();

        async fn run(&self, tx: &mut Tx) -> desk::Result<()> {
            tx.run(self.0.clone(), &[]).await.map(drop)
        }
    }
    let options = DbOptions { schema, statement_timeout: Duration::from_secs(600), ..DbOptions::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let db = Db::open(url, &options).await?;
        db.write(Told(sql.to_owned())).await?;
        db.stop().await;
        Ok(())
    })
}

/// A client's key pair in PEM: private, public.
fn client_key() -> Result<(String, String)> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let private = pair.to_pkcs8v1()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref())))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Changes the password that the command line has printed, which opens nothing but its own change; answers the new one.
fn own_password(address: &str, mail: &str, printed: &str) -> Result<String> {
    let post = |path: &str, headers: &[String], body: &Value, expect: u16| {
        ask(address, &request_with("POST", path, headers, Some(&body.to_string())), expect)
    };
    let sign_in = json!({ "tenant_id": "ten_1", "email": mail, "password": printed });
    let session: Value = serde_json::from_slice(&post("/v1/staff/sessions", &[], &sign_in, 201)?)?;
    let token = session["token"].as_str().ok_or_else(|| Broken(format!("no token: {session}")))?;
    let password = format!("{printed}-own");
    let change = json!({ "current_password": printed, "password": password });
    post("/v1/staff/me/password", &[format!("Authorization: Bearer {token}")], &change, 204)?;
    Ok(password)
}
