//! A strict, incremental decoder of the chunked transfer coding (RFC 9112 section 7.1).
//!
//! It reads no socket and knows no limit of a body. Extensions and trailers are skipped. Invariant: everything that
//! another parser might read differently is malformed: a bare LF, a control byte in an extension, a size that is not
//! plain hexadecimal, anything but CRLF after the data.

/// The bytes violate the coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The largest number of bytes in the extensions of one chunk, and in the trailers.
const MAX_OVERHEAD: usize = 4096;
/// The largest number of digits of a chunk size. Eight allow 4 GiB less one byte, more than any limit (1 GiB).
const MAX_DIGITS: u8 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    LineStart,
    Line,
    LineLf,
    EndLf,
    Done,
}

/// The state of the decoder.
#[derive(Debug)]
pub struct Decoder {
    place: Place,
    size: usize,
    digits: u8,
    overhead: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { place: Place::Size, size: 0, digits: 0, overhead: 0 }
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
                let take = self.size.min(input.len() - at);
                out.extend_from_slice(&input[at..at + take]);
                at += take;
                self.size -= take;
                if self.size == 0 {
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
            (Place::Size, b';') if self.digits > 0 => Place::Extension,
            (Place::Size, b'\r') if self.digits > 0 => Place::SizeLf,
            (Place::Extension, b'\r') => Place::SizeLf,
            (Place::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.over(Place::Extension)?,
            (Place::SizeLf, b'\n') if self.size == 0 => {
                self.overhead = 0;
                Place::LineStart
            }
            (Place::SizeLf, b'\n') => Place::Data,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => {
                (self.digits, self.overhead) = (0, 0);
                Place::Size
            }
            (Place::LineStart, b'\r') => Place::EndLf,
            // A trailer line begins with a token. A line with a leading blank would be folded, which is refused.
            (Place::LineStart, b'!'..=b'~') | (Place::Line, b'\t' | b' '..=b'~' | 0x80..) => {
                self.over(Place::Line)?
            }
            (Place::Line, b'\r') => Place::LineLf,
            (Place::LineLf, b'\n') => Place::LineStart,
            (Place::EndLf, b'\n') => Place::Done,
            _ => return Err(Malformed),
        })
    }

    fn digit(&mut self, byte: u8) -> Result<Place, Malformed> {
        if self.digits == MAX_DIGITS {
            return Err(Malformed);
        }
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        };
        self.size = if self.digits == 0 { 0 } else { self.size << 4 } | usize::from(value);
        self.digits += 1;
        Ok(Place::Size)
    }

    fn over(&mut self, next: Place) -> Result<Place, Malformed> {
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
        let cases: [(&str, &str, &str); 6] = [
            ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
            ("5;a=b\r\nhello\r\n00\r\n\r\n", "hello", ""),
            ("1\r\na\r\nA\r\n0123456789\r\n0\r\nX-T: v\r\nY: w\r\n\r\nGET", "a0123456789", "GET"),
            ("0\r\n\r\n", "", ""),
            ("3;x=\"q;\"\r\n\r\n\n\r\n0\r\n\r\n", "\r\n\n", ""),
            ("00000001\r\nz\r\n0\r\n\r\n", "z", ""),
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
        ];
        for input in odd {
            assert_eq!(decode(input.as_bytes(), 64), Err(Malformed), "{input:?}");
        }
    }

    #[test]
    fn endless_extensions_and_trailers_are_malformed() {
        let long = "a".repeat(MAX_OVERHEAD + 1);
        assert_eq!(decode(format!("1;{long}").as_bytes(), 999), Err(Malformed));
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
        fn decoding_never_panics_and_never_makes_bytes(input in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((out, _, _)) = decode(&input, 7) {
                prop_assert!(out.len() <= input.len());
            }
        }
    }
}
