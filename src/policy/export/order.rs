//! One export: what is written, and what it is called.
//!
//! Invariant: a renderer asks the order for prefixes by [`Order::prefixes`] alone, so all of them write disjoint prefixes in
//! order, of the families that were asked for.

use ipnet::IpNet;

use crate::policy::export::header::Header;
use crate::policy::export::name::Name;
use crate::policy::export::ranges::{Family, Ranges, Widest};

/// An export.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// What it is called at its target.
    pub name: Name,
    /// Where it comes from.
    pub header: Header,
    /// The addresses.
    pub ranges: Ranges,
    /// The families that it is about: a set of a family without addresses is written too, as an empty one.
    pub families: Vec<Family>,
    /// The port that a rule is for.
    pub port: Option<u16>,
    /// What the target holds, where the export is a change of that.
    pub have: Vec<IpNet>,
}

impl Order {
    /// The prefixes of a family.
    #[must_use]
    pub(crate) fn prefixes(&self, family: Family) -> Vec<IpNet> {
        self.prefixes_within(family, Widest::HALF)
    }

    /// The prefixes of a family, for a target that takes none that is shorter.
    #[must_use]
    pub(crate) fn prefixes_within(&self, family: Family, widest: Widest) -> Vec<IpNet> {
        self.ranges.prefixes(family, widest)
    }

    /// The prefixes of both families, IPv4 first.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<IpNet> {
        self.families.iter().flat_map(|family| self.prefixes(*family)).collect()
    }

    /// The name of the set of a family.
    #[must_use]
    pub(crate) fn set(&self, family: Family) -> String {
        set(&self.name, family)
    }

    /// The name of the chain.
    #[must_use]
    pub(crate) fn chain(&self) -> String {
        chain(&self.name)
    }

    /// The name with hyphens, and the program's before it.
    #[must_use]
    pub(crate) fn resource(&self) -> String {
        format!("nexmo-gate-{}", self.name.hyphenated())
    }

    /// The same with underscores.
    #[must_use]
    pub(crate) fn variable(&self) -> String {
        format!("nexmo_gate_{}", self.name.underscored())
    }
}

/// The name of the set of a family.
#[must_use]
pub(crate) fn set(name: &Name, family: Family) -> String {
    let suffix = match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    };
    format!("{}_{suffix}", name.underscored())
}

/// The name of the chain of iptables, which has 28 characters at most.
#[must_use]
pub(crate) fn chain(name: &Name) -> String {
    format!("NG-{}", name.underscored())
}

/// The name of the chain of nftables that drops everybody else.
#[must_use]
pub(crate) fn only(name: &Name) -> String {
    format!("{}_only", name.underscored())
}
