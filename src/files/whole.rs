//! A file that is written whole or not at all.
//!
//! Invariant: under its name lies the old text or the new one, whatever ends the process; the new one lasts when its
//! folder is synced.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Writes to a temporary file, syncs it, and renames it. The name begins with a dot, so that a partial file is not read
/// as a list.
///
/// # Errors
/// A step fails; the old text is still there.
pub(crate) fn write(folder: &Path, name: &str, text: &[u8], mode: u32) -> io::Result<()> {
    let (mut file, beside) = open(folder, name, mode)?;
    finish(&mut file, &beside, text, &folder.join(name))
}

/// The same for a file that somebody else reads: it keeps the owner and the mode of the old one. A new one may be read
/// by everybody.
///
/// # Errors
/// A step fails; the old text is still there.
pub(crate) fn write_alike(folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let (mut file, beside) = open(folder, name, 0o600)?;
    let old = fs::metadata(folder.join(name)).ok();
    if let Some(old) = &old {
        // Only root may give a file away. For anybody else the new one is theirs, as with an editor.
        let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
    }
    let mode = old.map_or(0o644, |old| old.mode() & 0o777);
    file.set_permissions(Permissions::from_mode(mode))?;
    finish(&mut file, &beside, text, &folder.join(name))
}

/// Makes what was renamed in a folder last.
///
/// # Errors
/// The folder cannot be opened or synced.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn open(folder: &Path, name: &str, mode: u32) -> io::Result<(File, PathBuf)> {
    let beside = folder.join(format!(".{}.tmp", name.trim_start_matches('.')));
    // What lies there is left from a process that was ended, or is a link to somewhere else.
    if let Err(error) = fs::remove_file(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(&beside)?;
    Ok((file, beside))
}

fn finish(file: &mut File, beside: &Path, text: &[u8], place: &Path) -> io::Result<()> {
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(beside, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_mode_when_it_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let mode = || fs::metadata(dir.path().join("a.txt")).unwrap().mode() & 0o777;
        write_alike(dir.path(), "a.txt", b"one").unwrap();
        assert_eq!(mode(), 0o644, "a new one");
        fs::set_permissions(dir.path().join("a.txt"), Permissions::from_mode(0o640)).unwrap();
        write_alike(dir.path(), "a.txt", b"two").unwrap();
        assert_eq!((mode(), fs::read(dir.path().join("a.txt")).unwrap()), (0o640, b"two".to_vec()));
        write(dir.path(), "a.txt", b"three", 0o600).unwrap();
        assert_eq!(mode(), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        sync_folder(dir.path()).unwrap();
    }
}
