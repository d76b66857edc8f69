//! The accept loop, and who is let in at all.
//!
//! It never ends on an error: out of descriptors or memory it waits, longer each time, until something
//! is freed. When draining begins it takes whom the kernel has let in, then closes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::Gate;
use super::closing::{self, Owner};
use super::crowd::{Guest, Place};
use super::door::{self, Door};
use crate::config::{Deny, Mode};
use crate::policy::addr::Address;
use crate::state::gauges::Gauges;
use crate::state::snapshot::Snapshot;
use crate::state::store::View;

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A listening socket and what belongs to it.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Who ends it.
    pub owner: Owner,
    /// What it asks of its connections.
    pub door: Arc<Door>,
}

/// Accepts until told to stop. `stop` turns true when no further connection is wanted.
pub async fn run(gate: Arc<Gate>, listener: Listener, mut stop: watch::Receiver<bool>) {
    let Listener { socket: listener, owner, door } = listener;
    let mut view = gate.store.view();
    let mut pause = SHORTEST_PAUSE;
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            (socket, address) = accept(&gate, &listener, &mut pause) => receive(&gate, &mut view, &door, socket, address),
        }
    }
    // These senders have a connection already; refusing them now would lose their request.
    if owner == Owner::Gate && closing::turn_newcomers_away(&listener) {
        let end = Instant::now() + closing::HANDSHAKE;
        while let Ok((socket, address)) = timeout_at(end, accept(&gate, &listener, &mut pause)).await {
            receive(&gate, &mut view, &door, socket, address);
        }
    }
    match listener.into_std() {
        Ok(listener) => {
            closing::empty(&listener, |socket, address| receive(&gate, &mut view, &door, socket, address))
                .await;
        }
        Err(error) => tracing::warn!(%error, "a listener closes with its queue unread"),
    }
}

/// The next connection.
async fn accept(gate: &Gate, listener: &TcpListener, pause: &mut Duration) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
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
fn receive(gate: &Arc<Gate>, view: &mut View, door: &Arc<Door>, socket: TcpStream, address: SocketAddr) {
    Gauges::add(&gate.gauges.accepted);
    let snapshot = view.load();
    let peer = Address::new(address.ip());
    let known = snapshot.knows(peer);
    if !known && refuses_unheard(snapshot) || door.refuses(snapshot, peer) {
        gate.drop_unheard(snapshot, peer);
        return;
    }
    let most = snapshot.config.limits.connections.min(gate.room);
    let place =
        if gate.open_connections() < most as u64 { place(gate, snapshot, peer, known, most) } else { None };
    let Some(place) = place else {
        Gauges::add(&gate.gauges.over_capacity);
        return;
    };
    // An answer leaves in one write; waiting for more of it would only add delay. Failing to say so is harmless.
    let _ = socket.set_nodelay(true);
    tokio::spawn(door::enter(Arc::clone(gate), Arc::clone(door), socket, peer, place));
}

/// Whether strangers are closed without an answer.
#[must_use]
pub fn refuses_unheard(snapshot: &Snapshot) -> bool {
    snapshot.config.deny == Deny::Drop && snapshot.config.mode == Mode::Enforce
}

/// A trusted proxy speaks for many and is not counted as one.
fn place(gate: &Gate, snapshot: &Snapshot, peer: Address, known: bool, most: usize) -> Option<Place> {
    let limits = &snapshot.config.limits;
    let guest = if !known {
        Guest::Stranger { each: limits.connections_per_stranger, all: most.div_ceil(2) }
    } else if snapshot.trusted.contains(peer) {
        Guest::Client { each: None }
    } else {
        Guest::Client { each: limits.connections_per_client }
    };
    gate.crowd.enter(peer, guest)
}
