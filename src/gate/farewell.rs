//! Whether a sender is still there when its answer is ready.
//!
//! A reset is seen before the answer is written. A closed sending side says nothing yet: the sender may
//! have half-closed and wait, or it may have given up and be gone, and a write succeeds in both cases.
//! Only the kernel knows: a sender that waits acknowledges the answer, one that is gone resets. Asking
//! it matters for the truth of `delivered`, because a sender that gave up comes again.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::{Instant, sleep};

/// How long an answer may stand unacknowledged before a sender that closed its side counts as gone.
const PATIENCE: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(2);
/// `TCP_CLOSE` of the kernel's connection states: a reset was received.
const CLOSED: u8 = 7;

/// What the sender did while it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Nothing that matters.
    Waits,
    /// It closed its sending side.
    Closed,
    /// It reset the connection.
    Gone,
}

/// Looks without waiting. Bytes of a next request are kept in `buffer`.
pub fn look(stream: &mut Stream, buffer: &mut Vec<u8>) -> Sender {
    let mut room = [0u8; 1024];
    let mut into = ReadBuf::new(&mut room);
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(stream).poll_read(&mut cx, &mut into) {
        Poll::Ready(Ok(())) if into.filled().is_empty() => Sender::Closed,
        Poll::Ready(Ok(())) => {
            buffer.extend_from_slice(into.filled());
            Sender::Waits
        }
        Poll::Ready(Err(_)) => Sender::Gone,
        Poll::Pending => Sender::Waits,
    }
}

/// Whether the kernel of a sender that closed its side has taken the answer.
pub async fn was_taken(stream: &Stream) -> bool {
    // Without a socket of its own (a test's pipe) there is nobody to ask.
    let Some(socket) = stream.get_socket_digest() else { return true };
    let end = Instant::now() + PATIENCE;
    loop {
        match socket.tcp_info() {
            None => return true,
            Some(info) if info.tcpi_state == CLOSED => return false,
            Some(info) if info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0 => return true,
            Some(_) if Instant::now() >= end => return false,
            Some(_) => sleep(LOOK).await,
        }
    }
}
