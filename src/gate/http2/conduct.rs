//! Counts the resets and the unwelcome requests of an HTTP/2 client on one connection, and decides when they end it.
//!
//! The library bounds open streams, header lists, and resets of streams that it has not handed out. It does not know
//! what a stream was for. This file counts two more things: the streams that the client reset after they were handed
//! out (each stream that ends in the regular way takes one off), and the unwelcome requests. Invariant: a connection
//! that must end at once ([`Ending::AtOnce`]) serves no further request.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use crate::gate::request::replying::MOST_UNWELCOME;

/// A client may reset this many streams more than end in the regular way.
const RESETS: u32 = 64;
/// The number of unwelcome requests at which a connection ends at once. It is 100 above the number that causes a
/// GOAWAY, because requests may be on their way when the client receives that.
const UNWELCOME_AT_ONCE: u32 = MOST_UNWELCOME + 100;

/// The counts of one connection.
#[derive(Debug, Default)]
pub(crate) struct Conduct {
    resets: AtomicU32,
    unwelcome: AtomicU32,
    waker: AtomicWaker,
}

/// How a connection must end. Later variants are stricter; [`Conduct::unless_over`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// In good order, with a GOAWAY.
    InOrder,
    /// At once, with `ENHANCE_YOUR_CALM`.
    AtOnce,
}

impl Conduct {
    /// Counts the end of a stream: a regular one, or a reset by the client.
    pub(crate) fn note_end(&self, was_reset: bool) {
        if was_reset {
            if self.resets.fetch_add(1, Relaxed) == RESETS {
                self.waker.wake();
            }
        } else {
            // `checked_sub` fails at zero, and the count stays there.
            let _ = self.resets.fetch_update(Relaxed, Relaxed, |resets| resets.checked_sub(1));
        }
    }

    /// Counts an unwelcome request: denied, rejected, or admitted only by `mode: observe`.
    pub(crate) fn note_unwelcome(&self) {
        let before = self.unwelcome.fetch_add(1, Relaxed);
        if before + 1 == MOST_UNWELCOME || before + 1 == UNWELCOME_AT_ONCE {
            self.waker.wake();
        }
    }

    fn ending(&self) -> Option<Ending> {
        if self.resets.load(Relaxed) > RESETS || self.unwelcome.load(Relaxed) >= UNWELCOME_AT_ONCE {
            Some(Ending::AtOnce)
        } else {
            (self.unwelcome.load(Relaxed) >= MOST_UNWELCOME).then_some(Ending::InOrder)
        }
    }

    /// Runs the future until the connection must end more strictly than `known`. `known` is the ending that has already
    /// begun.
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
        assert_eq!(conduct.unless_over(None, async { 7 }).await, Err(Ending::AtOnce));
    }

    #[tokio::test]
    async fn an_unwelcome_peer_is_sent_goaway_and_then_cut() {
        let conduct = Conduct::default();
        (0..MOST_UNWELCOME).for_each(|_| conduct.note_unwelcome());
        assert_eq!(conduct.unless_over(None, async { 7 }).await, Err(Ending::InOrder));
        assert_eq!(conduct.unless_over(Some(Ending::InOrder), async { 7 }).await, Ok(7));
        (0..100).for_each(|_| conduct.note_unwelcome());
        assert_eq!(conduct.unless_over(Some(Ending::InOrder), async { 7 }).await, Err(Ending::AtOnce));
    }

    #[tokio::test]
    async fn a_waiting_connection_is_woken_when_it_must_end() {
        let conduct = Conduct::default();
        let waits = conduct.unless_over(None, std::future::pending::<()>());
        let (result, ()) = tokio::join!(waits, async { (0..=RESETS).for_each(|_| conduct.note_end(true)) });
        assert_eq!(result, Err(Ending::AtOnce));
    }
}
