//! A fire drill: debug builds stop the reload thread where the environment asks for it, as a file system
//! that does not answer would, so that a test can see what that does to everybody else. Not compiled
//! into a release.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(5);

/// Waits for as long as the file that the environment names says `hang`, and panics where it says `panic`. A file
/// beside it, `drill.begun` for `drill`, says that it waits.
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
        // The test waits for it in vain where it cannot be written.
        let _ = std::fs::write(file.with_extension("begun"), "");
        std::thread::sleep(PAUSE);
    }
}
