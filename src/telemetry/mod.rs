//! The writers of log lines. They never delay a request.
//!
//! A line is appended to a bounded buffer; one thread writes whole batches. A slow reader, a full disk or a
//! closed pipe costs lines, which are counted, and no time. Invariant: nothing here blocks a caller for
//! longer than the copy of a line, except calls that wait up to a bound that the caller gives.

pub(crate) mod bounded;
pub(crate) mod events;
mod out;
pub(crate) mod timestamp;

use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use out::Destination;
use out::Out;

/// Bytes that may wait to be written; further lines are dropped.
const CAPACITY: usize = 4 << 20;
/// Bytes that one destination holds at most: waiting lines, and lines that are being written.
pub(crate) const MOST_HELD: u64 = 2 * CAPACITY as u64;
/// How long lines are gathered before they are written, so that a busy log costs one system call per batch.
const GATHER: Duration = Duration::from_millis(5);
/// The capacity that the batch's buffer keeps between two writes.
const KEPT: usize = 512 << 10;

/// A handle to a line writer; clones write to the same place.
#[derive(Clone, Debug)]
pub struct LineSink {
    shared: Arc<Handles>,
}

/// What all handles share. The writer holds the inner part alone, so the last handle is known without counting.
#[derive(Debug)]
struct Handles(Arc<Shared>);

impl Deref for Handles {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    idle: Condvar,
    dropped: AtomicU64,
    kind: Kind,
}

/// The kind of a destination, as far as a handle must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing is written.
    Off,
    /// A stream of the process, open until its end.
    Stream,
    /// A file, which may be renamed or deleted meanwhile.
    File,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    writer: Writer,
    reopening: Reopening,
    closed: bool,
}

/// Requests to open the file again.
#[derive(Debug, Default)]
struct Reopening {
    /// The number of requests.
    asked: u64,
    /// The number of requests that are done.
    done: u64,
    /// Whether a caller stopped waiting before its request was done.
    late: bool,
    /// Why the last request failed.
    failed: Option<String>,
}

/// The state of the writer; it needs to be woken only when it is asleep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Awake,
    Asleep,
    Writing,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `busy` is false or the time is over; the writer wakes it after each batch.
    fn wait_while(&self, until: Instant, busy: impl Fn(&Waiting) -> bool) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.lock();
        while busy(&waiting) {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                break;
            };
            waiting = self.idle.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting
    }
}

impl LineSink {
    /// Opens the destination and starts its writer.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread started.
    pub fn open(destination: Destination) -> io::Result<Self> {
        let kind = match &destination {
            Destination::Off => Kind::Off,
            Destination::Stdout | Destination::Stderr => Kind::Stream,
            Destination::File(_) => Kind::File,
        };
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            idle: Condvar::new(),
            dropped: AtomicU64::new(0),
            kind,
        });
        if let Some(out) = Out::open(destination)? {
            let for_writer = Arc::clone(&shared);
            let _: JoinHandle<()> = std::thread::Builder::new()
                .name("log".to_owned())
                .spawn(move || write_batches(&for_writer, out))?;
        }
        Ok(Self { shared: Arc::new(Handles(shared)) })
    }

    /// Appends a line, which must end with a newline. Returns false if it was dropped.
    pub fn push(&self, line: &[u8]) -> bool {
        if self.shared.kind == Kind::Off {
            return true;
        }
        let mut waiting = self.shared.lock();
        if waiting.bytes.len() + line.len() > CAPACITY {
            drop(waiting);
            self.shared.dropped.fetch_add(1, SeqCst);
            return false;
        }
        waiting.bytes.extend_from_slice(line);
        let asleep = waiting.writer == Writer::Asleep;
        if asleep {
            waiting.writer = Writer::Awake;
        }
        drop(waiting);
        if asleep {
            self.shared.wake.notify_one();
        }
        true
    }

    /// The number of lines that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(SeqCst)
    }

    /// Opens the file again, because it may have been renamed, and waits until that is done, at most
    /// `within`. If it cannot be opened again, the old file stays open, and [`Self::trouble`] returns the
    /// reason.
    pub fn reopen(&self, within: Duration) {
        if self.shared.kind != Kind::File {
            return;
        }
        let mut waiting = self.shared.lock();
        waiting.reopening.asked += 1;
        let request = waiting.reopening.asked;
        drop(waiting);
        self.shared.wake.notify_one();
        let until = Instant::now() + within;
        let mut waiting = self.shared.wait_while(until, |waiting| waiting.reopening.done < request);
        waiting.reopening.late = waiting.reopening.done < request;
    }

    /// Why the file could not be opened again the last time, if it could not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let waiting = self.shared.lock();
        if waiting.reopening.late {
            return Some(
                "cannot be opened again in time: its reader or its file system does not answer".to_owned(),
            );
        }
        waiting.reopening.failed.clone()
    }

    /// Waits until everything is written, at most until this time.
    pub fn flush(&self, until: Instant) {
        if self.shared.kind != Kind::Off {
            let busy = |waiting: &Waiting| waiting.writer == Writer::Writing || !waiting.bytes.is_empty();
            drop(self.shared.wait_while(until, busy));
        }
    }
}

fn write_batches(shared: &Shared, mut out: Out) {
    let mut batch = Vec::new();
    loop {
        let mut waiting = shared.lock();
        while waiting.bytes.is_empty() && waiting.reopening.asked == waiting.reopening.done {
            if waiting.closed {
                return;
            }
            waiting.writer = Writer::Asleep;
            waiting = shared.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.reopening.asked == waiting.reopening.done {
            drop(waiting);
            std::thread::sleep(GATHER);
            waiting = shared.lock();
        }
        std::mem::swap(&mut waiting.bytes, &mut batch);
        waiting.writer = Writer::Writing;
        let (asked, done) = (waiting.reopening.asked, waiting.reopening.done);
        drop(waiting);
        let lost = out.write(&batch);
        shared.dropped.fetch_add(lost, SeqCst);
        // After the write: lines from before the rotation belong to the old file.
        let reopened = (asked > done).then(|| out.reopen());
        batch.clear();
        // A flood must not keep its memory for ever; the capacity that a busy gate needs again and again is
        // kept.
        batch.shrink_to(KEPT);
        let mut waiting = shared.lock();
        waiting.writer = Writer::Awake;
        if let Some(reopened) = reopened {
            waiting.reopening.done = asked;
            waiting.reopening.late = false;
            waiting.reopening.failed = reopened.err().map(|error| error.to_string());
        }
        drop(waiting);
        shared.idle.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn flush(sink: &LineSink) {
        sink.flush(Instant::now() + SOON);
    }

    #[test]
    fn lines_arrive_whole_and_in_order_also_after_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let sink = LineSink::open(Destination::File(path.clone())).unwrap();
        (0..1000).for_each(|n| assert!(sink.push(format!("{n}\n").as_bytes())));
        flush(&sink);
        std::fs::rename(&path, dir.path().join("old.log")).unwrap();
        sink.reopen(SOON);
        assert_eq!(sink.trouble(), None);
        (1000..1010).for_each(|n| assert!(sink.push(format!("{n}\n").as_bytes())));
        flush(&sink);
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let lines: Vec<String> = (read("old.log") + &read("access.log")).lines().map(str::to_owned).collect();
        assert_eq!(lines, (0..1010).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(read("access.log").lines().count(), 10);
    }

    #[test]
    fn a_full_disk_costs_lines_which_are_counted_and_nothing_else() {
        let sink = LineSink::open(Destination::File("/dev/full".into())).unwrap();
        (0..10).for_each(|_| assert!(sink.push(b"line\n")));
        flush(&sink);
        assert_eq!(sink.dropped(), 10);
    }
}
