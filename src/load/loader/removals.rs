//! What the lists of each route have lost, from one load to the next.
//!
//! A route is the same one as before when it has the same host and path; a new route continues the one that its path went
//! to before. A list that left `allow` has lost all its prefixes. The memory is in the snapshots themselves: it ends with
//! the process, except that a start compares with the copies that an earlier run kept. Invariant: whatever a route's lists
//! have now is not among what they have lost.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Route;
use crate::load::last_good::LastGood;
use crate::policy::address::range_list::RangeList;
use crate::policy::address::removed::Removed;
use crate::policy::routing::authority::Host;
use crate::policy::routing::route::RouteTable;
use crate::state::past::Past;
use crate::state::snapshot::{List, LiveRoute, Snapshot};

/// What was in use before a load.
#[derive(Debug, Default)]
pub(super) struct Earlier<'a> {
    routes: Vec<EarlierRoute<'a>>,
    table: RouteTable,
}

/// A route before a load.
#[derive(Debug)]
struct EarlierRoute<'a> {
    label: String,
    allow: Vec<(&'a str, &'a RangeList)>,
    removed: &'a [Arc<Past>],
}

impl<'a> Earlier<'a> {
    /// The snapshot that serves.
    pub(super) fn serving(snapshot: &'a Snapshot) -> Self {
        let route = |route: &'a Arc<LiveRoute>| EarlierRoute {
            label: route.label.clone(),
            allow: route.allow.iter().map(|list| (list.name.as_str(), &list.ranges)).collect(),
            removed: &route.removed,
        };
        Self { routes: snapshot.routes.iter().map(route).collect(), table: snapshot.table.clone() }
    }

    /// What an earlier run kept: `routes` are those of its configuration.
    pub(super) fn kept(routes: &[Route], kept: &'a LastGood) -> Self {
        let list = |name: &String| kept.named(name).map(|(name, list)| (name, &list.ranges));
        let route = |route: &Route| EarlierRoute {
            label: route.label(),
            allow: route.allow.iter().filter_map(list).collect(),
            removed: &[],
        };
        let table = RouteTable::new(routes.iter().map(|route| (route.host.as_deref(), &route.path)));
        Self { routes: routes.iter().map(route).collect(), table }
    }

    /// The route that had the requests of this one.
    fn of(&self, route: &Route) -> Option<&EarlierRoute<'a>> {
        let label = route.label();
        self.routes.iter().find(|earlier| earlier.label == label).or_else(|| {
            let host = route.host.as_deref().and_then(|host| Host::read(host.as_bytes()));
            self.routes.get(self.table.find(host, route.path.text().as_bytes())?)
        })
    }
}

/// Makes the past of each list, once for all routes that have the same.
#[derive(Debug)]
pub(super) struct Removals<'a> {
    earlier: Earlier<'a>,
    grace: Duration,
    now: Duration,
    /// By the addresses of what a past is made of: the earlier past, the old list, the new list.
    made: HashMap<[usize; 3], Option<Arc<Past>>>,
}

impl<'a> Removals<'a> {
    /// For one load, at this time.
    pub(super) fn new(earlier: Earlier<'a>, grace: Duration, now: Duration) -> Self {
        Self { earlier, grace, now, made: HashMap::new() }
    }

    /// What the lists of a route have lost, which has these lists now.
    pub(super) fn of(&mut self, route: &Route, allow: &[Arc<List>]) -> Vec<Arc<Past>> {
        let Some(earlier) = self.earlier.of(route) else { return Vec::new() };
        let removed = earlier.removed;
        let old = earlier.allow.clone();
        let names: BTreeSet<&str> =
            old.iter().map(|(name, _)| *name).chain(removed.iter().map(|past| past.list.as_str())).collect();
        let of_list = |name: &str| {
            let past = removed.iter().find(|past| past.list == name);
            let old = old.iter().find(|(own, _)| *own == name).map(|(_, list)| *list);
            let new = allow.iter().find(|list| list.name == name).map(|list| &list.ranges);
            self.past(name, past, old, new)
        };
        names.into_iter().filter_map(of_list).collect()
    }

    fn past(
        &mut self,
        name: &str,
        past: Option<&Arc<Past>>,
        old: Option<&RangeList>,
        new: Option<&RangeList>,
    ) -> Option<Arc<Past>> {
        let (grace, now) = (self.grace, self.now);
        if same(old, new) && past.is_none_or(|past| past.removed.is_fresh(grace, now)) {
            return past.cloned();
        }
        let key = [place(past.map(|past| &**past)), place(old), place(new)];
        let make = || {
            let removed = Removed::after(past.map(|past| &past.removed), old, new, grace, now)?;
            Some(Arc::new(Past { list: name.to_owned(), removed }))
        };
        self.made.entry(key).or_insert_with(make).clone()
    }
}

/// Whether it is one list in memory: as a rule a load changes nothing.
fn same(old: Option<&RangeList>, new: Option<&RangeList>) -> bool {
    place(old) == place(new)
}

fn place<T>(value: Option<&T>) -> usize {
    value.map_or(0, |value| std::ptr::from_ref(value).addr())
}

/// The pasts that the routes have, each once.
pub(super) fn distinct<'r>(routes: impl Iterator<Item = &'r [Arc<Past>]>) -> Vec<Arc<Past>> {
    let mut all: Vec<Arc<Past>> = Vec::new();
    for past in routes.flatten() {
        if !all.iter().any(|known| Arc::ptr_eq(known, past)) {
            all.push(Arc::clone(past));
        }
    }
    all
}
