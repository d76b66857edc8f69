//! The route that the gate chose is the route that the path and the host mean to real applications.
//!
//! Three steps. Every spelling goes through the gate, over HTTP/1 and HTTP/2, to a recorder with a socket for each route,
//! which says by which one the request came. What passed is given to each application as it arrived, and the application
//! says what it decoded. A smaller number goes through the gate to each application itself. What an application
//! understood means a route by [`patterns::meant`]; where that is another one than the gate chose, the gate was wrong.
//! A refusal is never wrong, but of a plain path it is.

pub mod patterns;
pub mod pipeline;
pub mod recorder;
pub mod streams;
pub mod tally;
pub mod variants;

use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::applications::{self, Application};
use crate::dice::{self, Dice};
use crate::harness::{Gate, Setup, cannot_run, sender};
use patterns::{ELSEWHERE, ROUTES};
use pipeline::Heard;
use recorder::Recorder;
use tally::Tally;

/// Spellings that are made and asked about together.
const BATCH: usize = 20_000;

/// A request's target and host as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spelling {
    pub target: Vec<u8>,
    pub host: Vec<u8>,
}

impl Spelling {
    fn new(target: &str, host: Option<&str>) -> Self {
        Self { target: target.as_bytes().to_vec(), host: host.unwrap_or(ELSEWHERE).as_bytes().to_vec() }
    }

    /// The request in HTTP/1.
    pub fn head(&self) -> Vec<u8> {
        [b"GET ", &self.target[..], b" HTTP/1.1\r\nHost: ", &self.host, b"\r\n\r\n"].concat()
    }
}

/// A gate with all routes, each to its own socket, and 65,536 addresses that may send.
fn gate(socket: impl Fn(usize) -> PathBuf) -> Gate {
    let route = |(place, pattern): (usize, &patterns::Pattern)| {
        let host = pattern.host.map(|host| format!("host: {host:?}, ")).unwrap_or_default();
        format!(
            "{{ path: {:?}, {host}webhook: generic, allow: [test], upstream: \"unix:{}\" }}",
            pattern.path,
            socket(place).display()
        )
    };
    let routes: Vec<String> = ROUTES.iter().enumerate().map(route).collect();
    Setup::new("http://127.0.0.1:1")
        .plainly()
        .listen_key("http2", "true")
        .range("test", "127.1.0.0/16\n")
        .routes(&routes.iter().map(String::as_str).collect::<Vec<_>>())
        .key("log", r#"{ format: json, level: info, access: "off" }"#)
        .start()
}

/// A connection from one of the admitted addresses, which is reset when it is dropped: a port is not kept waiting.
fn connect(gate: &Gate, dice: &mut Dice) -> TcpStream {
    let from = format!("127.1.{}.{}", dice.below(256), 1 + dice.below(254));
    let stream = sender::tcp(&from, gate.addr(), None).expect("connect to the gate");
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER 0");
    stream
}

/// All spellings through the gate: those that HTTP/2 can say by turns over both.
fn ask(gate: &Gate, spellings: &[Spelling], seed: u64) -> Vec<Heard> {
    let (mut first, mut second): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for (place, spelling) in spellings.iter().enumerate() {
        if place % 2 == 1 && streams::can_say(spelling) { second.push(place) } else { first.push(place) }
    }
    let some = |places: &[usize]| -> Vec<Spelling> {
        places.iter().map(|place| spellings[*place].clone()).collect()
    };
    let mut all = vec![Heard::default(); spellings.len()];
    thread::scope(|scope| {
        let halves: Vec<_> = first.chunks(first.len().div_ceil(2).max(1)).collect();
        let mut asked: Vec<_> = halves
            .into_iter()
            .enumerate()
            .map(|(number, places)| {
                let mut dice = Dice::of(seed, number as u64);
                let spellings = some(places);
                (places, scope.spawn(move || pipeline::ask(|| connect(gate, &mut dice), &spellings)))
            })
            .collect();
        let mut dice = Dice::of(seed, 99);
        let spellings = some(&second);
        let streams = scope.spawn(move || streams::ask(|| connect(gate, &mut dice), &spellings));
        asked.push((&second, streams));
        for (places, heard) in asked {
            for (place, heard) in places.iter().zip(heard.join().expect("a sender")) {
                all[*place] = heard;
            }
        }
    });
    all
}

/// What a run asks about: all changes of one byte first, or a draw of them where there are more than it asks about.
fn spellings(dice: &mut Dice, changes: &mut Vec<Spelling>, count: usize) -> Vec<Spelling> {
    (0..count)
        .map(|_| match changes.len() {
            0 => variants::random(dice),
            left if dice.chance(500) => changes.swap_remove(dice.below(left)),
            _ => variants::random(dice),
        })
        .collect()
}

/// The plain spelling of each route goes its way.
fn plain_ones_pass(gate: &Gate, chosen: impl Fn(&[u8]) -> usize, seed: u64) {
    // Twice, so that each is asked over HTTP/1 and over HTTP/2.
    for turn in 0..2 {
        let mut rows = variants::plain();
        rows.rotate_left(turn);
        let spellings: Vec<Spelling> = rows.iter().map(|(_, spelling)| spelling.clone()).collect();
        for ((route, spelling), heard) in rows.iter().zip(ask(gate, &spellings, seed)) {
            assert_eq!(heard.status, 200, "a plain path is refused: {}", tally::show(spelling));
            assert_eq!(chosen(&heard.body), *route, "a plain path: {}", tally::show(spelling));
        }
    }
}

/// `wanted` spellings that pass, each judged by every application.
fn through_the_recorder(tally: &mut Tally, applications: &[Box<dyn Application>], wanted: usize, seed: u64) {
    let recorder = Recorder::start(ROUTES.len());
    let gate = gate(|route| recorder.socket(route));
    plain_ones_pass(&gate, |body| Recorder::read(body).0, seed);
    let mut dice = Dice::new(seed);
    let mut changes = variants::changes();
    let (mut passed, mut rounds) = (0, 0);
    // Far more rounds than a gate needs that refuses nine of ten.
    while passed < wanted && rounds < 10 * (1 + wanted / BATCH) {
        rounds += 1;
        let asked = spellings(&mut dice, &mut changes, BATCH.min(wanted));
        let heard = ask(&gate, &asked, dice.next());
        for one in &heard {
            tally.count_answer(one);
        }
        let arrived: Vec<(usize, Spelling)> =
            heard.iter().filter(|one| one.status == 200).map(|one| Recorder::read(&one.body)).collect();
        passed += arrived.len();
        tally.count_passed(arrived.len());
        let as_they_came: Vec<Spelling> = arrived.iter().map(|(_, one)| one.clone()).collect();
        thread::scope(|scope| {
            let judges: Vec<_> =
                applications.iter().map(|one| (one, scope.spawn(|| one.judge(&as_they_came)))).collect();
            for (application, views) in judges {
                for ((chosen, spelling), views) in arrived.iter().zip(views.join().expect("a judge")) {
                    tally.judge(application.name(), application.way(), *chosen, spelling, &views);
                }
            }
        });
    }
    assert!(passed >= wanted, "only {passed} of {wanted} spellings pass the gate");
}

/// The application itself behind the gate.
fn through_to(application: &dyn Application, tally: &mut Tally, wanted: usize, seed: u64) {
    let gate = gate(|route| application.socket(route));
    plain_ones_pass(&gate, |body| application.read(body).route, seed);
    let mut dice = Dice::of(seed, 1000);
    let mut changes = variants::changes();
    let mut left = wanted;
    while left > 0 {
        let asked = spellings(&mut dice, &mut changes, BATCH.min(left));
        left -= asked.len();
        for (spelling, heard) in asked.iter().zip(ask(&gate, &asked, dice.next())) {
            tally.count_answer(&heard);
            if heard.status == 200 {
                let understood = application.read(&heard.body);
                let way = "behind the gate";
                tally.judge(application.name(), way, understood.route, spelling, &understood.views);
            }
        }
    }
}

#[test]
#[ignore = "needs python3, node and nginx, and minutes: make test-long, make oracles"]
fn no_spelling_reaches_an_application_by_a_wider_route() {
    let seed = dice::seed();
    let applications = applications::all(&patterns::hosts(), ROUTES.len());
    if applications.is_empty() {
        cannot_run("the spelling oracle", "there is none of python3, node and nginx");
        return;
    }
    let mut tally = Tally::default();
    through_the_recorder(&mut tally, &applications, dice::size(20_000, 1_000_000), seed);
    for application in &applications {
        through_to(application.as_ref(), &mut tally, dice::size(2_000, 50_000), seed);
    }
    eprintln!("spelling oracle, NEXMO_GATE_ORACLE_SEED={seed}\n{tally}");
    assert!(tally.wrong() == 0, "{} requests came by a route that they do not mean", tally.wrong());
}
