//! The parts of an exchange that is under way, copied as they pass by.
//!
//! Invariant: what is copied is counted before; what there is no room for is left out, and its length is known.

use std::sync::Arc;
use std::time::Instant;

use crate::policy::admission::Permit;
use crate::state::capture::account::Charge;
use crate::state::capture::exchange::{Cut, Parts};
use crate::state::capture::ring::Room;
use crate::state::capture::vault::Vault;

/// The bytes of a body, and of a head, that are kept.
pub(crate) const MOST_OF_A_PART: usize = 16 << 10;
/// What an exchange holds besides its bytes.
const FIXED: u64 = 1024;

/// An exchange under way.
#[derive(Debug)]
pub(crate) struct Draft {
    vault: Arc<Vault>,
    /// How much there is room for.
    pub room: Room,
    charge: Option<Charge>,
    parts: Parts,
    /// When the request was judged.
    pub judged: Instant,
    /// When its body was whole.
    pub read: Option<Instant>,
    /// When the reply was known.
    pub decided: Option<Instant>,
}

impl Draft {
    pub(super) fn new(vault: Arc<Vault>, room: Room, with_bodies: bool) -> Self {
        let parts = Parts { with_bodies, ..Parts::default() };
        Self { vault, room, charge: None, parts, judged: Instant::now(), read: None, decided: None }
    }

    /// The request's body, which is whole now.
    pub(crate) fn request_body(&mut self, body: &[u8]) {
        self.read = Some(Instant::now());
        self.parts.request.body = self.body(body);
    }

    /// The message's head as the application gets it, and the permit for that.
    pub(crate) fn forwarded(&mut self, head: &[u8], permit: &Permit) {
        self.parts.forwarded = self.cut(head);
        self.parts.permit = Some(permit.clone());
    }

    /// The application's answer.
    pub(crate) fn answer(&mut self, head: &[u8], body: &[u8]) {
        self.parts.answer.head = self.cut(head);
        self.parts.answer.body = self.body(body);
    }

    /// The reply to the sender, head and body in one.
    pub(crate) fn reply(&mut self, reply: &[u8]) {
        self.decided = Some(Instant::now());
        let end = memchr::memmem::find(reply, b"\r\n\r\n").map_or(reply.len(), |end| end + 4);
        let (head, body) = reply.split_at(end);
        self.parts.reply.head = self.cut(head);
        self.parts.reply.body = self.body(body);
    }

    /// The whole, with the request's head. `None` where there is no room for any of it.
    pub(crate) fn finish(mut self, head: &[u8]) -> Option<(Parts, Charge)> {
        self.parts.request.head = self.cut(head);
        let mut charge = self.vault.charge(FIXED, self.room)?;
        if let Some(before) = self.charge.take() {
            charge.add(before);
        }
        Some((self.parts, charge))
    }

    fn body(&mut self, bytes: &[u8]) -> Cut {
        if self.parts.with_bodies { self.cut(bytes) } else { Cut { whole: bytes.len(), ..Cut::default() } }
    }

    fn cut(&mut self, bytes: &[u8]) -> Cut {
        let kept = &bytes[..bytes.len().min(MOST_OF_A_PART)];
        let has_room = match self.vault.charge(kept.len() as u64, self.room) {
            Some(charge) => {
                match &mut self.charge {
                    Some(all) => all.add(charge),
                    none => *none = Some(charge),
                }
                true
            }
            None => false,
        };
        Cut { bytes: if has_room { kept.into() } else { Box::default() }, whole: bytes.len() }
    }
}
