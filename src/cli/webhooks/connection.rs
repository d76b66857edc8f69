//! A connection to where webhooks are sent: TCP, TLS where the address has it, and who the sender seems to be.
//!
//! Invariant: each wait ends at one moment, however slowly the other end sends, and soon after the user wants to stop.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::cli::child::stop::Wish;
use crate::policy::provider::tries::Ended;

/// How long a read or a write waits before it asks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// How a gate learns who the sender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Via {
    /// A header line, as a proxy writes it
    XForwardedFor,
    /// A PROXY header of version 2 before the request
    ProxyV2,
    /// The address of the socket itself: it must be one of this machine
    Socket,
}

/// Where to connect, and as whom.
pub(crate) struct Line {
    /// The addresses of the host.
    pub addresses: Vec<SocketAddr>,
    /// TLS, and the name of the server.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// The sender.
    pub from: Option<(IpAddr, Via)>,
    /// Ends what is under way.
    pub(in crate::cli) stop: Arc<Wish>,
}

/// Why there is no connection, or no more.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Failed {
    /// What the sender makes of it.
    pub ended: Ended,
    /// What happened, in words.
    pub why: String,
}

impl Failed {
    /// A failure of the system, or of TLS.
    pub(crate) fn of(error: &io::Error, otherwise: Ended) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let (ended, why) = match (tls, error.kind()) {
            (Some(rustls::Error::InvalidCertificate(why)), _) => {
                (Ended::Untrusted, format!("the certificate: {why:?}"))
            }
            (Some(rustls::Error::InvalidMessage(_)), _) => {
                (Ended::Garbled, "the answer is not TLS".to_owned())
            }
            (Some(other), _) => (Ended::Closed, format!("TLS: {other}")),
            (None, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                (Ended::TimedOut, "time-out".to_owned())
            }
            (None, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                (Ended::Closed, "the connection was reset".to_owned())
            }
            (None, io::ErrorKind::UnexpectedEof) => (Ended::Closed, "the connection was closed".to_owned()),
            (None, io::ErrorKind::ConnectionRefused) => (otherwise, "connection refused".to_owned()),
            (None, _) => (otherwise, error.to_string()),
        };
        Self { ended, why }
    }
}

/// A connection whose waits end at one moment.
struct Timed {
    tcp: TcpStream,
    until: Instant,
    stop: Arc<Wish>,
}

impl Timed {
    /// Does it again while nothing came and there is time.
    fn in_time(&self, mut one: impl FnMut(Duration) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if self.stop.is_said() {
                return Err(io::Error::other("stopped"));
            }
            match one(left.min(GLANCE)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.in_time(|within| {
            self.tcp.set_read_timeout(Some(within))?;
            (&self.tcp).read(buffer)
        })
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.in_time(|within| {
            self.tcp.set_write_timeout(Some(within))?;
            (&self.tcp).write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// An open connection.
pub(crate) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Line {
    /// Opens a connection within a time; what follows has its own time, from the moment on that it is open.
    ///
    /// # Errors
    /// No address accepted it, or not in time, or the TLS handshake failed.
    pub(crate) fn open(&self, within: Duration, then: Duration) -> Result<Box<dyn Stream>, Failed> {
        let until = Instant::now() + within;
        let mut last = Failed { ended: Ended::NoConnection, why: "the name has no address".to_owned() };
        for address in &self.addresses {
            match self.connect(*address, until) {
                Ok(tcp) => return self.begin(tcp, *address, Instant::now() + then),
                Err(error) => last = Failed::of(&error, Ended::NoConnection),
            }
        }
        Err(last)
    }

    fn connect(&self, to: SocketAddr, until: Instant) -> io::Result<TcpStream> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        if let Some((from, Via::Socket)) = self.from {
            socket.bind(&SocketAddr::new(from, 0).into()).map_err(|error| {
                let hint = if from.is_loopback() { "; on Linux every 127.x.y.z can" } else { "" };
                io::Error::other(format!(
                    "{from} cannot be used as the sender on this machine: {error}{hint}"
                ))
            })?;
        }
        socket.connect_timeout(&to.into(), left)?;
        let tcp: TcpStream = socket.into();
        // A small request must not wait for an acknowledgement. Where it cannot be set, it only waits.
        let _ = tcp.set_nodelay(true);
        Ok(tcp)
    }

    fn begin(&self, tcp: TcpStream, to: SocketAddr, until: Instant) -> Result<Box<dyn Stream>, Failed> {
        let failed = |error: io::Error| Failed::of(&error, Ended::Closed);
        let mut timed = Timed { tcp, until, stop: Arc::clone(&self.stop) };
        if let Some((from, Via::ProxyV2)) = self.from {
            timed.write_all(&proxy_header(from, to)).map_err(failed)?;
        }
        let Some((config, name)) = &self.tls else { return Ok(Box::new(timed)) };
        let tls = ClientConnection::new(Arc::clone(config), name.clone());
        let mut tls = tls.map_err(|error| failed(io::Error::other(error)))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut timed).map_err(failed)?;
        }
        Ok(Box::new(StreamOwned::new(tls, timed)))
    }
}

/// A header of version 2 for a connection from an address (HAProxy's proxy-protocol.txt, section 2.2).
fn proxy_header(from: IpAddr, to: SocketAddr) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    let ports = [54_321u16.to_be_bytes(), to.port().to_be_bytes()].concat();
    match (from, to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.extend_from_slice(&[0x11, 0, 12]);
            header.extend_from_slice(&[from.octets(), to.octets()].concat());
        }
        (from, to) => {
            let wide = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            header.extend_from_slice(&[0x21, 0, 36]);
            header.extend_from_slice(&[wide(from), wide(to)].concat());
        }
    }
    header.extend_from_slice(&ports);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::addr::Address;
    use crate::policy::client::proxy_header::parse;

    #[test]
    fn the_gates_own_parser_reads_the_header_that_is_sent() {
        for (from, to) in [
            ("216.147.0.9", "127.0.0.1:80"),
            ("2001:db8::9", "[::1]:65535"),
            ("216.147.0.9", "[::1]:80"),
            ("2001:db8::9", "127.0.0.1:80"),
        ] {
            let from: IpAddr = from.parse().unwrap();
            let header = proxy_header(from, to.parse().unwrap());
            let (read, length) = parse(&header).unwrap().unwrap();
            assert_eq!((read.source, length), (Some(Address::new(from)), header.len()), "{to}");
        }
    }
}
