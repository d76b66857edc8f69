//! Numbers, counts and times as people read them.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

/// A number with a comma at every third digit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouped(pub u128);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// Formats a `u64` count with [`Grouped`].
#[must_use]
pub(crate) fn grouped(count: u64) -> Grouped {
    Grouped(u128::from(count))
}

/// A count with its noun in the singular or plural: `1 prefix`, `2 prefixes`.
#[must_use]
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", Grouped(count as u128), if count == 1 { one } else { many })
}

/// How long ago, in one unit.
#[must_use]
pub(crate) fn ago(past: Duration) -> String {
    match past.as_secs() {
        0..5 => "just now".to_owned(),
        seconds @ 5..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}

/// A duration in its two largest units.
#[must_use]
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn numbers_and_times_are_told_for_people() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number).to_string(), text);
        }
        assert_eq!(
            (counted(1, "prefix", "prefixes"), counted(0, "prefix", "prefixes")),
            ("1 prefix".to_owned(), "0 prefixes".to_owned())
        );
        let cases =
            [(4, "just now"), (59, "59 s ago"), (60, "1 min ago"), (7199, "1 h ago"), (86_400, "1 d ago")];
        for (seconds, text) in cases {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }
}
