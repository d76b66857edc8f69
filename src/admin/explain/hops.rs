//! The walk from the peer to the client, for reading: every trusted hop with what makes it one.

use crate::admin::api::explanation::Hop;
use crate::judge::head::Head;
use crate::judge::peer::Peer;
use crate::policy::address::addr::Address;
use crate::policy::client::client_ip::{ForwardedHeader, Origin};
use crate::policy::client::forwarded::{self, Node};
use crate::state::snapshot::Snapshot;

/// The walk as [`crate::policy::client::client_ip::resolve`] does it; the last hop is where it ends.
pub(super) fn hops(snapshot: &Snapshot, peer: &Peer, head: Option<&Head>) -> Vec<Hop> {
    let hop = |address: Address| Hop { hop: address.to_string(), trusted_by: trusted_by(snapshot, address) };
    let mut noted = vec![hop(peer.address)];
    if let Origin::Proxied(source) = peer.origin {
        let Some(source) = source.filter(|_| snapshot.trusted.contains(peer.address)) else { return noted };
        noted.push(hop(source));
    }
    let header = snapshot.config.forwarded_header;
    for element in head.into_iter().flat_map(|head| elements(head, header)) {
        if noted.last().is_none_or(|last| last.trusted_by.is_none()) {
            break;
        }
        noted.push(match address(element, header) {
            Some(address) => hop(address),
            None => Hop { hop: String::from_utf8_lossy(element).into_owned(), trusted_by: None },
        });
    }
    noted
}

fn elements(head: &Head, header: ForwardedHeader) -> impl Iterator<Item = &[u8]> {
    head.values(header.name()).rev().flat_map(forwarded::elements)
}

fn address(element: &[u8], header: ForwardedHeader) -> Option<Address> {
    match header {
        ForwardedHeader::XForwardedFor => Address::from_hop(element),
        ForwardedHeader::Forwarded => match forwarded::read(element) {
            Ok(Some(Node::Address(address))) => Some(address),
            _ => None,
        },
    }
}

fn trusted_by(snapshot: &Snapshot, address: Address) -> Option<String> {
    let place = snapshot.trusted.find(address)?;
    Some(snapshot.trusted_names.get(place).map(ToString::to_string).unwrap_or_default())
}
