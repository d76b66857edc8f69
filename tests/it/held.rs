//! Changes that look like an accident: held, loudly, until a person's word. Everything else is live by itself.

use std::fs;

use serde_json::Value;

use crate::harness::{ADMITTED, Gate, STRANGER, Setup, Upstream, get};
use crate::reload::{OLD, assert_verdicts, is_reloaded, verdict};

fn is_held(message: &str, _: &Value) -> bool {
    message == "reload held"
}

/// What is held, as `/status` says.
fn held(gate: &Gate) -> Vec<String> {
    let status: Value = serde_json::from_str(&gate.admin("GET", "/status").text()).expect("JSON");
    let rows = status["last_reload"]["held"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row.as_str().expect("words").to_owned()).collect()
}

#[test]
fn a_config_that_lost_a_key_most_routes_or_its_end_is_held_until_a_person_says_so() {
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
    assert_eq!(gate.reload().0, 200, "a person's word");
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
fn a_list_that_grows_out_of_all_proportion_is_held_and_ordinary_additions_are_not() {
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
    assert_eq!(verdict(&gate, STRANGER), 200, "a person's word");
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
    assert_eq!(verdict(&gate, "127.0.0.11"), 403, "a person's word");
}
