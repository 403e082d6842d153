//! Sends a process of its own to read a document (`bursar read-document`), waits for it within limits, and believes nothing of
//! it. The server never reads such a file itself.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use desk::user::verification::reading::{ANSWER_MAX, Reading};
use desk::user::verification::{Reader, Unread};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long one of them may take, waiting for a processor included.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a document waits for its turn.
const QUEUE: Duration = Duration::from_secs(10);
/// How many there are at a time.
const AT_ONCE: usize = 4;

/// Reads documents in processes of their own.
pub struct ReaderApart {
    turns: Arc<Semaphore>,
}

impl Default for ReaderApart {
    fn default() -> Self {
        ReaderApart { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// This program. By the kernel's name for it, which leads to what is running also when a newer one was put in its place;
/// where there is no such name, by the path it was started from.
pub fn this_program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let running = PathBuf::from("/proc/self/exe");
        if running.exists() { running } else { std::env::current_exe().unwrap_or(running) }
    };
    PROGRAM.get_or_init(find).clone()
}

impl Reader for ReaderApart {
    fn read(&self, head: Vec<u8>, file: Arc<Vec<u8>>) -> Reading<'_> {
        Box::pin(async move {
            let turn = tokio::time::timeout(QUEUE, self.turns.clone().acquire_owned()).await;
            let Ok(Ok(turn)) = turn else { return Err(Unread::Nobody) };
            let read = sent(head, file, turn).await;
            if let Err(unread) = &read {
                tracing::warn!(?unread, "a document was not read to its end");
            }
            read
        })
    }
}

async fn sent(head: Vec<u8>, file: Arc<Vec<u8>>, turn: OwnedSemaphorePermit) -> Result<Vec<u8>, Unread> {
    let started = tokio::task::spawn_blocking(Errand::start).await;
    let errand = match started {
        Ok(Ok(errand)) => Arc::new(errand),
        Ok(Err(fault)) => {
            tracing::warn!(%fault, "no process could be started to read a document");
            return Err(Unread::Nobody);
        }
        Err(_) => return Err(Unread::Nobody),
    };
    let recall = Recall(errand.clone());
    let talk = tokio::task::spawn_blocking(move || {
        let answer = errand.talk(&head, &file);
        errand.end();
        // Its turn is over when it is gone, not when nobody waits for it any more.
        drop(turn);
        answer
    });
    let answer = tokio::time::timeout(PATIENCE, talk).await;
    drop(recall);
    match answer {
        Ok(Ok(Some(answer))) => Ok(answer),
        Ok(_) => Err(Unread::Died),
        Err(_) => Err(Unread::TooLong),
    }
}

/// A process that was sent.
struct Errand(Mutex<Child>);

impl Errand {
    fn start() -> std::io::Result<Errand> {
        let mut command = Command::new(this_program());
        command.arg("read-document").env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map(|child| Errand(Mutex::new(child)))
    }

    /// Says what is to be done and hears what came of it; nothing if it went away, or never ends.
    fn talk(&self, head: &[u8], file: &[u8]) -> Option<Vec<u8>> {
        let (mut to, from) = {
            let mut child = self.child();
            (child.stdin.take()?, child.stdout.take()?)
        };
        // It answers when it has heard all, so that neither waits for the other.
        to.write_all(head).and_then(|()| to.write_all(file)).ok()?;
        drop(to);
        let mut answer = Vec::new();
        from.take(ANSWER_MAX as u64 + 1).read_to_end(&mut answer).ok()?;
        // Whoever is killed says nothing.
        (1..=ANSWER_MAX).contains(&answer.len()).then_some(answer)
    }

    /// Makes sure that it is gone. Waits a moment, but not for it.
    fn end(&self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }

    fn recall(&self) {
        let _ = self.child().kill();
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.end();
    }
}

/// Kills it as soon as nobody waits for the answer any more.
struct Recall(Arc<Errand>);

impl Drop for Recall {
    fn drop(&mut self) {
        self.0.recall();
    }
}
