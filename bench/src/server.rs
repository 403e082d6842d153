//! A server under test: started as a user would start it, asked how much memory it takes, stopped gracefully.

use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::Result;
use crate::broken::broken;
use crate::load::Line;

/// A running server.
pub struct Server {
    child: Child,
    /// From the start of the process to its first answer.
    pub first_answer: Duration,
}

/// A port that nobody listens at now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Server {
    /// Starts a program and waits until it answers this request with 200.
    pub fn start(mut command: Command, address: &str, ask: &[u8], patience: Duration) -> Result<Server> {
        let began = Instant::now();
        let child = command.spawn()?;
        let mut server = Server { child, first_answer: Duration::ZERO };
        while began.elapsed() < patience {
            if let Ok((200, _)) = Line::to(address).and_then(|mut line| line.ask(ask)) {
                server.first_answer = began.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return broken(format!("the server at {address} ended by itself: {status}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        broken(format!("the server at {address} did not answer within {patience:?}"))
    }

    /// The resident memory, in megabytes.
    pub fn memory_mb(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// The most that was ever resident, in megabytes.
    pub fn peak_mb(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
    }

    /// Waits until the server has done what it does beside requests (sealing the audit, folding the log), so that what is
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
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        broken("the server did not stop within a minute")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
