//! The reading of logs: each line is judged once, and a log that comes twice counts once.
//!
//! Invariant: nothing of a copy counts. Each line has its time and id, so only copies begin with the same request.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

use crate::cli::ranges::replay::entry::{Entry, Stamp};
use crate::cli::ranges::replay::lines::{self, Line, Source, Unread};
use crate::cli::ranges::replay::tally::Tally;
use crate::judge::trial::Trial;

/// What was read so far.
#[derive(Debug)]
pub(crate) struct Reading<'t> {
    trial: &'t Trial<'t>,
    since: Option<Stamp>,
    /// The bytes that may still be read, unpacked.
    room: u64,
    /// The name of each log and the number of its lines, by its first request.
    firsts: HashMap<[u8; 32], (String, u64)>,
    /// What was found.
    pub tally: Tally,
    /// The logs that could not be read to their ends, and why.
    pub unfinished: BTreeMap<String, String>,
    /// Whether there was no room for all.
    pub is_cut: bool,
}

/// What becomes of a copy of a log that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copies {
    /// It is not read.
    Refused,
    /// What it has more than the other is read.
    Continued,
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
    pub(crate) fn add(
        &mut self,
        source: Source,
        log: &Path,
        copies: Copies,
    ) -> Result<Option<String>, Unread> {
        let shown = log.display().to_string();
        let (mut at, mut first, mut known) = (0, None, None::<(String, u64)>);
        let Self { trial, since, room, firsts, tally, .. } = self;
        let ended = lines::read(source, log, room, |line| {
            at += 1;
            let entry = Entry::read(line, *since);
            if first.is_none() && entry.is_of_a_log() {
                first = digest(line);
                known = first.and_then(|first| firsts.get(&first).cloned());
                if known.is_some() && copies == Copies::Refused {
                    return ControlFlow::Break(());
                }
            }
            if known.as_ref().is_none_or(|(_, lines)| at > *lines) {
                tally.add(&entry, trial);
            }
            ControlFlow::Continue(())
        })?;
        if let Some(first) = first {
            let lines = known.as_ref().map_or(at, |(_, lines)| at.max(*lines));
            self.firsts.insert(first, (shown.clone(), lines));
        }
        self.is_cut |= ended.is_cut;
        if let Some(error) = ended.error {
            self.unfinished.insert(shown, error.to_string());
        }
        Ok(known.map(|(name, _)| name))
    }
}

fn digest(line: Line<'_>) -> Option<[u8; 32]> {
    let Line::Whole(line) = line else { return None };
    ring::digest::digest(&ring::digest::SHA256, line.trim_ascii()).as_ref().try_into().ok()
}
