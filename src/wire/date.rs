//! The time as `Date` has it (RFC 9110 sections 5.6.7 and 6.6.1): `Sun, 06 Nov 1994 08:49:37 GMT`.

use std::cell::Cell;
use std::time::SystemTime;

use time::OffsetDateTime;

use crate::telemetry::timestamp::unix_seconds;

const LENGTH: usize = 29;

thread_local! {
    /// The second that was formatted last: all replies of a second share it.
    static LAST: Cell<(u64, [u8; LENGTH])> = const { Cell::new((u64::MAX, [0; LENGTH])) };
}

/// The date of this second. A clock before 1970 is taken for 1970.
#[must_use]
pub(crate) fn now() -> [u8; LENGTH] {
    let second = unix_seconds(SystemTime::now());
    match LAST.get() {
        (last, text) if last == second => text,
        _ => {
            let text = of(second);
            LAST.set((second, text));
            text
        }
    }
}

/// A second that no calendar has is written as the first of 1970.
fn of(second: u64) -> [u8; LENGTH] {
    let at = i64::try_from(second).ok().and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = usize::from(at.weekday().number_days_from_sunday()) * 3;
    let month = usize::from(u8::from(at.month()) - 1) * 3;
    let year = at.year().unsigned_abs();
    let mut text = *b"Sun, 00 Jan 0000 00:00:00 GMT";
    text[..3].copy_from_slice(&b"SunMonTueWedThuFriSat"[day..day + 3]);
    text[8..11].copy_from_slice(&b"JanFebMarAprMayJunJulAugSepOctNovDec"[month..month + 3]);
    for (begin, number) in [
        (5, at.day().into()),
        (12, year / 100),
        (14, year % 100),
        (17, at.hour().into()),
        (20, at.minute().into()),
        (23, at.second().into()),
    ] {
        (text[begin], text[begin + 1]) = (digit(number / 10), digit(number));
    }
    text
}

fn digit(number: u32) -> u8 {
    b'0' + (number % 10).to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_imf_fixdate() {
        for (second, wanted) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(String::from_utf8_lossy(&of(second)), wanted);
        }
    }

    #[test]
    fn the_cached_date_is_the_current_one() {
        let around = || unix_seconds(SystemTime::now());
        for _ in 0..3 {
            let (before, text, after) = (around(), now(), around());
            assert!((before..=after).any(|second| of(second) == text));
        }
    }
}
