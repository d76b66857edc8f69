//! Notices by itself that a file changed.
//!
//! Events only say when to look; what counts is the content. inotify watches folders, not files,
//! because a file that is replaced is another file, and every folder on the way of a symbolic link,
//! because that is where `ln -sfn` and Kubernetes put the new target. Network file systems send no
//! events, so there is a poll as well. Invariant: a change counts only when two looks, at least a
//! debounce apart, saw the same, because a writer may be half-way.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::warn;

use super::look::range_files;
use super::reload::Event;

/// A writer that never rests delays a look by this many debounces at most.
const PATIENCE: u32 = 5;
/// Symbolic links that are followed on one path, as many as Linux does (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// How fast changes are noticed.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long the files must rest before a look, and between the two looks that must agree.
    pub debounce: Duration,
    /// How often they are looked at without an event.
    pub poll: Duration,
    /// Whether the system is asked for events.
    pub notice: Notice,
}

/// Where news of a change comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// inotify, and the poll for what it misses.
    Events,
    /// The poll only.
    Poll,
}

impl Default for Pace {
    fn default() -> Self {
        Self { debounce: Duration::from_millis(200), poll: Duration::from_secs(5), notice: Notice::Events }
    }
}

/// When to look next, and whether what was seen has settled. It has no clock of its own.
#[derive(Debug)]
pub(super) struct Settle {
    pace: Pace,
    poll: Instant,
    /// The next look that is not the poll's, and the latest moment that it may be put off to.
    due: Option<(Instant, Instant)>,
    /// What the last look saw, if that is not loaded yet.
    candidate: Option<u64>,
}

impl Settle {
    /// The first look comes soon: something may have changed since the first load.
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        let mut settle = Self { pace, poll: now + pace.poll, due: None, candidate: None };
        settle.touch(now);
        settle
    }

    /// Something happened to a file.
    pub(super) fn touch(&mut self, now: Instant) {
        let latest = self.due.map_or(now + self.pace.debounce * PATIENCE, |(_, latest)| latest);
        self.due = Some(((now + self.pace.debounce).min(latest), latest));
    }

    /// When to look. A look that is due soon is not forestalled by the poll, so two looks are never
    /// closer than a debounce.
    pub(super) fn wake(&self) -> Instant {
        self.due.map_or(self.poll, |(due, _)| due)
    }

    /// What a look saw, and whether that is loaded already. Says whether to load it now.
    pub(super) fn look(&mut self, now: Instant, mark: u64, known: bool) -> bool {
        self.poll = now + self.pace.poll;
        self.due = None;
        let settled = !known && self.candidate == Some(mark);
        self.candidate = (!known && !settled).then_some(mark);
        if self.candidate.is_some() {
            self.touch(now);
        }
        settled
    }
}

/// The watched folders.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Device and inode of each: the same path may become another folder.
    armed: BTreeMap<PathBuf, (u64, u64)>,
    names: Arc<Mutex<HashSet<OsString>>>,
    warned: bool,
}

impl Watch {
    pub(super) fn new(pace: Pace, events: Sender<Event>) -> Self {
        let names = Arc::new(Mutex::new(HashSet::new()));
        let mut watch =
            Self { watcher: None, armed: BTreeMap::new(), names: Arc::clone(&names), warned: false };
        if pace.notice == Notice::Poll {
            return watch;
        }
        let told = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| matters(&event, &names)) {
                // Fails only when the reload thread has ended.
                let _ = events.send(Event::Touched);
            }
        };
        match notify::recommended_watcher(told) {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.warn(&error),
        }
        watch
    }

    /// Watches what is on the way to the config file and the range files now. Must come before a
    /// look, so that nothing falls between the two. Says whether a folder was added.
    pub(super) fn arm(&mut self, config: Option<&Path>, ranges: Option<&Path>) -> bool {
        if self.watcher.is_none() {
            return false;
        }
        let places = Places::of(config, ranges);
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = places.names;
        let wanted: BTreeMap<PathBuf, (u64, u64)> = places
            .folders
            .into_iter()
            .filter_map(|folder| fs::metadata(&folder).ok().map(|m| (folder, (m.dev(), m.ino()))))
            .collect();
        let stale: Vec<PathBuf> = self
            .armed
            .iter()
            .filter(|(path, id)| wanted.get(*path) != Some(*id))
            .map(|(p, _)| p.clone())
            .collect();
        for path in stale {
            self.armed.remove(&path);
            // The watch of a folder that was deleted went with it.
            let _ = self.watcher.as_mut().map(|watcher| watcher.unwatch(&path));
        }
        let mut added = false;
        for (path, id) in wanted {
            added |= !self.armed.contains_key(&path) && self.add(path, id);
        }
        added
    }

    fn add(&mut self, path: PathBuf, id: (u64, u64)) -> bool {
        let Some(watcher) = self.watcher.as_mut() else { return false };
        match watcher.watch(&path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.armed.insert(path, id);
                true
            }
            Err(error) => {
                // One that has just been deleted is no reason to warn: the next look sees that.
                if !matches!(error.kind, ErrorKind::PathNotFound) && path.exists() {
                    self.warn(&error);
                }
                false
            }
        }
    }

    fn warn(&mut self, error: &notify::Error) {
        if !self.warned {
            self.warned = true;
            warn!(%error, "no events for file changes: polling only");
        }
    }
}

/// Whether an event can mean that a look would see something else. Reading a file is an event too,
/// and a look that caused the next look would never end; a log that grows in the same folder must
/// not cost a look for every line.
fn matters(event: &notify::Event, names: &Mutex<HashSet<OsString>>) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_) | ModifyKind::Any) => {
            let names = names.lock().unwrap_or_else(PoisonError::into_inner);
            let ours = |path: &PathBuf| {
                path.extension().is_some_and(|e| e == "txt")
                    || path.file_name().is_some_and(|n| names.contains(n))
            };
            event.need_rescan() || event.paths.iter().any(ours)
        }
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// Where a change can make a path mean another file, and the names of the files themselves.
#[derive(Debug, Default)]
struct Places {
    folders: BTreeSet<PathBuf>,
    names: HashSet<OsString>,
}

impl Places {
    fn of(config: Option<&Path>, ranges: Option<&Path>) -> Self {
        let mut places = Self::default();
        if let Some(config) = config {
            places.file(config);
        }
        let Some(ranges) = ranges else { return places };
        let folder = places.follow(ranges);
        for file in range_files(&folder).unwrap_or_default() {
            if fs::symlink_metadata(&file).is_ok_and(|m| m.is_symlink()) {
                places.file(&file);
            }
        }
        // The folder itself may be renamed, deleted and made again.
        places.folders.extend(folder.parent().map(Path::to_owned));
        places.folders.insert(folder);
        places
    }

    fn file(&mut self, path: &Path) {
        let end = self.follow(path);
        self.names.extend(end.file_name().map(ToOwned::to_owned));
        self.folders.extend(end.parent().map(Path::to_owned));
    }

    /// Walks a path as the kernel does, and notes every folder that a link on it lies in.
    fn follow(&mut self, path: &Path) -> PathBuf {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let steps =
            |path: &Path| path.components().rev().map(|c| c.as_os_str().to_owned()).collect::<Vec<_>>();
        let mut rest = steps(&whole);
        let mut at = PathBuf::new();
        let mut links = 0;
        while let Some(step) = rest.pop() {
            if Path::new(&step).components().next() == Some(Component::ParentDir) {
                at.pop();
                continue;
            }
            // A step `/` begins the path anew.
            let next = at.join(&step);
            match fs::read_link(&next) {
                Ok(target) if links < MAX_LINKS => {
                    links += 1;
                    self.folders.insert(at.clone());
                    rest.extend(steps(&target));
                }
                _ => at = next,
            }
        }
        at
    }
}
