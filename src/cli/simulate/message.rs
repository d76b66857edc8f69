//! One message as it goes over the wire, and what it was made of.
//!
//! Invariant: the bytes are made once, so every try of a message is the same message. No value of it is shown but to
//! whoever asks for all of it, and a signature is not shown even then.

use crate::cli::simulate::target::Target;
use crate::cli::webhooks::connection::Via;
use crate::cli::webhooks::form::Form;
use crate::cli::webhooks::request;
use crate::cli::webhooks::samples::Sample;
use crate::policy::provider::Webhook;

/// What of a signature is shown.
const HIDDEN: &str = "(not shown)";

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    /// Which of several, from 1.
    pub number: u32,
    /// The kind of webhook.
    pub webhook: Webhook,
    /// The name of the sample, or of the file.
    pub name: String,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Its form.
    pub form: Form,
    /// How it is signed, in words.
    pub signed: String,
    /// The request.
    pub bytes: Vec<u8>,
    /// The request for people: without the signature.
    pub shown: String,
}

impl Message {
    /// Writes a sample, whose target is already that of the address.
    pub(super) fn new(
        number: u32,
        sample: &Sample,
        target: &Target,
        via: Option<(std::net::IpAddr, Via)>,
        signed: String,
    ) -> Self {
        let forwarded = match via {
            Some((from, Via::XForwardedFor)) => vec![("X-Forwarded-For", from.to_string())],
            _ => Vec::new(),
        };
        let request = request::written(sample, &target.authority(), &forwarded);
        Self {
            number,
            webhook: sample.webhook,
            name: sample.name.clone(),
            method: sample.method.clone(),
            path: sample.path().to_owned(),
            form: Form::of(sample),
            signed,
            shown: shown(&request),
            bytes: request.into_bytes(),
        }
    }
}

/// The request without what proves who sent it.
fn shown(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let line = |(place, line): (usize, &str)| match line.split_once(": ") {
        _ if place == 0 => without_sig(line),
        Some((name, value)) if is_token(name, value) => format!("{name}: {HIDDEN}"),
        _ => line.to_owned(),
    };
    let head: Vec<String> = head.split("\r\n").enumerate().map(line).collect();
    format!("{}\n\n{}", head.join("\n"), without_sig(body))
}

/// Whether a header line holds a token, a password or a session.
fn is_token(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "token", "signature", "cookie", "secret"].iter().any(|word| name.contains(word))
        || value.to_ascii_lowercase().starts_with("bearer ")
}

/// A query, a form or JSON without the value of `sig`.
fn without_sig(text: &str) -> String {
    const MEMBER: &str = "\"sig\":\"";
    let Some((before, behind)) = text.split_once(MEMBER) else { return without_pair(text) };
    let end = behind.find('"').unwrap_or(behind.len());
    format!("{before}{MEMBER}{HIDDEN}{}", &behind[end..])
}

/// The same for a query or a form.
fn without_pair(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(['&', '?', ' ']) {
        match part.strip_prefix("sig=") {
            Some(value) => {
                out.push_str("sig=");
                out.push_str(HIDDEN);
                out.push_str(value.trim_start_matches(|c: char| !"&? ".contains(c)));
            }
            None => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_signature() {
        for (request, wanted) in [
            (
                "GET /a?sig=ABC&b=c HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /a?sig=(not shown)&b=c HTTP/1.1\nHost: h\n\n",
            ),
            (
                "GET /a?b=c&sig=ABC HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /a?b=c&sig=(not shown) HTTP/1.1\nHost: h\n\n",
            ),
            (
                "POST /a HTTP/1.1\r\nCookie: x\r\n\r\n{\"a\":1,\"sig\":\"A\"}",
                "POST /a HTTP/1.1\nCookie: (not shown)\n\n{\"a\":1,\"sig\":\"(not shown)\"}",
            ),
            (
                "POST /a HTTP/1.1\r\nX: Bearer y\r\n\r\nsig=A&mysig=B",
                "POST /a HTTP/1.1\nX: (not shown)\n\nsig=(not shown)&mysig=B",
            ),
        ] {
            assert_eq!(shown(request), wanted);
        }
    }
}
