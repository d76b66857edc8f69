//! How often each question was sent, and how often the gate says that it came.
//!
//! Every question of a run counts, whatever it asks: a front may copy some kinds of requests alone. Nothing is decided here.

use std::collections::HashMap;

use crate::judge::served::doctor::PATH;
use crate::judge::served::seen::Seen;
use crate::state::doctor::LETTERS;
use crate::state::doctor::proof::NONCE;

/// A question that came more often than it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Surplus {
    /// The method.
    pub method: String,
    /// How often it was sent by then.
    pub sent: u32,
    /// How often it had come by then.
    pub came: u32,
}

/// The questions of a run: never more than a run has requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: HashMap<Vec<u8>, u32>,
    /// Answers that had a count.
    pub counted: u32,
    /// The first question that came too often.
    pub surplus: Option<Surplus>,
}

impl Tally {
    /// Bytes are sent. Each nonce in them is asked once more: a request may hide another.
    pub(crate) fn send(&mut self, asked: &[u8]) {
        for place in memchr::memmem::find_iter(asked, PATH) {
            let begin = place + PATH.len() + LETTERS + 1;
            if let Some(nonce) = asked.get(begin..begin + NONCE) {
                let sent = self.sent.entry(nonce.to_vec()).or_default();
                *sent = sent.saturating_add(1);
            }
        }
    }

    /// The gate proves what it saw of the question with this nonce.
    pub(crate) fn come(&mut self, nonce: &str, seen: &Seen) {
        let Some(sent) = self.sent.get(nonce.as_bytes()).copied() else { return };
        self.counted += 1;
        if seen.times > sent && self.surplus.is_none() {
            self.surplus = Some(Surplus { method: seen.method.clone(), sent, came: seen.times });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_may_come_as_often_as_it_was_sent_and_no_more() {
        let nonce = "00112233445566778899aabbccddeeff";
        let id = "0123456789abcdef0123456789abcdef01234567";
        let asked = format!("POST /a/.well-known/nexmo-gate/{id}/{nonce}/x HTTP/1.1\r\n\r\n");
        let seen = |times| Seen { method: "POST".into(), times, ..Seen::default() };
        let mut tally = Tally::default();
        tally.come(nonce, &seen(9));
        assert_eq!(tally.counted, 0, "what was never sent is not counted");
        for times in [1, 2] {
            tally.send(asked.as_bytes());
            tally.come(nonce, &seen(times));
        }
        assert_eq!((tally.counted, &tally.surplus), (2, &None));
        tally.send(asked.as_bytes());
        tally.come(nonce, &seen(4));
        assert_eq!(tally.surplus, Some(Surplus { method: "POST".into(), sent: 3, came: 4 }));
    }
}
