//! An import through the server and at the machine: killed in the middle, it goes on exactly where it was.

use std::time::{Duration, Instant};

use desk::db::Value as Cell;
use serde_json::Value;

use crate::bank::{Bank, Client, Looks, Server};
use crate::running::until;

/// Rows of the file; every hundredth cannot enter.
const ROWS: usize = 6000;

fn file() -> String {
    let mut text = "external_id,first_name,last_name,email,username\n".to_owned();
    for n in 1..=ROWS {
        let email = if n % 100 == 0 { "nowhere".to_owned() } else { format!("person.{n}@mail.example") };
        text.push_str(&format!("crm-{n},Person,Of-{n},{email},person.{n}\n"));
    }
    text
}

async fn show(bank: &Bank, server: &Server, id: &str) -> Value {
    Client::new(&Client::http(), server, &bank.key).call("GET", &format!("/v1/imports/{id}"), Value::Null).await.body
}

/// What the tables say of it, each as one number.
async fn numbers(bank: &Bank, looks: &[&str]) -> Vec<i64> {
    let desk = bank.desk().await;
    let found = desk.db().read(Looks(looks.iter().map(|it| (*it).to_owned()).collect())).await.unwrap();
    desk.db().stop().await;
    let number = |rows: &Vec<Vec<Cell>>| match rows[0][0] {
        Cell::Int(number) => number,
        ref other => panic!("not a number: {other:?}"),
    };
    found.iter().map(number).collect()
}

async fn killed_again_and_again(bank: Bank) {
    let mut server = bank.start();
    let request = Client::http().post(format!("{}/v1/imports", server.base)).bearer_auth(&bank.key);
    let answer = request.header("content-type", "text/csv").body(file()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let begun: Value = answer.json().await.unwrap();
    let id = begun["id"].as_str().unwrap().to_owned();
    let (mut kills, mut rows) = (0, 0);
    loop {
        // Let it get on, and kill it while it does.
        let now = loop {
            let now = show(&bank, &server, &id).await;
            let read = now["rows_read"].as_i64().unwrap();
            if now["state"] != "running" || (read > rows && kills < 3) {
                rows = read;
                break now;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        if now["state"] != "running" {
            assert_eq!(now["state"], "completed", "{now}");
            break;
        }
        server.kill();
        kills += 1;
        server = bank.start();
    }
    assert!(kills > 0, "it was too quick to be killed");
    let done = show(&bank, &server, &id).await;
    let rejected = (ROWS / 100) as i64;
    let entered = ROWS as i64 - rejected;
    assert_eq!(
        (&done["rows_read"], &done["rows_imported"], &done["rows_rejected"]),
        (&(ROWS as i64).into(), &entered.into(), &rejected.into())
    );
    let all = numbers(
        &bank,
        &[
            "SELECT COUNT(*) FROM users",
            "SELECT COUNT(DISTINCT number) FROM users",
            "SELECT MAX(number) FROM users",
            "SELECT COUNT(*) FROM users WHERE person_key IS NOT NULL",
            "SELECT COUNT(*) FROM event WHERE name = 'user.created'",
            "SELECT COUNT(DISTINCT subject_id) FROM event WHERE name = 'user.created'",
        ],
    );
    assert_eq!(all.await, vec![entered; 6]);
    let kept = "SELECT COUNT(*) FROM import_rejected";
    assert_eq!(numbers(&bank, &[kept]).await, [rejected]);
    server.kill();
    assert!(!bank.log().contains("panic"), "{}", bank.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_goes_on_and_brings_each_row_in_once() {
    killed_again_and_again(Bank::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_on_postgresql() {
    let Some(bank) = Bank::on_postgres().await else { return };
    killed_again_and_again(bank).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_machine_a_file_is_brought_in_checked_and_taken_out() {
    let bank = Bank::embedded();
    let path = bank.folder.path().join("people.csv");
    let text = "external_id,first_name,last_name,mobile,shoe size\n1,Marta,Reyes,+12025550143,38\n2,Tunde,Bello,12,\n";
    std::fs::write(&path, text).unwrap();
    let file = path.to_str().unwrap();
    let import = ["user", "import", file, "--map", "phone=mobile", "--ignore", "shoe size"];
    // Whoever calls it from a program learns by the status that some rows were rejected, in a dry run too.
    let (status, dry, complaint) = bank.ends(&[&import[..], &["--dry-run"]].concat());
    assert!(
        dry.contains("completed: 2 rows read; 1 users would be created") && dry.contains("1 rows rejected"),
        "{dry}"
    );
    assert!(status == 3 && complaint.contains("1 of 2 rows were rejected"), "{status} {complaint}");
    let (status, wet, _) = bank.ends(&import);
    assert!(wet.contains("1 users were created, 0 changed, 0 unchanged; 1 rows rejected"), "{wet}");
    assert_eq!(status, 3);
    let (_, again, _) = bank.ends(&import);
    assert!(again.contains("0 users were created, 0 changed, 1 unchanged; 1 rows rejected"), "{again}");
    let rejected = std::fs::read_to_string(bank.folder.path().join("people.csv.rejected.csv")).unwrap();
    assert!(
        rejected.starts_with("line,field,code,reason,external_id,first_name,last_name,phone\r\n3,phone,"),
        "{rejected}"
    );
    assert!(rejected.ends_with(",2,Tunde,Bello,12\r\n"), "{rejected}");
    let out = bank.told(&["user", "export", "--format", "ndjson"]);
    assert!(out.contains("\"first_name\":\"Marta\"") && out.lines().count() == 1, "{out}");
    // What was taken out is not brought in before it is decided what its ids are.
    let path = bank.folder.path().join("out.ndjson");
    std::fs::write(&path, out).unwrap();
    let import = ["user", "import", path.to_str().unwrap()];
    let (status, _, complaint) = bank.ends(&import);
    assert!(status == 2 && complaint.contains("Decide what `id` is"), "{status} {complaint}");
    let own = ["--ignore", "id", "--ignore", "number"];
    let told = bank.told(&[&import[..], &own].concat());
    assert!(told.contains("0 changed, 1 unchanged; 0 rows rejected"), "{told}");
}

/// The id of the import that is listed first.
fn listed(bank: &Bank) -> (String, String) {
    let list = bank.told(&["import", "list"]);
    let (id, rest) = list.lines().next().unwrap_or_default().split_once(' ').expect("an import");
    (id.to_owned(), rest.to_owned())
}

#[test]
fn ctrl_c_lets_the_import_rest_and_it_can_go_on_or_be_called_off() {
    let bank = Bank::embedded();
    let path = bank.folder.path().join("people.csv");
    let rows: String = (1..=40_000).map(|n| format!("crm-{n},Person,Of-{n}\n")).collect();
    std::fs::write(&path, format!("external_id,first_name,last_name\n{rows}")).unwrap();
    let import = ["user", "import", path.to_str().unwrap()];
    let mut child = bank.command(&import).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("the first rows", || {
        let (_, list, _) = bank.ends(&["import", "list"]);
        (list.contains(" running: ") && !list.contains(" 0 rows read")).then_some(())
    });
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut complaint = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut complaint).unwrap();
    let (id, state) = listed(&bank);
    assert!(state.starts_with("paused: "), "{state}");
    assert!(complaint.contains(&format!("bursar import cancel {id}")), "{complaint}");
    assert_eq!(bank.told(&["import", "status", &id]), format!("{id} {state}\n"));
    // A server that starts does not go on with it.
    let mut server = bank.start();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(listed(&bank), (id.clone(), state));
    server.kill();
    assert!(bank.told(&["import", "cancel", &id]).contains(" cancelled: "));
    let (status, _, complaint) = bank.ends(&["import", "cancel", "imp_nonsense"]);
    assert!(status == 2 && complaint.contains("bursar import list"), "{complaint}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(numbers(&bank, &["SELECT COUNT(*) FROM import_piece"])), [0], "the file is gone");
}

/// What a server had only just begun when it was killed is gone on with soon after the next one starts.
async fn begun_and_killed(bank: Bank) {
    let mut server = bank.start();
    let http = Client::http();
    for n in 0..3 {
        let person = crate::bank::person(&format!("here.{n}"));
        assert_eq!(Client::new(&http, &server, &bank.key).call("POST", "/v1/users", person).await.status, 201);
    }
    let request = http.post(format!("{}/v1/imports", server.base)).bearer_auth(&bank.key);
    let answer = request.header("content-type", "text/csv").body(file()).send().await.unwrap();
    let begun: Value = answer.json().await.unwrap();
    let body = serde_json::json!({ "action": "lock", "filter": {}, "reason": "kill test", "expected": 3 });
    let bulk = Client::new(&http, &server, &bank.key).call("POST", "/v1/bulk", body).await;
    // A worker has taken both, and has not come far.
    until("a worker", || bank.log().contains("listens on").then_some(()));
    tokio::time::sleep(Duration::from_millis(30)).await;
    server.kill();
    server = bank.start();
    let restarted = Instant::now();
    let id = begun["id"].as_str().unwrap();
    loop {
        let import = show(&bank, &server, id).await;
        let path = format!("/v1/bulk/{}", bulk.body["id"].as_str().unwrap_or_default());
        let bulk = Client::new(&http, &server, &bank.key).call("GET", &path, Value::Null).await.body;
        let bulk_is_over = bulk["state"] == "completed" || bulk["state"].is_null();
        if import["rows_read"].as_i64() > Some(0) && bulk_is_over {
            break;
        }
        assert!(restarted.elapsed() < Duration::from_secs(15), "{import} {bulk}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eprintln!("gone on {:?} after the restart", restarted.elapsed());
    server.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_had_begun_goes_on_within_fifteen_seconds() {
    begun_and_killed(Bank::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_too() {
    let Some(bank) = Bank::on_postgres().await else { return };
    begun_and_killed(bank).await;
}
