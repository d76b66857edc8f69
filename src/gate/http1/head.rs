//! Reads one request head from a stream, bounded in size and in total time.
//!
//! Where a head ends, and which bytes cannot become one, is decided in [`crate::judge::http1::scan`]; the syntax of its lines is
//! checked in [`crate::judge::http1::parse`]. Invariant: the buffer begins with a whole head when one is returned, and bytes
//! after it stay.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, ReadBuf};
use tokio::time::Instant;

use crate::judge::http1::scan::{Progress, Scan};
use crate::policy::outcome::Reason;
use crate::wire::budget::Budget;
use crate::wire::drain::Parking;
use crate::wire::read_buffer::ReadBuffer;
use crate::wire::timer::Timer;

/// Bytes per read, until a head turns out to be larger.
pub(crate) const FIRST_READ: usize = 4096;

/// How large a head may be, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The largest head in bytes.
    pub size: usize,
    /// How long to wait for the first byte.
    pub idle: Duration,
    /// How long to wait for the last byte, from the first one on.
    pub total: Duration,
}

/// A complete head at the front of the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    /// The length of the head, including the empty line.
    pub len: usize,
    /// When its first byte arrived, or when reading began if the byte was in the buffer already. The deadlines of the
    /// request run from here.
    pub began: Instant,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// No byte of a head came: the other end closed, the wait was over, or the gate drains. There is nothing to reply to
    /// and nothing to log.
    Over,
    /// The sender closed or reset the connection in the middle of a head.
    BrokenOff(Instant),
    /// The head cannot be served.
    Refused(Reason, Instant),
}

/// Reads until the read buffer begins with a whole head. Bytes after it stay there. A head above [`FIRST_READ`] bytes
/// is counted in `room`; `budget` creates that when it is first needed.
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
            let size = next_size(read_buffer, bounds.size);
            let counted = room.get_or_insert_with(budget).make_room(size);
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

/// Reads once and appends the bytes. It reads onto the stack and copies what came, usually a few hundred bytes. So a
/// connection that waits holds no buffer, and most connections wait. A larger head is read in place, in steps that double
/// up to the bound, so that few reads are needed.
async fn read_some(stream: &mut Stream, read_buffer: &mut ReadBuffer, most: usize) -> io::Result<usize> {
    if read_buffer.len() >= FIRST_READ {
        let size = next_size(read_buffer, most);
        let room = read_buffer.room(size);
        return stream.take(size as u64).read_buf(room).await;
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

/// The size of the next read of a large head.
fn next_size(read_buffer: &ReadBuffer, most: usize) -> usize {
    // Allow one byte more than the bound, to find out that a head is too large.
    let left = (most + 1).saturating_sub(read_buffer.len()).max(1);
    read_buffer.len().min(left)
}
