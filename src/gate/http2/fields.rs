//! An HTTP/2 header becomes a [`Head`]; its size is limited as if HTTP/1 had written it.
//!
//! What the head means is in `request::facts`. Invariant: two different hosts are both kept, so that `facts` refuses
//! them.

use std::borrow::Cow;

use http::HeaderValue;
use http::request::Parts;

use crate::gate::request::head::{Head, Version};
use crate::policy::outcome::Reason;
use crate::wire::fields::Fields;

/// The capacity for a head, enough for most.
const USUAL_HEAD: usize = 512;

/// Makes a head of a header.
///
/// # Errors
/// Written as HTTP/1 it would be larger than `max` bytes, or it has too many lines.
pub(super) fn head(parts: &Parts, version: Version, max: usize) -> Result<Head, Reason> {
    let (target, cookie) = (target(parts), cookie(parts));
    let method = parts.method.as_str().as_bytes();
    let line = method.len() + target.len() + " HTTP/1.1\r\n".len() + 1;
    if line > max {
        return Err(Reason::TargetTooLong);
    }
    let mut fields = Fields::over(Vec::with_capacity(USUAL_HEAD));
    let (method, target) = (fields.append(method), fields.append(target.as_bytes()));
    fill(&mut fields, parts, cookie.as_deref());
    if line + fields.written_len() > max {
        return Err(Reason::HeadTooLarge);
    }
    Head::new(fields, method, target, version)
}

/// The path and query. A scheme other than `http` and `https` stays in front of them, so that `facts` refuses it as it
/// refuses such an absolute form over HTTP/1.
fn target(parts: &Parts) -> Cow<'_, str> {
    if parts.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Cow::Owned(parts.uri.to_string());
    }
    Cow::Borrowed(parts.uri.path_and_query().map_or("*", http::uri::PathAndQuery::as_str))
}

/// The joined cookie fields, if there are several: HTTP/2 may send each cookie in a field of its own, and HTTP/1 needs
/// one field (RFC 9113 section 8.2.3).
fn cookie(parts: &Parts) -> Option<Vec<u8>> {
    let crumbs: Vec<&[u8]> =
        parts.headers.get_all(http::header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    (crumbs.len() > 1).then(|| crumbs.join(&b"; "[..]))
}

/// Adds the header lines, with `:authority` as Host. A Host field that differs from it is kept too, so that the request
/// is refused like one with two Host lines.
fn fill(fields: &mut Fields, parts: &Parts, cookie: Option<&[u8]>) {
    let mut authority = parts.uri.authority().map(http::uri::Authority::as_str);
    if let Some(authority) = authority {
        fields.push(b"host", authority.as_bytes());
    }
    for (name, value) in &parts.headers {
        if name == http::header::HOST
            && authority.is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        {
            // Drop one Host field that equals `:authority`, or the request would carry two Host lines.
            authority = None;
        } else if cookie.is_none() || name != http::header::COOKIE {
            fields.push(name.as_str().as_bytes(), value.as_bytes().trim_ascii());
        }
    }
    if let Some(cookie) = cookie {
        fields.push(b"cookie", cookie.trim_ascii());
    }
}
