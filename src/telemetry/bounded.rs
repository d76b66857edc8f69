//! Texts of a log line, each as long as its place allows.
//!
//! A container's runtime cuts lines at 16 KiB and what reads them may cut earlier, and half a line is no JSON. What a
//! stranger chooses (a path, a method, the subject of a certificate) therefore has a bound, counted after escaping: a
//! quotation mark takes two bytes, a control character six. A text that was cut ends with `…`.

use crate::policy::bytes::is_plain;

/// The bytes that a line of either log takes at most, with its line end. The bounds of its fields add up to less.
pub(crate) const MOST_LINE: usize = 8 << 10;

/// Stands at the end of a text that was cut.
const MARK: &[u8] = "…".as_bytes();

/// Appends a JSON string of at most `most` bytes between its quotation marks. Bytes that are not UTF-8 become U+FFFD, so
/// a line is always valid JSON.
pub(crate) fn json_string(out: &mut Vec<u8>, bytes: &[u8], most: usize) {
    out.push(b'"');
    // Nearly every string is short and plain.
    if bytes.len() <= most && is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        escaped(out, bytes, most, |out, c| match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            // Control characters of both ranges, and the separators that some readers treat as line ends.
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        });
    }
    out.push(b'"');
}

/// Appends a text for people, at most `most` bytes: nothing in it ends a line or acts on a terminal.
pub(crate) fn text(out: &mut Vec<u8>, bytes: &[u8], most: usize) {
    escaped(out, bytes, most, |out, c| match c {
        '\'' => out.push(b'\''),
        c => c.escape_debug().for_each(|c| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes())),
    });
}

/// Appends each character as `write` has it, up to `most` bytes in all.
fn escaped(out: &mut Vec<u8>, bytes: &[u8], most: usize, write: impl Fn(&mut Vec<u8>, char)) {
    let begin = out.len();
    let mut whole = begin;
    // No byte becomes less than one, so what comes later is not looked at: four more than fit, for a character that is
    // cut here is then behind the end.
    let beginning = &bytes[..bytes.len().min(most + 4)];
    for c in String::from_utf8_lossy(beginning).chars() {
        write(out, c);
        if out.len() - begin > most {
            out.truncate(whole);
            out.extend_from_slice(MARK);
            return;
        }
        if out.len() - begin + MARK.len() <= most {
            whole = out.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(bytes: &[u8], most: usize) -> (String, usize) {
        let mut out = Vec::new();
        json_string(&mut out, bytes, most);
        assert!(!out.contains(&b'\n'));
        (serde_json::from_slice(&out).unwrap(), out.len() - 2)
    }

    /// Strings of which many bytes must be escaped.
    fn odd() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..90),
            "[\"\\\\a\u{1}\u{7f}ü€\u{2028}\u{1f600}]{0,60}".prop_map(String::into_bytes),
            "[ -~]{0,90}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_valid_json_string_within_its_bound(bytes in odd(), most in 3usize..80) {
            let whole = String::from_utf8_lossy(&bytes).into_owned();
            let (all, length) = json(&bytes, usize::MAX / 2);
            prop_assert_eq!(&all, &whole);
            let (back, taken) = json(&bytes, most);
            prop_assert!(taken <= most, "{} of {}", taken, most);
            if length <= most {
                prop_assert_eq!(back, whole, "what fits is whole");
            } else {
                let kept = back.strip_suffix('…').expect("the mark");
                prop_assert!(whole.starts_with(kept), "{} of {}", kept, whole);
                prop_assert!(taken + 3 + 6 > most, "no more is cut than must be: {} of {}", taken, most);
            }
        }

        #[test]
        fn a_text_is_one_line_within_its_bound(bytes in odd(), most in 3usize..80) {
            let mut out = Vec::new();
            text(&mut out, &bytes, most);
            prop_assert!(out.len() <= most);
            let out = String::from_utf8(out).expect("UTF-8");
            prop_assert!(!out.chars().any(char::is_control), "{}", out);
        }
    }
}
