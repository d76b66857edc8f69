//! A gate as a child process of a command that shows one: `demo` and `dev`.
//!
//! The command makes the configuration; here this program is started with it, and its two logs are read.
//! Invariant: neither the process nor its folder outlives the value; where the command is killed, the process ends with the
//! pipe between them, and the next command of its name removes the folder.
//!
//! | file | noun |
//! | --- | --- |
//! | [`folder`] | the temporary folder with the files of the gate |
//! | [`stop`] | the wish of the user to stop |

pub(in crate::cli) mod folder;
pub(in crate::cli) mod stop;

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::cli::child::folder::Folder;
use crate::cli::{FAILED, Failure, failed};

/// A busy machine may need long.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The events that a command waits for.
#[derive(Debug)]
pub(in crate::cli) enum Event {
    /// A line of the access log.
    Access(String),
    /// A line of the event log, after the gate was ready.
    Told(Told),
    /// The gate has ended.
    Ended,
    /// The user wants to stop.
    Stop,
}

/// The fields of an event log line that are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Told {
    /// How grave it is: `info`, `warn` or `error`.
    pub level: String,
    /// What happened.
    pub message: String,
    listen: String,
    admin: String,
}

/// The running gate.
#[derive(Debug)]
pub(in crate::cli) struct Child {
    /// The first address for webhooks.
    pub listen: SocketAddr,
    /// The address of its admin interface.
    pub admin: String,
    process: process::Child,
    // Dropped after the process has ended.
    folder: Folder,
}

impl Child {
    /// Starts a gate with the configuration of a folder, and waits until it is ready.
    ///
    /// # Errors
    /// It did not start; the failure has everything that it logged.
    pub(in crate::cli) fn start(
        folder: Folder,
        config: &Path,
        events: &Sender<Event>,
    ) -> Result<Self, Failure> {
        let mut process =
            spawn(config).map_err(|error| failed(format!("the gate cannot be started: {error}")))?;
        if let Some(stdout) = process.stdout.take() {
            let events = events.clone();
            thread::spawn(move || follow_access(stdout, &events));
        }
        let (send, log_lines) = channel();
        if let Some(stderr) = process.stderr.take() {
            let events = events.clone();
            // Read to the end: a full pipe would block the gate.
            thread::spawn(move || follow_events(stderr, &send, &events));
        }
        match ready(&log_lines) {
            Ok((listen, admin)) => Ok(Self { listen, admin, process, folder }),
            Err(NotReady { lines, late }) => {
                if late {
                    end(&mut process);
                }
                let code = process.wait().ok().and_then(|status| status.code());
                let code = code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code > 0);
                Err(Failure { code: code.unwrap_or(FAILED), lines })
            }
        }
    }

    /// The folder with its files.
    pub(in crate::cli) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The admin address as a person types it.
    pub(in crate::cli) fn admin_url(&self) -> String {
        let is_tcp = self.admin.parse::<SocketAddr>().is_ok();
        if is_tcp { format!("http://{}", self.admin) } else { self.admin.clone() }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Ends the process. Whoever shows a gate waits for no request any more, so there is nothing to drain.
fn end(process: &mut process::Child) {
    // It may have ended already.
    let _ = process.kill();
    let _ = process.wait();
}

fn spawn(config: &Path) -> io::Result<process::Child> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        // Variables that the user has set for a gate of their own do not apply to this one.
        let name_text = name.to_string_lossy();
        if name_text.starts_with("NEXMO_GATE_") || name_text == "PORT" {
            command.env_remove(name);
        }
    }
    command.arg("run").arg("--end-with-input").arg("--config").arg(config);
    // Nothing is written into it. The child closes it when it is waited for.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

fn follow_access(stdout: impl Read, events: &Sender<Event>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if events.send(Event::Access(line)).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Ended);
}

/// Passes the lines on to whoever waits for the gate to be ready, and those that come after to the command.
fn follow_events(stderr: impl Read, starting: &Sender<String>, events: &Sender<Event>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if let Err(unread) = starting.send(line) {
            let told = serde_json::from_str(&unread.0).unwrap_or_default();
            // The command may be ending; the pipe is read all the same.
            let _ = events.send(Event::Told(told));
        }
    }
}

/// Why a gate is not ready.
struct NotReady {
    /// What it said, for the person who started it.
    lines: Vec<String>,
    /// Whether it still runs.
    late: bool,
}

/// Waits for the line with the addresses.
fn ready(log_lines: &Receiver<String>) -> Result<(SocketAddr, String), NotReady> {
    let until = Instant::now() + START_TIMEOUT;
    let mut lines = vec!["the gate did not start; its log:".to_owned()];
    loop {
        match log_lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let told: Told = serde_json::from_str(&line).unwrap_or_default();
                if let ("ready", Ok(listen)) = (told.message.as_str(), told.listen.parse()) {
                    return Ok((listen, told.admin));
                }
                lines.push(line.strip_prefix("error: ").map(str::to_owned).unwrap_or(line));
            }
            Err(why) => return Err(NotReady { lines, late: why == RecvTimeoutError::Timeout }),
        }
    }
}
