//! Upstreams as requests use them: their endpoints, each with its number, its TLS and its health.
//!
//! Nothing is connected here. Invariant: an endpoint outlives a snapshot. While the config names it, it stays
//! the same object with the same number, so that its idle connections and its health are kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, Weak};

use rustls::ClientConfig;

use crate::config::{HealthCheck, Target, Upstream};
use crate::state::stats::health::Health;

/// An upstream in use.
#[derive(Debug)]
pub struct LiveUpstream {
    /// What the config says.
    pub spec: Upstream,
    /// The endpoints that requests go to in turn; never empty, at most 64.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Counts requests, to choose an endpoint where there are several.
    pub turn: AtomicUsize,
    /// Locked while it is decided whether an endpoint may rest. Without it, two endpoints that fail at the
    /// same moment could both rest, each because the other one is left.
    pub ejecting: Mutex<()>,
}

/// One address that requests go to.
#[derive(Debug)]
pub struct Endpoint {
    /// The number of the endpoint, from 0; never reused.
    pub id: usize,
    /// Its address.
    pub target: Target,
    /// The address as a URL: the endpoint's name in the log, the metrics and the status.
    pub url: String,
    /// How its certificate is checked, with `https://`.
    pub tls: Option<Tls>,
    /// Its health check, if it has one.
    pub check: Option<HealthCheck>,
    /// Its health so far.
    pub health: Health,
}

/// How the certificate of a TLS server is checked.
#[derive(Clone)]
pub struct Tls {
    /// The name that its certificate must bear.
    pub name: String,
    /// The TLS config with the authorities that may sign it.
    pub config: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What identifies an endpoint across loads. The TLS config is identified by its address in memory, which no
/// other config can have while the endpoint holds it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    target: Target,
    tls: Option<(String, usize)>,
    check: Option<HealthCheck>,
}

/// The endpoints and upstreams in use, so that the next load finds them.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    endpoints: HashMap<Key, Weak<Endpoint>>,
    live: HashMap<Upstream, Weak<LiveUpstream>>,
    next: usize,
}

impl Upstreams {
    /// The upstream for this description, the same object as before if nothing changed. `config` is the TLS
    /// config of its `https://` endpoints.
    pub(crate) fn of(&mut self, spec: &Upstream, config: Option<&Arc<ClientConfig>>) -> Arc<LiveUpstream> {
        let endpoints: Vec<_> =
            spec.targets.iter().map(|target| self.endpoint(target, spec, config)).collect();
        if let Some(known) = self.live.get(spec).and_then(Weak::upgrade)
            && known.endpoints.iter().zip(&endpoints).all(|(old, new)| Arc::ptr_eq(old, new))
        {
            return known;
        }
        let live = Arc::new(LiveUpstream {
            spec: spec.clone(),
            endpoints,
            turn: AtomicUsize::new(0),
            ejecting: Mutex::new(()),
        });
        self.live.insert(spec.clone(), Arc::downgrade(&live));
        live
    }

    fn endpoint(
        &mut self,
        target: &Target,
        spec: &Upstream,
        config: Option<&Arc<ClientConfig>>,
    ) -> Arc<Endpoint> {
        let tls = server_name(target, spec)
            .zip(config)
            .map(|(name, config)| Tls { name: name.to_owned(), config: Arc::clone(config) });
        let key = Key {
            target: target.clone(),
            tls: tls.as_ref().map(|tls| (tls.name.clone(), Arc::as_ptr(&tls.config).addr())),
            check: spec.health.clone(),
        };
        if let Some(known) = self.endpoints.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        let new = Arc::new(Endpoint {
            id: self.next,
            target: target.clone(),
            url: target.to_string(),
            tls,
            check: spec.health.clone(),
            health: Health::default(),
        });
        self.next += 1;
        self.endpoints.insert(key, Arc::downgrade(&new));
        new
    }

    /// Forgets the endpoints and upstreams that no snapshot and no request uses.
    pub(crate) fn forget_unused(&mut self) {
        self.endpoints.retain(|_, endpoint| endpoint.strong_count() > 0);
        self.live.retain(|_, upstream| upstream.strong_count() > 0);
    }
}

/// The name that the certificate of an `https://` target must bear.
#[must_use]
pub(crate) fn server_name<'a>(target: &'a Target, spec: &'a Upstream) -> Option<&'a str> {
    let Target::Https { host, .. } = target else { return None };
    Some(spec.server_name.as_deref().unwrap_or(host))
}
