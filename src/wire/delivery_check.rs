//! Whether a sender is still there when its reply is ready, and whether it acknowledged the reply.
//!
//! A reset is visible before the reply is written. A closed sending side means one of two things: the sender has
//! half-closed the connection and waits, or it has given up. A write succeeds in both cases. Only the kernel can tell
//! them apart afterwards: a waiting sender acknowledges the reply, one that has given up resets the connection. The
//! log must not say `delivered` in the second case, because such a sender repeats its request.
//!
//! If unread bytes wait already, reading on to find the end of the stream could go on without bound, so the kernel is
//! asked at once. What the outcome of the request becomes is not decided here. Invariant: a look reads at most
//! [`LOOK_AHEAD`] bytes, and only into an empty read buffer.

use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::{Instant, sleep};

use crate::wire::read_buffer::ReadBuffer;

/// How long a reply may stay unacknowledged before a sender that closed its side counts as gone.
const ACK_TIMEOUT: Duration = Duration::from_millis(500);
/// The largest number of bytes that a look reads.
pub(crate) const LOOK_AHEAD: usize = 1024;
const POLL_EVERY: Duration = Duration::from_millis(2);
/// `TCP_CLOSE` of the kernel's connection states: a reset was received.
const CLOSED: u8 = 7;
/// `TCP_CLOSE_WAIT`: the other side has closed its sending side.
const CLOSE_WAIT: u8 = 8;

/// The state of the sender's side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SenderState {
    /// It is open.
    Waits,
    /// It closed its sending side.
    Closed,
    /// It reset the connection.
    Gone,
}

/// Returns the state of the sender without waiting. Bytes that it has sent go into the read buffer.
pub(crate) fn look(stream: &mut Stream, read_buffer: &mut ReadBuffer) -> SenderState {
    if !read_buffer.is_empty() {
        return kernel_state(stream);
    }
    let mut room = [0u8; LOOK_AHEAD];
    let mut into = ReadBuf::new(&mut room);
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(&mut *stream).poll_read(&mut cx, &mut into) {
        Poll::Ready(Ok(())) if into.filled().is_empty() => SenderState::Closed,
        Poll::Ready(Ok(())) => {
            read_buffer.append(into.filled());
            kernel_state(stream)
        }
        // TLS: the sending side was closed without a close_notify. `was_taken` finds out the rest here too.
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => SenderState::Closed,
        Poll::Ready(Err(_)) => SenderState::Gone,
        Poll::Pending => SenderState::Waits,
    }
}

/// The state by the packets that the kernel has received, also those that were not read yet.
fn kernel_state(stream: &Stream) -> SenderState {
    // A stream without a socket (a pipe in a test) has no such state.
    let state = stream.get_socket_digest().and_then(|socket| socket.tcp_info()).map(|info| info.tcpi_state);
    match state {
        Some(CLOSED) => SenderState::Gone,
        Some(CLOSE_WAIT) => SenderState::Closed,
        _ => SenderState::Waits,
    }
}

/// Whether the kernel of a sender that closed its side has acknowledged the reply.
pub(crate) async fn was_taken(stream: &Stream) -> bool {
    // A stream without a socket (a pipe in a test) cannot be asked.
    let Some(socket) = stream.get_socket_digest() else { return true };
    let end = Instant::now() + ACK_TIMEOUT;
    loop {
        match socket.tcp_info() {
            None => return true,
            Some(info) if info.tcpi_state == CLOSED => return false,
            Some(info) if info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0 => return true,
            Some(_) if Instant::now() >= end => return false,
            Some(_) => sleep(POLL_EVERY).await,
        }
    }
}
