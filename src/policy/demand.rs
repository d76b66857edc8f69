//! What the operator asks of the signatures of requests: the words of the configuration, as values.
//!
//! How a signature is judged is in [`super::signature`]. Invariant: what names no secret and no application asks for
//! any of an account.

/// What a route asks of the signature of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Whether it is judged, and what becomes of a bad one.
    pub need: Need,
    /// The names and the API keys of the secrets that count; those of all accounts, if there are none.
    pub secrets: Vec<String>,
    /// The applications that the route is for; any, if there are none.
    pub applications: Vec<String>,
}

/// Whether a signature is judged, and what becomes of a bad one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Need {
    /// It is not looked at.
    #[default]
    Off,
    /// It is judged and told, and changes no answer.
    Note,
    /// A request without a good one is not forwarded.
    Require,
}

/// The answer to a listed sender whose signature is bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBad {
    /// 503 with Retry-After: the mistake may be on this side, and nothing is lost.
    #[default]
    Retry,
    /// 401.
    Forbid,
}

/// What becomes of a message that was delivered already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// It is forwarded, and marked as a repeat.
    #[default]
    Forward,
    /// The sender is told success, and the application is not asked again.
    Answer,
}

/// What becomes of a client that no list holds and whose signature is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// 503 with Retry-After, so that nothing is lost while a person looks.
    #[default]
    Retry,
    /// It is forwarded when its signature covers the whole message.
    Admit,
    /// What `deny` says.
    Deny,
}

impl Need {
    /// Its name in the config.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Note => "note",
            Self::Require => "require",
        }
    }
}

impl OnBad {
    /// Its name in the config.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Forbid => "forbid",
        }
    }
}

impl Unlisted {
    /// Its name in the config.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Admit => "admit",
            Self::Deny => "deny",
        }
    }
}
