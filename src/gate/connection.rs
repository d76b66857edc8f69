//! One downstream connection: request after request, until one side has had enough.
//!
//! The connection holds what lives longer than a request (the stream, the bytes read ahead, one timer,
//! its view of the current snapshot) and nothing else: between requests it costs one small buffer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::Gate;
use super::alarm::Alarm;
use super::head::{self, Bounds, NoHead};
use super::intake::Peer;
use super::request;

/// How long and how much a sender may go on sending after an answer that it did not wait for. Closing
/// at once would reset the connection, and the reset could destroy the answer before it is read.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 << 10;
/// What a connection's buffer shrinks to between requests.
const IDLE_BUFFER: usize = 4096;

/// The connection's own end: what every step of a request works on.
#[derive(Debug)]
pub struct Line {
    /// The stream, TLS or not.
    pub stream: Stream,
    /// Bytes that were read and not used yet.
    pub buffer: Vec<u8>,
    /// The connection's timer.
    pub alarm: Alarm,
}

/// What happens to the connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It serves another one.
    Serve,
    /// It closes; everything that was sent has been read.
    Close,
    /// It closes; the sender may still be sending.
    Linger,
}

/// Serves a connection to its end. `ahead` was read from it already.
pub async fn run(gate: Arc<Gate>, stream: Stream, ahead: Vec<u8>, peer: Peer) {
    let parking = gate.drain.parking();
    let mut view = gate.store.view();
    let mut line = Line { stream, buffer: ahead, alarm: Alarm::new(Instant::now()) };
    let mut first = true;
    loop {
        let limits = &view.load().config.limits;
        let bounds = Bounds {
            size: limits.max_head,
            idle: if first { limits.head_timeout } else { limits.keepalive },
            total: limits.head_timeout,
        };
        let arrived = head::read(&mut line.stream, &mut line.buffer, &mut line.alarm, bounds, &parking).await;
        if arrived.as_ref().is_err_and(|none| *none == NoHead::Over) {
            return;
        }
        first = false;
        // One load a request; it finishes on this snapshot whatever is published meanwhile.
        let snapshot = Arc::clone(view.load());
        match request::serve(&gate, &snapshot, peer, &mut line, arrived).await {
            Next::Serve if line.buffer.is_empty() => line.buffer.shrink_to(IDLE_BUFFER),
            Next::Serve => {}
            Next::Close => return close(&mut line).await,
            Next::Linger => return linger(&mut line).await,
        }
    }
}

async fn close(line: &mut Line) {
    // The peer may be gone already; then there is nothing left to say goodbye to.
    let _ = line.stream.shutdown().await;
}

/// Says that nothing more will come, then reads on for a bounded while without keeping anything.
async fn linger(line: &mut Line) {
    close(line).await;
    line.buffer.clear();
    let end = Instant::now() + LINGER;
    let mut left = LINGER_BYTES;
    while left > 0 {
        line.buffer.clear();
        line.buffer.reserve(IDLE_BUFFER);
        match line.alarm.until(end, line.stream.read_buf(&mut line.buffer)).await {
            Ok(Ok(count)) if count > 0 => left = left.saturating_sub(count),
            _ => return,
        }
    }
}

impl Gate {
    /// Connections that are open now.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        self.gauges.connections.load(Relaxed)
    }
}
