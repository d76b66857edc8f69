//! The lines of a log: a file, compressed or not, or standard input; one after the other, in bounded memory.
//!
//! What a line means is not known here. Invariant: a line longer than [`MOST_LINE`] is never held; it is reported as such.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Stdin};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use nix::fcntl::OFlag;

/// Longer than any line that the gate writes, which has 8 KiB at most.
pub(crate) const MOST_LINE: usize = 64 << 10;
/// The bytes that are read at once.
const CHUNK: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// A log cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// It cannot be opened.
    #[error("{}: cannot be opened: {error}", .path.display())]
    Closed { path: PathBuf, error: io::Error },
    /// It is a folder.
    #[error("{}: is a folder; name the files", .0.display())]
    Folder(PathBuf),
    /// It is a FIFO, a socket or a device.
    #[error("{}: is no file", .0.display())]
    NoFile(PathBuf),
    /// It is compressed in another way than gzip.
    #[error("{}: is compressed by {program}; use `{program} -dc FILE | nexmo-gate ranges replay ... -`", .path.display())]
    Compressed { path: PathBuf, program: &'static str },
}

/// Where the bytes come from.
pub(crate) enum Source {
    /// A file, or what a shell made of a command.
    File(File),
    /// Standard input.
    Input(Stdin),
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(out),
            Self::Input(input) => input.read(out),
        }
    }
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Its bytes, without the line end.
    Whole(&'a [u8]),
    /// It is longer than [`MOST_LINE`].
    Long,
}

/// How the reading of a log ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Why a log that was begun could not be read to its end.
    pub error: Option<io::Error>,
    /// Whether there was no room for all of it.
    pub is_cut: bool,
}

/// Calls `each` for every line of a log until it breaks off. No more bytes are read, unpacked, than there is `room` for, which
/// shrinks by them. Of a file that is larger its end is read, or of a packed one its beginning. `path` is its name.
///
/// # Errors
/// It could not be begun.
pub(crate) fn read(
    mut source: Source,
    path: &Path,
    room: &mut u64,
    mut each: impl FnMut(Line<'_>) -> ControlFlow<()>,
) -> Result<Ended, Unread> {
    let closed = |error| Unread::Closed { path: path.to_owned(), error };
    let mut head = Vec::new();
    source.by_ref().take(6).read_to_end(&mut head).map_err(closed)?;
    if let Some(program) = compressed_by(&head) {
        return Err(Unread::Compressed { path: path.to_owned(), program });
    }
    if head.starts_with(&GZIP) {
        let whole = MultiGzDecoder::new(io::Cursor::new(head).chain(source));
        return Ok(split(&mut Bounded { from: whole, room, is_cut: false }, each));
    }
    if let Source::File(file) = &mut source
        && let Some(before) =
            file.metadata().map_err(closed)?.len().checked_sub(*room).filter(|more| *more > 0)
    {
        file.seek(SeekFrom::Start(before)).map_err(closed)?;
        // Most probably that is in the middle of a line.
        let mut is_first = true;
        let each = |line: Line<'_>| {
            if std::mem::take(&mut is_first) { ControlFlow::Continue(()) } else { each(line) }
        };
        let ended = split(&mut Bounded { from: source, room, is_cut: true }, each);
        return Ok(ended);
    }
    let whole = io::Cursor::new(head).chain(source);
    Ok(split(&mut Bounded { from: whole, room, is_cut: false }, each))
}

/// Ends where there is no more room.
struct Bounded<'r, R> {
    from: R,
    room: &'r mut u64,
    is_cut: bool,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(*self.room).unwrap_or(usize::MAX).min(out.len());
        if most == 0 {
            self.is_cut = self.is_cut || self.from.read(&mut [0])? > 0;
            return Ok(0);
        }
        let count = self.from.read(out.get_mut(..most).unwrap_or_default())?;
        *self.room = self.room.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Opens a log that somebody named; `-` is standard input.
///
/// # Errors
/// There is none, or it may not be read, or it is a folder.
pub(crate) fn open(path: &Path) -> Result<Source, Unread> {
    if path == Path::new("-") {
        return Ok(Source::Input(io::stdin()));
    }
    let closed = |error| Unread::Closed { path: path.to_owned(), error };
    let file = File::open(path).map_err(closed)?;
    if file.metadata().map_err(closed)?.is_dir() {
        return Err(Unread::Folder(path.to_owned()));
    }
    Ok(Source::File(file))
}

/// Opens a log that was found beside another one. Whatever lies there, it does not wait for it.
///
/// # Errors
/// There is none, or it may not be read, or it is no file.
pub(crate) fn open_file(path: &Path) -> Result<(Source, Metadata), Unread> {
    let closed = |error| Unread::Closed { path: path.to_owned(), error };
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = file.map_err(|error| {
        // A socket cannot be opened at all.
        let is_other =
            error.kind() != io::ErrorKind::NotFound && path.metadata().is_ok_and(|one| !one.is_file());
        if is_other { Unread::NoFile(path.to_owned()) } else { closed(error) }
    })?;
    let found = file.metadata().map_err(closed)?;
    if found.is_file() { Ok((Source::File(file), found)) } else { Err(Unread::NoFile(path.to_owned())) }
}

/// The program that unpacks what begins so, where this one does not.
fn compressed_by(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 4] =
        [(b"\x28\xB5\x2F\xFD", "zstd"), (b"\xFD7zXZ\0", "xz"), (b"BZh", "bzip2"), (b"\x04\x22M\x18", "lz4")];
    known.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, program)| *program)
}

/// Splits what is read into lines. An empty line is none.
fn split<R: Read>(from: &mut Bounded<'_, R>, mut each: impl FnMut(Line<'_>) -> ControlFlow<()>) -> Ended {
    let mut buffer = vec![0; CHUNK];
    let mut held = 0;
    let mut skipping = false;
    let error = loop {
        let count = match from.read(&mut buffer[held..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            ended @ (Err(_) | Ok(0)) => {
                // After an error it is the beginning of a line that the file does not have to its end.
                let _ = tell(&buffer[..held], skipping, &mut each);
                break ended.err();
            }
            Ok(count) => count,
        };
        let filled = held + count;
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', &buffer[held..filled]).map(|end| held + end) {
            if tell(&buffer[begin..end], skipping, &mut each).is_break() {
                return Ended { error: None, is_cut: from.is_cut };
            }
            (begin, skipping) = (end + 1, false);
        }
        buffer.copy_within(begin..filled, 0);
        held = filled - begin;
        if held > MOST_LINE {
            // The rest of it is dropped as it comes.
            (held, skipping) = (0, true);
        }
    };
    Ended { error, is_cut: from.is_cut }
}

fn tell(line: &[u8], skipping: bool, each: &mut impl FnMut(Line<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    if skipping || line.len() > MOST_LINE {
        each(Line::Long)
    } else if line.trim_ascii().is_empty() {
        ControlFlow::Continue(())
    } else {
        each(Line::Whole(line))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn told(path: &Path) -> (Vec<String>, usize, bool) {
        let (lines, long, ended) = told_within(path, u64::MAX);
        (lines, long, ended.error.is_none() && !ended.is_cut)
    }

    fn told_within(path: &Path, mut room: u64) -> (Vec<String>, usize, Ended) {
        let (mut lines, mut long) = (Vec::new(), 0);
        let ended = read(open(path).unwrap(), path, &mut room, |line| {
            match line {
                Line::Whole(bytes) => lines.push(String::from_utf8_lossy(bytes).into_owned()),
                Line::Long => long += 1,
            }
            ControlFlow::Continue(())
        });
        (lines, long, ended.unwrap())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn lines_are_the_same_however_they_are_stored() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("access.log.2");
        // Longer than what is read at once.
        let lines: Vec<String> = (0..20_000).map(|n| format!("{n:040}")).collect();
        let text = format!("{}\n\n  \nlast", lines.join("\n"));
        let wanted: Vec<String> = lines.iter().cloned().chain(["last".to_owned()]).collect();
        // Rotations that were compressed one by one and put together are one file.
        let (first, second) = text.split_at(text.len() / 3);
        for content in [
            text.as_bytes().to_vec(),
            gzip(text.as_bytes()),
            [gzip(first.as_bytes()), gzip(second.as_bytes())].concat(),
        ] {
            std::fs::write(&file, &content).unwrap();
            assert_eq!(told(&file), (wanted.clone(), 0, true));
        }
        let mut cut = gzip(text.as_bytes());
        cut.truncate(cut.len() / 2);
        std::fs::write(&file, &cut).unwrap();
        let (lines, _, whole) = told(&file);
        assert!(!whole && lines.len() > 100 && lines[..lines.len() - 1] == wanted[..lines.len() - 1]);
    }

    #[test]
    fn a_line_without_an_end_is_dropped_and_the_next_one_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("access.log");
        let long = "x".repeat(3 * CHUNK);
        let least = "y".repeat(MOST_LINE);
        std::fs::write(&file, format!("a\n{long}\nb\n{least}\n{least}y\nc\n{long}")).unwrap();
        let wanted = ["a", "b", &least, "c"].map(str::to_owned).to_vec();
        assert_eq!(told(&file), (wanted, 3, true));
    }

    #[test]
    fn without_room_for_all_the_end_is_read_and_of_a_packed_log_the_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("access.log");
        let text = "1111\n2222\n3333\n4444\n";
        for (content, room, wanted, is_cut) in [
            (text.as_bytes().to_vec(), 20, &["1111", "2222", "3333", "4444"][..], false),
            (text.as_bytes().to_vec(), 12, &["3333", "4444"], true),
            (text.as_bytes().to_vec(), 0, &[], true),
            (gzip(text.as_bytes()), 20, &["1111", "2222", "3333", "4444"], false),
            (gzip(text.as_bytes()), 10, &["1111", "2222"], true),
        ] {
            std::fs::write(&file, &content).unwrap();
            let (lines, long, ended) = told_within(&file, room);
            assert_eq!(
                (lines, long, ended.is_cut),
                (wanted.iter().map(|&l| l.to_owned()).collect(), 0, is_cut),
                "{room}"
            );
            assert!(ended.error.is_none());
        }
        // Whoever breaks off reads no further.
        std::fs::write(&file, text).unwrap();
        let mut seen = 0;
        let each = |_: Line<'_>| {
            seen += 1;
            ControlFlow::Break(())
        };
        read(open(&file).unwrap(), &file, &mut u64::MAX.clone(), each).unwrap();
        assert_eq!(seen, 1);
    }

    #[test]
    fn what_cannot_be_begun_says_why_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let of = |path: &Path| {
            let each = |_: Line<'_>| ControlFlow::Continue(());
            let read = open(path).and_then(|source| read(source, path, &mut u64::MAX.clone(), each));
            read.unwrap_err().to_string()
        };
        assert!(of(dir.path()).ends_with(": is a folder; name the files"));
        assert!(of(&dir.path().join("none")).contains(": cannot be opened: No such file"));
        let file = dir.path().join("access.log.zst");
        std::fs::write(&file, b"\x28\xB5\x2F\xFDxxx").unwrap();
        assert!(of(&file).contains("is compressed by zstd; use `zstd -dc FILE | nexmo-gate ranges replay"));
        std::fs::write(&file, b"").unwrap();
        assert_eq!(told(&file), (Vec::new(), 0, true));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("access.log.1");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        let socket = dir.path().join("access.log.2");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [fifo.as_path(), &socket, Path::new("/dev/zero"), dir.path()] {
            let said = open_file(path).err().map(|error| error.to_string());
            assert_eq!(said, Some(format!("{}: is no file", path.display())));
        }
        let none = open_file(&dir.path().join("none")).err();
        assert!(matches!(none, Some(Unread::Closed { .. })));
    }
}
