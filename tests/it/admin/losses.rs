//! Every number of the process that counts a loss is shown by the metrics, the status and its page, and something in a
//! log says what to change.

use std::process::Command;

use super::status_page::page;
use crate::harness::http2::frames::head;
use crate::harness::http2::raw::Raw;
use crate::harness::proxy_header::v1;
use crate::harness::{ADMITTED, Gate, STRANGER, Sender, Setup, Upstream, get, wait_until};

/// Numbers that count no loss, or one that has a line in the access log for each.
const NO_LOSS: [&str; 15] = [
    "connections",
    "connections_accepted",
    "tls_handshakes",
    "health_probes",
    "requests_in_flight",
    "signed_stranger_networks",
    "buffered_bytes",
    "upstream_connections_opened",
    "upstream_connections_reused",
    // `attempts` in the access log.
    "upstream_resent",
    // The reload that fails says why; the status asks for attention.
    "log_reopen_failed",
    "reload_busy_s",
    "reload_dead",
    // Nothing of a sender's.
    "admin_made_room",
    "inspect_on",
];

/// A loss, and how it comes about.
struct Loss {
    /// Its key in the status.
    key: &'static str,
    /// Its label on the page.
    label: &'static str,
    /// What a log says of it.
    lead: &'static str,
    provoke: fn(&Upstream) -> Gate,
}

const fn loss(
    key: &'static str,
    label: &'static str,
    lead: &'static str,
    provoke: fn(&Upstream) -> Gate,
) -> Loss {
    Loss { key, label, lead, provoke }
}

const LOSSES: [Loss; 10] = [
    loss(
        "connections_over_capacity",
        "connections over the limit",
        "raise them, or lower limits.keepalive",
        |up| {
            let gate = plain(up).key("limits", "{ connections: 8, keepalive: 1h }").start();
            let _held: Vec<Sender> = (0..9).filter_map(|_| gate.connect_unless_reset(ADMITTED)).collect();
            shown(gate, "connections_over_capacity_total")
        },
    ),
    loss("connections_over_capacity", "connections over the limit", "name it in trusted_proxies", |up| {
        let gate = plain(up).key("limits", "{ connections_per_stranger: 1 }").start();
        let _held: Vec<Sender> = (0..2).filter_map(|_| gate.connect_unless_reset(STRANGER)).collect();
        shown(gate, "connections_over_capacity_total")
    }),
    loss("connections_over_capacity", "connections over the limit", "limits.connections_per_client", |up| {
        let gate = plain(up).key("limits", "{ connections_per_client: 1 }").start();
        let _held: Vec<Sender> = (0..2).filter_map(|_| gate.connect_unless_reset(ADMITTED)).collect();
        shown(gate, "connections_over_capacity_total")
    }),
    loss(
        "connections_over_capacity",
        "connections over the limit",
        "a quarter of limits.connections",
        |up| {
            let gate = Setup::new(up.url()).over_h2c().key("limits", "{ connections: 16 }").start();
            let _held: Vec<Raw> = (0..5).map(|_| Raw::connect(ADMITTED, gate.addr(), &[])).collect();
            shown(gate, "connections_over_capacity_total")
        },
    ),
    loss(
        "connections_dropped_unheard",
        "closed without an answer",
        "nexmo-gate explain shows the chain",
        |up| {
            let gate = plain(up).key("deny", "drop").start();
            let _gone = gate.connect_unless_reset(STRANGER);
            shown(gate, "connections_dropped_unheard_total")
        },
    ),
    loss("bad_proxy_headers", "bad PROXY headers", "let it send one (send-proxy)", |up| {
        let gate = plain(up).behind_proxy().proxy_protocol().start();
        let mut proxy = gate.connect(PROXY);
        proxy.send(&get("/hook"));
        shown(gate, "bad_proxy_headers_total")
    }),
    loss("http2_streams_refused", "HTTP/2 streams refused", "twice limits.concurrent_requests", |up| {
        let gate = Setup::new(up.url()).over_h2c().key("limits", "{ concurrent_requests: 8 }").start();
        let mut stranger = Raw::connect(ADMITTED, gate.addr(), &[]);
        (0..97).for_each(|_| {
            stranger.ask(&head("POST", "/held"), false);
        });
        shown(gate, "http2_streams_refused_total")
    }),
    loss("tls_handshakes_failed", "TLS handshakes failed", "TLS handshakes of listed senders failed", |up| {
        let gate = Setup::new(up.url()).over_tls().start();
        let mut sender =
            Sender::over(crate::harness::sender::tcp(ADMITTED, gate.addr(), None).expect("connected"));
        sender.send(&get("/hook"));
        shown(gate, "tls_handshakes_failed_total")
    }),
    loss("accept_errors", "accept errors", "accept failed", |up| {
        let gate = plain(up).start();
        let open = std::fs::read_dir(format!("/proc/{}/fd", gate.pid())).expect("its descriptors").count();
        let before = limit_descriptors(&gate, &open.to_string());
        let _refused = gate.try_connect(ADMITTED);
        gate.wait_message(0, |message, _| message == "accept failed");
        limit_descriptors(&gate, &before);
        shown(gate, "accept_errors_total")
    }),
    loss("log_lines_dropped", "log lines dropped", "its reader is too slow, or its disk is full", |up| {
        let gate = plain(up).key("log", "{ format: json, level: info, access: /dev/full }").start();
        assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
        shown(gate, "log_lines_dropped_total")
    }),
];

const PROXY: &str = "127.0.0.10";

fn plain(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url()).plainly()
}

/// Waits until the loss is counted.
fn shown(gate: Gate, metric: &str) -> Gate {
    wait_until(|| gate.metric(metric) > 0, || format!("{metric} is 0\n{}", gate.log()));
    gate
}

/// Sets the soft limit of a gate that runs; returns the one before.
fn limit_descriptors(gate: &Gate, limit: &str) -> String {
    let prlimit = |arguments: &[&str]| {
        let pid = gate.pid().to_string();
        let output = Command::new("prlimit").args(["--pid", &pid]).args(arguments).output().expect("prlimit");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    let before = prlimit(&["--nofile", "--output", "SOFT", "--noheadings"]);
    prlimit(&[&format!("--nofile={limit}:")]);
    before
}

#[test]
fn every_loss_is_counted_where_people_look_and_a_log_says_what_to_change() {
    let upstream = Upstream::echo();
    for Loss { key, label, lead, provoke } in LOSSES {
        let gate = provoke(&upstream);
        let count = gate.status()["gauges"][key].as_u64();
        assert!(count.is_some_and(|count| count > 0), "{key} in the status: {count:?}");
        assert!(page(&gate).contains(label), "{key}: the page has no {label:?}");
        let noted = || {
            gate.events(0).iter().any(|event| event["note"].as_str().is_some_and(|note| note.contains(lead)))
        };
        let said = || gate.log().contains(lead) || noted();
        wait_until(said, || format!("{key}: no log says {lead:?}:\n{}", gate.log()));
    }
}

#[test]
fn no_number_is_left_out_of_the_walk_over_losses() {
    let upstream = Upstream::echo();
    let gate = plain(&upstream).start();
    let status = gate.status();
    let mut known: Vec<&str> = LOSSES.iter().map(|loss| loss.key).chain(NO_LOSS).collect();
    known.sort_unstable();
    known.dedup();
    let mut there: Vec<&str> =
        status["gauges"].as_object().expect("gauges").keys().map(String::as_str).collect();
    there.sort_unstable();
    assert_eq!(there, known);
}

/// One proxy that sends no header does not hide another.
#[test]
fn each_proxy_without_a_header_is_told_of_once() {
    let upstream = Upstream::echo();
    let gate = plain(&upstream).trusts(&["127.0.0.10/32", "127.0.0.11/32"]).proxy_protocol().start();
    for proxy in [PROXY, "127.0.0.11", PROXY, "127.0.0.11"] {
        let mut sender = gate.connect(proxy);
        sender.send(&get("/hook"));
        assert!(sender.rest().is_empty());
    }
    gate.wait_metric("bad_proxy_headers_total", 4);
    let mut sender = gate.connect(PROXY);
    sender.send(&[v1(ADMITTED), get("/hook")].concat());
    assert_eq!(sender.reply().status, 200);
    let told = |proxy: &str| {
        let lines = gate.stderr.all();
        lines
            .iter()
            .filter(|line| line.contains("send-proxy") && line.contains(&format!("\"{proxy}\"")))
            .count()
    };
    wait_until(|| told(PROXY) > 0 && told("127.0.0.11") > 0, || gate.log());
    gate.settled(|| ());
    assert_eq!([told(PROXY), told("127.0.0.11")], [1, 1], "{}", gate.log());
}
