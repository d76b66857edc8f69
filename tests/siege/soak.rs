//! The soak: senders and strangers, mixed, at full speed, until there were very many requests. Memory is flat between
//! warm and done, and every request is written down once.
//!
//! `NEXMO_GATE_SOAK_REQUESTS` says how many (ten millions), `NEXMO_GATE_SOAK_SECONDS` bounds the time (an hour).

use std::thread;
use std::time::{Duration, Instant};

use crate::attacker::{Orders, Tally, Way};
use crate::attacks::Attack;
use crate::stand::application::Application;
use crate::stand::books::Books;
use crate::stand::gate::Gate;
use crate::stand::site::{self, Judgement, LISTED, PROXY, Site, Sizes, Terms};
use crate::troop::Troop;
use crate::verdict;

/// Memory may end so much above where it was when warm.
const FLAT_KIB: u64 = 2048;
/// The traffic comes in rounds, between which the connections are gone and the memory is looked at.
const ROUND: Duration = Duration::from_secs(20);
/// The first rounds make it warm.
const WARMING: usize = 3;
/// How long the allocator may take to give back what a round left.
const CALM: Duration = Duration::from_secs(15);

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

pub fn run() -> bool {
    let wanted = number("NEXMO_GATE_SOAK_REQUESTS", 10_000_000);
    let end = Instant::now() + Duration::from_secs(number("NEXMO_GATE_SOAK_SECONDS", 3600));
    let application = Application::start();
    let terms = Terms { judgement: Judgement::Forbid, sizes: Sizes::Default };
    let gate = Gate::start(Site::new(terms, &application.url()));
    let mut requests = 0;
    let mut warm = None;
    let mut idle_kib = 0;
    let mut faults = Vec::new();
    for round in 1.. {
        let before = Books::of(&gate);
        let tally = mix(&gate);
        let (_, all_gone) = gate.settle(CALM, |numbers| numbers.of("connections") == 0);
        if !all_gone {
            faults.push(format!("round {round}: connections stay open"));
        }
        let after = Books::of(&gate);
        faults.extend(after.quarrel());
        let written = after.since(&before);
        // A connection that ended with requests in it leaves some that only the gate can know of.
        let (least, most) = (tally.heard.get(), tally.sent.get() + tally.begun.get());
        if !(least..=most).contains(&written) {
            faults.push(format!("round {round}: {written} written down, {least} answered, {most} sent"));
        }
        requests += written;
        idle_kib = calm_kib(&gate);
        if round == WARMING {
            warm = Some(idle_kib);
        }
        println!(
            "soak: round {round}: {requests} requests, {} answered, {idle_kib} KiB idle",
            tally.heard.get()
        );
        if !faults.is_empty() || (round > WARMING && requests >= wanted) || Instant::now() + ROUND > end {
            break;
        }
    }
    let grown = idle_kib.saturating_sub(warm.unwrap_or(idle_kib));
    if grown > FLAT_KIB {
        faults.push(format!("{grown} KiB more than when it was warm, {FLAT_KIB} are the bound"));
    }
    if warm.is_none() {
        println!("soak: it ended before it was warm: the memory was not judged");
    }
    let seconds = verdict::seconds(gate.cpu());
    println!("soak: {requests} requests of {wanted}, {seconds} of processor time, {grown} KiB grown");
    for fault in &faults {
        println!("soak: RED: {fault}");
    }
    faults.is_empty()
}

/// One round of everybody's traffic: what they know of it.
fn mix(gate: &Gate) -> Tally {
    let squads = [
        (Way::Plain, false, true, 16),
        (Way::Plain, false, false, 16),
        (Way::Tls, false, true, 8),
        (Way::H2c, false, false, 4),
        (Way::H2, false, true, 4),
        (Way::Plain, true, true, 4),
    ];
    let orders: Vec<Orders> = (1..)
        .zip(squads)
        .map(|(number, (way, proxied, listed, connections))| {
            let stranger = [127, 20 + number, 0, 1];
            let from = match (proxied, listed) {
                (true, _) => [PROXY[0], PROXY[1], PROXY[2], number],
                (false, true) => LISTED,
                (false, false) => stranger,
            };
            Orders {
                attack: Attack::Traffic,
                to: gate.address(site::door(way, proxied)),
                from: from.into(),
                addresses: 1,
                way,
                source: proxied.then(|| LISTED.into()),
                connections,
                rate: u32::MAX,
                lasting: ROUND,
                authority: gate.site.authority(),
            }
        })
        .collect();
    let troop = Troop::start(&orders);
    let (tally, stuck) = troop.stand_still(ROUND);
    assert_eq!(stuck, 0, "whoever sends tells what it sent");
    tally
}

/// The least that is held while nothing happens.
fn calm_kib(gate: &Gate) -> u64 {
    let end = Instant::now() + CALM;
    let mut least = u64::MAX;
    while Instant::now() < end {
        least = least.min(gate.usage().resident_kib);
        thread::sleep(Duration::from_millis(500));
    }
    least
}
