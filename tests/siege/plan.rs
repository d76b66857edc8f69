//! Which attack meets which configuration: every attack over everything that it can be made over, in at least one
//! configuration; every family in every `deny` and in `observe`; all at once in each, with TERM in the middle.

use std::net::IpAddr;
use std::time::Duration;

use crate::attacker::{Orders, Way};
use crate::attacks::{Attack, Family};
use crate::phase::{self, Assault};
use crate::report;
use crate::stand::Stand;
use crate::stand::application::Application;
use crate::stand::gate::Gate;
use crate::stand::site::{self, Judgement, LISTED, PROXY, Site, Sizes, Terms};
use crate::verdict::Row;

/// How long an attack moves.
const LASTING: Duration = Duration::from_secs(3);
/// How long all of them do before TERM comes; as long as that they go on.
const UNTIL_TERM: Duration = Duration::from_secs(4);
/// Connections of one attacker: as many as a stranger may have.
const CONNECTIONS: usize = 32;

/// One gate and what it meets, one after the other.
struct Chapter {
    terms: Terms,
    attacks: &'static [Attack],
}

const fn chapter(judgement: Judgement, sizes: Sizes, attacks: &'static [Attack]) -> Chapter {
    Chapter { terms: Terms { judgement, sizes }, attacks }
}

const CHAPTERS: [Chapter; 6] = [
    chapter(
        Judgement::Forbid,
        Sizes::Tight,
        &[
            Attack::Pipelining,
            Attack::TinyChunks,
            Attack::ForgedTokens,
            Attack::LateResets,
            Attack::PingFloods,
            Attack::StoppedHandshakes,
            Attack::OneSource,
        ],
    ),
    chapter(
        Judgement::Hide,
        Sizes::Tight,
        &[
            Attack::Partings,
            Attack::EndlessHeads,
            Attack::RapidResets,
            Attack::EndlessContinuations,
            Attack::KeyUpdates,
            Attack::ManyAddresses,
        ],
    ),
    chapter(
        Judgement::Retry,
        Sizes::Tight,
        &[
            Attack::UnreadAnswers,
            Attack::ForgedTokens,
            Attack::SlowSending,
            Attack::SettingsFloods,
            Attack::ZeroWindows,
            Attack::StoppedHandshakes,
            Attack::AbsentProxyHeaders,
        ],
    ),
    chapter(
        Judgement::Drop,
        Sizes::Tight,
        &[
            Attack::AbsentBodies,
            Attack::SlowReading,
            Attack::EmptyFrames,
            Attack::LargeHeaders,
            Attack::KeyUpdates,
            Attack::Connects,
        ],
    ),
    chapter(
        Judgement::Observe,
        Sizes::Tight,
        &[
            Attack::Pipelining,
            Attack::UnreadAnswers,
            Attack::AbsentBodies,
            Attack::TinyChunks,
            Attack::ForgedTokens,
            Attack::Partings,
            Attack::ZeroWindows,
            Attack::LateResets,
            Attack::UnendedStreams,
            Attack::LargeHeaders,
            Attack::StoppedHandshakes,
            Attack::OneSource,
        ],
    ),
    chapter(
        Judgement::Forbid,
        Sizes::Default,
        &[Attack::Pipelining, Attack::UnreadAnswers, Attack::LateResets, Attack::LargeHeaders],
    ),
];

/// That nothing is left out: every attack somewhere, every family everywhere.
fn assert_complete() {
    for attack in Attack::ALL {
        assert!(CHAPTERS.iter().any(|one| one.attacks.contains(&attack)), "{} is nowhere", attack.name());
    }
    for chapter in CHAPTERS.iter().filter(|chapter| chapter.terms.sizes == Sizes::Tight) {
        for family in [Family::Http1, Family::Http2, Family::Tls, Family::Crowd] {
            let met = chapter.attacks.iter().any(|attack| attack.family() == family);
            assert!(met, "no attack of {family:?} under {}", chapter.terms.words());
        }
    }
}

/// Runs what is named, all of it if nothing is; whether all of it was good.
pub fn run(names: &[&str], keep: bool) -> bool {
    assert_complete();
    let application = Application::start();
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut rows: Vec<Row> = Vec::new();
    let mut note = |row: Row| {
        report::say(&row);
        rows.push(row);
    };
    for chapter in &CHAPTERS {
        let attacks: Vec<Attack> =
            chapter.attacks.iter().copied().filter(|attack| wanted(attack.name())).collect();
        if attacks.is_empty() && !wanted("all") {
            continue;
        }
        let start = || Stand::new(Gate::start(Site::new(chapter.terms, &application.url())), &application);
        let mut stand = start();
        for attack in attacks {
            let assault = one(attack, &stand.gate);
            note(phase::run(&mut stand, &assault));
            if !stand.gate.is_running() {
                stand = start();
            }
        }
        if wanted("all") {
            let assault = all(&stand.gate);
            note(phase::run_to_the_end(stand, &assault));
        }
    }
    assert!(!rows.is_empty(), "nothing is called {names:?}");
    if keep {
        report::keep(&rows);
    }
    report::sum_up(&rows)
}

/// One attack, over all that it can be made over, directly and behind a proxy.
fn one(attack: Attack, gate: &Gate) -> Assault {
    let crowd = attack.family() == Family::Crowd;
    let directly = attack.ways().iter().map(|way| (*way, false));
    let behind = attack.ways().iter().map(|way| (*way, true)).filter(|(way, _)| !crowd || !way.is_secured());
    let squads: Vec<(Way, bool)> = match attack {
        Attack::AbsentProxyHeaders => behind.collect(),
        Attack::OneSource => attack.ways().iter().map(|way| (*way, true)).collect(),
        Attack::ManyAddresses | Attack::Connects => directly.collect(),
        _ => directly.chain(behind.take(1)).collect(),
    };
    let mut orders: Vec<Orders> =
        (1..).zip(squads).map(|(number, squad)| orders(attack, squad, number, gate)).collect();
    // What each of many streams leaves behind is little: it is seen when there were very many.
    let lasting = if attack == Attack::LateResets { LASTING * 2 } else { LASTING };
    for order in &mut orders {
        order.lasting = lasting;
    }
    Assault { name: attack.name().to_owned(), orders, lasting, bound: attack.bound() }
}

/// Every attack at once, each with a part of its strength.
fn all(gate: &Gate) -> Assault {
    let orders = (1..).zip(Attack::ALL).map(|(number, attack)| {
        let ways = attack.ways();
        let proxied = matches!(attack, Attack::AbsentProxyHeaders | Attack::OneSource) || number % 4 == 0;
        let squad = (ways[usize::from(number) % ways.len()], proxied);
        let mut orders = orders(attack, squad, number, gate);
        orders.connections = orders.connections.div_ceil(3);
        orders.rate = orders.rate.div_ceil(6);
        orders.lasting = UNTIL_TERM * 2;
        orders
    });
    Assault {
        name: "all, and TERM".to_owned(),
        orders: orders.collect(),
        lasting: UNTIL_TERM * 2,
        bound: site::GRACE,
    }
}

fn orders(attack: Attack, (way, proxied): (Way, bool), number: u8, gate: &Gate) -> Orders {
    let terms = gate.site.terms;
    // Strangers come to nothing where they are dropped unheard: there it is senders that attack.
    let listed = terms.judgement == Judgement::Drop && attack.family() != Family::Crowd;
    let is_served = listed || terms.judgement == Judgement::Observe;
    let (addresses, connections) = match attack {
        Attack::ManyAddresses => (400, 400),
        Attack::OneSource | Attack::AbsentProxyHeaders => (1, 400),
        Attack::Connects => (4, 64),
        // Few, so that each sends much.
        Attack::Pipelining | Attack::UnreadAnswers if !is_served => (1, 4),
        _ => (1, CONNECTIONS),
    };
    let from = match (proxied, listed) {
        (true, _) => IpAddr::from([PROXY[0], PROXY[1], PROXY[2], number]),
        (false, true) => IpAddr::from(LISTED),
        (false, false) => IpAddr::from([127, 20 + number, 0, 1]),
    };
    let source = proxied.then(|| {
        let stranger = IpAddr::from([203, 0, 113, number]);
        if listed { IpAddr::from(LISTED) } else { stranger }
    });
    Orders {
        attack,
        to: gate.address(site::door(way, proxied)),
        from,
        addresses,
        way,
        source,
        connections,
        rate: rate(attack, is_served),
        lasting: LASTING,
        authority: gate.site.authority(),
    }
}

/// Steps a second of one attacker. What is forwarded takes the application's time too, which is not what is judged.
fn rate(attack: Attack, is_served: bool) -> u32 {
    match attack {
        Attack::Pipelining
        | Attack::UnreadAnswers
        | Attack::SlowReading
        | Attack::ZeroWindows
        | Attack::LateResets
        | Attack::RapidResets
            if is_served =>
        {
            500
        }
        // Many times what a bound lets through. More would not ask more of the gate: attackers, kernel and senders
        // share two cores, and the handling of the attackers' own packets would be what the senders wait for.
        Attack::Pipelining | Attack::UnreadAnswers => 30_000,
        Attack::OneSource | Attack::ManyAddresses => 1000,
        Attack::LateResets
        | Attack::RapidResets
        | Attack::SettingsFloods
        | Attack::PingFloods
        | Attack::EmptyFrames
        | Attack::EndlessContinuations => 10_000,
        Attack::EndlessHeads | Attack::TinyChunks => 5000,
        Attack::KeyUpdates => 6000,
        Attack::StoppedHandshakes | Attack::Partings => 300,
        Attack::Connects => 1500,
        _ => 3000,
    }
}
