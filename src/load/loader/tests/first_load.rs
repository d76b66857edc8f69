//! A start: the whole snapshot, or every problem.

use crate::load::loader::tests::*;
use crate::load::testkit::{CONFIG, Site, again, first};
use crate::policy::provider;

#[test]
fn a_snapshot_has_every_list_and_each_route_those_that_it_names() {
    let site = Site::new();
    site.list("unused", "192.0.2.99\n");
    let snapshot = first(&mut site.loader());
    assert_eq!(snapshot.generation, 1);
    assert_eq!(snapshot.lists.keys().collect::<Vec<_>>(), ["sms", "unused", "voice"]);
    let routes: Vec<_> = snapshot
        .routes
        .iter()
        .map(|r| (r.label.as_str(), r.allow.iter().map(|l| l.name.as_str()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(routes, [("/sms", vec!["sms"]), ("/call/*", vec!["voice", "sms"])]);
    assert_eq!(snapshot.table.find(None, b"/call/x"), Some(1));
    assert!(snapshot.knows(address("192.0.2.1")) && !snapshot.knows(address("192.0.2.99")));
    assert_eq!(snapshot.prefixes(), 5);
}

#[test]
fn the_route_for_unmatched_requests_allows_nobody() {
    let snapshot = first(&mut Site::new().loader());
    let unrouted = &snapshot.unrouted;
    assert_eq!(
        (unrouted.label.as_str(), unrouted.webhook, unrouted.allow.len()),
        ("-", provider::DEFAULT.other(), 0)
    );
    assert_eq!(unrouted.upstream.spec, snapshot.config.upstream);
}

#[test]
fn a_host_is_part_of_the_label() {
    let site = Site::new();
    site.write("config.yaml", &format!("{CONFIG}  - {{ path: /sms, host: one.example, allow: [sms] }}\n"));
    let snapshot = first(&mut site.loader());
    assert_eq!(snapshot.routes[2].label, "one.example/sms");
    assert!(!Arc::ptr_eq(&snapshot.routes[0].counters, &snapshot.routes[2].counters));
}

#[test]
fn an_unknown_list_is_reported_with_the_known_ones() {
    let site = Site::new();
    site.list("messages", "192.0.2.77\n");
    site.write(
        "config.yaml",
        &format!("{CONFIG}  - {{ path: /x, allow: [vioce] }}\ntrusted_proxies: [lb]\n"),
    );
    let outcome = site.loader().begin();
    assert!(outcome.snapshot.is_none());
    assert_eq!(
        site.problems(&outcome),
        [
            "trusted_proxies[0]: no list named \"lb\"; there are: messages, sms, voice",
            "routes[2].allow[0]: no list named \"vioce\"; there are: messages, sms, voice (did you mean voice?)",
        ]
    );
}

#[test]
fn a_list_named_by_a_flag_is_reported_under_the_flag() {
    let site = Site::new();
    let text = |text: &str| Some(text.to_owned());
    let folder = site.path("none");
    std::fs::create_dir(&folder).unwrap();
    let overrides = Overrides {
        upstream: text("http://127.0.0.1:3000"),
        listen: text("127.0.0.1:8080"),
        allow: text("sms"),
        ranges: text(folder.to_str().unwrap()),
        ..Overrides::default()
    };
    let outcome = Loader::new(None, overrides).begin();
    assert_eq!(
        site.problems(&outcome),
        ["--allow (NEXMO_GATE_ALLOW): no list named \"sms\"; there is no *.txt file in none"]
    );
}

#[test]
fn a_first_load_reports_every_problem_of_every_file() {
    let site = Site::new();
    site.list("sms", "192.0.2.0/28\n10.0.0.1/8\nno.example\n");
    site.list("unused", "");
    site.remove("ranges/voice.txt");
    let outcome = site.loader().begin();
    assert!(outcome.snapshot.is_none());
    let problems = site.problems(&outcome);
    let starts = [
        "routes[1].allow[0]: no list named \"voice\"; there are: sms, unused",
        "ranges/sms.txt:2: \"10.0.0.1/8\": the address has bits",
        "ranges/sms.txt:3: 10 characters that are not an address: is not an IP address; names are not looked up",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }
}

/// A README, a link to nowhere, a folder, a name that no list can have: none of them decides anything.
#[test]
fn bad_files_that_nothing_names_are_warnings_at_a_start_and_at_a_reload() {
    let site = Site::new();
    site.list("README", "Lists of senders.\nOne file each.\n");
    site.list("b ad", "192.0.2.1\n");
    site.list("empty", "");
    std::os::unix::fs::symlink("nowhere", site.path("ranges/link.txt")).unwrap();
    std::fs::create_dir(site.path("ranges/folder.txt")).unwrap();
    let mut loader = site.loader();
    let started = loader.begin();
    let old = started.snapshot.as_ref().unwrap_or_else(|| panic!("{:?}", started.problems));
    assert_eq!(old.lists.keys().collect::<Vec<_>>(), ["sms", "voice"]);
    let reloaded = again(&mut loader, old);
    assert!(reloaded.snapshot.is_some());
    for loaded in [&started, &reloaded] {
        assert_eq!(site.problems(loaded), [""; 0]);
        let warnings = site.plain(loaded.warnings.iter().map(ToString::to_string));
        let starts = [
            "ranges/README.txt:1: 17 characters that are not an address",
            "ranges/b ad.txt: a list is named by its file",
            "ranges/empty.txt: holds no address range",
            "ranges/folder.txt: ",
            "ranges/link.txt: cannot be read",
        ];
        assert_eq!(warnings.len(), starts.len(), "{warnings:#?}");
        for (warning, start) in warnings.iter().zip(starts) {
            assert!(warning.starts_with(start), "{warning}");
            assert!(warning.ends_with("; no route and no trusted_proxies names it"), "{warning}");
        }
    }

    // The moment something names such a file, it is a problem, and a start needs it.
    for named in ["README", "empty", "link", "folder", "b ad"] {
        site.write("config.yaml", &CONFIG.replace("[sms]", &format!("[sms, \"{named}\"]")));
        assert!(site.loader().begin().snapshot.is_none(), "{named}");
        let outcome = again(&mut loader, old);
        assert!(outcome.snapshot.is_none() && !outcome.problems.is_empty(), "{named}");
        site.write("config.yaml", &format!("{CONFIG}trusted_proxies: [\"{named}\"]\n"));
        assert!(site.loader().begin().snapshot.is_none(), "{named}");
    }
}

#[test]
fn a_config_that_is_no_text_or_not_there_is_a_problem() {
    let site = Site::new();
    std::fs::write(site.path("config.yaml"), b"listen: \xff\n").unwrap();
    assert!(site.problems(&site.loader().begin())[0].starts_with("config.yaml: is not UTF-8 text"));
    site.remove("config.yaml");
    assert!(
        site.problems(&site.loader().begin())[0].starts_with("config.yaml: cannot be read: No such file")
    );
}

#[test]
fn a_million_prefixes_load() {
    let site = Site::new();
    let line = |n: u32| format!("{}/30\n", std::net::Ipv4Addr::from(0x0a00_0000 + n * 8));
    let text: String = (0..1_000_000).map(line).collect();
    site.list("sms", &text);
    let mut loader = site.loader();
    let snapshot = first(&mut loader);
    assert_eq!(snapshot.lists["sms"].ranges.entries().len(), 1_000_000);
    assert!(admits(&snapshot, "sms", "10.0.0.11") && !admits(&snapshot, "sms", "10.0.0.12"));
    assert_eq!(snapshot.lists["sms"].ranges.set().covered().0, 4_000_000);
    let mut shorter = text.clone();
    shorter.truncate(text.find("10.1.0.0/30").unwrap());
    site.list("sms", &shorter);
    let kept = LastGood::default();
    let outcome = loader.load_after(&loader.look(), hold(&snapshot, &kept));
    let held = outcome.held[0].to_string();
    assert!(held.ends_with("would lose 991808 of 1000000 prefixes"), "{held}");
}
