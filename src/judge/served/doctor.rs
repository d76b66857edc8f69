//! The requests of `nexmo-gate doctor`: which they are, and what the gate saw of one.
//!
//! The id of a token stands in the path, and a nonce behind it. Whether the id counts is not known here. Nothing of such a request reaches an application. Invariant: the path of
//! a log never has the letters of a token, whichever gate it is of.

use std::collections::BTreeMap;

use crate::config::{AdminAddress, Target};
use crate::judge::facts::Facts;
use crate::judge::head::Head;
use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::judge::served::seen::Seen;
use crate::policy::address::addr::Address;
use crate::policy::client::client_ip::{self, Client, Origin};
use crate::policy::client::forwarded::{self, Node};
use crate::policy::client::original::Original;
use crate::policy::routing::path::byte_of;
use crate::state::doctor::LETTERS;
use crate::state::doctor::proof::NONCE;
use crate::state::snapshot::Snapshot;
use crate::wire::body::Framing;

/// What stands before a token in a path. What stands before it is the part of a site that a proxy passes to the gate.
pub(crate) const PATH: &[u8] = b"/.well-known/nexmo-gate/";
/// Hops of a chain that are looked at.
const MOST_HOPS: usize = 20;
/// The fields in which proxies name a client or how it asked.
const FORWARDING: [&str; 9] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-client-ip",
    "via",
];

/// What a path asks by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked<'p> {
    /// The id of a token, which may count or not.
    pub id: &'p [u8],
    /// The nonce of this question.
    pub nonce: &'p str,
    /// What follows.
    pub rest: &'p [u8],
}

/// What a path asks; `None` for one that is not the doctor's. The nonce has the letters that nothing on the way rewrites.
#[must_use]
pub(crate) fn asked(path: &[u8]) -> Option<Asked<'_>> {
    let rest = &path[end_of_place(path)?..];
    let (id, rest) = rest.split_at_checked(LETTERS)?;
    let (nonce, rest) = rest.strip_prefix(b"/")?.split_at_checked(NONCE)?;
    let is_letter = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let is_one = nonce.iter().all(is_letter) && matches!(rest.first(), None | Some(b'/' | b'?'));
    let nonce = std::str::from_utf8(nonce).ok()?;
    is_one.then_some(Asked { id, nonce, rest })
}

/// The path as it may be logged: without what may be a token, of this gate or of another. What stands before the token may be
/// spelt in any way that a decoder reads as the place: with escapes, escapes of escapes, and parts that mean nothing.
#[must_use]
pub(crate) fn loggable(path: &[u8]) -> &[u8] {
    // No spelling of a place and a token is shorter. Nearly every path is, and nothing more is asked of it.
    if path.len() < PATH.len() + LETTERS {
        return path;
    }
    let is_plain = memchr::memchr(b'%', path).is_none()
        && ["//", "/./"].iter().all(|odd| memchr::memmem::find(path, odd.as_bytes()).is_none());
    let end = if is_plain { end_of_place(path) } else { end_of_spelt_place(path) };
    end.map_or(path, |end| &path[..end])
}

/// Where a token would begin behind a place that is spelt oddly.
fn end_of_spelt_place(path: &[u8]) -> Option<usize> {
    let spelt = decoded(path);
    let mut bytes: Vec<u8> = Vec::with_capacity(spelt.len());
    let mut ends: Vec<usize> = Vec::with_capacity(spelt.len());
    for (byte, end) in spelt {
        if byte == b'/' && bytes.ends_with(b"/.") {
            bytes.pop();
            ends.pop();
        }
        // A slash after a slash belongs to the one before.
        match ends.last_mut() {
            Some(last) if byte == b'/' && bytes.last() == Some(&b'/') => *last = end,
            _ => {
                bytes.push(byte);
                ends.push(end);
            }
        }
    }
    let place = memchr::memmem::find(&bytes, PATH)?;
    ends.get(place + PATH.len() - 1).copied()
}

/// What escapes stand for, and escapes of escapes, each byte with the end of its spelling. One pass: a stranger may send a
/// head full of escapes that make another one.
fn decoded(path: &[u8]) -> Vec<(u8, usize)> {
    let mut spelt: Vec<(u8, usize)> = Vec::with_capacity(path.len());
    for (byte, end) in path.iter().copied().zip(1..) {
        spelt.push((byte, end));
        while let [.., (b'%', _), (high, _), (low, _)] = *spelt
            && let Some(meant) = byte_of(&[high, low])
        {
            spelt.truncate(spelt.len() - 3);
            spelt.push((meant, end));
        }
    }
    spelt
}

/// Where a token would begin. Most paths are too short to have one.
fn end_of_place(path: &[u8]) -> Option<usize> {
    if path.len() < PATH.len() + LETTERS {
        return None;
    }
    Some(memchr::memmem::find(path, PATH)? + PATH.len())
}

/// How long the body is, and whether its sender waits for `100 Continue`; `None` where the head cannot be served.
#[must_use]
pub(crate) fn framing(received: &Received) -> Option<(Framing, bool)> {
    let facts = Facts::read(received.head.as_ref()?).ok()?;
    Some((facts.framing, facts.expects_continue))
}

/// What the gate saw of a request, without its body.
#[must_use]
pub(crate) fn seen(snapshot: &Snapshot, peer: &Peer, received: &Received) -> Option<Seen> {
    let head = received.head.as_ref()?;
    let config = &snapshot.config;
    let (header, trusted) = (config.forwarded_header, &snapshot.trusted);
    let client = client_ip::resolve(peer.address, peer.origin, trusted, header, head.values(header.name()));
    let behind_proxy = peer.origin.is_trusted(peer.address, trusted);
    let original = match &client {
        Ok(client) if behind_proxy => {
            Original::read(header, peer.origin.place_of(client), |name| head.values(name))
        }
        _ => Original::default(),
    };
    let listener = config.listen.get(peer.listener);
    let host = head.values("host").next().unwrap_or_default();
    let asked_host = original.host.unwrap_or(host.into());
    let came = |name: &&&str| head.fields().any(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
    Some(Seen {
        admin: config.admin.as_ref().and_then(|admin| match &admin.address {
            AdminAddress::Tcp(address) => Some(address.to_string()),
            AdminAddress::Unix(_) => None,
        }),
        asked_host: String::from_utf8_lossy(&asked_host).into_owned(),
        authorization: head.values("authorization").next().is_some(),
        client: client.as_ref().ok().map(|client| shown(client.address)),
        close: received.close,
        forwarded_header: header.name().to_owned(),
        forwarding: FORWARDING.iter().filter(came).map(|name| (*name).to_owned()).collect(),
        host: String::from_utf8_lossy(host).into_owned(),
        http: received.version.map_or("", crate::judge::head::Version::word).to_owned(),
        listener: listener.map(|listener| listener.address.to_string()).unwrap_or_default(),
        longest_deadline_ms: longest_deadline(snapshot),
        max_body: config.limits.max_body as u64,
        method: String::from_utf8_lossy(head.method()).into_owned(),
        metrics: config.metrics.map(|address| address.to_string()),
        named_by: named_by(peer, client.as_ref().ok(), header.name()).to_owned(),
        no_client: client.as_ref().err().map(|why| why.reason().word().to_owned()),
        peer: shown(peer.address),
        peer_is_trusted: trusted.contains(peer.address),
        scheme: original.scheme.unwrap_or(peer.scheme(snapshot)).word().to_owned(),
        target: String::from_utf8_lossy(target(head)).into_owned(),
        trusted_hops: trusted_hops(snapshot, peer, head.values(header.name())),
        upstreams: upstreams(snapshot),
        via: client.map(|client| client.via.into_iter().map(shown).collect()).unwrap_or_default(),
        ..Seen::default()
    })
}

fn shown(address: Address) -> String {
    address.ip().to_string()
}

/// The addresses that the request names on its way and that are trusted, each with the entry of `trusted_proxies` that has it.
/// The chain is not judged here: a hop that nobody believes is shown too.
fn trusted_hops<'a>(
    snapshot: &Snapshot,
    peer: &Peer,
    lines: impl Iterator<Item = &'a [u8]>,
) -> BTreeMap<String, String> {
    let read = |hop: &[u8]| {
        let hop = hop.trim_ascii();
        Address::from_hop(hop).or_else(|| match forwarded::read(hop) {
            Ok(Some(Node::Address(address))) => Some(address),
            _ => None,
        })
    };
    let named = lines.flat_map(|line| line.split(|b| *b == b',')).filter_map(read);
    let all = [Some(peer.address), peer.origin.writer(peer.address)]
        .into_iter()
        .flatten()
        .chain(named.take(MOST_HOPS));
    all.filter_map(|address| {
        let place = snapshot.trusted.find(address)?;
        Some((shown(address), snapshot.trusted_names.get(place)?.to_string()))
    })
    .collect()
}

/// The target, without scheme and host.
fn target(head: &Head) -> &[u8] {
    Facts::read(head).map_or(head.target(), |facts| facts.target)
}

fn longest_deadline(snapshot: &Snapshot) -> u64 {
    let longest = snapshot.routes.iter().map(|route| route.deadline).max().unwrap_or_default();
    u64::try_from(longest.as_millis()).unwrap_or(u64::MAX)
}

/// Where the address of the client comes from.
fn named_by(peer: &Peer, client: Option<&Client>, header: &'static str) -> &'static str {
    match (client, peer.origin) {
        (None, _) => "nobody",
        (Some(client), origin) if origin.place_of(client) > 0 => header,
        (Some(_), Origin::Proxied(_)) => "proxy header",
        (Some(_), Origin::Peer) => "connection",
    }
}

/// The applications that are reached by TCP, as `host:port`.
fn upstreams(snapshot: &Snapshot) -> Vec<String> {
    let own = snapshot.config.routes.iter().filter_map(|route| route.upstream.as_ref());
    let targets = own.chain([&snapshot.config.upstream]).flat_map(|upstream| &upstream.targets);
    let mut all: Vec<String> = targets
        .filter_map(|target| match target {
            Target::Http { host, port } | Target::Https { host, port } => Some(format!("{host}:{port}")),
            Target::Unix(_) => None,
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_path_has_a_token_and_a_nonce() {
        let (id, nonce) = ("0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef");
        let both = format!("{id}/{nonce}");
        let path = |rest: &str| format!("/.well-known/nexmo-gate/{rest}").into_bytes();
        for (path, wanted) in [
            (path(&both), Some("")),
            (path(&format!("{both}/")), Some("/")),
            (path(&format!("{both}?a=b")), Some("?a=b")),
            (path(&format!("{both}/a/..%2fb")), Some("/a/..%2fb")),
            (path(&format!("{both}0")), None),
            (path(&format!("0{both}")), None),
            (path(&both[1..]), None),
            (path(&both[..both.len() - 1]), None),
            (path(&format!("{id}/{}", nonce.to_uppercase())), None),
            (path(id), None),
            (path(&format!("{id}/")), None),
            (path(""), None),
            (b"/.well-known/nexmo-gate".to_vec(), None),
            ([b"/", &path(&both)[..]].concat(), Some("")),
            ([b"/webhooks", &path(&both)[..]].concat(), Some("")),
        ] {
            let found = asked(&path).map(|found| {
                assert_eq!((found.id, found.nonce), (id.as_bytes(), nonce));
                String::from_utf8_lossy(found.rest).into_owned()
            });
            assert_eq!(found.as_deref(), wanted, "{}", String::from_utf8_lossy(&path));
        }
    }

    #[test]
    fn a_log_has_no_token_of_any_gate() {
        let letters = "0123456789abcdef0123456789abcdef01234567";
        let path = format!("/a/.well-known/nexmo-gate/{letters}/x");
        assert_eq!(loggable(path.as_bytes()), b"/a/.well-known/nexmo-gate/");
        assert_eq!(loggable(b"/webhooks/answer"), b"/webhooks/answer");
        for place in [
            "/%2ewell-known/nexmo-gate/",
            "/a/%2Ewell-known%2fnexmo-gate%2F",
            "/%252ewell-known/nexmo-gate/",
            "/.well-known//nexmo-gate/./",
            "//.well-known/%6eexmo-gate/%2e/",
            "/%zz/.well-known/nexmo-gate/",
        ] {
            let path = format!("{place}{letters}/{letters}/.well-known/nexmo-gate/{letters}");
            assert_eq!(String::from_utf8_lossy(loggable(path.as_bytes())), place);
        }
        let deep = format!("/%{}2ewell-known/nexmo-gate/{letters}", "25".repeat(10_000));
        assert!(
            loggable(deep.as_bytes()).ends_with(b"/nexmo-gate/"),
            "escapes of escapes, as deep as they are"
        );
        for other in ["/a%20b/C%", "//a/./b", "/%2ewell-known/other/"] {
            assert_eq!(loggable(other.as_bytes()), other.as_bytes());
        }
    }
}
