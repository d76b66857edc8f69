//! A temporary folder for the files of a gate that a command starts.
//!
//! Invariant: only its owner can read it, it was not there before, and it is removed with the value.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

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

/// The folder.
#[derive(Debug)]
pub(in crate::cli) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder of this process for a command.
    ///
    /// # Errors
    /// It cannot be made, or another user has made one of its name.
    pub(in crate::cli) fn of_command(name: &str) -> Result<Self, FilesError> {
        let path = std::env::temp_dir().join(format!("nexmo-gate-{name}-{}", std::process::id()));
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(FilesError::Unwritten { path, error }),
        }
    }

    /// Where it is.
    pub(in crate::cli) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a new file that only its owner can read; returns its path.
    ///
    /// # Errors
    /// It cannot be written, or is there already.
    pub(in crate::cli) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf, FilesError> {
        let path = self.0.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match file.and_then(|mut file| file.write_all(text.as_ref())) {
            Ok(()) => Ok(path),
            Err(error) => Err(FilesError::Unwritten { path, error }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, the system's cleaning of temporary files does it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_files_are_their_owners_and_go_with_the_folder() {
        let folder = Folder::of_command("test-of-the-folder").unwrap();
        let path = folder.write("secret", "s").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&path)), (0o700, 0o600));
        assert!(folder.write("secret", "t").is_err(), "nothing is overwritten");
        assert!(Folder::of_command("test-of-the-folder").is_err(), "somebody else's folder is not used");
        drop(folder);
        assert!(!path.exists());
    }
}
