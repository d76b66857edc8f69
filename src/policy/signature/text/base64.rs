//! Base64 (RFC 4648), strictly.
//!
//! A lenient reader takes several texts for the same bytes, and then a changed token can still be a good one. So
//! invariant: for any bytes exactly one text in the alphabet of URLs is read, the one without padding. The
//! standard alphabet is for secrets, where people copy with and without padding; bits that stand for nothing
//! must be zero there too.

use thiserror::Error;

/// The text is no base64, or has bits that stand for nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is not base64")]
pub struct Malformed;

/// For a byte that is not in the alphabet.
const NONE: u8 = 0xff;

static URL: Alphabet = Alphabet::new(*b"-_");
static STANDARD: Alphabet = Alphabet::new(*b"+/");

/// What the characters of an alphabet stand for.
struct Alphabet {
    /// The six bits of each character.
    values: [u8; 256],
    /// The same, moved to where they stand among the 24 bits of four characters.
    moved: [[u32; 256]; 4],
}

/// What only a byte that is not in the alphabet has in [`Alphabet::moved`].
const ODD: u32 = 0xff00_0000;

impl Alphabet {
    /// The last two characters are what alphabets differ in.
    const fn new(last: [u8; 2]) -> Self {
        let values = table(last);
        let mut moved = [[ODD; 256]; 4];
        let mut at = 0;
        while at < 4 * 256 {
            let (place, byte) = (at / 256, at % 256);
            if values[byte] != NONE {
                moved[place][byte] = (values[byte] as u32) << (18 - 6 * place);
            }
            at += 1;
        }
        Self { values, moved }
    }
}

/// The value of each character.
const fn table(last: [u8; 2]) -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        let character = match value {
            0..26 => b'A' + value,
            26..52 => b'a' + value - 26,
            52..62 => b'0' + value - 52,
            _ => last[value as usize - 62],
        };
        values[character as usize] = value;
        value += 1;
    }
    values
}

/// The bytes that a text in the alphabet of URLs stands for.
///
/// # Errors
/// It is no such text, or not the only one for these bytes.
pub(crate) fn url(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = vec![0; decoded_len(text.len())];
    decode(&URL, text, &mut out).map(|()| out)
}

/// The same, for a text that stands for `N` bytes.
///
/// # Errors
/// It stands for fewer or more, or see [`url`].
pub(crate) fn url_array<const N: usize>(text: &[u8]) -> Result<[u8; N], Malformed> {
    let mut out = [0; N];
    decode(&URL, text, &mut out).map(|()| out)
}

/// The bytes that a text in the standard alphabet stands for, with or without padding.
///
/// # Errors
/// It is no such text.
pub(crate) fn standard(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    // Padding fills up to four characters, and is whole or absent.
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return Err(Malformed);
    }
    let text = &text[..text.len() - padding];
    let mut out = vec![0; decoded_len(text.len())];
    decode(&STANDARD, text, &mut out).map(|()| out)
}

/// How many bytes that many characters stand for.
fn decoded_len(characters: usize) -> usize {
    characters / 4 * 3 + characters % 4 * 3 / 4
}

/// Fills `out` with what a text stands for; a text for fewer or more bytes is malformed.
fn decode(alphabet: &Alphabet, text: &[u8], out: &mut [u8]) -> Result<(), Malformed> {
    if out.len() != decoded_len(text.len()) {
        return Err(Malformed);
    }
    let value = |byte: u8| alphabet.values[usize::from(byte)];
    let moved = |place: usize, byte: u8| alphabet.moved[place][usize::from(byte)];
    let bits_of = |four: &[u8]| moved(0, four[0]) | moved(1, four[1]) | moved(2, four[2]) | moved(3, four[3]);
    let mut odd_bits = 0;
    // Eight characters and then four, because a round of the loop costs as much as two characters.
    let eights = text.chunks_exact(8);
    let (rest, (six, out)) = (eights.remainder(), out.split_at_mut(text.len() / 8 * 6));
    for (eight, six) in eights.zip(six.chunks_exact_mut(6)) {
        let (first, second) = (bits_of(&eight[..4]), bits_of(&eight[4..]));
        odd_bits |= first | second;
        let bits = u64::from(first) << 40 | u64::from(second) << 16;
        six.copy_from_slice(&bits.to_be_bytes()[..6]);
    }
    let (four, rest) = rest.split_at(rest.len() / 4 * 4);
    let (three, out) = out.split_at_mut(four.len() / 4 * 3);
    if !four.is_empty() {
        let bits = bits_of(four);
        odd_bits |= bits;
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    let odd = match (rest, out) {
        ([], []) => 0,
        ([a, b], [first]) => {
            let (a, b) = (value(*a), value(*b));
            *first = a << 2 | b >> 4;
            a | b | unused(b & 0x0f)
        }
        ([a, b, c], [first, second]) => {
            let (a, b, c) = (value(*a), value(*b), value(*c));
            (*first, *second) = (a << 2 | b >> 4, b << 4 | c >> 2);
            a | b | c | unused(c & 0x03)
        }
        _ => NONE,
    };
    // Values have six bits.
    if odd > 0x3f || odd_bits & ODD != 0 { Err(Malformed) } else { Ok(()) }
}

/// Odd where bits that stand for nothing are not zero.
fn unused(bits: u8) -> u8 {
    if bits == 0 { 0 } else { NONE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<u8>, Malformed> {
        url(text.as_bytes())
    }

    /// RFC 4648 section 10, without its padding.
    #[test]
    fn published_texts_are_read() {
        let rows = [("", ""), ("Zg", "f"), ("Zm8", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob")];
        for (text, bytes) in rows.into_iter().chain([("Zm9vYmE", "fooba"), ("Zm9vYmFy", "foobar")]) {
            assert_eq!(read(text).as_deref(), Ok(bytes.as_bytes()), "{text}");
        }
        assert_eq!(standard(b"Zm9vYg=="), Ok(b"foob".to_vec()));
        assert_eq!(standard(b"Zm9vYg"), Ok(b"foob".to_vec()));
        assert_eq!(standard(b"+/+/"), Ok(vec![0xfb, 0xff, 0xbf]));
        assert_eq!(read("-_-_"), Ok(vec![0xfb, 0xff, 0xbf]));
        assert_eq!(url_array(b"Zm9vYmFyZm9vYg"), Ok(*b"foobarfoob"));
        assert_eq!(url_array::<3>(b"Zm9vYg"), Err(Malformed));
        assert_eq!(url_array::<5>(b"Zm9vYg"), Err(Malformed));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in
            ["Z", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9v\n", " Zm9v", "Zm9+", "Zm9/", "Zm9vY", "Zm.v", "Zm9é"]
        {
            assert_eq!(read(text), Err(Malformed), "{text:?}");
        }
        for text in ["Zg=", "Zg===", "Z===", "=", "====", "Zm9v=", "Zg==Zg==", "-_-_", "Zh=="] {
            assert_eq!(standard(text.as_bytes()), Err(Malformed), "{text:?}");
        }
    }

    proptest! {
        /// What is read is the text that anybody would write for it.
        #[test]
        fn bytes_have_exactly_one_text(text in "[A-Za-z0-9_-]{0,28}") {
            if let Ok(bytes) = read(&text) {
                let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
                let mut written = String::new();
                while let Some(first) = bits.next() {
                    let six = (0..5).fold(first, |six, _| six << 1 | bits.next().unwrap_or(0));
                    let letter = URL.values.iter().position(|value| *value == six).unwrap();
                    written.push(char::from(u8::try_from(letter).unwrap()));
                }
                prop_assert_eq!(written, text);
            }
        }
    }
}
