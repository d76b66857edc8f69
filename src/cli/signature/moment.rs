//! The time that a signature is judged for, as somebody writes it: RFC 3339, or Unix seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::policy::address::range_list::Day;
use crate::telemetry::timestamp;
use crate::telemetry::timestamp::unix_seconds;

/// A time in whole Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub u64);

/// The text is no time.
#[derive(Debug, thiserror::Error)]
#[error("wanted a time such as 2026-11-27T21:30:00Z or 2026-11-27T22:30:00+01:00, or Unix seconds")]
pub(crate) struct NoTime;

impl Moment {
    /// The present. A clock before 1970 is taken for 1970.
    pub(super) fn now() -> Self {
        Self(unix_seconds(SystemTime::now()))
    }

    /// As in the logs, without the part of a second.
    pub(crate) fn text(self) -> String {
        let mut text = Vec::new();
        timestamp::write(&mut text, UNIX_EPOCH + Duration::from_secs(self.0.min(u64::from(u32::MAX) << 5)));
        String::from_utf8_lossy(&text).replace(".000Z", "Z")
    }
}

impl std::str::FromStr for Moment {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = if is_number { text.parse().ok() } else { rfc_3339(text) };
        seconds.map(Self).ok_or(NoTime)
    }
}

fn rfc_3339(text: &str) -> Option<u64> {
    let (day, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    // A part of a second does not count.
    let digits = rest
        .strip_prefix('.')
        .map_or(0, |fraction| 1 + fraction.bytes().take_while(u8::is_ascii_digit).count());
    let offset = offset(&rest[digits..])?;
    let [hour, minute, second] = numbers::<3>(time)?;
    (digits != 1 && hour < 24 && minute < 60 && second < 61).then_some(())?;
    let days = Day::parse(day)?.days_since_epoch();
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second - offset).ok()
}

/// How many seconds the clock of a place is ahead of UTC.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let [hours, minutes] = numbers::<2>(rest)?;
    (hours < 24 && minutes < 60).then_some(())?;
    match sign {
        "+" => Some(hours * 3600 + minutes * 60),
        "-" => Some(-(hours * 3600 + minutes * 60)),
        _ => None,
    }
}

/// Numbers of two digits with colons between them.
fn numbers<const COUNT: usize>(text: &str) -> Option<[i64; COUNT]> {
    let number = |part: &str| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok())?
    };
    text.split(':').map(number).collect::<Option<Vec<i64>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_forms() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("1700000000", Some(1_700_000_000)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000)),
            ("2023-11-14t22:13:20.999z", Some(1_700_000_000)),
            ("2023-11-14 23:13:20+01:00", Some(1_700_000_000)),
            ("2023-11-14T16:43:20-05:30", Some(1_700_000_000)),
            ("", None),
            ("yesterday", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("2023-11-14T22:13:20", None),
            ("2023-11-14T22:13Z", None),
            ("2023-11-14T24:13:20Z", None),
            ("2023-11-14T22:13:20.Z", None),
            ("2023-11-31T22:13:20Z", None),
            ("2023-11-14T22:13:20+1:00", None),
            ("2023-11-14T22:13:20é", None),
            ("1970-01-01T00:00:00+01:00", None),
        ] {
            assert_eq!(text.parse::<Moment>().ok().map(|moment| moment.0), wanted, "{text}");
        }
        assert_eq!(Moment(1_700_000_000).text(), "2023-11-14T22:13:20Z");
    }
}
