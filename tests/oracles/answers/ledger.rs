//! What the application did, in its own words: by request, and by connection in the order in which it happened.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::plan::Kind;

/// Requests of a round are numbered; the number is the token in the path.
#[derive(Default)]
pub struct Ledger {
    pages: Mutex<Pages>,
}

#[derive(Default)]
pub struct Pages {
    /// By token: where the request arrived; more than once where the gate sent it again.
    pub arrivals: BTreeMap<usize, Vec<Arrival>>,
    pub connections: Vec<Vec<Event>>,
    pub faults: BTreeMap<Kind, usize>,
}

#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub connection: usize,
    /// When its head was read.
    pub at: Instant,
    pub kind: Kind,
    /// The status of the whole answer that was written to it.
    pub completed: Option<u16>,
}

/// One thing that happened on a connection.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub at: Instant,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Arrived {
        token: usize,
        kind: Kind,
    },
    Answered {
        token: usize,
        status: u16,
    },
    WrotePart {
        token: usize,
        bytes: usize,
    },
    /// Bytes that belong to no answer.
    WroteOther {
        token: usize,
        bytes: usize,
    },
    IdleTimeout,
    Unasked,
    Closed,
    Reset,
    /// The gate closed it.
    GateClosed,
}

impl Ledger {
    pub fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("the ledger")
    }

    pub fn open(&self) -> usize {
        let mut pages = self.pages();
        pages.connections.push(Vec::new());
        pages.connections.len() - 1
    }

    pub fn note(&self, connection: usize, at: Instant, what: What) {
        let mut pages = self.pages();
        pages.connections[connection].push(Event { at, what });
        match what {
            What::Arrived { token, kind } => {
                let arrival = Arrival { connection, at, kind, completed: None };
                pages.arrivals.entry(token).or_default().push(arrival);
                if kind != Kind::Right {
                    *pages.faults.entry(kind).or_default() += 1;
                }
            }
            What::Answered { token, status } => {
                let arrivals = pages.arrivals.get_mut(&token).expect("it arrived");
                let here = arrivals.iter_mut().rfind(|arrival| arrival.connection == connection);
                here.expect("it arrived here").completed = Some(status);
            }
            What::Unasked => *pages.faults.entry(Kind::Unasked).or_default() += 1,
            _ => {}
        }
    }
}

pub fn is_success(status: u16) -> bool {
    (200..=205).contains(&status)
}

impl Pages {
    /// Whether a success was completed for this request.
    pub fn succeeded(&self, token: usize) -> bool {
        self.completed(token).any(is_success)
    }

    pub fn completed(&self, token: usize) -> impl Iterator<Item = u16> {
        self.arrivals.get(&token).into_iter().flatten().filter_map(|arrival| arrival.completed)
    }

    /// The last place where it arrived.
    pub fn place(&self, token: usize) -> Option<Arrival> {
        self.arrivals.get(&token)?.last().copied()
    }

    /// When the bytes were written that a sender heard in place of the answer to `token`: those of the request that the
    /// answer named, or else of any other, the last before its own.
    pub fn foreign_bytes(&self, token: usize, named: Option<usize>) -> Option<Instant> {
        let arrival = self.place(token)?;
        let events = &self.connections[arrival.connection];
        let written_for = |what: What| match what {
            What::Answered { token, .. } | What::WrotePart { token, .. } | What::WroteOther { token, .. } => {
                Some(token)
            }
            _ => None,
        };
        // What came after its own answer was not what the sender heard.
        let own = |event: &Event| matches!(event.what, What::Answered { token: own, .. } if own == token);
        let end = events.iter().position(own).unwrap_or(events.len());
        let foreign = |event: &&Event| match (written_for(event.what), named) {
            (Some(by), Some(named)) if named != token => by == named,
            (Some(by), _) => by != token,
            (None, _) => false,
        };
        events[..end].iter().rfind(foreign).map(|event| event.at)
    }

    /// What happened on the connection of a request, around it.
    pub fn story(&self, token: usize) -> String {
        let Some(arrival) = self.place(token) else { return "it never arrived".to_owned() };
        let events = &self.connections[arrival.connection];
        let place = events.iter().position(|event| event.at >= arrival.at).unwrap_or(0);
        let from = place.saturating_sub(6);
        let lines = events[from..events.len().min(place + 5)].iter().map(|event| {
            let after = event.at.saturating_duration_since(arrival.at).as_secs_f64() * 1000.0;
            let before = arrival.at.saturating_duration_since(event.at).as_secs_f64() * 1000.0;
            format!("    {:+9.3} ms {:?}\n", after - before, event.what)
        });
        format!("connection {}:\n{}", arrival.connection, lines.collect::<String>())
    }
}
