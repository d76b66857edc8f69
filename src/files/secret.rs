//! A file whose bytes are a secret.
//!
//! Invariant: the bytes are overwritten when the last value that holds them is dropped, and `Debug` does not show them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::files::file::{ReadError, io_error, open};

/// The bytes of a secret's file, shared.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Arc<Zeroizing<Vec<u8>>>);

/// A secret's file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretContent {
    /// Its path, as it was given.
    pub path: PathBuf,
    /// Its bytes, or why they could not be read.
    pub content: Result<SecretBytes, ReadError>,
    /// Its permissions, if all users of the machine may read it.
    pub mode_if_world_readable: Option<u32>,
}

impl SecretBytes {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Hash for SecretBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes")
    }
}

impl SecretContent {
    /// Reads at most `most` + 1 bytes of a file. The last byte shows that the file is too large.
    #[must_use]
    pub(crate) fn at(path: &Path, most: usize) -> Self {
        let (content, mode_if_world_readable) = match read(path, most) {
            Ok((bytes, mode)) => {
                (Ok(SecretBytes(Arc::new(bytes))), (mode & 0o004 != 0).then_some(mode & 0o777))
            }
            Err(error) => (Err(error), None),
        };
        Self { path: path.to_owned(), content, mode_if_world_readable }
    }
}

fn read(path: &Path, most: usize) -> Result<(Zeroizing<Vec<u8>>, u32), ReadError> {
    let (file, metadata) = open(path)?;
    let bound = most.saturating_add(1);
    // The buffer never grows: what it left behind would not be overwritten.
    let mut bytes = Zeroizing::new(Vec::with_capacity(bound));
    file.take(bound as u64).read_to_end(&mut bytes).map_err(io_error)?;
    Ok((bytes, metadata.permissions().mode()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_secret_is_read_whole_and_shown_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "s3cr3t-of-the-account\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let seen = SecretContent::at(&path, 100);
        assert_eq!(seen.content.as_ref().unwrap().bytes(), b"s3cr3t-of-the-account\n");
        assert_eq!(seen.mode_if_world_readable, None);
        assert!(!format!("{seen:?}").contains("s3cr3t"), "{seen:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(SecretContent::at(&path, 100).mode_if_world_readable, Some(0o644));
        assert_ne!(SecretContent::at(&path, 100), seen);
    }

    #[test]
    fn no_more_than_one_byte_too_many_is_read() {
        let seen = SecretContent::at(Path::new("/proc/self/exe"), 4096);
        assert_eq!(seen.content.unwrap().bytes().len(), 4097);
        let folder = SecretContent::at(Path::new("/proc"), 4096).content.unwrap_err();
        assert_eq!(folder.to_string(), "must be a regular file, this is a folder");
    }
}
