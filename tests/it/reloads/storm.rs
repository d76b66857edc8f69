//! A hundred reloads a second under traffic: no wrong verdict, no error, no growth.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{ADMITTED, Gate, STRANGER, Setup, Signal, Upstream, get};

/// In the list only half of the time; every verdict about it is right at some moment.
const FLICKERING: &str = "127.0.0.5";

fn seconds() -> f64 {
    std::env::var("NEXMO_GATE_STORM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3.0)
}

/// Asks from one address until told to stop: how many verdicts, how many of them not allowed here.
fn traffic(
    gate: &Gate,
    from: &str,
    allowed: &[u16],
    stop: &AtomicBool,
    asked: &AtomicUsize,
) -> (usize, Vec<String>) {
    let mut session = gate.session(from);
    let (mut count, mut wrong) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        match session.try_ask(&get("/hook")) {
            Ok(reply) if allowed.contains(&reply.status) => {}
            Ok(reply) => wrong.push(format!("{from}: {}", reply.status)),
            Err(cut) => wrong.push(format!("{from}: {cut:?}")),
        }
        count += 1;
        asked.fetch_add(1, Ordering::Relaxed);
    }
    (count, wrong)
}

#[test]
fn a_storm_of_reloads_causes_no_wrong_verdict_error_or_growth() {
    let upstream = Upstream::echo();
    let gate = Setup::new(upstream.url())
        .without_tls()
        .key("log", r#"{ format: json, level: info, access: "off" }"#)
        .start();
    let stop = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let lasting = Duration::from_secs_f64(seconds());

    let (triggers, base, rows) = thread::scope(|scope| {
        let senders: Vec<_> = [
            (ADMITTED, &[200][..]),
            (ADMITTED, &[200]),
            (STRANGER, &[403]),
            (STRANGER, &[403]),
            (FLICKERING, &[200, 403, 503]),
        ]
        .into_iter()
        .map(|(from, allowed)| {
            let (gate, stop, asked) = (&gate, &stop, &asked);
            scope.spawn(move || (from, traffic(gate, from, allowed, stop, asked)))
        })
        .collect();
        let (triggers, base) = storm(&gate, lasting);
        stop.store(true, Ordering::Relaxed);
        (
            triggers,
            base,
            senders.into_iter().map(|sender| sender.join().expect("a sender")).collect::<Vec<_>>(),
        )
    });

    for (from, (count, wrong)) in &rows {
        assert!(*count > 20, "{from}: only {count} requests");
        assert!(wrong.is_empty(), "{from}: {} of {count} wrong, first {:?}", wrong.len(), wrong.first());
    }
    let (status, answer) = gate.reload();
    assert_eq!(status, 200, "{answer}");
    let generation = answer["generation"].as_u64().expect("generation");
    let (after, now_threads) = (gate.usage().resident_kib, gate.usage().threads);
    eprintln!(
        "reload storm: {triggers} triggers, generation {generation}, {} requests, RSS {} -> {after} KiB, threads {} -> {now_threads}",
        asked.load(Ordering::Relaxed),
        base.0,
        base.1
    );
    assert!(
        generation >= triggers / 10,
        "the reloads really happened: generation {generation} after {triggers} triggers"
    );
    assert!(after <= base.0 + base.0 / 4 + 4096, "resident memory grew from {} to {after} KiB", base.0);
    assert!(now_threads <= base.1 + 2, "threads grew from {} to {now_threads}", base.1);
}

/// Triggers a reload every 10 ms, a HUP and a rename by turns; gives the number of triggers, and resident memory and
/// threads after the first third.
fn storm(gate: &Gate, lasting: Duration) -> (u64, (u64, usize)) {
    let file = gate.setup.path().join("ranges/test.txt");
    let temporary = file.with_extension("new");
    // Nobody ever sends: this is the pace of the storm itself.
    let (_never, pace) = channel::<()>();
    let begin = Instant::now();
    let (mut triggers, mut base) = (0, None);
    while begin.elapsed() < lasting {
        if triggers % 2 == 0 {
            let extra = if triggers % 4 == 0 { format!("{FLICKERING}/32\n") } else { String::new() };
            fs::write(&temporary, format!("{ADMITTED}/32\n127.0.1.0/24\n{extra}")).expect("write");
            fs::rename(&temporary, &file).expect("rename");
        } else {
            gate.signal(Signal::SIGHUP);
        }
        triggers += 1;
        if base.is_none() && begin.elapsed() > lasting / 3 {
            base = Some((gate.usage().resident_kib, gate.usage().threads));
        }
        // By the clock and not from trigger to trigger, so that the rate holds on a busy machine.
        let due = Duration::from_millis(10 * triggers);
        let left = due.saturating_sub(begin.elapsed());
        assert_eq!(pace.recv_timeout(left), Err(RecvTimeoutError::Timeout));
    }
    (triggers, base.expect("the storm lasts"))
}
