//! The record of a request: the values for the log, collected while the request is served, and the call that emits its
//! event.
//!
//! What the line looks like is in [`super::access_log`]. Invariant: one event per request, whatever its outcome.

use std::borrow::Cow;
use std::time::{Duration, Instant, SystemTime};

use crate::gate::delivered::MessageKey;
use crate::gate::request::context::Context;
use crate::gate::request::log::captured::Draught;
use crate::gate::request::log::event::{Event, Signed};
use crate::judge::head::{Head, Version};
use crate::judge::received::Received;
use crate::judge::served::doctor;
use crate::judge::signature::Judgement;
use crate::policy::outcome::Reason;
use crate::policy::signature::vouch::Vouched;
use crate::state::capture::draft::Draft;
use crate::state::snapshot::LiveRoute;
use crate::telemetry::timestamp::unix_seconds;
use crate::upstream::answer::Answer;
use crate::upstream::exchange::Progress;
use crate::upstream::flaw::Flaw;

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// The reason; the outcome follows from it.
    pub reason: Reason,
    /// The status of the reply; `None` when no reply was sent.
    pub status: Option<u16>,
    /// The number of bytes of the reply's body.
    pub bytes_out: u64,
}

/// The values that are known so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The status of the application's answer.
    pub upstream_status: Option<u16>,
    /// How far the exchange came.
    pub progress: Progress,
    /// How long the exchange took.
    pub upstream_took: Option<Duration>,
    /// The number of bytes of the request's body.
    pub bytes_in: u64,
    /// The reason for which the request would be denied, if only `mode: observe` admitted it.
    pub would_deny: Option<Reason>,
    /// The index of the admitting list among those of the route, and that of the prefix in its entries.
    pub listed: Option<(usize, usize)>,
    /// What became of the signature, if it was judged.
    pub signature: Option<Judgement>,
    /// The signed message, to be remembered when it is delivered.
    pub message_key: Option<MessageKey>,
    /// Whether it was delivered before.
    pub repeat: bool,
    /// Copies of its parts, while somebody asked to look at exchanges.
    pub draft: Option<Box<Draft>>,
    /// Advice for the operator.
    note: Option<Cow<'static, str>>,
    written: bool,
}

impl Record {
    /// Nothing is known yet.
    #[must_use]
    pub(crate) fn of(draft: Option<Box<Draft>>) -> Self {
        Self { draft, ..Self::default() }
    }

    /// Whether the event was emitted.
    #[must_use]
    pub(crate) fn is_written(&self) -> bool {
        self.written
    }

    /// Adds advice for the operator to what was noted before.
    pub(crate) fn note(&mut self, text: impl Into<Cow<'static, str>>) {
        let text = text.into();
        self.note = Some(match self.note.take() {
            Some(earlier) => format!("{earlier}; {text}").into(),
            None => text,
        });
    }

    /// Emits the one event of the request.
    pub(crate) fn emit(
        &mut self,
        context: Context<'_>,
        received: &Received,
        route: Option<&LiveRoute>,
        ending: Ending,
    ) {
        self.written = true;
        let Context { gate, snapshot, peer, began } = context;
        let listed = route.zip(self.listed).map(|(route, (list, entry))| (&*route.allow[list], entry));
        // One look at the clock for both, the cell and the line.
        let ended = listed.map(|(list, entry)| {
            let now = SystemTime::now();
            list.last_hits.note(entry, unix_seconds(now));
            now
        });
        let event = Event {
            request_id: received.request_id.bytes(),
            client: received.client.or_else(|| context.peer_as_client()),
            list: listed.map(|(list, _)| list.name.as_str()),
            prefix: listed.map(|(list, entry)| list.ranges.entries()[entry].prefix),
            route: route.map(|route| route.label.as_str()),
            webhook: route.map(|route| route.webhook.name()),
            method: received.method(),
            path: doctor::loggable(received.path()),
            status: ending.status,
            upstream_status: self.upstream_status.or(self.progress.status),
            attempts: self.progress.attempts,
            bytes_in: self.bytes_in,
            bytes_out: ending.bytes_out,
            ended,
            duration: began.elapsed(),
            upstream: self.upstream_took,
            generation: snapshot.generation,
            tls: peer.tls,
            http: received.version.map(Version::word),
            would_deny: self.would_deny,
            client_cert: peer.client_cert.as_deref(),
            signature: self.signature.as_ref().map(signed),
            note: self.note.as_deref(),
            ..Event::new(ending.reason, peer.address, began)
        };
        let draft = self.draft.take();
        let head = draft.as_ref().and(received.head.as_ref()).map(Head::to_http1).unwrap_or_default();
        let webhook = route.map(|route| route.webhook);
        let draught = draft.map(|draft| Draught { draft, webhook, head: &head });
        gate.events.emit(&event, &route.unwrap_or(&snapshot.unrouted).counters, draught);
    }
}

/// The signature for the event. What a signature says that is not good is not to be relied on, so it is left out.
fn signed(judgement: &Judgement) -> Signed<'_> {
    let vouched = judgement.vouched.as_ref();
    Signed {
        finding: judgement.finding,
        scheme: judgement.scheme,
        account: vouched.and_then(Vouched::account),
        application: vouched.and_then(Vouched::application),
        id: vouched.and_then(Vouched::id),
        age: vouched.map(Vouched::age),
    }
}

/// The advice for the operator, if the answer shows that the application can be improved.
#[must_use]
pub(crate) fn note(route: &LiveRoute, answer: &Answer, reason: Reason) -> Option<String> {
    let advice = &route.webhook.provider().advice;
    match reason {
        // Without a Location (such as a 304) the advice is that for a status.
        Reason::Redirect if let Some(location) = &answer.location => {
            Some(advice.on_redirect(&without_user(location)))
        }
        Reason::Redirect | Reason::Status => Some(advice.on_status(answer.status)),
        Reason::Success => route.webhook.spec().answer.advice(answer.status, || answer.content_type()),
        _ => None,
    }
}

/// Reports a malformed answer in the event log, at most once an hour for each route: it is a defect of the application,
/// and each such answer costs a message.
pub(crate) fn tell_flaw(route: &LiveRoute, flaw: Flaw) {
    if let Some(count) = route.counters.malformed.note((), Instant::now()) {
        tracing::warn!(route = route.label, flaw = %flaw, count, "the application's answer is malformed");
    }
}

/// A URL without a user name and password before its host. Browsers recognise these in more places than the standard
/// allows, so everything before the last `@` is left out, except in a plain path.
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
    fn a_note_shows_no_password_of_a_location() {
        for (url, wanted) in [
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
            assert_eq!(String::from_utf8_lossy(&without_user(url.as_bytes())), wanted, "{url}");
        }
    }
}
