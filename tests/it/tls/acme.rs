//! The passage for ACME challenges.

use std::os::unix::fs::symlink;

use super::*;
use crate::harness::gate::lines::requests;
use crate::harness::{STRANGER, Upstream, request};

const TOKEN: &str = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
const CONTENT: &str =
    "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";

fn path(token: &str) -> String {
    format!("/.well-known/acme-challenge/{token}")
}

/// The first listener has the passage, the second one does not.
fn start(upstream: &Upstream) -> Gate {
    let setup = Setup::new(upstream.url());
    setup.dir.write(&format!("acme/{TOKEN}"), CONTENT);
    setup.dir.write("secret", "secret");
    symlink(setup.path().join("secret"), setup.path().join("acme/link")).expect("a link");
    setup.dir.write("acme/large", &"a".repeat(5000));
    setup
        .key("listen", r#"[{ address: "127.0.0.1:0", acme_challenges: acme }, { address: "127.0.0.1:0" }]"#)
        .start()
}

#[test]
fn anybody_is_shown_a_challenge_and_nothing_else() {
    let upstream = Upstream::echo();
    let gate = start(&upstream);
    let reply = gate.ask(STRANGER, &get(&path(TOKEN)));
    assert_eq!((reply.status, reply.text().as_str()), (200, CONTENT));
    let mut sender = gate.connect(STRANGER);
    sender.send(&request("HEAD", &path(TOKEN), &[], b""));
    let head = sender.reply_to_head();
    assert_eq!((head.status, head.header("content-length")), (200, Some(CONTENT.len().to_string())));

    let elsewhere = crate::harness::sender::ask(STRANGER, gate.addr_of(1), &get(&path(TOKEN)));
    assert_eq!(elsewhere.status, 403, "the passage is the first listener's");
    let refused = [
        request("POST", &path(TOKEN), &[], b"{}"),
        request("PUT", &path(TOKEN), &[], b"{}"),
        request("GET", &path(TOKEN), &[], b"body"),
        get(&format!("{}?x=1", path(TOKEN))),
        get(&path("missing")),
        get(&path("link")),
        get(&path("large")),
        get(&path("")),
        get(&path("../secret")),
        get(&path("%2e%2e%2fsecret")),
        get(&path(&format!("a/../{TOKEN}"))),
        get(&format!("/{}", path(TOKEN))),
        get("/.well-known/acme-challenge"),
        get("/hook"),
    ];
    for bytes in &refused {
        let reply = gate.ask(STRANGER, bytes);
        assert_eq!(reply.status, 403, "{}", String::from_utf8_lossy(bytes));
        assert!(!reply.text().contains("secret"));
    }
    assert!(upstream.arrivals().is_empty());
    let events = gate.finish().events;
    assert_eq!(events.len(), 3 + refused.len());
    // Lines of different connections may change places.
    let shown: Vec<_> = events.iter().filter(|event| event["outcome"] == "served").collect();
    assert_eq!(shown.len(), 2, "{events:?}");
    for event in shown {
        assert_eq!((&event["outcome"], &event["reason"]), (&"served".into(), &"acme".into()), "{event}");
        assert_eq!((&event["status"], &event["delivered"]), (&200.into(), &false.into()), "{event}");
        assert_eq!((&event["path"], &event["client_ip"]), (&path(TOKEN).into(), &STRANGER.into()), "{event}");
    }
    let denied = events.iter().filter(|event| event["reason"] == "not_listed").count();
    assert_eq!(denied, 1 + refused.len(), "{events:?}");
}

#[test]
fn a_flood_of_challenges_is_summed_up_and_none_is_lost() {
    const FLOOD: u64 = 1500;
    let upstream = Upstream::echo();
    let gate = start(&upstream);
    let mut session = gate.session(STRANGER);
    for _ in 0..FLOOD {
        assert_eq!(session.ask(&get(&path(TOKEN))).text(), CONTENT);
    }
    let counted = |events: &[serde_json::Value]| -> u64 {
        requests(events.iter().filter(|event| event["outcome"] == "served" && event["reason"] == "acme"))
    };
    gate.events_until(|events| counted(events) >= FLOOD);
    let events = gate.finish().events;
    assert_eq!(counted(&events), FLOOD);
    assert!(events.iter().any(|event| event["suppressed"].is_u64()), "{} lines", events.len());
}

#[test]
fn a_path_that_is_no_challenge_goes_the_way_of_every_request() {
    let upstream = Upstream::echo();
    let gate = start(&upstream);
    // The application may serve challenges too; the gate's own files come first.
    assert_eq!(gate.ask(ADMITTED, &get(&path("theirs"))).text(), path("theirs"));
    assert_eq!(gate.ask(ADMITTED, &get(&path(TOKEN))).text(), CONTENT);
    // A folder that comes and goes, as certbot's does.
    std::fs::remove_dir_all(gate.setup.path().join("acme")).expect("the folder");
    assert_eq!(gate.ask(STRANGER, &get(&path(TOKEN))).status, 403);
    gate.setup.dir.write(&format!("acme/{TOKEN}"), "again");
    assert_eq!(gate.ask(STRANGER, &get(&path(TOKEN))).text(), "again");
}

#[test]
fn a_challenge_is_served_over_tls_too() {
    let upstream = Upstream::echo();
    let (setup, authority) = usual(upstream.url(), "");
    setup.dir.write(&format!("acme/{TOKEN}"), CONTENT);
    let listen = r#"[{ address: "127.0.0.1:0", acme_challenges: acme, tls: { certificate: chain.pem, key: key.pem } }]"#;
    let gate = setup.key("listen", listen).start();
    let mut sender = sender(STRANGER, gate.addr(), &std::sync::Arc::new(authority.client_config()), HOST);
    sender.send(&get(&path(TOKEN)));
    assert_eq!(sender.reply().text(), CONTENT);
    assert_eq!(gate.event()["tls"], true);
}
