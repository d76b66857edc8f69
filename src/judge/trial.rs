//! What would become of senders if lists had another content: each is judged twice for its route, with the lists as they
//! are and with those that are tried.
//!
//! `admission` decides both times, as it does for a request that is served. A list may also say who names clients
//! (`trusted_proxies`): then it changes who the client is. Invariants: whatever `mode` says, the question is whether the
//! lists admit the sender; where nobody can say who the client would be, it is taken for one that is not admitted.

use std::collections::{BTreeMap, HashMap};

use crate::config::Trusted;
use crate::policy::address::addr::Address;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::address::range_list::RangeList;
use crate::policy::admission::{Denial, Mode, decide};
use crate::policy::client::client_ip::Client;
use crate::state::snapshot::Snapshot;

/// The lists of each route, as they are and as they are tried.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    places: HashMap<String, usize>,
    routes: Vec<Route<'a>>,
    proxies: Proxies,
}

/// Who may name clients, as the lists are and as they are tried.
#[derive(Debug)]
pub(crate) struct Proxies {
    now: PrefixSet,
    tried: PrefixSet,
}

/// Whose request it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The client.
    pub client: Address,
    /// The other end of the connection, if that is known.
    pub peer: Option<Address>,
}

#[derive(Debug)]
struct Route<'a> {
    now: Vec<&'a RangeList>,
    tried: Vec<&'a RangeList>,
}

/// What the lists that are tried change for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Both admit it.
    Kept,
    /// Neither admits it.
    Out,
    /// Only those that are tried admit it.
    Gained,
    /// Only those that are there now admit it.
    Lost,
}

impl<'a> Trial<'a> {
    /// Tries these lists in place of those of the same names.
    #[must_use]
    pub(crate) fn new(snapshot: &'a Snapshot, tried: &'a BTreeMap<String, RangeList>) -> Self {
        let routes = snapshot.routes.iter().map(|route| {
            let lists = route.allow.iter().map(|list| (list.name.as_str(), &list.ranges));
            (route.label.clone(), lists.collect())
        });
        let list = |name: &str| snapshot.lists.get(name).map(|list| &list.ranges);
        Self::of(routes, Proxies::of(&snapshot.config.trusted_proxies, list, tried), tried)
    }

    /// The same without a snapshot: of each route the name in the log, and the names and contents of the lists that it allows.
    #[must_use]
    pub(crate) fn of(
        routes: impl IntoIterator<Item = (String, Vec<(&'a str, &'a RangeList)>)>,
        proxies: Proxies,
        tried: &'a BTreeMap<String, RangeList>,
    ) -> Self {
        let mut trial = Self { places: HashMap::new(), routes: Vec::new(), proxies };
        for (place, (label, lists)) in routes.into_iter().enumerate() {
            trial.places.insert(label, place);
            trial.routes.push(Route {
                now: lists.iter().map(|(_, list)| *list).collect(),
                tried: lists.iter().map(|(name, list)| tried.get(*name).unwrap_or(list)).collect(),
            });
        }
        trial
    }

    /// The index of a route in the configuration, by its name in the log.
    #[must_use]
    pub(crate) fn route(&self, label: &str) -> Option<usize> {
        self.places.get(label).copied()
    }

    /// What changes for a sender on a route, by its index.
    #[must_use]
    pub(crate) fn effect(&self, route: usize, sender: Sender) -> Effect {
        let Some(route) = self.routes.get(route) else { return Effect::Out };
        let (client, proxies) = (sender.client, &self.proxies);
        // A trusted proxy is never itself the client.
        let now = !proxies.now.contains(client) && admits(&route.now, client);
        let tried =
            !proxies.tried.contains(client) && proxies.still_name(sender) && admits(&route.tried, client);
        match (now, tried) {
            (true, true) => Effect::Kept,
            (false, false) => Effect::Out,
            (false, true) => Effect::Gained,
            (true, false) => Effect::Lost,
        }
    }
}

impl Proxies {
    /// Those of the configuration; `list` finds a list as it is.
    #[must_use]
    pub(crate) fn of<'l>(
        named: &[Trusted],
        list: impl Fn(&str) -> Option<&'l RangeList>,
        tried: &'l BTreeMap<String, RangeList>,
    ) -> Self {
        let prefixes = |content: &dyn Fn(&str) -> Option<&'l RangeList>| {
            let all = named.iter().flat_map(|one| match one {
                Trusted::Prefix(prefix) => vec![*prefix],
                Trusted::List(name) => content(name).map_or_else(Vec::new, |list| list.prefixes().collect()),
            });
            PrefixSet::new(&all.collect::<Vec<_>>())
        };
        Self { now: prefixes(&list), tried: prefixes(&|name| tried.get(name).or_else(|| list(name))) }
    }

    /// Whether the client of this sender would still be named by the other end, if that is another one. The header that
    /// named it is in no log, so nobody can say more.
    fn still_name(&self, Sender { client, peer }: Sender) -> bool {
        peer.is_none_or(|peer| peer == client || !self.now.contains(peer) || self.tried.contains(peer))
    }
}

fn admits(lists: &[&RangeList], sender: Address) -> bool {
    let client = Client { address: sender, via: Vec::new() };
    let lists = lists.iter().copied();
    decide(Ok(client), sender, Some(lists), Mode::Enforce, None, |_| Denial::not_listed()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::range_list::parse;

    fn address(text: &str) -> Address {
        Address::new(text.parse().unwrap())
    }

    #[test]
    fn a_list_of_proxies_decides_who_the_client_is() {
        let sms = parse(b"20.30.40.0/24\n").unwrap();
        let proxies = parse(b"10.1.0.0/24\n10.2.0.0/24\n").unwrap();
        let named = [Trusted::List("lb".to_owned()), Trusted::Prefix("20.30.40.128/25".parse().unwrap())];
        let judge = |next: &str, client: &str, peer: Option<&str>| {
            let tried = BTreeMap::from([("lb".to_owned(), parse(next.as_bytes()).unwrap())]);
            let proxies = Proxies::of(&named, |name| (name == "lb").then_some(&proxies), &tried);
            let trial = Trial::of([("/a".to_owned(), vec![("sms", &sms)])], proxies, &tried);
            trial.effect(0, Sender { client: address(client), peer: peer.map(address) })
        };
        let same = "10.1.0.0/24\n10.2.0.0/24\n";
        // Behind a proxy that is trusted no more; and behind one that stays.
        assert_eq!(judge("10.2.0.0/24\n", "20.30.40.5", Some("10.1.0.9")), Effect::Lost);
        assert_eq!(judge("10.2.0.0/24\n", "20.30.40.5", Some("10.2.0.9")), Effect::Kept);
        assert_eq!(judge("10.2.0.0/24\n", "20.30.40.5", Some("20.30.40.5")), Effect::Kept);
        assert_eq!(judge("10.2.0.0/24\n", "20.30.40.5", None), Effect::Kept);
        // A sender that would become a proxy, whatever it came by.
        for peer in [Some("20.30.40.5"), Some("10.1.0.9"), None] {
            assert_eq!(judge(&format!("{same}20.30.40.0/28\n"), "20.30.40.5", peer), Effect::Lost);
            assert_eq!(judge(same, "20.30.40.5", peer), Effect::Kept);
            // One that is a proxy today is not admitted today.
            assert_eq!(judge(same, "20.30.40.130", peer), Effect::Out);
        }
        // A line from before the proxies of today.
        assert_eq!(judge("10.2.0.0/24\n", "20.30.40.5", Some("10.9.0.1")), Effect::Kept);
    }
}
