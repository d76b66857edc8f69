//! HTTP/1 on the admin interface's connections: one request is read and one answer written.
//!
//! Bodies are not read: no request here needs one. Invariant: a head is bounded in bytes and in time, an
//! answer in time, each as a whole and not per read or write.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::admin::message::{Answer, Asked};
use crate::wire::date;

/// The largest head. Browsers and scrapers send smaller ones; `GET /explain` carries the head of a whole request,
/// percent-encoded.
const MAX_HEAD: usize = 64 * 1024;
const MAX_FIELDS: usize = 64;
/// The time for a whole head.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(2);
/// The time for writing a whole answer.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The time for the other end to close after the answer.
const PART_WITHIN: Duration = Duration::from_millis(500);

/// Reads a request. `None` if the other end is gone or too slow; an error answer if the request cannot be
/// served.
pub(crate) async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> Option<Result<Asked, Answer>> {
    timeout(HEAD_WITHIN, read(stream)).await.ok()?
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Result<Asked, Answer>> {
    let mut head = Vec::with_capacity(1024);
    loop {
        match parse(&head) {
            Ok(None) if head.len() < MAX_HEAD => {}
            Ok(Some(asked)) => return Some(Ok(asked)),
            Err(answer) => return Some(Err(answer)),
            Ok(None) => return Some(Err(too_large())),
        }
        let room = MAX_HEAD - head.len();
        let count = (&mut *stream).take(room as u64).read_buf(&mut head).await.ok()?;
        if count == 0 {
            return None;
        }
    }
}

fn too_large() -> Answer {
    Answer::plain(
        431,
        format!("the head of a request has at most {MAX_HEAD} bytes and {MAX_FIELDS} lines here\n"),
    )
}

/// Parses the request, once its head is complete.
fn parse(head: &[u8]) -> Result<Option<Asked>, Answer> {
    let bad = || Answer::plain(400, "not a request that is served here\n");
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        Err(_) => return Err(bad()),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else { return Err(bad()) };
    let values = |name: &'static str| {
        let those = request.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        those.map(|field| String::from_utf8_lossy(field.value).into_owned())
    };
    let (authority, target) = split(target).ok_or_else(bad)?;
    let target = target.split('#').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Some(Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        hosts: values("host").chain(authority.map(str::to_owned)).collect(),
        is_of_a_page: values("origin").next().is_some()
            || values("sec-fetch-site").any(|site| !site.eq_ignore_ascii_case("none")),
        wants_html: values("accept").any(|value| value.contains("text/html")),
        by: String::new(),
    }))
}

/// The authority, if the target names one, and the rest of the target.
fn split(target: &str) -> Option<(Option<&str>, &str)> {
    if target.starts_with('/') {
        return Some((None, target));
    }
    let (_, rest) = target.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    Some((Some(authority), if target.is_empty() { "/" } else { target }))
}

/// Writes an answer, without its body for HEAD, and closes.
///
/// # Errors
/// The other end has gone or did not take it in time.
pub(crate) async fn tell<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    answer: Answer,
    is_head: bool,
) -> io::Result<()> {
    let mut bytes = head_of(&answer).into_bytes();
    let mut body = answer.body.into_bytes();
    if !is_head {
        bytes.append(&mut body);
    }
    // Free the body before the write, which may be slow: the bytes are in `bytes` already.
    drop(body);
    let written = async {
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    };
    timeout(ANSWER_WITHIN, written).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // Unread bytes, such as a body, would make the kernel reset the connection and drop the answer. Read and
    // discard them for a moment.
    let _ =
        timeout(PART_WITHIN, async { while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {} }).await;
    Ok(())
}

fn head_of(answer: &Answer) -> String {
    let Answer { status, content_type, allow, policy, body } = answer;
    let reason = http::StatusCode::from_u16(*status).ok().and_then(|code| code.canonical_reason());
    let mut head = format!(
        "HTTP/1.1 {status} {}\r\nDate: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n",
        reason.unwrap_or_default(),
        String::from_utf8_lossy(&date::now()),
        body.len()
    );
    // Writing to a String cannot fail.
    if let Some(allow) = allow {
        let _ = write!(head, "Allow: {allow}\r\n");
    }
    if let Some(policy) = policy {
        let _ = write!(head, "Content-Security-Policy: {policy}\r\nReferrer-Policy: no-referrer\r\n");
    }
    head.push_str("\r\n");
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    async fn parsed(bytes: &[u8]) -> Option<Result<Asked, u16>> {
        let (mut here, mut there) = tokio::io::duplex(2 * MAX_HEAD);
        there.write_all(bytes).await.unwrap();
        let parsed = hear(&mut here).await;
        drop(there);
        parsed.map(|parsed| parsed.map_err(|answer| answer.status))
    }

    #[tokio::test]
    async fn a_request_is_read_in_every_form_that_a_target_may_have() {
        for (head, path, query, hosts) in [
            (
                "GET /explain?ip=::1#x HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "/explain",
                "ip=::1",
                vec!["localhost"],
            ),
            ("GET /healthz HTTP/1.0\r\n\r\n", "/healthz", "", vec![]),
            (
                "\r\nGET http://[::1]:9/a?b HTTP/1.1\r\nhost:x\r\nHOST: y\r\n\r\n",
                "/a",
                "b",
                vec!["x", "y", "[::1]:9"],
            ),
            ("GET http://x HTTP/1.1\r\n\r\nbody", "/", "", vec!["x"]),
        ] {
            let asked = parsed(head.as_bytes()).await.unwrap().unwrap();
            assert_eq!((asked.path.as_str(), asked.query.as_str()), (path, query), "{head}");
            assert_eq!(asked.hosts, hosts, "{head}");
        }
        for head in [
            "GET * HTTP/1.1\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\n\r\n",
            "\x16\x03\x01\x02\x00\x01",
            "x\r\n\r\n",
        ] {
            assert_eq!(parsed(head.as_bytes()).await, Some(Err(400)), "{head}");
        }
    }

    #[tokio::test]
    async fn a_head_has_a_bound_in_bytes_and_in_lines() {
        let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS + 1));
        for head in [long, many] {
            assert_eq!(parsed(head.as_bytes()).await, Some(Err(431)));
        }
        let largest = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD - 23));
        assert_eq!(largest.len(), MAX_HEAD);
        assert!(matches!(parsed(largest.as_bytes()).await, Some(Ok(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_head_is_closed_after_the_time_of_a_whole_head() {
        let (mut here, mut there) = tokio::io::duplex(64 * 1024);
        let dripping = tokio::spawn(async move {
            while there.write_all(b"G").await.is_ok() {
                tokio::time::sleep(HEAD_WITHIN / 10).await;
            }
        });
        let begin = Instant::now();
        assert_eq!(hear(&mut here).await, None);
        assert_eq!(begin.elapsed(), HEAD_WITHIN);
        drop(here);
        dripping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_closed_after_the_time_of_a_whole_answer() {
        let (mut here, mut there) = tokio::io::duplex(1024);
        let slow = tokio::spawn(async move {
            let mut read = 0;
            while let Ok(1..) = there.read(&mut [0; 8]).await {
                read += 1;
                tokio::time::sleep(ANSWER_WITHIN / 10).await;
            }
            read
        });
        let begin = Instant::now();
        let answer = Answer::plain(200, "x".repeat(100_000));
        let written = tell(&mut here, answer, false).await;
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
        assert_eq!(begin.elapsed(), ANSWER_WITHIN);
        drop(here);
        assert!(slow.await.unwrap() >= 10);
    }

    #[tokio::test]
    async fn a_body_that_nobody_wants_does_not_cost_the_answer() {
        let (mut here, mut there) = tokio::io::duplex(64 * 1024);
        there.write_all(b"POST /reload HTTP/1.1\r\n\r\n").await.unwrap();
        there.write_all(&vec![b'x'; 16 * 1024]).await.unwrap();
        assert!(matches!(hear(&mut here).await, Some(Ok(_))));
        let answer = Answer { allow: Some("GET"), ..Answer::plain(405, "no\n") };
        let (written, read) = tokio::join!(tell(&mut here, answer, false), async move {
            let mut text = String::new();
            there.read_to_string(&mut text).await.unwrap();
            text
        });
        written.unwrap();
        assert!(read.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{read}");
        assert!(read.contains("\r\nContent-Length: 3\r\n") && read.contains("\r\nAllow: GET\r\n"), "{read}");
        assert!(read.ends_with("\r\n\r\nno\n"), "{read}");
    }
}
