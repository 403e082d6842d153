//! Backups and their return, the doctor, another master key, and a witness of the audit.

use std::path::Path;

use serde_json::{Value, json};

use crate::bank::{Bank, Client, PASSWORD, Server, person};
use crate::running::{complaint, printed, until};

/// The lines of a backup's file but its head (which has a moment) and its end (which depends on the head).
fn rows(folder: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut rows = lines[1..lines.len() - 1].to_vec();
    // Two engines may sort text in different ways.
    rows.sort_unstable();
    rows
}

async fn filled(bank: &Bank) -> (Server, Client, String) {
    let server = bank.start();
    let native = Client::new(&Client::http(), &server, &bank.key);
    let mut first = String::new();
    for word in ["one", "two", "three"] {
        let reply = native.call("POST", "/v1/users", person(word)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        first = reply.text("id").to_owned();
    }
    assert_eq!(
        native.call("POST", &format!("/v1/users/{first}/notes"), json!({ "text": "Called." })).await.status,
        201
    );
    (server, native, first)
}

async fn comes_back_whole(bank: Bank) {
    let (mut server, native, erased) = filled(&bank).await;
    let place = tempfile::tempdir().unwrap();
    let papers = bank.folder.path().join("documents/ten_1/ab");
    std::fs::create_dir_all(&papers).unwrap();
    std::fs::write(papers.join("abcd"), b"sealed").unwrap();
    let papers = format!("file:{}", bank.folder.path().join("documents").display());
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    // Beside the running server.
    let told = bank.told(&["backup", &at("first"), "--document-store", &papers]);
    assert!(told.contains("3 keys of persons") && told.contains("1 documents"), "{told}");
    let data = std::fs::read_to_string(place.path().join("first/data.ndjson")).unwrap();
    for word in ["Marta", "marta.one", "Reyes"] {
        assert!(!data.contains(word), "{word} stands in a backup");
    }
    let (code, text) = bank.complaint(&["backup", &at("first"), "--document-store", &papers]);
    assert!(code == 2 && text.contains("something in"), "{text}");
    // Somebody is erased afterwards; the next backup has no key of theirs.
    let gone = native.call("POST", &format!("/v1/users/{erased}/erase"), json!({ "reason": "asked for" })).await;
    assert_eq!(gone.status, 200, "{gone:?}");
    server.terminate();
    bank.told(&["backup", &at("second"), "--document-store", &papers]);

    // Into a database that is empty, of the other engine or of this one: an embedded one, here.
    let back = |name: &str, from: &str, keys: &str| {
        let folder = place.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let key = folder.join("master.key");
        std::fs::copy(bank.folder.path().join("master.key"), &key).unwrap();
        let database = crate::running::database(&folder);
        let told = printed(&["restore", &at(from), "--person-keys", &at(keys), "--database", &database]);
        let (code, text) = complaint(&["restore", &at(from), "--database", &database]);
        assert!(code == 2 && text.contains("has institutions already"), "{text}");
        (database, told)
    };
    let (database, told) = back("same", "second", "second/person-keys.ndjson");
    assert!(told.contains("2 keys of persons") && told.contains("1 documents") && !told.contains("erased"), "{told}");
    printed(&["backup", &at("again"), "--database", &database]);
    for file in ["data.ndjson", "person-keys.ndjson"] {
        assert_eq!(rows(&place.path().join("again"), file), rows(&place.path().join("second"), file), "{file}");
    }
    assert!(printed(&["user", "find", "marta.one", "--database", &database]).contains("usr_"));
    printed(&["audit", "export", "--out", &at("audit.jsonl"), "--database", &database]);
    assert!(printed(&["audit", "verify", &at("audit.jsonl")]).contains("nothing missing"));
    // The older backup with the newest keys: who was erased since stays erased.
    let (database, told) = back("older", "first", "second/person-keys.ndjson");
    assert!(told.contains("2 keys of persons") && told.contains("1 users had no key"), "{told}");
    let found = printed(&["user", "find", "marta.three", "--database", &database]);
    assert!(!found.contains("usr_"), "{found}");
    assert!(printed(&["user", "find", "marta.two", "--database", &database]).contains("usr_"));
    // A file that was cut or changed is refused before anything is loaded.
    let whole = std::fs::read_to_string(place.path().join("second/data.ndjson")).unwrap();
    let half = whole.lines().take(whole.lines().count() / 2).collect::<Vec<_>>().join("\n") + "\n";
    for (text, why) in [(half, "cut"), (whole.replacen("Harbor", "Barber", 1), "was changed")] {
        std::fs::write(place.path().join("second/data.ndjson"), text).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(bank.folder.path().join("master.key"), folder.path().join("master.key")).unwrap();
        let database = crate::running::database(folder.path());
        let (_, said) = complaint(&["restore", &at("second"), "--database", &database]);
        assert!(said.contains(why), "{said}");
        assert!(!printed(&["tenant", "list", "--database", &database]).contains("ten_1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_whole_and_an_erasure_reaches_it() {
    comes_back_whole(Bank::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_postgresql_comes_back_whole_and_an_erasure_reaches_it() {
    let Some(bank) = Bank::on_postgres().await else { return };
    comes_back_whole(bank).await;
}

async fn gets_another_master_key(bank: Bank) {
    let (mut server, native, _) = filled(&bank).await;
    let key = bank.folder.path().join("master.key");
    let before = std::fs::read(&key).unwrap();
    until("the lease of the server", || bank.log().contains("listening").then_some(()));
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let (code, text) = bank.complaint(&["key", "rotate-master"]);
    assert!(code == 1 && text.contains("a server works with this database"), "{text}");
    assert_eq!(std::fs::read(&key).unwrap(), before);
    assert_eq!(native.sign_in("marta.one", PASSWORD).await.status, 201, "the server does not notice");
    server.terminate();
    assert!(bank.told(&["key", "rotate-master"]).contains("1 institutions"));
    let after = std::fs::read(&key).unwrap();
    assert!(after != before && std::fs::read(bank.folder.path().join("master.key.old")).unwrap() == before);
    // As if it had been ended before the new key was in its place.
    std::fs::rename(&key, bank.folder.path().join("master.key.next")).unwrap();
    std::fs::write(&key, &before).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = bank.start();
    let native = native.at(&server);
    assert_eq!(std::fs::read(&key).unwrap(), after);
    assert_eq!(native.sign_in("marta.one", PASSWORD).await.status, 201);
    let found = native.call("POST", "/v1/users/search", json!({ "query": "marta.two" })).await;
    assert_eq!(found.body["data"].as_array().map(Vec::len), Some(1), "{found:?}");
    let audit = native.call("GET", "/v1/audit?limit=100", Value::Null).await;
    let rotated = audit.body["data"].as_array().unwrap().iter().any(|it| it["action"] == "tenant.rotate_master_key");
    assert!(rotated, "it is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_is_replaced_with_the_server_stopped() {
    gets_another_master_key(Bank::embedded()).await;
    if let Some(bank) = Bank::on_postgres().await {
        gets_another_master_key(bank).await;
    }
}

async fn the_witness_misses_rows(bank: Bank) {
    let witness = bank.folder.path().join("heads.jsonl");
    let file = witness.to_str().unwrap().to_owned();
    let mut server = bank.launch(&["--audit-witness", &file]);
    server.wait(&bank);
    let native = Client::new(&Client::http(), &server, &bank.key);
    assert_eq!(native.call("POST", "/v1/users", person("one")).await.status, 201);
    server.terminate();
    let out = bank.folder.path().join("audit.jsonl");
    let out = out.to_str().unwrap().to_owned();
    bank.told(&["audit", "export", "--out", &out]);
    assert!(printed(&["audit", "verify", &out]).contains("not compared with a witness"));
    assert!(printed(&["audit", "verify", &out, "--witness", &file]).contains("nothing missing"));
    let head = bank.told(&["audit", "head"]);
    assert!(head.contains("\"bursar_audit_head\":1") && head.lines().count() == 1, "{head}");

    let desk = bank.desk().await;
    for sql in [
        "DELETE FROM audit_checkpoint WHERE seq = (SELECT MAX(seq) FROM audit_checkpoint)",
        "UPDATE audit_chain SET seq = COALESCE((SELECT MAX(seq) FROM audit_checkpoint), 0)",
        "UPDATE audit_chain SET hash = (SELECT hash FROM audit_checkpoint ORDER BY seq DESC LIMIT 1)
         WHERE EXISTS (SELECT 1 FROM audit_checkpoint)",
        "DELETE FROM audit_chain WHERE NOT EXISTS (SELECT 1 FROM audit_checkpoint)",
        "DELETE FROM audit WHERE id = (SELECT id FROM audit ORDER BY id DESC LIMIT 1)",
        "DELETE FROM audit_unsealed",
    ] {
        desk.db().write(crate::bank::Told(sql.to_owned())).await.unwrap();
    }
    desk.db().stop().await;
    bank.told(&["audit", "export", "--out", &out]);
    let (code, text) = complaint(&["audit", "verify", &out, "--witness", &file]);
    assert!(code == 1 && text.contains("does not hold"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_deleted_at_the_end_of_the_audit_are_missed_by_the_witness() {
    the_witness_misses_rows(Bank::embedded()).await;
    if let Some(bank) = Bank::on_postgres().await {
        the_witness_misses_rows(bank).await;
    }
}

async fn is_looked_at(bank: Bank) {
    let said = bank.told(&["doctor"]);
    for part in
        ["ok      database", "ok      schema", "ok      master key", "ok      clock", "audit of ten_1", "look    mail"]
    {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    let key = bank.folder.path().join("master.key");
    std::fs::rename(&key, bank.folder.path().join("aside")).unwrap();
    let (code, text) = bank.complaint(&["doctor"]);
    assert!(code == 1 && text.contains("found that must be mended"), "{text}");
    assert!(!key.exists(), "it changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_everything_and_changes_nothing() {
    is_looked_at(Bank::embedded()).await;
    if let Some(bank) = Bank::on_postgres().await {
        is_looked_at(bank).await;
    }
    let (code, _) = complaint(&["doctor", "--database", "sqlite:/nowhere/bursar.db"]);
    assert_eq!(code, 1);
}
