//! Changes that look like an accident: held, loudly, until an operator accepts them. Everything else is live by itself.

use std::fs;

use serde_json::Value;

use crate::harness::{ADMITTED, Gate, STRANGER, Setup, Upstream, get};
use crate::reloads::reload::{OLD, assert_verdicts, is_reloaded, verdict};

fn is_held(message: &str, _: &Value) -> bool {
    message == "reload held"
}

/// What is held, as `/status` says.
fn held(gate: &Gate) -> Vec<String> {
    let status = gate.status();
    let rows = status["last_reload"]["held"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row.as_str().expect("words").to_owned()).collect()
}

#[test]
fn a_config_that_lost_a_key_most_routes_or_its_end_is_held_until_a_reload() {
    let upstream = Upstream::echo();
    let routes =
        ["/hook", "/a", "/b"].map(|path| format!("{{ path: {path}, webhook: generic, allow: [test] }}"));
    let setup = Setup::new(upstream.url())
        .routes(&routes.each_ref().map(String::as_str))
        .key("deny", "hide")
        .key("limits", "{ max_body: 1KiB }");
    let gate = setup.start();
    let whole = fs::read_to_string(gate.setup.path().join("config.yaml")).expect("the config");
    let cuts = [
        whole.replace("deny: hide\n", ""),
        whole.replace(&format!("{}, {}", routes[0], routes[1]), "").replace("[ , ", "[ "),
        whole.replace("deny: hide\n", "deny: drop\n").trim_end().to_owned(),
        whole.split("deny:").next().expect("a beginning").to_owned(),
    ];
    for text in &cuts {
        assert_ne!(*text, whole);
        let from = gate.stderr.len();
        gate.setup.dir.write("config.yaml", text);
        let line = gate.wait_message(from, is_held);
        assert!(line["hint"].as_str().is_some_and(|hint| hint.contains("nexmo-gate reload")), "{line}");
        assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 404, "{line}");
        assert_eq!(gate.ask(ADMITTED, &get("/hook")).status, 200, "{line}");
        let said = held(&gate);
        assert!(said.len() == 1 && said[0].contains("config.yaml "), "{said:?}");
        // The lists still load.
        let from = gate.stderr.len();
        gate.setup.dir.write("ranges/test.txt", &format!("{OLD}127.0.0.4/32\n"));
        gate.wait_message(from, is_reloaded);
        assert_eq!(verdict(&gate, "127.0.0.4"), 200, "{line}");
        // The old text again: the hold is over, nothing has changed.
        let from = gate.stderr.len();
        gate.setup.dir.write("ranges/test.txt", OLD);
        gate.setup.dir.write("config.yaml", &whole);
        gate.wait_message(from, is_reloaded);
    }
    let from = gate.stderr.len();
    gate.setup.dir.write("config.yaml", &cuts[0]);
    gate.wait_message(from, is_held);
    assert_eq!(gate.reload().0, 200, "a manual reload");
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 403);
}

#[test]
fn an_edit_of_a_config_is_live_by_itself() {
    let upstream = Upstream::echo();
    let route = |path: &str| format!("{{ path: {path}, webhook: generic, allow: [test] }}");
    let (hook, more) = (route("/hook"), route("/more"));
    let setup = Setup::new(upstream.url()).routes(&[&hook, &more]).key("deny", "hide");
    let gate = setup.start();
    let setup = gate.setup.clone();
    let edits = [
        (setup.clone().key("deny", "retry"), 503),
        (setup.clone().key("limits", "{ max_body: 1KiB }"), 404),
        (setup.clone().key("limits", "{ max_body: 1KiB }").routes(&[&hook]).key("deny", "forbid"), 403),
    ];
    for (edit, denied) in edits {
        let from = gate.stderr.len();
        edit.write_config();
        gate.wait_message(from, is_reloaded);
        assert_eq!(gate.ask(STRANGER, &get("/hook")).status, denied);
    }
}

#[test]
fn a_list_that_grows_out_of_proportion_is_held_and_normal_additions_are_not() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let many: String = (0..20).map(|n| format!("198.51.100.{}/28\n", n % 16 * 16)).collect();
    for more in ["203.0.113.0/28\n", &many, "10.16.0.0/18\n"] {
        let from = gate.stderr.len();
        gate.setup.dir.write("ranges/test.txt", &format!("{OLD}{more}"));
        gate.wait_message(from, is_reloaded);
    }
    for wide in ["127.0.0.0/8\n", "127.0.0.0/9\n"] {
        let from = gate.stderr.len();
        gate.setup.dir.write("ranges/test.txt", wide);
        let line = gate.wait_message(from, is_held);
        assert_eq!(line["list"], "test", "{line}");
        assert_verdicts(&gate, 403, wide);
    }
    assert!(held(&gate)[0].contains("would grow from "), "{:?}", held(&gate));
    assert_eq!(gate.reload().0, 200);
    assert_eq!(verdict(&gate, STRANGER), 200, "a manual reload");
}

#[test]
fn a_list_that_shrinks_in_many_steps_is_held_where_one_step_would_be() {
    let upstream = Upstream::echo();
    let list = |length: usize| (2..2 + length).map(|n| format!("127.0.0.{n}\n")).rev().collect::<String>();
    let gate = Setup::new(upstream.url()).range("test", &list(20)).start();
    for length in [16, 13, 11, 10] {
        let from = gate.stderr.len();
        gate.setup.dir.write("ranges/test.txt", &list(length));
        gate.wait_message(from, is_reloaded);
    }
    let from = gate.stderr.len();
    gate.setup.dir.write("ranges/test.txt", &list(8));
    let line = gate.wait_message(from, is_held);
    assert!(line["why"].as_str().is_some_and(|why| why.contains("would lose 12 of 20 prefixes")), "{line}");
    assert_eq!(verdict(&gate, "127.0.0.11"), 200, "held");
    assert_eq!(gate.reload().0, 200);
    assert_eq!(verdict(&gate, "127.0.0.11"), 503, "a manual reload");
}

/// Before the files are where a gate looks, or after: whoever checks them sees what would be held.
#[test]
fn check_tells_what_a_running_gate_holds() {
    let upstream = Upstream::echo();
    let ten: String = (2..12).map(|n| format!("127.0.1.{n}\n")).collect();
    let setup = Setup::new(upstream.url()).range("test", &ten).key("deny", "hide").key("state", "state");
    fs::create_dir(setup.path().join("state")).expect("state");
    let gate = setup.start();
    let folder = gate.setup.path().to_owned();
    let kept = folder.join("state/lists/.config.yaml");
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    while !kept.exists() {
        assert!(std::time::Instant::now() < deadline, "nothing is kept");
        std::thread::yield_now();
    }
    let check = || {
        let mut command = crate::harness::gate::setup::binary();
        command.args(["check", "--config"]).arg(folder.join("config.yaml"));
        let output = command.output().expect("check");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(!check().contains("since the last load"), "nothing has changed");
    let whole = fs::read_to_string(folder.join("config.yaml")).expect("the config");
    gate.setup.dir.write("config.yaml", &whole.replace("deny: hide\n", ""));
    gate.setup.dir.write("ranges/test.txt", "127.0.1.2\n");
    let said = check();
    for wanted in [
        "  config=changed would lose deny: HELD by a running gate until `nexmo-gate reload`\n",
        "  list=test added=0 removed=9 would lose 9 of 10 prefixes: HELD by",
    ] {
        assert!(said.contains(wanted), "{said}");
    }
    gate.setup.dir.write("config.yaml", &whole.replace("deny: hide", "deny: retry"));
    gate.setup.dir.write("ranges/test.txt", &ten.replace("127.0.1.2\n", ""));
    let said = check();
    assert!(said.contains("  config=changed\n  list=test added=0 removed=1\n"), "{said}");
}

/// What nobody is meant to read may stand where a list or the configuration belongs.
#[test]
fn a_link_to_a_key_puts_nothing_of_it_into_a_log_or_a_page() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{key}\nhunter2\n-----END PRIVATE KEY-----\n");
    gate.setup.dir.write("key.pem", &pem);
    for place in ["ranges/test.txt", "config.yaml"] {
        let path = gate.setup.path().join(place);
        fs::remove_file(&path).expect("remove");
        std::os::unix::fs::symlink(gate.setup.path().join("key.pem"), &path).expect("a link");
        let (status, answer) = gate.reload();
        assert_eq!(status, 422, "{answer}");
        let shown =
            format!("{answer}{}{}", gate.admin("GET", "/status").text(), gate.stderr.all().join("\n"));
        for secret in [&key[..12], "hunter2"] {
            assert!(!shown.contains(secret), "{place}: {shown}");
        }
    }
    assert_verdicts(&gate, 403, "the last good list serves");
}

/// A file that is no configuration is refused at once, whatever its size and depth.
#[test]
fn a_config_that_no_one_wrote_is_refused_in_no_time() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let huge = "# nothing\n".repeat(7 << 20);
    for (text, wanted) in [
        ("{a: ".repeat(64_000), "brackets"),
        ("[".repeat(1 << 19), "brackets"),
        (huge, "is larger than 1 MiB"),
    ] {
        gate.setup.dir.write("config.yaml", &text);
        let begun = std::time::Instant::now();
        let (status, answer) = gate.reload();
        assert!(status == 422 && answer.to_string().contains(wanted), "{answer}");
        // 20 s with the parser alone; the rest is a busy machine's.
        assert!(begun.elapsed().as_secs() < 3, "{:?}", begun.elapsed());
    }
    assert_verdicts(&gate, 403, "the last good configuration serves");
}

/// Files that nothing names cost a bounded amount, and lose nobody.
#[test]
fn junk_in_the_ranges_folder_costs_a_bounded_amount() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let before = gate.usage().resident_kib;
    for n in 0..60 {
        let junk = fs::File::create(gate.setup.path().join(format!("ranges/junk{n}.txt"))).expect("a file");
        junk.set_len(40 << 20).expect("a sparse file");
    }
    let (_, answer) = gate.reload();
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("59 files that the config does not name are not read"), "{answer}");
    let after = gate.usage().resident_kib;
    assert!(after < before + (200 << 10), "{before} KiB, then {after} KiB");
    assert_verdicts(&gate, 403, "with junk");
}

#[test]
fn a_file_that_somebody_else_put_beside_the_kept_lists_stays() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url()).key("state", "state").range("old", "127.0.9.9\n");
    fs::create_dir_all(setup.path().join("state/lists")).expect("state");
    setup.dir.write("state/lists/notes.txt", "call Bob\n");
    let gate = setup.start();
    let lists = gate.setup.path().join("state/lists");
    gate.setup.dir.write("state/lists/later.txt", "127.0.9.1\n");
    fs::remove_file(gate.setup.path().join("ranges/old.txt")).expect("remove a list");
    gate.setup.dir.write("ranges/test.txt", &format!("{OLD}127.0.0.4/32\n"));
    assert_eq!(gate.reload().0, 200);
    assert!(
        !lists.join("old.txt").exists() && lists.join("test.txt").exists(),
        "its own are kept and removed"
    );
    for (name, text) in [("notes.txt", "call Bob\n"), ("later.txt", "127.0.9.1\n")] {
        assert_eq!(fs::read_to_string(lists.join(name)).ok().as_deref(), Some(text), "{name}");
    }
}
