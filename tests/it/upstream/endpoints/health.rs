//! Health checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Answer, Setup, Upstream, post};

#[test]
fn a_health_check_puts_an_endpoint_down_and_up_again() {
    let well = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&well);
    let one = Upstream::start(move |arrival| match arrival.target().as_str() {
        "/up" if !now.load(Ordering::SeqCst) => Answer::status(500),
        _ => echo(arrival),
    });
    let two = Upstream::echo();
    let health = "{ path: /up, every: 100ms, timeout: 5s }";
    let upstream = format!("{{ urls: {:?}, health: {health} }}", [one.url(), two.url()]);
    let gate = Setup::new("http://unused.invalid").key("upstream", &upstream).start();
    let down = gate.wait_message(0, |message, _| message == "upstream down: its health checks fail");
    assert_eq!(
        (&down["upstream"], &down["error"]),
        (&one.url().into(), &"/up answered 500".into()),
        "{down}"
    );
    assert_eq!((healthy(&gate, one.url()), state(&gate, one.url()).as_str()), (0, "down"));
    assert_eq!((healthy(&gate, two.url()), state(&gate, two.url()).as_str()), (1, "up"));
    for _ in 0..10 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "case")).status, 200);
    }
    assert_eq!((one.of_case("case").len(), two.of_case("case").len()), (0, 10));
    well.store(true, Ordering::SeqCst);
    gate.wait_message(0, |message, line| message == "upstream back" && line["upstream"] == one.url());
    for _ in 0..10 {
        assert_eq!(gate.ask(ADMITTED, &post("/", "case")).status, 200);
    }
    assert_eq!((one.of_case("case").len(), two.of_case("case").len()), (5, 15));
    let check = &one.arrivals()[0];
    assert_eq!((check.method(), check.target()), ("GET".to_owned(), "/up".to_owned()));
    assert_eq!(format!("http://{}", check.head.one("host").expect("a Host")), one.url());
    assert!(check.head.one("user-agent").is_some_and(|agent| agent.starts_with("nexmo-gate/")));
    assert_eq!(gate.events(20).len(), 20, "a check is no webhook: it has no event");
}

#[test]
fn checks_end_when_the_endpoint_leaves_the_config() {
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let with = |urls: &[&str]| format!("{{ urls: {urls:?}, health: {{ path: /up, every: 100ms }} }}");
    let setup = Setup::new("http://unused.invalid").key("upstream", &with(&[one.url(), two.url()]));
    let gate = setup.start();
    two.wait_arrivals(2);
    gate.setup.clone().key("upstream", &with(&[one.url()])).write_config();
    assert_eq!(gate.reload().0, 200);
    // The endpoint is forgotten within half a second. Twenty more checks of the other take two.
    one.wait_arrivals(one.arrivals().len() + 10);
    let last = two.arrivals().len();
    one.wait_arrivals(one.arrivals().len() + 10);
    assert_eq!(two.arrivals().len(), last);
}
