//! Turns: limits how many tasks of an expensive kind (TLS handshakes, strangers) run before other tasks run.
//!
//! The scheduler runs tasks in the order in which they became ready. If a hundred handshakes begin at once, a request
//! that comes after them waits for all of them, a quarter of a millisecond each. Here the tasks of one kind queue for
//! a semaphore, and other tasks run between any two of them. The first such task of a thread that had nothing to do runs
//! at once: nothing waits for the thread then, and taking turns would cost a look at all sockets. Invariant: a task
//! holds its turn only while it computes, never while it waits for a peer.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::config::Config;

/// The number of worker threads: `threads`, or one per core.
#[must_use]
pub(crate) fn workers(config: &Config) -> usize {
    config.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

thread_local! {
    /// How often this thread had found nothing to do when it last ran expensive work without a turn.
    static LAST_REST: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// The turns of one kind of work.
#[derive(Debug)]
pub(crate) struct Turns(Semaphore);

impl Turns {
    /// As many turns at once as there are worker threads.
    #[must_use]
    pub(crate) fn new(workers: usize) -> Self {
        Self(Semaphore::new(workers))
    }

    /// Runs the future; it waits for a turn each time before it is polled.
    pub(crate) async fn run<F: Future>(&self, mut future: Pin<&mut F>) -> F::Output {
        loop {
            let turn = if is_first_since_rest() { None } else { Some(self.wait().await) };
            if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
                return output;
            }
            drop(turn);
            woken().await;
        }
    }

    /// Waits for a turn.
    async fn wait(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        // The semaphore is never closed, so this never fails; if it did, the future would run without a turn.
        let turn = self.0.acquire().await;
        // A free turn is granted at once. Yield, so that tasks that are ready and new I/O events come first.
        tokio::task::yield_now().await;
        turn
    }
}

/// Whether this thread has run no other expensive work since it last had nothing to do. A thread whose runtime shares its
/// tasks with other threads cannot tell.
fn is_first_since_rest() -> bool {
    let Ok(runtime) = Handle::try_current() else { return false };
    if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
        return false;
    }
    let rests = runtime.metrics().worker_park_count(0);
    LAST_REST.replace(rests) != rests
}

/// Waits until the task is woken again.
async fn woken() {
    let mut first = true;
    poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[tokio::test]
    async fn a_task_that_waits_for_its_peer_holds_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let (_never, waits) = tokio::sync::oneshot::channel::<()>();
        let stuck = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.run(pin!(waits)).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(turns.run(pin!(async { 7 })).await, 7);
        assert!(!stuck.is_finished());
    }

    #[tokio::test]
    async fn a_task_goes_on_when_its_peer_does() {
        let turns = Turns::new(1);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut receiver = pin!(receiver);
        let (woken, ()) = tokio::join!(turns.run(receiver.as_mut()), async {
            tokio::task::yield_now().await;
            sender.send(7).unwrap();
        });
        assert_eq!(woken, Ok(7));
    }

    #[tokio::test]
    async fn only_the_first_task_of_a_thread_that_rested_needs_no_turn() {
        let turns = Turns::new(1);
        let held = turns.0.acquire().await.unwrap();
        assert_eq!(turns.run(pin!(async { 7 })).await, 7);
        assert_eq!(turns.run(pin!(async { 8 })).now_or_never(), None, "the thread has not rested since");
        drop(held);
        assert_eq!(turns.run(pin!(async { 9 })).await, 9);
    }

    #[tokio::test]
    async fn other_tasks_run_between_two_turns() {
        let turns = Arc::new(Turns::new(1));
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            let (turns, done) = (Arc::clone(&turns), Arc::clone(&done));
            tokio::spawn(async move { turns.run(pin!(async { done.fetch_add(1, SeqCst) })).await });
        }
        let other = tokio::spawn({
            let done = Arc::clone(&done);
            async move {
                tokio::task::yield_now().await;
                done.load(SeqCst)
            }
        });
        let before = other.await.unwrap();
        assert!(before < 10, "{before} of a hundred were before it");
    }
}
