//! How a client of HTTP/2 behaves on one connection, and when that is enough.
//!
//! The library bounds what it sees: streams, header lists, resets of streams that were not handed out yet. It does
//! not see what a stream was for. Here are counted the streams that the client reset after they were handed out,
//! which an answer in good order makes good again, and the requests that were not welcome. Invariant: a connection
//! whose conduct has ended it serves no further request.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use crate::gate::http1::line::UNWELCOME;

/// Streams that a client may reset, beyond those that it let come to their end.
const RESETS: u32 = 64;
/// Requests that are not welcome which a client may still send after it was told to go.
const DEAF: u32 = UNWELCOME + 100;

/// What a connection's streams have told of its client.
#[derive(Debug, Default)]
pub(crate) struct Conduct {
    resets: AtomicU32,
    unwelcome: AtomicU32,
    waker: AtomicWaker,
}

/// How a connection must end for its client's conduct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// In good order: it is told to go.
    Leave,
    /// At once.
    Calm,
}

impl Conduct {
    /// A stream came to its end, or was reset by the client.
    pub(crate) fn note_end(&self, was_reset: bool) {
        if was_reset {
            if self.resets.fetch_add(1, Relaxed) == RESETS {
                self.waker.wake();
            }
        } else {
            // At zero there is nothing to make good.
            let _ = self.resets.fetch_update(Relaxed, Relaxed, |resets| resets.checked_sub(1));
        }
    }

    /// A request was denied, rejected or a stranger's.
    pub(crate) fn note_unwelcome(&self) {
        let before = self.unwelcome.fetch_add(1, Relaxed);
        if before + 1 == UNWELCOME || before + 1 == DEAF {
            self.waker.wake();
        }
    }

    fn ending(&self) -> Option<Ending> {
        if self.resets.load(Relaxed) > RESETS || self.unwelcome.load(Relaxed) >= DEAF {
            Some(Ending::Calm)
        } else {
            (self.unwelcome.load(Relaxed) >= UNWELCOME).then_some(Ending::Leave)
        }
    }

    /// Runs the future unless the connection must end more harshly than `known`.
    pub(crate) async fn unless_over<F: Future>(
        &self,
        known: Option<Ending>,
        future: F,
    ) -> Result<F::Output, Ending> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            self.waker.register(cx.waker());
            if let Some(ending) = self.ending().filter(|ending| Some(*ending) > known) {
                return Poll::Ready(Err(ending));
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn resets_end_a_connection_unless_answers_make_them_good() {
        let conduct = Conduct::default();
        for _ in 0..1000 {
            conduct.note_end(true);
            conduct.note_end(false);
        }
        assert_eq!(conduct.unless_over(None, async { 7 }).await, Ok(7));
        (0..=RESETS).for_each(|_| conduct.note_end(true));
        assert_eq!(conduct.unless_over(None, async { 7 }).await, Err(Ending::Calm));
    }

    #[tokio::test]
    async fn an_unwelcome_peer_is_sent_goaway_and_then_cut() {
        let conduct = Conduct::default();
        (0..UNWELCOME).for_each(|_| conduct.note_unwelcome());
        assert_eq!(conduct.unless_over(None, async { 7 }).await, Err(Ending::Leave));
        assert_eq!(conduct.unless_over(Some(Ending::Leave), async { 7 }).await, Ok(7));
        (0..100).for_each(|_| conduct.note_unwelcome());
        assert_eq!(conduct.unless_over(Some(Ending::Leave), async { 7 }).await, Err(Ending::Calm));
    }

    #[tokio::test]
    async fn a_waiting_connection_is_told_when_it_must_end() {
        let conduct = Conduct::default();
        let waits = conduct.unless_over(None, std::future::pending::<()>());
        let (heard, ()) = tokio::join!(waits, async { (0..=RESETS).for_each(|_| conduct.note_end(true)) });
        assert_eq!(heard, Err(Ending::Calm));
    }
}
