//! One look for many who ask the same at the same time. It answers only those who asked before it began, so that nobody is
//! told less than what was committed when she asked.

use std::sync::{Arc, Mutex as Lock, MutexGuard};

use tokio::sync::{Mutex, OnceCell};

use crate::error::Result;

/// A question that is asked by many at a time and has the same answer for all.
pub(crate) struct Shared<T> {
    /// Who has it looks; one at a time, while the others gather for the next look.
    turn: Mutex<()>,
    /// The look that has not begun, if anybody waits for one.
    next: Lock<Option<Arc<Look<T>>>>,
}

/// Nothing inside: it has failed, and whoever waited for it looks for herself.
type Look<T> = OnceCell<Option<T>>;

impl<T: Copy> Shared<T> {
    /// A question that nobody has asked yet.
    pub fn new() -> Shared<T> {
        Shared { turn: Mutex::new(()), next: Lock::new(None) }
    }

    /// What a look finds that begins after this call. If its asker goes away in the middle, another one looks.
    pub(super) async fn ask<F>(&self, look: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mine = self.next().get_or_insert_default().clone();
        let mut failed = None;
        let found = mine.get_or_init(async || {
            let _turn = self.turn.lock().await;
            self.begin(&mine);
            look().await.map_err(|error| failed = Some(error)).ok()
        });
        match (*found.await, failed) {
            (Some(found), _) => Ok(found),
            (None, Some(error)) => Err(error),
            (None, None) => look().await,
        }
    }

    /// From here on nobody joins it.
    fn begin(&self, look: &Arc<Look<T>>) {
        self.next().take_if(|it| Arc::ptr_eq(it, look));
    }

    fn next(&self) -> MutexGuard<'_, Option<Arc<Look<T>>>> {
        self.next.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::error::{Busy, Error};

    /// A version that looks take as many permits to read, and what they have found.
    struct Kept {
        version: AtomicI64,
        looks: AtomicI64,
        ends: Semaphore,
        shared: Shared<i64>,
    }

    impl Kept {
        fn at(version: i64) -> Arc<Kept> {
            let (version, looks) = (AtomicI64::new(version), AtomicI64::new(0));
            Arc::new(Kept { version, looks, ends: Semaphore::new(0), shared: Shared::new() })
        }

        /// Somebody asks, and waits.
        async fn asked(self: &Arc<Kept>) -> JoinHandle<Result<i64>> {
            let kept = self.clone();
            let asking = tokio::spawn(async move { kept.shared.ask(|| kept.look()).await });
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            asking
        }

        async fn look(&self) -> Result<i64> {
            let found = self.version.load(Ordering::Relaxed);
            self.looks.fetch_add(1, Ordering::Relaxed);
            self.ends.acquire().await.map_err(|_| Error::Busy(Busy::StorageAway))?.forget();
            if found < 0 { Err(Error::Busy(Busy::StorageAway)) } else { Ok(found) }
        }

        fn looks(&self) -> i64 {
            self.looks.load(Ordering::Relaxed)
        }
    }

    async fn answer(asking: JoinHandle<Result<i64>>) -> Option<i64> {
        asking.await.ok()?.ok()
    }

    #[tokio::test]
    async fn who_comes_while_somebody_looks_waits_for_the_next_look_with_the_others() {
        let kept = Kept::at(1);
        let first = kept.asked().await;
        kept.version.store(2, Ordering::Relaxed);
        let (second, third) = (kept.asked().await, kept.asked().await);
        assert_eq!(kept.looks(), 1);
        kept.ends.add_permits(2);
        assert_eq!(answer(first).await, Some(1), "asked before the change");
        assert_eq!((answer(second).await, answer(third).await), (Some(2), Some(2)));
        assert_eq!(kept.looks(), 2, "one for the first, one for the two");
        kept.ends.add_permits(1);
        assert_eq!(answer(kept.asked().await).await, Some(2));
        assert_eq!(kept.looks(), 3, "nothing is kept");
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_look_to_the_others() {
        let kept = Kept::at(1);
        let first = kept.asked().await;
        let (second, third) = (kept.asked().await, kept.asked().await);
        first.abort();
        kept.ends.add_permits(1);
        assert_eq!((answer(second).await, answer(third).await), (Some(1), Some(1)));
        assert_eq!(kept.looks(), 2);

        let (first, second) = (kept.asked().await, kept.asked().await);
        second.abort();
        kept.ends.add_permits(2);
        assert_eq!(answer(first).await, Some(1));
        assert_eq!(answer(kept.asked().await).await, Some(1));
    }

    #[tokio::test]
    async fn a_look_that_fails_is_nobody_elses_answer() {
        let kept = Kept::at(1);
        let first = kept.asked().await;
        kept.version.store(-1, Ordering::Relaxed);
        let (second, third) = (kept.asked().await, kept.asked().await);
        kept.ends.add_permits(2);
        assert_eq!(answer(first).await, Some(1));
        assert_eq!(answer(second).await, None);
        kept.version.store(3, Ordering::Relaxed);
        kept.ends.add_permits(1);
        assert_eq!(answer(third).await, None, "it had begun to look for itself before the change");
        kept.ends.add_permits(1);
        assert_eq!(answer(kept.asked().await).await, Some(3));
    }
}
