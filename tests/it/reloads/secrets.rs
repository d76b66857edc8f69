//! Secrets of signatures: refused at the start, kept at a reload, replaced while the gate runs, and shown nowhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use time::OffsetDateTime;

use crate::harness::gate::setup;
use crate::harness::signer::{Token, now};
use crate::harness::{ADMITTED, Gate, Setup, Upstream, cannot_run, faketime, request};
use crate::reloads::reload::{is_reloaded, rename_over};

/// No request is sent.
const NOWHERE: &str = "http://127.0.0.1:1";
const FIRST: &str = "first-S3cret-of-the-account";
const SECOND: &str = "second-S3cret-of-the-account";
const PEM: &str =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";

/// One account with one secret in `secrets/a`.
fn usual(upstream: &str) -> Setup {
    let setup =
        Setup::new(upstream).key("signatures", "{ secrets: [{ api_key: a1b2c3d, file: secrets/a }] }");
    put(setup.path(), "secrets/a", FIRST);
    setup
}

/// A file that only its owner may read.
fn put(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(&path, text).expect("the secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
}

fn check(setup: &Setup) -> Output {
    let mut command = setup::binary();
    command.args(["check", "--config"]).arg(setup.path().join("config.yaml"));
    command.output().expect("check")
}

fn is_failed(message: &str, line: &Value) -> bool {
    message == "reload failed" && line["level"] == "ERROR"
}

/// Whatever the gate has said and shows now holds neither secret.
fn assert_silent(gate: &Gate) {
    let pages = ["/status", "/metrics", "/"].map(|path| gate.admin("GET", path).text()).join("\n");
    let said = format!("{pages}\n{}", gate.log());
    for part in [FIRST, SECOND, "S3cret", "MIIEvQ"] {
        assert!(!said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_start_without_usable_secrets_is_78_and_says_what_is_wrong_with_each() {
    let secrets = "{ secrets: [{ api_key: a, file: gone }, { api_key: b, file: empty }, { api_key: c, file: pem }, \
                   { api_key: d, file: long }, { name: e, file: odd, encoding: base64 }, { api_key: f, file: ranges }] }";
    let setup = Setup::new(NOWHERE)
        .key("signatures", secrets)
        .routes(&[r#"{ path: "/*", allow: [test], signature: { secrets: [e] } }"#]);
    for (name, text) in [("empty", "\n"), ("pem", PEM), ("long", &"x".repeat(5000)), ("odd", "S3cret!")] {
        put(setup.path(), name, text);
    }
    let exit = setup.run_to_exit();
    let said = exit.stderr.join("\n");
    assert_eq!(exit.code, Some(78), "{said}");
    let (dir, at) = (setup.path().display(), "signatures.secrets");
    for wanted in [
        format!("{at}[0].file: {dir}/gone: cannot be read: No such file or directory"),
        format!("{at}[1].file: is empty"),
        format!(
            "{at}[2].file: holds a PEM key: this is the application's private key, not the signature secret"
        ),
        format!("{at}[3].file: is longer than 4096 bytes"),
        format!("{at}[4].file: is not "),
        format!("{at}[5].file: {dir}/ranges: must be a regular file, this is a folder"),
    ] {
        assert!(said.contains(&wanted), "{wanted}\n{said}");
    }
    assert!(!said.contains("S3cret") && !said.contains("MIIEvQ"), "{said}");
}

#[test]
fn check_shows_whose_secrets_there_are_and_never_the_secrets() {
    let secrets = "{ secrets: [{ api_key: a1b2c3d, file: secrets/a }, { api_key: a1b2c3d, file: secrets/old, until: 2025-12-31 }] }";
    let setup = usual(NOWHERE).key("signatures", secrets);
    put(setup.path(), "secrets/old", SECOND);
    setup.write_config();
    let output = check(&setup);
    let (said, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{warned}");
    let dir = setup.path().display();
    let row = |of: &str, file: String, until: &str| {
        let words = [of, "a1b2c3d", until, &file];
        assert!(said.lines().any(|line| line.split_whitespace().eq(words)), "{words:?}\n{said}");
    };
    row("api_key", format!("{dir}/secrets/a"), "-");
    row("api_key", format!("{dir}/secrets/old"), "2025-12-31");
    let wanted = "signatures.secrets[1].until: the secret of api_key a1b2c3d no longer counts since the end of 2025-12-31 (UTC); remove it";
    assert!(warned.contains(wanted), "{warned}");
    assert!(!said.contains("S3cret") && !warned.contains("S3cret"), "{said}{warned}");
}

#[test]
fn a_secret_that_breaks_while_the_gate_runs_keeps_the_last_good_one() {
    let gate = usual(NOWHERE).start();
    let dir = gate.setup.path().to_owned();
    let path = format!("{}/secrets/a", dir.display());
    let breaks: [(&dyn Fn(), String); 3] = [
        (&|| put(&dir, "secrets/a", ""), "is empty".to_owned()),
        (&|| put(&dir, "secrets/a", PEM), "holds a PEM key: this is".to_owned()),
        (
            &|| fs::remove_file(dir.join("secrets/a")).expect("remove"),
            format!("{path}: cannot be read: No such file"),
        ),
    ];
    for (break_it, why) in breaks {
        let from = gate.stderr.len();
        break_it();
        let failed = gate.wait_message(from, is_failed).to_string();
        assert!(failed.contains(&format!("signatures.secrets[0].file: {why}")), "{failed}");
        assert!(failed.contains("; the last good secret stays in use"), "{failed}");
        let status = gate.status();
        let shown = &status["secrets"][0];
        assert_eq!(
            (&shown["last_good"], &shown["of"]),
            (&true.into(), &"api_key a1b2c3d".into()),
            "{status}"
        );
        assert_silent(&gate);
        let from = gate.stderr.len();
        put(&dir, "secrets/a", FIRST);
        let mended = gate.wait_message(from, is_reloaded).to_string();
        assert!(mended.contains(&format!("secret={path} good again")), "{mended}");
        assert_eq!(gate.status()["secrets"][0]["last_good"], Value::from(false));
    }
}

#[test]
fn a_secret_renamed_into_place_is_noticed() {
    let gate = usual(NOWHERE).start();
    let from = gate.stderr.len();
    let path = gate.setup.path().join("secrets/a");
    rename_over(&path, SECOND);
    let reloaded = gate.wait_message(from, is_reloaded).to_string();
    assert!(reloaded.contains(&format!("secret={} changed", path.display())), "{reloaded}");
    assert_silent(&gate);
}

/// As Kubernetes does with a mounted secret: `a` leads through `..data`, which is another link after a change.
#[test]
fn a_secret_behind_a_swapped_link_is_noticed() {
    let setup = usual(NOWHERE);
    let dir = setup.path().join("secrets");
    fs::remove_file(dir.join("a")).expect("remove");
    for (version, text) in [("..1", FIRST), ("..2", SECOND)] {
        put(&dir, &format!("{version}/a"), text);
    }
    symlink("..1", dir.join("..data")).expect("link");
    symlink("..data/a", dir.join("a")).expect("link");
    let gate = setup.start();
    let from = gate.stderr.len();
    symlink("..2", dir.join("..data_tmp")).expect("link");
    fs::rename(dir.join("..data_tmp"), dir.join("..data")).expect("swap");
    let reloaded = gate.wait_message(from, is_reloaded).to_string();
    assert!(reloaded.contains("secrets/a changed"), "{reloaded}");
    assert_silent(&gate);
}

#[test]
fn a_secret_is_added_beside_the_old_one_without_a_restart() {
    let gate = usual(NOWHERE).start();
    let two = "{ secrets: [{ api_key: a1b2c3d, file: secrets/a }, { api_key: a1b2c3d, file: secrets/b }] }";
    gate.setup.clone().key("signatures", two).write_config();
    // Its file is not there yet: what serves stays, whole.
    let (status, report) = gate.reload();
    assert_eq!((status, &report["published"]), (422, &false.into()), "{report}");
    assert_eq!(report["problems"][0]["at"], "signatures.secrets[1].file", "{report}");
    put(gate.setup.path(), "secrets/b", SECOND);
    let (status, report) = gate.reload();
    assert_eq!(status, 200, "{report}");
    let shown = gate.status()["secrets"].as_array().map(Vec::len);
    assert_eq!((shown, &report["needs_restart"].as_array().map(Vec::len)), (Some(2), &Some(0)), "{report}");
    assert_silent(&gate);
}

#[test]
#[ignore = "needs faketime: make test-long"]
fn the_last_day_of_a_secret_ends_while_the_gate_runs_and_is_told() {
    let Some(library) = faketime() else {
        return cannot_run("secret-until", "libfaketime is not installed");
    };
    let upstream = Upstream::echo();
    let today = OffsetDateTime::now_utc().date();
    let secrets = format!(
        "{{ secrets: [{{ api_key: a1b2c3d, file: secrets/a }}, {{ api_key: a1b2c3d, file: secrets/b, until: {today} }}] }}"
    );
    let setup = usual(upstream.url())
        .key("signatures", &secrets)
        .routes(&["{ path: /*, webhook: messages-status, allow: [test], signature: require }"]);
    put(setup.path(), "secrets/b", SECOND);
    setup.write_config();
    let clock = setup.path().join("clock");
    fs::write(&clock, "+0").expect("the clock");
    let mut command = setup.command_of(setup::binary());
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    let gate = setup.start_as(&mut command);
    let ask = |secret: &str, later: u64| {
        let token = Token::new("a1b2c3d", secret, b"{}").claim("iat", now() + later).bearer();
        let fields = [("Content-Type", "application/json"), ("Authorization", token.as_str())];
        gate.ask(ADMITTED, &request("POST", "/a", &fields, b"{}")).status
    };
    assert_eq!((ask(FIRST, 0), ask(SECOND, 0)), (200, 200));
    let from = gate.stderr.len();
    fs::write(&clock, "+1d").expect("the clock jumps");
    let wanted =
        format!("the secret of api_key a1b2c3d no longer counts since the end of {today} (UTC); remove it");
    let told = gate.wait_message(from, |message, _| message == wanted);
    assert_eq!(told["level"], "WARN", "{told}");
    assert_eq!((ask(FIRST, 86_400), ask(SECOND, 86_400)), (200, 503), "the other one of the account goes on");
    let last = gate.events(4)[3].clone();
    let note = "it was made with a secret that has passed its `until`";
    assert_eq!((&last["reason"], &last["note"]), (&"unknown_key".into(), &note.into()), "{last}");
    assert_silent(&gate);
    // It is told once.
    let times = gate.log().matches("no longer counts since").count();
    assert_eq!(times, 1, "{}", gate.log());
}

#[test]
fn secrets_are_not_kept_in_the_state_folder() {
    let setup = usual(NOWHERE).key("state", "kept");
    fs::create_dir(setup.path().join("kept")).expect("state");
    let gate = setup.start();
    let lists = gate.setup.path().join("kept/lists");
    let (status, _) = gate.reload();
    assert_eq!(status, 200);
    assert!(lists.join("test.txt").exists(), "the lists are kept");
    for entry in fs::read_dir(&lists).expect("the folder") {
        let text = fs::read(entry.expect("a file").path()).expect("its text");
        assert!(!String::from_utf8_lossy(&text).contains("S3cret"));
    }
}

#[test]
fn credentials_of_the_service_are_found_by_their_variable() {
    let setup = usual(NOWHERE)
        .key("signatures", r#"{ secrets: [{ api_key: a1b2c3d, file: "${CREDENTIALS_DIRECTORY}/a" }] }"#);
    setup.write_config();
    let mut command = setup.command_of(setup::binary());
    command.env("CREDENTIALS_DIRECTORY", setup.path().join("secrets"));
    let path = setup.path().join("secrets/a").display().to_string();
    let gate = setup.start_as(&mut command);
    assert_eq!(gate.status()["secrets"][0]["path"], Value::from(path));
}
