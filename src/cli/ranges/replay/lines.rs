//! The lines of a log: a file, compressed or not, or standard input; one after the other, in bounded memory.
//!
//! What a line means is not known here. Invariant: a line longer than [`MOST_LINE`] is never held; it is reported as such.

use std::fs::File;
use std::io::{self, Read, Stdin};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

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
    /// It is compressed in another way than gzip.
    #[error("{}: is compressed by {program}; use `{program} -dc FILE | nexmo-gate ranges replay ... -`", .path.display())]
    Compressed { path: PathBuf, program: &'static str },
}

/// Where the bytes come from.
enum Source {
    File(File),
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

/// Calls `each` for every line of a log; `-` is standard input. The value says why a log that was begun could not be read to
/// its end.
///
/// # Errors
/// It could not be begun.
pub(crate) fn read(path: &Path, each: impl FnMut(Line<'_>)) -> Result<Option<io::Error>, Unread> {
    let mut source = if path == Path::new("-") { Source::Input(io::stdin()) } else { open(path)? };
    let mut head = Vec::new();
    if let Err(error) = source.by_ref().take(6).read_to_end(&mut head) {
        return Err(Unread::Closed { path: path.to_owned(), error });
    }
    if let Some(program) = compressed_by(&head) {
        return Err(Unread::Compressed { path: path.to_owned(), program });
    }
    let is_gzip = head.starts_with(&GZIP);
    let whole = io::Cursor::new(head).chain(source);
    let ended = if is_gzip { split(MultiGzDecoder::new(whole), each) } else { split(whole, each) };
    Ok(ended.err())
}

fn open(path: &Path) -> Result<Source, Unread> {
    let closed = |error| Unread::Closed { path: path.to_owned(), error };
    let file = File::open(path).map_err(closed)?;
    if file.metadata().map_err(closed)?.is_dir() {
        return Err(Unread::Folder(path.to_owned()));
    }
    Ok(Source::File(file))
}

/// The program that unpacks what begins so, where this one does not.
fn compressed_by(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 3] = [(b"\x28\xB5\x2F\xFD", "zstd"), (b"\xFD7zXZ\0", "xz"), (b"BZh", "bzip2")];
    known.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, program)| *program)
}

/// Splits what is read into lines. An empty line is none.
fn split(mut from: impl Read, mut each: impl FnMut(Line<'_>)) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut held = 0;
    let mut skipping = false;
    loop {
        let count = match from.read(&mut buffer[held..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // The beginning of a line that the file does not have to its end.
                tell(&buffer[..held], skipping, &mut each);
                return Err(error);
            }
            Ok(count) => count,
        };
        let filled = held + count;
        if count == 0 {
            tell(&buffer[..held], skipping, &mut each);
            return Ok(());
        }
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', &buffer[held..filled]).map(|end| held + end) {
            tell(&buffer[begin..end], skipping, &mut each);
            (begin, skipping) = (end + 1, false);
        }
        buffer.copy_within(begin..filled, 0);
        held = filled - begin;
        if held > MOST_LINE {
            // The rest of it is dropped as it comes.
            (held, skipping) = (0, true);
        }
    }
}

fn tell(line: &[u8], skipping: bool, each: &mut impl FnMut(Line<'_>)) {
    if skipping || line.len() > MOST_LINE {
        each(Line::Long);
    } else if !line.trim_ascii().is_empty() {
        each(Line::Whole(line));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn told(path: &Path) -> (Vec<String>, usize, bool) {
        let (mut lines, mut long) = (Vec::new(), 0);
        let ended = read(path, |line| match line {
            Line::Whole(bytes) => lines.push(String::from_utf8_lossy(bytes).into_owned()),
            Line::Long => long += 1,
        });
        (lines, long, ended.unwrap().is_none())
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
    fn what_cannot_be_begun_says_why_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let of = |path: &Path| read(path, |_| {}).unwrap_err().to_string();
        assert!(of(dir.path()).ends_with(": is a folder; name the files"));
        assert!(of(&dir.path().join("none")).contains(": cannot be opened: No such file"));
        let file = dir.path().join("access.log.zst");
        std::fs::write(&file, b"\x28\xB5\x2F\xFDxxx").unwrap();
        assert!(of(&file).contains("is compressed by zstd; use `zstd -dc FILE | nexmo-gate ranges replay"));
        std::fs::write(&file, b"").unwrap();
        assert_eq!(told(&file), (Vec::new(), 0, true));
    }
}
