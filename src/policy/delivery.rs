//! The delivery guard: what the sender must hear about what the upstream said.
//!
//! The vendor's rule is that a status from 200 to 205 is a delivered message and anything else is
//! not; what it does then differs by API, and only 503 and 504 are retried by all of them. So a
//! success that is complete passes, what Nexmo might not retry becomes a 503, and the application's
//! own refusals pass. Invariant: the answer is a success only if the upstream completed a success
//! that the route accepts; no failure ever becomes one.

use crate::policy::admission::Deny;
use crate::policy::outcome::{Outcome, Reason};

/// Seconds a sender is asked to wait before it tries again (`Retry-After`).
pub const RETRY_AFTER_S: u16 = 5;

/// As what a success status reaches the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayAs {
    /// The upstream's own status.
    Same,
    /// 200 and 204 as they are, else 200.
    OkOrNoContent,
    /// 200.
    Ok,
}

/// Which of the statuses 200 to 205 a route takes for a success, as a bit a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessSet(u8);

impl SuccessSet {
    /// 200 to 205: the vendor's general rule.
    pub const ALL: Self = Self(0b11_1111);

    /// Reads `200`, `200,204` or `200-205`, in any mixture.
    ///
    /// # Errors
    /// A status outside 200 to 205 is no success to the vendor, so no route may call it one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut set = 0u8;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (status(first)?, status(last)?);
            if first > last {
                return Err(format!("{first}-{last} runs backwards"));
            }
            for one in first..=last {
                set |= 1 << (one - 200);
            }
        }
        Ok(Self(set))
    }

    /// Whether the status is in the set.
    #[must_use]
    pub fn contains(self, status: u16) -> bool {
        (200..=205).contains(&status) && self.0 & (1 << (status - 200)) != 0
    }
}

fn status(text: &str) -> Result<u16, String> {
    match text.trim().parse::<u16>() {
        Ok(status) if (200..=205).contains(&status) => Ok(status),
        _ => Err(format!(
            "{:?} is not a status from 200 to 205, and Nexmo counts nothing else as delivered",
            text.trim()
        )),
    }
}

/// What happens to an application's own error status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnError {
    /// The sender hears it as it is.
    #[default]
    Relay,
    /// The sender hears 503, which every API retries.
    Retry,
}

/// A route's rules for its answers.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The statuses that count as delivered.
    pub success: SuccessSet,
    /// As what they are relayed.
    pub relay_as: RelayAs,
    /// What happens to 4xx other than 429.
    pub client_errors: OnError,
    /// What happens to 5xx.
    pub server_errors: OnError,
}

/// What the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The status line.
    pub status: u16,
    /// Whether the upstream's header and body go with it, or a short answer of the gate's own.
    pub body: Body,
    /// Why, and with it the outcome.
    pub reason: Reason,
}

/// Whose answer the sender gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The upstream's header and body.
    Upstream,
    /// The upstream's header without a body: the status was 204 or 205, which have none.
    UpstreamEmpty,
    /// The gate's own; with `Retry-After` where the status is 503.
    Gate,
}

/// Judges a complete answer of the upstream with a final status (200 to 599).
#[must_use]
pub fn relay(status: u16, rules: Rules) -> Verdict {
    let same = |reason| Verdict { status, body: Body::Upstream, reason };
    let retry = |reason| Verdict { status: 503, body: Body::Gate, reason };
    match status {
        200..=205 if rules.success.contains(status) => Verdict {
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

/// The status for a request that is answered here. A failure of the gate or the upstream is 504 when
/// time ran out and 503 otherwise, because these two are retried by every API; a denial is what the
/// operator chose; a request that cannot be served is told why.
#[must_use]
pub fn own_status(reason: Reason, deny: Deny) -> u16 {
    match reason.outcome() {
        Outcome::Denied => deny.status(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        success: SuccessSet::ALL,
        relay_as: RelayAs::Same,
        client_errors: OnError::Relay,
        server_errors: OnError::Relay,
    };

    #[test]
    fn success_sets_hold_what_they_say() {
        assert_eq!(SuccessSet::parse("200-205"), Ok(SuccessSet::ALL));
        let some = SuccessSet::parse("200, 203-204").unwrap();
        let held: Vec<u16> = (0..=999).filter(|s| some.contains(*s)).collect();
        assert_eq!(held, [200, 203, 204]);
        for text in ["", "206", "199", "200-206", "205-200", "2xx", "200-", "200,,204"] {
            assert!(SuccessSet::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn redirects_and_partial_content_are_told_as_503() {
        for status in (206..=399).chain([299, 304]) {
            let verdict = relay(status, RULES);
            assert_eq!((verdict.status, verdict.body), (503, Body::Gate), "{status}");
            assert_eq!(verdict.reason.outcome(), Outcome::Undelivered, "{status}");
        }
    }

    fn rules() -> impl Strategy<Value = Rules> {
        let relay_as = prop_oneof![Just(RelayAs::Same), Just(RelayAs::Ok), Just(RelayAs::OkOrNoContent)];
        let on_error = || prop_oneof![Just(OnError::Relay), Just(OnError::Retry)];
        (1u8..64, relay_as, on_error(), on_error()).prop_map(
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
        fn relay_is_total_and_never_makes_a_success_of_a_failure(status in any::<u16>(), rules in rules()) {
            let verdict = relay(status, rules);
            let success = rules.success.contains(status);
            prop_assert_eq!((200..=299).contains(&verdict.status), success);
            prop_assert_eq!(verdict.reason.outcome() == Outcome::Delivered, success);
            prop_assert!((200..=205).contains(&verdict.status) || (400..=599).contains(&verdict.status));
            prop_assert!(success || matches!(verdict.body, Body::Gate) || verdict.status == status);
        }
    }

    #[test]
    fn no_answer_of_the_gate_is_a_success_and_its_failures_are_retried() {
        for reason in Reason::ALL {
            let status = own_status(*reason, Deny::Forbid);
            assert!((400..=599).contains(&status), "{reason:?}");
            if reason.outcome() == Outcome::Undelivered {
                assert_eq!(status, if *reason == Reason::Deadline { 504 } else { 503 }, "{reason:?}");
            }
            if reason.outcome() == Outcome::Denied {
                assert_eq!(
                    [Deny::Forbid, Deny::Hide, Deny::Retry, Deny::Drop].map(|d| own_status(*reason, d)),
                    [403, 404, 503, 403]
                );
            }
        }
    }
}
