//! The answer to `GET /status`: what is loaded and how it is doing.
//!
//! Words (phases, modes, outcomes, reasons, causes) are text here: a newer gate may have more of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admin::api::reload::Problem;
use crate::state::stats::health::Condition;

/// The answer to `GET /status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// By listener, in the order of the config.
    pub certificates: Vec<Certificate>,
    /// What a denied sender hears, as in the config.
    pub deny: String,
    /// The numbers of the process.
    pub gauges: BTreeMap<String, u64>,
    /// The snapshot that serves, counted from 1.
    pub generation: u64,
    /// How the last reload went; none since the start.
    pub last_reload: Option<LastReload>,
    /// The range lists, by name.
    pub lists: Vec<List>,
    /// When the snapshot was loaded, in RFC 3339.
    pub loaded_at: String,
    /// Whether denials are carried out, as in the config.
    pub mode: String,
    /// How far the process has come.
    pub phase: String,
    /// In the order of the config.
    pub routes: Vec<Route>,
    /// The proxies that may name the client, in the words of the config.
    pub trusted_proxies: Vec<String>,
    /// What happened where no route matched.
    pub unrouted: Unrouted,
    /// Every endpoint that some request may go to.
    pub upstreams: Vec<Upstream>,
    /// How long the process runs.
    pub uptime_s: u64,
    /// Of the gate.
    pub version: String,
}

/// A certificate that a listener shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// Whole days until it expires; none when it has.
    pub days_left: Option<i64>,
    /// The files cannot be used now, and this is the last good version of them.
    pub last_good: bool,
    /// The address of the listener.
    pub listener: String,
    /// The hosts that it is for.
    pub names: Vec<String>,
    /// The file.
    pub path: String,
    /// In hexadecimal.
    pub serial: String,
    /// The last day that it is good for.
    pub until: String,
    /// Why it is not valid today.
    pub untimely: Option<String>,
}

/// A range list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct List {
    /// The day of the source, `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// The file cannot be used now, and this is its last good version.
    pub last_good: bool,
    /// The stem of the file.
    pub name: String,
    /// The file.
    pub path: String,
    /// How many it has.
    pub prefixes: usize,
    /// The day on which a person last compared it with its source, `YYYY-MM-DD`.
    pub reviewed: Option<String>,
}

/// Requests by outcome, and in it by reason.
pub(crate) type Outcomes = BTreeMap<String, BTreeMap<String, u64>>;
/// Answers by status.
pub(crate) type Statuses = BTreeMap<u16, u64>;

/// A route, and what happened on it since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the contract calls its name `route`, as the log does")]
pub(crate) struct Route {
    /// The names of its lists.
    pub allow: Vec<String>,
    /// The time for one exchange with the upstream.
    pub deadline_ms: u64,
    /// Requests that ended.
    pub outcomes: Outcomes,
    /// Its name in the log.
    pub route: String,
    /// Answers that senders were given.
    pub statuses: Statuses,
    /// The kind of its webhook.
    pub webhook: String,
    /// Requests that only `mode: observe` let pass.
    pub would_deny: u64,
}

/// What happened where no route matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unrouted {
    /// Requests that ended.
    pub outcomes: Outcomes,
    /// Answers that senders were given.
    pub statuses: Statuses,
    /// Requests that only `mode: observe` let pass.
    pub would_deny: u64,
}

/// An endpoint of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upstream {
    /// Whether it has health checks.
    pub checked: bool,
    /// How much longer it is left alone.
    pub rest_ms: Option<u64>,
    /// How it is.
    pub state: UpstreamState,
    /// Where it is.
    pub url: String,
}

/// How an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum UpstreamState {
    /// Nothing is known against it.
    Up,
    /// It cannot be connected to, and is tried all the same.
    Failing,
    /// It is left alone for a while.
    Resting,
    /// Its checks fail.
    Down,
    /// What a newer gate may say.
    Other(String),
}

impl UpstreamState {
    /// The word.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Up => "up",
            Self::Failing => "failing",
            Self::Resting => "resting",
            Self::Down => "down",
            Self::Other(word) => word,
        }
    }

    /// What the word means, where it does not say so itself.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        match self {
            Self::Up | Self::Other(_) => None,
            Self::Failing => Some("cannot be connected to, and there is no other"),
            Self::Resting => Some("could not be connected to"),
            Self::Down => Some("its health checks fail"),
        }
    }
}

impl From<Condition> for UpstreamState {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Up => Self::Up,
            Condition::Failing => Self::Failing,
            Condition::Resting(_) => Self::Resting,
            Condition::Down => Self::Down,
        }
    }
}

impl From<String> for UpstreamState {
    fn from(text: String) -> Self {
        let known = [Self::Up, Self::Failing, Self::Resting, Self::Down];
        known.into_iter().find(|state| state.word() == text).unwrap_or(Self::Other(text))
    }
}

impl From<UpstreamState> for String {
    fn from(state: UpstreamState) -> Self {
        state.word().to_owned()
    }
}

/// How the last reload went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastReload {
    /// When it ended, in RFC 3339.
    pub at: String,
    /// Why it happened.
    pub cause: String,
    /// What was different.
    pub changes: Vec<String>,
    /// What waits for an operator to accept it.
    pub held: Vec<String>,
    /// Changed keys that take effect at the next start.
    pub needs_restart: Vec<String>,
    /// Everything that was wrong with the files.
    pub problems: Vec<Problem>,
    /// Whether a new snapshot was published.
    pub published: bool,
    /// What was odd but worked.
    pub warnings: Vec<Problem>,
}
