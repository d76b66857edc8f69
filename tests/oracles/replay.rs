//! What a replay of an access log says, a short Python program says of the same log, by its own parser and its own
//! arithmetic of networks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::dice::{self, Dice};
use crate::harness::cannot_run;
use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;

const JUDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/replay/judge.py");
const LISTS: [&str; 3] = ["sms", "voice", "both"];
const ROUTES: [(&str, &[&str]); 4] = [
    ("/webhooks/sms", &["sms"]),
    ("/webhooks/voice/*", &["voice", "both"]),
    ("hooks.example/both", &["both"]),
    ("/nobody", &["voice"]),
];
/// Those of the log and no others.
const FINDINGS: [&str; 10] =
    ["valid", "valid_head", "unsigned", "unknown_key", "bad", "stale", "mismatch", "malformed", "newer", ""];

/// Few high bytes, so that clients and prefixes meet.
fn client(dice: &mut Dice) -> String {
    let (high, low) = (dice.below(6), [dice.byte(), dice.byte()]);
    match dice.below(10) {
        0..6 => format!("198.51.{high}.{}", low[0]),
        6..8 => format!("2001:db8:{high:x}::{:x}", low[0]),
        8 => format!("::ffff:198.51.{high}.{}", low[1]),
        _ => format!("{}.{}.{high}.{}", low[0], low[1], dice.byte()),
    }
}

fn prefixes(dice: &mut Dice) -> Vec<String> {
    let one = |dice: &mut Dice| {
        let high = dice.below(6);
        if dice.chance(300) {
            return format!("2001:db8:{high:x}::{:x}/124", dice.byte() & 0xF0);
        }
        let length = 24 + dice.below(9);
        // The lowest bits of the last byte that are not the network's.
        let hosts = (1usize << (32 - length)) - 1;
        format!("198.51.{high}.{}/{length}", usize::from(dice.byte()) & !hosts & 0xFF)
    };
    (0..=dice.below(30)).map(|_| one(dice)).collect()
}

fn damaged(dice: &mut Dice, line: &str) -> String {
    let cut = dice.below(line.len());
    match dice.below(8) {
        0 => String::from_utf8_lossy(&line.as_bytes()[..cut]).into_owned(),
        1 => format!("{line}{line}"),
        2 => line.replacen("\"client_ip\":", "\"client_ip\":7,\"x\":", 1),
        3 => line.replacen(".00", "-00", 1),
        4 => line.replacen("\"route\":", "\"route\":null,\"route\":", 1),
        5 => format!("[{line}]"),
        6 => "2026-11-21 delivered 200 POST / client=198.51.1.1".to_owned(),
        _ => "[".repeat(dice.below(2000)),
    }
}

fn line(dice: &mut Dice) -> String {
    let (day, minute) = (1 + dice.below(28), dice.below(60));
    let ts = format!("2026-11-{day:02}T10:{minute:02}:30.00{}Z", dice.below(10));
    match dice.below(40) {
        0 => return format!(r#"{{"ts":"{ts}","level":"INFO","message":"reloaded"}}"#),
        1 => {
            let count = dice.below(500);
            return format!(
                r#"{{"ts":"{ts}","outcome":"denied","reason":"not_listed","suppressed":{count},"last_peer_ip":"192.0.2.1"}}"#
            );
        }
        _ => {}
    }
    let known = dice.pick(&ROUTES).0;
    let route = match dice.below(20) {
        0 => Value::Null,
        1 => "-".into(),
        2 => "/gone".into(),
        _ => known.into(),
    };
    let client: Value = match dice.below(30) {
        0 => Value::Null,
        1 => "198.51.1.256".into(),
        _ => client(dice).into(),
    };
    let signature: Value = if dice.chance(500) { Value::Null } else { (*dice.pick(&FINDINGS)).into() };
    let outcome =
        dice.pick(&["delivered", "undelivered", "denied", "rejected", "served", "refused", "abandoned"]);
    let new = if dice.chance(50) { r#","new":[{"ts":1,"route":{}}]"# } else { "" };
    let line = format!(
        r#"{{"ts":"{ts}","request_id":"0f","outcome":"{outcome}","reason":"success","client_ip":{client},"peer_ip":"10.0.0.1","list":"sms","prefix":null,"route":{route},"method":"POST","path":"/a\u2026\"","status":200,"signature":{signature}{new},"note":null}}"#
    );
    if dice.chance(40) { damaged(dice, &line) } else { line }
}

fn lists(dice: &mut Dice) -> BTreeMap<&'static str, Vec<String>> {
    LISTS.into_iter().map(|name| (name, prefixes(dice))).collect()
}

/// The folder of a gate with these lists. The name of a route is its host and path.
fn lay_out(folder: &Path, now: &BTreeMap<&str, Vec<String>>) {
    fs::create_dir(folder.join("ranges")).expect("a folder");
    for (name, prefixes) in now {
        fs::write(folder.join(format!("ranges/{name}.txt")), prefixes.join("\n")).expect("a list");
    }
    let mut config = String::from("upstream: http://127.0.0.1:1\nroutes:\n");
    for (label, allow) in ROUTES {
        let (host, path) = label.split_at(label.find('/').expect("a path"));
        let host = if host.is_empty() { String::new() } else { format!("host: {host}, ") };
        let path = json!(path);
        let _ =
            writeln!(config, "  - {{ {host}path: {path}, webhook: generic, allow: [{}] }}", allow.join(", "));
    }
    fs::write(folder.join("config.yaml"), config).expect("a config");
}

/// Rows in one order.
fn sorted(mut report: Value) -> Value {
    for side in ["gained", "lost"] {
        let rows = report[side]["networks"].as_array_mut().expect("rows");
        rows.sort_by_key(|row| row["network"].to_string());
    }
    report
}

#[test]
fn a_replay_says_what_python_says_of_the_same_log() {
    let seed = dice::seed();
    let count = dice::size(100_000, 1_000_000);
    let mut dice = Dice::new(seed);
    let (now, tried) = (lists(&mut dice), prefixes(&mut dice));
    let scratch = Scratch::new();
    let folder = scratch.path();
    lay_out(folder, &now);
    fs::write(folder.join("tried.txt"), tried.join("\n")).expect("a list");
    let mut logs = [String::new(), String::new(), String::new()];
    for _ in 0..count {
        let place = dice.below(3);
        logs[place] += &line(&mut dice);
        logs[place].push('\n');
    }
    let paths = ["access.log", "access.log.1", "access.log.2"].map(|name| folder.join(name));
    for (path, text) in paths.iter().zip(&logs) {
        fs::write(path, text).expect("a log");
    }
    let packed = Command::new("gzip").arg(&paths[2]).status();
    assert!(packed.is_ok_and(|status| status.success()), "gzip");
    let paths = [&paths[1], &folder.join("access.log.2.gz"), &paths[0]];
    let routes: BTreeMap<&str, &[&str]> = ROUTES.into_iter().collect();
    let plan = json!({ "routes": routes, "now": now, "tried": { "both": tried } });
    fs::write(folder.join("plan"), plan.to_string()).expect("a plan");
    let Ok(python) = Command::new("python3").arg(JUDGE).arg(folder.join("plan")).args(paths).output() else {
        return cannot_run("the oracle of replays", "there is no python3");
    };
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let wanted: Value = serde_json::from_slice(&python.stdout).expect("JSON");
    let began = Instant::now();
    let gate = binary()
        .args(["ranges", "replay", "both", "--json", "--with"])
        .arg(folder.join("tried.txt"))
        .arg("--config")
        .arg(folder.join("config.yaml"))
        .args(paths)
        .output()
        .expect("the gate's binary");
    let took = began.elapsed();
    let mut said: Value = serde_json::from_slice(&gate.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&gate.stderr)));
    let keys = said.as_object_mut().expect("keys");
    assert_eq!(keys.remove("lists"), Some(json!(["both"])));
    assert_eq!((keys.remove("since"), keys.remove("unfinished")), (Some(Value::Null), Some(json!({}))));
    let lost = said["lost"]["requests"].as_u64().expect("a number");
    assert_eq!(gate.status.code(), Some(if lost == 0 { 0 } else { 3 }));
    eprintln!(
        "replay oracle, NEXMO_GATE_ORACLE_SEED={seed}: {count} lines in {took:?}, {} judged, {} gained, {lost} lost",
        said["lines"]["judged"], said["gained"]["requests"]
    );
    assert!(said["lines"]["judged"].as_u64() > Some(count as u64 / 2), "{}", said["lines"]);
    assert_eq!(sorted(said), sorted(wanted), "NEXMO_GATE_ORACLE_SEED={seed}");
}
