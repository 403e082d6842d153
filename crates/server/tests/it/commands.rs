//! The small commands.

use crate::running::{Running, bursar, complaint, database, printed};

#[test]
fn settings_are_printed_with_where_they_came_from() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("bursar.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1234\"\nsmtp_url = \"smtp://me:planted-secret@mail.example\"\nmail_from = \"a@b.example\"\n").unwrap();
    let output = bursar(&["config", "--config", file.to_str().unwrap(), "--body-bytes", "4096"])
        .env("BURSAR_REQUEST_SECONDS", "7")
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    for part in [
        "listen = \"127.0.0.1:1234\"",
        "# file (",
        "request_seconds = 7",
        "# environment (BURSAR_REQUEST_SECONDS)",
        "body_bytes = 4096",
        "# flag (--body-bytes)",
        "smtp://me:***@mail.example",
    ] {
        assert!(page.contains(part), "{part} in:\n{page}");
    }
    assert!(!page.contains("planted-secret"));
}

#[test]
fn what_nobody_knows_is_an_error_with_the_nearest_name() {
    let output = bursar(&["config"]).env("BURSAR_LISTN", "x").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && text.contains("Did you mean BURSAR_LISTEN?"), "{text}");
    let (code, text) = complaint(&["config", "--lissten", "x"]);
    assert!(code == 2 && text.contains("--listen"), "{text}");
}

#[test]
fn the_documents_are_printed_without_any_database() {
    assert!(printed(&["openapi"]).trim_start().starts_with('{'));
    assert!(printed(&["standing"]).starts_with("# What may be attempted"));
    assert!(printed(&["config", "--manual"]).contains("database = \"sqlite:data/bursar.db\""));
}

#[test]
fn a_command_that_looks_leaves_no_database_behind() {
    let home = tempfile::tempdir().unwrap();
    let database = database(home.path());
    for command in [&["outbox"][..], &["user", "find", "x"], &["tenant", "list"], &["audit", "export"]] {
        let (code, text) = complaint(&[command, &["--database", &database]].concat());
        assert!(code == 1 && text.contains("there is no database"), "{text}");
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn an_operator_opens_a_bank_adds_staff_and_makes_keys() {
    let home = tempfile::tempdir().unwrap();
    let database = database(home.path());
    let at = ["--database", &database, "--hashing-memory-kib", "8", "--hashing-passes", "1"];
    let with = |words: &[&str]| printed(&[words, &at[..]].concat());
    assert!(with(&["migrate"]).starts_with("applied 0001"));
    assert!(with(&["migrate"]).starts_with("nothing to do"));
    assert!(with(&["tenant", "create", "--name", "A Bank"]).starts_with("ten_1 "));
    assert!(with(&["tenant", "list"]).contains("A Bank"));
    let added = with(&["staff", "add", "--email", "ada@bank.example", "--name", "Ada", "--role", "admin"]);
    assert!(added.contains("stf_") && added.contains("password (shown this once): "), "{added}");
    assert!(added.contains("opens nothing but its own change"), "{added}");
    let keyless =
        with(&["staff", "add", "--email", "bot@bank.example", "--name", "Bot", "--role", "support", "--no-password"]);
    assert!(!keyless.contains("password"), "{keyless}");
    let (code, text) = complaint(
        &[&["staff", "add", "--email", "x@bank.example", "--name", "X", "--role", "amdin"], &at[..]].concat(),
    );
    assert!(code == 2 && text.contains("admin"), "{text}");
    let key = with(&["key", "create", "--staff", "ada@bank.example", "--name", "first", "--permission", "users.read"]);
    assert!(key.starts_with("bsk_live_1_") && key.lines().count() == 1, "{key}");
    let (code, text) = complaint(
        &[&["key", "create", "--staff", "ada@bank.example", "--name", "n", "--permission", "user.read"], &at[..]]
            .concat(),
    );
    assert!(code == 2 && text.contains("Did you mean users.read?"), "{text}");
    with(&["tenant", "create", "--name", "A Union", "--kind", "credit_union"]);
    let (code, text) = complaint(&[&["user", "find", "ada"], &at[..]].concat());
    assert!(code == 2 && text.contains("ten_1 (A Bank)") && text.contains("ten_2 (A Union)"), "{text}");
}

#[test]
fn the_audit_is_sealed_exported_and_checked_and_a_change_is_found() {
    let server = Running::demo(&[]);
    let folder = server.home.path().join("demo");
    let (database, file) = (database(&folder), server.home.path().join("audit.jsonl"));
    let file = file.to_str().unwrap();
    printed(&["audit", "export", "--tenant", "ten_2", "--database", &database, "--out", file]);
    let checked = printed(&["audit", "verify", file]);
    assert!(checked.contains("Fieldlark Credit Union") && checked.contains("nothing changed"), "{checked}");
    let key = checked.lines().find_map(|line| line.strip_prefix("signed by ")).unwrap();
    printed(&["audit", "verify", file, "--public-key", key]);
    let (code, text) = complaint(&["audit", "verify", file, "--public-key", "another"]);
    assert!(code == 1 && text.contains("another key"), "{text}");
    let forged = std::fs::read_to_string(file).unwrap().replacen("\"done\"", "\"refused\"", 1);
    std::fs::write(file, forged).unwrap();
    let (code, text) = complaint(&["audit", "verify", file]);
    assert!(code == 1 && text.contains("line "), "{text}");
}
