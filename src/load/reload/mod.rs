//! Reloads: load all files, compare, publish one snapshot, report what changed.
//!
//! One dedicated thread does this, off the request threads, and is the only publisher. A [`Reloader`] is the
//! handle by which signals and the admin interface request a reload; [`crate::files::watch`] notifies the
//! thread of changed files. Invariant: one reload makes one report, and a report that says `published` comes
//! after the publication.

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
use crate::load::proposals::lookout::Lookout;
use crate::load::pulse::{Life, Pulse};
use crate::state::store::Store;

mod worker;

use self::worker::{Event, Worker};
pub(crate) use crate::load::pulse::ReloaderHealth;
pub(crate) use crate::state::report::{Cause, Report};

/// Reload requests that may wait for the reload under way. One reload answers all of them, so more are never
/// needed.
const QUEUE: usize = 64;

/// How long a caller waits for a reload. Files of any size take seconds, so a longer time means that a file
/// system does not answer; `nexmo-gate reload` waits a little longer than this, to receive that answer.
const PATIENCE: Duration = Duration::from_secs(50);

/// How long [`Reloader::stop`] waits for the thread to end.
const END_WITHIN: Duration = Duration::from_secs(1);

/// A handle to the reload thread, which ends with the last handle or at [`Reloader::stop`].
#[derive(Clone, Debug)]
pub(crate) struct Reloader {
    store: Arc<Store>,
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    events: SyncSender<Event>,
    pulse: Arc<Pulse>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    /// A full queue needs no `Stop` event: its events wake the thread as well.
    fn end(&self) {
        self.pulse.stop();
        let _ = self.events.try_send(Event::Stop);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The watcher holds a sender too, so the channel does not close when the last handle is dropped.
        self.end();
    }
}

impl Reloader {
    /// Starts the thread. `loader` is the one that loaded the snapshot in `store`. `also_reload` reloads
    /// whatever else a reload covers, and its problems join the report. `on_report` is called after every
    /// reload. Both run on the thread.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn start(
        loader: Loader,
        store: Arc<Store>,
        pace: Pace,
        also_reload: impl Fn(Cause) -> Vec<Problem> + Send + 'static,
        on_report: impl Fn(&Arc<Report>) + Send + 'static,
    ) -> io::Result<Self> {
        let (events, inbox) = mpsc::sync_channel(QUEUE);
        let pulse = Arc::new(Pulse::default());
        let life = Life(Arc::clone(&pulse));
        let sender = events.clone();
        let on_touch = move |touch| {
            // Fails when the thread has ended, or when the queue is full: the reloads in it read every file
            // anyway.
            let _ = sender.try_send(Event::Touched(touch));
        };
        let worker = Worker {
            loader,
            store: Arc::clone(&store),
            keep: LastGoodStore::new(store.load().config.state.as_deref()),
            watch: Watch::new(pace, on_touch),
            settle: Settle::new(pace, Instant::now()),
            also_reload: Box::new(also_reload),
            on_report: Box::new(on_report),
            held: BTreeMap::new(),
            // The load before this one has warned already.
            expiry_warned: Instant::now(),
            lookout: Lookout::default(),
        };
        let serve = move || worker.serve(&inbox, &life.0);
        let thread = thread::Builder::new().name("reload".to_owned()).spawn(serve)?;
        Ok(Self { store, handle: Arc::new(Handle { events, pulse, thread: Mutex::new(Some(thread)) }) })
    }

    /// Requests a reload and waits for its report. The reload begins after the call; calls that wait together
    /// share one reload. After [`PATIENCE`] the answer says that the reload is still under way.
    pub(crate) async fn reload(&self, cause: Cause) -> Arc<Report> {
        self.reload_within(cause, PATIENCE).await
    }

    async fn reload_within(&self, cause: Cause, patience: Duration) -> Arc<Report> {
        let (answer, report) = oneshot::channel();
        match self.handle.events.try_send(Event::Reload(cause, answer)) {
            Err(TrySendError::Full(_)) => {
                return self.refusal(cause, &self.delay("too many wait for a reload"));
            }
            Err(TrySendError::Disconnected(_)) => return self.refusal(cause, ENDED),
            Ok(()) => {}
        }
        match tokio::time::timeout(patience, report).await {
            Ok(Ok(report)) => report,
            // The thread ended and dropped the requests that it had not answered.
            Ok(Err(_)) => self.refusal(cause, ENDED),
            Err(_) => self.refusal(cause, &self.delay("not loaded yet")),
        }
    }

    /// The state of the reload thread.
    #[must_use]
    pub(crate) fn health(&self) -> ReloaderHealth {
        self.handle.pulse.health()
    }

    /// Ends the thread. Later reloads are refused. A thread that a file system blocks is left behind after
    /// [`END_WITHIN`]; it ends with the process.
    pub(crate) fn stop(&self) {
        self.handle.end();
        let thread = self.handle.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.handle.pulse.wait_for_end(END_WITHIN) {
            // An error means that the thread panicked, which was logged then.
            let _ = thread.map(JoinHandle::join);
        } else {
            warn!(
                "the reload thread does not end, because a file system does not answer; the process ends without it"
            );
        }
    }

    /// A message that says why the report is not there yet.
    fn delay(&self, what: &str) -> String {
        let since = match self.health() {
            ReloaderHealth::Busy(time) => format!(" for {} s", time.as_secs()),
            _ => String::new(),
        };
        format!(
            "{what}: the reload thread has been at work{since}; check whether the file system of the configuration \
             and of the ranges answers. The reload continues, and `nexmo-gate status` shows its result"
        )
    }

    fn refusal(&self, cause: Cause, message: &str) -> Arc<Report> {
        Arc::new(Report {
            problems: vec![Problem::new("", message)],
            ..Report::new(cause, self.store.load().generation)
        })
    }
}

/// The answer when the thread has ended.
const ENDED: &str = "nothing was reloaded: the reload thread has ended";

#[cfg(test)]
mod tests;
