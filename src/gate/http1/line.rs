//! The state of an HTTP/1 connection that outlives a request: its stream, its read buffer, its timer.
//!
//! It implements [`Transport`] for HTTP/1. What belongs to one request does not belong here.

use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::gate::http1::head::FIRST_READ;
use crate::gate::request::replying::MOST_UNWELCOME;
use crate::policy::outcome::Reason;
use crate::wire::body::{self, Wanted};
use crate::wire::budget::Budget;
use crate::wire::delivery_check::{self, SenderState};
use crate::wire::read_buffer::ReadBuffer;
use crate::wire::timer::Timer;
use crate::wire::transport::{Reply, Transport};

/// How long, and how much, a sender may go on sending after a reply that came before it had finished. Closing at once
/// would reset the connection, and the reset could destroy the reply before the sender has read it.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 << 10;
const LINGER_READ: usize = 4096;
/// How long writing a reply may take, which depends on how fast the sender reads.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a shutdown may take (TLS sends `close_notify`); after that the connection is dropped.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// What a read buffer may hold without being counted in `limits.buffers`: one read, and the spare room that growing
/// leaves.
const UNCOUNTED: usize = 2 * FIRST_READ;

/// The state of a connection that outlives a request, and nothing else.
#[derive(Debug)]
pub(crate) struct Connection<'g> {
    /// The stream, TLS or not.
    pub stream: Stream,
    /// Bytes that were read and not used yet.
    pub read_buffer: ReadBuffer,
    /// The timer of the connection.
    pub timer: Timer,
    /// What the read buffer holds of `limits.buffers`, if it has grown above its usual size.
    pub room: Option<Budget<'g>>,
    unwelcome: u32,
}

impl Connection<'_> {
    /// A connection; `ahead` holds the bytes that were read from it before.
    #[must_use]
    pub(crate) fn new(stream: Stream, ahead: Vec<u8>) -> Self {
        Self {
            stream,
            read_buffer: ReadBuffer::of(ahead),
            timer: Timer::new(Instant::now()),
            room: None,
            unwelcome: 0,
        }
    }

    /// Whether an unwelcome request came over this connection.
    #[must_use]
    pub(crate) fn carries_unwelcome(&self) -> bool {
        self.unwelcome > 0
    }

    /// Gives back the read buffer and its part of `limits.buffers`, so that an idle connection holds neither.
    pub(crate) fn settle(&mut self) {
        self.read_buffer.release();
        if self.read_buffer.held() <= UNCOUNTED {
            self.room = None;
        }
    }

    /// Shuts down the sending side. If the peer does not read in time, the connection is dropped, and the kernel ends
    /// it by its own time-outs.
    pub(super) async fn close(&mut self) {
        // An error means that the peer has gone already, so there is nothing left to do.
        let _ = self.timer.within(SHUTDOWN_TIMEOUT, self.stream.shutdown()).await;
    }

    /// Shuts down the sending side, then reads and discards for a bounded time.
    pub(super) async fn linger(&mut self) {
        self.close().await;
        let end = Instant::now() + LINGER;
        let mut left = LINGER_BYTES;
        let mut discarded = Vec::with_capacity(LINGER_READ);
        self.read_buffer = ReadBuffer::default();
        self.settle();
        while left > 0 {
            discarded.clear();
            match self.timer.until(end, self.stream.read_buf(&mut discarded)).await {
                Ok(Ok(count)) if count > 0 => left = left.saturating_sub(count),
                _ => return,
            }
        }
    }
}

impl Transport for Connection<'_> {
    async fn read_body(
        &mut self,
        wanted: Wanted,
        budget: &mut Budget<'_>,
        message: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        body::read(&mut self.stream, &mut self.read_buffer, &mut self.timer, wanted, budget, message).await
    }

    fn skip_body(&mut self, length: u64) -> bool {
        match usize::try_from(length) {
            Ok(length) if length <= self.read_buffer.len() => {
                self.read_buffer.consume(length);
                true
            }
            _ => false,
        }
    }

    fn timer(&mut self) -> &mut Timer {
        &mut self.timer
    }

    fn sender(&mut self) -> SenderState {
        delivery_check::look(&mut self.stream, &mut self.read_buffer)
    }

    async fn write(&mut self, reply: &Reply<'_>) -> bool {
        let bytes = reply.to_http1();
        let write = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        matches!(self.timer.within(WRITE_TIMEOUT, write).await, Ok(Ok(())))
    }

    async fn was_taken(&mut self) -> bool {
        delivery_check::was_taken(&self.stream).await
    }

    fn has_more(&self) -> bool {
        !self.read_buffer.is_empty()
    }

    fn count_unwelcome(&mut self) -> bool {
        self.unwelcome += 1;
        self.unwelcome >= MOST_UNWELCOME
    }
}
