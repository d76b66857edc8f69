//! Who is asking.
//!
//! The peer of the TCP connection, unless it is a trusted proxy: then the forwarding header is walked
//! from right to left over trusted proxies, and the first hop that is not one is the client. Each
//! proxy appends on the right, so everything left of the first untrusted hop is that stranger's own
//! word and is never read. Invariant: a trusted proxy is never itself the client, and a hop that
//! cannot be read ends the walk with a denial, it is never skipped.

use super::addr::Address;
use super::outcome::Reason;
use super::prefix_set::PrefixSet;

/// Where the walk begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// At the peer of the TCP connection.
    #[default]
    Peer,
    /// At the source that the peer's PROXY header named; none after LOCAL or UNKNOWN.
    Proxied(Option<Address>),
}

/// The client and how the gate came to believe in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address that admission is decided by.
    pub address: Address,
    /// The trusted proxies between the client and the gate, the one nearest to the client first,
    /// the TCP peer last. Empty when the client is the peer.
    pub via: Vec<Address>,
}

/// Why no client can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoClient {
    /// The header is missing, or names nothing but trusted proxies.
    Unnamed,
    /// A hop between the gate and the client is not an address.
    Unreadable,
}

impl NoClient {
    /// The reason in the log.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Unnamed => Reason::NoClient,
            Self::Unreadable => Reason::BadChain,
        }
    }
}

/// Names the client. `lines` are the values of the forwarding header, in the order they arrived:
/// several lines are one list (RFC 9110 section 5.3), so they are walked as if joined by commas.
///
/// # Errors
/// The peer is a trusted proxy and no client can be named.
pub fn resolve<'a>(
    peer: Address,
    trusted: &PrefixSet,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> Result<Client, NoClient> {
    if !trusted.contains(peer) {
        return Ok(Client { address: peer, via: Vec::new() });
    }
    let mut via = vec![peer];
    for hop in lines.rev().flat_map(|line| line.rsplit(|b| *b == b',')) {
        let Some(address) = Address::from_hop(hop.trim_ascii()) else {
            return Err(NoClient::Unreadable);
        };
        if !trusted.contains(address) {
            via.reverse();
            return Ok(Client { address, via });
        }
        via.push(address);
    }
    Err(NoClient::Unnamed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        Address::new(text.parse().unwrap())
    }

    fn trusted() -> PrefixSet {
        PrefixSet::new(&["10.0.0.0/8".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()])
    }

    fn walk(peer: &str, lines: &[&str]) -> Result<String, NoClient> {
        resolve(address(peer), &trusted(), lines.iter().map(|l| l.as_bytes())).map(|client| {
            let via: Vec<String> = client.via.iter().map(ToString::to_string).collect();
            format!("{} via {}", client.address, via.join(","))
        })
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_claims() {
        assert_eq!(walk("192.0.2.9", &["198.51.100.1"]).as_deref(), Ok("192.0.2.9 via "));
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        let cases: [(&[&str], &str); 5] = [
            (&["192.0.2.1"], "192.0.2.1 via 10.0.0.1"),
            (&["203.0.113.5, 192.0.2.1, 10.9.9.9"], "192.0.2.1 via 10.9.9.9,10.0.0.1"),
            (&["203.0.113.5", "192.0.2.1,\t10.9.9.9 "], "192.0.2.1 via 10.9.9.9,10.0.0.1"),
            (&["garbage, 192.0.2.1:4711"], "192.0.2.1 via 10.0.0.1"),
            (&["[2001:db8::7]:80, 2001:db8:1::5"], "2001:db8::7 via 2001:db8:1::5,10.0.0.1"),
        ];
        for (lines, wanted) in cases {
            assert_eq!(walk("10.0.0.1", lines).as_deref(), Ok(wanted), "{lines:?}");
        }
    }

    #[test]
    fn a_trusted_proxy_is_never_the_client() {
        for lines in [&[][..], &["10.1.1.1"], &["10.1.1.1, ::ffff:10.2.2.2"]] {
            assert_eq!(walk("10.0.0.1", lines), Err(NoClient::Unnamed), "{lines:?}");
        }
    }

    #[test]
    fn a_hop_that_cannot_be_read_is_not_skipped() {
        for line in ["192.0.2.1, unknown", "192.0.2.1,", "192.0.2.1, _x, 10.1.1.1", "192.0.2.1 10.1.1.1", ""]
        {
            assert_eq!(walk("10.0.0.1", &[line]), Err(NoClient::Unreadable), "{line}");
        }
    }

    proptest! {
        /// Whatever a stranger puts in front of a chain that already decides changes nothing.
        #[test]
        fn prepending_never_changes_the_client(
            hops in prop::collection::vec("(10\\.0\\.0\\.[1-9]|192\\.0\\.2\\.[1-9]|unknown|)", 0..6),
            deciding in "(192\\.0\\.2\\.[1-9]|junk|)",
            prefix in "[ -~]{0,40}",
            split in any::<bool>(),
        ) {
            let tail = std::iter::once(deciding).chain(hops).collect::<Vec<_>>().join(",");
            let before = walk("10.0.0.1", &[&tail]);
            let after = if split {
                walk("10.0.0.1", &[&prefix, &tail])
            } else {
                walk("10.0.0.1", &[&format!("{prefix},{tail}")])
            };
            prop_assert_eq!(before, after);
        }
    }
}
