//! Admission: a head and a peer become a ticket, or a refusal.
//!
//! The order is the point of this file. A stranger (a peer that no list and no trusted proxy covers)
//! gets the deny answer before anything of its request is looked at twice; then the head must be
//! servable, then a client must be named, admitted to its route, and only then is the request's own
//! shape judged. Invariant: an [`Admitted`] holds a [`Permit`], and nothing is forwarded without one.

use std::path::PathBuf;
use std::sync::Arc;

use crate::gate::Gate;
use crate::gate::peer::Peer;
use crate::gate::request::acme;
use crate::gate::request::facts::{Facts, Head, Version, loggable};
use crate::policy::address::addr::Address;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::admission::{self, Grant, Mode, Permit};
use crate::policy::client::client_ip::{self, Client, NoClient, Origin};
use crate::policy::forward::{self, Own};
use crate::policy::outcome::Reason;
use crate::policy::routing::path::ambiguity;
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::wire::body::Framing;
use crate::wire::budget::{Budget, Most};
use crate::wire::shares::PeerClass;

/// A request that may be forwarded.
#[derive(Debug)]
pub struct Admitted {
    /// Why it may.
    pub permit: Permit,
    /// Where it goes and by which rules.
    pub route: Arc<LiveRoute>,
    /// The head for the upstream, but for Content-Length and the empty line.
    pub head: Vec<u8>,
    /// How long the body is.
    pub framing: Framing,
    /// The sender waits for `100 Continue`.
    pub expects_continue: bool,
    /// The answer to a HEAD has no body.
    pub is_head: bool,
    /// An empty body is announced with `Content-Length: 0`.
    pub announces_body: bool,
}

/// A request that is answered here.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The route, where one was found.
    pub route: Option<Arc<LiveRoute>>,
}

/// What was learnt of a request on the way to the verdict, for the log.
#[derive(Debug, Default)]
pub struct LogFields {
    /// The method.
    pub method: Vec<u8>,
    /// The path without the query.
    pub path: Vec<u8>,
    /// The version; `None` when the head could not be parsed.
    pub version: Option<Version>,
    /// Who is asking, where it could be named.
    pub client: Option<Address>,
    /// Kept from a trusted proxy, else the gate's own.
    pub request_id: Vec<u8>,
    /// The length of the body, where it is known and the connection may be used again after it.
    pub skippable: Option<u64>,
    /// The sender wants the connection closed.
    pub close: bool,
    /// The file of the ACME challenge that is asked for. If it can be shown, that is the answer, and
    /// no verdict counts.
    pub challenge: Option<PathBuf>,
    /// A probe of `health_path`, to be answered here.
    pub probe: bool,
}

/// Judges one head.
///
/// # Errors
/// The request is answered here.
pub fn judge(
    snapshot: &Snapshot,
    peer: &Peer,
    head: Result<Head<'_, '_>, Reason>,
    seen: &mut LogFields,
) -> Result<Admitted, Refusal> {
    let head = head.map_err(|reason| unserved(snapshot, peer, reason))?;
    seen.method.extend_from_slice(head.method);
    seen.path.extend_from_slice(loggable(head.target));
    seen.version = Some(head.version);
    let facts = Facts::read(&head).map_err(|reason| unserved(snapshot, peer, reason))?;
    seen.close = facts.close;
    seen.skippable = match facts.framing {
        Framing::None => Some(0),
        Framing::Length(length) => Some(length),
        Framing::Chunked => None,
    };
    let folder =
        snapshot.config.listen.get(peer.listener).and_then(|listener| listener.acme_challenges.as_deref());
    seen.challenge = folder.and_then(|folder| acme::file(folder, &head, &facts));

    if is_probe(snapshot, peer, &head, &facts) {
        seen.probe = true;
        return Err(Refusal { reason: Reason::NoRoute, route: None });
    }
    let behind_proxy = peer.origin.is_trusted(peer.address, &snapshot.trusted);
    let header = snapshot.config.forwarded_header;
    let lines = head.values(header.name());
    let client = client_ip::resolve(peer.address, peer.origin, &snapshot.trusted, header, lines);
    seen.client = client.as_ref().ok().map(|client| client.address);
    if behind_proxy && let Some(id) = head.values("x-request-id").next().filter(|id| is_request_id(id)) {
        seen.request_id.clear();
        seen.request_id.extend_from_slice(id);
    }

    let ambiguous = ambiguity(facts.path).is_some();
    let name = Some(facts.name);
    let place = if ambiguous {
        snapshot.table.find_as_written(name, facts.path)
    } else {
        snapshot.table.find(name, facts.path)
    };
    let found = place.map(|place| &snapshot.routes[place]);
    if ambiguous && (found.is_some() || snapshot.config.mode == Mode::Observe) {
        return Err(misspelt(snapshot, peer, client, found));
    }
    let lists = found.map(|route| route.allow.iter().map(|list| &list.ranges));
    let permit = admission::decide(client, peer.address, lists, snapshot.config.mode)
        .map_err(|(denial, _)| Refusal { reason: denial.reason(), route: found.cloned() })?;

    let route = found.unwrap_or(&snapshot.unrouted);
    if let Some(reason) = unfit(&head, &facts, route, snapshot.config.limits.max_body) {
        return Err(Refusal { reason, route: Some(Arc::clone(route)) });
    }
    let own = Own {
        client: permit.client(),
        believed: behind_proxy,
        header,
        host: route.upstream_host.as_ref().map_or(facts.host, |host| host.as_bytes()),
        forwarded_host: told(&head, behind_proxy, "x-forwarded-host", is_plain).unwrap_or(facts.host),
        proto: match told(&head, behind_proxy, "x-forwarded-proto", |v| matches!(v, b"http" | b"https")) {
            Some(b"https") => "https",
            None if peer.tls => "https",
            _ => "http",
        },
        request_id: &seen.request_id,
        list: match permit.grant() {
            Grant::Listed { list, .. } => Some(&route.allow[list].name),
            Grant::Observed(_) => None,
        },
        webhook: route.webhook.name(),
        client_cert: peer.client_cert.as_deref(),
    };
    let mut out = Vec::with_capacity(1024);
    forward::write_request_head(&mut out, head.method, facts.target, head.fields(), &facts.connection, own);
    Ok(Admitted {
        head: out,
        framing: facts.framing,
        expects_continue: facts.expects_continue,
        is_head: head.method == b"HEAD",
        announces_body: facts.framing != Framing::None || matches!(head.method, b"POST" | b"PUT" | b"PATCH"),
        route: Arc::clone(route),
        permit,
    })
}

/// What a client's messages may hold.
#[must_use]
pub fn budget<'g>(gate: &'g Gate, snapshot: &Snapshot, client: Address, standing: PeerClass) -> Budget<'g> {
    let limits = &snapshot.config.limits;
    let message = limits.max_head.saturating_add(limits.max_body).saturating_add(limits.max_response);
    let most = Most { all: limits.buffers, message };
    Budget::new(&gate.gauges.buffered, &gate.byte_shares, gate.byte_shares.holder(client, standing), most)
}

/// What a connection's heads may hold, before they say who is asking.
#[must_use]
pub fn budget_of_heads<'g>(gate: &'g Gate, snapshot: &Snapshot, peer: &Peer) -> Budget<'g> {
    budget(gate, snapshot, peer.writer(), peer.standing(snapshot))
}

/// A head that cannot be served. A stranger is told what strangers are told, however odd the request.
pub fn unserved(snapshot: &Snapshot, peer: &Peer, reason: Reason) -> Refusal {
    let stranger = snapshot.config.mode == Mode::Enforce && !snapshot.hears(peer.writer());
    Refusal { reason: if stranger { Reason::NotListed } else { reason }, route: None }
}

/// A path that could mean two routes belongs to none. Whoever may use some route is told so; anybody else is
/// told what strangers are told.
fn misspelt(
    snapshot: &Snapshot,
    peer: &Peer,
    client: Result<Client, NoClient>,
    meant: Option<&Arc<LiveRoute>>,
) -> Refusal {
    let lists = snapshot.admitting.iter().map(|list| &list.ranges);
    let judged = admission::decide(client, peer.address, Some(lists), snapshot.config.mode);
    let reason = judged.map_or_else(|(denial, _)| denial.reason(), |_| Reason::BadTarget);
    Refusal { reason, route: meant.cloned() }
}

/// Whether a proxy or this machine itself asks if the gate is well. What a proxy passes on for somebody
/// else names that client, and is a request like any other.
fn is_probe(snapshot: &Snapshot, peer: &Peer, head: &Head<'_, '_>, facts: &Facts<'_>) -> bool {
    let Some(path) = &snapshot.config.health_path else { return false };
    facts.path == path.as_bytes()
        && matches!(head.method, b"GET" | b"HEAD")
        && facts.framing == Framing::None
        && speaks_for_itself(peer, &snapshot.trusted)
        && ["x-forwarded-for", "forwarded"].iter().all(|name| head.values(name).next().is_none())
}

fn speaks_for_itself(peer: &Peer, trusted: &PrefixSet) -> bool {
    (peer.address.ip().is_loopback() || trusted.contains(peer.address))
        && !matches!(peer.origin, Origin::Proxied(Some(_)))
}

/// What is wrong with the shape of an admitted request.
fn unfit(head: &Head<'_, '_>, facts: &Facts<'_>, route: &LiveRoute, max_body: usize) -> Option<Reason> {
    if !route.webhook.spec().methods.allow(head.method) {
        return Some(Reason::BadMethod);
    }
    match facts.framing {
        Framing::Length(length) if length > max_body as u64 => Some(Reason::BodyTooLarge),
        _ => None,
    }
}

/// What a trusted proxy says, if the words are of the wanted shape.
fn told<'b>(
    head: &Head<'_, 'b>,
    trusted: bool,
    name: &'static str,
    fits: impl Fn(&[u8]) -> bool,
) -> Option<&'b [u8]> {
    if !trusted {
        return None;
    }
    head.values(name).next().filter(|value| fits(value))
}

fn is_plain(value: &[u8]) -> bool {
    !value.is_empty() && value.len() <= 255 && value.iter().all(|b| b.is_ascii_graphic() && *b != b',')
}

fn is_request_id(value: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'=');
    !value.is_empty() && value.len() <= 128 && value.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_trusted_proxies_speak_for_themselves() {
        let trusted = PrefixSet::new([&"10.0.0.0/8".parse().unwrap()]);
        let speaks = |address: &str, origin| {
            let peer = Peer {
                address: Address::new(address.parse().unwrap()),
                listener: 0,
                tls: false,
                client_cert: None,
                origin,
            };
            speaks_for_itself(&peer, &trusted)
        };
        let source = Some(Address::new([10, 0, 0, 2].into()));
        for (address, origin, wanted) in [
            ("10.0.0.1", Origin::Peer, true),
            ("10.0.0.1", Origin::Proxied(None), true),
            ("10.0.0.1", Origin::Proxied(source), false),
            ("127.0.0.1", Origin::Peer, true),
            ("::1", Origin::Peer, true),
            ("::ffff:127.0.0.1", Origin::Peer, true),
            ("192.0.2.1", Origin::Peer, false),
            ("192.0.2.1", Origin::Proxied(None), false),
            ("2001:db8::1", Origin::Peer, false),
        ] {
            assert_eq!(speaks(address, origin), wanted, "{address} {origin:?}");
        }
    }
}
