//! Health probes: what a load balancer or this machine itself asks on `health_path`.

use crate::judge::head::{Head, Version};
use crate::judge::peer::Peer;
use crate::policy::address::prefix_set::PrefixSet;
use crate::policy::client::client_ip::Origin;
use crate::state::snapshot::Snapshot;

/// Fields that a probe does not have: those of a body, and those of a request that a proxy forwards for a client.
const NOT_IN_A_PROBE: [&str; 4] = ["content-length", "transfer-encoding", "x-forwarded-for", "forwarded"];

/// Whether a trusted proxy or this machine probes the health of the gate. A request that a proxy forwards for a client
/// has a forwarding field, or a PROXY header that names another than the proxy, and is no probe.
pub(in crate::judge) fn is_probe(snapshot: &Snapshot, peer: &Peer, head: &Head) -> bool {
    let Some(path) = &snapshot.config.health_path else { return false };
    let asked = head.target().split(|byte| *byte == b'?').next().unwrap_or_default();
    asked == path.as_bytes()
        && matches!(head.method(), b"GET" | b"HEAD")
        // A stream may have a body that no field announces.
        && head.version != (Version::Http2 { body: true })
        && speaks_for_itself(peer, &snapshot.trusted)
        && NOT_IN_A_PROBE.iter().all(|name| head.values(name).next().is_none())
}

fn speaks_for_itself(peer: &Peer, trusted: &PrefixSet) -> bool {
    let names_another = match peer.origin {
        Origin::Peer | Origin::Proxied(None) => false,
        // HAProxy's own checks name HAProxy itself where it speaks version 1, which has no word for them.
        Origin::Proxied(Some(source)) => source != peer.address,
    };
    (peer.address.ip().is_loopback() || trusted.contains(peer.address)) && !names_another
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::addr::Address;

    #[test]
    fn only_this_machine_and_trusted_proxies_speak_for_themselves() {
        let trusted = PrefixSet::new([&"10.0.0.0/8".parse().unwrap()]);
        let speaks = |address: &str, origin| {
            let peer = Peer {
                address: Address::new(address.parse().unwrap()),
                listener: 0,
                tls: false,
                tls_in_front: false,
                client_cert: None,
                origin,
            };
            speaks_for_itself(&peer, &trusted)
        };
        let source = Some(Address::new([10, 0, 0, 2].into()));
        for (address, origin, wanted) in [
            ("10.0.0.1", Origin::Peer, true),
            ("10.0.0.1", Origin::Proxied(None), true),
            ("10.0.0.1", Origin::Proxied(source), false),
            ("10.0.0.2", Origin::Proxied(source), true),
            ("127.0.0.1", Origin::Peer, true),
            ("::1", Origin::Peer, true),
            ("::ffff:127.0.0.1", Origin::Peer, true),
            ("192.0.2.1", Origin::Peer, false),
            ("192.0.2.1", Origin::Proxied(None), false),
            ("192.0.2.1", Origin::Proxied(Some(Address::new([192, 0, 2, 1].into()))), false),
            ("2001:db8::1", Origin::Peer, false),
        ] {
            assert_eq!(speaks(address, origin), wanted, "{address} {origin:?}");
        }
    }
}
