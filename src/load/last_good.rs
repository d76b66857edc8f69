//! The kept copies: the last good text of every list, for a restart with a broken range file.
//!
//! They live in `STATE/lists/NAME.txt` and are range files like any other, so a person can read them
//! and they are read as strictly. Beside them `.kept` says which lists this program has written, and
//! `.config.yaml` is the configuration that was loaded with them. Keeping is a service, not a duty:
//! whatever goes wrong here is a warning. Invariants: a kept file is whole, because it is written beside
//! its place and renamed; what this program has not written is neither changed nor removed nor read as a
//! list, and a name stands in `.kept` before its file is there, so that no crash makes an own file a
//! foreign one. Version 0.1.0 wrote no `.kept`: without one, the files of lists that are kept now count
//! as its own, and all others are left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{self, Problem};
use crate::files::file::{ReadError, range_files, read};
use crate::files::folder::MOST_BYTES;
use crate::policy::address::range_list::{self, RangeList};
use crate::state::snapshot::List;

/// The names of the lists that this program has written, one a line.
const OWN: &str = ".kept";
const OWN_HEAD: &str = "# nexmo-gate has written the files of these lists, and removes no others";
/// The largest one that is read: far more names than lists can be loaded.
const MAX_OWN: u64 = 1 << 20;
/// The configuration that was loaded last.
const CONFIG: &str = ".config.yaml";

/// What an earlier run kept.
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

/// The lists whose files this program has written; `None` when no run has said so.
fn own(folder: &Path) -> Option<BTreeSet<String>> {
    let text = String::from_utf8(read(&folder.join(OWN), MAX_OWN).ok()?).ok()?;
    Some(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}

/// Why a kept copy cannot be used.
#[derive(Debug, thiserror::Error)]
enum KeptError {
    /// The file.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// What it holds; its first bad line.
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

/// Writes the copies.
#[derive(Debug)]
pub(crate) struct LastGoodStore {
    folder: Option<PathBuf>,
    /// What this process knows to be on the disk.
    written: BTreeMap<String, Arc<List>>,
}

impl LastGoodStore {
    /// Without a state folder nothing is kept.
    pub(crate) fn new(state: Option<&Path>) -> Self {
        Self { folder: state.map(lists_folder), written: BTreeMap::new() }
    }

    /// Makes the copies equal to what was published. Returns warnings.
    pub(crate) fn store(
        &mut self,
        lists: &BTreeMap<String, Arc<List>>,
        ranges: &Path,
        config: &str,
    ) -> Vec<Problem> {
        let Some(folder) = self.folder.clone() else { return Vec::new() };
        if is_same(&folder, ranges) {
            let message =
                "its folder `lists` is the folder of the range files, so nothing is kept: name another";
            return vec![Problem::new("state", message)];
        }
        match self.replace(&folder, lists, config) {
            Ok(foreign) => foreign.iter().map(|name| left_alone(&folder, name)).collect(),
            Err(error) => vec![warning(&folder, "kept", &error)],
        }
    }

    /// Returns the lists in whose place a file lies that is not ours.
    fn replace(
        &mut self,
        folder: &Path,
        lists: &BTreeMap<String, Arc<List>>,
        config: &str,
    ) -> io::Result<Vec<String>> {
        // Only the last folder is made: a state folder that is not there is a mistyped path or a
        // missing mount, and lists that are written below it would be lost.
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let known = own(folder);
        let before = known.clone().unwrap_or_default();
        let is_foreign = |name: &String| {
            let there = || fs::symlink_metadata(folder.join(format!("{name}.txt"))).is_ok();
            known.as_ref().is_some_and(|known| !known.contains(name)) && there()
        };
        let foreign: Vec<String> = lists.keys().filter(|name| is_foreign(name)).cloned().collect();
        let now: BTreeSet<String> = lists.keys().filter(|name| !foreign.contains(name)).cloned().collect();
        let mut changed = false;
        if known.is_none() || !now.is_subset(&before) {
            write_own(folder, before.union(&now))?;
            changed = true;
        }
        for (name, list) in lists.iter().filter(|(name, _)| now.contains(*name)) {
            if self.written.get(name).is_some_and(|old| Arc::ptr_eq(old, list) || old.text == list.text) {
                continue;
            }
            let path = folder.join(format!("{name}.txt"));
            if read(&path, MOST_BYTES).as_deref() != Ok(&*list.text) {
                write_whole(folder, &format!("{name}.txt"), &list.text, 0o666)?;
                changed = true;
            }
            self.written.insert(name.clone(), Arc::clone(list));
        }
        self.written.retain(|name, _| now.contains(name));
        for name in before.difference(&now) {
            match fs::remove_file(folder.join(format!("{name}.txt"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => changed = true,
            }
        }
        if !before.is_subset(&now) {
            write_own(folder, now.iter())?;
        }
        if read(&folder.join(CONFIG), config::MAX_TEXT).as_deref() != Ok(config.as_bytes()) {
            // What else stands in it is nobody's business.
            write_whole(folder, CONFIG, config.as_bytes(), 0o600)?;
            changed = true;
        }
        if changed {
            // A rename is on the disk only when its folder is.
            File::open(folder)?.sync_all()?;
        }
        Ok(foreign)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    id(one).is_some_and(|one| id(other) == Some(one))
}

fn left_alone(folder: &Path, name: &str) -> Problem {
    let path = folder.join(format!("{name}.txt"));
    let message = format!(
        "{} was not written by this program and is left alone, so the list {name} is not kept; move the file away",
        path.display()
    );
    Problem::new("state", message)
}

fn write_own<'a>(folder: &Path, names: impl Iterator<Item = &'a String>) -> io::Result<()> {
    let text: String = std::iter::once(OWN_HEAD)
        .chain(names.map(String::as_str))
        .fold(String::new(), |text, line| text + line + "\n");
    write_whole(folder, OWN, text.as_bytes(), 0o666)
}

/// Beside its place, to the disk, then over it: a crash leaves the old copy or the new one. The dot
/// keeps half a file from being read as a list.
fn write_whole(folder: &Path, name: &str, text: &[u8], mode: u32) -> io::Result<()> {
    let beside = folder.join(format!(".{}.tmp", name.trim_start_matches('.')));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, folder.join(name))
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

    /// Keeps these, beside some configuration.
    fn store(keep: &mut LastGoodStore, texts: &[(&str, &str)]) -> Vec<Problem> {
        keep.store(&lists(texts), Path::new("/nonexistent/ranges"), "deny: hide\n")
    }

    /// The files of a folder that everybody sees.
    fn names(folder: &Path) -> Vec<String> {
        let all = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = all.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_kept_is_read_again_byte_for_byte() {
        let state = tempfile::tempdir().unwrap();
        let text = "# reviewed: 2026-11-21\r\n192.0.2.0/28";
        assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("sms", text)]), []);
        let (kept, warnings) = LastGood::read(state.path());
        assert_eq!(warnings, []);
        assert_eq!(kept.names().collect::<Vec<_>>(), ["sms"]);
        assert_eq!(kept.list("sms").unwrap().text, text.as_bytes());
    }

    #[test]
    fn a_list_that_is_gone_is_not_kept() {
        let state = tempfile::tempdir().unwrap();
        let mut keep = LastGoodStore::new(Some(state.path()));
        store(&mut keep, &[("sms", "192.0.2.1"), ("voice", "192.0.2.2")]);
        assert_eq!(store(&mut keep, &[("voice", "192.0.2.3")]), []);
        assert_eq!(names(&state.path().join("lists")), ["voice.txt"]);
        // Also one that an earlier run left.
        store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.1")]);
        assert_eq!(names(&state.path().join("lists")), ["sms.txt"]);
    }

    #[test]
    fn an_unchanged_list_is_not_written_again() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("lists/sms.txt");
        let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap());
        let same = [("sms", "192.0.2.1")];
        let mut keep = LastGoodStore::new(Some(state.path()));
        store(&mut keep, &same);
        // Held open, so that its number is not given to a new file.
        let _open = File::open(&path).unwrap();
        let before = inode();
        store(&mut keep, &same);
        store(&mut LastGoodStore::new(Some(state.path())), &same);
        assert_eq!(inode(), before);
        store(&mut keep, &[("sms", "192.0.2.2")]);
        assert_ne!(inode(), before);
    }

    #[test]
    fn what_somebody_else_put_there_is_neither_removed_nor_changed_nor_a_list() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("lists");
        let mut keep = LastGoodStore::new(Some(state.path()));
        store(&mut keep, &[("sms", "192.0.2.1"), ("old", "192.0.2.9")]);
        for name in ["notes", "new"] {
            fs::write(folder.join(format!("{name}.txt")), "203.0.113.7\n").unwrap();
        }
        // Whether in the same run or in a later one.
        let warnings = store(&mut keep, &[("sms", "192.0.2.2"), ("new", "192.0.2.3")]);
        assert!(
            warnings.len() == 1
                && warnings[0].message.contains("lists/new.txt was not written by this program"),
            "{warnings:?}"
        );
        let again =
            store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.2"), ("new", "192.0.2.3")]);
        assert_eq!(again, warnings);
        assert_eq!(names(&folder), ["new.txt", "notes.txt", "sms.txt"]);
        for name in ["notes", "new"] {
            assert_eq!(fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap(), "203.0.113.7\n");
        }
        let (kept, _) = LastGood::read(state.path());
        assert_eq!(kept.names().collect::<Vec<_>>(), ["sms"]);
        assert_eq!(kept.config(), Some("deny: hide\n"));
    }

    /// Version 0.1.0 left copies and no word of whose they are.
    #[test]
    fn copies_of_an_older_version_are_taken_over_and_foreign_files_beside_them_are_not() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("lists");
        fs::create_dir(&folder).unwrap();
        for (name, text) in [("sms", "192.0.2.1\n"), ("notes", "to do: call Bob\n")] {
            fs::write(folder.join(format!("{name}.txt")), text).unwrap();
        }
        assert!(LastGood::read(state.path()).0.list("sms").is_some());
        assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.2")]), []);
        assert_eq!(names(&folder), ["notes.txt", "sms.txt"]);
        assert_eq!(fs::read_to_string(folder.join("sms.txt")).unwrap(), "192.0.2.2");
        assert_eq!(LastGood::read(state.path()).1, []);
        store(&mut LastGoodStore::new(Some(state.path())), &[("voice", "192.0.2.2")]);
        assert_eq!(names(&folder), ["notes.txt", "voice.txt"]);
    }

    /// However a run ended, its files are its own: their names came first.
    #[test]
    fn a_crash_between_the_names_and_the_files_leaves_nothing_behind() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("lists");
        store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.1")]);
        // Named, and not written yet; written and named, and not needed any more.
        fs::write(folder.join(OWN), format!("{OWN_HEAD}\nsms\nvoice\nmessages\n")).unwrap();
        fs::write(folder.join("voice.txt"), "192.0.2.7\n").unwrap();
        fs::write(folder.join(".sms.txt.tmp"), "192.0.").unwrap();
        assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.2")]), []);
        assert_eq!(names(&folder), ["sms.txt"]);
        assert_eq!(own(&folder).unwrap().into_iter().collect::<Vec<_>>(), ["sms"]);
        assert_eq!(store(&mut LastGoodStore::new(Some(state.path())), &[("messages", "192.0.2.2")]), []);
        assert_eq!(names(&folder), ["messages.txt"]);
    }

    #[test]
    fn the_folder_of_the_range_files_is_never_written_to() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("lists");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("sms.txt"), "198.51.100.1\n").unwrap();
        let mut keep = LastGoodStore::new(Some(state.path()));
        let warnings = keep.store(&lists(&[("sms", "192.0.2.1")]), &folder, "");
        assert!(warnings.len() == 1 && warnings[0].at == "state", "{warnings:?}");
        assert_eq!(fs::read_to_string(folder.join("sms.txt")).unwrap(), "198.51.100.1\n");
    }

    #[test]
    fn a_broken_copy_is_left_out_with_a_warning() {
        let state = tempfile::tempdir().unwrap();
        store(&mut LastGoodStore::new(Some(state.path())), &[("sms", "192.0.2.1"), ("voice", "192.0.2.2")]);
        fs::write(state.path().join("lists/sms.txt"), "192.0.2.").unwrap();
        let (kept, warnings) = LastGood::read(state.path());
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
            let warnings = store(&mut LastGoodStore::new(Some(&state)), &[("sms", "192.0.2.1")]);
            assert_eq!(warnings.len(), 1);
            assert!(
                warnings[0].to_string().starts_with("state: the last good lists cannot be kept in "),
                "{warnings:?}"
            );
            assert!(!state.join("lists").exists());
        }
        assert_eq!(store(&mut LastGoodStore::new(None), &[("sms", "192.0.2.1")]), []);
    }
}
