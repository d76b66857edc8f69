//! The ranges folder: which of its files are read, how many bytes at most, and how often.
//!
//! Files that the config names are read first, and at every view, because their times may not show a change.
//! A file that the config does not name may be anything, and gets the room that is left. It is not read again
//! while its inode, size and times stay the same, once they have stayed the same for longer than the coarsest
//! clock of a file system: from then on, a change shows in the times. A manual reload reads it all the same,
//! and so does the poll once an hour. Invariant: a view reads and holds at most [`MOST_BYTES`] of range
//! files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::files::file::{FileContent, IoError, ReadError, range_files, read_within};

/// Bytes of all range files together: about three million prefixes.
pub(crate) const MOST_BYTES: u64 = 64 << 20;
/// The number of files that are read although the config does not name them.
pub(crate) const MOST_FILES: usize = 1000;
/// Longer than a step of any file system's clock: FAT has 2 s.
pub(crate) const COARSE: Duration = Duration::from_secs(3);
/// After this time an unnamed file is read again even if its times are the same: a memory map may write
/// without changing them.
const AGAIN: Duration = Duration::from_secs(3600);

/// Bytes of memory per byte of a range file at worst: the old text, the new one, and the stored copy that is
/// compared with it.
const TEXTS: u64 = 3;
/// Bytes of memory per prefix at worst, which is while a change is judged: the old list and the new one, each
/// with its entries (24 bytes, twice that while they grow) and its segments (two of 32 bytes), and the ranges
/// that both cover (32 bytes for a prefix and for an interval, twice that while they grow). Measured with
/// half a million prefixes: 493 bytes for IPv6, 277 for IPv4.
const PREFIX: u64 = 560;

/// Bytes of memory that lists take at worst during a reload, from the bytes of their files and the number of
/// their prefixes. [`MOST_BYTES`] bounds both, because a line has at least eight bytes.
#[must_use]
pub(crate) const fn lists_memory(bytes: u64, prefixes: u64) -> u64 {
    bytes.saturating_mul(TEXTS).saturating_add(prefixes.saturating_mul(PREFIX))
}

/// The ranges folder cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the ranges folder cannot be read: {0}")]
pub struct FolderError(#[from] IoError);

/// The ranges folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Folder {
    /// Its path.
    pub path: PathBuf,
    /// Its range files by name, or why it cannot be listed.
    pub files: Result<Vec<FileContent>, FolderError>,
    /// The unnamed files that were not read, because there was no room: how many, and the first.
    pub unread: Option<(usize, PathBuf)>,
}

/// Reads folders, and remembers the unnamed files.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    known: BTreeMap<PathBuf, Known>,
}

/// What was read of an unnamed file.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    /// When these times were first seen, and when the file was last read.
    since: Instant,
    read: Instant,
    content: Result<Bytes, ReadError>,
}

/// What changes when the content does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of a file, if there is one.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).map(|metadata| Self::of(&metadata)).ok()
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Reader {
    /// Reads the range files of a folder: first those in `named`, then the others. `afresh` reads every file,
    /// also an unnamed one whose times are the same.
    pub(crate) fn folder(
        &mut self,
        path: &Path,
        named: &BTreeSet<&str>,
        afresh: bool,
        now: Instant,
    ) -> Folder {
        let files = match range_files(path) {
            Ok(files) => files,
            Err(error) => {
                self.known.clear();
                let why = FolderError(error.into());
                return Folder { path: path.to_owned(), files: Err(why), unread: None };
            }
        };
        let is_named = |file: &PathBuf| {
            file.file_stem().and_then(|stem| stem.to_str()).is_some_and(|name| named.contains(name))
        };
        let (meant, others): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(is_named);
        if afresh {
            self.known.clear();
        }
        let mut left = MOST_BYTES;
        let mut seen: Vec<FileContent> = meant.into_iter().map(|file| whole(file, &mut left)).collect();
        let mut before = std::mem::take(&mut self.known);
        let mut unread: Option<(usize, PathBuf)> = None;
        for (place, file) in others.into_iter().enumerate() {
            let known = before.remove(&file);
            match (place < MOST_FILES).then(|| passing(&file, known, left, now)).flatten() {
                Some(known) => {
                    left -= known.content.as_ref().map_or(0, |bytes| bytes.len() as u64);
                    seen.push(FileContent { path: file.clone(), content: known.content.clone() });
                    self.known.insert(file, known);
                }
                None => unread.get_or_insert((0, file)).0 += 1,
            }
        }
        seen.sort_by(|a, b| a.path.cmp(&b.path));
        Folder { path: path.to_owned(), files: Ok(seen), unread }
    }
}

/// Reads a file that the config names.
fn whole(path: PathBuf, left: &mut u64) -> FileContent {
    let content = read_within(&path, *left).and_then(|bytes| bytes.ok_or(ReadError::NoRoom(MOST_BYTES)));
    *left -= content.as_ref().map_or(0, |bytes| bytes.len() as u64);
    FileContent { path, content: content.map(Bytes::from) }
}

/// Reads a file that the config does not name; `None` when there is no room for it.
fn passing(path: &Path, known: Option<Known>, left: u64, now: Instant) -> Option<Known> {
    // Before the read: a change during the read must show.
    let stamp = Stamp::at(path);
    let known = known.filter(|known| stamp.as_ref() == Some(&known.stamp));
    let since = known.as_ref().map_or(now, |known| known.since);
    if let Some(known) = known {
        let rests = known.read.saturating_duration_since(known.since) >= COARSE;
        let fits = known.content.as_ref().map_or(0, |bytes| bytes.len() as u64) <= left;
        if rests && fits && now.saturating_duration_since(known.read) < AGAIN {
            return Some(known);
        }
    }
    let content = match read_within(path, left) {
        Ok(None) => return None,
        Ok(Some(bytes)) => Ok(Bytes::from(bytes)),
        Err(error) => Err(error),
    };
    let nowhere = Stamp { file: (0, 0), size: 0, modified: (0, 0), changed: (0, 0) };
    Some(Known { stamp: stamp.unwrap_or(nowhere), since, read: now, content })
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    /// The sizes that [`PREFIX`] is computed from.
    #[test]
    fn a_prefix_takes_the_memory_that_is_reckoned() {
        use crate::policy::address::range_list::Entry;
        let entry = 2 * size_of::<Entry>();
        let segments = 2 * size_of::<(u128, u32)>() + 2 * size_of::<u32>();
        let covered = 2 * (size_of::<(u128, u128)>() + size_of::<(u128, u128)>());
        let all = 2 * (entry + segments + covered) + size_of::<(u128, u128)>();
        assert!(all as u64 <= PREFIX, "{all}");
    }

    const LATER: Duration = Duration::from_secs(5);

    fn named<'a>(names: &[&'a str]) -> BTreeSet<&'a str> {
        names.iter().copied().collect()
    }

    fn content(folder: &Folder, name: &str) -> Result<Bytes, ReadError> {
        let files = folder.files.as_ref().unwrap();
        files.iter().find(|seen| seen.path.ends_with(name)).unwrap().content.clone()
    }

    /// A file of this size that takes no room on the disk.
    fn sparse(path: &Path, size: u64) {
        File::create(path).unwrap().set_len(size).unwrap();
    }

    #[test]
    fn a_look_holds_a_bounded_number_of_bytes_and_what_is_named_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..60 {
            sparse(&dir.path().join(format!("a{n:02}.txt")), 40 << 20);
        }
        fs::write(dir.path().join("sms.txt"), "192.0.2.1\n").unwrap();
        sparse(&dir.path().join("voice.txt"), MOST_BYTES);
        let mut reader = Reader::default();
        let mut look = |names: &[&str]| reader.folder(dir.path(), &named(names), false, Instant::now());
        let folder = look(&["sms", "none"]);
        let held: usize = folder
            .files
            .as_ref()
            .unwrap()
            .iter()
            .filter_map(|seen| seen.content.as_ref().ok())
            .map(Bytes::len)
            .sum();
        assert!(held as u64 <= MOST_BYTES, "{held}");
        assert_eq!(content(&folder, "sms.txt"), Ok(Bytes::from_static(b"192.0.2.1\n")));
        assert_eq!(folder.unread, Some((60, dir.path().join("a01.txt"))));
        // A named file that does not fit is a problem of its own.
        assert_eq!(
            content(&look(&["sms", "voice"]), "voice.txt").unwrap_err().to_string(),
            "is too large: all range files together may have 64 MiB"
        );
    }

    #[test]
    fn of_very_many_files_that_nothing_names_some_are_read() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MOST_FILES + 7 {
            fs::write(dir.path().join(format!("a{n:04}.txt")), "192.0.2.1\n").unwrap();
        }
        fs::write(dir.path().join("z.txt"), "192.0.2.9\n").unwrap();
        let folder = Reader::default().folder(dir.path(), &named(&["z"]), true, Instant::now());
        assert_eq!(content(&folder, "z.txt"), Ok(Bytes::from_static(b"192.0.2.9\n")));
        assert_eq!(folder.files.unwrap().len(), MOST_FILES + 1);
        assert_eq!(folder.unread, Some((7, dir.path().join(format!("a{MOST_FILES}.txt")))));
    }

    /// A file was read again if its bytes are at another address.
    #[test]
    fn a_file_that_nothing_names_is_read_again_only_when_it_may_have_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, "192.0.2.1\n").unwrap();
        let start = Instant::now();
        let mut reader = Reader::default();
        let mut place = |names: &[&str], afresh, at: Duration| {
            let folder = reader.folder(dir.path(), &named(names), afresh, start + at);
            (content(&folder, "a.txt").unwrap().as_ptr(), folder)
        };
        // Held, so that no other bytes get the same address.
        let mut all = Vec::new();
        let mut next = |names: &[&str], afresh, at| {
            let (place, folder) = place(names, afresh, at);
            all.push(folder);
            place
        };
        let looks: Vec<_> = (0..6).map(|n| next(&[], false, LATER * n)).collect();
        assert_ne!(looks[0], looks[1], "its times may be those of the last tick");
        assert!(looks[1..].iter().all(|look| *look == looks[1]));
        assert_ne!(next(&[], false, LATER * 6 + AGAIN), looks[1]);
        assert_ne!(next(&["a"], false, LATER * 7 + AGAIN), next(&["a"], false, LATER * 8 + AGAIN));
        assert_ne!(next(&[], true, LATER * 9 + AGAIN), next(&[], true, LATER * 10 + AGAIN));
    }

    /// The size and the time of modification stay the same, as `cp -p` and backups leave them.
    #[test]
    fn a_change_that_hides_its_time_is_seen_in_a_file_that_nothing_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, "192.0.2.1\n").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let start = Instant::now();
        let mut reader = Reader::default();
        let mut look = |n: u32| {
            content(&reader.folder(dir.path(), &named(&[]), false, start + LATER * n), "a.txt").unwrap()
        };
        for n in 0..3 {
            assert_eq!(look(n), "192.0.2.1\n");
        }
        // The kernel's change time has steps of some milliseconds.
        let deadline = Instant::now() + Duration::from_secs(10);
        let changed = || fs::metadata(&path).map(|m| (m.ctime(), m.ctime_nsec())).unwrap();
        let before = changed();
        while changed() == before {
            assert!(Instant::now() < deadline, "the clock of the file system stands still");
            fs::write(&path, "192.0.2.2\n").unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        }
        assert_eq!(look(3), "192.0.2.2\n");
    }
}
