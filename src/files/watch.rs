//! Notices that a file changed.
//!
//! Events only decide when to read; what counts is the content. inotify watches folders, not files, because a
//! replaced file is another file. Every folder on the way of a symbolic link is watched too, because `ln
//! -sfn` and Kubernetes put the new target there. Network file systems send no events, so there is a poll as
//! well. Invariant: a change counts only when two views, at least a debounce apart, are equal, because a
//! writer may be half-way.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::places::Places;
use crate::files::settle::{Notice, Pace};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::warn;

/// The event that something happened to a file. Only one is under way at a time, however many changes happen
/// and however long the reload thread takes.
#[derive(Debug)]
pub(crate) struct Touch(Arc<AtomicBool>);

impl Touch {
    fn new(under_way: &Arc<AtomicBool>) -> Option<Self> {
        (!under_way.swap(true, Ordering::AcqRel)).then(|| Self(Arc::clone(under_way)))
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
    /// Device and inode of each: a path may become another folder.
    armed: BTreeMap<PathBuf, (u64, u64)>,
    names: Arc<Mutex<HashSet<OsString>>>,
    warned: bool,
}

impl Watch {
    /// Watches nothing yet. `touched` is called for changes, on the thread of the operating system's watcher.
    pub(crate) fn new(pace: Pace, touched: impl Fn(Touch) + Send + 'static) -> Self {
        let names = Arc::new(Mutex::new(HashSet::new()));
        let mut watch =
            Self { watcher: None, armed: BTreeMap::new(), names: Arc::clone(&names), warned: false };
        if pace.notice == Notice::Poll {
            return watch;
        }
        let under_way = Arc::new(AtomicBool::new(false));
        let on_event = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| matters(&event, &names))
                && let Some(touch) = Touch::new(&under_way)
            {
                touched(touch);
            }
        };
        match notify::recommended_watcher(on_event) {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.warn(&error),
        }
        watch
    }

    /// Watches every folder that the paths of the files (the config, certificates, keys) and of the current
    /// range files go through. Must be called before a view, so that no change between the two is lost.
    /// Returns whether a folder was added.
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
            // The kernel has removed the watch of a deleted folder already.
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
                // A folder that was just deleted is no reason to warn: the next view notices it.
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
            warn!(%error, "no inotify events for some files: their changes are noticed by polling only");
        }
    }
}

/// Whether an event can mean that a view would differ. Reading a file is an event too, and must not cause the
/// next view, or views would never end; a log that grows in the same folder must not cause a view for every
/// line.
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use notify::event::{CreateKind, DataChange, Event as FileContent, MetadataKind, RemoveKind, RenameMode};

    use super::*;

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
        // A link of any name may be on the way to a file.
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

    /// Many events that nobody takes must not grow the queue.
    #[test]
    fn one_touch_at_a_time_is_on_its_way() {
        let under_way = Arc::new(AtomicBool::new(false));
        let touch = Touch::new(&under_way);
        assert!(touch.is_some() && Touch::new(&under_way).is_none());
        drop(touch);
        assert!(Touch::new(&under_way).is_some());
    }
}
