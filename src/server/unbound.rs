//! Why an address cannot be listened on, in words that name what to change.
//!
//! The kernel's own words are about its network, and the operator has a line of the configuration. Nothing here opens
//! a socket.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// What the operator reads: the address, the kernel's error, and what to change where that can be said.
pub(super) fn cannot_bind(address: SocketAddr, error: &io::Error) -> String {
    let lead = lead(address, error).map(|lead| format!("; {lead}")).unwrap_or_default();
    format!("cannot bind {address}: {error}{lead}")
}

fn lead(address: SocketAddr, error: &io::Error) -> Option<String> {
    let port = address.port();
    match (error.raw_os_error()?, address.ip()) {
        (libc::EAFNOSUPPORT, IpAddr::V6(ip)) => Some(if ip.is_unspecified() {
            format!("there is no IPv6 here: write 0.0.0.0:{port}")
        } else {
            format!("there is no IPv6 here: write an IPv4 address, such as 127.0.0.1:{port}")
        }),
        (libc::EADDRNOTAVAIL, IpAddr::V6(ip)) => Some(if ip.is_loopback() {
            format!("IPv6 is switched off here: write 127.0.0.1:{port}")
        } else {
            "no interface of this machine has this address, or IPv6 is switched off".to_owned()
        }),
        (libc::EADDRNOTAVAIL, IpAddr::V4(ip)) => Some(if ip.is_loopback() {
            format!("there is no IPv4 here: write [::1]:{port}")
        } else {
            "no interface of this machine has this address".to_owned()
        }),
        (libc::EACCES, _) if port < 1024 => {
            Some("a port below 1024 needs the capability CAP_NET_BIND_SERVICE".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_bound_is_told_with_what_to_write_instead() {
        let rows = [
            ("[::]:8080", libc::EAFNOSUPPORT, "; there is no IPv6 here: write 0.0.0.0:8080"),
            (
                "[::1]:9901",
                libc::EAFNOSUPPORT,
                "; there is no IPv6 here: write an IPv4 address, such as 127.0.0.1:9901",
            ),
            ("[::1]:9901", libc::EADDRNOTAVAIL, "; IPv6 is switched off here: write 127.0.0.1:9901"),
            (
                "[2001:db8::7]:80",
                libc::EADDRNOTAVAIL,
                "; no interface of this machine has this address, or IPv6 is switched off",
            ),
            ("127.0.0.1:9901", libc::EADDRNOTAVAIL, "; there is no IPv4 here: write [::1]:9901"),
            ("192.0.2.7:80", libc::EADDRNOTAVAIL, "; no interface of this machine has this address"),
            ("0.0.0.0:443", libc::EACCES, "; a port below 1024 needs the capability CAP_NET_BIND_SERVICE"),
            ("0.0.0.0:8443", libc::EACCES, ""),
            ("0.0.0.0:443", libc::EADDRINUSE, ""),
        ];
        for (address, number, lead) in rows {
            let error = io::Error::from_raw_os_error(number);
            let told = cannot_bind(address.parse().unwrap(), &error);
            assert_eq!(told, format!("cannot bind {address}: {error}{lead}"));
        }
    }
}
