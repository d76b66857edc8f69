//! What is wrong with an application's answer, for whoever can mend the application.

use std::fmt;

/// Why an answer is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Its first bytes are no status line of HTTP/1.
    NotHttp,
    /// They are those of TLS: an alert, or a handshake.
    Tls,
    /// They are a frame of HTTP/2.
    Http2,
    /// A line of its head is none.
    Line,
    /// More header lines than an answer may have.
    Lines(usize),
    /// A line ends without CR.
    BareLf,
    /// A status that HTTP does not know.
    Status(u16),
    /// It changes the protocol, which nobody asked for.
    Switches,
    /// More interim answers than are read over.
    Interim(u8),
    /// Lengths that differ.
    Lengths,
    /// A Content-Length that is no number.
    Length,
    /// Two ways to say where it ends.
    LengthAndCoding,
    /// Transfer codings other than one `chunked`.
    Coding,
    /// The body is not what the chunked coding allows.
    Chunks,
}

impl Flaw {
    /// What the first bytes look like, of an answer that does not begin as HTTP/1 does.
    #[must_use]
    pub(crate) fn of_beginning(bytes: &[u8]) -> Self {
        match bytes {
            // A record: alert or handshake, of a version from SSL 3 to TLS 1.3.
            [0x15 | 0x16, 0x03, ..] => Self::Tls,
            // A frame of SETTINGS on stream 0, with which a server begins.
            [0, _, _, 0x04, 0 | 1, 0, 0, 0, 0, ..] => Self::Http2,
            _ => Self::NotHttp,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::NotHttp => "it is not HTTP/1",
            Self::Tls => "it looks like TLS; is the upstream's URL https?",
            Self::Http2 => "it looks like HTTP/2; the gate speaks HTTP/1.1",
            Self::Line => "a line of its head is malformed",
            Self::Lines(most) => return write!(f, "it has more than {most} header lines"),
            Self::BareLf => "a line of its head ends without CR",
            Self::Status(status) => return write!(f, "HTTP knows no status {status:03}"),
            Self::Switches => "it switches protocols (101), and nobody asked for that",
            Self::Interim(most) => return write!(f, "more than {most} interim answers (1xx) came before it"),
            Self::Lengths => "it has Content-Length twice, with different values",
            Self::Length => "its Content-Length is not a number",
            Self::LengthAndCoding => "it has both Content-Length and Transfer-Encoding",
            Self::Coding => "its Transfer-Encoding is not chunked alone",
            Self::Chunks => "its chunked body is malformed",
        };
        f.write_str(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_is_spoken_instead() {
        for (bytes, flaw) in [
            (&b"\x15\x03\x03\0\x02\x02\x32"[..], Flaw::Tls),
            (b"\x16\x03\x01\x02", Flaw::Tls),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", Flaw::Http2),
            (b"\0\0\0\x04\x01\0\0\0\0", Flaw::Http2),
            (b"\x15\x04", Flaw::NotHttp),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Flaw::NotHttp),
            (b"HTTP/2.0 200 OK", Flaw::NotHttp),
            (b"", Flaw::NotHttp),
        ] {
            assert_eq!(Flaw::of_beginning(bytes), flaw, "{bytes:?}");
        }
    }
}
