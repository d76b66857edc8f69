use crate::load::reload::mpsc::{Receiver, RecvTimeoutError};
use crate::load::reload::worker::initiator;
use crate::state::report;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::files::settle::Notice;
use crate::load::reload::*;
use crate::load::testkit::{CONFIG, Site, first};

/// Far longer than any reload takes; only a failing test waits that long.
const LONG: Duration = Duration::from_secs(60);
const NEVER: Duration = Duration::from_secs(100_000);

/// Only events can notice a change within the time of a test.
const EVENTS: Pace = Pace { debounce: Duration::from_millis(20), poll: NEVER, notice: Notice::Events };
/// Only the poll can notice a change.
const POLL: Pace =
    Pace { debounce: Duration::from_millis(20), poll: Duration::from_millis(20), notice: Notice::Poll };
/// Nothing notices a change; a reload happens only on request.
const ASKED: Pace = Pace { debounce: NEVER, poll: NEVER, notice: Notice::Poll };

struct Running {
    reloader: Reloader,
    store: Arc<Store>,
    reports: Receiver<Arc<Report>>,
}

fn run(site: &Site, pace: Pace) -> Running {
    let mut loader = site.loader();
    let store = Arc::new(Store::new(first(&mut loader)));
    let (sender, reports) = channel();
    let send_report = move |report: &Arc<Report>| drop(sender.send(Arc::clone(report)));
    let reloader = Reloader::start(loader, Arc::clone(&store), pace, |_| Vec::new(), send_report).unwrap();
    Running { reloader, store, reports }
}

impl Running {
    fn ask(&self, cause: Cause) -> Arc<Report> {
        block_on(self.reloader.reload(cause))
    }

    fn next(&self) -> Arc<Report> {
        self.reports.recv_timeout(LONG).expect("no reload came")
    }

    fn admits(&self, list: &str, ip: &str) -> bool {
        let address = crate::policy::address::addr::Address::new(ip.parse().unwrap());
        self.store.load().lists[list].ranges.set().contains(address)
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn a_reload_publishes_once_and_says_what_changed() {
    let site = Site::new();
    let running = run(&site, ASKED);
    assert!(running.store.last_reload().is_none());
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n198.51.100.16/28\n192.0.2.128/28\n");
    let report = running.ask(Cause::Signal);
    assert_eq!(report.changes, ["list=sms added=2 removed=1"]);
    assert_eq!((report.generation, report.published, report.cause), (2, true, Cause::Signal));
    assert_eq!(running.store.load().generation, 2);
    assert_eq!(running.store.last_reload(), Some(report));
    let report = running.ask(Cause::Asked);
    assert_eq!((report.generation, report.published), (2, false));
    assert_eq!(running.store.load().generation, 2);
}

#[test]
fn a_failed_reload_changes_nothing_and_reports_every_problem() {
    let site = Site::new();
    let running = run(&site, ASKED);
    let before = running.store.load();
    site.write("config.yaml", &format!("{CONFIG}lisen: 1\n"));
    site.list("sms", "192.0.2.\n");
    site.list("voice", "2001:db9::/32\n");
    let report = running.ask(Cause::Asked);
    assert_eq!((report.published, report.problems.len()), (false, 2));
    assert!(Arc::ptr_eq(&before, &running.store.load()));
    assert_eq!(running.store.last_reload(), Some(report));
}

#[test]
fn a_broken_list_is_a_problem_although_the_rest_is_published() {
    let site = Site::new();
    let running = run(&site, ASKED);
    site.list("sms", "192.0.2.\n");
    site.list("voice", "2001:db9::/32\n");
    let report = running.ask(Cause::Asked);
    assert_eq!((report.published, report.problems.len()), (true, 1));
    assert!(running.admits("sms", "192.0.2.1") && running.admits("voice", "2001:db9::1"));
}

#[test]
fn requests_that_wait_together_are_answered_together() {
    let site = Site::new();
    let mut loader = site.loader();
    let store = Arc::new(Store::new(first(&mut loader)));
    let (begun, first_runs) = channel();
    let (release, gate) = channel::<()>();
    let hold = move |_: &Arc<Report>| {
        begun.send(()).unwrap();
        gate.recv_timeout(LONG).unwrap();
    };
    let reloader = Reloader::start(loader, Arc::clone(&store), ASKED, |_| Vec::new(), hold).unwrap();
    let reports = block_on(async {
        let ask = |cause| {
            let reloader = reloader.clone();
            tokio::spawn(async move { reloader.reload(cause).await })
        };
        let alone = ask(Cause::Asked);
        tokio::task::yield_now().await;
        first_runs.recv_timeout(LONG).unwrap();
        // The first reload has read the files; the next one must see this change.
        site.list("voice", "2001:db9::/32\n");
        let waiting = [ask(Cause::Changed), ask(Cause::Signal), ask(Cause::Asked)];
        tokio::task::yield_now().await;
        release.send(()).unwrap();
        release.send(()).unwrap();
        let alone = alone.await.unwrap();
        let mut together = Vec::new();
        for one in waiting {
            together.push(one.await.unwrap());
        }
        (alone, together)
    });
    let (alone, together) = reports;
    assert!(!alone.published);
    assert!(together[0].published && together.iter().all(|one| Arc::ptr_eq(one, &together[0])));
    assert_eq!(together[0].cause, Cause::Signal, "a manual reload weighs more than a poll");
    assert_eq!(store.load().generation, 2);
}

#[test]
fn after_the_end_a_reload_is_refused() {
    let site = Site::new();
    let running = run(&site, ASKED);
    running.reloader.stop();
    let report = running.ask(Cause::Asked);
    assert_eq!(report.problems[0].to_string(), "nothing was reloaded: the reload thread has ended");
    assert_eq!((report.published, report.generation), (false, 1));
    running.reloader.stop();
}

/// A reload that blocks until the latch is dropped, as a file system that does not answer would block it.
fn stuck(site: &Site) -> (Reloader, mpsc::Sender<()>) {
    let mut loader = site.loader();
    let store = Arc::new(Store::new(first(&mut loader)));
    let (begun, first_runs) = channel();
    let (latch, opened) = channel::<()>();
    let hold = move |_: &Arc<Report>| {
        let _ = begun.send(());
        let _ = opened.recv();
    };
    let reloader = Reloader::start(loader, store, ASKED, |_| Vec::new(), hold).unwrap();
    assert_eq!(
        health_but(&reloader, |health| matches!(health, ReloaderHealth::Busy(_))),
        ReloaderHealth::Alive
    );
    let asking = reloader.clone();
    // Nobody waits for the answer.
    thread::spawn(move || block_on(asking.reload_within(Cause::Asked, Duration::ZERO))).join().unwrap();
    first_runs.recv_timeout(LONG).unwrap();
    (reloader, latch)
}

/// The first health that `passing` does not accept.
fn health_but(reloader: &Reloader, passing: impl Fn(ReloaderHealth) -> bool) -> ReloaderHealth {
    let deadline = Instant::now() + LONG;
    loop {
        let health = reloader.health();
        if !passing(health) || Instant::now() > deadline {
            return health;
        }
        thread::yield_now();
    }
}

#[test]
fn the_end_does_not_wait_for_a_file_system_that_does_not_answer() {
    let site = Site::new();
    let (reloader, latch) = stuck(&site);
    let (done, ended) = channel();
    let stopping = reloader.clone();
    thread::spawn(move || {
        stopping.stop();
        let _ = done.send(());
    });
    assert_eq!(ended.recv_timeout(END_WITHIN * 10), Ok(()), "it waits for the thread");
    assert!(matches!(reloader.health(), ReloaderHealth::Busy(_)));
    drop(latch);
    let working = |health| matches!(health, ReloaderHealth::Busy(_) | ReloaderHealth::Alive);
    assert_eq!(health_but(&reloader, working), ReloaderHealth::Dead);
}

#[test]
fn a_caller_learns_that_the_reload_under_way_does_not_end() {
    let site = Site::new();
    let (reloader, latch) = stuck(&site);
    let ask = || block_on(reloader.reload_within(Cause::Asked, Duration::from_millis(20)));
    let message = |report: &Report| report.problems[0].to_string();
    let answer = message(&ask());
    assert!(answer.starts_with("not loaded yet: the reload thread has been at work for "), "{answer}");
    // The queue is bounded, even if callers stop waiting.
    let answers: Vec<String> = (0..2 * QUEUE)
        .map(|_| message(&block_on(reloader.reload_within(Cause::Asked, Duration::ZERO))))
        .collect();
    let full = answers.iter().filter(|answer| answer.starts_with("too many wait for a reload")).count();
    assert_eq!(full, QUEUE + 1);
    drop(latch);
    assert_eq!(
        health_but(&reloader, |health| matches!(health, ReloaderHealth::Busy(_))),
        ReloaderHealth::Alive
    );
    assert_eq!(block_on(reloader.reload(Cause::Asked)).problems, []);
}

#[test]
fn a_thread_that_has_ended_differs_from_one_that_waits() {
    let site = Site::new();
    let running = run(&site, ASKED);
    running.ask(Cause::Asked);
    assert_eq!(
        health_but(&running.reloader, |health| matches!(health, ReloaderHealth::Busy(_))),
        ReloaderHealth::Alive
    );
    running.reloader.stop();
    assert_eq!(running.reloader.health(), ReloaderHealth::Dead);
}

#[test]
fn the_thread_ends_with_its_last_handle() {
    let site = Site::new();
    let Running { reloader, reports, .. } = run(&site, EVENTS);
    drop(reloader.clone());
    assert_eq!(reports.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(reloader);
    assert_eq!(reports.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
}

/// Asserts that a replaced list is noticed at this pace.
fn notices(site: &Site, pace: Pace, replace: impl FnOnce(&Site)) {
    let running = run(site, pace);
    // Without this reload, the first poll would find the change by comparing, without an event.
    running.ask(Cause::Asked);
    running.next();
    replace(site);
    let report = running.next();
    assert_eq!((report.cause, report.published), (Cause::Changed, true), "{report:?}");
    assert!(running.admits("sms", "192.0.2.200"), "{report:?}");
}

/// The tests of events and polls are valid only because this holds.
#[test]
fn without_events_and_polls_nothing_is_noticed() {
    let site = Site::new();
    let running = run(&site, Pace { poll: NEVER, ..POLL });
    running.ask(Cause::Asked);
    running.next();
    site.list("sms", LONGER);
    assert_eq!(running.reports.recv_timeout(Duration::from_millis(500)), Err(RecvTimeoutError::Timeout));
}

const LONGER: &str = "192.0.2.0/28\n198.51.100.0/28\n203.0.113.0/28\n192.0.2.192/27\n";

fn each_pace(arrange: impl Fn(&Site), replace: impl Fn(&Site)) {
    for pace in [EVENTS, POLL] {
        let site = Site::new();
        arrange(&site);
        notices(&site, pace, &replace);
    }
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

fn other_folder(site: &Site, name: &str) {
    fs::create_dir(site.path(name)).unwrap();
    site.write(&format!("{name}/sms.txt"), LONGER);
    site.write(&format!("{name}/voice.txt"), "2001:db8::/32\n");
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
        let running = run(&site, pace);
        running.ask(Cause::Asked);
        running.next();
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

#[test]
fn a_change_that_removes_too_much_is_held_until_a_person_asks() {
    let site = Site::new();
    let running = run(&site, EVENTS);
    site.list("sms", "192.0.2.0/28\n");
    let report = running.next();
    assert_eq!(report.held, ["list=sms would lose 2 of 3 prefixes"]);
    assert_eq!((report.published, report.generation, report.problems.len()), (false, 1, 0));
    assert!(running.admits("sms", "203.0.113.1"));
    // Another list's change is loaded, and the hold goes on.
    site.list("voice", "2001:db8::/32\n2001:db9::/32\n");
    let report = running.next();
    assert_eq!((report.changes.len(), report.held.len()), (1, 1));
    let report = running.ask(Cause::Asked);
    assert_eq!(
        (report.changes.as_slice(), report.held.len()),
        (["list=sms added=0 removed=2".to_owned()].as_slice(), 0)
    );
    assert!(!running.admits("sms", "203.0.113.1"));
}

/// The config of a site with three routes, and with every part that a cut can remove.
const WHOLE: &str = "\
listen: [{ address: \"127.0.0.1:8080\" }]
upstream: \"http://127.0.0.1:3000\"
deny: hide
routes:
  - { path: /sms, webhook: sms-inbound, allow: [sms] }
  - { path: /call/*, webhook: voice-answer, allow: [voice, sms] }
  - { path: /more, webhook: generic, allow: [sms] }
limits:
  max_body: 64KiB
  max_head: 8KiB
";

/// A change of `config.yaml` that the watcher notices.
fn noticed(from: &str, to: &str) -> (Site, Running, Arc<Report>) {
    let site = Site::new();
    // A config without routes allows this list by default.
    site.list("messages", "192.0.2.77\n");
    site.write("config.yaml", from);
    let running = run(&site, EVENTS);
    running.ask(Cause::Asked);
    running.next();
    site.write("config.new", to);
    fs::rename(site.path("config.new"), site.path("config.yaml")).unwrap();
    let report = running.next();
    (site, running, report)
}

#[test]
fn a_config_that_lost_what_stood_there_is_held_whole_until_a_person_asks() {
    for (to, why) in [
        (WHOLE.replace("deny: hide\n", ""), "would lose deny"),
        (WHOLE.replace("deny: hide\n", "# deny: hide\nmode: observe\n"), "would lose deny"),
        (
            WHOLE.split("routes:").next().unwrap().to_owned(),
            "would lose routes, limits, and ends after the first 3 lines of",
        ),
        (WHOLE.replace("  max_body: 64KiB\n  max_head: 8KiB\n", ""), "would lose limits, and "),
        (WHOLE.replace("  max_head: 8KiB\n", ""), "ends after the first 9 lines of"),
        (
            format!("{}x", WHOLE.replace("hide", "drop").trim_end()).replace("8KiBx", "8KiB"),
            "ends without a newline",
        ),
        (
            WHOLE.split("  - { path: /call").next().unwrap().to_owned() + "limits: { max_body: 64KiB }\n",
            "would lose 2 of 3 routes",
        ),
    ] {
        let (site, running, report) = noticed(WHOLE, &to);
        assert_eq!((report.published, report.problems.len(), report.held.len()), (false, 0, 1), "{report:?}");
        let message = site.plain(report.held.iter().cloned()).remove(0);
        assert!(message.starts_with(&format!("config.yaml {why}")), "{message}");
        // The lists of the config in use are still loaded.
        site.list("voice", "2001:db8::/32\n2001:db9::/32\n");
        let report = running.next();
        assert_eq!(
            (report.changes.as_slice(), report.held.len()),
            (["list=voice added=1 removed=0".to_owned()].as_slice(), 1),
            "{to}"
        );
        let snapshot = running.store.load();
        assert_eq!((snapshot.config.routes.len(), snapshot.config.limits.max_head), (3, 8192), "{to}");
        let report = running.ask(Cause::Asked);
        assert_eq!((report.published, report.held.len(), report.problems.len()), (true, 0, 0), "{to}");
        assert_ne!(running.store.load().config, snapshot.config);
    }
}

#[test]
fn a_config_that_a_person_edited_is_live_by_itself() {
    for to in [
        WHOLE.replace("deny: hide", "deny: retry"),
        WHOLE.replace("deny: hide", "deny: hide\nmode: observe"),
        WHOLE.replace("  - { path: /more, webhook: generic, allow: [sms] }\n", ""),
        WHOLE.replace("/sms,", "/texts,").replace("/more,", "/less,"),
        WHOLE.replace("  max_body: 64KiB\n", ""),
        format!("# words\n{WHOLE}drain: {{ delay: 1s }}\n"),
    ] {
        let (_site, _running, report) = noticed(WHOLE, &to);
        assert_eq!((report.published, report.problems.len(), report.held.len()), (true, 0, 0), "{to}");
    }
    // A small config with one route.
    let one = "upstream: \"http://127.0.0.1:3000\"\nroutes:\n  - { path: /a, allow: [sms] }\n";
    let (_site, _running, report) = noticed(one, &one.replace("/a", "/b"));
    assert_eq!((report.published, report.held.len()), (true, 0));
}

/// A lost comment or newline changes no meaning; the next edit is compared with the text that was read last.
#[test]
fn a_config_that_means_the_same_is_not_held() {
    let with_tail = format!("{WHOLE}# the end\n");
    let (_site, _running, report) = noticed(&with_tail, WHOLE.trim_end());
    assert_eq!((report.published, report.held.len()), (false, 0));
}

#[test]
fn the_folder_and_the_certificates_of_a_held_config_are_not_looked_at() {
    let (site, running, report) = {
        let from = format!("{WHOLE}ranges: other\n");
        let site = Site::new();
        other_folder(&site, "other");
        site.write("config.yaml", &from);
        let running = run(&site, EVENTS);
        running.ask(Cause::Asked);
        running.next();
        site.write("config.yaml", WHOLE);
        let report = running.next();
        (site, running, report)
    };
    let message = site.plain(report.held.iter().cloned());
    assert!(message[0].starts_with("config.yaml would lose ranges"), "{message:?}");
    site.write("other/voice.txt", "2001:db8::/32\n2001:db9::/32\n");
    assert_eq!(running.next().changes, ["list=voice added=1 removed=0"]);
    assert!(running.admits("sms", "192.0.2.200"));
}

#[test]
fn a_list_that_grows_out_of_all_proportion_is_held_and_an_ordinary_addition_is_not() {
    let site = Site::new();
    let running = run(&site, EVENTS);
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n203.0.113.0/28\n10.1.0.0/18\n");
    assert_eq!(running.next().changes, ["list=sms added=1 removed=0"]);
    site.list("sms", "192.0.2.0/28\n198.51.100.0/28\n203.0.0.0/8\n10.1.0.0/18\n");
    let report = running.next();
    assert!(
        report.held[0].starts_with("list=sms would grow from 48 to 16793632 IPv4 addresses"),
        "{report:?}"
    );
    assert!(!running.admits("sms", "203.1.2.3") && running.admits("sms", "10.1.0.1"));
    assert!(running.ask(Cause::Signal).published);
    assert!(running.admits("sms", "203.1.2.3"));
}

#[test]
fn removals_in_many_steps_are_held_where_one_step_would_be() {
    let site = Site::new();
    let list = |length: usize| {
        site.list("sms", &(0..length).map(|n| format!("192.0.2.{}\n", 2 * n)).collect::<String>());
    };
    list(100);
    let running = run(&site, EVENTS);
    let mut length = 100;
    while length > 50 {
        length -= 10;
        list(length);
        assert_eq!(running.next().changes, ["list=sms added=0 removed=10"], "{length}");
    }
    list(40);
    assert_eq!(running.next().held, ["list=sms would lose 60 of 100 prefixes in several steps"]);
    assert!(running.admits("sms", "192.0.2.98"));
    // A removed entry that was approved may come back unasked, and a manual reload sets the new reference.
    list(100);
    assert_eq!(running.next().changes, ["list=sms added=50 removed=0"]);
    list(40);
    assert_eq!(running.next().held.len(), 1);
    assert!(running.ask(Cause::Asked).published && running.next().published);
    list(20);
    assert_eq!(running.next().changes, ["list=sms added=0 removed=20"]);
}

#[test]
fn what_was_published_is_kept_over_a_restart() {
    let site = Site::new();
    fs::create_dir(site.path("state")).unwrap();
    site.write("config.yaml", &format!("{CONFIG}state: state\n"));
    let running = run(&site, ASKED);
    site.list("sms", LONGER);
    assert_eq!(running.ask(Cause::Asked).warnings, []);
    running.reloader.stop();
    site.list("sms", "192.0.2.\n");
    let restarted = run(&site, ASKED);
    assert!(restarted.admits("sms", "192.0.2.200") && restarted.store.load().lists["sms"].last_good);
}

#[test]
fn a_state_folder_that_is_missing_is_a_warning_and_no_failure() {
    let site = Site::new();
    site.write("config.yaml", &format!("{CONFIG}state: nowhere\n"));
    let running = run(&site, ASKED);
    site.list("sms", LONGER);
    let report = running.ask(Cause::Asked);
    assert_eq!((report.published, report.problems.len(), report.warnings.len()), (true, 0, 1));
}

/// What is logged while `run` runs, each line as JSON.
fn logged(run: impl FnOnce()) -> Vec<serde_json::Value> {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, run);
    let bytes = lines.0.lock().unwrap().clone();
    bytes
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect()
}

fn report() -> Report {
    Report::new(Cause::Asked, 3)
}

#[test]
fn each_outcome_has_its_line_in_the_log() {
    let site = Site::new();
    let snapshot = first(&mut site.loader());
    let line = |report: Report| {
        let lines = logged(|| report::log(&report, &snapshot));
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().next().unwrap()
    };

    let changes = vec!["routes changed".to_owned(), "list=sms added=2 removed=1".to_owned()];
    let seen = line(Report { published: true, changes, ..report() });
    assert_eq!((&seen["level"], &seen["message"]), (&"INFO".into(), &"reloaded".into()));
    assert_eq!((&seen["generation"], &seen["cause"]), (&3.into(), &"asked".into()));
    assert_eq!(seen["changes"], "routes changed; list=sms added=2 removed=1");
    assert_eq!((&seen["lists"], &seen["prefixes"]), (&2.into(), &4.into()));

    let seen = line(report());
    assert_eq!((&seen["level"], &seen["message"]), (&"INFO".into(), &"reload: nothing changed".into()));

    let problems = (1..=21).map(|n| Problem::new(format!("a.txt:{n}"), "bad")).collect();
    let seen = line(Report { problems, ..report() });
    assert_eq!((&seen["level"], &seen["message"]), (&"ERROR".into(), &"reload failed".into()));
    assert_eq!(seen["count"], 21);
    let message = seen["problems"].as_str().unwrap();
    assert!(
        message.starts_with("a.txt:1: bad; a.txt:2: bad; ") && message.ends_with("a.txt:20: bad; and 1 more"),
        "{message}"
    );
}

#[test]
fn a_report_may_need_two_lines() {
    let site = Site::new();
    let snapshot = first(&mut site.loader());
    let messages = |report: Report| -> Vec<String> {
        logged(|| report::log(&report, &snapshot))
            .iter()
            .map(|l| l["message"].as_str().unwrap().to_owned())
            .collect()
    };
    let problems = vec![Problem::new("a.txt:1", "bad")];
    assert_eq!(messages(Report { published: true, problems, ..report() }), ["reloaded", "reload failed"]);
    let needs_restart = vec!["listen: needs a restart".to_owned(), "log.level: needs a restart".to_owned()];
    let both = Report { needs_restart, ..report() };
    assert_eq!(messages(both.clone()), ["reload: nothing changed", "needs a restart"]);
    let lines = logged(|| report::log(&both, &snapshot));
    assert_eq!((&lines[1]["level"], &lines[1]["keys"]), (&"WARN".into(), &"listen, log.level".into()));
    let held = vec!["list=sms would lose 2 of 3 prefixes".to_owned()];
    assert_eq!(messages(Report { held, ..report() }), [""; 0]);
}

#[test]
fn a_hold_is_logged_once_per_change() {
    let site = Site::new();
    let mut loader = site.loader();
    let store = Arc::new(Store::new(first(&mut loader)));
    let mut worker = Worker {
        loader,
        store,
        keep: LastGoodStore::new(None),
        watch: Watch::new(ASKED, |_| ()),
        settle: Settle::new(ASKED, Instant::now()),
        also_reload: Box::new(|_| Vec::new()),
        on_report: Box::new(|_| {}),
        held: BTreeMap::new(),
        expiry_warned: Instant::now(),
    };
    let mut reload = |cause| {
        logged(|| {
            let look = worker.loader.view_for(initiator(cause), Instant::now());
            worker.reload(cause, &look);
        })
        .into_iter()
        .filter(|line| line["message"] == "reload held")
        .collect::<Vec<_>>()
    };
    site.list("sms", "192.0.2.0/28\n");
    let lines = reload(Cause::Changed);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["level"], &lines[0]["list"], &lines[0]["why"]),
        (&"WARN".into(), &"sms".into(), &"would lose 2 of 3 prefixes".into())
    );
    assert!(lines[0]["hint"].as_str().unwrap().contains("`nexmo-gate reload`"));
    assert_eq!(reload(Cause::Changed).len(), 0, "the same bytes");
    site.list("sms", "192.0.2.16/28\n");
    assert_eq!(reload(Cause::Changed).len(), 1, "other bytes");
    assert_eq!(reload(Cause::Signal).len(), 0, "a manual reload loads them");
}
