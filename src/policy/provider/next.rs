//! What a sender does after a try, from its row.
//!
//! What no document says is [`Next::Unstated`]: count the message as lost. How that is told to people:
//! [`super::outlook`]. Invariant: a message that is not delivered is never called so, and every row ends.

use std::time::Duration;

use crate::policy::provider::spec::{AnswerRule, Spec};
use crate::policy::provider::tries::{Bound, Ended, Otherwise, Schedule};

/// One try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// Which one; the first is 1.
    pub number: u32,
    /// From the begin of the first try to the end of this one.
    pub since_first: Duration,
    /// How it ended.
    pub ended: Ended,
}

impl Try {
    /// The first try of a message.
    #[must_use]
    pub fn first(ended: Ended) -> Self {
        Self { number: 1, since_first: Duration::ZERO, ended }
    }
}

/// What the sender does after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the message is delivered.
    Delivered,
    /// It tries again after this time.
    Again(Duration),
    /// It asks the fallback URL.
    Fallback,
    /// Nothing: the message is lost.
    Lost,
    /// No document says.
    Unstated,
}

impl Schedule {
    /// The wait after a try, unless the sender gives up.
    fn wait_after(&self, one: Try) -> Option<Duration> {
        let wait = self.wait(one.number);
        let goes_on = match self.bound {
            Bound::Time(time) => one.since_first.saturating_add(wait) <= time,
            Bound::Tries(most) => one.number < most,
        };
        goes_on.then_some(wait)
    }
}

impl Spec {
    /// What the sender does after a try.
    #[must_use]
    pub fn after(&self, one: Try) -> Next {
        self.after_by(one, self.tries.schedules.first())
    }

    /// What it does by another schedule of the documents.
    #[must_use]
    pub fn after_by(&self, one: Try, schedule: Option<&Schedule>) -> Next {
        if self.is_delivered(one.ended) {
            return Next::Delivered;
        }
        let is_tried_again = self.is_tried_again(one.ended);
        let wait = schedule.filter(|_| is_tried_again).and_then(|schedule| schedule.wait_after(one));
        match (wait, self.tries.otherwise) {
            (Some(wait), _) => Next::Again(wait),
            (None, Otherwise::Fallback(_)) => Next::Fallback,
            (None, Otherwise::Lost(_)) => Next::Lost,
            (None, Otherwise::Unstated) if is_tried_again && schedule.is_some() => Next::Lost,
            (None, Otherwise::Unstated) => Next::Unstated,
        }
    }

    /// Whether the sender counts the message as delivered. Where it reads the answer, only one status has what it needs.
    #[must_use]
    pub fn is_delivered(&self, ended: Ended) -> bool {
        match (ended, self.answer) {
            (Ended::Status(status), AnswerRule::Any) => self.success.contains(&status),
            (Ended::Status(status), AnswerRule::Content { status: wanted, .. }) => status == wanted,
            _ => false,
        }
    }

    fn is_tried_again(&self, ended: Ended) -> bool {
        match ended {
            Ended::Status(status) => self.tries.statuses.iter().any(|range| range.contains(&status)),
            silence => self.tries.silences.contains(&silence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::provider::DEFAULT;

    fn spec(name: &str) -> &'static Spec {
        DEFAULT.webhook(name).unwrap().spec()
    }

    /// The moments of all tries, in seconds, of an application that fails so without taking time.
    fn moments(spec: &Spec, ended: Ended, schedule: usize) -> (Vec<u64>, Next) {
        let (mut at, mut all) = (Duration::ZERO, Vec::new());
        for number in 1.. {
            all.push(at.as_secs());
            let one = Try { number, since_first: at, ended };
            match spec.after_by(one, spec.tries.schedules.get(schedule)) {
                Next::Again(wait) => at += wait,
                end => return (all, end),
            }
        }
        unreachable!()
    }

    #[test]
    fn sms_is_tried_every_minute_for_one_day_and_receipts_for_three() {
        for (name, hours) in [("sms-inbound", 24), ("sms-delivery-receipt", 72), ("short-code", 24)] {
            let (all, end) = moments(spec(name), Ended::Status(503), 0);
            assert_eq!(all, (0..=hours * 60).map(|minute| minute * 60).collect::<Vec<u64>>(), "{name}");
            assert_eq!(end, Next::Lost);
        }
    }

    #[test]
    fn the_common_service_doubles_from_5_s_to_15_min_for_a_day() {
        let kinds = [("messages-inbound", 0), ("messages-status", 0), ("verify", 0), ("sms-inbound", 1)];
        for (name, schedule) in kinds {
            for ended in [Ended::Status(429), Ended::Status(500), Ended::TimedOut, Ended::Closed] {
                let (all, end) = moments(spec(name), ended, schedule);
                let waits: Vec<u64> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
                assert_eq!(waits[..8], [5, 10, 20, 40, 80, 160, 320, 640], "{name}");
                assert!(waits[8..].iter().all(|wait| *wait == 900), "{name}");
                assert!((86_400 - 900..=86_400).contains(all.last().unwrap()), "{name}");
                assert_eq!(end, Next::Lost);
            }
        }
    }

    #[test]
    fn voice_tries_twice_and_only_after_what_its_documents_name() {
        for status in 200..600 {
            let (all, end) = moments(spec("voice-answer"), Ended::Status(status), 0);
            let (tries, wanted) = match status {
                200 => (1, Next::Delivered),
                429 | 503 | 504 => (2, Next::Fallback),
                _ => (1, Next::Fallback),
            };
            assert_eq!((all, end), (vec![0; tries], wanted), "{status}");
            let (all, end) = moments(spec("voice-fallback"), Ended::Status(status), 0);
            let wanted = if status == 200 { Next::Delivered } else { Next::Lost };
            assert_eq!((all, end), (vec![0; tries], wanted), "{status}");
        }
        for (ended, tries) in [
            (Ended::TimedOut, 2),
            (Ended::Closed, 2),
            (Ended::NoConnection, 1),
            (Ended::Untrusted, 1),
            (Ended::Unusable, 1),
            (Ended::Garbled, 1),
        ] {
            for name in ["voice-answer", "voice-event"] {
                assert_eq!(moments(spec(name), ended, 0), (vec![0; tries], Next::Fallback), "{ended:?}");
            }
        }
    }

    #[test]
    fn what_no_document_says_is_never_called_a_retry() {
        for (name, status, wanted) in [
            ("sms-inbound", 404, Next::Unstated),
            ("sms-inbound", 302, Next::Unstated),
            ("messages-inbound", 206, Next::Unstated),
            ("messages-status", 401, Next::Unstated),
            ("verify", 404, Next::Again(Duration::from_secs(5))),
            ("verify", 206, Next::Unstated),
            ("number-insight", 503, Next::Unstated),
            ("rtc-event", 503, Next::Unstated),
            ("generic", 503, Next::Unstated),
            ("generic", 205, Next::Delivered),
        ] {
            assert_eq!(spec(name).after(Try::first(Ended::Status(status))), wanted, "{name} {status}");
        }
    }

    #[test]
    fn every_row_ends_after_a_bounded_number_of_tries() {
        let silences =
            [Ended::Unusable, Ended::NoConnection, Ended::TimedOut, Ended::Untrusted, Ended::Garbled];
        let mut rows = 0;
        for webhook in DEFAULT.webhooks() {
            let spec = webhook.spec();
            assert!(!spec.tries.sender.is_empty() && !spec.tries.source.is_empty(), "{}", spec.name);
            assert!(spec.deadline < spec.tries.answer, "{}: the gate answers first", spec.name);
            for ended in (200..600).map(Ended::Status).chain(silences) {
                for schedule in 0..=spec.tries.schedules.len() {
                    let (all, end) = moments(spec, ended, schedule);
                    assert!(all.len() <= 72 * 60 + 1, "{} {ended:?}", spec.name);
                    assert_eq!(end == Next::Delivered, spec.is_delivered(ended));
                    rows += 1;
                }
            }
        }
        assert!(rows > 12 * 400, "{rows}");
    }

    #[test]
    fn a_wait_never_overflows() {
        let schedule = spec("verify").tries.schedules[0];
        assert_eq!(schedule.wait(u32::MAX), schedule.most);
        assert_eq!(schedule.wait(0), schedule.first);
        let last = Try { number: u32::MAX, since_first: Duration::MAX, ended: Ended::Status(503) };
        assert_eq!(spec("verify").after(last), Next::Lost);
    }
}
