//! The last exchanges, the oldest first, within a number and a number of bytes.
//!
//! Those that strangers cause stand apart: a flood of them takes no more than half of the room from the others. Invariant:
//! numbers rise, and no number is there twice.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::state::capture::exchange::Exchange;

/// The bytes of all exchanges.
const MOST: u64 = 1 << 20;

/// How much there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Exchanges.
    pub keep: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Bytes of them and of messages: above, a message needs the room.
    pub with_messages: u64,
}

impl Room {
    /// The room beside messages of `buffers` bytes.
    #[must_use]
    pub(crate) fn of(keep: usize, buffers: usize) -> Self {
        let buffers = buffers as u64;
        Self { keep, bytes: MOST.min(buffers / 4), with_messages: buffers - buffers / 4 }
    }
}

/// The exchanges.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Those of senders that were admitted.
    welcome: VecDeque<Arc<Exchange>>,
    /// Those that strangers cause.
    unwelcome: VecDeque<Arc<Exchange>>,
    last: u64,
}

impl Ring {
    /// The number for the next exchange.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The number of the last exchange.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Adds one, and forgets what there is no room for.
    pub(super) fn push(&mut self, exchange: Arc<Exchange>, room: Room) {
        if exchange.is_unwelcome() {
            self.unwelcome.push_back(exchange);
        } else {
            self.welcome.push_back(exchange);
        }
        self.shorten(room.keep);
    }

    /// Forgets what is over this number.
    pub(super) fn shorten(&mut self, keep: usize) {
        while self.welcome.len() + self.unwelcome.len() > keep && self.pop().is_some() {}
    }

    /// Forgets the oldest, of the kind that has more than half.
    pub(super) fn pop(&mut self) -> Option<Arc<Exchange>> {
        let (one, other) =
            if bytes(&self.unwelcome) > bytes(&self.welcome) || self.unwelcome.len() > self.welcome.len() {
                (&mut self.unwelcome, &mut self.welcome)
            } else {
                (&mut self.welcome, &mut self.unwelcome)
            };
        one.pop_front().or_else(|| other.pop_front())
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) -> Vec<Arc<Exchange>> {
        self.welcome.drain(..).chain(self.unwelcome.drain(..)).collect()
    }

    /// Whether a body is kept.
    pub(super) fn has_bodies(&self) -> bool {
        self.welcome.iter().chain(&self.unwelcome).any(|exchange| exchange.parts.with_bodies)
    }

    /// Those behind this number, the oldest first.
    pub(super) fn after(&self, number: u64) -> Vec<Arc<Exchange>> {
        let all = self.welcome.iter().chain(&self.unwelcome);
        let mut found: Vec<_> = all.filter(|exchange| exchange.number > number).cloned().collect();
        found.sort_by_key(|exchange| exchange.number);
        found
    }
}

fn bytes(some: &VecDeque<Arc<Exchange>>) -> u64 {
    some.iter().map(|exchange| exchange.charge.bytes()).sum()
}
