//! What lives as long as an HTTP/1 connection and longer than a request: its stream, its buffer, its timer.

use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::gate::http1::head::FIRST_READ;
use crate::policy::outcome::Reason;
use crate::wire::body::{self, Wanted};
use crate::wire::budget::Budget;
use crate::wire::delivery_check::{self, SenderState};
use crate::wire::read_buffer::ReadBuffer;
use crate::wire::timer::Timer;
use crate::wire::transport::{Reply, Transport};

/// How long and how much a sender may go on sending after an answer that it did not wait for. Closing
/// at once would reset the connection, and the reset could destroy the answer before it is read.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 << 10;
const LINGER_READ: usize = 4096;
/// How long the sender may take to read its answer.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of a connection may take to be said (TLS says it in bytes); then it is cut.
const GOODBYE: Duration = Duration::from_secs(1);
/// Requests that were not welcome (denied, rejected, or a stranger's) before a connection ends. A trusted proxy's
/// connection carries others' requests and is not ended for them.
pub(crate) const UNWELCOME: u32 = 16;
/// What a read buffer holds without being counted in `limits.buffers`: one read, and what growing leaves over.
const UNCOUNTED: usize = 2 * FIRST_READ;

/// The connection's own end: what lives longer than a request, and nothing else.
#[derive(Debug)]
pub(crate) struct Connection<'g> {
    /// The stream, TLS or not.
    pub stream: Stream,
    /// Bytes that were read and not used yet.
    pub read_buffer: ReadBuffer,
    /// The connection's timer.
    pub timer: Timer,
    /// What the read buffer holds of `limits.buffers`, where it is larger than most.
    pub room: Option<Budget<'g>>,
    unwelcome: u32,
}

impl Connection<'_> {
    /// A connection of which `ahead` was read already.
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

    /// Whether a request on it was not welcome.
    #[must_use]
    pub(crate) fn carries_unwelcome(&self) -> bool {
        self.unwelcome > 0
    }

    /// An idle connection holds no buffer, and nothing of what is there for all.
    pub(crate) fn settle(&mut self) {
        self.read_buffer.release();
        if self.read_buffer.held() <= UNCOUNTED {
            self.room = None;
        }
    }

    /// Says that nothing more will come. A peer that does not take that is not waited for: the connection is
    /// dropped, and the kernel gives it up in its own time.
    pub(super) async fn close(&mut self) {
        // The peer may be gone already; then there is nothing left to say goodbye to.
        let _ = self.timer.within(GOODBYE, self.stream.shutdown()).await;
    }

    /// Says that nothing more will come, then reads on for a bounded while without keeping anything.
    pub(super) async fn linger(&mut self) {
        self.close().await;
        let end = Instant::now() + LINGER;
        let mut left = LINGER_BYTES;
        let mut lost = Vec::with_capacity(LINGER_READ);
        self.read_buffer = ReadBuffer::default();
        self.settle();
        while left > 0 {
            lost.clear();
            match self.timer.until(end, self.stream.read_buf(&mut lost)).await {
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

    fn unwelcome(&mut self) -> bool {
        self.unwelcome += 1;
        self.unwelcome >= UNWELCOME
    }
}
