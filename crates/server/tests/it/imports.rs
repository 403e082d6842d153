//! An import through the server and at the machine: killed in the middle, it goes on exactly where it was.

use std::time::Duration;

use desk::db::Value as Cell;
use serde_json::Value;

use crate::bank::{Bank, Client, Looks, Server};

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
    let dry = bank.told(&[&import[..], &["--dry-run"]].concat());
    assert!(
        dry.contains("completed: 2 rows read; 1 users would be created") && dry.contains("1 rows rejected"),
        "{dry}"
    );
    let wet = bank.told(&import);
    assert!(wet.contains("1 users were created, 0 changed, 0 unchanged; 1 rows rejected"), "{wet}");
    let again = bank.told(&import);
    assert!(again.contains("0 users were created, 0 changed, 1 unchanged; 1 rows rejected"), "{again}");
    let rejected = std::fs::read_to_string(bank.folder.path().join("people.csv.rejected.csv")).unwrap();
    assert!(
        rejected.starts_with("line,field,code,reason,external_id,first_name,last_name,phone\r\n3,phone,"),
        "{rejected}"
    );
    assert!(rejected.ends_with(",2,Tunde,Bello,12\r\n"), "{rejected}");
    let out = bank.told(&["user", "export", "--format", "ndjson"]);
    assert!(out.contains("\"first_name\":\"Marta\"") && out.lines().count() == 1, "{out}");
}
