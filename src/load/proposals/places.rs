//! Where a list, its proposal and its history lie: one folder, so one file system, and no `state` is needed.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::file::{IoError, ReadError};

/// The bytes of a text that is proposed or published: ten thousand prefixes, and many comments.
pub(crate) const MOST_TEXT: u64 = 4 << 20;
/// The bytes of a record.
pub(super) const MOST_RECORD: u64 = 64 << 10;

/// Something on the disk cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// A file cannot be read.
    #[error("{}: {error}", .path.display())]
    Unread {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: ReadError,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot be written: {error}", .path.display())]
    Unwritten {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: IoError,
    },
    /// A record is no JSON of ours.
    #[error("{}: is no record of this program, or a damaged one: {error}", .path.display())]
    Record {
        /// Its path.
        path: PathBuf,
        /// What is wrong in it.
        error: String,
    },
    /// A proposal cannot be read, or is not the one that was written.
    #[error("{error}; `nexmo-gate ranges propose {list}` or `fetch` replaces the proposal")]
    Damaged {
        /// The list that it is for.
        list: String,
        /// What is wrong with it.
        error: Box<Self>,
    },
    /// A text is not the one that its record is about.
    #[error("{}: is not the text that was written here", .0.display())]
    Changed(PathBuf),
    /// A text is not the one that was published.
    #[error("{}: is not the text that was published; name another generation", .0.display())]
    Altered(PathBuf),
    /// Somebody changed the list while a command looked at it.
    #[error("{}: has changed since it was read; look at the difference again", .0.display())]
    Moved(PathBuf),
    /// Another list is not what the replay was made with.
    #[error("{}: has changed meanwhile; run it again", .0.display())]
    Meanwhile(PathBuf),
    /// The list is a symbolic link.
    #[error("{}: is a symbolic link, which publishing would replace; write to where it leads", .0.display())]
    Link(PathBuf),
    /// Another process publishes.
    #[error("{}: another command publishes now; try again", .0.display())]
    Busy(PathBuf),
    /// There is no such generation.
    #[error("{list} has no generation {number}; `nexmo-gate ranges history {list}` shows them")]
    NoGeneration {
        /// The list.
        list: String,
        /// The number that was asked for.
        number: u64,
    },
}

impl StoreError {
    pub(super) fn unwritten(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Unwritten { path: path.to_owned(), error: error.into() }
    }
}

/// The ranges folder, and what lies in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    ranges: PathBuf,
}

impl Places {
    /// In this ranges folder.
    pub(crate) fn new(ranges: &Path) -> Self {
        Self { ranges: ranges.to_owned() }
    }

    /// The ranges folder itself.
    pub(crate) fn ranges(&self) -> &Path {
        &self.ranges
    }

    /// The list that the gate loads.
    pub(crate) fn live(&self, list: &str) -> PathBuf {
        self.ranges.join(format!("{list}.txt"))
    }

    /// The folder of proposals: `LIST.txt`, and beside it the record `LIST.json`.
    pub(crate) fn proposals(&self) -> PathBuf {
        self.ranges.join(".proposed")
    }

    /// The folder of all histories.
    pub(super) fn histories(&self) -> PathBuf {
        self.ranges.join(".history")
    }

    /// The history of a list: `000017.txt`, and beside it the record `000017.json`.
    pub(crate) fn history(&self, list: &str) -> PathBuf {
        self.histories().join(list)
    }
}
