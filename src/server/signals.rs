//! Signals: HUP reloads, TERM and INT drain, QUIT or a second signal stops at once.
//!
//! They have a thread of their own that listens before anything serves, so that no signal ever has its
//! default action. Pingora's server is only asked to end when the drain is over: its own graceful shutdown
//! would always sleep for the whole grace period. Invariant: nothing can keep this thread from receiving the
//! next signal, and the end of the process has a bound.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::gate::Gate;
use crate::gate::request::in_flight;
use crate::load::reload::Reloader;
use crate::server::notify::Notifier;
use crate::state::report::Cause;
use crate::state::stats::gauges::Phase;

/// How often the drain checks whether all connections have ended.
const POLL: Duration = Duration::from_millis(5);
/// The time for the accept loops to accept the connections in the queue, and to end. They usually need a
/// third of a second.
const CLOSING: Duration = Duration::from_secs(3);
/// The time for everything after the drain: the reload thread, the last lines of the logs, the runtimes. Each
/// of them has a shorter bound of its own.
const END: Duration = Duration::from_secs(5);

/// The parts that signals act on.
pub(super) struct Reaction {
    pub(super) gate: Arc<Gate>,
    pub(super) reloader: Reloader,
    pub(super) stop_accepting: watch::Sender<bool>,
    pub(super) notifier: Notifier,
}

/// Pingora's side of it: one call that returns when the process is to end.
pub(super) struct Ended(Mutex<Option<oneshot::Receiver<()>>>);

#[async_trait]
impl ShutdownSignalWatch for Ended {
    async fn recv(&self) -> ShutdownSignal {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            // An error means that the thread is gone: there is nothing left to wait for.
            let _ = ended.await;
        }
        ShutdownSignal::FastShutdown
    }
}

/// The signals that end the process.
struct Signals {
    term: Signal,
    int: Signal,
    quit: Signal,
}

enum Action {
    Drain,
    Stop,
}

/// Starts the thread; signals are received from now on.
pub(super) fn listen(reaction: Reaction) -> io::Result<Ended> {
    let (end, ended) = oneshot::channel();
    let (started, start) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            match Signals::new().and_then(|signals| Ok((signals, signal(SignalKind::hangup())?))) {
                Ok((signals, hangup)) => {
                    let _ = started.send(Ok(()));
                    tokio::spawn(reload_at_each(hangup, reaction.reloader.clone()));
                    react(signals, reaction).await;
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        });
        let _ = end.send(());
        end_within(END);
    })?;
    start.recv().map_err(io::Error::other)??;
    Ok(Ended(Mutex::new(Some(ended))))
}

/// Ends the process if it has not ended in time, because a thread is stuck. Sleeps in the thread of the
/// signals, which has nothing else to do then.
fn end_within(time: Duration) {
    std::thread::sleep(time);
    tracing::error!("the process did not end in time and was stopped");
    std::process::exit(1);
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next signal that ends the process.
    async fn next(&mut self) -> Action {
        tokio::select! {
            _ = self.term.recv() => Action::Drain,
            _ = self.int.recv() => Action::Drain,
            _ = self.quit.recv() => Action::Stop,
        }
    }
}

/// Reloads at each HUP, also while draining. It is a task of its own, because a reload may block in a file
/// system; signals that arrive meanwhile count as one.
async fn reload_at_each(mut hangup: Signal, reloader: Reloader) {
    while hangup.recv().await.is_some() {
        reloader.reload(Cause::Signal).await;
    }
}

async fn react(mut signals: Signals, reaction: Reaction) {
    if let Action::Stop = signals.next().await {
        tracing::warn!(in_flight = in_flight(&reaction.gate.gauges), "stopped at once, by signal");
        return;
    }
    tokio::select! {
        () = drain(&reaction) => {}
        _ = signals.next() => {
            tracing::warn!(in_flight = in_flight(&reaction.gate.gauges), "drain cut short by a second signal");
        }
    }
}

async fn drain(reaction: &Reaction) {
    let gate = &reaction.gate;
    let times = gate.store.load().config.drain.clone();
    gate.gauges.enter(Phase::Draining);
    reaction.notifier.stopping(gate.open_connections());
    tracing::info!(connections = gate.open_connections(), in_flight = in_flight(&gate.gauges), "draining");
    sleep(times.delay).await;
    // The grace includes the time that closing the listeners takes.
    let end = Instant::now() + times.grace;
    gate.drain.begin();
    // `closed` returns when every accept loop has accepted what the kernel held for it and has ended.
    reaction.stop_accepting.send_replace(true);
    if timeout(CLOSING, reaction.stop_accepting.closed()).await.is_err() {
        tracing::error!("a listener did not close, which is a defect of nexmo-gate; the drain continues");
    }
    let idle = async {
        while gate.open_connections() > 0 {
            sleep(POLL).await;
        }
    };
    tokio::select! {
        () = idle => tracing::info!("drained"),
        () = sleep_until(end) => {
            tracing::warn!(connections = gate.open_connections(), in_flight = in_flight(&gate.gauges), "grace is over");
        }
    }
}
