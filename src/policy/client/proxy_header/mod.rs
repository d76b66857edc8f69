//! The PROXY protocol's header, version 1 and 2 (haproxy `doc/proxy-protocol.txt`): what a load balancer
//! says about a connection before the connection's own first byte.
//!
//! The parser is handed the bytes that are there so far, as often as it takes. It never guesses (a
//! connection without a header is malformed), never waits for what cannot become a header, and reads
//! strictly, because the address in it decides who is admitted. Whether the peer may send one at all is
//! not judged here. Invariant: what one prefix of the stream is found to be, a longer one is too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::address::addr::Address;

/// The longest header of version 1 with its CRLF: `UNKNOWN` with two full IPv6 addresses.
pub(crate) const MAX_V1: usize = 107;
/// The longest header of version 2 that is read. The format allows 16 + 65535 bytes, which no proxy has
/// to say: real ones add a name, an id and facts of a TLS session, well under 1 KiB. This is the bound
/// that nginx has too (`NGX_PROXY_PROTOCOL_MAX_HEADER`), so what worked in front of it works here.
pub const MAX_V2: usize = 4096;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;
const CRC32C: u8 = 0x03;
const SSL: u8 = 0x20;
/// In the first byte of that field: the client came over TLS.
const CLIENT_SSL: u8 = 0x01;
/// The bytes of that field before its own fields: what came, and whether the certificate was good.
const SSL_FIXED: usize = 5;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The other end of the connection that the proxy accepted. `None` where the proxy speaks for
    /// itself (LOCAL: a health check) or names no IP address (UNKNOWN, UNIX sockets, datagrams).
    pub source: Option<Address>,
    /// The other end spoke TLS to the proxy, which says so (version 2 alone can).
    pub tls: bool,
}

/// These bytes are not the start of a header, and nothing that follows can make them one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads a header off the front: what it says and how long it is. `None` asks for more bytes.
///
/// # Errors
/// No header begins like this.
pub fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Malformed> {
    // The first byte tells the two versions apart.
    match bytes.first() {
        None => Ok(None),
        Some(b'P') => line(bytes),
        Some(_) => block(bytes),
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n`.
fn line(bytes: &[u8]) -> Result<Option<(Header, usize)>, Malformed> {
    let bound = bytes.len().min(MAX_V1);
    let end = bytes[..bound].iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(bound);
    let (ended, whole) = match &bytes[end..bound] {
        [b'\r', b'\n', ..] => (true, true),
        // The CRLF must be whole within the bound.
        [b'\r'] if bound < MAX_V1 => (true, false),
        [] if bound < MAX_V1 => (false, false),
        _ => return Err(Malformed),
    };
    let Some(rest) = keyword(&bytes[..end], b"PROXY ", ended)? else { return Ok(None) };
    let source = if let Some(rest) = rest.strip_prefix(b"TCP4 ") {
        addresses(rest, ended, 15, |text| text.parse().ok().map(IpAddr::V4))?
    } else if let Some(rest) = rest.strip_prefix(b"TCP6 ") {
        addresses(rest, ended, 45, |text| text.parse().ok().map(IpAddr::V6))?
    } else if rest.first() == Some(&b'U') {
        let Some(rest) = keyword(rest, b"UNKNOWN", ended)? else { return Ok(None) };
        // Whatever else the line says is to be ignored.
        if !matches!(rest.first(), None | Some(b' ')) {
            return Err(Malformed);
        }
        None
    } else if !ended && (b"TCP4 ".starts_with(rest) || b"TCP6 ".starts_with(rest)) {
        return Ok(None);
    } else {
        return Err(Malformed);
    };
    Ok(whole.then_some((Header { source, tls: false }, end + 2)))
}

/// What follows the word; `None` while the word itself is still arriving.
fn keyword<'a>(bytes: &'a [u8], word: &[u8], ended: bool) -> Result<Option<&'a [u8]>, Malformed> {
    match bytes.strip_prefix(word) {
        Some(rest) => Ok(Some(rest)),
        None if !ended && word.starts_with(bytes) => Ok(None),
        None => Err(Malformed),
    }
}

/// `source destination port port`, one space between them. A field is judged as a whole once it is
/// complete; the one that is still arriving by its characters and its length.
fn addresses(
    rest: &[u8],
    ended: bool,
    longest: usize,
    read: impl Fn(&str) -> Option<IpAddr>,
) -> Result<Option<Address>, Malformed> {
    let last = memchr::memchr_iter(b' ', rest).count();
    if last > 3 || (ended && last != 3) {
        return Err(Malformed);
    }
    let mut source = None;
    for (place, field) in rest.split(|b| *b == b' ').enumerate() {
        let text = std::str::from_utf8(field).map_err(|_| Malformed)?;
        let arriving = place == last && !ended;
        match place {
            0 | 1 if arriving => {
                let fits = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
                if text.len() > longest || !text.bytes().all(fits) {
                    return Err(Malformed);
                }
            }
            0 | 1 => {
                let address = read(text).ok_or(Malformed)?;
                source = source.or(Some(Address::new(address)));
            }
            _ if arriving && text.is_empty() => {}
            _ if is_port(text) => {}
            _ => return Err(Malformed),
        }
    }
    Ok(source)
}

/// A number from 0 to 65535 in its only spelling.
fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'))
        && text.parse::<u16>().is_ok()
}

/// Version 2: binary.
fn block(bytes: &[u8]) -> Result<Option<(Header, usize)>, Malformed> {
    let head = &bytes[..bytes.len().min(FIXED)];
    let (signature, rest) = head.split_at(head.len().min(SIGNATURE.len()));
    if !SIGNATURE.starts_with(signature) {
        return Err(Malformed);
    }
    let shape = match *rest {
        [] | [0x21] => return Ok(None),
        // LOCAL: the proxy's own connection; family and addresses mean nothing.
        [0x20, ..] => Shape::Skipped,
        [0x21, family, ..] => Shape::of(family)?,
        _ => return Err(Malformed),
    };
    let length = match *rest {
        [_, _, high, low] => u16::from_be_bytes([high, low]),
        // Half of the length is enough to know that it is too much.
        [_, _, high] if FIXED + (usize::from(high) << 8) > MAX_V2 => return Err(Malformed),
        _ => return Ok(None),
    };
    let total = FIXED + usize::from(length);
    if total > MAX_V2 || total < FIXED + shape.width() {
        return Err(Malformed);
    }
    let here = &bytes[..bytes.len().min(total)];
    let tls = match shape.fields() {
        Some(fields) => judge_fields(here, FIXED + fields, total)?,
        None => false,
    };
    if here.len() < total {
        return Ok(None);
    }
    Ok(Some((Header { source: shape.source(&here[FIXED..]), tls }, total)))
}

/// What the block after the fixed part begins with.
#[derive(Clone, Copy)]
enum Shape {
    /// LOCAL or no known family: whatever it holds is to be skipped.
    Skipped,
    /// IPv4 over a stream.
    V4,
    /// IPv6 over a stream.
    V6,
    /// Addresses of this many bytes that name nobody here: a datagram, or a UNIX socket.
    Foreign(usize),
}

impl Shape {
    /// From the byte of family and protocol; what is not assigned is refused, as the text asks.
    fn of(family: u8) -> Result<Self, Malformed> {
        match family {
            0x00..=0x02 => Ok(Self::Skipped),
            0x11 => Ok(Self::V4),
            0x12 => Ok(Self::Foreign(12)),
            0x21 => Ok(Self::V6),
            0x22 => Ok(Self::Foreign(36)),
            0x31 | 0x32 => Ok(Self::Foreign(216)),
            _ => Err(Malformed),
        }
    }

    /// The bytes that the addresses and ports take.
    fn width(self) -> usize {
        match self {
            Self::Skipped => 0,
            Self::V4 => 12,
            Self::V6 => 36,
            Self::Foreign(width) => width,
        }
    }

    /// Where the further fields begin, where it is known that they do.
    fn fields(self) -> Option<usize> {
        (!matches!(self, Self::Skipped)).then_some(self.width())
    }

    fn source(self, block: &[u8]) -> Option<Address> {
        let ip = match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from(*block.first_chunk::<4>()?)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from(*block.first_chunk::<16>()?)),
            Self::Skipped | Self::Foreign(_) => return None,
        };
        Some(Address::new(ip))
    }
}

/// The fields behind the addresses (type, length, value). They must fill the header exactly, or the proxy and
/// the gate would not agree where the connection's own bytes begin. A checksum is checked, as the text asks of
/// whoever knows it. Of the others one is used: whether the client came over TLS, which is what comes back. What is
/// too short to say so does not say so.
fn judge_fields(here: &[u8], first: usize, total: usize) -> Result<bool, Malformed> {
    let mut at = first;
    let mut tls = false;
    let mut checksum = None;
    while at < total {
        if total - at < 3 {
            return Err(Malformed);
        }
        let Some(&[kind, high, low]) = here.get(at..at + 3) else { return Ok(tls) };
        let value = at + 3;
        at = value + usize::from(u16::from_be_bytes([high, low]));
        if at > total || (kind == CRC32C && (at - value != 4 || checksum.replace(value).is_some())) {
            return Err(Malformed);
        }
        let client = here.get(value).filter(|_| kind == SSL && at - value >= SSL_FIXED);
        tls |= client.is_some_and(|client| client & CLIENT_SSL != 0);
    }
    match checksum {
        Some(value) if here.len() == total && !has_checksum(here, value) => Err(Malformed),
        _ => Ok(tls),
    }
}

/// The checksum at `value` is that of the header with the checksum's own four bytes zero.
fn has_checksum(header: &[u8], value: usize) -> bool {
    let told = header[value..].first_chunk::<4>().map(|told| u32::from_be_bytes(*told));
    let mut crc = u32::MAX;
    for (place, byte) in header.iter().enumerate() {
        let byte = if (value..value + 4).contains(&place) { 0 } else { *byte };
        crc = (crc >> 8) ^ CRC_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)];
    }
    told == Some(!crc)
}

/// CRC-32C (RFC 3720 section 12.1), reflected, a byte a step.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut byte = 0u32;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests;
