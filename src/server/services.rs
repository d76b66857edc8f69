//! The gate and the admin interface as services of pingora's server. Each has a runtime of its own, so that a
//! flood of webhooks cannot starve `/healthz`, and a flood of admin requests cannot starve webhooks.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::{self, AdminContext, AdminListener, Scope};
use crate::gate::Gate;
use crate::gate::accept::handshake::ListenerOptions;
use crate::gate::accept::listener::{self, Listener};
use crate::gate::accept::listener_close::Owner;
use crate::gate::request::replay;
use crate::server::watchdog::Watchdog;
use crate::state::stats::gauges::Phase;

/// A bound socket, before there is a runtime.
pub(super) struct Bound {
    pub(super) socket: TcpListener,
    pub(super) owner: Owner,
    pub(super) door: ListenerOptions,
}

/// The listeners and the gate behind them.
pub(super) struct GateService {
    gate: Arc<Gate>,
    listeners: Vec<Bound>,
    /// Taken at the start, so that the remaining receivers are those of the running accept loops.
    accepting: Option<watch::Receiver<bool>>,
    sides: Sides,
    watchdog: Watchdog,
}

/// The addresses of the other sockets, for the log.
pub(super) struct Sides {
    pub(super) admin: String,
    pub(super) metrics: String,
}

impl GateService {
    pub(super) fn new(
        gate: Arc<Gate>,
        listeners: Vec<Bound>,
        accepting: watch::Receiver<bool>,
        sides: Sides,
        watchdog: Watchdog,
    ) -> Self {
        Self { gate, listeners, accepting: Some(accepting), sides, watchdog }
    }
}

#[async_trait]
impl Service for GateService {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let Some(accepting) = self.accepting.take() else { return };
        let mut loops = JoinSet::new();
        let mut addresses = Vec::new();
        for Bound { socket, owner, door } in self.listeners.drain(..) {
            let address = socket.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
            match Listener::new(socket, owner, door) {
                Ok(listener) => {
                    loops.spawn(listener::run(Arc::clone(&self.gate), listener, accepting.clone()));
                }
                Err(error) => tracing::error!(address, %error, "a listener cannot be used"),
            }
            addresses.push(address);
        }
        drop(accepting);
        let gate = Arc::clone(&self.gate);
        tokio::spawn(Arc::clone(&gate).keep_house());
        tokio::spawn(replay::serve(gate));
        self.gate.gauges.enter(Phase::Ready);
        let snapshot = self.gate.store.load();
        tracing::info!(
            listen = addresses.join(","),
            admin = self.sides.admin,
            metrics = self.sides.metrics,
            generation = snapshot.generation,
            lists = snapshot.lists.len(),
            routes = snapshot.routes.len(),
            version = env!("CARGO_PKG_VERSION"),
            "ready"
        );
        self.watchdog.notifier.ready(&snapshot);
        drop(snapshot);
        let whole = Arc::new(AtomicBool::new(true));
        tokio::spawn(self.watchdog.clone().beat(Arc::clone(&whole)));
        tokio::spawn(self.watchdog.clone().watch());
        while let Some(ended) = loops.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a listener ended");
                whole.store(false, Relaxed);
            }
        }
    }

    fn name(&self) -> &'static str {
        "gate"
    }
}

/// The admin interface.
pub(super) struct AdminService {
    name: &'static str,
    listener: Option<AdminListener>,
    context: Arc<AdminContext>,
}

impl AdminService {
    pub(super) fn new(name: &'static str, listener: AdminListener, context: Arc<AdminContext>) -> Self {
        Self { name, listener: Some(listener), context }
    }
}

#[async_trait]
impl Service for AdminService {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let Some(listener) = self.listener.take() else { return };
        if self.context.scope == Scope::Whole {
            tokio::spawn(admin::keep_history(Arc::clone(&self.context)));
        }
        if let Err(error) = admin::serve(listener, Arc::clone(&self.context), shutdown).await {
            tracing::error!(%error, name = self.name, "the admin interface ended");
        }
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}
