//! The delivery guard (success codes): what the sender hears for everything an upstream can say.

use std::collections::HashMap;
use std::thread;

use serde_json::Value;

use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{ADMITTED, Act, Answer, Gate, Setup, Upstream, get, post};

const KINDS: [&str; 12] = [
    "voice-answer",
    "voice-event",
    "voice-fallback",
    "sms-inbound",
    "sms-delivery-receipt",
    "short-code",
    "messages-inbound",
    "messages-status",
    "number-insight",
    "rtc-event",
    "verify",
    "generic",
];

/// What must come of one upstream status: the sender's status, outcome and reason of the event. Written out here a
/// second time on purpose, from the published rules and not from the gate's own table.
fn expected(kind: &str, status: u16) -> (u16, &'static str, &'static str) {
    let relayed = match kind {
        "messages-inbound" | "messages-status" => 200,
        "sms-inbound" | "sms-delivery-receipt" | "short-code" | "verify" if status != 204 => 200,
        _ => status,
    };
    match status {
        200..=205 => (relayed, "delivered", "success"),
        206..=299 => (503, "undelivered", "status"),
        300..=399 => (503, "undelivered", "redirect"),
        429 => (429, "undelivered", "too_many_requests"),
        400..=499 => (status, "refused", "client_error"),
        _ => (status, "undelivered", "server_error"),
    }
}

/// Answers `/anything/STATUS` with that status.
fn by_path(arrival: &Arrival) -> Answer {
    let target = arrival.target();
    match target.rsplit('/').next().and_then(|last| last.parse().ok()) {
        Some(status) => Answer::status(status),
        None => echo(arrival),
    }
}

#[test]
fn every_final_status_of_every_webhook_reaches_the_sender_as_the_table_says() {
    every_final_status_as_the_table_says(|setup| setup);
}

/// On the transport that `over` sets up.
pub fn every_final_status_as_the_table_says(over: impl FnOnce(Setup) -> Setup) {
    let upstream = Upstream::start(by_path);
    let routes: Vec<String> =
        KINDS.iter().map(|kind| format!("{{ path: /{kind}/*, webhook: {kind}, allow: [test] }}")).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let gate = over(Setup::new(upstream.url()).routes(&routes)).start();

    let rows: usize = thread::scope(|scope| {
        let senders: Vec<_> = KINDS
            .iter()
            .map(|kind| {
                let mut session = gate.session(ADMITTED);
                scope.spawn(move || {
                    for status in 200..600 {
                        let path = format!("/{kind}/{status}");
                        let reply = session.ask(&post(&path, &path));
                        let (want, ..) = expected(kind, status);
                        assert_eq!(reply.status, want, "{kind}: upstream said {status}");
                        if want == 503 && status != 503 {
                            assert_eq!(reply.header("retry-after").as_deref(), Some("5"), "{kind} {status}");
                        }
                        if matches!(status, 204 | 205) && want == 200 {
                            assert_eq!(
                                reply.header("content-length").as_deref(),
                                Some("0"),
                                "{kind} {status}"
                            );
                        }
                        if want == status && !matches!(status, 204 | 205 | 304) {
                            assert_eq!(reply.body, b"ok", "{kind} {status}: the body passes too");
                        }
                    }
                    400
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().expect("a sender")).sum()
    });
    assert_eq!(rows, 400 * 12);

    assert_eq!(upstream.arrivals().len(), rows, "each forwarded once");
    let finished = gate.finish();
    assert_eq!(finished.code, Some(0));
    assert_eq!(finished.events.len(), rows, "each logged once");
    let events: HashMap<&str, &Value> =
        finished.events.iter().map(|event| (event["path"].as_str().expect("path"), event)).collect();
    for kind in KINDS {
        for status in 200..600 {
            let event = events[format!("/{kind}/{status}").as_str()];
            let (sent, outcome, reason) = expected(kind, status);
            assert_eq!(event["webhook"], kind, "{event}");
            assert_eq!(event["upstream_status"], status, "{event}");
            assert_eq!(event["status"], sent, "{event}");
            assert_eq!(event["outcome"], outcome, "{event}");
            assert_eq!(event["delivered"], outcome == "delivered", "{event}");
            assert_eq!(event["reason"], reason, "{event}");
        }
    }
}

#[test]
fn interim_responses_are_dropped_and_the_final_one_counts() {
    let final_200 = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal";
    let rows: &[(&str, String, u16)] = &[
        ("103", format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{final_200}"), 200),
        ("100", format!("HTTP/1.1 100 Continue\r\n\r\n{final_200}"), 200),
        ("102", format!("HTTP/1.1 102 Processing\r\n\r\n{final_200}"), 200),
        ("199", format!("HTTP/1.1 199 Odd\r\n\r\n{final_200}"), 200),
        ("sixteen", format!("{}{final_200}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(16)), 200),
        ("seventeen", format!("{}{final_200}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17)), 503),
        ("101", format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n{final_200}"), 503),
        ("600", "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n".into(), 503),
        ("999", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n".into(), 503),
        ("099", "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n".into(), 503),
    ];
    let answers: HashMap<String, String> =
        rows.iter().map(|(n, bytes, _)| (format!("/{n}"), bytes.clone())).collect();
    let upstream = Upstream::start(move |arrival| {
        Answer::raw(answers[&arrival.target()].clone(), None).then(Act::Close)
    });
    let gate = Setup::new(upstream.url()).start();
    for (name, _, want) in rows {
        let reply = gate.ask(ADMITTED, &post(&format!("/{name}"), name));
        assert_eq!(reply.status, *want, "{name}");
        assert!(reply.interim.is_empty(), "{name}: interim responses stay here");
        if *want == 200 {
            assert_eq!(reply.body, b"real", "{name}");
        }
    }
    let events = gate.finish().events;
    assert_eq!(events.len(), 10);
    for (event, (name, _, want)) in events.iter().zip(rows) {
        let reason = if *want == 200 { "success" } else { "upstream_malformed" };
        assert_eq!(event["reason"], reason, "{name}: {event}");
        assert_eq!(event["delivered"], *want == 200, "{name}: {event}");
    }
}

/// One route with an extra key, one upstream status: what the sender hears and the event.
fn overridden(route: &str, status: u16) -> (u16, Option<String>, Value) {
    let upstream = Upstream::start(by_path);
    let gate = Setup::new(upstream.url()).routes(&[route]).start();
    let reply = gate.ask(ADMITTED, &post(&format!("/r/{status}"), "override"));
    (reply.status, reply.header("retry-after"), gate.event())
}

#[test]
fn a_route_may_narrow_what_counts_as_success() {
    let route = r#"{ path: "/r/*", webhook: generic, allow: [test], success: 200-202 }"#;
    for (status, want) in [(200, 200), (202, 202), (203, 503), (204, 503), (205, 503)] {
        let (sent, retry_after, event) = overridden(route, status);
        assert_eq!(sent, want, "upstream said {status}");
        assert_eq!(event["delivered"], want != 503, "{event}");
        assert_eq!(retry_after.as_deref(), (want == 503).then_some("5"));
    }
}

#[test]
fn client_errors_become_retryable_where_the_route_says_so() {
    let route = r#"{ path: "/r/*", webhook: generic, allow: [test], client_errors: retry }"#;
    for (status, want) in [(400, 503), (404, 503), (499, 503), (200, 200), (500, 500)] {
        let (sent, retry_after, event) = overridden(route, status);
        assert_eq!(sent, want, "upstream said {status}");
        assert_eq!(event["upstream_status"], status, "{event}");
        assert_eq!(event["delivered"], status == 200, "{event}");
        assert_eq!(retry_after.as_deref(), (want == 503).then_some("5"));
    }
}

#[test]
fn server_errors_become_503_where_the_route_says_so() {
    let route = r#"{ path: "/r/*", webhook: voice-answer, allow: [test], server_errors: retry }"#;
    for (status, want) in [(500, 503), (502, 503), (504, 503), (599, 503), (200, 200), (404, 404)] {
        let (sent, retry_after, event) = overridden(route, status);
        assert_eq!(sent, want, "upstream said {status}");
        assert_eq!(event["upstream_status"], status, "{event}");
        assert_eq!(event["delivered"], status == 200, "{event}");
        assert_eq!(retry_after.as_deref(), (want == 503).then_some("5"));
    }
}

#[test]
fn the_routes_deadline_ends_the_wait_with_504() {
    let upstream = Upstream::start(|_| Answer::broken([Act::Hold]));
    let gate = Setup::new(upstream.url())
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 300ms }"#])
        .start();
    let reply = gate.ask(ADMITTED, &post("/slow", "slow"));
    assert_eq!(reply.status, 504);
    let event = gate.event();
    assert_eq!((&event["outcome"], &event["reason"]), (&"undelivered".into(), &"deadline".into()), "{event}");
    let took = event["duration_ms"].as_f64().expect("duration_ms");
    assert!((290.0..2000.0).contains(&took), "300 ms were asked for: {event}");
    assert_eq!(upstream.of_case("slow").len(), 1, "a time-out is never resent");
}

#[test]
fn a_unix_socket_upstream_is_served_like_any_other() {
    let scratch = Setup::new("http://127.0.0.1:1");
    let upstream = Upstream::start_unix(&scratch.path().join("app.sock"), echo);
    let gate: Gate = scratch.key("upstream", &format!("{:?}", upstream.url())).start();
    let reply = gate.ask(ADMITTED, &get("/over/unix"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "/over/unix"));
    assert_eq!(gate.event()["delivered"], true);
}
