//! Turns for what may come in crowds: of all that are ready, few go on between others.
//!
//! The scheduler runs what is ready in the order in which it became so. A hundred handshakes that begin at once are
//! then a wall of a hundred quarters of a millisecond before any request, and so are a thousand strangers. Here each
//! kind stands in a line of its own, and between two of a kind everybody else has a turn. Invariant: a turn is held
//! while something is computed and never while a peer is waited for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::sync::Semaphore;

use crate::config::Config;

/// Threads that serve: those of `threads`, or one a core.
#[must_use]
pub(crate) fn workers(config: &Config) -> usize {
    config.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

/// The turns of one kind of work.
#[derive(Debug)]
pub(crate) struct Turns(Semaphore);

impl Turns {
    /// One for each of so many threads.
    #[must_use]
    pub(crate) fn new(workers: usize) -> Self {
        Self(Semaphore::new(workers))
    }

    /// Runs the future; each time that it goes on, it waits for its turn first.
    pub(crate) async fn run<F: Future>(&self, mut future: Pin<&mut F>) -> F::Output {
        loop {
            // Never closed, so never an error; and whoever has no turn may still go on.
            let turn = self.0.acquire().await;
            // It may be next at once: first come those who wait longer, and what the kernel has to say.
            tokio::task::yield_now().await;
            if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
                return output;
            }
            drop(turn);
            woken().await;
        }
    }
}

/// Waits for the next time that the task is woken.
async fn woken() {
    let mut first = true;
    poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut told = pin!(told);
        let (heard, ()) = tokio::join!(turns.run(told.as_mut()), async {
            tokio::task::yield_now().await;
            tell.send(7).unwrap();
        });
        assert_eq!(heard, Ok(7));
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
