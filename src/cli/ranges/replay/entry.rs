//! A line of the access log: what of it is judged again, or why it cannot be.
//!
//! Only the keys that are needed are read; all others are skipped. Invariant: whatever a line holds, it is counted, and
//! nothing else of it is kept than times, addresses, and words that are known.

use std::borrow::Cow;
use std::net::IpAddr;

use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cli::ranges::replay::lines::Line;
use crate::judge::trial::Sender;
use crate::policy::address::addr::Address;
use crate::policy::outcome::Outcome;
use crate::policy::signature::finding::Finding;
use crate::state::snapshot::UNROUTED;

/// A time as the log has it: `2026-11-21T19:30:00.123Z`. Their order is that of their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp([u8; 24]);

impl Stamp {
    const FORM: &'static [u8; 24] = b"0000-00-00T00:00:00.000Z";

    /// Reads one.
    #[must_use]
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let text: [u8; 24] = text.try_into().ok()?;
        let fits =
            |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
        text.iter().zip(Self::FORM).all(fits).then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// What became of a request's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// It was not judged.
    Unjudged,
    /// It was found to be this.
    Found(Finding),
    /// A word that this version does not know.
    Other,
}

/// A request that can be judged again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Logged<'a> {
    /// When it ended.
    pub at: Stamp,
    /// Whose it was.
    pub sender: Sender,
    /// Whether the gate forwarded it, or would have but for the application.
    pub is_forwarded: bool,
    /// The route's name.
    pub route: Cow<'a, str>,
    /// What became of its signature.
    pub signature: Signature,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// A request that can be judged again.
    Logged(Logged<'a>),
    /// It is older than what was asked for.
    Before,
    /// A sum of requests that have no line of their own.
    Summary(u64),
    /// A request whose client is not known.
    NoClient,
    /// A request that no route matched.
    NoRoute,
    /// A line of the gate about itself.
    Event,
    /// JSON, but no line of an access log.
    Other,
    /// Cut off, or no JSON, or with a value that no such line has.
    Damaged,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    ts: Option<Text<'a>>,
    #[serde(borrow)]
    outcome: Option<Text<'a>>,
    #[serde(borrow)]
    client_ip: Option<Text<'a>>,
    #[serde(borrow)]
    route: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    peer_ip: Option<Text<'a>>,
    suppressed: Option<u64>,
    /// Only events have one.
    level: Option<IgnoredAny>,
}

/// Borrowed where the text has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Entry<'a> {
    /// Whether it is a line of an access log.
    pub(crate) fn is_of_a_log(&self) -> bool {
        !matches!(self, Self::Event | Self::Other | Self::Damaged)
    }

    /// Reads a line; `since` is the oldest time that counts.
    #[must_use]
    pub(crate) fn read(line: Line<'a>, since: Option<Stamp>) -> Self {
        let Line::Whole(bytes) = line else { return Self::Damaged };
        let Some(raw) = raw(bytes).or_else(|| after_a_beginning(bytes)) else { return Self::Damaged };
        let (Some(ts), Some(outcome)) = (&raw.ts, &raw.outcome) else {
            return if raw.ts.is_some() && raw.level.is_some() { Self::Event } else { Self::Other };
        };
        let Some(at) = Stamp::read(ts.0.as_bytes()) else { return Self::Damaged };
        if since.is_some_and(|since| at < since) {
            return Self::Before;
        }
        if let Some(count) = raw.suppressed {
            return Self::Summary(count);
        }
        let Some(client) = raw.client_ip else { return Self::NoClient };
        let Ok(client) = client.0.parse::<IpAddr>() else { return Self::Damaged };
        match raw.route {
            Some(Text(route)) if route != UNROUTED => {
                let signature = signature(raw.signature.as_ref());
                let peer = raw.peer_ip.and_then(|peer| peer.0.parse().ok()).map(Address::new);
                let sender = Sender { client: Address::new(client), peer };
                let is_forwarded = !NOT_FORWARDED.iter().any(|no| no.word() == outcome.0);
                Self::Logged(Logged { at, sender, is_forwarded, route, signature })
            }
            _ => Self::NoRoute,
        }
    }
}

/// What became of requests that the application never had to answer. A word that is not known is none of these.
const NOT_FORWARDED: [Outcome; 3] = [Outcome::Denied, Outcome::Rejected, Outcome::Served];
/// What a line of the gate begins with.
const BEGINNING: &[u8] = b"{\"ts\"";
/// The beginnings in one line that are tried.
const MOST_BEGINNINGS: usize = 4;

fn raw(bytes: &[u8]) -> Option<Raw<'_>> {
    // A list of values would be read as if they had the names of the keys.
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    is_object.then(|| serde_json::from_slice(bytes).ok()).flatten()
}

/// A line behind what a collector wrote before it, or behind the rest of another one that was never ended. Within a text a
/// beginning has escapes, so no sender can choose one.
fn after_a_beginning(bytes: &[u8]) -> Option<Raw<'_>> {
    let mut found = memmem::find_iter(bytes, BEGINNING).filter(|at| *at > 0).take(MOST_BEGINNINGS);
    found.find_map(|at| raw(bytes.get(at..)?))
}

fn signature(found: Option<&Text<'_>>) -> Signature {
    let Some(Text(word)) = found else { return Signature::Unjudged };
    let known = Finding::ALL.into_iter().find(|finding| finding.word() == word);
    known.map_or(Signature::Other, Signature::Found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: &str) -> Entry<'_> {
        let since = Stamp::read(b"2026-11-20T00:00:00.000Z");
        Entry::read(Line::Whole(line.as_bytes()), since)
    }

    #[test]
    fn a_request_is_read_whatever_else_its_line_holds() {
        let line = r#"{"ts":"2026-11-21T19:30:00.123Z","request_id":"a\"b","outcome":"delivered","client_ip":"::ffff:192.0.2.1","route":"/a\"b","list":null,"new":[{"ts":1}],"signature":"valid_head"}"#;
        let wanted = Logged {
            at: Stamp::read(b"2026-11-21T19:30:00.123Z").unwrap(),
            sender: Sender { client: Address::new("192.0.2.1".parse().unwrap()), peer: None },
            is_forwarded: true,
            route: "/a\"b".into(),
            signature: Signature::Found(Finding::ValidHead),
        };
        assert_eq!(entry(line), Entry::Logged(wanted));
        let signed = |word: &str| match entry(&line.replace("\"valid_head\"", word)) {
            Entry::Logged(logged) => logged.signature,
            other => panic!("{other:?}"),
        };
        assert_eq!((signed("null"), signed("\"newer\"")), (Signature::Unjudged, Signature::Other));
    }

    #[test]
    fn what_cannot_be_judged_is_told_apart() {
        let line =
            r#"{"ts":"2026-11-21T19:30:00.123Z","outcome":"denied","client_ip":"192.0.2.1","route":"/a"}"#;
        assert!(matches!(entry(line), Entry::Logged(_)));
        let summary = r#"{"ts":"2026-11-21T19:30:00.123Z","outcome":"denied","reason":"not_listed","suppressed":7,"last_peer_ip":"192.0.2.1"}"#;
        let cases = [
            (line.replace("11-21", "11-19"), Entry::Before),
            (summary.to_owned(), Entry::Summary(7)),
            (line.replace("\"192.0.2.1\"", "null"), Entry::NoClient),
            (line.replace("\"/a\"", "null"), Entry::NoRoute),
            (line.replace("\"/a\"", "\"-\""), Entry::NoRoute),
            (
                r#"{"ts":"2026-11-21T19:30:00.123Z","level":"INFO","message":"ready"}"#.to_owned(),
                Entry::Event,
            ),
            ("{}".to_owned(), Entry::Other),
            (line.replace("192.0.2.1", "192.0.2.256"), Entry::Damaged),
            (line.replace("192.0.2.1", "fe80::1%eth0"), Entry::Damaged),
            (line.replace("\"192.0.2.1\"", "5"), Entry::Damaged),
            (line.replace(".123Z", "Z"), Entry::Damaged),
            (line.replace("T19", " 19"), Entry::Damaged),
            (line.replace("\"denied\",", "\"denied\",\"route\":\"/b\","), Entry::Damaged),
            (format!("{line}{}", &line[..40]), Entry::Damaged),
            (line[..line.len() - 1].to_owned(), Entry::Damaged),
            (
                "[\"2026-11-21T19:30:00.123Z\",\"denied\",\"192.0.2.1\",\"/a\",null,null]".to_owned(),
                Entry::Damaged,
            ),
            ("2026-11-21T19:30:00.123Z delivered 200 POST /a client=192.0.2.1".to_owned(), Entry::Damaged),
            ("[".repeat(60_000), Entry::Damaged),
            (format!("{{\"x\":{}", "[".repeat(60_000)), Entry::Damaged),
        ];
        for (line, wanted) in &cases {
            assert_eq!(entry(line), *wanted, "{line:.200}");
        }
        assert_eq!(Entry::read(Line::Long, None), Entry::Damaged);
        assert_eq!(Entry::read(Line::Whole(b"{\"ts\":\"\xFF\"}"), None), Entry::Damaged);
    }

    #[test]
    fn a_line_behind_a_rest_of_another_one_is_read() {
        let line = r#"{"ts":"2026-11-21T19:30:00.123Z","outcome":"delivered","client_ip":"192.0.2.1","peer_ip":"10.0.0.1","route":"/a"}"#;
        let cut = &line[..50];
        for before in ["Nov 21 19:30:00 host nexmo-gate[12]: ", cut, "\0\0", line] {
            assert_eq!(entry(&format!("{before}{line}")), entry(line), "{before}");
        }
        let Entry::Logged(logged) = entry(line) else { panic!() };
        assert_eq!(logged.sender.peer, Some(Address::new("10.0.0.1".parse().unwrap())));
        // What stands in a text is no beginning.
        let noted = line.replace("\"/a\"", r#""/a","note":"{\"ts\":1}""#);
        assert_eq!(entry(&format!("{cut}{}", &noted[..noted.len() - 1])), Entry::Damaged);
    }

    #[test]
    fn what_the_gate_never_forwarded_is_told_apart() {
        let of = |outcome: &str| {
            let line = format!(
                r#"{{"ts":"2026-11-21T19:30:00.123Z","outcome":"{outcome}","client_ip":"192.0.2.1","route":"/a"}}"#
            );
            match entry(&line) {
                Entry::Logged(logged) => logged.is_forwarded,
                other => panic!("{other:?}"),
            }
        };
        for outcome in Outcome::ALL.map(Outcome::word) {
            assert_eq!(of(outcome), !["denied", "rejected", "served"].contains(&outcome), "{outcome}");
        }
        assert!(of("newer"));
    }
}
