//! ACME's http-01 challenges (RFC 8555 section 8.3): the only requests that are served to any address.
//!
//! A certificate authority does not publish the addresses from which it validates, so these requests are served before
//! admission. The exception is as narrow as the protocol allows: one path, and a token of the base64url alphabet, which
//! names a file in the operator's folder. Invariant: every other request is judged as if this exception did not exist.

use std::path::{Path, PathBuf};

use crate::judge::facts::Facts;
use crate::judge::head::Head;
use crate::wire::body::Framing;

const PATH: &[u8] = b"/.well-known/acme-challenge/";
/// A token has at least 128 bits of entropy, 22 letters; authorities use 43.
const LONGEST_TOKEN: usize = 128;

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

#[cfg(test)]
mod tests {
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
}
