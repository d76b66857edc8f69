//! What a replay found: how many lines were what, and which networks would be gained and lost.
//!
//! Invariant: however many networks a log has, the memory is bounded, and every request is counted once.

use std::collections::BTreeMap;
use std::collections::HashMap;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::cli::ranges::replay::entry::{Entry, Logged, Signature, Stamp};
use crate::judge::trial::{Effect, Trial};
use crate::policy::address::addr::Address;
use crate::policy::signature::finding::Finding;

/// The networks that have a row of their own, of those gained and of those lost.
const MOST_NETWORKS: usize = 10_000;
/// The routes that a row names.
const MOST_ROUTES: usize = 16;

/// How many lines were what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    /// All of them.
    pub all: u64,
    /// Requests that were judged.
    pub judged: u64,
    /// Older than what was asked for.
    pub before: u64,
    /// Requests whose route is not in the configuration any more.
    pub route_gone: u64,
    /// Requests that no route matched.
    pub no_route: u64,
    /// Requests whose client is not known.
    pub no_client: u64,
    /// Sums of requests without a line.
    pub summaries: u64,
    /// Of another log.
    pub other: u64,
    /// Cut off or changed.
    pub damaged: u64,
}

impl Lines {
    /// Whether any line is that of an access log.
    #[must_use]
    pub(crate) fn are_of_a_log(&self) -> bool {
        self.all > self.damaged + self.other
    }
}

/// One network of those that would be gained or lost.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The number of its requests.
    pub requests: u64,
    /// The first and the last of them.
    pub seen: (Stamp, Stamp),
    /// By the route's index.
    pub routes: BTreeMap<usize, u64>,
    /// Those of them that the gate forwarded, or would have but for the application.
    pub forwarded: u64,
    /// Of routes that are not named, because there are too many.
    pub other_routes: u64,
    /// By [`Finding`].
    pub signatures: [u64; Finding::ALL.len()],
    /// Signatures that were not judged, and those with a word that is not known.
    pub unjudged: u64,
    pub other_signatures: u64,
}

/// Networks that would be gained, or lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    /// The requests of all of them.
    pub requests: u64,
    /// Those of them that the gate forwarded, or would have but for the application; and the last.
    pub forwarded: u64,
    pub last_forwarded: Option<Stamp>,
    /// By network.
    pub rows: HashMap<IpNet, Row>,
    /// The requests of networks without a row.
    pub beyond: u64,
}

/// The whole result.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The lines.
    pub lines: Lines,
    /// Lines of an unknown form.
    pub foreign: u64,
    /// Forwarded requests whose route is not in the configuration any more.
    pub gone: u64,
    /// The first request that has a client and a route, judged or not.
    pub oldest: Option<Stamp>,
    /// Requests that are in summaries.
    pub summed_up: u64,
    /// The first and the last request that was judged.
    pub seen: Option<(Stamp, Stamp)>,
    /// Requests that both lists admit.
    pub kept: u64,
    /// Requests that neither admits.
    pub out: u64,
    /// Requests that only the new list admits.
    pub gained: Networks,
    /// Requests that only the old list admits.
    pub lost: Networks,
}

impl Tally {
    /// Adds a line.
    pub(crate) fn add(&mut self, entry: &Entry<'_>, trial: &Trial<'_>) {
        let lines = &mut self.lines;
        lines.all += 1;
        match entry {
            Entry::Before => lines.before += 1,
            Entry::NoClient => lines.no_client += 1,
            Entry::NoRoute => lines.no_route += 1,
            Entry::Event => lines.other += 1,
            Entry::Other => {
                lines.other += 1;
                self.foreign += 1;
            }
            Entry::Damaged => lines.damaged += 1,
            Entry::Summary(count) => {
                lines.summaries += 1;
                self.summed_up = self.summed_up.saturating_add(*count);
            }
            Entry::Logged(logged) => {
                self.oldest = Some(self.oldest.map_or(logged.at, |oldest| oldest.min(logged.at)));
                match trial.route(&logged.route) {
                    None => {
                        lines.route_gone += 1;
                        self.gone += u64::from(logged.is_forwarded);
                    }
                    Some(route) => {
                        lines.judged += 1;
                        self.judged(logged, route, trial.effect(route, logged.sender));
                    }
                }
            }
        }
    }

    /// How many lines may be of senders and could not be judged, and how many there are with those that could.
    #[must_use]
    pub(crate) fn unclear(&self) -> (u64, u64) {
        let unclear = self.lines.damaged + self.foreign + self.gone;
        (unclear, unclear + self.lines.judged)
    }

    fn judged(&mut self, logged: &Logged<'_>, route: usize, effect: Effect) {
        self.seen = Some(widened(self.seen, logged.at));
        match effect {
            Effect::Kept => self.kept += 1,
            Effect::Out => self.out += 1,
            Effect::Gained => self.gained.add(logged, route, MOST_NETWORKS),
            Effect::Lost => self.lost.add(logged, route, MOST_NETWORKS),
        }
    }
}

impl Networks {
    fn add(&mut self, logged: &Logged<'_>, route: usize, most: usize) {
        self.requests += 1;
        if logged.is_forwarded {
            self.forwarded += 1;
            self.last_forwarded = self.last_forwarded.max(Some(logged.at));
        }
        let network = network(logged.sender.client);
        if !self.rows.contains_key(&network) && self.rows.len() >= most {
            self.beyond += 1;
            return;
        }
        let row = self.rows.entry(network).or_insert_with(|| Row::new(logged.at));
        row.requests += 1;
        row.forwarded += u64::from(logged.is_forwarded);
        row.seen = widened(Some(row.seen), logged.at);
        if row.routes.len() < MOST_ROUTES || row.routes.contains_key(&route) {
            *row.routes.entry(route).or_default() += 1;
        } else {
            row.other_routes += 1;
        }
        match logged.signature {
            Signature::Unjudged => row.unjudged += 1,
            Signature::Other => row.other_signatures += 1,
            Signature::Found(finding) => row.signatures[finding as usize] += 1,
        }
    }

    /// The rows, those with the most requests first.
    #[must_use]
    pub(crate) fn sorted(&self) -> Vec<(IpNet, &Row)> {
        let mut rows: Vec<_> = self.rows.iter().map(|(network, row)| (*network, row)).collect();
        rows.sort_by_key(|(network, row)| (std::cmp::Reverse(row.requests), *network));
        rows
    }
}

impl Row {
    fn new(at: Stamp) -> Self {
        Self {
            requests: 0,
            forwarded: 0,
            seen: (at, at),
            routes: BTreeMap::new(),
            other_routes: 0,
            signatures: [0; Finding::ALL.len()],
            unjudged: 0,
            other_signatures: 0,
        }
    }
}

/// The lines of a log may come in any order, because its files do.
fn widened(seen: Option<(Stamp, Stamp)>, at: Stamp) -> (Stamp, Stamp) {
    seen.map_or((at, at), |(first, last)| (first.min(at), last.max(at)))
}

/// What is told apart: a /24, and of IPv6 a /48.
fn network(client: Address) -> IpNet {
    match client.ip() {
        std::net::IpAddr::V4(ip) => Ipv4Net::new_assert(ip, 24).trunc().into(),
        std::net::IpAddr::V6(ip) => Ipv6Net::new_assert(ip, 48).trunc().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::trial::Sender;

    fn logged(client: &str, second: u32, signature: Signature) -> Logged<'static> {
        let at = Stamp::read(format!("2026-11-21T19:30:{second:02}.000Z").as_bytes()).unwrap();
        let sender = Sender { client: Address::new(client.parse().unwrap()), peer: None };
        Logged { at, sender, is_forwarded: second != 9, route: "/a".into(), signature }
    }

    #[test]
    fn networks_are_told_apart_and_those_beyond_the_bound_are_counted() {
        let mut networks = Networks::default();
        let mut add = |client: &str, second, signature| {
            networks.add(&logged(client, second, signature), 3, 2);
        };
        add("192.0.2.1", 9, Signature::Unjudged);
        add("192.0.2.255", 7, Signature::Found(Finding::Valid));
        add("2001:db8:1:2::1", 8, Signature::Other);
        add("198.51.100.1", 8, Signature::Unjudged);
        add("2001:db8:1:ffff::1", 8, Signature::Found(Finding::Valid));
        add("192.0.2.3", 8, Signature::Found(Finding::Valid));
        assert_eq!((networks.requests, networks.beyond), (6, 1));
        // All but the one of second 9.
        let last = networks.last_forwarded.and_then(|last| last.text().get(17..19).map(str::to_owned));
        assert_eq!((networks.forwarded, last.as_deref()), (5, Some("08")));
        assert_eq!(networks.sorted()[0].1.forwarded, 2);
        let rows = networks.sorted();
        let told: Vec<_> = rows.iter().map(|(network, row)| (network.to_string(), row.requests)).collect();
        assert_eq!(told, [("192.0.2.0/24".to_owned(), 3), ("2001:db8:1::/48".to_owned(), 2)]);
        let first = rows[0].1;
        let seconds = (first.seen.0.text().get(17..19), first.seen.1.text().get(17..19));
        assert_eq!(seconds, (Some("07"), Some("09")));
        assert_eq!((first.unjudged, first.signatures[Finding::Valid as usize]), (1, 2));
        assert_eq!(first.routes, BTreeMap::from([(3, 3)]));
    }

    #[test]
    fn a_row_names_a_bounded_number_of_routes() {
        let mut networks = Networks::default();
        for route in 0..40 {
            networks.add(&logged("192.0.2.1", 0, Signature::Unjudged), route % 20, 1);
        }
        let row = networks.sorted()[0].1;
        assert_eq!((row.routes.len(), row.other_routes, row.requests), (16, 8, 40));
    }
}
