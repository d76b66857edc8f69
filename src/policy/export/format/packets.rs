//! ipset and iptables.
//!
//! Invariant: no packet sees a set or a chain that is half full: ipset swaps a full set into its place, and iptables-restore
//! commits a table at once.

use crate::policy::export::order::Order;
use crate::policy::export::ranges::Family;

/// The same for every export: a set that exists can be replaced only by one that was created alike.
const MOST: u32 = 4_194_304;

pub(super) fn ipset(order: &Order) -> String {
    let sets: String = order.families.iter().map(|family| set(order, *family)).collect();
    order.header.comment() + &sets
}

fn set(order: &Order, family: Family) -> String {
    let word = match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    };
    let set = order.set(family);
    let new = format!("{set}-new");
    let kind = format!("hash:net family {word} maxelem {MOST} -exist");
    let members: String =
        order.prefixes(family).iter().map(|prefix| format!("add {new} {prefix}\n")).collect();
    format!(
        "create {new} {kind}\nflush {new}\n{members}create {set} {kind}\nswap {new} {set}\ndestroy {new}\n"
    )
}

/// For `iptables-restore --noflush`, which empties the chains that it names and leaves all others.
pub(super) fn iptables(order: &Order) -> String {
    let chain = order.chain();
    let rules: String =
        order.all().iter().map(|prefix| format!("-A {chain} -s {prefix} -j RETURN\n")).collect();
    format!("{}*filter\n:{chain} - [0:0]\n{rules}-A {chain} -j DROP\nCOMMIT\n", order.header.comment())
}
