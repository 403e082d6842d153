//! Signing in at its real price: who may not come in learns nothing from the clock, and a crowd at the door neither keeps
//! others from being served nor takes the house's memory.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bank::{Bank, Client, PASSWORD, SOON, person};

/// The default of the settings.
const REAL: &[&str] = &["--hashing-memory-kib", "19456", "--hashing-passes", "2"];
/// Attempts of each kind.
const ATTEMPTS: usize = 40;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_wrong_and_locked_take_alike_long() {
    let bank = Bank::embedded();
    let mut server = bank.launch(REAL);
    server.wait(&bank);
    let native = Client::new(&Client::http(), &server, &bank.key);
    // Wrong passwords must not lock anybody here.
    let settings = json!({ "lock_after": 100 });
    assert_eq!(native.call("PATCH", "/v1/settings", settings).await.status, 200);
    for word in ["open", "locked"] {
        assert_eq!(native.call("POST", "/v1/users", person(word)).await.status, 201);
    }
    let found = native.call("POST", "/v1/users/search", json!({ "query": "marta.locked" })).await;
    let id = found.body["data"][0]["id"].as_str().unwrap_or_else(|| panic!("{found:?}")).to_owned();
    assert_eq!(native.call("POST", &format!("/v1/users/{id}/lock"), json!({})).await.status, 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let kinds = [
        ("unknown", "marta.nobody", "Not-The-Password-11"),
        ("wrong", "marta.open", "Not-The-Password-11"),
        ("locked", "marta.locked", "Not-The-Password-11"),
    ];
    let mut times = vec![Vec::new(); kinds.len()];
    let mut bodies: Vec<Value> = Vec::new();
    // In turns, so that whatever else the machine does meets all of them alike.
    for _ in 0..ATTEMPTS {
        for ((_, identifier, password), times) in kinds.iter().zip(&mut times) {
            let began = Instant::now();
            let mut reply = native.sign_in(identifier, password).await;
            times.push(began.elapsed());
            assert_eq!(reply.status, 401, "{reply:?}");
            reply.body.as_object_mut().unwrap().remove("request_id");
            bodies.push(reply.body);
        }
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "they are answered alike");
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    let told: Vec<String> = kinds.iter().zip(&medians).map(|(kind, time)| format!("{} {time:?}", kind.0)).collect();
    eprintln!("medians of {ATTEMPTS}: {}", told.join(", "));
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(most.as_secs_f64() <= least.as_secs_f64() * 1.25, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_the_door_starves_nobody_and_stays_small() {
    let bank = Bank::embedded();
    let mut server = bank.launch(REAL);
    server.wait(&bank);
    let native = Client::new(&Client::http(), &server, &bank.key);
    let user = native.call("POST", "/v1/users", person("one")).await.text("id").to_owned();
    let crowd = Client::http();
    let began = Instant::now();
    let mut signing = tokio::task::JoinSet::new();
    for index in 0..200 {
        let door = Client::new(&crowd, &server, &bank.key);
        let (name, password) = match index % 4 {
            0 => ("marta.one", PASSWORD),
            _ => ("marta.nobody", "Not-The-Password-11"),
        };
        signing.spawn(async move { door.sign_in(name, password).await.status });
    }
    // Others are served meanwhile: a read and a durable write each time.
    let mut others = Vec::new();
    let mut statuses = Vec::new();
    while !signing.is_empty() {
        let one = Instant::now();
        assert_eq!(native.call("GET", &format!("/v1/users/{user}"), Value::Null).await.status, 200);
        let note = native.call("POST", &format!("/v1/users/{user}/notes"), json!({ "text": "meanwhile" })).await;
        assert_eq!(note.status, 201);
        others.push(one.elapsed());
        while let Some(done) = signing.try_join_next() {
            statuses.push(done.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed();
    let (now, most) = server.resident_mib();
    let worst = *others.iter().max().unwrap();
    eprintln!(
        "200 sign-ins in {took:?}; beside them {} reads with writes, median {:?}, worst {worst:?}; {now} MiB, at most {most}",
        others.len(),
        median(others.clone())
    );
    assert!(statuses.len() == 200 && statuses.iter().all(|status| [201, 401].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 50);
    assert!(worst < SOON, "somebody waited {worst:?}");
    assert!(most <= 256, "{most} MiB");
}
