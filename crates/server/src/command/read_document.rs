//! `bursar read-document`: reads one file that a stranger made, in a process that can do next to nothing else. The server
//! starts it (`outside/reader.rs`) with an empty environment; it takes its limits upon itself, begins once more, so that
//! they hold from its first byte of memory on, and then gives up the right to open anything at all. What is done with the
//! file is the desk's affair (`desk::user::verification::reading`).

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use desk::user::verification::reading;
use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};

use crate::outside::this_program;
use crate::trouble::{Done, Trouble};

const MIB: u64 = 1024 * 1024;
/// What its limits are. `Data` is the memory that it may write to: an image at its largest (256 MiB), what it is encoded into,
/// and the file. `As` counts the program itself besides, which is large when it is built for debugging.
const LIMITS: &[(Resource, u64)] = &[
    (Resource::Data, 512 * MIB),
    (Resource::As, 1024 * MIB),
    // Seconds of work: some thirty times what the largest image takes.
    (Resource::Cpu, 20),
    // It writes no files, starts no programs, has no threads, and leaves no image of itself.
    (Resource::Fsize, 0),
    (Resource::Nproc, 0),
    (Resource::Core, 0),
];
/// How much later than a request its turn comes.
const NICENESS: i32 = 10;

/// Takes the limits and begins once more; or, with them, does the work.
pub fn run(limited: bool) -> Done {
    if limited { work() } else { take_limits() }
}

fn take_limits() -> Done {
    // Neither has to succeed: a service manager may forbid it. When memory is short, this process shall go first.
    let _ = setpriority_process(None, NICENESS);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    for (resource, most) in LIMITS {
        limit(*resource, *most)?;
    }
    let fault = Command::new(this_program()).args(["read-document", "--limited"]).env_clear().exec();
    Err(Trouble::new(format!("cannot begin once more: {fault}"), ""))
}

fn limit(resource: Resource, most: u64) -> Done {
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(resource, limit).map_err(|fault| Trouble::new(format!("cannot limit {resource:?}: {fault}"), ""))
}

fn work() -> Done {
    // Nothing is opened from here on: no file, no connection.
    limit(Resource::Nofile, 0)?;
    let mut order = Vec::new();
    let broken = |fault: std::io::Error| Trouble::new(fault.to_string(), "");
    std::io::stdin().lock().take(reading::ORDER_MAX as u64 + 1).read_to_end(&mut order).map_err(broken)?;
    let answer = Some(&order).filter(|order| order.len() <= reading::ORDER_MAX).and_then(|order| reading::obey(order));
    let answer =
        answer.ok_or_else(|| Trouble::new("no order to read a document", "The server gives it such orders."))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&answer).and_then(|()| out.flush()).map_err(broken)
}
