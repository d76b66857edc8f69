//! The clients that no list holds and that proved themselves by a signature: candidates for a new range.
//!
//! `load::strangers` keeps them in the state folder, so that a restart forgets none. Invariant: at most [`MOST`] clients are
//! kept, those that were seen last, each with at most [`MOST_ROUTES`] routes; nothing is kept of a request but whose secret
//! signed it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Clients that are kept.
pub(crate) const MOST: usize = 1000;
/// Routes that are kept of each.
const MOST_ROUTES: usize = 8;
/// They are stored at most this often.
const PAUSE: Duration = Duration::from_secs(5);

/// A client that proved itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedStranger {
    /// Its address.
    pub address: IpAddr,
    /// Whose secret signed: `api_key KEY` or `name NAME`.
    pub signed_by: String,
    /// The first request, in Unix seconds.
    pub first: u64,
    /// The last request, in Unix seconds.
    pub last: u64,
    /// How many requests there were.
    pub requests: u64,
    /// The routes that it asked for.
    pub routes: BTreeSet<String>,
}

/// A request of such a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proven<'a> {
    /// The client.
    pub client: IpAddr,
    /// Whose secret signed: `api_key KEY` or `name NAME`.
    pub signed_by: &'a str,
    /// The label of the route.
    pub route: &'a str,
    /// When, in Unix seconds.
    pub now: u64,
}

/// Those that were seen.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    clients: BTreeMap<IpAddr, SignedStranger>,
    /// Whether something was not stored yet.
    changed: bool,
    /// When they were stored last.
    stored: Option<Instant>,
}

impl Strangers {
    /// Those that an earlier process saw.
    #[must_use]
    pub(crate) fn of(clients: Vec<SignedStranger>) -> Self {
        let clients = clients.into_iter().take(MOST).map(|client| (client.address, client)).collect();
        Self(Mutex::new(Kept { clients, ..Kept::default() }))
    }

    /// Takes note of a request. If the client is a new one, the result is the number of networks.
    pub(crate) fn note(&self, proven: Proven<'_>) -> Option<usize> {
        let Proven { client, signed_by, route, now } = proven;
        let mut kept = self.lock();
        let is_new = !kept.clients.contains_key(&client);
        if is_new && kept.clients.len() >= MOST {
            let oldest = kept.clients.values().min_by_key(|one| one.last).map(|one| one.address);
            oldest.and_then(|oldest| kept.clients.remove(&oldest));
        }
        let one = kept.clients.entry(client).or_insert_with(|| SignedStranger {
            address: client,
            signed_by: String::new(),
            first: now,
            last: now,
            requests: 0,
            routes: BTreeSet::new(),
        });
        one.last = one.last.max(now);
        one.requests = one.requests.saturating_add(1);
        if one.signed_by != signed_by {
            signed_by.clone_into(&mut one.signed_by);
        }
        if one.routes.len() < MOST_ROUTES && !one.routes.contains(route) {
            one.routes.insert(route.to_owned());
        }
        kept.changed = true;
        is_new.then(|| kept.networks())
    }

    /// The number of networks.
    #[must_use]
    pub(crate) fn networks(&self) -> usize {
        self.lock().networks()
    }

    /// All of them, by address.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<SignedStranger> {
        self.lock().clients.values().cloned().collect()
    }

    /// All of them, if something changed and they are to be stored now.
    #[must_use]
    pub(crate) fn due(&self, now: Instant) -> Option<Vec<SignedStranger>> {
        let mut kept = self.lock();
        let paused = kept.stored.is_none_or(|stored| now.saturating_duration_since(stored) >= PAUSE);
        if !paused {
            return None;
        }
        kept.stored = kept.changed.then_some(now).or(kept.stored);
        kept.unstored()
    }

    /// All of them, if something changed since they were stored, at the end of the process.
    #[must_use]
    pub(crate) fn unstored(&self) -> Option<Vec<SignedStranger>> {
        self.lock().unstored()
    }

    /// They could not be stored: they are due again after a pause.
    pub(crate) fn not_stored(&self) {
        self.lock().changed = true;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one network: 256 addresses of IPv4, a /48 of IPv6.
#[must_use]
pub(crate) fn network(ip: IpAddr) -> IpNet {
    let length = if ip.is_ipv4() { 24 } else { 48 };
    IpNet::new(ip, length).map_or_else(|_| ip.into(), |network| network.trunc())
}

impl Kept {
    fn networks(&self) -> usize {
        self.clients.keys().map(|ip| network(*ip)).collect::<BTreeSet<_>>().len()
    }

    fn unstored(&mut self) -> Option<Vec<SignedStranger>> {
        std::mem::take(&mut self.changed).then(|| self.clients.values().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven(client: &str, now: u64) -> Proven<'_> {
        Proven { client: client.parse().unwrap(), signed_by: "a1b2c3d4", route: "/hook", now }
    }

    #[test]
    fn requests_of_a_client_are_one_row_and_are_stored_after_a_pause() {
        let strangers = Strangers::default();
        let now = Instant::now();
        assert_eq!(strangers.due(now), None);
        for at in [100, 160] {
            strangers.note(proven("192.0.2.1", at));
        }
        strangers.note(Proven { route: "/other", ..proven("192.0.2.1", 130) });
        strangers.note(proven("2001:db8::1", 130));
        assert_eq!(strangers.due(now), Some(strangers.all()));
        assert_eq!(strangers.due(now + PAUSE), None);
        strangers.not_stored();
        assert_eq!(strangers.due(now), None);
        assert!(strangers.due(now + PAUSE).is_some());
        strangers.note(proven("192.0.2.1", 170));
        assert!(strangers.unstored().is_some() && strangers.unstored().is_none());
        let again = Strangers::of(strangers.all());
        assert_eq!((again.all(), again.unstored()), (strangers.all(), None));
        let first = &again.all()[0];
        assert_eq!((first.first, first.last, first.requests, first.routes.len()), (100, 170, 4, 2));
    }

    #[test]
    fn a_flood_keeps_those_that_were_seen_last() {
        let strangers = Strangers::default();
        for number in 0..1010u32 {
            let client = IpAddr::from(std::net::Ipv4Addr::from(number)).to_string();
            strangers.note(proven(&client, u64::from(number)));
        }
        let all = strangers.all();
        assert_eq!((all.len(), all[0].first), (MOST, 10));
    }
}
