//! One try: sends a request, and reads the answer as the sender of webhooks would.
//!
//! The head of the answer is read by the code that reads it for the gate. Invariants: time and size are bounded, and an
//! answer is one only when it is whole.

use std::io;
use std::time::{Duration, Instant};

use crate::cli::webhooks::connection::{Failed, Line, Stream};
use crate::policy::provider::tries::Ended;
use crate::upstream::answer_head::{BadHead, ParsedHead, parse_head};
use crate::upstream::flaw::Flaw;
use crate::wire::body::chunked::Decoder;

/// How much of an answer is read. No document says how much a sender reads.
const MAX_BODY: usize = 4 << 20;
/// How many interim answers are read over, as many as a gate does.
const MAX_INTERIM: u8 = 16;

/// What came back.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The answer, or why there is none.
    pub got: Result<Answer, Failed>,
    /// From the first step of the connection to the end.
    pub took: Duration,
}

/// A whole answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The final status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: Option<Vec<u8>>,
    /// Where a redirect leads, without its query.
    pub location: Option<Vec<u8>>,
    /// The body.
    pub body: Vec<u8>,
    /// There was more than is read.
    pub cut: bool,
    /// The raw head.
    pub head: Vec<u8>,
}

/// Sends a request and reads the answer: a time for the connection, and another for all that follows.
pub(crate) fn exchange(line: &Line, connect: Duration, answer: Duration, request: &[u8]) -> Exchange {
    let begun = Instant::now();
    let got = line.open(connect, answer).and_then(|mut stream| {
        // An application may answer and close before it has read everything.
        let sent = stream.write_all(request).and_then(|()| stream.flush());
        read(&mut *stream).map_err(|failed| match sent {
            Err(error) if failed.ended == Ended::Closed => Failed::of(&error, Ended::Closed),
            _ => failed,
        })
    });
    Exchange { got, took: begun.elapsed() }
}

/// Reads one final answer.
fn read(stream: &mut dyn Stream) -> Result<Answer, Failed> {
    let mut bytes = Vec::new();
    let mut interim = 0;
    loop {
        match parse_head(&bytes).map_err(garbled)? {
            None => {
                if more(stream, &mut bytes)? == 0 {
                    return Err(closed(if bytes.is_empty() {
                        "closed without an answer"
                    } else {
                        "closed in the head"
                    }));
                }
            }
            Some((head, length)) if head.status < 200 => {
                interim += 1;
                if interim > MAX_INTERIM {
                    return Err(Failed {
                        ended: Ended::Garbled,
                        why: format!("more than {MAX_INTERIM} interim answers"),
                    });
                }
                bytes.drain(..length);
            }
            Some((head, length)) => {
                let raw = bytes.drain(..length).collect();
                return body(stream, &head, bytes).map(|(body, cut)| Answer {
                    status: head.status,
                    content_type: head.fields.values("content-type").next().map(<[u8]>::to_vec),
                    location: head.location,
                    body,
                    cut,
                    head: raw,
                });
            }
        }
    }
}

/// Reads the body that a head announces; the second value says that there was more than is read.
fn body(stream: &mut dyn Stream, head: &ParsedHead, begun: Vec<u8>) -> Result<(Vec<u8>, bool), Failed> {
    match (head.status, head.chunked, head.length) {
        (204 | 304, ..) => Ok((Vec::new(), false)),
        (_, true, _) => chunked(stream, begun),
        (_, false, Some(length)) => {
            let mut bytes = begun;
            // What does not fit into the number does not fit into the bound either.
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            while bytes.len() < length.min(MAX_BODY) {
                if more(stream, &mut bytes)? == 0 {
                    return Err(closed(&format!(
                        "closed after {} of {length} bytes of the body",
                        bytes.len()
                    )));
                }
            }
            bytes.truncate(length.min(MAX_BODY));
            Ok((bytes, length > MAX_BODY))
        }
        (_, false, None) => {
            let mut bytes = begun;
            while bytes.len() <= MAX_BODY {
                if more(stream, &mut bytes)? == 0 {
                    return Ok((bytes, false));
                }
            }
            Ok((bytes, true))
        }
    }
}

fn chunked(stream: &mut dyn Stream, mut bytes: Vec<u8>) -> Result<(Vec<u8>, bool), Failed> {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    loop {
        let malformed =
            |_| Failed { ended: Ended::Garbled, why: "the chunks of the body are malformed".to_owned() };
        let used = decoder.feed(&bytes, &mut out).map_err(malformed)?;
        if decoder.is_done() {
            return Ok((out, false));
        }
        if out.len() > MAX_BODY {
            return Ok((out, true));
        }
        bytes.drain(..used);
        if bytes.is_empty() && more(stream, &mut bytes)? == 0 {
            return Err(closed("closed before the last chunk"));
        }
    }
}

/// Reads some bytes; none at the end.
fn more(stream: &mut dyn Stream, bytes: &mut Vec<u8>) -> Result<usize, Failed> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                return Ok(count);
            }
            // TLS that is ended without a goodbye is ended all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failed::of(&error, Ended::Closed)),
        }
    }
}

fn garbled(bad: BadHead) -> Failed {
    let why = match bad {
        BadHead::TooLarge => "the head of the answer is too large".to_owned(),
        BadHead::Flawed(Flaw::Tls) => "it looks like TLS; is the address https?".to_owned(),
        BadHead::Flawed(Flaw::Http2) => "it looks like HTTP/2; webhooks come in HTTP/1.1".to_owned(),
        BadHead::Flawed(flaw) => flaw.to_string(),
    };
    Failed { ended: Ended::Garbled, why }
}

fn closed(why: &str) -> Failed {
    Failed { ended: Ended::Closed, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection on which the answer is already there.
    struct Said<'a>(&'a [u8]);

    impl io::Read for Said<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            // Byte by byte: it must not matter how they come.
            let count = self.0.len().min(buffer.len()).min(1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    impl io::Write for Said<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(text: &str) -> Result<(u16, String), (Ended, String)> {
        let answer = read(&mut Said(text.as_bytes())).map_err(|failed| (failed.ended, failed.why))?;
        Ok((answer.status, String::from_utf8(answer.body).unwrap()))
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        for (text, status, body) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP", 200, "ab"),
            ("HTTP/1.0 200 OK\r\n\r\nto the end", 200, "to the end"),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                200,
                "",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                200,
                "abc",
            ),
        ] {
            assert_eq!(said(text), Ok((status, body.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_whole_answer_is_none() {
        for (text, ended, why) in [
            ("", Ended::Closed, "closed without an answer"),
            ("HTTP/1.1 200 OK\r\nA:", Ended::Closed, "closed in the head"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                Ended::Closed,
                "closed after 2 of 5 bytes of the body",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                Ended::Closed,
                "closed before the last chunk",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                Ended::Garbled,
                "the chunks of the body are malformed",
            ),
            ("hello there, this is no HTTP\r\n\r\n", Ended::Garbled, "it is not HTTP/1"),
        ] {
            assert_eq!(said(text), Err((ended, why.to_owned())), "{text}");
        }
        let many = "HTTP/1.1 102 Processing\r\n\r\n".repeat(17);
        assert_eq!(said(&many).unwrap_err().0, Ended::Garbled);
    }
}
