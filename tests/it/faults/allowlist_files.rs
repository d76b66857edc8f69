//! Faults of range files that need more than one damaged file.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::stat::Mode;

use crate::harness::gate::setup::{binary, program as built};
use crate::harness::{ADMITTED, Gate, STRANGER, Setup, Signal, Upstream, get};
use crate::reloads::range_files::last_good_stays;
use crate::reloads::reload::{NEW, OLD, assert_verdicts, is_reloaded, rename_over, verdict};

#[test]
fn a_list_that_was_deleted_is_told_by_the_metrics_until_it_is_back() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let file = gate.setup.path().join("ranges/test.txt");
    assert_eq!(gate.metric("list_last_good{list=\"test\"}"), 0);
    fs::remove_file(&file).expect("remove");
    assert_eq!(gate.reload().0, 422);
    assert_eq!(gate.metric("list_last_good{list=\"test\"}"), 1, "the last good list serves");
    assert_eq!(gate.metric("last_reload_ok"), 0);
    assert_verdicts(&gate, 403, "deleted");
    rename_over(&file, NEW);
    assert_eq!(gate.reload().0, 200);
    assert_eq!(gate.metric("list_last_good{list=\"test\"}"), 0);
    assert_eq!(gate.metric("last_reload_ok"), 1);
}

/// A writer that takes its time: what is noticed by itself is the old list or the new one, at every moment.
#[test]
fn a_list_that_is_written_slowly_is_the_old_one_until_it_is_whole() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let file = gate.setup.path().join("ranges/test.txt");
    let writing = AtomicBool::new(true);
    // The newcomers stand at both ends: between them lies everything that half a list would lack.
    let filler: String =
        (0..40).flat_map(|n| ["127.0.2.".to_owned(), n.to_string(), "\n".to_owned()]).collect();
    let text = format!("127.0.0.2\n127.0.0.4\n{filler}127.0.0.5\n");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut out = fs::File::create(&file).expect("truncate");
            for byte in text.as_bytes() {
                out.write_all(&[*byte]).expect("one byte");
                thread::sleep(Duration::from_millis(2));
            }
            writing.store(false, Ordering::SeqCst);
        });
        while writing.load(Ordering::SeqCst) {
            let verdicts = ["127.0.0.4", "127.0.0.5"].map(|from| verdict(&gate, from));
            assert_eq!((verdict(&gate, ADMITTED), verdict(&gate, STRANGER)), (200, 403));
            if writing.load(Ordering::SeqCst) {
                assert_eq!(verdicts, [403, 403], "half a list was published");
            }
        }
    });
    gate.wait_message(0, is_reloaded);
    assert_eq!(["127.0.0.4", "127.0.0.5"].map(|from| verdict(&gate, from)), [200, 200]);
    assert_eq!(gate.metric("list_prefixes{list=\"test\"}"), 43, "all of it");
}

#[test]
fn a_list_that_is_a_device_or_a_pipe_keeps_the_last_good_one_and_hangs_nobody() {
    last_good_stays("a FIFO", |file| {
        fs::remove_file(file).expect("remove");
        nix::unistd::mkfifo(file, Mode::S_IRWXU).expect("a FIFO");
    });
    last_good_stays("a link to /dev/zero", |file| {
        fs::remove_file(file).expect("remove");
        symlink("/dev/zero", file).expect("a link");
    });
    last_good_stays("a link to itself", |file| {
        fs::remove_file(file).expect("remove");
        symlink("test.txt", file).expect("a link");
    });
}

#[test]
fn a_list_in_another_encoding_is_refused_with_its_line() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).start();
    let file = gate.setup.path().join("ranges/test.txt");
    let utf16: Vec<u8> = "\u{feff}127.0.0.4\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let refused: [(&str, Vec<u8>); 6] = [
        ("UTF-16", utf16),
        ("a NUL", b"127.0.0.2\n127.0.0.4\0\n".to_vec()),
        ("other digits", "127.0.0.2\n127.0.0.\u{0664}\n".into()),
        ("a no-break space", "127.0.0.2\n127.0.0.4\u{a0}\n".into()),
        ("Latin-1", b"127.0.0.2\n# caf\xe9\n127.0.0.4\n".to_vec()),
        ("a second byte order mark", "\u{feff}127.0.0.2\n\u{feff}127.0.0.4\n".into()),
    ];
    for (what, bytes) in refused {
        fs::write(&file, bytes).expect("write");
        let (status, answer) = gate.reload();
        assert_eq!(status, 422, "{what}: {answer}");
        assert!(answer["problems"].to_string().contains("test.txt"), "{what}: {answer}");
        assert_verdicts(&gate, 403, what);
    }
    let accepted = [
        ("CRLF", "127.0.0.2\r\n127.0.0.4\r\n"),
        ("a byte order mark", "\u{feff}127.0.0.2\n127.0.0.4"),
        ("blanks around", "  127.0.0.2\t\n127.0.0.4 # here\n"),
    ];
    for (what, text) in accepted {
        fs::write(&file, OLD).expect("write");
        assert_eq!(gate.reload().0, 200);
        fs::write(&file, text).expect("write");
        let (status, answer) = gate.reload();
        assert_eq!(status, 200, "{what}: {answer}");
        assert_verdicts(&gate, 200, what);
    }
}

#[test]
fn a_list_that_admits_everybody_keeps_the_last_good_one() {
    for wide in [
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "::/1",
        "127.0.0.0/7",
        "2000::/15",
        "::ffff:0.0.0.0/96",
    ] {
        last_good_stays(wide, |file| {
            fs::write(file, format!("127.0.0.2\n127.0.0.4\n{wide}\n")).expect("write");
        });
    }
}

/// One address flips in and out while it asks. Each answer is that of a list which was current while it was asked, and
/// no answer is older than the last reload that was acknowledged before it was asked.
#[test]
fn a_verdict_is_never_older_than_the_reload_that_was_acknowledged() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url()).without_tls().start();
    let file = gate.setup.path().join("ranges/test.txt");
    // Odd: the newcomer is in; even: it is out, and was in before, except at the beginning. Acknowledged first, then asked for: an asker reads them the other way.
    let (asked_for, acknowledged, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let asker = || {
            let mut session = gate.session("127.0.0.4");
            let (mut count, mut stable) = (0, 0);
            while !stop.load(Ordering::SeqCst) {
                let from = acknowledged.load(Ordering::SeqCst);
                let status = session.ask(&get("/hook")).status;
                let to = asked_for.load(Ordering::SeqCst);
                let status_in = |state: u64| match (state, state % 2) {
                    (0, _) => 403,
                    (_, 1) => 200,
                    _ => 503,
                };
                let may_be: Vec<u16> = (from..=to).map(status_in).collect();
                assert!(may_be.contains(&status), "{status} between {from} and {to}");
                count += 1;
                stable += u32::from(from == to);
            }
            (count, stable)
        };
        let askers: Vec<_> = (0..3).map(|_| scope.spawn(asker)).collect();
        for state in 1..=60 {
            asked_for.store(state, Ordering::SeqCst);
            rename_over(&file, if state % 2 == 1 { NEW } else { OLD });
            assert_eq!(gate.reload().0, 200);
            acknowledged.store(state, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::SeqCst);
        for asker in askers {
            let (count, stable) = asker.join().expect("an asker");
            assert!(stable > 20, "{stable} of {count} verdicts had only one right answer");
        }
    });
}

/// The gate as a user that may not read everything: root reads a file whatever its permissions.
fn as_nobody(setup: &Setup) -> Command {
    let nobody = 65534;
    let program = setup.path().join("nexmo-gate");
    fs::copy(built(), &program).expect("a copy that everybody may run");
    for path in [setup.path(), &setup.path().join("ranges"), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let mut command = Command::new(program);
    let plain = binary();
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.uid(nobody).gid(nobody).current_dir("/");
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    setup.command_of(command)
}

#[test]
fn a_list_that_may_not_be_read_keeps_the_last_good_one_and_is_told_once() {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    setup.write_config();
    let gate = if nix::unistd::Uid::effective().is_root() {
        let mut command = as_nobody(&setup);
        setup.start_as(&mut command)
    } else {
        setup.start()
    };
    let file = gate.setup.path().join("ranges/test.txt");
    let chmod =
        |file: &Path, mode| fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("chmod");
    let from = gate.stderr.len();
    rename_over(&file, NEW);
    chmod(&file, 0o000);
    let is_failed =
        |message: &str, line: &serde_json::Value| message == "reload failed" && line["level"] == "ERROR";
    gate.wait_message(from, is_failed);
    assert_verdicts(&gate, 403, "unreadable");
    let told = gate.stderr.len();
    ask_for_a_while(&gate);
    let again = gate.find_message(told, Duration::ZERO, is_failed);
    assert_eq!(again, None, "told once a change, not once a look or a request");
    chmod(&file, 0o644);
    gate.signal(Signal::SIGHUP);
    gate.wait_message(told, is_reloaded);
    assert_verdicts(&gate, 200, "readable again");
}

/// Longer than the watcher's look at everything takes to come round, with a request now and then.
fn ask_for_a_while(gate: &Gate) {
    for _ in 0..60 {
        assert_eq!(verdict(gate, ADMITTED), 200);
        thread::sleep(Duration::from_millis(100));
    }
}
