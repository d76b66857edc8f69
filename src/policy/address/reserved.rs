//! Address space in which no provider's servers can be: it is not routed on the Internet, or not for single hosts.
//!
//! The blocks are those of IANA's special-purpose registries (RFC 6890 and its updates).

use ipnet::IpNet;

/// The blocks, and what each is for.
const BLOCKS: [(&str, &str); 27] = [
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("64:ff9b::/96", "translation"),
    ("64:ff9b:1::/48", "translation"),
    ("100::/64", "discard"),
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
];

/// What the first block is for that has addresses in common with a network; `None` if there is none.
#[must_use]
pub(crate) fn reserved(network: IpNet) -> Option<&'static str> {
    let overlaps = |block: &str| {
        block.parse::<IpNet>().is_ok_and(|block| block.contains(&network) || network.contains(&block))
    };
    BLOCKS.iter().find(|(block, _)| overlaps(block)).map(|(_, what)| *what)
}
