//! A little of `bursar bench`, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use desk::db::{Db, DbOptions, Rd, Read, Weight};
use serde_json::Value;
use tempfile::TempDir;

/// On the disk that the build is on: `/tmp` may be memory.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// `bursar bench`, told nothing by the environment of the tests. It was built beside the program that it hands on to.
fn bench(arguments: &[&str]) -> Output {
    let bursar = Path::new(env!("CARGO_BIN_EXE_bursar-bench")).with_file_name("bursar");
    Command::new(bursar).env_clear().arg("bench").args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The figures of a short run, by their keys.
fn measured(words: &[&str]) -> Value {
    let short = ["--users", "1000", "--seconds", "1", "--only", "lists,audit", "--audit-rows", "3000", "--json"];
    let output = bench(&[&short, words].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = run["figures"].as_array().unwrap();
    Value::Object(figures.iter().map(|it| (it["key"].as_str().unwrap().to_owned(), it["value"].clone())).collect())
}

fn looks_right(figures: &Value) {
    for key in ["binary", "start", "memory_idle", "import_rate", "list", "list_p99", "deep", "audit", "audit_p99"] {
        assert!(figures[key].as_f64().is_some_and(|value| value > 0.0), "{key} in {figures}");
    }
    assert!(figures["audit_rows"].as_f64().unwrap() >= 3000.0, "{figures}");
    assert!(figures["lock"].is_null(), "only what was asked for: {figures}");
}

#[test]
fn a_bench_measures_on_data_of_its_own_and_removes_them() {
    let home = folder();
    let data = home.path().join("bench");
    looks_right(&measured(&["--data", data.to_str().unwrap()]));
    assert!(!data.exists());
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the one place that looks for BURSAR_TEST_POSTGRES_URL")]
async fn a_bench_on_postgresql_drops_its_schema() {
    let Ok(url) = std::env::var("BURSAR_TEST_POSTGRES_URL") else {
        eprintln!("BURSAR_TEST_POSTGRES_URL is not set: NOT tested (scripts/test sets it)");
        return;
    };
    let home = folder();
    let data = home.path().join("bench").display().to_string();
    looks_right(&measured(&["--data", &data, "--postgres", &url]));
    let db = Db::open(&url, &DbOptions::default()).await.unwrap();
    assert_eq!(db.read(Schemas).await.unwrap(), 0);
    db.stop().await;
}

struct Schemas;

impl Read for Schemas {
    type Output = usize;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> desk::Result<usize> {
        let sql = "SELECT CAST(nspname AS TEXT) FROM pg_namespace WHERE nspname = 'bursar_bench'";
        Ok(rd.all(sql, &[]).await?.len())
    }
}

#[test]
fn a_bench_touches_no_folder_of_others_and_no_installation() {
    let home = folder();
    std::fs::write(home.path().join("bursar.db"), "somebody's").unwrap();
    let output = bench(&["--data", home.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("holds something that is not ours"), "{text}");
    assert_eq!(std::fs::read_to_string(home.path().join("bursar.db")).unwrap(), "somebody's");
    let output = bench(&["--database", "sqlite:data/bursar.db"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && text.contains("database is not used"), "{text}");
}
