//! What the log will say of a request, gathered on its way; and the one place that writes it.
//!
//! Invariant: one event and one count a request, whatever became of it.

use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::gate::request::context::Context;
use crate::gate::request::head::Version;
use crate::gate::request::log::event::Event;
use crate::gate::request::received::Received;
use crate::policy::outcome::Reason;
use crate::state::snapshot::LiveRoute;
use crate::upstream::answer::Answer;
use crate::upstream::exchange::Progress;
use crate::upstream::flaw::Flaw;

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// Why, and with it the outcome.
    pub reason: Reason,
    /// What the sender was told; `None` when nothing could be said.
    pub status: Option<u16>,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
}

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
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
    note: Option<String>,
    written: bool,
}

impl Record {
    /// Whether the event was written.
    #[must_use]
    pub(crate) fn is_written(&self) -> bool {
        self.written
    }

    /// Adds what an operator can mend to what was noted before.
    pub(crate) fn note(&mut self, text: String) {
        self.note = Some(match self.note.take() {
            Some(earlier) => format!("{earlier}; {text}"),
            None => text,
        });
    }

    /// The request's one event.
    pub(crate) fn emit(
        &mut self,
        context: Context<'_>,
        received: &Received,
        route: Option<&LiveRoute>,
        ending: Ending,
    ) {
        self.written = true;
        let Context { gate, snapshot, peer, began } = context;
        let listed = route.zip(self.list).map(|(route, (list, prefix))| (&route.allow[list].name, prefix));
        let event = Event {
            request_id: received.request_id.bytes(),
            client: received.client.or_else(|| context.peer_as_client()),
            list: listed.map(|(name, _)| name.as_str()),
            prefix: listed.map(|(_, prefix)| prefix),
            route: route.map(|route| route.label.as_str()),
            webhook: route.map(|route| route.webhook.name()),
            method: received.method(),
            path: received.path(),
            status: ending.status,
            upstream_status: self.upstream_status.or(self.progress.status),
            attempts: self.progress.attempts,
            bytes_in: self.bytes_in,
            bytes_out: ending.bytes_out,
            duration: began.elapsed(),
            upstream: self.upstream_took,
            generation: snapshot.generation,
            tls: peer.tls,
            http: received.version.map(Version::word),
            would_deny: self.would_deny,
            client_cert: peer.client_cert.as_deref(),
            note: self.note.as_deref().or(received.note),
            ..Event::new(ending.reason, peer.address, began)
        };
        gate.events.emit(&event, &route.unwrap_or(&snapshot.unrouted).counters);
    }
}

/// What an operator can mend, where the answer shows it.
#[must_use]
pub(crate) fn note(route: &LiveRoute, answer: &Answer, reason: Reason) -> Option<String> {
    let advice = &route.webhook.provider().advice;
    match reason {
        // A 304 has nowhere to redirect to.
        Reason::Redirect if let Some(location) = &answer.location => {
            Some(advice.on_redirect(&without_user(location)))
        }
        Reason::Redirect | Reason::Status => Some(advice.on_status(answer.status)),
        Reason::Success => route.webhook.spec().answer.advice(answer.status, || answer.content_type()),
        _ => None,
    }
}

/// An answer that is malformed is the application's defect, and each of them costs a message: the event log says so,
/// once an hour for each route.
pub(crate) fn tell_flaw(route: &LiveRoute, flaw: Flaw) {
    if let Some(count) = route.counters.malformed.note(Instant::now()) {
        tracing::warn!(route = route.label, flaw = %flaw, count, "the application's answer is malformed");
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
