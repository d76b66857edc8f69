//! Nobody but a trusted proxy names the client, by whatever header or line: every way to say it, from every kind of
//! peer, against what the verdict must be and what the application must be told.

use std::collections::HashMap;

use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Gate, STRANGER, Sender, Setup, Upstream, request};

const PROXY: &str = "127.0.0.10";
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
        .key("trusted_proxies", r#"["127.0.0.10/32", "198.51.100.0/24"]"#)
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
        if let Some(mut sender) = Sender::connect_unless_reset(peer.address(), self.gate.addr()) {
            // It may be gone before everything is written.
            let _ = sender.try_send(bytes);
            assert_eq!(sender.rest(), b"", "{peer:?}: {}", String::from_utf8_lossy(bytes));
        }
        assert!(self.upstream.arrivals_from(self.arrived).is_empty());
        *self.turned_away.entry("not_listed".to_owned()).or_default() += 1;
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
                *turned_away.entry(reason).or_default() += event["suppressed"].as_u64().unwrap_or(1);
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

#[test]
fn no_header_of_an_untrusted_peer_names_the_client_or_reaches_the_application() {
    let upstream = Upstream::echo();
    let mut check = Check::new(&upstream);
    for name in NAMES {
        for value in values() {
            for copies in [1, 3] {
                let bytes = request("POST", "/hook", &vec![(name, value.as_str()); copies], b"x");
                check.turns_away(Peer::Stranger, &bytes, (403, "not_listed"));
                let arrival = check.serves(Peer::Listed, &bytes, ADMITTED);
                assert_told(&arrival, ADMITTED, &[&value]);
            }
        }
    }
    check.finish(22 * 20 * 2 * 2);
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

#[test]
fn behind_a_trusted_proxy_only_the_chain_names_the_client() {
    let upstream = Upstream::echo();
    let mut check = Check::new(&upstream);
    let others: Vec<&str> = NAMES.into_iter().filter(|name| !is_chain(name)).collect();
    for name in &others {
        for value in values() {
            for copies in [1, 3] {
                let forged = vec![(*name, value.as_str()); copies];
                // Without a chain nobody is named, whatever else is said.
                let alone = request("POST", "/hook", &forged, b"x");
                check.turns_away(Peer::Trusted, &alone, (403, "no_client"));
                let with = |client: &'static str| {
                    let mut headers = forged.clone();
                    headers.insert(copies / 2, ("X-Forwarded-For", client));
                    request("POST", "/hook", &headers, b"x")
                };
                check.turns_away(Peer::Trusted, &with(UNLISTED), (403, "not_listed"));
                check.turns_away(Peer::Trusted, &with(TRUSTED), (403, "no_client"));
                let arrival = check.serves(Peer::Trusted, &with(LISTED), LISTED);
                let is_kept = is_claim(name) || is_proxys_word(name) || value == LISTED;
                let words: &[&str] = if is_kept { &[] } else { &[&value] };
                assert_told(&arrival, LISTED, words);
            }
        }
    }
    check.finish(20 * 20 * 2 * 4);
}

/// A trusted proxy names the request, and the host that it was asked for.
fn is_proxys_word(name: &str) -> bool {
    matches!(name, "X-Forwarded-Host" | "X-Request-Id")
}

#[test]
fn lines_of_one_chain_are_walked_as_one_from_the_right() {
    let upstream = Upstream::echo();
    let mut check = Check::new(&upstream);
    let hops = [LISTED, UNLISTED, TRUSTED];
    // Every chain of up to four hops over up to four lines, against the rule in its plainest words.
    for length in 1..=4usize {
        for number in 0..3usize.pow(u32::try_from(length).expect("small")) {
            let chain: Vec<&str> = (0..length)
                .map(|at| hops[number / 3usize.pow(u32::try_from(at).expect("small")) % 3])
                .collect();
            for lines in [1, length] {
                let texts: Vec<String> = chain.chunks(length / lines).map(|part| part.join(", ")).collect();
                let headers: Vec<(&str, &str)> =
                    texts.iter().map(|text| ("X-Forwarded-For", text.as_str())).collect();
                let bytes = request("POST", "/hook", &headers, b"x");
                match chain.iter().rev().find(|hop| **hop != TRUSTED) {
                    None => check.turns_away(Peer::Trusted, &bytes, (403, "no_client")),
                    Some(&UNLISTED) => check.turns_away(Peer::Trusted, &bytes, (403, "not_listed")),
                    Some(_) => {
                        let told = check.serves(Peer::Trusted, &bytes, LISTED).head.one("x-forwarded-for");
                        let via = chain.iter().rev().take_while(|hop| **hop == TRUSTED).count();
                        let wanted: Vec<&str> =
                            [LISTED].into_iter().chain(vec![TRUSTED; via]).chain([PROXY]).collect();
                        assert_eq!(told, Some(wanted.join(", ")), "{chain:?}");
                    }
                }
            }
        }
    }
    check.finish((3 + 9 + 27 + 81) * 2);
}

#[test]
fn connection_cannot_take_away_what_the_gate_says() {
    let upstream = Upstream::echo();
    let mut check = Check::of(&upstream, behind_proxies(&upstream).http1().start());
    for name in NAMES.into_iter().chain(["Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Content-Length"]) {
        for option in
            [name.to_owned(), format!("close, {name}"), format!("keep-alive,{}", name.to_lowercase())]
        {
            for peer in PEERS {
                let headers = [("Connection", option.as_str()), ("X-Forwarded-For", LISTED)];
                let bytes = request("POST", "/hook", &headers, b"x");
                let want = if peer == Peer::Stranger { (403, "not_listed") } else { (400, "bad_connection") };
                check.turns_away(peer, &bytes, want);
            }
        }
    }
    check.finish(26 * 3 * 3);
}

/// A PROXY header that nobody asked for: version 1, and version 2 with its signature, for TCP over IPv4.
fn proxy_headers() -> Vec<Vec<u8>> {
    let mut version_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    version_2.extend([203, 0, 113, 7, 127, 0, 0, 1, 0x12, 0x34, 0x00, 0x50]);
    vec![
        format!("PROXY TCP4 {LISTED} 127.0.0.1 4660 80\r\n").into_bytes(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        format!("PROXY TCP6 ::ffff:{LISTED} ::1 4660 80\r\n").into_bytes(),
        version_2,
        b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00".to_vec(),
    ]
}

#[test]
fn a_proxy_header_on_a_listener_that_speaks_none_is_only_an_odd_request() {
    let upstream = Upstream::echo();
    let mut check = Check::of(&upstream, behind_proxies(&upstream).http1().start());
    for header in proxy_headers() {
        for peer in PEERS {
            let bytes =
                [header.clone(), request("POST", "/hook", &[("X-Forwarded-For", LISTED)], b"x")].concat();
            let want = if peer == Peer::Stranger { (403, "not_listed") } else { (400, "malformed_head") };
            check.turns_away(peer, &bytes, want);
        }
    }
    check.finish(5 * 3);
}

/// RFC 7239 chosen: it takes the place of X-Forwarded-For, which is nobody's word then.
#[test]
fn with_forwarded_chosen_nothing_else_names_the_client() {
    let upstream = Upstream::echo();
    let gate = behind_proxies(&upstream).key("forwarded_header", "forwarded").start();
    let mut check = Check::of(&upstream, gate);
    let others: Vec<&str> = NAMES.into_iter().filter(|name| *name != "Forwarded").collect();
    for name in &others {
        for value in values() {
            let forged = (*name, value.as_str());
            let alone = request("POST", "/hook", &[forged], b"x");
            check.turns_away(Peer::Stranger, &alone, (403, "not_listed"));
            check.turns_away(Peer::Trusted, &alone, (403, "no_client"));
            let own = check.serves(Peer::Listed, &alone, ADMITTED);
            assert_told(&own, ADMITTED, &[&value]);
            let with = |client: &str| {
                let element = format!("for={client}");
                request("POST", "/hook", &[forged, ("Forwarded", &element), forged], b"x")
            };
            check.turns_away(Peer::Stranger, &with(LISTED), (403, "not_listed"));
            check.turns_away(Peer::Trusted, &with(UNLISTED), (403, "not_listed"));
            check.turns_away(Peer::Trusted, &with(TRUSTED), (403, "no_client"));
            check.turns_away(Peer::Trusted, &with("unknown"), (403, "bad_chain"));
            check.turns_away(Peer::Trusted, &with("_hidden"), (403, "bad_chain"));
            let arrival = check.serves(Peer::Trusted, &with(LISTED), LISTED);
            let is_kept = is_claim(name) || is_proxys_word(name) || value == LISTED;
            let words: &[&str] = if is_kept { &[] } else { &[&value] };
            assert_told(&arrival, LISTED, words);
            let told = arrival.head.one("forwarded").expect("one Forwarded");
            assert!(told.starts_with(&format!("for={LISTED};")), "{told}");
        }
    }
    check.finish(21 * 20 * 9);
}

/// A listener that speaks PROXY: the source that a trusted proxy names wrote the request, and names nobody else unless
/// it is a trusted proxy too.
#[test]
fn behind_a_proxy_header_what_its_source_writes_names_nobody() {
    let upstream = Upstream::echo();
    let listen = r#"[{ address: "127.0.0.1:0", proxy_protocol: true }]"#;
    let mut check = Check::of(&upstream, behind_proxies(&upstream).key("listen", listen).start());
    let version_1 = |source: &str| format!("PROXY TCP4 {source} 127.0.0.1 4660 80\r\n").into_bytes();
    let version_2 = |source: &str| {
        let source: std::net::Ipv4Addr = source.parse().expect("an address");
        let head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".as_slice();
        [head, &source.octets(), &[127, 0, 0, 1, 0x12, 0x34, 0x00, 0x50]].concat()
    };
    for version in [1, 2] {
        let header = |source: &str| if version == 1 { version_1(source) } else { version_2(source) };
        for name in NAMES {
            for value in values() {
                let http = request("POST", "/hook", &[(name, value.as_str()), (name, value.as_str())], b"x");
                let from = |source: &str| [header(source), http.clone()].concat();
                let arrival = check.serves(Peer::Trusted, &from(LISTED), LISTED);
                let words: &[&str] = if value == LISTED { &[] } else { &[&value] };
                assert_told(&arrival, LISTED, words);
                check.turns_away(Peer::Trusted, &from(UNLISTED), (403, "not_listed"));
                if !is_chain(name) {
                    check.turns_away(Peer::Trusted, &from(TRUSTED), (403, "no_client"));
                }
            }
        }
        // Nobody else may speak it, whomever it names, nor leave it out.
        let http = request("POST", "/hook", &[("X-Forwarded-For", LISTED)], b"x");
        for peer in [Peer::Stranger, Peer::Listed] {
            for source in [LISTED, UNLISTED, TRUSTED, ADMITTED] {
                check.hangs_up(peer, &[header(source), http.clone()].concat());
            }
            check.hangs_up(peer, &http);
        }
    }
    check.finish(2 * (22 * 20 * 2 + 20 * 20 + 2 * 5));
}
