//! The machine: what it is, without its name, and how long its disk takes to have something for good.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use desk::value::clock::Clock;
use serde_json::{Value, json};

use crate::Result;

/// What this machine is.
pub fn describe() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split(':').nth(1).unwrap_or_default().trim().to_owned()
    };
    let kib: f64 = after(&memory, "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "cpu": after(&cpu, "model name"),
        "memory_gib": (kib / 1024.0 / 1024.0).round(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// The machine in one line.
pub fn line(machine: &Value) -> String {
    format!(
        "{} cores of {}, {} GiB, {}",
        machine["cores"],
        machine["cpu"].as_str().unwrap_or_default(),
        machine["memory_gib"],
        machine["system"].as_str().unwrap_or_default()
    )
}

/// Today, in UTC.
pub fn today() -> String {
    Clock::System.now().rfc3339_millis().chars().take(10).collect()
}

/// Milliseconds that a small write and its sync take in this folder: what a commit of its own would wait for.
pub fn sync_ms(folder: &Path) -> Result<f64> {
    let path = folder.join("sync.probe");
    let mut file = std::fs::File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    drop(file);
    std::fs::remove_file(&path)?;
    took.sort_unstable_by(f64::total_cmp);
    Ok(took[took.len() / 2])
}
