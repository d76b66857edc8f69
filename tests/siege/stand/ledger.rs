//! The access log, counted as it comes: how many requests it accounts for, with those that a summary stands for.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    ended: AtomicBool,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Counted>);

impl Ledger {
    /// Reads on a thread of its own, so that the gate never waits for us.
    pub fn of(stream: impl Read + Send + 'static) -> Self {
        let ledger = Self::default();
        let counted = Arc::clone(&ledger.0);
        thread::spawn(move || {
            let mut reader = BufReader::with_capacity(1 << 18, stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(count) if count > 0) {
                let text = String::from_utf8_lossy(&line);
                counted.requests.fetch_add(suppressed(&text).unwrap_or(1), SeqCst);
                line.clear();
            }
            counted.ended.store(true, SeqCst);
        });
        ledger
    }

    /// Requests and connections that were written down.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(SeqCst)
    }

    /// Nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(SeqCst)
    }
}

/// How many denials a summary stands for; `None` for the line of one request.
fn suppressed(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(r#","suppressed":"#)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
