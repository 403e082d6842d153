//! How far the seeding is: on a terminal in one line, elsewhere now and then.

use std::io::{IsTerminal, Write};

/// Tells how far the seeding is.
pub struct Progress {
    name: &'static str,
    all: usize,
    done: usize,
    told: usize,
}

impl Progress {
    pub fn new(name: &'static str, all: usize) -> Progress {
        Progress { name, all: all.max(1), done: 0, told: 0 }
    }

    pub fn done(&mut self, more: usize) {
        self.done += more;
        let percent = self.done * 100 / self.all;
        let step = if std::io::stderr().is_terminal() { 1 } else { 25 };
        if percent >= self.told + step {
            self.told = percent;
            self.tell(percent);
        }
    }

    fn tell(&self, percent: usize) {
        let end = if std::io::stderr().is_terminal() { "\r" } else { "\n" };
        let mut screen = std::io::stderr();
        // Whoever closed it does not want to know.
        let _ = write!(screen, "  seeding {}: {percent} %{end}", self.name);
        let _ = screen.flush();
    }

    pub fn end(&self) {
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
    }
}
