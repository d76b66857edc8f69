//! Senders that a reload took from the lists: told to try again for a while, in every mode and behind every proxy.

use serde_json::Value;

use crate::admin::status_page::page;
use crate::harness::gate::setup::binary;
use crate::harness::proxy_header::v1;
use crate::harness::{ADMITTED, Gate, PROXY, STRANGER, Setup, Upstream, get, request, wait_until};

/// On the list until a reload takes it.
const REMOVED: &str = "127.0.0.4";
/// So is this one, until another reload.
const NEXT: &str = "127.0.0.5";
const ALL: &str = "127.0.0.2/32\n127.0.0.4/32\n127.0.0.5/32\n";

fn setup(upstream: &Upstream) -> Setup {
    Setup::new(upstream.url()).range("test", ALL)
}

fn reload(gate: &Gate, list: &str) {
    gate.setup.dir.write("ranges/test.txt", list);
    let (status, answer) = gate.reload();
    assert_eq!((status, &answer["published"]), (200, &Value::Bool(true)), "{answer}");
}

/// Statuses of the four, always in this order: admitted, stranger, removed, next.
fn statuses(gate: &Gate) -> [u16; 4] {
    [ADMITTED, STRANGER, REMOVED, NEXT].map(|from| gate.ask(from, &get("/hook")).status)
}

#[test]
fn a_removed_sender_hears_503_across_reloads_and_is_listed_again() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream).start();
    assert_eq!(statuses(&gate), [200, 403, 200, 200]);
    reload(&gate, "127.0.0.2/32\n127.0.0.5/32\n");
    let reply = gate.ask(REMOVED, &get("/hook"));
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5".to_owned())));
    let events = gate.events(5);
    let event = &events[4];
    assert_eq!((&event["outcome"], &event["reason"]), (&"denied".into(), &"just_removed".into()), "{event}");
    let note = event["note"].as_str().expect("a note");
    assert!(note.starts_with("list test admitted the client by 127.0.0.4/32 until a reload at 20"), "{note}");
    assert_eq!(statuses(&gate), [200, 403, 503, 200]);
    // The file is replaced whole, by one that has nothing of it.
    reload(&gate, "# another\n127.0.0.2/32\n");
    assert_eq!(statuses(&gate), [200, 403, 503, 503]);
    reload(&gate, "127.0.0.2/32\n127.0.0.4/32\n");
    assert_eq!(statuses(&gate), [200, 403, 200, 503]);
    let labels = r#"requests_total{route="/*",webhook="generic",outcome="denied",reason="just_removed"}"#;
    gate.wait_metric(labels, 5);
    let page = page(&gate);
    let wanted = "2 clients that a reload took from the lists still send (the last was 127.0.0.5, to /*)";
    assert!(page.contains(wanted), "{page}");
}

#[test]
fn after_the_grace_a_removed_sender_hears_the_deny_reply() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream).key("removed_grace", "2s").start();
    reload(&gate, "127.0.0.2/32\n");
    assert_eq!(statuses(&gate), [200, 403, 503, 503]);
    wait_until(|| statuses(&gate) == [200, 403, 403, 403], || format!("{:?}", statuses(&gate)));
    // What is over does not begin again at a reload that took others.
    reload(&gate, "127.0.0.6/32\n");
    assert_eq!(statuses(&gate), [503, 403, 403, 403]);
}

#[test]
fn without_a_grace_a_removed_sender_is_a_stranger_at_once() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream).key("removed_grace", "0s").key("deny", "hide").start();
    reload(&gate, "127.0.0.2/32\n");
    assert_eq!(statuses(&gate), [200, 404, 404, 404]);
    // The key is hot.
    let file = gate.setup.path().join("config.yaml");
    let text = std::fs::read_to_string(&file).expect("the config");
    std::fs::write(&file, text.replace("removed_grace: 0s", "removed_grace: 1h")).expect("write");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(statuses(&gate), [200, 404, 404, 404]);
    reload(&gate, "127.0.0.7/32\n");
    assert_eq!(statuses(&gate), [503, 404, 404, 404]);
}

#[test]
fn a_list_that_left_allow_counts_on_the_route_that_lost_it() {
    let upstream = Upstream::echo();
    let routes = [
        "{ path: /a, webhook: generic, allow: [test, other] }",
        "{ path: /b, webhook: generic, allow: [test] }",
    ];
    let gate = Setup::new(upstream.url()).range("other", "127.0.0.4/32\n").routes(&routes).start();
    let asked = || ["/a", "/b", "/a/new"].map(|path| gate.ask(REMOVED, &get(path)).status);
    assert_eq!(asked(), [200, 403, 403]);
    let file = gate.setup.path().join("config.yaml");
    let text = std::fs::read_to_string(&file).expect("the config");
    // A new route continues the one that had its path before.
    let text = text.replace("{ path: /a, webhook: generic, allow: [test, other] }", "{ path: /a, host: \"127.0.0.1\", webhook: generic, allow: [test] }, { path: /a, webhook: generic, allow: [test] }");
    std::fs::write(&file, text).expect("write");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(asked(), [503, 403, 403]);
    let events = gate.events(4);
    assert!(
        events[3]["note"].as_str().is_some_and(|note| note.starts_with("list other admitted")),
        "{events:?}"
    );
}

#[test]
fn where_strangers_are_dropped_a_removed_sender_is_answered() {
    let upstream = Upstream::echo();
    let limits = "{ connections: 16, connections_per_stranger: 1 }";
    let gate = setup(&upstream).http1().key("deny", "drop").key("limits", limits).start();
    reload(&gate, "127.0.0.2/32\n127.0.0.5/32\n");
    // More connections than a stranger may have, all open.
    let mut open: Vec<_> = (0..3).map(|_| gate.connect(REMOVED)).collect();
    for sender in &mut open {
        sender.send(&get("/hook"));
        assert_eq!(sender.reply().status, 503);
    }
    // What cannot be served is told the same.
    open[0].send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert_eq!(open[0].reply().status, 503);
    let dropped = gate.connect_unless_reset(STRANGER);
    assert!(dropped.is_none_or(|mut sender| {
        let _ = sender.try_send(&get("/hook"));
        sender.try_reply().is_err()
    }));
}

#[test]
fn observe_forwards_a_removed_sender_and_says_what_it_would_hear() {
    let upstream = Upstream::echo();
    let gate = setup(&upstream).key("mode", "observe").start();
    reload(&gate, "127.0.0.2/32\n127.0.0.5/32\n");
    assert_eq!(gate.ask(REMOVED, &get("/hook")).status, 200);
    let event = gate.event();
    assert_eq!(event["would_deny"], "just_removed", "{event}");
    assert!(event["note"].as_str().is_some_and(|note| note.starts_with("list test admitted")), "{event}");
}

#[test]
fn behind_a_proxy_the_client_counts_and_not_the_proxy() {
    let upstream = Upstream::echo();
    for deny in ["forbid", "drop"] {
        let gate = setup(&upstream).behind_proxy().key("deny", deny).start();
        reload(&gate, "127.0.0.2/32\n127.0.0.5/32\n");
        for (client, status) in [(ADMITTED, 200), (STRANGER, 403), (REMOVED, 503)] {
            let request = request("GET", "/hook", &[("X-Forwarded-For", client)], b"");
            assert_eq!(gate.ask(PROXY, &request).status, status, "{deny}: {client}");
        }
    }
}

#[test]
fn behind_a_proxy_header_the_source_counts_and_is_answered() {
    let upstream = Upstream::echo();
    for deny in ["forbid", "drop"] {
        let gate = setup(&upstream).behind_proxy().proxy_protocol().key("deny", deny).start();
        reload(&gate, "127.0.0.2/32\n127.0.0.5/32\n");
        for (client, status) in [(ADMITTED, Some(200)), (REMOVED, Some(503)), (STRANGER, Some(403))] {
            let bytes = [v1(client), get("/hook")].concat();
            let got = gate.session(PROXY).try_ask(&bytes).ok().map(|reply| reply.status);
            assert_eq!(got, status.filter(|status| deny != "drop" || *status != 403), "{deny}: {client}");
        }
    }
}

#[test]
fn explain_knows_what_the_running_gate_and_the_state_folder_know() {
    let upstream = Upstream::echo();
    let setup = setup(&upstream).key("state", "state");
    std::fs::create_dir(setup.path().join("state")).expect("the state folder");
    let gate = setup.start();
    let kept = gate.setup.path().join("state/lists/test.txt");
    wait_until(|| kept.exists(), || format!("no {}", kept.display()));
    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.5/32\n");
    let explain = |arguments: &[&str]| {
        let mut command = binary();
        command.arg("explain").args([REMOVED, "--path", "/hook"]).args(arguments);
        command.arg("--config").arg(gate.setup.path().join("config.yaml"));
        let output = command.output().expect("explain");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // The gate may not have noticed the file yet: the copy is what it loaded last, or what it loads now.
    let (status, answer) = gate.reload();
    assert_eq!(status, 200, "{answer}");
    let admin = gate.admin_addr().to_string();
    let (code, text) = explain(&["--running", "--admin", &admin]);
    assert_eq!(code, Some(3), "{text}");
    for wanted in [
        "DENIED, just_removed: ",
        "answer   503 with Retry-After (removed_grace)",
        "note     list test admitted the client by 127.0.0.4/32",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let (_, json) = explain(&["--running", "--admin", &admin, "--json"]);
    let said: Value = serde_json::from_str(&json).expect("JSON");
    let row = &said["routes"][0];
    assert_eq!((&row["reason"], &row["status"]), (&"just_removed".into(), &503.into()), "{said}");
    // Offline it knows what a gate loaded last: here that is the list without it.
    wait_until(
        || std::fs::read_to_string(&kept).is_ok_and(|text| !text.contains(REMOVED)),
        || "the copy is not the new list".to_owned(),
    );
    assert!(explain(&[]).1.contains("DENIED, not_listed"));
    // A list that no gate has loaded yet takes another one.
    let setup = gate.finish().setup;
    setup.dir.write("ranges/test.txt", "127.0.0.2/32\n127.0.0.4/32\n");
    let mut command = binary();
    command.args(["explain", NEXT, "--path", "/hook", "--config"]).arg(setup.path().join("config.yaml"));
    let text = String::from_utf8_lossy(&command.output().expect("explain").stdout).into_owned();
    assert!(
        text.contains("DENIED, just_removed: ") && text.contains("by 127.0.0.5/32 until a reload"),
        "{text}"
    );
    // And so does the start of a gate.
    let gate = setup.start();
    assert_eq!(statuses(&gate), [200, 403, 200, 503]);
}

#[test]
fn an_unlisted_sender_tries_again_while_a_list_is_stale() {
    let upstream = Upstream::echo();
    let reviewed = |day: &str| format!("# reviewed: {day}\n127.0.0.2/32\n");
    let gate = Setup::new(upstream.url())
        .range("test", &reviewed("2020-02-03"))
        .key("deny", "retry_when_stale")
        .key("ranges_review", "90d")
        .start();
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 503);
    assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200);
    let event = &gate.events(2)[0];
    let wanted = "no list of the route holds the client, but list test was last compared with its source on 2020-02-03, more than 90 days ago";
    assert_eq!((&event["reason"], &event["note"]), (&"stale_list".into(), &wanted.into()), "{event}");
    let row = gate.admin("GET", &format!("/explain?ip={STRANGER}&path=/hook")).text();
    assert!(row.contains("stale_list") && row.contains("2020-02-03"), "{row}");
    // A day that is to come counts as today.
    gate.setup.dir.write("ranges/test.txt", &reviewed("2999-01-01"));
    assert_eq!(gate.reload().0, 200);
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 403);
    gate.setup.dir.write("ranges/test.txt", "127.0.0.2/32\n");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 403);
}
