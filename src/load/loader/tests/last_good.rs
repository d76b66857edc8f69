//! Lists that are broken or gone, and the version that stays.

use std::process::Command;

use crate::load::last_good::LastGoodStore;
use crate::load::loader::tests::*;
use crate::load::testkit::{CONFIG, Site, again, first};

#[test]
fn a_broken_list_keeps_its_last_good_version_and_the_others_move_on() {
    let (site, mut loader, old) = loaded();
    site.list("sms", "192.0.2.0/2\n");
    site.list("voice", "2001:db8::/32\n2001:db9::/32\n");
    let outcome = again(&mut loader, &old);
    let new = outcome.snapshot.as_ref().unwrap();
    let problems = site.problems(&outcome);
    assert!(problems[0].starts_with("ranges/sms.txt:1: \"192.0.2.0/2\""), "{problems:?}");
    assert!(problems[0].ends_with("; the last good version stays (3 prefixes)"), "{problems:?}");
    assert_eq!((problems.len(), new.generation), (1, 2));
    assert!(new.lists["sms"].last_good && admits(new, "sms", "192.0.2.1"));
    assert!(!new.lists["voice"].last_good && admits(new, "voice", "2001:db9::1"));
    assert!(new.routes[0].allow[0].last_good, "the route must see the same version");
    assert_eq!(new.changes_since(&old), ["list=sms last good kept", "list=voice added=1 removed=0"]);

    // The same content as before: nothing is lost, and the list counts as good again.
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n203.0.113.0/28\n");
    let mended = again(&mut loader, new).snapshot.unwrap();
    assert!(!mended.lists["sms"].last_good);
    assert_eq!(mended.changes_since(new), ["list=sms good again"]);
}

#[test]
fn a_list_that_is_gone_stays_as_long_as_the_config_names_it() {
    let site = Site::new();
    site.list("unused", "192.0.2.99\n");
    let mut loader = site.loader();
    let old = first(&mut loader);
    site.remove("ranges/voice.txt");
    site.remove("ranges/unused.txt");
    let outcome = again(&mut loader, &old);
    assert_eq!(
        site.problems(&outcome),
        [
            "ranges/voice.txt: the file is gone, and the config still names the list; the last good version stays (1 prefixes)"
        ]
    );
    let new = outcome.snapshot.unwrap();
    assert_eq!(new.lists.keys().collect::<Vec<_>>(), ["sms", "voice"]);
    assert!(new.lists["voice"].last_good);
    assert_eq!(new.changes_since(&old), ["list=voice last good kept", "list=unused gone"]);

    site.write("config.yaml", &CONFIG.replace("[voice, sms]", "[sms]"));
    let outcome = again(&mut loader, &new);
    assert_eq!(site.problems(&outcome), [""; 0]);
    assert_eq!(outcome.snapshot.unwrap().changes_since(&new), ["routes changed", "list=voice gone"]);
}

#[test]
fn without_the_folder_every_list_stays() {
    let site = Site::new();
    site.list("unused", "192.0.2.99\n");
    let mut loader = site.loader();
    let old = first(&mut loader);
    std::fs::rename(site.path("ranges"), site.path("elsewhere")).unwrap();
    let outcome = again(&mut loader, &old);
    let problems = site.problems(&outcome);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("the ranges folder cannot be read: No such file"), "{problems:?}");
    let new = outcome.snapshot.unwrap();
    assert!(new.lists.len() == 3 && new.lists.values().all(|list| list.last_good));
    // A start has no last good version without a state folder.
    let fresh = site.loader().begin();
    assert!(fresh.snapshot.is_none());
    assert_eq!(site.problems(&fresh), problems);
}

#[test]
fn a_new_list_that_was_never_good_stops_only_a_config_that_names_it() {
    let (site, mut loader, old) = loaded();
    site.list("new", "192.0.2.\n");
    site.list("voice", "2001:db9::/32\n");
    let outcome = again(&mut loader, &old);
    assert_eq!((outcome.problems.len(), outcome.warnings.len()), (0, 1));
    let new = outcome.snapshot.unwrap();
    assert!(!new.lists.contains_key("new") && admits(&new, "voice", "2001:db9::1"));

    site.write("config.yaml", &CONFIG.replace("[sms]", "[sms, new]"));
    let outcome = again(&mut loader, &old);
    assert!(outcome.snapshot.is_none());
    assert_eq!(outcome.problems.len(), 1, "one cause, one problem: {:?}", outcome.problems);
}

#[test]
fn a_list_that_nothing_names_keeps_its_last_good_version_with_a_warning() {
    let site = Site::new();
    site.list("unused", "192.0.2.99\n");
    let mut loader = site.loader();
    let old = first(&mut loader);
    site.list("unused", "192.0.2.\n");
    let outcome = again(&mut loader, &old);
    assert_eq!(site.problems(&outcome), [""; 0]);
    let warning = outcome.warnings[0].to_string();
    assert!(warning.contains("; the last good version stays (1 prefixes); no route"), "{warning}");
    let new = outcome.snapshot.unwrap();
    assert!(new.lists["unused"].last_good);

    // Named later, it is reported as long as it is bad.
    site.write("config.yaml", &CONFIG.replace("[sms]", "[sms, unused]"));
    let outcome = again(&mut loader, &new);
    assert_eq!(outcome.problems.len(), 1, "{:?}", outcome.problems);
    assert!(outcome.snapshot.unwrap().lists["unused"].last_good);
}

#[test]
fn a_fifo_among_the_lists_does_not_hang() {
    let (site, mut loader, old) = loaded();
    site.remove("ranges/sms.txt");
    assert!(Command::new("mkfifo").arg(site.path("ranges/sms.txt")).status().unwrap().success());
    let outcome = again(&mut loader, &old);
    assert_eq!(
        site.problems(&outcome),
        ["ranges/sms.txt: must be a regular file, this is a FIFO; the last good version stays (3 prefixes)"]
    );
    assert!(outcome.snapshot.unwrap().lists["sms"].last_good);
}

#[test]
fn a_restart_with_a_broken_list_serves_the_kept_copy() {
    let site = Site::new();
    std::fs::create_dir(site.path("state")).unwrap();
    site.write("config.yaml", &format!("{CONFIG}state: state\n"));
    let good = first(&mut site.loader());
    LastGoodStore::new(Some(&site.path("state"))).store(&good.lists, &site.path("ranges"), "");
    site.list("sms", "192.0.2.\n");
    site.remove("ranges/voice.txt");
    let outcome = site.loader().begin();
    let problems = site.problems(&outcome);
    assert!(
        problems[0].starts_with("ranges/sms.txt:1: ")
            && problems[1].starts_with("ranges/voice.txt: the file is gone")
    );
    let snapshot = outcome.snapshot.unwrap();
    assert!(snapshot.lists.values().all(|list| list.last_good));
    assert!(admits(&snapshot, "sms", "192.0.2.1") && admits(&snapshot, "voice", "2001:db8::1"));
    assert_eq!(snapshot.lists["sms"].path, site.path("ranges/sms.txt"));
    // A running process uses its own last good lists, not the stored copies.
    let look = site.loader().look();
    let kept = LastGood::read(&site.path("state")).0;
    let outcome = site.loader().load(&look, Some(&good), &kept);
    assert_eq!(outcome.snapshot.unwrap().generation, good.generation + 1);
}

#[test]
fn a_good_file_is_never_replaced_by_its_kept_copy() {
    let site = Site::new();
    std::fs::create_dir(site.path("state")).unwrap();
    site.write("config.yaml", &format!("{CONFIG}state: state\n"));
    let good = first(&mut site.loader());
    LastGoodStore::new(Some(&site.path("state"))).store(&good.lists, &site.path("ranges"), "");
    // Less than half is left, but a start accepts the files as they are.
    site.list("sms", "192.0.2.0/28\n");
    let snapshot = first(&mut site.loader());
    assert!(!snapshot.lists["sms"].last_good && !admits(&snapshot, "sms", "203.0.113.1"));
}
