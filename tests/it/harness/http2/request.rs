//! A request's bytes of HTTP/1, piece by piece as they are written, and what each piece is in HTTP/2.

/// A field of a request.
pub type Field = (String, Vec<u8>);

#[derive(Debug)]
pub enum Part {
    Head { fields: Vec<Field>, end: bool },
    Body { bytes: Vec<u8>, end: bool },
    Trailers(Vec<Field>),
}

/// Where in a request the next byte belongs.
#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Head,
    /// So many bytes are missing of a body of known length.
    Body(usize),
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Trailers,
}

#[derive(Default)]
pub struct RequestReader {
    bytes: Vec<u8>,
    place: Place,
}

impl RequestReader {
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// The next part, if enough is there to say it.
    pub fn next(&mut self, scheme: &str) -> Option<Part> {
        loop {
            match self.place {
                Place::Head => {
                    let head = self.until(b"\r\n\r\n")?;
                    return Some(self.head(&head, scheme));
                }
                Place::Body(missing) => {
                    let bytes = self.piece(missing)?;
                    let end = bytes.len() == missing;
                    self.place = if end { Place::Head } else { Place::Body(missing - bytes.len()) };
                    return Some(Part::Body { bytes, end });
                }
                Place::ChunkSize => {
                    let line = self.until(b"\r\n")?;
                    let digits = line.split(|byte| *byte == b';').next().expect("a first part");
                    let digits = String::from_utf8_lossy(digits).into_owned();
                    let size = usize::from_str_radix(&digits, 16).unwrap_or_else(|_| unsayable(&line));
                    self.place = if size == 0 { Place::Trailers } else { Place::Chunk(size) };
                }
                Place::Chunk(missing) => {
                    let bytes = self.piece(missing)?;
                    let over = bytes.len() == missing;
                    self.place = if over { Place::ChunkEnd } else { Place::Chunk(missing - bytes.len()) };
                    return Some(Part::Body { bytes, end: false });
                }
                Place::ChunkEnd => {
                    let line = self.until(b"\r\n")?;
                    assert!(line.is_empty(), "{line:?}");
                    self.place = Place::ChunkSize;
                }
                Place::Trailers => {
                    let lines = if self.bytes.starts_with(b"\r\n") {
                        self.until(b"\r\n")?
                    } else {
                        self.until(b"\r\n\r\n")?
                    };
                    self.place = Place::Head;
                    let fields = fields(&lines);
                    return Some(if fields.is_empty() {
                        Part::Body { bytes: Vec::new(), end: true }
                    } else {
                        Part::Trailers(fields)
                    });
                }
            }
        }
    }

    /// What comes before `mark`; the mark is taken out too.
    fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        let at = self.bytes.windows(mark.len()).position(|window| window == mark)?;
        let taken = self.bytes.drain(..at + mark.len()).take(at).collect();
        Some(taken)
    }

    fn piece(&mut self, most: usize) -> Option<Vec<u8>> {
        let count = most.min(self.bytes.len());
        (count > 0).then(|| self.bytes.drain(..count).collect())
    }

    fn head(&mut self, head: &[u8], scheme: &str) -> Part {
        let (start, lines) = match head.windows(2).position(|two| two == b"\r\n") {
            Some(at) => (&head[..at], &head[at + 2..]),
            None => (head, &b""[..]),
        };
        let words: Vec<&[u8]> = start.split(|byte| *byte == b' ').collect();
        let [method, target, b"HTTP/1.1"] = words[..] else { unsayable(head) };
        if !target.starts_with(b"/") {
            unsayable(head);
        }
        let mut own: Vec<Field> = vec![
            (":method".to_owned(), method.to_vec()),
            (":scheme".to_owned(), scheme.as_bytes().to_vec()),
            (":path".to_owned(), target.to_vec()),
        ];
        let mut rest = Vec::new();
        self.place = Place::Head;
        for (name, value) in fields(lines) {
            match name.as_str() {
                "host" => own.push((":authority".to_owned(), value)),
                // How a body ends is the frames' affair.
                "transfer-encoding" if value.eq_ignore_ascii_case(b"chunked") => {
                    self.place = Place::ChunkSize;
                }
                "transfer-encoding" | "connection" | "keep-alive" | "proxy-connection" | "upgrade" => {
                    unsayable(head)
                }
                _ => {
                    if name == "content-length" {
                        let length =
                            String::from_utf8_lossy(&value).parse().unwrap_or_else(|_| unsayable(head));
                        self.place = if length == 0 { Place::Head } else { Place::Body(length) };
                    }
                    rest.push((name, value));
                }
            }
        }
        let end = matches!(self.place, Place::Head);
        own.extend(rest);
        Part::Head { fields: own, end }
    }
}

fn fields(lines: &[u8]) -> Vec<Field> {
    let lines =
        lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or_else(|| unsayable(line));
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            (name, line[colon + 1..].trim_ascii().to_vec())
        })
        .collect()
}

fn unsayable(what: &[u8]) -> ! {
    panic!("HTTP/2 cannot say {:?}: a test that needs it is HTTP/1's own", String::from_utf8_lossy(what))
}
