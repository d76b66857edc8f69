//! Endpoints that come, stay and go at a reload.

use super::*;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Latch, Upstream, post};

#[test]
fn a_reload_that_removes_an_endpoint_lets_its_requests_finish() {
    let latch = Latch::default();
    let hold = latch.clone();
    let one = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/slow" => echo(arrival).first(Act::Until(hold.clone())),
        _ => echo(arrival),
    });
    let two = Upstream::echo();
    let gate = gate_before(&[one.url(), two.url()]).start();
    let mut slow = gate.connect(ADMITTED);
    slow.send(&post("/slow", "slow"));
    one.wait_arrivals(1);
    gate.setup.clone().key("upstream", &format!("{:?}", [two.url()])).write_config();
    let (status, report) = gate.reload();
    assert_eq!((status, &report["changes"]), (200, &serde_json::json!(["upstream changed"])), "{report}");
    for _ in 0..10 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "after")).status, 200);
    }
    assert_eq!((one.of_case("after").len(), two.of_case("after").len()), (0, 10));
    latch.release();
    assert_eq!(slow.reply().text(), "/slow");
    let page = gate.admin("GET", "/metrics").text();
    assert!(!page.contains(&format!("upstream=\"{}\"", one.url())), "{page}");
    let events = gate.events(11);
    let event = events.iter().find(|event| event["path"] == "/slow").expect("its event");
    assert_eq!((&event["generation"], &event["delivered"]), (&1.into(), &true.into()), "{event}");
}

#[test]
fn an_endpoint_that_stays_over_a_reload_keeps_its_connections() {
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let gate = gate_before(&[one.url()]).start();
    assert_eq!(gate.ask(ADMITTED, &post("/", "before")).status, 200);
    gate.setup.clone().key("upstream", &format!("{:?}", [one.url(), two.url()])).write_config();
    assert_eq!(gate.reload().0, 200);
    std::thread::sleep(crate::upstream::connections::RESTED);
    assert_eq!(gate.ask(ADMITTED, &post("/", "after")).status, 200);
    assert_eq!((one.arrivals().len(), one.connections()), (2, 1));
}
