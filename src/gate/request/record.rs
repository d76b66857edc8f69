//! What the log will say of a request, gathered on its way; and the one place that writes it.
//!
//! Invariant: one event and one count a request, whatever became of it.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use crate::gate::Gate;
use crate::gate::request::access_log::AccessEvent;
use crate::gate::request::context::Context;
use crate::gate::request::facts::Version;
use crate::gate::request::intake::LogFields;
use crate::policy::address::addr::Address;
use crate::policy::outcome::{Outcome, Reason};
use crate::state::snapshot::{LiveRoute, Snapshot};
use crate::state::stats::counters::RouteCounters;
use crate::state::stats::denials::Denial;
use crate::upstream::answer::Answer;
use crate::upstream::exchange::Progress;

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Why, and with it the outcome.
    pub reason: Reason,
    /// What the sender was told; `None` when nothing could be said.
    pub status: Option<u16>,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
}

/// What is known so far.
#[derive(Debug, Default)]
pub struct Record {
    /// What the upstream said.
    pub upstream_status: Option<u16>,
    /// How far the exchange came.
    pub progress: Progress,
    /// How long it took.
    pub upstream_took: Option<Duration>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// The reason for which only `mode: observe` let it pass.
    pub would_deny: Option<Reason>,
    /// The place of the admitting list in the route's, and the prefix.
    pub list: Option<(usize, IpNet)>,
    /// What an operator can mend.
    pub note: Option<String>,
    written: bool,
}

impl Record {
    /// Whether the event was written.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.written
    }

    /// The reason for which the client has no right to be here, denied or only observed.
    fn denial(&self, reason: Reason) -> Option<Reason> {
        self.would_deny.or_else(|| (reason.outcome() == Outcome::Denied).then_some(reason))
    }

    /// The request's one line, and its one count.
    pub fn write(
        &mut self,
        scene: Context<'_>,
        seen: &LogFields,
        route: Option<&Arc<LiveRoute>>,
        ending: Ending,
    ) {
        self.written = true;
        let Ending { reason, status, bytes_out } = ending;
        let client = seen.client.or_else(|| scene.peer_as_client());
        let told = &*self;
        if let Some(why) = told.denial(reason) {
            scene.gate.denials.note(&Denial {
                client: client.unwrap_or(scene.peer.address),
                reason: why,
                observed: told.would_deny.is_some(),
                // The stand-in for no route is none.
                route: route
                    .filter(|route| !Arc::ptr_eq(route, &scene.snapshot.unrouted))
                    .map(|route| route.label.as_str()),
                path: &seen.path,
                at: scene.began,
            });
        }
        let counters: &RouteCounters = &route.unwrap_or(&scene.snapshot.unrouted).counters;
        counters.count(reason, status);
        let listed = route.zip(told.list).map(|(route, (list, prefix))| (&route.allow[list].name, prefix));
        let event = AccessEvent {
            request_id: &seen.request_id,
            reason,
            client,
            peer: scene.peer.address,
            list: listed.map(|(name, _)| name.as_str()),
            prefix: listed.map(|(_, prefix)| prefix),
            route: route.map(|route| route.label.as_str()),
            webhook: route.map(|route| route.webhook.name()),
            method: &seen.method,
            path: &seen.path,
            status,
            upstream_status: told.upstream_status,
            attempts: told.progress.attempts,
            bytes_in: told.bytes_in,
            bytes_out,
            duration: scene.began.elapsed(),
            upstream: told.upstream_took,
            generation: scene.snapshot.generation,
            tls: scene.peer.tls,
            http: seen.version.map(Version::word),
            would_deny: told.would_deny,
            client_cert: scene.peer.client_cert.as_deref(),
            note: told.note.as_deref(),
        };
        scene.gate.log.write(&event);
    }
}

impl Gate {
    /// The line of a connection that was closed before it could say anything.
    pub fn log_unheard(&self, snapshot: &Snapshot, address: Address, reason: Reason) {
        let at = Instant::now();
        self.denials.note(&Denial { client: address, reason, observed: false, route: None, path: &[], at });
        snapshot.unrouted.counters.count(reason, None);
        let event = AccessEvent {
            request_id: &[],
            reason,
            client: Some(address),
            peer: address,
            list: None,
            prefix: None,
            route: None,
            webhook: None,
            method: &[],
            path: &[],
            status: None,
            upstream_status: None,
            attempts: 0,
            bytes_in: 0,
            bytes_out: 0,
            duration: Duration::ZERO,
            upstream: None,
            generation: snapshot.generation,
            tls: false,
            http: None,
            would_deny: None,
            client_cert: None,
            note: None,
        };
        self.log.write(&event);
    }
}

/// What an operator can mend, where the answer shows it.
#[must_use]
pub fn note(route: &LiveRoute, answer: &Answer, reason: Reason) -> Option<String> {
    let advice = &route.webhook.provider().advice;
    match reason {
        Reason::Redirect => {
            let location = without_user(answer.location.as_deref().unwrap_or_default());
            Some(advice.on_redirect(&location))
        }
        Reason::Status => Some(advice.on_status(answer.status)),
        Reason::Success => route.webhook.spec().answer.advice(answer.status, || answer.content_type()),
        _ => None,
    }
}

/// A URL without what may be a name and a password before its host. Browsers take more for one than the standard does:
/// whatever stands before the last `@` of anything but a plain path is left out.
fn without_user(url: &[u8]) -> Vec<u8> {
    let is_path = url.first() == Some(&b'/') && !matches!(url.get(1), Some(b'/' | b'\\'));
    let Some(at) = url.iter().rposition(|b| *b == b'@').filter(|_| !is_path) else { return url.to_vec() };
    let scheme =
        url.iter().position(|b| *b == b':').filter(|end| url[..*end].iter().all(u8::is_ascii_alphabetic));
    let begin = scheme.filter(|end| *end < at).map_or(0, |end| end + 1);
    let slashes = url[begin..at].iter().take_while(|b| matches!(b, b'/' | b'\\')).count();
    [&url[..begin + slashes], "\u{2026}".as_bytes(), &url[at..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_tells_no_password_of_a_location() {
        for (url, told) in [
            ("https://user:secret@host/a", "https://\u{2026}@host/a"),
            ("//user:secret@host", "//\u{2026}@host"),
            ("user:secret@host", "user:\u{2026}@host"),
            ("https:/\\user:secret@h/", "https:/\\\u{2026}@h/"),
            ("///user:secret@h/", "///\u{2026}@h/"),
            ("https:///user:secret@h/x", "https:///\u{2026}@h/x"),
            ("https://us/er:secret@h/x", "https://\u{2026}@h/x"),
            ("https://host/a", "https://host/a"),
            ("/login@x", "/login@x"),
            ("@", "\u{2026}@"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_user(url.as_bytes())), told, "{url}");
        }
    }
}
