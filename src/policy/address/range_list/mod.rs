//! A range file: its lines, its problems, its prefixes.
//!
//! One CIDR or bare address per line; `#` starts a comment; blank lines and CRLF are allowed. One bad line
//! refuses the whole file. Invariant: a [`RangeList`] is never empty, and `parse(render(list)) == list`.
//!
//! | file | noun |
//! | --- | --- |
//! | [`prefix`] | one range, or what to write instead |
//! | [`cidr`] | the grammar of one range |
//! | [`hint`] | the message for a range that is refused |
//! | [`likeness`] | a text in the letters that an address has, where it only looks like one |
//! | [`meant`] | the CIDRs that were probably meant |
//! | [`day`] | the dates of a file: reviewed, and as-of |

mod cidr;
mod day;
mod hint;
pub(crate) mod likeness;
mod meant;
#[cfg(test)]
mod meant_tests;
mod prefix;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use ipnet::IpNet;

pub use self::cidr::{MIN_V4_LENGTH, MIN_V6_LENGTH};
pub(crate) use self::day::Day;
pub(crate) use self::prefix::{ParsePrefixError, parse_prefix};
use crate::policy::address::prefix_set::PrefixSet;
pub(crate) use crate::policy::address::range_list::hint::shown;

/// If a list was not compared with the vendor's article for longer than this, a warning says so, unless `ranges_review`
/// has another number.
pub(crate) const REVIEW_DAYS: u32 = 180;

/// The number of bad lines after which a file is not read further.
pub(crate) const MOST_PROBLEMS: usize = 10_000;

/// A prefix and its line in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The prefix, canonical: no host bits, IPv4-mapped IPv6 folded to IPv4.
    pub prefix: IpNet,
    /// The line, from 1.
    pub line: u32,
}

/// The prefixes of one file, ready for look-ups.
#[derive(Clone, Debug)]
pub struct RangeList {
    entries: Vec<Entry>,
    set: PrefixSet,
    reviewed: Option<Day>,
    as_of: Option<Day>,
}

impl RangeList {
    /// The prefixes in file order, duplicates kept.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The same without their lines.
    pub(crate) fn prefixes(&self) -> impl ExactSizeIterator<Item = IpNet> + '_ {
        self.entries.iter().map(|entry| entry.prefix)
    }

    /// The set for look-ups; its indices are those of [`Self::entries`].
    #[must_use]
    pub fn set(&self) -> &PrefixSet {
        &self.set
    }

    /// When a person last compared the file with the vendor's article (`# reviewed: YYYY-MM-DD`, the newest).
    #[must_use]
    pub fn reviewed(&self) -> Option<Day> {
        self.reviewed
    }

    /// The number of days since then, with `today` in days since 1970-01-01; a future day counts as today.
    #[must_use]
    pub fn reviewed_days(&self, today: i64) -> Option<i64> {
        self.reviewed.map(|day| (today - day.days_since_epoch()).max(0))
    }

    /// The newest date that a group of lines has (`# as-of: YYYY-MM-DD`).
    #[must_use]
    pub fn as_of(&self) -> Option<Day> {
        self.as_of
    }

    /// The prefixes as the text of a range file.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut line = 1;
        for entry in &self.entries {
            while line < entry.line {
                text.push('\n');
                line += 1;
            }
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", entry.prefix);
            line += 1;
        }
        text
    }
}

impl PartialEq for RangeList {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// What is wrong with one line, or with the file (line 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineProblem {
    /// The line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// What is wrong and, where it can be guessed, what was meant.
    pub message: String,
}

/// Reads a range file.
///
/// # Errors
/// Every bad line, at most the first [`MOST_PROBLEMS`], or line 0 if the file has no prefix.
pub fn parse(bytes: &[u8]) -> Result<RangeList, Vec<LineProblem>> {
    let mut problems = Vec::new();
    let mut entries = Vec::new();
    let (mut reviewed, mut as_of) = (None, None);
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        let message = "is UTF-16 text; save the file as UTF-8".to_owned();
        return Err(vec![LineProblem { line: 1, message }]);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    for (number, raw) in (1u32..).zip(bytes.split(|b| *b == b'\n')) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let Ok(text) = std::str::from_utf8(raw) else {
            problems.push(LineProblem {
                line: number,
                message: "is not UTF-8 text; save the file as UTF-8".to_owned(),
            });
            continue;
        };
        let (range, comment) = parts(text);
        if let Some((key, value)) = comment.split_once(':') {
            let slot = match key.trim() {
                "reviewed" => Some(&mut reviewed),
                "as-of" => Some(&mut as_of),
                _ => None,
            };
            if let (Some(slot), Some(day)) = (slot, Day::at_begin(value.trim())) {
                *slot = (*slot).max(Some(day));
            }
        }
        if range.is_empty() {
            continue;
        }
        if range.contains('\0') {
            let message = "holds NUL bytes, as UTF-16 text does; save the file as UTF-8".to_owned();
            problems.push(LineProblem { line: number, message });
            // Every line of such a file has them.
            break;
        }
        match parse_prefix(range) {
            Ok(prefix) => entries.push(Entry { prefix, line: number }),
            Err(error) => {
                problems.push(LineProblem { line: number, message: format!("{}: {error}", shown(range)) });
            }
        }
        // A file of another kind has only bad lines, and its problems must not take many times its size.
        if problems.len() == MOST_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() && entries.is_empty() {
        problems.push(LineProblem {
            line: 0,
            message: "holds no address range; an empty list would admit nobody, so it is refused \
                      (delete the file and its uses to retire a list)"
                .to_owned(),
        });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let set = PrefixSet::new(entries.iter().map(|e| &e.prefix));
    Ok(RangeList { entries, set, reviewed, as_of })
}

/// The range of a line, without the blanks around it, and the comment. A `#` begins a comment where it stands first or after a
/// blank: `192.0.2.0#/24` is no address with a comment.
#[must_use]
pub(crate) fn parts(line: &str) -> (&str, &str) {
    let begins = |(at, _): &(usize, &str)| {
        line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
    };
    let (range, comment) = line.match_indices('#').find(begins).map_or((line, ""), |(at, _)| {
        (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default())
    });
    (range.trim_matches([' ', '\t']), comment)
}
