//! Durations and sizes: a whole number with its unit.
//!
//! A number without a unit is refused, because seconds and milliseconds, or bytes and kilobytes, differ by a
//! factor of a thousand. `MB` is refused because programs read it differently.

use std::time::Duration;

use crate::config::read::error::QuantityError;

const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads `250ms`, `5s`, `1m`, `1h` or `90d`.
///
/// # Errors
/// What is wrong, and what to write instead.
pub(crate) fn duration(text: &str) -> Result<Duration, QuantityError> {
    let meant = |unit: &str| match unit.to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => Some("s"),
        "ms" | "msec" | "msecs" | "millis" | "milliseconds" => Some("ms"),
        "m" | "min" | "mins" | "minute" | "minutes" => Some("m"),
        "h" | "hr" | "hour" | "hours" => Some("h"),
        "d" | "day" | "days" => Some("d"),
        _ => None,
    };
    scaled(text, &DURATIONS, "a duration such as 250ms, 5s, 1m or 1h", meant).map(Duration::from_millis)
}

/// Reads `512B`, `16KiB`, `1MiB` or `1GiB`, in bytes.
///
/// # Errors
/// What is wrong, and what to write instead.
pub(crate) fn size(text: &str) -> Result<u64, QuantityError> {
    let meant = |unit: &str| match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "byte" | "bytes" => Some("B"),
        "k" | "kb" | "ki" | "kib" => Some("KiB"),
        "m" | "mb" | "mi" | "mib" => Some("MiB"),
        "g" | "gb" | "gi" | "gib" => Some("GiB"),
        _ => None,
    };
    scaled(text, &SIZES, "a size such as 512B, 16KiB or 1MiB", meant)
}

fn scaled<'u>(
    text: &str,
    units: &[(&'u str, u64)],
    wanted: &'static str,
    meant: impl Fn(&str) -> Option<&'u str>,
) -> Result<u64, QuantityError> {
    let shown = quote(text);
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    if number.is_empty() {
        return Err(QuantityError::Other { shown, wanted });
    }
    if let Some(factor) = factor(units, unit) {
        let number = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
        return number.ok_or(QuantityError::Large(shown));
    }
    let Some(meant) = meant(unit.trim()) else {
        return Err(match fraction(text, units) {
            Some(whole) => QuantityError::Fraction { shown, whole },
            None => QuantityError::Other { shown, wanted },
        });
    };
    let write = format!("{number}{meant}");
    Err(match unit {
        "" => QuantityError::NoUnit { number: number.to_owned(), write },
        "KB" | "kB" | "MB" | "GB" => QuantityError::Ambiguous { unit: unit.to_owned(), write },
        _ => QuantityError::UnknownUnit { shown, write },
    })
}

/// `1.5s` as `1500ms`, where that is exact.
fn fraction(text: &str, units: &[(&str, u64)]) -> Option<String> {
    let (whole, rest) = text.split_once('.')?;
    let (part, unit) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
    let place = units.iter().position(|(name, _)| *name == unit)?;
    let (smaller, small) = units.get(place.checked_sub(1)?)?;
    let step = units[place].1 / small;
    let tens = 10u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let parts = whole.parse::<u64>().ok()?.checked_mul(tens)?.checked_add(part.parse().ok()?)?;
    let all = parts.checked_mul(step)?;
    (all % tens == 0).then(|| format!("{}{smaller}", all / tens))
}

fn factor(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

/// A duration as text, in seconds if these are whole.
#[must_use]
pub(crate) fn show_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    // A limit in seconds is easier to compare with than one in minutes.
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATIONS[..2])
}

/// A size as text, in the largest unit that keeps it whole.
#[must_use]
pub(crate) fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES)
}

fn show(number: u64, units: &[(&str, u64)]) -> String {
    let whole = |unit: &&(&str, u64)| number.is_multiple_of(unit.1) && number >= unit.1;
    let (name, factor) = units.iter().rev().find(whole).unwrap_or(&units[0]);
    format!("{}{name}", number / factor)
}

/// The number of characters that a quote shows.
const QUOTED: usize = 40;
/// A run of letters and digits of this length may be a key.
const KEY_RUN: usize = 24;

/// A text in quotes, cut if it is long, with control characters escaped. For a text that looks like a secret,
/// only its length is shown: a configuration may be a link to a key, and messages appear in logs and on
/// pages.
#[must_use]
pub(crate) fn quote(text: &str) -> String {
    if is_secret(text) {
        return format!("({} characters)", text.chars().count());
    }
    match text.char_indices().nth(QUOTED) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", &text[..end]),
    }
}

/// Whether a text looks like a part of a key or a token, or names a password.
#[must_use]
pub(crate) fn is_secret(text: &str) -> bool {
    let names_user = text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    text.contains("-----") || names_user || text.split(|c| !of_a_key(c)).any(is_key)
}

/// Replaces whatever looks like a key by its length, in case a message was made without [`quote`].
#[must_use]
pub(crate) fn scrubbed(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let run = &rest[..rest.find(|c| !of_a_key(c)).unwrap_or(rest.len())];
        if is_key(run) {
            clean.extend(["(", &run.len().to_string(), " characters)"]);
        } else {
            clean += run;
        }
        let after = rest[run.len()..].chars().next().map_or(0, char::len_utf8);
        clean += &rest[run.len()..run.len() + after];
        rest = &rest[run.len() + after..];
    }
    clean
}

fn of_a_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '=')
}

fn is_key(run: &str) -> bool {
    let has = |of: fn(&u8) -> bool| run.bytes().any(|b| of(&b));
    run.len() >= KEY_RUN && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_with_their_units() {
        for (text, ms) in [
            ("0s", 0),
            ("250ms", 250),
            ("5s", 5000),
            ("1m", 60_000),
            ("2h", 7_200_000),
            ("90d", 7_776_000_000),
            ("007s", 7000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn sizes_with_their_units() {
        for (text, bytes) in [("512B", 512), ("16KiB", 16_384), ("1MiB", 1_048_576), ("3GiB", 3_221_225_472)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
            assert_eq!(show_size(bytes), text);
        }
    }

    #[test]
    fn a_text_that_is_no_duration_is_refused_with_a_suggestion() {
        for (text, message) in [
            ("5", "5 has no unit; write 5s"),
            ("5 s", "\"5 s\" has an unknown unit; write 5s"),
            ("5S", "\"5S\" has an unknown unit; write 5s"),
            ("10min", "\"10min\" has an unknown unit; write 10m"),
            ("90days", "\"90days\" has an unknown unit; write 90d"),
            ("1.5s", "\"1.5s\" is not a whole number; write 1500ms"),
            ("0.25m", "\"0.25m\" is not a whole number; write 15s"),
            ("0.5ms", "found \"0.5ms\", wanted a duration such as 250ms, 5s, 1m or 1h"),
            ("1m30s", "found \"1m30s\", wanted a duration such as 250ms, 5s, 1m or 1h"),
            ("-5s", "found \"-5s\", wanted a duration such as 250ms, 5s, 1m or 1h"),
            ("", "found \"\", wanted a duration such as 250ms, 5s, 1m or 1h"),
            ("99999999999999999999s", "\"99999999999999999999s\" is too large"),
            ("9999999999999999h", "\"9999999999999999h\" is too large"),
        ] {
            assert_eq!(duration(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_size_is_refused_with_a_suggestion() {
        for (text, message) in [
            ("1024", "1024 has no unit; write 1024B"),
            ("1MB", "MB is a power of 1000 to some programs and of 1024 to others; write 1MiB"),
            ("16kB", "kB is a power of 1000 to some programs and of 1024 to others; write 16KiB"),
            ("1Mi", "\"1Mi\" has an unknown unit; write 1MiB"),
            ("1mib", "\"1mib\" has an unknown unit; write 1MiB"),
            ("1.5MiB", "\"1.5MiB\" is not a whole number; write 1536KiB"),
            ("big", "found \"big\", wanted a size such as 512B, 16KiB or 1MiB"),
            ("20000000000GiB", "\"20000000000GiB\" is too large"),
        ] {
            assert_eq!(size(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn shown_values_read_back() {
        for ms in [1, 999, 1000, 4500, 60_000, 61_001] {
            let shown = show_duration(Duration::from_millis(ms));
            assert_eq!(duration(&shown), Ok(Duration::from_millis(ms)), "{shown}");
        }
        assert_eq!(show_duration(Duration::from_secs(60)), "60s");
        assert_eq!(show_duration(Duration::ZERO), "0s");
        assert_eq!(quote(&"ü".repeat(41)), format!("\"{}\"...", "ü".repeat(40)));
    }

    #[test]
    fn what_looks_like_a_secret_is_only_counted() {
        for secret in [
            "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
            "deadbeefdeadbeef0123456789abcdef",
            "https://user:hunter2@app.example",
        ] {
            assert_eq!(quote(secret), format!("({} characters)", secret.len()));
        }
        for plain in [
            "/webhooks/delivery-receipt/2026",
            "voice-answer",
            "http://10.0.0.5:3000",
            "127.0.0.1:8080",
            "thequickbrownfoxjumpsoverit",
        ] {
            assert_eq!(quote(plain), format!("{plain:?}"));
        }
    }
}
