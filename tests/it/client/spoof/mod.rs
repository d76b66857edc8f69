//! Nobody but a trusted proxy names the client, by whatever header or line: every way to say it, from every kind of
//! peer, against what the verdict must be and what the application must be told.

mod headers;
mod proxy_header;

use std::collections::HashMap;

use crate::harness::gate::lines::requests;
use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Gate, PROXY, STRANGER, Setup, Upstream};

/// Addresses that a list admits, that none admits, and that are trusted proxies.
const LISTED: &str = "203.0.113.7";

const UNLISTED: &str = "192.0.2.66";

const TRUSTED: &str = "198.51.100.9";

/// What the peer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Stranger,
    Listed,
    Trusted,
}

const PEERS: [Peer; 3] = [Peer::Stranger, Peer::Listed, Peer::Trusted];

impl Peer {
    fn address(self) -> &'static str {
        match self {
            Self::Stranger => STRANGER,
            Self::Listed => ADMITTED,
            Self::Trusted => PROXY,
        }
    }
}

/// A gate behind trusted proxies, one of which is [`PROXY`].
fn behind_proxies(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url())
        .range("test", "127.0.0.2/32\n203.0.113.0/24\n")
        .trusts(&["127.0.0.10/32", "198.51.100.0/24"])
}

/// Asks, and compares status, client and what the application is told with what must be, and the log at the end.
struct Check<'a> {
    gate: Gate,
    upstream: &'a Upstream,
    asked: usize,
    arrived: usize,
    /// The request ids of what was served, with the client that each must have.
    served: Vec<(String, String)>,
    /// How often each reason must be in the log for what was not served.
    turned_away: HashMap<String, u64>,
}

impl<'a> Check<'a> {
    fn new(upstream: &'a Upstream) -> Self {
        Self::of(upstream, behind_proxies(upstream).without_tls().start())
    }

    fn of(upstream: &'a Upstream, gate: Gate) -> Self {
        Self { gate, upstream, asked: 0, arrived: 0, served: Vec::new(), turned_away: HashMap::new() }
    }

    /// The request must not be served.
    fn turns_away(&mut self, peer: Peer, bytes: &[u8], want: (u16, &str)) {
        let what = format!("{peer:?}: {}", String::from_utf8_lossy(bytes));
        assert_eq!(self.gate.ask(peer.address(), bytes).status, want.0, "{what}");
        assert!(self.upstream.arrivals_from(self.arrived).is_empty(), "{what}");
        *self.turned_away.entry(want.1.to_owned()).or_default() += 1;
        self.asked += 1;
    }

    /// The connection must be closed without a byte.
    fn hangs_up(&mut self, peer: Peer, bytes: &[u8]) {
        if let Some(mut sender) = self.gate.connect_unless_reset(peer.address()) {
            // It may be gone before everything is written.
            let _ = sender.try_send(bytes);
            assert_eq!(sender.rest(), b"", "{peer:?}: {}", String::from_utf8_lossy(bytes));
        }
        assert!(self.upstream.arrivals_from(self.arrived).is_empty());
        // A listed sender is told apart: its way into the listener is wrong, and not its address.
        let reason = if peer.address() == Peer::Listed.address() { "no_proxy_header" } else { "not_listed" };
        *self.turned_away.entry(reason.to_owned()).or_default() += 1;
        self.asked += 1;
    }

    /// The request must be served, for this client.
    fn serves(&mut self, peer: Peer, bytes: &[u8], client: &str) -> Arrival {
        let what = format!("{peer:?}: {}", String::from_utf8_lossy(bytes));
        assert_eq!(self.gate.ask(peer.address(), bytes).status, 200, "{what}");
        let mut arrivals = self.upstream.arrivals_from(self.arrived);
        assert_eq!(arrivals.len(), 1, "{what}");
        self.arrived += 1;
        self.asked += 1;
        let arrival = arrivals.remove(0);
        // A trusted proxy may name two requests alike; then the order tells them apart.
        self.served.push((arrival.head.one("x-request-id").expect("an id"), client.to_owned()));
        arrival
    }

    /// The log says the same. A flood of denials is summed up in it, with exact counts.
    fn finish(self, asked: usize) {
        assert_eq!(self.asked, asked);
        let events = self.gate.finish().events;
        let mut served = Vec::new();
        let mut turned_away: HashMap<String, u64> = HashMap::new();
        for event in &events {
            if event["outcome"] == "delivered" {
                let text = |key: &str| event[key].as_str().expect("text").to_owned();
                served.push((text("request_id"), text("client_ip")));
            } else {
                let reason = event["reason"].as_str().expect("reason").to_owned();
                *turned_away.entry(reason).or_default() += requests([event]);
            }
        }
        let mut wanted = self.served;
        served.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(served, wanted);
        assert_eq!(turned_away, self.turned_away);
    }
}

/// Every header by which some server somewhere believes to know the client.
const NAMES: [&str; 22] = [
    "X-Forwarded-For",
    "x-FORWARDED-for",
    "X_Forwarded_For",
    "X-Forwarded_For",
    "Forwarded",
    "X-Real-IP",
    "X_Real_IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "Client_IP",
    "Fastly-Client-IP",
    "CF-Connecting-IPv6",
    "X-Forwarded-Server",
    "X-Original-URL",
    "X-Envoy-External-Address",
    "X-Forwarded-Host",
    "X-Request-Id",
    "X-Nexmo-Gate-List",
    "X-Nexmo-Gate-Webhook",
    "X_Nexmo_Gate_List",
];

fn values() -> Vec<String> {
    let mut values = Vec::new();
    for address in [LISTED, UNLISTED, TRUSTED, "127.0.0.1"] {
        values.extend([
            address.to_owned(),
            format!("for={address}"),
            format!("for=\"{address}\";proto=https;by={TRUSTED}"),
            format!("{address}, {address}"),
            format!("::ffff:{address}"),
        ]);
    }
    values
}

/// Whether the gate reads the client from this header (or writes one of that name in its place).
fn is_chain(name: &str) -> bool {
    name.eq_ignore_ascii_case("x-forwarded-for")
}

/// Headers that some vendor's proxy vouches for pass from a trusted proxy, and from nobody else.
fn is_claim(name: &str) -> bool {
    let place = |wanted: &str| NAMES.iter().position(|name| *name == wanted).expect("a name");
    NAMES[place("True-Client-IP")..place("X-Forwarded-Host")].contains(&name)
}

/// A trusted proxy names the request, and the host that it was asked for.
fn is_proxys_word(name: &str) -> bool {
    matches!(name, "X-Forwarded-Host" | "X-Request-Id")
}

/// The application reads this client, once in each header of the gate, and nothing of what was forged.
fn assert_told(arrival: &Arrival, client: &str, forged: &[&str]) {
    let head = &arrival.head;
    let text = head.text();
    assert_eq!(head.one("x-real-ip").as_deref(), Some(client), "{text}");
    let chain = head.one("x-forwarded-for").expect("one X-Forwarded-For");
    assert_eq!(chain.split(',').next(), Some(client), "{text}");
    assert_eq!(head.one("x-nexmo-gate-list").as_deref(), Some("test"), "{text}");
    assert_eq!(head.one("x-nexmo-gate-webhook").as_deref(), Some("generic"), "{text}");
    for value in forged {
        assert!(!head.headers().iter().any(|(_, told)| told == value), "{value} in {text}");
    }
    let folded = head.headers().into_iter().map(|(name, _)| name.replace('_', "-"));
    let chains = folded.filter(|name| name == "x-forwarded-for").count();
    assert_eq!(chains, 1, "a server that folds underscores finds one chain: {text}");
}
