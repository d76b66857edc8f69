//! HTTP/1.1 bytes: requests written out by hand, and one reader of framed messages for both ends of the gate.

use std::io::{self, Read};

/// A request with `Host`, the given headers and, when there is a body, its `Content-Length`.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: hooks.example\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    if !body.is_empty() || method == "POST" {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

pub fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

/// A small JSON POST; `X-Case` names it, so that its traces at the upstream can be told from others.
pub fn post(target: &str, case: &str) -> Vec<u8> {
    request("POST", target, &[("Content-Type", "application/json"), ("X-Case", case)], br#"{"n":1}"#)
}

/// A message head as it was on the wire.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub raw: Vec<u8>,
}

impl Head {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// The start line without its line end.
    pub fn start(&self) -> Vec<u8> {
        self.raw.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end().to_vec()
    }

    /// Every header, name in lower case, in order.
    pub fn headers(&self) -> Vec<(String, String)> {
        self.text()
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect()
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        self.headers().into_iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect()
    }

    pub fn one(&self, name: &str) -> Option<String> {
        let mut found = self.all(name);
        assert!(found.len() <= 1, "{name} stands {} times in {}", found.len(), self.text());
        found.pop()
    }
}

/// A final response, read by its own framing.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub head: Head,
    pub body: Vec<u8>,
    /// Status codes of the 1xx responses that came first.
    pub interim: Vec<u16>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.one(name)
    }

    /// The sender may not use the connection again.
    pub fn closes(&self) -> bool {
        self.head.all("connection").iter().any(|value| value.to_ascii_lowercase().contains("close"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Bytes read ahead of what was asked for, over any stream.
#[derive(Default)]
pub struct Wire {
    pub ahead: Vec<u8>,
}

impl Wire {
    /// Reads until `ahead` holds more than before; 0 at the end of the stream.
    pub fn fill(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let read = stream.read(&mut chunk)?;
        self.ahead.extend_from_slice(chunk.get(..read).unwrap_or_default());
        Ok(read)
    }

    /// One head with its empty line; `None` when the stream ended before its first byte.
    pub fn head(&mut self, stream: &mut impl Read) -> io::Result<Option<Head>> {
        loop {
            if let Some(at) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(Some(Head { raw: self.ahead.drain(..at + 4).collect() }));
            }
            if self.fill(stream)? == 0 {
                return if self.ahead.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    pub fn exactly(&mut self, stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < length {
            if self.fill(stream)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.ahead.drain(..length).collect())
    }

    pub fn chunked(&mut self, stream: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line(stream)?;
            let digits = line.split(';').next().unwrap_or_default().trim().to_owned();
            let size = usize::from_str_radix(&digits, 16)
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            if size == 0 {
                while !self.line(stream)?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.exactly(stream, size)?);
            self.exactly(stream, 2)?;
        }
    }

    fn line(&mut self, stream: &mut impl Read) -> io::Result<String> {
        loop {
            if let Some(at) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..at + 2).collect();
                return Ok(String::from_utf8_lossy(line.get(..at).unwrap_or_default()).into_owned());
            }
            if self.fill(stream)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub fn rest(&mut self, stream: &mut impl Read) -> io::Result<Vec<u8>> {
        while self.fill(stream)? > 0 {}
        Ok(std::mem::take(&mut self.ahead))
    }
}
