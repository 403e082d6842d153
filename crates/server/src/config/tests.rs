use std::path::PathBuf;

use super::merge::{KEYS, without_password};
use super::*;

fn vars(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn flags(pairs: &[(&'static str, &str)]) -> Flags {
    Flags { file: None, values: pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect() }
}

fn told(result: Done<Settings>) -> String {
    result.err().expect("the settings must not be accepted").to_string()
}

#[test]
fn the_manual_holds_the_defaults_and_names_every_setting_once() {
    let manual: Config = toml::from_str(DEFAULTS).unwrap();
    assert_eq!(manual, Config::default());
    for key in KEYS {
        let stands = DEFAULTS.lines().filter(|line| {
            line.strip_prefix("# ").unwrap_or(line).strip_prefix(key.name).is_some_and(|rest| rest.starts_with(" = "))
        });
        assert_eq!(stands.count(), 1, "{} in config.default.toml", key.name);
    }
}

#[test]
fn what_the_manual_offers_in_comments_can_be_used() {
    let offered: String = DEFAULTS
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| KEYS.iter().any(|key| line.starts_with(&format!("{} = ", key.name))))
        .map(|line| format!("{line}\n"))
        .collect();
    let config: Config = toml::from_str(&offered).unwrap();
    config.check().unwrap();
    assert!(config.smtp_url.is_some() && config.sms_url.is_some() && config.sms_headers.len() == 1);
}

#[test]
fn every_field_is_a_key() {
    let full = Config {
        master_key_file: Some(PathBuf::from("k")),
        public_url: Some("u".into()),
        smtp_url: Some("s".into()),
        mail_from: Some("m".into()),
        sms_url: Some("s".into()),
        sms_headers: [("a".to_owned(), "b".to_owned())].into(),
        document_store: Some("d".into()),
        s3_endpoint: Some("e".into()),
        s3_access_key_id: Some("i".into()),
        s3_secret_access_key: Some("s".into()),
        audit_witness: Some("w".into()),
        ..Config::default()
    };
    let mut fields: Vec<String> = toml::Table::try_from(&full).unwrap().keys().cloned().collect();
    let mut keys: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    fields.sort();
    keys.sort_unstable();
    assert_eq!(fields, keys);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nbody_bytes = 2048\nrequest_seconds = 5\n").unwrap();
    let mut flags = flags(&[("listen", "127.0.0.1:3")]);
    flags.file = Some(file);
    let environment = vars(&[
        ("BURSAR_LISTEN", "127.0.0.1:2"),
        ("BURSAR_BODY_BYTES", "4096"),
        ("BURSAR_TEST_ANYTHING", "x"),
        ("BURSAR_TOKEN_AUDIENCES", "https://a.example/t, https://b.example/t"),
        ("BURSAR_SMS_HEADERS", "Authorization: Bearer planted-secret\nX-A: b"),
    ]);
    let settings = load(&flags, &environment).unwrap();
    let config = &settings.config;
    assert_eq!((config.listen.port(), config.body_bytes, config.request_seconds), (3, 4096, 5));
    assert_eq!(config.token_audiences, ["https://a.example/t", "https://b.example/t"]);
    let page = settings.page();
    for origin in ["flag (--listen)", "environment (BURSAR_BODY_BYTES)", "file (", "# default"] {
        assert!(page.contains(origin), "{origin} in:\n{page}");
    }
    assert!(!page.contains("planted-secret"));
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.toml");
    std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
    let flags = Flags { file: Some(file), values: Vec::new() };
    let text = told(load(&flags, &[]));
    assert!(text.contains("lisen") && text.contains("Did you mean listen?"), "{text}");
    let text = told(load(&Flags::default(), &vars(&[("BURSAR_DATABSE", "sqlite:x")])));
    assert!(text.contains("BURSAR_DATABSE") && text.contains("BURSAR_DATABASE?"), "{text}");
}

#[test]
fn what_cannot_be_used_is_named_and_a_secret_is_not_quoted() {
    for (key, value, part) in [
        ("listen", "nowhere", "listen"),
        ("database", "mysql://x", "sqlite:"),
        ("body_bytes", "many", "body_bytes"),
        ("metrics_listen", "on", "metrics_listen"),
        ("smtp_url", "planted-secret", "smtp_url"),
        ("log_format", "xml", "log_format"),
    ] {
        let text = told(load(&flags(&[(key, value)]), &[]));
        assert!(text.contains(part) && !text.contains("planted-secret"), "{key}: {text}");
    }
    let text = told(load(&flags(&[("smtp_url", "smtp://localhost")]), &[]));
    assert!(text.contains("mail_from"), "{text}");
}

#[test]
fn passwords_in_addresses_are_not_shown() {
    assert_eq!(
        without_password("smtp://me:p%40ss@mail.example:587?tls=required"),
        "smtp://me:***@mail.example:587?tls=required"
    );
    assert_eq!(without_password("postgres://me@h/db?password=x"), "postgres://me@h/db?***");
    assert_eq!(without_password("sqlite:data/bursar.db"), "sqlite:data/bursar.db");
    let settings = load(&flags(&[("database", "postgres://me:planted-secret@h/db")]), &[]).unwrap();
    assert!(!settings.page().contains("planted-secret"));
}

#[test]
fn the_master_key_lies_next_to_the_database_unless_named() {
    let at = |database: &str| Config { database: database.into(), ..Config::default() }.master_key_file();
    assert_eq!(at("sqlite:/var/lib/bursar/bursar.db"), PathBuf::from("/var/lib/bursar/master.key"));
    assert_eq!(at("postgres://h/db"), PathBuf::from("data/master.key"));
}

#[test]
fn documents_lie_next_to_the_database_in_a_folder_or_in_a_bucket() {
    use desk::user::verification::{InThisProcess, Vault, VaultPlace};
    let place = |values: &[(&'static str, &str)]| load(&flags(values), &[]).map(|it| it.config.documents());
    let folder = |values: &[(&'static str, &str)]| match place(values).unwrap() {
        VaultPlace::Folder(folder) => folder.display().to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(folder(&[("database", "sqlite:/var/lib/bursar/bursar.db")]), "/var/lib/bursar/documents");
    assert_eq!(folder(&[("database", "postgres://db.example/bursar")]), "data/documents");
    assert_eq!(folder(&[("document_store", "file:/srv/papers")]), "/srv/papers");
    let keys = [("s3_access_key_id", "id"), ("s3_secret_access_key", "hidden")];
    let bucket = [&[("document_store", "s3://papers/live/one"), ("s3_endpoint", "http://127.0.0.1:9000")][..], &keys];
    let VaultPlace::S3(s3) = place(&bucket.concat()).unwrap() else { panic!("a bucket") };
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), s3.region.as_str()), ("papers", "live/one", "us-east-1"));
    assert!(!format!("{s3:?}").contains("hidden"));
    Vault::new(VaultPlace::S3(s3), std::sync::Arc::new(InThisProcess)).ready().unwrap();
    for wrong in [
        &[("document_store", "papers")][..],
        &[("document_store", "s3://")],
        &[("document_store", "s3:///x")],
        &[("document_store", "file:")],
        &[("s3_endpoint", "objects.bank.example")],
        &[("s3_access_key_id", "alone")],
    ] {
        assert!(place(wrong).is_err(), "{wrong:?}");
    }
}
