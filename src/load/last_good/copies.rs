//! The copies that an earlier run wrote, read once, at the start. Nothing is written here.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bytes::Bytes;

use crate::config::{self, Problem};
use crate::files::file::{ReadError, range_files, read};
use crate::files::folder::MOST_BYTES;
use crate::load::last_good::{CONFIG, lists_folder, own, warning};
use crate::policy::address::range_list::{self, RangeList};

/// The copies that an earlier run wrote.
#[derive(Debug, Default)]
pub struct LastGood {
    lists: BTreeMap<String, LastGoodList>,
    config: Option<String>,
}

/// One kept list.
#[derive(Debug)]
pub struct LastGoodList {
    /// The prefixes.
    pub ranges: RangeList,
    /// The text that they were read from.
    pub text: Bytes,
}

impl LastGood {
    /// Reads the copies in a state folder. A copy that cannot be read is left out with a warning; a folder
    /// that does not exist yet is not worth a warning.
    #[must_use]
    pub fn read(state: &Path) -> (Self, Vec<Problem>) {
        let folder = lists_folder(state);
        let mut kept = Self::default();
        let files = match range_files(&folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (kept, Vec::new()),
            Err(error) => return (kept, vec![warning(&folder, "read", &error)]),
        };
        let mut warnings = Vec::new();
        let own = own(&folder);
        let mut left = MOST_BYTES;
        kept.config =
            read(&folder.join(CONFIG), config::MAX_TEXT).ok().and_then(|text| String::from_utf8(text).ok());
        for path in files {
            let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            if own.as_ref().is_some_and(|own| !own.contains(name)) {
                continue;
            }
            match read_list(&path, left) {
                Ok(list) => {
                    left -= list.text.len() as u64;
                    kept.lists.insert(name.to_owned(), list);
                }
                Err(why) => warnings.push(Problem::new(
                    path.display().to_string(),
                    format!("the kept copy cannot be used: {why}"),
                )),
            }
        }
        (kept, warnings)
    }

    /// The kept list of that name.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&LastGoodList> {
        self.lists.get(name)
    }

    /// The kept list of that name, with the name as long as the copies live.
    pub(crate) fn named(&self, name: &str) -> Option<(&str, &LastGoodList)> {
        self.lists.get_key_value(name).map(|(name, list)| (name.as_str(), list))
    }

    /// The text of the configuration that was loaded last.
    #[must_use]
    pub fn config(&self) -> Option<&str> {
        self.config.as_deref()
    }

    /// The names of all kept lists.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }
}

/// Why a kept copy cannot be used.
#[derive(Debug, thiserror::Error)]
enum KeptError {
    /// The file cannot be read.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// Its text is not a list; its first bad line.
    #[error("it does not parse ({0})")]
    Unparsed(String),
}

fn read_list(path: &Path, most: u64) -> Result<LastGoodList, KeptError> {
    let text = read(path, most)?;
    match range_list::parse(&text) {
        Ok(ranges) => Ok(LastGoodList { ranges, text: text.into() }),
        Err(lines) => {
            let first =
                lines.first().map_or(String::new(), |line| format!("line {}: {}", line.line, line.message));
            Err(KeptError::Unparsed(first))
        }
    }
}
