//! An upstream's answer, read whole.
//!
//! Only a complete, unambiguous answer counts: a body cut short, a second Content-Length, a bare LF or
//! a status that HTTP does not know is a failure, never a success. Interim answers are dropped.

use std::io;

use pingora::protocols::Stream;
use tokio::io::AsyncReadExt as _;

use crate::policy::outcome::Reason;
use crate::upstream::answer_head::{BadHead, MAX_HEAD, ParsedHead, parse_head};
use crate::upstream::flaw::Flaw;
use crate::wire::budget::{Budget, reserve};
use crate::wire::chunked::Decoder;
use crate::wire::fields::Fields;

/// Interim answers (1xx) that are dropped before the upstream counts as broken.
const MAX_INTERIM: u8 = 16;
const READ: usize = 4096;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// The header lines that pass.
    pub fields: Fields,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// The Content-Length that was announced: the answer to a HEAD has one but no body.
    pub announced: Option<u64>,
    /// Where a redirect pointed, without its query.
    pub location: Option<Vec<u8>>,
    /// What is known of the connection behind it.
    pub behind: Behind,
}

/// What stands behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Nothing that is known of: the connection may carry another request.
    Nothing,
    /// The connection ends, or its application may still send what no request asked for: the body of an answer that
    /// has none (HEAD, 204, 205, 304) comes from more than one server.
    End,
    /// Bytes that no request asked for.
    Surplus,
}

/// Why there is no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The reason in the log.
    pub reason: Reason,
    /// The connection ended before a single byte of the answer came.
    pub before_first_byte: bool,
    /// The status that it began with.
    pub status: Option<u16>,
    /// What is wrong with it, where it is malformed.
    pub flaw: Option<Flaw>,
}

/// What bounds an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Head and body together.
    pub size: usize,
    /// It answers a HEAD: it has no body whatever it announces.
    pub to_head: bool,
}

/// Reads an answer. `raw` may already hold its first bytes.
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

impl Answer {
    /// Whether the application said when it made the answer.
    #[must_use]
    pub(crate) fn is_dated(&self) -> bool {
        self.fields.values("date").next().is_some()
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

/// Statuses whose answers have no body (RFC 9110 section 6.4.1; a 205 has an empty one).
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

/// The reason for a connection that broke.
#[must_use]
pub(crate) fn ended_by(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Reason::UpstreamReset
        }
        _ => Reason::UpstreamClosed,
    }
}

/// The body (RFC 9112 section 6.3), and what stands behind it. What was read with the head is counted already.
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
            // One byte more than is owed would belong to nobody: it shows at the next use of the connection.
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
    // No length at all: the end of the connection is the end of the body, and only a clean end is one.
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
