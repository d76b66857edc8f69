//! Why a document is not read.
//!
//! Invariant: what is repeated of a document is a place in it, digits, or a name of one of its keys; other text of a page
//! that was fetched by mistake appears in no message, but for the title of a web page.

use std::fmt;

use crate::policy::signature::text::json::Malformed;

/// The bytes that a document may have.
pub(crate) const MOST_BYTES: usize = 1 << 20;
/// The prefixes that a document may have.
pub const MOST_PREFIXES: usize = 10_000;
/// The reasons that are told of one document.
pub(super) const MOST_REFUSALS: usize = 100;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than [`MOST_BYTES`].
    #[error("is larger than {} MiB", MOST_BYTES >> 20)]
    Large,
    /// It is not UTF-8.
    #[error("line {0}: is not UTF-8 text")]
    NotUtf8(usize),
    /// It is a web page, with this title.
    #[error("is a web page{}, not a list; look for the address of the list itself", Title(.0))]
    Html(Option<String>),
    /// It begins as JSON and is none.
    #[error("line {line}: is no JSON that is read: {}", JsonFault(*.why))]
    Json {
        /// Where the reader stopped.
        line: usize,
        /// Why.
        why: Malformed,
    },
    /// A line of a text is no line of a range file.
    #[error("line {line}: {message}")]
    Line {
        /// Its number.
        line: u32,
        /// What is wrong, and what was meant.
        message: String,
    },
    /// A line of a table.
    #[error("line {line}: is a row of a {kind}; give one address or CIDR a line, or JSON ({message})")]
    Table {
        /// Its number.
        line: u32,
        /// The kind of the table.
        kind: &'static str,
        /// What is wrong, and what was meant.
        message: String,
    },
    /// A string that looks like an address is none.
    #[error("{path}: {shown}: {message}")]
    Address {
        /// Its place.
        path: String,
        /// The string, if it may be shown.
        shown: String,
        /// What is wrong, and what was meant.
        message: String,
    },
    /// An address is the name of a member.
    #[error(
        "{path}: has an address as a key; addresses are read from values only, so it cannot be told what is meant"
    )]
    Key {
        /// The place of the object.
        path: String,
    },
    /// An object says one range in two members, or an array in two values.
    #[error("{path}: {keys} are one range in two parts; {meant}")]
    Pair {
        /// The place of the object.
        path: String,
        /// The names of the two.
        keys: String,
        /// What to write.
        meant: String,
    },
    /// There are several groups, and none was chosen.
    #[error("has addresses in several groups, and --group must choose: {}", Groups(.0))]
    Groups(Vec<(String, usize)>),
    /// The group that was chosen is not there.
    #[error("has no group {wanted:?}; it has: {}", Groups(.there))]
    NoGroup {
        /// The choice.
        wanted: String,
        /// The groups that there are.
        there: Vec<(String, usize)>,
    },
    /// The choice means several things, because keys have dots.
    #[error(
        "--group {0:?} means several things in it, because some of its keys have dots; name a group, or edit the document"
    )]
    Ambiguous(String),
    /// No address.
    #[error("holds no address")]
    Empty,
    /// More than [`MOST_PREFIXES`].
    #[error("holds {0} prefixes; a list of senders has {MOST_PREFIXES} at most")]
    Many(usize),
}

/// The groups and how many addresses each has.
struct Groups<'g>(&'g [(String, usize)]);

impl fmt::Display for Groups<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no groups");
        }
        for (place, (name, count)) in self.0.iter().take(MOST_REFUSALS).enumerate() {
            let between = if place == 0 { "" } else { ", " };
            write!(f, "{between}{} ({count})", tame(name))?;
        }
        match self.0.len().saturating_sub(MOST_REFUSALS) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

/// The title of a page, if it has one.
struct Title<'t>(&'t Option<String>);

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(title) => write!(f, " ({title:?})"),
            None => Ok(()),
        }
    }
}

/// The reader's words speak of one object; a document may be an array.
struct JsonFault(Malformed);

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Malformed::Syntax => f.write_str("the text is broken here"),
            other => write!(f, "it {other}"),
        }
    }
}

/// A name that cannot disturb a terminal, cut to a length that is read.
pub(super) fn tame(name: &str) -> String {
    const MOST: usize = 60;
    let tame: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    if name.chars().nth(MOST).is_some() { tame + "..." } else { tame }
}
