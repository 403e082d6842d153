//! The settings: what they are (`Config`), and where each one came from (`Settings`). A file, then the environment
//! (`BURSAR_…`), then flags; later ones win, and a name that nobody knows is an error. The only module that reads the
//! environment. `config.default.toml` is the manual; a test keeps it equal to `Config::default`.

mod flags;
mod merge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use desk::db::DbOptions;
use desk::user::verification::{S3Place, VaultPlace};
use desk::value::callback_url::Reach;
use desk::value::password::Hashing;
use desk::value::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::serve::Network;
use crate::trouble::{Done, Trouble};

pub use flags::Flags;
pub use merge::{Settings, environment, load, without_password};

/// When a commit counts as done (SQLite).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synchronous {
    /// Once it is on the disk.
    Full,
    /// Once the system has it.
    Normal,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Every setting. `config.default.toml` says what each is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub database: String,
    pub database_connections: usize,
    pub synchronous: Synchronous,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<PathBuf>,
    pub listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    pub metrics_listen: String,
    pub max_connections: usize,
    pub trusted_proxies: Vec<String>,
    pub request_seconds: u64,
    pub body_bytes: usize,
    pub import_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_store: Option<String>,
    pub s3_region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_secret_access_key: Option<String>,
    pub rate_limit_per_second: u32,
    pub anonymous_rate_limit_per_second: u32,
    pub token_audiences: Vec<String>,
    pub hashing_at_once: usize,
    pub hashing_memory_kib: u32,
    pub hashing_passes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_url: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sms_headers: BTreeMap<String, String>,
    pub sms_body: String,
    pub callbacks_to: Reach,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_witness: Option<PathBuf>,
    pub log_level: String,
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            database: "sqlite:data/bursar.db".to_owned(),
            database_connections: DbOptions::default().pool_size,
            synchronous: Synchronous::Full,
            master_key_file: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            metrics_listen: "127.0.0.1:9464".to_owned(),
            max_connections: 4096,
            trusted_proxies: Vec::new(),
            request_seconds: 30,
            body_bytes: 1024 * 1024,
            import_bytes: 2 * 1024 * 1024 * 1024,
            document_store: None,
            s3_region: "us-east-1".to_owned(),
            s3_endpoint: None,
            s3_access_key_id: None,
            s3_secret_access_key: None,
            rate_limit_per_second: 100_000,
            anonymous_rate_limit_per_second: 200,
            token_audiences: Vec::new(),
            hashing_at_once: 2,
            hashing_memory_kib: Hashing::default().memory_kib,
            hashing_passes: Hashing::default().passes,
            smtp_url: None,
            mail_from: None,
            sms_url: None,
            sms_headers: BTreeMap::new(),
            sms_body: r#"{"to":"{to}","text":"{text}"}"#.to_owned(),
            callbacks_to: Reach::Outside,
            audit_witness: None,
            log_level: "info".to_owned(),
            log_format: LogFormat::Json,
        }
    }
}

impl Config {
    /// Where users and programs reach us, without a slash at the end.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }

    /// The address of the metrics, unless they are off.
    pub fn metrics_listen(&self) -> Option<SocketAddr> {
        self.metrics_listen.parse().ok()
    }

    /// The cost of hashing a password.
    pub fn hashing(&self) -> Hashing {
        Hashing { memory_kib: self.hashing_memory_kib, passes: self.hashing_passes, lanes: 1 }
    }

    /// The database's file, for the embedded engine.
    pub fn database_file(&self) -> Option<&Path> {
        let path = self.database.strip_prefix("sqlite:")?;
        Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
    }

    /// The file with the master key: named, or next to the database.
    pub fn master_key_file(&self) -> PathBuf {
        match (&self.master_key_file, self.database_file()) {
            (Some(path), _) => path.clone(),
            (None, Some(database)) => database.with_file_name("master.key"),
            (None, None) => PathBuf::from("data/master.key"),
        }
    }

    /// Where documents lie: named, or in a folder next to the database.
    pub fn documents(&self) -> VaultPlace {
        match (&self.document_store, self.database_file()) {
            (Some(place), _) => match place.strip_prefix("s3://") {
                Some(place) => {
                    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                    let secret = self.s3_secret_access_key.as_deref().map(Secret::new);
                    VaultPlace::S3(S3Place {
                        bucket: bucket.to_owned(),
                        prefix: prefix.to_owned(),
                        region: self.s3_region.clone(),
                        endpoint: self.s3_endpoint.clone(),
                        key: self.s3_access_key_id.clone().zip(secret),
                    })
                }
                None => VaultPlace::Folder(PathBuf::from(place.strip_prefix("file:").unwrap_or(place))),
            },
            (None, Some(database)) => VaultPlace::Folder(database.with_file_name("documents")),
            (None, None) => VaultPlace::Folder(PathBuf::from("data/documents")),
        }
    }

    /// Whether each setting can be used; the error names the setting.
    fn check(&self) -> Done {
        let bad = |key: &str, what: &str| Err(Trouble::usage(format!("the setting {key} {what}"), MANUAL));
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| self.database.starts_with(scheme)) {
            return bad("database", "must begin with sqlite: or postgres://");
        }
        if self.database_file().is_some_and(|path| path.as_os_str().is_empty()) {
            return bad("database", "names no file");
        }
        // With fewer the house would have none for its own jobs while callers have them.
        if !(4..=1024).contains(&self.database_connections) {
            return bad("database_connections", "must be from 4 to 1024");
        }
        if self.metrics_listen != "off" && self.metrics_listen().is_none() {
            return bad("metrics_listen", "must be an address such as 127.0.0.1:9464, or off");
        }
        if self.public_url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return bad("public_url", "must begin with http:// or https://");
        }
        if !(1..=1_000_000).contains(&self.max_connections) {
            return bad("max_connections", "must be from 1 to 1000000");
        }
        if self.trusted_proxies.iter().any(|text| Network::parse(text).is_none()) {
            return bad("trusted_proxies", "must be a list of networks such as 10.0.0.0/8, or of addresses");
        }
        if !(1..=600).contains(&self.request_seconds) {
            return bad("request_seconds", "must be from 1 to 600");
        }
        if !(1024..=64 * 1024 * 1024).contains(&self.body_bytes) {
            return bad("body_bytes", "must be from 1024 to 67108864");
        }
        if !(1024..=64 * 1024 * 1024 * 1024).contains(&self.import_bytes) {
            return bad("import_bytes", "must be from 1024 to 68719476736");
        }
        if let Some(place) = &self.document_store {
            let named = place.strip_prefix("file:").or_else(|| place.strip_prefix("s3://"));
            if named.is_none_or(|name| name.is_empty() || name.starts_with('/') && place.starts_with("s3:")) {
                return bad("document_store", "must be file:PATH or s3://BUCKET/PREFIX");
            }
        }
        if self.s3_endpoint.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return bad("s3_endpoint", "must begin with http:// or https://");
        }
        if self.s3_access_key_id.is_some() != self.s3_secret_access_key.is_some() {
            return bad("s3_access_key_id", "and s3_secret_access_key are needed together, or neither");
        }
        if !(1..=256).contains(&self.hashing_at_once) {
            return bad("hashing_at_once", "must be from 1 to 256");
        }
        if !(8..=256 * 1024).contains(&self.hashing_memory_kib) {
            return bad("hashing_memory_kib", "must be from 8 to 262144");
        }
        if !(1..=16).contains(&self.hashing_passes) {
            return bad("hashing_passes", "must be from 1 to 16");
        }
        if self.audit_witness.as_ref().is_some_and(|path| path.to_string_lossy().contains("://")) {
            return bad("audit_witness", "must be a path: a file on another machine is mounted, or fetched from here");
        }
        if self.smtp_url.as_ref().is_some_and(|url| !url.starts_with("smtp://") && !url.starts_with("smtps://")) {
            return bad("smtp_url", "must begin with smtp:// or smtps://");
        }
        if self.smtp_url.is_some() && self.mail_from.is_none() {
            return bad("mail_from", "is needed once smtp_url is set, e.g. \"Harbor & Pine <no-reply@bank.example>\"");
        }
        if self.sms_url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return bad("sms_url", "must begin with http:// or https://");
        }
        Ok(())
    }
}

/// What to do about a setting that cannot be used.
const MANUAL: &str =
    "`bursar config` prints every setting in force and where it came from; `bursar config --manual` explains them.";

/// The manual of the settings.
pub const DEFAULTS: &str = include_str!("../config.default.toml");
