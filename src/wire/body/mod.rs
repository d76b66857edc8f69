//! Reads the body of an HTTP/1 request, whole and bounded, before anything is forwarded.
//!
//! The application never sees how the sender framed the body: the message is forwarded with one Content-Length.
//! Invariant: when a body is returned, the read buffer holds only bytes that belong to the next request.

pub(crate) mod chunked;

use std::borrow::Cow;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::policy::outcome::Reason;
use crate::wire::body::chunked::Decoder;
use crate::wire::budget::{Budget, reserve};
use crate::wire::read_buffer::ReadBuffer;
use crate::wire::timer::Timer;

/// How long a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No Content-Length and no Transfer-Encoding: no body.
    None,
    /// Content-Length.
    Length(u64),
    /// The length is not known before the end: Transfer-Encoding: chunked, or an HTTP/2 stream without Content-Length.
    Chunked,
}

impl Framing {
    /// The length that Content-Length announces.
    #[must_use]
    pub fn announced(self) -> Option<u64> {
        if let Self::Length(length) = self { Some(length) } else { None }
    }

    /// The body among the bytes that stand behind a head; `None` unless all of it is there.
    #[must_use]
    pub(crate) fn body_in(self, behind: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::None => Some(Cow::default()),
            Self::Length(length) => behind.get(..usize::try_from(length).ok()?).map(Cow::Borrowed),
            Self::Chunked => {
                let (mut decoder, mut body) = (Decoder::default(), Vec::new());
                decoder.feed(behind, &mut body).ok()?;
                decoder.is_done().then_some(Cow::Owned(body))
            }
        }
    }
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Bytes per read of a chunked body.
const CHUNKED_READ: usize = 8192;

/// Which body is to be read, and by when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// How long the body is.
    pub framing: Framing,
    /// The largest body.
    pub max: usize,
    /// The sender waits for `100 Continue`.
    pub expects_continue: bool,
    /// When the body must be complete, at the latest.
    pub deadline: Instant,
    /// How long the body may take, from the moment when reading has to wait for it.
    pub within: Duration,
}

impl Wanted {
    /// When the body must be complete, if waiting for it begins now.
    #[must_use]
    pub(crate) fn ends(&self) -> Instant {
        self.deadline.min(Instant::now() + self.within)
    }
}

/// Appends the body to `message`. The read buffer must begin with the first byte after the head.
///
/// # Errors
/// Why the body is not complete.
pub(crate) async fn read(
    stream: &mut Stream,
    read_buffer: &mut ReadBuffer,
    timer: &mut Timer,
    wanted: Wanted,
    budget: &mut Budget<'_>,
    message: &mut Vec<u8>,
) -> Result<(), Reason> {
    if wanted.expects_continue && read_buffer.is_empty() && wanted.framing != Framing::None {
        let sent = async {
            stream.write_all(CONTINUE).await?;
            stream.flush().await
        };
        timer
            .until(wanted.ends(), sent)
            .await
            .map_err(|_| Reason::BodyTimeout)?
            .map_err(|_| Reason::BodyIncomplete)?;
    }
    match wanted.framing {
        Framing::None => Ok(()),
        Framing::Length(length) => {
            let length = usize::try_from(length).map_err(|_| Reason::BodyTooLarge)?;
            let here = length.min(read_buffer.len());
            budget.make_room(here)?;
            reserve(message, length);
            message.extend_from_slice(&read_buffer.unread()[..here]);
            read_buffer.consume(here);
            by_length(stream, timer, length - here, wanted, budget, message).await
        }
        Framing::Chunked => by_chunks(stream, read_buffer, timer, wanted, budget, message).await,
    }
}

async fn by_length(
    stream: &mut Stream,
    timer: &mut Timer,
    mut missing: usize,
    wanted: Wanted,
    budget: &mut Budget<'_>,
    message: &mut Vec<u8>,
) -> Result<(), Reason> {
    if missing == 0 {
        return Ok(());
    }
    let deadline = wanted.ends();
    while missing > 0 {
        reserve(message, missing);
        let mut bounded = (&mut *stream).take(missing as u64);
        let read = timer.until(deadline, bounded.read_buf(message)).await.map_err(|_| Reason::BodyTimeout)?;
        match read {
            Ok(0) | Err(_) => return Err(Reason::BodyIncomplete),
            Ok(count) => {
                missing -= count;
                budget.make_room(count)?;
            }
        }
    }
    Ok(())
}

async fn by_chunks(
    stream: &mut Stream,
    read_buffer: &mut ReadBuffer,
    timer: &mut Timer,
    wanted: Wanted,
    budget: &mut Budget<'_>,
    message: &mut Vec<u8>,
) -> Result<(), Reason> {
    let mut decoder = Decoder::default();
    let most = message.len() + wanted.max;
    let deadline = wanted.ends();
    loop {
        budget.make_room(read_buffer.len())?;
        let used = decoder.feed(read_buffer.unread(), message).map_err(|_| Reason::MalformedBody)?;
        read_buffer.consume(used);
        if message.len() > most {
            return Err(Reason::BodyTooLarge);
        }
        if decoder.is_done() {
            return Ok(());
        }
        let mut bounded = (&mut *stream).take(CHUNKED_READ as u64);
        let read = timer
            .until(deadline, bounded.read_buf(read_buffer.room(CHUNKED_READ)))
            .await
            .map_err(|_| Reason::BodyTimeout)?;
        if matches!(read, Ok(0) | Err(_)) {
            return Err(Reason::BodyIncomplete);
        }
    }
}
