//! A file that is written whole or not at all.
//!
//! Invariant: under its name lies the old text or the new one, whatever ends the process; the new one lasts when its
//! folder is synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
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

/// Makes what was renamed in a folder last.
///
/// # Errors
/// The folder cannot be opened or synced.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn open(folder: &Path, name: &str, mode: u32) -> io::Result<(File, PathBuf)> {
    let beside = folder.join(format!(".{}.tmp", name.trim_start_matches('.')));
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(&beside)?;
    Ok((file, beside))
}

fn finish(file: &mut File, beside: &Path, text: &[u8], place: &Path) -> io::Result<()> {
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(beside, place)
}
