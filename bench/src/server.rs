//! The server under test: started as a user would start it, asked how much memory it takes, stopped gracefully.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load::{Line, request};

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// From the start of the process to its first answer.
    pub first_answer: Duration,
}

impl Server {
    /// Starts a program and waits until it answers `/healthz`.
    pub fn start(program: &Path, args: &[&str], address: &str, patience: Duration) -> Server {
        let began = Instant::now();
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the server can be started; `make bench` builds it first");
        let mut server = Server { child, address: address.to_owned(), first_answer: Duration::ZERO };
        let ask = request("GET", "/healthz", None, None);
        while began.elapsed() < patience {
            if let Ok((200, _)) = Line::to(address).and_then(|mut line| line.ask(&ask)) {
                server.first_answer = began.elapsed();
                return server;
            }
            assert!(server.child.try_wait().expect("a child has a state").is_none(), "the server ended by itself");
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the server did not answer in time");
    }

    /// The resident memory, in megabytes.
    pub fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
    }

    /// Waits until the server has done what it does beside requests (sealing the audit of the seeding), so that what is
    /// measured next is measured alone.
    pub fn rest(&self, patience: Duration) {
        let began = Instant::now();
        let mut before = self.ticks();
        while began.elapsed() < patience {
            std::thread::sleep(Duration::from_secs(2));
            let now = self.ticks();
            // At most two hundredths of a second of work in two seconds.
            if now - before <= 2 {
                return;
            }
            before = now;
        }
    }

    /// Processor time used, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let tick = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        tick(11) + tick(12)
    }

    /// Asks it to stop, as a service manager would, and waits.
    pub fn stop(mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            if self.child.try_wait().expect("a child has a state").is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
