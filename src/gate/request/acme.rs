//! The files of ACME's http-01 challenges (RFC 8555 section 8.3), read from the operator's folder.
//!
//! Which request asks for which file is in [`crate::judge::served::challenge`]. Invariant: only a small regular file directly in
//! the folder is read, and reading never blocks a thread that serves.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio::sync::Semaphore;

/// A key authorization is a token and a thumbprint: under 200 bytes.
const LARGEST_FILE: u64 = 4096;
/// How many files are read at once, so that a folder on a slow file system does not block every thread.
static READERS: Semaphore = Semaphore::const_new(8);

/// The content of the file; `None` if it does not exist or must not be served.
pub(crate) async fn content(file: PathBuf) -> Option<Vec<u8>> {
    let _reader = READERS.acquire().await.ok()?;
    tokio::task::spawn_blocking(move || read(&file)).await.ok()?
}

fn read(file: &Path) -> Option<Vec<u8>> {
    // Do not follow a symbolic link out of the folder, and do not wait for the writer of a FIFO.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(file).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut content = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut content).ok()?;
    (content.len() as u64 <= LARGEST_FILE).then_some(content)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_a_small_regular_file_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("token"), "token.thumbprint").unwrap();
        fs::write(at("largest"), vec![b'a'; 4096]).unwrap();
        fs::write(at("larger"), vec![b'a'; 4097]).unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("token"), at("link")).unwrap();
        symlink("/etc/passwd", at("escape")).unwrap();
        assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        assert_eq!(read(&at("token")).as_deref(), Some(&b"token.thumbprint"[..]));
        assert_eq!(read(&at("largest")).map(|content| content.len()), Some(4096));
        for name in ["larger", "folder", "link", "escape", "fifo", "missing"] {
            assert_eq!(read(&at(name)), None, "{name}");
        }
    }
}
