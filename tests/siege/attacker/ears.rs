//! What an attacker hears, without keeping it: how many answers came whole.

/// Counts answers as their bytes go by.
#[derive(Debug)]
pub enum Ears {
    Http1(Http1),
    Http2(Http2),
}

impl Ears {
    pub fn hear(&mut self, bytes: &[u8]) {
        match self {
            Self::Http1(ears) => ears.hear(bytes),
            Self::Http2(ears) => ears.hear(bytes),
        }
    }

    pub fn answers(&self) -> u64 {
        match self {
            Self::Http1(ears) => ears.answers,
            Self::Http2(ears) => ears.answers,
        }
    }

    /// Streams whose answer began since this was asked last.
    pub fn begun(&mut self) -> Vec<u32> {
        match self {
            Self::Http1(_) => Vec::new(),
            Self::Http2(ears) => std::mem::take(&mut ears.begun),
        }
    }

    /// Streams that ended, by an answer or a reset.
    pub fn over(&self) -> u64 {
        match self {
            Self::Http1(ears) => ears.answers,
            Self::Http2(ears) => ears.answers + ears.resets,
        }
    }
}

/// Answers with a Content-Length or without a body, one after the other: what the gate sends.
#[derive(Debug, Default)]
pub struct Http1 {
    head: Vec<u8>,
    /// Bytes of the body that are missing.
    missing: usize,
    answers: u64,
}

impl Http1 {
    fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let here = self.missing.min(bytes.len());
                self.missing -= here;
                bytes = &bytes[here..];
                self.answers += u64::from(self.missing == 0);
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            if self.head.ends_with(b"\r\n\r\n") {
                self.note_head();
            }
        }
    }

    fn note_head(&mut self) {
        let head = String::from_utf8_lossy(&self.head).to_ascii_lowercase();
        self.head.clear();
        if head.starts_with("http/1.1 1") {
            return;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        self.missing = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        self.answers += u64::from(self.missing == 0);
    }
}

/// Frames, whatever is in them.
#[derive(Debug, Default)]
pub struct Http2 {
    head: Vec<u8>,
    missing: usize,
    begun: Vec<u32>,
    answers: u64,
    resets: u64,
}

impl Http2 {
    fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let here = self.missing.min(bytes.len());
                self.missing -= here;
                bytes = &bytes[here..];
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            if self.head.len() == 9 {
                self.note_frame();
            }
        }
    }

    /// A frame is noted when its head is there: what follows is only skipped.
    fn note_frame(&mut self) {
        const DATA: u8 = 0;
        const HEADERS: u8 = 1;
        const RST_STREAM: u8 = 3;
        const END_STREAM: u8 = 1;
        let head: Vec<u8> = std::mem::take(&mut self.head);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5] & 127, head[6], head[7], head[8]]);
        self.missing = length as usize;
        match head[3] {
            HEADERS => self.begun.push(stream),
            RST_STREAM => self.resets += 1,
            _ => {}
        }
        self.answers += u64::from(matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0);
    }
}
