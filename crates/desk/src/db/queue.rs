//! The bounded queue in front of SQLite's writer thread. Callers put in one work each; the writer takes out a batch. Our
//! own rather than a channel, because stopping must get in when the queue is full, and because the writer may sleep until
//! a certain number is there.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::error::{Busy, Error, Result};

/// How long the writer waits for as many works as came last time. A commit takes ten times as long.
const GATHER: Duration = Duration::from_micros(200);

pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Told when there is something for the writer to do.
    ready: Condvar,
    length: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// How many must be there before the writer is to be woken.
    wanted: usize,
    closed: bool,
}

impl<T> Queue<T> {
    pub fn new(length: usize) -> Queue<T> {
        let state = State { waiting: VecDeque::new(), wanted: 1, closed: false };
        Queue { state: Mutex::new(state), ready: Condvar::new(), length }
    }

    /// Puts one in, unless there are too many already or the queue is closed.
    pub fn put(&self, item: T) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::Busy(Busy::Stopping));
        }
        if state.waiting.len() >= self.length {
            return Err(Error::Busy(Busy::Queue));
        }
        state.waiting.push_back(item);
        let enough = state.waiting.len() >= state.wanted;
        drop(state);
        if enough {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// The next batch: waits for the first, then at most a moment until there are as many as last time, since they are
    /// probably the same callers. Never waits for a second when there was one. `None` once closed and empty.
    pub fn take(&self, most: usize, last_time: usize) -> Option<Vec<T>> {
        let mut state = self.lock();
        state.wanted = 1;
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.ready.wait(state).unwrap_or_else(|broken| broken.into_inner());
        }
        let wanted = last_time.min(most);
        if state.waiting.len() < wanted && !state.closed {
            state.wanted = wanted;
            let until = Instant::now() + GATHER;
            while state.waiting.len() < wanted && !state.closed {
                let Some(left) = until.checked_duration_since(Instant::now()) else { break };
                state = self.ready.wait_timeout(state, left).unwrap_or_else(|broken| broken.into_inner()).0;
            }
        }
        let count = state.waiting.len().min(most);
        Some(state.waiting.drain(..count).collect())
    }

    /// Nothing gets in any more; what is in is still taken out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code of others runs under this lock, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}
