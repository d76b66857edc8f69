//! The answer to `GET /status`: what is loaded, and the counts and states.
//!
//! Phases, modes, outcomes, reasons and causes are strings here, because a newer gate may have more of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admin::api::reload::Problem;
use crate::state::stats::health::Condition;

/// The answer to `GET /status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// By listener, in the order of the config.
    pub certificates: Vec<Certificate>,
    /// How denied requests are answered, as in the config.
    pub deny: String,
    /// The numbers of the process.
    pub gauges: BTreeMap<String, u64>,
    /// The generation of the snapshot in use, from 1.
    pub generation: u64,
    /// The result of the last reload; none since the start.
    pub last_reload: Option<LastReload>,
    /// The range lists, by name.
    pub lists: Vec<List>,
    /// When the snapshot was loaded, in RFC 3339.
    pub loaded_at: String,
    /// `enforce` or `observe`, as in the config.
    pub mode: String,
    /// The phase of the process.
    pub phase: String,
    /// The routes, in the order of the config.
    pub routes: Vec<Route>,
    /// The secrets of signatures, in the order of the config.
    pub secrets: Vec<Secret>,
    /// The proxies that may name the client, as written in the config.
    pub trusted_proxies: Vec<String>,
    /// The counts of requests that no route matched.
    pub unrouted: Unrouted,
    /// Every endpoint that some request may go to.
    pub upstreams: Vec<Upstream>,
    /// How long the process has run.
    pub uptime_s: u64,
    /// The version of the gate.
    pub version: String,
}

/// A certificate of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// Whole days until it expires; none when it has expired.
    pub days_left: Option<i64>,
    /// Whether this is the last good version, because the files cannot be used now.
    pub last_good: bool,
    /// The address of the listener.
    pub listener: String,
    /// The host names that it is valid for.
    pub names: Vec<String>,
    /// The path of the certificate file.
    pub path: String,
    /// The serial number in hexadecimal.
    pub serial: String,
    /// The last day on which it is valid.
    pub until: String,
    /// Why it is not valid now.
    pub untimely: Option<String>,
}

/// A range list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct List {
    /// The day that the file gives for its source, `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// Whether this is the last good version, because the file cannot be used now.
    pub last_good: bool,
    /// When its prefixes last admitted a request; none where no route allows the list.
    pub last_hits: Option<LastHits>,
    /// The stem of the file.
    pub name: String,
    /// The path of the file.
    pub path: String,
    /// The number of its prefixes.
    pub prefixes: usize,
    /// The day on which a person last compared it with its source, `YYYY-MM-DD`.
    pub reviewed: Option<String>,
}

/// When the prefixes of a list last admitted a request, since the start of the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastHits {
    /// How many prefixes are not here, because there are too many.
    pub cut: usize,
    /// How many of those that are here never did.
    pub never: usize,
    /// By prefix, in RFC 3339; none for never.
    pub prefixes: BTreeMap<String, Option<String>>,
}

/// A secret of signatures: where it is, nothing of what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secret {
    /// How many signatures were made with it, since the start or since it was changed.
    pub hits: u64,
    /// Whether this is the last good version, because the file cannot be used now.
    pub last_good: bool,
    /// When the last one was judged, in RFC 3339.
    pub last_used: Option<String>,
    /// Whose it is: `api_key` or `name`, and the word.
    pub of: String,
    /// Whether its last day is over.
    pub over: bool,
    /// The path of the file.
    pub path: String,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub until: Option<String>,
}

/// The number of requests by outcome and reason.
pub(crate) type Outcomes = BTreeMap<String, BTreeMap<String, u64>>;
/// The number of replies by status.
pub(crate) type Statuses = BTreeMap<u16, u64>;

/// A route, and its counts since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the contract calls its name `route`, as the log does")]
pub(crate) struct Route {
    /// The names of its lists.
    pub allow: Vec<String>,
    /// The time for one exchange with the upstream.
    pub deadline_ms: u64,
    /// The requests that ended.
    pub outcomes: Outcomes,
    /// Its name in the log.
    pub route: String,
    /// The signatures of its requests; none where they are not judged.
    pub signature: Option<Signatures>,
    /// The replies that senders got.
    pub statuses: Statuses,
    /// The kind of its webhook.
    pub webhook: String,
    /// Requests that only `mode: observe` let pass.
    pub would_deny: u64,
}

/// What a route asks of signatures, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signatures {
    /// How many were not good since the last good one.
    pub faults_in_a_row: u64,
    /// How many were found to be what, by the word in the log.
    pub findings: BTreeMap<String, u64>,
    /// `note` or `require`, as in the config.
    pub need: String,
    /// What the hashes of good tokens were of.
    pub payloads: BTreeMap<String, u64>,
    /// Messages that came again after they had been delivered.
    pub repeats: u64,
}

/// The counts of requests that no route matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unrouted {
    /// The requests that ended.
    pub outcomes: Outcomes,
    /// The replies that senders got.
    pub statuses: Statuses,
    /// Requests that only `mode: observe` let pass.
    pub would_deny: u64,
}

/// An endpoint of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upstream {
    /// Whether it has health checks.
    pub checked: bool,
    /// How much longer it rests.
    pub rest_ms: Option<u64>,
    /// Its condition.
    pub state: UpstreamState,
    /// Its address as a URL.
    pub url: String,
}

/// The condition of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum UpstreamState {
    /// No failures are known.
    Up,
    /// It cannot be connected to, but still gets requests.
    Failing,
    /// It gets no requests for a while.
    Resting,
    /// Its health checks fail.
    Down,
    /// A condition that this version does not know.
    Other(String),
}

impl UpstreamState {
    /// Its name in the answer.
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

    /// An explanation for the operator, where the name needs one.
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

/// The result of the last reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastReload {
    /// When it ended, in RFC 3339.
    pub at: String,
    /// Why it happened.
    pub cause: String,
    /// What changed.
    pub changes: Vec<String>,
    /// What waits for an operator to accept it.
    pub held: Vec<String>,
    /// Changed keys that take effect at the next start.
    pub needs_restart: Vec<String>,
    /// Everything that was wrong with the files.
    pub problems: Vec<Problem>,
    /// Whether a new snapshot was published.
    pub published: bool,
    /// What looks like a mistake, but works.
    pub warnings: Vec<Problem>,
}
