//! docs/platforms.md with what those platforms send: every block for the gate, each behind the addresses that it trusts, and
//! the header fields and health checks in the shape that the platform documents.

mod checks;
mod shapes;

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use self::shapes::{SHAPES, Shape};
use crate::fronts::network;
use crate::fronts::page::{Page, configured};
use crate::harness::proxy_header::v2;
use crate::harness::sender::transport::Protocol;
use crate::harness::test_ca::{Authority, HOST};
use crate::harness::tls::BOTH;
use crate::harness::{Gate, Sender, Setup, Upstream, request, sender};

const LISTED: &str = "192.0.2.2";
const STRANGER: &str = "192.0.2.3";
/// Some of what the two lists of the page would hold (cloudflare.com/ips-v4, service tag AzureFrontDoor.Backend).
const CLOUDFLARE: &str = "172.64.0.0/13\n162.158.0.0/15\n";
const FRONT_DOOR: &str = "147.243.0.0/16\n";

/// The gate of a section, with the test's own ports and paths, and how its senders speak.
fn gate_of(heading: &str, upstream: &Upstream) -> (Gate, Protocol) {
    let mut block = Page::section("platforms.md", heading).block("yaml", 0);
    for address in ["0.0.0.0:8080", "127.0.0.1:8080", "0.0.0.0:443", "0.0.0.0:9902"] {
        block = block.replace(address, "127.0.0.1:0");
    }
    let setup = Setup::new(upstream.url()).plainly();
    let setup = setup.range("test", &format!("{LISTED}/32\n"));
    let setup = setup.range("cloudflare", CLOUDFLARE).range("front-door", FRONT_DOOR);
    let mut protocol = Protocol::default();
    if block.contains("tls:") {
        let authority = Authority::new("Test CA");
        let pair = authority.pair(&[HOST]);
        let files = [
            ("fullchain.pem", &pair.chain),
            ("privkey.pem", &pair.key),
            ("origin-pull-ca.pem", &authority.pem),
        ];
        for (name, text) in files {
            setup.dir.write(name, text);
        }
        block = block.replace("/etc/nexmo-gate/tls", &setup.path().display().to_string());
        let own = authority.client("origin-pull", "us");
        protocol.tls = Some(Arc::new(authority.client_of(BOTH, Some(&own))));
    }
    (configured(setup, &block).start(), protocol)
}

/// The gate's address for probes, where the section has one.
fn metrics_of(gate: &Gate) -> SocketAddr {
    let ready = gate.wait_message(0, |message, _| message == "ready");
    ready["metrics"].as_str().and_then(|text| text.parse().ok()).expect("metrics.address")
}

impl Shape {
    /// A webhook of `client`, which says before anything else that it is `claimed`.
    fn request(&self, client: &str, claimed: &str) -> Vec<u8> {
        let fill = |value: &str| value.replace("{before}", claimed).replace("{client}", client);
        let lines: Vec<(&str, String)> =
            self.lines.iter().map(|(name, value)| (*name, fill(value))).collect();
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let bytes = request("POST", "/webhooks/x", &lines, b"{}");
        if self.proxy_header { [v2(client), bytes].concat() } else { bytes }
    }
}

fn shows_who_asks(shape: &Shape) {
    let upstream = Upstream::echo();
    let (gate, protocol) = gate_of(shape.heading, &upstream);
    let claimed =
        [String::new(), format!("{LISTED}, "), format!("{STRANGER}, "), format!("{LISTED},{STRANGER},")];
    let mut asked = 0;
    for before in &claimed {
        for (client, status) in [(LISTED, 200), (STRANGER, 403)] {
            let what = format!("{}: {client} after {before:?}", shape.heading);
            let stream = sender::tcp(shape.peer, gate.addr(), None).expect("a connection");
            let mut sender = Sender::speaking(&protocol, stream);
            sender.send(&shape.request(client, before));
            assert_eq!(sender.reply().status, status, "{what}");
            asked += 1;
            let event: &Value = &gate.events(asked)[asked - 1];
            assert_eq!(event["client_ip"], client, "{what}: {event}");
            assert_eq!(event["peer_ip"], shape.peer, "{what}: {event}");
            assert_eq!(event["note"].as_str().is_some(), status == 403, "{what}: {event}");
        }
    }
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), claimed.len());
    for arrival in arrivals {
        let head = &arrival.head;
        assert_eq!(head.one("x-real-ip").as_deref(), Some(LISTED), "{}", shape.heading);
        assert_eq!(head.one("x-forwarded-proto").as_deref(), Some(shape.scheme), "{}", shape.heading);
        assert_eq!(head.one("x-forwarded-host").as_deref(), Some("hooks.example"), "{}", shape.heading);
    }
}

#[test]
#[ignore = "needs root: make test-long"]
fn every_platforms_recipe_shows_who_asks() {
    network::alone("the recipes of docs/platforms.md", || {
        SHAPES.iter().for_each(shows_who_asks);
        let mut tried: Vec<&str> = SHAPES.iter().map(|shape| shape.heading).collect();
        tried.dedup();
        assert_eq!(
            tried,
            Page::headings("platforms.md", "```yaml\n"),
            "every recipe of the page, in its order"
        );
    });
}
