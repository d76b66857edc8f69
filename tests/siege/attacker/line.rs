//! One connection of an attacker: TCP from an address of its choice, a PROXY header, TLS.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustls::ClientConnection;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::ears::{Ears, Http1, Http2};
use super::tls::handshake;
use super::{Field, Way};

/// How much of what must be said before HTTP a connection says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing: the attack is about that.
    Bare,
    /// The PROXY header, where there is one.
    Named,
    /// The TLS handshake too.
    Whole,
}

#[derive(Debug)]
pub struct Line {
    pub(super) stream: TcpStream,
    pub tls: Option<Box<ClientConnection>>,
    pub ears: Ears,
    /// Which one of its attacker's connections it is.
    pub number: u32,
    /// Nothing is ever read.
    is_deaf: bool,
}

/// So many addresses behind the first one.
fn address(first: IpAddr, number: u32) -> IpAddr {
    match first {
        IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() + number).into(),
        v6 @ IpAddr::V6(_) => v6,
    }
}

impl Line {
    pub async fn open(field: &Field) -> io::Result<Self> {
        let orders = &field.orders;
        let number = field.number();
        let deaf = orders.attack.is_deaf();
        let from = address(orders.from, number % orders.addresses.max(1));
        let stream = connect(from, orders.to, deaf).await?;
        let ears = match orders.way {
            Way::Plain | Way::Tls => Ears::Http1(Http1::default()),
            Way::H2c | Way::H2 => Ears::Http2(Http2::default()),
        };
        let mut line = Self { stream, tls: None, ears, number, is_deaf: deaf };
        let opening = orders.attack.opening();
        if let (Some(source), true) = (orders.source, opening != Opening::Bare) {
            let header = format!("PROXY TCP4 {source} {} 40000 80\r\n", orders.to.ip());
            line.put(header.as_bytes()).await?;
        }
        if let (Some(client), Opening::Whole) = (&field.tls, opening) {
            line.tls = Some(Box::new(handshake(client)));
            line.shake_hands().await?;
        }
        Ok(line)
    }

    async fn shake_hands(&mut self) -> io::Result<()> {
        loop {
            self.flush().await?;
            if self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking()) {
                return Ok(());
            }
            self.stream.readable().await?;
            self.take()?;
        }
    }

    /// Writes all of it; what comes meanwhile is heard, unless the attacker is deaf.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(16 << 10) {
            let Some(tls) = &mut self.tls else { return self.put(bytes).await };
            tls.writer().write_all(piece)?;
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends what TLS has to say.
    pub async fn flush(&mut self) -> io::Result<()> {
        let mut records = Vec::new();
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut records)?;
            }
        }
        self.put(&records).await
    }

    /// Writes these bytes on the TCP connection, whatever they are.
    pub async fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.is_deaf {
                        self.stream.writable().await?;
                    } else {
                        tokio::select! {
                            ready = self.stream.writable() => ready?,
                            ready = self.stream.readable() => {
                                ready?;
                                self.hear_now()?;
                            }
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Hears what is there, without waiting.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn hear_now(&mut self) -> io::Result<()> {
        while !self.is_deaf && self.take()? {}
        Ok(())
    }

    /// Waits for something to hear.
    pub async fn hear(&mut self) -> io::Result<()> {
        self.stream.readable().await?;
        self.hear_now()
    }

    /// Hears until so many answers or streams are over.
    pub async fn hear_until(&mut self, count: u64) -> io::Result<()> {
        while self.ears.over() < count {
            self.hear().await?;
        }
        Ok(())
    }

    /// Hears for so long.
    pub async fn hear_within(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        loop {
            match timeout_at(end, self.hear()).await {
                Ok(heard) => heard?,
                Err(_) => return Ok(()),
            }
        }
    }

    /// Hears until the gate ends the connection, as an error.
    pub async fn hear_to_the_end(&mut self) -> io::Result<()> {
        loop {
            self.hear().await?;
        }
    }

    /// The same without listening to what is said.
    pub async fn ignore_to_the_end(&mut self) -> io::Result<()> {
        self.tls = None;
        self.hear_to_the_end().await
    }

    /// Takes one byte, if there is one.
    pub async fn sip(&mut self) -> io::Result<()> {
        self.stream.readable().await?;
        match self.stream.try_read(&mut [0]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// One read of the socket; false when there is nothing.
    fn take(&mut self) -> io::Result<bool> {
        let mut room = [0u8; 16 << 10];
        let count = match self.stream.try_read(&mut room) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut bytes = &room[..count];
        let Some(tls) = &mut self.tls else {
            self.ears.hear(bytes);
            return Ok(true);
        };
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let mut plain = vec![0; state.plaintext_bytes_to_read()];
            tls.reader().read_exact(&mut plain)?;
            self.ears.hear(&plain);
            if state.peer_has_closed() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(true)
    }

    /// Says that nothing more will come.
    pub async fn half_close(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.flush().await?;
        }
        SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write)
    }

    /// The close that follows is a reset.
    pub fn reset_at_close(&self) {
        // At worst it is closed politely.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

async fn connect(from: IpAddr, to: SocketAddr, narrow: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if narrow {
        socket.set_recv_buffer_size(1)?;
    }
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    TcpSocket::from_std_stream(socket.into()).connect(to).await
}
