//! Whether the reload thread is alive, and for how long its current work has lasted.
//!
//! The thread records its state here, and others read it: a file system that does not answer blocks the
//! thread inside the kernel, where it cannot be interrupted. Invariant: a caller that asks, or waits for the
//! thread to end, never waits longer than the bound it gives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The state of the reload thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReloaderHealth {
    /// It waits for something to do.
    Alive,
    /// It has been reading or loading files for this long. Reading takes milliseconds, and loading the
    /// largest lists takes seconds: a longer time means that a file system does not answer.
    Busy(Duration),
    /// It has ended. Changes of files are no longer noticed, and no reload happens.
    Dead,
}

#[derive(Debug, Default)]
enum Doing {
    #[default]
    Waiting,
    Working(Instant),
    Ended,
}

/// The state that the thread shares with its callers.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    doing: Mutex<Doing>,
    changed: Condvar,
    stopping: AtomicBool,
}

impl Pulse {
    /// Marks the thread as busy until the returned value is dropped.
    pub(crate) fn work(&self) -> Work<'_> {
        self.set(Doing::Working(Instant::now()));
        Work(self)
    }

    pub(crate) fn health(&self) -> ReloaderHealth {
        match *self.lock() {
            Doing::Waiting => ReloaderHealth::Alive,
            Doing::Working(since) => ReloaderHealth::Busy(since.elapsed()),
            Doing::Ended => ReloaderHealth::Dead,
        }
    }

    /// Asks the thread to end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the thread was asked to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits until the thread has ended, at most this long. Returns whether it has.
    pub(crate) fn wait_for_end(&self, within: Duration) -> bool {
        let running = |doing: &mut Doing| !matches!(doing, Doing::Ended);
        let waited = self.changed.wait_timeout_while(self.lock(), within, running);
        let (doing, _) = waited.unwrap_or_else(PoisonError::into_inner);
        matches!(*doing, Doing::Ended)
    }

    fn set(&self, doing: Doing) {
        *self.lock() = doing;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks the thread as busy while it exists.
pub(crate) struct Work<'a>(&'a Pulse);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.set(Doing::Waiting);
    }
}

/// Held by the thread while it runs; dropped also by a panic.
pub(crate) struct Life(pub(crate) Arc<Pulse>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.set(Doing::Ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_reported_with_its_duration_and_only_while_it_lasts() {
        let pulse = Pulse::default();
        assert_eq!(pulse.health(), ReloaderHealth::Alive);
        let work = pulse.work();
        let ReloaderHealth::Busy(first) = pulse.health() else { panic!("{:?}", pulse.health()) };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !matches!(pulse.health(), ReloaderHealth::Busy(later) if later > first) {
            assert!(Instant::now() < deadline, "the time stands still");
        }
        drop(work);
        assert_eq!(pulse.health(), ReloaderHealth::Alive);
    }

    #[test]
    fn a_thread_that_panics_at_work_is_dead_and_not_busy() {
        let pulse = Arc::new(Pulse::default());
        let life = Life(Arc::clone(&pulse));
        let thread = std::thread::spawn(move || {
            let _work = life.0.work();
            panic!("a defect");
        });
        assert!(pulse.wait_for_end(Duration::from_secs(60)));
        assert!(thread.join().is_err());
        assert_eq!(pulse.health(), ReloaderHealth::Dead);
    }

    #[test]
    fn the_wait_for_an_end_that_does_not_come_has_a_bound() {
        let pulse = Pulse::default();
        let _work = pulse.work();
        assert!(!pulse.wait_for_end(Duration::from_millis(10)));
    }
}
