//! Short texts, looked at several bytes at a time.
//!
//! Heads are searched for what is no line end, and the fields of a log line for what JSON must escape: questions about
//! all bytes together, where each find of `memchr` costs about 90 instructions. Invariant: each function says what a
//! loop over the bytes would say.

const ONES: u64 = each(1);
const HIGH_BITS: u64 = each(0x80);

/// The bit by which a letter in lower case differs from the one in upper case.
const CASE: u8 = 0x20;

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Whether a line feed stands in a text that no carriage return stands before; `before` is the byte before the text.
#[inline]
#[must_use]
pub(crate) fn has_bare_line_feed(before: u8, text: &[u8]) -> bool {
    let is_bare = |before: u8, byte: u8| u8::from(byte == b'\n') & u8::from(before != b'\r');
    let Some((first, rest)) = text.split_first() else { return false };
    // No way out in the middle: the compiler makes it a loop over sixteen bytes at a time.
    let pairs = text.iter().zip(rest);
    pairs.fold(is_bare(before, *first), |bare, (before, byte)| bare | is_bare(*before, *byte)) != 0
}

/// Whether a name or a value of a header is this word, in any case. The word is in lower case, and made of letters, digits
/// and hyphens: no byte that a header may have differs from one of these by the bit alone that tells the cases apart.
#[inline]
#[must_use]
pub(crate) fn is_word(text: &[u8], lower: &[u8]) -> bool {
    debug_assert!(lower.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')));
    text.len() == lower.len() && {
        // The last ones overlap with the first, so that every length is compared by whole words.
        match (text.first_chunk(), text.last_chunk(), lower.first_chunk(), lower.last_chunk()) {
            (Some(begin), Some(end), Some(lower_begin), Some(lower_end)) => {
                let middle = 8..text.len().saturating_sub(8).max(8);
                same_eight(*begin, *lower_begin)
                    && same_eight(*end, *lower_end)
                    && text[middle.clone()].eq_ignore_ascii_case(&lower[middle])
            }
            _ => match (text.first_chunk(), text.last_chunk(), lower.first_chunk(), lower.last_chunk()) {
                (Some(begin), Some(end), Some(lower_begin), Some(lower_end)) => {
                    same_four(*begin, *lower_begin) && same_four(*end, *lower_end)
                }
                _ => text.eq_ignore_ascii_case(lower),
            },
        }
    }
}

#[inline]
fn same_eight(text: [u8; 8], lower: [u8; 8]) -> bool {
    u64::from_le_bytes(text) | each(CASE) == u64::from_le_bytes(lower) | each(CASE)
}

#[inline]
fn same_four(text: [u8; 4], lower: [u8; 4]) -> bool {
    const CASES: u32 = u32::from_le_bytes([CASE; 4]);
    u32::from_le_bytes(text) | CASES == u32::from_le_bytes(lower) | CASES
}

/// Whether every byte is printable ASCII and neither a quotation mark nor a backslash: JSON has it as it is.
#[inline]
#[must_use]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let mut rest = text;
    let mut odd = 0;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        odd |= odd_bytes(u64::from_le_bytes(*eight));
        rest = after;
    }
    (odd | odd_bytes(padded(rest, each(b'-')))) == 0
}

/// Not zero where a byte is not plain. The sums carry into the next byte only where a byte is odd already.
#[inline]
fn odd_bytes(eight: u64) -> u64 {
    let below_space = eight.wrapping_sub(each(b' '));
    let quotation_mark = (eight ^ each(b'"')).wrapping_sub(ONES);
    let backslash = (eight ^ each(b'\\')).wrapping_sub(ONES);
    let delete = eight.wrapping_add(ONES);
    (eight | below_space | quotation_mark | backslash | delete) & HIGH_BITS
}

/// Less than eight bytes, filled up.
#[inline]
fn padded(text: &[u8], filling: u64) -> u64 {
    let mut eight = filling.to_le_bytes();
    for (to, from) in eight.iter_mut().zip(text) {
        *to = *from;
    }
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_feed_is_bare_where_a_loop_says_so(text in "[a\r\n]{1,70}") {
            let bytes = text.as_bytes();
            let bare = (1..bytes.len()).any(|at| bytes[at] == b'\n' && bytes[at - 1] != b'\r');
            prop_assert_eq!(has_bare_line_feed(bytes[0], &bytes[1..]), bare);
        }
    }

    proptest! {
        #[test]
        fn a_word_is_what_a_comparison_without_case_says(
            text in "[A-Za-z0-9!#$%&'*+.^_`|~ \t\u{e9}-]{0,24}", word in "[a-z0-9-]{0,24}",
            changed in any::<prop::sample::Index>(), to in "[A-Za-z0-9!#$%&'*+.^_`|~@\\[\\]{} \t-]",
        ) {
            let same = |text: &[u8]| text.eq_ignore_ascii_case(word.as_bytes());
            prop_assert_eq!(is_word(text.as_bytes(), word.as_bytes()), same(text.as_bytes()));
            let mut near = word.to_uppercase().into_bytes();
            prop_assert!(is_word(&near, word.as_bytes()));
            if !near.is_empty() {
                let at = changed.index(near.len());
                near[at] = to.as_bytes()[0];
                prop_assert_eq!(is_word(&near, word.as_bytes()), same(&near));
            }
        }
    }

    #[test]
    fn one_odd_byte_anywhere_is_seen_and_no_other_byte_is_odd() {
        for len in 0..20 {
            assert!(is_plain(&vec![b'a'; len]));
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'~'; len];
                    text[at] = byte;
                    let plain = (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
                    assert_eq!(is_plain(&text), plain, "{byte} at {at} of {len}");
                }
            }
        }
    }
}
