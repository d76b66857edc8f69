//! Every row of `tests/fixtures/proxy-protocol.json`, whole and byte by byte, and what must hold for any bytes.

use proptest::prelude::*;
use serde_json::Value;

use crate::policy::client::proxy_header::*;

fn rows() -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("../../../../tests/fixtures/proxy-protocol.json")).unwrap();
    let of = |version: &str| file[version].as_array().unwrap().clone();
    [of("v1"), of("v2")].concat()
}

fn bytes_of(row: &Value) -> Vec<u8> {
    let hex = row["bytes_hex"].as_str().unwrap();
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// Rows that are refused for what does not follow: the connection's time-out ends them.
const CUT_SHORT: [&str; 2] = ["v1-nonl", "v2-truncated-sig"];

#[test]
fn every_row_of_the_fixture_is_judged_as_it_says() {
    let rows = rows();
    let mut accepted = 0;
    for row in &rows {
        let (id, bytes) = (row["id"].as_str().unwrap(), bytes_of(row));
        let found = parse(&bytes);
        if row["expect"].as_str().unwrap().starts_with("accept") {
            let (header, len) = found.unwrap().unwrap_or_else(|| panic!("{id}: more bytes wanted"));
            // What follows the header is the connection's own.
            let wanted_rest = match id {
                "v2-haproxy-tlv-after-end" => &b"\x02\x00\x0554321"[..],
                _ => row["rest"].as_str().unwrap_or_default().as_bytes(),
            };
            assert_eq!(&bytes[len..], wanted_rest, "{id}");
            if id != "v2-haproxy-tlv-after-end" {
                let wanted = row["src"].as_str().map(|src| Address::new(src.parse().unwrap()));
                assert_eq!(header.source, wanted, "{id}");
            }
            for cut in 0..len {
                assert_eq!(parse(&bytes[..cut]), Ok(None), "{id} cut at {cut}");
            }
            assert_eq!(parse(&bytes[..len]), Ok(Some((header, len))), "{id}");
            accepted += 1;
        } else {
            let wanted = if CUT_SHORT.contains(&id) { Ok(None) } else { Err(Malformed) };
            assert_eq!(found, wanted, "{id}");
        }
    }
    assert_eq!((rows.len(), accepted), (48, 19));
}

#[test]
fn a_bad_header_is_refused_at_its_first_wrong_byte() {
    for (bytes, good) in [
        (&b"GET / HTTP/1.1"[..], 0),
        (b"POST / HTTP/1.1", 1),
        (b"proxy", 0),
        (b"PROXY  ", 6),
        (b"PROXY TCP5", 9),
        (b"PROXY UNKNOWNS", 13),
        (b"PROXY TCP4 1.2.3.4  ", 19),
        (b"PROXY TCP4 256.1.1.1 ", 20),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 65536", 31),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 01", 28),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 \r", 29),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 ", 30),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", 30),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rX", 31),
        (b"PROXY UNKNOWN \rX", 15),
        (b"\r\n\r\n\0\r\nQUIT\n\x31", 12),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x13", 13),
        // 4 KiB are too much, whatever follows; so is an address that does not fit.
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10", 14),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\x00\xff", 14),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0b", 15),
        // Two bytes left over are no field.
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0e", 15),
    ] {
        assert_eq!(parse(&bytes[..good]), Ok(None), "{bytes:?}");
        assert_eq!(parse(&bytes[..=good]), Err(Malformed), "{bytes:?}");
    }
}

/// A header with these fields behind IPv4 addresses.
fn with_fields(fields: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    bytes.extend(u16::try_from(12 + fields.len()).unwrap().to_be_bytes());
    bytes.extend(*b"\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x7b\x16\x2e");
    bytes.extend(fields);
    bytes
}

#[test]
fn a_client_that_came_over_tls_is_told() {
    for (fields, tls) in [
        (&b""[..], false),
        (b"\x20\x00\x05\x01\0\0\0\0", true),
        (b"\x20\x00\x05\x07\0\0\0\x01", true),
        // The client bit alone counts, not that of a certificate.
        (b"\x20\x00\x05\x06\0\0\0\0", false),
        // With fields of its own, and others around it.
        (b"\x04\x00\x01x\x20\x00\x0b\x01\0\0\0\0\x21\x00\x03TLS\x02\x00\x01a", true),
        // Too short to say it, empty, or another kind.
        (b"\x20\x00\x04\x01\0\0\0", false),
        (b"\x20\x00\x00", false),
        (b"\x21\x00\x05\x01\0\0\0\0", false),
    ] {
        let bytes = with_fields(fields);
        let (header, len) = parse(&bytes).unwrap().unwrap();
        assert_eq!((header.tls, len), (tls, bytes.len()), "{fields:?}");
        assert!((0..len).all(|cut| parse(&bytes[..cut]) == Ok(None)), "{fields:?}");
    }
    // What a proxy says of a connection of its own is of no client.
    let mut local = with_fields(b"\x20\x00\x05\x01\0\0\0\0");
    local[12] = 0x20;
    assert!(matches!(parse(&local), Ok(Some((Header { source: None, tls: false }, _)))));
}

#[test]
fn the_checksum_is_the_published_one() {
    // RFC 3720 appendix B.4: 32 bytes of zero, then of 0xff.
    for (byte, sum) in [(0u8, 0x8a91_36aau32), (0xff, 0x62a8_ab43)] {
        let mut crc = u32::MAX;
        for _ in 0..32 {
            crc = (crc >> 8) ^ CRC_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)];
        }
        assert_eq!(!crc, sum);
    }
}

#[test]
fn a_checksum_that_is_there_must_be_right() {
    let mut bytes = with_fields(b"\x04\x00\x01x\x03\x00\x04\0\0\0\0\x02\x00\x01a");
    let sum = !bytes
        .iter()
        .fold(u32::MAX, |crc, byte| (crc >> 8) ^ CRC_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)]);
    assert_eq!(parse(&bytes), Err(Malformed));
    bytes[35..39].copy_from_slice(&sum.to_be_bytes());
    let len = bytes.len();
    assert!(matches!(parse(&bytes), Ok(Some((Header { source: Some(_), .. }, l))) if l == len));
    for place in FIXED..len {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            // Changed into another kind of field, nothing is left to check against.
            if place != 32 {
                assert!(!matches!(parse(&changed), Ok(Some(_))), "{place} {bit}");
            }
        }
    }
    let twice = with_fields(b"\x03\x00\x04\0\0\0\0\x03\x00\x04\0\0\0\0");
    assert_eq!(parse(&twice), Err(Malformed));
    assert_eq!(parse(&with_fields(b"\x03\x00\x01\0")), Err(Malformed));
}

#[test]
fn a_header_that_names_no_ip_address_names_nobody() {
    for (shape, width) in [(0x12u8, 12u8), (0x22, 36), (0x31, 216), (0x32, 216), (0x00, 7), (0x02, 0)] {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
        bytes.extend([shape, 0, width]);
        bytes.extend(vec![7u8; usize::from(width)]);
        assert_eq!(parse(&bytes), Ok(Some((Header { source: None, tls: false }, bytes.len()))), "{shape:#x}");
    }
}

#[test]
fn the_longest_headers_are_read_and_no_longer_ones() {
    let filled = |total: usize| {
        let value = total - FIXED - 12 - 3;
        let mut fields = vec![0x04];
        fields.extend(u16::try_from(value).unwrap().to_be_bytes());
        fields.extend(vec![0; value]);
        with_fields(&fields)
    };
    assert!(matches!(parse(&filled(MAX_V2)), Ok(Some((_, MAX_V2)))));
    assert_eq!(parse(&filled(MAX_V2 + 1)), Err(Malformed));
    let line = |total: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(total - 16));
    assert_eq!(parse(line(MAX_V1).as_bytes()), Ok(Some((Header { source: None, tls: false }, MAX_V1))));
    assert_eq!(parse(line(MAX_V1 + 1).as_bytes()), Err(Malformed));
    assert_eq!(parse(&line(MAX_V1 + 1).as_bytes()[..MAX_V1]), Err(Malformed));
}

/// Bytes near to a header: a row, cut and changed in a few places, or anything.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let row = prop::sample::select(rows().iter().map(bytes_of).collect::<Vec<_>>());
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changed = (row, prop::collection::vec(change, 0..3), prop::collection::vec(any::<u8>(), 0..20));
    prop_oneof![
        4 => changed.prop_map(|(mut bytes, changes, tail)| {
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            bytes.extend(tail);
            bytes
        }),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Asked again with more bytes, the parser never takes its word back.
    #[test]
    fn a_longer_prefix_never_changes_a_verdict(bytes in likely()) {
        let mut last = Ok(None);
        for cut in 0..=bytes.len() {
            let found = parse(&bytes[..cut]);
            prop_assert!(last == Ok(None) || found == last, "{last:?} then {found:?}");
            if let Ok(Some((_, len))) = found {
                prop_assert!(len <= cut && len <= MAX_V2);
            }
            last = found;
        }
        prop_assert!(bytes.len() < MAX_V2 || last != Ok(None));
    }
}
