//! What a siege stands on: the gate as a process, the application behind it, senders that are admitted, and what is
//! written down.

pub mod application;
pub mod books;
pub mod gate;
pub mod ledger;
pub mod senders;
pub mod site;
#[expect(dead_code, reason = "the black-box tests use more of it")]
#[path = "../../it/harness/gate/usage.rs"]
mod usage;

use std::thread;
use std::time::{Duration, Instant};

use application::Application;
use gate::Gate;
use senders::{Senders, Service};

/// How long is waited for what should come at once.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long everything may take to come to rest: the threads that the runtime keeps for blocking work live ten seconds.
const REST: Duration = Duration::from_secs(15);
/// Threads that our own questions to the admin address keep at work.
const ASKED: u64 = 2;
/// How long the quiet is measured.
const QUIET: Duration = Duration::from_secs(3);

/// A gate with its application, and how both are when nobody attacks.
pub struct Stand<'a> {
    pub gate: Gate,
    application: &'a Application,
    pub quiet: Service,
    descriptors: u64,
    threads: usize,
}

impl<'a> Stand<'a> {
    /// Begins to serve, and takes the measure of the quiet.
    pub fn new(gate: Gate, application: &'a Application) -> Self {
        // What is done once, the first connections and the like, is no part of it.
        serve_for(&gate, application, Duration::from_millis(500));
        let quiet = serve_for(&gate, application, QUIET);
        let mut stand = Self { gate, application, quiet, descriptors: 0, threads: 0 };
        stand.gate.settle(REST, |numbers| numbers.of("connections") == 0);
        stand.descriptors = stand.own_descriptors();
        stand.threads = stand.gate.usage().threads;
        stand
    }

    /// Lets the senders send.
    pub fn senders(&self) -> Senders {
        Senders::start(self.gate.address(0), self.application.address)
    }

    /// Without those of connections to the application, which are kept for later.
    fn own_descriptors(&self) -> u64 {
        (self.gate.usage().descriptors as u64).saturating_sub(self.application.open())
    }

    /// What was not given back, after as long as that may take.
    pub fn kept(&self) -> Vec<String> {
        let end = Instant::now() + REST;
        loop {
            let numbers = self.gate.numbers().unwrap_or_default();
            let gauges = ["connections", "requests_in_flight", "buffered_bytes"].into_iter();
            let held = gauges.map(|name| (name, numbers.of(name), 0)).chain([
                ("descriptors", self.own_descriptors(), self.descriptors),
                ("threads", self.gate.usage().threads as u64, self.threads as u64 + ASKED),
            ]);
            let kept: Vec<String> = held
                .filter(|(_, now, before)| now > before)
                .map(|(name, now, before)| format!("{name}: {now}, and {before} before"))
                .collect();
            if kept.is_empty() || Instant::now() > end {
                return kept;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn serve_for(gate: &Gate, application: &Application, time: Duration) -> Service {
    let senders = Senders::start(gate.address(0), application.address);
    thread::sleep(time);
    senders.stop()
}
