//! The gate of the demo: this program as a child process, on free ports of loopback.
//!
//! Its configuration is the shipped one with other addresses and one list. Its access log comes through a
//! pipe. Invariant: the process and its folder do not outlive the value.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_yaml::Value as Yaml;

use crate::cli::demo::sender::ADMITTED;
use crate::cli::webhooks::signer::{ACCOUNT, Signer};
use crate::cli::{Failure, failed};
use crate::policy::provider::DEFAULT;
use crate::policy::provider::signing::Signed;

/// The shipped configuration, because the demo shows its routes.
const SHIPPED: &str = include_str!("../../../config.yaml");
/// The name of the file with the secret.
const SECRET: &str = "secret";
/// A busy machine may need long.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The events that the demo waits for.
#[derive(Debug)]
pub(super) enum Event {
    /// A line of the access log: the parsed fields, and the line as it was written.
    Log(LogLine, String),
    /// The gate has ended.
    Ended,
    /// The user wants to stop.
    Stop,
}

/// The fields of an access log line that the tour reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct LogLine {
    /// The client's address.
    pub client_ip: Option<String>,
    /// The outcome of the request.
    pub outcome: Option<String>,
    /// The path of the request, without its query.
    pub path: Option<String>,
    /// The reason for the outcome.
    pub reason: Option<String>,
}

/// The fields of an event log line that are read.
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
    /// The address for webhooks.
    pub listen: SocketAddr,
    /// The address of its admin interface.
    pub admin: String,
    child: Child,
    // Dropped after the process has ended.
    folder: Folder,
}

impl Gate {
    /// The file of the secret that it judges signatures by.
    pub(super) fn secret_file(&self) -> PathBuf {
        self.folder.0.join(SECRET)
    }

    /// Starts it in front of an application and waits until it is ready.
    ///
    /// # Errors
    /// It did not start; the failure has everything that it logged.
    pub(super) fn start(
        application: SocketAddr,
        signer: &Signer,
        events: &Sender<Event>,
    ) -> Result<Self, Failure> {
        let folder =
            Folder::new().map_err(|error| failed(format!("a folder for temporary files: {error}")))?;
        let config = folder.write(application, signer).map_err(|error| failed(error.to_string()))?;
        let mut child =
            spawn(&config).map_err(|error| failed(format!("the gate cannot be started: {error}")))?;
        if let Some(stdout) = child.stdout.take() {
            let events = events.clone();
            thread::spawn(move || follow(stdout, &events));
        }
        let (send, log_lines) = channel();
        if let Some(stderr) = child.stderr.take() {
            // Read to the end: a full pipe would block the gate.
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        match ready(&log_lines) {
            Ok((listen, admin)) => Ok(Self { listen, admin, child, folder }),
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

/// Ends the process. The requests of the tour are over by then, so there is nothing to drain.
fn end(child: &mut Child) {
    // It may have ended already.
    let _ = child.kill();
    let _ = child.wait();
}

fn spawn(config: &Path) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        // Variables that the user has set for a gate of their own do not apply to this one.
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

/// Waits for the line with the addresses; if there is none, returns all lines so far.
fn ready(log_lines: &Receiver<String>) -> Result<(SocketAddr, String), Vec<String>> {
    let until = Instant::now() + START_TIMEOUT;
    let mut lines = vec!["the gate did not start; its log:".to_owned()];
    while let Ok(line) = log_lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
        let event: EventLine = serde_json::from_str(&line).unwrap_or_default();
        if let ("ready", Ok(listen)) = (event.message.as_str(), event.listen.parse()) {
            return Ok((listen, event.admin));
        }
        lines.push(line);
    }
    Err(lines)
}

/// Why the files of the gate could not be made.
#[derive(Debug, thiserror::Error)]
enum FilesError {
    /// A file could not be written.
    #[error("{}: {error}", path.display())]
    Unwritten { path: PathBuf, error: io::Error },
    /// The built-in configuration cannot be parsed.
    #[error("config.yaml: {0}")]
    Config(#[from] serde_yaml::Error),
}

/// A temporary folder that is removed when the value is dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("nexmo-gate-demo-{}", std::process::id()));
        // Fails if the folder exists: another user may have made it.
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Writes the range file, the secret and the configuration; returns the path of the configuration.
    fn write(&self, application: SocketAddr, signer: &Signer) -> Result<PathBuf, FilesError> {
        let write = |name: &str, text: &[u8]| {
            let path = self.0.join(name);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            match file.and_then(|mut file| file.write_all(text)) {
                Ok(()) => Ok(path),
                Err(error) => Err(FilesError::Unwritten { path, error }),
            }
        };
        write(SECRET, signer.secret())?;
        write("demo.txt", format!("# The one address that this demo admits.\n{ADMITTED}/32\n").as_bytes())?;
        write("config.yaml", config(SHIPPED, application, &self.0)?.as_bytes())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, the system's cleaning of temporary files does it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The shipped configuration with the demo's addresses and secret, with its one list on every route, and with signatures
/// required wherever the vendor signs.
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
        let webhook = route["webhook"].as_str().and_then(|name| DEFAULT.webhook(name));
        if webhook.is_some_and(|webhook| webhook.spec().signed != Signed::Never) {
            route["signature"] = Yaml::from("require");
        }
    }
    config["signatures"] =
        serde_yaml::from_str(&format!("secrets: [ {{ api_key: {ACCOUNT}, file: {SECRET} }} ]"))?;
    Ok(serde_yaml::to_string(&config)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config as checked;
    use crate::config::Overrides;
    use crate::policy::demand::Need;

    #[test]
    fn the_demo_runs_the_shipped_routes_with_its_own_list() {
        let text = config(SHIPPED, "127.0.0.1:3000".parse().unwrap(), Path::new("/tmp/x")).unwrap();
        let parsed = checked::parse(Some(&text), &Overrides::default(), Path::new("/tmp/x")).unwrap();
        assert_eq!(parsed.config.routes.len(), 12);
        assert!(parsed.config.routes.iter().all(|route| route.allow == ["demo"]));
        let required = |route: &&checked::Route| route.signature.need == Need::Require;
        assert_eq!(parsed.config.routes.iter().filter(required).count(), 11, "all but number-insight");
        assert!(parsed.config.listen.iter().all(|listener| listener.address.ip().is_loopback()));
    }
}
