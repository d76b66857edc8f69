//! How Nexmo tries each kind of webhook.
//!
//! Support articles are named by their numbers. The application specification is the vendor's application.v2.yml, the
//! Voice webhook reference its page of 2020-11-18.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::policy::provider::tries::{Bound, Ended, Otherwise, Schedule, Tries};

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Article 226572227: every minute, for 24 hours.
const EVERY_MINUTE: Schedule = Schedule { first: MINUTE, most: MINUTE, bound: Bound::Time(DAY) };
/// The same article: receipts for 72 hours.
const THREE_DAYS: Schedule = Schedule { bound: Bound::Time(Duration::from_secs(72 * 3600)), ..EVERY_MINUTE };
/// Article 360028543292, which is newer: after 5 s, doubling to 15 minutes, dropped after 24 hours.
const DOUBLING: Schedule =
    Schedule { first: Duration::from_secs(5), most: Duration::from_secs(15 * 60), bound: Bound::Time(DAY) };
/// Application specification: exactly one retry. No document names a wait.
const ONCE_MORE: Schedule = Schedule { first: Duration::ZERO, most: Duration::ZERO, bound: Bound::Tries(2) };

/// Article 360028543292: these are attempted again. Of other statuses it says nothing.
const TEMPORARY: &[RangeInclusive<u16>] = &[429..=429, 500..=599];
/// Application specification.
const OF_VOICE: &[RangeInclusive<u16>] = &[429..=429, 503..=504];
/// Verify v2 guide: anything other than a 2xx.
const NO_SUCCESS: &[RangeInclusive<u16>] = &[300..=599];
/// The older documents try again whatever is not acknowledged. The newer ones name statuses only.
const ALL_SILENCES: &[Ended] =
    &[Ended::NoConnection, Ended::TimedOut, Ended::Closed, Ended::Untrusted, Ended::Garbled];
/// Application specification: connect time-out, read time-out, connection closed or reset. A refused connection is not
/// named; article 115016024247 names a certificate that is not trusted among what is never retried.
const SILENCES_OF_VOICE: &[Ended] = &[Ended::TimedOut, Ended::Closed];

/// A message to one of the account's numbers.
pub(super) const SMS: Tries = Tries {
    sender: "SMS",
    connect: Duration::from_secs(3),
    answer: Duration::from_secs(15),
    schedules: &[EVERY_MINUTE, DOUBLING],
    statuses: TEMPORARY,
    silences: ALL_SILENCES,
    otherwise: Otherwise::Unstated,
    only: None,
    source: "support articles 226572227 (times) and 360028543292 (statuses; it has the second schedule)",
};

/// A delivery receipt.
pub(super) const SMS_RECEIPT: Tries = Tries { schedules: &[THREE_DAYS, DOUBLING], ..SMS };

/// What the common callback service sends.
pub(super) const MESSAGES: Tries = Tries {
    sender: "Messages",
    schedules: &[DOUBLING],
    source: "support article 360028543292; its time-outs are not published, so they are those of SMS",
    ..SMS
};

/// Events and summaries of Verify v2.
pub(super) const VERIFY: Tries = Tries {
    sender: "Verify",
    statuses: NO_SUCCESS,
    source: "Verify v2 webhook guide (statuses); its schedule is not published, so it is that of Messages",
    ..MESSAGES
};

/// Asks for the first NCCO of a call.
pub(super) const ANSWER: Tries = Tries {
    sender: "Voice",
    connect: Duration::from_secs(1),
    answer: Duration::from_secs(5),
    schedules: &[ONCE_MORE],
    statuses: OF_VOICE,
    silences: SILENCES_OF_VOICE,
    otherwise: Otherwise::Fallback("the call ends"),
    only: None,
    source: "application specification; Voice webhook reference; support articles 17498678806044 and 115016024247",
};

/// Reports an event of a call.
pub(super) const EVENT: Tries = Tries {
    answer: Duration::from_secs(10),
    otherwise: Otherwise::Fallback("the call goes on"),
    only: Some("an event that awaits an NCCO"),
    source: "Voice webhook reference, for events that are answered with an NCCO; of the others no document says",
    ..ANSWER
};

/// Asks instead of the answer or event webhook that failed.
pub(super) const FALLBACK: Tries = Tries {
    otherwise: Otherwise::Lost("the call ends, or goes on if it had begun"),
    source: "Voice webhook reference: twice, and then no more",
    ..ANSWER
};

/// What is known of nothing else.
const UNKNOWN: Tries = Tries {
    sender: "Nexmo",
    schedules: &[],
    statuses: &[],
    silences: &[],
    source: "no document says; the time-outs are those of SMS",
    ..SMS
};

/// The result of a Number Insight request.
pub(super) const INSIGHT: Tries = Tries { sender: "Number Insight", ..UNKNOWN };

/// An event of a conversation.
pub(super) const RTC: Tries = Tries {
    sender: "RTC",
    connect: Duration::from_secs(1),
    answer: Duration::from_secs(10),
    source: "no document says; the time-outs are those of Voice events",
    ..UNKNOWN
};

/// A webhook of no known kind.
pub(super) const GENERIC: Tries = UNKNOWN;
