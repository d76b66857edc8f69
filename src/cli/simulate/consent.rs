//! Whether something may be sent to a host that is not this machine: `--i-may`, once for each host.
//!
//! What was answered is kept in `nexmo-gate/simulate-hosts` of the user's folder of settings, a host a line. Invariant:
//! without an answer nothing is sent elsewhere.

use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::cli::simulate::target::is_own;
use crate::files::file;

/// The largest file that is read.
const MAX: u64 = 1 << 16;

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// Nobody said that it may be.
    #[error(
        "{host} is not this machine: say once with --i-may that you may send test webhooks to it; that is kept in {}",
        .file.as_ref().map_or("no file, because HOME is not set".to_owned(), |file| file.display().to_string())
    )]
    NotAsked {
        /// Where it would go.
        host: String,
        /// Where the answer is kept.
        file: Option<PathBuf>,
    },
    /// The answer cannot be kept.
    #[error("--i-may: {}: {error}", .file.display())]
    NotKept {
        /// Where.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Lets a message go to this machine, and to a host that somebody agreed to.
///
/// # Errors
/// Nobody did, or it cannot be kept.
pub(super) fn ask(host: &str, addresses: &[SocketAddr], agrees: bool) -> Result<(), Refused> {
    if addresses.iter().all(|address| is_own(address.ip())) {
        return Ok(());
    }
    let file = kept(std::env::var_os("XDG_CONFIG_HOME"), std::env::var_os("HOME"));
    if file.as_deref().is_some_and(|file| knows(file, host)) {
        return Ok(());
    }
    if !agrees {
        return Err(Refused::NotAsked { host: host.to_owned(), file });
    }
    match file {
        Some(file) => keep(&file, host).map_err(|error| Refused::NotKept { file, error }),
        // Whoever has no folder says it each time.
        None => Ok(()),
    }
}

/// By the XDG base directory specification a relative path does not count.
fn kept(config: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let folder = config.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".config")))?;
    Some(folder.join("nexmo-gate").join("simulate-hosts"))
}

fn knows(file: &Path, host: &str) -> bool {
    let bytes = file::read(file, MAX).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().any(|line| line.trim() == host)
}

fn keep(file: &Path, host: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut kept = OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    let before = file::read(file, MAX).unwrap_or_default();
    if !before.is_empty() && !before.ends_with(b"\n") {
        // Somebody edited it: their line stays theirs.
        writeln!(kept)?;
    }
    if before.is_empty() {
        writeln!(
            kept,
            "# Hosts that `nexmo-gate simulate` may send test webhooks to. Remove a line to be asked again."
        )?;
    }
    writeln!(kept, "{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_where_the_users_settings_are() {
        let path = |config: Option<&str>, home: Option<&str>| {
            kept(config.map(OsString::from), home.map(OsString::from)).map(|path| path.display().to_string())
        };
        let wanted = |path: &str| Some(format!("{path}/nexmo-gate/simulate-hosts"));
        assert_eq!(path(Some("/c"), Some("/h")), wanted("/c"));
        assert_eq!(path(Some("c"), Some("/h")), wanted("/h/.config"));
        assert_eq!(path(None, Some("/h")), wanted("/h/.config"));
        assert_eq!(path(None, Some("")), None);
        assert_eq!(path(None, None), None);
    }

    #[test]
    fn a_host_is_kept_once_it_was_agreed_to() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/b/hosts");
        assert!(!knows(&file, "a.example"));
        keep(&file, "a.example").unwrap();
        keep(&file, "b.example").unwrap();
        assert!(knows(&file, "a.example") && knows(&file, "b.example"));
        // Whoever edits it may end it without a line end.
        std::fs::write(&file, "c.example").unwrap();
        keep(&file, "d.example").unwrap();
        assert!(knows(&file, "c.example") && knows(&file, "d.example"));
        assert!(!knows(&file, "example") && !knows(&file, "# Hosts"));
    }
}
