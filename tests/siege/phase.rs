//! One phase: attackers are let loose for some seconds, stop, stand still, and are judged; then they go.

use std::thread;
use std::time::{Duration, Instant};

use crate::attacker::{Orders, Tally};
use crate::stand::Stand;
use crate::stand::books::{self, Books};
use crate::stand::senders::{Served, Service};
use crate::stand::site::{self, Judgement};
use crate::troop::Troop;
use crate::verdict::{self, Row};

/// What a busy machine adds to a bound, and what the looking itself takes.
const SLACK: Duration = Duration::from_millis(1500);
/// What the end of the process itself may take behind the grace: its last lines, and what it held.
const LAST: Duration = Duration::from_millis(500);
/// When TERM counts as not obeyed.
const NEVER: Duration = Duration::from_secs(30);

/// What is attacked with.
pub struct Assault {
    pub name: String,
    pub orders: Vec<Orders>,
    pub lasting: Duration,
    /// How long connections may outlive it.
    pub bound: Duration,
}

/// What was seen while it lasted.
struct Seen {
    peak_mib: u64,
    cpu_percent: u64,
    service: Service,
    tally: Tally,
    stuck: usize,
    gone: Option<Duration>,
    written: u64,
}

pub fn run(stand: &mut Stand<'_>, assault: &Assault) -> Row {
    let gate = &stand.gate;
    let before = Books::of(gate);
    gate.forget_peak();
    let (began, cpu) = (Instant::now(), gate.cpu());
    let senders = stand.senders();
    let troop = Troop::start(&assault.orders);
    thread::sleep(assault.lasting / 2);
    let halfway = gate.resident_mib();
    let (tally, stuck) = troop.stand_still(assault.lasting / 2);
    let still = Instant::now();
    let grown_mib = gate.resident_mib().saturating_sub(halfway);
    let cpu_percent = percent(gate.cpu().saturating_sub(cpu), began.elapsed());
    let service = senders.stop();
    let (left, all_gone) =
        gate.settle(assault.bound + SLACK * verdict::patience(), |numbers| numbers.of("connections") == 0);
    let gone = all_gone.then(|| still.elapsed());
    let mut faults: Vec<String> = verdict::of_growth(grown_mib).into_iter().collect();
    if !all_gone {
        let (open, waited) = (left.of("connections"), still.elapsed());
        faults.push(format!("{open} connections are open {} after the last move", verdict::seconds(waited)));
    }
    drop(troop);
    faults.extend(stand.kept());
    let after = Books::of(gate);
    faults.extend(after.quarrel());
    let peak_mib = gate.peak_mib();
    faults.extend(verdict::of_refusals(&service.through, after.refused() - before.refused()));
    let written = after.since(&before);
    let seen = Seen { peak_mib, cpu_percent, service, tally, stuck, gone, written };
    row(stand, assault, assault.bound, &seen, faults)
}

/// Everything at once, and TERM in the middle of it.
pub fn run_to_the_end(mut stand: Stand<'_>, assault: &Assault) -> Row {
    let senders = stand.senders();
    let gate = &mut stand.gate;
    let before = Books::of(gate);
    gate.forget_peak();
    let (began, cpu) = (Instant::now(), gate.cpu());
    let troop = Troop::start(&assault.orders);
    thread::sleep(assault.lasting / 2);
    let service = senders.stop();
    let cpu_percent = percent(gate.cpu().saturating_sub(cpu), began.elapsed());
    let refused = gate
        .numbers()
        .unwrap_or_default()
        .of("connections_over_capacity_total")
        .saturating_sub(before.refused());
    let mut faults: Vec<String> = verdict::of_refusals(&service.through, refused).into_iter().collect();
    let mut peak_mib = 0;
    let mut gone = None;
    if gate.is_running() {
        peak_mib = gate.peak_mib();
        gone = gate.terminate(NEVER);
        match gone {
            Some(took) if took <= site::GRACE + LAST * verdict::patience() => {}
            Some(took) => faults.push(format!("TERM was obeyed after {}", verdict::seconds(took))),
            None => faults.push("TERM was not obeyed".to_owned()),
        }
    } else {
        faults.push("the gate is gone".to_owned());
    }
    let (tally, stuck) = troop.stand_still(assault.lasting);
    let written = Books::at_the_end(&stand.gate).since(&before);
    let seen = Seen { peak_mib, cpu_percent, service, tally, stuck, gone, written };
    row(&stand, assault, site::GRACE, &seen, faults)
}

/// Judges what is judged of every phase.
fn row(stand: &Stand<'_>, assault: &Assault, bound: Duration, seen: &Seen, mut faults: Vec<String>) -> Row {
    if seen.stuck > 0 {
        faults.push(format!("{} attackers told nothing: a fault of the siege", seen.stuck));
    }
    faults.extend(verdict::of_memory(seen.peak_mib, stand.gate.most));
    faults.extend(verdict::of_service(&stand.quiet, &seen.service));
    let terms = stand.gate.site.terms;
    let unheard = terms.judgement == Judgement::Drop;
    faults.extend(books::unaccounted(seen.written, &seen.tally, &seen.service.through, unheard));
    Row {
        attack: assault.name.clone(),
        terms: terms.words(),
        peak_mib: seen.peak_mib,
        most_mib: stand.gate.most.mib,
        cpu_percent: seen.cpu_percent,
        quiet: p99_of(&stand.quiet),
        during: p99_of(&seen.service),
        gone: seen.gone,
        bound,
        sent: seen.tally.sent.get(),
        heard: seen.tally.heard.get(),
        logged: seen.written.saturating_sub(books::answered(&seen.service.through)),
        faults,
    }
}

fn p99_of(service: &Service) -> [Duration; 3] {
    let [kept, anew] = service.through.each_ref().map(Served::p99);
    [kept, anew, service.beside.p99()]
}

fn percent(used: Duration, of: Duration) -> u64 {
    u64::try_from(used.as_millis() * 100 / of.as_millis().max(1)).unwrap_or(u64::MAX)
}
