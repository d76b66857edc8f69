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
//! | [`signature`] | what became of the signature |

mod head;
mod hops;
pub(crate) mod question;
pub(crate) mod signature;
#[cfg(test)]
mod tests;

use std::path::Path;

use self::question::{ProxyHeader, Question, QuestionError, Subject};
use crate::admin::api::explanation::{Explanation, ListVerdict, RouteVerdict, Verdict};
use crate::config::Listener;
use crate::judge::peer::Peer;
use crate::judge::received::Received;
use crate::judge::request::{Admitted, Judged, judge_bytes};
use crate::judge::signature::Seen;
use crate::judge::{connection, doubt, reply};
use crate::policy::admission::{self, Grant, Mode};
use crate::policy::client::client_ip::{self, Client, NoClient, Origin};
use crate::policy::lead::lead;
use crate::policy::outcome::{Outcome, Reason};
use crate::state::snapshot::{List, LiveRoute, Snapshot};

type WhoAsks = Result<Client, NoClient>;

/// Whether a file is there; `None` where nobody may wait for its file system, as on the threads that serve.
pub(crate) type Exists = fn(&Path) -> Option<bool>;

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
    let routes: Vec<RouteVerdict> = match (&question.subject, refused) {
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

/// A request, and who it is of.
#[derive(Clone, Copy)]
struct Request<'q> {
    snapshot: &'q Snapshot,
    peer: &'q Peer,
    client: &'q WhoAsks,
    received: &'q Received,
    question: &'q Question,
}

impl Request<'_> {
    /// What becomes of it.
    fn verdict(self, judged: Judged, exists: Exists, now: u64) -> RouteVerdict {
        let Self { snapshot, client, received, .. } = self;
        match judged {
            Judged::Forward(admitted) => self.admitted(&admitted, now),
            Judged::Refuse(refused) => {
                let note = reply::note_of_refusal(snapshot, received, &refused).map(Into::into);
                let status = reply::status(snapshot, self.peer, refused.reason);
                RouteVerdict { note, status, ..refusal(refused.route.as_deref(), refused.reason, client) }
            }
            Judged::Probe => RouteVerdict {
                verdict: Verdict::Served,
                note: Some("a health probe: 200 while the gate is ready, else 503".to_owned()),
                ..refusal(None, Reason::Success, client)
            },
            Judged::Challenge(file, otherwise) => {
                let otherwise = self.verdict(*otherwise, exists, now);
                let note =
                    |text: &str| Some(format!("an ACME challenge: {} is the answer{text}", file.display()));
                match exists(&file) {
                    Some(false) => otherwise,
                    Some(true) => RouteVerdict {
                        verdict: Verdict::Served,
                        note: note(""),
                        ..refusal(None, Reason::AcmeChallenge, client)
                    },
                    None => RouteVerdict { note: note(", if it is there"), ..otherwise },
                }
            }
            Judged::Gone => RouteVerdict {
                note: Some("the request is not complete: it ends before its head does".to_owned()),
                ..refusal(None, Reason::SenderGone, client)
            },
        }
    }

    /// What becomes of one that the lists admit, by its signature.
    fn admitted(self, admitted: &Admitted, now: u64) -> RouteVerdict {
        let Self { snapshot, client, received, .. } = self;
        let (route, head) = (&admitted.route, received.head.as_ref());
        let granted = granted(client, route, admitted.permit.grant());
        let (verdict, denied) = match (admitted.permit.grant(), admitted.would_deny) {
            (Grant::Observed(denial), Some(reason)) => (
                RouteVerdict { reason: Some(reason.word().to_owned()), ..granted },
                reply::note_of_denial(snapshot, received, route, (denial, reason)),
            ),
            _ => (granted, None),
        };
        let seen = match (&self.question.subject, head) {
            (Subject::Raw(bytes), Some(head)) => {
                signature::judged(snapshot, admitted, head, head::behind(bytes), now)
            }
            _ => None,
        };
        let signature = match &seen {
            Some(seen) => Some(signature::on_route(snapshot, route, seen)),
            None => signature::asked(snapshot, route),
        };
        let (fault, reason) = match &seen {
            Some(Seen::Judged(judgement)) => (judgement.note(route), judgement.denial_on(route)),
            _ => (None, None),
        };
        let verdict = match reason {
            Some(reason) => self.denied(verdict, reason),
            None => verdict,
        };
        let original = head.map(|head| admitted.original(snapshot, self.peer, head));
        let unused = original.and_then(|original| original.unused).map(|unused| unused.to_string());
        let unused = unused.filter(|_| verdict.verdict != Verdict::Denied);
        let notes: Vec<String> = denied.map(Into::into).into_iter().chain(fault).chain(unused).collect();
        let note = Some(notes.join("; ")).filter(|note| !note.is_empty());
        RouteVerdict { note, signature, ..verdict }
    }

    /// What its signature makes of a request that the lists admit.
    fn denied(self, verdict: RouteVerdict, reason: Reason) -> RouteVerdict {
        if self.snapshot.config.mode == Mode::Observe {
            // What the lists say of it was first.
            let reason = verdict.reason.or(Some(reason.word().to_owned()));
            return RouteVerdict { verdict: Verdict::WouldDeny, reason, ..verdict };
        }
        let status = reply::status(self.snapshot, self.peer, reason);
        let reason = Some(reason.word().to_owned());
        RouteVerdict { verdict: Verdict::Denied, reason, status, ..verdict }
    }
}

/// What the lists of a route say, whatever the request may be.
fn by_lists(snapshot: &Snapshot, peer: &Peer, client: &WhoAsks, route: &LiveRoute) -> RouteVerdict {
    let allow = route.allow.iter().map(|list| &list.ranges);
    let mode = snapshot.config.mode;
    let unlisted = |client| doubt::unlisted(snapshot, route, client);
    let judged = admission::decide(client.clone(), peer.address, Some(allow), mode, unlisted);
    match judged.map(|permit| permit.grant()) {
        Ok(grant @ Grant::Listed { .. }) => granted(client, route, grant),
        Ok(grant @ Grant::Observed(denial)) => {
            RouteVerdict { note: doubt::note(snapshot, route, denial), ..granted(client, route, grant) }
        }
        Err((denial, _)) => {
            let status = reply::status(snapshot, peer, denial.reason());
            let note = doubt::note(snapshot, route, denial);
            RouteVerdict { note, status, ..refusal(Some(route), denial.reason(), client) }
        }
    }
}

/// A request that is forwarded.
fn granted(client: &WhoAsks, route: &LiveRoute, grant: Grant) -> RouteVerdict {
    match grant {
        Grant::Listed { list, .. } => {
            let verdict = refusal(Some(route), Reason::Success, client);
            let by = verdict.lists.get(list);
            let (name, prefix) = (by.map(|by| by.name.clone()), by.and_then(|by| by.prefix.clone()));
            RouteVerdict { verdict: Verdict::Admitted, list: name, prefix, ..verdict }
        }
        Grant::Observed(denial) => {
            RouteVerdict { verdict: Verdict::WouldDeny, ..refusal(Some(route), denial.reason(), client) }
        }
    }
}

/// A request that ends for this reason. A success is the application's to give, so it is no reason here.
fn refusal(route: Option<&LiveRoute>, reason: Reason, client: &WhoAsks) -> RouteVerdict {
    let route = route.filter(|route| route.label != crate::state::snapshot::UNROUTED);
    let verdict = if reason.outcome() == Outcome::Denied { Verdict::Denied } else { Verdict::Rejected };
    RouteVerdict {
        list: None,
        lists: route.map_or(&[][..], |route| &route.allow).iter().map(|list| held_by(list, client)).collect(),
        note: None,
        prefix: None,
        reason: Some(reason.word().to_owned()).filter(|_| reason != Reason::Success),
        route: route.map(|route| route.label.clone()),
        signature: None,
        status: None,
        verdict,
        webhook: route.map(|route| route.webhook.name().to_owned()),
    }
}

/// What a list holds of the client.
fn held_by(list: &List, client: &WhoAsks) -> ListVerdict {
    let entries = list.ranges.entries();
    let place = client.as_ref().ok().and_then(|client| list.ranges.set().find(client.address));
    let entry = place.and_then(|place| entries.get(place));
    ListVerdict {
        file: list.path.display().to_string(),
        last_good: list.last_good,
        line: entry.map(|entry| entry.line),
        name: list.name.clone(),
        prefix: entry.map(|entry| entry.prefix.to_string()),
        prefixes: entries.len(),
    }
}
