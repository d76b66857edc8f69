//! The path of a request: its meaning to an application, and the paths that are ambiguous.
//!
//! An application decodes a path once (RFC 3986 section 2.1), so patterns are compared with the decoded
//! bytes. Paths that decoders read differently are refused: encoded bytes that never need encoding, dot
//! segments, empty segments, encoded slashes. Invariant: two unambiguous paths that decode to the same bytes
//! are the same path, for the gate and for the application.

use std::borrow::Cow;

/// What makes a path ambiguous between the gate and an application, if anything does. The query is not
/// checked: senders put raw URLs there and sign them.
#[must_use]
pub fn ambiguity(path: &[u8]) -> Option<&'static str> {
    if is_plain(path) {
        return None;
    }
    let mut rest = path;
    while let Some(percent) = memchr::memchr(b'%', rest) {
        let digits = rest.get(percent + 1..percent + 3);
        match digits.and_then(byte_of) {
            None => return Some("a broken percent-encoding"),
            Some(0) => return Some("%00"),
            Some(b'/') => return Some("an encoded slash"),
            Some(b'\\') => return Some("an encoded backslash"),
            Some(byte) if is_unreserved(byte) => {
                return Some("a percent-encoded letter, digit, '-', '.', '_' or '~' (write it as it is)");
            }
            Some(_) => {}
        }
        rest = &rest[percent + 3..];
    }
    for (place, byte) in path.iter().enumerate() {
        match byte {
            b'\\' => return Some("a backslash"),
            b';' => return Some("a semicolon"),
            b'#' => return Some("a fragment"),
            0..=0x20 | 0x7f.. => return Some("a byte that is not printable ASCII"),
            b'/' if path.get(place + 1) == Some(&b'/') => return Some("an empty segment ('//')"),
            _ => {}
        }
    }
    path.split(|b| *b == b'/').any(|segment| matches!(segment, b"." | b"..")).then_some("a dot segment")
}

/// The class of a byte: zero, a slash, or a byte that may make the path ambiguous.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte <= 0x20 || byte >= 0x7f {
            class[byte] = ODD;
        }
        byte += 1;
    }
    let mut place = 0;
    while place < 5 {
        class[b"%.\\;#"[place] as usize] = ODD;
        place += 1;
    }
    class[b'/' as usize] = SLASH;
    class
};
const SLASH: u8 = 1;
const ODD: u8 = 2;

/// Whether the path is certainly unambiguous and has nothing encoded, as nearly every path; one pass over the bytes.
#[must_use]
pub(crate) fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    for byte in path {
        let class = CLASS[usize::from(*byte)];
        if class != 0 && (class == ODD || before == SLASH) {
            return false;
        }
        before = class;
    }
    true
}

/// Whether the byte never needs encoding (RFC 3986 section 2.3); encoded, it is another spelling of the same
/// path.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The path as an application decodes it. A percent sign that encodes nothing stays.
#[must_use]
pub(crate) fn decoded(path: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'%', path) else { return Cow::Borrowed(path) };
    let mut bytes = path[..first].to_vec();
    let mut rest = &path[first..];
    while let [byte, tail @ ..] = rest {
        if let (b'%', Some(meant)) = (byte, tail.get(..2).and_then(byte_of)) {
            bytes.push(meant);
            rest = &tail[2..];
        } else {
            bytes.push(*byte);
            rest = tail;
        }
    }
    Cow::Owned(bytes)
}

/// The byte for two hexadecimal digits; `None` for anything else.
pub(crate) fn byte_of(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' | b'A'..=b'F' => Some((byte | 0x20) - b'a' + 10),
        _ => None,
    };
    match digits {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ambiguous_paths_are_named() {
        let odd = [
            "/a//b",
            "/.",
            "/a/..",
            "/a/%2E%2e/b",
            "/a/.%2e",
            "/a%2fb",
            "/a%5Cb",
            "/a%00",
            "/a\\b",
            "/a;b",
            "/a#b",
            "/\u{e4}",
            "/a b",
            "/a%2",
            "/a%",
            "/a%zz",
            "/%61dmin/users",
            "/adm%69n",
            "/a%2Db",
            "/a%5fb",
            "/a%7Eb",
            "/a%30",
        ];
        for path in odd {
            assert!(ambiguity(path.as_bytes()).is_some(), "{path}");
        }
        for path in ["/", "/a/b", "/a/...", "/a/.b", "/a%20b", "/a:b,c@d", "/a/", "/a%40b", "/%C3%A4", "/%25"]
        {
            assert_eq!(ambiguity(path.as_bytes()), None, "{path}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        /// For a path that passes, every decoder gets what is compared here; another spelling of a letter is
        /// refused.
        #[test]
        fn encoding_a_byte_more_is_refused_or_the_same_path(path in "/[a-z0-9._~@:!$'()*+,=%/ -]{0,12}", at in any::<usize>(), upper in any::<bool>()) {
            let (path, at) = (path.as_bytes(), at % path.len());
            let digits = if upper { format!("%{:02X}", path[at]) } else { format!("%{:02x}", path[at]) };
            let spelled = [&path[..at], digits.as_bytes(), &path[at + 1..]].concat();
            if ambiguity(path).is_none() && path[at] != b'%' && ambiguity(&spelled).is_none() {
                prop_assert_eq!(decoded(&spelled), decoded(path));
            }
        }

        #[test]
        fn a_path_without_a_percent_sign_means_itself(path in "[ -$&-~]{0,20}") {
            prop_assert_eq!(decoded(path.as_bytes()), path.as_bytes());
        }
    }
}
