//! One connection to the proxy: opened, asked, closed.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Longer than any proxy here takes; a run never hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open connection.
pub enum Connection {
    Plain(TcpStream),
    Secured(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// Opens a socket, from `source` where that matters.
///
/// # Errors
/// The kernel's.
pub fn open(to: SocketAddr, source: Option<Ipv4Addr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into())?;
    }
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(&to.into())?;
    Ok(socket)
}

impl Connection {
    /// Connects; the handshake happens with the first bytes.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(
        to: SocketAddr,
        source: Option<Ipv4Addr>,
        tls: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Self> {
        let socket = TcpStream::from(open(to, source)?);
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let Some(config) = tls else { return Ok(Self::Plain(socket)) };
        let name = ServerName::from(to.ip());
        let client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Self::Secured(Box::new(StreamOwned::new(client, socket))))
    }

    /// Whether the proxy closed while the connection idled. A sender that keeps connections looks before it
    /// sends; what is closed under a request that is on its way is another matter.
    pub fn was_closed(&self) -> bool {
        const PEEK_NOW: i32 = 0x2 | 0x40; // MSG_PEEK, MSG_DONTWAIT
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Secured(stream) => &stream.sock,
        };
        matches!(SockRef::from(stream).recv_with_flags(&mut [MaybeUninit::uninit()], PEEK_NOW), Ok(0))
    }

    /// Whether the handshake was resumed from a ticket.
    pub fn is_resumed(&self) -> bool {
        matches!(self, Self::Secured(stream) if stream.conn.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// Sends a request and reads its answer whole: its status.
    ///
    /// # Errors
    /// The connection broke, or what came is no answer.
    pub fn ask(&mut self, request: &[u8], room: &mut Vec<u8>) -> io::Result<u16> {
        self.write_all(request)?;
        room.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| room.len() < whole) {
            let before = room.len();
            room.resize(before + 4096, 0);
            let count = self.read(&mut room[before..])?;
            room.truncate(before + count);
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if whole.is_none() {
                whole = length(room)?;
            }
        }
        let status = room.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        status.ok_or_else(|| io::Error::other("no status"))
    }

    /// Waits for the proxy to close, as it was asked to.
    ///
    /// # Errors
    /// It said something more, or did not close in time.
    pub fn wait_closed(&mut self) -> io::Result<()> {
        match self.read(&mut [0; 64]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(io::Error::other("more than one answer")),
            // Without a close_notify it is closed all the same.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Secured(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(room),
            Self::Secured(stream) => stream.read(room),
        }
    }
}

/// Bytes of the whole answer, as soon as its head is there.
fn length(answer: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end]).map_err(io::Error::other)?;
    let body = head.lines().rev().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.map(|body| Some(end + 4 + body)).ok_or_else(|| io::Error::other("no Content-Length"))
}
