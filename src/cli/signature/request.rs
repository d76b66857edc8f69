//! One raw HTTP request in a file: its head, and the body behind it.
//!
//! It is what somebody recorded, so its lines may end in LF alone, its version may be that of HTTP/2, and a newline may
//! follow the body. Invariant: the bytes of the body are never changed, because a signature covers them.

use std::borrow::Cow;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::files::file::{self, ReadError};
use crate::judge::facts::Facts;
use crate::judge::head::Head;
use crate::judge::http1::parse::parse;
use crate::policy::outcome::Reason;
use crate::policy::routing::path::ambiguity;
use crate::wire::body::Framing;

/// The largest request that is read.
const MAX: u64 = 1 << 20;

/// Why a file is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRequest {
    /// The file cannot be read.
    #[error("{}: {error}", .path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ReadError,
    },
    /// Standard input cannot be read.
    #[error("standard input: {0}")]
    Input(#[from] io::Error),
    /// There is more on standard input than is read.
    #[error("standard input: has more than {MAX} bytes")]
    TooLarge,
    /// It does not begin with a head.
    #[error("not an HTTP request: {}", .0.word())]
    Head(Reason),
    /// A part of the body is missing.
    #[error("the body is not whole: {there} bytes are there, and {announced}")]
    Body {
        /// How many bytes stand behind the head.
        there: usize,
        /// What the head says.
        announced: &'static str,
    },
}

/// A request.
pub(crate) struct Recorded {
    /// Its head.
    pub head: Head,
    /// Its body as it came.
    pub body: Vec<u8>,
    /// Whether a gate would serve it, whatever its signature is.
    pub servable: bool,
    /// What a person should know of how it was read.
    pub notes: Vec<String>,
}

/// The bytes of a file, or of standard input for `-`.
///
/// # Errors
/// They cannot be read, or are too many.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>, NoRequest> {
    if path.as_os_str() != "-" {
        return file::read(path, MAX).map_err(|error| NoRequest::Unread { path: path.to_owned(), error });
    }
    let mut bytes = Vec::new();
    io::stdin().take(MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX { Err(NoRequest::TooLarge) } else { Ok(bytes) }
}

impl Recorded {
    /// Reads a request.
    ///
    /// # Errors
    /// It has no head, or its body is not whole.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NoRequest> {
        let (text, behind) = split(bytes);
        let head = parse(&text).map_err(NoRequest::Head)?;
        let mut notes = Vec::new();
        let refused = |facts: &Facts<'_>| ambiguity(facts.path).map(|_| Reason::BadTarget);
        let (framing, refused) = match Facts::read(&head) {
            Ok(facts) => (facts.framing, refused(&facts)),
            Err(reason) => (Framing::None, Some(reason)),
        };
        if let Some(reason) = refused {
            notes.push(format!("a gate would refuse this head: {}", reason.word()));
        }
        let body = match framing {
            // Whoever recorded it may have left out the line.
            Framing::None => Cow::Borrowed(behind),
            Framing::Length(_) | Framing::Chunked => {
                let announced = if framing == Framing::Chunked {
                    "not the whole of a chunked body"
                } else {
                    "Content-Length announces more"
                };
                framing.body_in(behind).ok_or(NoRequest::Body { there: behind.len(), announced })?
            }
        };
        if let Framing::Length(length) = framing
            && behind.len() > body.len()
        {
            let more = behind.len() - body.len();
            notes.push(format!("Content-Length is {length}: {more} bytes behind the body are left out"));
        }
        let body = body.into_owned();
        Ok(Self { head, body, servable: refused.is_none(), notes })
    }

    /// Takes note that a gate would not serve it, and why.
    pub(super) fn refuse(&mut self, note: &str) {
        self.servable = false;
        self.notes.push(note.to_owned());
    }

    /// Path and query. A head that a gate would refuse has a target all the same.
    pub(crate) fn target(&self) -> &[u8] {
        Facts::read(&self.head).map_or(self.head.target(), |facts| facts.target)
    }
}

/// The head with CRLF at the end of each line, and what stands behind it.
fn split(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut head = Vec::with_capacity(bytes.len().min(8192));
    let mut rest = bytes;
    loop {
        let end = memchr::memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&b""[..], |end| &rest[end + 1..]);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if head.is_empty() {
            if line.is_empty() && end.is_some() {
                continue;
            }
            head.extend_from_slice(&first_line(line));
        } else {
            head.extend_from_slice(line);
        }
        head.extend_from_slice(b"\r\n");
        if line.is_empty() {
            return (head, rest);
        }
        if end.is_none() {
            head.extend_from_slice(b"\r\n");
            return (head, rest);
        }
    }
}

/// The first line in the version that has such a line.
fn first_line(line: &[u8]) -> Cow<'_, [u8]> {
    let newer = [&b" HTTP/2"[..], b" HTTP/2.0", b" HTTP/3"];
    match newer.iter().find_map(|version| line.strip_suffix(*version)) {
        Some(request) => Cow::Owned([request, b" HTTP/1.1"].concat()),
        None => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String, usize), String> {
        let recorded = Recorded::read(text.as_bytes()).map_err(|error| error.to_string())?;
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((shown(recorded.target()), shown(&recorded.body), recorded.notes.len()))
    }

    #[test]
    fn a_request_is_read_as_it_was_recorded() {
        for (text, target, body, notes) in [
            ("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", "/a", "ab", 0),
            ("POST /a HTTP/1.1\nHost: h\nContent-Length: 2\n\nab\n", "/a", "ab", 1),
            ("POST /a HTTP/2\nhost: h\n\na\r\nb\n", "/a", "a\r\nb\n", 0),
            ("GET /a?b=c HTTP/1.1\nHost: h", "/a?b=c", "", 0),
            ("\r\nGET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "/a?b", "", 0),
            ("GET /a HTTP/1.0\n\nx", "/a", "x", 1),
            ("POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n2\r\nab\r\n0\r\n\r\n", "/", "ab", 0),
        ] {
            assert_eq!(read(text), Ok((target.to_owned(), body.to_owned(), notes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_whole_request_is_refused_by_name() {
        for (text, wanted) in [
            ("", "not an HTTP request: malformed_head"),
            ("hello", "not an HTTP request: malformed_head"),
            (
                "POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nab",
                "the body is not whole: 2 bytes are there, and Content-Length announces more",
            ),
            (
                "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n2\r\nab\r\n",
                "the body is not whole: 7 bytes are there, and not the whole of a chunked body",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), wanted, "{text}");
        }
    }
}
