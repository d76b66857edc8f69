//! Reloads: load everything, compare, swap one snapshot, say what changed.
//!
//! One dedicated thread does it all, off the request threads, and is the only publisher. A
//! [`Reloader`] is the handle by which signals and the admin interface ask it to; [`crate::files::watch`]
//! tells it that files changed. Invariant: one reload is one report, and a report never calls
//! something published that a request cannot see yet.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;
use tracing::warn;

use crate::config::Problem;
use crate::files::watch::{Pace, Settle, Touch, Watch};
use crate::load::file_view::FileView;
use crate::load::last_good::{LastGood, LastGoodStore};
use crate::load::lists::{Before, Initiator};
use crate::load::loader::Loader;
use crate::load::pulse::{Life, Pulse};
use crate::state::held::{HINT, Held, Subject};
use crate::state::report::{log, log_warnings};
use crate::state::snapshot::Snapshot;
use crate::state::store::Store;
use crate::state::tls;

pub use crate::load::pulse::ReloaderHealth;
pub use crate::state::report::{Cause, Report};

/// Reloads that may wait for the one under way. They are answered together, so nobody needs more.
const QUEUE: usize = 64;

/// How long a reload is waited for. The files of any size take seconds, so more is a file system that
/// does not answer; `nexmo-gate reload` waits a little longer, to hear of it.
const PATIENCE: Duration = Duration::from_secs(50);

/// How long the end of the thread is waited for.
const END_WITHIN: Duration = Duration::from_secs(1);

/// How often certificates that expire soon are warned about while nothing changes.
const EXPIRY_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What the reload thread hears.
pub(crate) enum Event {
    /// Reload now, and answer.
    Reload(Cause, oneshot::Sender<Arc<Report>>),
    /// Something happened to a file.
    Touched(Touch),
    /// See whether it is time to end.
    Stop,
}

/// A handle to the reload thread, which ends with the last handle or at [`Reloader::stop`].
#[derive(Clone, Debug)]
pub struct Reloader {
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
    /// every reload, on that thread, right after it.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        loader: Loader,
        store: Arc<Store>,
        pace: Pace,
        heard: impl Fn(&Arc<Report>) + Send + 'static,
    ) -> io::Result<Self> {
        Self::start_with(loader, store, pace, |_| Vec::new(), heard)
    }

    /// The same, where something else is opened anew at a reload: `besides` does it, on that thread, and
    /// its problems are the reload's.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start_with(
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
    pub async fn reload(&self, cause: Cause) -> Arc<Report> {
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
    pub fn health(&self) -> ReloaderHealth {
        self.line.pulse.health()
    }

    /// Ends the thread. Later reloads are refused. Where a file system does not answer, the thread is
    /// left to it after [`END_WITHIN`]: the end of the process takes it along.
    pub fn stop(&self) {
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

/// Whoever is told of each reload.
type Heard = Box<dyn Fn(&Arc<Report>) + Send>;

/// Whatever else is opened anew.
type Besides = Box<dyn Fn(Cause) -> Vec<Problem> + Send>;

/// The thread's own: everything that a reload needs.
struct Worker {
    loader: Loader,
    store: Arc<Store>,
    keep: LastGoodStore,
    watch: Watch,
    settle: Settle,
    besides: Besides,
    heard: Heard,
    /// The holds that were logged: each change is worth one line.
    held: BTreeMap<Subject, Held>,
    /// When certificates that expire soon were last warned about.
    expiry_told: Instant,
}

/// What came in at once.
#[derive(Default)]
struct Batch {
    cause: Option<Cause>,
    waiting: Vec<oneshot::Sender<Arc<Report>>>,
    touched: bool,
}

impl Batch {
    fn gather(first: Event, inbox: &Receiver<Event>) -> Self {
        let mut batch = Self::default();
        for event in std::iter::once(first).chain(inbox.try_iter()) {
            match event {
                Event::Reload(cause, answer) => {
                    // A person's word, if there is one among them.
                    batch.cause = batch.cause.filter(|known| *known != Cause::Changed).or(Some(cause));
                    batch.waiting.push(answer);
                }
                Event::Touched(touch) => {
                    // What happens from now on is worth another one: the look is still to come.
                    drop(touch);
                    batch.touched = true;
                }
                Event::Stop => {}
            }
        }
        batch
    }
}

impl Worker {
    fn serve(mut self, inbox: &Receiver<Event>, pulse: &Pulse) {
        let work = pulse.work();
        let first = self.store.load();
        log_warnings(&self.keep(&first));
        drop((first, work));
        loop {
            let wait = self.settle.wake().saturating_duration_since(Instant::now());
            let event = inbox.recv_timeout(wait);
            let _work = pulse.work();
            match event {
                Ok(event) => {
                    let batch = Batch::gather(event, inbox);
                    if batch.touched {
                        self.settle.touch(Instant::now());
                    }
                    self.answer(batch.cause, batch.waiting);
                    if pulse.is_stopping() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.settle.wake() <= Instant::now() {
                self.look_around();
            }
        }
    }

    fn answer(&mut self, cause: Option<Cause>, waiting: Vec<oneshot::Sender<Arc<Report>>>) {
        let Some(cause) = cause else { return };
        #[cfg(debug_assertions)]
        crate::load::drill::stop_if_asked();
        self.arm();
        let look = self.loader.look_for(wish(cause), Instant::now());
        self.settle.rest(Instant::now());
        let report = self.reload(cause, &look);
        for answer in waiting {
            // Whoever asked may have gone.
            let _ = answer.send(Arc::clone(&report));
        }
    }

    /// Certificates expire without any file changing.
    fn tell_of_expiry(&mut self) {
        if self.expiry_told.elapsed() < EXPIRY_EVERY {
            return;
        }
        self.expiry_told = Instant::now();
        for (one, why) in tls::untimely(&self.store.load().doors, SystemTime::now()) {
            warn!(certificate = %one.files.certificate.display(), until = one.until, why, "look after a certificate");
        }
    }

    fn look_around(&mut self) {
        self.tell_of_expiry();
        #[cfg(debug_assertions)]
        crate::load::drill::stop_if_asked();
        self.arm();
        let look = self.loader.look_for(wish(Cause::Changed), Instant::now());
        let mark = self.loader.mark(&look);
        let known = self.loader.loaded() == Some(mark);
        if self.settle.look(Instant::now(), mark, known) {
            self.reload(Cause::Changed, &look);
        }
    }

    fn arm(&mut self) -> bool {
        let (files, folder) = self.loader.places();
        self.watch.arm(files, folder)
    }

    fn reload(&mut self, cause: Cause, look: &FileView) -> Arc<Report> {
        let previous = self.store.load();
        let (kept, now) = (LastGood::default(), Instant::now());
        let before = Before { snapshot: Some(&previous), kept: &kept, wish: wish(cause), now };
        let loaded = self.loader.load_after(look, before);
        let mut problems = loaded.problems;
        problems.extend((self.besides)(cause));
        let mut report = Report {
            problems,
            warnings: loaded.warnings,
            held: loaded.held.iter().map(Held::to_string).collect(),
            needs_restart: loaded.needs_restart,
            ..Report::new(cause, previous.generation)
        };
        if let Some(next) = loaded.snapshot {
            report.changes = next.changes_since(&previous);
            if !report.changes.is_empty() {
                report.generation = next.generation;
                report.published = true;
                self.store.publish(next);
                let now = self.store.load();
                report.warnings.extend(self.keep(&now));
            }
        }
        let report = Arc::new(report);
        self.store.report(Arc::clone(&report));
        log(&report, &self.store.load());
        self.log_held(loaded.held);
        // A new config may name another folder: changes since its look would go unseen.
        if self.arm() {
            self.settle.touch(Instant::now());
        }
        (self.heard)(&report);
        report
    }

    fn keep(&mut self, snapshot: &Snapshot) -> Vec<Problem> {
        self.keep.store(&snapshot.lists, &snapshot.config.ranges, self.loader.text())
    }

    fn log_held(&mut self, held: Vec<Held>) {
        for hold in held.iter().filter(|hold| self.held.get(&hold.subject) != Some(*hold)) {
            let why = hold.verdict.to_string();
            match &hold.subject {
                Subject::List(list) => warn!(list, why, hint = HINT, "reload held"),
                Subject::Config(path) => {
                    warn!(config = %path.display(), why, hint = HINT, "reload held");
                }
            }
        }
        self.held = held.into_iter().map(|hold| (hold.subject.clone(), hold)).collect();
    }
}

fn wish(cause: Cause) -> Initiator {
    if cause == Cause::Changed { Initiator::Watcher } else { Initiator::Operator }
}

#[cfg(test)]
mod tests;
