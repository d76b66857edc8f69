//! Reloads that somebody asks for.

use std::fs;

use crate::load::reload::tests::*;
use crate::load::testkit::{CONFIG, Site, first};

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
