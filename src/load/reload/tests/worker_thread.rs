//! The life of the thread: stuck, busy, ended.

use std::sync::mpsc::{RecvTimeoutError, channel};

use crate::load::reload::tests::*;
use crate::load::testkit::{Site, first};

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
    assert_eq!(health_when_idle(&reloader), ReloaderHealth::Alive);
    let asking = reloader.clone();
    // Nobody waits for the answer.
    thread::spawn(move || block_on(asking.reload_within(Cause::Asked, Duration::ZERO))).join().unwrap();
    first_runs.recv_timeout(LONG).unwrap();
    (reloader, latch)
}

/// The health once the thread is not at work any more.
fn health_when_idle(reloader: &Reloader) -> ReloaderHealth {
    health_but(reloader, |health| matches!(health, ReloaderHealth::Busy(_)))
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
fn a_caller_learns_that_the_running_reload_does_not_end() {
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
    assert_eq!(health_when_idle(&reloader), ReloaderHealth::Alive);
    assert_eq!(block_on(reloader.reload(Cause::Asked)).problems, []);
}

#[test]
fn an_ended_thread_is_distinguished_from_a_waiting_one() {
    let site = Site::new();
    let running = run(&site, ASKED);
    running.ask(Cause::Asked);
    assert_eq!(health_when_idle(&running.reloader), ReloaderHealth::Alive);
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
