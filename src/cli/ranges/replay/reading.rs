//! The reading of logs: each line is judged once, and a log that comes twice counts once.
//!
//! Invariant: nothing of a copy counts. Each line has its time and id, so only copies begin with the same request.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

use crate::cli::ranges::replay::entry::{Entry, Stamp};
use crate::cli::ranges::replay::lines::{self, Line, Unread};
use crate::cli::ranges::replay::tally::Tally;
use crate::judge::trial::Trial;

/// What was read so far.
#[derive(Debug)]
pub(crate) struct Reading<'t> {
    trial: &'t Trial<'t>,
    since: Option<Stamp>,
    /// The bytes that may still be read, unpacked.
    room: u64,
    firsts: HashMap<[u8; 32], String>,
    /// What was found.
    pub tally: Tally,
    /// The logs that could not be read to their ends, and why.
    pub unfinished: BTreeMap<String, String>,
    /// Whether there was no room for all.
    pub is_cut: bool,
}

impl<'t> Reading<'t> {
    /// Judges by this trial; `since` is the oldest time that counts.
    pub(crate) fn new(trial: &'t Trial<'t>, since: Option<Stamp>, room: u64) -> Self {
        Self {
            trial,
            since,
            room,
            firsts: HashMap::new(),
            tally: Tally::default(),
            unfinished: BTreeMap::new(),
            is_cut: false,
        }
    }

    /// Reads a log. The value is the name of an earlier one of which it is a copy.
    ///
    /// # Errors
    /// It could not be begun.
    pub(crate) fn add(&mut self, log: &Path) -> Result<Option<String>, Unread> {
        let shown = log.display().to_string();
        let (mut is_begun, mut copied) = (false, None);
        let Self { trial, since, room, firsts, tally, .. } = self;
        let ended = lines::read(log, room, |line| {
            let entry = Entry::read(line, *since);
            if !is_begun && entry.is_of_a_log() {
                is_begun = true;
                copied = digest(line).and_then(|first| firsts.insert(first, shown.clone()));
                if copied.is_some() {
                    return ControlFlow::Break(());
                }
            }
            tally.add(&entry, trial);
            ControlFlow::Continue(())
        })?;
        self.is_cut |= ended.is_cut;
        if let Some(error) = ended.error {
            self.unfinished.insert(shown, error.to_string());
        }
        Ok(copied)
    }
}

fn digest(line: Line<'_>) -> Option<[u8; 32]> {
    let Line::Whole(line) = line else { return None };
    ring::digest::digest(&ring::digest::SHA256, line.trim_ascii()).as_ref().try_into().ok()
}
