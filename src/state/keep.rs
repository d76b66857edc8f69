//! The kept copies: the last good text of every list, for a restart with a broken range file.
//!
//! They live in `STATE/lists/NAME.txt` and are range files like any other, so a person can read them
//! and they are read as strictly. Keeping is a service, not a duty: whatever goes wrong here is a
//! warning. Invariant: a kept file is whole, because it is written beside its place and renamed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::look::{MAX_FILE, range_files, read};
use super::snapshot::List;
use crate::config::Problem;
use crate::policy::range_list::{self, RangeList};

/// What an earlier run kept.
#[derive(Debug, Default)]
pub struct Kept {
    lists: BTreeMap<String, KeptList>,
}

/// One kept list.
#[derive(Debug)]
pub struct KeptList {
    /// The prefixes.
    pub ranges: RangeList,
    /// The text that they were read from.
    pub text: Bytes,
}

impl Kept {
    /// Reads what is kept in a state folder. A copy that cannot be read is left out, with a warning;
    /// that there is none yet is not worth one.
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
        for path in files {
            let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            match read_list(&path) {
                Ok(list) => {
                    kept.lists.insert(name.to_owned(), list);
                }
                Err(why) => warnings.push(Problem::new(
                    path.display().to_string(),
                    format!("this kept copy is of no use, {why}"),
                )),
            }
        }
        (kept, warnings)
    }

    /// The kept list of that name.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&KeptList> {
        self.lists.get(name)
    }

    /// The names of all kept lists.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }
}

fn read_list(path: &Path) -> Result<KeptList, String> {
    let text = read(path, MAX_FILE)?;
    match range_list::parse(&text) {
        Ok(ranges) => Ok(KeptList { ranges, text: text.into() }),
        Err(lines) => {
            let first =
                lines.first().map_or(String::new(), |line| format!("line {}: {}", line.line, line.message));
            Err(format!("it does not parse ({first})"))
        }
    }
}

/// Writes the copies.
#[derive(Debug)]
pub(super) struct Keep {
    folder: Option<PathBuf>,
    /// What this process knows to be on the disk.
    written: BTreeMap<String, Arc<List>>,
}

impl Keep {
    /// Without a state folder nothing is kept.
    pub(super) fn new(state: Option<&Path>) -> Self {
        Self { folder: state.map(lists_folder), written: BTreeMap::new() }
    }

    /// Makes the copies equal to the lists that were published. Returns warnings.
    pub(super) fn store(&mut self, lists: &BTreeMap<String, Arc<List>>) -> Vec<Problem> {
        let Some(folder) = self.folder.clone() else { return Vec::new() };
        match self.replace(&folder, lists) {
            Ok(()) => Vec::new(),
            Err(error) => vec![warning(&folder, "kept", &error)],
        }
    }

    fn replace(&mut self, folder: &Path, lists: &BTreeMap<String, Arc<List>>) -> io::Result<()> {
        // Only the last folder is made: a state folder that is not there is a mistyped path or a
        // missing mount, and lists that are written below it would be lost.
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut changed = false;
        for (name, list) in lists {
            if self.written.get(name).is_some_and(|old| Arc::ptr_eq(old, list) || old.text == list.text) {
                continue;
            }
            let path = folder.join(format!("{name}.txt"));
            if read(&path, MAX_FILE).as_deref() != Ok(&*list.text) {
                write_whole(folder, name, &list.text)?;
                changed = true;
            }
            self.written.insert(name.clone(), Arc::clone(list));
        }
        self.written.retain(|name, _| lists.contains_key(name));
        for path in range_files(folder)? {
            let known =
                path.file_stem().and_then(|s| s.to_str()).is_some_and(|name| lists.contains_key(name));
            if !known {
                fs::remove_file(&path)?;
                changed = true;
            }
        }
        if changed {
            // A rename is on the disk only when its folder is.
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Beside its place, to the disk, then over it: a crash leaves the old copy or the new one. The dot
/// keeps half a file from being read as a list.
fn write_whole(folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!(".{name}.txt.tmp"));
    let mut file = File::create(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, folder.join(format!("{name}.txt")))
}

fn lists_folder(state: &Path) -> PathBuf {
    state.join("lists")
}

fn warning(folder: &Path, what: &str, error: &io::Error) -> Problem {
    Problem::new(
        "state",
        format!(
            "the last good lists cannot be {what} in {}: {error}; a restart with a broken range file would have none",
            folder.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(texts: &[(&str, &str)]) -> BTreeMap<String, Arc<List>> {
        let list = |(name, text): &(&str, &str)| {
            let list = List {
                name: (*name).to_owned(),
                path: PathBuf::from(format!("ranges/{name}.txt")),
                ranges: range_list::parse(text.as_bytes()).unwrap(),
                text: Bytes::copy_from_slice(text.as_bytes()),
                last_good: false,
            };
            ((*name).to_owned(), Arc::new(list))
        };
        texts.iter().map(list).collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_kept_is_read_again_byte_for_byte() {
        let state = tempfile::tempdir().unwrap();
        let text = "# reviewed: 2026-11-21\r\n192.0.2.0/28";
        assert_eq!(Keep::new(Some(state.path())).store(&lists(&[("sms", text)])), []);
        let (kept, warnings) = Kept::read(state.path());
        assert_eq!(warnings, []);
        assert_eq!(kept.names().collect::<Vec<_>>(), ["sms"]);
        assert_eq!(kept.list("sms").unwrap().text, text.as_bytes());
    }

    #[test]
    fn a_list_that_is_gone_is_not_kept() {
        let state = tempfile::tempdir().unwrap();
        let mut keep = Keep::new(Some(state.path()));
        keep.store(&lists(&[("sms", "192.0.2.1"), ("voice", "192.0.2.2")]));
        assert_eq!(keep.store(&lists(&[("voice", "192.0.2.3")])), []);
        assert_eq!(names(&state.path().join("lists")), ["voice.txt"]);
        // Also one that an earlier run left.
        Keep::new(Some(state.path())).store(&lists(&[("sms", "192.0.2.1")]));
        assert_eq!(names(&state.path().join("lists")), ["sms.txt"]);
    }

    #[test]
    fn an_unchanged_list_is_not_written_again() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("lists/sms.txt");
        let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap());
        let same = lists(&[("sms", "192.0.2.1")]);
        let mut keep = Keep::new(Some(state.path()));
        keep.store(&same);
        // Held open, so that its number is not given to a new file.
        let _open = File::open(&path).unwrap();
        let before = inode();
        keep.store(&same);
        Keep::new(Some(state.path())).store(&same);
        assert_eq!(inode(), before);
        keep.store(&lists(&[("sms", "192.0.2.2")]));
        assert_ne!(inode(), before);
    }

    #[test]
    fn a_broken_copy_is_left_out_with_a_warning() {
        let state = tempfile::tempdir().unwrap();
        Keep::new(Some(state.path())).store(&lists(&[("sms", "192.0.2.1"), ("voice", "192.0.2.2")]));
        fs::write(state.path().join("lists/sms.txt"), "192.0.2.").unwrap();
        let (kept, warnings) = Kept::read(state.path());
        assert_eq!(kept.names().collect::<Vec<_>>(), ["voice"]);
        assert!(
            warnings[0].at.ends_with("lists/sms.txt") && warnings[0].message.contains("line 1"),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_state_folder_that_cannot_be_used_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for state in [dir.path().join("missing"), file] {
            let warnings = Keep::new(Some(&state)).store(&lists(&[("sms", "192.0.2.1")]));
            assert_eq!(warnings.len(), 1);
            assert!(
                warnings[0].to_string().starts_with("state: the last good lists cannot be kept in "),
                "{warnings:?}"
            );
            assert!(!state.join("lists").exists());
        }
        assert_eq!(Keep::new(None).store(&lists(&[("sms", "192.0.2.1")])), []);
    }
}
