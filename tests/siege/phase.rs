//! One phase: attackers are let loose for some seconds, stop, stand still, and are judged; then they go.

use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::attacker::{Orders, Tally};
use crate::stand::application::Application;
use crate::stand::gate::{Gate, Numbers};
use crate::stand::senders::{Habit, Sender, Served};
use crate::stand::site::{self, Judgement};
use crate::verdict::{self, Row};

/// What a busy machine adds to a bound, and what the looking itself takes.
const SLACK: Duration = Duration::from_millis(1500);
/// After that, an attacker that should have stopped is stuck.
const STUCK: Duration = Duration::from_secs(10);
/// How long descriptors and counts may take to come to rest.
const REST: Duration = Duration::from_secs(12);

/// A gate with its application, and how both are when nobody attacks.
pub struct Stand<'a> {
    pub gate: Gate,
    pub application: &'a Application,
    pub quiet: [Served; 2],
    descriptors: u64,
    threads: usize,
}

impl<'a> Stand<'a> {
    /// Begins to serve, and takes the measure of the quiet.
    pub fn new(gate: Gate, application: &'a Application) -> Self {
        // What is done once, the first connections and the like, is no part of it.
        let warm = senders(&gate);
        thread::sleep(Duration::from_millis(500));
        warm.map(Sender::stop);
        let measured = senders(&gate);
        thread::sleep(Duration::from_secs(3));
        let quiet = measured.map(Sender::stop);
        let mut stand = Self { gate, application, quiet, descriptors: 0, threads: 0 };
        stand.gate.settle(REST, |numbers| numbers.of("connections") == 0);
        stand.descriptors = stand.own_descriptors();
        stand.threads = stand.gate.vitals().threads;
        stand
    }

    /// Without those of connections to the application, which are kept for later.
    fn own_descriptors(&self) -> u64 {
        (self.gate.vitals().descriptors as u64).saturating_sub(self.application.open())
    }
}

fn senders(gate: &Gate) -> [Sender; 2] {
    [Habit::Keeps, Habit::ComesAnew].map(|habit| Sender::start(gate.address(0), habit))
}

/// An attacker's process.
pub struct Attacker {
    child: Child,
    stdin: Option<ChildStdin>,
    told: Receiver<String>,
}

impl Attacker {
    pub fn start(orders: &Orders) -> Self {
        let own = std::env::current_exe().expect("this executable");
        // It gets what is left of the processor: what is measured is what the gate does about it, not who wins.
        let mut command = if Path::new("/usr/bin/nice").exists() {
            let mut nice = Command::new("/usr/bin/nice");
            nice.args(["-n", "19"]).arg(own);
            nice
        } else {
            Command::new(own)
        };
        command.args(orders.words()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("an attacker");
        let (tell, told) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, told }
    }

    /// Waits until it has stopped, and adds what it tells; false when it tells nothing.
    fn stop(&self, within: Duration, tally: &Tally) -> bool {
        self.told.recv_timeout(within).is_ok_and(|line| {
            tally.take_in(&line);
            true
        })
    }

    /// Lets it go with all that it holds.
    fn end(&mut self) {
        drop(self.stdin.take());
        // What hangs is ended by `drop`.
        let end = Instant::now() + Duration::from_secs(2);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is attacked with.
pub struct Assault {
    pub name: String,
    pub orders: Vec<Orders>,
    pub lasting: Duration,
    /// How long connections may outlive it.
    pub bound: Duration,
}

pub fn run(stand: &mut Stand<'_>, assault: &Assault) -> Row {
    let gate = &stand.gate;
    let before = gate.numbers().unwrap_or_default();
    let written = gate.ledger.requests();
    gate.forget_peak();
    let (began, cpu) = (Instant::now(), gate.cpu());
    let serving = senders(gate);
    let mut attackers: Vec<Attacker> = assault.orders.iter().map(Attacker::start).collect();
    let tally = Tally::default();
    let stuck = attackers.iter().filter(|one| !one.stop(assault.lasting + STUCK, &tally)).count();
    let (still, lasted) = (Instant::now(), began.elapsed());
    let used = gate.cpu() - cpu;
    let during = serving.map(Sender::stop);
    let mut faults = Vec::new();
    if stuck > 0 {
        faults.push(format!("{stuck} attackers did not stop (a fault of the siege)"));
    }
    let most = assault.bound + SLACK;
    let (left, all_gone) = gate.settle(most, |numbers| numbers.of("connections") == 0);
    let gone = all_gone.then(|| still.elapsed());
    if !all_gone {
        faults.push(format!(
            "{} connections are open {:.1} s after the last move, the bound is {:.1} s",
            left.of("connections"),
            still.elapsed().as_secs_f64(),
            assault.bound.as_secs_f64()
        ));
    }
    attackers.iter_mut().for_each(Attacker::end);
    faults.extend(rest(stand));
    let (after, logged) = account(stand, &before, written);
    let peak = stand.gate.peak_mib();
    if peak > stand.gate.most.mib {
        let word = if stand.gate.most.is_told { "the bound" } else { "the provisional bound" };
        faults.push(format!("{peak} MiB held, {word} is {}", stand.gate.most.mib));
    }
    for (who, at) in [("the sender", 0), ("the sender that comes anew", 1)] {
        faults.extend(verdict::of_service(who, &stand.quiet[at], &during[at]));
    }
    let asked: u64 = during.iter().map(|served| served.asked).sum();
    let lost: u64 = during.iter().map(|served| served.lost).sum();
    faults.extend(unaccounted(stand, &tally, &before, &after, logged, (asked, lost)));
    Row {
        attack: assault.name.clone(),
        terms: stand.gate.site.terms.words(),
        peak_mib: peak,
        most_mib: stand.gate.most.mib,
        cpu_percent: percent(used, lasted),
        quiet: stand.quiet[0].p99(),
        during: during[0].p99(),
        gone,
        bound: assault.bound,
        sent: tally.sent.get(),
        heard: tally.heard.get(),
        logged: logged.saturating_sub(asked - lost),
        faults,
    }
}

fn percent(used: Duration, of: Duration) -> u64 {
    u64::try_from(used.as_millis() * 100 / of.as_millis().max(1)).unwrap_or(u64::MAX)
}

/// Whether everything was given back.
fn rest(stand: &Stand<'_>) -> Vec<String> {
    let end = Instant::now() + REST;
    let gauges = ["connections", "requests_in_flight", "buffered_bytes"];
    loop {
        let numbers = stand.gate.numbers().unwrap_or_default();
        let threads = stand.gate.vitals().threads;
        let mut faults: Vec<String> = gauges
            .into_iter()
            .filter(|name| numbers.of(name) > 0)
            .map(|name| format!("{name} stays at {}", numbers.of(name)))
            .collect();
        let descriptors = stand.own_descriptors();
        if descriptors > stand.descriptors {
            faults.push(format!("{descriptors} descriptors, {} at the beginning", stand.descriptors));
        }
        if threads > stand.threads {
            faults.push(format!("{threads} threads, {} at the beginning", stand.threads));
        }
        if faults.is_empty() || Instant::now() > end {
            return faults;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The numbers when log and counters have come to agree, or after a while; and what was written since `written`.
fn account(stand: &Stand<'_>, before: &Numbers, written: u64) -> (Numbers, u64) {
    let ledger = &stand.gate.ledger;
    let (after, _) = stand.gate.settle(Duration::from_secs(4), |numbers| {
        ledger.requests() - written == numbers.requests() - before.requests()
    });
    (after, ledger.requests() - written)
}

/// Log, counters and attackers must tell the same story.
fn unaccounted(
    stand: &Stand<'_>,
    tally: &Tally,
    before: &Numbers,
    after: &Numbers,
    logged: u64,
    (asked, lost): (u64, u64),
) -> Vec<String> {
    let mut faults = Vec::new();
    let since = |name: &str| after.of(name).saturating_sub(before.of(name));
    let (counted, dropped) = (since("requests_total"), since("log_lines_dropped_total"));
    if logged + dropped < counted || logged > counted {
        faults.push(format!(
            "{counted} requests are counted, {logged} are in the log, {dropped} lines were dropped"
        ));
    }
    // Who was closed unheard has a line too, and never sent anything that anybody knows of.
    let unheard = since("connections_dropped_unheard_total").max(match stand.gate.site.terms.judgement {
        Judgement::Drop => tally.connects.get(),
        _ => 0,
    });
    let least = asked - lost + tally.heard.get();
    let most = asked + tally.sent.get() + tally.begun.get() + unheard;
    if counted < least || counted > most {
        faults.push(format!(
            "{counted} requests are counted; {least} were answered, at most {most} were begun"
        ));
    }
    faults
}

/// Everything at once, and TERM in the middle of it.
pub fn run_to_the_end(mut stand: Stand<'_>, assault: &Assault) -> Row {
    let written = stand.gate.ledger.requests();
    let cpu = stand.gate.cpu();
    stand.gate.forget_peak();
    let serving = senders(&stand.gate);
    let began = Instant::now();
    let attackers: Vec<Attacker> = assault.orders.iter().map(Attacker::start).collect();
    thread::sleep(assault.lasting);
    let during = serving.map(Sender::stop);
    let (used, lasted) = (stand.gate.cpu() - cpu, began.elapsed());
    let peak = stand.gate.peak_mib();
    let mut faults = Vec::new();
    if !stand.gate.is_running() {
        faults.push("the gate is gone".to_owned());
    }
    let took = stand.gate.terminate(site::GRACE + STUCK);
    match took {
        Some(took) if took <= site::GRACE + SLACK => {}
        Some(took) => faults.push(format!(
            "the end took {:.1} s, the grace is {:.1} s",
            took.as_secs_f64(),
            site::GRACE.as_secs_f64()
        )),
        None => faults.push("TERM was not obeyed".to_owned()),
    }
    let tally = Tally::default();
    let stuck = attackers.iter().filter(|one| !one.stop(assault.lasting * 2 + STUCK, &tally)).count();
    if stuck > 0 {
        faults.push(format!("{stuck} attackers did not stop (a fault of the siege)"));
    }
    if peak > stand.gate.most.mib {
        faults.push(format!("{peak} MiB held, the bound is {}", stand.gate.most.mib));
    }
    for (who, at) in [("the sender", 0), ("the sender that comes anew", 1)] {
        faults.extend(verdict::of_service(who, &stand.quiet[at], &during[at]));
    }
    let asked: u64 = during.iter().map(|served| served.asked).sum();
    let lost: u64 = during.iter().map(|served| served.lost).sum();
    let logged = stand.gate.ledger.requests() - written;
    let least = asked - lost + tally.heard.get();
    let unheard = tally.connects.get();
    let most = asked + tally.sent.get() + tally.begun.get() + unheard;
    if logged < least || logged > most {
        faults.push(format!(
            "{logged} requests are in the log; {least} were answered, at most {most} were begun"
        ));
    }
    Row {
        attack: assault.name.clone(),
        terms: stand.gate.site.terms.words(),
        peak_mib: peak,
        most_mib: stand.gate.most.mib,
        cpu_percent: percent(used, lasted),
        quiet: stand.quiet[0].p99(),
        during: during[0].p99(),
        gone: took,
        bound: site::GRACE,
        sent: tally.sent.get(),
        heard: tally.heard.get(),
        logged: logged.saturating_sub(asked - lost),
        faults,
    }
}

/// The same address with another last part.
pub fn neighbour(address: [u8; 4], last: u8) -> IpAddr {
    let [a, b, c, _] = address;
    IpAddr::from([a, b, c, last])
}
