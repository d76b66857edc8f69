//! What a sender's bytes travel over: plain TCP, or TLS on it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use socket2::SockRef;

use crate::harness::test_ca::HOST;

/// How senders speak to an address; by default in plain HTTP/1.
#[derive(Clone, Default)]
pub struct Protocol {
    pub tls: Option<Arc<ClientConfig>>,
    /// What they write as HTTP/1 travels as HTTP/2.
    pub http2: bool,
}

pub trait Transport: Read + Write + Send {
    fn socket(&self) -> &TcpStream;

    /// Says that nothing more will be sent.
    fn half_close(&mut self);

    /// What the handshake was, if there was one.
    fn handshake(&self) -> Option<Handshake> {
        None
    }

    fn bound_reads(&self, within: Duration) {
        self.socket().set_read_timeout(Some(within)).expect("a read time-out");
    }

    /// The close that follows is an RST.
    fn reset_at_close(&self) {
        SockRef::from(self.socket()).set_linger(Some(Duration::ZERO)).expect("SO_LINGER 0");
    }
}

/// What a client learnt in its handshake.
pub struct Handshake {
    /// The certificate that the gate showed, as DER.
    pub certificate: Vec<u8>,
    pub alpn: Option<Vec<u8>>,
    pub resumed: bool,
}

impl Transport for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    fn half_close(&mut self) {
        self.shutdown(Shutdown::Write).expect("half-close");
    }
}

/// Reads what has come also when the gate has hung up and nothing more can be written, as a plain socket does.
pub struct TlsStream {
    conn: ClientConnection,
    sock: TcpStream,
}

/// The handshake is made with the first byte that is written or read.
pub fn tls(stream: TcpStream, config: Arc<ClientConfig>, name: &str) -> TlsStream {
    let name = name.to_owned().try_into().expect("a host name");
    TlsStream { conn: ClientConnection::new(config, name).expect("a client"), sock: stream }
}

/// The same for the host that test certificates are for.
pub fn to_host(stream: TcpStream, config: Arc<ClientConfig>) -> TlsStream {
    tls(stream, config, HOST)
}

impl TlsStream {
    fn shake_hands(&mut self) -> io::Result<()> {
        while self.conn.is_handshaking() {
            self.conn.complete_io(&mut self.sock)?;
        }
        Ok(())
    }
}

impl Read for TlsStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.shake_hands()?;
        loop {
            match self.conn.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            self.conn.read_tls(&mut self.sock)?;
            let judged = self.conn.process_new_packets();
            judged.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.shake_hands()?;
        let taken = self.conn.writer().write(bytes)?;
        self.flush()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.conn.wants_write() {
            self.conn.write_tls(&mut self.sock)?;
        }
        Ok(())
    }
}

impl Transport for TlsStream {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    fn half_close(&mut self) {
        self.conn.send_close_notify();
        self.flush().expect("close_notify");
        self.sock.shutdown(Shutdown::Write).expect("half-close");
    }

    fn handshake(&self) -> Option<Handshake> {
        let certificate = self.conn.peer_certificates()?.first()?.to_vec();
        let alpn = self.conn.alpn_protocol().map(<[u8]>::to_vec);
        Some(Handshake {
            certificate,
            alpn,
            resumed: self.conn.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }
}
