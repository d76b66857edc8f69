//! A sender: sends one request from one loopback address, and reads the reply.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::cli::webhooks::samples::Sample;

/// An address in the demo's list.
pub(super) const ADMITTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// An address in no list.
pub(super) const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Longer than any deadline of the gate, so that the gate's own answer arrives.
const PATIENCE: Duration = Duration::from_secs(20);

/// The reply that a sender got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a sample to the gate from an address.
///
/// # Errors
/// The address cannot be used on this machine, or no HTTP answer came.
pub(super) fn send(sample: &Sample, from: Ipv4Addr, gate: SocketAddr) -> io::Result<Reply> {
    let mut stream = connect(from, gate)?;
    let mut request = format!("{} {} HTTP/1.1\r\nHost: {gate}\r\n", sample.method, sample.target);
    // Writing to a String cannot fail.
    for (name, value) in &sample.headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    if sample.method == "POST" {
        let _ = write!(request, "Content-Length: {}\r\n", sample.body.len());
    }
    request.push_str("Connection: close\r\n\r\n");
    request.push_str(&sample.body);
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    read(&answer)
}

fn connect(from: Ipv4Addr, gate: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into()).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("{from} cannot be used on this machine ({error}); on Linux every 127.x.y.z can"),
        )
    })?;
    socket.connect_timeout(&gate.into(), PATIENCE)?;
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn read(answer: &[u8]) -> io::Result<Reply> {
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut lines);
    match head.parse(answer) {
        Ok(httparse::Status::Complete(length)) => {
            Ok(Reply { status: head.code.unwrap_or_default(), body: answer[length..].to_vec() })
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer")),
    }
}
