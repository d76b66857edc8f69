//! Log lines on their way out: never in a request's way.
//!
//! A line is appended to a bounded buffer; one thread writes whole batches. A reader that is too slow,
//! a full disk or a closed pipe costs lines, which are counted, and never time. Invariant: nothing here
//! blocks a caller for longer than the copy of a line.

pub mod events;
pub mod timestamp;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes that wait at most; lines beyond are dropped.
const CAPACITY: usize = 4 << 20;
/// Bytes that one destination holds at most: lines that wait, and those that are being written.
pub const MOST_HELD: u64 = 2 * CAPACITY as u64;
/// How long lines are gathered before they are written, so that a busy log costs one system call a batch.
const GATHER: Duration = Duration::from_millis(5);
/// What the batch's buffer keeps between two writes.
const KEPT: usize = 512 << 10;
/// How long the end of the process waits for a slow reader.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to.
    File(PathBuf),
    /// Nowhere.
    Off,
}

/// A handle to a line writer; clones write to the same place.
#[derive(Clone, Debug)]
pub struct LineSink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    idle: Condvar,
    dropped: AtomicU64,
    off: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    lines: u64,
    writer: Writer,
    /// The file shall be opened again.
    reopen: bool,
    closed: bool,
}

/// What the writer does; while it is awake nobody needs to wake it.
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
}

impl LineSink {
    /// Opens the destination and starts its writer.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread started.
    pub fn open(destination: Destination) -> io::Result<Self> {
        let off = destination == Destination::Off;
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            idle: Condvar::new(),
            dropped: AtomicU64::new(0),
            off,
        });
        if !off {
            let out = Out::open(destination)?;
            let for_writer = Arc::clone(&shared);
            let _: JoinHandle<()> = std::thread::Builder::new()
                .name("log".to_owned())
                .spawn(move || write_batches(&for_writer, out))?;
        }
        Ok(Self { shared })
    }

    /// Appends a line, which ends in a newline. False when it was dropped.
    pub fn push(&self, line: &[u8]) -> bool {
        if self.shared.off {
            return true;
        }
        let mut waiting = self.shared.lock();
        if waiting.bytes.len() + line.len() > CAPACITY {
            drop(waiting);
            self.shared.dropped.fetch_add(1, SeqCst);
            return false;
        }
        waiting.bytes.extend_from_slice(line);
        waiting.lines += 1;
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

    /// Lines that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(SeqCst)
    }

    /// Opens the file again, which may have been renamed away, and waits until that is done.
    pub fn reopen(&self) {
        self.shared.lock().reopen = true;
        self.shared.wake.notify_one();
        self.flush();
    }

    /// Waits until everything is written, or a slow reader has had its second.
    pub fn flush(&self) {
        let end = Instant::now() + LAST_WORDS;
        let mut waiting = self.shared.lock();
        while !self.shared.off
            && (waiting.reopen || waiting.writer == Writer::Writing || !waiting.bytes.is_empty())
        {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return };
            waiting = self.shared.idle.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for LineSink {
    fn drop(&mut self) {
        // The writer holds one reference, this handle the other: it was the last one.
        if Arc::strong_count(&self.shared) <= 2 {
            self.shared.lock().closed = true;
            self.shared.wake.notify_one();
        }
    }
}

fn write_batches(shared: &Shared, mut out: Out) {
    let mut batch = Vec::new();
    loop {
        let mut waiting = shared.lock();
        while waiting.bytes.is_empty() && !waiting.reopen {
            if waiting.closed {
                return;
            }
            waiting.writer = Writer::Asleep;
            waiting = shared.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if !waiting.reopen {
            drop(waiting);
            std::thread::sleep(GATHER);
            waiting = shared.lock();
        }
        std::mem::swap(&mut waiting.bytes, &mut batch);
        waiting.writer = Writer::Writing;
        let lines = std::mem::take(&mut waiting.lines);
        let reopen = std::mem::take(&mut waiting.reopen);
        drop(waiting);
        if out.write(&batch).is_err() {
            shared.dropped.fetch_add(lines, SeqCst);
        }
        // Afterwards: what was logged before the rotation belongs to the old file.
        if reopen {
            out.reopen();
        }
        batch.clear();
        // A flood must not keep its memory for ever; what a busy gate fills again and again it keeps.
        batch.shrink_to(KEPT);
        shared.lock().writer = Writer::Awake;
        shared.idle.notify_all();
    }
}

/// An open destination.
struct Out {
    to: Destination,
    file: Option<File>,
    /// The last write broke off: the next one begins on a new line, so that one line at most is damaged.
    broken: bool,
}

impl Out {
    fn open(to: Destination) -> io::Result<Self> {
        let file = match &to {
            Destination::File(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
            _ => None,
        };
        Ok(Self { to, file, broken: false })
    }

    /// A file that cannot be opened again is no reason to stop writing to the old one.
    fn reopen(&mut self) {
        if let Ok(new) = Self::open(self.to.clone()) {
            *self = new;
        }
    }

    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        let out: &mut dyn Write = match (&self.to, &mut self.file) {
            (_, Some(file)) => file,
            (Destination::Stderr, _) => &mut io::stderr(),
            _ => &mut io::stdout(),
        };
        let begin: &[u8] = if self.broken { b"\n" } else { b"" };
        let written = out.write_all(begin).and_then(|()| out.write_all(batch)).and_then(|()| out.flush());
        self.broken = written.is_err();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_whole_and_in_order_also_after_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let sink = LineSink::open(Destination::File(path.clone())).unwrap();
        (0..1000).for_each(|n| assert!(sink.push(format!("{n}\n").as_bytes())));
        sink.flush();
        std::fs::rename(&path, dir.path().join("old.log")).unwrap();
        sink.reopen();
        (1000..1010).for_each(|n| assert!(sink.push(format!("{n}\n").as_bytes())));
        sink.flush();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let lines: Vec<String> = (read("old.log") + &read("access.log")).lines().map(str::to_owned).collect();
        assert_eq!(lines, (0..1010).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(read("access.log").lines().count(), 10);
    }

    #[test]
    fn a_full_disk_costs_lines_which_are_counted_and_nothing_else() {
        let sink = LineSink::open(Destination::File("/dev/full".into())).unwrap();
        (0..10).for_each(|_| assert!(sink.push(b"line\n")));
        sink.flush();
        assert_eq!(sink.dropped(), 10);
    }
}
