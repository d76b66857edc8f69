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
use senders::{Heard, IN_A_ROW, Pace, Sender, Tokens, token_of};
use tally::{Line, Tally};

use crate::dice::{self, Dice};
use crate::harness::gate::lines;
use crate::harness::{Gate, Setup};

/// Requests of each sender after the faults have ended, of which the last so many must be right.
const AFTERWARDS: usize = 150;
const RIGHT_AT_LAST: usize = 30;
/// What the applications and the senders of a round are like.
struct Round {
    /// Faults in a thousand requests.
    faults: usize,
    /// How long a right answer takes, at least and at most, in milliseconds.
    takes: (u64, u64),
    senders: usize,
    /// The longest pause of a sender, in milliseconds.
    pause: u64,
}

/// One application with all its faults, by turns.
const NOTORIOUS: [Round; 5] = [
    Round { faults: 300, takes: (0, 1), senders: 16, pause: 0 },
    Round { faults: 50, takes: (0, 0), senders: 8, pause: 0 },
    Round { faults: 20, takes: (0, 30), senders: 32, pause: 0 },
    Round { faults: 200, takes: (0, 2), senders: 16, pause: 10 },
    Round { faults: 100, takes: (0, 0), senders: 1, pause: 0 },
];

/// Many applications one after the other, that answer twice hardly more than once each: what a fault does to a gate
/// that has no reason for distrust yet.
const TRUSTED: [Round; 4] = [
    Round { faults: 6, takes: (2, 2), senders: 4, pause: 0 },
    Round { faults: 6, takes: (0, 30), senders: 32, pause: 0 },
    Round { faults: 6, takes: (0, 0), senders: 8, pause: 3 },
    Round { faults: 6, takes: (10, 10), senders: 16, pause: 0 },
];

fn gate(applications: &[std::net::SocketAddr]) -> Gate {
    let setup = Setup::new("http://127.0.0.1:1").plainly();
    let log = setup.path().join("access.log").display().to_string();
    let deadline = DEADLINE.as_millis();
    let route = |(number, address)| {
        format!(
            "{{ path: \"/{number}/*\", webhook: generic, allow: [test], deadline: {deadline}ms, upstream: \"http://{address}\" }}"
        )
    };
    let routes: Vec<String> = applications.iter().enumerate().map(route).collect();
    setup
        .routes(&routes.iter().map(String::as_str).collect::<Vec<_>>())
        .key("log", &format!("{{ format: json, level: info, access: {log:?} }}"))
        .start()
}

/// What the log says, by token.
fn read_log(gate: Gate) -> HashMap<usize, Vec<Line>> {
    let setup = gate.finish().setup;
    let text = fs::read_to_string(setup.path().join("access.log")).expect("the access log");
    let mut log: HashMap<usize, Vec<Line>> = HashMap::new();
    for event in text.lines().map(lines::json) {
        let token = event["path"].as_str().and_then(token_of);
        let token = token.unwrap_or_else(|| panic!("whose line: {event}"));
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

impl Round {
    /// Runs it, and gives how many of the last answers were not right.
    fn run(
        &self,
        seed: u64,
        requests: usize,
        kind: fn(&mut Dice) -> Kind,
        endpoints: usize,
        tally: &mut Tally,
    ) -> usize {
        let Self { faults, takes, senders, pause } = *self;
        let takes = (Duration::from_millis(takes.0), Duration::from_millis(takes.1));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let manner = Manner { seed, faults, kind, takes };
        let (addresses, shared) = runtime.block_on(application::start(manner, endpoints));
        let gate = gate(&addresses);
        let pause = Duration::from_millis(pause);
        let pace = Pace { senders, pause, endpoints, webhooks: endpoints > 1 };
        let (heard, last) = runtime.block_on(round(&gate, &shared, pace, requests));
        let log = read_log(gate);
        runtime.shutdown_background();
        let before = (tally.wrong.count(), tally.false_delivered.count(), tally.faults());
        tally.judge(&shared.ledger.pages(), &heard, &log);
        eprintln!(
            "seed {seed}, {faults} faults in 1,000, answers in {takes:?}, {senders} senders, pause {pause:?}: {} faults, {} answers to another request, {} false `delivered`",
            tally.faults() - before.2,
            tally.wrong.count() - before.0,
            tally.false_delivered.count() - before.1,
        );
        let pages = shared.ledger.pages();
        last.iter().flatten().filter(|one| !tally::is_right(&pages, one)).count()
    }
}

/// Rounds by turns until there were so many faults; how many of the last answers of all rounds were not right.
fn rounds(
    all: &[Round],
    wanted: usize,
    run: impl Fn(&Round, u64, &mut Tally) -> usize,
    dice: &mut Dice,
) -> (Tally, usize) {
    let mut tally = Tally::default();
    let mut wrong_at_last = 0;
    for round in all.iter().cycle() {
        if tally.faults() >= wanted {
            break;
        }
        wrong_at_last += run(round, dice.next(), &mut tally);
    }
    (tally, wrong_at_last)
}

#[test]
#[ignore = "minutes: make test-long, make oracles"]
fn answers_of_a_misbehaving_application_are_not_mixed_up() {
    let seed = dice::seed();
    let mut dice = Dice::new(seed);
    let requests = dice::size(4_000, 20_000);
    let run = |round: &Round, seed, tally: &mut Tally| round.run(seed, requests, Kind::of, 1, tally);
    let (tally, wrong_at_last) = rounds(&NOTORIOUS, dice::size(3_000, 100_000), run, &mut dice);
    eprintln!("answers oracle, faults all the time, NEXMO_GATE_ORACLE_SEED={seed}\n{tally}");
    assert_eq!(tally.flaws(), [""; 0]);
    assert_eq!(wrong_at_last, 0, "answers are not right after the faults have ended");
    assert_eq!(tally.false_delivered.count(), 0, "false `delivered`");
}

#[test]
#[ignore = "minutes: make test-long, make oracles"]
fn one_second_answer_of_a_trusted_application_has_a_bounded_effect() {
    let seed = dice::seed();
    let mut dice = Dice::new(seed);
    let endpoints = dice::size(10, 100);
    let run = |round: &Round, seed, tally: &mut Tally| {
        round.run(seed, endpoints * IN_A_ROW, Kind::second_answer, endpoints, tally)
    };
    let (tally, wrong_at_last) = rounds(&TRUSTED, dice::size(40, 2_000), run, &mut dice);
    eprintln!("answers oracle, a fault now and then, NEXMO_GATE_ORACLE_SEED={seed}\n{tally}");
    assert_eq!(tally.flaws(), [""; 0]);
    assert_eq!(wrong_at_last, 0, "answers are not right after the faults have ended");
    assert_eq!(tally.false_delivered.count(), 0, "false `delivered`");
}
