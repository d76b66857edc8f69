//! A day in a range file.

use std::fmt;

use time::{Date, Month};

/// The first day of the epoch, as a Julian day.
const EPOCH: i32 = 2_440_588;

/// A day of the Gregorian calendar from 1970 to 9999. Compares in time order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// Days since 1970-01-01.
    #[must_use]
    pub fn days_since_epoch(self) -> i64 {
        i64::from(self.0.to_julian_day() - EPOCH)
    }

    /// The day of a time in Unix seconds. A time that no day of the calendar has is the first one.
    pub(crate) fn at(seconds: u64) -> Self {
        let days = i32::try_from(seconds / 86_400).unwrap_or(0);
        let date = Date::from_julian_day(EPOCH.saturating_add(days)).ok();
        Self(date.or_else(|| Date::from_julian_day(EPOCH).ok()).unwrap_or(Date::MIN))
    }

    /// Whether it has not begun anywhere on earth, where it is `today` in UTC. Somewhere it is tomorrow already.
    pub(crate) fn is_to_come(self, today: Self) -> bool {
        self.days_since_epoch() - today.days_since_epoch() > 1
    }

    /// Reads `2026-11-21`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut number = |width: usize| -> Option<u16> {
            let part = parts.next()?;
            (part.len() == width && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let (year, month, day) = (number(4)?, u8::try_from(number(2)?).ok()?, u8::try_from(number(2)?).ok()?);
        let date = Date::from_calendar_date(year.into(), Month::try_from(month).ok()?, day).ok()?;
        (year >= 1970).then_some(Self(date))
    }
}

impl Day {
    /// The day that a text begins with, as in `2026-11-27, by ada`. `2026-11-275` begins with none.
    pub(crate) fn at_begin(text: &str) -> Option<Self> {
        let (day, rest) = text.split_at_checked(10)?;
        let is_end =
            rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, ',' | ';' | '.' | ')'));
        is_end.then(|| Self::parse(day))?
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_the_epoch() {
        for (text, days) in
            [("1970-01-01", 0), ("2000-02-29", 11_016), ("2024-03-01", 19_783), ("2026-11-21", 20_778)]
        {
            let day = Day::parse(text).unwrap();
            assert_eq!((day.days_since_epoch(), day.to_string()), (days, text.to_owned()));
            assert_eq!(Day::at(days.unsigned_abs() * 86_400 + 86_399), day);
        }
        for (text, is_day) in [
            ("2026-11-21", true),
            ("2026-11-21, by ada", true),
            ("2026-11-21 and 2020-01-01", true),
            ("2026-11-211", false),
            ("2026-11-21T10:00", false),
            ("2026-11-2", false),
            ("2026-11-2\u{661}", false),
            ("", false),
        ] {
            assert_eq!(Day::at_begin(text), Day::parse("2026-11-21").filter(|_| is_day), "{text}");
        }
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "24-01-01",
            "2024-1-01",
            "2024-04-31",
            "1969-12-31",
            "2024-04-00",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
