//! The URL that the doctor looks at from elsewhere, and the addresses behind it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

/// The text is no URL that the doctor can look at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPlace {
    /// Another scheme, or none.
    #[error("{0:?} does not begin with https:// or http://")]
    Scheme(String),
    /// No host.
    #[error("{0:?} names no host")]
    Host(String),
    /// A port that is none.
    #[error("{0:?} has a port that is no number from 1 to 65535")]
    Port(String),
    /// A user, a query, a fragment, or a character that no URL has.
    #[error("{0:?} has more than scheme, host, port and path")]
    More(String),
    /// The name has no address.
    #[error("{host} has no address: {why}; with --connect IP:PORT the name is not looked up")]
    Unknown {
        /// The host.
        host: String,
        /// What the resolver said.
        why: String,
    },
}

/// The URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// As it was given.
    pub url: String,
    /// Whether it is one of https.
    pub https: bool,
    /// The host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path without a slash at its end; below it the gate is asked.
    pub folder: String,
}

impl Place {
    /// Reads a URL.
    ///
    /// # Errors
    /// It is none, or has more than a doctor needs.
    pub(crate) fn read(url: &str) -> Result<Self, NoPlace> {
        let own = || url.to_owned();
        if url.contains(|c: char| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '\\' | '"' | '%')) {
            return Err(NoPlace::More(own()));
        }
        let schemes = [("https://", true, 443), ("http://", false, 80)];
        let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|to| to.eq_ignore_ascii_case(scheme));
        let (scheme, https, usual) =
            schemes.into_iter().find(|(scheme, ..)| begins(scheme)).ok_or_else(|| NoPlace::Scheme(own()))?;
        let rest = &url[scheme.len()..];
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(NoPlace::More(own()));
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty() {
            return Err(NoPlace::Host(own()));
        }
        let port = match port {
            None => usual,
            Some(digits) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or_else(|| NoPlace::Port(own()))?
            }
        };
        let folder = path.trim_end_matches('/').to_owned();
        Ok(Self { url: own(), https, host: host.to_owned(), port, folder })
    }

    /// The addresses that the name has now, each once.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn look_up(&self) -> Result<Vec<SocketAddr>, NoPlace> {
        let unknown = |why: String| NoPlace::Unknown { host: self.host.clone(), why };
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let mut all: Vec<SocketAddr> = Vec::new();
        for address in found.map_err(|error| unknown(error.to_string()))? {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        if all.is_empty() { Err(unknown("the resolver names none".to_owned())) } else { Ok(all) }
    }

    /// The value of Host.
    #[must_use]
    pub(crate) fn authority(&self) -> String {
        let bracketed = self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6());
        let host = if bracketed { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.https { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_scheme_host_port_and_folder() {
        for (url, wanted) in [
            ("https://hooks.example", Some((true, "hooks.example", 443, "", "hooks.example"))),
            (
                "HTTPS://hooks.example/webhooks/",
                Some((true, "hooks.example", 443, "/webhooks", "hooks.example")),
            ),
            (
                "http://hooks.example:8080/a/b",
                Some((false, "hooks.example", 8080, "/a/b", "hooks.example:8080")),
            ),
            ("https://[2001:db8::1]:8443/", Some((true, "2001:db8::1", 8443, "", "[2001:db8::1]:8443"))),
            ("hooks.example", None),
            ("ftp://hooks.example", None),
            ("https://", None),
            ("https:///x", None),
            ("https://a:0/", None),
            ("https://a:99999/", None),
            ("https://user:secret@host/", None),
            ("https://host/a?b=c", None),
            ("https://host/a b", None),
            ("https://host/a%2fb", None),
            ("https://host/\r\nX: y", None),
        ] {
            let place = Place::read(url).ok();
            let found = place.as_ref().map(|place| {
                (place.https, place.host.as_str(), place.port, place.folder.as_str(), place.authority())
            });
            let wanted = wanted.map(|(https, host, port, folder, authority)| {
                (https, host, port, folder, authority.to_owned())
            });
            assert_eq!(found, wanted, "{url}");
        }
    }
}
