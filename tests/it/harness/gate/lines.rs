//! The lines a child process prints, collected on a thread of their own so that the child never blocks on us.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

#[derive(Clone, Default)]
pub struct Lines(Arc<(Mutex<State>, Condvar)>);

impl Lines {
    pub fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let shared = lines.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(n) if n > 0) {
                while line.ends_with(b"\n") {
                    line.pop();
                }
                // A line that is not UTF-8 must fail the test that parses it, not this thread.
                let text = String::from_utf8(std::mem::take(&mut line))
                    .unwrap_or_else(|bad| format!("(not UTF-8) {}", String::from_utf8_lossy(bad.as_bytes())));
                shared.change(|state| state.lines.push(text));
            }
            shared.change(|state| state.ended = true);
        });
        lines
    }

    fn change(&self, edit: impl FnOnce(&mut State)) {
        edit(&mut self.0.0.lock().expect("lines"));
        self.0.1.notify_all();
    }

    pub fn all(&self) -> Vec<String> {
        self.0.0.lock().expect("lines").lines.clone()
    }

    pub fn len(&self) -> usize {
        self.0.0.lock().expect("lines").lines.len()
    }

    /// Looks at the lines from number `from` on, again with each new line, until `find` is content. `None` when the
    /// time is over or the stream ended first.
    pub fn find<T>(
        &self,
        from: usize,
        within: Duration,
        mut find: impl FnMut(&[String]) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + within;
        let mut state = self.0.0.lock().expect("lines");
        loop {
            if let Some(found) = find(state.lines.get(from..).unwrap_or_default()) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.0.1.wait_timeout(state, left).expect("lines").0;
        }
    }

    /// Whether the stream ended in time: for a process without children, whether it is gone.
    pub fn wait_end(&self, within: Duration) -> bool {
        let state = self.0.0.lock().expect("lines");
        self.0.1.wait_timeout_while(state, within, |state| !state.ended).expect("lines").0.ended
    }
}

/// One JSON line as a value; a line that does not parse fails the test that looks at it.
pub fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|bad| panic!("not a JSON line ({bad}): {line}"))
}

/// How many requests the events stand for: a summary stands for those that have no line of their own.
pub fn requests<'e>(events: impl IntoIterator<Item = &'e Value>) -> u64 {
    events.into_iter().map(|event| event["suppressed"].as_u64().unwrap_or(1)).sum()
}
