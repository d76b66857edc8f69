//! The files of an access log that is rotated: the one that is written, and those that have its name and a number or a day.
//!
//! What they hold is not known here. Names are those of logrotate with any of its options (`access.log.2.gz`,
//! `access.log-20261121`, `access-20261121.log`) and of what is like it.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What packed files end with.
const PACKED: [&str; 5] = [".gz", ".xz", ".zst", ".bz2", ".lz4"];
/// What a number or a day is set off with.
const MARKS: [char; 2] = ['.', '-'];

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

/// The files that were written since then, the newest first. There may be none.
///
/// # Errors
/// They cannot be found.
pub(crate) fn files(log: &Path, since: SystemTime) -> Result<Vec<PathBuf>, Unlisted> {
    let Some(name) = log.file_name().and_then(|name| name.to_str()) else {
        return Err(Unlisted::NoFile(log.to_owned()));
    };
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    match found_at(log)? {
        Some(one) if !one.is_file() => return Err(Unlisted::NoFile(log.to_owned())),
        one => found.extend(one.and_then(|one| Some((one.modified().ok()?, log.to_owned())))),
    }
    let closed = |error| Unlisted::Closed { path: folder.to_owned(), error };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(closed)?,
    };
    for entry in entries {
        let path = folder.join(entry.map_err(closed)?.file_name());
        if !path.file_name().and_then(|other| other.to_str()).is_some_and(|other| is_rotated(other, name)) {
            continue;
        }
        // One that is gone was rotated away just now.
        let one = found_at(&path)?.filter(Metadata::is_file);
        found.extend(one.and_then(|one| Some((one.modified().ok()?, path))));
    }
    // What was written last before that time has no line since; and a file that is just being packed is there twice.
    let all: HashSet<PathBuf> = found.iter().map(|(_, path)| path.clone()).collect();
    found.retain(|(written, path)| {
        *written >= since && !unpacked(path).is_some_and(|plain| all.contains(&plain))
    });
    found.sort_by_key(|(written, path)| (Reverse(*written), path.clone()));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn found_at(path: &Path) -> Result<Option<Metadata>, Unlisted> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Unlisted::Closed { path: path.to_owned(), error }),
    }
}

/// The path of a packed file before it was packed.
fn unpacked(path: &Path) -> Option<PathBuf> {
    let name = path.to_str()?;
    PACKED.iter().find_map(|end| name.strip_suffix(end)).map(PathBuf::from)
}

/// Whether a file has the name of the log and a number or a day: behind it, or before its ending.
fn is_rotated(name: &str, log: &str) -> bool {
    let name = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let behind = name.strip_prefix(log);
    let before = || {
        let (stem, ending) = log.rsplit_once('.')?;
        name.strip_prefix(stem)?.strip_suffix(ending)?.strip_suffix('.')
    };
    behind.is_some_and(is_number) || before().is_some_and(is_number)
}

/// `.1`, `-20261121`, `-2026-11-21T19:30`: set off, and with nothing but what numbers and times have.
fn is_number(text: &str) -> bool {
    let Some(number) = text.strip_prefix(MARKS) else { return false };
    let is_of_time = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ':' | 'T' | 'Z');
    number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(is_of_time)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_names_of_a_rotated_log_are_known() {
        for name in [
            "access.log.1",
            "access.log.14.gz",
            "access.log.2.zst",
            "access.log-20261121",
            "access.log-20261121.gz",
            "access.log-2026-11-21T19:30Z",
            "access.log-20261121-1795289400.gz",
            "access.1.log",
            "access-20261121.log.gz",
        ] {
            assert!(is_rotated(name, "access.log"), "{name}");
        }
        for name in [
            "access.log",
            "access.log.gz",
            "access.log.bak",
            "access.log.1.old",
            "access.log1",
            "access2.log",
            "access.log.",
            "other.log.1",
            "access.log.1.gz.tmp",
        ] {
            assert!(!is_rotated(name, "access.log"), "{name}");
        }
        assert!(is_rotated("access.1", "access") && !is_rotated("access.log", "access"));
    }

    #[test]
    fn the_newest_file_is_the_first_and_old_ones_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("access.log");
        let now = SystemTime::now();
        let days = |days: u64| now - Duration::from_secs(days * 86_400);
        for (name, age) in [
            ("access.log.2.gz", 2),
            ("access.log", 0),
            ("access.log.31.gz", 31),
            ("access.log.1", 1),
            ("access.log.1.gz", 0),
        ] {
            let file = fs::File::create(dir.path().join(name)).unwrap();
            file.set_modified(days(age)).unwrap();
        }
        fs::create_dir(dir.path().join("access.log.3")).unwrap();
        let found = || -> Vec<String> {
            let names = files(&log, days(30)).unwrap();
            names.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(found(), ["access.log", "access.log.1", "access.log.2.gz"]);
        fs::remove_file(&log).unwrap();
        assert_eq!(found(), ["access.log.1", "access.log.2.gz"]);
        assert_eq!(files(&dir.path().join("none/access.log"), days(30)).unwrap(), [""; 0].map(PathBuf::from));
        fs::create_dir(&log).unwrap();
        assert!(files(&log, days(30)).unwrap_err().to_string().ends_with("access.log: is no file"));
    }
}
