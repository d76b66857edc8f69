//! Applications that misbehave at random, behind the real gate and random traffic.
//!
//! Each request has a token in its path, a right answer names it in a header, and the application writes down what it
//! completed. A sender that hears another's token heard another's answer; a `delivered` without a success that the
//! application completed for that request is a lie. A round is one gate and one application; at its end the
//! application behaves again while the senders go on without a pause, and every sender must hear right answers.

mod application;
mod ledger;
mod plan;
mod senders;
mod tally;

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use application::{Manner, Shared};
use plan::{DEADLINE, Kind};
use senders::{Heard, Pace, Sender, Tokens};
use tally::{Line, Tally};

use crate::dice::{self, Dice};
use crate::harness::{Gate, Setup, lines};

/// Requests of each sender after the faults have ended, of which the last so many must be right.
const AFTERWARDS: usize = 60;
const RIGHT_AT_LAST: usize = 30;
/// Answers to other requests that one fault may bring, however long the traffic goes on.
const MOST_FOR_A_FAULT: f64 = 2.0;

/// What the application and the senders of a round are like.
struct Round {
    /// Faults in a thousand requests.
    faults: usize,
    kind: fn(&mut Dice) -> Kind,
    /// How long a right answer takes, at least and at most, in milliseconds.
    takes: (u64, u64),
    senders: usize,
    /// The longest pause of a sender, in milliseconds.
    pause: u64,
}

/// Faults that are rare, in a thousand requests.
const RARE: usize = 3;

/// By turns. Faults that are rare show what one of them does to a gate that has no reason for distrust.
const ROUNDS: [Round; 8] = [
    Round { faults: 300, kind: Kind::of, takes: (0, 1), senders: 16, pause: 0 },
    Round { faults: RARE, kind: Kind::second_answer, takes: (2, 2), senders: 1, pause: 0 },
    Round { faults: 50, kind: Kind::of, takes: (0, 0), senders: 8, pause: 0 },
    Round { faults: 20, kind: Kind::of, takes: (0, 30), senders: 32, pause: 0 },
    Round { faults: 200, kind: Kind::of, takes: (0, 2), senders: 16, pause: 10 },
    Round { faults: RARE, kind: Kind::second_answer, takes: (10, 10), senders: 16, pause: 0 },
    Round { faults: 100, kind: Kind::of, takes: (0, 0), senders: 1, pause: 0 },
    Round { faults: 300, kind: Kind::second_answer, takes: (0, 2), senders: 16, pause: 3 },
];

fn gate(application: std::net::SocketAddr) -> Gate {
    let setup = Setup::new(&format!("http://{application}")).plainly();
    let log = setup.path().join("access.log");
    let deadline = DEADLINE.as_millis();
    setup
        .routes(&[&format!(r#"{{ path: "/*", webhook: generic, allow: [test], deadline: {deadline}ms }}"#)])
        .key("log", &format!("{{ format: json, level: info, access: {:?} }}", log.display().to_string()))
        .start()
}

/// What the log says, by token.
fn read_log(gate: Gate) -> HashMap<usize, Vec<Line>> {
    let setup = gate.finish().setup;
    let text = fs::read_to_string(setup.path().join("access.log")).expect("the access log");
    let mut log: HashMap<usize, Vec<Line>> = HashMap::new();
    for event in text.lines().map(lines::json) {
        let token = event["path"].as_str().and_then(|path| path.strip_prefix("/t/"));
        let token = token.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("whose line: {event}"));
        let status = event["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        log.entry(token).or_default().push(Line { delivered: event["delivered"] == true, status });
    }
    log
}

/// All senders until the numbers are used up, by sender.
async fn traffic(senders: Vec<Sender>, tokens: &Arc<Tokens>) -> Vec<(Sender, Vec<Heard>)> {
    let tasks: Vec<_> = senders
        .into_iter()
        .map(|mut sender| {
            let tokens = Arc::clone(tokens);
            tokio::spawn(async move {
                let heard = sender.ask_all(&tokens).await;
                (sender, heard)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.expect("a sender"));
    }
    all
}

/// Everything that the senders of one round heard; and what each heard at its very end.
async fn round(gate: &Gate, shared: &Shared, pace: Pace, requests: usize) -> (Vec<Heard>, Vec<Vec<Heard>>) {
    let tokens = Arc::new(Tokens { next: AtomicUsize::new(0), end: AtomicUsize::new(requests) });
    let sender =
        |number| Sender::new(gate.addr(), Dice::of(shared.manner.seed, 1 << 41 | number as u64), pace);
    let first = traffic((0..pace.senders).map(sender).collect(), &tokens).await;
    shared.faulty.store(false, Relaxed);
    let mut heard = Vec::new();
    let mut senders = Vec::new();
    for (sender, some) in first {
        heard.extend(some);
        senders.push(sender);
    }
    // Its own numbers for each sender: one that is slower has as many as the others.
    let tasks: Vec<_> = senders
        .into_iter()
        .enumerate()
        .map(|(number, mut sender)| {
            let from = 2 * requests + number * AFTERWARDS;
            tokio::spawn(async move {
                let mut heard = Vec::new();
                for token in from..from + AFTERWARDS {
                    heard.push(sender.ask(token).await);
                }
                heard
            })
        })
        .collect();
    let mut last = Vec::new();
    for task in tasks {
        let some = task.await.expect("a sender");
        heard.extend(&some);
        last.push(some[AFTERWARDS - RIGHT_AT_LAST..].to_vec());
    }
    (heard, last)
}

#[test]
#[ignore = "minutes: make test-long, make oracles"]
fn answers_of_a_misbehaving_application_are_not_mixed_up() {
    let seed = dice::seed();
    let wanted = dice::size(3_000, 100_000);
    let requests = dice::size(4_000, 20_000);
    let mut tally = Tally::default();
    let mut unhealed = Vec::new();
    for number in 0.. {
        if tally.faults() >= wanted {
            break;
        }
        let Round { faults, kind, takes, senders, pause } = ROUNDS[number % ROUNDS.len()];
        let manner = Manner {
            seed: Dice::of(seed, number as u64).next(),
            faults,
            kind,
            takes: (Duration::from_millis(takes.0), Duration::from_millis(takes.1)),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (address, shared) = runtime.block_on(application::start(manner));
        let gate = gate(address);
        let webhooks = faults == RARE;
        let pace = Pace { senders, pause: Duration::from_millis(pause), webhooks };
        let (heard, last) = runtime.block_on(round(&gate, &shared, pace, requests));
        let log = read_log(gate);
        runtime.shutdown_background();
        let pages = shared.ledger.pages();
        let before = (tally.wrong.count(), tally.false_delivered.count(), tally.faults());
        tally.judge(&pages, &heard, &log);
        let is_wrong = |one: &&Heard| one.named.is_some_and(|named| named != one.token);
        let wrong = last.iter().flatten().filter(is_wrong).count();
        if wrong > 0 {
            unhealed.push(format!("round {number}: {wrong} of the last {}", last.len() * RIGHT_AT_LAST));
        }
        eprintln!(
            "round {number}, {faults} faults in 1,000, answers in {takes:?} ms, {senders} senders, pause {pause} ms: {} faults, {} answers to another request, {} false `delivered`",
            tally.faults() - before.2,
            tally.wrong.count() - before.0,
            tally.false_delivered.count() - before.1,
        );
    }
    eprintln!("answers oracle, NEXMO_GATE_ORACLE_SEED={seed}\n{tally}");
    assert!(unhealed.is_empty(), "answers are mixed up after the faults have ended: {unhealed:?}");
    assert_eq!(tally.disagreed.count(), 0, "the log and the senders do not say the same");
    assert_eq!(tally.false_delivered.count(), 0, "`delivered` without a success that was completed");
    assert!(tally.most_for_a_fault <= MOST_FOR_A_FAULT, "one fault made {} wrong", tally.most_for_a_fault);
}
