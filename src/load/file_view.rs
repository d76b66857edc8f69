//! The content of all files at one moment, not parsed yet.
//!
//! Invariant: each file is read once per view, so the bytes that are compared are the bytes that are loaded.

use crate::files::file::{FileContent, Files};
use crate::files::folder::Folder;
use crate::files::secret::SecretContent;
use crate::state::held::Held;

/// The content of all files at one moment. Two views are equal when all bytes and all read errors are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileView {
    /// The config file, if there is one.
    pub config: Option<FileContent>,
    /// Why the config file is not loaded for now; the files below are then those of the config in use.
    pub held: Option<Held>,
    /// The ranges folder, if the config says which.
    pub ranges: Option<Folder>,
    /// The files of certificates that may sign an upstream's, each once.
    pub authorities: Files,
    /// The files of certificates and keys that the config names, each once.
    pub certificates: Files,
    /// The files of secrets that the config names, each once.
    pub secrets: Vec<SecretContent>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Instant;

    use crate::files::folder::Reader;

    #[test]
    fn views_differ_by_a_byte_by_an_error_and_by_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        let look = || Reader::default().folder(dir.path(), &BTreeSet::new(), true, Instant::now());
        let empty = look();
        fs::write(&path, "192.0.2.1\n").unwrap();
        let one = look();
        assert_eq!(one, look());
        fs::write(&path, "192.0.2.2\n").unwrap();
        let other = look();
        fs::remove_file(&path).unwrap();
        symlink("nowhere", &path).unwrap();
        let dangling = look();
        let looks = [empty, one, other, dangling];
        for (place, a) in looks.iter().enumerate() {
            assert!(looks[place + 1..].iter().all(|b| a != b), "{a:?}");
        }
    }
}
