//! One file: its bytes, bounded, read once.
//!
//! Invariant: a wrong path must not stop the program. A FIFO, a device or a folder is refused without waiting
//! for it, and a file that grows without end is read only up to the bound.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// The largest file of certificates or of a key: many times the size of a system's authorities.
pub(crate) const MAX_PEM: u64 = 4 << 20;

/// An error of the system that can be kept and compared: a file that fails twice for one reason has not changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{text}")]
pub struct IoError {
    kind: io::ErrorKind,
    text: String,
}

impl From<io::Error> for IoError {
    fn from(error: io::Error) -> Self {
        Self { kind: error.kind(), text: error.to_string() }
    }
}

/// Why there are no bytes of a file, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReadError {
    /// The system says no.
    #[error("cannot be read: {0}")]
    Io(#[from] IoError),
    /// The path names this.
    #[error("must be a regular file, this is {0}")]
    NotRegular(&'static str),
    /// It has more than this many bytes.
    #[error("is larger than {} MiB", .0 >> 20)]
    Large(u64),
    /// It has more bytes than the others left of this many.
    #[error("is too large: all range files together may have {} MiB", .0 >> 20)]
    NoRoom(u64),
    /// It is none of those that were read.
    #[error("was not read")]
    NotSeen,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FileContent {
    /// Its path, as it was given.
    pub path: PathBuf,
    /// Its bytes, or why they could not be read. The bytes are shared with the list that is made from them.
    pub content: Result<Bytes, ReadError>,
}

/// Leaves out the bytes: they may be a private key.
impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = self.content.as_ref().map(Bytes::len);
        f.debug_struct("FileContent").field("path", &self.path).field("content", &content).finish()
    }
}

impl FileContent {
    /// Reads one file of at most `most` bytes.
    #[must_use]
    pub fn at(path: &Path, most: u64) -> Self {
        Self { path: path.to_owned(), content: read(path, most).map(Bytes::from) }
    }
}

/// Files that were read together, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Files(pub Vec<FileContent>);

impl Files {
    /// The bytes of one of them.
    ///
    /// # Errors
    /// Why they could not be read, as text for the operator.
    pub fn content(&self, path: &Path) -> Result<&[u8], ReadError> {
        let seen = self.0.iter().find(|seen| seen.path == path);
        let content = seen.map(|seen| seen.content.as_deref().map_err(Clone::clone));
        content.unwrap_or(Err(ReadError::NotSeen))
    }
}

/// The `*.txt` files directly in a folder, sorted. Names that begin with a dot are left out: programs keep
/// their own records there.
///
/// # Errors
/// The folder cannot be listed.
pub(crate) fn range_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.ends_with(b".txt") && !bytes.starts_with(b".") {
            files.push(folder.join(name));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a regular file of at most `most` bytes, through symbolic links too.
///
/// # Errors
/// Why it cannot be read, as text for the operator.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    read_within(path, most)?.ok_or(ReadError::Large(most))
}

/// Reads like [`read`], but returns `None` for a larger file.
///
/// # Errors
/// Why it cannot be read, as text for the operator.
pub(crate) fn read_within(path: &Path, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let (file, metadata) = open(path)?;
    if metadata.len() > most {
        return Ok(None);
    }
    read_at_most(&file, metadata.len(), most).map_err(io_error)
}

pub(super) fn io_error(error: io::Error) -> ReadError {
    ReadError::Io(error.into())
}

/// Opens a regular file without waiting for it.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    // Without O_NONBLOCK the open of a FIFO waits for a writer; O_NOCTTY keeps a terminal from
    // becoming ours.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a FIFO",
            () if kind.is_char_device() || kind.is_block_device() => "a device",
            () => "something else",
        };
        return Err(ReadError::NotRegular(what));
    }
    Ok((file, metadata))
}

/// `None` when the file has more than `most` bytes.
fn read_at_most(file: &File, expected: u64, most: u64) -> io::Result<Option<Vec<u8>>> {
    // One byte more, so that the end of the file is found without growing the buffer.
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_text_files_directly_in_the_folder_are_range_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in
            ["sms.txt", "voice.txt", "sms.txt~", ".sms.txt", ".txt", "README.md", "old.txt.bak", "TXT"]
        {
            fs::write(dir.path().join(name), "192.0.2.1\n").unwrap();
        }
        fs::create_dir(dir.path().join("..2026")).unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/deep.txt"), "").unwrap();
        symlink("..2026", dir.path().join("..data")).unwrap();
        let names = range_files(dir.path()).unwrap();
        assert_eq!(names, [dir.path().join("sms.txt"), dir.path().join("voice.txt")]);
    }

    #[test]
    fn a_fifo_a_folder_and_a_device_are_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo.txt");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let refused =
            [(fifo.as_path(), "a FIFO"), (dir.path(), "a folder"), (Path::new("/dev/zero"), "a device")];
        for (path, what) in refused {
            let said = read(path, 10).unwrap_err().to_string();
            assert_eq!(said, format!("must be a regular file, this is {what}"));
        }
    }

    #[test]
    fn a_file_of_the_largest_size_is_read_and_a_larger_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, vec![b'#'; 1 << 20]).unwrap();
        assert_eq!(read(&path, 1 << 20).unwrap().len(), 1 << 20);
        fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
        assert_eq!(read(&path, 1 << 20).unwrap_err().to_string(), "is larger than 1 MiB");
    }
}
