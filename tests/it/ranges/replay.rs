//! `ranges replay` on logs that a gate wrote: who would be lost and gained, whatever happened to the files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::harness::gate::setup::binary;
use crate::harness::{ADMITTED, STRANGER, Setup, Upstream, get};

/// A stopped gate's folder with its log: three requests of a listed client, two of a stranger, one without a route.
struct Logged {
    setup: Setup,
    log: PathBuf,
}

impl Logged {
    fn new() -> Self {
        let upstream = Upstream::echo();
        let setup =
            Setup::new(upstream.url()).routes(&[r#"{ path: "/a", webhook: generic, allow: [test] }"#]);
        let gate = setup.start();
        for from in [ADMITTED, ADMITTED, ADMITTED, STRANGER, STRANGER] {
            gate.ask(from, &get("/a"));
        }
        gate.ask(STRANGER, &get("/none"));
        gate.events(6);
        let finished = gate.finish();
        let lines: Vec<String> = finished.events.iter().map(|event| format!("{event}\n")).collect();
        assert_eq!(lines.len(), 6);
        let setup = finished.setup;
        let log = setup.path().join("access.log");
        fs::write(&log, lines.concat()).expect("a log");
        Self { setup, log }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.setup.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = binary();
        command.current_dir(self.setup.path()).args(["ranges", "replay"]).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Told {
        Told::of(self.command(args).output().expect("the gate's binary"))
    }

    /// With `input` on standard input.
    fn run_on(&self, args: &[&str], input: &[u8]) -> Told {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().expect("the gate's binary");
        child.stdin.take().expect("a pipe").write_all(input).expect("the input");
        Told::of(child.wait_with_output().expect("the gate's binary"))
    }
}

struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Told {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

fn gzip(path: &Path) -> PathBuf {
    assert!(Command::new("gzip").arg("-k").arg(path).status().is_ok_and(|status| status.success()));
    path.with_file_name("access.log.gz")
}

#[test]
fn who_would_be_lost_and_gained_is_told_from_the_log() {
    let logged = Logged::new();
    logged.file("same.txt", "# the same\n127.0.0.2\n");
    logged.file("other.txt", "127.0.0.3/32\n");
    let same = logged.run(&["test", "--with", "same.txt", "access.log"]);
    assert_eq!(same.code, Some(0), "{}{}", same.out, same.err);
    assert!(same.out.ends_with("\ntest: nobody would be lost\n"), "{}", same.out);
    let other = logged.run(&["test", "--with", "other.txt", "access.log", "--json"]);
    assert_eq!(other.code, Some(3), "{}{}", other.out, other.err);
    let told = other.json();
    assert_eq!(told["lines"]["all"], 6);
    assert_eq!((&told["lines"]["judged"], &told["lines"]["no_route"]), (&json!(5), &json!(1)), "{told}");
    assert_eq!((&told["kept"], &told["out"]), (&json!(0), &json!(0)), "{told}");
    for (side, requests) in [("lost", 3), ("gained", 2)] {
        let side = &told[side];
        assert_eq!(side["requests"], requests, "{told}");
        let network = &side["networks"][0];
        assert_eq!((&network["network"], &network["requests"]), (&json!("127.0.0.0/24"), &json!(requests)));
        assert_eq!(network["routes"], json!({ "/a": requests }), "{told}");
        assert_eq!(network["signatures"], json!({ "-": requests }), "{told}");
        assert!(network["first"].as_str() <= network["last"].as_str(), "{told}");
    }
    let text = logged.run(&["test", "--with", "other.txt", "access.log"]).out;
    for wanted in ["\n  LOST                 3\n", "\nLOST: 1 network\n", "\ntest: somebody would be LOST\n"]
    {
        assert!(text.contains(wanted), "{wanted:?}\n{text}");
    }
    // What was asked for since a time that is not over yet.
    let none = logged.run(&["test", "--with", "other.txt", "access.log", "--json", "--since", "0s"]);
    assert_eq!((none.code, &none.json()["lines"]["before"]), (Some(0), &json!(6)));
    let all = logged.run(&["test", "--with", "other.txt", "access.log", "--json", "--since", "7d"]);
    assert_eq!(all.json()["lines"], told["lines"]);
}

#[test]
fn a_log_is_read_packed_in_parts_in_any_order_and_from_standard_input() {
    let logged = Logged::new();
    logged.file("other.txt", "127.0.0.3/32\n");
    let replay = ["test", "--with", "other.txt", "--json"];
    let whole = logged.run(&[&replay[..], &["access.log"]].concat()).json();
    let log = fs::read(&logged.log).expect("the log");
    gzip(&logged.log);
    let end = log.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    logged.file("first", &log[..end]);
    logged.file("rest", &log[end..]);
    for logs in [&["access.log.gz"][..], &["rest", "first"], &["first", "rest"]] {
        assert_eq!(logged.run(&[&replay[..], logs].concat()).json(), whole, "{logs:?}");
    }
    let input = fs::read(logged.log.with_file_name("access.log.gz")).expect("the packed log");
    for input in [&log[..], &input] {
        assert_eq!(logged.run_on(&[&replay[..], &["-"]].concat(), input).json(), whole);
    }
    let list = logged.run_on(&["test", "--with", "-", "--json", "access.log"], b"127.0.0.3\n");
    assert_eq!(list.json(), whole);
    // The log of the configuration is the one that is read if none is named.
    let setup = logged.setup.clone().key("log", "{ access: ./access.log }");
    setup.write_config();
    assert_eq!(logged.run(&replay).json(), whole);
    // With its parts, as for `publish`.
    fs::remove_file(logged.log.with_file_name("access.log.gz")).expect("the packed log");
    gzip(&logged.file("access.log.1", &log[end..]));
    logged.file("access.log", &log[..end]);
    logged.file("access.log.2", "");
    let parts = logged.run(&replay);
    assert_eq!(parts.json(), whole, "{}", parts.err);
}

#[test]
fn what_is_cut_off_or_hostile_is_counted_and_a_file_that_is_no_log_is_refused() {
    let logged = Logged::new();
    logged.file("other.txt", "127.0.0.3/32\n");
    let log = fs::read(&logged.log).expect("the log");
    let hostile =
        [b"\0\xFF{\n[[[[\n", &log[..], b"{\"ts\":", &vec![b'x'; 100_000], b"\n", &log[..40]].concat();
    logged.file("hostile", hostile);
    let told = logged.run(&["test", "--with", "other.txt", "hostile", "--json"]);
    let lines = &told.json()["lines"];
    assert_eq!((told.code, &lines["damaged"], &lines["judged"]), (Some(3), &json!(4), &json!(5)), "{lines}");
    let earlier = String::from_utf8(log).expect("text").replace("\"ts\":\"20", "\"ts\":\"19");
    gzip(&logged.file("earlier", earlier));
    let packed = fs::read(logged.setup.path().join("earlier.gz")).expect("the packed log");
    logged.file("cut.gz", &packed[..packed.len() - 20]);
    let cut = logged.run(&["test", "--with", "other.txt", "access.log", "cut.gz", "--json"]);
    let told = cut.json();
    assert!(told["unfinished"]["cut.gz"].is_string() && cut.code == Some(3), "{told}");
    let refusals = [
        (&["test", "--with", "other.txt", "other.txt"][..], 65, "none of the lines is that of an access log"),
        (&["test", "--with", "other.txt", "none"], 65, "none: cannot be opened: "),
        (&["test", "--with", "other.txt", "ranges"], 65, "ranges: is a folder"),
        (&["test", "--with", "access.log", "access.log"], 65, "access.log: line 1: "),
        (&["test", "--with", "-", "-"], 2, "standard input is named twice"),
        (&["test", "access.log"], 1, "there is no proposal for test; try a file: --with FILE"),
        (&["--all", "access.log"], 1, "there is no proposal; "),
        (&["sms", "--with", "other.txt", "access.log"], 2, "there is no list \"sms\"; there are: test"),
        (&["test", "--with", "other.txt"], 2, "name the access log"),
        (&[], 2, "name the list"),
        (&["test", "--since", "7"], 2, "--since"),
    ];
    for (args, code, words) in refusals {
        let told = logged.run(args);
        assert_eq!(told.code, Some(code), "{args:?}: {}{}", told.out, told.err);
        assert!(told.err.contains(words), "{args:?}: {}", told.err);
    }
    // A log without a line says nothing for anybody, either.
    logged.file("empty", "");
    let told = logged.run(&["test", "--with", "other.txt", "empty"]);
    assert_eq!((told.code, told.out.as_str()), (Some(65), ""), "{}", told.err);
    assert!(told.err.contains("no replay ran: empty: no line"), "{}", told.err);
}

#[test]
fn a_log_counts_once_whatever_its_names_are() {
    let logged = Logged::new();
    let with = logged.file("new.txt", "127.0.0.9\n");
    let (log, with) = (logged.log.display().to_string(), with.display().to_string());
    std::os::unix::fs::symlink(&logged.log, logged.setup.path().join("link.log")).expect("a link");
    let once = logged.run(&["test", "--with", &with, &log, "--json"]).json();
    let twice = logged.run(&["test", "--with", &with, &log, &log, "link.log", "--json"]);
    assert_eq!(twice.json()["lost"]["requests"], once["lost"]["requests"], "{}", twice.err);
    assert_eq!(twice.err.matches("is named twice, and counts once").count(), 2, "{}", twice.err);
    // A copy, also a compressed one, and one that has grown since.
    let copy = logged.file("copy.log", fs::read(&logged.log).expect("the log"));
    gzip(&copy);
    let packed = copy.with_extension("log.gz");
    for other in [&copy, &packed] {
        let other = other.display().to_string();
        let said = logged.run(&["test", "--with", &with, &log, &other]);
        assert_eq!((said.code, said.out.as_str()), (Some(65), ""), "{}", said.err);
        assert!(said.err.contains("begin with the same request"), "{}", said.err);
    }
}
