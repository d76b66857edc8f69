//! A text that waits to be published. A list has one at most: a new one takes the place of the old.
//!
//! Invariant: a proposal is read only together with the record that was written for its text.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::is_list_name;
use crate::files::file::{range_files, read};
use crate::files::whole;
use crate::load::proposals::places::{MOST_TEXT, Places, StoreError};
use crate::load::proposals::record::{Record, sha256};

/// A proposal for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The name of the list.
    pub list: String,
    /// What is known of it.
    pub record: Record,
    /// The range file that would be published.
    pub text: Vec<u8>,
}

impl Proposal {
    /// The proposal for a list, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or was changed by something else than `propose`.
    pub(crate) fn read(places: &Places, list: &str) -> Result<Option<Self>, StoreError> {
        Self::found(places, list)
            .map_err(|error| StoreError::Damaged { list: list.to_owned(), error: Box::new(error) })
    }

    fn found(places: &Places, list: &str) -> Result<Option<Self>, StoreError> {
        let (path, record) = files(places, list);
        let Some(record) = Record::read(&record)? else { return Ok(None) };
        let text =
            read(&path, MOST_TEXT).map_err(|error| StoreError::Unread { path: path.clone(), error })?;
        if sha256(&text) != record.sha256 {
            return Err(StoreError::Changed(path));
        }
        Ok(Some(Self { list: list.to_owned(), record, text }))
    }

    /// The names of the lists that have a proposal, in order.
    pub(crate) fn lists(places: &Places) -> Vec<String> {
        let files = range_files(&places.proposals()).unwrap_or_default();
        let stem = |path: &PathBuf| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        files.iter().filter_map(stem).filter(|name| is_list_name(name)).collect()
    }

    /// Writes it in place of an earlier one.
    ///
    /// # Errors
    /// It cannot be written. The earlier one may not be readable any more, and says so.
    pub(crate) fn write(&self, places: &Places) -> Result<(), StoreError> {
        let folder = places.proposals();
        make_folder(&folder)?;
        let unwritten = StoreError::unwritten(&folder);
        whole::write(&folder, &format!("{}.json", self.list), &self.record.json(), 0o644)
            .map_err(&unwritten)?;
        whole::write(&folder, &format!("{}.txt", self.list), &self.text, 0o644).map_err(&unwritten)?;
        whole::sync_folder(&folder).map_err(&unwritten)
    }

    /// Removes the proposal for a list, if there is one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(crate) fn remove(places: &Places, list: &str) -> Result<(), StoreError> {
        let (text, record) = files(places, list);
        for path in [record, text] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::unwritten(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn files(places: &Places, list: &str) -> (PathBuf, PathBuf) {
    let folder = places.proposals();
    (folder.join(format!("{list}.txt")), folder.join(format!("{list}.json")))
}

/// Makes a folder that those may read who may read the folder it is in, whatever the umask is: the gate is somebody else.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let unwritten = StoreError::unwritten(folder);
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unwritten(error)),
        Ok(()) => {
            let outer = folder.parent().and_then(|outer| fs::metadata(outer).ok());
            let mode = outer.map_or(0o755, |outer| outer.mode() & 0o777);
            fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(unwritten)
        }
    }
}
