//! The answers to a request, as they came over one connection.
//!
//! Whatever stands in front may have written them, or somebody who means harm. Invariant: a head and a body are bounded,
//! and what is no HTTP is said to be none.

use crate::judge::served::seen::Seen;
use crate::wire::chunked::Decoder;

/// The largest answer that is read, head and body.
pub(crate) const MOST_BYTES: usize = 256 * 1024;
const MOST_FIELDS: usize = 100;

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub status: u16,
    fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What came in the place of an answer that was hoped for, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Instead(pub String);

impl Instead {
    /// Anything else that says in words what it is.
    pub(crate) fn of(what: &impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// How far bytes have come to be an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is whole; so many bytes are its own.
    Whole(Answer, usize),
    /// More bytes are needed.
    More,
    /// It is no answer in HTTP.
    NotHttp,
}

impl Answer {
    /// The first value of a field.
    #[must_use]
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// What the gate saw, if the gate wrote this.
    #[must_use]
    pub(crate) fn seen(&self) -> Option<Seen> {
        let seen = self.is_marked().then(|| serde_json::from_slice::<Seen>(&self.body).ok()).flatten();
        seen.filter(Seen::is_whole)
    }

    /// Whether it bears the mark of the gate's answers to the doctor.
    #[must_use]
    pub(crate) fn is_marked(&self) -> bool {
        self.field("x-nexmo-gate-doctor").is_some()
    }

    /// The status, and who seems to have written the answer.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        let by = self.field("server").filter(|server| server.len() <= 60);
        match by {
            _ if self.is_marked() => format!("{} of the gate", self.status),
            Some(server) => format!("{} of {server}", self.status),
            None => self.status.to_string(),
        }
    }
}

/// Reads the first answer; `ended` says that no more bytes come.
#[must_use]
pub(crate) fn read(bytes: &[u8], ended: bool) -> Progress {
    let mut lines = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Response::new(&mut lines);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if !ended && bytes.len() < MOST_BYTES => return Progress::More,
        _ => return Progress::NotHttp,
    };
    let Some(status) = head.code else { return Progress::NotHttp };
    let fields = head.headers.iter();
    let fields = fields
        .map(|line| (line.name.to_owned(), String::from_utf8_lossy(line.value).trim().to_owned()))
        .collect();
    let mut answer = Answer { status, fields, body: Vec::new() };
    // What comes before the answer itself, and says nothing.
    if (100..200).contains(&status) && status != 101 {
        return match read(&bytes[length..], ended) {
            Progress::Whole(answer, rest) => Progress::Whole(answer, length + rest),
            other => other,
        };
    }
    match body(&answer, &bytes[length..], ended) {
        Some((body, rest)) => {
            answer.body = body;
            Progress::Whole(answer, length + rest)
        }
        None if ended || bytes.len() >= MOST_BYTES => {
            answer.body = bytes[length..].to_vec();
            Progress::Whole(answer, bytes.len())
        }
        None => Progress::More,
    }
}

/// The body and the bytes that it takes; `None` where more are needed.
fn body(answer: &Answer, bytes: &[u8], ended: bool) -> Option<(Vec<u8>, usize)> {
    if matches!(answer.status, 101 | 204 | 304) {
        return Some((Vec::new(), 0));
    }
    if answer.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        let (mut decoder, mut body) = (Decoder::default(), Vec::new());
        let Ok(used) = decoder.feed(bytes, &mut body) else { return Some((bytes.to_vec(), bytes.len())) };
        return decoder.is_done().then_some((body, used));
    }
    match answer.field("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => bytes.get(..length).map(|body| (body.to_vec(), length)),
        _ => ended.then(|| (bytes.to_vec(), bytes.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, ended: bool) -> (u16, String, usize) {
        match read(text.as_bytes(), ended) {
            Progress::Whole(answer, used) => (answer.status, String::from_utf8(answer.body).unwrap(), used),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_ends_where_its_length_or_its_chunks_or_the_connection_end() {
        let two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 ";
        assert_eq!(whole(two, false), (200, "ab".to_owned(), two.len() - 9));
        let chunked = "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        assert_eq!(whole(chunked, false), (503, "ab".to_owned(), chunked.len()));
        let to_end = "HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(read(to_end.as_bytes(), false), Progress::More);
        assert_eq!(whole(to_end, true).1, "abc");
        assert_eq!(whole("HTTP/1.1 204 No Content\r\n\r\n", false).0, 204);
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(whole(interim, false), (204, String::new(), interim.len()));
    }

    #[test]
    fn garbage_is_no_answer_and_an_endless_one_ends() {
        assert_eq!(read(b"SSH-2.0-x\r\n", false), Progress::NotHttp);
        assert_eq!(read(b"", true), Progress::NotHttp);
        assert_eq!(read(b"HTTP/1.1 2", false), Progress::More);
        let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; MOST_BYTES]].concat();
        assert!(matches!(read(&endless, false), Progress::Whole(..)));
        let head = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'a'; MOST_BYTES]].concat();
        assert_eq!(read(&head, false), Progress::NotHttp);
    }
}
