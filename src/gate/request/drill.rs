//! A panic for tests: debug builds panic on the path that `NEXMO_GATE_PANIC_PATH` names, so that a test can check that
//! a panic does not affect other requests. Invariant: it is not compiled into a release.

use std::sync::OnceLock;

/// Panics if the environment variable names this path.
pub(super) fn panic_if_asked(path: &[u8]) {
    static PATH: OnceLock<Option<String>> = OnceLock::new();
    let panic_path = PATH.get_or_init(|| std::env::var("NEXMO_GATE_PANIC_PATH").ok());
    assert!(panic_path.as_deref().is_none_or(|panic_path| panic_path.as_bytes() != path), "a fire drill");
}
