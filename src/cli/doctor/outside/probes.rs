//! What the doctor sends, as data: forged headers, and requests that parsers read differently.
//!
//! Nothing is sent here. Invariant: no request of these has an effect on anything but the answer to itself.

use std::net::SocketAddr;

/// An address that nobody has (RFC 5737).
pub(crate) const NOBODY: &str = "192.0.2.77";

/// Header lines that claim another client: what is claimed, and the lines.
pub(crate) const FORGED: [(&str, &str); 10] = [
    ("X-Forwarded-For", "X-Forwarded-For: 192.0.2.77\r\n"),
    ("a list in X-Forwarded-For", "X-Forwarded-For: 192.0.2.77, 127.0.0.1\r\n"),
    ("X-Forwarded-For in two lines", "X-Forwarded-For: 192.0.2.77\r\nX-Forwarded-For: 192.0.2.77\r\n"),
    ("Forwarded", "Forwarded: for=192.0.2.77;proto=https\r\n"),
    ("X-Real-IP", "X-Real-IP: 192.0.2.77\r\n"),
    ("True-Client-IP", "True-Client-IP: 192.0.2.77\r\n"),
    ("CF-Connecting-IP", "CF-Connecting-IP: 192.0.2.77\r\n"),
    ("X-Client-IP", "X-Client-IP: 192.0.2.77\r\n"),
    ("X-Cluster-Client-IP", "X-Cluster-Client-IP: 192.0.2.77\r\n"),
    ("Client-IP", "Client-IP: 192.0.2.77\r\n"),
];

/// Header lines that claim another scheme or host.
pub(crate) const CLAIMS: [(&str, &str); 3] = [
    ("X-Forwarded-Proto", "X-Forwarded-Proto: SCHEME\r\n"),
    ("X-Forwarded-Host", "X-Forwarded-Host: doctor.invalid\r\n"),
    ("Forwarded", "Forwarded: for=192.0.2.77;proto=SCHEME;host=doctor.invalid\r\n"),
];

/// Offers to make a tunnel of a request.
pub(crate) const UPGRADES: [(&str, &str); 2] = [
    (
        "Upgrade: websocket",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ),
    (
        "Upgrade: h2c",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    ),
];

/// Spellings that may lead out of a folder, below the token, and the part that must reach the gate as it is. Dots that
/// stand alone are resolved by many, as they may (RFC 3986 section 6.2.2): they are not asked about.
pub(crate) const SPELLINGS: [(&str, &str); 2] = [("/a/..%2fb", "..%2f"), ("/a%5c..%5cb", "%5c..%5c")];

/// A message whose length can be read two ways; the hidden request stands in its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TwoLengths {
    /// What it is.
    pub what: &'static str,
    /// The header lines; `LENGTH` stands for the length of the body.
    pub lines: &'static str,
    /// What stands before the hidden request in the body.
    pub before: &'static str,
    /// Whether lines end in LF alone.
    pub bare: bool,
}

/// Messages that parsers read differently.
pub(crate) const TWO_LENGTHS: [TwoLengths; 5] = [
    TwoLengths {
        what: "Content-Length beside Transfer-Encoding",
        lines: "Content-Length: LENGTH\r\nTransfer-Encoding: chunked\r\n",
        before: "0\r\n\r\n",
        bare: false,
    },
    TwoLengths {
        what: "two codings",
        lines: "Content-Length: LENGTH\r\nTransfer-Encoding: xchunked\r\nTransfer-Encoding: chunked\r\n",
        before: "0\r\n\r\n",
        bare: false,
    },
    TwoLengths {
        what: "two lengths",
        lines: "Content-Length: LENGTH\r\nContent-Length: 0\r\n",
        before: "",
        bare: false,
    },
    TwoLengths {
        what: "a blank before the colon",
        lines: "Content-Length: LENGTH\r\nTransfer-Encoding : chunked\r\n",
        before: "0\r\n\r\n",
        bare: false,
    },
    TwoLengths {
        what: "lines that end in LF alone",
        lines: "Content-Length: LENGTH\r\n",
        before: "",
        bare: true,
    },
];

impl TwoLengths {
    /// The message to `target`, with a request for `hidden` in its body.
    #[must_use]
    pub(crate) fn message(&self, target: &str, hidden: &str, host: &str) -> Vec<u8> {
        let body = format!("{}GET {hidden} HTTP/1.1\r\nHost: {host}\r\n\r\n", self.before);
        let lines = self.lines.replace("LENGTH", &body.len().to_string());
        let head = format!("POST {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
        let head = if self.bare { head.replace("\r\n", "\n") } else { head };
        (head + &body).into_bytes()
    }
}

/// Headers of the PROXY protocol that name [`NOBODY`], by version.
#[must_use]
pub(crate) fn proxy_headers(target: SocketAddr) -> [(&'static str, Vec<u8>); 2] {
    let v1 = format!("PROXY TCP4 {NOBODY} 192.0.2.1 40000 {}\r\n", target.port()).into_bytes();
    let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    v2.extend_from_slice(&[192, 0, 2, 77, 192, 0, 2, 1, 0x9c, 0x40]);
    v2.extend_from_slice(&target.port().to_be_bytes());
    [("a PROXY header of version 1", v1), ("a PROXY header of version 2", v2)]
}

/// The first bytes of a client that speaks no version of TLS above 1.1 (RFC 4346).
#[must_use]
pub(crate) fn old_hello() -> Vec<u8> {
    let ciphers: [u8; 16] =
        [0xc0, 0x14, 0xc0, 0x13, 0xc0, 0x0a, 0xc0, 0x09, 0x00, 0x35, 0x00, 0x2f, 0x00, 0x0a, 0x00, 0xff];
    // Groups and point formats for the ciphers with elliptic curves.
    let extensions: [u8; 18] = [
        0x00, 0x0a, 0x00, 0x08, 0x00, 0x06, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x18, 0x00, 0x0b, 0x00, 0x02, 0x01,
        0x00,
    ];
    let mut hello = vec![0x03, 0x02];
    hello.extend_from_slice(&[0x5a; 32]);
    hello.push(0);
    hello.extend_from_slice(&[0, 16]);
    hello.extend_from_slice(&ciphers);
    hello.extend_from_slice(&[1, 0]);
    hello.extend_from_slice(&[0, 18]);
    hello.extend_from_slice(&extensions);
    let length = |length: usize| length.to_be_bytes()[6..].to_vec();
    let message = [vec![0x01, 0x00], length(hello.len()), hello].concat();
    [vec![0x16, 0x03, 0x01], length(message.len()), message].concat()
}

/// Whether the first bytes of an answer choose such a version.
#[must_use]
pub(crate) fn is_old_choice(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x16)
        && bytes.get(5) == Some(&0x02)
        && matches!(bytes.get(9..11), Some([3, 0..=2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forged_line_is_a_line_and_names_nobody() {
        assert!(FORGED.iter().all(|(_, lines)| lines.ends_with("\r\n") && lines.contains(NOBODY)));
        assert!(CLAIMS.iter().all(|(_, lines)| lines.ends_with("\r\n")));
        assert!(UPGRADES.iter().all(|(_, lines)| lines.ends_with("\r\n")));
    }

    #[test]
    fn a_message_with_two_lengths_has_the_hidden_request_inside_its_own_length() {
        let message = String::from_utf8(TWO_LENGTHS[0].message("/a", "/b", "h")).unwrap();
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{message}");
        assert!(body.starts_with("0\r\n\r\nGET /b "), "{message}");
    }

    #[test]
    fn proxy_headers_are_what_the_gate_reads() {
        for (what, bytes) in proxy_headers("198.51.100.1:443".parse().unwrap()) {
            let header = crate::policy::client::proxy_header::parse(&bytes);
            assert!(format!("{header:?}").contains(NOBODY), "{what}: {header:?}");
        }
    }

    #[test]
    fn the_old_hello_has_the_lengths_that_it_says() {
        let hello = old_hello();
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
        assert!(is_old_choice(&[0x16, 3, 2, 0, 60, 2, 0, 0, 56, 3, 2]));
        assert!(!is_old_choice(&[0x15, 3, 2, 0, 2, 2, 70]));
    }
}
