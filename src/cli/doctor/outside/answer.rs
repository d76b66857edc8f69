//! The answers to a request, as they came over one connection.
//!
//! Whatever stands in front may have written them, or somebody who means harm. Invariant: a head and a body are bounded,
//! and what is no HTTP is said to be none.

use crate::judge::served::seen::Seen;
use crate::state::doctor::proof::{FIELD, ProofKey, Vouched};
use crate::wire::body::chunked::Decoder;

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
    origin: Origin,
}

/// Who wrote an answer, as far as its proof tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It has no proof.
    #[default]
    Unproven,
    /// It has the field of the proof, and no proof that holds.
    Imitated,
    /// The gate, as its answer to another question.
    Old,
    /// The gate, as its answer to this question.
    Gate {
        /// The status that the gate said.
        said: u16,
        /// Whether the body is the one that the gate sent.
        is_whole: bool,
    },
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

    /// Finds out who wrote this; the nonce of the proof that holds for it. `asked` are the bytes of the question.
    pub(crate) fn trace(&mut self, key: &ProofKey, asked: &[u8]) -> Option<String> {
        let proof = self.field(FIELD)?;
        let Some(Vouched { nonce, status: said, is_whole }) = key.verify(proof, &self.body) else {
            self.origin = Origin::Imitated;
            return None;
        };
        let is_asked = memchr::memmem::find(asked, nonce.as_bytes()).is_some();
        let nonce = is_asked.then_some(nonce);
        self.origin = if is_asked { Origin::Gate { said, is_whole } } else { Origin::Old };
        nonce
    }

    /// Who wrote it.
    #[must_use]
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// What the gate saw of the question, if the gate proves that it says so.
    #[must_use]
    pub(crate) fn seen(&self) -> Option<Seen> {
        let is_whole = matches!(self.origin, Origin::Gate { is_whole: true, .. });
        is_whole.then(|| self.saw()).flatten()
    }

    /// What the gate saw of this question or of another one.
    #[must_use]
    pub(crate) fn saw(&self) -> Option<Seen> {
        let is_gates = matches!(self.origin, Origin::Old | Origin::Gate { .. });
        let seen = is_gates.then(|| serde_json::from_slice::<Seen>(&self.body).ok()).flatten();
        seen.filter(Seen::is_of_a_gate)
    }

    /// Whether the gate proves that it answered this question.
    #[must_use]
    pub(crate) fn is_of_gate(&self) -> bool {
        matches!(self.origin, Origin::Gate { .. })
    }

    /// Whether this is no gate's, and refuses: the only answer without a proof that may be as good as one with it.
    #[must_use]
    pub(crate) fn is_refusal_in_front(&self) -> bool {
        self.origin == Origin::Unproven && (400..500).contains(&self.status)
    }

    /// The status, and who wrote the answer: the gate, or else, now that it is known to prove its own, who says so.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        self.told("of")
    }

    /// The status, and who passed the answer on; who wrote it is not known before the gate was heard once.
    #[must_use]
    pub(crate) fn passed(&self) -> String {
        self.told("through")
    }

    fn told(&self, word: &str) -> String {
        let status = self.status;
        let by = self.field("server").filter(|server| server.len() <= 60);
        match (self.origin, by) {
            (Origin::Gate { said, .. }, _) if said != status => format!("{status}, changed on the way"),
            (Origin::Gate { is_whole: false, .. }, _) => {
                format!("{status} with another body than the gate sent")
            }
            (Origin::Gate { .. }, _) => format!("{status} of the gate"),
            (Origin::Old, _) => format!("{status}, the gate's answer to an earlier question"),
            (Origin::Imitated, _) => format!("{status} with the gate's mark, and without its proof"),
            (Origin::Unproven, Some(server)) => format!("{status} {word} {server}"),
            (Origin::Unproven, None) => status.to_string(),
        }
    }

    /// The same as if the gate had written it.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn proven(self) -> Self {
        Self { origin: Origin::Gate { said: self.status, is_whole: true }, ..self }
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
    let mut answer = Answer { status, fields, ..Answer::default() };
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
    fn who_wrote_an_answer_follows_from_its_proof_and_not_from_server() {
        let (key, nonce) = (ProofKey::of("secret"), "0123456789abcdef0123456789abcdef");
        let asked = format!("GET /x/{nonce} HTTP/1.1");
        let of = |proof: &str, status: u16, body: &str, asked: &str| {
            let text = format!("HTTP/1.1 {status} X\r\nServer: nginx\r\n{FIELD}: {proof}\r\n\r\n{body}");
            let Progress::Whole(mut answer, _) = read(text.as_bytes(), true) else { panic!("{text}") };
            answer.trace(&key, asked.as_bytes());
            answer.shown()
        };
        let proof = key.prove(nonce, 403, b"ab");
        assert_eq!(of(&proof, 403, "ab", &asked), "403 of the gate");
        assert_eq!(of(&proof, 200, "ab", &asked), "200, changed on the way");
        assert!(of(&proof, 403, "abc", &asked).contains("another body"));
        assert!(of(&proof, 403, "ab", "GET /other").contains("an earlier question"));
        for imitation in ["1", &ProofKey::of("other").prove(nonce, 403, b"ab")] {
            assert!(of(imitation, 403, "ab", &asked).contains("without its proof"), "{imitation}");
        }
        let text = "HTTP/1.1 403 X\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";
        let Progress::Whole(answer, _) = read(text.as_bytes(), true) else { panic!("{text}") };
        assert_eq!(
            (answer.shown().as_str(), answer.passed().as_str()),
            ("403 of nginx", "403 through nginx")
        );
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
