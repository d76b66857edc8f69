//! Lists that changed: what is parsed again, what counts as a change, and what is held.

use crate::load::loader::tests::*;
use crate::load::testkit::{CONFIG, Site, again, first};

#[test]
fn an_unchanged_file_is_not_parsed_again() {
    let (site, mut loader, old) = loaded();
    site.list("sms", "192.0.2.0/28\n");
    let new = again(&mut loader, &old).snapshot.unwrap();
    assert!(Arc::ptr_eq(&old.lists["voice"], &new.lists["voice"]));
    assert!(!Arc::ptr_eq(&old.lists["sms"], &new.lists["sms"]));
    let same = again(&mut loader, &new).snapshot.unwrap();
    assert_eq!(same.changes_since(&new), [""; 0]);
}

#[test]
fn a_new_date_in_a_comment_is_a_change() {
    let (site, mut loader, old) = loaded();
    site.list("voice", "# reviewed: 2026-11-21\n2001:db8::/32\n");
    let new = again(&mut loader, &old).snapshot.unwrap();
    assert!(new.lists["voice"].ranges.reviewed().is_some());
    // The line number of the entry changed too.
    assert_eq!(new.changes_since(&old), ["list=voice comments changed"]);
}

#[test]
fn a_change_that_removes_too_much_waits_for_a_person() {
    let (site, mut loader, old) = loaded();
    let kept = LastGood::default();
    site.list("sms", "192.0.2.0/28\n");
    site.list("voice", "2001:db8::/32\n2001:db9::/32\n");
    let outcome = loader.load_after(&loader.look(), hold(&old, &kept));
    assert_eq!(
        outcome.held.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["list=sms would lose 2 of 3 prefixes"]
    );
    assert_eq!(site.problems(&outcome), [""; 0]);
    let new = outcome.snapshot.unwrap();
    assert_eq!(new.changes_since(&old), ["list=voice added=1 removed=0"]);
    assert!(admits(&new, "sms", "203.0.113.1"));
    let asked = again(&mut loader, &new).snapshot.unwrap();
    assert_eq!(asked.changes_since(&new), ["list=sms added=0 removed=2"]);
}

#[test]
fn a_change_that_removes_half_or_only_rewrites_is_not_held() {
    let (site, mut loader, old) = loaded();
    let kept = LastGood::default();
    site.list("voice", "2001:db8::/33\n2001:db8:8000::/33\n");
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n");
    let outcome = loader.load_after(&loader.look(), hold(&old, &kept));
    assert_eq!(outcome.held, []);
    let changes = outcome.snapshot.unwrap().changes_since(&old);
    assert_eq!(changes, ["list=sms added=0 removed=1", "list=voice added=2 removed=1"]);
}

#[test]
fn trusted_proxies_are_named_one_by_one() {
    let site = Site::new();
    site.list("lb", "10.1.0.0/16\n# two\n10.2.0.0/16\n");
    site.write("config.yaml", &format!("{CONFIG}trusted_proxies: [127.0.0.1, lb, \"fd00:1::/32\"]\n"));
    let mut loader = site.loader();
    let snapshot = first(&mut loader);
    let name = |ip: &str| snapshot.trusted.find(address(ip)).map(|place| &*snapshot.trusted_names[place]);
    assert_eq!(name("127.0.0.1"), Some("127.0.0.1/32"));
    assert_eq!(name("10.2.3.4"), Some("list lb"));
    assert_eq!(name("fd00:1::5"), Some("fd00:1::/32"));
    assert_eq!((name("10.3.0.1"), snapshot.trusted_names.len()), (None, 4));
    // The trusted addresses follow the file of the list.
    site.list("lb", "10.3.0.0/16\n10.1.0.0/16\n");
    assert!(again(&mut loader, &snapshot).snapshot.unwrap().trusted.contains(address("10.3.0.1")));
}

#[test]
fn marks_are_equal_exactly_when_the_file_contents_are() {
    let site = Site::new();
    let mut loader = site.loader();
    let _ = first(&mut loader);
    assert_eq!(loader.loaded(), Some(loader.mark(&loader.look())));
    site.list("sms", "192.0.2.1\n");
    assert_ne!(loader.loaded(), Some(loader.mark(&loader.look())));
}
