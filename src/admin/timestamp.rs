//! A point in time as RFC 3339 text, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-11-21T19:18:42Z`. A clock before 1970 reads as 1970.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Whole days since 1970-01-01.
#[must_use]
pub fn days_since_epoch(at: SystemTime) -> i64 {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds / 86_400).unwrap_or(i64::MAX)
}

/// The calendar day of a count of days since 1970-01-01. Years begin in March here, so that the leap
/// day is the last one and months have a regular length.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::range_list::Day;
    use std::time::Duration;

    #[test]
    fn known_moments() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_795_288_722, "2026-11-21T19:18:42Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn days_go_there_and_back() {
        for days in (0..60_000).step_by(7) {
            let (year, month, day) = civil(days);
            let day = Day {
                year: u16::try_from(year).unwrap(),
                month: u8::try_from(month).unwrap(),
                day: u8::try_from(day).unwrap(),
            };
            assert_eq!(day.days_since_epoch(), i64::try_from(days).unwrap());
        }
    }
}
