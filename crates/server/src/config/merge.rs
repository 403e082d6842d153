//! Defaults, file, environment and flags, laid over one another; each setting remembers where it came from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use desk::value::secret::Secret;
use toml::{Table, Value};

use super::{Config, Flags, MANUAL};
use crate::trouble::{Done, Trouble};

/// How a setting is written outside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    /// Parts with commas between.
    List,
    /// `Name: value` lines.
    Pairs,
}

/// What `bursar config` shows of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Whole,
    /// A URL without its password.
    Url,
    Never,
}

/// A setting, as environment and flags know it.
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    /// Whether the short help lists it.
    pub common: bool,
    shown: Shown,
}

const fn key(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { name, kind, help, common: false, shown: Shown::Whole }
}

impl Key {
    const fn common(self) -> Key {
        Key { common: true, ..self }
    }

    const fn shown(self, shown: Shown) -> Key {
        Key { shown, ..self }
    }
}

/// Every setting. A test compares the list with `Config` and with the manual.
pub(super) const KEYS: &[Key] = &[
    key("database", Kind::Text, "Where the data is: sqlite:PATH or postgres://…").common().shown(Shown::Url),
    key("database_connections", Kind::Number, "Connections to PostgreSQL at the same time"),
    key("synchronous", Kind::Text, "When a commit counts as done: full or normal"),
    key("master_key_file", Kind::Text, "The file with the master key"),
    key("listen", Kind::Text, "Listen on this address").common(),
    key("public_url", Kind::Text, "Where users and programs reach this server"),
    key("metrics_listen", Kind::Text, "Serve metrics on this address, or off"),
    key("max_connections", Kind::Number, "Connections at the same time"),
    key("trusted_proxies", Kind::List, "Proxies whose word on the client's address counts, with commas between"),
    key("request_seconds", Kind::Number, "How long a request may take"),
    key("body_bytes", Kind::Number, "How large a request's body may be"),
    key("import_bytes", Kind::Number, "How large a file of users may be"),
    key("document_store", Kind::Text, "Where documents lie: file:PATH or s3://BUCKET/PREFIX"),
    key("s3_region", Kind::Text, "The region of that bucket"),
    key("s3_endpoint", Kind::Text, "The address of its service, if it is not Amazon's"),
    key("s3_access_key_id", Kind::Text, "The key to it"),
    key("s3_secret_access_key", Kind::Text, "The secret of that key").shown(Shown::Never),
    key("rate_limit_per_second", Kind::Number, "Requests a caller may make in a second"),
    key("anonymous_rate_limit_per_second", Kind::Number, "Requests an unknown address may make in a second"),
    key("token_audiences", Kind::List, "Further audiences accepted in client assertions, with commas between"),
    key("hashing_at_once", Kind::Number, "Passwords hashed at the same time"),
    key("hashing_memory_kib", Kind::Number, "Memory for hashing one password"),
    key("hashing_passes", Kind::Number, "Passes over that memory"),
    key("smtp_url", Kind::Text, "The mail server: smtp://… or smtps://…").shown(Shown::Url),
    key("mail_from", Kind::Text, "The sender of mails"),
    key("sms_url", Kind::Text, "The gateway for text messages").shown(Shown::Url),
    key("sms_headers", Kind::Pairs, "Headers for that gateway: `Name: value`, one a line").shown(Shown::Never),
    key("sms_body", Kind::Text, "The body for that gateway, with {to} and {text}"),
    key("callbacks_to", Kind::Text, "Where partners may be called back: outside or anywhere"),
    key("audit_witness", Kind::Text, "Append the signed ends of the audit to this file"),
    key("log_level", Kind::Text, "What is logged: error, warn, info, debug, or a filter such as info,api=debug"),
    key("log_format", Kind::Text, "How it is logged: json or text"),
];

/// Variables that are no settings.
const FILE_VARIABLE: &str = "BURSAR_CONFIG";
const MASTER_KEY_VARIABLE: &str = "BURSAR_MASTER_KEY";
/// Variables with this beginning are the tests' own.
const TEST_VARIABLES: &str = "BURSAR_TEST_";

/// The settings in force, and where each came from.
pub struct Settings {
    /// The settings.
    pub config: Config,
    /// The master key, when the environment holds it.
    pub master_key: Option<Secret>,
    file: Option<PathBuf>,
    table: Table,
    origins: BTreeMap<&'static str, String>,
}

/// The process's environment.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment() -> Vec<(String, String)> {
    let text = |it: std::ffi::OsString| it.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Lays file, environment and flags over the defaults.
pub fn load(flags: &Flags, environment: &[(String, String)]) -> Done<Settings> {
    let variables: BTreeMap<&str, &str> = environment
        .iter()
        .filter(|(name, _)| name.starts_with("BURSAR_") && !name.starts_with(TEST_VARIABLES))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut laid = Laid { table: Table::new(), origins: BTreeMap::new() };
    let file = flags.file.clone().or_else(|| variables.get(FILE_VARIABLE).map(PathBuf::from));
    if let Some(file) = &file {
        laid.file(file)?;
    }
    let mut master_key = None;
    for (name, value) in variables {
        match name {
            FILE_VARIABLE => {}
            MASTER_KEY_VARIABLE => master_key = Some(Secret::new(value)),
            name => {
                let key = known(&name["BURSAR_".len()..].to_lowercase());
                let key = key.map_err(|nearest| {
                    let nearest = nearest.map(|it| format!("BURSAR_{}", it.to_uppercase()));
                    unknown(&format!("the variable {name} in the environment"), nearest)
                })?;
                laid.text(key, value, format!("environment ({name})"))?;
            }
        }
    }
    for (name, value) in &flags.values {
        let key = known(name).expect("flags are made from the list of keys");
        laid.text(key, value, format!("flag (--{})", name.replace('_', "-")))?;
    }
    let config: Config = laid.table.clone().try_into().map_err(|fault: toml::de::Error| laid.untypable(&fault))?;
    config.check()?;
    Ok(Settings { config, master_key, file, table: laid.table, origins: laid.origins })
}

/// The settings so far.
struct Laid {
    table: Table,
    origins: BTreeMap<&'static str, String>,
}

impl Laid {
    fn file(&mut self, path: &std::path::Path) -> Done {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|fault| {
            Trouble::usage(
                format!("cannot read the settings file {shown}: {fault}"),
                "Name a file that this user may read.",
            )
        })?;
        // The library's own text would quote the line, which may hold a password.
        let table: Table = text.parse().map_err(|fault: toml::de::Error| {
            let line = fault.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Trouble::usage(format!("line {line} of {shown} is not TOML: {}", fault.message()), MANUAL)
        })?;
        for (name, value) in table {
            let key = known(&name)
                .map_err(|nearest| unknown(&format!("the setting {name} in {shown}"), nearest.map(str::to_owned)))?;
            self.set(key, value, format!("file ({shown})"));
        }
        Ok(())
    }

    fn text(&mut self, key: &'static Key, text: &str, origin: String) -> Done {
        let value = match key.kind {
            Kind::Text => Value::String(text.to_owned()),
            Kind::Number => match text.trim().parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => {
                    return Err(Trouble::usage(format!("{} must be a number ({origin})", key.name), MANUAL));
                }
            },
            Kind::List => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
            }
            Kind::Pairs => {
                let mut pairs = Table::new();
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    let Some((name, value)) = line.split_once(':') else {
                        return Err(Trouble::usage(
                            format!("{} takes lines of `Name: value` ({origin})", key.name),
                            MANUAL,
                        ));
                    };
                    pairs.insert(name.trim().to_owned(), Value::String(value.trim().to_owned()));
                }
                Value::Table(pairs)
            }
        };
        self.set(key, value, origin);
        Ok(())
    }

    fn set(&mut self, key: &'static Key, value: Value, origin: String) {
        self.table.insert(key.name.to_owned(), value);
        self.origins.insert(key.name, origin);
    }

    /// A value of the wrong type: find out which, without quoting it.
    fn untypable(&self, fault: &toml::de::Error) -> Trouble {
        let alone = |name: &str| {
            let mut table = Table::new();
            table.insert(name.to_owned(), self.table[name].clone());
            table.try_into::<Config>().is_err()
        };
        match self.origins.iter().find(|(name, _)| alone(name)) {
            Some((name, origin)) => {
                let why =
                    if known(name).is_ok_and(|key| key.shown == Shown::Whole) { fault.message() } else { "wrong type" };
                Trouble::usage(format!("the setting {name} cannot be used ({origin}): {}", why.trim()), MANUAL)
            }
            None => Trouble::usage(format!("the settings cannot be used: {}", fault.message()), MANUAL),
        }
    }
}

/// The setting of this name, or the name that comes nearest.
fn known(name: &str) -> Result<&'static Key, Option<&'static str>> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return Ok(key);
    }
    let nearest = KEYS.iter().map(|key| (strsim::jaro_winkler(key.name, name), key.name));
    let best = nearest.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(likeness, _)| *likeness > 0.75);
    Err(best.map(|(_, name)| name))
}

fn unknown(what: &str, nearest: Option<String>) -> Trouble {
    let next = match nearest {
        Some(nearest) => format!("Did you mean {nearest}?"),
        None => MANUAL.to_owned(),
    };
    Trouble::usage(format!("{what} is not known"), next)
}

impl Settings {
    /// Whether nobody set this, so that a command may choose another default.
    pub fn is_default(&self, key: &str) -> bool {
        !self.origins.contains_key(key)
    }

    /// The flags by which another command finds the same database, with a blank before each.
    pub fn how_given(&self) -> String {
        let mut flags = String::new();
        if let Some(file) = &self.file {
            flags.push_str(&format!(" --config {}", file.display()));
        }
        if self.origins.get("database").is_some_and(|origin| origin.starts_with("flag")) {
            flags.push_str(&format!(" --database '{}'", without_password(&self.config.database)));
        }
        flags
    }

    /// The page that `bursar config` prints.
    pub fn page(&self) -> String {
        let effective = Table::try_from(&self.config).expect("settings can be written as TOML");
        let mut page = String::new();
        for key in KEYS {
            let origin = self.origins.get(key.name).map_or("default", String::as_str);
            let value = self.table.get(key.name).or_else(|| effective.get(key.name));
            let line = match value {
                None => format!("# {} is not set", key.name),
                Some(value) => format!("{} = {}", key.name, shown(key, value)),
            };
            page.push_str(&format!("{line:<56}  # {origin}\n"));
        }
        let master = match &self.master_key {
            Some(_) => format!("# the master key is in the environment ({MASTER_KEY_VARIABLE})"),
            None => format!("# the master key is in {}", self.config.master_key_file().display()),
        };
        page + &master + "\n"
    }
}

fn shown(key: &Key, value: &Value) -> String {
    match (key.shown, value) {
        (Shown::Whole, value) => value.to_string(),
        (Shown::Never, Value::Table(pairs)) => {
            let names: Vec<String> = pairs.keys().map(|name| format!("{name} = \"***\"")).collect();
            format!("{{ {} }}", names.join(", "))
        }
        (Shown::Url, Value::String(url)) => Value::String(without_password(url)).to_string(),
        (Shown::Never | Shown::Url, _) => "\"***\"".to_owned(),
    }
}

/// A URL with `***` for the password, also for one that stands in the query.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = match rest.rsplit_once('@') {
        None => rest.to_owned(),
        Some((login, host)) => match login.split_once(':') {
            None => format!("{login}@{host}"),
            Some((user, _)) => format!("{user}:***@{host}"),
        },
    };
    let rest = match rest.split_once('?') {
        Some((before, query)) if query.contains("password") || query.contains("key") || query.contains("token") => {
            format!("{before}?***")
        }
        _ => rest,
    };
    format!("{scheme}://{rest}")
}
