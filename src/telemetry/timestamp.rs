//! Times as in the logs: RFC 3339, UTC, milliseconds.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

thread_local! {
    /// The second that was formatted last: most lines of a busy log have the same second.
    static LAST: Cell<(u64, [u8; 19])> = const { Cell::new((u64::MAX, [0; 19])) };
}

/// The time since 1970-01-01. A time before that is taken for 1970.
#[must_use]
pub(crate) fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The same in whole seconds: Unix time.
#[must_use]
pub(crate) fn unix_seconds(at: SystemTime) -> u64 {
    since_1970(at).as_secs()
}

/// Appends `2026-11-21T19:30:00.123Z`. A time before 1970 is written as 1970.
pub(crate) fn write(out: &mut Vec<u8>, at: SystemTime) {
    let since = since_1970(at);
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

/// Date and time of day. A second that is out of the calendar's range is written as the first of 1970.
fn civil(seconds: u64) -> [u8; 19] {
    let at = i64::try_from(seconds).ok().and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut text = *b"0000-00-00T00:00:00";
    for (end, width, number) in [
        (4, 4, at.year().unsigned_abs()),
        (7, 2, u8::from(at.month()).into()),
        (10, 2, at.day().into()),
        (13, 2, at.hour().into()),
        (16, 2, at.minute().into()),
        (19, 2, at.second().into()),
    ] {
        let mut rest = number;
        for place in (end - width..end).rev() {
            text[place] = digit(rest);
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
