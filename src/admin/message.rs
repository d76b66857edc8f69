//! A request to the admin interface, and an answer: what of either matters here. No sockets, and nothing is decided.

use crate::admin::api::Document;
use crate::admin::page;

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The method, as it was sent.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark; may be empty.
    pub query: String,
    /// The host names in the request: its Host fields, and the authority of its target.
    pub hosts: Vec<String>,
    /// Whether a page in a browser made the request, known by `Origin` or `Sec-Fetch-Site`.
    pub is_of_a_page: bool,
    /// Whether the request accepts HTML: a person reads the answer in a browser.
    pub wants_html: bool,
    /// Who asks, for the log: an address, or a user of this machine.
    pub by: String,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub status: u16,
    /// The value of Content-Type.
    pub content_type: &'static str,
    /// The value of Allow, in a 405.
    pub allow: Option<&'static str>,
    /// The value of Content-Security-Policy.
    pub policy: Option<&'static str>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A plain text answer.
    #[must_use]
    pub(crate) fn plain(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: PLAIN, allow: None, policy: None, body: body.into() }
    }

    /// A page, which may hold only its own style.
    #[must_use]
    pub(crate) fn page(body: String) -> Self {
        Self { content_type: HTML, policy: Some(page::POLICY), ..Self::plain(200, body) }
    }

    /// A document, or why it cannot be written.
    #[must_use]
    pub(crate) fn json(status: u16, document: &impl Document) -> Self {
        match document.to_json() {
            Ok(body) => Self { content_type: JSON, ..Self::plain(status, body) },
            Err(error) => Self::plain(500, format!("the answer cannot be written: {error}\n")),
        }
    }
}
