//! A port of a test's own, before somebody listens on it and after.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::script::Answer;
use super::{Arrival, Upstream};

/// A port of the test's own that refuses connections until somebody listens.
pub struct Port {
    socket: Socket,
    address: SocketAddr,
}

impl Port {
    pub fn free(ip: &str) -> Self {
        Self::bind(SocketAddr::new(ip.parse().expect("an IP address"), 0)).expect("a free port")
    }

    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().expect("an IP address");
        Ok(Self { socket, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn listen(self, script: impl Fn(&Arrival) -> Answer + Send + Sync + 'static) -> Upstream {
        Upstream::accept_from(self.into_listener(), script, |stream| Box::new(stream))
    }

    /// Listens and never accepts: the returned connections fill the queue, and what comes after them gets no answer.
    pub fn black_hole(&self) -> Vec<TcpStream> {
        self.socket.listen(0).expect("listen");
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&self.address, Duration::from_millis(300)) {
            queued.push(stream);
            assert!(queued.len() < 100, "this kernel does not fill the queue");
        }
        queued
    }

    pub fn into_listener(self) -> TcpListener {
        self.socket.listen(128).expect("listen");
        self.socket.into()
    }
}
