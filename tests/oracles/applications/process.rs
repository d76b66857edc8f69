//! A process of the test's own, which ends with it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, cannot_run};

pub struct Process {
    child: Child,
    pub stdin: ChildStdin,
    pub stdout: BufReader<ChildStdout>,
}

impl Process {
    /// `None`, said loudly, where the machine does not have the program.
    pub fn start(command: &mut Command, what: &str) -> Option<Self> {
        // Debian keeps nginx in sbin, which is not on every user's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        match spawned {
            Ok(mut child) => {
                let stdin = child.stdin.take().expect("stdin");
                let stdout = BufReader::new(child.stdout.take().expect("stdout"));
                Some(Self { child, stdin, stdout })
            }
            Err(error) => {
                cannot_run(
                    &format!("the spelling oracle with {what}"),
                    &format!("{error}; scripts/prerequisites-long installs it"),
                );
                None
            }
        }
    }

    /// Waits for the line that says so.
    pub fn wait_ready(&mut self) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the application's output");
        assert_eq!(line, "ready\n", "the application did not start");
    }
}

/// Waits until somebody listens.
pub fn wait_listening(socket: &Path) {
    let end = Instant::now() + PATIENCE;
    while UnixStream::connect(socket).is_err() {
        assert!(Instant::now() < end, "nobody listens on {}", socket.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
