//! 68 odd requests, byte for byte, each with what a bare pingora 0.9.1 did about it and what a proxy should do. The
//! gate's own figures stand in [`table`]; where they differ from the probe's `wanted`, the reason stands beside.

mod scripted;
mod table;

use std::time::Duration;

use serde_json::Value;
use table::expected;

use crate::harness::upstream::Arrival;
use crate::harness::{ADMITTED, Gate, PATIENCE, Reply, STRANGER, Sender, Setup, Upstream, get};

/// What the gate does about one probe.
pub struct Expected {
    id: &'static str,
    /// Every status the sender hears, in order, interim ones too.
    statuses: &'static [u16],
    /// The targets of the requests that reach the application, in order.
    arrives: &'static [&'static str],
    /// The reason of each event in the access log, in order.
    reasons: Vec<&'static str>,
    /// The connection serves another request afterwards; otherwise it is closed.
    open: bool,
    /// Why this is not what the probe's `wanted` says; empty where it is.
    differs: &'static str,
}

impl Expected {
    fn because(self, why: &'static str) -> Self {
        Self { differs: why, ..self }
    }

    /// How many final responses come.
    fn finals(&self) -> usize {
        self.statuses.iter().filter(|status| **status >= 200).count()
    }
}

struct Probe {
    id: String,
    send: Vec<Vec<u8>>,
    delay: Duration,
    half_close: bool,
    wanted: String,
}

impl Probe {
    /// Requests that the sender means to send.
    fn requests(&self) -> usize {
        if self.id.starts_with("pipeline") { 2 } else { 1 }
    }

    fn is_head(&self) -> bool {
        self.send[0].starts_with(b"HEAD ")
    }
}

/// Each char of the text is one byte.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).expect("a byte")).collect()
}

fn bytes_of(part: &Value) -> Vec<u8> {
    if let Some(text) = part["latin1"].as_str() {
        return latin1(text);
    }
    let segments = part["segments_latin1"].as_array().expect("latin1 or segments_latin1");
    let repeated = |segment: &Value| {
        let times = usize::try_from(segment[1].as_u64().expect("a count")).expect("a count");
        latin1(segment[0].as_str().expect("text")).repeat(times)
    };
    segments.iter().flat_map(repeated).collect()
}

fn probes() -> Vec<Probe> {
    let fixture: Value =
        serde_json::from_str(include_str!("../../../fixtures/pingora-0.9.1-probes.json")).expect("JSON");
    let rows = fixture["rows"].as_array().expect("rows");
    let probes: Vec<Probe> = rows
        .iter()
        .map(|row| Probe {
            id: row["id"].as_str().expect("id").to_owned(),
            send: row["send"].as_array().expect("send").iter().map(bytes_of).collect(),
            delay: Duration::from_millis(row["delay_ms_between"].as_u64().expect("a delay")),
            half_close: row["half_close"].as_bool().expect("half_close"),
            wanted: row["wanted"].as_str().expect("wanted").to_owned(),
        })
        .collect();
    assert_eq!(probes.len(), 68);
    probes
}

/// Plays the sender's part.
fn play(probe: &Probe, from: &str, gate: &Gate) -> Sender {
    let mut sender = gate.connect(from);
    for (number, bytes) in probe.send.iter().enumerate() {
        if number > 0 {
            // A part of what the sender does, not a wait of the test.
            std::thread::sleep(probe.delay);
        }
        // The gate may hang up before it has read all of it; its answer must arrive all the same.
        let _ = sender.try_send(bytes);
    }
    if probe.half_close {
        sender.half_close();
    }
    sender
}

fn replies(probe: &Probe, sender: &mut Sender, count: usize) -> Vec<Reply> {
    let next = |_| if probe.is_head() { sender.reply_to_head() } else { sender.reply() };
    (0..count).map(next).collect()
}

/// Every three-digit number of a text that is a status.
fn statuses_in(text: &str) -> Vec<u16> {
    text.split(|char: char| !char.is_ascii_digit())
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[test]
fn a_difference_from_what_was_wanted_has_its_reason() {
    for (probe, expected) in probes().iter().zip(expected()) {
        assert_eq!(probe.id, expected.id, "the table follows the fixture");
        let wanted = statuses_in(&probe.wanted);
        let last = *expected.statuses.last().expect("a status");
        // The gate's own failures are 503 where the probes say 502: that one every API retries.
        let as_said = wanted.is_empty() || wanted.contains(&last) || (last == 503 && wanted.contains(&502));
        // What the gate never does at all.
        let never = ["then close", "client copies", "truncated", "no final chunk", "early answer"];
        let as_wanted = as_said && !never.iter().any(|words| probe.wanted.contains(words));
        assert_eq!(
            as_wanted,
            expected.differs.is_empty(),
            "{}: {} where {:?} is wanted; the reason given is {:?}",
            probe.id,
            last,
            probe.wanted,
            expected.differs
        );
    }
}

#[test]
fn every_probe_gets_what_it_should_and_nothing_ambiguous_arrives() {
    let upstream = Upstream::start(scripted::answer);
    let gate = Setup::new(upstream.url())
        .http1_alone()
        .key("limits", "{ body_timeout: 700ms }")
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test], deadline: 5s }"#])
        .start();
    let mut logged = 0;
    let mut arrived = 0;
    let probes = probes();
    let table = expected();
    assert_eq!(table.len(), probes.len());
    for (probe, expected) in probes.iter().zip(table) {
        let id = expected.id;
        assert_eq!(probe.id, id, "the table follows the fixture");
        let mut sender = play(probe, ADMITTED, &gate);
        let heard = replies(probe, &mut sender, expected.finals());
        let statuses: Vec<u16> =
            heard.iter().flat_map(|reply| reply.interim.iter().copied().chain([reply.status])).collect();
        assert_eq!(statuses, expected.statuses, "{id}");
        assert_eq!(
            heard.last().expect("an answer").closes() || probe.half_close,
            !expected.open,
            "{id}: said so"
        );

        // What comes after the probe is served, on this connection if it is open.
        let after = format!("/after/{id}");
        let reply = if expected.open {
            sender.send(&get(&after));
            sender.reply()
        } else {
            assert!(sender.is_closed_within(PATIENCE), "{id}: closed");
            assert!(sender.left_over().is_empty(), "{id}: without another word");
            gate.ask(ADMITTED, &get(&after))
        };
        assert_eq!((reply.status, reply.text().as_str()), (200, after.as_str()), "{id}: the next request");

        let arrivals = upstream.arrivals_from(arrived);
        let targets: Vec<String> = arrivals.iter().map(Arrival::target).collect();
        let wanted: Vec<&str> = expected.arrives.iter().copied().chain([after.as_str()]).collect();
        assert_eq!(targets, wanted, "{id}: what the application saw");
        for arrival in &arrivals {
            assert_plain(id, arrival);
        }
        arrived += arrivals.len();

        // An event is written right after its answer, so those of two connections may change places.
        let mut wanted: Vec<&str> = expected.reasons.iter().copied().chain(["success"]).collect();
        let events = gate.events_from(logged, wanted.len());
        let mut reasons: Vec<&str> =
            events.iter().map(|event| event["reason"].as_str().expect("reason")).collect();
        wanted.sort_unstable();
        reasons.sort_unstable();
        assert_eq!(reasons, wanted, "{id}: one event a request");
        for event in &events {
            assert_eq!(event["delivered"] == true, event["reason"] == "success", "{id}: {event}");
        }
        logged += events.len();
    }
    assert_eq!(gate.finish().events.len(), logged, "and no event more");
}

/// Whatever the sender wrote, the application reads one plain HTTP/1.1 request.
fn assert_plain(id: &str, arrival: &Arrival) {
    let head = &arrival.head;
    let text = head.text();
    assert_eq!(head.all("host").len(), 1, "{id}: {text}");
    for name in
        ["transfer-encoding", "expect", "upgrade", "http2-settings", "connection", "te", "trailer", "x-t"]
    {
        assert!(head.all(name).is_empty(), "{id}: {name} in {text}");
    }
    assert_eq!(head.one("x-forwarded-for").as_deref(), Some(ADMITTED), "{id}: {text}");
    assert_eq!(head.one("x-real-ip").as_deref(), Some(ADMITTED), "{id}: {text}");
    let length = head.one("content-length").map(|value| value.parse().expect("a plain Content-Length"));
    assert_eq!(length.unwrap_or(0), arrival.body.len(), "{id}: {text}");
    if ["chunk_ext", "chunk_trailer", "expect", "get_body", "halfclose", "rst_post"].contains(&id)
        && !arrival.target().starts_with("/after")
    {
        assert_eq!(arrival.body, b"hello", "{id}: {text}");
    }
}

#[test]
fn a_stranger_hears_nothing_but_the_deny_answer_to_every_probe() {
    let upstream = Upstream::start(scripted::answer);
    let gate = Setup::new(upstream.url()).without_tls().http1_alone().start();
    let probes = probes();
    let mut denied = 0;
    for probe in &probes {
        let mut sender = play(probe, STRANGER, &gate);
        let mut open = true;
        for _ in 0..probe.requests() {
            if open {
                let reply = &replies(probe, &mut sender, 1)[0];
                assert_eq!((reply.status, reply.interim.len()), (403, 0), "{}", probe.id);
                open = !reply.closes();
                denied += 1;
            }
        }
    }
    assert!(denied >= probes.len(), "{denied}");
    assert_eq!(upstream.connections(), 0);
    let events = gate.finish().events;
    assert_eq!(events.len(), denied);
    for event in events {
        assert_eq!((&event["outcome"], &event["client_ip"]), (&"denied".into(), &STRANGER.into()), "{event}");
    }
}
