//! Header blocks of HTTP/2 (RFC 7541): written as plain literals, read in full.

use std::collections::VecDeque;

/// How long the Huffman code of each byte is (RFC 7541, appendix B), and of the end. Codes of one length count up with
/// the byte, and the shorter ones come first: nothing more is needed to know them all.
const CODE_LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26, 30,
];

/// RFC 7541, appendix A; the values of pseudo-header fields are theirs, all other values are empty but one.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// A name and a value, as bytes: a hostile client may write any.
pub type Field = (Vec<u8>, Vec<u8>);

/// Literal fields that enter no table, without Huffman.
pub fn literals<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_ref(), value.as_ref()] {
            integer(&mut block, 7, text.len());
            block.extend(text);
        }
    }
    block
}

fn integer(block: &mut Vec<u8>, bits: u32, value: usize) {
    let most = (1 << bits) - 1;
    if value < most {
        block.push(u8::try_from(value).expect("small"));
        return;
    }
    block.push(u8::try_from(most).expect("small"));
    let mut left = value - most;
    while left >= 128 {
        block.push(u8::try_from(left % 128 + 128).expect("a byte"));
        left /= 128;
    }
    block.push(u8::try_from(left).expect("a byte"));
}

/// What the other end has told this one to remember. Entries that fell out of its own table are never asked for again,
/// so nothing needs to be forgotten here.
#[derive(Default)]
pub struct Table {
    newest_first: VecDeque<Field>,
}

impl Table {
    /// The fields of a whole block.
    pub fn read(&mut self, block: &[u8]) -> Vec<Field> {
        let mut rest = block;
        let mut fields = Vec::new();
        while let Some(first) = rest.first().copied() {
            match first {
                128.. => {
                    let at = read_integer(&mut rest, 7);
                    fields.push(self.at(at));
                }
                32..64 => {
                    read_integer(&mut rest, 5);
                }
                _ => {
                    let remembered = first >= 64;
                    let at = read_integer(&mut rest, if remembered { 6 } else { 4 });
                    let name = if at == 0 { read_text(&mut rest) } else { self.at(at).0 };
                    let field = (name, read_text(&mut rest));
                    if remembered {
                        self.newest_first.push_front(field.clone());
                    }
                    fields.push(field);
                }
            }
        }
        fields
    }

    fn at(&self, index: usize) -> Field {
        match STATIC.get(index.checked_sub(1).expect("an index")) {
            Some((name, value)) => (name.as_bytes().to_vec(), value.as_bytes().to_vec()),
            None => self.newest_first.get(index - 62).expect("an entry of the table").clone(),
        }
    }
}

fn read_integer(rest: &mut &[u8], bits: u32) -> usize {
    let most = (1 << bits) - 1;
    let mut value = usize::from(next(rest)) & most;
    if value < most {
        return value;
    }
    let mut shift = 0;
    loop {
        let byte = usize::from(next(rest));
        value += (byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            return value;
        }
    }
}

fn read_text(rest: &mut &[u8]) -> Vec<u8> {
    let is_huffman = *rest.first().expect("a string") >= 128;
    let length = read_integer(rest, 7);
    let (text, after) = rest.split_at(length);
    *rest = after;
    if is_huffman { plain(text) } else { text.to_vec() }
}

fn next(rest: &mut &[u8]) -> u8 {
    let (first, after) = rest.split_first().expect("a whole block");
    *rest = after;
    *first
}

/// Decodes a Huffman string, bit by bit; the padding at its end is no whole code.
fn plain(coded: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let (mut code, mut length) = (0u32, 0u8);
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        code = code << 1 | u32::from(bit);
        length += 1;
        if let Some(byte) = byte_of(code, length) {
            text.push(byte);
            (code, length) = (0, 0);
        }
    }
    text
}

/// The byte whose code this is, if it is a whole one.
fn byte_of(code: u32, length: u8) -> Option<u8> {
    let mut first = 0u32;
    for bits in 5..length {
        first = (first + count(bits)) << 1;
    }
    let place = code.checked_sub(first).filter(|place| length >= 5 && *place < count(length))?;
    symbols(length).nth(usize::try_from(place).expect("small")).and_then(|symbol| u8::try_from(symbol).ok())
}

/// What has a code of this length, in the order of the codes.
fn symbols(length: u8) -> impl Iterator<Item = usize> {
    (0..CODE_LENGTHS.len()).filter(move |symbol| CODE_LENGTHS[*symbol] == length)
}

fn count(length: u8) -> u32 {
    u32::try_from(symbols(length).count()).expect("small")
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 7541, C.6.1 and C.6.2: a response and the next one, with Huffman and the table.
    let hex = |text: &str| -> Vec<u8> {
        let digits: Vec<char> = text.chars().filter(|char| !char.is_whitespace()).collect();
        let byte = |two: &[char]| u8::from_str_radix(&two.iter().collect::<String>(), 16).expect("hex");
        digits.chunks(2).map(byte).collect()
    };
    let first = hex("4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
                     2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3");
    let mut table = Table::default();
    let text = |fields: Vec<Field>| -> Vec<String> {
        let show = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        fields.into_iter().map(|(name, value)| format!("{}={}", show(name), show(value))).collect()
    };
    let rest =
        ["cache-control=private", "date=Mon, 21 Oct 2013 20:13:21 GMT", "location=https://www.example.com"];
    assert_eq!(text(table.read(&first)), [&[":status=302"], &rest[..]].concat());
    assert_eq!(text(table.read(&hex("4883 640e ffc1 c0bf"))), [&[":status=307"], &rest[..]].concat());
    let own =
        [("x-long", "a".repeat(300).as_str()), (":path", "/")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let read = text(table.read(&literals(&own)));
    assert_eq!(read, own.map(|(name, value)| format!("{name}={value}")));
}
