//! From a checked config and its lists to a snapshot.
//!
//! The [`Compiler`] owns what outlives a snapshot: the endpoints of the upstreams, whose numbers lead to their idle
//! connections, the authorities that sign their certificates, and the counters of the routes. It refuses nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use ipnet::IpNet;

use crate::config::{Config, Problem, Route, Trusted, Upstream};
use crate::files::file::Files;
use crate::load::loader::removals::{Earlier, Removals, distinct};
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::delivery::Rules;
use crate::policy::demand::Demand;
use crate::policy::provider::Webhook;
use crate::policy::routing::route::RouteTable;
use crate::state::authorities::Authorities;
use crate::state::endpoint::{LiveUpstream, Upstreams};
use crate::state::secrets::Secrets;
use crate::state::snapshot::{List, LiveRoute, Snapshot, UNROUTED};
use crate::state::stats::counters::RouteCounters;
use crate::state::tls::Doors;
use crate::telemetry::timestamp::since_1970;

/// Makes snapshots.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    authorities: Authorities,
    upstreams: Upstreams,
    counters: HashMap<String, Arc<RouteCounters>>,
}

impl Compiler {
    /// Loads the authorities that the config names, and returns what is wrong with them.
    pub(super) fn load_authorities(&mut self, config: &Config, files: &Files) -> Vec<Problem> {
        self.authorities.load(config, files)
    }

    /// The snapshot of a config whose every list is among `lists`.
    pub(super) fn compile(
        &mut self,
        config: Config,
        lists: BTreeMap<String, Arc<List>>,
        doors: Doors,
        secrets: Secrets,
        generation: u64,
        earlier: Earlier<'_>,
    ) -> Snapshot {
        self.upstreams.forget_unused();
        let table = RouteTable::new(config.routes.iter().map(|r| (r.host.as_deref(), &r.path)));
        let loaded_at = SystemTime::now();
        let mut removals = Removals::new(earlier, config.removed_grace, since_1970(loaded_at));
        let routes: Vec<Arc<LiveRoute>> = config
            .routes
            .iter()
            .map(|route| self.route(route, &config.upstream, &lists, &mut removals))
            .collect();
        let allowed: BTreeSet<&str> =
            config.routes.iter().flat_map(|route| &route.allow).map(String::as_str).collect();
        let admitting = allowed.into_iter().filter_map(|name| lists.get(name).cloned()).collect();
        let removed = distinct(routes.iter().map(|route| &route.removed[..]));
        let (trusted, trusted_names) = trusted(&config.trusted_proxies, &lists);
        let unrouted = self.unrouted(&config.upstream, config.provider.other());
        Snapshot {
            generation,
            loaded_at,
            config,
            doors,
            secrets,
            lists,
            admitting,
            removed,
            routes,
            table,
            unrouted,
            trusted,
            trusted_names,
        }
    }

    fn route(
        &mut self,
        route: &Route,
        common: &Upstream,
        lists: &BTreeMap<String, Arc<List>>,
        removals: &mut Removals<'_>,
    ) -> Arc<LiveRoute> {
        let label = route.label();
        let allow: Vec<_> = route.allow.iter().filter_map(|name| lists.get(name).cloned()).collect();
        Arc::new(LiveRoute {
            webhook: route.webhook,
            removed: removals.of(route, &allow),
            allow,
            upstream: self.upstream(route.upstream.as_ref().unwrap_or(common)),
            upstream_host: route.upstream_host.clone(),
            rules: Rules {
                success: route.success,
                relay_as: route.webhook.spec().relay_as,
                client_errors: route.client_errors,
                server_errors: route.server_errors,
            },
            deadline: route.deadline,
            signature: route.signature.clone(),
            counters: self.counters(&label),
            label,
        })
    }

    fn unrouted(&mut self, common: &Upstream, webhook: Webhook) -> Arc<LiveRoute> {
        Arc::new(LiveRoute {
            label: UNROUTED.to_owned(),
            webhook,
            allow: Vec::new(),
            removed: Vec::new(),
            upstream: self.upstream(common),
            upstream_host: None,
            rules: Rules::of(webhook),
            deadline: webhook.spec().deadline,
            signature: Demand::default(),
            counters: self.counters(UNROUTED),
        })
    }

    fn upstream(&mut self, spec: &Upstream) -> Arc<LiveUpstream> {
        self.upstreams.of(spec, self.authorities.of(spec))
    }

    /// Counters are never dropped: a route that is removed and added again continues its counts.
    fn counters(&mut self, label: &str) -> Arc<RouteCounters> {
        Arc::clone(self.counters.entry(label.to_owned()).or_default())
    }
}

fn trusted(entries: &[Trusted], lists: &BTreeMap<String, Arc<List>>) -> (PrefixSet, Vec<Arc<str>>) {
    let mut prefixes: Vec<IpNet> = Vec::new();
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Trusted::Prefix(prefix) => {
                prefixes.push(*prefix);
                names.push(prefix.to_string().into());
            }
            Trusted::List(name) => {
                let entries = lists.get(name).map(|list| list.ranges.entries()).unwrap_or_default();
                prefixes.extend(entries.iter().map(|entry| entry.prefix));
                // One text for the whole list, which may have a million entries.
                names.resize(prefixes.len(), format!("list {name}").into());
            }
        }
    }
    (PrefixSet::new(&prefixes), names)
}
