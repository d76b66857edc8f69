//! Messages to the service manager: ready, what is loaded, alive, stopping (`sd_notify(3)`).
//!
//! The protocol is a datagram of `KEY=value` lines to the socket named in `NOTIFY_SOCKET`. Without that
//! variable nothing is sent: the gate runs the same under systemd, in a container and by hand.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use crate::state::report::Report;
use crate::state::snapshot::Snapshot;

/// How long the start waits for a manager that does not read. Later messages do not wait and may be lost,
/// because no thread that serves or ends the process may be blocked.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest status: `systemctl status` shows one line.
const STATUS_CHARS: usize = 240;

/// Sends messages to the service manager, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Notifier {
    line: Option<Arc<Line>>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Line {
    /// Waits at most [`SEND_TIMEOUT`].
    patient: UnixDatagram,
    /// Never waits.
    prompt: UnixDatagram,
    manager: SocketAddr,
}

impl Notifier {
    /// Reads the environment. An address that cannot be used is only logged: the gate must not stop because
    /// nobody can be notified.
    pub(super) fn from_env() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let line = variable("NOTIFY_SOCKET").and_then(|place| {
            Line::open(&place)
                .inspect_err(|error| tracing::warn!(place, %error, "NOTIFY_SOCKET cannot be used"))
                .ok()
        });
        let watchdog = interval(
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
            std::process::id(),
        );
        Self { watchdog: watchdog.filter(|_| line.is_some()), line: line.map(Arc::new) }
    }

    /// Lists are loaded and listeners bound: units that wait for the gate may start.
    pub(super) fn ready(&self, snapshot: &Snapshot) {
        let message = format!("READY=1\nSTATUS={}", serving(snapshot));
        self.send_by(|line| &line.patient, &message);
    }

    /// The status after a reload, with its problems.
    pub(super) fn reloaded(&self, snapshot: &Snapshot, report: &Report) {
        self.send(&format!("STATUS={}", after_reload(snapshot, report)));
    }

    /// The process is ending.
    pub(super) fn stopping(&self, connections: u64) {
        self.send(&format!("STOPPING=1\nSTATUS=Draining: {connections} open connections"));
    }

    /// How often [`Self::alive`] must be sent; `None` if no watchdog waits for it.
    pub(super) fn heartbeat(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Feeds the watchdog.
    pub(super) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, message: &str) {
        self.send_by(|line| &line.prompt, message);
    }

    fn send_by(&self, socket: impl Fn(&Line) -> &UnixDatagram, message: &str) {
        let Some(line) = &self.line else { return };
        if let Err(error) = socket(line).send_to_addr(message.as_bytes(), &line.manager) {
            tracing::warn!(%error, "a message to the service manager could not be sent");
        }
    }
}

impl Line {
    fn open(place: &str) -> io::Result<Self> {
        // `@name` stands for a name in the abstract namespace, which starts with a zero byte.
        let manager = match place.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(place)?,
        };
        let (patient, prompt) = (UnixDatagram::unbound()?, UnixDatagram::unbound()?);
        patient.set_write_timeout(Some(SEND_TIMEOUT))?;
        prompt.set_nonblocking(true)?;
        Ok(Self { patient, prompt, manager })
    }
}

/// A third of the interval that the manager allows, so that one message may be late and one lost.
fn interval(microseconds: Option<&str>, for_process: Option<&str>, own: u32) -> Option<Duration> {
    if for_process.is_some_and(|process| process.parse() != Ok(own)) {
        return None;
    }
    let allowed = Duration::from_micros(microseconds?.parse().ok()?);
    (!allowed.is_zero()).then_some(allowed / 3)
}

fn serving(snapshot: &Snapshot) -> String {
    let last_good = snapshot.lists.values().filter(|list| list.last_good).count();
    let kept =
        if last_good == 0 { String::new() } else { format!(" ({last_good} of them the last good version)") };
    format!(
        "Serving generation {}: {} lists{kept}, {} prefixes, {} routes",
        snapshot.generation,
        snapshot.lists.len(),
        snapshot.prefixes(),
        snapshot.routes.len()
    )
}

fn after_reload(snapshot: &Snapshot, report: &Report) -> String {
    let mut status = serving(snapshot);
    let problems = match report.problems.as_slice() {
        [] => String::new(),
        [only] => format!("; the last reload found a problem: {only}"),
        [first, ..] => format!("; the last reload found {} problems, first: {first}", report.problems.len()),
    };
    status.push_str(&problems);
    if !report.held.is_empty() {
        status.push_str("; held until `nexmo-gate reload`: ");
        status.push_str(&report.held.join(", "));
    }
    one_line(&status)
}

/// Replaces control characters: a line break from a quoted file would begin another message.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    if text.chars().count() <= STATUS_CHARS {
        return plain.collect();
    }
    plain.take(STATUS_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_told_three_times_in_its_time_and_only_by_whom_it_means() {
        assert_eq!(interval(Some("30000000"), None, 7), Some(Duration::from_secs(10)));
        assert_eq!(interval(Some("30000000"), Some("7"), 7), Some(Duration::from_secs(10)));
        for (microseconds, process) in [
            (Some("30000000"), Some("8")),
            (Some("30000000"), Some("x")),
            (Some("0"), None),
            (Some("soon"), None),
            (None, None),
        ] {
            assert_eq!(interval(microseconds, process, 7), None, "{microseconds:?} {process:?}");
        }
    }

    #[test]
    fn a_status_is_one_line_of_bounded_length() {
        assert_eq!(one_line("a\nREADY=1\tb"), "a READY=1 b");
        let long = one_line(&"ü".repeat(1000));
        assert_eq!(long.chars().count(), STATUS_CHARS);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn words_arrive_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("nexmo-gate-test-{}", std::process::id());
        let abstract_place = SocketAddr::from_abstract_name(&name).unwrap();
        for (manager, place) in [
            (UnixDatagram::bind(&path).unwrap(), path.display().to_string()),
            (UnixDatagram::bind_addr(&abstract_place).unwrap(), format!("@{name}")),
        ] {
            let notifier = Notifier { line: Some(Arc::new(Line::open(&place).unwrap())), watchdog: None };
            notifier.stopping(2);
            let mut room = [0; 256];
            let length = manager.recv(&mut room).unwrap();
            assert_eq!(&room[..length], b"STOPPING=1\nSTATUS=Draining: 2 open connections", "{place}");
        }
    }

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _manager = UnixDatagram::bind(&path).unwrap();
        let line = Line::open(&path.display().to_string()).unwrap();
        let notifier = Notifier { line: Some(Arc::new(line)), watchdog: None };
        let begin = std::time::Instant::now();
        // Far more than the socket can hold.
        (0..2000).for_each(|_| notifier.alive());
        assert!(begin.elapsed() < SEND_TIMEOUT, "{:?}", begin.elapsed());
    }

    #[test]
    fn without_a_manager_every_word_goes_nowhere() {
        Notifier { line: None, watchdog: None }.alive();
    }
}
