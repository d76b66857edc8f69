//! The accept loop: accepts connections, drops those that screening refuses, and counts the others.
//!
//! No byte of a connection is read here. The loop never ends on an error: when descriptors or memory run out, it
//! waits, longer each time, until some are free. When draining begins, it accepts what already waits in the kernel's
//! queue, then closes. Invariant: a refused connection is never registered with the runtime, so that it costs an
//! accept and a close and nothing more.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::gate::Gate;
use crate::gate::accept::handshake::{self, ListenerOptions};
use crate::gate::accept::listener_close::{self, Owner};
use crate::gate::accept::screening::{drop_unheard, guest, most_connections, unnamed};
use crate::judge::connection;
use crate::policy::address::addr::Address;
use crate::state::stats::gauges::Gauges;
use crate::state::store::View;

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Connections that are accepted before other tasks on this thread run.
const AT_ONCE: usize = 32;

/// How long sent bytes may stay unacknowledged before the kernel closes a connection.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// A listening socket and what belongs to it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: AsyncFd<TcpListener>,
    owner: Owner,
    options: Arc<ListenerOptions>,
}

impl Listener {
    /// Takes over a socket that is listening; `owner` says who closes it.
    ///
    /// # Errors
    /// The system cannot set an option of the socket, or cannot register it with the runtime.
    pub(crate) fn new(socket: TcpListener, owner: Owner, options: ListenerOptions) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // Accepted sockets inherit this. A reply is one write, so waiting for more bytes would only add delay.
        let inherited = SockRef::from(&socket);
        inherited.set_tcp_nodelay(true)?;
        // Also inherited. Without it the kernel keeps a closed connection for minutes if the peer never acknowledges.
        #[cfg(target_os = "linux")]
        inherited.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        Ok(Self { socket: watched(socket)?, owner, options: Arc::new(options) })
    }
}

/// Accepts connections until `stop` becomes true.
pub(crate) async fn run(gate: Arc<Gate>, listener: Listener, mut stop: watch::Receiver<bool>) {
    let Listener { socket: listener, owner, options } = listener;
    let mut view = gate.store.view();
    let mut pause = SHORTEST_PAUSE;
    // One wait for the whole loop: beginning one takes a lock, and need not be done for each connection.
    let mut stopped = pin!(stop.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            (socket, address) = accept(&gate, &listener, &mut pause) => {
                receive(&gate, &mut view, &options, socket, address);
            }
        }
        // Drain the accept queue without returning to the reactor: in a flood of strangers, polling costs the most.
        let mut taken = 1;
        while taken < AT_ONCE
            && let Ok((socket, address)) = listener.try_io(Interest::READABLE, TcpListener::accept)
        {
            receive(&gate, &mut view, &options, socket, address);
            taken += 1;
        }
        if taken == AT_ONCE {
            tokio::task::yield_now().await;
        }
    }
    // The kernel has already completed the handshake of these connections: closing now would lose their requests.
    if owner == Owner::Gate && listener_close::turn_newcomers_away(listener.get_ref()) {
        let end = Instant::now() + listener_close::HANDSHAKE;
        while let Ok((socket, address)) = timeout_at(end, accept(&gate, &listener, &mut pause)).await {
            receive(&gate, &mut view, &options, socket, address);
        }
    }
    let listener = listener.into_inner();
    listener_close::empty(&listener, |socket, address| receive(&gate, &mut view, &options, socket, address))
        .await;
}

/// Waits for the next connection.
async fn accept(
    gate: &Gate,
    listener: &AsyncFd<TcpListener>,
    pause: &mut Duration,
) -> (TcpStream, SocketAddr) {
    loop {
        match listener.async_io(Interest::READABLE, TcpListener::accept).await {
            Ok(accepted) => {
                *pause = SHORTEST_PAUSE;
                return accepted;
            }
            // The sender closed while it waited in the kernel's queue.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                Gauges::add(&gate.gauges.accept_errors);
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(%error, pause_ms, "accept failed");
                tokio::time::sleep(*pause).await;
                *pause = (*pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Starts a task for a connection, or drops it. It decides by address, before any byte is read.
fn receive(
    gate: &Arc<Gate>,
    view: &mut View,
    options: &Arc<ListenerOptions>,
    socket: TcpStream,
    address: SocketAddr,
) {
    Gauges::add(&gate.gauges.accepted);
    let snapshot = view.load();
    let peer = Address::new(address.ip());
    let known = snapshot.knows(peer);
    if let Some(reason) = connection::refuse_peer(snapshot, options.proxy_protocol, peer, known) {
        drop_unheard(gate, snapshot, peer, reason);
        close_with_reset(&socket);
        return;
    }
    let most = most_connections(gate, snapshot);
    let entered = if options.proxy_protocol {
        let slot = gate.connection_limits.enter_unnamed(unnamed(most), most);
        slot.map(|(slot, make_room)| (slot, Some(make_room)))
    } else {
        let quota = guest(snapshot, peer, known, most);
        gate.connection_limits.enter(peer, quota, most).map(|slot| (slot, None))
    };
    let (slot, make_room) = match entered {
        Ok(entered) => entered,
        Err(bound) => {
            gate.losses.report(bound, peer);
            close_with_reset(&socket);
            return;
        }
    };
    match registered(socket) {
        Ok(socket) => {
            // Boxed, because spawning moves the future several times and this one is large.
            let accepted = handshake::Accepted { socket, address: peer, place: slot, told: make_room };
            tokio::spawn(Box::pin(handshake::enter(Arc::clone(gate), Arc::clone(options), accepted)));
        }
        Err(error) => {
            Gauges::add(&gate.gauges.accept_errors);
            tracing::warn!(%error, "a connection was closed: the system could not register it");
        }
    }
}

#[expect(
    deprecated,
    reason = "for types that could name a descriptor which is not theirs; a TcpListener owns its own"
)]
fn watched(socket: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

fn registered(socket: TcpStream) -> io::Result<tokio::net::TcpStream> {
    socket.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(socket)
}

/// Makes the following close send a reset: one packet, and nothing stays half-closed or in `TIME_WAIT` in the kernel.
/// In a flood of strangers such remains would add up.
fn close_with_reset(socket: &TcpStream) {
    // If this fails, the connection is closed in the ordinary way.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_accepted_sends_at_once_and_does_not_block() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let listener = Listener::new(socket, Owner::Gate, ListenerOptions::default()).unwrap();
        let _sender = TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.socket.async_io(Interest::READABLE, TcpListener::accept).await.unwrap();
        let accepted = registered(accepted).unwrap();
        assert!(accepted.nodelay().unwrap());
        assert_eq!(accepted.try_read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
