//! Who is asking.
//!
//! The peer of the TCP connection, unless it is a trusted proxy: then the forwarding header is walked
//! from right to left over trusted proxies, and the first hop that is not one is the client. Each
//! proxy appends on the right, so everything left of the first untrusted hop is that stranger's own
//! word and is never read. Where the connection began with a PROXY header the walk begins at the source
//! that it names: whoever that is wrote the request. Invariant: a trusted proxy is never itself the
//! client, and a hop that cannot be read ends the walk with a denial, it is never skipped.

use crate::policy::address::addr::Address;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::client::forwarded::{self, Node};
pub use crate::policy::client::named::Client;
use crate::policy::outcome::Reason;

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

/// Where the bytes of a connection come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Origin {
    /// From the TCP peer.
    #[default]
    Peer,
    /// From behind the TCP peer, which sent a PROXY header: the source that it named, if it named one.
    Proxied(Option<Address>),
}

impl Origin {
    /// Who wrote the request as far as the connection tells: its header fields are this one's word.
    /// `None` where the PROXY header named nobody.
    #[must_use]
    pub fn writer(self, peer: Address) -> Option<Address> {
        match self {
            Self::Peer => Some(peer),
            Self::Proxied(source) => source,
        }
    }

    /// The client's place in the forwarding header, counted from the right, from 1; 0 where the header was not asked,
    /// because the client itself wrote it.
    #[must_use]
    pub(crate) fn place_of(self, client: &Client) -> usize {
        client.via.len() - usize::from(matches!(self, Self::Proxied(_)) && !client.via.is_empty())
    }

    /// Whether a trusted proxy wrote the request, so that what its header says of others is believed.
    #[must_use]
    pub fn is_trusted(self, peer: Address, trusted: &PrefixSet) -> bool {
        trusted.contains(peer) && self.writer(peer).is_some_and(|writer| trusted.contains(writer))
    }
}

/// Which header names the client behind a trusted proxy. One source: a second one, asked when the
/// first is missing, would be the sender's to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardedHeader {
    /// The name of the header, lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// Whom an element of `Forwarded` names; `None` where it cannot be read or names no address.
fn named(element: &[u8]) -> Option<Address> {
    match forwarded::read(element) {
        Ok(Some(Node::Address(address))) => Some(address),
        _ => None,
    }
}

/// Names the client. `lines` are the values of the forwarding header, in the order they arrived:
/// several lines are one list (RFC 9110 section 5.3), so they are walked as if joined by commas.
///
/// # Errors
/// Somebody else than the client stands at the other end, and no client can be named.
pub fn resolve<'a>(
    peer: Address,
    origin: Origin,
    trusted: &PrefixSet,
    header: ForwardedHeader,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> Result<Client, NoClient> {
    let mut via = Vec::new();
    let writer = match origin {
        Origin::Peer => peer,
        // A peer that was trusted when it connected and is not any more (the config was reloaded) can
        // name nobody, and it is not the client either.
        Origin::Proxied(_) if !trusted.contains(peer) => return Err(NoClient::Unnamed),
        Origin::Proxied(None) => return Err(NoClient::Unnamed),
        Origin::Proxied(Some(source)) => {
            via.push(peer);
            source
        }
    };
    match header {
        ForwardedHeader::XForwardedFor => walk(writer, via, trusted, lines.rev(), Address::from_hop),
        ForwardedHeader::Forwarded => walk(writer, via, trusted, lines.rev(), named),
    }
}

/// The capacity for trusted hops: few chains are longer.
const USUAL_HOPS: usize = 8;

/// From the writer to the first hop that is not trusted; `via` are the trusted ones before the writer. What stands
/// between two commas and is empty is no hop (RFC 9110 section 5.6.1): some proxies join lines that hold nothing.
fn walk<'a>(
    writer: Address,
    mut via: Vec<Address>,
    trusted: &PrefixSet,
    lines: impl Iterator<Item = &'a [u8]>,
    read: impl Fn(&[u8]) -> Option<Address>,
) -> Result<Client, NoClient> {
    let client = |address, mut via: Vec<Address>| {
        via.reverse();
        Ok(Client { address, via })
    };
    if !trusted.contains(writer) {
        return client(writer, via);
    }
    via.reserve(USUAL_HOPS);
    via.push(writer);
    for line in lines {
        for hop in line.rsplit(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if hop.is_empty() {
                continue;
            }
            let address = read(hop).ok_or(NoClient::Unreadable)?;
            if !trusted.contains(address) {
                return client(address, via);
            }
            via.push(address);
        }
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

    const LISTED: ForwardedHeader = ForwardedHeader::XForwardedFor;

    fn walk_from(
        peer: &str,
        origin: Origin,
        header: ForwardedHeader,
        lines: &[&str],
    ) -> Result<String, NoClient> {
        let lines = lines.iter().map(|l| l.as_bytes());
        resolve(address(peer), origin, &trusted(), header, lines).map(|client| {
            let via: Vec<String> = client.via.iter().map(ToString::to_string).collect();
            format!("{} via {}", client.address, via.join(","))
        })
    }

    fn walk(peer: &str, lines: &[&str]) -> Result<String, NoClient> {
        walk_from(peer, Origin::Peer, LISTED, lines)
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
        for line in ["192.0.2.1, unknown", "192.0.2.1, -", "192.0.2.1, _x, 10.1.1.1", "192.0.2.1 10.1.1.1"] {
            assert_eq!(walk("10.0.0.1", &[line]), Err(NoClient::Unreadable), "{line}");
        }
    }

    #[test]
    fn what_is_empty_is_no_hop() {
        for lines in [
            &["192.0.2.1,, 10.9.9.9"][..],
            &["192.0.2.1 , \t, 10.9.9.9 ,"],
            &[",192.0.2.1,", "", ",,10.9.9.9"],
            &["unknown,,192.0.2.1", ",", "10.9.9.9"],
        ] {
            assert_eq!(
                walk("10.0.0.1", lines).as_deref(),
                Ok("192.0.2.1 via 10.9.9.9,10.0.0.1"),
                "{lines:?}"
            );
        }
        for lines in [&[""][..], &[" , ,"], &["", "10.1.1.1,"]] {
            assert_eq!(walk("10.0.0.1", lines), Err(NoClient::Unnamed), "{lines:?}");
        }
    }

    #[test]
    fn the_forwarded_header_is_walked_alike() {
        let cases: [(&[&str], Result<&str, NoClient>); 10] = [
            (&["for=192.0.2.1"], Ok("192.0.2.1 via 10.0.0.1")),
            (
                &["for=8.8.8.8, for=192.0.2.1;proto=https, for=10.9.9.9"],
                Ok("192.0.2.1 via 10.9.9.9,10.0.0.1"),
            ),
            (
                &["for=8.8.8.8", "for=\"[2001:db8::7]:80\", , for=10.9.9.9,"],
                Ok("2001:db8::7 via 10.9.9.9,10.0.0.1"),
            ),
            // What an open quote in front would swallow is read all the same.
            (&["for=8.8.8.8;x=\", for=192.0.2.1"], Ok("192.0.2.1 via 10.0.0.1")),
            (&["for=8.8.8.8;x=\", for=192.0.2.1;host=\""], Err(NoClient::Unreadable)),
            (&["for=192.0.2.1, for=unknown"], Err(NoClient::Unreadable)),
            (&["for=192.0.2.1, for=_x, for=10.1.1.1"], Err(NoClient::Unreadable)),
            (&["for=192.0.2.1, proto=https"], Err(NoClient::Unreadable)),
            (&["for=10.1.1.1"], Err(NoClient::Unnamed)),
            (&["", " , "], Err(NoClient::Unnamed)),
        ];
        for (lines, wanted) in cases {
            let found = walk_from("10.0.0.1", Origin::Peer, ForwardedHeader::Forwarded, lines);
            assert_eq!(found.as_deref().map_err(|e| *e), wanted, "{lines:?}");
        }
    }

    #[test]
    fn the_place_of_the_client_is_counted_in_the_header() {
        for (peer, origin, place) in [
            ("192.0.2.9", Origin::Peer, 0),
            ("10.0.0.1", Origin::Peer, 2),
            ("10.0.0.1", Origin::Proxied(Some(address("192.0.2.5"))), 0),
            ("10.0.0.1", Origin::Proxied(Some(address("10.0.0.5"))), 2),
        ] {
            let lines = ["8.8.8.8, 192.0.2.1, 10.9.9.9"].map(str::as_bytes).into_iter();
            let client = resolve(address(peer), origin, &trusted(), LISTED, lines).unwrap();
            assert_eq!(origin.place_of(&client), place, "{peer} {origin:?}");
        }
    }

    #[test]
    fn one_header_is_asked_and_no_other() {
        assert_eq!(walk("10.0.0.1", &["for=192.0.2.1"]), Err(NoClient::Unreadable));
        let found = walk_from("10.0.0.1", Origin::Peer, ForwardedHeader::Forwarded, &["192.0.2.1"]);
        assert_eq!(found, Err(NoClient::Unreadable));
    }

    #[test]
    fn the_walk_begins_at_the_source_of_the_proxy_header() {
        let from = |source: Option<&str>| Origin::Proxied(source.map(address));
        let lines = ["8.8.8.8, 192.0.2.1, 10.9.9.9"];
        for (peer, origin, wanted) in [
            // An untrusted source is the client; the header is its own word.
            ("10.0.0.1", from(Some("192.0.2.5")), Ok("192.0.2.5 via 10.0.0.1")),
            ("10.0.0.1", from(Some("10.0.0.5")), Ok("192.0.2.1 via 10.9.9.9,10.0.0.5,10.0.0.1")),
            // LOCAL and UNKNOWN name nobody, and no header makes up for it.
            ("10.0.0.1", from(None), Err(NoClient::Unnamed)),
            // Whoever is not trusted names nobody.
            ("192.0.2.9", from(Some("192.0.2.5")), Err(NoClient::Unnamed)),
            ("192.0.2.9", from(Some("10.0.0.5")), Err(NoClient::Unnamed)),
            ("192.0.2.9", from(None), Err(NoClient::Unnamed)),
        ] {
            let found = walk_from(peer, origin, LISTED, &lines);
            assert_eq!(found.as_deref().map_err(|e| *e), wanted, "{peer} {origin:?}");
            let believed = origin.is_trusted(address(peer), &trusted());
            assert_eq!(believed, found.is_ok_and(|client| client.contains("10.9.9.9")), "{peer} {origin:?}");
        }
        let source = from(Some("10.0.0.5"));
        assert_eq!(walk_from("10.0.0.1", source, LISTED, &[]), Err(NoClient::Unnamed));
        assert!(Origin::Peer.is_trusted(address("10.0.0.1"), &trusted()));
        assert!(!Origin::Peer.is_trusted(address("192.0.2.1"), &trusted()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Wherever empty elements stand in a chain, it says the same.
        #[test]
        fn empty_elements_change_nothing(
            hops in prop::collection::vec("(10\\.0\\.0\\.[1-9]|192\\.0\\.2\\.[1-9]|unknown)", 1..6),
            empty in prop::collection::vec("( |\t){0,2}", 0..4),
            at in any::<prop::sample::Index>(),
        ) {
            let plain = hops.join(", ");
            let mut more = hops.clone();
            let at = at.index(hops.len() + 1);
            more.splice(at..at, empty);
            prop_assert_eq!(walk("10.0.0.1", &[&plain]), walk("10.0.0.1", &[&more.join(",")]));
        }

        /// The same for `Forwarded`, also where the stranger leaves a quote open.
        #[test]
        fn prepending_never_changes_the_client_of_forwarded(
            hops in prop::collection::vec("(for=10\\.0\\.0\\.[1-9]|for=192\\.0\\.2\\.[1-9];x=\"a\"|for=unknown|)", 0..6),
            deciding in "(for=192\\.0\\.2\\.[1-9]|x=\"|x\"|junk|for=\"\\[2001:db8::1\\]\")",
            prefix in "([ -~]|\"|for=8\\.8\\.8\\.8|;x=\"|,){0,20}",
            split in any::<bool>(),
        ) {
            let walk = |lines: &[&str]| walk_from("10.0.0.1", Origin::Peer, ForwardedHeader::Forwarded, lines);
            let tail = std::iter::once(deciding).chain(hops).collect::<Vec<_>>().join(",");
            let before = walk(&[&tail]);
            let after = if split { walk(&[&prefix, &tail]) } else { walk(&[&format!("{prefix},{tail}")]) };
            prop_assert_eq!(before, after);
        }

        /// Whatever a stranger puts in front of a chain that already decides changes nothing.
        #[test]
        fn prepending_never_changes_the_client(
            hops in prop::collection::vec("(10\\.0\\.0\\.[1-9]|192\\.0\\.2\\.[1-9]|unknown|)", 0..6),
            deciding in "(192\\.0\\.2\\.[1-9]|junk)",
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
