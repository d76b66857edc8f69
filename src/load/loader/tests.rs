use std::net::IpAddr;
use std::process::Command;

use crate::config::keys::{Change, KEYS};
use crate::load::loader::*;
use crate::load::testkit::{CONFIG, Site, again, first};
use crate::policy::address::addr::Address;
use crate::policy::outcome::Reason;
use crate::policy::provider;

fn address(text: &str) -> Address {
    Address::new(text.parse::<IpAddr>().unwrap())
}

fn admits(snapshot: &Snapshot, list: &str, ip: &str) -> bool {
    snapshot.lists[list].ranges.set().contains(address(ip))
}

fn hold<'a>(snapshot: &'a Snapshot, kept: &'a LastGood) -> Before<'a> {
    Before { snapshot: Some(snapshot), kept, initiator: Initiator::Watcher, now: Instant::now() }
}

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
fn the_route_that_stands_in_for_none_allows_nobody() {
    let snapshot = first(&mut Site::new().loader());
    let unrouted = &snapshot.unrouted;
    assert_eq!(
        (unrouted.label.as_str(), unrouted.webhook, unrouted.allow.len()),
        ("-", provider::DEFAULT.other(), 0)
    );
    assert_eq!(unrouted.upstream.spec, snapshot.config.upstream);
}

#[test]
fn a_list_that_never_was_is_named_with_those_that_are() {
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
    site.list("b ad", "192.0.2.1\n");
    site.list("unused", "");
    site.remove("ranges/voice.txt");
    let outcome = site.loader().begin();
    assert!(outcome.snapshot.is_none());
    let problems = site.problems(&outcome);
    let starts = [
        "routes[1].allow[0]: no list named \"voice\"; there are: sms, unused",
        "ranges/b ad.txt: a list is named by its file",
        "ranges/sms.txt:2: \"10.0.0.1/8\": the address has bits",
        "ranges/sms.txt:3: 10 characters that are not an address: is not an IP address; names are not looked up",
        "ranges/unused.txt: holds no address range",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
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
fn a_broken_list_keeps_its_last_good_version_and_the_others_move_on() {
    let site = Site::new();
    let mut loader = site.loader();
    let old = first(&mut loader);
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
    let site = Site::new();
    let mut loader = site.loader();
    let old = first(&mut loader);
    site.list("new", "192.0.2.\n");
    site.list("voice", "2001:db9::/32\n");
    let outcome = again(&mut loader, &old);
    assert_eq!(outcome.problems.len(), 1);
    let new = outcome.snapshot.unwrap();
    assert!(!new.lists.contains_key("new") && admits(&new, "voice", "2001:db9::1"));

    site.write("config.yaml", &CONFIG.replace("[sms]", "[sms, new]"));
    let outcome = again(&mut loader, &old);
    assert!(outcome.snapshot.is_none());
    assert_eq!(outcome.problems.len(), 1, "one cause, one problem: {:?}", outcome.problems);
}

#[test]
fn a_broken_config_refuses_the_reload_and_the_lists_are_checked_all_the_same() {
    let site = Site::new();
    let mut loader = site.loader();
    let old = first(&mut loader);
    site.write("config.yaml", &format!("{CONFIG}lisen: 1\n"));
    site.list("sms", "192.0.2.\n");
    let outcome = again(&mut loader, &old);
    assert!(outcome.snapshot.is_none());
    let problems = site.problems(&outcome);
    assert!(problems[0].starts_with("lisen") && problems[1].starts_with("ranges/sms.txt:1"), "{problems:?}");
}

#[test]
fn an_unchanged_file_is_not_parsed_again() {
    let site = Site::new();
    let mut loader = site.loader();
    let old = first(&mut loader);
    site.list("sms", "192.0.2.0/28\n");
    let new = again(&mut loader, &old).snapshot.unwrap();
    assert!(Arc::ptr_eq(&old.lists["voice"], &new.lists["voice"]));
    assert!(!Arc::ptr_eq(&old.lists["sms"], &new.lists["sms"]));
    let same = again(&mut loader, &new).snapshot.unwrap();
    assert_eq!(same.changes_since(&new), [""; 0]);
}

#[test]
fn a_new_date_in_a_comment_is_a_change() {
    let site = Site::new();
    let mut loader = site.loader();
    let old = first(&mut loader);
    site.list("voice", "# reviewed: 2026-11-21\n2001:db8::/32\n");
    let new = again(&mut loader, &old).snapshot.unwrap();
    assert!(new.lists["voice"].ranges.reviewed().is_some());
    // The line number of the entry changed too.
    assert_eq!(new.changes_since(&old), ["list=voice comments changed"]);
}

#[test]
fn a_change_that_removes_too_much_waits_for_a_person() {
    let site = Site::new();
    let mut loader = site.loader();
    let (old, kept) = (first(&mut loader), LastGood::default());
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
fn what_removes_half_or_is_only_written_differently_is_not_held() {
    let site = Site::new();
    let mut loader = site.loader();
    let (old, kept) = (first(&mut loader), LastGood::default());
    site.list("voice", "2001:db8::/33\n2001:db8:8000::/33\n");
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n");
    let outcome = loader.load_after(&loader.look(), hold(&old, &kept));
    assert_eq!(outcome.held, []);
    let changes = outcome.snapshot.unwrap().changes_since(&old);
    assert_eq!(changes, ["list=sms added=0 removed=1", "list=voice added=2 removed=1"]);
}

#[test]
fn a_restart_with_a_broken_list_serves_the_kept_copy() {
    let site = Site::new();
    std::fs::create_dir(site.path("state")).unwrap();
    site.write("config.yaml", &format!("{CONFIG}state: state\n"));
    let good = first(&mut site.loader());
    crate::load::last_good::LastGoodStore::new(Some(&site.path("state"))).store(
        &good.lists,
        &site.path("ranges"),
        "",
    );
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
    crate::load::last_good::LastGoodStore::new(Some(&site.path("state"))).store(
        &good.lists,
        &site.path("ranges"),
        "",
    );
    // Less than half is left, but a start accepts the files as they are.
    site.list("sms", "192.0.2.0/28\n");
    let snapshot = first(&mut site.loader());
    assert!(!snapshot.lists["sms"].last_good && !admits(&snapshot, "sms", "203.0.113.1"));
}

/// A change of each key that the table calls cold, alone, waits for the next start; a change of all other
/// keys leaves nothing waiting.
#[test]
fn exactly_the_cold_keys_of_the_table_wait_for_a_restart() {
    let config = |text: &str| {
        let text = format!("upstream: \"http://a\"\ntrusted_proxies: [10.0.0.0/8]\n{text}\n");
        let parsed = config::parse(Some(&text), &Overrides::default(), Path::new("/"));
        parsed.unwrap_or_else(|problems| panic!("{text}: {problems:?}")).config
    };
    let waiting = |new: &str| {
        let (mut new, old) = (config(new), config(""));
        assert_ne!(new, old);
        keep_cold(&mut new, &old)
    };
    let listener = |key: &str| format!("listen: [{{ address: \"0.0.0.0:8080\", {key} }}]");
    let changes = [
        ("listen[].address", "listen: [{ address: \"0.0.0.0:8081\" }]".to_owned()),
        ("listen[].proxy_protocol", listener("proxy_protocol: true")),
        ("listen[].http2", listener("http2: true")),
        ("limits.connections", "limits: { connections: 77 }".to_owned()),
        ("state", "state: kept".to_owned()),
        ("admin.address", "admin: { address: \"127.0.0.1:1\" }".to_owned()),
        ("metrics.address", "metrics: { address: \"0.0.0.0:2\" }".to_owned()),
        ("log.format", "log: { format: text }".to_owned()),
        ("log.level", "log: { level: debug }".to_owned()),
        ("log.access", "log: { access: stderr }".to_owned()),
        ("threads", "threads: 7".to_owned()),
    ];
    let cold = KEYS.iter().filter(|key| key.change == Change::Cold).map(|key| key.path);
    assert_eq!(changes.iter().map(|(key, _)| *key).collect::<Vec<_>>(), cold.collect::<Vec<_>>());
    for (key, text) in &changes {
        // `listen` is restored as a whole, and `admin` and `metrics` may be scalars.
        let name = key.split("[]").next().unwrap().trim_end_matches(".address");
        assert_eq!(waiting(text), [format!("{name}: needs a restart")], "{key}");
    }
    let hot = listener("acme_challenges: challenges")
        + "\nranges: r\nforwarded_header: forwarded\ndeny: hide\nmode: observe\nroutes: [{ path: /a }]\n\
           limits: { max_body: 1KiB, max_response: 1KiB, max_head: 1KiB, head_timeout: 1s, body_timeout: 1s, \
           keepalive: 1s, connections_per_stranger: 3, connections_per_client: 3, concurrent_requests: 9, \
           buffers: 1MiB }\ndrain: { delay: 1s, grace: 20s }\nhealth_path: /-/healthy";
    assert_eq!(waiting(&hot), [""; 0]);
}

#[test]
fn cold_keys_stay_and_the_rest_is_applied() {
    let site = Site::new();
    let mut loader = site.loader();
    let old = first(&mut loader);
    let text = CONFIG.replace("8080", "8081").replace("3000", "3001");
    let cold = "threads: 7\nadmin: { address: \"127.0.0.1:9999\" }\nstate: s\nlimits: { connections: 77, max_body: 2MiB }\n\
                log: { format: text, level: debug, access: stderr }\n";
    site.write("config.yaml", &format!("{text}{cold}deny: hide\n"));
    let outcome = again(&mut loader, &old);
    let keys = [
        "listen",
        "admin",
        "threads",
        "log.format",
        "log.level",
        "log.access",
        "state",
        "limits.connections",
    ];
    assert_eq!(outcome.needs_restart, keys.map(|key| format!("{key}: needs a restart")));
    let new = outcome.snapshot.unwrap();
    assert_eq!(new.config.listen, old.config.listen);
    assert_eq!(new.config.limits.connections, old.config.limits.connections);
    assert_eq!(new.config.limits.max_body, 2 << 20);
    assert_eq!(new.changes_since(&old), ["upstream changed", "deny changed", "limits changed"]);
    // Reported at every reload until the change is undone.
    assert_eq!(again(&mut loader, &new).needs_restart.len(), keys.len());
    site.write("config.yaml", CONFIG);
    assert_eq!(again(&mut loader, &new).needs_restart, [""; 0]);
}

#[test]
fn endpoint_numbers_and_counters_survive_reloads() {
    let site = Site::new();
    let mut loader = site.loader();
    let with = |extra: &str| site.write("config.yaml", &format!("{CONFIG}{extra}"));
    with("  - { path: /b, allow: [sms], upstream: \"http://127.0.0.1:4000\" }\n");
    let one = first(&mut loader);
    one.routes[2].counters.count(Reason::Success, Some(200));
    let ids =
        |snapshot: &Snapshot| snapshot.routes.iter().map(|r| r.upstream.endpoints[0].id).collect::<Vec<_>>();
    assert_eq!(ids(&one), [0, 0, 1]);
    with("");
    let two = again(&mut loader, &one).snapshot.unwrap();
    with(
        "  - { path: /c, allow: [sms], upstream: \"http://127.0.0.1:5000\" }\n  - { path: /b, allow: [sms], upstream: \"http://127.0.0.1:4000\" }\n",
    );
    let three = again(&mut loader, &two).snapshot.unwrap();
    assert_eq!(ids(&three), [0, 0, 2, 1]);
    assert!(Arc::ptr_eq(&one.routes[2].counters, &three.routes[3].counters));
    assert_eq!(three.routes[3].counters.by_reason().count(), 1);
    assert!(Arc::ptr_eq(&one.unrouted.counters, &three.unrouted.counters));
    assert!(!Arc::ptr_eq(&one.routes[0].counters, &one.routes[1].counters));
}

#[test]
fn an_endpoint_is_the_same_one_for_as_long_as_the_config_names_it() {
    let site = Site::new();
    let mut loader = site.loader();
    let upstream = |urls: &str| {
        let text = CONFIG.replace("\"http://127.0.0.1:3000\"", urls);
        assert_ne!(text, CONFIG);
        site.write("config.yaml", &text);
    };
    let endpoints = |snapshot: &Snapshot| snapshot.endpoints().into_keys().collect::<Vec<_>>();
    upstream("[http://a, http://b]");
    let one = first(&mut loader);
    assert_eq!(endpoints(&one), [0, 1]);
    assert!(Arc::ptr_eq(&one.routes[0].upstream, &one.unrouted.upstream));
    // Another order is another upstream with the same endpoints; the first order is the first upstream again.
    upstream("[http://b, http://a]");
    let two = again(&mut loader, &one).snapshot.unwrap();
    assert!(Arc::ptr_eq(&one.routes[0].upstream.endpoints[0], &two.routes[0].upstream.endpoints[1]));
    upstream("[http://a, http://b] ");
    let three = again(&mut loader, &two).snapshot.unwrap();
    assert!(Arc::ptr_eq(&one.routes[0].upstream, &three.routes[0].upstream));
    // With health checks it is another endpoint, because another upstream may check it differently.
    upstream("{ urls: [http://a, http://b], health: { path: /up } }");
    let four = again(&mut loader, &three).snapshot.unwrap();
    assert_eq!(endpoints(&four), [2, 3]);
    assert_eq!(four.changes_since(&three), ["upstream changed"]);
    // Nothing uses the first ones any more: they are forgotten, and their numbers are not reused.
    drop((one, two, three));
    upstream("[http://a, http://b]");
    let five = again(&mut loader, &four).snapshot.unwrap();
    assert_eq!(endpoints(&five), [4, 5]);
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
fn trusted_proxies_are_named_one_by_one() {
    let site = Site::new();
    site.list("lb", "10.1.0.0/16\n# two\n10.2.0.0/16\n");
    site.write("config.yaml", &format!("{CONFIG}trusted_proxies: [127.0.0.1, lb, \"fd00:1::/32\"]\n"));
    let mut loader = site.loader();
    let snapshot = first(&mut loader);
    let name =
        |ip: &str| snapshot.trusted.find(address(ip)).map(|place| snapshot.trusted_names[place].as_str());
    assert_eq!(name("127.0.0.1"), Some("127.0.0.1/32"));
    assert_eq!(name("10.2.3.4"), Some("list lb"));
    assert_eq!(name("fd00:1::5"), Some("fd00:1::/32"));
    assert_eq!((name("10.3.0.1"), snapshot.trusted_names.len()), (None, 4));
    // The trusted addresses follow the file of the list.
    site.list("lb", "10.3.0.0/16\n10.1.0.0/16\n");
    assert!(again(&mut loader, &snapshot).snapshot.unwrap().trusted.contains(address("10.3.0.1")));
}

#[test]
fn a_fifo_among_the_lists_does_not_hang() {
    let site = Site::new();
    let mut loader = site.loader();
    let old = first(&mut loader);
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

#[test]
fn marks_are_equal_when_the_looks_are() {
    let site = Site::new();
    let mut loader = site.loader();
    let _ = first(&mut loader);
    assert_eq!(loader.loaded(), Some(loader.mark(&loader.look())));
    site.list("sms", "192.0.2.1\n");
    assert_ne!(loader.loaded(), Some(loader.mark(&loader.look())));
}
