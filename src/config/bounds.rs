//! Limits on the cost of a text before it is parsed: its size, its depth, and what its aliases expand to.
//!
//! A file that is not a configuration, or a mistake in one, must be refused as fast as a good one is read.
//! The parser's time is quadratic in the depth of brackets, and ten aliases of ten aliases of ten are a
//! thousand values. Invariant: a text that passes here costs milliseconds and a few megabytes to parse.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer as _, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::config::read::error::Problem;

/// Bytes of the largest text that is read: some ten thousand routes.
pub(crate) const MAX_TEXT: u64 = 1 << 20;
/// Levels of brackets that may be open at once; a configuration needs five.
const MAX_DEPTH: usize = 64;
/// Opening brackets in a text. A bracket in quotes may be counted as a closing one, so these bound the depth
/// as well.
const MAX_BRACKETS: usize = 10_000;
/// Values that a text may expand to; each key and each use of an alias counts.
const MAX_VALUES: usize = 200_000;
/// The total bytes of these values.
const MAX_UNFOLDED: usize = 4 << 20;

/// Checks a text before it is parsed.
///
/// # Errors
/// Which limit is exceeded.
pub(crate) fn check(text: &str) -> Result<(), Problem> {
    if text.len() as u64 > MAX_TEXT {
        let message = format!("is larger than {} MiB, so it is not a configuration", MAX_TEXT >> 20);
        return Err(Problem::new("", message));
    }
    brackets(text)?;
    let tally = Tally { values: Cell::new(0), bytes: Cell::new(0) };
    // Syntax errors are reported by the parser.
    let _ = serde_yaml::Deserializer::from_str(text).deserialize_any(&tally);
    if tally.is_over() {
        let message = format!(
            "expands to more than {MAX_VALUES} values or {} MiB; check for aliases (*name) of aliases",
            MAX_UNFOLDED >> 20
        );
        return Err(Problem::new("", message));
    }
    Ok(())
}

fn brackets(text: &str) -> Result<(), Problem> {
    let (mut depth, mut all) = (0usize, 0usize);
    for (number, line) in (1..).zip(text.split('\n')) {
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => (depth, all) = (depth + 1, all + 1),
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH || all > MAX_BRACKETS {
                let what = if depth > MAX_DEPTH {
                    format!("more than {MAX_DEPTH} brackets are open at once")
                } else {
                    format!("there are more than {MAX_BRACKETS} brackets up to here")
                };
                return Err(Problem::new(
                    format!("line {number}"),
                    format!("{what}; this is not a configuration"),
                ));
            }
        }
    }
    Ok(())
}

/// Counts what a text expands to, and stores none of it.
struct Tally {
    values: Cell<usize>,
    bytes: Cell<usize>,
}

impl Tally {
    fn is_over(&self) -> bool {
        self.values.get() > MAX_VALUES || self.bytes.get() > MAX_UNFOLDED
    }

    fn add<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.values.set(self.values.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
        if self.is_over() { Err(E::custom("too much")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &Tally {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Tally {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.add(0)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.add(0)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.add(text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.add(0)?;
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.add(0)?;
        while entries.next_key_seed(self)?.is_some() {
            entries.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (IgnoredAny, value) = tagged.variant()?;
        value.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn refused(text: &str) -> String {
        let start = Instant::now();
        let problem = check(text).expect_err("it passed").to_string();
        // Many times longer than a busy machine needs without optimisation, and far below the 20 s that the
        // parser would take.
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}: {problem}", start.elapsed());
        problem
    }

    #[test]
    fn text_that_is_no_configuration_is_refused_quickly() {
        for text in ["[", "{", "{a: ", "[a, ", "- [", "[\n"] {
            let problem = refused(&text.repeat(200_000 / text.len()));
            assert!(problem.contains("more than 64 brackets are open at once"), "{problem}");
        }
        assert!(refused(&"{']': ".repeat(100_000)).starts_with("line 1: there are more than 10000 brackets"));
        assert!(refused(&"#".repeat((1 << 20) + 1)).starts_with("is larger than 1 MiB"));
    }

    #[test]
    fn aliases_that_unfold_without_end_are_refused() {
        let ten = |name: &str| vec![format!("*{name}"); 10].join(", ");
        let first = format!("a0: &a0 [{}]\n", vec!["x"; 1000].join(", "));
        let more = (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", ten(&format!("a{}", n - 1))));
        let laughs: String = std::iter::once(first).chain(more).collect();
        let flat = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(100_000), "*a, ".repeat(10_000));
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), "*a, ".repeat(100_000));
        let keys = format!(
            "a: &a {{ {} }}\nb: [{}]\n",
            (0..9000).map(|n| format!("k{n}: 1, ")).collect::<String>(),
            "*a, ".repeat(10_000)
        );
        let tagged = format!("a: &a !t [{}]\nb: [{}]\n", "x, ".repeat(100_000), "!t [*a], ".repeat(9000));
        for text in [laughs, flat, long, keys, tagged] {
            assert!(refused(&text).starts_with("expands to more than "), "{}", &text[..40]);
        }
    }

    #[test]
    fn a_large_configuration_passes() {
        let routes: String =
            (0..3000).map(|n| format!("  - {{ path: \"/a/{n}/*\", allow: [sms, voice] }}\n")).collect();
        assert_eq!(check(&format!("routes:\n{routes}")), Ok(()));
        assert_eq!(check("a: &a [1]\nb: *a\nc: {<<: {x: !t 1}}\nd: 1.5\ne: -1\nf: ~\ng: true\n"), Ok(()));
        assert_eq!(check("not: [closed"), Ok(()), "that is for the reader to tell");
    }
}
