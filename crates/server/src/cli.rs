//! The command line: which commands there are and what they take. Settings are flags of every command.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use desk::import::{Encoding, Format};
use desk::key::KeyKind;
use desk::tenant::{Environment, InstitutionKind};
use desk::value::id::{ImportId, TenantId};

use crate::config::Flags;

/// A bank's back office: users, their standing, and everybody who may change it.
#[derive(Debug, Parser)]
#[command(name = "bursar", version, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub flags: Flags,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API, the pages and the worker
    Serve,
    /// Fill a fresh folder with two invented institutions, and serve them
    Demo(Demo),
    /// Bring the database's schema up to date
    Migrate,
    /// Look whether anything is wrong with this installation, and say what to do. Changes nothing
    Doctor(Doctor),
    /// Write a backup of database and documents into a new folder, also while a server runs
    Backup {
        /// The folder; made, or empty
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Read a backup into an empty database
    Restore {
        /// The folder that `bursar backup` made
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The newest file with the keys of persons, if it is not the one in that folder
        #[arg(long, value_name = "FILE")]
        person_keys: Option<PathBuf>,
    },
    /// Institutions
    #[command(subcommand)]
    Tenant(Tenant),
    /// Who works here
    #[command(subcommand)]
    Staff(Staff),
    /// Credentials of machines
    #[command(subcommand)]
    Key(Key),
    /// Sign a client assertion, trade it for an access token of the Banno API, and print that
    Token(Token),
    /// Users
    #[command(subcommand)]
    User(User),
    /// Imports of users: how far they are, and how to stop them
    #[command(subcommand)]
    Import(Import),
    /// Print messages to users
    Outbox(Outbox),
    /// The audit
    #[command(subcommand)]
    Audit(Audit),
    /// Print every setting in force and where it came from
    Config {
        /// Print the manual of the settings instead
        #[arg(long)]
        manual: bool,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Print what may be attempted with a user in which standing
    Standing,
    /// Read one document for the server: an order on standard input, the answer on standard output
    #[command(hide = true)]
    ReadDocument {
        /// The limits are set already
        #[arg(long)]
        limited: bool,
    },
    /// Measure this program on this machine, on data of its own that are removed afterwards (by bursar-bench beside it)
    #[command(disable_help_flag = true)]
    Bench {
        /// What bursar-bench shall do; --help tells
        #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// `bursar demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// The folder to fill; one that holds something else is refused
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub data: PathBuf,
    /// People of the first institution; the second has a fifth of that, from 60 to 2000
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(60..=2_000_000))]
    pub users: u32,
    /// The same seed gives the same people, ids and keys
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// How long to wait before another code is sent for the same thing, in seconds (default 60)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub otp_resend_seconds: Option<u32>,
    /// Only fill the folder, for a server that is reached here
    #[arg(long, value_name = "URL", hide = true)]
    pub seed_only: Option<String>,
}

/// `bursar doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Send a test message to this e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
    /// Send a test message to this telephone number
    #[arg(long, value_name = "NUMBER")]
    pub text_to: Option<String>,
}

/// `bursar tenant`.
#[derive(Debug, Subcommand)]
pub enum Tenant {
    /// Open an institution
    Create {
        /// Its name, as users know it
        #[arg(long)]
        name: String,
        /// bank or credit_union
        #[arg(long, value_parser = institution_kind, default_value = "bank")]
        kind: InstitutionKind,
        /// live or sandbox
        #[arg(long, value_parser = environment, default_value = "live")]
        environment: Environment,
    },
    /// List them
    List,
}

/// `bursar staff`.
#[derive(Debug, Subcommand)]
pub enum Staff {
    /// Add a staff member to a team, with a role
    Add(StaffAdd),
}

/// `bursar staff add`.
#[derive(Debug, Args)]
pub struct StaffAdd {
    /// Her e-mail address, with which she signs in
    #[arg(long)]
    pub email: String,
    /// Her name
    #[arg(long)]
    pub name: String,
    /// What she may do: admin, support, compliance, auditor, or a role of your own
    #[arg(long)]
    pub role: String,
    /// Her team; founded when there is none of this name
    #[arg(long, default_value = "Operations")]
    pub team: String,
    /// Read her password from standard input; else one is made and printed
    #[arg(long)]
    pub password_stdin: bool,
    /// Give her no password: she acts through keys only
    #[arg(long, conflicts_with = "password_stdin")]
    pub no_password: bool,
    #[command(flatten)]
    pub at: At,
}

/// `bursar key`.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key and print its secret, this once
    Create(KeyCreate),
    /// Replace the master key, with every server stopped
    RotateMaster,
}

/// `bursar key create`.
#[derive(Debug, Args)]
pub struct KeyCreate {
    /// Whom it acts as: the e-mail address of a staff member
    #[arg(long, value_name = "EMAIL")]
    pub staff: String,
    /// A name for people
    #[arg(long)]
    pub name: String,
    /// native, banno, switch_client or choice_sender
    #[arg(long, value_parser = key_kind, default_value = "native")]
    pub kind: KeyKind,
    /// Narrow it to this permission; may be repeated
    #[arg(long = "permission", value_name = "PERMISSION")]
    pub permissions: Vec<String>,
    /// Banno: the client's public key (PEM) or key set (JSON)
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Banno, Switch, Choice: the client id; else one is made
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Choice: where the partner is called back
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
    #[command(flatten)]
    pub at: At,
}

/// `bursar token`.
#[derive(Debug, Args)]
pub struct Token {
    /// Take all of it from the demo in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["client_id", "key", "url"])]
    pub demo: Option<PathBuf>,
    /// With --demo: the second institution's client
    #[arg(long, requires = "demo")]
    pub other: bool,
    /// The client's id
    #[arg(long, value_name = "ID", requires_all = ["key", "url"], required_unless_present = "demo")]
    pub client_id: Option<String>,
    /// The client's private key: EC P-256 or RSA, PEM
    #[arg(long, value_name = "PEM")]
    pub key: Option<PathBuf>,
    /// Where the server is, e.g. http://127.0.0.1:8080
    #[arg(long)]
    pub url: Option<String>,
    /// How to sign with an RSA key
    #[arg(long, value_enum, default_value_t = RsaAlgorithm::Ps256)]
    pub algorithm: RsaAlgorithm,
    /// The scopes to ask for
    #[arg(long, default_value = "openid")]
    pub scope: String,
}

/// How to sign with an RSA key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RsaAlgorithm {
    /// RSASSA-PSS
    Ps256,
    /// RSASSA-PKCS1
    Rs256,
}

/// `bursar user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Find users by name, e-mail, username, phone, number of a document, or id
    Find {
        /// What to look for
        query: String,
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
        #[command(flatten)]
        at: At,
    },
    /// Bring in users from a file; run again, it goes on where it was. Ctrl-C lets it rest. Exit status 3: some rows were
    /// rejected
    Import(UserImport),
    /// Take out a list of users
    Export(UserExport),
}

/// `bursar user import`.
#[derive(Debug, Args)]
pub struct UserImport {
    /// The file: CSV with a header, or NDJSON. What does not enter is written beside it, as FILE.rejected.csv
    pub file: PathBuf,
    /// Check every row and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Which column of the file holds a field, e.g. phone=mobile or external_id=id; may be repeated
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub map: Vec<String>,
    /// Leave this column out; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Of which country telephone numbers without a country's code are, e.g. NG; else of the institution's
    #[arg(long, value_name = "CODE")]
    pub country: Option<String>,
    /// What the file is encoded in, where it does not say so itself: utf-8, utf-16le, utf-16be or windows-1252
    #[arg(long, value_parser = encoding)]
    pub encoding: Option<Encoding>,
    /// csv or ndjson; by default as the name of the file ends
    #[arg(long, value_parser = format)]
    pub format: Option<Format>,
    #[command(flatten)]
    pub at: At,
}

/// `bursar import`.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// List imports, the newest first
    List {
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
        #[command(flatten)]
        at: At,
    },
    /// Print how far an import is
    Status(OneImport),
    /// Let an import rest after the rows that are being written
    Pause(OneImport),
    /// Let an import that rests go on in the running server
    Resume(OneImport),
    /// Call an import off: users who are in stay in, the file is deleted
    Cancel(OneImport),
}

/// One import.
#[derive(Debug, Args)]
pub struct OneImport {
    /// Its id, e.g. imp_…, as `bursar import list` prints it
    #[arg(value_name = "IMPORT", value_parser = import_id)]
    pub id: ImportId,
    #[command(flatten)]
    pub at: At,
}

/// `bursar user export`.
#[derive(Debug, Args)]
pub struct UserExport {
    /// Write to this file; else to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// csv or ndjson
    #[arg(long, value_parser = format, default_value = "csv")]
    pub format: Format,
    /// Only users in this state, e.g. fraud=suspicious; may be repeated
    #[arg(long, value_name = "AXIS=WORD")]
    pub filter: Vec<String>,
    /// What it is needed for; recorded, and then identifiers are not masked
    #[arg(long, value_name = "TEXT")]
    pub purpose: Option<String>,
    #[command(flatten)]
    pub at: At,
}

/// `bursar outbox`.
#[derive(Debug, Args)]
pub struct Outbox {
    /// Only those to this e-mail address or telephone number
    #[arg(long, value_name = "ADDR")]
    pub to: Option<String>,
    /// Wait for more
    #[arg(long)]
    pub follow: bool,
    /// Those of the demo in this folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `bursar audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Write the sealed audit as lines of JSON, to be checked anywhere with `bursar audit verify`
    Export {
        /// Write to this file; else to standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        at: At,
    },
    /// Check an exported file: nothing changed, nothing missing, every signature holds
    Verify {
        /// The file, or - for standard input
        file: PathBuf,
        /// The public key that must have signed it (base64, as an earlier check printed it)
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
        /// Compare it with ends of the chain that were kept elsewhere: a witness (the setting audit_witness, or what
        /// `bursar audit head` printed), or an earlier export; may be repeated
        #[arg(long, value_name = "FILE")]
        witness: Vec<PathBuf>,
    },
    /// Print where the chain of each institution ends, signed: a line to be kept elsewhere
    Head,
}

/// In which institution.
#[derive(Debug, Args)]
pub struct At {
    /// The institution, e.g. ten_1; needed when there are several
    #[arg(long, value_name = "TENANT", value_parser = tenant)]
    pub tenant: Option<TenantId>,
}

fn tenant(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text)
        .ok_or_else(|| "an institution's id looks like ten_1; `bursar tenant list` prints them".to_owned())
}

fn format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| "either csv or ndjson".to_owned())
}

fn encoding(text: &str) -> Result<Encoding, String> {
    Encoding::named(text).ok_or_else(|| "one of utf-8, utf-16le, utf-16be, windows-1252".to_owned())
}

fn import_id(text: &str) -> Result<ImportId, String> {
    ImportId::parse(text).ok_or_else(|| "an import's id begins with imp_; `bursar import list` prints them".to_owned())
}

fn institution_kind(text: &str) -> Result<InstitutionKind, String> {
    InstitutionKind::parse(text).ok_or_else(|| "either bank or credit_union".to_owned())
}

fn environment(text: &str) -> Result<Environment, String> {
    Environment::parse(text).ok_or_else(|| "either live or sandbox".to_owned())
}

fn key_kind(text: &str) -> Result<KeyKind, String> {
    KeyKind::parse(text).ok_or_else(|| "one of native, banno, switch_client".to_owned())
}
