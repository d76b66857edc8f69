//! The answers to the requests of `nexmo-gate doctor`: what the gate saw of each.
//!
//! Which requests these are is in [`crate::judge::served::doctor`]. Invariant: such a request never reaches an application,
//! whatever the verdict on it would be.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::gate::request::reply::Frame;
use crate::gate::request::{Next, Request, budgets};
use crate::judge::served::doctor::{asked, framing, seen};
use crate::judge::served::seen::Seen;
use crate::policy::delivery::RETRY_AFTER_S;
use crate::policy::outcome::Reason;
use crate::state::doctor::Question;
use crate::state::doctor::proof::{FIELD, sha256};
use crate::telemetry::timestamp::since_1970;
use crate::wire::body::{Framing, Wanted};
use crate::wire::fields::Fields;
use crate::wire::shares::PeerClass;
use crate::wire::transport::{Reply, Transport};

/// The longest time for which an answer waits, whatever the deadlines of the routes are.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// What the doctor asks for, besides what the gate saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// An answer with this status.
    Status(u16),
    /// An answer when the longest deadline of a route is over.
    Wait,
}

impl Wish {
    fn of(rest: &[u8]) -> Self {
        let path = rest.split(|b| *b == b'?').next().unwrap_or_default();
        let digits = path.strip_prefix(b"/status/").and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(status @ (200..=205 | 400..=599)) => Self::Status(status),
            _ if path == b"/wait" => Self::Wait,
            _ => Self::Status(200),
        }
    }
}

impl<T: Transport> Request<'_, T> {
    /// What the doctor asks, if this request bears the id of a token that is out.
    fn question(&self) -> Option<(Wish, String, Question)> {
        let asked = asked(self.received.path())?;
        let question =
            self.context.gate.doctor.ask(asked.id, asked.nonce.as_bytes(), std::time::Instant::now())?;
        Some((Wish::of(asked.rest), asked.nonce.to_owned(), question))
    }

    /// Answers a request that bears the id of a token that is out; `None` for every other one.
    pub(super) async fn answer_doctor(&mut self) -> Option<Next> {
        let (wish, nonce, question) = self.question()?;
        let snapshot = self.context.snapshot;
        let mut seen = seen(snapshot, self.context.peer, self.received)?;
        self.record.note("doctor");
        let unread = match self.body_of_doctor().await {
            Ok(body) => {
                seen.body_bytes = body.len() as u64;
                seen.body_sha256 = sha256(&body);
                false
            }
            Err(_) => true,
        };
        if wish == Wish::Wait {
            let longest = Duration::from_millis(seen.longest_deadline_ms).min(LONGEST_WAIT);
            tokio::time::sleep(longest).await;
        }
        let now = since_1970(SystemTime::now());
        seen.now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        (seen.gate, seen.times) = (question.gate.clone(), question.times);
        env!("CARGO_PKG_VERSION").clone_into(&mut seen.version);
        let status = if let Wish::Status(status) = wish { status } else { 200 };
        let frame = Frame { to_head: self.received.is_head(), close: unread || self.closes() };
        let reply = reply(status, &seen, frame, |body| question.key.prove(&nonce, status, body));
        Some(self.finish(Reason::Doctor, &reply, unread).await)
    }

    async fn body_of_doctor(&mut self) -> Result<Vec<u8>, Reason> {
        let (framing, expects_continue) = framing(self.received).ok_or(Reason::BadFraming)?;
        let crate::gate::request::context::Context { gate, snapshot, peer, began } = self.context;
        let limits = &snapshot.config.limits;
        if matches!(framing, Framing::Length(length) if length > limits.max_body as u64) {
            return Err(Reason::BodyTooLarge);
        }
        let holder = self.received.client.unwrap_or_else(|| peer.writer());
        let mut budget = budgets::of_client(gate, snapshot, holder, PeerClass::Stranger);
        let wanted = Wanted {
            framing,
            max: limits.max_body,
            expects_continue,
            deadline: began + limits.body_timeout,
            within: limits.body_timeout,
        };
        self.read_body(wanted, &mut budget).await
    }
}

/// The answer with what was seen, and the proof of what is sent.
fn reply(status: u16, seen: &Seen, frame: Frame, prove: impl Fn(&[u8]) -> String) -> Reply<'static> {
    // Texts and numbers can always be written as JSON.
    let text = serde_json::to_vec(seen).unwrap_or_default();
    let bodyless = matches!(status, 204 | 205);
    let length = if bodyless { 0 } else { text.len() as u64 };
    let body = if bodyless || frame.to_head { Vec::new() } else { text };
    let proof = prove(&body);
    let mut fields =
        Fields::of(&[("Content-Type", "application/json"), ("Cache-Control", "no-store"), (FIELD, &proof)]);
    if matches!(status, 503 | 504) {
        fields.push(b"Retry-After", RETRY_AFTER_S.to_string().as_bytes());
    }
    Reply {
        status,
        fields: Cow::Owned(fields),
        // A 204 must not have a Content-Length (RFC 9110 section 8.6).
        length: Some(length).filter(|_| status != 204),
        body: Cow::Owned(body),
        close: frame.close,
        dated: false,
        spare: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::doctor::proof::ProofKey;

    #[test]
    fn a_wish_is_a_status_or_to_wait_and_nothing_else_changes_the_answer() {
        for (rest, wanted) in [
            ("", Wish::Status(200)),
            ("/status/503", Wish::Status(503)),
            ("/status/204?x", Wish::Status(204)),
            ("/status/101", Wish::Status(200)),
            ("/status/302", Wish::Status(200)),
            ("/status/600", Wish::Status(200)),
            ("/status/", Wish::Status(200)),
            ("/wait", Wish::Wait),
            ("/wait/1000", Wish::Status(200)),
            ("/a/..%2fb", Wish::Status(200)),
        ] {
            assert_eq!(Wish::of(rest.as_bytes()), wanted, "{rest}");
        }
    }

    #[test]
    fn every_answer_is_proven_and_one_that_is_sent_again_says_when() {
        let key = ProofKey::of("secret");
        for (status, retries, has_body) in [(200, false, true), (204, false, false), (503, true, true)] {
            let frame = Frame { to_head: false, close: false };
            let reply = reply(status, &Seen::default(), frame, |body| key.prove("n", status, body));
            let text = String::from_utf8(reply.to_http1()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let proof = head.lines().find_map(|line| line.strip_prefix("X-Nexmo-Gate-Doctor: ")).unwrap();
            let vouched = key.verify(proof, body.as_bytes()).unwrap();
            assert_eq!((vouched.status, vouched.is_whole), (status, true), "{text}");
            assert_eq!(text.contains("Retry-After: 5"), retries, "{text}");
            assert_eq!(text.ends_with('}'), has_body, "{text}");
        }
    }
}
