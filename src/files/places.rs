//! The folders where a change can make a path lead to another file, symbolic links included.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::files::file::range_files;

/// Symbolic links that are followed on one path, as many as Linux does (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// The folders where a change can make a path lead to another file, and the names of the files themselves.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) names: HashSet<OsString>,
}

impl Places {
    pub(super) fn of<'a>(files: impl Iterator<Item = &'a Path>, ranges: Option<&Path>) -> Self {
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

    /// Walks a path as the kernel does, and records every folder that has a link on the path.
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
            // Joining a `/` starts again at the root.
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
