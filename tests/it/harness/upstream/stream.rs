//! A connection of the upstream, and how the acts of a script are done on it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use socket2::SockRef;

use super::script::Act;
use crate::harness::http::{Head, Wire};

pub trait Stream: Read + Write + Send {
    fn end(&self, reset: bool);
    fn bound(&self, within: Option<Duration>);
}

impl Stream for TcpStream {
    fn end(&self, reset: bool) {
        if reset {
            // With SO_LINGER 0 the close that follows sends RST; a shutdown first would send FIN.
            let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
        } else {
            let _ = self.shutdown(Shutdown::Both);
        }
    }

    fn bound(&self, within: Option<Duration>) {
        let _ = self.set_read_timeout(within);
    }
}

impl Stream for UnixStream {
    fn end(&self, reset: bool) {
        assert!(!reset, "a UNIX socket knows no RST");
        let _ = self.shutdown(Shutdown::Both);
    }

    fn bound(&self, within: Option<Duration>) {
        let _ = self.set_read_timeout(within);
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn end(&self, reset: bool) {
        self.sock.end(reset);
    }

    fn bound(&self, within: Option<Duration>) {
        self.sock.bound(within);
    }
}

/// Runs the acts; false when the connection is over. `said` is called right before the last bytes go out, so that
/// nobody can have read them while the record still lacks them; a write that fails after that is an error.
pub fn perform(
    acts: &[Act],
    wire: &mut Wire,
    stream: &mut Box<dyn Stream>,
    said: impl Fn(),
) -> io::Result<bool> {
    let last = acts.iter().rposition(|act| matches!(act, Act::Send(_)));
    for (at, act) in acts.iter().enumerate() {
        match act {
            Act::Send(bytes) => {
                if Some(at) == last {
                    said();
                }
                stream.write_all(bytes)?;
            }
            Act::Pause(time) => thread::sleep(*time),
            Act::Until(latch) => latch.wait(),
            Act::Tell(latch) => latch.release(),
            Act::Hold => {
                wire.rest(stream)?;
                return Ok(false);
            }
            Act::CloseIdle(time) => {
                stream.bound(Some(*time));
                let more = wire.fill(stream);
                stream.bound(None);
                if !matches!(more, Ok(n) if n > 0) {
                    stream.end(false);
                    return Ok(false);
                }
            }
            Act::Close | Act::Reset => {
                stream.end(matches!(act, Act::Reset));
                return Ok(false);
            }
        }
    }
    Ok(true)
}

pub fn read_body(wire: &mut Wire, stream: &mut Box<dyn Stream>, head: &Head) -> io::Result<Vec<u8>> {
    if !head.all("transfer-encoding").is_empty() {
        return wire.chunked(stream);
    }
    // The first of several is enough here: the tests that care look at the head's bytes.
    let length = head.all("content-length").first().and_then(|value| value.parse().ok()).unwrap_or(0);
    wire.exactly(stream, length)
}
