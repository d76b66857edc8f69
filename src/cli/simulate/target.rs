//! Where webhooks are sent: an address of HTTP or HTTPS.
//!
//! Invariant: what is written into a request line holds visible ASCII only.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::str::FromStr;

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// HTTPS.
    pub tls: bool,
    /// The name or the IP address, without brackets, in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query; empty where the address has neither.
    pub rest: String,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoTarget {
    /// Another scheme, or none.
    #[error("wants http://HOST[:PORT][/PATH] or https://...")]
    Scheme,
    /// A character that must be escaped.
    #[error(
        "has a character that no address has: escape it as %XX, and write a name with other letters in its xn-- form"
    )]
    Character,
    /// A user or a password.
    #[error("has a user or a password, which webhooks do not come with")]
    Password,
    /// What follows `#` is never sent.
    #[error("has a #, and what follows it is never sent")]
    Fragment,
    /// No host.
    #[error("has no host")]
    Host,
    /// The port is none.
    #[error("has no port from 1 to 65535 behind the colon")]
    Port,
}

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        let (scheme, behind) = text.split_once("://").ok_or(NoTarget::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(NoTarget::Scheme),
        };
        if !behind.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'))
        {
            return Err(NoTarget::Character);
        }
        if behind.contains('#') {
            return Err(NoTarget::Fragment);
        }
        let end = behind.find(['/', '?']).unwrap_or(behind.len());
        let (authority, rest) = behind.split_at(end);
        if authority.contains('@') {
            return Err(NoTarget::Password);
        }
        let (host, port) = split(authority)?;
        let port = match port {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or(NoTarget::Port)?
            }
            Some(_) => return Err(NoTarget::Port),
        };
        Ok(Self { tls, host, port, rest: rest.to_owned() })
    }
}

/// The host, and what stands behind its colon.
fn split(authority: &str) -> Result<(String, Option<&str>), NoTarget> {
    if let Some(behind) = authority.strip_prefix('[') {
        let (address, port) = behind.split_once(']').ok_or(NoTarget::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| NoTarget::Host)?;
        return match port.strip_prefix(':') {
            Some(port) => Ok((address.to_string(), Some(port))),
            None if port.is_empty() => Ok((address.to_string(), None)),
            None => Err(NoTarget::Host),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(NoTarget::Host);
    }
    Ok((host.to_ascii_lowercase(), port))
}

impl Target {
    /// The value of `Host`.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// Path and query of a message that has these of its own: the path of the address where it names one, and the
    /// parameters behind those of the address.
    pub(super) fn for_message(&self, own: &str) -> String {
        let (own_path, own_query) =
            own.split_once('?').map_or((own, None), |(path, query)| (path, Some(query)));
        let (path, query) =
            self.rest.split_once('?').map_or((&*self.rest, None), |(path, query)| (path, Some(query)));
        let path = if matches!(path, "" | "/") && !self.names_root() { own_path } else { path };
        let path = if path.is_empty() { "/" } else { path };
        let queries: Vec<&str> =
            [query, own_query].into_iter().flatten().filter(|query| !query.is_empty()).collect();
        if queries.is_empty() { path.to_owned() } else { format!("{path}?{}", queries.join("&")) }
    }

    /// `http://host/?x` means the root; `http://host/` is how people write a host.
    fn names_root(&self) -> bool {
        self.rest.starts_with("/?")
    }

    /// Its addresses.
    ///
    /// # Errors
    /// The name has none, or nobody says.
    pub(super) fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

/// Whether only this machine can be behind an address: a loopback address, or one of its own.
///
/// To reach an address of its own the system sends from that same address, and to no other from it. Asking which it would
/// send from needs no packet.
pub(super) fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let from = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((any, 0))?;
        // Any port but 0 does.
        socket.connect((address, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    address.is_loopback() || (!address.is_unspecified() && from().is_ok_and(|from| from == address))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.rest.split('?').next().unwrap_or_default();
        write!(f, "{}://{}{path}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), NoTarget> {
        let target: Target = text.parse()?;
        Ok((target.authority(), target.for_message("/webhooks/x?a=b")))
    }

    #[test]
    fn an_address_is_read_and_says_where_a_message_goes() {
        for (text, authority, goes_to) in [
            ("http://127.0.0.1:3000", "127.0.0.1:3000", "/webhooks/x?a=b"),
            ("http://Localhost:80/", "localhost", "/webhooks/x?a=b"),
            ("https://[::1]:8443/in", "[::1]:8443", "/in?a=b"),
            ("HTTPS://a.example:443/in?token=1", "a.example", "/in?token=1&a=b"),
            ("http://a.example?token=1", "a.example", "/webhooks/x?token=1&a=b"),
            ("http://a.example/?token=1", "a.example", "/?token=1&a=b"),
            ("http://[0:0::1]/", "[::1]", "/webhooks/x?a=b"),
        ] {
            assert_eq!(read(text), Ok((authority.to_owned(), goes_to.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for (text, wanted) in [
            ("127.0.0.1:3000", NoTarget::Scheme),
            ("ftp://a/", NoTarget::Scheme),
            ("http://", NoTarget::Host),
            ("http:///x", NoTarget::Host),
            ("http://[::1", NoTarget::Host),
            ("http://[::1]x/", NoTarget::Host),
            ("http://[1.2.3.4]/", NoTarget::Host),
            ("http://::1/", NoTarget::Host),
            ("http://a:0/", NoTarget::Port),
            ("http://a:65536/", NoTarget::Port),
            ("http://a:+1/", NoTarget::Port),
            ("http://a:/", NoTarget::Port),
            ("http://u:p@a/", NoTarget::Password),
            ("http://a/ b", NoTarget::Character),
            ("http://a/é", NoTarget::Character),
            ("http://bücher.example/", NoTarget::Character),
            ("http://a\\b/", NoTarget::Character),
            ("http://a/\r\nX: y", NoTarget::Character),
            ("http://a/#b", NoTarget::Fragment),
        ] {
            assert_eq!(read(text), Err(wanted), "{text}");
        }
    }

    #[test]
    fn a_shown_address_has_no_query() {
        let target: Target = "http://a.example:8080/in?token=secret".parse().unwrap();
        assert_eq!(target.to_string(), "http://a.example:8080/in");
    }

    #[test]
    fn only_this_machine_is_behind_its_own_addresses() {
        for own in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_own(own.parse().unwrap()), "{own}");
        }
        // Addresses of documents (RFC 5737, RFC 3849), of everybody, of nobody, and of a group.
        for other in
            ["198.51.100.1", "2001:db8::1", "255.255.255.255", "0.0.0.0", "::", "224.0.0.1", "ff02::1"]
        {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
        // The address from which this machine would send to others, where it has one.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("203.0.113.1:9").is_ok() {
            let own = socket.local_addr().unwrap().ip();
            assert!(is_own(own), "{own}");
        }
    }
}
