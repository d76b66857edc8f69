//! One kind of webhook: what the provider's documents say about it.
//!
//! Every value is data with the source of its figures. A deadline lies inside the sender's own read time-out, so that
//! the sender hears a 504 from the gate and not silence; it runs from the first byte of the request's head and covers
//! everything until the answer is complete.

use std::ops::RangeInclusive;
use std::time::Duration;

/// One row of a provider's table.
#[derive(Debug)]
pub struct Spec {
    /// Its name in the config, the log and the metrics.
    pub name: &'static str,
    /// The methods that it arrives with.
    pub methods: Methods,
    /// How long the sender may be kept waiting.
    pub deadline: Duration,
    /// The statuses that the sender counts as delivered, within 200 to 299.
    pub success: RangeInclusive<u16>,
    /// As what a success status reaches the sender.
    pub relay_as: RelayAs,
    /// What a success must be for the sender to use it.
    pub answer: AnswerRule,
    /// Where the figures are from: the vendor's page, and its date where it has one.
    pub source: &'static str,
}

impl Spec {
    /// One status of [`Self::success`], in words.
    #[must_use]
    pub fn one_success(&self) -> String {
        format!("a status from {} to {}", self.success.start(), self.success.end())
    }

    /// The whole of [`Self::success`], in words and as a config file writes it.
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
    /// Everything but CONNECT and TRACE.
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

/// What a success must be for the sender to use it. It is relayed all the same: anything else is advice in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerRule {
    /// The sender reads the status only.
    Any,
    /// The sender does what the body says.
    Content {
        /// The one status that it reads a body of.
        status: u16,
        /// A word that its Content-Type holds, in lower case.
        kind: &'static str,
        /// The rule in words.
        words: &'static str,
    },
}

impl AnswerRule {
    /// What an operator can mend about a success with this status and Content-Type, which is looked for only when the
    /// rule asks.
    #[must_use]
    pub fn advice<'a>(self, status: u16, content_type: impl FnOnce() -> Option<&'a [u8]>) -> Option<String> {
        let Self::Content { status: wanted, kind, words } = self else { return None };
        let shown = String::from_utf8_lossy(content_type().unwrap_or_default());
        let is_read = status == wanted && shown.to_ascii_lowercase().contains(kind);
        (!is_read).then(|| format!("{words}; the application said {status} with {shown:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_the_sender_cannot_use_is_worth_advice() {
        let rule = AnswerRule::Content { status: 200, kind: "json", words: "say 200 with JSON" };
        assert_eq!(rule.advice(200, || Some(b"Application/JSON; charset=utf-8")), None);
        let told = |words: &str| Some(format!("say 200 with JSON; the application said {words}"));
        assert_eq!(rule.advice(204, || Some(b"application/json")), told("204 with \"application/json\""));
        assert_eq!(rule.advice(200, || None), told("200 with \"\""));
        assert_eq!(AnswerRule::Any.advice(205, || panic!("looked for")), None);
    }
}
