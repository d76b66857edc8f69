//! The whole way of a change: fetched, compared, tried on past requests, held, forced, live without a restart, rolled back.

use crate::harness::test_ca::Authority;
use crate::harness::upstream::script::Answer;
use crate::harness::{Gate, Setup, Upstream, get};
use crate::ranges::stand::{history, list, ranges};

/// Statuses of who stays, who goes and who comes.
fn statuses(gate: &Gate) -> [u16; 3] {
    ["127.0.0.2", "127.0.0.4", "127.0.0.5"].map(|from| gate.ask(from, &get("/hook")).status)
}

#[test]
fn a_list_is_fetched_held_forced_live_and_rolled_back() {
    let authority = Authority::new("Vendor CA");
    let says = r#"{"made": "2026-11-27T09:30:00Z", "voice": ["198.51.100.1"], "sms": ["127.0.0.5/32", "127.0.0.2"]}"#;
    let vendor = Upstream::start_tls(authority.server("localhost"), move |_| {
        Answer::body(200, "application/json", says.as_bytes())
    });
    let upstream = Upstream::echo();
    let old = "# reviewed: 2026-11-21\n\n# source: the guide\n127.0.0.4/32\n127.0.0.2/32\n";
    let gate = Setup::new(upstream.url()).range("test", old).start();
    gate.setup.dir.write("ca.pem", &authority.pem);
    let (admin, ca) = (gate.admin_addr().to_string(), gate.setup.path().join("ca.pem").display().to_string());
    let run = |args: &[&str]| ranges(&gate.setup, &[args, &["--admin", &admin]].concat(), "");
    let url = format!("{}/ips?key=secret", vendor.url());
    let fetch = |more: &[&str]| run(&[&["fetch", "test", "--url", &url, "--cacert", &ca], more].concat());
    assert_eq!(statuses(&gate), [200, 200, 403]);

    let which = fetch(&[]);
    assert_eq!((which.code, which.out.as_str()), (65, ""), "{which:?}");
    assert!(which.err.contains("--group must choose: sms (2), voice (1)"), "{which:?}");
    let fetched = fetch(&["--group", "sms"]);
    assert_eq!(fetched.code, 3, "{fetched:?}");
    assert!(
        fetched.err.contains("held: test: 1 new prefixes have addresses that no sender on the internet has"),
        "{fetched:?}"
    );
    assert!(!fetched.out.contains("secret") && !fetched.err.contains("secret"), "{fetched:?}");
    // The gate neither loads a proposal nor takes notice of one.
    assert_eq!(statuses(&gate), [200, 200, 403]);
    assert_eq!((list(&gate.setup).as_str(), gate.status()["generation"].as_u64()), (old, Some(1)));
    assert_eq!(gate.status()["lists"].as_array().map(Vec::len), Some(1));

    let diff = run(&["diff", "test"]);
    assert_eq!(diff.code, 1, "{diff:?}");
    assert!(diff.out.contains("  added     127.0.0.5/32\n  removed   127.0.0.4/32\n"), "{diff:?}");
    // The log has who would be lost, and who would come in: three who asked twice.
    let lines: Vec<String> = gate.events(6).iter().map(|event| format!("{event}\n")).collect();
    gate.setup.dir.write("access.log", &lines.concat());
    let log = gate.setup.path().join("access.log").display().to_string();
    let replay = ranges(&gate.setup, &["replay", "test", &log, "--json"], "");
    let told = replay.json();
    assert_eq!(
        (replay.code, &told["lost"]["requests"], &told["gained"]["requests"]),
        (3, &2.into(), &2.into()),
        "{told}"
    );

    let held = run(&["publish", "test"]);
    assert_eq!(held.code, 3, "{held:?}");
    assert!(held.err.contains("held: test: 1 new prefixes"), "{held:?}");
    assert!(held.err.contains("127.0.0.5/32 is loopback"), "{held:?}");
    let forced = run(&["publish", "test", "--force"]);
    assert_eq!((forced.code, list(&gate.setup).as_str()), (2, old), "a pipe is no person: {forced:?}");
    assert_eq!(statuses(&gate), [200, 200, 403]);

    let published = run(&["publish", "test", "--force", "--yes-i-know"]);
    assert_eq!(published.code, 0, "{published:?}");
    assert!(published.out.contains("live, the gate serves its generation 2"), "{published:?}");
    // At once, and by the same process: whoever goes hears 503 for a day.
    assert_eq!(statuses(&gate), [200, 503, 200]);
    let new = list(&gate.setup);
    let (kept, added) = new.split_once("\n\n# source: https://localhost").expect("a new group");
    assert_eq!(kept, "# reviewed: 2026-11-21\n\n# source: the guide\n127.0.0.2/32");
    assert!(added.contains("/ips\n# fetched: 20") && added.ends_with("\n127.0.0.5/32\n"), "{new}");
    assert!(!new.contains("secret"), "{new}");

    let back = run(&["rollback", "test"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!((statuses(&gate), list(&gate.setup).as_str()), ([200, 200, 503], old));
    let source = format!("{}/ips", vendor.url());
    let row = |number, by: &str, source: &str, live| (number, by.to_owned(), source.to_owned(), live);
    let wanted = [
        row(1, "somebody", "the file as it was found", false),
        row(2, "ada", &source, false),
        row(3, "ada", "generation 1", true),
    ];
    assert_eq!(history(&gate.setup), wanted);
    let again = run(&["rollback", "test", "2"]);
    assert_eq!((again.code, statuses(&gate)), (0, [200, 503, 200]), "{again:?}");
    assert_eq!(vendor.arrivals().len(), 2);
}
