//! HTTP/1: request after request on one stream.

use std::sync::Arc;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::Gate;
use super::alarm::Alarm;
use super::body::{self, Wanted};
use super::budget::Budget;
use super::farewell::{self, Sender};
use super::head::{self, Bounds, NoHead};
use super::intake::Peer;
use super::reply::Reply;
use super::request::{self, Next};
use super::wire::Wire;
use crate::policy::outcome::Reason;

/// How long and how much a sender may go on sending after an answer that it did not wait for. Closing
/// at once would reset the connection, and the reset could destroy the answer before it is read.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 << 10;
const LINGER_READ: usize = 4096;
/// How long the sender may take to read its answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The connection's own end: what lives longer than a request, and nothing else.
#[derive(Debug)]
pub struct Line {
    /// The stream, TLS or not.
    pub stream: Stream,
    /// Bytes that were read and not used yet.
    pub buffer: Vec<u8>,
    /// The connection's timer.
    pub alarm: Alarm,
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
        match request::over_http1(&gate, &snapshot, &peer, &mut line, arrived).await {
            // An idle connection holds no buffer.
            Next::Serve if line.buffer.is_empty() => line.buffer = Vec::new(),
            Next::Serve => {}
            Next::Close => return line.close().await,
            Next::Linger => return line.linger().await,
        }
    }
}

impl Line {
    async fn close(&mut self) {
        // The peer may be gone already; then there is nothing left to say goodbye to.
        let _ = self.stream.shutdown().await;
    }

    /// Says that nothing more will come, then reads on for a bounded while without keeping anything.
    async fn linger(&mut self) {
        self.close().await;
        let end = Instant::now() + LINGER;
        let mut left = LINGER_BYTES;
        while left > 0 {
            self.buffer.clear();
            self.buffer.reserve(LINGER_READ);
            match self.alarm.until(end, self.stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(count)) if count > 0 => left = left.saturating_sub(count),
                _ => return,
            }
        }
    }
}

impl Wire for Line {
    async fn read_body(
        &mut self,
        wanted: Wanted,
        budget: &mut Budget<'_>,
        message: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        body::read(&mut self.stream, &mut self.buffer, &mut self.alarm, wanted, budget, message).await
    }

    fn skip_body(&mut self, length: u64) -> bool {
        match usize::try_from(length) {
            Ok(length) if length <= self.buffer.len() => {
                self.buffer.drain(..length);
                true
            }
            _ => false,
        }
    }

    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn sender(&mut self) -> Sender {
        farewell::look(&mut self.stream, &mut self.buffer)
    }

    async fn write(&mut self, reply: &Reply<'_>) -> bool {
        let bytes = reply.to_http1();
        let write = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        matches!(self.alarm.within(WRITE_TIMEOUT, write).await, Ok(Ok(())))
    }

    async fn was_taken(&mut self) -> bool {
        farewell::was_taken(&self.stream).await
    }

    fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }
}
