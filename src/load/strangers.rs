//! The file of the signed strangers in the state folder: what an earlier process saw.
//!
//! Invariant: a file that this program cannot read is told and never stops it; it is replaced when the next one is seen.

use std::io;
use std::path::Path;

use crate::files::file::read;
use crate::files::whole;
use crate::state::strangers::SignedStranger;

/// Its name in the state folder.
pub(crate) const FILE: &str = "strangers.json";
/// The largest such file that is read, in bytes.
const MOST_BYTES: u64 = 4 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}: {1}")]
pub(crate) struct Unread(String, String);

/// The clients in the file of a state folder; none where there is no such file.
///
/// # Errors
/// The file cannot be read, or is not what this program writes.
pub(crate) fn kept(state: &Path) -> Result<Vec<SignedStranger>, Unread> {
    let path = state.join(FILE);
    if !path.try_exists().unwrap_or(true) {
        return Ok(Vec::new());
    }
    let unread = |why: String| Unread(path.display().to_string(), why);
    let bytes = read(&path, MOST_BYTES).map_err(|error| unread(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))
}

/// Replaces the file.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn keep(state: &Path, clients: &[SignedStranger]) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(clients)?;
    // Readable by the owner only: it tells who sends to whom.
    whole::write(state, FILE, &text, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::strangers::{Proven, Strangers};

    #[test]
    fn what_is_kept_is_read_again_and_a_damaged_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path()).unwrap(), []);
        let strangers = Strangers::default();
        let client = "2001:db8::1".parse().unwrap();
        strangers.note(Proven { client, signed_by: "api_key a1b2c3d4", route: "/hook", now: 7 });
        keep(folder.path(), &strangers.all()).unwrap();
        assert_eq!(kept(folder.path()).unwrap(), strangers.all());
        std::fs::write(folder.path().join(FILE), "[{").unwrap();
        assert!(kept(folder.path()).unwrap_err().to_string().contains(FILE));
        keep(&folder.path().join("none"), &[]).unwrap_err();
    }
}
