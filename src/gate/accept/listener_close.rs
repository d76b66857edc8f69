//! How a listening socket is closed without a reset of connections that the kernel has accepted.
//!
//! The kernel completes TCP handshakes by itself. When a listening socket is closed, the kernel resets every
//! connection in the accept queue or in the middle of its handshake, and each of them may have sent a request
//! already. So new handshakes are blocked first, those that have begun may complete, the queue is emptied, and only
//! then is the socket closed. Invariant: no new handshake is blocked on a socket that the service manager owns,
//! because that socket serves the next process.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tokio::time::sleep;

/// Who owns a listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This process: the socket is closed with it.
    Gate,
    /// The service manager: it passed the socket to this process and keeps it.
    Manager,
}

/// How long a TCP handshake that has begun may take: a round trip across the world. (The time-out of the TLS
/// handshake is `limits.head_timeout`.)
pub(crate) const HANDSHAKE: Duration = Duration::from_millis(300);
/// The largest number of connections that are taken out of the queue; the queue itself is shorter. Without this
/// bound the loop would never end where new handshakes cannot be blocked.
const MOST: usize = 8192;
/// Connections that are taken before other tasks on this thread run.
const AT_ONCE: usize = 64;
/// How often accepting is tried again after an error.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Blocks new handshakes on this socket; false if the system cannot do that.
///
/// A filter drops the first packet of each new handshake. The client's kernel repeats the packet a second later; by
/// then the port refuses it, or the next process accepts it. The kernel has no way to refuse only new handshakes at
/// once.
#[cfg(target_os = "linux")]
pub(crate) fn turn_newcomers_away(listener: &TcpListener) -> bool {
    use socket2::{SockFilter, SockRef};

    // A classic BPF program on the TCP header: it drops SYN without ACK and lets everything else pass.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const FLAGS_AT: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    let program = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_AT),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    let attached = SockRef::from(listener).attach_filter(&program);
    if let Err(error) = &attached {
        tracing::debug!(%error, "new connections cannot be blocked while a listener closes");
    }
    attached.is_ok()
}

/// Other systems have no such filter.
#[cfg(not(target_os = "linux"))]
pub fn turn_newcomers_away(_: &TcpListener) -> bool {
    false
}

/// Accepts connections until the queue is empty. It calls `accept` directly and not through the runtime, because the
/// readiness that the runtime has stored may be out of date, and its task budget would end the loop early.
pub(crate) async fn empty(listener: &TcpListener, mut receive: impl FnMut(TcpStream, SocketAddr)) {
    let (mut taken, mut tries, mut pause) = (0, TRIES, FIRST_PAUSE);
    while taken < MOST && tries > 0 {
        match listener.accept() {
            Ok((socket, address)) => {
                receive(socket, address);
                taken += 1;
                if taken % AT_ONCE == 0 {
                    tokio::task::yield_now().await;
                }
            }
            // The sender closed while it waited in the queue.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // No descriptors or no memory: wait until other connections end.
            Err(_) => {
                sleep(pause).await;
                (tries, pause) = (tries - 1, pause * 2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    fn listener() -> (TcpListener, SocketAddr) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[tokio::test]
    async fn the_queue_is_emptied_in_several_turns() {
        let (listener, address) = listener();
        let senders: Vec<_> =
            (0..=2 * AT_ONCE).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let mut taken = Vec::new();
        empty(&listener, |socket, _| taken.push(socket)).await;
        assert_eq!(taken.len(), senders.len());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_is_in_stays_in_and_newcomers_get_no_answer() {
        let (listener, address) = listener();
        let mut early = std::net::TcpStream::connect(address).unwrap();
        assert!(turn_newcomers_away(&listener));
        let late = std::net::TcpStream::connect_timeout(&address, HANDSHAKE);
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut, "neither let in nor refused");
        early.write_all(b"x").unwrap();
        let mut taken = Vec::new();
        empty(&listener, |socket, _| taken.push(socket)).await;
        drop(listener);
        let [mut taken] = <[_; 1]>::try_from(taken).unwrap();
        taken.read_exact(&mut [0]).unwrap();
        taken.write_all(b"y").unwrap();
        early.read_exact(&mut [0]).unwrap();
        assert_eq!(std::net::TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
