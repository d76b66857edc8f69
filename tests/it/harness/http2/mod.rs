//! HTTP/2 as a transport of the tests' HTTP/1 bytes: what a test writes as a request travels as a stream, and what
//! comes back is read as a response, in the order of the requests.
//!
//! So a test that speaks in requests and replies holds over HTTP/2 as it stands. It is a client of our own make, on
//! purpose: the gate's library does not meet itself. What HTTP/2 cannot say (`Connection`, a malformed head) panics: a
//! test that needs it says so by [`Setup::http1`](super::Setup::http1).

pub mod frames;
pub mod hpack;
pub mod raw;
mod request;

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::TcpStream;

use frames::{
    ACK, DATA, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use request::{Part, RequestReader};

use super::sender::transport::{Handshake, Transport};

/// A DATA frame may be this long without asking.
const MAX_FRAME: usize = 16 * 1024;
const FIRST_WINDOW: i64 = 65_535;

pub struct Http2Transport {
    frames: Frames,
    scheme: &'static str,
    begun: bool,
    request: RequestReader,
    /// The last stream that was opened.
    stream: u32,
    /// Streams whose answer was not read whole, in the order of their requests.
    asked: VecDeque<u32>,
    answers: HashMap<u32, Answer>,
    /// How much may be sent: on the connection, on a new stream, on each stream.
    window: i64,
    first_window: i64,
    windows: HashMap<u32, i64>,
    leaving: bool,
}

/// What came of one stream.
#[derive(Default)]
struct Answer {
    /// Bytes of HTTP/1 that were not read yet.
    bytes: VecDeque<u8>,
    to_head: bool,
    status: Option<u16>,
    announced: Option<usize>,
    length: usize,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Reset,
}

impl Http2Transport {
    pub fn over(transport: impl Transport + 'static, tls: bool) -> Self {
        Self {
            frames: Frames::over(Box::new(transport)),
            scheme: if tls { "https" } else { "http" },
            begun: false,
            request: RequestReader::default(),
            stream: 0,
            asked: VecDeque::new(),
            answers: HashMap::new(),
            window: FIRST_WINDOW,
            first_window: FIRST_WINDOW,
            windows: HashMap::new(),
            leaving: false,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        self.begun = true;
        self.frames.send(&frames::begin(&[]))?;
        if let Some(handshake) = self.frames.transport.handshake() {
            assert_eq!(handshake.alpn.as_deref(), Some(&b"h2"[..]), "HTTP/2 was not agreed on");
        }
        Ok(())
    }

    fn open(&mut self, fields: &[request::Field], end: bool) -> io::Result<()> {
        self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
        let to_head = fields.iter().any(|(name, value)| name == ":method" && value == b"HEAD");
        self.asked.push_back(self.stream);
        self.answers.insert(self.stream, Answer { to_head, ..Answer::default() });
        self.windows.insert(self.stream, self.first_window);
        self.frames.send(&frames::headers(self.stream, fields, end))
    }

    /// Sends as the windows allow. What the gate does not want any more is not sent.
    fn send_body(&mut self, mut bytes: &[u8], end: bool) -> io::Result<()> {
        if bytes.is_empty() && !end {
            return Ok(());
        }
        loop {
            if self.answers.get(&self.stream).is_none_or(|answer| answer.end.is_some()) {
                return Ok(());
            }
            let window = self.windows.get_mut(&self.stream).expect("an open stream");
            let room = usize::try_from((*window).min(self.window)).unwrap_or(0).min(MAX_FRAME);
            if room == 0 && !bytes.is_empty() {
                if !self.take()? {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                continue;
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(room));
            let used = i64::try_from(piece.len()).expect("small");
            *window -= used;
            self.window -= used;
            let flags = if end && rest.is_empty() { END_STREAM } else { 0 };
            self.frames.send(&frames::frame(DATA, flags, self.stream, piece))?;
            bytes = rest;
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes in one frame; false at the end of the connection.
    fn take(&mut self) -> io::Result<bool> {
        let Some(frame) = self.frames.next()? else { return Ok(false) };
        match frame.kind {
            SETTINGS if !frame.has(ACK) => {
                for setting in frame.payload.chunks(6) {
                    let value = u32::from_be_bytes(setting[2..].try_into().expect("four bytes")).into();
                    if setting[..2] == frames::INITIAL_WINDOW_SIZE.to_be_bytes() {
                        self.windows.values_mut().for_each(|window| *window += value - self.first_window);
                        self.first_window = value;
                    }
                }
                self.frames.send(&frames::frame(SETTINGS, ACK, 0, &[]))?;
            }
            PING if !frame.has(ACK) => {
                self.frames.send(&frames::frame(PING, ACK, 0, &frame.payload))?;
            }
            WINDOW_UPDATE if frame.stream == 0 => self.window += i64::from(frame.number(0)),
            WINDOW_UPDATE => {
                if let Some(window) = self.windows.get_mut(&frame.stream) {
                    *window += i64::from(frame.number(0));
                }
            }
            HEADERS => self.hear_head(&frame),
            DATA => {
                let length = frame.payload.len();
                if length > 0 {
                    let by = u32::try_from(length).expect("a small frame");
                    let more =
                        [frames::window_update(0, by), frames::window_update(frame.stream, by)].concat();
                    // A gate that has closed its side has nothing more to send anyway.
                    let _ = self.frames.send(&more);
                }
                let answer = self.answers.get_mut(&frame.stream).expect("DATA of a stream that was asked");
                answer.bytes.extend(&frame.payload);
                answer.length += length;
                answer.end_if(frame.has(END_STREAM));
            }
            RST_STREAM => {
                if let Some(answer) = self.answers.get_mut(&frame.stream)
                    && answer.end.is_none()
                {
                    answer.end = Some(End::Reset);
                }
            }
            GOAWAY => self.leaving = true,
            _ => {}
        }
        Ok(true)
    }

    fn hear_head(&mut self, frame: &Frame) {
        let fields = self.frames.fields(frame);
        let answer = self.answers.get_mut(&frame.stream).expect("HEADERS of a stream that was asked");
        let mut text = Vec::new();
        for (name, value) in &fields {
            let shown = String::from_utf8_lossy(name).into_owned();
            assert_eq!(shown, shown.to_ascii_lowercase(), "a field in HTTP/2");
            match shown.as_str() {
                ":status" => answer.status = String::from_utf8_lossy(value).parse().ok(),
                "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" => {
                    panic!("{shown} in an answer of HTTP/2");
                }
                _ => {
                    if shown == "content-length" {
                        answer.announced = String::from_utf8_lossy(value).parse().ok();
                    }
                    text.extend([name, &b": "[..], value, b"\r\n"].concat());
                }
            }
        }
        let status = answer.status.expect("a status");
        answer.bytes.extend(format!("HTTP/1.1 {status} \r\n").bytes());
        answer.bytes.extend(text);
        if status >= 200 {
            let bodiless = answer.to_head || matches!(status, 204 | 304);
            if frame.has(END_STREAM) && answer.announced.is_none() && !bodiless {
                answer.bytes.extend(b"Content-Length: 0\r\n");
            }
            if self.leaving {
                answer.bytes.extend(b"Connection: close\r\n");
            }
        }
        answer.bytes.extend(b"\r\n");
        answer.end_if(frame.has(END_STREAM));
    }
}

impl Answer {
    fn end_if(&mut self, end: bool) {
        if !end {
            return;
        }
        self.end = Some(End::Whole);
        let bodiless = self.to_head || matches!(self.status, Some(204 | 304));
        if bodiless {
            assert_eq!(self.length, 0, "a body where there is none");
        } else if let Some(announced) = self.announced {
            assert_eq!(self.length, announced, "the length that was announced");
        } else {
            assert_eq!(self.length, 0, "a body without a length");
        }
    }
}

impl Write for Http2Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.begun {
            self.begin()?;
        }
        self.request.take(bytes);
        // Chunks of HTTP/1 are no frames: what is there goes out together.
        let mut body = Vec::new();
        while let Some(part) = self.request.next(self.scheme) {
            match part {
                Part::Head { fields, end } => self.open(&fields, end)?,
                Part::Body { bytes, end } => {
                    body.extend(bytes);
                    if end {
                        self.send_body(&std::mem::take(&mut body), true)?;
                    }
                }
                Part::Trailers(fields) => {
                    self.send_body(&std::mem::take(&mut body), false)?;
                    self.frames.send(&frames::headers(self.stream, &fields, true))?;
                }
            }
        }
        self.send_body(&body, false)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.frames.transport.flush()
    }
}

impl Read for Http2Transport {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(stream) = self.asked.front().copied() {
                let answer = self.answers.get_mut(&stream).expect("an answer");
                if !answer.bytes.is_empty() {
                    return answer.bytes.read(into);
                }
                if let Some(end) = answer.end {
                    self.asked.pop_front();
                    self.answers.remove(&stream);
                    self.windows.remove(&stream);
                    if end == End::Reset {
                        return Err(io::ErrorKind::ConnectionReset.into());
                    }
                    continue;
                }
            }
            if !self.take()? {
                return Ok(0);
            }
        }
    }
}

impl Transport for Http2Transport {
    fn socket(&self) -> &TcpStream {
        self.frames.transport.socket()
    }

    fn half_close(&mut self) {
        self.frames.transport.half_close();
    }

    fn handshake(&self) -> Option<Handshake> {
        self.frames.transport.handshake()
    }
}
