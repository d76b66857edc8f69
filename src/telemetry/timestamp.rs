//! Times as logs write them: RFC 3339, UTC, milliseconds.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

thread_local! {
    /// The second that was formatted last: most lines of a busy log share it.
    static LAST: Cell<(u64, [u8; 19])> = const { Cell::new((u64::MAX, [0; 19])) };
}

/// Appends `2026-11-21T19:30:00.123Z`. A time before 1970 is written as 1970.
pub fn write(out: &mut Vec<u8>, at: SystemTime) {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let text = match LAST.get() {
        (second, text) if second == seconds => text,
        _ => {
            let text = civil(seconds);
            LAST.set((seconds, text));
            text
        }
    };
    out.extend_from_slice(&text);
    let ms = since.subsec_millis();
    out.extend_from_slice(&[b'.', digit(ms / 100), digit(ms / 10), digit(ms), b'Z']);
}

fn digit(number: u32) -> u8 {
    b'0' + (number % 10).to_le_bytes()[0]
}

/// Date and time of day; the calendar arithmetic counts in 400-year eras that begin in March.
fn civil(seconds: u64) -> [u8; 19] {
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let of_day = seconds % 86_400;
    let mut text = *b"0000-00-00T00:00:00";
    for (end, width, number) in [
        (4, 4, year),
        (7, 2, month),
        (10, 2, day),
        (13, 2, of_day / 3600),
        (16, 2, of_day / 60 % 60),
        (19, 2, of_day % 60),
    ] {
        let mut rest = number;
        for place in (end - width..end).rev() {
            text[place] = b'0' + (rest % 10).to_le_bytes()[0];
            rest /= 10;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_732_217_400_001, "2024-11-21T19:30:00.001Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (ms, wanted) in cases {
            let mut out = Vec::new();
            write(&mut out, UNIX_EPOCH + Duration::from_millis(ms));
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }
}
