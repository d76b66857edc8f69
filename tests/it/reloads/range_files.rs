//! Range files replaced in every way that editors, scripts and orchestrators do it, and broken in every way they fail.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;

use crate::harness::{Setup, Signal, Upstream};
use crate::reloads::reload::{NEW, OLD, assert_verdicts, is_reloaded, rename_over, verdict};

fn is_failed(message: &str, line: &Value) -> bool {
    message == "reload failed" && line["level"] == "ERROR"
}

/// `ln -sfn target link`.
fn link_over(target: &Path, link: &Path) {
    let temporary = link.with_file_name("swap.new");
    symlink(target, &temporary).expect("a new link");
    fs::rename(&temporary, link).expect("rename it over");
}

/// Lays out the folder, starts, changes it, and expects the gate to notice by itself.
fn noticed(lay_out: impl Fn(&Path), change: impl Fn(&Path)) {
    let upstream = Upstream::echo();
    let setup = Setup::new(upstream.url());
    lay_out(setup.path());
    let gate = setup.start();
    assert_verdicts(&gate, 403, "before");
    let from = gate.stderr.len();
    change(gate.setup.path());
    let reloaded = gate.wait_message(from, is_reloaded);
    assert!(reloaded["generation"].as_u64() >= Some(2), "{reloaded}");
    assert_verdicts(&gate, 200, "after");
}

#[test]
fn a_list_written_in_place_is_noticed() {
    noticed(|_| {}, |dir| fs::write(dir.join("ranges/test.txt"), NEW).expect("write"));
}

#[test]
fn a_list_renamed_into_place_is_noticed() {
    noticed(|_| {}, |dir| rename_over(&dir.join("ranges/test.txt"), NEW));
}

#[test]
fn a_list_written_byte_by_byte_is_only_published_whole() {
    noticed(
        |_| {},
        |dir| {
            use std::io::Write;
            let mut file = fs::File::create(dir.join("ranges/test.txt")).expect("truncate");
            for byte in NEW.as_bytes() {
                file.write_all(&[*byte]).expect("one byte");
            }
        },
    );
}

#[test]
fn a_swapped_symlink_to_the_folder_is_noticed() {
    noticed(
        |dir| {
            fs::rename(dir.join("ranges"), dir.join("v1")).expect("move");
            symlink("v1", dir.join("ranges")).expect("link");
        },
        |dir| {
            fs::create_dir(dir.join("v2")).expect("v2");
            fs::write(dir.join("v2/test.txt"), NEW).expect("write");
            link_over(Path::new("v2"), &dir.join("ranges"));
        },
    );
}

#[test]
fn a_swapped_symlink_to_the_file_is_noticed() {
    noticed(
        |dir| {
            fs::rename(dir.join("ranges/test.txt"), dir.join("one")).expect("move");
            symlink("../one", dir.join("ranges/test.txt")).expect("link");
        },
        |dir| {
            fs::write(dir.join("two"), NEW).expect("write");
            link_over(Path::new("../two"), &dir.join("ranges/test.txt"));
        },
    );
}

#[test]
fn a_configmap_swap_is_noticed() {
    noticed(
        |dir| {
            let ranges = dir.join("ranges");
            fs::create_dir(ranges.join("..2026_01")).expect("a version");
            fs::rename(ranges.join("test.txt"), ranges.join("..2026_01/test.txt")).expect("move");
            symlink("..2026_01", ranges.join("..data")).expect("link");
            symlink("..data/test.txt", ranges.join("test.txt")).expect("link");
        },
        |dir| {
            let ranges = dir.join("ranges");
            fs::create_dir(ranges.join("..2026_02")).expect("a version");
            fs::write(ranges.join("..2026_02/test.txt"), NEW).expect("write");
            link_over(Path::new("..2026_02"), &ranges.join("..data"));
            fs::remove_dir_all(ranges.join("..2026_01")).expect("the old version goes");
        },
    );
}

/// Breaks the file in one way: noticed by itself or on request, the last good list stays, and a good file heals it.
pub fn last_good_stays(what: &str, damage: impl Fn(&Path)) {
    for asked in [false, true] {
        let upstream = Upstream::echo();
        let gate = Setup::new(upstream.url()).start();
        let file = gate.setup.path().join("ranges/test.txt");
        let from = gate.stderr.len();
        damage(&file);
        if asked {
            let (status, answer) = gate.reload();
            assert_eq!(status, 422, "{what}: {answer}");
            let problems = answer["problems"].as_array().expect("problems");
            assert!(!problems.is_empty() && answer.to_string().contains("test"), "{what}: {answer}");
        }
        let failed = gate.wait_message(from, is_failed);
        assert!(failed["problems"].to_string().contains("test"), "{what}: {failed}");
        assert_verdicts(&gate, 403, what);
        assert_eq!(gate.admin("GET", "/readyz").status, 200, "{what}: the last good list serves");
        let status = gate.admin("GET", "/status").text();
        assert!(status.contains("problem"), "{what}: /status says so: {status}");

        let from = gate.stderr.len();
        let _ = fs::remove_dir(&file);
        rename_over(&file, NEW);
        gate.signal(Signal::SIGHUP);
        gate.wait_message(from, is_reloaded);
        assert_verdicts(&gate, 200, what);
    }
}

#[test]
fn an_emptied_list_keeps_the_last_good_one() {
    last_good_stays("emptied", |file| fs::write(file, "").expect("write"));
    last_good_stays("only comments", |file| fs::write(file, "# nothing\n\n").expect("write"));
}

#[test]
fn a_deleted_list_keeps_the_last_good_one() {
    last_good_stays("deleted", |file| fs::remove_file(file).expect("remove"));
}

#[test]
fn a_list_cut_inside_a_line_keeps_the_last_good_one() {
    last_good_stays("cut", |file| fs::write(file, "127.0.0.2/32\n127.0.0.0/2").expect("write"));
}

#[test]
fn a_list_of_garbage_keeps_the_last_good_one() {
    last_good_stays("garbage", |file| fs::write(file, b"\x7fELF\0\xff\xfe garbage\n").expect("write"));
    last_good_stays("one bad line", |file| {
        fs::write(file, "127.0.0.2\n127.0.0.4\n127.0.0.300\n").expect("write");
    });
    last_good_stays("a host name", |file| fs::write(file, "localhost\n").expect("write"));
    last_good_stays("everybody", |file| fs::write(file, "127.0.0.2\n0.0.0.0/0\n").expect("write"));
}

#[test]
fn a_list_that_is_no_regular_file_keeps_the_last_good_one() {
    last_good_stays("directory", |file| {
        fs::remove_file(file).expect("remove");
        fs::create_dir(file).expect("a directory");
    });
}

#[test]
fn an_unreadable_list_keeps_the_last_good_one() {
    if nix::unistd::Uid::effective().is_root() {
        eprintln!("SKIPPED: root reads every file, so a list without permissions cannot be tried as root");
        return;
    }
    last_good_stays("chmod 000", |file| {
        fs::set_permissions(file, fs::Permissions::from_mode(0o000)).expect("chmod");
    });
}

#[test]
fn a_list_that_loses_most_of_its_lines_is_held_until_a_person_says_so() {
    let upstream = Upstream::echo();
    let ten: String = (2..12).flat_map(|n| ["127.0.1.".to_owned(), n.to_string(), "\n".to_owned()]).collect();
    let gate = Setup::new(upstream.url()).range("test", &format!("{OLD}{ten}")).start();
    let removed = "127.0.1.11";
    assert_eq!(verdict(&gate, removed), 200);
    let from = gate.stderr.len();
    gate.setup.dir.write("ranges/test.txt", OLD);
    gate.wait_message(from, |message, _| message == "reload held");
    assert_eq!(verdict(&gate, removed), 200, "held: the old list serves");
    assert_verdicts(&gate, 403, "held");
    let (status, answer) = gate.reload();
    assert_eq!(status, 200, "a manual reload: {answer}");
    assert_eq!(verdict(&gate, removed), 503);
    assert_verdicts(&gate, 403, "loaded");
}
