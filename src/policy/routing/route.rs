//! The table of routes, and which route a path belongs to.
//!
//! A pattern is an exact path (`/a/b`) or a prefix at a segment boundary (`/a/*`). A route with the request's
//! host comes before one without a host; then the longest match wins, and an exact pattern comes before a
//! prefix. Paths and hosts are compared as an application reads them: paths decoded once
//! ([`crate::policy::routing::path`]), hosts in one form ([`crate::policy::routing::authority`]), so that no
//! spelling matches one route here and another one in the application. Without a match there is no route.

use std::fmt;
use std::net::Ipv6Addr;

use crate::policy::routing::authority::Host;
use crate::policy::routing::path::{ambiguity, decoded};

/// A path pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Only this path.
    Exact(String),
    /// Every path that begins with this text, which ends in `/`.
    Prefix(String),
}

/// Why a text is no pattern of a path: it could never match a request that the gate lets pass, or it is not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePatternError {
    /// This begins otherwise.
    #[error("a path begins with '/', this one is {0:?}")]
    NoSlash(String),
    /// A star at the end of a segment that holds more.
    #[error("'*' must follow a '/' and end the path, as in \"/webhooks/*\"")]
    StarInSegment,
    /// A star somewhere else.
    #[error("'*' may stand only at the end")]
    StarWithin,
    /// A byte that no admitted path holds.
    #[error(
        "can never match: no admitted path holds {:?} (write it percent-encoded if it is part of the path, and leave the query out)",
        char::from(*.0)
    )]
    OddByte(u8),
    /// What could mean two things.
    #[error("can never match: {0} is refused in every request")]
    Ambiguous(&'static str),
}

impl PathPattern {
    /// Reads `/a/b` or `/a/*`.
    ///
    /// # Errors
    /// Why no request that the gate accepts could match the pattern, or which part of it is not supported.
    pub fn parse(text: &str) -> Result<Self, ParsePatternError> {
        if !text.starts_with('/') {
            return Err(ParsePatternError::NoSlash(text.to_owned()));
        }
        let (path, prefix) = match text.strip_suffix('*') {
            Some(path) if path.ends_with('/') => (path, true),
            Some(_) => return Err(ParsePatternError::StarInSegment),
            None => (text, false),
        };
        if path.contains('*') {
            return Err(ParsePatternError::StarWithin);
        }
        if let Some(byte) =
            path.bytes().find(|b| !b.is_ascii_graphic() || matches!(b, b'?' | b'#' | b'\\' | b';'))
        {
            return Err(ParsePatternError::OddByte(byte));
        }
        if let Some(flaw) = ambiguity(path.as_bytes()) {
            return Err(ParsePatternError::Ambiguous(flaw));
        }
        Ok(if prefix { Self::Prefix(path.to_owned()) } else { Self::Exact(path.to_owned()) })
    }

    /// The path, or what the path begins with.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Exact(own) | Self::Prefix(own) => own,
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(own) => f.write_str(own),
            Self::Prefix(own) => write!(f, "{own}*"),
        }
    }
}

/// The patterns of all routes, in the order of comparison.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    tried: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    host: Option<OwnHost>,
    /// The path of the pattern, decoded.
    path: Vec<u8>,
    exact: bool,
    route: usize,
}

/// A route's host, in the form for comparison.
#[derive(Clone, Debug)]
enum OwnHost {
    Name(Vec<u8>),
    V6(Ipv6Addr),
}

impl OwnHost {
    /// A text that is not a host is kept as it is, and equals no request's host.
    fn new(text: &str) -> Self {
        match Host::read(text.as_bytes()) {
            Some(Host::V6(address)) => Self::V6(address),
            Some(Host::Name(name)) => Self::Name(name.to_owned()),
            None => Self::Name(text.as_bytes().to_owned()),
        }
    }

    fn is(&self, host: Host<'_>) -> bool {
        host.is(match self {
            Self::Name(name) => Host::Name(name),
            Self::V6(address) => Host::V6(*address),
        })
    }
}

impl Row {
    fn matches(&self, path: &[u8]) -> bool {
        if self.exact { self.path == path } else { path.starts_with(&self.path) }
    }
}

impl RouteTable {
    /// Builds the table; a route is identified by its index in `routes`.
    #[must_use]
    pub fn new<'a>(routes: impl IntoIterator<Item = (Option<&'a str>, &'a PathPattern)>) -> Self {
        let mut tried: Vec<Row> = routes
            .into_iter()
            .enumerate()
            .map(|(route, (host, pattern))| Row {
                host: host.map(OwnHost::new),
                path: decoded(pattern.text().as_bytes()).into_owned(),
                exact: matches!(pattern, PathPattern::Exact(_)),
                route,
            })
            .collect();
        tried.sort_by_key(|row| (row.host.is_none(), std::cmp::Reverse(row.path.len()), !row.exact));
        Self { tried }
    }

    /// The route for a host, if it is known, and a path as it was sent, without its query.
    #[must_use]
    pub fn find(&self, host: Option<Host<'_>>, path: &[u8]) -> Option<usize> {
        self.find_as_written(host, &decoded(path))
    }

    /// The route for a path that is compared without decoding: one in which nothing is encoded, or an ambiguous one, for
    /// a message that tells which route its sender may have meant.
    #[must_use]
    pub fn find_as_written(&self, host: Option<Host<'_>>, path: &[u8]) -> Option<usize> {
        let asks_for = |own: &OwnHost| host.is_some_and(|host| own.is(host));
        self.tried
            .iter()
            .find(|row| row.matches(path) && row.host.as_ref().is_none_or(asks_for))
            .map(|row| row.route)
    }
}

impl RouteTable {
    /// The route that a path without one all but names, and what is different: a typing error, most likely.
    #[must_use]
    pub(crate) fn nearest(&self, host: Option<Host<'_>>, path: &[u8]) -> Option<(usize, &'static str)> {
        let asks_for = |own: &OwnHost| host.is_some_and(|host| own.is(host));
        let path = decoded(path);
        self.tried
            .iter()
            .filter(|row| row.host.as_ref().is_none_or(asks_for))
            .find_map(|row| Some((row.route, row.difference(&path)?)))
    }
}

impl Row {
    fn difference(&self, path: &[u8]) -> Option<&'static str> {
        let begins = path.get(..self.path.len()).filter(|_| !self.exact);
        if begins.is_some_and(|begin| begin.eq_ignore_ascii_case(&self.path)) {
            return Some("case");
        }
        let bare = |path: &'_ [u8]| path.len() - usize::from(path.ends_with(b"/"));
        let (own, asked) = (&self.path[..bare(&self.path)], &path[..bare(path)]);
        if !own.eq_ignore_ascii_case(asked) || own.is_empty() {
            return None;
        }
        Some(match (own == asked, self.path.len() == path.len()) {
            (true, _) => "its last slash",
            (false, true) => "case",
            (false, false) => "case and its last slash",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_route_differs_by_a_slash_or_by_case() {
        let table = table(&[
            (None, "/webhooks/answer"),
            (None, "/in/"),
            (None, "/all/*"),
            (Some("a.example"), "/own"),
        ]);
        for (path, wanted) in [
            ("/webhooks/answer/", Some((0, "its last slash"))),
            ("/Webhooks/Answer", Some((0, "case"))),
            ("/WEBHOOKS/answer/", Some((0, "case and its last slash"))),
            ("/in", Some((1, "its last slash"))),
            ("/all", Some((2, "its last slash"))),
            ("/ALL", Some((2, "case and its last slash"))),
            ("/All/b", Some((2, "case"))),
            ("/webhooks", None),
            ("/webhooks/answer/x", None),
            ("/", None),
            ("", None),
            ("/own/", None),
        ] {
            assert_eq!(table.nearest(Host::read(b"b.example"), path.as_bytes()), wanted, "{path}");
        }
        assert_eq!(table.nearest(Host::read(b"A.example"), b"/own/"), Some((3, "its last slash")));
    }

    fn find(table: &RouteTable, host: &str, path: &str) -> Option<usize> {
        table.find(Host::read(host.as_bytes()), path.as_bytes())
    }

    fn table(routes: &[(Option<&str>, &str)]) -> RouteTable {
        let patterns: Vec<PathPattern> = routes.iter().map(|(_, p)| PathPattern::parse(p).unwrap()).collect();
        RouteTable::new(routes.iter().map(|(h, _)| *h).zip(&patterns))
    }

    #[test]
    fn the_longest_match_wins_and_exact_before_prefix() {
        let table = table(&[(None, "/*"), (None, "/a/*"), (None, "/a/b"), (None, "/a/b/*"), (None, "/a/")]);
        let cases = [
            ("/", 0),
            ("/a", 0),
            ("/a/", 4),
            ("/a/c", 1),
            ("/a/b", 2),
            ("/a/b/", 3),
            ("/a/b/c", 3),
            ("/ab", 0),
        ];
        for (path, route) in cases {
            assert_eq!(find(&table, "h", path), Some(route), "{path}");
        }
    }

    #[test]
    fn a_prefix_matches_at_a_segment_boundary_only() {
        let table = table(&[(None, "/a/*")]);
        for path in ["/a", "/ab", "/ab/c", "/A/b", "/%2561/b", "a/b", "", "*"] {
            assert_eq!(find(&table, "h", path), None, "{path}");
        }
    }

    #[test]
    fn a_route_with_the_requests_host_comes_first() {
        let table = table(&[(None, "/a/b/c"), (Some("One.example"), "/a/*"), (Some("two.example"), "/a/*")]);
        assert_eq!(find(&table, "one.EXAMPLE:8080", "/a/b/c"), Some(1));
        assert_eq!(find(&table, "three.example", "/a/b/c"), Some(0));
        assert_eq!(find(&table, "three.example", "/a/x"), None);
    }

    #[test]
    fn a_path_and_a_host_are_compared_by_what_they_mean() {
        let table = table(&[
            (None, "/*"),
            (None, "/a@b/*"),
            (None, "/p%20q/%c3%a4"),
            (Some("internal.example"), "/*"),
            (Some("[2001:db8::1]"), "/*"),
        ]);
        for (host, path, route) in [
            ("h", "/a%40b/c", 1),
            ("h", "/p%20q/%C3%A4", 2),
            ("internal.example.", "/a", 3),
            ("INTERNAL.example.:80", "/a", 3),
            ("[2001:DB8:0::1]", "/a", 4),
            ("other.example", "/a", 0),
        ] {
            assert_eq!(find(&table, host, path), Some(route), "{host} {path}");
        }
    }

    #[test]
    fn patterns_that_can_never_match_are_refused() {
        for text in [
            "", "a", "a/*", "/a*", "/*/a", "/a/*/*", "/a?x=1", "/a b", "/a//b", "/a/../b", "/%2e/", "/a%2Fb",
            "/a;b", "/ü", "/a%zz", "/%61",
        ] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
        for text in ["/", "/*", "/a", "/a/", "/a/b%20c/*", "/a.b/..c", "/..."] {
            assert_eq!(PathPattern::parse(text).unwrap().to_string(), text);
        }
    }
}
