//! Configuration and range files of one test, and the two ways to run the binary on them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::ClientConfig;

use super::Gate;
use super::lines::Lines;
use crate::harness::scratch::Scratch;
use crate::harness::sender::transport::Protocol;
use crate::harness::test_ca::{Authority, HOST, Pair};
use crate::harness::{ADMITTED, PATIENCE, PROXY};

/// Top-level keys of `config.yaml` in order, each with its value in YAML's flow style.
#[derive(Clone)]
pub struct Setup {
    pub dir: Arc<Scratch>,
    keys: Vec<(String, String)>,
    read_stdout: bool,
    /// What the gate shows and whom senders trust, where the default listener speaks TLS.
    tls: Option<(Pair, Arc<ClientConfig>)>,
    http2: Http2,
    /// More keys of the default listener.
    listen_keys: String,
}

/// Whether HTTP/2 is spoken on the default listener.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Http2 {
    No,
    /// It is offered, and senders speak HTTP/1 beside it.
    Unused,
    Spoken,
}

/// With `tls`, `h2` (over TLS) or `h2c` in it, every test whose listener is the default one runs over that.
const TRANSPORT: &str = "NEXMO_GATE_TEST_TRANSPORT";
/// The file that says which test ran over what, for `scripts/test-over-http2`.
const LEDGER: &str = "NEXMO_GATE_TEST_LEDGER";

/// What is left of a process that ended by itself.
pub struct Exit {
    pub code: Option<i32>,
    pub stderr: Vec<String>,
}

impl Setup {
    /// One listener, one list `test` that admits [`ADMITTED`], one generic route for every path.
    pub fn new(upstream: &str) -> Self {
        let setup = Self {
            dir: Arc::new(Scratch::new()),
            keys: Vec::new(),
            read_stdout: true,
            tls: None,
            http2: Http2::No,
            listen_keys: String::new(),
        };
        setup.dir.write("ranges/test.txt", &format!("{ADMITTED}/32\n"));
        let setup = setup
            .plainly()
            .key("upstream", &format!("{upstream:?}"))
            .key("ranges", "ranges/")
            .routes(&[r#"{ path: "/*", webhook: generic, allow: [test] }"#])
            .key("admin", r#"{ address: "127.0.0.1:0" }"#)
            .key("log", "{ format: json, level: info, access: stdout }");
        match std::env::var(TRANSPORT).as_deref() {
            Err(_) | Ok("") => setup,
            Ok("tls") => setup.over_tls(),
            Ok("h2") => setup.over_http2(),
            Ok("h2c") => setup.over_h2c(),
            Ok(other) => panic!("{TRANSPORT}: {other} is none of tls, h2, h2c"),
        }
    }

    /// The default listener speaks TLS, and so do the senders that connect to it.
    pub fn over_tls(mut self) -> Self {
        let authority = Authority::new("Test CA");
        self.tls = Some((authority.pair(&[HOST]), Arc::new(authority.client_config())));
        self.http2 = Http2::No;
        self.listens()
    }

    /// The default listener speaks plain HTTP, whatever the transport of the other tests is.
    pub fn plainly(mut self) -> Self {
        self.tls = None;
        self.http2 = Http2::No;
        self.listens()
    }

    /// The default listener offers HTTP/2 over TLS, and senders agree on it.
    pub fn over_http2(mut self) -> Self {
        self = self.over_tls();
        self.http2 = Http2::Spoken;
        self.listens()
    }

    /// The default listener serves HTTP/2 without TLS, and senders begin with it.
    pub fn over_h2c(mut self) -> Self {
        self = self.plainly();
        self.http2 = Http2::Spoken;
        self.listens()
    }

    /// What this test does is HTTP/1's own (or counts connections, of which HTTP/2 may have a quarter): where the others
    /// run over HTTP/2, it runs on the same listener with senders that speak HTTP/1.
    pub fn http1(mut self) -> Self {
        if self.http2 == Http2::Spoken {
            self.http2 = Http2::Unused;
        }
        self
    }

    /// The same for a test that sends HTTP/2's preface as an odd request: the listener serves no HTTP/2 at all.
    pub fn http1_alone(mut self) -> Self {
        if self.http2 == Http2::No {
            return self;
        }
        self.http2 = Http2::No;
        self.listens()
    }

    /// The strangers of this test open more connections a second than strangers may make TLS handshakes: where the others
    /// run over TLS, it runs without, over the same version of HTTP.
    pub fn without_tls(self) -> Self {
        match (self.tls.is_some(), self.http2) {
            (false, _) => self,
            (true, Http2::Spoken) => self.over_h2c(),
            (true, _) => self.plainly(),
        }
    }

    /// The default listener has this key too.
    pub fn listen_key(mut self, key: &str, value: &str) -> Self {
        self.listen_keys = format!("{}, {key}: {value}", self.listen_keys);
        self.listens()
    }

    fn listens(self) -> Self {
        let listen = self.default_listen();
        self.key("listen", &listen)
    }

    fn default_listen(&self) -> String {
        let tls =
            if self.tls.is_some() { ", tls: { certificate: tls/chain.pem, key: tls/key.pem }" } else { "" };
        let http2 = if self.http2 == Http2::No { "" } else { ", http2: true" };
        format!(r#"[{{ address: "127.0.0.1:0"{tls}{http2}{} }}]"#, self.listen_keys)
    }

    /// Whether senders reach the gate by the default listener, and no test has changed it.
    fn is_default(&self) -> bool {
        let listen = self.default_listen();
        // Without a file the test's own command line says where the gate listens.
        self.path().join("config.yaml").exists()
            && self.keys.iter().any(|(key, value)| key == "listen" && *value == listen)
    }

    /// How senders speak to the first listener.
    pub fn protocol(&self) -> Protocol {
        let http2 = self.http2 == Http2::Spoken;
        if !self.is_default() {
            return Protocol::default();
        }
        let tls = self.tls.as_ref().map(|(_, client)| {
            let mut client = (**client).clone();
            if http2 {
                client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            }
            Arc::new(client)
        });
        Protocol { tls, http2 }
    }

    /// Whether senders reach the first listener by TLS.
    pub fn is_secured(&self) -> bool {
        self.protocol().tls.is_some()
    }

    /// What `http` says in the log for senders of the first listener that speak as the setup says.
    pub fn version(&self) -> &'static str {
        if self.protocol().http2 { "2" } else { "1.1" }
    }

    /// Writes down what this test runs over, where somebody counts.
    pub fn note_transport(&self) {
        let Some(ledger) = std::env::var_os(LEDGER) else { return };
        let word = match (self.is_default(), self.http2) {
            (true, Http2::Spoken) => "http2",
            (true, _) => "http1",
            (false, _) => "own",
        };
        let thread = std::thread::current();
        let line = format!("{word} {}\n", thread.name().unwrap_or("-"));
        let opened = OpenOptions::new().create(true).append(true).open(ledger);
        opened.and_then(|mut file| file.write_all(line.as_bytes())).expect("the ledger");
    }

    /// Sets a top-level key, in the place it had.
    pub fn key(mut self, name: &str, value: &str) -> Self {
        match self.keys.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.keys.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// These may name the client.
    pub fn trusts(self, prefixes: &[&str]) -> Self {
        self.key("trusted_proxies", &format!("{prefixes:?}"))
    }

    /// [`PROXY`] alone may name the client.
    pub fn behind_proxy(self) -> Self {
        self.trusts(&[&format!("{PROXY}/32")])
    }

    /// One listener, whose connections begin with a PROXY header.
    pub fn proxy_protocol(self) -> Self {
        self.key("listen", r#"[{ address: "127.0.0.1:0", proxy_protocol: true }]"#)
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

/// The binary under test that is not the one that these tests were built with, if there is one: `make test-release`.
pub fn given_binary() -> Option<PathBuf> {
    std::env::var_os("NEXMO_GATE_TEST_BINARY").map(PathBuf::from)
}

/// Where the binary under test is.
pub fn program() -> PathBuf {
    given_binary().unwrap_or_else(|| env!("CARGO_BIN_EXE_nexmo-gate").into())
}

/// The binary, with every stream a pipe and an environment that configures nothing.
pub fn binary() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NEXMO_GATE_") || name == "PORT" {
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
