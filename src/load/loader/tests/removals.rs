//! What the routes remember of lists that lost prefixes.

use std::time::{Duration, SystemTime};

use crate::load::last_good::LastGoodStore;
use crate::load::loader::tests::*;
use crate::load::testkit::{CONFIG, again};
use crate::telemetry::timestamp::since_1970;

/// Which list had the client until a load, on a route.
fn lost<'s>(snapshot: &'s Snapshot, route: usize, client: &str) -> Option<&'s str> {
    let (grace, now) = (Duration::from_secs(24 * 3600), since_1970(SystemTime::now()));
    let mut pasts = snapshot.routes[route].removed.iter();
    pasts.find(|past| past.find(address(client), grace, now).is_some()).map(|past| past.list.as_str())
}

#[test]
fn each_route_remembers_what_its_own_lists_had_over_several_loads() {
    let (site, mut loader, one) = loaded();
    assert!(one.removed.is_empty() && one.routes.iter().all(|route| route.removed.is_empty()));
    site.list("voice", "2001:db9::/32\n");
    let two = again(&mut loader, &one).snapshot.unwrap();
    assert_eq!((lost(&two, 0, "2001:db8::1"), lost(&two, 1, "2001:db8::1")), (None, Some("voice")));
    assert!(two.knows(address("2001:db8::1")) && !two.is_listed(address("2001:db8::1")));
    site.list("sms", "192.0.2.0/28\n");
    let three = again(&mut loader, &two).snapshot.unwrap();
    assert_eq!((lost(&three, 0, "203.0.113.1"), lost(&three, 1, "203.0.113.1")), (Some("sms"), Some("sms")));
    assert_eq!(lost(&three, 1, "2001:db8::1"), Some("voice"));
    // Routes with the same past share it, and a load that takes nothing makes none.
    assert!(Arc::ptr_eq(&three.routes[0].removed[0], &three.routes[1].removed[0]));
    assert_eq!(three.removed.len(), 2);
    let four = again(&mut loader, &three).snapshot.unwrap();
    assert!(Arc::ptr_eq(&three.routes[0].removed[0], &four.routes[0].removed[0]));
    assert!(four.changes_since(&three).is_empty());
    // What came back is listed, on both routes.
    site.list("sms", "192.0.2.0/28\n203.0.113.0/28\n");
    let five = again(&mut loader, &four).snapshot.unwrap();
    assert_eq!((lost(&five, 0, "203.0.113.1"), lost(&five, 1, "198.51.100.1")), (None, Some("sms")));
}

#[test]
fn a_list_that_leaves_a_route_is_remembered_there_and_by_what_follows() {
    let (site, mut loader, one) = loaded();
    site.write("config.yaml", &CONFIG.replace("allow: [voice, sms]", "allow: [voice]"));
    let two = again(&mut loader, &one).snapshot.unwrap();
    assert_eq!((lost(&two, 0, "192.0.2.1"), lost(&two, 1, "192.0.2.1")), (None, Some("sms")));
    // A route for a part of its paths, one with a host, and one whose path nobody had.
    let more = "  - { path: /call/in, allow: [voice] }\n  - { path: /call/*, host: a.example, allow: [voice] }\n  - { path: /new, allow: [voice] }\n";
    site.write("config.yaml", &(CONFIG.replace("allow: [voice, sms]", "allow: [voice]") + more));
    let three = again(&mut loader, &two).snapshot.unwrap();
    let seen = [1, 2, 3, 4].map(|route| lost(&three, route, "192.0.2.1"));
    assert_eq!(seen, [Some("sms"), Some("sms"), Some("sms"), None]);
}

#[test]
fn a_held_change_and_a_broken_file_take_nobody() {
    let (site, mut loader, one) = loaded();
    site.list("sms", "192.0.2.0/28\n");
    let kept = LastGood::default();
    let view = loader.view_for(Initiator::Watcher, Instant::now());
    let held = loader.load_after(&view, hold(&one, &kept));
    assert_eq!(held.held.len(), 1);
    assert!(held.snapshot.unwrap().removed.is_empty());
    site.list("sms", "nothing\n");
    assert!(again(&mut loader, &one).snapshot.unwrap().removed.is_empty());
}

#[test]
fn a_grace_of_nothing_remembers_nothing_and_forgets_what_was() {
    let (site, mut loader, one) = loaded();
    site.list("voice", "2001:db9::/32\n");
    let two = again(&mut loader, &one).snapshot.unwrap();
    assert_eq!(two.removed.len(), 1);
    site.write("config.yaml", &format!("{CONFIG}removed_grace: 0s\n"));
    let three = again(&mut loader, &two).snapshot.unwrap();
    assert!(three.removed.is_empty());
    assert_eq!(three.changes_since(&two), ["removed_grace changed"]);
}

#[test]
fn a_start_compares_with_what_the_earlier_run_kept() {
    let site = Site::new();
    std::fs::create_dir(site.path("state")).unwrap();
    let config = format!("{CONFIG}state: state\n");
    site.write("config.yaml", &config);
    let mut loader = site.loader();
    let one = first(&mut loader);
    let mut store = LastGoodStore::new(one.config.state.as_deref());
    assert_eq!(store.store(&one.lists, &one.config.ranges, loader.text()), []);
    // While the gate is down a prefix goes from a file, and a list from a route.
    site.list("sms", "192.0.2.0/28\n203.0.113.0/28\n");
    site.write("config.yaml", &config.replace("allow: [voice, sms]", "allow: [sms]"));
    for two in [first(&mut site.loader()), site.loader().inspect().0.snapshot.unwrap()] {
        assert_eq!(lost(&two, 0, "198.51.100.1"), Some("sms"));
        assert_eq!((lost(&two, 0, "2001:db8::1"), lost(&two, 1, "2001:db8::1")), (None, Some("voice")));
        assert_eq!(lost(&two, 0, "192.0.2.1"), None);
    }
    // A configuration that is not known any more had the routes of now.
    site.remove("state/lists/.config.yaml");
    let three = first(&mut site.loader());
    assert_eq!((lost(&three, 0, "198.51.100.1"), lost(&three, 1, "2001:db8::1")), (Some("sms"), None));
}
