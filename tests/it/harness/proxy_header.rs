//! The header by which a proxy in front says whose connection it passes on, as
//! <https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt> writes it.

use std::net::Ipv4Addr;

/// Version 2 of a proxy that speaks for itself.
pub const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// Version 1, for TCP over IPv4.
pub fn v1(source: &str) -> Vec<u8> {
    format!("PROXY TCP4 {source} 127.0.0.1 4711 80\r\n").into_bytes()
}

/// Version 2, for TCP over IPv4.
pub fn v2(source: &str) -> Vec<u8> {
    let source: Ipv4Addr = source.parse().expect("an IPv4 address");
    let head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".as_slice();
    [head, &source.octets(), &[127, 0, 0, 1, 0x12, 0x67, 0, 80]].concat()
}
