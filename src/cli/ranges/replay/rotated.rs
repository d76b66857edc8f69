//! The files of an access log that is rotated: the one that is written, and the parts beside it.
//!
//! What they hold is not known here. Names are those of logrotate with any of its options (`access.log.2.gz`,
//! `access.log-20261121`, `access-20261121.log`) and of what is like it. Invariant: whatever lies there and begins like a name
//! of the log is read, or is named as what is not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::ranges::replay::names::{Name, name, unpacked};

/// The files cannot be found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unlisted {
    /// Somebody who runs this may not look, or the disk fails.
    #[error("{}: cannot be looked at: {error}", .path.display())]
    Closed { path: PathBuf, error: io::Error },
    /// It is a FIFO, a device or a folder.
    #[error("{}: is no file", .0.display())]
    NoFile(PathBuf),
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// Which file it is, whatever its name.
    pub file: (u64, u64),
    /// Its bytes.
    pub size: u64,
    /// Whether it may be the log of somebody else.
    pub is_doubtful: bool,
}

/// The files of a log.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Those that have something since then: the log itself, then the newest first.
    pub files: Vec<Part>,
    /// What lies beside them and is not read, and why.
    pub strange: BTreeSet<String>,
    /// Whether there are older ones.
    pub has_older: bool,
    /// Everything that lay there.
    all: BTreeMap<PathBuf, ((u64, u64), u64)>,
}

impl Parts {
    /// Whether these files, listed later, show that some were rotated or cut meanwhile. A file may grow.
    #[must_use]
    pub(crate) fn are_others_than(&self, before: &Self) -> bool {
        let stays = |(path, (file, size)): (&PathBuf, &((u64, u64), u64))| {
            self.all.get(path).is_some_and(|(now, grown)| now == file && grown >= size)
        };
        self.all.len() != before.all.len() || !before.all.iter().all(stays)
    }
}

/// The files that were written since then. There may be none.
///
/// # Errors
/// They cannot be found.
pub(crate) fn parts(log: &Path, since: SystemTime) -> Result<Parts, Unlisted> {
    let mut parts = Parts::default();
    let mut found: Vec<(SystemTime, Part)> = Vec::new();
    let (folders, names) = places(log)?;
    let live = match look(log)? {
        Look::At(one) if !one.is_file() => return Err(Unlisted::NoFile(log.to_owned())),
        Look::At(one) => Some(parts.part(log, &one, false)),
        Look::None => None,
        Look::Nowhere => {
            parts.strange.insert(format!("{}: leads nowhere", log.display()));
            None
        }
    };
    for folder in &folders {
        let closed = |error| Unlisted::Closed { path: folder.clone(), error };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(closed)?,
        };
        for entry in entries {
            let file_name = entry.map_err(closed)?.file_name();
            let path = folder.join(&file_name);
            if let Some(kind) = names.iter().find_map(|log| name(&file_name.to_string_lossy(), log)) {
                parts.beside(&path, kind, since, &mut found)?;
            }
        }
    }
    let paths: HashSet<PathBuf> = found.iter().map(|(_, part)| part.path.clone()).collect();
    // A file that is just being packed is there twice.
    found.retain(|(_, part)| !unpacked(&part.path).is_some_and(|plain| paths.contains(&plain)));
    found.sort_by_key(|(written, part)| (Reverse(*written), part.path.clone()));
    let mut known = HashSet::new();
    let all = live.into_iter().chain(found.into_iter().map(|(_, part)| part));
    parts.files = all.filter(|part| part.size > 0 && known.insert(part.file)).collect();
    Ok(parts)
}

impl Parts {
    fn part(&mut self, path: &Path, one: &Metadata, is_doubtful: bool) -> Part {
        let (file, size) = ((one.dev(), one.ino()), one.len());
        self.all.insert(path.to_owned(), (file, size));
        Part { path: path.to_owned(), file, size, is_doubtful }
    }

    fn beside(
        &mut self,
        path: &Path,
        kind: Name,
        since: SystemTime,
        found: &mut Vec<(SystemTime, Part)>,
    ) -> Result<(), Unlisted> {
        let shown = path.display().to_string().escape_debug().to_string();
        let one = match look(path) {
            Ok(Look::At(one)) => one,
            // It was rotated away just now.
            Ok(Look::None) => return Ok(()),
            Ok(Look::Nowhere) => {
                self.strange.insert(format!("{shown}: leads nowhere"));
                return Ok(());
            }
            Err(error) if kind == Name::Rotated => return Err(error),
            Err(error) => {
                self.strange.insert(error.to_string());
                return Ok(());
            }
        };
        let Ok(written) = one.modified() else { return Ok(()) };
        if !one.is_file() {
            if kind != Name::Strange {
                self.strange.insert(format!("{shown}: is no file"));
            }
        } else if kind == Name::Strange {
            if written >= since && one.len() > 0 {
                self.strange.insert(format!(
                    "{shown}: has no name of a part, or is packed by another program than gzip"
                ));
            }
        } else if written < since {
            // What was written last before that time has no line since.
            self.has_older |= kind == Name::Rotated && one.len() > 0;
        } else {
            let part = self.part(path, &one, kind == Name::Doubtful);
            found.push((written, part));
        }
        Ok(())
    }
}

/// The folders to look into, and the names that the log has there: its own, and that of the file to which it leads.
fn places(log: &Path) -> Result<(BTreeSet<PathBuf>, Vec<String>), Unlisted> {
    let no_file = || Unlisted::NoFile(log.to_owned());
    let mut folders = BTreeSet::new();
    let mut names = Vec::new();
    let target = fs::canonicalize(log).ok();
    for path in std::iter::once(log).chain(target.as_deref()) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // One folder by two names is one.
        folders.insert(fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()));
        names.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
    }
    if names.is_empty() { Err(no_file()) } else { Ok((folders, names)) }
}

enum Look {
    At(Metadata),
    None,
    Nowhere,
}

fn look(path: &Path) -> Result<Look, Unlisted> {
    let error = match fs::metadata(path) {
        Ok(found) => return Ok(Look::At(found)),
        Err(error) => error,
    };
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    match error.kind() {
        io::ErrorKind::PermissionDenied => Err(Unlisted::Closed { path: path.to_owned(), error }),
        _ if is_link => Ok(Look::Nowhere),
        io::ErrorKind::NotFound => Ok(Look::None),
        _ => Err(Unlisted::Closed { path: path.to_owned(), error }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    fn days(days: u64) -> SystemTime {
        SystemTime::now() - Duration::from_secs(days * 86_400)
    }

    fn found(log: &Path) -> Vec<String> {
        let files = parts(log, days(30)).unwrap().files;
        files.iter().map(|part| part.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_log_is_the_first_then_the_newest_and_old_ones_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("access.log");
        for (name, age) in [
            ("access.log.2.gz", 2),
            ("access.log", 3),
            ("access.log.31.gz", 31),
            ("access.log.1", 1),
            ("access.log.1.gz", 0),
            ("access.log.bak", 1),
            ("access.log.bak2", 32),
        ] {
            fs::write(dir.path().join(name), "x").unwrap();
            fs::File::open(dir.path().join(name)).unwrap().set_modified(days(age)).unwrap();
        }
        fs::write(dir.path().join("access.log.4"), "").unwrap();
        fs::create_dir(dir.path().join("access.log.3")).unwrap();
        symlink("none", dir.path().join("access.log.5")).unwrap();
        assert_eq!(found(&log), ["access.log", "access.log.1", "access.log.2.gz"]);
        let told = parts(&log, days(30)).unwrap();
        assert!(told.has_older && !parts(&log, days(90)).unwrap().has_older);
        let strange: Vec<&str> = told.strange.iter().filter_map(|one| one.rsplit('/').next()).collect();
        let bak = "access.log.bak: has no name of a part, or is packed by another program than gzip";
        assert_eq!(strange, ["access.log.3: is no file", "access.log.5: leads nowhere", bak]);
        fs::remove_file(&log).unwrap();
        assert_eq!(found(&log), ["access.log.1", "access.log.2.gz"]);
        assert!(parts(&dir.path().join("none/access.log"), days(30)).unwrap().files.is_empty());
        fs::create_dir(&log).unwrap();
        assert!(parts(&log, days(30)).unwrap_err().to_string().ends_with("access.log: is no file"));
    }

    #[test]
    fn parts_lie_also_where_the_log_leads() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["links", "real"] {
            fs::create_dir(at(folder)).unwrap();
        }
        for name in ["real/gate.log", "real/gate.log.1", "real/access.log.2", "links/access-20261121.log"] {
            fs::write(at(name), "x").unwrap();
        }
        symlink("../real/gate.log", at("links/access.log")).unwrap();
        let mut files = found(&at("links/access.log"));
        assert_eq!(files.remove(0), "access.log");
        files.sort();
        assert_eq!(files, ["access-20261121.log", "access.log.2", "gate.log.1"]);
    }

    #[test]
    fn a_rotation_is_seen_and_a_log_that_grows_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let list = || parts(&at("access.log"), days(30)).unwrap();
        fs::write(at("access.log"), "one").unwrap();
        let before = list();
        fs::write(at("access.log"), "longer").unwrap();
        assert!(!list().are_others_than(&before));
        fs::write(at("access.log"), "on").unwrap();
        assert!(list().are_others_than(&before), "it was cut");
        let before = list();
        fs::rename(at("access.log"), at("access.log.1")).unwrap();
        assert!(list().are_others_than(&before));
        let before = list();
        fs::write(at("access.log"), "").unwrap();
        assert!(list().are_others_than(&before), "the empty one too: the other has another name");
        let before = list();
        fs::rename(at("access.log.1"), at("access.log")).unwrap();
        assert!(list().are_others_than(&before));
    }
}
