//! From one look at the files to a snapshot, or to every problem.
//!
//! The [`Loader`] owns what must outlive a snapshot: the endpoints of the upstreams, by whose numbers
//! their idle connections are found again, and the counters of the routes. It publishes nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use ipnet::IpNet;

use crate::config::{self, Config, Listener, Overrides, Parsed, Problem, Route, Trusted, Upstream};
use crate::files::file::{FileContent, Files, MAX_PEM};
use crate::files::folder::Reader;
use crate::load::file_view::FileView;
use crate::load::last_good::LastGood;
use crate::load::lists::{Before, Initiator, Standings, remember, resolve};
use crate::load::named::{list_names, unknown_lists, unread};
use crate::load::serving::Serving;
use crate::load::source::ConfigSource;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::client::original::Scheme;
use crate::policy::delivery::Rules;
use crate::policy::hold::Outline;
use crate::policy::provider::Webhook;
use crate::policy::routing::route::RouteTable;
use crate::state::authorities::{self, Authorities};
use crate::state::endpoint::{LiveUpstream, Upstreams};
use crate::state::held::Held;
use crate::state::snapshot::{List, LiveRoute, Snapshot};
use crate::state::stats::counters::RouteCounters;
use crate::state::tls::{self, Doors};

/// The label of the route that stands in for none.
const UNROUTED: &str = "-";

/// Loads the files, again and again.
#[derive(Debug)]
pub struct Loader {
    source: ConfigSource,
    /// The config that serves.
    serving: Option<Serving>,
    standings: Standings,
    reader: RefCell<Reader>,
    authorities: Authorities,
    upstreams: Upstreams,
    counters: HashMap<String, Arc<RouteCounters>>,
    marks: RandomState,
    loaded: Option<u64>,
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What can serve; `None` when something is wrong that leaves nothing to serve with, or at a
    /// reload, nothing that is certainly meant.
    pub snapshot: Option<Snapshot>,
    /// Everything that is wrong. A snapshot with problems serves last good lists.
    pub problems: Vec<Problem>,
    /// What is odd but works.
    pub warnings: Vec<Problem>,
    /// What was not loaded, because it looks like an accident.
    pub held: Vec<Held>,
    /// Keys whose change takes effect at the next start, as `KEY: needs a restart`.
    pub needs_restart: Vec<String>,
}

impl Loader {
    /// A loader that has not loaded yet. Without a path, the overrides are the whole config.
    #[must_use]
    pub fn new(config_path: Option<PathBuf>, overrides: Overrides) -> Self {
        Self {
            source: ConfigSource::new(config_path, overrides),
            serving: None,
            standings: Standings::new(),
            reader: RefCell::default(),
            authorities: Authorities::default(),
            upstreams: Upstreams::default(),
            counters: HashMap::new(),
            marks: RandomState::new(),
            loaded: None,
        }
    }

    /// The first load of a process that is going to serve: kept copies stand in for broken lists.
    pub fn begin(&mut self) -> Loaded {
        let look = self.look();
        let state = self.source.parse(look.config.as_ref()).ok().and_then(|parsed| parsed.config.state);
        let (kept, warnings) = state.as_deref().map(LastGood::read).unwrap_or_default();
        let mut loaded = self.load(&look, None, &kept);
        loaded.warnings.extend(warnings);
        loaded
    }

    /// Reads the config and the files that it names, once each. A person wants it.
    #[must_use]
    pub fn look(&self) -> FileView {
        self.look_for(Initiator::Operator, Instant::now())
    }

    /// The same for whoever wants it: for the watcher, a file that is held and did not change is not read again.
    pub(crate) fn look_for(&self, wish: Initiator, now: Instant) -> FileView {
        let config = self.source.path().map(|path| FileContent::at(path, config::MAX_TEXT));
        let parsed = self.source.parse(config.as_ref()).ok();
        let held = parsed.as_ref().filter(|_| wish == Initiator::Watcher);
        let held = held.and_then(|parsed| self.serving.as_ref()?.hold(self.source.path()?, parsed, now));
        let mut look = FileView {
            config,
            held,
            ranges: None,
            authorities: Files::default(),
            certificates: Files::default(),
        };
        let serving = self.serving.as_ref().map(|serving| &serving.config);
        let config = parsed.as_ref().map(|parsed| &parsed.config);
        let config = if look.held.is_some() { serving } else { config };
        let authorities: BTreeSet<&Path> = config.into_iter().flat_map(authorities::files).collect();
        look.authorities =
            Files(authorities.into_iter().map(|path| FileContent::at(path, MAX_PEM)).collect());
        // What serves now is looked at too: the new config may be refused.
        let both = config.into_iter().chain(serving);
        let certificates: BTreeSet<&Path> = both.flat_map(|config| tls::files(&config.listen)).collect();
        look.certificates =
            Files(certificates.into_iter().map(|path| FileContent::at(path, MAX_PEM)).collect());
        look.ranges = config.or(serving).map(|config| {
            let named = list_names(config).into_iter().map(|(_, name)| name).collect();
            self.reader.borrow_mut().folder(&config.ranges, &named, wish == Initiator::Operator, now)
        });
        look
    }

    /// Understands a look. A person wants it: whatever the files say counts.
    pub fn load(&mut self, look: &FileView, previous: Option<&Snapshot>, kept: &LastGood) -> Loaded {
        let (wish, now) = (Initiator::Operator, Instant::now());
        self.load_after(look, Before { snapshot: previous, kept, wish, now })
    }

    /// The same for whoever wants it, over what is in force.
    pub(crate) fn load_after(&mut self, look: &FileView, before: Before<'_>) -> Loaded {
        self.loaded = Some(self.mark(look));
        let mut loaded = Loaded::default();
        let parsed = match self.source.parse(look.config.as_ref()) {
            Ok(parsed) if look.held.is_none() => Some(parsed),
            // What waits is not judged any further.
            Ok(_) => self.serving.as_ref().map(Serving::parsed),
            Err(problems) => {
                loaded.problems = problems;
                None
            }
        };
        let (config, said) = match parsed {
            Some(Parsed { config, warnings, outline }) => {
                loaded.warnings = warnings;
                (Some(config.clone()), Some((config, outline)))
            }
            None => (None, None),
        };
        let named = config.as_ref().or(before.snapshot.map(|snapshot| &snapshot.config)).map(list_names);
        let used: BTreeSet<&str> = named.iter().flatten().map(|(_, name)| *name).collect();
        let mut lists = look
            .ranges
            .as_ref()
            .map(|folder| resolve(folder, before, &used, &self.standings))
            .unwrap_or_default();
        loaded.warnings.extend(look.ranges.iter().filter_map(unread));
        loaded.held.extend(look.held.clone());
        loaded.held.append(&mut lists.held);
        if config.is_some() {
            let mut unknown = unknown_lists(named.as_deref().unwrap_or_default(), &lists, look);
            for problem in &mut unknown {
                self.source.name_flag(problem);
            }
            lists.fatal |= !unknown.is_empty();
            loaded.problems.extend(unknown);
        }
        loaded.problems.append(&mut lists.problems);
        let (Some(mut config), Some(said)) = (config, said) else { return loaded };
        let unusable = self.authorities.load(&config, &look.authorities);
        lists.fatal |= !unusable.is_empty();
        loaded.problems.extend(unusable);
        if let Some(snapshot) = before.snapshot {
            loaded.needs_restart = keep_cold(&mut config, &snapshot.config);
        }
        let doors = before.snapshot.map_or(&[][..], |snapshot| &snapshot.doors);
        let tls =
            tls::load(&config.listen, &look.certificates, doors, SystemTime::now(), &config.provider.advice);
        loaded.problems.extend(tls.problems);
        loaded.warnings.extend(tls.warnings);
        let Some(doors) = tls.doors.filter(|_| !lists.fatal) else { return loaded };
        let before_it = self.serving.take();
        self.serving = Some(Serving::next(before_it, config.clone(), said, look.held.is_some(), before));
        remember(&mut self.standings, &lists.good, &loaded.held, before);
        let generation = before.snapshot.map_or(1, |snapshot| snapshot.generation + 1);
        self.upstreams.forget_unused();
        loaded.snapshot = Some(self.compile(config, lists.good, doors, generation));
        loaded
    }

    /// What the file of the config that serves looks like.
    #[must_use]
    pub fn outline(&self) -> Option<&Outline> {
        self.serving.as_ref().map(|serving| &serving.outline)
    }

    /// What an earlier text of the file looked like, and whether it means the same as the one that serves;
    /// `None` when it is no configuration.
    #[must_use]
    pub fn earlier(&self, text: &str) -> Option<(Outline, bool)> {
        let path = self.source.path()?.to_owned();
        let content = Ok(Bytes::copy_from_slice(text.as_bytes()));
        let parsed = self.source.parse(Some(&FileContent { path, content })).ok()?;
        let same = self.serving.as_ref().is_some_and(|serving| serving.config == parsed.config);
        Some((parsed.outline, same))
    }

    /// The text of the config that serves.
    pub(crate) fn text(&self) -> &str {
        self.serving.as_ref().map_or("", |serving| &serving.outline.text)
    }

    /// A number that is the same for equal looks; it holds for this process only.
    pub(crate) fn mark(&self, look: &FileView) -> u64 {
        self.marks.hash_one(look)
    }

    /// The mark of the look that was loaded last, whatever came of it.
    pub(crate) fn loaded(&self) -> Option<u64> {
        self.loaded
    }

    /// The single files (the config, certificates and keys) and the ranges folder, for whoever watches
    /// them.
    pub(crate) fn places(&self) -> (impl Iterator<Item = &Path>, Option<&Path>) {
        let serving = self.serving.as_ref().map(|serving| &serving.config);
        let certificates = serving.into_iter().flat_map(|config| tls::files(&config.listen));
        (self.source.path().into_iter().chain(certificates), serving.map(|config| config.ranges.as_path()))
    }

    fn compile(
        &mut self,
        config: Config,
        lists: BTreeMap<String, Arc<List>>,
        doors: Doors,
        generation: u64,
    ) -> Snapshot {
        let table = RouteTable::new(config.routes.iter().map(|r| (r.host.as_deref(), &r.path)));
        let routes = config.routes.iter().map(|route| self.route(route, &config.upstream, &lists)).collect();
        let allowed: BTreeSet<&str> =
            config.routes.iter().flat_map(|route| &route.allow).map(String::as_str).collect();
        let admitting = allowed.into_iter().filter_map(|name| lists.get(name).cloned()).collect();
        let (trusted, trusted_names) = trusted(&config.trusted_proxies, &lists);
        let unrouted = self.unrouted(&config.upstream, config.provider.other());
        let loaded_at = SystemTime::now();
        Snapshot {
            generation,
            loaded_at,
            config,
            doors,
            lists,
            admitting,
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
    ) -> Arc<LiveRoute> {
        let label = format!("{}{}", route.host.as_deref().unwrap_or_default(), route.path);
        Arc::new(LiveRoute {
            webhook: route.webhook,
            allow: route.allow.iter().filter_map(|name| lists.get(name).cloned()).collect(),
            upstream: self.upstream(route.upstream.as_ref().unwrap_or(common)),
            upstream_host: route.upstream_host.clone(),
            rules: Rules {
                success: route.success,
                relay_as: route.webhook.spec().relay_as,
                client_errors: route.client_errors,
                server_errors: route.server_errors,
            },
            deadline: route.deadline,
            counters: self.counters(&label),
            label,
        })
    }

    fn unrouted(&mut self, common: &Upstream, webhook: Webhook) -> Arc<LiveRoute> {
        Arc::new(LiveRoute {
            label: UNROUTED.to_owned(),
            webhook,
            allow: Vec::new(),
            upstream: self.upstream(common),
            upstream_host: None,
            rules: Rules::of(webhook),
            deadline: webhook.spec().deadline,
            counters: self.counters(UNROUTED),
        })
    }

    fn upstream(&mut self, spec: &Upstream) -> Arc<LiveUpstream> {
        self.upstreams.of(spec, self.authorities.of(spec))
    }

    /// Never forgotten: a route that comes back goes on counting where it stopped.
    fn counters(&mut self, label: &str) -> Arc<RouteCounters> {
        Arc::clone(self.counters.entry(label.to_owned()).or_default())
    }
}

fn trusted(entries: &[Trusted], lists: &BTreeMap<String, Arc<List>>) -> (PrefixSet, Vec<String>) {
    let mut prefixes: Vec<IpNet> = Vec::new();
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Trusted::Prefix(prefix) => {
                prefixes.push(*prefix);
                names.push(prefix.to_string());
            }
            Trusted::List(name) => {
                let entries = lists.get(name).map(|list| list.ranges.entries()).unwrap_or_default();
                prefixes.extend(entries.iter().map(|entry| entry.prefix));
                names.resize(prefixes.len(), format!("list {name}"));
            }
        }
    }
    (PrefixSet::new(&prefixes), names)
}

/// Puts back what cannot change while the process runs, and says which keys that were.
fn keep_cold(new: &mut Config, old: &Config) -> Vec<String> {
    let mut changed = Vec::new();
    if !same_sockets(&new.listen, &old.listen) {
        put_back("listen", &mut new.listen, &old.listen, &mut changed);
    }
    put_back("admin", &mut new.admin, &old.admin, &mut changed);
    put_back("metrics", &mut new.metrics, &old.metrics, &mut changed);
    put_back("threads", &mut new.threads, &old.threads, &mut changed);
    put_back("log.format", &mut new.log.format, &old.log.format, &mut changed);
    put_back("log.level", &mut new.log.level, &old.log.level, &mut changed);
    put_back("log.access", &mut new.log.access, &old.log.access, &mut changed);
    put_back("state", &mut new.state, &old.state, &mut changed);
    put_back("limits.connections", &mut new.limits.connections, &old.limits.connections, &mut changed);
    changed
}

/// Whether the listeners differ in nothing but what can change while they are open: the certificates
/// and rules of their TLS, the scheme in front of them, and the folder of their challenges.
fn same_sockets(new: &[Listener], old: &[Listener]) -> bool {
    let socket =
        |one: &Listener| Listener { tls: None, scheme: Scheme::Http, acme_challenges: None, ..one.clone() };
    let same = |(new, old): (&Listener, &Listener)| {
        socket(new) == socket(old) && new.tls.is_some() == old.tls.is_some()
    };
    new.len() == old.len() && new.iter().zip(old).all(same)
}

fn put_back<T: PartialEq + Clone>(key: &str, new: &mut T, old: &T, changed: &mut Vec<String>) {
    if new != old {
        new.clone_from(old);
        changed.push(format!("{key}: needs a restart"));
    }
}

#[cfg(test)]
mod tests;
