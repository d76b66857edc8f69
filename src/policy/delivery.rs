//! Decides which status the sender gets for what the upstream answered.
//!
//! A provider counts some statuses as a delivered message and no others. Which of the others it retries
//! differs, but every provider that retries at all retries 503 and 504. So a complete success passes, a
//! status that might not be retried becomes a 503, and the application's own refusals pass. Invariant: the
//! reply is a success only if the upstream completed a success that the route accepts; a failure never
//! becomes one.

use crate::policy::admission::Deny;
use crate::policy::demand::OnBad;
use crate::policy::outcome::{Outcome, Reason};
use crate::policy::provider::Webhook;
use crate::policy::provider::spec::RelayAs;

/// The seconds in `Retry-After`.
pub(crate) const RETRY_AFTER_S: u16 = 5;

/// The statuses that count as a success on a route, from 200 to 299: one bit per status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessSet(u128);

/// Why a text lists no successes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseSuccessError {
    /// The webhook's sender does not count it as delivered.
    #[error("{text:?} is not {}, and {} counts nothing else as delivered", .webhook.spec().one_success(), .webhook.provider().name)]
    NotDelivered {
        /// What stands in the place of a status.
        text: String,
        /// What the route is for.
        webhook: Webhook,
    },
    /// A range whose end comes first.
    #[error("{first}-{last} is in the wrong order")]
    Backwards {
        /// The status before the hyphen.
        first: u16,
        /// The status after it.
        last: u16,
    },
}

impl SuccessSet {
    /// All statuses that the sender of the webhook counts as delivered.
    #[must_use]
    pub fn of(webhook: Webhook) -> Self {
        Self(webhook.spec().success.clone().map(bit).fold(0, |set, bit| set | bit))
    }

    /// Reads `200`, `200,204` or `200-205`, in any mixture.
    ///
    /// # Errors
    /// A route may not call a status a success that the webhook's sender does not count as delivered.
    pub fn parse(text: &str, webhook: Webhook) -> Result<Self, ParseSuccessError> {
        let mut set = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (status(first, webhook)?, status(last, webhook)?);
            if first > last {
                return Err(ParseSuccessError::Backwards { first, last });
            }
            set |= (first..=last).map(bit).fold(0, |set, bit| set | bit);
        }
        Ok(Self(set))
    }

    /// Whether the status is in the set.
    #[must_use]
    pub fn contains(self, status: u16) -> bool {
        self.0 & bit(status) != 0
    }
}

/// The bit of a status; a status outside 200 to 299 has none.
fn bit(status: u16) -> u128 {
    if (200..=299).contains(&status) { 1 << (status - 200) } else { 0 }
}

fn status(text: &str, webhook: Webhook) -> Result<u16, ParseSuccessError> {
    let text = text.trim();
    match text.parse::<u16>() {
        Ok(status) if webhook.spec().success.contains(&status) => Ok(status),
        _ => Err(ParseSuccessError::NotDelivered { text: text.to_owned(), webhook }),
    }
}

/// What the sender gets for an error status of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnError {
    /// The status as it is.
    #[default]
    Relay,
    /// A 503.
    Retry,
}

/// A route's rules for the upstream's answers.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The statuses that count as delivered.
    pub success: SuccessSet,
    /// The status that the sender gets for a success.
    pub relay_as: RelayAs,
    /// What the sender gets for a 4xx other than 429.
    pub client_errors: OnError,
    /// What the sender gets for a 5xx.
    pub server_errors: OnError,
}

impl Rules {
    /// The rules of a route that sets only its webhook.
    #[must_use]
    pub fn of(webhook: Webhook) -> Self {
        Self {
            success: SuccessSet::of(webhook),
            relay_as: webhook.spec().relay_as,
            client_errors: OnError::default(),
            server_errors: OnError::default(),
        }
    }
}

/// What the sender gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The status line.
    pub status: u16,
    /// Which header and body go with it.
    pub body: Body,
    /// The reason, which also gives the outcome.
    pub reason: Reason,
}

/// The header and body of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The upstream's header and body.
    Upstream,
    /// The upstream's header without a body: the status was 204 or 205, which have none.
    UpstreamEmpty,
    /// The gate's own; with `Retry-After` if the status is 503.
    Gate,
}

/// Decides about a complete answer of the upstream with a final status (200 to 599).
#[must_use]
pub fn relay(status: u16, rules: Rules) -> Verdict {
    let same = |reason| Verdict { status, body: Body::Upstream, reason };
    let retry = |reason| Verdict { status: 503, body: Body::Gate, reason };
    match status {
        200..=299 if rules.success.contains(status) => Verdict {
            status: match rules.relay_as {
                RelayAs::Same => status,
                RelayAs::OkOrNoContent if status == 204 => 204,
                RelayAs::OkOrNoContent | RelayAs::Ok => 200,
            },
            body: if matches!(status, 204 | 205) { Body::UpstreamEmpty } else { Body::Upstream },
            reason: Reason::Success,
        },
        200..=299 => retry(Reason::Status),
        300..=399 => retry(Reason::Redirect),
        429 => same(Reason::TooManyRequests),
        400..=499 => match rules.client_errors {
            OnError::Relay => same(Reason::ClientError),
            OnError::Retry => retry(Reason::ClientErrorRetried),
        },
        500..=599 => match rules.server_errors {
            OnError::Relay => same(Reason::ServerError),
            OnError::Retry => retry(Reason::ServerError),
        },
        _ => retry(Reason::UpstreamMalformed),
    }
}

/// The status of a reply that the gate makes itself. A failure of the gate or the upstream is 504 when the
/// deadline passed and 503 otherwise, because these two are retried by every sender that retries. A denial
/// gets what the operator chose, or a 503 where a list may be what is wrong or the sender may be the provider, and a request
/// that cannot be served gets the status for its problem. A listed sender whose signature is not good hears a status that it
/// retries, since the mistake may be on this side; only for one that is bad the operator may choose otherwise.
#[must_use]
pub(crate) fn own_status(reason: Reason, deny: Deny, on_bad: OnBad) -> u16 {
    match reason.outcome() {
        Outcome::Denied if is_doubtful(reason) => 503,
        _ if is_of_signature(reason) => match (reason, on_bad) {
            (Reason::BadSignature | Reason::StaleSignature | Reason::PayloadMismatch, OnBad::Forbid) => 401,
            _ => 503,
        },
        Outcome::Denied => deny.status(),
        // Its sender was told success before.
        _ if reason == Reason::Repeated => 200,
        Outcome::Rejected => match reason {
            Reason::HeadTimeout => 408,
            Reason::HeadTooLarge => 431,
            Reason::TargetTooLong => 414,
            Reason::UnknownCoding => 501,
            Reason::BadMethod => 405,
            Reason::BadExpectation => 417,
            Reason::BodyTooLarge => 413,
            _ => 400,
        },
        _ if reason == Reason::Deadline => 504,
        _ => 503,
    }
}

/// Whether a denial closes the connection without a reply, where the connection is the client's own.
#[must_use]
pub(crate) fn is_silent(reason: Reason, deny: Deny) -> bool {
    reason.outcome() == Outcome::Denied
        && deny == Deny::Drop
        && !is_doubtful(reason)
        && !is_of_signature(reason)
}

/// Whether a list may be what is wrong, or the sender may be the provider: it is to try again.
fn is_doubtful(reason: Reason) -> bool {
    matches!(reason, Reason::JustRemoved | Reason::StaleList | Reason::SignedStranger)
}

/// Whether a request is denied for its signature alone: its sender is listed, so `deny` does not apply.
#[must_use]
pub(crate) fn is_of_signature(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Unsigned
            | Reason::UnknownKey
            | Reason::BadSignature
            | Reason::StaleSignature
            | Reason::PayloadMismatch
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::provider::DEFAULT;
    use proptest::prelude::*;

    fn generic() -> Webhook {
        DEFAULT.other()
    }

    #[test]
    fn success_sets_hold_what_they_say() {
        assert_eq!(SuccessSet::parse("200-205", generic()), Ok(SuccessSet::of(generic())));
        let some = SuccessSet::parse("200, 203-204", generic()).unwrap();
        let held: Vec<u16> = (0..=999).filter(|s| some.contains(*s)).collect();
        assert_eq!(held, [200, 203, 204]);
        for text in ["", "206", "199", "200-206", "205-200", "2xx", "200-", "200,,204"] {
            assert!(SuccessSet::parse(text, generic()).is_err(), "{text}");
        }
    }

    #[test]
    fn redirects_and_partial_content_are_told_as_503() {
        for status in (206..=399).chain([299, 304]) {
            let verdict = relay(status, Rules::of(generic()));
            assert_eq!((verdict.status, verdict.body), (503, Body::Gate), "{status}");
            assert_eq!(verdict.reason.outcome(), Outcome::Undelivered, "{status}");
        }
    }

    fn rules() -> impl Strategy<Value = Rules> {
        let relay_as = prop_oneof![Just(RelayAs::Same), Just(RelayAs::Ok), Just(RelayAs::OkOrNoContent)];
        let on_error = || prop_oneof![Just(OnError::Relay), Just(OnError::Retry)];
        (1u128..1 << 100, relay_as, on_error(), on_error()).prop_map(
            |(set, relay_as, client_errors, server_errors)| Rules {
                success: SuccessSet(set),
                relay_as,
                client_errors,
                server_errors,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]
        #[test]
        fn relay_is_total_and_never_makes_a_success_of_a_failure(status in prop_oneof![any::<u16>(), 100u16..600], rules in rules()) {
            let verdict = relay(status, rules);
            let success = rules.success.contains(status);
            prop_assert_eq!((200..=299).contains(&verdict.status), success);
            prop_assert_eq!(verdict.reason.outcome() == Outcome::Delivered, success);
            prop_assert!((200..=299).contains(&verdict.status) || (400..=599).contains(&verdict.status));
            prop_assert!(success || matches!(verdict.body, Body::Gate) || verdict.status == status);
        }
    }

    #[test]
    fn no_answer_of_the_gate_is_a_success_and_its_failures_are_retried() {
        for reason in Reason::ALL {
            let status = own_status(*reason, Deny::Forbid, OnBad::Retry);
            // A repeat of what was a success is one.
            assert!((400..=599).contains(&status) || *reason == Reason::Repeated, "{reason:?}");
            if reason.outcome() == Outcome::Undelivered {
                assert_eq!(status, if *reason == Reason::Deadline { 504 } else { 503 }, "{reason:?}");
            }
            if reason.outcome() == Outcome::Denied {
                let all = [Deny::Forbid, Deny::Hide, Deny::Retry, Deny::RetryWhenStale, Deny::Drop];
                let retried = is_doubtful(*reason) || is_of_signature(*reason);
                let wanted = if retried { [503; 5] } else { [403, 404, 503, 403, 403] };
                assert_eq!(all.map(|deny| own_status(*reason, deny, OnBad::Retry)), wanted, "{reason:?}");
                assert_eq!(all.map(|deny| is_silent(*reason, deny)), [false, false, false, false, !retried]);
                let may_be_final =
                    matches!(reason, Reason::BadSignature | Reason::StaleSignature | Reason::PayloadMismatch);
                let forbidden = own_status(*reason, Deny::Forbid, OnBad::Forbid);
                assert_eq!(forbidden, if may_be_final { 401 } else { wanted[0] }, "{reason:?}");
            } else {
                assert!(!is_silent(*reason, Deny::Drop), "{reason:?}");
            }
        }
    }
}
