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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::warn;

use crate::files::file::range_files;

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
pub(crate) struct Settle {
    pace: Pace,
    poll: Instant,
    /// The next look that is not the poll's, and the latest moment that it may be put off to.
    due: Option<(Instant, Instant)>,
    /// What the last look saw, if that is not loaded yet.
    candidate: Option<u64>,
}

impl Settle {
    /// The first look comes soon: something may have changed since the first load.
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        let mut settle = Self { pace, poll: now + pace.poll, due: None, candidate: None };
        settle.touch(now);
        settle
    }

    /// Something happened to a file.
    pub(crate) fn touch(&mut self, now: Instant) {
        let latest = self.due.map_or(now + self.pace.debounce * PATIENCE, |(_, latest)| latest);
        self.due = Some(((now + self.pace.debounce).min(latest), latest));
    }

    /// Everything that happened so far was seen and loaded at a person's word.
    pub(crate) fn rest(&mut self, now: Instant) {
        (self.poll, self.due, self.candidate) = (now + self.pace.poll, None, None);
    }

    /// When to look. A look that is due soon is not forestalled by the poll, so two looks are never
    /// closer than a debounce.
    pub(crate) fn wake(&self) -> Instant {
        self.due.map_or(self.poll, |(due, _)| due)
    }

    /// What a look saw, and whether that is loaded already. Says whether to load it now.
    pub(crate) fn look(&mut self, now: Instant, mark: u64, known: bool) -> bool {
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

/// That something happened to a file. Only one is on its way at a time, however much happens and however
/// long the reload thread takes.
#[derive(Debug)]
pub(crate) struct Touch(Arc<AtomicBool>);

impl Touch {
    fn new(on_its_way: &Arc<AtomicBool>) -> Option<Self> {
        (!on_its_way.swap(true, Ordering::AcqRel)).then(|| Self(Arc::clone(on_its_way)))
    }
}

impl Drop for Touch {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The watched folders.
#[derive(Debug)]
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Device and inode of each: the same path may become another folder.
    armed: BTreeMap<PathBuf, (u64, u64)>,
    names: Arc<Mutex<HashSet<OsString>>>,
    warned: bool,
}

impl Watch {
    pub(crate) fn new(pace: Pace, touched: impl Fn(Touch) + Send + 'static) -> Self {
        let names = Arc::new(Mutex::new(HashSet::new()));
        let mut watch =
            Self { watcher: None, armed: BTreeMap::new(), names: Arc::clone(&names), warned: false };
        if pace.notice == Notice::Poll {
            return watch;
        }
        let on_its_way = Arc::new(AtomicBool::new(false));
        let told = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| matters(&event, &names))
                && let Some(touch) = Touch::new(&on_its_way)
            {
                touched(touch);
            }
        };
        match notify::recommended_watcher(told) {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.warn(&error),
        }
        watch
    }

    /// Watches what is on the way to the files (the config, certificates, keys) and to the range files
    /// now. Must come before a look, so that nothing falls between the two. Says whether a folder was
    /// added.
    pub(crate) fn arm<'a>(&mut self, files: impl Iterator<Item = &'a Path>, ranges: Option<&Path>) -> bool {
        if self.watcher.is_none() {
            return false;
        }
        let places = Places::of(files, ranges);
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
    fn of<'a>(files: impl Iterator<Item = &'a Path>, ranges: Option<&Path>) -> Self {
        let mut places = Self::default();
        files.for_each(|file| places.file(file));
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use notify::event::{CreateKind, DataChange, Event as FileContent, MetadataKind, RemoveKind, RenameMode};

    use super::*;

    const PACE: Pace =
        Pace { debounce: Duration::from_millis(200), poll: Duration::from_secs(5), notice: Notice::Poll };

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A settle that has seen what is loaded, at 0 ms.
    fn settled() -> (Settle, Instant) {
        let start = Instant::now();
        let mut settle = Settle::new(PACE, start);
        assert!(!settle.look(start, 1, true));
        (settle, start)
    }

    #[test]
    fn the_first_look_comes_soon_and_then_at_each_poll() {
        let start = Instant::now();
        assert_eq!(Settle::new(PACE, start).wake(), start + ms(200));
        let (mut settle, start) = settled();
        assert_eq!(settle.wake(), start + ms(5000));
        assert!(!settle.look(start + ms(5000), 1, true));
        assert_eq!(settle.wake(), start + ms(10_000));
    }

    #[test]
    fn a_change_counts_when_two_looks_a_debounce_apart_agree() {
        let (mut settle, start) = settled();
        settle.touch(start + ms(1000));
        assert_eq!(settle.wake(), start + ms(1200));
        assert!(!settle.look(start + ms(1200), 2, false));
        assert_eq!(settle.wake(), start + ms(1400));
        assert!(settle.look(start + ms(1400), 2, false));
        assert_eq!(settle.wake(), start + ms(6400));
    }

    #[test]
    fn a_file_that_is_still_growing_is_not_loaded() {
        let (mut settle, start) = settled();
        for step in 0..50 {
            assert!(!settle.look(start + ms(1000 + 200 * step), 2 + step, false), "{step}");
        }
        assert!(settle.look(start + ms(1000 + 200 * 50), 51, false));
    }

    #[test]
    fn what_changes_and_changes_back_is_no_change() {
        let (mut settle, start) = settled();
        assert!(!settle.look(start, 2, false));
        assert!(!settle.look(start + ms(200), 1, true));
        assert!(!settle.look(start + ms(400), 2, false));
        assert!(settle.look(start + ms(600), 2, false));
    }

    #[test]
    fn events_put_a_look_off_but_not_for_ever() {
        let (mut settle, start) = settled();
        for n in 0..100 {
            settle.touch(start + ms(10 * n));
        }
        assert_eq!(settle.wake(), start + ms(1000));
        settle.touch(start + ms(1000));
        assert_eq!(settle.wake(), start + ms(1000));
    }

    #[test]
    fn a_reload_by_a_person_sees_what_was_due() {
        let (mut settle, start) = settled();
        assert!(!settle.look(start, 2, false));
        settle.rest(start + ms(100));
        assert_eq!(settle.wake(), start + ms(5100));
        assert!(!settle.look(start + ms(5100), 2, false), "the candidate is forgotten");
    }

    #[test]
    fn the_poll_does_not_come_between_two_looks() {
        let (mut settle, start) = settled();
        settle.touch(start + ms(4950));
        assert_eq!(settle.wake(), start + ms(5150));
    }

    fn seen(kind: EventKind, path: &str) -> bool {
        let names = Mutex::new(HashSet::from([OsString::from("config.yaml")]));
        matters(&FileContent::new(kind).add_path(PathBuf::from(path)), &names)
    }

    #[test]
    fn reading_is_no_change_and_neither_is_a_log_that_grows() {
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let mode = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        for kind in [data, closed, mode] {
            assert!(
                seen(kind, "/r/sms.txt") && seen(kind, "/etc/config.yaml") && !seen(kind, "/etc/access.log")
            );
        }
        for kind in [AccessKind::Open(AccessMode::Any), AccessKind::Close(AccessMode::Read), AccessKind::Read]
        {
            assert!(!seen(EventKind::Access(kind), "/r/sms.txt"));
        }
        // A link, whatever its name, may be on the way to a file.
        for kind in [
            EventKind::Create(CreateKind::Any),
            EventKind::Remove(RemoveKind::Any),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)),
        ] {
            assert!(seen(kind, "/r/..data"));
        }
    }

    #[test]
    fn every_folder_on_the_way_of_a_link_is_watched() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        for folder in ["etc", "mnt/..v1", "opt/v1"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("mnt/..v1/app.yaml"), "").unwrap();
        symlink("../mnt/app.yaml", root.join("etc/config.yaml")).unwrap();
        symlink("..data/app.yaml", root.join("mnt/app.yaml")).unwrap();
        symlink("..v1", root.join("mnt/..data")).unwrap();
        symlink(root.join("opt/v1"), root.join("etc/ranges")).unwrap();
        let places = Places::of(
            [root.join("etc/config.yaml").as_path()].into_iter(),
            Some(&root.join("etc/../etc/ranges/")),
        );
        let wanted = ["etc", "mnt", "mnt/..v1", "opt", "opt/v1"].map(|folder| root.join(folder));
        assert_eq!(places.folders.into_iter().collect::<Vec<_>>(), wanted);
        assert_eq!(places.names, HashSet::from([OsString::from("app.yaml")]));
    }

    #[test]
    fn a_circle_of_links_ends() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        let places = Places::of([dir.path().join("a").as_path()].into_iter(), None);
        assert!(places.folders.contains(&fs::canonicalize(dir.path()).unwrap()));
    }

    /// A storm of events while nobody takes them must not grow the queue.
    #[test]
    fn one_touch_at_a_time_is_on_its_way() {
        let on_its_way = Arc::new(AtomicBool::new(false));
        let touch = Touch::new(&on_its_way);
        assert!(touch.is_some() && Touch::new(&on_its_way).is_none());
        drop(touch);
        assert!(Touch::new(&on_its_way).is_some());
    }
}
