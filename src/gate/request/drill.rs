//! A fire drill: debug builds panic on the path that the environment names, so that a test can see what
//! a panic does to everybody else. Not compiled into a release.

use std::sync::OnceLock;

/// Panics if the environment asks for it on this path.
pub(super) fn panic_if_asked(path: &[u8]) {
    static PATH: OnceLock<Option<String>> = OnceLock::new();
    let asked = PATH.get_or_init(|| std::env::var("NEXMO_GATE_PANIC_PATH").ok());
    assert!(asked.as_deref().is_none_or(|asked| asked.as_bytes() != path), "a fire drill");
}
