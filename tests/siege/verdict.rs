//! What one phase of the siege came to: its figures, and what was wrong.

use std::time::Duration;

use crate::stand::gate::Memory;
use crate::stand::senders::{Served, Service};

/// What a sender may wait at the 99th percentile, whatever it waits when all is quiet.
const FLOOR: Duration = Duration::from_millis(5);
/// What no message of a sender that comes anew may take.
const SLOWEST: Duration = Duration::from_millis(900);

const GROWTH_MIB: u64 = 8;

#[derive(Clone, Debug)]
pub struct Row {
    pub attack: String,
    pub terms: String,
    pub peak_mib: u64,
    pub most_mib: u64,
    /// Of one core, while it was attacked.
    pub cpu_percent: u64,
    /// The p99 of the sender that keeps its connection, of the one that comes anew, and of the one beside the gate.
    pub quiet: [Duration; 3],
    pub during: [Duration; 3],
    /// How long the last connection stood after the attacker's last move; `None`: longer than we waited.
    pub gone: Option<Duration>,
    pub bound: Duration,
    pub sent: u64,
    pub heard: u64,
    pub logged: u64,
    pub faults: Vec<String>,
}

impl Row {
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }
}

/// With `NEXMO_GATE_TIMES=report` latencies are printed and not judged: on a shared machine they are its own.
fn judges_times() -> bool {
    std::env::var("NEXMO_GATE_TIMES").as_deref() != Ok("report")
}

/// How often what a busy machine may add to a bound is granted.
pub fn patience() -> u32 {
    if judges_times() { 1 } else { 4 }
}

/// What is wrong with how the senders were served: the one that keeps its connection, and the one that comes anew.
pub fn of_service(quiet: &Service, during: &Service) -> Vec<String> {
    let mut faults = Vec::new();
    // The way through the gate has twice as many turns as the one beside it, and each may come late.
    let others = during.beside.p99().saturating_sub(quiet.beside.p99()) * 2;
    let rows =
        ["the sender", "the sender that comes anew"].into_iter().zip(&quiet.through).zip(&during.through);
    for ((who, quiet), during) in rows {
        if during.lost > 0 {
            faults.push(format!(
                "{} of {} messages of {who} were not answered by 200 (the last one: {})",
                during.lost, during.asked, during.why
            ));
        }
        let most = (quiet.p99() * 6 / 5).max(FLOOR) + others;
        if judges_times() && during.p99() > most {
            faults.push(format!(
                "{who} waited {} at p99, the bound is {}",
                millis(during.p99()),
                millis(most)
            ));
        }
    }
    let anew = &during.through[1];
    // It waits in the kernel's queue behind the attackers' connects. Who was forgotten in one waits for a second.
    if judges_times() && anew.slowest() > SLOWEST {
        faults.push(format!("the sender that comes anew waited {}", millis(anew.slowest())));
    }
    faults
}

/// Where a sender was not served, what the gate has counted of connections that it turned away, whoever they were.
pub fn of_refusals(served: &[Served; 2], refused: u64) -> Option<String> {
    let lost = served.iter().any(|served| served.lost > 0);
    (lost && refused > 0).then(|| format!("{refused} connections of anybody were over capacity"))
}

/// What is wrong with memory that grows in the second half of an attack, when all that it may hold is held: whatever
/// the bound is, it would be reached. A part of it is pages that the allocator has taken and not given back yet.
pub fn of_growth(grown_mib: u64) -> Option<String> {
    (grown_mib > GROWTH_MIB)
        .then(|| format!("{grown_mib} MiB more than halfway, and {GROWTH_MIB} are the bound"))
}

/// What is wrong with the memory that was held.
pub fn of_memory(peak_mib: u64, most: Memory) -> Option<String> {
    let word = if most.is_told { "bound" } else { "bound (which this binary does not tell)" };
    (peak_mib > most.mib).then(|| format!("{peak_mib} MiB held, the {word} is {}", most.mib))
}

pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

pub fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
