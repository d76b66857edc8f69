//! More than the limits allow: the surplus hears 503, which every API retries, and what is in work is not harmed.

use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Gate, Latch, PATIENCE, Sender, Setup, Upstream, get, post, request};

/// A gate with these limits and one request, `bytes`, that its upstream holds until the latch opens.
fn holding(limits: &str, bytes: &[u8]) -> (Upstream, Gate, Sender, Latch) {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/held" => echo(arrival).first(Act::Until(held.clone())),
        _ => echo(arrival),
    });
    let gate = Setup::new(upstream.url()).key("limits", limits).start();
    let mut first = gate.connect(ADMITTED);
    first.send(bytes);
    upstream.wait_arrivals(1);
    (upstream, gate, first, latch)
}

/// The surplus request is refused for now; the held one is served, and so is the next.
fn assert_surplus_is_turned_away(limits: &str, bytes: &dyn Fn(&str) -> Vec<u8>) {
    let (upstream, gate, mut first, latch) = holding(limits, &bytes("/held"));
    let reply = gate.ask(ADMITTED, &bytes("/surplus"));
    assert_eq!((reply.status, reply.header("retry-after").as_deref()), (503, Some("5")), "{limits}");
    latch.release();
    assert_eq!(first.reply().text(), "/held", "{limits}");
    gate.events(2);
    assert_eq!(gate.ask(ADMITTED, &bytes("/next")).text(), "/next", "{limits}");
    let targets: Vec<String> = upstream.arrivals().iter().map(Arrival::target).collect();
    assert_eq!(targets, ["/held", "/next"], "{limits}: the surplus never reached the application");
    let events = gate.finish().events;
    assert_eq!(events.len(), 3, "{limits}");
    let surplus = events.iter().find(|event| event["path"] == "/surplus").expect("its event");
    assert_eq!(
        (&surplus["outcome"], &surplus["reason"]),
        (&"undelivered".into(), &"overloaded".into()),
        "{surplus}"
    );
}

#[test]
fn requests_above_the_number_at_once_are_503() {
    assert_surplus_is_turned_away("{ concurrent_requests: 1 }", &|target| post(target, target));
}

#[test]
fn bytes_above_all_buffers_are_503() {
    let body = vec![b'x'; 700 * 1024];
    assert_surplus_is_turned_away("{ max_body: 800KiB, max_response: 100KiB, buffers: 1MiB }", &|target| {
        request("POST", target, &[], &body)
    });
}

#[test]
fn strangers_do_not_use_up_the_requests_at_once() {
    let (_upstream, gate, mut first, latch) = holding("{ concurrent_requests: 2 }", &get("/held"));
    for _ in 0..20 {
        assert_eq!(gate.ask(crate::harness::STRANGER, &get("/held")).status, 403);
    }
    assert_eq!(gate.ask(ADMITTED, &get("/beside")).status, 200);
    latch.release();
    assert_eq!(first.reply().status, 200);
}

#[test]
fn connections_above_the_limit_are_not_served_and_room_is_made_when_one_goes() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).key("limits", "{ connections: 2 }").http1().start();
    let mut open: Vec<Sender> = (0..2).map(|_| gate.connect(ADMITTED)).collect();
    for sender in &mut open {
        sender.send(&get("/within"));
        assert_eq!(sender.reply().status, 200);
    }
    // The third one waits or is turned away, but the first two stay as they are.
    let surplus = gate.try_connect(ADMITTED);
    for sender in &mut open {
        sender.send(&get("/still"));
        assert_eq!(sender.reply().status, 200);
    }
    drop((open, surplus));
    let served = std::iter::repeat_with(|| {
        let mut sender = gate.try_connect(ADMITTED).ok()?;
        sender.try_send(&get("/room")).ok()?;
        sender.try_reply().ok().map(|reply| reply.status)
    });
    assert!(served.take(1000).any(|status| status == Some(200)), "room again within {PATIENCE:?} of tries");
}
