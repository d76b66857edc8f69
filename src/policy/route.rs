//! Which route a path belongs to.
//!
//! A pattern is an exact path (`/a/b`) or a prefix at a segment boundary (`/a/*`). The longest match
//! wins, an exact pattern before a prefix, a route that names the request's host before one that does
//! not. Paths are matched on the bytes that came over the wire: nothing is decoded, folded or merged,
//! so no spelling of a path can match here and mean another one upstream. No match, no entry.

use std::fmt;

/// A path pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Only this path.
    Exact(String),
    /// Every path that begins with this text, which ends in `/`.
    Prefix(String),
}

impl PathPattern {
    /// Reads `/a/b` or `/a/*`.
    ///
    /// # Errors
    /// Why the pattern could never match a request that the gate lets pass, or what is not supported.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("a path begins with '/', this one is {text:?}"));
        }
        let (path, prefix) = match text.strip_suffix('*') {
            Some(path) if path.ends_with('/') => (path, true),
            Some(_) => return Err("'*' stands alone after a '/', as in \"/webhooks/*\"".to_owned()),
            None => (text, false),
        };
        if path.contains('*') {
            return Err("'*' may stand only at the end".to_owned());
        }
        if let Some(byte) =
            path.bytes().find(|b| !b.is_ascii_graphic() || matches!(b, b'?' | b'#' | b'\\' | b';'))
        {
            return Err(format!(
                "can never match: no admitted path holds {:?} (write it percent-encoded if it is part of the path, and leave the query out)",
                char::from(byte)
            ));
        }
        if let Some(flaw) = ambiguity(path.as_bytes()) {
            return Err(format!("can never match: {flaw} is refused in every request"));
        }
        Ok(if prefix { Self::Prefix(path.to_owned()) } else { Self::Exact(path.to_owned()) })
    }

    fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(own) => own.as_bytes() == path,
            Self::Prefix(own) => path.starts_with(own.as_bytes()),
        }
    }

    fn text(&self) -> &str {
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

/// What makes a path mean one thing to the gate and another to an application, if anything does.
/// The query is not part of it: senders put raw URLs there and sign them.
#[must_use]
pub fn ambiguity(path: &[u8]) -> Option<&'static str> {
    if is_plain(path) {
        return None;
    }
    let mut rest = path;
    while let Some(percent) = rest.iter().position(|b| *b == b'%') {
        match rest.get(percent + 1..percent + 3) {
            Some(b"00") => return Some("%00"),
            Some([b'2', b'f' | b'F']) => return Some("an encoded slash"),
            Some([b'5', b'c' | b'C']) => return Some("an encoded backslash"),
            Some([a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {}
            _ => return Some("a broken percent-encoding"),
        }
        rest = &rest[percent + 3..];
    }
    for (place, byte) in path.iter().enumerate() {
        match byte {
            b'\\' => return Some("a backslash"),
            b';' => return Some("a semicolon"),
            b'#' => return Some("a fragment"),
            0..=0x20 | 0x7f.. => return Some("a byte that is not printable ASCII"),
            b'/' if path.get(place + 1) == Some(&b'/') => return Some("an empty segment ('//')"),
            _ => {}
        }
    }
    path.split(|b| *b == b'/').any(is_dot_segment).then_some("a dot segment")
}

/// Whether nothing in the path could mean two things, which is so for nearly every path. Counting has
/// no way out in the middle, so it looks at many bytes at once.
fn is_plain(path: &[u8]) -> bool {
    let odd = |b: &&u8| matches!(**b, b'%' | b'.' | b'\\' | b';' | b'#' | 0..=0x20 | 0x7f..);
    let doubled = |pair: &&[u8]| matches!(**pair, [b'/', b'/']);
    path.iter().filter(odd).count() == 0 && path.windows(2).filter(doubled).count() == 0
}

/// `.` or `..`, each dot raw or as `%2e`.
fn is_dot_segment(segment: &[u8]) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', tail @ ..] | [b'%', b'2', b'e' | b'E', tail @ ..] => tail,
            _ => return false,
        };
        dots += 1;
    }
    dots == 1 || dots == 2
}

/// The patterns of all routes, in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    tried: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    host: Option<String>,
    pattern: PathPattern,
    route: usize,
}

impl RouteTable {
    /// Builds the table; a route is known by its place in `routes`.
    #[must_use]
    pub fn new<'a>(routes: impl IntoIterator<Item = (Option<&'a str>, &'a PathPattern)>) -> Self {
        let mut tried: Vec<Row> = routes
            .into_iter()
            .enumerate()
            .map(|(route, (host, pattern))| Row {
                host: host.map(str::to_ascii_lowercase),
                pattern: pattern.clone(),
                route,
            })
            .collect();
        let rank = |row: &Row| {
            let exact = matches!(row.pattern, PathPattern::Exact(_));
            (row.host.is_none(), std::cmp::Reverse(row.pattern.text().len()), !exact)
        };
        tried.sort_by_key(rank);
        Self { tried }
    }

    /// The route for a host (as in the Host field, a port is ignored) and a raw path without its query.
    #[must_use]
    pub fn find(&self, host: &[u8], path: &[u8]) -> Option<usize> {
        let host = without_port(host);
        self.tried
            .iter()
            .find(|row| {
                row.pattern.matches(path)
                    && row.host.as_ref().is_none_or(|own| own.as_bytes().eq_ignore_ascii_case(host))
            })
            .map(|row| row.route)
    }
}

/// The host of a Host field or authority.
#[must_use]
pub fn without_port(authority: &[u8]) -> &[u8] {
    match authority.iter().rposition(|b| *b == b':') {
        Some(colon) if authority[colon + 1..].iter().all(u8::is_ascii_digit) => &authority[..colon],
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(table.find(b"h", path.as_bytes()), Some(route), "{path}");
        }
    }

    #[test]
    fn a_prefix_matches_at_a_segment_boundary_only() {
        let table = table(&[(None, "/a/*")]);
        for path in ["/a", "/ab", "/ab/c", "/A/b", "/%61/b", "a/b", "", "*"] {
            assert_eq!(table.find(b"h", path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn a_route_with_the_requests_host_comes_first() {
        let table = table(&[(None, "/a/b/c"), (Some("One.example"), "/a/*"), (Some("two.example"), "/a/*")]);
        assert_eq!(table.find(b"one.EXAMPLE:8080", b"/a/b/c"), Some(1));
        assert_eq!(table.find(b"three.example", b"/a/b/c"), Some(0));
        assert_eq!(table.find(b"three.example", b"/a/x"), None);
    }

    #[test]
    fn patterns_that_can_never_match_are_refused() {
        for text in [
            "", "a", "a/*", "/a*", "/*/a", "/a/*/*", "/a?x=1", "/a b", "/a//b", "/a/../b", "/%2e/", "/a%2Fb",
            "/a;b", "/ü", "/a%zz",
        ] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
        for text in ["/", "/*", "/a", "/a/", "/a/b%20c/*", "/a.b/..c", "/..."] {
            assert_eq!(PathPattern::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn ambiguous_paths_are_named() {
        let odd = [
            "/a//b",
            "/.",
            "/a/..",
            "/a/%2E%2e/b",
            "/a/.%2e",
            "/a%2fb",
            "/a%5Cb",
            "/a%00",
            "/a\\b",
            "/a;b",
            "/a#b",
            "/\u{e4}",
            "/a b",
            "/a%2",
            "/a%",
        ];
        for path in odd {
            assert!(ambiguity(path.as_bytes()).is_some(), "{path}");
        }
        for path in ["/", "/a/b", "/a/...", "/a/.b", "/a%20b", "/a:b,c@d", "/a/"] {
            assert_eq!(ambiguity(path.as_bytes()), None, "{path}");
        }
    }
}
