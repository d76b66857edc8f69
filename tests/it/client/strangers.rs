//! Strangers before their first byte: `deny: drop`, the bound on their connections, and the log of a flood of them.

use std::io::{ErrorKind, Read as _};

use serde_json::Value;

use crate::harness::gate::lines::requests;
use crate::harness::gate::setup::{binary, given_binary};
use crate::harness::sender::tcp;
use crate::harness::{ADMITTED, Gate, PROXY, STRANGER, Setup, Upstream, get, post};

fn dropping(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url()).key("deny", "drop")
}

/// Whether the gate closed without a single byte, however late the sender spoke.
fn is_hung_up_on(gate: &Gate, from: &str, request: &[u8]) -> bool {
    let Some(mut sender) = gate.connect_unless_reset(from) else { return true };
    // The connection may be gone before the request is written whole.
    let _ = sender.try_send(request);
    sender.try_reply().is_err_and(|cut| cut.got.is_empty())
}

#[test]
fn a_stranger_is_closed_without_a_byte_and_logged() {
    let upstream = Upstream::echo();
    let gate = dropping(&upstream).start();
    for request in [&b""[..], b"GET / HTTP/1.1\r\n", &get("/hook"), b"\x16\x03\x01nonsense"] {
        assert!(is_hung_up_on(&gate, STRANGER, request), "{request:?}");
    }
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    let events = gate.finish().events;
    assert_eq!(events.len(), 5);
    for event in &events[..4] {
        assert_eq!(
            (&event["outcome"], &event["reason"]),
            (&"denied".into(), &"not_listed".into()),
            "{event}"
        );
        assert_eq!((&event["status"], &event["client_ip"]), (&Value::Null, &STRANGER.into()), "{event}");
    }
    assert_eq!(upstream.arrivals().len(), 1);
}

/// A polite close would leave a connection in the kernel for each of a flood.
#[test]
fn a_stranger_is_reset_although_it_said_nothing() {
    let upstream = Upstream::echo();
    let gate = dropping(&upstream).start();
    for _ in 0..20 {
        let heard = tcp(STRANGER, gate.addr(), None).and_then(|mut stream| stream.read(&mut [0]));
        assert_eq!(heard.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    }
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
}

#[test]
fn a_client_on_a_wrong_route_is_hung_up_on_too_but_not_behind_a_trusted_proxy() {
    let upstream = Upstream::echo();
    let gate = dropping(&upstream)
        .range("other", "127.0.0.4/32\n")
        .behind_proxy()
        .routes(&[
            "{ path: /hook, webhook: generic, allow: [test] }",
            "{ path: /other, webhook: generic, allow: [other] }",
        ])
        .start();
    assert!(is_hung_up_on(&gate, ADMITTED, &get("/other")), "another list's route");
    assert!(is_hung_up_on(&gate, ADMITTED, &get("/nowhere")), "no route");
    let through = |client: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n\r\n");
        gate.ask(PROXY, request.as_bytes()).status
    };
    assert_eq!(through(ADMITTED, "/hook"), 200);
    assert_eq!(through(ADMITTED, "/other"), 403);
    assert_eq!(through(STRANGER, "/hook"), 403);
    assert_eq!(gate.finish().events.len(), 5);
}

#[test]
fn an_open_connection_whose_address_was_removed_is_refused_at_its_next_request() {
    let upstream = Upstream::echo();
    let setup = dropping(&upstream).key("removed_grace", "0s");
    let gate = setup.range("test", "127.0.0.2/32\n127.0.0.4/32\n").start();
    let mut open = gate.connect("127.0.0.4");
    open.send(&get("/one"));
    assert_eq!(open.reply().status, 200);
    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n");
    assert_eq!(gate.reload().0, 200);
    open.send(&get("/two"));
    assert!(open.try_reply().is_err_and(|cut| cut.got.is_empty()));
    assert_eq!(gate.finish().events[1]["reason"], "not_listed");
}

#[test]
fn a_flood_is_summed_up_and_no_denial_is_lost() {
    const FLOOD: u64 = 1500;
    let upstream = Upstream::echo();
    let gate = dropping(&upstream).start();
    for _ in 0..FLOOD {
        drop(gate.try_connect(STRANGER));
    }
    assert_eq!(gate.ask(ADMITTED, &post("/hook", "in between")).status, 200);
    let counted =
        |events: &[Value]| -> u64 { requests(events.iter().filter(|event| event["outcome"] == "denied")) };
    gate.events_until(|events| counted(events) >= FLOOD);
    let events = gate.finish().events;
    assert_eq!(counted(&events), FLOOD);
    assert!(events.iter().any(|event| event["suppressed"].is_u64()), "{} lines", events.len());
    assert!(events.len() < 1000, "{} lines", events.len());
    assert!(events.iter().any(|event| event["outcome"] == "delivered"));
}

#[test]
fn a_stranger_cannot_take_all_connections() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .key("limits", "{ connections: 8, connections_per_stranger: 3 }")
        .http1()
        .start();
    // A place is taken for certain once the connection was answered: the accept loop has seen it.
    let held = |from: &str| {
        let mut sender = gate.try_connect(from).ok()?;
        // One that is closed at once may be so before it is connected here, or before anything was written.
        sender.try_send(&get("/hook")).ok()?;
        sender.try_reply().ok().map(|reply| (sender, reply.status))
    };
    let mut open: Vec<_> = (0..3).map(|_| held(STRANGER).expect("within its bound")).collect();
    assert!(held(STRANGER).is_none(), "the fourth from one address");
    open.push(held("127.0.0.4").expect("another address"));
    assert!(held("127.0.0.5").is_none(), "strangers hold half of the connections");
    assert!(open.iter().all(|(_, status)| *status == 403));
    let admitted: Vec<_> = (0..4).map(|_| held(ADMITTED).expect("the other half")).collect();
    assert!(admitted.iter().all(|(_, status)| *status == 200));
}

#[test]
fn a_panic_is_one_requests_503_and_harms_no_other() {
    if given_binary().is_some() {
        println!("SKIPPED: a_panic_is_one_requests_503_and_harms_no_other: a release has no drill");
        return;
    }
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    setup.write_config();
    let mut command = binary();
    command.args(["run", "--config"]).arg(setup.path().join("config.yaml"));
    command.env("NEXMO_GATE_PANIC_PATH", "/drill");
    let gate = setup.start_as(&mut command);
    let mut beside = gate.connect(ADMITTED);
    beside.send(&get("/before"));
    assert_eq!(beside.reply().status, 200);
    let reply = gate.ask(ADMITTED, &post("/drill", "x"));
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5".to_owned())));
    beside.send(&get("/after"));
    assert_eq!(beside.reply().status, 200);
    gate.wait_message(0, |message, line| line["level"] == "ERROR" && message.starts_with("panic"));
    let events = gate.finish().events;
    assert_eq!(events.len(), 3);
    let drill = events.iter().find(|event| event["path"] == "/drill").expect("its event");
    assert_eq!((&drill["outcome"], &drill["reason"]), (&"undelivered".into(), &"internal".into()));
}

#[test]
fn an_answer_given_while_the_sender_uploads_still_reaches_it() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .key("limits", "{ max_body: 64KiB }")
        .routes(&[
            "{ path: /hook, webhook: generic, allow: [test] }",
            "{ path: /verify, webhook: verify, allow: [test] }",
        ])
        .start();
    let body = vec![b'x'; 200 * 1024];
    let rows = [
        (STRANGER, "POST", "/hook", 403),
        (ADMITTED, "POST", "/hook", 413),
        (ADMITTED, "PUT", "/verify", 405),
    ];
    for round in 0..20 {
        for (from, method, path, status) in rows {
            let mut sender = gate.connect(from);
            let upload = crate::harness::request(method, path, &[], &body);
            // In two writes: the answer is on its way before the second one.
            let (first, second) = upload.split_at(8 * 1024);
            sender.send(first);
            sender.send(second);
            assert_eq!(sender.reply().status, status, "round {round}: {from} {method} {path}");
        }
    }
    assert_eq!(upstream.arrivals().len(), 0);
    assert_eq!(gate.finish().events.len(), 60);
}
