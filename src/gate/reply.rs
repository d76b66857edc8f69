//! What the sender is sent: the upstream's answer framed anew, or a short answer of the gate's own.
//!
//! One buffer, one write. Own answers say nothing about the gate or the application: status, a word,
//! and where it helps `Retry-After` or `Allow`. Invariant: every answer has a Content-Length or a
//! status that has no body, so the sender always knows where it ends.

use std::io::Write as _;

use super::answer::Answer;
use crate::policy::delivery::{Body, RETRY_AFTER_S, Verdict};

/// How the answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// It answers a HEAD: no body.
    pub to_head: bool,
    /// The connection is closed after it.
    pub close: bool,
}

/// An answer ready to be written.
#[derive(Debug)]
pub struct Reply {
    /// Everything that goes on the wire.
    pub bytes: Vec<u8>,
    /// How many of them are body.
    pub body_len: usize,
}

/// The upstream's answer with the status of the verdict.
#[must_use]
pub fn relayed(verdict: Verdict, answer: &Answer, frame: Frame) -> Reply {
    let body: &[u8] = if verdict.body == Body::UpstreamEmpty || frame.to_head { &[] } else { &answer.body };
    let mut bytes = Vec::with_capacity(128 + answer.fields.len() + body.len());
    status_line(&mut bytes, verdict.status);
    bytes.extend_from_slice(&answer.fields);
    let length = if frame.to_head { answer.announced } else { Some(body.len() as u64) };
    // 204 must not have one (RFC 9110 section 8.6).
    if let Some(length) = length.filter(|_| verdict.status != 204) {
        // Writing to a Vec cannot fail.
        let _ = write!(bytes, "Content-Length: {length}\r\n");
    }
    finish(&mut bytes, frame.close);
    bytes.extend_from_slice(body);
    Reply { bytes, body_len: body.len() }
}

/// An answer of the gate's own; `allow` are the methods that a 405 names.
#[must_use]
pub fn own(status: u16, allow: Option<&str>, frame: Frame) -> Reply {
    let phrase = phrase(status);
    let body_len = if frame.to_head { 0 } else { 3 + 1 + phrase.len() + 1 };
    let mut bytes = Vec::with_capacity(192);
    status_line(&mut bytes, status);
    // Writing to a Vec cannot fail.
    let _ =
        write!(bytes, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n", 5 + phrase.len());
    if matches!(status, 503 | 504) {
        let _ = write!(bytes, "Retry-After: {RETRY_AFTER_S}\r\n");
    }
    if let Some(allow) = allow {
        let _ = write!(bytes, "Allow: {allow}\r\n");
    }
    finish(&mut bytes, frame.close);
    if !frame.to_head {
        let _ = writeln!(bytes, "{status} {phrase}");
    }
    Reply { bytes, body_len }
}

fn status_line(bytes: &mut Vec<u8>, status: u16) {
    let _ = write!(bytes, "HTTP/1.1 {status} {}\r\n", phrase(status));
}

fn finish(bytes: &mut Vec<u8>, close: bool) {
    if close {
        bytes.extend_from_slice(b"Connection: close\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
}

/// The registered reason phrase; a status without one has an empty phrase (RFC 9112 section 4).
fn phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::outcome::Reason;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            fields: b"Content-Type: application/json\r\n".to_vec(),
            body: body.into(),
            announced: Some(body.len() as u64),
            content_type: None,
            location: None,
            reusable: true,
        }
    }

    fn relay(status: u16, body: Body, frame: Frame) -> String {
        let verdict = Verdict { status, body, reason: Reason::Success };
        String::from_utf8(relayed(verdict, &answer("[1]"), frame).bytes).unwrap()
    }

    const OPEN: Frame = Frame { to_head: false, close: false };

    #[test]
    fn relayed_answers_are_framed_anew() {
        let wanted = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]";
        assert_eq!(relay(200, Body::Upstream, OPEN), wanted);
        let empty = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(relay(200, Body::UpstreamEmpty, OPEN), empty);
        let no_content =
            "HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
        assert_eq!(relay(204, Body::UpstreamEmpty, Frame { to_head: false, close: true }), no_content);
        let to_head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(relay(200, Body::Upstream, Frame { to_head: true, close: false }), to_head);
    }

    #[test]
    fn own_answers_say_little_and_end_where_they_say() {
        for status in [400, 403, 404, 405, 408, 413, 414, 417, 431, 501, 503, 504] {
            let reply = own(status, (status == 405).then_some("POST"), OPEN);
            let text = String::from_utf8(reply.bytes).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert_eq!(body.len(), reply.body_len, "{text}");
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{text}");
            assert_eq!(head.contains("Retry-After: 5"), matches!(status, 503 | 504), "{text}");
            assert_eq!(head.contains("Allow: POST"), status == 405, "{text}");
        }
    }
}
