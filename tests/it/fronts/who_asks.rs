//! Every sender is judged by the address that it has and answered as the gate says; the application hears who asked and
//! how, whatever the sender claims.

use super::front::LOOPBACK;
use super::stand::{Recipe, Stand};
use crate::harness::upstream::Arrival;
use crate::harness::upstream::script::echo;
use crate::harness::{Act, Answer, request};

/// An address that nobody has and no list admits.
const NOBODY: &str = "198.51.100.99";
const EVIL: &str = "evil.example";

/// What a sender may say of itself: that it is `listed`, or nobody, or a trusted proxy, and how it came.
fn claims(listed: &str) -> Vec<Vec<(&'static str, String)>> {
    let mut all = vec![vec![]];
    for name in [listed, LOOPBACK, NOBODY] {
        all.push(vec![("X-Forwarded-For", name.to_owned())]);
        all.push(vec![("X-Forwarded-For", format!("{name}, {LOOPBACK}"))]);
        all.push(vec![("X-Forwarded-For", LOOPBACK.to_owned()), ("X-Forwarded-For", format!("{name},"))]);
        all.push(vec![
            ("X-Real-IP", name.to_owned()),
            ("Forwarded", format!("for={name};proto=http;host={EVIL}")),
        ]);
    }
    all.push(vec![("X-Forwarded-Proto", "http".to_owned()), ("X-Forwarded-Host", EVIL.to_owned())]);
    all.push(vec![("X-Forwarded-Proto", "http, http".to_owned()), ("X-Forwarded-Ssl", "off".to_owned())]);
    all
}

/// One path of which the application never answers completely.
fn application(arrival: &Arrival) -> Answer {
    if arrival.target() == "/webhooks/broken" {
        return Answer::cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", Act::Close);
    }
    echo(arrival)
}

/// `None` where the machine does not have the proxy.
pub fn shown_by(recipe: &'static Recipe) {
    let Some(stand) = Stand::of(recipe, application) else { return };
    let (listed, stranger) = (recipe.people.admitted, recipe.people.stranger);
    let target = "/webhooks/a%20b?url=https://x";
    // Who waited for the proxy was the first.
    let mut asked = 1;
    let claims = claims(listed);
    for claim in &claims {
        let lines: Vec<(&str, &str)> = claim.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for (from, status) in [(stranger, 403), (listed, 200)] {
            let reply = stand.front.session(from).ask(&request("POST", target, &lines, b"{}"));
            assert_eq!(reply.status, status, "{from}: {claim:?}");
            asked += 1;
            let event = stand.gate.events(asked)[asked - 1].clone();
            assert_eq!(event["client_ip"], from, "{claim:?}: {event}");
            assert_eq!(event["peer_ip"], LOOPBACK, "{event}");
        }
    }
    let arrivals = stand.upstream.arrivals();
    assert_eq!(arrivals.len(), claims.len());
    for (arrival, claim) in arrivals.iter().zip(&claims) {
        let head = &arrival.head;
        assert_eq!(arrival.target(), target, "as the sender wrote it");
        assert_eq!(head.one("x-real-ip").as_deref(), Some(listed), "{claim:?}");
        assert_eq!(head.one("x-forwarded-proto").as_deref(), Some("https"), "{claim:?}");
        assert_eq!(head.one("x-forwarded-host").as_deref(), Some("hooks.example"), "{claim:?}");
        let chain = head.one("x-forwarded-for").unwrap_or_default();
        assert!(chain.starts_with(listed), "{claim:?}: {chain}");
        for word in [NOBODY, EVIL] {
            assert!(!head.text().contains(word), "{claim:?}: {}", head.text());
        }
    }
    // The gate's own answer arrives as it is, with its words for the sender.
    let reply = stand.front.session(listed).ask(&request("POST", "/webhooks/broken", &[], b"{}"));
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").is_some(), "{}", reply.head.text());
    assert!(!reply.text().contains('<'), "a page of the proxy: {}", reply.text());
    let Stand { front, gate, .. } = stand;
    gate.finish();
    let reply = front.session(listed).try_ask(&request("POST", "/webhooks/x", &[], b"{}"));
    let status = reply.ok().map(|reply| reply.status);
    assert_eq!(status, recipe.speaks_http.then_some(503), "without a gate: what Voice sends again");
}
