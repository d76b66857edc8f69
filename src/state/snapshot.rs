//! Everything that a request is decided by, immutable and consistent.
//!
//! A request takes one reference when it begins and keeps it to its end, whatever is published meanwhile.
//! Invariant: every list that a route names is in the snapshot; no route allows an empty set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::config::Config;
use crate::policy::address::addr::Address;
use crate::policy::address::difference::compare;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::address::range_list::RangeList;
use crate::policy::delivery::Rules;
use crate::policy::demand::{Demand, Need};
use crate::policy::provider::Webhook;
use crate::policy::provider::signing::{Signed, Signing};
use crate::policy::routing::route::RouteTable;
use crate::policy::signature::rules::Rules as SignatureRules;
use crate::state::endpoint::{Endpoint, LiveUpstream};
use crate::state::past::Past;
use crate::state::secrets::{self, Secrets};
use crate::state::stats::counters::RouteCounters;
use crate::state::stats::last_hits::LastHits;
use crate::state::tls::{self, Doors, LiveTls};
use crate::telemetry::timestamp::since_1970;

/// The label of the placeholder for requests without a route.
pub(crate) const UNROUTED: &str = "-";

/// The state in use.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts published snapshots, from 1.
    pub generation: u64,
    /// When it was loaded.
    pub loaded_at: SystemTime,
    /// The configuration it was made from.
    pub config: Config,
    /// The TLS of the listeners, in the order of the config's `listen`; `None` for a listener without TLS.
    pub doors: Doors,
    /// The secrets that webhooks are signed with.
    pub secrets: Secrets,
    /// Every range list that was loaded or kept, by name.
    pub lists: BTreeMap<String, Arc<List>>,
    /// The lists that some route allows, each once; every new connection is looked up in them.
    pub admitting: Vec<Arc<List>>,
    /// What the lists of the routes have lost lately, each once.
    pub removed: Vec<Arc<Past>>,
    /// The routes, in the order of the config.
    pub routes: Vec<Arc<LiveRoute>>,
    /// Finds the index in `routes` for a host and a path.
    pub table: RouteTable,
    /// The placeholder route of a request that only `mode: observe` lets pass; its label is `-`.
    pub unrouted: Arc<LiveRoute>,
    /// The proxies that may name the client.
    pub trusted: PrefixSet,
    /// The text or list name of each prefix in `trusted`, for `explain`.
    pub trusted_names: Vec<Arc<str>>,
}

/// A range list and where it comes from.
#[derive(Clone, Debug)]
pub struct List {
    /// The stem of its file.
    pub name: String,
    /// The path of its file, also when the text came from the stored copy.
    pub path: PathBuf,
    /// The prefixes.
    pub ranges: RangeList,
    /// The file's bytes, for the stored copy and to notice changes.
    pub text: Bytes,
    /// Whether this is the last good version, because the file is missing or cannot be used.
    pub last_good: bool,
    /// When its prefixes last admitted a request; by the index in the entries.
    pub last_hits: Arc<LastHits>,
}

impl List {
    /// A list that was read from a file. `before` is the version that it replaces, whose times it takes over.
    #[must_use]
    pub(crate) fn read(
        name: &str,
        path: &Path,
        text: &Bytes,
        ranges: RangeList,
        before: Option<&Self>,
    ) -> Self {
        let last_hits = match before {
            Some(old) => LastHits::after((&old.last_hits, old.ranges.prefixes()), ranges.prefixes()),
            None => LastHits::none(ranges.entries().len()),
        };
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            ranges,
            text: text.clone(),
            last_good: false,
            last_hits: Arc::new(last_hits),
        }
    }
}

/// A route in the form that requests use.
#[derive(Debug)]
pub struct LiveRoute {
    /// The host, if there is one, and the path pattern: the route's name in the log and the metrics.
    pub label: String,
    /// The kind of webhook.
    pub webhook: Webhook,
    /// The lists whose clients may use it.
    pub allow: Vec<Arc<List>>,
    /// What these lists, and those that it allowed lately, have lost.
    pub removed: Vec<Arc<Past>>,
    /// The upstream that its requests go to.
    pub upstream: Arc<LiveUpstream>,
    /// The Host header for the upstream, if it is not the sender's.
    pub upstream_host: Option<String>,
    /// What the statuses of its answers mean.
    pub rules: Rules,
    /// The time for a whole exchange.
    pub deadline: Duration,
    /// What is asked of the signatures of its requests.
    pub signature: Demand,
    /// Its counters; they survive reloads.
    pub counters: Arc<RouteCounters>,
}

impl Snapshot {
    /// Whether the peer is a trusted proxy or in any list that some route allows, or was in one until a load within
    /// `removed_grace`. Anyone else is a stranger.
    #[must_use]
    pub fn knows(&self, peer: Address) -> bool {
        self.trusted.contains(peer) || self.is_listed(peer) || self.has_just_removed(peer)
    }

    /// Whether any list that some route allows has the peer.
    #[must_use]
    pub(crate) fn is_listed(&self, peer: Address) -> bool {
        self.admitting.iter().any(|list| list.ranges.set().contains(peer))
    }

    /// Whether a list had the peer until a load within `removed_grace`.
    fn has_just_removed(&self, peer: Address) -> bool {
        // Nothing was removed, as a rule, and then nobody asks for the time.
        !self.removed.is_empty() && {
            let (grace, now) = (self.config.removed_grace, since_1970(SystemTime::now()));
            self.removed.iter().any(|past| past.find(peer, grace, now).is_some())
        }
    }

    /// Whether the requests of the peer are processed. A stranger gets the `deny` answer, even for a
    /// malformed request, unless it may ask for `health_path`. It is counted as a stranger all the same.
    #[must_use]
    pub fn hears(&self, peer: Address) -> bool {
        self.knows(peer) || self.may_probe(peer)
    }

    /// Whether the peer may ask for `health_path` without being in a list: it may from this machine.
    #[must_use]
    pub fn may_probe(&self, peer: Address) -> bool {
        self.config.health_path.is_some() && peer.ip().is_loopback()
    }

    /// The TLS of a listener, by its index in `listen`.
    #[must_use]
    pub fn tls(&self, listener: usize) -> Option<&Arc<LiveTls>> {
        self.doors.get(listener).and_then(Option::as_ref)
    }

    /// What a signature must be on a route, whose webhook says how it is signed; `None` where none is looked at.
    #[must_use]
    pub fn signature_rules<'s>(&'s self, route: &'s LiveRoute) -> Option<SignatureRules<'s>> {
        if route.signature.need == Need::Off || route.webhook.spec().signed == Signed::Never {
            return None;
        }
        Some(self.rules_of(&route.signature, route.webhook.provider().signing.as_ref()?))
    }

    /// What a signature must be for a demand, also where none is looked at.
    #[must_use]
    pub(crate) fn rules_of<'s>(
        &'s self,
        demand: &'s Demand,
        signing: &'static Signing,
    ) -> SignatureRules<'s> {
        let settings = &self.config.signatures;
        SignatureRules {
            keyring: &self.secrets.keyring,
            signing,
            secrets: &demand.secrets,
            applications: &demand.applications,
            max_age: settings.max_age,
            clock_skew: settings.clock_skew,
            sms_method: settings.sms_method,
        }
    }

    /// The routes of the config, and the placeholder.
    pub fn all_routes(&self) -> impl Iterator<Item = &LiveRoute> {
        self.routes.iter().chain([&self.unrouted]).map(AsRef::as_ref)
    }

    /// The counters of each route, by its label.
    pub fn counted(&self) -> impl Iterator<Item = (&str, &RouteCounters)> {
        self.all_routes().map(|route| (route.label.as_str(), &*route.counters))
    }

    /// Every endpoint that some request may go to, once.
    #[must_use]
    pub fn endpoints(&self) -> BTreeMap<usize, &Arc<Endpoint>> {
        let routes = self.all_routes();
        routes.flat_map(|route| &route.upstream.endpoints).map(|endpoint| (endpoint.id, endpoint)).collect()
    }

    /// The number of prefixes in all lists.
    #[must_use]
    pub fn prefixes(&self) -> usize {
        self.lists.values().map(|list| list.ranges.entries().len()).sum()
    }

    /// The differences from an older snapshot, as text for the log; empty if there are none.
    #[must_use]
    pub fn changes_since(&self, old: &Self) -> Vec<String> {
        let mut changes: Vec<String> =
            config_changes(&old.config, &self.config).iter().map(|key| format!("{key} changed")).collect();
        changes.extend(tls::changes(&old.doors, &self.doors));
        changes.extend(secrets::changes(&old.secrets, &self.secrets));
        // The config names the same files, but their content changed.
        if changes.is_empty() && !self.endpoints().keys().eq(old.endpoints().keys()) {
            changes.push("upstream certificates changed".to_owned());
        }
        for (name, list) in &self.lists {
            match old.lists.get(name) {
                None => changes.push(format!("list={name} new")),
                Some(before) if Arc::ptr_eq(before, list) => {}
                Some(before) => changes.extend(list_change(before, list)),
            }
        }
        let gone = old.lists.keys().filter(|name| !self.lists.contains_key(*name));
        changes.extend(gone.map(|name| format!("list={name} gone")));
        changes
    }
}

fn list_change(old: &List, new: &List) -> Option<String> {
    let name = &new.name;
    let change = compare(&old.ranges, &new.ranges);
    if !change.is_none() {
        return Some(format!("list={name} added={} removed={}", change.added, change.removed));
    }
    match (old.last_good, new.last_good) {
        (false, true) => Some(format!("list={name} last good kept")),
        (true, false) => Some(format!("list={name} good again")),
        // The dates of a list are in its comments.
        _ if old.text != new.text => Some(format!("list={name} comments changed")),
        _ => (old.path != new.path).then(|| format!("list={name} moved")),
    }
}

/// Whether a key differs.
type Differs = fn(&Config, &Config) -> bool;

/// The top-level keys that a reload can change.
const KEYS: [(&str, Differs); 15] = [
    ("listen", |old, new| old.listen != new.listen),
    ("upstream", |old, new| old.upstream != new.upstream),
    ("ranges", |old, new| old.ranges != new.ranges),
    ("trusted_proxies", |old, new| old.trusted_proxies != new.trusted_proxies),
    ("forwarded_header", |old, new| old.forwarded_header != new.forwarded_header),
    ("deny", |old, new| old.deny != new.deny),
    ("removed_grace", |old, new| old.removed_grace != new.removed_grace),
    ("ranges_review", |old, new| old.ranges_review != new.ranges_review),
    ("mode", |old, new| old.mode != new.mode),
    ("routes", |old, new| old.routes != new.routes),
    ("signatures", |old, new| old.signatures != new.signatures),
    ("limits", |old, new| old.limits != new.limits),
    ("drain", |old, new| old.drain != new.drain),
    ("inspect", |old, new| old.inspect != new.inspect),
    ("health_path", |old, new| old.health_path != new.health_path),
];

/// The top-level keys that differ.
fn config_changes(old: &Config, new: &Config) -> Vec<&'static str> {
    KEYS.iter().filter(|(_, differs)| differs(old, new)).map(|(key, _)| *key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{self, Change};

    /// A key that is missing would not be reported, whatever else changed.
    #[test]
    fn every_hot_key_is_in_the_table_of_changes() {
        let mut hot: Vec<&str> = Vec::new();
        for key in keys::KEYS.iter().filter(|key| key.change == Change::Hot) {
            let top = key.path.split(['.', '[']).next().unwrap();
            // `admin.allow_remote` only lets an address pass when the file is read.
            if top != "admin" && !hot.contains(&top) {
                hot.push(top);
            }
        }
        assert_eq!(KEYS.map(|(key, _)| key).to_vec(), hot);
    }
}
