//! One request head off a stream: bounded in size and in total time, judged on its raw bytes.
//!
//! What is judged here cannot be seen after parsing: a bare LF, a request line that is not HTTP/1, a
//! head that never ends. Invariant: every LF of a head that is returned follows a CR, and the head
//! ends with its first empty line.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, ReadBuf};
use tokio::time::Instant;

use crate::gate::request::facts::MAX_METHOD;
use crate::policy::outcome::Reason;
use crate::policy::token::is_token;
use crate::wire::budget::Budget;
use crate::wire::drain::Parking;
use crate::wire::read_buffer::ReadBuffer;
use crate::wire::timer::Timer;

/// One read takes this much, until a head turns out to be larger.
pub(crate) const FIRST_READ: usize = 4096;
/// Empty lines before a request line that are read over (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 2;

/// The bounds of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The largest head in bytes.
    pub size: usize,
    /// How long to wait for the first byte.
    pub idle: Duration,
    /// From the first byte to the last.
    pub total: Duration,
}

/// A complete head stands at the front of the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    /// Its length with the empty line.
    pub len: usize,
    /// When its first byte was there; deadlines run from here.
    pub began: Instant,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// The connection ended, or idled away, between requests: nothing to answer, nothing to log.
    Over,
    /// The sender closed in the middle of a head.
    BrokenOff(Instant),
    /// The head cannot be served.
    Refused(Reason, Instant),
}

/// Reads until the read buffer begins with a whole head. Bytes after it stay there. A head that is larger than most is
/// counted in `room`, which is made by `budget` where there is none yet.
///
/// # Errors
/// See [`NoHead`].
pub(crate) async fn read<'b>(
    stream: &mut Stream,
    read_buffer: &mut ReadBuffer,
    timer: &mut Timer,
    bounds: Bounds,
    parking: &Parking<'_>,
    (room, budget): (&mut Option<Budget<'b>>, &impl Fn() -> Budget<'b>),
) -> Result<Arrived, NoHead> {
    let mut began = Instant::now();
    let mut scan = Scan::default();
    loop {
        if !read_buffer.is_empty() {
            match scan.advance(read_buffer, bounds.size) {
                Progress::Whole(len) => return Ok(Arrived { len, began }),
                Progress::Refused(reason) => return Err(NoHead::Refused(reason, began)),
                Progress::More => {}
            }
        }
        if read_buffer.len() >= FIRST_READ {
            let step = step(read_buffer, bounds.size);
            let counted = room.get_or_insert_with(budget).make_room(step);
            counted.map_err(|reason| NoHead::Refused(reason, began))?;
        }
        let idle = read_buffer.is_empty();
        let read = read_some(stream, read_buffer, bounds.size);
        let outcome = if idle {
            timer
                .until(began + bounds.idle, parking.unless_told_to_leave(read))
                .await
                .map_err(|_| NoHead::Over)?
                .ok_or(NoHead::Over)?
        } else {
            let late = |_| NoHead::Refused(Reason::HeadTimeout, began);
            timer.until(began + bounds.total, read).await.map_err(late)?
        };
        match outcome {
            Ok(0) | Err(_) if idle => return Err(NoHead::Over),
            Ok(0) | Err(_) => return Err(NoHead::BrokenOff(began)),
            Ok(_) if idle => began = Instant::now(),
            Ok(_) => {}
        }
    }
}

/// Appends what is there. It is read onto the stack and copied, which is a few hundred bytes: a connection that waits
/// holds no buffer meanwhile, and most connections wait. What is larger than usual is read in place, in doubling
/// steps that keep the number of reads small; the bound keeps the doubling in check.
async fn read_some(stream: &mut Stream, read_buffer: &mut ReadBuffer, most: usize) -> io::Result<usize> {
    if read_buffer.len() >= FIRST_READ {
        let step = step(read_buffer, most);
        let room = read_buffer.room(step);
        return stream.take(step as u64).read_buf(room).await;
    }
    poll_fn(|cx| {
        let mut room = [const { MaybeUninit::uninit() }; FIRST_READ];
        let mut into = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut into))?;
        read_buffer.append(into.filled());
        Poll::Ready(Ok(into.filled().len()))
    })
    .await
}

/// How much of a large head is read at once.
fn step(read_buffer: &ReadBuffer, most: usize) -> usize {
    // One more than a head may have shows that it is too large.
    let left = (most + 1).saturating_sub(read_buffer.len()).max(1);
    read_buffer.len().min(left)
}

/// What the bytes that are there so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No head yet.
    More,
    /// A head of this length.
    Whole(usize),
    /// No head that can be served.
    Refused(Reason),
}

/// How far the read buffer was looked at, so that a head that comes byte by byte costs no more than one in one piece.
#[derive(Debug, Default)]
pub struct Scan {
    seen: usize,
    first_line: bool,
    empty_lines: usize,
}

impl Scan {
    /// Looks at what is new in the read buffer; empty lines at its front are taken out.
    pub fn advance(&mut self, read_buffer: &mut ReadBuffer, max: usize) -> Progress {
        while self.seen == 0 && read_buffer.unread().starts_with(b"\r\n") {
            if self.empty_lines == MAX_EMPTY_LINES {
                return Progress::Refused(Reason::MalformedHead);
            }
            self.empty_lines += 1;
            read_buffer.consume(2);
        }
        let buffer = read_buffer.unread();
        if self.seen == 0 && buffer == b"\r" {
            return Progress::More;
        }
        if self.seen <= MAX_METHOD && !may_begin_request(buffer) {
            return Progress::Refused(Reason::MalformedHead);
        }
        for lf in memchr::memchr_iter(b'\n', &buffer[self.seen..]).map(|at| at + self.seen) {
            if lf == 0 || buffer[lf - 1] != b'\r' {
                return Progress::Refused(Reason::MalformedHead);
            }
            if !self.first_line {
                self.first_line = true;
                if let Some(reason) = flaw_of_request_line(&buffer[..lf - 1]) {
                    return Progress::Refused(reason);
                }
            }
            if buffer[..lf].ends_with(b"\r\n\r") {
                let len = lf + 1;
                return if len > max {
                    Progress::Refused(Reason::HeadTooLarge)
                } else {
                    Progress::Whole(len)
                };
            }
        }
        self.seen = buffer.len();
        if self.seen > max {
            let reason = if self.first_line { Reason::HeadTooLarge } else { Reason::TargetTooLong };
            return Progress::Refused(reason);
        }
        Progress::More
    }
}

/// Whether a method may stand at the front. What begins otherwise (TLS, a PROXY header, an endless word) will never
/// become a request, and its sender would wait for the time-out or for the bound of the head.
fn may_begin_request(bytes: &[u8]) -> bool {
    match bytes.iter().take(MAX_METHOD + 1).position(|b| !is_token(*b)) {
        Some(end) => end > 0 && bytes[end] == b' ',
        None => bytes.len() <= MAX_METHOD,
    }
}

/// Judged as soon as the line is there: what is not HTTP/1 will never send the empty line that a head
/// ends with, and its sender would wait for the time-out.
fn flaw_of_request_line(line: &[u8]) -> Option<Reason> {
    let version = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
    match version {
        b"HTTP/1.1" | b"HTTP/1.0" => None,
        _ if version.starts_with(b"HTTP/") => Some(Reason::BadVersion),
        _ => Some(Reason::MalformedHead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(input: &[u8], piece: usize) -> Result<Option<usize>, Reason> {
        let mut read_buffer = ReadBuffer::default();
        let mut scan = Scan::default();
        for part in input.chunks(piece) {
            read_buffer.append(part);
            match scan.advance(&mut read_buffer, 64) {
                Progress::More => {}
                Progress::Whole(len) => return Ok(Some(len)),
                Progress::Refused(reason) => return Err(reason),
            }
        }
        Ok(None)
    }

    #[test]
    fn heads_end_at_the_first_empty_line_whatever_the_pieces() {
        let cases: [(&str, Result<Option<usize>, Reason>); 14] = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n", Ok(Some(27))),
            ("\r\nGET / HTTP/1.1\r\n\r\n", Ok(Some(18))),
            ("GET / HTTP/1.1\r\nHost: a\r\n", Ok(None)),
            ("GET / HTTP/1.1\nHost: a\n\n", Err(Reason::MalformedHead)),
            ("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", Err(Reason::MalformedHead)),
            ("GET /\r\n", Err(Reason::MalformedHead)),
            ("GET / HTTP/2.0\r\n", Err(Reason::BadVersion)),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Err(Reason::BadVersion)),
            ("\x16\x03\x01\x02\0", Err(Reason::MalformedHead)),
            ("\r\n\r\n\0\r\nQUIT\n", Err(Reason::MalformedHead)),
            (" GET / HTTP/1.1\r\n", Err(Reason::MalformedHead)),
            ("ABCDEFGHIJKLMNOPQRSTU", Err(Reason::MalformedHead)),
            ("ABCDEFGHIJKLMNOPQRST", Ok(None)),
            ("\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", Err(Reason::MalformedHead)),
        ];
        for (input, wanted) in cases {
            for piece in 1..=input.len() {
                assert_eq!(scan(input.as_bytes(), piece), wanted, "{input:?} by {piece}");
            }
        }
    }

    #[test]
    fn an_endless_head_is_refused_by_what_is_endless() {
        assert_eq!(scan(&[b'a'; 65], 1), Err(Reason::MalformedHead), "no method is so long");
        let target = [b"GET /", &[b'a'; 60][..]].concat();
        for piece in [1, 7, 65] {
            assert_eq!(scan(&target, piece), Err(Reason::TargetTooLong));
        }
        let lines = b"GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        assert_eq!(scan(lines, 7), Err(Reason::HeadTooLarge));
    }

    proptest! {
        #[test]
        fn pieces_never_change_the_verdict(text in "(GET / HTTP/1.1\r\n)?[a\r\n:]{0,40}", piece in 1usize..20) {
            prop_assert_eq!(scan(text.as_bytes(), piece), scan(text.as_bytes(), 1));
        }
    }
}
