//! What a service manager is told (`sd_notify(3)`), seen from its end of the socket. The real one is in
//! tests/service, which needs root.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::harness::gate::setup::binary;
use crate::harness::{ADMITTED, PATIENCE, Setup, Signal, Upstream, get};

const BEAT: &str = "WATCHDOG=1";

fn next(manager: &UnixDatagram) -> String {
    let mut room = [0; 4096];
    let length = manager.recv(&mut room).expect("words to the manager");
    String::from_utf8(room[..length].to_vec()).expect("text")
}

/// The next words that are no sign of life.
fn heard(manager: &UnixDatagram) -> String {
    std::iter::repeat_with(|| next(manager)).find(|words| words != BEAT).expect("words")
}

#[test]
fn the_manager_hears_ready_each_reload_signs_of_life_and_the_end() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    setup.write_config();
    let place = setup.path().join("notify");
    let manager = UnixDatagram::bind(&place).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut command = binary();
    command.args(["run", "--config"]).arg(setup.path().join("config.yaml"));
    command.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "300000");
    let setup_dir = setup.dir.clone();
    let mut gate = setup.start_as(&mut command);

    let words = heard(&manager);
    assert_eq!(words, "READY=1\nSTATUS=Serving generation 1: 1 lists, 1 prefixes, 1 routes");
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200, "ready means that it serves");

    setup_dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.4/32\n");
    assert_eq!(gate.reload().0, 200);
    let words = heard(&manager);
    assert_eq!(words, "STATUS=Serving generation 2: 1 lists, 2 prefixes, 1 routes");

    // Three in the time that the manager allows. The first of these may have waited for us.
    assert_eq!(next(&manager), BEAT);
    let begin = Instant::now();
    for _ in 0..5 {
        assert_eq!(next(&manager), BEAT);
    }
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(300), "five signs of life in {took:?} at one each 100 ms");

    setup_dir.write("ranges/test.txt", "127.0.0.2/2\n");
    assert_eq!(gate.reload().0, 422);
    let words = heard(&manager);
    let wanted = "STATUS=Serving generation 3: 1 lists (1 of them the last good version), 2 prefixes, 1 routes; \
                  the last reload found a problem: ";
    assert!(words.starts_with(wanted) && words.contains("test.txt:1"), "{words}");

    gate.signal(Signal::SIGTERM);
    let words = heard(&manager);
    assert_eq!(words, "STOPPING=1\nSTATUS=Draining: 0 open connections");
    assert_eq!(gate.wait_exit(PATIENCE), Some(0));
}
