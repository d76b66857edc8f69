//! Reads a whole answer from the application.
//!
//! What the answer means for the sender is decided in `policy::delivery`. Interim answers (1xx) are dropped. Invariant:
//! only a complete, unambiguous answer is returned: a body that breaks off, a second Content-Length, a bare LF or a
//! status outside HTTP's range is a failure.

use std::io;

use pingora::protocols::Stream;
use tokio::io::AsyncReadExt as _;

use crate::policy::outcome::Reason;
use crate::upstream::answer_head::{BadHead, MAX_HEAD, ParsedHead, parse_head};
use crate::upstream::flaw::Flaw;
use crate::wire::body::chunked::Decoder;
use crate::wire::budget::{Budget, reserve};
use crate::wire::fields::Fields;
use crate::wire::transport::phrase;

/// How many interim answers (1xx) are dropped before the answer counts as malformed.
const MAX_INTERIM: u8 = 16;
const READ: usize = 4096;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// The header lines that are relayed.
    pub fields: Fields,
    /// The decoded body.
    pub body: Vec<u8>,
    /// The Content-Length that was announced. The answer to a HEAD has one but no body.
    pub announced: Option<u64>,
    /// The target of a redirect, without its query.
    pub location: Option<Vec<u8>>,
    /// What follows the answer on its connection.
    pub behind: Behind,
}

/// What follows an answer on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Nothing has been seen: the connection may carry another request.
    Nothing,
    /// The connection must not be used again: it ends, or the application may still send a body where none is allowed
    /// (HEAD, 204, 205, 304), as some servers do.
    End,
    /// Bytes that no request asked for.
    Surplus,
}

/// Why there is no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The reason in the log.
    pub reason: Reason,
    /// The connection ended before the first byte of the answer.
    pub before_first_byte: bool,
    /// The status of the incomplete answer, if its head was read.
    pub status: Option<u16>,
    /// What is wrong with it, where it is malformed.
    pub flaw: Option<Flaw>,
}

/// The bounds of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The largest size of head and body together.
    pub size: usize,
    /// The request was a HEAD: the answer has no body, whatever it announces.
    pub to_head: bool,
}

/// Reads an answer. `raw` holds the bytes of it that were read while the message was sent.
///
/// # Errors
/// See [`Broken`].
pub(crate) async fn read(
    stream: &mut Stream,
    mut raw: Vec<u8>,
    bounds: Bounds,
    budget: &mut Budget<'_>,
) -> Result<Answer, Broken> {
    let mut interim = 0u8;
    budget.make_room(raw.len()).map_err(broken)?;
    let (head, head_len) = loop {
        match parse_head(&raw) {
            Ok(Some((head, len))) if head.status >= 200 => break (head, len),
            Ok(Some((_, len))) => {
                interim += 1;
                if interim > MAX_INTERIM {
                    return Err(flawed(Flaw::Interim(MAX_INTERIM)));
                }
                raw.drain(..len);
            }
            Ok(None) => fill(stream, &mut raw, interim == 0, budget).await?,
            Err(BadHead::TooLarge) => return Err(broken(Reason::ResponseTooLarge)),
            Err(BadHead::Flawed(flaw)) => return Err(flawed(flaw)),
        }
        if raw.len() > MAX_HEAD + bounds.size {
            return Err(broken(Reason::ResponseTooLarge));
        }
    };
    raw.drain(..head_len);
    let read =
        read_body(stream, raw, &head, bounds.size.saturating_sub(head_len), bounds.to_head, budget).await;
    let (body, behind) = read.map_err(|broken| Broken { status: Some(head.status), ..broken })?;
    Ok(Answer {
        status: head.status,
        fields: head.fields,
        body,
        announced: head.length,
        location: head.location,
        behind: match behind {
            Behind::Nothing if !head.persistent || bounds.to_head || is_bodyless(head.status) => Behind::End,
            behind => behind,
        },
    })
}

/// Whether these bytes are a whole answer that refuses the message: then nobody needs the rest of it. An application that
/// has told success may still read what it has told it for.
#[must_use]
pub(crate) fn is_whole_refusal(mut raw: &[u8], bounds: Bounds) -> bool {
    let (head, rest) = loop {
        match parse_head(raw) {
            Ok(Some((head, len))) if head.status >= 200 => break (head, &raw[len..]),
            Ok(Some((_, len))) => raw = &raw[len..],
            Ok(None) | Err(_) => return false,
        }
    };
    let is_whole = if bounds.to_head || head.status == 304 {
        true
    } else if head.chunked {
        // The end of a body in chunks, unless it is only the end of a chunk.
        rest.ends_with(b"\r\n\r\n") && {
            let mut decoder = Decoder::default();
            decoder.feed(rest, &mut Vec::new()).is_ok() && decoder.is_done()
        }
    } else {
        head.length.is_some_and(|length| rest.len() as u64 >= length)
    };
    head.status >= 300 && is_whole
}

impl Answer {
    /// Whether the application said when it made the answer.
    #[must_use]
    pub(crate) fn is_dated(&self) -> bool {
        self.fields.values("date").next().is_some()
    }

    /// Its status and the lines that are relayed, in the syntax of HTTP/1.
    #[must_use]
    pub(crate) fn head_to_http1(&self) -> Vec<u8> {
        let line = format!("HTTP/1.1 {} {}\r\n", self.status, phrase(self.status));
        let mut out = line.into_bytes();
        self.fields.write(&mut out);
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The value of Content-Type.
    #[must_use]
    pub(crate) fn content_type(&self) -> Option<&[u8]> {
        self.fields.values("content-type").next_back()
    }
}

fn broken(reason: Reason) -> Broken {
    Broken { reason, before_first_byte: false, status: None, flaw: None }
}

fn flawed(flaw: Flaw) -> Broken {
    Broken { flaw: Some(flaw), ..broken(Reason::UpstreamMalformed) }
}

/// Whether an answer with this status has no body (RFC 9110 sections 6.4.1 and 15.3.6; a 205 may have an empty one).
fn is_bodyless(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

async fn fill(
    stream: &mut Stream,
    raw: &mut Vec<u8>,
    fresh: bool,
    budget: &mut Budget<'_>,
) -> Result<(), Broken> {
    let before_first_byte = fresh && raw.is_empty();
    raw.reserve(READ);
    match stream.read_buf(raw).await {
        Ok(0) => Err(Broken { before_first_byte, ..broken(Reason::UpstreamClosed) }),
        Ok(count) => budget.make_room(count).map_err(broken),
        Err(error) => Err(Broken { before_first_byte, ..broken(ended_by(&error)) }),
    }
}

/// The reason for an I/O error on a connection to the application.
#[must_use]
pub(crate) fn ended_by(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Reason::UpstreamReset
        }
        _ => Reason::UpstreamClosed,
    }
}

/// Reads the body (RFC 9112 section 6.3) and finds out what follows it. `rest` holds the bytes that were read with the
/// head; the budget has counted them.
async fn read_body(
    stream: &mut Stream,
    mut rest: Vec<u8>,
    head: &ParsedHead,
    most: usize,
    to_head: bool,
    budget: &mut Budget<'_>,
) -> Result<(Vec<u8>, Behind), Broken> {
    if to_head || matches!(head.status, 204 | 304) {
        return Ok((Vec::new(), surplus_if(!rest.is_empty())));
    }
    if head.chunked {
        return read_chunks(stream, rest, most, budget).await;
    }
    if let Some(length) = head.length {
        let length =
            usize::try_from(length).ok().filter(|l| *l <= most).ok_or(broken(Reason::ResponseTooLarge))?;
        while rest.len() < length {
            let missing = length - rest.len();
            reserve(&mut rest, missing);
            // Read no more than is missing. Surplus bytes are found when the connection is taken from the pool.
            match (&mut *stream).take(missing as u64).read_buf(&mut rest).await {
                Ok(0) => return Err(broken(Reason::UpstreamClosed)),
                Ok(count) => budget.make_room(count).map_err(broken)?,
                Err(error) => return Err(broken(ended_by(&error))),
            }
        }
        let behind = surplus_if(rest.len() > length);
        rest.truncate(length);
        return Ok((rest, behind));
    }
    // Without a length the body ends with the connection. Only a clean end counts, not an error.
    loop {
        if rest.len() > most {
            return Err(broken(Reason::ResponseTooLarge));
        }
        rest.reserve(READ);
        match stream.read_buf(&mut rest).await {
            Ok(0) => return Ok((rest, Behind::End)),
            Ok(count) => budget.make_room(count).map_err(broken)?,
            Err(error) => return Err(broken(ended_by(&error))),
        }
    }
}

fn surplus_if(more: bool) -> Behind {
    if more { Behind::Surplus } else { Behind::Nothing }
}

async fn read_chunks(
    stream: &mut Stream,
    mut wire: Vec<u8>,
    most: usize,
    budget: &mut Budget<'_>,
) -> Result<(Vec<u8>, Behind), Broken> {
    let mut decoder = Decoder::default();
    let mut body = Vec::new();
    loop {
        budget.make_room(wire.len()).map_err(broken)?;
        let used = decoder.feed(&wire, &mut body).map_err(|_| flawed(Flaw::Chunks))?;
        if body.len() > most {
            return Err(broken(Reason::ResponseTooLarge));
        }
        if decoder.is_done() {
            return Ok((body, surplus_if(used < wire.len())));
        }
        wire.clear();
        wire.reserve(READ);
        match stream.read_buf(&mut wire).await {
            Ok(0) => return Err(broken(Reason::UpstreamClosed)),
            Ok(_) => {}
            Err(error) => return Err(broken(ended_by(&error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_that_is_no_success_is_a_refusal() {
        let refusal = |raw: &str, to_head| is_whole_refusal(raw.as_bytes(), Bounds { size: 1000, to_head });
        let whole = [
            "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno",
            "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno and more",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nA: b\r\n\r\n",
        ];
        for raw in whole {
            assert!(refusal(raw, false), "{raw:?}");
            // A part of it is none.
            let end = raw.find(" and").unwrap_or(raw.len());
            for len in 0..end {
                assert!(!refusal(&raw[..len], false), "{:?}", &raw[..len]);
            }
        }
        for raw in [
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 500 No\r\n\r\nuntil the end",
            "HTTP/1.1 500 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
            "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n",
            "no answer",
        ] {
            assert!(!refusal(raw, false), "{raw:?}");
        }
        assert!(refusal("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n", true), "to a HEAD");
    }
}
