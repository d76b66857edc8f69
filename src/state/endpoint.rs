//! Upstreams as requests see them: their endpoints, each with its number, its TLS and its health.
//!
//! An endpoint outlives a snapshot: as long as the config names it, it is the same one, with the same
//! number, so that idle connections and what is known about its health are found again. Nothing is
//! connected here.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, Weak};

use rustls::ClientConfig;

use crate::config::{HealthCheck, Target, Upstream};
use crate::state::stats::health::Health;

/// An upstream.
#[derive(Debug)]
pub struct LiveUpstream {
    /// What the config says.
    pub spec: Upstream,
    /// Where requests go, in turn; never empty, at most 64.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Counts requests, where there is a choice.
    pub turn: AtomicUsize,
    /// Held while it is decided whether an endpoint may rest, so that no two that fail at once each
    /// take the other for the one that is left.
    pub ejecting: Mutex<()>,
}

/// One place that requests go to.
#[derive(Debug)]
pub struct Endpoint {
    /// Counts endpoints, from 0; never given twice.
    pub id: usize,
    /// Where it is.
    pub target: Target,
    /// The same as a URL: its name in the log, the metrics and the status.
    pub url: String,
    /// How it is known to be the right one, with `https://`.
    pub tls: Option<Tls>,
    /// How it is asked whether it is well.
    pub check: Option<HealthCheck>,
    /// How it has been doing.
    pub health: Health,
}

/// How a TLS server is judged.
#[derive(Clone)]
pub struct Tls {
    /// The name that its certificate must bear.
    pub name: String,
    /// Who may have signed it.
    pub config: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What makes an endpoint the same one as before. The TLS config is told by its place in memory, which
/// no other can take while the endpoint holds it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    target: Target,
    tls: Option<(String, usize)>,
    check: Option<HealthCheck>,
}

/// The endpoints and upstreams that are in use, to be found again at the next load.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    endpoints: HashMap<Key, Weak<Endpoint>>,
    live: HashMap<Upstream, Weak<LiveUpstream>>,
    next: usize,
}

impl Upstreams {
    /// The upstream of this description. `config` judges its `https://` endpoints, if it has some.
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

    /// Forgets what no snapshot and no request uses any more.
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
