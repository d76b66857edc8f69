//! A reload that hangs in a file system, and a reload thread that is gone: the end of the process and its health do
//! not wait for either. A debug build has a drill for both.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::harness::gate::setup::{binary, given_binary};
use crate::harness::sender::tcp;
use crate::harness::{ADMITTED, Gate, PATIENCE, STRANGER, Setup, Signal, Upstream, get, wait_until};

/// For the end of an idle gate: the wait for whoever is connecting, for the reload thread, and for a log.
const END: Duration = Duration::from_secs(6);

fn has_no_drill(test: &str) -> bool {
    let none = given_binary().is_some_and(|path| !path.to_string_lossy().contains("debug"));
    if none {
        println!("SKIPPED: {test}: a release has no drill");
    }
    none
}

/// A gate whose reload thread does what the file `drill` says: `hang` or `panic`.
fn start(upstream: &Upstream) -> Gate {
    let setup = Setup::new(upstream.url());
    setup.write_config();
    let mut command = setup.command_of(binary());
    command.env("NEXMO_GATE_RELOAD_DRILL", setup.path().join("drill"));
    setup.start_as(&mut command)
}

/// Makes the reload thread hang, and waits until it does.
fn hang(gate: &Gate) {
    // Written once: a reload that looks while it is written anew would find it empty and go on.
    if !gate.setup.path().join("drill").exists() {
        gate.setup.dir.write("drill", "hang");
    }
    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.4/32\n");
    let begun = gate.setup.path().join("drill.begun");
    wait_until(|| begun.exists(), || "the reload thread does not hang".to_owned());
}

#[test]
fn no_signal_that_ends_the_process_waits_for_a_reload_that_hangs() {
    if has_no_drill("no_signal_that_ends_the_process_waits_for_a_reload_that_hangs") {
        return;
    }
    let upstream = Upstream::echo();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let mut gate = start(&upstream);
        gate.setup.dir.write("drill", "hang");
        // More than one: none of them may be what the next signal waits behind.
        for _ in 0..3 {
            gate.signal(Signal::SIGHUP);
        }
        hang(&gate);
        assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200, "the last good state serves");
        assert_eq!(gate.ask("127.0.0.4", &get("/hook")).status, 403, "and nothing else");
        let begin = Instant::now();
        gate.signal(signal);
        assert_eq!(gate.wait_exit(PATIENCE), Some(0), "{signal}");
        assert!(begin.elapsed() < END, "{signal}: {:?}", begin.elapsed());
    }
}

#[test]
fn health_is_answered_while_reloads_hang() {
    if has_no_drill("health_is_answered_while_reloads_hang") {
        return;
    }
    let upstream = Upstream::echo();
    let gate = start(&upstream);
    hang(&gate);
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = tcp("127.0.0.1", gate.admin_addr(), None).expect("a connection");
            let _ =
                stream.write_all(b"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
            stream
        })
        .collect();
    for path in ["/healthz", "/readyz", "/metrics", "/status?format=json"] {
        let begin = Instant::now();
        assert_eq!(gate.admin("GET", path).status, 200, "{path}");
        assert!(begin.elapsed() < Duration::from_secs(1), "{path}: {:?}", begin.elapsed());
    }
    let told = gate.wait_message(0, |message, _| message.starts_with("a reload takes long"));
    assert_eq!(told["level"], "WARN", "{told}");
    let page = gate.admin("GET", "/metrics").text();
    assert!(page.contains("nexmo_gate_reload_thread_dead 0"), "{page}");
    // The file system answers again: nothing was lost, and nothing needs a restart.
    std::fs::remove_file(gate.setup.path().join("drill")).expect("the drill's end");
    gate.wait_message(0, |message, _| message == "the reload thread answers again");
    drop(waiting);
    assert_eq!(gate.reload().0, 200);
    assert_eq!(gate.ask("127.0.0.4", &get("/hook")).status, 200);
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 403);
}

#[test]
fn a_reload_thread_that_is_gone_is_not_ready_and_not_alive() {
    if has_no_drill("a_reload_thread_that_is_gone_is_not_ready_and_not_alive") {
        return;
    }
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    setup.write_config();
    let place = setup.path().join("notify");
    let manager = UnixDatagram::bind(&place).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(2))).expect("a time-out");
    let mut command = setup.command_of(binary());
    command.env("NEXMO_GATE_RELOAD_DRILL", setup.path().join("drill"));
    command.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "300000");
    let mut gate = setup.start_as(&mut command);
    assert_eq!(gate.admin("GET", "/readyz").status, 200);

    gate.setup.dir.write("drill", "panic");
    let (status, report) = gate.reload();
    assert_eq!(status, 422, "{report}");
    gate.wait_message(0, |message, line| {
        line["level"] == "ERROR" && message.starts_with("the reload thread has ended")
    });
    for path in ["/readyz", "/healthz"] {
        let reply = gate.admin("GET", path);
        assert_eq!((reply.status, reply.text().as_str()), (503, "the reload thread has ended\n"), "{path}");
    }
    assert_eq!(gate.metric("reload_thread_dead"), 1);
    assert_eq!(
        gate.ask(ADMITTED, &get("/hook")).status,
        200,
        "the last good state serves until somebody restarts it"
    );
    // What was sent before may still be there. The manager hears no sign of life any more, and would restart it.
    let words = std::iter::repeat_with(|| manager.recv(&mut [0; 4096])).take(1000);
    assert!(words.into_iter().any(|heard| heard.is_err()), "signs of life of a gate that notices no change");
    gate.signal(Signal::SIGTERM);
    assert_eq!(gate.wait_exit(PATIENCE), Some(0));
}
