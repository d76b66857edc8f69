//! ACME's http-01 challenges (RFC 8555 section 8.3): the only requests that are served to any address.
//!
//! A certificate authority does not publish the addresses from which it validates, so these requests are served before
//! admission. The exception is as narrow as the protocol allows: one path, a token of the base64url alphabet, a small
//! regular file directly in the operator's folder. Invariant: every other request is judged as if this exception did
//! not exist.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio::sync::Semaphore;

use crate::gate::request::facts::Facts;
use crate::gate::request::head::Head;
use crate::wire::body::Framing;

const PATH: &[u8] = b"/.well-known/acme-challenge/";
/// A token has at least 128 bits of entropy, 22 letters; authorities use 43.
const LONGEST_TOKEN: usize = 128;
/// A key authorization is a token and a thumbprint: under 200 bytes.
const LARGEST_FILE: u64 = 4096;
/// How many files are read at once, so that a folder on a slow file system does not block every thread.
static READERS: Semaphore = Semaphore::const_new(8);

/// The file of the challenge that a request asks for; `None` if it asks for something else.
#[must_use]
pub(crate) fn file(folder: &Path, head: &Head, facts: &Facts<'_>) -> Option<PathBuf> {
    let reads = matches!(head.method(), b"GET" | b"HEAD");
    let bodyless = matches!(facts.framing, Framing::None | Framing::Length(0));
    let token = token(facts.target).filter(|_| reads && bodyless)?;
    Some(folder.join(token))
}

/// The token in a target; `None` unless the target is exactly that of a challenge.
fn token(target: &[u8]) -> Option<&str> {
    let token = target.strip_prefix(PATH)?;
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let fits = (1..=LONGEST_TOKEN).contains(&token.len()) && token.iter().all(plain);
    std::str::from_utf8(token).ok().filter(|_| fits)
}

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
    fn only_the_exact_path_and_the_tokens_alphabet_are_a_challenge() {
        for (target, wanted) in [
            ("/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", true),
            ("/.well-known/acme-challenge/a-_9Z", true),
            ("/.well-known/acme-challenge/", false),
            ("/.well-known/acme-challenge", false),
            ("/.well-known/acme-challenge/a/b", false),
            ("/.well-known/acme-challenge/..", false),
            ("/.well-known/acme-challenge/a.txt", false),
            ("/.well-known/acme-challenge/%61", false),
            ("/.well-known/acme-challenge/a?x=1", false),
            ("/.well-known/acme-challenge/a?", false),
            ("/.well-known/acme-challenge/a#b", false),
            ("/.well-known/acme-challenge//a", false),
            ("//.well-known/acme-challenge/a", false),
            ("/.Well-Known/acme-challenge/a", false),
            ("/x/.well-known/acme-challenge/a", false),
            ("/.well-known/acme-challenge/\u{e4}", false),
        ] {
            assert_eq!(token(target.as_bytes()).is_some(), wanted, "{target}");
        }
        let long = |length: usize| format!("/.well-known/acme-challenge/{}", "a".repeat(length));
        assert!(token(long(LONGEST_TOKEN).as_bytes()).is_some());
        assert!(token(long(LONGEST_TOKEN + 1).as_bytes()).is_none());
    }

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
