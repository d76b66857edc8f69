//! The gate of the demo: this very program as a child process, on free ports of loopback.
//!
//! Its configuration is the shipped one with other addresses and one list. Its access log comes through
//! a pipe. Invariant: the process and its folder do not outlive the value.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_yaml::Value as Yaml;

use crate::cli::demo::sender::ADMITTED;
use crate::cli::{Failure, failed};

/// The shipped configuration: the demo shows its routes.
const SHIPPED: &str = include_str!("../../../config.yaml");
/// A loaded machine may need a while.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// What the demo waits for.
#[derive(Debug)]
pub(super) enum Event {
    /// A line of the access log: what is read of it, and as it was written.
    Log(LogLine, String),
    /// The gate is gone.
    Ended,
    /// The person wants to stop.
    Stop,
}

/// What the tour reads of a line of the access log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct LogLine {
    /// Who asked.
    pub client_ip: Option<String>,
    /// What became of the request.
    pub outcome: Option<String>,
    /// What it asked for, without its query.
    pub path: Option<String>,
    /// Why the outcome is what it is.
    pub reason: Option<String>,
}

/// What is read of a line of the event log.
#[derive(Default, Deserialize)]
#[serde(default)]
struct EventLine {
    message: String,
    listen: String,
    admin: String,
}

/// The running gate.
#[derive(Debug)]
pub(super) struct Gate {
    /// Where it takes webhooks.
    pub listen: SocketAddr,
    /// Where its admin interface is.
    pub admin: String,
    child: Child,
    // Dropped after the process is gone.
    _folder: Folder,
}

impl Gate {
    /// Starts it in front of an application and waits until it is ready.
    ///
    /// # Errors
    /// It did not start; with everything it said.
    pub(super) fn start(application: SocketAddr, events: &Sender<Event>) -> Result<Self, Failure> {
        let folder =
            Folder::new().map_err(|error| failed(format!("a folder for temporary files: {error}")))?;
        let config = folder.write(application).map_err(|error| failed(error.to_string()))?;
        let mut child =
            spawn(&config).map_err(|error| failed(format!("the gate cannot be started: {error}")))?;
        if let Some(stdout) = child.stdout.take() {
            let events = events.clone();
            thread::spawn(move || follow(stdout, &events));
        }
        let (send, said) = channel();
        if let Some(stderr) = child.stderr.take() {
            // Read to its end: a full pipe would hold the gate up.
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        match ready(&said) {
            Ok((listen, admin)) => Ok(Self { listen, admin, child, _folder: folder }),
            Err(lines) => {
                end(&mut child);
                Err(Failure { code: crate::cli::FAILED, lines })
            }
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// All requests of the tour are over by then: there is nothing to drain.
fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

fn spawn(config: &Path) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        // What the person has set for a gate of their own is not for this one.
        if name.to_string_lossy().starts_with("NEXMO_GATE_") {
            command.env_remove(name);
        }
    }
    command.arg("run").arg("--config").arg(config);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

fn follow(stdout: impl Read, events: &Sender<Event>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let read = serde_json::from_str(&line).unwrap_or_default();
        if events.send(Event::Log(read, line)).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Ended);
}

/// Waits for the line that says where it listens; what it said until then when there is none.
fn ready(said: &Receiver<String>) -> Result<(SocketAddr, String), Vec<String>> {
    let until = Instant::now() + START_TIMEOUT;
    let mut lines = vec!["the gate did not start; it said:".to_owned()];
    while let Ok(line) = said.recv_timeout(until.saturating_duration_since(Instant::now())) {
        let event: EventLine = serde_json::from_str(&line).unwrap_or_default();
        if let ("ready", Ok(listen)) = (event.message.as_str(), event.listen.parse()) {
            return Ok((listen, event.admin));
        }
        lines.push(line);
    }
    Err(lines)
}

/// Why the files of the gate are not there.
#[derive(Debug, thiserror::Error)]
enum FilesError {
    /// The disk does not take one.
    #[error("{}: {error}", path.display())]
    Unwritten { path: PathBuf, error: io::Error },
    /// The configuration that was built in is not as it must be.
    #[error("config.yaml: {0}")]
    Config(#[from] serde_yaml::Error),
}

/// A folder of its own that goes away with the value.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("nexmo-gate-demo-{}", std::process::id()));
        // Fails where it is there already: somebody else's folder is not used.
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Writes the range file and the configuration; the latter's path.
    fn write(&self, application: SocketAddr) -> Result<PathBuf, FilesError> {
        let write = |name: &str, text: &str| {
            let path = self.0.join(name);
            match std::fs::write(&path, text) {
                Ok(()) => Ok(path),
                Err(error) => Err(FilesError::Unwritten { path, error }),
            }
        };
        write("demo.txt", &format!("# The one address that this demo admits.\n{ADMITTED}/32\n"))?;
        write("config.yaml", &config(SHIPPED, application, &self.0)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The shipped configuration with the demo's addresses, and with the one list on every route.
fn config(shipped: &str, application: SocketAddr, ranges: &Path) -> Result<String, FilesError> {
    let mut config: Yaml = serde_yaml::from_str(shipped)?;
    let loopback =
        |key: &str| Yaml::Mapping([(Yaml::from(key), Yaml::from("127.0.0.1:0"))].into_iter().collect());
    config["listen"] = Yaml::Sequence(vec![loopback("address")]);
    config["admin"] = loopback("address");
    config["upstream"] = Yaml::from(format!("http://{application}"));
    config["ranges"] = Yaml::from(ranges.display().to_string());
    config["log"] = serde_yaml::from_str("{ format: json, level: info, access: stdout }")?;
    if let Some(map) = config.as_mapping_mut() {
        map.remove("state");
    }
    for route in config["routes"].as_sequence_mut().into_iter().flatten() {
        route["allow"] = Yaml::Sequence(vec![Yaml::from("demo")]);
    }
    Ok(serde_yaml::to_string(&config)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config as checked;
    use crate::config::Overrides;

    #[test]
    fn the_demo_runs_the_shipped_routes_with_its_own_list() {
        let text = config(SHIPPED, "127.0.0.1:3000".parse().unwrap(), Path::new("/tmp/x")).unwrap();
        let parsed = checked::parse(Some(&text), &Overrides::default(), Path::new("/tmp/x")).unwrap();
        assert_eq!(parsed.config.routes.len(), 11);
        assert!(parsed.config.routes.iter().all(|route| route.allow == ["demo"]));
        assert!(parsed.config.listen.iter().all(|listener| listener.address.ip().is_loopback()));
    }
}
