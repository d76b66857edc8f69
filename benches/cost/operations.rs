//! The operations that are counted and timed: each name, and how it is made ready to run.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::Instant;

use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;

use nexmo_gate::exports::client_ip::{self, Client, ForwardedHeader, Origin};
use nexmo_gate::exports::delivery::{self, OnError, Rules};
use nexmo_gate::exports::forward::{self, Own};
use nexmo_gate::exports::signature::{Message, Method, bound, judge, vouch};
use nexmo_gate::exports::{
    AccessLog, Address, Destination, Event, Facts, Form, Host, LineSink, PathPattern, PrefixSet, Progress,
    ReadBuffer, Reason, RouteTable, Scan, ambiguity, parse_head, provider,
};

// By its path: another bench has this file under another name.
#[path = "../signed/mod.rs"]
pub mod signed;

/// Runs an operation so many times.
type Runner = Box<dyn FnMut(usize)>;

/// One row: what it is called, and how it is made ready. What is made is not measured.
pub struct Operation {
    pub name: &'static str,
    pub make: fn() -> Runner,
}

pub const ALL: [Operation; 18] = [
    row("lookup in 10, hit", || lookup(10, true)),
    row("lookup in 10, miss", || lookup(10, false)),
    row("lookup in 10,000, hit", || lookup(10_000, true)),
    row("lookup in 10,000, miss", || lookup(10_000, false)),
    row("client address, peer alone", || walk(0)),
    row("client address, 1 hop", || walk(1)),
    row("client address, 5 hops", || walk(5)),
    row("client address, 20 hops", || walk(20)),
    row("route among 3", || route(3)),
    row("route among 50", || route(50)),
    row("path judged", path_judged),
    row("delivery decision", delivery_decision),
    row("head of a webhook judged", head_judged),
    row("head for the upstream written", head_written),
    row("access-log line", access_log_line),
    row("token judged from the head", token_judged),
    row("body of a token compared", body_compared),
    row("signed SMS judged", sms_judged),
];

const fn row(name: &'static str, make: fn() -> Runner) -> Operation {
    Operation { name, make }
}

/// The loop is compiled with the operation in it: calling a box each time would be a part of the figure.
fn repeated<T>(mut operation: impl FnMut(usize) -> T + 'static) -> Runner {
    Box::new(move |count| {
        for number in 0..count {
            black_box(operation(black_box(number)));
        }
    })
}

/// Numbers without a pattern that a branch predictor could learn, and without a table that a cache could hold.
fn scattered(number: usize) -> u64 {
    let mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20
}

/// `count` prefixes of 16 addresses, spread over all of IPv4; those asked for are in any of them, or behind it.
pub fn lookup(count: u32, hit: bool) -> Runner {
    let spacing = u32::MAX / count;
    let first = move |place: u32| (place * spacing) & !15;
    let net = |place| IpNet::V4(Ipv4Net::new(Ipv4Addr::from(first(place)), 28).unwrap());
    let nets: Vec<IpNet> = (0..count).map(net).collect();
    let set = PrefixSet::new(&nets);
    let offset = if hit { 0 } else { 16 };
    let address = move |number| {
        let any = scattered(number);
        // A share of the way, without the division that would be a part of the figure.
        let place = u32::try_from(((any & 0xffff_ffff) * u64::from(count)) >> 32).unwrap_or(0);
        let within = u32::try_from(any >> 32 & 15).unwrap_or(0);
        Address::new(IpAddr::V4(Ipv4Addr::from(first(place) + offset + within)))
    };
    assert!((0..1000).all(|number| set.find(address(number)).is_some() == hit), "hits hit and misses miss");
    repeated(move |number| set.find(address(number)))
}

/// A forwarding chain of so many hops, all but the first of them trusted.
fn walk(hops: usize) -> Runner {
    let trusted = PrefixSet::new(&["10.0.0.0/8".parse().unwrap()]);
    let client: Address = address("203.0.113.7");
    let peer = if hops == 0 { client } else { address("10.9.9.9") };
    let chain = (1..hops).fold("203.0.113.7".to_owned(), |chain, hop| format!("{chain}, 10.1.2.{hop}"));
    let resolve = move |trusted: &PrefixSet, line: &[u8]| {
        let lines = std::iter::once(line).filter(|line| !line.is_empty());
        client_ip::resolve(peer, Origin::Peer, trusted, ForwardedHeader::XForwardedFor, lines)
    };
    let line = if hops == 0 { Vec::new() } else { chain.into_bytes() };
    assert_eq!(resolve(&trusted, &line).expect("a client").address, client);
    repeated(move |_| resolve(&trusted, black_box(&line)))
}

fn address(text: &str) -> Address {
    Address::new(text.parse().unwrap())
}

/// The last of so many routes, as many as the shipped configuration or more.
fn route(count: usize) -> Runner {
    let paths: Vec<PathPattern> =
        (0..count).map(|n| PathPattern::parse(&format!("/webhooks/number-{n:02}")).unwrap()).collect();
    let table = RouteTable::new(paths.iter().map(|path| (None, path)));
    let path = format!("/webhooks/number-{:02}", count - 1).into_bytes();
    assert_eq!(table.find(Host::read(b"hooks.example.org"), &path), Some(count - 1));
    // The host is read with the other facts of a head.
    let host = Host::read(b"hooks.example.org:8443");
    // As for every path in which nothing is encoded.
    repeated(move |_| table.find_as_written(black_box(host), black_box(&path)))
}

fn path_judged() -> Runner {
    let path = b"/webhooks/inbound-message";
    assert_eq!(ambiguity(path), None);
    repeated(move |_| ambiguity(black_box(path)))
}

/// Every status that an application may answer with, one after the other.
fn delivery_decision() -> Runner {
    let sms = provider::DEFAULT.webhook("sms-inbound").unwrap();
    let rules = Rules { client_errors: OnError::Retry, ..Rules::of(sms) };
    assert_eq!(delivery::relay(204, rules).status, 204);
    repeated(move |number| {
        delivery::relay(u16::try_from(200 + number % 400).unwrap_or(200), black_box(rules))
    })
}

/// A webhook as the vendor sends it, from the samples that the tests use, with a token and what an HTTP
/// library adds.
fn webhook() -> Vec<u8> {
    let file: Value = serde_json::from_str(include_str!("../../tests/fixtures/webhooks.json")).unwrap();
    let sample = &file["samples"]["messages-inbound"];
    let word = |key: &str| sample[key].as_str().unwrap();
    let fields = sample["headers"].as_object().unwrap().iter();
    let fields: Vec<String> =
        fields.map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap())).collect();
    let token = format!("{}.{}.{}", "a".repeat(36), "b".repeat(300), "c".repeat(342));
    format!(
        "{} {} HTTP/1.1\r\nHost: hooks.example.org\r\n{}Authorization: Bearer {token}\r\n\
         User-Agent: Nexmo/MessagingHUB/v1.0\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n\
         Content-Length: {}\r\n\r\n",
        word("method"),
        word("target"),
        fields.concat(),
        word("body").len(),
    )
    .into_bytes()
}

fn head_judged() -> Runner {
    let bytes = webhook();
    repeated(move |_| {
        let mut inbox = ReadBuffer::of(bytes.clone());
        let Progress::Whole(len) = Scan::default().advance(&mut inbox, 16 << 10) else { panic!("no head") };
        let head = parse_head(&inbox.unread()[..len]).expect("a head");
        Facts::read(&head).expect("a request that can be served").path.len()
    })
}

fn head_written() -> Runner {
    let bytes = webhook();
    let client = Client { address: address("203.0.113.7"), via: Vec::new() };
    repeated(move |_| {
        let head = parse_head(&bytes).expect("a head");
        let own = Own {
            client: &client,
            believed: false,
            header: ForwardedHeader::XForwardedFor,
            host: b"hooks.example.org",
            forwarded_host: b"hooks.example.org",
            proto: "https",
            request_id: b"0123456789abcdef0123456789abcdef",
            list: Some("messages"),
            webhook: "messages-inbound",
            client_cert: None,
            signature: None,
            account: None,
            repeat: false,
        };
        let mut out = Vec::with_capacity(1024);
        forward::write_request_head(&mut out, head.method(), head.target(), head.fields(), b"", own);
        out
    })
}

fn access_log_line() -> Runner {
    // No writer: its work is not the request's.
    let log = AccessLog::new(LineSink::open(Destination::Off).unwrap(), Form::Json);
    let (client, began) = (address("203.0.113.7"), Instant::now());
    repeated(move |number| {
        log.write(&Event {
            request_id: b"0123456789abcdef0123456789abcdef",
            reason: Reason::Success,
            client: Some(client),
            peer: client,
            list: Some("messages"),
            prefix: Some("203.0.113.0/24".parse().unwrap()),
            route: Some("/webhooks/inbound-message"),
            webhook: Some("messages-inbound"),
            method: b"POST",
            path: b"/webhooks/inbound-message",
            status: Some(200),
            upstream_status: Some(200),
            attempts: 1,
            bytes_in: 390,
            bytes_out: 15,
            began,
            ended: None,
            duration: Duration::from_nanos(number as u64 * 1000),
            upstream: Some(Duration::from_micros(731)),
            generation: 1,
            tls: true,
            http: Some("1.1"),
            would_deny: None,
            client_cert: None,
            signature: None,
            note: None,
        });
    })
}

/// A body of 390 bytes, as the other measurements have it.
fn body() -> Vec<u8> {
    let text = "x".repeat(390 - r#"{"text":""}"#.len());
    format!(r#"{{"text":"{text}"}}"#).into_bytes()
}

fn post<'m>(content_type: &'m [u8], body: &'m [u8]) -> Message<'m> {
    Message { method: b"POST", query: b"", content_type: Some(content_type), has_more_types: false, body }
}

fn token_judged() -> Runner {
    let (rules, bearer) = (signed::rules(Method::Md5Hash), signed::bearer(&body()));
    let judge = move || {
        let value = black_box(&bearer);
        let values = |name| (name == "authorization").then_some(&value[..]).into_iter();
        vouch(&rules, signed::NOW, values)
    };
    assert!(judge().is_ok());
    repeated(move |_| judge())
}

fn body_compared() -> Runner {
    let (rules, body) = (signed::rules(Method::Md5Hash), body());
    let bearer = signed::bearer(&body);
    let values = |name| (name == "authorization").then_some(&bearer[..]).into_iter();
    let vouched = vouch(&rules, signed::NOW, values).unwrap();
    assert!(bound(&vouched, &post(b"application/json", &body)).is_ok());
    repeated(move |_| bound(&vouched, black_box(&post(b"application/json", &body))))
}

/// A message as the SMS API sends it, signed by the usual method.
fn sms_judged() -> Runner {
    let rules = signed::rules(Method::Md5Hash);
    let form = b"msisdn=447700900001&to=447700900000&messageId=0A0000000123ABCD1&text=Hello+world&type=text&\
        keyword=HELLO&api-key=a1b2c3d&message-timestamp=2023-11-14+22%3A13%3A20&timestamp=1700000000&\
        nonce=aaaaaaaa-bbbb-cccc-dddd-0123456789ab&sig=07b79b1baaee39ae22274d32cf2a1606";
    let judge =
        move || judge(&rules, signed::NOW, black_box(&post(b"application/x-www-form-urlencoded", form)));
    assert!(judge().is_ok());
    repeated(move |_| judge())
}
