//! The generations of a list that were published, oldest first.
//!
//! A generation is there when its record is. A publication writes the text and a pending record before it replaces the
//! list, and gives the record its name afterwards. If the process ends in between, the pending record counts exactly when
//! its text is the list. Invariants: so the newest generation is the list, unless somebody saved the list by hand; a record that
//! cannot be read hides no other generation, and neither its files nor its number are used for another one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::file::read;
use crate::files::folder::MOST_BYTES;
use crate::load::proposals::places::{Places, StoreError};
use crate::load::proposals::record::{Record, sha256};

/// The newest generations that are kept.
pub(crate) const KEPT: usize = 50;
/// The name of a record while its generation is being published.
pub(super) const PENDING: &str = ".pending.json";

/// One generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    /// Its number, from 1.
    pub number: u64,
    /// What is known of it.
    pub record: Record,
    /// Where its text lies.
    pub path: PathBuf,
}

impl Generation {
    /// Its text.
    ///
    /// # Errors
    /// It cannot be read, or was changed.
    pub(crate) fn text(&self) -> Result<Vec<u8>, StoreError> {
        let text = read(&self.path, MOST_BYTES)
            .map_err(|error| StoreError::Unread { path: self.path.clone(), error })?;
        if sha256(&text) == self.record.sha256 {
            Ok(text)
        } else {
            Err(StoreError::Altered(self.path.clone()))
        }
    }
}

/// What there is of the past of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The generations, oldest first.
    pub generations: Vec<Generation>,
    /// Records that cannot be read.
    pub damaged: Vec<StoreError>,
}

/// The past of a list.
#[must_use]
pub(crate) fn read_history(places: &Places, list: &str) -> History {
    let mut history = named(places, list);
    match pending(places, list) {
        Ok(ended) => history.generations.extend(ended),
        Err(error) => history.damaged.push(error),
    }
    history
}

/// The generations whose record has its name.
pub(super) fn named(places: &Places, list: &str) -> History {
    let folder = places.history(list);
    let mut history = History::default();
    for number in numbers(&folder) {
        match Record::read(&folder.join(record_name(number))) {
            Ok(Some(record)) => {
                let path = folder.join(text_name(number));
                history.generations.push(Generation { number, record, path });
            }
            Ok(None) => {}
            Err(error) => history.damaged.push(error),
        }
    }
    history
}

/// The generation whose publication ended after the list was replaced and before its record had its name.
///
/// # Errors
/// Its record cannot be read.
pub(super) fn pending(places: &Places, list: &str) -> Result<Option<Generation>, StoreError> {
    let folder = places.history(list);
    let Some(record) = Record::read(&folder.join(PENDING))? else { return Ok(None) };
    let number = newest_number(&folder) + 1;
    let is_live = live_digest(places, list).as_ref() == Some(&record.sha256);
    Ok(is_live.then(|| Generation { number, record, path: folder.join(text_name(number)) }))
}

/// The digest of the list as it lies there.
pub(crate) fn live_digest(places: &Places, list: &str) -> Option<String> {
    read(&places.live(list), MOST_BYTES).ok().map(|text| sha256(&text))
}

/// The newest number in a folder, also of a record that cannot be read; 0 if there is none.
pub(super) fn newest_number(folder: &Path) -> u64 {
    numbers(folder).pop().unwrap_or(0)
}

/// The numbers of the records in a folder, in order.
fn numbers(folder: &Path) -> Vec<u64> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |name: &str| name.strip_suffix(".json").filter(|stem| stem.len() >= 6)?.parse().ok();
    let mut numbers: Vec<u64> = names.filter_map(|entry| number(entry.file_name().to_str()?)).collect();
    numbers.sort_unstable();
    numbers
}

pub(super) fn text_name(number: u64) -> String {
    format!("{number:06}.txt")
}

pub(super) fn record_name(number: u64) -> String {
    format!("{number:06}.json")
}
