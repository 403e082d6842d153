//! Commands beside a running server, and servers that begin where another was killed: what an operator does by day.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bank::{Bank, Client, Looks, PASSWORD, Told, person};
use crate::running::{PATIENCE, get};

/// Those who sign in at the same time.
const CLIENTS: usize = 4;

async fn commands_cost_the_server_nothing(bank: Bank) {
    let server = bank.start();
    let native = Client::new(&Client::http(), &server, &bank.key);
    for at in 0..CLIENTS {
        assert_eq!(native.call("POST", "/v1/users", person(&format!("own{at}"))).await.status, 201);
    }
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = tokio::task::JoinSet::new();
    for at in 0..CLIENTS {
        let (native, over) = (native.clone(), over.clone());
        clients.spawn(async move {
            let mut all = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                let reply = native.sign_in(&format!("marta.own{at}"), PASSWORD).await;
                all.push((reply.status, began.elapsed()));
            }
            all
        });
    }
    let bank = tokio::task::spawn_blocking(move || {
        for round in 0..3 {
            let email = format!("colleague{round}@bank.example");
            let at = ["--tenant", "ten_1"];
            bank.told(&[&["staff", "add", "--email", &email, "--name", "Bo", "--role", "support"][..], &at].concat());
            bank.told(&["tenant", "create", "--name", &format!("Branch {round}")]);
            let file = bank.folder.path().join(format!("users{round}.csv"));
            std::fs::write(&file, format!("username,first_name,last_name\nnew.one{round},Ada,Okafor\n")).unwrap();
            bank.told(&[&["user", "import", file.to_str().unwrap()][..], &at].concat());
            bank.told(&[&["user", "find", "Okafor"][..], &at].concat());
        }
        bank
    });
    let bank = bank.await.unwrap();
    over.store(true, Ordering::Relaxed);
    let mut all: Vec<(u16, Duration)> = clients.join_all().await.into_iter().flatten().collect();
    assert!(all.iter().all(|(status, _)| *status == 201), "{:?}", all.iter().find(|(status, _)| *status != 201));
    all.sort_unstable_by_key(|(_, took)| *took);
    let (p99, longest) = (all[all.len() * 99 / 100].1, all[all.len() - 1].1);
    eprintln!("{} sign-ins beside twelve commands: p99 {p99:?}, longest {longest:?}", all.len());
    // Two seconds, when a command held the write lock at its end.
    assert!(p99 < Duration::from_millis(1900), "{p99:?}");
    let log = bank.log();
    assert!(!log.contains("ERROR") && !log.contains("locked"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_beside_a_server_are_not_noticed_by_who_signs_in() {
    commands_cost_the_server_nothing(Bank::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_beside_a_server_are_not_noticed_on_postgresql() {
    let Some(bank) = Bank::on_postgres().await else { return };
    commands_cost_the_server_nothing(bank).await;
}

async fn is_refused_by_every_command(bank: Bank) {
    let desk = bank.desk().await;
    let newer = "INSERT INTO schema_migration (name, checksum, applied_at) VALUES ('9999_of_tomorrow', 'x', 0)";
    desk.db().write(Told(newer.to_owned())).await.unwrap();
    desk.db().stop().await;
    let file = bank.folder.path().join("users.csv");
    std::fs::write(&file, "username\nada\n").unwrap();
    let file = file.to_str().unwrap();
    for command in [
        &["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"][..],
        &["migrate"],
        &["tenant", "list"],
        &["tenant", "create", "--name", "Other Bank"],
        &["staff", "add", "--email", "bo@bank.example", "--name", "Bo", "--role", "support"],
        &["key", "create", "--staff", "ada@bank.example", "--name", "second"],
        &["user", "find", "ada"],
        &["user", "import", file],
        &["user", "export"],
        &["outbox"],
        &["audit", "export"],
    ] {
        let (code, text) = bank.complaint(command);
        assert!(
            code == 1 && text.contains("newer version") && text.contains("9999_of_tomorrow"),
            "{command:?}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_database_is_refused_by_every_command() {
    is_refused_by_every_command(Bank::embedded()).await;
    if let Some(bank) = Bank::on_postgres().await {
        is_refused_by_every_command(bank).await;
    }
}

async fn is_sealed_soon(bank: Bank) {
    let mut server = bank.start();
    let native = Client::new(&Client::http(), &server, &bank.key);
    assert_eq!(native.call("POST", "/v1/users", person("one")).await.status, 201);
    let waiting = async || {
        let desk = bank.desk().await;
        let rows = desk.db().read(Looks(vec!["SELECT COUNT(*) FROM audit_unsealed".to_owned()])).await.unwrap();
        desk.db().stop().await;
        matches!(rows[0][0][0], desk::db::Value::Int(0))
    };
    let all_sealed = async |within: Duration| {
        let began = Instant::now();
        while !waiting().await {
            assert!(began.elapsed() < within, "not sealed after {:?}", began.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        began.elapsed()
    };
    all_sealed(PATIENCE).await;
    for ending in ["killed", "stopped"] {
        let native = native.at(&server);
        let email = native.call("GET", "/v1/users?limit=1", Value::Null).await;
        assert_eq!(email.status, 200);
        assert_eq!(native.sign_in("marta.one", PASSWORD).await.status, 201);
        match ending {
            "killed" => server.kill(),
            _ => {
                server.terminate();
                // It has sealed what was left itself.
                assert!(waiting().await, "an orderly stop leaves nothing unsealed");
            }
        }
        server = bank.start();
        let native = native.at(&server);
        assert_eq!(native.sign_in("marta.one", PASSWORD).await.status, 201);
        // The lease lasts thirty seconds.
        let took = all_sealed(Duration::from_secs(12)).await;
        eprintln!("sealed {took:?} after the start that follows one who was {ending}");
    }
    assert!(!bank.log().contains("ERROR"), "{}", bank.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_sealed_on_at_once_after_a_restart() {
    is_sealed_soon(Bank::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_sealed_on_soon_after_a_restart_on_postgresql() {
    let Some(bank) = Bank::on_postgres().await else { return };
    is_sealed_soon(bank).await;
}

async fn is_told_from_a_wrong_key(bank: Bank) {
    let key = bank.folder.path().join("master.key");
    let aside = bank.folder.path().join("aside.key");
    std::fs::rename(&key, &aside).unwrap();
    for command in [&["tenant", "list"][..], &["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]] {
        let (_, text) = bank.complaint(command);
        assert!(text.contains("there is no master key at") && text.contains("Put your copy"), "{text}");
        assert!(!key.exists(), "no key is made that opens nothing");
    }
    std::fs::write(&key, format!("{}\n", "ab".repeat(32))).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (_, text) = bank.complaint(&["tenant", "list"]);
    assert!(text.contains("the master key does not open this database") && !text.contains("there is no"), "{text}");
    std::fs::rename(&aside, &key).unwrap();
    assert!(bank.told(&["tenant", "list"]).contains("Harbor & Pine Bank"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_that_is_missing_is_no_wrong_key() {
    is_told_from_a_wrong_key(Bank::embedded()).await;
    if let Some(bank) = Bank::on_postgres().await {
        is_told_from_a_wrong_key(bank).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_troubles_have_three_remedies() {
    let (_, text) = crate::running::complaint(&["tenant", "list", "--database", "postgres://nobody@127.0.0.1:9/none"]);
    assert!(text.contains("storage_away") && text.contains("See that PostgreSQL runs"), "{text}");
    let bank = Bank::embedded();
    // Somebody holds the write lock.
    let file = bank.folder.path().join("bursar.db");
    let desk = bank.desk().await;
    let holding = tokio::spawn(async move { desk.db().write(Holds).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = tokio::task::spawn_blocking(move || {
        let told = bank.complaint(&["tenant", "create", "--name", "Other Bank"]);
        (bank, told)
    });
    let (_bank, (_, text)) = told.await.unwrap();
    assert!(text.contains("(busy)") && text.contains("Another process writes"), "{text}");
    assert!(!text.contains("disk"), "{text}");
    holding.await.unwrap().unwrap();
    assert!(file.exists() && get("http://127.0.0.1:9/").is_none());
}

/// Holds the write lock for longer than others wait.
struct Holds;

impl desk::db::Write for Holds {
    type Output = ();

    async fn run(&self, tx: &mut desk::db::Tx) -> desk::Result<()> {
        tx.run("UPDATE tenant SET version = version", &[]).await?;
        std::thread::sleep(Duration::from_secs(14));
        Ok(())
    }
}
