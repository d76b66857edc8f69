//! The reply to the sender: the application's answer with new framing, or a short reply of the gate's own.
//!
//! Which of them it is, and with which status, is decided in `policy::delivery`. A reply of the gate's own reveals
//! nothing about the gate or the application: it has the status and its phrase, and `Retry-After` or `Allow` where that
//! helps. Invariant: every reply has a Content-Length or a status without a body, so the sender knows where it ends.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::policy::delivery::{Body, RETRY_AFTER_S, Verdict};
use crate::upstream::answer::Answer;
use crate::wire::fields::Fields;
use crate::wire::transport::{Reply, phrase};

/// How the reply is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The request was a HEAD: the reply has no body.
    pub to_head: bool,
    /// The connection is closed after the reply.
    pub close: bool,
}

/// The application's answer with the status of the verdict.
#[must_use]
pub(crate) fn relayed(verdict: Verdict, answer: &Answer, frame: Frame) -> Reply<'_> {
    let body: &[u8] = if verdict.body == Body::UpstreamEmpty || frame.to_head { &[] } else { &answer.body };
    let length = if frame.to_head { answer.announced } else { Some(body.len() as u64) };
    Reply {
        status: verdict.status,
        fields: Cow::Borrowed(&answer.fields),
        // A 204 must not have a Content-Length (RFC 9110 section 8.6).
        length: length.filter(|_| verdict.status != 204),
        body: Cow::Borrowed(body),
        close: frame.close,
        dated: answer.is_dated(),
        spare: false,
    }
}

/// The header lines of the gate's own replies, and those with `Retry-After`: made once, because denials come in floods.
static PLAIN: LazyLock<Fields> = LazyLock::new(|| Fields::of(&[PLAIN_TEXT]));
static PLAIN_RETRY: LazyLock<Fields> =
    LazyLock::new(|| Fields::of(&[PLAIN_TEXT, ("Retry-After", &RETRY_AFTER_S.to_string())]));
const PLAIN_TEXT: (&str, &str) = ("Content-Type", "text/plain; charset=utf-8");

/// A reply of the gate's own; `allow` is the value of the Allow field in a 405.
#[must_use]
pub(crate) fn own(status: u16, allow: Option<&str>, frame: Frame) -> Reply<'static> {
    let usual: &Fields = if matches!(status, 503 | 504) { &PLAIN_RETRY } else { &PLAIN };
    let fields = match allow {
        None => Cow::Borrowed(usual),
        Some(allow) => {
            let mut fields = usual.clone();
            fields.push(b"Allow", allow.as_bytes());
            Cow::Owned(fields)
        }
    };
    let body = body_of_own(status);
    let length = Some(body.len() as u64);
    let body = if frame.to_head { Cow::Borrowed(&b""[..]) } else { body };
    Reply { status, fields, length, body, close: frame.close, dated: false, spare: true }
}

/// The status and its phrase. That of a denial is at hand.
fn body_of_own(status: u16) -> Cow<'static, [u8]> {
    match status {
        403 => Cow::Borrowed(b"403 Forbidden\n"),
        404 => Cow::Borrowed(b"404 Not Found\n"),
        503 => Cow::Borrowed(b"503 Service Unavailable\n"),
        _ => Cow::Owned(format!("{status} {}\n", phrase(status)).into_bytes()),
    }
}

/// The reply with the file of an ACME challenge.
#[must_use]
pub(crate) fn challenge(content: Vec<u8>, frame: Frame) -> Reply<'static> {
    let length = Some(content.len() as u64);
    let body = if frame.to_head { Vec::new() } else { content };
    let fields = Cow::Owned(Fields::of(&[("Content-Type", "application/octet-stream")]));
    let body = Cow::Owned(body);
    Reply { status: 200, fields, length, body, close: frame.close, dated: false, spare: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::outcome::Reason;
    use crate::upstream::answer::Behind;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            fields: Fields::of(&[("Content-Type", "application/json")]),
            body: body.into(),
            announced: Some(body.len() as u64),
            location: None,
            behind: Behind::Nothing,
        }
    }

    fn relay(status: u16, body: Body, frame: Frame) -> String {
        let verdict = Verdict { status, body, reason: Reason::Success };
        let text = String::from_utf8(relayed(verdict, &answer("[1]"), frame).to_http1()).unwrap();
        let (before, dated) = text.split_once("Date: ").unwrap();
        format!("{before}{}", dated.split_once(" GMT\r\n").unwrap().1)
    }

    #[test]
    fn a_date_is_added_where_there_is_none() {
        let verdict = Verdict { status: 200, body: Body::Upstream, reason: Reason::Success };
        let mut answer = answer("[1]");
        let dates = |answer: &Answer| {
            let text = String::from_utf8(relayed(verdict, answer, OPEN).to_http1()).unwrap();
            text.lines()
                .filter_map(|line| line.split_once(": "))
                .filter(|(name, _)| name.eq_ignore_ascii_case("date"))
                .map(|(_, value)| value.to_owned())
                .collect::<Vec<_>>()
        };
        assert!(matches!(&dates(&answer)[..], [date] if date.len() == 29 && date.ends_with(" GMT")));
        answer.fields.push(b"date", b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(dates(&answer), ["Sun, 06 Nov 1994 08:49:37 GMT"]);
    }

    const OPEN: Frame = Frame { to_head: false, close: false };

    #[test]
    fn relayed_answers_get_a_new_framing() {
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
    fn own_replies_reveal_little_and_have_the_announced_length() {
        for status in [400, 403, 404, 405, 408, 413, 414, 417, 431, 501, 503, 504] {
            let reply = own(status, (status == 405).then_some("POST"), OPEN);
            let text = String::from_utf8(reply.to_http1()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert_eq!(body.len(), reply.body.len(), "{text}");
            assert_eq!(body, format!("{status} {}\n", phrase(status)));
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{text}");
            assert_eq!(head.contains("Retry-After: 5"), matches!(status, 503 | 504), "{text}");
            assert_eq!(head.contains("Allow: POST"), status == 405, "{text}");
        }
    }
}
