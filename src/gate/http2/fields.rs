//! An HTTP/2 header, judged as HTTP/1 would have written it.

use std::borrow::Cow;

use http::HeaderValue;
use http::request::Parts;

use crate::gate::peer::Peer;
use crate::gate::request::facts::{Head, MAX_FIELDS, Version};
use crate::gate::request::intake::{self, Admitted, LogFields, Refusal};
use crate::policy::outcome::Reason;
use crate::state::snapshot::Snapshot;

/// Judges a header.
pub(crate) fn judge(
    snapshot: &Snapshot,
    peer: &Peer,
    parts: &Parts,
    version: Version,
    seen: &mut LogFields,
) -> Result<Admitted, Refusal> {
    let (target, cookie) = (target(parts), cookie(parts));
    let fields = fields(parts, cookie.as_deref());
    let method = parts.method.as_str().as_bytes();
    let max = snapshot.config.limits.max_head;
    let line = method.len() + target.len() + " HTTP/1.1\r\n".len() + 1;
    let lines: usize = fields.iter().map(|field| field.name.len() + field.value.len() + ": \r\n".len()).sum();
    let head = if line > max {
        Err(Reason::TargetTooLong)
    } else if fields.len() > MAX_FIELDS || line + lines > max {
        Err(Reason::HeadTooLarge)
    } else {
        Ok(Head::new(method, target.as_bytes(), version, &fields))
    };
    intake::judge(snapshot, peer, head, seen)
}

/// The path and query. A scheme that is not HTTP's is kept before them, so that it is refused as in an
/// absolute form.
fn target(parts: &Parts) -> Cow<'_, str> {
    if parts.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Cow::Owned(parts.uri.to_string());
    }
    Cow::Borrowed(parts.uri.path_and_query().map_or("*", http::uri::PathAndQuery::as_str))
}

/// HTTP/2 may send each cookie in a field of its own; towards HTTP/1 they are one (RFC 9113 section 8.2.3).
fn cookie(parts: &Parts) -> Option<Vec<u8>> {
    let crumbs: Vec<&[u8]> =
        parts.headers.get_all(http::header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    (crumbs.len() > 1).then(|| crumbs.join(&b"; "[..]))
}

/// The header lines, with `:authority` in the place of Host. A host that differs from it is kept too, so
/// that the two are refused like two Host lines.
fn fields<'p>(parts: &'p Parts, cookie: Option<&'p [u8]>) -> Vec<httparse::Header<'p>> {
    let mut fields = Vec::with_capacity(parts.headers.len() + 1);
    let mut authority = parts.uri.authority().map(http::uri::Authority::as_str);
    if let Some(authority) = authority {
        fields.push(httparse::Header { name: "host", value: authority.as_bytes() });
    }
    for (name, value) in &parts.headers {
        if name == http::header::HOST && authority.is_some_and(|own| own.as_bytes() == value.as_bytes()) {
            // It repeats what was said; to say it once more is two Host lines again.
            authority = None;
        } else if cookie.is_none() || name != http::header::COOKIE {
            fields.push(httparse::Header { name: name.as_str(), value: value.as_bytes() });
        }
    }
    fields.extend(cookie.map(|value| httparse::Header { name: "cookie", value }));
    fields
}
