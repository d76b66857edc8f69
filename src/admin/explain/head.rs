//! The head that a question is about: as it was given, or made of its parts.

use std::net::IpAddr;

use crate::admin::explain::question::{Question, Subject};
use crate::policy::client::client_ip::ForwardedHeader;

/// Who names no host asks about routes without one.
pub(super) const NO_HOST: &str = "host.invalid";

/// The bytes of the request; `method` stands in where the question names none.
pub(super) fn bytes(question: &Question, header: ForwardedHeader, method: &str) -> Vec<u8> {
    match &question.subject {
        Subject::Raw(bytes) => bytes.clone(),
        Subject::EveryRoute => written("GET", "/", None, &[], forwarding_line(question, header)),
        Subject::Parts { target, host, method: named, headers } => {
            let method = named.as_deref().unwrap_or(method);
            written(method, target, host.as_deref(), headers, forwarding_line(question, header))
        }
    }
}

/// What stands behind the head. Empty lines before a request are no end of it.
pub(super) fn behind(request: &[u8]) -> &[u8] {
    let mut rest = request;
    while let Some(further) = rest.strip_prefix(b"\r\n") {
        rest = further;
    }
    memchr::memmem::find(rest, b"\r\n\r\n").map_or(&b""[..], |end| &rest[end + 4..])
}

fn written(
    method: &str,
    target: &str,
    host: Option<&str>,
    headers: &[String],
    forwarding: Option<String>,
) -> Vec<u8> {
    let mut lines = vec![format!("{method} {target} HTTP/1.1")];
    if !headers.iter().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
        let host = host.filter(|host| !host.is_empty()).unwrap_or(NO_HOST);
        lines.push(format!("Host: {host}"));
    }
    lines.extend(headers.iter().cloned().chain(forwarding));
    lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).chain(["\r\n"]).collect::<String>().into_bytes()
}

/// The forwarding header that the gate reads. The hops of a question are written the plain way, whichever that is.
fn forwarding_line(question: &Question, header: ForwardedHeader) -> Option<String> {
    let via = question.via.as_ref()?;
    Some(match header {
        ForwardedHeader::XForwardedFor => format!("X-Forwarded-For: {via}"),
        ForwardedHeader::Forwarded => {
            let elements: Vec<String> = via.split(',').map(|hop| element(hop.trim())).collect();
            format!("Forwarded: {}", elements.join(", "))
        }
    })
}

fn element(hop: &str) -> String {
    match hop.parse() {
        Ok(IpAddr::V6(ip)) => format!("for=\"[{ip}]\""),
        _ => format!("for=\"{hop}\""),
    }
}
