//! What would become of senders if lists had another content: each address is judged twice for its route, with the lists
//! as they are and with those that are tried.
//!
//! `admission` decides both times, as it does for a request that is served. Invariant: whatever `mode` says, the question
//! is whether the lists admit the sender.

use std::collections::{BTreeMap, HashMap};

use crate::policy::address::addr::Address;
use crate::policy::address::range_list::RangeList;
use crate::policy::admission::{Denial, Mode, decide};
use crate::policy::client::client_ip::Client;
use crate::state::snapshot::Snapshot;

/// The lists of each route, as they are and as they are tried.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    places: HashMap<String, usize>,
    routes: Vec<Route<'a>>,
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
        Self::of(routes, tried)
    }

    /// The same without a snapshot: of each route the name in the log, and the names and contents of the lists that it allows.
    #[must_use]
    pub(crate) fn of(
        routes: impl IntoIterator<Item = (String, Vec<(&'a str, &'a RangeList)>)>,
        tried: &'a BTreeMap<String, RangeList>,
    ) -> Self {
        let mut trial = Self { places: HashMap::new(), routes: Vec::new() };
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
    pub(crate) fn effect(&self, route: usize, sender: Address) -> Effect {
        let Some(route) = self.routes.get(route) else { return Effect::Out };
        match (admits(&route.now, sender), admits(&route.tried, sender)) {
            (true, true) => Effect::Kept,
            (false, false) => Effect::Out,
            (false, true) => Effect::Gained,
            (true, false) => Effect::Lost,
        }
    }
}

fn admits(lists: &[&RangeList], sender: Address) -> bool {
    let client = Client { address: sender, via: Vec::new() };
    let lists = lists.iter().copied();
    decide(Ok(client), sender, Some(lists), Mode::Enforce, None, |_| Denial::not_listed()).is_ok()
}
