//! What the gate does with a request, and why: the verdict of [`crate::judge`] with its whole chain.
//!
//! The verdict is the one that serves: the same functions judge the connection and the bytes of the request. What is
//! added here is only for reading: which CIDR or list made a hop a trusted one, and on which line of which file the
//! prefix stands. The words are in [`crate::admin::text::explanation`].
//!
//! | file | noun |
//! | --- | --- |
//! | [`question`] | what is asked |
//! | [`head`] | the head that it is about |
//! | [`hops`](mod@hops) | the walk from the peer to the client |
//! | [`request`] | what becomes of one request |
//! | [`verdict`] | a verdict on a route, as the answer has it |
//! | [`signature`] | what became of the signature |

mod head;
mod hops;
pub(crate) mod question;
mod request;
pub(crate) mod signature;
#[cfg(test)]
mod tests;
mod verdict;

use self::question::{ProxyHeader, Question, QuestionError, Subject};
use self::request::{Exists, Request};
use self::verdict::{WhoAsks, granted, refusal};
use crate::admin::api::explanation::{Explanation, RouteVerdict, Verdict};
use crate::config::Listener;
use crate::judge::peer::Peer;
use crate::judge::request::{Judged, judge_bytes};
use crate::judge::{connection, doubt, reply};
use crate::policy::admission::{self, Grant};
use crate::policy::client::client_ip::{self, Origin};
use crate::policy::lead::{as_explained, lead};
use crate::policy::outcome::Reason;
use crate::state::snapshot::{LiveRoute, Snapshot};

/// Judges what is asked about; `now` is in Unix seconds.
///
/// # Errors
/// The listener does not exist, or takes no PROXY header.
pub(crate) fn explain(
    snapshot: &Snapshot,
    question: &Question,
    exists: Exists,
    now: u64,
) -> Result<Explanation, QuestionError> {
    let (place, listener) = listener(snapshot, question)?;
    let (peer, refused) = connect(snapshot, question, place, listener);
    let header = snapshot.config.forwarded_header;
    let judged = |method: &str| judge_bytes(snapshot, &peer, &head::bytes(question, header, method));
    let (received, verdict) = match (judged("POST"), judged("GET")) {
        // Nobody named a method: what the route's webhook, a probe or a challenge does not have was not asked about.
        ((_, Judged::Refuse(_)), got @ (_, Judged::Probe | Judged::Challenge(..)))
            if names_no_method(question) =>
        {
            got
        }
        ((_, Judged::Refuse(refusal)), got)
            if refusal.reason == Reason::BadMethod && names_no_method(question) =>
        {
            got
        }
        (posted, _) => posted,
    };
    let lines = received.head.iter().flat_map(|head| head.values(header.name()));
    let lines: Vec<&[u8]> = lines.collect();
    let client = client_ip::resolve(peer.address, peer.origin, &snapshot.trusted, header, lines.into_iter());
    let mut routes: Vec<RouteVerdict> = match (&question.subject, refused) {
        (_, Some(reason)) => {
            vec![RouteVerdict {
                verdict: Verdict::Closed,
                note: lead(reason).map(str::to_owned),
                ..refusal(None, reason, &client)
            }]
        }
        (Subject::EveryRoute, None) => {
            snapshot.routes.iter().map(|route| by_lists(snapshot, &peer, &client, route)).collect()
        }
        (_, None) => {
            let request = Request { snapshot, peer: &peer, client: &client, received: &received, question };
            vec![request.verdict(verdict, exists, now)]
        }
    };
    for route in &mut routes {
        route.note = route.note.as_deref().map(as_explained);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let of_head = |bytes: &[u8]| (question.subject != Subject::EveryRoute).then(|| text(bytes));
    let host = received.head.as_ref().and_then(|head| head.values("host").next()).and_then(of_head);
    Ok(Explanation {
        admitted: routes.iter().any(|route| route.verdict == Verdict::Admitted),
        client: client.as_ref().ok().map(|client| client.address.to_string()),
        deny: snapshot.config.deny.word().to_owned(),
        generation: snapshot.generation,
        hops: hops::hops(snapshot, &peer, received.head.as_ref()),
        host: host.filter(|host| host != head::NO_HOST).unwrap_or_default(),
        listener: listener.map(|listener| listener.address.to_string()),
        method: of_head(received.method()),
        mode: snapshot.config.mode.word().to_owned(),
        no_client: client.as_ref().err().map(|none| none.reason().word().to_owned()),
        path: of_head(received.path()),
        peer: question.peer.to_string(),
        routes,
        via: question.via.clone(),
    })
}

fn names_no_method(question: &Question) -> bool {
    matches!(&question.subject, Subject::Parts { method: None, .. })
}

/// The listener that was named, else the first that takes what the connection begins with.
fn listener<'s>(
    snapshot: &'s Snapshot,
    question: &Question,
) -> Result<(usize, Option<&'s Listener>), QuestionError> {
    let all = &snapshot.config.listen;
    let proxied = question.proxy.is_some();
    let place = match &question.listener {
        Some(named) => {
            all.iter().position(|listener| listener.address.to_string() == *named).ok_or_else(|| {
                let there: Vec<String> = all.iter().map(|listener| listener.address.to_string()).collect();
                QuestionError::NoListener(named.clone(), there.join(", "))
            })?
        }
        None => all.iter().position(|listener| listener.proxy_protocol == proxied).unwrap_or(0),
    };
    let listener = all.get(place);
    match (listener, question.proxy) {
        (Some(listener), Some(ProxyHeader::Source(_))) if !listener.proxy_protocol => {
            Err(QuestionError::NoProxyProtocol(listener.address.to_string()))
        }
        _ => Ok((place, listener)),
    }
}

/// The peer of the connection, and the reason for which it is closed before a request is read.
fn connect(
    snapshot: &Snapshot,
    question: &Question,
    place: usize,
    listener: Option<&Listener>,
) -> (Peer, Option<Reason>) {
    let proxy_protocol = listener.is_some_and(|listener| listener.proxy_protocol);
    let mut peer = Peer {
        address: question.peer,
        listener: place,
        tls: listener.is_some_and(|listener| listener.tls.is_some()),
        tls_in_front: false,
        client_cert: None,
        origin: Origin::Peer,
    };
    let refused =
        connection::refuse_peer(snapshot, proxy_protocol, peer.address, snapshot.knows(peer.address));
    if refused.is_some() || !proxy_protocol {
        return (peer, refused);
    }
    match question.proxy {
        Some(ProxyHeader::Source(source)) => {
            peer.origin = Origin::Proxied(source);
            let refused = connection::refuse_source(snapshot, source);
            (peer, refused)
        }
        Some(ProxyHeader::Missing) | None => (peer, Some(Reason::NoProxyHeader)),
    }
}

/// What the lists of a route say, whatever the request may be.
fn by_lists(snapshot: &Snapshot, peer: &Peer, client: &WhoAsks, route: &LiveRoute) -> RouteVerdict {
    let allow = route.allow.iter().map(|list| &list.ranges);
    let mode = snapshot.config.mode;
    let unlisted = |client| doubt::unlisted(snapshot, route, client);
    let judged = admission::decide(client.clone(), peer.address, Some(allow), mode, None, unlisted);
    match judged.map(|permit| permit.grant()) {
        Ok(grant @ (Grant::Listed { .. } | Grant::Signed)) => granted(client, route, grant),
        Ok(grant @ Grant::Observed(denial)) => {
            RouteVerdict { note: doubt::note(snapshot, route, denial), ..granted(client, route, grant) }
        }
        Err((denial, _)) => {
            let status = reply::status(snapshot, peer, denial.reason());
            let note = doubt::note(snapshot, route, denial);
            let with_signature = signature::of_unlisted(snapshot, route, denial.reason());
            RouteVerdict { note, status, with_signature, ..refusal(Some(route), denial.reason(), client) }
        }
    }
}
