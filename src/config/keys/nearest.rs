//! Finds the known word that is nearest to a misspelled one.

use strsim::osa_distance;

/// The known word that the unknown one was probably meant to be.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A longer word is no misspelling, and the time of the distance is quadratic in the length.
    if word.len() > 64 {
        return None;
    }
    let plain = |w: &str| w.to_ascii_lowercase().replace('-', "_");
    let own = plain(word);
    known
        .into_iter()
        // Counts letters to insert, drop, change or swap with their neighbour (optimal string alignment).
        .map(|name| (osa_distance(&own, &plain(name)), name))
        .filter(|(distance, name)| *distance <= name.len().max(word.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_the_right_one() {
        let words = ["messages", "sms", "voice"];
        for (slip, meant) in [
            ("vioce", Some("voice")),
            ("Voice", Some("voice")),
            ("smss", Some("sms")),
            ("message", Some("messages")),
            ("upstream", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(slip, words), meant, "{slip}");
        }
        assert_eq!(nearest("max-body", ["max_head", "max_body"]), Some("max_body"));
        assert_eq!(nearest(&"v".repeat(10_000), words), None);
    }
}
