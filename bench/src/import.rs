//! A file of people brought in through the API: how long until the last row is in, and whether late rows cost more than
//! early ones.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::{Line, request};

/// What an import came to.
pub struct Done {
    /// Rows that became users.
    pub imported: i64,
    /// From the first byte sent to the last row.
    pub took: Duration,
    /// How long the last tenth of the rows took, beside the first.
    pub last_to_first: f64,
}

/// Brings the file in and waits for its end.
pub fn run(address: &str, key: &str, csv: &str) -> Done {
    let rows = csv.lines().count() as f64 - 1.0;
    let mut line = Line::to(address).unwrap();
    let began = Instant::now();
    let head = format!(
        "POST /v1/imports HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: text/csv\r\n\
         content-length: {}\r\n\r\n",
        csv.len()
    );
    let (status, answer) = line.ask(&[head.as_bytes(), csv.as_bytes()].concat()).unwrap();
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
    let begun: Value = serde_json::from_slice(&answer).unwrap();
    let look = request("GET", &format!("/v1/imports/{}", begun["id"].as_str().unwrap()), Some(key), None);
    // When each part of the rows was behind us.
    let (received, mut first, mut nine) = (Instant::now(), None, None);
    loop {
        let now: Value = serde_json::from_slice(&line.ask(&look).unwrap().1).unwrap();
        let read = now["rows_read"].as_f64().unwrap() / rows;
        if read >= 0.1 {
            first.get_or_insert_with(|| received.elapsed().as_secs_f64() / read);
        }
        if read >= 0.9 {
            nine.get_or_insert_with(|| (Instant::now(), read));
        }
        if now["state"] != "running" {
            assert_eq!(now["state"], "completed", "{now}");
            let last_to_first = match (first, nine) {
                // Both as the time that all rows would take at that pace.
                (Some(first), Some((since, read))) if read < 1.0 => {
                    since.elapsed().as_secs_f64() / (1.0 - read) / first
                }
                _ => f64::NAN,
            };
            return Done { imported: now["rows_imported"].as_i64().unwrap(), took: began.elapsed(), last_to_first };
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
