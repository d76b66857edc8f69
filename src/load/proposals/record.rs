//! What is known of a text that is proposed or was published.
//!
//! It is written as JSON beside the text, and `--json` prints it: a key keeps its name and meaning.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::file::read;
use crate::load::proposals::places::{MOST_RECORD, StoreError};
use crate::policy::address::difference::Difference;
use crate::policy::visible::visible;

/// What is known of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The day that the source gives for itself, `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// When it was proposed or published, in Unix seconds.
    pub at: u64,
    /// The digest of the list that it was compared with; none if there was no list.
    pub base: Option<String>,
    /// Who did it.
    pub by: String,
    /// How much it changes, compared with that list.
    pub change: Change,
    /// The digest of the document that it was read from.
    pub document: Option<String>,
    /// The digest of the text.
    pub sha256: String,
    /// Where it is from: an address, a file, or what a command did.
    pub source: String,
}

/// The size of a change. Numbers of IPv6 addresses are text, because programs round such large ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// Prefixes that only the new list has.
    pub added: usize,
    /// IPv4 addresses that only the new list covers.
    pub gained_v4: u64,
    /// IPv6 addresses that only the new list covers.
    pub gained_v6: String,
    /// IPv4 addresses that only the old list covers.
    pub lost_v4: u64,
    /// IPv6 addresses that only the old list covers.
    pub lost_v6: String,
    /// Prefixes that only the old list has.
    pub removed: usize,
}

impl From<&Difference> for Change {
    fn from(difference: &Difference) -> Self {
        let v4 = |count: u128| u64::try_from(count).unwrap_or(u64::MAX);
        Self {
            added: difference.added,
            gained_v4: v4(difference.v4.gained),
            gained_v6: difference.v6.gained.to_string(),
            lost_v4: v4(difference.v4.lost),
            lost_v6: difference.v6.lost.to_string(),
            removed: difference.removed,
        }
    }
}

impl Record {
    /// Reads the record in a file; `None` where there is no such file.
    ///
    /// # Errors
    /// It cannot be read, or is something else.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.try_exists().unwrap_or(true) {
            return Ok(None);
        }
        let text =
            read(path, MOST_RECORD).map_err(|error| StoreError::Unread { path: path.to_owned(), error })?;
        serde_json::from_slice(&text)
            .map(|record: Self| Some(record.visible()))
            .map_err(|error| StoreError::Record { path: path.to_owned(), error: error.to_string() })
    }

    /// Whoever may write to the folder writes what they like, and others read it in a terminal, a log or a page.
    fn visible(self) -> Self {
        let some = |text: Option<String>| text.as_deref().map(visible);
        Self {
            as_of: some(self.as_of),
            base: some(self.base),
            by: visible(&self.by),
            change: Change {
                gained_v6: visible(&self.change.gained_v6),
                lost_v6: visible(&self.change.lost_v6),
                ..self.change
            },
            document: some(self.document),
            sha256: visible(&self.sha256),
            source: visible(&self.source),
            at: self.at,
        }
    }

    /// As JSON, for people too.
    pub(super) fn json(&self) -> Vec<u8> {
        // Text and numbers can always be written as JSON.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// The SHA-256 of a text in hexadecimal.
pub(crate) fn sha256(text: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, text)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
