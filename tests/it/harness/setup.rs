//! Configuration and range files of one test, and the two ways to run the binary on them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::ClientConfig;

use super::gate::Gate;
use super::lines::Lines;
use super::papers::{Authority, HOST, Pair};
use super::scratch::Scratch;
use super::{ADMITTED, PATIENCE};

/// Top-level keys of `config.yaml` in order, each with its value in YAML's flow style.
#[derive(Clone)]
pub struct Setup {
    pub dir: Arc<Scratch>,
    keys: Vec<(String, String)>,
    read_stdout: bool,
    /// What the gate shows, and how senders speak to it, where it listens as [`Setup::over_tls`] says.
    tls: Option<(Pair, Arc<ClientConfig>)>,
}

const PLAIN_LISTEN: &str = r#"[{ address: "127.0.0.1:0" }]"#;
/// What [`Setup::over_tls`] listens on.
const TLS_LISTEN: &str =
    r#"[{ address: "127.0.0.1:0", tls: { certificate: tls/chain.pem, key: tls/key.pem } }]"#;
/// With `tls` in it, every test whose listener is the default one runs over TLS.
const TRANSPORT: &str = "NEXMO_GATE_TEST_TRANSPORT";

/// What is left of a process that ended by itself.
pub struct Exit {
    pub code: Option<i32>,
    pub stderr: Vec<String>,
}

impl Setup {
    /// One listener, one list `test` that admits [`ADMITTED`], one generic route for every path.
    pub fn new(upstream: &str) -> Self {
        let setup = Self { dir: Arc::new(Scratch::new()), keys: Vec::new(), read_stdout: true, tls: None };
        setup.dir.write("ranges/test.txt", &format!("{ADMITTED}/32\n"));
        let setup = setup
            .key("listen", PLAIN_LISTEN)
            .key("upstream", &format!("{upstream:?}"))
            .key("ranges", "ranges/")
            .routes(&[r#"{ path: "/*", webhook: generic, allow: [test] }"#])
            .key("admin", r#"{ address: "127.0.0.1:0" }"#)
            .key("log", "{ format: json, level: info, access: stdout }");
        if std::env::var(TRANSPORT).is_ok_and(|way| way == "tls") { setup.over_tls() } else { setup }
    }

    /// The default listener speaks TLS, and so do the senders that connect to it.
    pub fn over_tls(mut self) -> Self {
        let authority = Authority::new("Test CA");
        self.tls = Some((authority.pair(&[HOST]), Arc::new(authority.client_config())));
        self.key("listen", TLS_LISTEN)
    }

    /// The default listener speaks plain HTTP, whatever the transport of the other tests is.
    pub fn plainly(mut self) -> Self {
        self.tls = None;
        self.key("listen", PLAIN_LISTEN)
    }

    /// How senders speak to the first listener.
    pub fn way(&self) -> Option<Arc<ClientConfig>> {
        let default = self.keys.iter().any(|(key, value)| key == "listen" && value == TLS_LISTEN);
        // Without a file the test's own command line says where the gate listens.
        let filed = self.path().join("config.yaml").exists();
        self.tls.as_ref().filter(|_| default && filed).map(|(_, client)| Arc::clone(client))
    }

    /// Sets a top-level key, in the place it had.
    pub fn key(mut self, name: &str, value: &str) -> Self {
        match self.keys.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.keys.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    pub fn routes(self, routes: &[&str]) -> Self {
        self.key("routes", &format!("[ {} ]", routes.join(", ")))
    }

    /// Writes the range list `name`.
    pub fn range(self, name: &str, text: &str) -> Self {
        self.dir.write(&format!("ranges/{name}.txt"), text);
        self
    }

    /// Nobody ever reads the gate's stdout.
    pub fn stdout_unread(mut self) -> Self {
        self.read_stdout = false;
        self
    }

    pub fn write_config(&self) {
        let text: String = self.keys.iter().flat_map(|(key, value)| [key, ": ", value, "\n"]).collect();
        self.dir.write("config.yaml", &text);
        if let Some((pair, _)) = &self.tls {
            self.dir.write("tls/chain.pem", &pair.chain);
            self.dir.write("tls/key.pem", &pair.key);
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs the gate and waits until it says that it is ready.
    pub fn start(self) -> Gate {
        self.write_config();
        let mut command = self.command();
        self.start_as(&mut command)
    }

    /// The same with a command of the test's own; the configuration file is not written.
    pub fn start_as(self, command: &mut Command) -> Gate {
        let child = command.spawn().expect("the gate's binary");
        let read_stdout = self.read_stdout;
        Gate::ready(child, self, read_stdout)
    }

    /// Runs the gate where it must end by itself.
    pub fn run_to_exit(&self) -> Exit {
        self.write_config();
        exit_of(self.command())
    }

    fn command(&self) -> Command {
        self.command_of(binary())
    }

    /// `command` with what makes it run this setup's gate: for a test that starts the binary through another program.
    pub fn command_of(&self, mut command: Command) -> Command {
        command.args(["run", "--config"]).arg(self.path().join("config.yaml"));
        command
    }
}

/// The built binary, with every stream a pipe and an environment that configures nothing.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexmo-gate"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NEXMO_GATE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn exit_of(mut command: Command) -> Exit {
    let mut child = command.spawn().expect("the gate's binary");
    let stdout = Lines::of(child.stdout.take().expect("stdout"));
    let stderr = Lines::of(child.stderr.take().expect("stderr"));
    let ended = stderr.wait_end(PATIENCE) && stdout.wait_end(PATIENCE);
    if !ended {
        let _ = child.kill();
    }
    let status = child.wait().expect("an exit status");
    assert!(ended, "the gate should have ended by itself; it said {:?}", stderr.all());
    Exit { code: status.code(), stderr: stderr.all() }
}
