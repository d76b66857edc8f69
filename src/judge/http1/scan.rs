//! The end of an HTTP/1 head in the bytes that came so far, and what is wrong with them before they are parsed.
//!
//! What is judged here need not wait for the end of the head: a bare LF, a request line that is not HTTP/1, a head that
//! never ends. Invariant: a head that is found ends with its first empty line.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::judge::facts::MAX_METHOD;
use crate::policy::bytes::has_bare_line_feed;
use crate::policy::outcome::Reason;
use crate::policy::token::is_token;
use crate::wire::read_buffer::ReadBuffer;

/// How many empty lines before a request line are skipped (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: usize = 2;
/// The end of a head: that of its last line, and an empty line. Without the first CR, the two bytes that are searched for
/// stand side by side in no other place of a head. Made once, because it costs more than to search.
static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n\r\n"));

/// The state of a head after the bytes that have arrived so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The head is not complete.
    More,
    /// The head is complete and has this length.
    Whole(usize),
    /// The head cannot be served.
    Refused(Reason),
}

/// How far the read buffer has been scanned. A head that arrives byte by byte is scanned once, like one that arrives in
/// one piece.
#[derive(Debug, Default)]
pub struct Scan {
    seen: usize,
    first_line: bool,
    empty_lines: usize,
}

impl Scan {
    /// Scans the new bytes of the read buffer; removes empty lines at its front.
    pub fn advance(&mut self, read_buffer: &mut ReadBuffer, max: usize) -> Progress {
        while self.seen == 0 && read_buffer.unread().starts_with(b"\r\n") {
            if self.empty_lines == MAX_EMPTY_LINES {
                return Progress::Refused(Reason::MalformedHead);
            }
            self.empty_lines += 1;
            read_buffer.consume(2);
        }
        let buffer = read_buffer.unread();
        if self.seen == 0 && buffer == b"\r" {
            return Progress::More;
        }
        if self.seen <= MAX_METHOD && !may_begin_request(buffer) {
            return Progress::Refused(Reason::MalformedHead);
        }
        let from = self.seen.saturating_sub(END.needle().len() - 1);
        let end = END.find(&buffer[from..]).map(|at| from + at + END.needle().len());
        let head = &buffer[..end.unwrap_or(buffer.len())];
        if !self.first_line
            && let Some(lf) = memchr::memchr(b'\n', head)
        {
            self.first_line = true;
            if let Some(reason) = flaw_of_request_line(&head[..=lf]) {
                return Progress::Refused(reason);
            }
        }
        match end {
            Some(len) if len > max => return Progress::Refused(Reason::HeadTooLarge),
            // A bare LF in it is found when it is parsed.
            Some(len) => return Progress::Whole(len),
            None => {}
        }
        let before = self.seen.checked_sub(1).map_or(0, |last| head[last]);
        if has_bare_line_feed(before, &head[self.seen..]) {
            return Progress::Refused(Reason::MalformedHead);
        }
        self.seen = buffer.len();
        if self.seen > max {
            let reason = if self.first_line { Reason::HeadTooLarge } else { Reason::TargetTooLong };
            return Progress::Refused(reason);
        }
        Progress::More
    }
}

/// Whether the bytes may begin a request, which a method does. What begins otherwise (TLS, a PROXY header, an endless
/// word) never becomes a request, and its sender would have to wait for the time-out or for the bound of the head.
fn may_begin_request(bytes: &[u8]) -> bool {
    match bytes.iter().take(MAX_METHOD + 1).position(|b| !is_token(*b)) {
        Some(end) => end > 0 && bytes[end] == b' ',
        None => bytes.len() <= MAX_METHOD,
    }
}

/// The reason to refuse a request line. It is checked as soon as the line is complete: a client of another protocol
/// never sends the empty line that ends a head, and would have to wait for the time-out.
fn flaw_of_request_line(line: &[u8]) -> Option<Reason> {
    let Some(line) = line.strip_suffix(b"\r\n") else { return Some(Reason::MalformedHead) };
    let version = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
    match version {
        b"HTTP/1.1" | b"HTTP/1.0" => None,
        _ if version.starts_with(b"HTTP/") => Some(Reason::BadVersion),
        _ => Some(Reason::MalformedHead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(input: &[u8], piece: usize) -> Result<Option<usize>, Reason> {
        let mut read_buffer = ReadBuffer::default();
        let mut scan = Scan::default();
        for part in input.chunks(piece) {
            read_buffer.append(part);
            match scan.advance(&mut read_buffer, 64) {
                Progress::More => {}
                // What parsing refuses.
                Progress::Whole(len) if has_bare_line_feed(0, &read_buffer.unread()[..len]) => {
                    return Err(Reason::MalformedHead);
                }
                Progress::Whole(len) => return Ok(Some(len)),
                Progress::Refused(reason) => return Err(reason),
            }
        }
        Ok(None)
    }

    #[test]
    fn heads_end_at_the_first_empty_line_however_the_bytes_are_cut() {
        let cases: [(&str, Result<Option<usize>, Reason>); 14] = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n", Ok(Some(27))),
            ("\r\nGET / HTTP/1.1\r\n\r\n", Ok(Some(18))),
            ("GET / HTTP/1.1\r\nHost: a\r\n", Ok(None)),
            ("GET / HTTP/1.1\nHost: a\n\n", Err(Reason::MalformedHead)),
            ("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", Err(Reason::MalformedHead)),
            ("GET /\r\n", Err(Reason::MalformedHead)),
            ("GET / HTTP/2.0\r\n", Err(Reason::BadVersion)),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Err(Reason::BadVersion)),
            ("\x16\x03\x01\x02\0", Err(Reason::MalformedHead)),
            ("\r\n\r\n\0\r\nQUIT\n", Err(Reason::MalformedHead)),
            (" GET / HTTP/1.1\r\n", Err(Reason::MalformedHead)),
            ("ABCDEFGHIJKLMNOPQRSTU", Err(Reason::MalformedHead)),
            ("ABCDEFGHIJKLMNOPQRST", Ok(None)),
            ("\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", Err(Reason::MalformedHead)),
        ];
        for (input, wanted) in cases {
            for piece in 1..=input.len() {
                assert_eq!(scan(input.as_bytes(), piece), wanted, "{input:?} by {piece}");
            }
        }
    }

    #[test]
    fn an_endless_head_is_refused_by_what_is_endless() {
        assert_eq!(scan(&[b'a'; 65], 1), Err(Reason::MalformedHead), "no method is so long");
        let target = [b"GET /", &[b'a'; 60][..]].concat();
        for piece in [1, 7, 65] {
            assert_eq!(scan(&target, piece), Err(Reason::TargetTooLong));
        }
        let lines = b"GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        assert_eq!(scan(lines, 7), Err(Reason::HeadTooLarge));
    }

    /// What a head is, line by line.
    fn obvious(input: &[u8]) -> Result<Option<usize>, Reason> {
        let mut rest = input;
        for _ in 0..MAX_EMPTY_LINES {
            rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
        }
        if !rest.is_empty() && rest != b"\r" && !may_begin_request(rest) {
            return Err(Reason::MalformedHead);
        }
        let mut line_start = 0;
        for lf in (0..rest.len()).filter(|at| rest[*at] == b'\n') {
            let line = &rest[line_start..=lf];
            let flaw = if line_start == 0 { flaw_of_request_line(line) } else { None };
            match line {
                _ if !line.ends_with(b"\r\n") => return Err(Reason::MalformedHead),
                _ if flaw.is_some() => return Err(flaw.unwrap()),
                b"\r\n" => return Ok(Some(lf + 1)),
                _ => line_start = lf + 1,
            }
        }
        Ok(None)
    }

    proptest! {
        #[test]
        fn a_head_is_what_a_walk_along_its_lines_finds(text in "(\r\n){0,3}(GET / HTTP/1.1\r\n)?[a\r\n:]{0,30}") {
            prop_assert_eq!(scan(text.as_bytes(), usize::MAX), obvious(text.as_bytes()));
        }

        #[test]
        fn cutting_the_bytes_never_changes_the_verdict(text in "(GET / HTTP/1.1\r\n)?[a\r\n:]{0,40}", piece in 1usize..20) {
            prop_assert_eq!(scan(text.as_bytes(), piece), scan(text.as_bytes(), 1));
        }
    }
}
