//! The same requests as HTTP/2 streams, many at once on a connection. Bytes that are no visible ASCII are left to
//! HTTP/1: over HTTP/2 the library refuses them with the whole connection.

use std::collections::HashMap;
use std::net::TcpStream;

use super::Spelling;
use super::pipeline::Heard;
use crate::harness::http2::frames::{
    self, ACK, DATA, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
};

/// Streams that are open at once, below what the gate allows.
const AT_ONCE: usize = 48;
/// Streams on one connection.
const MOST: usize = 3000;
/// All that answers may take without asking again.
const WINDOW: u32 = 1 << 30;

pub fn can_say(spelling: &Spelling) -> bool {
    [&spelling.target, &spelling.host].iter().all(|text| text.iter().all(u8::is_ascii_graphic))
}

/// Asks all of them, on as many connections as it takes.
pub fn ask(mut connect: impl FnMut() -> TcpStream, spellings: &[Spelling]) -> Vec<Heard> {
    let mut heard: Vec<Option<Heard>> = vec![None; spellings.len()];
    let mut at_once = AT_ONCE;
    loop {
        let open: Vec<usize> = (0..heard.len()).filter(|place| heard[*place].is_none()).take(MOST).collect();
        let Some(first) = open.first().copied() else { break };
        let mut connection = Connection::over(connect());
        for some in open.chunks(at_once) {
            if !connection.ask(some, spellings, &mut heard) {
                break;
            }
        }
        // Whose fault it was shows when it is sent alone.
        if heard[first].is_none() && at_once == 1 {
            heard[first] = Some(nothing());
        }
        at_once = if open.iter().all(|place| heard[*place].is_some()) { AT_ONCE } else { 1 };
    }
    heard.into_iter().flatten().collect()
}

fn nothing() -> Heard {
    Heard { version: "HTTP/2", ..Heard::default() }
}

struct Connection {
    frames: Frames,
    next: u32,
}

impl Connection {
    fn over(stream: TcpStream) -> Self {
        let mut frames = Frames::over(Box::new(stream));
        // A gate that hangs up at once is heard when it is read.
        let _ = frames.send(&[frames::begin(&[]), frames::window_update(0, WINDOW)].concat());
        Self { frames, next: 1 }
    }

    /// False when the connection is over.
    fn ask(&mut self, some: &[usize], spellings: &[Spelling], heard: &mut [Option<Heard>]) -> bool {
        let mut open: HashMap<u32, (usize, Heard)> = HashMap::new();
        let mut bytes = Vec::new();
        for place in some {
            let Spelling { target, host } = &spellings[*place];
            let fields: [(&[u8], &[u8]); 4] =
                [(b":method", b"GET"), (b":scheme", b"http"), (b":path", target), (b":authority", host)];
            bytes.extend(frames::headers(self.next, &fields, true));
            open.insert(self.next, (*place, nothing()));
            self.next += 2;
        }
        let _ = self.frames.send(&bytes);
        let mut leaving = false;
        while !open.is_empty() {
            let Ok(Some(frame)) = self.frames.next() else { return false };
            match frame.kind {
                SETTINGS if !frame.has(ACK) => {
                    let _ = self.frames.send(&frames::frame(SETTINGS, ACK, 0, &[]));
                }
                PING if !frame.has(ACK) => {
                    let _ = self.frames.send(&frames::frame(PING, ACK, 0, &frame.payload));
                }
                GOAWAY => leaving = true,
                HEADERS => {
                    let fields = self.frames.fields(&frame);
                    let status = fields.iter().find(|(name, _)| name == b":status").expect("a status");
                    let status = String::from_utf8_lossy(&status.1).parse().expect("a status");
                    open.get_mut(&frame.stream).expect("a stream that was asked").1.status = status;
                }
                DATA => open
                    .get_mut(&frame.stream)
                    .expect("a stream that was asked")
                    .1
                    .body
                    .extend_from_slice(&frame.payload),
                _ => {}
            }
            let ends = matches!(frame.kind, HEADERS | DATA) && frame.has(END_STREAM);
            if (ends || frame.kind == RST_STREAM)
                && let Some((place, answer)) = open.remove(&frame.stream)
            {
                // A stream that was reset was refused without a word.
                heard[place] = Some(if ends { answer } else { nothing() });
            }
        }
        !leaving
    }
}
