//! Every way in which people and tools replace a file, noticed by events and by the poll.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::sync::mpsc::RecvTimeoutError;

use crate::load::reload::tests::*;
use crate::load::testkit::{CONFIG, Site};

/// Asserts that a replaced list is noticed at this pace.
fn notices(site: &Site, pace: Pace, replace: impl FnOnce(&Site)) {
    let running = run_looked(site, pace);
    replace(site);
    let report = running.next();
    assert_eq!((report.cause, report.published), (Cause::Changed, true), "{report:?}");
    assert!(running.admits("sms", "192.0.2.200"), "{report:?}");
}

fn each_pace(arrange: impl Fn(&Site), replace: impl Fn(&Site)) {
    for pace in [EVENTS, POLL] {
        let site = Site::new();
        arrange(&site);
        notices(&site, pace, &replace);
    }
}

/// The tests of events and polls are valid only because this holds.
#[test]
fn without_events_and_polls_nothing_is_noticed() {
    let site = Site::new();
    let running = run_looked(&site, Pace { poll: NEVER, ..POLL });
    site.list("sms", LONGER);
    assert_eq!(running.reports.recv_timeout(Duration::from_millis(500)), Err(RecvTimeoutError::Timeout));
}

#[test]
fn a_file_written_in_place_is_noticed() {
    each_pace(|_| {}, |site| site.list("sms", LONGER));
}

#[test]
fn a_file_that_grows_is_noticed() {
    each_pace(
        |_| {},
        |site| {
            let mut file = fs::OpenOptions::new().append(true).open(site.path("ranges/sms.txt")).unwrap();
            file.write_all(b"192.0.2.192/27\n").unwrap();
        },
    );
}

#[test]
fn a_file_renamed_over_another_is_noticed() {
    each_pace(
        |_| {},
        |site| {
            site.write("sms.new", LONGER);
            fs::rename(site.path("sms.new"), site.path("ranges/sms.txt")).unwrap();
        },
    );
}

#[test]
fn a_deleted_and_rewritten_file_is_noticed() {
    each_pace(
        |_| {},
        |site| {
            site.remove("ranges/sms.txt");
            site.list("sms", LONGER);
        },
    );
}

#[test]
fn a_folder_put_in_the_place_of_another_is_noticed() {
    each_pace(
        |site| other_folder(site, "next"),
        |site| {
            fs::rename(site.path("ranges"), site.path("before")).unwrap();
            fs::rename(site.path("next"), site.path("ranges")).unwrap();
        },
    );
}

#[test]
fn a_link_to_the_folder_that_is_turned_is_noticed() {
    each_pace(
        |site| {
            other_folder(site, "v2");
            fs::rename(site.path("ranges"), site.path("v1")).unwrap();
            fs::create_dir(site.path("links")).unwrap();
            symlink("links/ranges", site.path("ranges")).unwrap();
            symlink("../v1", site.path("links/ranges")).unwrap();
        },
        |site| {
            // What `ln -sfn` does; the link that is replaced is two steps from the folder.
            symlink("../v2", site.path("links/tmp")).unwrap();
            fs::rename(site.path("links/tmp"), site.path("links/ranges")).unwrap();
        },
    );
}

#[test]
fn a_file_behind_a_link_is_noticed() {
    each_pace(
        |site| {
            fs::create_dir(site.path("store")).unwrap();
            fs::rename(site.path("ranges/sms.txt"), site.path("store/sms-list")).unwrap();
            symlink("../store/sms-list", site.path("ranges/sms.txt")).unwrap();
        },
        |site| site.write("store/sms-list", LONGER),
    );
}

/// `..data` points to the folder of a version; `sms.txt` always points to `..data/sms.txt`.
#[test]
fn a_kubernetes_config_map_swap_is_noticed() {
    each_pace(
        |site| {
            fs::remove_dir_all(site.path("ranges")).unwrap();
            fs::create_dir(site.path("ranges")).unwrap();
            other_folder(site, "ranges/..2026_01");
            site.write("ranges/..2026_01/sms.txt", "192.0.2.0/28\n");
            symlink("..2026_01", site.path("ranges/..data")).unwrap();
            for name in ["sms.txt", "voice.txt"] {
                symlink(format!("..data/{name}"), site.path("ranges").join(name)).unwrap();
            }
        },
        |site| {
            other_folder(site, "ranges/..2026_02");
            symlink("..2026_02", site.path("ranges/..data_tmp")).unwrap();
            fs::rename(site.path("ranges/..data_tmp"), site.path("ranges/..data")).unwrap();
            fs::remove_dir_all(site.path("ranges/..2026_01")).unwrap();
        },
    );
}

#[test]
fn a_changed_config_is_noticed_and_so_is_its_new_folder() {
    for pace in [EVENTS, POLL] {
        let site = Site::new();
        let running = run_looked(&site, pace);
        other_folder(&site, "other");
        site.write("config.new", &format!("{CONFIG}ranges: other\n"));
        fs::rename(site.path("config.new"), site.path("config.yaml")).unwrap();
        assert_eq!(running.next().changes[0], "ranges changed");
        assert!(running.admits("sms", "192.0.2.200"));
        site.write("other/voice.txt", "2001:db8::/32\n2001:db9::/32\n");
        assert_eq!(running.next().changes, ["list=voice added=1 removed=0"]);
    }
}

#[test]
fn a_deleted_list_stays_and_is_reported_once() {
    let site = Site::new();
    let running = run(&site, EVENTS);
    site.remove("ranges/sms.txt");
    let report = running.next();
    assert_eq!((report.cause, report.problems.len()), (Cause::Changed, 1));
    assert!(running.admits("sms", "192.0.2.1"));
    // The next report is that of the next change: polls that see the same failure make no report.
    site.list("voice", "2001:db8::/32\n2001:db9::/32\n");
    assert_eq!(running.next().changes, ["list=voice added=1 removed=0"]);
}

#[test]
fn a_failure_that_stays_is_reported_once_although_it_is_polled() {
    let site = Site::new();
    let running = run(&site, POLL);
    site.write("config.yaml", "not: good\n");
    assert!(!running.next().problems.is_empty());
    // 20 polls fit into this time; the next report must be the answer to the request.
    assert_eq!(running.reports.recv_timeout(Duration::from_millis(400)), Err(RecvTimeoutError::Timeout));
    assert_eq!(running.ask(Cause::Asked).cause, Cause::Asked);
    assert_eq!(running.next().cause, Cause::Asked);
}
