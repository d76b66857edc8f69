//! A running gate: its addresses, its two logs, its admin pages, signals and its end.

use std::net::SocketAddr;
use std::process::{Child, ChildStdout};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::http::Reply;
use super::lines::{Lines, json};
use super::{PATIENCE, Setup, Vitals, papers, sender};

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
        let mut gate = Self {
            child,
            setup,
            stderr,
            stdout,
            _unread: unread,
            listen: Vec::new(),
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
        match gate.setup.way() {
            Some(way) => papers::speak(gate.listen[0], way),
            // A gate of another test may have had the port.
            None => papers::forget(gate.listen[0]),
        }
        gate
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn vitals(&self) -> Vitals {
        Vitals::of(self.pid())
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
        let end = Instant::now() + PATIENCE;
        while self.metric(name) != wanted {
            assert!(Instant::now() < end, "{name} is {} and not {wanted}", self.metric(name));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The first listener's address.
    pub fn addr(&self) -> SocketAddr {
        self.listen[0]
    }

    /// The address of a listener by its place.
    pub fn addr_of(&self, place: usize) -> SocketAddr {
        self.listen[place]
    }

    /// One request on a connection of its own.
    pub fn ask(&self, from: &str, request: &[u8]) -> Reply {
        self.settled(|| sender::ask(from, self.addr(), request))
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
        self.listen.iter().for_each(|address| papers::forget(*address));
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let access = self.stdout.all();
            let last = access.len().saturating_sub(20);
            eprintln!("--- operational log of the gate\n{}", self.log());
            eprintln!("--- access log, the last of {} lines\n{}", access.len(), access[last..].join("\n"));
        }
    }
}
