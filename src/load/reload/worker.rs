//! The reload thread. It alone loads files after the start, and it is the only publisher.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;
use tracing::warn;

use crate::config::Problem;
use crate::files::settle::Settle;
use crate::files::watch::{Touch, Watch};
use crate::load::before::{Before, Initiator};
use crate::load::file_view::FileView;
use crate::load::last_good::{LastGood, LastGoodStore};
use crate::load::loader::Loader;
use crate::load::proposals::lookout::{Lookout, tell_new};
use crate::load::pulse::Pulse;
use crate::state::held::{HINT, Held, Subject};
use crate::state::report::{Cause, Report, log, log_warnings};
use crate::state::snapshot::Snapshot;
use crate::state::store::Store;
use crate::state::tls;
use crate::telemetry::timestamp::unix_seconds;

/// How often the log warns of certificates that expire soon while nothing changes.
const EXPIRY_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What is sent to the reload thread.
pub(crate) enum Event {
    /// Reload now, and send the report.
    Reload(Cause, oneshot::Sender<Arc<Report>>),
    /// Something happened to a file.
    Touched(Touch),
    /// Check whether the thread was asked to end.
    Stop,
}

/// Called after each reload.
type OnReport = Box<dyn Fn(&Arc<Report>) + Send>;

/// Reloads whatever else a reload covers; returns its problems.
type AlsoReload = Box<dyn Fn(Cause) -> Vec<Problem> + Send>;

/// The state of the thread: everything that a reload needs.
pub(super) struct Worker {
    pub(super) loader: Loader,
    pub(super) store: Arc<Store>,
    pub(super) keep: LastGoodStore,
    pub(super) watch: Watch,
    pub(super) settle: Settle,
    pub(super) also_reload: AlsoReload,
    pub(super) on_report: OnReport,
    /// The holds that were logged, so that each is logged once.
    pub(super) held: BTreeMap<Subject, Held>,
    /// When the log last warned of certificates that expire soon.
    pub(super) expiry_warned: Instant,
    /// The proposals that wait.
    pub(super) lookout: Lookout,
}

/// The events that were waiting together.
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
                    // A manual reload takes precedence over a noticed change.
                    batch.cause = batch.cause.filter(|known| *known != Cause::Changed).or(Some(cause));
                    batch.waiting.push(answer);
                }
                Event::Touched(touch) => {
                    // Drop it before the files are read: a later change then counts as a new event.
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
        self.see_proposals();
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
                self.check_files();
            }
        }
    }

    fn answer(&mut self, cause: Option<Cause>, waiting: Vec<oneshot::Sender<Arc<Report>>>) {
        let Some(cause) = cause else { return };
        #[cfg(debug_assertions)]
        crate::load::drill::stop_if_asked();
        self.arm();
        let look = self.loader.view_for(initiator(cause), Instant::now());
        self.settle.rest(Instant::now());
        let report = self.reload(cause, &look);
        self.see_proposals();
        for answer in waiting {
            // The caller may have stopped waiting.
            let _ = answer.send(Arc::clone(&report));
        }
    }

    /// Warns of certificates that expire soon and of secrets that do not count any more; both need no change of a file.
    fn warn_of_expiry(&mut self) {
        if self.expiry_warned.elapsed() < EXPIRY_EVERY {
            return;
        }
        self.expiry_warned = Instant::now();
        for (one, why) in tls::untimely(&self.store.load().doors, SystemTime::now()) {
            warn!(certificate = %one.files.certificate.display(), until = one.until, why, "look after a certificate");
        }
        let now = unix_seconds(SystemTime::now());
        for one in self.store.load().secrets.sources.iter().filter(|one| one.is_over(now)) {
            warn!(secret = %one.file.file.display(), why = one.over(), "look after a secret");
        }
    }

    fn check_files(&mut self) {
        self.warn_of_expiry();
        #[cfg(debug_assertions)]
        crate::load::drill::stop_if_asked();
        self.arm();
        let look = self.loader.view_for(initiator(Cause::Changed), Instant::now());
        let mark = self.loader.mark(&look);
        let known = self.loader.loaded() == Some(mark);
        if self.settle.look(Instant::now(), mark, known) {
            self.reload(Cause::Changed, &look);
        }
        self.see_proposals();
    }

    /// Looks at the proposals, after the lists that they are compared with.
    fn see_proposals(&mut self) {
        let (before, now) = (self.store.proposals(), self.lookout.look(&self.store.load(), Instant::now()));
        if *before != now {
            tell_new(&before, &now);
            self.store.propose(now);
        }
    }

    fn arm(&mut self) -> bool {
        let (files, folder) = self.loader.places();
        self.watch.arm(files, folder)
    }

    pub(super) fn reload(&mut self, cause: Cause, look: &FileView) -> Arc<Report> {
        let previous = self.store.load();
        let (kept, now) = (LastGood::default(), Instant::now());
        let before =
            Before { snapshot: Some(&previous), kept: &kept, run: &kept, initiator: initiator(cause), now };
        let loaded = self.loader.load_after(look, before);
        let mut problems = loaded.problems;
        problems.extend((self.also_reload)(cause));
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
        // A new config may name another folder, whose changes since it was read were not watched.
        if self.arm() {
            self.settle.touch(Instant::now());
        }
        (self.on_report)(&report);
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

pub(super) fn initiator(cause: Cause) -> Initiator {
    if cause == Cause::Changed { Initiator::Watcher } else { Initiator::Operator }
}
