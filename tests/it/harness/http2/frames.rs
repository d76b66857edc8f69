//! HTTP/2 frame by frame: what any client may write, and what no well-behaved one does.

use std::io::{self, Write as _};

use super::super::http::Wire;
use super::super::sender::transport::Transport;
use super::hpack::{self, Field};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
/// Of SETTINGS and PING.
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// Error codes, of `RST_STREAM` and `GOAWAY`.
pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// What a client begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The 32-bit number at this place of the payload: an error code, a window.
    pub fn number(&self, at: usize) -> u32 {
        let bytes = self.payload.get(at..at + 4).expect("a number");
        u32::from_be_bytes(bytes.try_into().expect("four bytes"))
    }
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The preface with these settings.
pub fn begin(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = settings
        .iter()
        .flat_map(|(key, value)| [&key.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    [PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()
}

pub fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// A request's header in one HEADERS frame, which ends the stream if `end` says so.
pub fn headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(stream: u32, fields: &[(N, V)], end: bool) -> Vec<u8> {
    let flags = END_HEADERS | if end { END_STREAM } else { 0 };
    frame(HEADERS, flags, stream, &hpack::literals(fields))
}

/// The usual request.
pub fn get(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, &head("GET", path), true)
}

/// The pseudo-header fields of a request.
pub fn head<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", "hooks.example")]
}

/// One end of a connection.
pub struct Frames {
    pub transport: Box<dyn Transport>,
    wire: Wire,
    table: hpack::Table,
}

impl Frames {
    pub fn over(transport: Box<dyn Transport>) -> Self {
        Self { transport, wire: Wire::default(), table: hpack::Table::default() }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.transport.write_all(bytes)?;
        self.transport.flush()
    }

    /// The next frame; `None` at the end of the connection.
    pub fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let ahead = &self.wire.ahead;
            if let Some(head) = ahead.get(..9) {
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                if ahead.len() >= 9 + length {
                    let (kind, flags) = (head[3], head[4]);
                    let stream =
                        u32::from_be_bytes(head[5..9].try_into().expect("four bytes")) & (u32::MAX >> 1);
                    let payload = self.wire.ahead.drain(..9 + length).skip(9).collect();
                    return Ok(Some(Frame { kind, flags, stream, payload }));
                }
            }
            if self.wire.fill(&mut self.transport)? == 0 {
                return if self.wire.ahead.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// The fields of a HEADERS frame that is whole. Each is to be read once, in order: the table remembers.
    pub fn fields(&mut self, frame: &Frame) -> Vec<Field> {
        assert!(frame.has(END_HEADERS), "a header in several frames");
        assert!(frame.flags & (8 | 32) == 0, "padding or priority in a header of the gate");
        self.table.read(&frame.payload)
    }
}
