//! A running gate: its addresses, its two logs, its admin pages, signals and its end.

pub mod lines;
pub mod setup;
pub mod usage;

use std::io;
use std::net::SocketAddr;
use std::process::{Child, ChildStdout};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use self::lines::{Lines, json};
use self::setup::Setup;
use self::usage::Usage;
use super::http::Reply;
use super::sender::transport::Protocol;
use super::sender::{self, Sender, Session};
use super::signer::shown_secret;
use super::{PATIENCE, wait_until};

/// Far more than a gate needs from an answer to its event, little for the few requests that have none.
const SETTLING: Duration = Duration::from_millis(300);

pub struct Gate {
    child: Child,
    pub setup: Setup,
    /// The operational log.
    pub stderr: Lines,
    stdout: Lines,
    /// Held open and never read, where a test wants that.
    _unread: Option<ChildStdout>,
    listen: Vec<SocketAddr>,
    /// How senders speak to the first listener.
    protocol: Protocol,
    admin: String,
    ended: bool,
}

/// What is left of a gate that was told to stop.
pub struct Finished {
    pub code: Option<i32>,
    /// Every access event it ever wrote.
    pub events: Vec<Value>,
    pub setup: Setup,
}

impl Gate {
    pub(super) fn ready(mut child: Child, setup: Setup, read_stdout: bool) -> Self {
        let stderr = Lines::of(child.stderr.take().expect("stderr"));
        let stdout = child.stdout.take().expect("stdout");
        let (stdout, unread) =
            if read_stdout { (Lines::of(stdout), None) } else { (Lines::default(), Some(stdout)) };
        let protocol = setup.protocol();
        let mut gate = Self {
            child,
            setup,
            stderr,
            stdout,
            _unread: unread,
            listen: Vec::new(),
            protocol,
            admin: String::new(),
            ended: false,
        };
        let ready = gate.wait_message(0, |message, _| message == "ready");
        let text = |key: &str| {
            ready[key].as_str().unwrap_or_else(|| panic!("ready without {key}: {ready}")).to_owned()
        };
        gate.listen =
            text("listen").split(',').map(|one| one.trim().parse().expect("a listen address")).collect();
        gate.admin = text("admin");
        gate.setup.note_transport();
        gate
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn usage(&self) -> Usage {
        Usage::of(self.pid())
    }

    /// A sample of `/metrics` by its name without the gate's prefix, with its labels as they are written.
    pub fn metric(&self, name: &str) -> u64 {
        let page = self.admin("GET", "/metrics").text();
        let line = format!("nexmo_gate_{name} ");
        let value = page.lines().find_map(|one| one.strip_prefix(&line));
        value.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no sample {name} in\n{page}"))
    }

    /// Waits until a sample of `/metrics` has a value: what a sender sees may come a moment before it is counted.
    pub fn wait_metric(&self, name: &str, wanted: u64) {
        let why = || format!("{name} is {} and not {wanted}", self.metric(name));
        wait_until(|| self.metric(name) == wanted, why);
    }

    /// The first listener's address.
    pub fn addr(&self) -> SocketAddr {
        self.listen[0]
    }

    /// The address of a listener by its place.
    pub fn addr_of(&self, place: usize) -> SocketAddr {
        self.listen[place]
    }

    /// A sender at the first listener.
    pub fn connect(&self, from: &str) -> Sender {
        self.try_connect(from).unwrap_or_else(|why| panic!("connect from {from} to {}: {why}", self.addr()))
    }

    pub fn try_connect(&self, from: &str) -> io::Result<Sender> {
        self.open(from, None)
    }

    /// Connects where the gate hangs up on strangers: `None` when that was so quick that the connection was never there.
    pub fn connect_unless_reset(&self, from: &str) -> Option<Sender> {
        match self.try_connect(from) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
            tried => {
                Some(tried.unwrap_or_else(|why| panic!("connect from {from} to {}: {why}", self.addr())))
            }
        }
    }

    /// Connects with the smallest receive window that the kernel gives: what it does not read, the gate cannot write.
    pub fn connect_narrow(&self, from: &str) -> Sender {
        self.open(from, Some(1)).expect("connect to the gate")
    }

    fn open(&self, from: &str, receive_buffer: Option<usize>) -> io::Result<Sender> {
        Ok(Sender::speaking(&self.protocol, sender::tcp(from, self.addr(), receive_buffer)?))
    }

    /// A sender at the first listener that keeps its connection as long as it can.
    pub fn session(&self, from: &str) -> Session {
        Session::new(from, self.addr(), self.protocol.clone())
    }

    /// One request on a connection of its own.
    pub fn ask(&self, from: &str, request: &[u8]) -> Reply {
        self.settled(|| self.session(from).ask(request))
    }

    /// Does something, and waits for its access event. An event follows its answer, so those of two connections may
    /// change places unless the first is waited for. What writes no event is waited for in vain, and not long.
    pub fn settled<T>(&self, something: impl FnOnce() -> T) -> T {
        let before = self.stdout.len();
        let done = something();
        self.stdout.find(before, SETTLING, |lines| (!lines.is_empty()).then_some(()));
        done
    }

    /// The operational log from line `from` on until `found` likes a line; its message and the line as JSON.
    pub fn wait_message(&self, from: usize, found: impl Fn(&str, &Value) -> bool) -> Value {
        self.find_message(from, PATIENCE, found).unwrap_or_else(|| {
            panic!("no such line in the operational log from line {from} on:\n{}", self.log())
        })
    }

    pub fn find_message(
        &self,
        from: usize,
        within: Duration,
        found: impl Fn(&str, &Value) -> bool,
    ) -> Option<Value> {
        self.stderr.find(from, within, |lines| {
            lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|line| found(line["message"].as_str().unwrap_or_default(), line))
        })
    }

    /// Waits until at least `count` access events are there, and gives all.
    pub fn events(&self, count: usize) -> Vec<Value> {
        self.events_until(|events| events.len() >= count)
    }

    /// Waits until `count` events follow number `from`, and gives all that follow; parses no line before.
    pub fn events_from(&self, from: usize, count: usize) -> Vec<Value> {
        let enough = |lines: &[String]| {
            (lines.len() >= count).then(|| lines.iter().map(|line| json(line)).collect::<Vec<_>>())
        };
        self.stdout.find(from, PATIENCE, enough).unwrap_or_else(|| {
            panic!("no {count} events from number {from} on in\n{}", self.stdout.all().join("\n"))
        })
    }

    pub fn events_until(&self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        self.stdout
            .find(0, PATIENCE, |lines| {
                let events: Vec<Value> = lines.iter().map(|line| json(line)).collect();
                enough(&events).then_some(events)
            })
            .unwrap_or_else(|| {
                panic!("the access log lacks events; it has:\n{}", self.stdout.all().join("\n"))
            })
    }

    /// The one event of a gate that has answered one request.
    pub fn event(&self) -> Value {
        let mut events = self.events(1);
        assert_eq!(events.len(), 1, "one request, one event: {events:?}");
        events.remove(0)
    }

    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.parse().expect("a TCP admin address")
    }

    pub fn admin(&self, method: &str, path: &str) -> Reply {
        // By address: the admin interface tells a host name nothing that a rebound name should not learn.
        let bytes = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
            self.admin
        );
        let bytes = bytes.into_bytes();
        sender::ask("127.0.0.1", self.admin_addr(), &bytes)
    }

    /// `GET /status` as JSON.
    pub fn status(&self) -> Value {
        json(&self.admin("GET", "/status").text())
    }

    /// `POST /reload`: its status and what it said.
    pub fn reload(&self) -> (u16, Value) {
        let reply = self.admin("POST", "/reload");
        (reply.status, json(&reply.text()))
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        kill(pid, signal).expect("signal the gate");
    }

    /// Waits for the process to end and gives its exit code (`None`: killed by a signal).
    pub fn wait_exit(&mut self, within: Duration) -> Option<i32> {
        assert!(self.stderr.wait_end(within), "still running after {within:?}; its log:\n{}", self.log());
        self.ended = true;
        self.child.wait().expect("an exit status").code()
    }

    /// TERM, the end, and the complete access log: after this no further event can come.
    pub fn finish(mut self) -> Finished {
        self.signal(Signal::SIGTERM);
        let code = self.wait_exit(PATIENCE);
        assert!(self.stdout.wait_end(PATIENCE), "stdout stays open after the end");
        let events = self.stdout.all().iter().map(|line| json(line)).collect();
        Finished { code, events, setup: self.setup.clone() }
    }

    /// The operational log so far.
    pub fn log(&self) -> String {
        self.stderr.all().join("\n")
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let access = self.stdout.all();
            let last = access.len().saturating_sub(20);
            eprintln!("--- operational log of the gate\n{}", self.log());
            eprintln!("--- access log, the last of {} lines\n{}", access.len(), access[last..].join("\n"));
            return;
        }
        // Of every gate of every test, whatever it is about.
        for line in self.stderr.all().iter().chain(&self.stdout.all()) {
            let shown = shown_secret(line);
            assert!(shown.is_none(), "{shown:?} is in a log: {line}");
        }
    }
}
