//! Loads of real files: what becomes of the lists and of the configuration, at a start and at a reload.

use std::net::IpAddr;
use std::sync::Arc;

use crate::load::loader::*;
use crate::load::testkit::{Site, first};
use crate::policy::address::addr::Address;

mod continuity;
mod first_load;
mod last_good;
mod lists;
mod removals;
mod secrets;
mod settings;

fn address(text: &str) -> Address {
    Address::new(text.parse::<IpAddr>().unwrap())
}

fn admits(snapshot: &Snapshot, list: &str, ip: &str) -> bool {
    snapshot.lists[list].ranges.set().contains(address(ip))
}

/// A site that was loaded once, its loader and what came of it.
fn loaded() -> (Site, Loader, Snapshot) {
    let site = Site::new();
    let mut loader = site.loader();
    let snapshot = first(&mut loader);
    (site, loader, snapshot)
}

fn hold<'a>(snapshot: &'a Snapshot, kept: &'a LastGood) -> Before<'a> {
    Before { snapshot: Some(snapshot), kept, run: kept, initiator: Initiator::Watcher, now: Instant::now() }
}
