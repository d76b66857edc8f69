//! Bytes that were meant for another kind of listener: what an operator should know of them.

/// What the bytes of a head that was refused begin like. The two empty lines at the front of a PROXY header of
/// version 2 were read over before.
#[must_use]
pub(crate) fn note(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        // A record with a handshake, of a version from SSL 3 to TLS 1.3.
        [0x16, 0x03, ..] => Some("begins like a TLS handshake"),
        _ if bytes.starts_with(b"\0\r\nQUIT\n") => Some("begins like a PROXY header"),
        _ if bytes.starts_with(b"PROXY TCP") || bytes.starts_with(b"PROXY UNKNOWN") => {
            Some("begins like a PROXY header")
        }
        _ if bytes.starts_with(b"PRI * HTTP/2.0\r\n") => Some("begins like HTTP/2"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_for_another_listener_is_recognised() {
        for (bytes, wanted) in [
            (&b"\x16\x03\x01\x02\0\x01"[..], Some("begins like a TLS handshake")),
            (b"\0\r\nQUIT\n\x21\x11", Some("begins like a PROXY header")),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", Some("begins like a PROXY header")),
            (b"PROXY UNKNOWN\r\n", Some("begins like a PROXY header")),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some("begins like HTTP/2")),
            (b"\x16", None),
            (b"PROXY", None),
            (b"GET / HTTP/1.1\r\n", None),
            (b"", None),
        ] {
            assert_eq!(note(bytes), wanted, "{bytes:?}");
        }
    }
}
