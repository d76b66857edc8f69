//! The end of a listening socket: nobody is connected and then reset.
//!
//! The kernel shakes hands by itself. When a listening socket is closed, it resets whoever waits in the
//! queue and whoever is in the middle of a handshake, and each of them may have sent a request already.
//! So newcomers are turned away first, those on their way may arrive, the queue is emptied, and only
//! then is the socket closed. Invariant: a socket of the service manager is left as it is, with its
//! queue: it serves the next process.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tokio::time::sleep;

/// Whose a listening socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It ends with this process.
    Gate,
    /// It was passed to us and outlives us.
    Manager,
}

/// How long a handshake that has begun may take: a round trip across the world.
pub(crate) const HANDSHAKE: Duration = Duration::from_millis(300);
/// More than the kernel's queue holds of ours. Where newcomers cannot be turned away it would never be empty.
const MOST: usize = 8192;
/// Others on this thread have their turn after so many.
const AT_ONCE: usize = 64;
/// How often it is tried to take somebody out of the queue while the system has no room for it.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// From now on nobody begins a handshake here; whether the system can do that.
///
/// The first packets of handshakes are dropped without an answer. Their sender's kernel sends them again
/// a second later, and is refused by then, or let in by the next process. Refusing them at once, and
/// only them, is nothing that the kernel offers.
#[cfg(target_os = "linux")]
pub(crate) fn turn_newcomers_away(listener: &TcpListener) -> bool {
    use socket2::{SockFilter, SockRef};

    // A classic BPF program on the TCP header: SYN without ACK is dropped, all else passes whole.
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
        tracing::debug!(%error, "newcomers cannot be turned away while a listener closes");
    }
    attached.is_ok()
}

/// See above: other systems have no such thing.
#[cfg(not(target_os = "linux"))]
pub fn turn_newcomers_away(_: &TcpListener) -> bool {
    false
}

/// Takes who is in the queue, one after the other, until it is empty. The runtime is not asked: what it
/// remembers may be older than the last one in the queue, and it gives a task only so many at once.
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
            // The sender hung up in the queue.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // Out of descriptors or memory: connections that end make room.
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
