//! Many HTTP/1 requests on few connections, each written as it is, several ahead of the answers.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::Spelling;
use crate::harness::PATIENCE;

/// Requests that are on their way at once. Few, since a refusal ends the connection and the rest is sent again.
const AHEAD: usize = 8;
const VERSION: &str = "HTTP/1";

/// An answer; the status is 0 where the connection ended without one.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub version: &'static str,
    pub status: u16,
    pub body: Vec<u8>,
}

pub fn ask_socket(socket: &Path, spellings: &[Spelling]) -> Vec<Heard> {
    ask(
        || {
            let stream = UnixStream::connect(socket).expect("connect to the application");
            stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
            stream
        },
        spellings,
    )
}

/// Asks all of them in their order, on as many connections as it takes.
pub fn ask<S: Read + Write>(mut connect: impl FnMut() -> S, spellings: &[Spelling]) -> Vec<Heard> {
    let mut heard: Vec<Heard> = Vec::with_capacity(spellings.len());
    let mut ahead = AHEAD;
    while heard.len() < spellings.len() {
        let mut answers = Answers { stream: connect(), ahead: Vec::new() };
        let mut sent = heard.len();
        let began = heard.len();
        loop {
            if sent == heard.len() {
                let until = spellings.len().min(sent + ahead);
                if until == sent {
                    break;
                }
                let heads: Vec<u8> = spellings[sent..until].iter().flat_map(Spelling::head).collect();
                // What was answered and hung up on is read all the same.
                let _ = answers.stream.write_all(&heads);
                sent = until;
            }
            if let Ok(Some((answer, close))) = answers.next() {
                heard.push(answer);
                ahead = AHEAD;
                if close {
                    break;
                }
                continue;
            }
            // Whose fault it was shows when it is sent alone.
            if heard.len() == began && ahead == 1 {
                heard.push(Heard { version: VERSION, ..Heard::default() });
            }
            ahead = 1;
            break;
        }
    }
    heard
}

struct Answers<S> {
    stream: S,
    ahead: Vec<u8>,
}

impl<S: Read> Answers<S> {
    fn fill(&mut self) -> io::Result<usize> {
        let mut room = [0u8; 16 * 1024];
        let count = self.stream.read(&mut room)?;
        self.ahead.extend_from_slice(&room[..count]);
        Ok(count)
    }

    /// The next answer, and whether the connection ends with it.
    fn next(&mut self) -> io::Result<Option<(Heard, bool)>> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.ahead[..end]).to_ascii_lowercase();
        let value = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")))
        };
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status");
        let close = value("connection").is_some_and(|value| value == "close");
        let length: usize = value("content-length").map_or(0, |text| text.parse().expect("a length"));
        while self.ahead.len() < end + length {
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
        let body = self.ahead[end..end + length].to_vec();
        self.ahead.drain(..end + length);
        Ok(Some((Heard { version: VERSION, status, body }, close)))
    }
}
