//! One action on many users, as a job of the server: how long until the last one had her turn, and how long others wait
//! meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::broken::broken;
use crate::load::{Line, request};

/// What a bulk action came to.
pub struct Done {
    /// Its id.
    pub id: String,
    /// How many were changed.
    pub changed: i64,
    /// How long it took, from asking to its end.
    pub took: Duration,
    /// The slowest note that was written meanwhile.
    pub slowest_write: Duration,
}

impl Done {
    /// Seconds for a hundred thousand users at this pace.
    pub fn of_100k(&self) -> f64 {
        self.took.as_secs_f64() * 100_000.0 / self.changed as f64
    }
}

/// Asks for a bulk action and waits for its end; writes a note about `user` every now and then meanwhile.
pub fn run(address: &str, key: &str, path: &str, body: &Value, user: &str) -> Result<Done> {
    let mut line = Line::to(address)?;
    let began = Instant::now();
    let (status, answer) = line.ask(&request("POST", path, Some(key), Some(&body.to_string())))?;
    if status != 202 {
        return broken(format!("the bulk action was refused: {}", String::from_utf8_lossy(&answer)));
    }
    let begun: Value = serde_json::from_slice(&answer)?;
    let id = begun["id"].as_str().unwrap_or_default().to_owned();
    let look = request("GET", &format!("/v1/bulk/{id}"), Some(key), None);
    let note = json!({ "text": "written beside a bulk action" }).to_string();
    let note = request("POST", &format!("/v1/users/{user}/notes"), Some(key), Some(&note));
    let mut slowest_write = Duration::ZERO;
    loop {
        let asked = Instant::now();
        let (status, answer) = line.ask(&note)?;
        if status != 201 {
            return broken(format!("a note was refused: {}", String::from_utf8_lossy(&answer)));
        }
        slowest_write = slowest_write.max(asked.elapsed());
        let now: Value = serde_json::from_slice(&line.ask(&look)?.1)?;
        if now["state"] != "running" {
            let changed = now["changed"].as_i64().unwrap_or(0);
            if now["state"] != "completed" {
                return broken(format!("the bulk action ended otherwise: {now}"));
            }
            return Ok(Done { id, changed, took: began.elapsed(), slowest_write });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
