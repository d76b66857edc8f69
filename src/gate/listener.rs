//! The accept loop.
//!
//! It never ends on an error: out of descriptors or memory it waits, longer each time, until something
//! is freed. When draining begins it takes what the kernel has already accepted, then closes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::protocols::l4::stream::Stream as L4Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::intake::Peer;
use super::{Gate, connection};
use crate::policy::addr::Address;
use crate::policy::client_ip::Origin;
use crate::state::gauges::Gauges;

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Accepts until told to stop. `stop` turns true when no further connection is wanted.
pub async fn run(gate: Arc<Gate>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, address)) => {
                pause = SHORTEST_PAUSE;
                admit(&gate, socket, address);
            }
            // The sender hung up between the kernel's accept and ours.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                Gauges::add(&gate.gauges.accept_errors);
                tracing::warn!(%error, pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "accept failed");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    // These senders have a connection already; refusing them now would lose their request.
    let rest = std::future::poll_fn(|cx| {
        while let std::task::Poll::Ready(Ok((socket, address))) = listener.poll_accept(cx) {
            admit(&gate, socket, address);
        }
        std::task::Poll::Ready(())
    });
    rest.await;
}

fn admit(gate: &Arc<Gate>, socket: TcpStream, address: SocketAddr) {
    Gauges::add(&gate.gauges.accepted);
    let most = gate.store.load().config.limits.connections as u64;
    if gate.open_connections() >= most {
        Gauges::add(&gate.gauges.over_capacity);
        return;
    }
    // An answer leaves in one write; waiting for more of it would only add delay. Failing to say so is harmless.
    let _ = socket.set_nodelay(true);
    let peer = Peer { address: Address::new(address.ip()), tls: false, origin: Origin::Peer };
    tokio::spawn(connection::run(Arc::clone(gate), Box::new(L4Stream::from(socket)), peer));
}
