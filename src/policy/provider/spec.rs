//! One kind of webhook: the rules in the provider's documents.
//!
//! Every value is data, with its source. A deadline is shorter than the sender's own read time-out, so that
//! the sender gets a 504 from the gate before it gives up. The deadline runs from the first byte of the
//! request's head until the answer is complete.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::policy::provider::signing::Signed;
use crate::policy::provider::tries::Tries;

/// One row of a provider's table.
#[derive(Debug)]
pub struct Spec {
    /// Its name in the config, the log and the metrics.
    pub name: &'static str,
    /// The methods that it arrives with.
    pub methods: Methods,
    /// The time for a whole exchange.
    pub deadline: Duration,
    /// The statuses that the sender counts as delivered, within 200 to 299.
    pub success: RangeInclusive<u16>,
    /// The status that the sender gets for a success.
    pub relay_as: RelayAs,
    /// What a success must have so that the sender can use it.
    pub answer: AnswerRule,
    /// How it is signed.
    pub signed: Signed,
    /// How often and when it is sent.
    pub tries: Tries,
    /// Where the values come from: the vendor's page, with its date if it has one.
    pub source: &'static str,
}

impl Spec {
    /// One status of [`Self::success`], as text for messages.
    #[must_use]
    pub fn one_success(&self) -> String {
        format!("a status from {} to {}", self.success.start(), self.success.end())
    }

    /// All of [`Self::success`], as text for messages with an example for the config file.
    #[must_use]
    pub fn all_success(&self) -> String {
        let (first, last) = (self.success.start(), self.success.end());
        format!("statuses from {first} to {last} such as {first}-{last}")
    }
}

/// The methods that a webhook arrives with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// GET or POST, by account or application setting.
    GetPost,
    /// POST only.
    Post,
    /// Every method but CONNECT and TRACE.
    Any,
}

impl Methods {
    /// Whether a request with this method is served.
    #[must_use]
    pub fn allow(self, method: &[u8]) -> bool {
        match self {
            Self::GetPost => method == b"POST" || method == b"GET",
            Self::Post => method == b"POST",
            Self::Any => method != b"CONNECT" && method != b"TRACE",
        }
    }

    /// The value of the Allow field of a 405 (RFC 9110 section 10.2.1).
    #[must_use]
    pub fn allow_field(self) -> &'static str {
        match self {
            Self::GetPost => "GET, POST",
            Self::Post => "POST",
            Self::Any => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        }
    }
}

/// The status that the sender gets for a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayAs {
    /// The upstream's own status.
    Same,
    /// 200 and 204 unchanged; 200 for every other.
    OkOrNoContent,
    /// Always 200.
    Ok,
}

/// What a success must have so that the sender can use it. It is relayed in any case; if it does not follow
/// the rule, the log has advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerRule {
    /// The sender reads the status only.
    Any,
    /// The sender reads the body.
    Content {
        /// The only status whose body it reads.
        status: u16,
        /// A text that the Content-Type must contain, in lower case.
        kind: &'static str,
        /// The rule as text.
        words: &'static str,
    },
}

impl AnswerRule {
    /// Advice for a success with this status and Content-Type, if it breaks the rule. The Content-Type is
    /// read only if the rule needs it.
    #[must_use]
    pub fn advice<'a>(self, status: u16, content_type: impl FnOnce() -> Option<&'a [u8]>) -> Option<String> {
        let Self::Content { status: wanted, kind, words } = self else { return None };
        let shown = String::from_utf8_lossy(content_type().unwrap_or_default());
        let is_read = status == wanted && shown.to_ascii_lowercase().contains(kind);
        (!is_read).then(|| format!("{words}; the application answered {status} with {shown:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_the_sender_cannot_use_is_worth_advice() {
        let rule = AnswerRule::Content { status: 200, kind: "json", words: "say 200 with JSON" };
        assert_eq!(rule.advice(200, || Some(b"Application/JSON; charset=utf-8")), None);
        let advised = |words: &str| Some(format!("say 200 with JSON; the application answered {words}"));
        assert_eq!(rule.advice(204, || Some(b"application/json")), advised("204 with \"application/json\""));
        assert_eq!(rule.advice(200, || None), advised("200 with \"\""));
        assert_eq!(AnswerRule::Any.advice(205, || panic!("looked for")), None);
    }
}
