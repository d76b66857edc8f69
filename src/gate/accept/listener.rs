//! The accept loop, and who is let in at all.
//!
//! It never ends on an error: out of descriptors or memory it waits, longer each time, until something
//! is freed. When draining begins it takes whom the kernel has let in, then closes. A connection that is
//! not let in is never made known to the runtime: it costs an accept and a close.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
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
use crate::gate::accept::screening::{drop_unheard, guest, most_connections, refuses_unheard, unnamed};
use crate::policy::address::addr::Address;
use crate::state::stats::gauges::Gauges;
use crate::state::store::View;

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Connections that are taken in before others on this thread have their turn.
const AT_ONCE: usize = 32;

/// How long bytes may stand unacknowledged before the kernel gives a connection up.
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
    /// A socket that listens already; `owner` is who ends it.
    ///
    /// # Errors
    /// The system refuses to make it ready for the runtime.
    pub(crate) fn new(socket: TcpListener, owner: Owner, options: ListenerOptions) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // What it accepts inherits this. An answer leaves in one write: waiting for more of it would only add delay.
        let inherited = SockRef::from(&socket);
        inherited.set_tcp_nodelay(true)?;
        // Also inherited: what is closed with bytes that its peer never takes is not the kernel's for longer.
        #[cfg(target_os = "linux")]
        inherited.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        Ok(Self { socket: watched(socket)?, owner, options: Arc::new(options) })
    }
}

/// Accepts until told to stop. `stop` turns true when no further connection is wanted.
pub(crate) async fn run(gate: Arc<Gate>, listener: Listener, mut stop: watch::Receiver<bool>) {
    let Listener { socket: listener, owner, options } = listener;
    let mut view = gate.store.view();
    let mut pause = SHORTEST_PAUSE;
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            (socket, address) = accept(&gate, &listener, &mut pause) => {
                receive(&gate, &mut view, &options, socket, address);
            }
        }
        // Who waits behind it: in a flood of strangers most of the cost is that of asking for the next.
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
    // These senders have a connection already; refusing them now would lose their request.
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

/// The next connection.
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
            // The sender hung up between the kernel's accept and ours.
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

/// Lets a connection in, or drops it: before anything of it is read, at the price of a look-up.
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
    if !known && refuses_unheard(snapshot) && !snapshot.may_probe(peer) || options.refuses(snapshot, peer) {
        drop_unheard(gate, snapshot, peer);
        hang_up(&socket);
        return;
    }
    let most = most_connections(gate, snapshot);
    let entered = if options.proxy_protocol {
        gate.connection_limits.enter_unnamed(unnamed(most), most).map(|(place, told)| (place, Some(told)))
    } else {
        let guest = guest(snapshot, peer, known, most);
        gate.connection_limits.enter(peer, guest, most).map(|place| (place, None))
    };
    let Some((place, told)) = entered else {
        Gauges::add(&gate.gauges.over_capacity);
        hang_up(&socket);
        return;
    };
    match registered(socket) {
        Ok(socket) => {
            // Boxed: the scheduler moves a task's future about more than once, and this one is large.
            let arrival = handshake::Accepted { socket, address: peer, place, told };
            tokio::spawn(Box::pin(handshake::enter(Arc::clone(gate), Arc::clone(options), arrival)));
        }
        Err(error) => {
            Gauges::add(&gate.gauges.accept_errors);
            tracing::warn!(%error, "a connection was lost: the system has no room for it");
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

/// Makes the close that follows a reset: one packet, and no connection half closed or in `TIME_WAIT` is
/// left in the kernel for each of a flood of strangers.
fn hang_up(socket: &TcpStream) {
    // At worst it is closed politely.
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
