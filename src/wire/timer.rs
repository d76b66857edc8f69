//! A reusable timer, one per connection, that is cheap to set for each wait.
//!
//! Setting a timer of the runtime takes the lock of its timer wheel; doing that several times per request would cost
//! more than judging the request. A [`Timer`] therefore leaves the runtime's timer as it is when the new deadline is
//! later: the timer then fires too early, and is set to the real deadline at that moment. On a busy connection that
//! happens once every few seconds. Which deadline applies is the caller's matter. Invariant: the runtime's timer may
//! fire early, which no caller notices, but never late.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// A reusable timer.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
}

impl Timer {
    /// A timer; the runtime registers it when something first has to wait.
    #[must_use]
    pub(crate) fn new(at: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(at)) }
    }

    /// Runs the future for `time` at most, counted from the moment when it first has to wait: a future that is ready at
    /// once needs no reading of the clock.
    ///
    /// # Errors
    /// The time passed before the future was ready.
    pub(crate) async fn within<F: Future>(
        &mut self,
        time: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = std::pin::pin!(future);
        let at_once = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)));
        match at_once.await {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => self.until(Instant::now() + time, future).await,
        }
    }

    /// Runs the future until `deadline`.
    ///
    /// # Errors
    /// The deadline passed before the future was ready. A future that is ready wins, even after the deadline.
    pub(crate) async fn until<F: Future>(
        &mut self,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if self.sleep.deadline() > deadline {
                self.sleep.as_mut().reset(deadline);
            }
            while self.sleep.as_mut().poll(cx).is_ready() {
                if Instant::now() >= deadline {
                    return Poll::Ready(Err(Elapsed));
                }
                self.sleep.as_mut().reset(deadline);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_fires_at_its_deadline_whether_earlier_or_later_than_the_last() {
        let start = Instant::now();
        let mut timer = Timer::new(start);
        for (from_start, after) in [(60, 60), (65, 5), (66, 1), (96, 30)] {
            let deadline = start + Duration::from_secs(from_start);
            assert_eq!(timer.until(deadline, std::future::pending::<()>()).await, Err(Elapsed));
            assert_eq!(Instant::now(), deadline, "{after} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_is_ready_beats_an_expired_timer() {
        let mut timer = Timer::new(Instant::now());
        assert_eq!(timer.until(Instant::now(), async { 7 }).await, Ok(7));
        assert_eq!(timer.within(Duration::ZERO, async { 7 }).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_starts_when_the_wait_starts() {
        let mut timer = Timer::new(Instant::now());
        let slow = timer.within(Duration::from_secs(3), std::future::pending::<()>());
        tokio::time::advance(Duration::from_secs(60)).await;
        let begin = Instant::now();
        assert_eq!(slow.await, Err(Elapsed));
        assert_eq!(begin.elapsed(), Duration::from_secs(3));
    }
}
