//! What a sender does after a try, in one sentence for people: `503: SMS sends it again in 60 s (by another article in
//! 5 s), for 24 h`.

use std::fmt::Write as _;
use std::time::Duration;

use crate::policy::provider::next::{Next, Try};
use crate::policy::provider::spec::{RelayAs, Spec};
use crate::policy::provider::tries::{Bound, Ended, Otherwise, Schedule, Tries};

impl Spec {
    /// How a try ended, and what the sender does now.
    #[must_use]
    pub fn outlook(&self, one: Try) -> String {
        self.outlook_by(one, self.tries.schedules.first())
    }

    /// The same by another schedule of the documents.
    #[must_use]
    pub fn outlook_by(&self, one: Try, schedule: Option<&Schedule>) -> String {
        let next = match self.after_by(one, schedule) {
            Next::Delivered => self.on_delivered(one.ended),
            Next::Again(wait) => self.tries.on_again(one, wait, schedule) + &self.tries.exception(),
            Next::Fallback => self.tries.on_fallback(one.number) + &self.tries.exception(),
            Next::Lost => self.tries.on_lost(one.number, schedule),
            Next::Unstated => {
                format!("no document says that {} sends it again; count it as lost", self.tries.sender)
            }
        };
        format!("{}: {next}", self.tries.how(one.ended))
    }

    /// The status that the gate makes of it is the one that every document counts.
    fn on_delivered(&self, ended: Ended) -> String {
        match (ended, self.relay_as) {
            (Ended::Status(200), _) | (_, RelayAs::Same) | (Ended::Status(204), RelayAs::OkOrNoContent) => {
                "delivered".to_owned()
            }
            (_, RelayAs::Ok) => hedged("200"),
            (_, RelayAs::OkOrNoContent) => hedged("200 and 204"),
        }
    }
}

fn hedged(statuses: &str) -> String {
    format!("delivered by one document, while others count only {statuses}; 200 is safe")
}

impl Tries {
    /// How a try ended, in words.
    #[must_use]
    pub fn how(&self, ended: Ended) -> String {
        match ended {
            Ended::Status(status) => return status.to_string(),
            Ended::Unusable => return format!("an answer that {} cannot use", self.sender),
            Ended::NoConnection => "no connection",
            Ended::TimedOut => "no answer in time",
            Ended::Closed => "closed before the answer was complete",
            Ended::Untrusted => "a certificate that is not trusted",
            Ended::Garbled => "an answer that is no HTTP",
        }
        .to_owned()
    }

    fn on_again(&self, one: Try, wait: Duration, schedule: Option<&Schedule>) -> String {
        let when = if wait.is_zero() { "at once".to_owned() } else { format!("in {}", span(wait)) };
        let mut text = format!("{} sends it again {when}", self.sender);
        // Writing to a String cannot fail, here and below.
        if let Some(other) = self.schedules.iter().find(|other| Some(*other) != schedule) {
            let _ = write!(text, " (by another article in {})", span(other.wait(one.number)));
        }
        match schedule.map(|schedule| schedule.bound) {
            Some(Bound::Time(time)) => {
                let _ = write!(text, ", for {}", span(time));
            }
            Some(Bound::Tries(most)) => {
                let _ = write!(text, ", {} in all; then {}", times(most), self.afterwards());
            }
            None => {}
        }
        text
    }

    fn on_fallback(&self, number: u32) -> String {
        let why = if number == 1 {
            format!("{} does not send it again", self.sender)
        } else {
            format!("{} has sent it {}", self.sender, times(number))
        };
        format!("{why}; {}", self.afterwards())
    }

    fn on_lost(&self, number: u32, schedule: Option<&Schedule>) -> String {
        let tried = match schedule.map(|schedule| schedule.bound) {
            _ if number == 1 => format!("{} does not send it again", self.sender),
            Some(Bound::Time(time)) => format!("{} has sent it for {} and gives up", self.sender, span(time)),
            _ => format!("{} has sent it {} and gives up", self.sender, times(number)),
        };
        format!("{tried}; {}", self.afterwards())
    }

    /// Which messages of the kind no document speaks of.
    fn exception(&self) -> String {
        let Some(only) = self.only else { return String::new() };
        format!(". That is so for {only}; of others no document says")
    }

    /// What follows when nothing is sent again.
    fn afterwards(&self) -> String {
        match self.otherwise {
            Otherwise::Fallback(without) => {
                format!("it asks the fallback URL, and where none is set {without}")
            }
            Otherwise::Lost(what) => what.to_owned(),
            Otherwise::Unstated => "it is lost".to_owned(),
        }
    }
}

/// A wait in its largest unit that gives a whole number.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        3600.. if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        120.. if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

fn times(number: u32) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::provider::DEFAULT;
    use crate::policy::provider::github::GITHUB;

    fn told(webhook: &str, number: u32, hours: u64, ended: Ended) -> String {
        let since_first = Duration::from_secs(3600 * hours);
        DEFAULT.webhook(webhook).unwrap().spec().outlook(Try { number, since_first, ended })
    }

    /// Webhook, number of the try, hours since the first one, how it ended, what is told.
    const TOLD: [(&str, u32, u64, Ended, &str); 18] = [
        ("sms-inbound", 1, 0, Ended::Status(200), "200: delivered"),
        ("sms-inbound", 1, 0, Ended::Status(204), "204: delivered"),
        (
            "sms-inbound",
            1,
            0,
            Ended::Status(201),
            "201: delivered by one document, while others count only 200 and 204; 200 is safe",
        ),
        (
            "messages-inbound",
            1,
            0,
            Ended::Status(204),
            "204: delivered by one document, while others count only 200; 200 is safe",
        ),
        (
            "sms-inbound",
            1,
            0,
            Ended::Status(503),
            "503: SMS sends it again in 60 s (by another article in 5 s), for 24 h",
        ),
        (
            "sms-delivery-receipt",
            9,
            1,
            Ended::NoConnection,
            "no connection: SMS sends it again in 60 s (by another article in 15 min), for 72 h",
        ),
        (
            "sms-inbound",
            1441,
            24,
            Ended::TimedOut,
            "no answer in time: SMS has sent it for 24 h and gives up; it is lost",
        ),
        (
            "sms-inbound",
            1,
            0,
            Ended::Status(302),
            "302: no document says that SMS sends it again; count it as lost",
        ),
        ("messages-status", 4, 0, Ended::Status(500), "500: Messages sends it again in 40 s, for 24 h"),
        ("messages-status", 9, 0, Ended::Status(500), "500: Messages sends it again in 15 min, for 24 h"),
        ("verify", 1, 0, Ended::Status(404), "404: Verify sends it again in 5 s, for 24 h"),
        (
            "voice-answer",
            1,
            0,
            Ended::Status(503),
            "503: Voice sends it again at once, twice in all; then it asks the fallback URL, and where none is set \
             the call ends",
        ),
        (
            "voice-answer",
            2,
            0,
            Ended::TimedOut,
            "no answer in time: Voice has sent it twice; it asks the fallback URL, and where none is set the call ends",
        ),
        (
            "voice-answer",
            1,
            0,
            Ended::Status(204),
            "204: Voice does not send it again; it asks the fallback URL, and where none is set the call ends",
        ),
        (
            "voice-event",
            1,
            0,
            Ended::Closed,
            "closed before the answer was complete: Voice sends it again at once, twice in all; then it asks the \
             fallback URL, and where none is set the call goes on. That is so for an event that awaits an NCCO; of \
             others no document says",
        ),
        (
            "voice-fallback",
            2,
            0,
            Ended::Status(503),
            "503: Voice has sent it twice and gives up; the call ends, or goes on if it had begun",
        ),
        (
            "voice-answer",
            1,
            0,
            Ended::Unusable,
            "an answer that Voice cannot use: Voice does not send it again; it asks the fallback URL, and where none \
             is set the call ends",
        ),
        (
            "number-insight",
            1,
            0,
            Ended::Untrusted,
            "a certificate that is not trusted: no document says that Number Insight sends it again; count it as lost",
        ),
    ];

    #[test]
    fn the_outlook_says_how_a_try_ended_and_what_the_sender_does_now() {
        for (webhook, number, hours, ended, wanted) in TOLD {
            assert_eq!(told(webhook, number, hours, ended), wanted);
        }
    }

    #[test]
    fn the_outlook_of_another_schedule_names_the_first_as_the_other() {
        let spec = DEFAULT.webhook("sms-inbound").unwrap().spec();
        let told = spec.outlook_by(Try::first(Ended::Status(500)), spec.tries.schedules.get(1));
        assert_eq!(told, "500: SMS sends it again in 5 s (by another article in 60 s), for 24 h");
    }

    #[test]
    fn another_provider_brings_its_own_words() {
        let spec = GITHUB.webhook("hooks").unwrap().spec();
        assert_eq!(spec.outlook(Try::first(Ended::Status(299))), "299: delivered");
        let lost = "404: GitHub does not send it again; somebody must redeliver it by hand";
        assert_eq!(spec.outlook(Try::first(Ended::Status(404))), lost);
    }
}
