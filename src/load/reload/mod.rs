//! Reloads: load everything, compare, swap one snapshot, say what changed.
//!
//! One dedicated thread does it all, off the request threads, and is the only publisher. A
//! [`Reloader`] is the handle by which signals and the admin interface ask it to; [`crate::files::watch`]
//! tells it that files changed. Invariant: one reload is one report, and a report never calls
//! something published that a request cannot see yet.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::warn;

use crate::config::Problem;
use crate::files::settle::{Pace, Settle};
use crate::files::watch::Watch;
use crate::load::last_good::LastGoodStore;
use crate::load::loader::Loader;
use crate::load::pulse::{Life, Pulse};
use crate::state::store::Store;

mod worker;

use self::worker::{Event, Worker};
pub(crate) use crate::load::pulse::ReloaderHealth;
pub(crate) use crate::state::report::{Cause, Report};

/// Reloads that may wait for the one under way. They are answered together, so nobody needs more.
const QUEUE: usize = 64;

/// How long a reload is waited for. The files of any size take seconds, so more is a file system that
/// does not answer; `nexmo-gate reload` waits a little longer, to hear of it.
const PATIENCE: Duration = Duration::from_secs(50);

/// How long the end of the thread is waited for.
const END_WITHIN: Duration = Duration::from_secs(1);

/// A handle to the reload thread, which ends with the last handle or at [`Reloader::stop`].
#[derive(Clone, Debug)]
pub(crate) struct Reloader {
    store: Arc<Store>,
    line: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    events: SyncSender<Event>,
    pulse: Arc<Pulse>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    /// A queue that is full wakes the thread as well.
    fn end(&self) {
        self.pulse.stop();
        let _ = self.events.try_send(Event::Stop);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The watcher has a sender of its own, so the thread would not see that nobody is left.
        self.end();
    }
}

impl Reloader {
    /// Starts the thread. `loader` is the one that loaded what the store holds; `heard` is told of
    /// every reload, on that thread, right after it. Where something else is opened anew at a reload,
    /// `besides` does it, on that thread, and its problems are the reload's.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn start(
        loader: Loader,
        store: Arc<Store>,
        pace: Pace,
        besides: impl Fn(Cause) -> Vec<Problem> + Send + 'static,
        heard: impl Fn(&Arc<Report>) + Send + 'static,
    ) -> io::Result<Self> {
        let (events, inbox) = mpsc::sync_channel(QUEUE);
        let pulse = Arc::new(Pulse::default());
        let life = Life(Arc::clone(&pulse));
        let sender = events.clone();
        let on_touch = move |touch| {
            // Fails when the reload thread has ended, or reloads wait: they look at everything.
            let _ = sender.try_send(Event::Touched(touch));
        };
        let worker = Worker {
            loader,
            store: Arc::clone(&store),
            keep: LastGoodStore::new(store.load().config.state.as_deref()),
            watch: Watch::new(pace, on_touch),
            settle: Settle::new(pace, Instant::now()),
            besides: Box::new(besides),
            heard: Box::new(heard),
            held: BTreeMap::new(),
            // The load that came before this was the first to tell.
            expiry_told: Instant::now(),
        };
        let serve = move || worker.serve(&inbox, &life.0);
        let thread = thread::Builder::new().name("reload".to_owned()).spawn(serve)?;
        Ok(Self { store, line: Arc::new(Handle { events, pulse, thread: Mutex::new(Some(thread)) }) })
    }

    /// Reloads now. A reload that begins after the call answers it; calls that wait together are
    /// answered together. Nobody waits longer than [`PATIENCE`]: then the answer says so, and the reload
    /// goes on.
    pub(crate) async fn reload(&self, cause: Cause) -> Arc<Report> {
        self.reload_within(cause, PATIENCE).await
    }

    async fn reload_within(&self, cause: Cause, patience: Duration) -> Arc<Report> {
        let (answer, report) = oneshot::channel();
        match self.line.events.try_send(Event::Reload(cause, answer)) {
            Err(TrySendError::Full(_)) => {
                return self.refusal(cause, &self.delay("too many wait for a reload"));
            }
            Err(TrySendError::Disconnected(_)) => return self.refusal(cause, ENDED),
            Ok(()) => {}
        }
        match tokio::time::timeout(patience, report).await {
            Ok(Ok(report)) => report,
            // The thread has dropped what it had not answered.
            Ok(Err(_)) => self.refusal(cause, ENDED),
            Err(_) => self.refusal(cause, &self.delay("not loaded yet")),
        }
    }

    /// Whether the thread is there, and how long it has been at what it does.
    #[must_use]
    pub(crate) fn health(&self) -> ReloaderHealth {
        self.line.pulse.health()
    }

    /// Ends the thread. Later reloads are refused. Where a file system does not answer, the thread is
    /// left to it after [`END_WITHIN`]: the end of the process takes it along.
    pub(crate) fn stop(&self) {
        self.line.end();
        let thread = self.line.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.line.pulse.wait_for_end(END_WITHIN) {
            // It panicked if this fails, and the panic was reported then.
            let _ = thread.map(JoinHandle::join);
        } else {
            warn!("the reload thread does not end, a file system does not answer; it is left behind");
        }
    }

    /// Why an answer has to wait.
    fn delay(&self, what: &str) -> String {
        let since = match self.health() {
            ReloaderHealth::Busy(time) => format!(" for {} s", time.as_secs()),
            _ => String::new(),
        };
        format!(
            "{what}: the reload thread has been at work{since}; does the file system of the configuration \
             or of the ranges answer? It goes on, and `nexmo-gate status` tells how it ends"
        )
    }

    fn refusal(&self, cause: Cause, message: &str) -> Arc<Report> {
        Arc::new(Report {
            problems: vec![Problem::new("", message)],
            ..Report::new(cause, self.store.load().generation)
        })
    }
}

/// The answer of a thread that is no more.
const ENDED: &str = "nothing was reloaded: the reload thread has ended";

#[cfg(test)]
mod tests;
