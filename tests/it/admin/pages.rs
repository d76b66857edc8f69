//! What the admin pages answer.

use crate::harness::{ADMITTED, Setup, Upstream, post, wait_until};

#[test]
fn the_admin_pages_answer() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    assert_eq!(gate.ask(ADMITTED, &post("/hook", "one")).status, 200);
    gate.events(1);
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/status?format=json", 200),
        ("GET", "/nothing", 404),
        ("GET", "/reload", 405),
        ("POST", "/healthz", 405),
    ] {
        assert_eq!(gate.admin(method, path).status, status, "{method} {path}");
    }
    let status = gate.status();
    assert_eq!(status["generation"], 1, "{status}");
    let counted = |page: &str| page.lines().any(|line| line.contains("delivered") && line.ends_with(" 1"));
    let metrics = || gate.admin("GET", "/metrics").text();
    wait_until(|| counted(&metrics()), metrics);
    assert_eq!(upstream.arrivals().len(), 1, "admin requests stay here");
    assert_eq!(gate.finish().events.len(), 1, "and out of the access log");
}
