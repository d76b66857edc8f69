//! How connections learn that the process is draining.
//!
//! When draining begins, a connection that waits for its next request goes on waiting for a short time: a request that
//! its sender has already sent is still served, then the connection closes. How long the process as a whole waits is
//! decided by `server`. Waiting costs a waker in an atomic cell, but no timer and no lock per request. Invariant: a
//! connection that waits never misses the beginning of the drain.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::sleep;

/// How long an idle connection stays open for a request that may be on its way.
const LAST_REQUEST: Duration = Duration::from_millis(300);

/// Whether the process is draining, and the connections to wake when that begins.
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

    /// Registers a connection to be woken, until the result is dropped.
    #[must_use]
    pub(crate) fn parking(&self) -> Parking<'_> {
        let id = self.next.fetch_add(1, SeqCst);
        let waker = Arc::new(AtomicWaker::new());
        self.parked.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&waker));
        Parking { drain: self, id, waker }
    }
}

/// The registration of a connection.
#[derive(Debug)]
pub(crate) struct Parking<'a> {
    drain: &'a Drain,
    id: u64,
    waker: Arc<AtomicWaker>,
}

impl Parking<'_> {
    /// Runs the future; `None` when draining began and the future was not ready within a short time after that.
    pub(crate) async fn unless_told_to_leave<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let output = std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            self.waker.register(cx.waker());
            if self.drain.has_begun() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await;
        if output.is_some() {
            return output;
        }
        tokio::select! {
            biased;
            output = &mut future => Some(output),
            () = sleep(LAST_REQUEST) => None,
        }
    }
}

impl Drop for Parking<'_> {
    fn drop(&mut self) {
        self.drain.parked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_parked_connection_is_woken_and_a_late_request_is_still_served() {
        let drain = Arc::new(Drain::default());
        let parking = drain.parking();
        let silent = parking.unless_told_to_leave(std::future::pending::<u8>());
        let (output, ()) = tokio::join!(silent, async { drain.begin() });
        assert_eq!(output, None);
        let late = parking.unless_told_to_leave(async {
            sleep(LAST_REQUEST / 2).await;
            7
        });
        assert_eq!(late.await, Some(7));
    }
}
