//! The end of the process, as connections see it.
//!
//! When draining begins, a connection that is between requests gets a last call: a request that its
//! sender has already put on the wire is still served, then the connection closes. Parking costs a
//! waker in an atomic cell, no timer and no lock a request.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::sleep;

/// How long an idle connection is kept for the request that may be on its way.
const LAST_CALL: Duration = Duration::from_millis(300);

/// Whether the process is ending, and the connections to tell.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    begun: AtomicBool,
    next: AtomicU64,
    parked: Mutex<HashMap<u64, Arc<AtomicWaker>>>,
}

impl Drain {
    /// Whether draining has begun.
    #[must_use]
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(SeqCst)
    }

    /// Begins to drain: wakes every connection that is between requests.
    pub(crate) fn begin(&self) {
        self.begun.store(true, SeqCst);
        for waker in self.parked.lock().unwrap_or_else(PoisonError::into_inner).values() {
            waker.wake();
        }
    }

    /// A connection's place among those to tell, for as long as it lives.
    #[must_use]
    pub(crate) fn parking(&self) -> Parking<'_> {
        let place = self.next.fetch_add(1, SeqCst);
        let waker = Arc::new(AtomicWaker::new());
        self.parked.lock().unwrap_or_else(PoisonError::into_inner).insert(place, Arc::clone(&waker));
        Parking { drain: self, place, waker }
    }
}

/// A connection's place.
#[derive(Debug)]
pub(crate) struct Parking<'a> {
    drain: &'a Drain,
    place: u64,
    waker: Arc<AtomicWaker>,
}

impl Parking<'_> {
    /// Runs the future; `None` when draining began and the last call went unanswered.
    pub(crate) async fn unless_told_to_leave<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let told = std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            self.waker.register(cx.waker());
            if self.drain.has_begun() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await;
        if told.is_some() {
            return told;
        }
        tokio::select! {
            biased;
            output = &mut future => Some(output),
            () = sleep(LAST_CALL) => None,
        }
    }
}

impl Drop for Parking<'_> {
    fn drop(&mut self) {
        self.drain.parked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_parked_connection_is_told_and_a_late_request_is_still_heard() {
        let drain = Arc::new(Drain::default());
        let parking = drain.parking();
        let silent = parking.unless_told_to_leave(std::future::pending::<u8>());
        let (told, ()) = tokio::join!(silent, async { drain.begin() });
        assert_eq!(told, None);
        let late = parking.unless_told_to_leave(async {
            sleep(LAST_CALL / 2).await;
            7
        });
        assert_eq!(late.await, Some(7));
    }
}
