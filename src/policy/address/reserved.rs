//! Addresses that no sender on the internet has (IANA's registries of special-purpose addresses).

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const V4: [(Ipv4Addr, u8, &str); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8, "reserved for this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by customers of a provider (CGNAT)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved, formerly 6to4 relays"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
    (Ipv4Addr::BROADCAST, 32, "broadcast"),
];
/// Of IPv6, `2000::/3` is given to the internet, and nothing else.
const GIVEN: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const V6: [(Ipv6Addr, u8, &str); 9] = [
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, "for translated IPv4"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved for protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "for 6to4"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];

/// What addresses in this prefix are for, if some of them are for something else than the internet.
#[must_use]
pub(crate) fn reserved(prefix: &IpNet) -> Option<&'static str> {
    match prefix {
        IpNet::V4(net) => V4.iter().find_map(|(address, length, what)| {
            let other = Ipv4Net::new(*address, *length).ok()?;
            (other.contains(net) || net.contains(&other)).then_some(*what)
        }),
        IpNet::V6(net) => V6
            .iter()
            .find_map(|(address, length, what)| {
                let other = Ipv6Net::new(*address, *length).ok()?;
                (other.contains(net) || net.contains(&other)).then_some(*what)
            })
            .or_else(|| {
                (!Ipv6Net::new(GIVEN.0, GIVEN.1).is_ok_and(|given| given.contains(net))).then_some("reserved")
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_sender_has_is_known() {
        for (prefix, what) in [
            ("10.1.2.3/32", "private"),
            ("172.16.0.0/12", "private"),
            ("192.168.1.0/24", "private"),
            ("100.100.0.0/16", "shared by customers of a provider (CGNAT)"),
            ("127.0.0.2/32", "loopback"),
            ("192.0.0.0/8", "reserved for protocols"),
            ("198.51.100.7/32", "for documentation"),
            ("239.1.1.1/32", "multicast"),
            ("255.255.255.255/32", "reserved"),
            ("::1/128", "loopback"),
            ("::/128", "reserved"),
            ("2001:db8::1/128", "for documentation"),
            ("fd00::/16", "private"),
            ("fe80::/64", "link-local"),
            ("ff02::1/128", "multicast"),
            ("4000::/16", "reserved"),
        ] {
            assert_eq!(reserved(&prefix.parse().unwrap()), Some(what), "{prefix}");
        }
        for prefix in ["216.147.0.0/18", "100.128.0.0/16", "172.32.0.0/12", "8.8.8.8/32", "2606:4700::/32"] {
            assert_eq!(reserved(&prefix.parse().unwrap()), None, "{prefix}");
        }
    }
}
