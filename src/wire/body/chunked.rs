//! A strict, incremental decoder of the chunked transfer coding (RFC 9112 section 7.1).
//!
//! It reads no socket and knows no limit of a body. Extensions and trailers are skipped, but they must follow the
//! grammar (sections 7.1.1 and 7.1.2): one reader may stop in a malformed one, and another may read on. Invariant:
//! everything that another parser might read differently is malformed: a bare LF, `5;` without a name, a trailer without
//! a colon, a size that is not plain hexadecimal, anything but CRLF after the data.

use crate::policy::token::is_token;

/// The bytes violate the coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The most bytes of the extensions of one chunk, and of all trailers; their line ends are not counted.
const MAX_OVERHEAD: usize = 4096;
/// The largest number of digits of a chunk size. Eight allow 4 GiB less one byte, more than any limit (1 GiB).
const MAX_DIGITS: u8 = 8;

/// The place in the message: what the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The digits of a chunk's size.
    Size,
    Extension(Extension),
    /// The line feed behind the size and its extensions.
    SizeLf,
    Data,
    /// The carriage return behind the data.
    DataCr,
    /// The line feed behind the data.
    DataLf,
    /// The beginning of a line behind the last chunk: a trailer's name, or the carriage return that ends the message.
    TrailerStart,
    TrailerName,
    /// Behind the colon.
    TrailerValue,
    /// The line feed behind a trailer.
    TrailerLf,
    /// The line feed that ends the message.
    EndLf,
    Done,
}

/// The place in the extensions: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// Blanks. A semicolon must follow.
    Gap,
    /// Behind a semicolon.
    Begin,
    Name,
    /// Blanks behind the name: an equals sign or a semicolon must follow.
    NameGap,
    /// Behind the equals sign.
    Equals,
    Value,
    Quoted,
    Escaped,
    /// Behind the closing quote.
    Closed,
}

impl Extension {
    /// The next place, for a byte that does not end the line.
    fn step(self, byte: u8) -> Option<Self> {
        if matches!(self, Self::Quoted | Self::Escaped) {
            return self.step_in_quotes(byte);
        }
        let blank = matches!(byte, b' ' | b'\t');
        let token = is_token(byte);
        Some(match (self, byte) {
            (Self::Gap | Self::Name | Self::NameGap | Self::Value | Self::Closed, b';') => Self::Begin,
            (Self::Name | Self::NameGap, b'=') => Self::Equals,
            (Self::Equals, b'"') => Self::Quoted,
            (Self::Begin | Self::Name, _) if token => Self::Name,
            (Self::Equals | Self::Value, _) if token => Self::Value,
            (Self::Name | Self::NameGap, _) if blank => Self::NameGap,
            (Self::Begin | Self::Equals, _) if blank => self,
            (Self::Gap | Self::Value | Self::Closed, _) if blank => Self::Gap,
            _ => return None,
        })
    }

    fn step_in_quotes(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Quoted, b'"') => Some(Self::Closed),
            (Self::Quoted, b'\\') => Some(Self::Escaped),
            (_, b'\t' | b' '..=b'~' | 0x80..) => Some(Self::Quoted),
            _ => None,
        }
    }

    /// Whether the line may end here.
    fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::Closed)
    }
}

/// The state of the decoder.
#[derive(Debug)]
pub struct Decoder {
    place: Place,
    /// The size of the chunk as far as it was read, then the bytes of its data that are to come.
    left: usize,
    digits: u8,
    overhead: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { place: Place::Size, left: 0, digits: 0, overhead: 0 }
    }
}

impl Decoder {
    /// Whether the last chunk and the trailers were read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Decodes `input`, appends the data to `out`, and returns how many bytes of `input` were used: all of them, or
    /// those up to the end of the message.
    ///
    /// # Errors
    /// The bytes violate the coding; the message must not be used.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Malformed> {
        let mut at = 0;
        while at < input.len() && self.place != Place::Done {
            if self.place == Place::Data {
                let take = self.left.min(input.len() - at);
                out.extend_from_slice(&input[at..at + take]);
                at += take;
                self.left -= take;
                if self.left == 0 {
                    self.place = Place::DataCr;
                }
                continue;
            }
            self.place = self.step(input[at])?;
            at += 1;
        }
        Ok(at)
    }

    fn step(&mut self, byte: u8) -> Result<Place, Malformed> {
        Ok(match (self.place, byte) {
            (Place::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (Place::Size, b'\r') if self.digits > 0 => Place::SizeLf,
            (Place::Size, _) if self.digits > 0 => self.step_extension(Extension::Gap, byte)?,
            (Place::Extension(at), b'\r') if at.may_end() => Place::SizeLf,
            (Place::Extension(at), _) => self.step_extension(at, byte)?,
            (Place::SizeLf, b'\n') if self.left == 0 => {
                self.overhead = 0;
                Place::TrailerStart
            }
            (Place::SizeLf, b'\n') => Place::Data,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => {
                (self.digits, self.overhead) = (0, 0);
                Place::Size
            }
            (Place::TrailerStart, b'\r') => Place::EndLf,
            // A trailer line begins with its name: a leading blank would be a folded line.
            (Place::TrailerStart | Place::TrailerName, _) if is_token(byte) => {
                self.count_overhead(Place::TrailerName)?
            }
            (Place::TrailerName, b':') | (Place::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count_overhead(Place::TrailerValue)?
            }
            (Place::TrailerValue, b'\r') => Place::TrailerLf,
            (Place::TrailerLf, b'\n') => Place::TrailerStart,
            (Place::EndLf, b'\n') => Place::Done,
            _ => return Err(Malformed),
        })
    }

    fn step_extension(&mut self, at: Extension, byte: u8) -> Result<Place, Malformed> {
        self.count_overhead(Place::Extension(at.step(byte).ok_or(Malformed)?))
    }

    fn digit(&mut self, byte: u8) -> Result<Place, Malformed> {
        if self.digits == MAX_DIGITS {
            return Err(Malformed);
        }
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        };
        self.left = if self.digits == 0 { 0 } else { self.left << 4 } | usize::from(value);
        self.digits += 1;
        Ok(Place::Size)
    }

    fn count_overhead(&mut self, next: Place) -> Result<Place, Malformed> {
        self.overhead += 1;
        if self.overhead > MAX_OVERHEAD { Err(Malformed) } else { Ok(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The decoded data, the rest of the input, and whether the message was complete.
    fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<u8>, bool), Malformed> {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        let mut at = 0;
        for part in input.chunks(piece.max(1)) {
            let used = decoder.feed(part, &mut out)?;
            at += used;
            if decoder.is_done() {
                break;
            }
        }
        Ok((out, input[at..].to_vec(), decoder.is_done()))
    }

    #[test]
    fn whole_messages_are_decoded_however_the_bytes_are_cut() {
        let cases: [(&str, &str, &str); 7] = [
            ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
            ("5;a=b\r\nhello\r\n00\r\n\r\n", "hello", ""),
            ("1\r\na\r\nA\r\n0123456789\r\n0\r\nX-T: v\r\nY: w\r\n\r\nGET", "a0123456789", "GET"),
            ("0\r\n\r\n", "", ""),
            ("3;x=\"q;\"\r\n\r\n\n\r\n0\r\n\r\n", "\r\n\n", ""),
            ("00000001\r\nz\r\n0\r\n\r\n", "z", ""),
            ("1 ; a\t=\tb ;c = \"\\\"\t\u{e9}\"\r\nz\r\n0;d\r\nX:\r\n\r\n", "z", ""),
        ];
        for (input, data, rest) in cases {
            for piece in 1..=input.len() {
                let got = decode(input.as_bytes(), piece);
                assert_eq!(got, Ok((data.into(), rest.into(), true)), "{input:?} by {piece}");
            }
        }
    }

    #[test]
    fn what_another_parser_might_read_differently_is_malformed() {
        let odd = [
            "5\nhello\r\n0\r\n\r\n",
            "5;a\nX\r\nhello\r\n0\r\n\r\n",
            "5\r\nhelloXX0\r\n\r\n",
            "\r\n",
            ";a\r\n",
            "+5\r\n",
            "0x5\r\n",
            " 5\r\n",
            "5 \r\n",
            "5\r\nhello\n0\r\n\r\n",
            "000000001\r\na",
            "0\r\n X: folded\r\n\r\n",
            "0\r\nX: a\nY: b\r\n\r\n",
            "0\r\n\n",
            "5;\0\r\n",
            "g\r\n",
            "5;\r\n",
            "5 ;\r\n",
            "5;a;\r\n",
            "5;bad name\r\n",
            "5;a \r\n",
            "5;a=\r\n",
            "5;a=b c\r\n",
            "5;=b\r\n",
            "5;a=b=c\r\n",
            "5;a=\"b\r\n",
            "5;a=\"b\"c\r\n",
            "5;a=\"b\\\r\n",
            "5;a=b\"c\"\r\n",
            "5;a[]\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\nX\r\n\r\n",
            "0\r\n: v\r\n\r\n",
            "0\r\nX : v\r\n\r\n",
            "0\r\nX@Y: v\r\n\r\n",
        ];
        for input in odd {
            assert_eq!(decode(input.as_bytes(), 64), Err(Malformed), "{input:?}");
        }
    }

    /// The rules of RFC 9112 section 7.1.1 one by one, each with every length that it may take: slow, and no automaton.
    mod grammar {
        type Rest<'a> = Vec<&'a [u8]>;

        /// `chunk-ext` to the end of the text.
        pub(super) fn is_extension(text: &[u8]) -> bool {
            if text.is_empty() {
                return true;
            }
            bws(text)
                .into_iter()
                .filter_map(|rest| rest.strip_prefix(b";"))
                .flat_map(bws)
                .flat_map(token)
                .any(|rest| {
                    let values =
                        bws(rest).into_iter().filter_map(|rest| rest.strip_prefix(b"=")).flat_map(bws);
                    is_extension(rest)
                        || values.flat_map(|rest| [token(rest), quoted(rest)].concat()).any(is_extension)
                })
        }

        fn bws(text: &[u8]) -> Rest<'_> {
            let count = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            (0..=count).map(|at| &text[at..]).collect()
        }

        fn token(text: &[u8]) -> Rest<'_> {
            let tchar = |b: &&u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
            let count = text.iter().take_while(tchar).count();
            (1..=count).map(|at| &text[at..]).collect()
        }

        fn quoted(text: &[u8]) -> Rest<'_> {
            let Some(mut rest) = text.strip_prefix(b"\"") else { return Vec::new() };
            let may_be_escaped = |b: u8| b == b'\t' || b == b' ' || (0x21..=0x7e).contains(&b) || b >= 0x80;
            loop {
                rest = match rest {
                    [b'"', after @ ..] => return vec![after],
                    [b'\\', escaped, after @ ..] if may_be_escaped(*escaped) => after,
                    [b'\t' | b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e | 0x80.., after @ ..] => after,
                    _ => return Vec::new(),
                };
            }
        }
    }

    #[test]
    fn endless_extensions_and_trailers_are_malformed() {
        let long = "a".repeat(MAX_OVERHEAD + 1);
        assert_eq!(decode(format!("1;{long}").as_bytes(), 999), Err(Malformed));
        assert_eq!(decode(format!("1{}", " ".repeat(MAX_OVERHEAD + 1)).as_bytes(), 999), Err(Malformed));
        assert_eq!(decode(format!("0\r\n{long}").as_bytes(), 999), Err(Malformed));
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8), piece in 1usize..50) {
            let mut wire = Vec::new();
            for part in &parts {
                wire.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                wire.extend_from_slice(part);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\nrest");
            let (out, rest, done) = decode(&wire, piece).unwrap();
            prop_assert!(done);
            prop_assert_eq!(out, parts.concat());
            prop_assert_eq!(rest, b"rest");
        }

        #[test]
        fn an_extension_is_what_the_grammar_says(
            text in prop_oneof![
                "[ \t;]{0,2}([x!]{0,2}[ \t=]{0,3}([y~]{0,2}|\"[x \\\\\"=;\u{e9}]{0,4}\")[ \t]?;?){0,3}",
                "[ \t;=\"\\\\xy@]{0,8}",
            ],
            piece in 1usize..9,
        ) {
            let wire = format!("1{text}\r\nz\r\n0\r\n\r\n");
            prop_assert_eq!(decode(wire.as_bytes(), piece).is_ok(), grammar::is_extension(text.as_bytes()), "{:?}", text);
        }

        #[test]
        fn decoding_never_panics_and_never_makes_bytes(input in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((out, _, _)) = decode(&input, 7) {
                prop_assert!(out.len() <= input.len());
            }
        }
    }
}
