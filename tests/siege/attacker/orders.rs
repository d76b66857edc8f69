//! What an attacker is told on its command line, and what it tells when it has stopped.

use std::cell::Cell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};

use crate::attacks::Attack;

/// What an attacker's connections speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// HTTP/1 on plain TCP.
    Plain,
    /// HTTP/1 over TLS.
    Tls,
    /// HTTP/2 without TLS.
    H2c,
    /// HTTP/2 over TLS.
    H2,
}

impl Way {
    const ALL: [Self; 4] = [Self::Plain, Self::Tls, Self::H2c, Self::H2];

    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::H2c => "h2c",
            Self::H2 => "h2",
        }
    }

    pub fn is_secured(self) -> bool {
        matches!(self, Self::Tls | Self::H2)
    }
}

/// One attacker's orders.
#[derive(Clone, Debug)]
pub struct Orders {
    pub attack: Attack,
    pub to: SocketAddr,
    /// The first of its addresses; the others follow.
    pub from: IpAddr,
    /// How many addresses it takes in turn.
    pub addresses: u32,
    pub way: Way,
    /// Whom its PROXY headers name, where the listener asks for one.
    pub source: Option<IpAddr>,
    pub connections: usize,
    /// Steps a second of the whole attacker: requests, frames, connections, whatever the attack is made of.
    pub rate: u32,
    pub lasting: Duration,
    /// The authority of the gate's certificate, a PEM file.
    pub authority: String,
}

impl Orders {
    /// The words of the command line.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec!["attack".to_owned(), self.attack.name().to_owned()];
        let mut put = |name: &str, value: &dyn fmt::Display| {
            words.extend([format!("--{name}"), value.to_string()]);
        };
        put("to", &self.to);
        put("from", &self.from);
        put("addresses", &self.addresses);
        put("way", &self.way.word());
        if let Some(source) = &self.source {
            put("source", source);
        }
        put("connections", &self.connections);
        put("rate", &self.rate);
        put("milliseconds", &self.lasting.as_millis());
        put("authority", &self.authority);
        words
    }

    /// Reads what follows the word `attack`.
    pub fn of(words: &[&str]) -> Self {
        let value = |name: &str| -> Option<&str> {
            let at = words.iter().position(|word| word.strip_prefix("--") == Some(name))?;
            words.get(at + 1).copied()
        };
        let needed = |name: &str| value(name).unwrap_or_else(|| panic!("an attacker needs --{name}"));
        let number =
            |name: &str| -> u64 { needed(name).parse().unwrap_or_else(|_| panic!("--{name} is a number")) };
        let named = words.first().copied().unwrap_or_default();
        Self {
            attack: Attack::of(named).unwrap_or_else(|| panic!("no attack is called {named:?}")),
            to: needed("to").parse().expect("--to is an address with a port"),
            from: needed("from").parse().expect("--from is an address"),
            addresses: u32::try_from(number("addresses")).expect("few addresses"),
            way: *Way::ALL.iter().find(|way| way.word() == needed("way")).expect("a way"),
            source: value("source").map(|source| source.parse().expect("--source is an address")),
            connections: usize::try_from(number("connections")).expect("few connections"),
            rate: u32::try_from(number("rate")).expect("a rate"),
            lasting: Duration::from_millis(number("milliseconds")),
            authority: needed("authority").to_owned(),
        }
    }
}

/// What an attacker knows of what it did. A request is `begun` until its last byte was handed to the kernel; then it
/// is `sent`. What was sent and not answered may or may not have been read by the gate: only it knows.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections that were made.
    pub connects: Cell<u64>,
    /// Connections that could not be made.
    pub refused: Cell<u64>,
    /// Connections that the gate ended before the attacker stopped.
    pub ended: Cell<u64>,
    /// Requests of which only a part was sent.
    pub begun: Cell<u64>,
    /// Requests that were sent whole.
    pub sent: Cell<u64>,
    /// Answers that came whole.
    pub heard: Cell<u64>,
}

pub fn add(cell: &Cell<u64>, more: u64) {
    cell.set(cell.get() + more);
}

impl Tally {
    /// Requests are about to be written.
    pub fn begin(&self, count: u64) {
        add(&self.begun, count);
    }

    /// They went out whole.
    pub fn end(&self, count: u64) {
        self.begun.set(self.begun.get() - count);
        add(&self.sent, count);
    }

    pub fn line(&self) -> String {
        json!({
            "connects": self.connects.get(), "refused": self.refused.get(), "ended": self.ended.get(),
            "begun": self.begun.get(), "sent": self.sent.get(), "heard": self.heard.get(),
        })
        .to_string()
    }

    /// Adds what another one told.
    pub fn take_in(&self, line: &str) {
        let told: Value = serde_json::from_str(line).expect("a tally");
        for (name, cell) in [
            ("connects", &self.connects),
            ("refused", &self.refused),
            ("ended", &self.ended),
            ("begun", &self.begun),
            ("sent", &self.sent),
            ("heard", &self.heard),
        ] {
            add(cell, told[name].as_u64().expect("a number"));
        }
    }
}
