//! Judges a request: from its head and its peer to an admitted request, a refusal, a probe or a challenge.
//!
//! The order matters: first the head must be servable (a stranger gets the `deny` reply even if it is not), then the
//! client must be found and admitted to its route, and only then are the method and the length of the body checked. So
//! in mode `enforce` a stranger cannot learn from its reply what is wrong with its request. The rules themselves are in
//! `policy`: `client::client_ip` finds the client, `routing` the route, `admission` the verdict, and
//! `delivery::own_status` the status of the `deny` reply.
//! Invariant: an [`Admitted`] holds a [`Permit`], and nothing is forwarded without one.

use std::path::PathBuf;
use std::sync::Arc;

use crate::judge::doubt;
use crate::judge::facts::Facts;
use crate::judge::head::Head;
use crate::judge::http1::parse::parse;
use crate::judge::http1::scan::{Progress, Scan};
use crate::judge::http1::stray;
use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::judge::request_id::RequestId;
use crate::judge::served::challenge;
use crate::judge::served::probe::is_probe;
use crate::judge::signature::Judgement;
use crate::judge::signature::stranger::{self, Hearing, Stranger};
use crate::policy::admission::{self, Denial, Grant, Mode, Permit};
use crate::policy::bytes::is_word;
use crate::policy::client::client_ip::{self, Client, NoClient};
use crate::policy::client::original::Original;
use crate::policy::outcome::Reason;
use crate::policy::routing::authority::Host;
use crate::policy::routing::path::{ambiguity, is_plain};
use crate::policy::signature::proof::Proof;
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::wire::body::Framing;
use crate::wire::fields::Span;
use crate::wire::read_buffer::ReadBuffer;
use crate::wire::shares::PeerClass;

/// A request that may be forwarded.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The permit, which names the client and what admitted it.
    pub permit: Permit,
    /// The route, with its upstream and its rules.
    pub route: Arc<LiveRoute>,
    /// The target in origin form. An empty range stands for `/`, if the target is an absolute URL without a path.
    pub target: Span,
    /// The names in the Connection field, whose fields are not forwarded; empty if it is only `keep-alive` or `close`, the
    /// usual case: no field of these names is forwarded in any case.
    pub named_by_connection: Vec<u8>,
    /// How long the body is.
    pub framing: Framing,
    /// The sender waits for `100 Continue`.
    pub expects_continue: bool,
    /// The forwarded head has a Content-Length even if the body is empty.
    pub announces_body: bool,
    /// The reason for which it would be denied, if only `mode: observe` admits it.
    pub would_deny: Option<Reason>,
    /// A trusted proxy wrote the request: its `X-Forwarded-Host` and `X-Forwarded-Proto` are believed.
    pub behind_proxy: bool,
}

impl Admitted {
    /// The class of the client. One that only its signature or `mode: observe` admitted is a stranger.
    #[must_use]
    pub(crate) fn class(&self) -> PeerClass {
        match self.permit.grant() {
            Grant::Listed { .. } => PeerClass::Listed,
            Grant::Signed | Grant::Observed(_) => PeerClass::Stranger,
        }
    }
}

impl Admitted {
    /// What trusted proxies say of the client's own request.
    #[must_use]
    pub(crate) fn original<'h>(&self, snapshot: &Snapshot, peer: &Peer, head: &'h Head) -> Original<'h> {
        if !self.behind_proxy {
            return Original::default();
        }
        let place = peer.origin.place_of(self.permit.client());
        Original::read(snapshot.config.forwarded_header, place, |name| head.values(name))
    }
}

/// A request that is not forwarded; the gate itself replies.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The reason, for the log and the reply.
    pub reason: Reason,
    /// The route, if one was found.
    pub route: Option<Arc<LiveRoute>>,
    /// What an operator should know besides what the reason means.
    pub note: Option<String>,
    /// The signature of a stranger, if it is a good one.
    pub judgement: Option<Box<Judgement>>,
    /// The body of a stranger may prove more, and is to be read.
    pub hearing: Option<Box<Hearing>>,
}

impl Refusal {
    fn of(reason: Reason, route: Option<&Arc<LiveRoute>>) -> Self {
        Self { reason, route: route.cloned(), note: None, judgement: None, hearing: None }
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It goes to the application.
    Forward(Admitted),
    /// The gate refuses it.
    Refuse(Refusal),
    /// It is a health probe: a load balancer asks on `health_path` whether this gate wants requests.
    Probe,
    /// It asks for the file of an ACME challenge. If the file can be served, it is the reply; if not, the inner verdict
    /// applies.
    Challenge(PathBuf, Box<Judged>),
    /// The sender closed the connection before its head was complete.
    Gone,
}

/// Judges one head. Stores in `received` what it finds out on the way.
pub(crate) fn judge(
    snapshot: &Snapshot,
    peer: &Peer,
    head: Result<Head, Reason>,
    received: &mut Received,
) -> Judged {
    let head = match head {
        Ok(head) => &*received.head.insert(head),
        Err(reason) => return unserved(snapshot, peer, reason),
    };
    received.version = Some(head.version);
    let facts = Facts::read(head);
    match &facts {
        Ok(facts) => Received::note_framing(&mut received.close, &mut received.skippable, facts),
        Err(_) => received.close = true,
    }
    // Before anything else is asked of the head: the probes of many balancers have no Host.
    if is_probe(snapshot, peer, head) {
        return Judged::Probe;
    }
    let facts = match facts {
        Ok(facts) => facts,
        Err(reason) => {
            received.client = Who::of(snapshot, peer, head).client.ok().map(|client| client.address);
            return unserved(snapshot, peer, reason);
        }
    };
    let who = Who::of(snapshot, peer, head);
    received.client = who.client.as_ref().ok().map(|client| client.address);
    if let Some(id) = who.request_id {
        received.request_id = RequestId::Given(id.into());
    }
    let listener = snapshot.config.listen.get(peer.listener);
    let challenge = listener
        .and_then(|listener| listener.acme_challenges.as_deref())
        .and_then(|folder| challenge::file(folder, head, &facts));
    let judged = match admit(snapshot, peer, head, &facts, who, None) {
        Ok(admitted) => Judged::Forward(admitted),
        Err(refusal) => Judged::Refuse(refusal),
    };
    match challenge {
        Some(file) => Judged::Challenge(file, Box::new(judged)),
        None => judged,
    }
}

/// Judges a request of HTTP/1 whose bytes are all there, as a connection that brings them is served.
pub(crate) fn judge_bytes(snapshot: &Snapshot, peer: &Peer, bytes: &[u8]) -> (Received, Judged) {
    let (mut received, mut buffer) = (Received::default(), ReadBuffer::default());
    buffer.append(bytes);
    let judged = match Scan::default().advance(&mut buffer, snapshot.config.limits.max_head) {
        Progress::Whole(len) => judge(snapshot, peer, parse(&buffer.unread()[..len]), &mut received),
        Progress::Refused(reason) => {
            received.note = stray::note(buffer.unread());
            unserved(snapshot, peer, reason)
        }
        Progress::More => unserved(snapshot, peer, Reason::SenderGone),
    };
    (received, judged)
}

/// What the peer and the forwarding fields say about the origin of a request.
struct Who<'h> {
    client: Result<Client, NoClient>,
    /// A trusted proxy wrote the request.
    behind_proxy: bool,
    /// The `X-Request-Id` of a trusted proxy.
    request_id: Option<&'h [u8]>,
}

impl<'h> Who<'h> {
    fn of(snapshot: &Snapshot, peer: &Peer, head: &'h Head) -> Self {
        let behind_proxy = peer.origin.is_trusted(peer.address, &snapshot.trusted);
        let header = snapshot.config.forwarded_header;
        let lines = head.values(header.name());
        let client = client_ip::resolve(peer.address, peer.origin, &snapshot.trusted, header, lines);
        let request_id = if behind_proxy {
            head.values("x-request-id").next().filter(|id| is_request_id(id))
        } else {
            None
        };
        Self { client, behind_proxy, request_id }
    }
}

/// Finds the route of a request and decides whether its client may use it.
fn admit(
    snapshot: &Snapshot,
    peer: &Peer,
    head: &Head,
    facts: &Facts<'_>,
    who: Who<'_>,
    proof: Option<Proof>,
) -> Result<Admitted, Refusal> {
    let plain = is_plain(facts.path);
    let ambiguous = !plain && ambiguity(facts.path).is_some();
    let name = Some(facts.name);
    // In a plain path nothing is encoded.
    let index = if plain || ambiguous {
        snapshot.table.find_as_written(name, facts.path)
    } else {
        snapshot.table.find(name, facts.path)
    };
    let found = index.map(|index| &snapshot.routes[index]);
    if ambiguous && (found.is_some() || snapshot.config.mode == Mode::Observe) {
        return Err(refuse_ambiguous(snapshot, peer, who.client, found));
    }
    let lists = found.map(|route| route.allow.iter().map(|list| &list.ranges));
    let route = found.unwrap_or(&snapshot.unrouted);
    let unlisted = |client| doubt::unlisted(snapshot, route, client);
    let mode = snapshot.config.mode;
    let permit = admission::decide(who.client, peer.address, lists, mode, proof, unlisted).map_err(
        |(denial, _)| {
            let looked = stranger::look(snapshot, head, facts, found, denial.reason());
            let Stranger { reason, judgement, hearing } = looked;
            let note = doubt::note(snapshot, route, denial);
            Refusal { note, judgement, hearing, ..Refusal::of(reason, found) }
        },
    )?;
    if let Some(reason) = flaw_of_request(head, facts, route, snapshot.config.limits.max_body) {
        return Err(Refusal::of(reason, Some(route)));
    }
    let would_deny = match permit.grant() {
        Grant::Observed(denial) => Some(stranger::look(snapshot, head, facts, found, denial.reason()).reason),
        Grant::Listed { .. } | Grant::Signed => None,
    };
    Ok(Admitted {
        would_deny,
        target: head.span_of(facts.target),
        named_by_connection: match &*facts.connection {
            usual if is_word(usual, b"keep-alive") || is_word(usual, b"close") => Vec::new(),
            named => named.to_vec(),
        },
        framing: facts.framing,
        expects_continue: facts.expects_continue,
        announces_body: facts.framing != Framing::None
            || matches!(head.method(), b"POST" | b"PUT" | b"PATCH"),
        behind_proxy: who.behind_proxy,
        route: Arc::clone(route),
        permit,
    })
}

/// Admits a request of a stranger whose signature proves who made it, if nothing else speaks against it.
///
/// # Errors
/// The reason to refuse it.
pub(super) fn proven(
    snapshot: &Snapshot,
    peer: &Peer,
    head: &Head,
    proof: Proof,
) -> Result<Admitted, Refusal> {
    let facts = Facts::read(head).map_err(|reason| Refusal::of(reason, None))?;
    admit(snapshot, peer, head, &facts, Who::of(snapshot, peer, head), Some(proof))
}

/// The verdict on a head that cannot be served. Who is not listed always gets the reply to a denial, even for a malformed
/// request.
#[must_use]
pub(crate) fn unserved(snapshot: &Snapshot, peer: &Peer, reason: Reason) -> Judged {
    let writer = peer.writer();
    let listed = snapshot.trusted.contains(writer) || snapshot.is_listed(writer);
    match reason {
        _ if snapshot.config.mode == Mode::Enforce && !listed => {
            let denial = doubt::unlisted_anywhere(snapshot, writer);
            Judged::Refuse(refuse_anywhere(snapshot, denial, None))
        }
        Reason::SenderGone => Judged::Gone,
        reason => Judged::Refuse(Refusal::of(reason, None)),
    }
}

/// Refuses a client by what all routes allow.
fn refuse_anywhere(snapshot: &Snapshot, denial: Denial, route: Option<&Arc<LiveRoute>>) -> Refusal {
    Refusal { note: doubt::note_anywhere(snapshot, denial), ..Refusal::of(denial.reason(), route) }
}

/// Refuses a path that could mean two routes. A client that may use any route learns that the target is bad; every
/// other client gets the `deny` reply.
fn refuse_ambiguous(
    snapshot: &Snapshot,
    peer: &Peer,
    client: Result<Client, NoClient>,
    meant: Option<&Arc<LiveRoute>>,
) -> Refusal {
    let lists = snapshot.admitting.iter().map(|list| &list.ranges);
    let unlisted = |client| doubt::unlisted_anywhere(snapshot, client);
    match admission::decide(client, peer.address, Some(lists), snapshot.config.mode, None, unlisted) {
        Ok(_) => Refusal::of(Reason::BadTarget, meant),
        Err((denial, _)) => refuse_anywhere(snapshot, denial, meant),
    }
}

/// Which route a path without a route may have meant, as the note of the log.
pub(super) fn nearest_route(snapshot: &Snapshot, received: &Received) -> Option<String> {
    let host = received.head.as_ref()?.values("host").next().and_then(Host::read);
    let (place, difference) = snapshot.table.nearest(host, received.path())?;
    Some(format!("differs from {} by {difference}", snapshot.routes.get(place)?.label))
}

/// The reason to refuse an admitted request for its method or the length of its body.
pub(crate) fn flaw_of_request(
    head: &Head,
    facts: &Facts<'_>,
    route: &LiveRoute,
    max_body: usize,
) -> Option<Reason> {
    if !route.webhook.spec().methods.allow(head.method()) {
        return Some(Reason::BadMethod);
    }
    match facts.framing {
        Framing::Length(length) if length > max_body as u64 => Some(Reason::BodyTooLarge),
        _ => None,
    }
}

/// What any log and any shell can bear: proxies make names of UUIDs, of hexadecimal, of base64, and with separators of
/// their own.
fn is_request_id(value: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
    !value.is_empty() && value.len() <= 128 && value.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_request_is_short_and_visible() {
        for kept in ["f8a3-1", "Root=1-67891233-abc;Self=x", "q+Zq/0aY==", "[req]:7,{a}", &"x".repeat(128)] {
            assert!(is_request_id(kept.as_bytes()), "{kept}");
        }
        for other in ["", "a b", "a\"b", "a'b", "a\\b", "a\tb", "\u{e9}", &"x".repeat(129)] {
            assert!(!is_request_id(other.as_bytes()), "{other}");
        }
    }
}
