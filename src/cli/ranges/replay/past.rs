//! The access log of a configuration: the file and its rotated parts, read while a gate may go on writing and a rotation may run.
//!
//! Invariant: what was not read is said, and a log that changed its files while it was read is not taken for a whole one.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use crate::cli::ranges::replay::lines::{Unread, open_file};
use crate::cli::ranges::replay::reading::{Copies, Reading};
use crate::cli::ranges::replay::rotated::{Part, Unlisted, parts};

/// How often it is read when a rotation comes between.
const TIMES: usize = 2;

/// What there was.
#[derive(Debug)]
pub(crate) struct Past<'t> {
    /// What was read.
    pub reading: Reading<'t>,
    /// The number of files that there were.
    pub files: usize,
    /// What was not read and need not be a part of the log.
    pub strange: BTreeSet<String>,
    /// Parts that may not be read.
    pub closed: Vec<Unread>,
    /// Whether files came, went or were cut each time they were read.
    pub has_moved: bool,
    /// Whether there are older parts than those that were read.
    pub has_older: bool,
}

/// Reads all that was written since then; `begin` makes a reading of nothing, and `between` is called after each time.
///
/// # Errors
/// The files cannot be found.
pub(crate) fn read<'t>(
    log: &Path,
    since: SystemTime,
    begin: impl Fn() -> Reading<'t>,
    mut between: impl FnMut(),
) -> Result<Past<'t>, Unlisted> {
    let mut time = 0;
    loop {
        let listed = parts(log, since)?;
        let mut past = Past {
            reading: begin(),
            files: listed.files.len(),
            strange: listed.strange.clone(),
            closed: Vec::new(),
            has_moved: false,
            has_older: listed.has_older,
        };
        for part in &listed.files {
            past.add(part);
        }
        between();
        past.has_moved |= parts(log, since)?.are_others_than(&listed);
        time += 1;
        if !past.has_moved || time == TIMES {
            return Ok(past);
        }
    }
}

impl Past<'_> {
    fn add(&mut self, part: &Part) {
        let added = open_file(&part.path).and_then(|(source, found)| {
            self.has_moved |= (found.dev(), found.ino()) != part.file;
            self.reading.add(source, &part.path, Copies::Continued)
        });
        match added {
            Ok(_) => {}
            // It was rotated away just now.
            Err(Unread::Closed { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                self.has_moved = true;
            }
            Err(error @ (Unread::Compressed { .. } | Unread::NoFile(_) | Unread::Folder(_))) => {
                self.strange.insert(error.to_string());
            }
            Err(error) if part.is_doubtful => _ = self.strange.insert(error.to_string()),
            Err(error) => self.closed.push(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::judge::trial::{Proxies, Trial};

    fn line(id: u32) -> String {
        format!(
            "{{\"ts\":\"2026-11-21T19:30:00.123Z\",\"request_id\":\"{id}\",\"outcome\":\"delivered\",\"client_ip\":\"192.0.2.1\",\"route\":\"/a\"}}\n"
        )
    }

    /// The lines that were judged, and whether files moved, when this happens each time after they were read.
    fn told(folder: &Path, between: impl FnMut()) -> (u64, bool) {
        let none = BTreeMap::new();
        let proxies = Proxies::of(&[], |_| None, &none);
        let trial = Trial::of([("/a".to_owned(), Vec::new())], proxies, &none);
        let begin = || Reading::new(&trial, None, u64::MAX);
        let past = read(&folder.join("access.log"), SystemTime::UNIX_EPOCH, begin, between).unwrap();
        (past.reading.tally.lines.judged, past.has_moved)
    }

    #[test]
    fn a_log_that_is_rotated_while_it_is_read_is_read_once_more() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("access.log"), line(1)).unwrap();
        assert_eq!(told(dir.path(), || ()), (1, false));
        let mut time = 0;
        let rotated = told(dir.path(), || {
            time += 1;
            if time == 1 {
                fs::rename(at("access.log"), at("access.log.1")).unwrap();
                fs::write(at("access.log"), line(2)).unwrap();
            }
        });
        assert_eq!((rotated, time), ((2, false), 2));
        let again = told(dir.path(), || {
            time += 1;
            fs::write(at(&format!("access.log.{time}")), line(time)).unwrap();
        });
        assert!(again.1, "each time");
    }

    #[test]
    fn of_two_logs_with_one_beginning_the_longer_counts() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let lines: Vec<String> = (1..=5).map(line).collect();
        for (live, part) in [(2, 4), (4, 2), (3, 3)] {
            fs::write(at("access.log"), lines[..live].concat()).unwrap();
            fs::write(at("access.log.1"), lines[..part].concat()).unwrap();
            assert_eq!(told(dir.path(), || ()).0, live.max(part) as u64);
        }
    }
}
