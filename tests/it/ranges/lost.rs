//! What the access log says holds a publication, and a way back, by which somebody would be lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::harness::gate::setup::program;
use crate::harness::{Setup, Upstream, get, wait_until};
use crate::ranges::stand::{Said, alone, history, line, list, ranges, reasons};

const OLD: &str = "20.30.40.0/24\n20.30.41.0/24\n20.30.42.0/24\n";
const NEW: &str = "20.30.40.0/24\n20.30.41.0/24\n";

/// A list of which a prefix is proposed to go, with this access log.
fn stand(access: &str) -> Setup {
    let setup = alone(OLD).key("log", &format!("{{ access: {access} }}"));
    setup.write_config();
    assert_eq!(ranges(&setup, &["propose", "test"], NEW).code, 0);
    setup
}

fn publish(setup: &Setup, more: &[&str]) -> Said {
    ranges(setup, &[&["publish", "test"], more].concat(), "")
}

fn gzip(setup: &Setup, name: &str) {
    let packed = Command::new("gzip").arg(setup.path().join(name)).status();
    assert!(packed.is_ok_and(|status| status.success()));
}

#[test]
fn a_list_by_which_a_client_of_the_log_would_be_lost_is_held() {
    let setup = stand("./access.log");
    let log = [line("20.30.42.7", 3), line("20.30.42.9", 1), line("20.30.40.1", 1), line("8.8.8.8", 1)];
    setup.dir.write("access.log", &log.concat());
    let said = publish(&setup, &[]);
    assert_eq!((said.code, list(&setup).as_str(), history(&setup)), (3, OLD, Vec::new()), "{said:?}");
    let held = "error: held: test: somebody would be lost: 2 requests of 1 network in the access log, the last at 20";
    assert!(said.err.contains(held), "{said:?}");
    assert!(said.out.contains("  replay    4 requests of the access log from 20"), "{said:?}");
    assert!(
        said.out.contains("\nLOST: 1 network\n") && said.out.contains("20.30.42.0/24         2"),
        "{said:?}"
    );
    let told = publish(&setup, &["--json"]);
    assert_eq!((told.code, reasons(&told)), (3, vec!["lost".to_owned()]), "{told:?}");
    let replay = &told.json()["replay"];
    assert_eq!((&replay["lost"]["requests"], &replay["kept"]), (&2.into(), &1.into()), "{replay}");
    // A person may, and a pipe is none.
    assert_eq!(publish(&setup, &["--force"]).code, 2);
    let forced = publish(&setup, &["--force", "--yes-i-know"]);
    assert_eq!((forced.code, list(&setup).as_str()), (0, NEW), "{forced:?}");
    assert!(forced.err.contains("warning: forced, held: test: somebody would be lost"), "{forced:?}");

    // The way back admits everybody of them again. Another way back may lose somebody too.
    assert_eq!(ranges(&setup, &["rollback", "test"], "").code, 0);
    assert_eq!(list(&setup), OLD);
    for args in [&["rollback", "test", "2"][..], &["rollback", "test", "2", "--json"]] {
        let said = ranges(&setup, args, "");
        assert_eq!((said.code, list(&setup).as_str()), (3, OLD), "{said:?}");
        assert!(said.err.contains("held: test: somebody would be lost: 2 requests"), "{said:?}");
    }
    assert_eq!(ranges(&setup, &["rollback", "test", "2", "--force"], "").code, 2);
    assert_eq!(ranges(&setup, &["rollback", "test", "2", "--force", "--yes-i-know"], "").code, 0);
    assert_eq!((list(&setup).as_str(), history(&setup).len()), (NEW, 4));
}

#[test]
fn what_the_gate_and_its_log_know_is_told_once_each() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .range("test", "127.0.0.2/32\n127.0.0.4/32\n127.0.0.6/32\n")
        .key("log", "{ access: ./access.log }")
        .start();
    let admin = gate.admin_addr().to_string();
    let run = |args: &[&str], input| ranges(&gate.setup, &[args, &["--admin", &admin]].concat(), input);
    for _ in 0..3 {
        assert_eq!(gate.ask("127.0.0.4", &get("/hook")).status, 200);
    }
    let lines =
        || fs::read_to_string(gate.setup.path().join("access.log")).unwrap_or_default().lines().count();
    wait_until(|| lines() == 3, || format!("{} lines", lines()));
    assert_eq!(run(&["propose", "test"], "127.0.0.2/32\n127.0.0.6/32\n").code, 3, "the gate knows");
    let said = run(&["publish", "test"], "");
    let held: Vec<&str> = said.err.lines().filter(|line| line.contains("held: test: ")).collect();
    assert!(said.code == 3 && held.len() == 2, "{said:?}");
    assert!(held[0].contains("1 removed prefixes sent requests lately: 127.0.0.4/32"), "{said:?}");
    assert!(held[1].contains("somebody would be lost: 3 requests of 1 network"), "{said:?}");
    assert!(held[1].ends_with("; the gate counted them too"), "{said:?}");
    assert_eq!(run(&["publish", "test", "--force", "--yes-i-know"], "").code, 0);
    assert_eq!(gate.ask("127.0.0.4", &get("/hook")).status, 503);
    // The same log says nothing against the way back.
    assert_eq!(run(&["rollback", "test"], "").code, 0);
    assert_eq!(gate.ask("127.0.0.4", &get("/hook")).status, 200);
}

#[test]
fn a_list_that_loses_nobody_of_the_log_is_published() {
    let setup = stand("./access.log");
    // Who goes has not come for more than thirty days.
    setup.dir.write("access.log", &[line("20.30.42.7", 31), line("20.30.41.1", 29)].concat());
    let said = publish(&setup, &[]);
    assert_eq!((said.code, list(&setup).as_str()), (0, NEW), "{said:?}");
    assert!(said.out.contains("  replay    1 request of the access log from 20"), "{said:?}");
    assert!(said.out.contains(": nobody would be lost\n"), "{said:?}");
    // Where no address goes the log is not even looked for.
    setup.dir.write("access.log", "no log\n");
    assert_eq!(ranges(&setup, &["propose", "test"], OLD).code, 0);
    let said = publish(&setup, &[]);
    assert_eq!(
        (said.code, said.out.contains("replay"), said.err.contains("replay")),
        (0, false, false),
        "{said:?}"
    );
    // What another list of the route holds is not lost.
    let setup = stand("./access.log")
        .range("other", "20.30.42.0/25\n")
        .routes(&[r#"{ path: "/*", webhook: generic, allow: [test, other] }"#]);
    setup.write_config();
    setup.dir.write("access.log", &line("20.30.42.7", 1));
    assert_eq!(publish(&setup, &[]).code, 0);
}

#[test]
fn a_log_of_which_only_rotated_parts_are_left_is_read() {
    for packed in [false, true] {
        let setup = stand("./log/access.log");
        setup.dir.write("log/access.log.1", &line("20.30.40.1", 1));
        setup.dir.write("log/access.log.2", &[line("20.30.42.7", 3), line("20.30.42.7", 2)].concat());
        if packed {
            gzip(&setup, "log/access.log.2");
        } else {
            // It is being packed just now, and counts once.
            setup.dir.write("log/access.log.2.gz", "\u{1f}");
            setup.dir.write("log/access.log.3", &[line("20.30.42.7", 3), line("20.30.42.7", 2)].concat());
            let copied =
                fs::copy(setup.path().join("log/access.log.2"), setup.path().join("log/access.log.3"));
            copied.expect("a copy");
        }
        let said = publish(&setup, &["--json"]);
        assert_eq!((said.code, reasons(&said)), (3, vec!["lost".to_owned()]), "{said:?}");
        assert_eq!(said.json()["replay"]["lost"]["requests"], 2, "{said:?}");
        assert_eq!(
            said.json()["unknown"].as_array().map(Vec::len),
            Some(2),
            "only that no gate was asked, and that the log is young: {said:?}"
        );
    }
}

#[test]
fn where_there_is_no_log_a_line_says_why_no_replay_ran() {
    for (access, wanted) in [
        ("stdout", "`log.access` is stdout and no file; `ranges replay` reads a log from standard input too"),
        ("stderr", "`log.access` is stderr and no file"),
        ("off", "`log.access` is off and no file"),
        ("./none.log", "none.log: has no line of the last 30 days"),
        ("./none/access.log", "access.log: has no line of the last 30 days"),
        ("./ranges", "ranges: is no file"),
        ("./event.log", "event.log: has no request of the last 30 days that can be judged\n"),
        ("./empty.log, format: text", "that can be judged; `log.format: text` has no routes"),
    ] {
        let setup = stand(access);
        setup.dir.write(
            "event.log",
            "{\"ts\":\"2026-11-21T19:30:00.123Z\",\"level\":\"INFO\",\"message\":\"ready\"}\n",
        );
        setup.dir.write("empty.log", "2026-11-21T19:30:00.123Z delivered 200 POST /a\n");
        let said = publish(&setup, &[]);
        assert_eq!((said.code, list(&setup).as_str()), (0, NEW), "{access}: {said:?}");
        let lines = said.err.lines().filter(|line| line.contains("no replay ran")).count();
        assert!(lines == 1 && said.err.contains(wanted), "{access}: {said:?}");
    }
}

#[test]
fn a_part_of_a_log_that_another_program_packed_is_named() {
    let setup = stand("./access.log");
    setup.dir.write("access.log", &line("20.30.40.1", 1));
    fs::write(setup.path().join("access.log.1.zst"), b"\x28\xB5\x2F\xFDxxx").expect("a file");
    let said = publish(&setup, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.err.contains("warning: ") && said.err.contains("access.log.1.zst: is compressed by zstd"),
        "{said:?}"
    );
}

#[test]
fn a_log_that_may_not_be_read_holds_a_list() {
    let setup = stand("./log/access.log");
    setup.dir.write("log/access.log", &line("20.30.40.1", 1));
    setup.dir.write("log/access.log.1", &line("20.30.42.7", 2));
    let is_root = nix::unistd::Uid::effective().is_root();
    let own = setup.path().join("nexmo-gate");
    fs::copy(program(), &own).expect("a copy that everybody may run");
    for path in [setup.path(), &own] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let publish = || {
        let mut command = Command::new(&own);
        command.args(["ranges", "publish", "test", "--config"]).arg(setup.path().join("config.yaml"));
        command.stdin(Stdio::null()).current_dir("/").env_clear();
        if is_root {
            // Root reads everything.
            command.uid(65_534).gid(65_534);
        }
        Said::of(command.output().expect("the gate's binary"))
    };
    for (closed, mode) in [("log/access.log.1", 0o000), ("log", 0o000), ("log", 0o111)] {
        let path = setup.path().join(closed);
        let before = fs::metadata(&path).expect("a file").permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
        let said = publish();
        fs::set_permissions(&path, before).expect("a mode");
        assert_eq!((said.code, list(&setup).as_str()), (3, OLD), "{closed}: {said:?}");
        let held = "error: held: test: the access log cannot be read, so nobody can say who would be lost: ";
        assert!(said.err.contains(held) && said.err.contains(closed), "{closed}: {said:?}");
        assert!(said.err.contains("Permission denied"), "{closed}: {said:?}");
        assert!(said.err.contains("; run this as a user who may read the log\n"), "{closed}: {said:?}");
    }
    let said = publish();
    assert!(
        said.err.contains("held: test: somebody would be lost") && !said.err.contains("cannot be read"),
        "{said:?}"
    );
}
