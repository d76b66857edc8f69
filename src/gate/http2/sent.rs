//! When the last byte of an HTTP/2 reply was written.
//!
//! The library queues what it is given and does not report when it writes it, but a request may be logged as
//! `delivered` only when its reply was written whole. So this file parses the outgoing frames: a reply is sent when the
//! frame that ends its stream was written and flushed. Invariant: nothing is reported before that, each waiter is
//! notified of the end of its stream or of the connection, whichever comes first, and no entry outlives its waiter.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// Frames that matter here, and their flags (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const FRAME_HEAD: usize = 9;
/// Bytes that are read from a connection before other tasks on this thread run: the library itself reads without a
/// pause.
const AT_ONCE: usize = 32 << 10;

/// The waiters for the ends of streams.
#[derive(Debug, Default)]
pub(crate) struct SentStreams {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    streams: HashMap<u32, oneshot::Sender<()>>,
    /// The connection has ended.
    over: bool,
}

impl SentStreams {
    /// Registers a waiter for the last frame of a stream.
    #[must_use]
    pub(crate) fn of(streams: &Arc<Self>, stream: u32) -> Sent {
        let (sender, told) = oneshot::channel();
        let mut waiting = streams.lock();
        if !waiting.over {
            waiting.streams.insert(stream, sender);
        }
        drop(waiting);
        Sent { told, stream, streams: Arc::clone(streams) }
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.lock().streams.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waiter for the end of a stream. Dropping it removes its entry.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Resolves when the last frame of the stream was written; to an error when that can no longer happen.
    pub told: oneshot::Receiver<()>,
    stream: u32,
    streams: Arc<SentStreams>,
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.streams.lock().streams.remove(&self.stream);
    }
}

/// A connection whose outgoing frames are parsed and whose incoming bytes are counted.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    scan: Scan,
    streams: Arc<SentStreams>,
    /// Bytes that may still be read.
    left: usize,
    /// Bytes that were read since other tasks last ran.
    taken: usize,
}

impl<S> Watched<S> {
    /// Wraps a stream on which nothing was written yet. Reading fails after `most` bytes.
    #[must_use]
    pub(crate) fn new(stream: S, streams: Arc<SentStreams>, most: usize) -> Self {
        Self { stream, scan: Scan::default(), streams, left: most, taken: 0 }
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        let mut waiting = self.streams.lock();
        waiting.over = true;
        waiting.streams.clear();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken >= AT_ONCE {
            self.taken = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = into.filled().len();
        let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, into) else {
            self.taken = 0;
            return Poll::Pending;
        };
        read?;
        let count = into.filled().len() - before;
        self.taken += count;
        match self.left.checked_sub(count) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Err(io::Error::other("more bytes than a stranger may send"))),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.scan.pass(&bytes[..written.min(bytes.len())]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces))?;
        let mut left = written;
        for piece in pieces {
            let here = left.min(piece.len());
            self.scan.pass(&piece[..here]);
            left -= here;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if !self.scan.ended.is_empty() {
            let ended = std::mem::take(&mut self.scan.ended);
            let mut waiting = self.streams.lock();
            for end in ended {
                let waits = waiting.streams.remove(&end.stream);
                // There is no waiter for a stream that the library ended by itself.
                if let (Some(sender), true) = (waits, end.whole) {
                    let _ = sender.send(());
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A stream that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    stream: u32,
    /// It ended with its last frame, not with a reset.
    whole: bool,
}

/// The state of the frame parser.
#[derive(Debug, Default)]
struct Scan {
    head: [u8; FRAME_HEAD],
    /// How many bytes of `head` have been seen.
    have: usize,
    /// How many bytes of the frame's payload are still to come.
    missing: usize,
    /// The stream that ends with the header block that is being written, until the block is complete.
    ending: Option<u32>,
    /// Streams whose last frame was written and not flushed yet.
    ended: Vec<End>,
}

impl Scan {
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.have < FRAME_HEAD {
                let count = (FRAME_HEAD - self.have).min(bytes.len());
                self.head[self.have..self.have + count].copy_from_slice(&bytes[..count]);
                self.have += count;
                bytes = &bytes[count..];
                if self.have < FRAME_HEAD {
                    return;
                }
                self.missing = usize::from(self.head[0]) << 16
                    | usize::from(self.head[1]) << 8
                    | usize::from(self.head[2]);
            }
            let count = self.missing.min(bytes.len());
            self.missing -= count;
            bytes = &bytes[count..];
            if self.missing == 0 {
                self.have = 0;
                self.note_frame();
            }
        }
    }

    /// Takes note of a frame that was written completely.
    fn note_frame(&mut self) {
        let [_, _, _, kind, flags, number @ ..] = self.head;
        let stream = u32::from_be_bytes(number) & (u32::MAX >> 1);
        match kind {
            DATA if flags & END_STREAM != 0 => self.ended.push(End { stream, whole: true }),
            RST_STREAM => self.ended.push(End { stream, whole: false }),
            HEADERS if flags & END_STREAM != 0 => self.ending = Some(stream),
            _ => {}
        }
        if matches!(kind, HEADERS | CONTINUATION)
            && flags & END_HEADERS != 0
            && let Some(stream) = self.ending.take()
        {
            self.ended.push(End { stream, whole: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    #[test]
    fn the_ends_of_streams_are_found_however_the_bytes_are_cut() {
        let bytes = [
            frame(4, 0, 0, &[0; 6]),
            frame(HEADERS, END_HEADERS, 1, b"head"),
            frame(DATA, 0, 1, b"begun"),
            frame(HEADERS, END_HEADERS | END_STREAM, 3, b"head"),
            frame(DATA, END_STREAM, 1, b""),
            frame(HEADERS, END_STREAM, 5, b"a long"),
            frame(CONTINUATION, 0, 5, b"and longer"),
            frame(CONTINUATION, END_HEADERS, 5, b"head"),
            frame(RST_STREAM, 0, 7, &[0; 4]),
            // Its last byte is missing.
            frame(DATA, END_STREAM, 9, b"cut")[..11].to_vec(),
        ]
        .concat();
        let wanted =
            [(3, true), (1, true), (5, true), (7, false)].map(|(stream, whole)| End { stream, whole });
        for piece in 1..=bytes.len() {
            let mut scan = Scan::default();
            bytes.chunks(piece).for_each(|part| scan.pass(part));
            assert_eq!(scan.ended, wanted, "by {piece}");
        }
    }

    #[tokio::test]
    async fn an_answer_has_left_when_it_is_flushed_and_not_before() {
        let streams = Arc::new(SentStreams::default());
        // A buffer that writes nothing until it is flushed, in front of a pipe of 16 bytes.
        let (near, mut far) = tokio::io::duplex(16);
        let buffered = tokio::io::BufWriter::with_capacity(1024, near);
        let mut watched = Watched::new(buffered, Arc::clone(&streams), usize::MAX);
        let [mut one, mut three, mut five] = [1, 3, 5].map(|stream| SentStreams::of(&streams, stream));
        watched.write_all(&frame(DATA, END_STREAM, 1, b"a body that fills the pipe")).await.unwrap();
        watched.write_all(&frame(RST_STREAM, 0, 3, &[0; 4])).await.unwrap();
        assert!(one.told.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        let mut taken = Vec::new();
        let (flushed, ()) = tokio::join!(watched.flush(), async {
            use tokio::io::AsyncReadExt as _;
            while taken.len() < 48 {
                far.read_buf(&mut taken).await.unwrap();
            }
        });
        flushed.unwrap();
        assert!(one.told.try_recv().is_ok(), "flushed");
        assert!(
            three.told.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed),
            "reset"
        );
        drop(watched);
        assert!((&mut five.told).await.is_err(), "the connection is gone");
        assert!((&mut SentStreams::of(&streams, 7).told).await.is_err(), "and stays gone");
    }

    #[test]
    fn nothing_is_kept_of_streams_that_nobody_waits_for() {
        let streams = Arc::new(SentStreams::default());
        for stream in 0..1000 {
            drop(SentStreams::of(&streams, stream));
        }
        assert_eq!(streams.waiting(), 0);
    }

    #[tokio::test]
    async fn a_connection_breaks_after_the_bytes_that_it_may_bring() {
        use tokio::io::AsyncReadExt as _;
        let (near, mut far) = tokio::io::duplex(64);
        let mut watched = Watched::new(near, Arc::default(), 10);
        far.write_all(&[0; 11]).await.unwrap();
        assert!(watched.read_exact(&mut [0; 10]).await.is_ok());
        assert!(watched.read_exact(&mut [0; 1]).await.is_err());
    }
}
