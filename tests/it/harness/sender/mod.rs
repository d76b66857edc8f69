//! The sender's side: raw TCP from any 127.x address, exact bytes out, whole responses in.

pub mod latency;
pub mod transport;

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use self::transport::{Handshake, Protocol, Transport};
use super::PATIENCE;
use super::http::{Reply, Wire};
use super::http2::Http2Transport;

/// What came instead of a whole response.
#[derive(Debug)]
pub struct Cut {
    pub why: io::ErrorKind,
    /// Bytes of the response that did come.
    pub got: Vec<u8>,
}

pub struct Sender {
    stream: Box<dyn Transport>,
    wire: Wire,
}

impl Sender {
    /// Plain HTTP/1, to any address. [`Gate::connect`](super::Gate::connect) speaks as the gate's listener does.
    pub fn connect(from: &str, to: SocketAddr) -> Self {
        Self::try_connect(from, to).unwrap_or_else(|why| panic!("connect from {from} to {to}: {why}"))
    }

    pub fn try_connect(from: &str, to: SocketAddr) -> io::Result<Self> {
        Ok(Self::over(tcp(from, to, None)?))
    }

    /// A sender that speaks this protocol on a connection that is there already.
    pub fn speaking(protocol: &Protocol, stream: TcpStream) -> Self {
        let http2 = protocol.http2;
        match &protocol.tls {
            None if http2 => Self::over(Http2Transport::over(stream, false)),
            None => Self::over(stream),
            Some(config) => {
                let secured = transport::to_host(stream, Arc::clone(config));
                if http2 { Self::over(Http2Transport::over(secured, true)) } else { Self::over(secured) }
            }
        }
    }

    /// A sender on a connection that is there already.
    pub fn over(stream: impl Transport + 'static) -> Self {
        Self { stream: Box::new(stream), wire: Wire::default() }
    }

    /// What was learnt in the TLS handshake, once it was made.
    pub fn handshake(&self) -> Option<Handshake> {
        self.stream.handshake()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("write to the gate");
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The next final response; panics when it does not come whole.
    pub fn reply(&mut self) -> Reply {
        self.try_reply().unwrap_or_else(|cut| panic!("no whole response: {cut:?}"))
    }

    pub fn try_reply(&mut self) -> Result<Reply, Cut> {
        self.read_reply(true)
    }

    /// The response to a HEAD request: its framing headers announce a body that does not come.
    pub fn reply_to_head(&mut self) -> Reply {
        self.read_reply(false).unwrap_or_else(|cut| panic!("no whole response: {cut:?}"))
    }

    /// The status of the next interim (1xx) response, and nothing after it.
    pub fn interim(&mut self) -> u16 {
        let head = self
            .wire
            .head(&mut self.stream)
            .expect("an interim response")
            .expect("an interim response, not EOF");
        let status = status_of(&head.start());
        assert!((100..200).contains(&status), "not an interim response: {}", head.text());
        status
    }

    fn read_reply(&mut self, with_body: bool) -> Result<Reply, Cut> {
        let mut got = Vec::new();
        self.read_framed(with_body, &mut got).map_err(|error| {
            got.append(&mut self.wire.ahead);
            // A read time-out on a blocking socket is called WouldBlock on Linux.
            let why = match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut,
                other => other,
            };
            Cut { why, got }
        })
    }

    fn read_framed(&mut self, with_body: bool, got: &mut Vec<u8>) -> io::Result<Reply> {
        let mut interim = Vec::new();
        loop {
            let head = self.wire.head(&mut self.stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            got.extend_from_slice(&head.raw);
            let status = status_of(&head.start());
            if (100..200).contains(&status) {
                interim.push(status);
                continue;
            }
            let length = head.one("content-length");
            let coding = head.one("transfer-encoding");
            assert!(length.is_none() || coding.is_none(), "two framings: {}", head.text());
            let body = if !with_body || matches!(status, 204 | 304) {
                Vec::new()
            } else if coding.is_some() {
                self.wire.chunked(&mut self.stream)?
            } else if let Some(length) = length {
                self.wire.exactly(&mut self.stream, length.parse().expect("a decimal Content-Length"))?
            } else {
                self.wire.rest(&mut self.stream)?
            };
            return Ok(Reply { status, head, body, interim });
        }
    }

    /// Whether the gate closes the connection, saying nothing more, within `within`. An RST is a close too.
    pub fn is_closed_within(&mut self, within: Duration) -> bool {
        match self.silence(within) {
            Some(why) => matches!(why, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset),
            None => false,
        }
    }

    /// Sends one byte at a time, `pause` apart, until the gate answers, closes or all is sent.
    pub fn drip(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            if self.try_send(&[*byte]).is_err()
                || self.silence(pause).is_some()
                || !self.wire.ahead.is_empty()
            {
                return;
            }
        }
    }

    /// Waits `within` for anything to happen: `None` when nothing did or bytes came (see `wire.ahead`).
    fn silence(&mut self, within: Duration) -> Option<io::ErrorKind> {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.stream.bound_reads(left);
            let read = self.wire.fill(&mut self.stream);
            self.stream.bound_reads(PATIENCE);
            match read {
                Ok(0) => return Some(io::ErrorKind::UnexpectedEof),
                Ok(_) => return None,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(error) => return Some(error.kind()),
            }
        }
    }

    /// Everything that comes until the gate closes; a reset ends it too.
    pub fn rest(&mut self) -> Vec<u8> {
        self.wire.rest(&mut self.stream).unwrap_or_else(|_| std::mem::take(&mut self.wire.ahead))
    }

    /// Bytes that came and no response has claimed.
    pub fn left_over(&self) -> &[u8] {
        &self.wire.ahead
    }

    pub fn half_close(&mut self) {
        self.stream.half_close();
    }

    /// Half-closes without what TLS says at its end.
    pub fn half_close_tcp(&self) {
        self.stream.socket().shutdown(Shutdown::Write).expect("half-close");
    }

    /// Goes away with an RST, as a crashed host or an aborted client does. Returns when the kernel has taken
    /// it in on the gate's side: on a busy machine that is some time after it was sent.
    pub fn reset(self) {
        let socket = self.stream.socket();
        let (here, there) =
            (socket.local_addr().expect("its end"), socket.peer_addr().expect("the gate's end"));
        assert!(is_connected(there, here), "it is looked for in the right words");
        self.stream.reset_at_close();
        drop(self);
        let end = Instant::now() + PATIENCE;
        while is_connected(there, here) {
            assert!(Instant::now() < end, "{there} still has a connection with {here}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether the kernel knows a connection of these two, seen from the first one's side.
fn is_connected(one: SocketAddr, other: SocketAddr) -> bool {
    // As `proc(5)` writes an address: the four bytes as a number of this machine, and the port.
    let spelled = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port()),
        SocketAddr::V6(_) => panic!("only IPv4 is looked for"),
    };
    let pair = format!(" {} {} ", spelled(one), spelled(other));
    std::fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp").contains(&pair)
}

/// A connection from this address.
pub fn tcp(from: &str, to: SocketAddr, receive_buffer: Option<usize>) -> io::Result<TcpStream> {
    let from: IpAddr = from.parse().expect("an IP address");
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let stream: TcpStream = socket.into();
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn status_of(start: &[u8]) -> u16 {
    let line = String::from_utf8_lossy(start).into_owned();
    let rest =
        line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("not an HTTP/1.1 status line: {line:?}"));
    rest.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no status code: {line:?}"))
}

/// A sender that keeps its connection as long as the gate lets it, as an HTTP client library does.
pub struct Session {
    from: String,
    to: SocketAddr,
    protocol: Protocol,
    open: Option<Sender>,
}

impl Session {
    /// [`Gate::session`](super::Gate::session) makes one that speaks as the gate's listener does.
    pub fn new(from: &str, to: SocketAddr, protocol: Protocol) -> Self {
        Self { from: from.to_owned(), to, protocol, open: None }
    }

    pub fn ask(&mut self, request: &[u8]) -> Reply {
        self.try_ask(request).unwrap_or_else(|cut| panic!("no whole response from {}: {cut:?}", self.to))
    }

    pub fn try_ask(&mut self, request: &[u8]) -> Result<Reply, Cut> {
        let failed = |error: io::Error| Cut { why: error.kind(), got: Vec::new() };
        let mut sender = if let Some(open) = self.open.take() {
            open
        } else {
            Sender::speaking(&self.protocol, tcp(&self.from, self.to, None).map_err(failed)?)
        };
        sender.try_send(request).map_err(failed)?;
        let reply = sender.try_reply()?;
        if !reply.closes() {
            self.open = Some(sender);
        }
        Ok(reply)
    }
}

/// One request of plain HTTP/1 on a connection of its own.
pub fn ask(from: &str, to: SocketAddr, request: &[u8]) -> Reply {
    Session::new(from, to, Protocol::default()).ask(request)
}
