//! A client that writes frames as it likes and hears what comes of each stream. It has no manners unless it is told to:
//! it acknowledges nothing, answers no PING and grants no window.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::{PATIENCE, sender};
use super::frames::{
    self, ACK, DATA, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PING, RST_STREAM, WINDOW_UPDATE,
};

pub struct Raw {
    frames: Frames,
    pub streams: HashMap<u32, Heard>,
    /// The error code of GOAWAY.
    pub goodbye: Option<u32>,
    /// PINGs are answered.
    pub answers_pings: bool,
    pub pings: usize,
    /// PINGs of ours that were answered.
    pongs: usize,
    /// Bytes of window that were granted: the connection's and all streams'.
    pub granted: usize,
    last: u32,
}

/// What came of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub interim: Option<u16>,
    pub status: Option<u16>,
    /// Bytes of the body.
    pub length: usize,
    /// It ended by `END_STREAM`.
    pub whole: bool,
    /// It was reset, with this error code.
    pub reset: Option<u32>,
}

impl Raw {
    pub fn connect(from: &str, to: SocketAddr, settings: &[(u16, u32)]) -> Self {
        Self::open(from, to, settings, None)
    }

    /// Its kernel takes as little as it can.
    pub fn connect_narrow(from: &str, to: SocketAddr, settings: &[(u16, u32)]) -> Self {
        Self::open(from, to, settings, Some(1))
    }

    fn open(from: &str, to: SocketAddr, settings: &[(u16, u32)], receive_buffer: Option<usize>) -> Self {
        let stream = sender::tcp(from, to, receive_buffer).expect("connect to the gate");
        let mut frames = Frames::over(Box::new(stream));
        frames.send(&frames::begin(settings)).expect("the preface");
        Self {
            frames,
            streams: HashMap::new(),
            goodbye: None,
            answers_pings: false,
            pings: 0,
            pongs: 0,
            granted: 0,
            last: 0,
        }
    }

    /// Fails when the gate has ended the connection, or takes nothing for too long.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.frames.send(bytes)
    }

    /// Opens the next stream with this header; its number.
    pub fn ask<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, fields: &[(N, V)], end: bool) -> u32 {
        let stream = self.next_stream();
        self.send(&frames::headers(stream, fields, end)).expect("write to the gate");
        stream
    }

    pub fn next_stream(&mut self) -> u32 {
        self.last = if self.last == 0 { 1 } else { self.last + 2 };
        self.last
    }

    /// Takes in one frame; false at the end of the connection, a reset included.
    pub fn take(&mut self) -> bool {
        let frame = match self.frames.next() {
            Ok(Some(frame)) => frame,
            Ok(None) => return false,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return false,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return false,
            Err(error) => panic!("nothing came from the gate: {error}; so far {:?}", self.streams),
        };
        self.note(&frame);
        true
    }

    fn note(&mut self, frame: &Frame) {
        match frame.kind {
            HEADERS => {
                let fields = self.frames.fields(frame);
                let status = fields.iter().find(|(name, _)| name == b":status").expect("a status");
                let status: u16 = String::from_utf8_lossy(&status.1).parse().expect("a status");
                let heard = self.streams.entry(frame.stream).or_default();
                if status < 200 {
                    heard.interim = Some(status);
                } else {
                    heard.status = Some(status);
                }
                heard.whole = frame.has(END_STREAM);
            }
            DATA => {
                let heard = self.streams.entry(frame.stream).or_default();
                heard.length += frame.payload.len();
                heard.whole = frame.has(END_STREAM);
            }
            RST_STREAM => self.streams.entry(frame.stream).or_default().reset = Some(frame.number(0)),
            GOAWAY => self.goodbye = Some(frame.number(4)),
            WINDOW_UPDATE => self.granted += frame.number(0) as usize,
            PING if !frame.has(ACK) => {
                self.pings += 1;
                if self.answers_pings {
                    // It may be gone meanwhile.
                    let _ = self.send(&frames::frame(PING, ACK, 0, &frame.payload));
                }
            }
            PING => self.pongs += 1,
            _ => {}
        }
    }

    /// Takes in all that was sent before the answer to a PING; false when the connection ended first.
    pub fn ping(&mut self) -> bool {
        let wanted = self.pongs + 1;
        self.send(&frames::frame(PING, 0, 0, &[7; 8])).is_ok()
            && loop {
                if self.pongs == wanted {
                    break true;
                }
                if !self.take() {
                    break false;
                }
            }
    }

    /// What came of this stream, once it has ended; of a connection that ended, what came before.
    pub fn hear(&mut self, stream: u32) -> Heard {
        loop {
            let heard = self.streams.get(&stream).copied().unwrap_or_default();
            if heard.whole || heard.reset.is_some() || !self.take() {
                return self.streams.get(&stream).copied().unwrap_or_default();
            }
        }
    }

    /// Whether the gate ends the connection within `within`.
    pub fn is_closed_within(&mut self, within: Duration) -> bool {
        self.frames.transport.bound_reads(within);
        let closed = loop {
            match self.frames.next() {
                Ok(Some(frame)) => self.note(&frame),
                Ok(None) => break true,
                Err(error) => {
                    break !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                }
            }
        };
        self.frames.transport.bound_reads(PATIENCE);
        closed
    }

    /// Goes away with an RST.
    pub fn reset(self) {
        self.frames.transport.reset_at_close();
    }
}
