//! What a scripted upstream does about a request: complete answers, and every way to fall short of one.

use std::time::Duration;

use super::Arrival;
use crate::harness::Latch;

/// One step of a script.
#[derive(Clone)]
pub enum Act {
    Send(Vec<u8>),
    /// A pause that is part of the misbehaviour, never a wait of the test.
    Pause(Duration),
    Until(Latch),
    /// Lets the test know that the script has come this far.
    Tell(Latch),
    /// Says nothing until the gate hangs up.
    Hold,
    /// Serves the next request if it comes in time, else closes.
    CloseIdle(Duration),
    Close,
    Reset,
}

/// What the upstream does about one request.
#[derive(Clone)]
pub struct Answer {
    pub(super) acts: Vec<Act>,
    pub(super) says: Option<u16>,
    pub(super) before_body: bool,
}

impl Answer {
    /// A complete response with a short body where the status allows one.
    pub fn status(status: u16) -> Self {
        let body: &[u8] = if matches!(status, 204 | 205 | 304) { b"" } else { b"ok" };
        Self::body(status, "text/plain", body)
    }

    pub fn body(status: u16, content_type: &str, body: &[u8]) -> Self {
        let length =
            if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let mut bytes = format!("HTTP/1.1 {status} Scripted\r\nContent-Type: {content_type}\r\n{length}\r\n")
            .into_bytes();
        bytes.extend(body);
        Self::raw(bytes, Some(status))
    }

    /// Exact bytes; `says` is the final status they say completely, if they do.
    pub fn raw(bytes: impl Into<Vec<u8>>, says: Option<u16>) -> Self {
        Self { acts: vec![Act::Send(bytes.into())], says, before_body: false }
    }

    /// Acts that never amount to a complete response.
    pub fn broken(acts: impl Into<Vec<Act>>) -> Self {
        Self { acts: acts.into(), says: None, before_body: false }
    }

    /// These bytes, which are no complete response, and then this.
    pub fn cut(bytes: impl Into<Vec<u8>>, end: Act) -> Self {
        Self::broken([Act::Send(bytes.into()), end])
    }

    pub fn then(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    pub fn first(mut self, act: Act) -> Self {
        self.acts.insert(0, act);
        self
    }

    /// Acts as soon as the head is there and never reads the body.
    pub fn before_body(mut self) -> Self {
        self.before_body = true;
        self
    }
}

/// The script of [`Upstream::echo`].
pub fn echo(arrival: &Arrival) -> Answer {
    Answer::body(200, "text/plain", arrival.target().as_bytes())
}
