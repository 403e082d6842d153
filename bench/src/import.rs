//! A file of people brought in through the API: how long until the last row is in, and whether late rows cost more than
//! early ones.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::broken::broken;
use crate::load::{Line, request};

/// What an import came to.
pub struct Done {
    /// From the first byte sent to the last row.
    pub took: Duration,
    /// How long the last tenth of the rows took, beside the first.
    pub last_to_first: f64,
}

/// Brings the file in and waits for its end.
pub fn run(address: &str, key: &str, csv: &str, rows: u64) -> Result<Done> {
    let mut line = Line::to(address)?;
    let began = Instant::now();
    let head = format!(
        "POST /v1/imports HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: text/csv\r\n\
         content-length: {}\r\n\r\n",
        csv.len()
    );
    let (status, answer) = line.ask(&[head.as_bytes(), csv.as_bytes()].concat())?;
    if status != 202 {
        return broken(format!("the import was refused: {}", String::from_utf8_lossy(&answer)));
    }
    let begun: Value = serde_json::from_slice(&answer)?;
    let id = begun["id"].as_str().unwrap_or_default();
    let look = request("GET", &format!("/v1/imports/{id}"), Some(key), None);
    // When each part of the rows was behind us.
    let (received, mut first, mut nine) = (Instant::now(), None, None);
    let (mut tenths, mut since_tenth) = (0.0, Instant::now());
    loop {
        let now: Value = serde_json::from_slice(&line.ask(&look)?.1)?;
        let read = now["rows_read"].as_f64().unwrap_or(0.0) / rows as f64;
        if read >= 0.1 {
            first.get_or_insert_with(|| received.elapsed().as_secs_f64() / read);
        }
        if read >= 0.9 {
            nine.get_or_insert_with(|| (Instant::now(), read));
        }
        if read * 10.0 >= tenths + 1.0 {
            tenths = (read * 10.0).floor();
            eprintln!("  {:3.0} %, {:.2} s", read * 100.0, since_tenth.elapsed().as_secs_f64());
            since_tenth = Instant::now();
        }
        if now["state"] != "running" {
            if now["state"] != "completed" || now["rows_imported"].as_u64() != Some(rows) {
                return broken(format!("the import ended otherwise: {now}"));
            }
            let last_to_first = match (first, nine) {
                // Both as the time that all rows would take at that pace.
                (Some(first), Some((since, read))) if read < 1.0 => {
                    since.elapsed().as_secs_f64() / (1.0 - read) / first
                }
                _ => f64::NAN,
            };
            return Ok(Done { took: began.elapsed(), last_to_first });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
