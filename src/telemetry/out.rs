//! The destination of log lines: a stream of the process, or a path.
//!
//! Only the log's own thread writes here and opens the file again. A path may be anything: a file, a FIFO
//! without a reader, a terminal, a socket. Invariant: opening never waits, and a destination that cannot be
//! opened again stays open.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait before a full FIFO or terminal is tried again.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// The destination of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file that is appended to, or anything else with a path that can be written to.
    File(PathBuf),
    /// Lines are dropped.
    Off,
}

impl Destination {
    /// The destination for a path. The paths of the process's own streams mean the streams: a service manager
    /// may make them sockets, which cannot be opened by a path.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let is = |names: [&str; 3]| names.iter().any(|name| path == Path::new(name));
        if is(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) {
            Self::Stdout
        } else if is(["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"]) {
            Self::Stderr
        } else {
            Self::File(path.to_owned())
        }
    }
}

/// A file could not be opened again by its path.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: cannot be opened again: {source}; lines still go to the file that was opened before, {}",
    path.display(),
    if *.was_deleted { "which was deleted, so they are lost" } else { "wherever it is now" }
)]
pub(super) struct ReopenError {
    path: PathBuf,
    source: io::Error,
    /// The file that was opened before has no name any more.
    was_deleted: bool,
}

/// An open destination.
pub(super) struct Out {
    to: Destination,
    file: File,
    /// Whether the last write was incomplete: the next one begins with a newline, so that at most one line is
    /// damaged.
    broken: bool,
}

impl Out {
    /// Opens a destination; `None` for `Off`.
    pub(super) fn open(to: Destination) -> io::Result<Option<Self>> {
        let own = |stream: BorrowedFd<'_>| stream.try_clone_to_owned().map(File::from);
        let file = match &to {
            Destination::Off => return Ok(None),
            Destination::Stdout => own(io::stdout().as_fd())?,
            Destination::Stderr => own(io::stderr().as_fd())?,
            Destination::File(path) => open(path)?,
        };
        Ok(Some(Self { to, file, broken: false }))
    }

    /// Opens the file again by its path. If that fails, the old file is still written to.
    ///
    /// # Errors
    /// Why it could not be opened, as text for the operator.
    pub(super) fn reopen(&mut self) -> Result<(), ReopenError> {
        let Destination::File(path) = &self.to else { return Ok(()) };
        let was_deleted = self.file.metadata().is_ok_and(|meta| meta.is_file() && meta.nlink() == 0);
        if was_deleted {
            tracing::warn!(
                path = %path.display(),
                "the access log's file was deleted while it was written to, and its last lines with it"
            );
        }
        let file = open(path).map_err(|source| ReopenError { path: path.clone(), source, was_deleted })?;
        (self.file, self.broken) = (file, false);
        Ok(())
    }

    /// Writes lines. Returns how many of them were not written whole.
    pub(super) fn write(&mut self, batch: &[u8]) -> u64 {
        let mut rest = batch;
        if self.broken && self.put(&mut &b"\n"[..]).is_err() {
            return lines(rest);
        }
        self.broken = self.put(&mut rest).is_err();
        lines(rest)
    }

    /// Writes, and moves the start of `rest` to the first unwritten byte.
    fn put(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => *rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Only this thread waits; lines that arrive meanwhile are bounded and counted.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL_PAUSE),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Opens a path, without waiting for a FIFO's reader or a terminal's line.
fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path).map(|meta| meta.file_type());
    if kind.as_ref().is_ok_and(FileTypeExt::is_socket) {
        return Err(io::Error::other("is a socket, which cannot be opened by a path"));
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = if kind.is_ok_and(|kind| kind.is_fifo()) {
        // Opened for reading too, a FIFO can be written to before there is a reader, and keeps its bytes for
        // the next one. A process that may only write to it needs a reader.
        match options.clone().read(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => options.open(path),
            opened => opened,
        }
    } else {
        options.open(path)
    };
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => io::Error::other("no process reads it"),
        _ => error,
    })?;
    if file.metadata()?.file_type().is_block_device() {
        return Err(io::Error::other("is a block device"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    fn file(path: &Path) -> io::Result<Out> {
        Ok(Out::open(Destination::of(path))?.unwrap())
    }

    #[test]
    fn the_streams_of_the_process_are_used_as_they_are_whatever_they_are() {
        for (path, wanted) in [
            ("/dev/stdout", Destination::Stdout),
            ("/proc/self/fd/1", Destination::Stdout),
            ("/dev/stderr", Destination::Stderr),
            ("/dev/fd/2", Destination::Stderr),
            ("/dev/null", Destination::File("/dev/null".into())),
        ] {
            assert_eq!(Destination::of(Path::new(path)), wanted, "{path}");
        }
    }

    #[test]
    fn a_fifo_is_opened_without_a_reader_and_keeps_what_it_holds_for_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut out = file(&path).unwrap();
        assert_eq!(out.write(b"one\n"), 0);
        out.reopen().unwrap();
        assert_eq!(out.write(b"two\n"), 0);
        let mut reader = File::open(&path).unwrap();
        drop(out);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn what_takes_no_lines_is_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let refused = |path: &Path| file(path).err().unwrap().to_string();
        assert_eq!(refused(&socket), "is a socket, which cannot be opened by a path");
        assert!(refused(dir.path()).contains("directory"));
        assert!(refused(&dir.path().join("none/access.log")).contains("No such file"));
        assert_eq!(file(Path::new("/dev/null")).unwrap().write(b"line\n"), 0);
    }

    #[test]
    fn lines_that_did_not_get_out_are_counted() {
        let mut out = file(Path::new("/dev/full")).unwrap();
        assert_eq!((out.write(b"one\ntwo\n"), out.write(b"three\n")), (2, 1));
    }

    #[test]
    fn a_file_that_cannot_be_opened_again_is_written_on() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, moved) = (dir.path().join("log"), dir.path().join("moved"));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("access.log");
        let mut out = file(&path).unwrap();
        fs::rename(&folder, &moved).unwrap();
        let message = out.reopen().unwrap_err().to_string();
        assert!(message.starts_with(&format!("{}: cannot be opened again: ", path.display())), "{message}");
        assert_eq!(out.write(b"line\n"), 0);
        assert_eq!(fs::read_to_string(moved.join("access.log")).unwrap(), "line\n");
        fs::create_dir(&folder).unwrap();
        out.reopen().unwrap();
        assert_eq!(out.write(b"again\n"), 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), "again\n");
    }
}
