//! The networks to add to a list, from clients in no list that proved themselves by a signature.
//!
//! One client is one address. Several that are near each other are taken for a block of the provider's: two in a /28 of
//! IPv4 (a /64 of IPv6), else two in a /24 (a /48), and never more. Invariant: no network is suggested that has an address in
//! common with space that is taken.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

/// Lengths of a block: the shorter one holds what the longer ones do not.
const V4: Lengths = Lengths { near: 28, far: 24 };
const V6: Lengths = Lengths { near: 64, far: 48 };

#[derive(Clone, Copy)]
struct Lengths {
    near: u8,
    far: u8,
}

/// The networks for these clients, in order. `taken` says whether any address of a network must not be in it.
#[must_use]
pub(crate) fn suggest(
    clients: impl IntoIterator<Item = IpAddr>,
    taken: impl Fn(IpNet) -> bool,
) -> Vec<IpNet> {
    let mut far: BTreeMap<IpNet, Vec<IpAddr>> = BTreeMap::new();
    for client in clients {
        let ips = far.entry(block(client, lengths(client).far)).or_default();
        if !taken(client.into()) && !ips.contains(&client) {
            ips.push(client);
        }
    }
    let mut networks: Vec<IpNet> =
        far.into_iter().flat_map(|(far, ips)| of_block(far, &ips, &taken)).collect();
    networks.sort();
    networks
}

/// The networks for the clients of one block.
fn of_block(far: IpNet, clients: &[IpAddr], taken: &impl Fn(IpNet) -> bool) -> Vec<IpNet> {
    let mut near: BTreeMap<IpNet, Vec<IpAddr>> = BTreeMap::new();
    for client in clients {
        near.entry(block(*client, lengths(*client).near)).or_default().push(*client);
    }
    if near.len() > 1 && !taken(far) {
        return vec![far];
    }
    let of_near = |(near, ips): (IpNet, Vec<IpAddr>)| {
        if ips.len() > 1 && !taken(near) { vec![near] } else { ips.into_iter().map(IpNet::from).collect() }
    };
    near.into_iter().flat_map(of_near).collect()
}

fn lengths(ip: IpAddr) -> Lengths {
    if ip.is_ipv4() { V4 } else { V6 }
}

fn block(ip: IpAddr, length: u8) -> IpNet {
    IpNet::new(ip, length).map_or_else(|_| ip.into(), |network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::address::range_list::parse_prefix;

    fn networks(clients: &[&str], taken: &[&str]) -> Vec<String> {
        let taken: Vec<IpNet> = taken.iter().map(|text| parse_prefix(text).unwrap()).collect();
        let overlaps = |network: IpNet| taken.iter().any(|t| t.contains(&network) || network.contains(t));
        let clients = clients.iter().map(|text| text.parse().unwrap());
        suggest(clients, overlaps).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clients_that_are_near_make_a_block_and_no_larger_one() {
        assert_eq!(networks(&["8.8.4.1", "8.8.4.1"], &[]), ["8.8.4.1/32"]);
        assert_eq!(networks(&["8.8.4.1", "8.8.4.14"], &[]), ["8.8.4.0/28"]);
        assert_eq!(networks(&["8.8.4.1", "8.8.4.200", "8.8.5.1"], &[]), ["8.8.4.0/24", "8.8.5.1/32"]);
        assert_eq!(networks(&["2600::1", "2600::2", "2600:1::1"], &[]), ["2600::/64", "2600:1::1/128"]);
        assert_eq!(networks(&["2600::1", "2600:0:0:1::2"], &[]), ["2600::/48"]);
        assert!(networks(&[], &[]).is_empty());
    }

    #[test]
    fn nothing_that_is_taken_is_in_a_network() {
        let clients = ["8.8.4.1", "8.8.4.2", "8.8.4.200"];
        assert_eq!(networks(&clients, &["8.8.4.64/28"]), ["8.8.4.0/28", "8.8.4.200/32"]);
        assert_eq!(networks(&clients, &["8.8.4.3"]), ["8.8.4.1/32", "8.8.4.2/32", "8.8.4.200/32"]);
        assert_eq!(networks(&clients, &["8.8.0.0/16"]), Vec::<String>::new());
        assert_eq!(networks(&clients, &["8.8.4.1"]), ["8.8.4.2/32", "8.8.4.200/32"]);
    }
}
