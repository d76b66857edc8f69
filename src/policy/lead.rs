//! What an operator can look at when a request was refused: one sentence for each reason.
//!
//! A request may have a better one, from its own bytes. Invariant:
//! every reason whose reply can be a 4xx has one.

use crate::policy::outcome::Reason;

/// The advice at the end of a lead that is of no use to somebody who runs `explain`.
const EXPLAIN: &str = "; nexmo-gate explain shows the chain";

/// A note as `explain` itself gives it.
#[must_use]
pub(crate) fn as_explained(note: &str) -> String {
    note.replace(EXPLAIN, "")
}

/// The lead for a reason; `None` for reasons that say all themselves, or whose note comes from the application's answer.
#[must_use]
pub(crate) fn lead(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::NotListed => "no list of the route holds the client; nexmo-gate explain shows the chain",
        Reason::SignedStranger => {
            "no list holds the client, and its signature is good: a new range? add it to the list"
        }
        Reason::NoProxyHeader => "this listener takes connections of trusted_proxies only (proxy_protocol)",
        Reason::NoClient => "the trusted proxy names no client; let it set the forwarding header",
        Reason::BadChain => "the forwarding header has an element that is not an address",
        Reason::NoRoute => "no route matches the path; nexmo-gate check shows the routes",
        Reason::Unsigned => "the route requires a signature (signature: require) and there is none",
        Reason::UnknownKey => "signatures.secrets has no secret that counts for the account",
        Reason::BadSignature => {
            "not signed with the secret; nexmo-gate signature FILE shows the step that fails"
        }
        Reason::StaleSignature => "older than signatures.max_age, or further in the future than clock_skew",
        Reason::PayloadMismatch => "the signature is of another body or query",
        Reason::MalformedHead => "not a request that all parsers read alike",
        Reason::HeadTimeout => "the head was not complete within limits.head_timeout",
        Reason::HeadTooLarge => "the head has more bytes than limits.max_head, or more than 100 lines",
        Reason::TargetTooLong => "the target alone has more bytes than limits.max_head",
        Reason::BadVersion => "neither HTTP/1.0, HTTP/1.1 nor HTTP/2",
        Reason::BadHost => "Host is missing, there twice, not a host, or differs from the target's",
        Reason::BadTarget => "the target is neither a path nor an http URL of the Host",
        Reason::BadFraming => "Content-Length and Transfer-Encoding contradict each other, or are malformed",
        Reason::BadConnection => {
            "Connection names a header that the gate sets or decides by or that holds a signature, or more than 16"
        }
        Reason::UnknownCoding => "a transfer coding other than chunked",
        Reason::BadMethod => "a method that the webhook of the route does not have",
        Reason::BadExpectation => "Expect is something else than 100-continue",
        Reason::BodyTooLarge => "the body is larger than limits.max_body",
        Reason::MalformedBody => "the chunked coding of the body is malformed",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::admission::Deny;
    use crate::policy::delivery::own_status;
    use crate::policy::demand::OnBad;
    use crate::policy::outcome::Outcome;

    #[test]
    fn no_note_of_explain_advises_to_run_it() {
        assert_eq!(
            lead(Reason::NotListed).map(as_explained).as_deref(),
            Some("no list of the route holds the client")
        );
        for note in Reason::ALL.iter().copied().filter_map(lead).map(as_explained) {
            assert!(!note.contains("nexmo-gate explain"), "{note}");
        }
    }

    #[test]
    fn every_reason_whose_reply_is_final_has_a_lead() {
        for reason in Reason::ALL.iter().copied() {
            let own = !matches!(reason.outcome(), Outcome::Refused | Outcome::Abandoned | Outcome::Served);
            let is_final = (400..500).contains(&own_status(reason, Deny::Forbid, OnBad::Forbid));
            assert!(!own || !is_final || lead(reason).is_some(), "{reason:?}");
        }
    }
}
