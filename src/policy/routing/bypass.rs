//! Routes that ask less of a path which applications may take for that of a stricter one.
//!
//! The gate compares paths byte for byte. Many applications do not look at case, or at a slash at the end, so a request for
//! `/w/A` may reach there what only `/w/a` was to reach.

use crate::policy::routing::authority::Host;
use crate::policy::routing::route::{PathPattern, RouteTable};

/// A route, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'r> {
    /// Its host, if there is one.
    pub host: Option<&'r str>,
    /// Its path.
    pub path: &'r PathPattern,
    /// Whether it forwards only what proves who sent it.
    pub is_strict: bool,
}

/// A strict route, and a way round it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bypass {
    /// The strict route, by its place.
    pub strict: usize,
    /// The route that asks less, by its place.
    pub lax: usize,
    /// Paths that it takes, and that an application may take for the strict route's.
    pub paths: Vec<String>,
}

/// Every way round a strict route, in the order of the routes.
#[must_use]
pub(crate) fn bypasses(routes: &[Asking<'_>]) -> Vec<Bypass> {
    let table = RouteTable::new(routes.iter().map(|route| (route.host, route.path)));
    let mut found = Vec::new();
    for (strict, asking) in routes.iter().enumerate().filter(|(_, route)| route.is_strict) {
        let (path, is_exact) = (asking.path.text(), matches!(asking.path, PathPattern::Exact(_)));
        for (lax, other) in routes.iter().enumerate().filter(|(_, route)| !route.is_strict) {
            let host = asking.host.or(other.host);
            let goes_to =
                |path: &str| table.find(host.and_then(|host| Host::read(host.as_bytes())), path.as_bytes());
            // A route of another host, or of one host of many, is not meant to be this one.
            if goes_to(path) != Some(strict) {
                continue;
            }
            let mut paths = spellings(path, is_exact, other.path);
            paths.retain(|path| goes_to(path) == Some(lax));
            if !is_exact {
                for path in &mut paths {
                    path.push('*');
                }
            }
            if !paths.is_empty() {
                found.push(Bypass { strict, lax, paths });
            }
        }
    }
    found
}

/// Other spellings of the path that a pattern takes: in other case, and, of a whole path, with or without a slash at the end.
fn spellings(path: &str, is_whole: bool, pattern: &PathPattern) -> Vec<String> {
    let slashed = match path.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{path}/"),
    };
    let mut all = Vec::new();
    for same in std::iter::once(path).chain(is_whole.then_some(&*slashed)) {
        let (Some(begin), own) = (same.get(..pattern.text().len()), pattern.text()) else { continue };
        let rest = &same[begin.len()..];
        let fits = rest.is_empty() || matches!(pattern, PathPattern::Prefix(_));
        if !fits || !begin.eq_ignore_ascii_case(own) {
            continue;
        }
        let as_written = format!("{own}{rest}");
        let in_other_case = other_case(rest).map(|rest| format!("{own}{rest}"));
        // Where the beginning or the slash is another already, that is odd enough.
        all.extend(if as_written == path { in_other_case } else { Some(as_written) });
    }
    all
}

/// The text with its first letter in the other case; `None` if it has none. What is percent-encoded stays.
fn other_case(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut place = 0;
    while let Some(byte) = bytes.get_mut(place) {
        if byte.is_ascii_alphabetic() {
            *byte ^= 0x20;
            return String::from_utf8(bytes).ok();
        }
        place += if *byte == b'%' { 3 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The routes by their host, their path, and whether they are strict.
    fn found(routes: &[(Option<&str>, &str, bool)]) -> Vec<(usize, usize, String)> {
        let patterns: Vec<PathPattern> =
            routes.iter().map(|(_, path, _)| PathPattern::parse(path).unwrap()).collect();
        let asking: Vec<Asking<'_>> = routes
            .iter()
            .zip(&patterns)
            .map(|((host, _, is_strict), path)| Asking { host: *host, path, is_strict: *is_strict })
            .collect();
        bypasses(&asking).into_iter().map(|one| (one.strict, one.lax, one.paths.join(" "))).collect()
    }

    #[test]
    fn a_lax_wildcard_takes_other_spellings_of_a_strict_path() {
        for (strict, lax, paths) in [
            ("/w/a", "/w/*", "/w/A /w/a/"),
            ("/w/a/", "/w/*", "/w/A/ /w/a"),
            ("/w/a", "/*", "/W/a /w/a/"),
            ("/w/a", "/W/*", "/W/a /W/a/"),
            ("/w/a", "/w/a/*", "/w/a/"),
            ("/w/1", "/w/*", "/w/1/"),
            ("/w/%c3a", "/w/*", "/w/%c3A /w/%c3a/"),
            ("/w/a", "/w/A", "/w/A"),
            ("/w/a", "/w/a/", "/w/a/"),
            ("/w/*", "/*", "/W/*"),
            ("/w/*", "/W/*", "/W/*"),
        ] {
            let wanted = [(1, 0, paths.to_owned())];
            assert_eq!(found(&[(None, lax, false), (None, strict, true)]), wanted, "{strict} {lax}");
            assert_eq!(found(&[(None, lax, true), (None, strict, true)]), [], "both are strict");
            assert_eq!(found(&[(None, lax, false), (None, strict, false)]), [], "neither is");
        }
        for (strict, lax) in [
            ("/w/a", "/v/*"),
            ("/w/a", "/w/b/*"),
            ("/w/a", "/w/b"),
            ("/", "/w"),
            ("/w", "/w/a/*"),
            ("/w/*", "/w/a/*"),
            ("/w/*", "/w"),
            ("/*", "/w/*"),
        ] {
            assert_eq!(found(&[(None, lax, false), (None, strict, true)]), [], "{strict} {lax}");
        }
    }

    #[test]
    fn only_the_route_that_takes_a_path_is_a_way_round() {
        let between =
            |is_strict| found(&[(None, "/*", false), (None, "/w/*", is_strict), (None, "/w/a", true)]);
        assert_eq!(between(true), [(1, 0, "/W/*".to_owned()), (2, 0, "/W/a".to_owned())]);
        assert_eq!(between(false), [(2, 0, "/W/a".to_owned()), (2, 1, "/w/A /w/a/".to_owned())]);
    }

    #[test]
    fn a_way_round_is_on_the_host_of_the_strict_route() {
        let with = |strict, lax| !found(&[(lax, "/w/*", false), (strict, "/w/a", true)]).is_empty();
        let (one, two) = (Some("one.example"), Some("two.example"));
        assert!(with(one, one) && with(one, None) && with(None, None));
        assert!(!with(one, two) && !with(None, two), "the host has routes of its own");
    }
}
