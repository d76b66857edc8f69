//! Lets a test block or panic the reload thread, as a file system that does not answer would block it. Debug
//! builds only.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(5);

/// Waits while the file named by the environment variable contains `hang`; panics if it contains `panic`.
/// While it waits, it writes a file beside it (`drill.begun` for `drill`), so that the test can see it.
pub(crate) fn stop_if_asked() {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| std::env::var_os("NEXMO_GATE_RELOAD_DRILL").map(PathBuf::from))
    else {
        return;
    };
    while let Ok(asked) = std::fs::read(file) {
        assert!(asked != b"panic", "a fire drill");
        if asked != b"hang" {
            return;
        }
        // If this cannot be written, the test times out.
        let _ = std::fs::write(file.with_extension("begun"), "");
        std::thread::sleep(PAUSE);
    }
}
