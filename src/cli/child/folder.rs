//! A temporary folder for the files of a gate that a command starts.
//!
//! Invariant: only its owner can read it, it was not there before, and it is removed with the value. A command that was killed
//! leaves its folder behind, with a copy of a secret perhaps: the next one of that name removes it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{Flock, FlockArg};

/// Why the files of the gate could not be made.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum FilesError {
    /// A file or the folder could not be written.
    #[error("{}: {error}", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The built-in configuration cannot be parsed.
    #[error("config.yaml: {0}")]
    Config(#[from] serde_yaml::Error),
}

/// The name of the file that is locked while the command runs.
const LOCK: &str = "lock";

/// The folder.
#[derive(Debug)]
pub(in crate::cli) struct Folder {
    path: PathBuf,
    /// The system opens the lock when the process ends, however it ends.
    _lock: Flock<File>,
}

impl Folder {
    /// Makes the folder of this process for a command.
    ///
    /// # Errors
    /// It cannot be made, or another user has made one of its name.
    pub(in crate::cli) fn of_command(name: &str) -> Result<Self, FilesError> {
        let begin = format!("nexmo-gate-{name}-");
        // In a container a command has the same number each time.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let path = std::env::temp_dir().join(format!("{begin}{}-{since}", std::process::id()));
        let made = Self::new(path)?;
        if let Ok(own) = std::fs::symlink_metadata(made.path()) {
            remove_left(&std::env::temp_dir(), &begin, own.uid());
        }
        Ok(made)
    }

    fn new(path: PathBuf) -> Result<Self, FilesError> {
        let unwritten = |path: &Path, error| FilesError::Unwritten { path: path.to_owned(), error };
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| unwritten(&path, error))?;
        let file = path.join(LOCK);
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        let lock = lock.and_then(locked).map_err(|error| unwritten(&file, error))?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub(in crate::cli) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a new file that only its owner can read; returns its path.
    ///
    /// # Errors
    /// It cannot be written, or is there already.
    pub(in crate::cli) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf, FilesError> {
        let path = self.path.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match file.and_then(|mut file| file.write_all(text.as_ref())) {
            Ok(()) => Ok(path),
            Err(error) => Err(FilesError::Unwritten { path, error }),
        }
    }
}

/// Locks a file, if nobody holds it.
fn locked(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

/// Removes the folders of this user's commands that run no more: nobody holds their lock. What cannot be removed stays.
fn remove_left(place: &Path, begin: &str, owner: u32) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(begin));
        let is_named = number.is_some_and(|number| number.bytes().all(|c| c.is_ascii_digit() || c == b'-'));
        // The metadata of an entry is its own, and not that of what a link leads to.
        let is_ours = || entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == owner);
        // One without a lock is being made.
        let is_left = || File::open(entry.path().join(LOCK)).and_then(locked).is_ok();
        if is_named && is_ours() && is_left() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, the system's cleaning of temporary files does it.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn the_files_are_their_owners_and_go_with_the_folder() {
        let folder = Folder::of_command("test-of-the-folder").unwrap();
        let path = folder.write("secret", "s").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&path)), (0o700, 0o600));
        assert!(folder.write("secret", "t").is_err(), "nothing is overwritten");
        assert!(Folder::new(folder.path().to_owned()).is_err(), "somebody else's folder is not used");
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn the_folder_of_a_command_that_runs_no_more_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let named = |name: &str| place.path().join(name);
        let others = ["nexmo-gate-y-1", "nexmo-gate-x-1.old", "nexmo-gate-x", "kept"].map(named);
        let (left, unlocked, link) =
            (named("nexmo-gate-x-1"), named("nexmo-gate-x-2"), named("nexmo-gate-x-3"));
        for folder in others.iter().chain([&left]) {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(LOCK), "").unwrap();
        }
        fs::create_dir(&unlocked).unwrap();
        symlink(named("kept"), &link).unwrap();
        let own = Folder::new(named("nexmo-gate-x-4")).unwrap();
        let owner = fs::symlink_metadata(own.path()).unwrap().uid();
        remove_left(place.path(), "nexmo-gate-x-", owner + 1);
        assert!(left.exists(), "it is somebody else's");
        remove_left(place.path(), "nexmo-gate-x-", owner);
        assert!(!left.exists());
        assert!(link.is_symlink() && unlocked.exists() && own.path().join(LOCK).exists());
        assert!(others.iter().all(|folder| folder.join(LOCK).exists()));
    }
}
