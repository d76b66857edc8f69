//! What a report becomes in the log.

use std::io::{self, Write};

use crate::load::reload::tests::*;
use crate::load::reload::worker::initiator;
use crate::load::testkit::{Site, first};
use crate::state::report;

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
        lookout: Lookout::default(),
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
