//! Range files and configuration change while the gate serves: right verdicts before, during and after.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{ADMITTED, Gate, PATIENCE, STRANGER, Setup, Signal, Upstream, get};

/// Admitted by the new version of the list only.
const NEWCOMER: &str = "127.0.0.4";
pub const OLD: &str = "127.0.0.2/32\n";
pub const NEW: &str = "# both\n127.0.0.2/32\n127.0.0.4/32\n";

pub fn verdict(gate: &Gate, from: &str) -> u16 {
    gate.ask(from, &get("/hook")).status
}

/// The admitted and the denied address are what they always are, and the newcomer as said.
pub fn assert_verdicts(gate: &Gate, newcomer: u16, when: &str) {
    let got = [ADMITTED, STRANGER, NEWCOMER].map(|from| verdict(gate, from));
    assert_eq!(got, [200, 403, newcomer], "{when}");
}

pub fn is_reloaded(message: &str, _: &Value) -> bool {
    message == "reloaded"
}

/// Replaces a file as careful writers do: a new file, renamed over the old one.
pub fn rename_over(path: &Path, text: &str) {
    let temporary = path.with_extension("new");
    fs::write(&temporary, text).expect("write the new file");
    fs::rename(&temporary, path).expect("rename it over");
}

#[test]
fn post_reload_has_loaded_when_it_answers() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let file = gate.setup.path().join("ranges/test.txt");
    let mut last = 1;
    for round in 0..20 {
        let (text, newcomer) = if round % 2 == 0 { (NEW, 200) } else { (OLD, 503) };
        rename_over(&file, text);
        let (status, answer) = gate.reload();
        assert_eq!(status, 200, "{answer}");
        assert_verdicts(&gate, newcomer, &format!("round {round}: {answer}"));
        let generation = answer["generation"].as_u64().expect("generation");
        assert!(generation > last, "{answer} after {last}");
        last = generation;
    }
    let (status, answer) = gate.reload();
    assert_eq!((status, answer["generation"].as_u64()), (200, Some(last)), "nothing changed: {answer}");
}

#[test]
fn hup_reloads_and_says_when_nothing_changed() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let from = gate.stderr.len();
    gate.signal(Signal::SIGHUP);
    gate.wait_message(from, |message, _| message == "reload: nothing changed");
    rename_over(&gate.setup.path().join("ranges/test.txt"), NEW);
    let from = gate.stderr.len();
    gate.signal(Signal::SIGHUP);
    let line = gate.wait_message(from, is_reloaded);
    assert_eq!(line["generation"], 2, "{line}");
    assert_verdicts(&gate, 200, "after HUP");
}

#[test]
fn an_open_connection_meets_the_new_list_at_its_next_request() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).range("test", NEW).start();
    let mut newcomer = gate.connect(NEWCOMER);
    newcomer.send(&get("/before"));
    assert_eq!(newcomer.reply().status, 200);
    gate.setup.dir.write("ranges/test.txt", OLD);
    assert_eq!(gate.reload().0, 200);
    newcomer.send(&get("/after"));
    assert_eq!(newcomer.reply().status, 503);
    let generations: Vec<Value> =
        gate.finish().events.iter().map(|event| event["generation"].clone()).collect();
    assert_eq!(generations, [1, 2]);
}

#[test]
fn a_changed_config_takes_effect_and_a_bad_one_does_not() {
    let upstream = Upstream::echo();
    let gate =
        Setup::new(upstream.url()).routes(&["{ path: /hook, webhook: generic, allow: [test] }"]).start();
    let more = "{ path: /more, webhook: generic, allow: [test] }";
    assert_eq!(gate.ask(ADMITTED, &get("/more")).status, 403);
    let setup = gate.setup.clone();
    setup.clone().routes(&["{ path: /hook, webhook: generic, allow: [test] }", more]).write_config();
    let (status, answer) = gate.reload();
    assert_eq!(status, 200, "{answer}");
    assert!(answer["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "{answer}");
    assert_eq!(gate.ask(ADMITTED, &get("/more")).status, 200);

    setup.clone().routes(&["{ path: /hook, webhook: generic, allow: [tset] }"]).write_config();
    let (status, answer) = gate.reload();
    assert_eq!(status, 422, "{answer}");
    assert!(answer["problems"].to_string().contains("routes[0].allow[0]"), "{answer}");
    assert_eq!(gate.ask(ADMITTED, &get("/more")).status, 200, "the last good config serves");

    let from = gate.stderr.len();
    setup.key("deny", "hide").write_config();
    gate.wait_message(from, |message, line| is_reloaded(message, line) && line["generation"] == 3);
    assert_eq!(gate.ask(STRANGER, &get("/hook")).status, 404, "noticed by itself");
}

#[test]
fn a_cold_key_is_reported_and_the_rest_is_applied() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    gate.setup.clone().key("listen", r#"[{ address: "127.0.0.9:0" }]"#).key("deny", "hide").write_config();
    let (status, answer) = gate.reload();
    assert_eq!(status, 200, "{answer}");
    let told = answer.to_string();
    assert!(told.contains("restart") && told.contains("listen"), "{answer}");
    gate.wait_message(0, |message, line| {
        message.contains("restart") || line.to_string().contains("needs a restart")
    });
    assert_eq!(gate.session(STRANGER).ask(&get("/")).status, 404, "hot keys took effect");
}

#[test]
fn a_kept_list_survives_a_restart_with_a_broken_file() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url()).key("state", "state/");
    fs::create_dir(setup.path().join("state")).expect("the state directory");
    let gate = setup.start();
    assert_verdicts(&gate, 403, "first run");
    gate.setup.dir.write("ranges/test.txt", NEW);
    assert_eq!(gate.reload().0, 200);
    let finished = gate.finish();
    assert_eq!(finished.code, Some(0));

    for (what, text) in [("broken", "127.0.0.2/32\nnonsense\n"), ("empty", "")] {
        finished.setup.dir.write("ranges/test.txt", text);
        let gate = finished.setup.clone().start();
        assert_verdicts(&gate, 200, what);
        let loud = gate.find_message(0, PATIENCE, |_, line| {
            matches!(line["level"].as_str(), Some("WARN" | "ERROR")) && line.to_string().contains("test")
        });
        assert!(loud.is_some(), "{what}: it says that it serves a kept list");
    }

    fs::remove_dir_all(finished.setup.path().join("state")).expect("forget");
    assert_eq!(finished.setup.run_to_exit().code, Some(78), "without a kept list there is nothing to serve");
}
