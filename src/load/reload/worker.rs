//! The reload thread: it alone loads everything anew, and is the only publisher.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;
use tracing::warn;

use crate::config::Problem;
use crate::files::settle::Settle;
use crate::files::watch::{Touch, Watch};
use crate::load::file_view::FileView;
use crate::load::last_good::{LastGood, LastGoodStore};
use crate::load::lists::{Before, Initiator};
use crate::load::loader::Loader;
use crate::load::pulse::Pulse;
use crate::state::held::{HINT, Held, Subject};
use crate::state::report::{Cause, Report, log, log_warnings};
use crate::state::snapshot::Snapshot;
use crate::state::store::Store;
use crate::state::tls;

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

/// Whoever is told of each reload.
type Heard = Box<dyn Fn(&Arc<Report>) + Send>;

/// Whatever else is opened anew.
type Besides = Box<dyn Fn(Cause) -> Vec<Problem> + Send>;

/// The thread's own: everything that a reload needs.
pub(super) struct Worker {
    pub(super) loader: Loader,
    pub(super) store: Arc<Store>,
    pub(super) keep: LastGoodStore,
    pub(super) watch: Watch,
    pub(super) settle: Settle,
    pub(super) besides: Besides,
    pub(super) heard: Heard,
    /// The holds that were logged: each change is worth one line.
    pub(super) held: BTreeMap<Subject, Held>,
    /// When certificates that expire soon were last warned about.
    pub(super) expiry_told: Instant,
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
                    // A manual reload, if there is one among them.
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
    pub(super) fn serve(mut self, inbox: &Receiver<Event>, pulse: &Pulse) {
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

    pub(super) fn reload(&mut self, cause: Cause, look: &FileView) -> Arc<Report> {
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

pub(super) fn wish(cause: Cause) -> Initiator {
    if cause == Cause::Changed { Initiator::Watcher } else { Initiator::Operator }
}
