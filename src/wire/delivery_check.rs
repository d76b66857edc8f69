//! Whether a sender is still there when its answer is ready.
//!
//! A reset is seen before the answer is written. A closed sending side says nothing yet: the sender may
//! have half-closed and wait, or it may have given up and be gone, and a write succeeds in both cases.
//! Only the kernel knows: a sender that waits acknowledges the answer, one that is gone resets. Asking
//! it matters for the truth of `delivered`, because a sender that gave up comes again.
//!
//! An end behind bytes that were not read yet cannot be seen by reading, and nothing may be read that has no
//! bound: there the kernel is asked at once. Invariant: a look keeps at most [`LOOK_AHEAD`] bytes, and only where
//! nothing waits already.

use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::{Instant, sleep};

use crate::wire::read_buffer::ReadBuffer;

/// How long an answer may stand unacknowledged before a sender that closed its side counts as gone.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes that a look may find.
pub(crate) const LOOK_AHEAD: usize = 1024;
const LOOK: Duration = Duration::from_millis(2);
/// `TCP_CLOSE` of the kernel's connection states: a reset was received.
const CLOSED: u8 = 7;
/// `TCP_CLOSE_WAIT`: the other side sends nothing more.
const CLOSE_WAIT: u8 = 8;

/// What the sender did while it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SenderState {
    /// Nothing that matters.
    Waits,
    /// It closed its sending side.
    Closed,
    /// It reset the connection.
    Gone,
}

/// Looks without waiting.
pub(crate) fn look(stream: &mut Stream, read_buffer: &mut ReadBuffer) -> SenderState {
    if !read_buffer.is_empty() {
        return as_the_kernel_says(stream);
    }
    let mut room = [0u8; LOOK_AHEAD];
    let mut into = ReadBuf::new(&mut room);
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(&mut *stream).poll_read(&mut cx, &mut into) {
        Poll::Ready(Ok(())) if into.filled().is_empty() => SenderState::Closed,
        Poll::Ready(Ok(())) => {
            read_buffer.append(into.filled());
            as_the_kernel_says(stream)
        }
        // In TLS: the sending side was closed without a close_notify. The kernel knows the rest here too.
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => SenderState::Closed,
        Poll::Ready(Err(_)) => SenderState::Gone,
        Poll::Pending => SenderState::Waits,
    }
}

/// What the sender's packets have said, whatever was read of them.
fn as_the_kernel_says(stream: &Stream) -> SenderState {
    // Without a socket of its own (a test's pipe) there is nobody to ask.
    let state = stream.get_socket_digest().and_then(|socket| socket.tcp_info()).map(|info| info.tcpi_state);
    match state {
        Some(CLOSED) => SenderState::Gone,
        Some(CLOSE_WAIT) => SenderState::Closed,
        _ => SenderState::Waits,
    }
}

/// Whether the kernel of a sender that closed its side has taken the answer.
pub(crate) async fn was_taken(stream: &Stream) -> bool {
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
