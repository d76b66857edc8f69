//! Changes that wait for a person, of lists and of the configuration.

use std::fs;

use crate::load::reload::tests::*;
use crate::load::testkit::Site;

#[test]
fn a_change_that_removes_too_much_is_held_until_a_person_asks() {
    let site = Site::new();
    let running = run(&site, EVENTS);
    site.list("sms", "192.0.2.0/28\n");
    let report = running.next();
    assert_eq!(report.held, ["list=sms would lose 2 of 3 prefixes"]);
    assert_eq!((report.published, report.generation, report.problems.len()), (false, 1, 0));
    assert!(running.admits("sms", "203.0.113.1"));
    // Another list's change is loaded, and the hold goes on.
    site.list("voice", "2001:db8::/32\n2001:db9::/32\n");
    let report = running.next();
    assert_eq!((report.changes.len(), report.held.len()), (1, 1));
    let report = running.ask(Cause::Asked);
    assert_eq!(
        (report.changes.as_slice(), report.held.len()),
        (["list=sms added=0 removed=2".to_owned()].as_slice(), 0)
    );
    assert!(!running.admits("sms", "203.0.113.1"));
}

#[test]
fn a_list_that_grows_out_of_proportion_is_held_and_a_normal_addition_is_not() {
    let site = Site::new();
    let running = run(&site, EVENTS);
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n203.0.113.0/28\n10.1.0.0/18\n");
    assert_eq!(running.next().changes, ["list=sms added=1 removed=0"]);
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n203.0.0.0/8\n10.1.0.0/18\n");
    let report = running.next();
    assert!(
        report.held[0].starts_with("list=sms would grow from 48 to 16793632 IPv4 addresses"),
        "{report:?}"
    );
    assert!(!running.admits("sms", "203.1.2.3") && running.admits("sms", "10.1.0.1"));
    assert!(running.ask(Cause::Signal).published);
    assert!(running.admits("sms", "203.1.2.3"));
}

#[test]
fn removals_in_many_steps_are_held_where_one_step_would_be() {
    let site = Site::new();
    let list = |length: usize| {
        site.list("sms", &(0..length).map(|n| format!("192.0.2.{}\n", 2 * n)).collect::<String>());
    };
    list(100);
    let running = run(&site, EVENTS);
    let mut length = 100;
    while length > 50 {
        length -= 10;
        list(length);
        assert_eq!(running.next().changes, ["list=sms added=0 removed=10"], "{length}");
    }
    list(40);
    assert_eq!(running.next().held, ["list=sms would lose 60 of 100 prefixes in several steps"]);
    assert!(running.admits("sms", "192.0.2.98"));
    // A removed entry that was approved may come back unasked, and a manual reload sets the new reference.
    list(100);
    assert_eq!(running.next().changes, ["list=sms added=50 removed=0"]);
    list(40);
    assert_eq!(running.next().held.len(), 1);
    assert!(running.ask(Cause::Asked).published && running.next().published);
    list(20);
    assert_eq!(running.next().changes, ["list=sms added=0 removed=20"]);
}

/// The config of a site with three routes, and with every part that a cut can remove.
const WHOLE: &str = "\
listen: [{ address: \"127.0.0.1:8080\" }]
upstream: \"http://127.0.0.1:3000\"
deny: hide
routes:
  - { path: /sms, webhook: sms-inbound, allow: [sms] }
  - { path: /call/*, webhook: voice-answer, allow: [voice, sms] }
  - { path: /more, webhook: generic, allow: [sms] }
limits:
  max_body: 64KiB
  max_head: 8KiB
";

/// A change of `config.yaml` that the watcher notices.
fn noticed(from: &str, to: &str) -> (Site, Running, Arc<Report>) {
    let site = Site::new();
    // A config without routes allows this list by default.
    site.list("messages", "192.0.2.77\n");
    site.write("config.yaml", from);
    let running = run_looked(&site, EVENTS);
    site.write("config.new", to);
    fs::rename(site.path("config.new"), site.path("config.yaml")).unwrap();
    let report = running.next();
    (site, running, report)
}

#[test]
fn a_config_that_lost_what_stood_there_is_held_whole_until_a_person_asks() {
    for (to, why) in [
        (WHOLE.replace("deny: hide\n", ""), "would lose deny"),
        (WHOLE.replace("deny: hide\n", "# deny: hide\nmode: observe\n"), "would lose deny"),
        (
            WHOLE.split("routes:").next().unwrap().to_owned(),
            "would lose routes, limits, and ends after the first 3 lines of",
        ),
        (WHOLE.replace("  max_body: 64KiB\n  max_head: 8KiB\n", ""), "would lose limits, and "),
        (WHOLE.replace("  max_head: 8KiB\n", ""), "ends after the first 9 lines of"),
        (
            format!("{}x", WHOLE.replace("hide", "drop").trim_end()).replace("8KiBx", "8KiB"),
            "ends without a newline",
        ),
        (
            WHOLE.split("  - { path: /call").next().unwrap().to_owned() + "limits: { max_body: 64KiB }\n",
            "would lose 2 of 3 routes",
        ),
    ] {
        let (site, running, report) = noticed(WHOLE, &to);
        assert_eq!((report.published, report.problems.len(), report.held.len()), (false, 0, 1), "{report:?}");
        let message = site.plain(report.held.iter().cloned()).remove(0);
        assert!(message.starts_with(&format!("config.yaml {why}")), "{message}");
        // The lists of the config in use are still loaded.
        site.list("voice", "2001:db8::/32\n2001:db9::/32\n");
        let report = running.next();
        assert_eq!(
            (report.changes.as_slice(), report.held.len()),
            (["list=voice added=1 removed=0".to_owned()].as_slice(), 1),
            "{to}"
        );
        let snapshot = running.store.load();
        assert_eq!((snapshot.config.routes.len(), snapshot.config.limits.max_head), (3, 8192), "{to}");
        let report = running.ask(Cause::Asked);
        assert_eq!((report.published, report.held.len(), report.problems.len()), (true, 0, 0), "{to}");
        assert_ne!(running.store.load().config, snapshot.config);
    }
}

#[test]
fn a_config_that_a_person_edited_is_live_by_itself() {
    for to in [
        WHOLE.replace("deny: hide", "deny: retry"),
        WHOLE.replace("deny: hide", "deny: hide\nmode: observe"),
        WHOLE.replace("  - { path: /more, webhook: generic, allow: [sms] }\n", ""),
        WHOLE.replace("/sms,", "/texts,").replace("/more,", "/less,"),
        WHOLE.replace("  max_body: 64KiB\n", ""),
        format!("# words\n{WHOLE}drain: {{ delay: 1s }}\n"),
    ] {
        let (_site, _running, report) = noticed(WHOLE, &to);
        assert_eq!((report.published, report.problems.len(), report.held.len()), (true, 0, 0), "{to}");
    }
    // A small config with one route.
    let one = "upstream: \"http://127.0.0.1:3000\"\nroutes:\n  - { path: /a, allow: [sms] }\n";
    let (_site, _running, report) = noticed(one, &one.replace("/a", "/b"));
    assert_eq!((report.published, report.held.len()), (true, 0));
}

/// A lost comment or newline changes no meaning; the next edit is compared with the text that was read last.
#[test]
fn a_config_that_means_the_same_is_not_held() {
    let with_tail = format!("{WHOLE}# the end\n");
    let (_site, _running, report) = noticed(&with_tail, WHOLE.trim_end());
    assert_eq!((report.published, report.held.len()), (false, 0));
}

#[test]
fn the_folder_and_the_certificates_of_a_held_config_are_not_looked_at() {
    let (site, running, report) = {
        let from = format!("{WHOLE}ranges: other\n");
        let site = Site::new();
        other_folder(&site, "other");
        site.write("config.yaml", &from);
        let running = run_looked(&site, EVENTS);
        site.write("config.yaml", WHOLE);
        let report = running.next();
        (site, running, report)
    };
    let message = site.plain(report.held.iter().cloned());
    assert!(message[0].starts_with("config.yaml would lose ranges"), "{message:?}");
    site.write("other/voice.txt", "2001:db8::/32\n2001:db9::/32\n");
    assert_eq!(running.next().changes, ["list=voice added=1 removed=0"]);
    assert!(running.admits("sms", "192.0.2.200"));
}
