//! Everything that a request is judged by, immutable and consistent in itself.
//!
//! A request takes one reference when it begins and finishes on it, whatever is published meanwhile.
//! Invariant: every list that a route names is in the snapshot; no route allows an empty set.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::counters::RouteCounters;
use crate::config::{Config, Upstream};
use crate::policy::addr::Address;
use crate::policy::delivery::Rules;
use crate::policy::prefix_set::PrefixSet;
use crate::policy::range_list::RangeList;
use crate::policy::route::RouteTable;
use crate::policy::webhook::Webhook;

/// What serves now.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts published snapshots, from 1.
    pub generation: u64,
    /// When it was loaded.
    pub loaded_at: SystemTime,
    /// The configuration it was made from.
    pub config: Config,
    /// Every range list of the folder, by name.
    pub lists: BTreeMap<String, Arc<List>>,
    /// The routes, in the order of the config.
    pub routes: Vec<Arc<LiveRoute>>,
    /// Path to place in `routes`.
    pub table: RouteTable,
    /// Stands in for the missing route of a request that only `mode: observe` lets pass; its label is `-`.
    pub unrouted: Arc<LiveRoute>,
    /// The proxies that may name the client.
    pub trusted: PrefixSet,
    /// The text or list name behind each place of `trusted`, for `explain`.
    pub trusted_names: Vec<String>,
}

/// A range list and where it is from.
#[derive(Debug)]
pub struct List {
    /// The stem of its file.
    pub name: String,
    /// The file that it stands for, also when the text came from the kept copy.
    pub path: PathBuf,
    /// The prefixes.
    pub ranges: RangeList,
    /// The file's bytes, for the kept copy and to see whether they changed.
    pub text: Vec<u8>,
    /// Whether this is not what the file says now, but the last good version of it.
    pub last_good: bool,
}

/// A route, compiled.
#[derive(Debug)]
pub struct LiveRoute {
    /// Its pattern, after its host if it has one: the name in the log and the metrics.
    pub label: String,
    /// Which webhook.
    pub webhook: Webhook,
    /// Who may use it.
    pub allow: Vec<Arc<List>>,
    /// Where its requests go.
    pub upstream: LiveUpstream,
    /// The Host that the upstream is given.
    pub upstream_host: Option<String>,
    /// What its answers mean.
    pub rules: Rules,
    /// How long the sender may be kept waiting.
    pub deadline: Duration,
    /// What happened on it so far; survives reloads.
    pub counters: Arc<RouteCounters>,
}

/// An upstream with a number that stays the same over reloads as long as the process lives, so that
/// its idle connections can be found again.
#[derive(Clone, Debug)]
pub struct LiveUpstream {
    /// Counts distinct upstreams, from 0.
    pub id: usize,
    /// How it is reached.
    pub spec: Arc<Upstream>,
}

impl Snapshot {
    /// Whether the peer is a trusted proxy, or in any list that some route allows. Anyone else is a
    /// stranger and gets the deny answer however odd the request is.
    #[must_use]
    pub fn knows(&self, peer: Address) -> bool {
        self.trusted.contains(peer)
            || self.routes.iter().flat_map(|r| &r.allow).any(|list| list.ranges.set().contains(peer))
    }
}
