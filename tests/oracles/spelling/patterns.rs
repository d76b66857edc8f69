//! The routes of the gate under test, and what they mean by the words of config.yaml: "The longest match wins. `/a/b` is
//! exact. `/a/*` is a prefix: it matches /a/b and /a/b/c, not /a", an exact one before a prefix, one with the request's
//! host before one without. Written from that, and not from the gate's sources.

use std::net::{IpAddr, Ipv6Addr};

use crate::applications::View;

pub struct Pattern {
    pub host: Option<&'static str>,
    pub path: &'static str,
}

const fn any(path: &'static str) -> Pattern {
    Pattern { host: None, path }
}

const fn at(host: &'static str, path: &'static str) -> Pattern {
    Pattern { host: Some(host), path }
}

pub const ROUTES: [Pattern; 15] = [
    any("/*"),
    any("/admin/*"),
    any("/admin/deep/*"),
    any("/webhooks/answer"),
    any("/webhooks/*"),
    any("/a.b/c~d/*"),
    any("/p%20q/*"),
    any("/p%20q/r%40s"),
    any("/x:y@z/*"),
    any("/%C3%A4/*"),
    at("internal.example", "/*"),
    at("internal.example", "/admin/*"),
    at("[2001:db8::1]", "/*"),
    at("192.0.2.1", "/admin/*"),
    at("a-b.internal.example", "/webhooks/answer"),
];

/// A host of no route.
pub const ELSEWHERE: &str = "hooks.example";

/// The hosts that routes name.
pub fn hosts() -> Vec<&'static str> {
    let mut hosts: Vec<&str> = ROUTES.iter().filter_map(|route| route.host).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

impl Pattern {
    /// A path that this route is for, as everybody would write it.
    pub fn plain(&self) -> String {
        self.path.strip_suffix('*').map_or_else(|| self.path.to_owned(), |prefix| format!("{prefix}users"))
    }

    fn is_prefix(&self) -> bool {
        self.path.ends_with('*')
    }

    /// The text before the star as an application sees it.
    fn meaning(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = self.path.trim_end_matches('*').bytes();
        while let Some(byte) = rest.next() {
            bytes.push(if byte == b'%' {
                let mut digit = || char::from(rest.next().expect("a digit")).to_digit(16).expect("a digit");
                u8::try_from(digit() * 16 + digit()).expect("a byte")
            } else {
                byte
            });
        }
        bytes
    }

    fn has_path(&self, path: &[u8]) -> bool {
        let meaning = self.meaning();
        if self.is_prefix() { path.starts_with(&meaning) } else { path == meaning }
    }

    fn has_host(&self, host: &[u8]) -> bool {
        self.host.is_none_or(|own| Name::of(own.as_bytes()) == Name::of(host))
    }

    fn covers(&self, host: &[u8], path: &[u8]) -> bool {
        self.has_host(host) && self.has_path(path)
    }
}

/// A host in the one spelling in which an application that takes care compares it.
#[derive(PartialEq, Eq)]
enum Name {
    Address(IpAddr),
    Text(Vec<u8>),
}

impl Name {
    fn of(host: &[u8]) -> Self {
        let text = String::from_utf8_lossy(host).to_ascii_lowercase();
        let text = match text.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
            _ => text.as_str(),
        };
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
            && let Ok(address) = address.parse::<Ipv6Addr>()
        {
            return Self::Address(address.into());
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        text.parse().map_or_else(|_| Self::Text(text.as_bytes().to_vec()), Self::Address)
    }
}

/// The route that this host and path mean.
pub fn meant(host: &[u8], path: &[u8]) -> Option<usize> {
    let covering = (0..ROUTES.len()).filter(|place| ROUTES[*place].covers(host, path));
    covering.max_by_key(|place| {
        let route = &ROUTES[*place];
        (route.host.is_some(), route.meaning().len(), !route.is_prefix())
    })
}

/// How the gate's choice compares with what an application understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is what it means.
    Agreed,
    /// The gate took the host for a route's, the application for another spelling that it does not know: no door is
    /// open that the route's lists do not guard.
    Stricter,
    /// The request belongs to a narrower route.
    Wider,
    /// The request belongs elsewhere altogether.
    Other,
}

pub fn compare(chosen: usize, view: &View) -> Verdict {
    let route = &ROUTES[chosen];
    if meant(&view.host, &view.path) == Some(chosen) {
        return Verdict::Agreed;
    }
    if let Some(host) = route.host.filter(|_| !route.has_host(&view.host)) {
        // A host of another route is no unknown spelling.
        let foreign = hosts().iter().any(|one| Name::of(one.as_bytes()) == Name::of(&view.host));
        let same_path = meant(host.as_bytes(), &view.path) == Some(chosen);
        return if same_path && !foreign { Verdict::Stricter } else { Verdict::Other };
    }
    if route.covers(&view.host, &view.path) { Verdict::Wider } else { Verdict::Other }
}

#[test]
fn every_route_is_meant_by_its_own_path_and_host() {
    let rows: [(&str, &[u8], usize); 14] = [
        ("hooks.example", b"/", 0),
        ("hooks.example", b"/admin", 0),
        ("hooks.example:8080", b"/admin/", 1),
        ("hooks.example", b"/admin/deep/x", 2),
        ("hooks.example", b"/webhooks/answer", 3),
        ("hooks.example", b"/webhooks/answer/", 4),
        ("hooks.example", b"/a.b/c~d/e", 5),
        ("hooks.example", b"/p q/", 6),
        ("hooks.example", b"/p q/r@s", 7),
        ("hooks.example", "/ä/".as_bytes(), 9),
        ("INTERNAL.example.", b"/webhooks/answer", 10),
        ("[2001:DB8:0::1]:80", b"/admin/x", 12),
        ("192.0.2.1", b"/admin/deep/x", 13),
        ("a-b.internal.example", b"/webhooks/answer", 14),
    ];
    for (host, path, route) in rows {
        assert_eq!(meant(host.as_bytes(), path), Some(route), "{host} {path:?}");
    }
}

#[test]
fn a_choice_is_agreed_wider_stricter_or_another() {
    let rows = [
        (1, "hooks.example", "/admin/x", Verdict::Agreed),
        (0, "hooks.example", "/admin/x", Verdict::Wider),
        (1, "hooks.example", "/", Verdict::Other),
        (1, "hooks.example", "/admin/deep/x", Verdict::Wider),
        (1, "internal.example", "/admin/x", Verdict::Wider),
        (11, "none.invalid", "/admin/x", Verdict::Stricter),
        (11, "none.invalid", "/x", Verdict::Other),
        (12, "192.0.2.1", "/admin/x", Verdict::Other),
    ];
    for (chosen, host, path, wanted) in rows {
        let view =
            View { how: String::new(), host: host.as_bytes().to_vec(), path: path.as_bytes().to_vec() };
        assert_eq!(compare(chosen, &view), wanted, "{chosen} {host} {path}");
    }
}
