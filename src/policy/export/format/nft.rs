//! nftables: named sets, and with a port a chain that drops everybody else.
//!
//! One file of `nft -f` is one transaction of the kernel: no packet sees an empty set. Invariant: nothing but the sets and the
//! chain of this export is touched, so that several exports share the table and the operator's own rules stay.

use ipnet::IpNet;

use crate::policy::export::order::{Order, only};
use crate::policy::export::ranges::Family;

/// The table of all exports.
const TABLE: &str = "inet nexmo_gate";
/// Elements in one command: a line that an editor can show.
const IN_A_LINE: usize = 100;

pub(super) fn render(order: &Order) -> String {
    let head = order.header.comment();
    let set_of = |family: &Family| set(&order.set(*family), *family, &order.prefixes(*family));
    let sets: String = order.families.iter().map(set_of).collect();
    let chain = order.port.map(|port| chain(order, port)).unwrap_or_default();
    format!("{head}add table {TABLE}\n{sets}{chain}")
}

/// A set is emptied in the transaction that fills it: `flush table` would leave what it holds.
fn set(name: &str, family: Family, prefixes: &[IpNet]) -> String {
    let kind = match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    };
    let line = |some: &[IpNet]| {
        let some: Vec<String> = some.iter().map(ToString::to_string).collect();
        format!("add element {TABLE} {name} {{ {} }}\n", some.join(", "))
    };
    let elements: String = prefixes.chunks(IN_A_LINE).map(line).collect();
    format!(
        "add set {TABLE} {name} {{ type {kind}; flags interval; auto-merge; }}\nflush set {TABLE} {name}\n{elements}"
    )
}

/// Everything else that the machine receives is left to other chains. Loopback is the machine's own: probes come from there.
fn chain(order: &Order, port: u16) -> String {
    let name = only(&order.name);
    let rule = |family| {
        let word = match family {
            Family::V4 => "ip",
            Family::V6 => "ip6",
        };
        let set = order.set(family);
        format!("add rule {TABLE} {name} iifname != \"lo\" tcp dport {port} {word} saddr != @{set} drop\n")
    };
    format!(
        "add chain {TABLE} {name} {{ type filter hook input priority filter - 5; policy accept; }}\n\
         flush chain {TABLE} {name}\n{}",
        Family::ALL.map(rule).concat()
    )
}
