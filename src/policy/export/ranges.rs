//! The addresses of the chosen lists.
//!
//! Invariant: however the lists write them, nested, adjacent or twice, equal addresses are equal [`Ranges`] and have one digest.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ring::digest::{SHA256, digest};

use crate::policy::address::cover::Cover;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// As a person says it.
    #[must_use]
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// The other one.
    #[must_use]
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

/// The shortest prefix that a target takes, of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Widest {
    /// Of IPv4, at most 32.
    pub v4: u8,
    /// Of IPv6, at most 128.
    pub v6: u8,
}

impl Widest {
    /// Everything but all addresses of a family: several firewalls take no prefix length of 0.
    pub(crate) const HALF: Self = Self { v4: 1, v6: 1 };
}

/// Addresses of both families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    v4: Cover,
    v6: Cover,
}

impl Ranges {
    /// What prefixes cover together.
    pub(crate) fn of(prefixes: impl IntoIterator<Item = IpNet>) -> Self {
        Self::between(prefixes.into_iter().map(|net| (net.network(), net.broadcast())))
    }

    /// What pairs of a first and a last address cover together. A pair of two families, or whose last address is below
    /// its first, covers nothing.
    pub(crate) fn between(pairs: impl IntoIterator<Item = (IpAddr, IpAddr)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for pair in pairs {
            match pair {
                (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                    v4.push((u32::from(first).into(), u32::from(last).into()));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                    v6.push((u128::from(first), u128::from(last)));
                }
                _ => {}
            }
        }
        let cover = |mut row: Vec<(u128, u128)>| {
            row.sort_unstable();
            Cover::of(row.into_iter())
        };
        Self { v4: cover(v4), v6: cover(v6) }
    }

    /// Those of one family alone.
    #[must_use]
    pub(crate) fn only(&self, family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: self.v4.clone(), ..Self::default() },
            Family::V6 => Self { v6: self.v6.clone(), ..Self::default() },
        }
    }

    /// Those that the others do not cover.
    #[must_use]
    pub(crate) fn without(&self, others: &Self) -> Self {
        Self { v4: self.v4.without(&others.v4), v6: self.v6.without(&others.v6) }
    }

    /// Whether there is none.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fewest prefixes of a family that cover exactly its addresses, in order. None is shorter than `widest` says.
    pub(crate) fn prefixes(&self, family: Family, widest: Widest) -> Vec<IpNet> {
        match family {
            Family::V4 => blocks(&self.v4, 32, widest.v4).filter_map(v4).map(IpNet::V4).collect(),
            Family::V6 => blocks(&self.v6, 128, widest.v6).filter_map(v6).map(IpNet::V6).collect(),
        }
    }

    /// The SHA-256 of the prefixes, one a line, IPv4 first: what `sha256sum` says of the export as text without comments.
    #[must_use]
    pub(crate) fn digest(&self) -> String {
        let mut text = String::new();
        for prefix in Family::ALL.into_iter().flat_map(|family| self.prefixes(family, Widest::HALF)) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{prefix}");
        }
        digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Blocks as addresses and prefix lengths.
fn blocks(cover: &Cover, bits: u8, widest: u8) -> impl Iterator<Item = (u128, u8)> {
    let most = u32::from(bits.saturating_sub(widest));
    cover
        .blocks(most)
        .filter_map(move |(first, free)| Some((first, bits.checked_sub(u8::try_from(free).ok()?)?)))
}

fn v4((first, length): (u128, u8)) -> Option<Ipv4Net> {
    Ipv4Net::new(u32::try_from(first).ok()?.into(), length).ok()
}

fn v6((first, length): (u128, u8)) -> Option<Ipv6Net> {
    Ipv6Net::new(first.into(), length).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANY: Widest = Widest { v4: 0, v6: 0 };

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    #[test]
    fn nested_adjacent_and_repeated_prefixes_become_one() {
        let of = |text: &str| Ranges::of(nets(text));
        let whole = of("192.0.2.0/24");
        assert_eq!(of("192.0.2.128/25 192.0.2.0/25 192.0.2.7/32 192.0.2.7/32"), whole);
        assert_eq!(whole.prefixes(Family::V4, ANY), nets("192.0.2.0/24"));
        let uneven = of("192.0.2.1/32 192.0.2.2/31 192.0.2.4/30 2001:db8:1::/48 2001:db8::/48");
        assert_eq!(uneven.prefixes(Family::V4, ANY), nets("192.0.2.1/32 192.0.2.2/31 192.0.2.4/30"));
        assert_eq!(uneven.prefixes(Family::V6, ANY), nets("2001:db8::/47"));
        assert_eq!(of("255.255.255.255/32 ::/0").prefixes(Family::V4, ANY), nets("255.255.255.255/32"));
        assert_eq!(of("::/0").prefixes(Family::V6, Widest::HALF), nets("::/1 8000::/1"));
        assert_eq!(
            of("10.0.0.0/7").prefixes(Family::V4, Widest { v4: 8, v6: 12 }),
            nets("10.0.0.0/8 11.0.0.0/8")
        );
    }

    #[test]
    fn the_digest_is_that_of_the_prefixes_one_a_line() {
        // printf '192.0.2.0/24\n2001:db8::/32\n' | sha256sum
        let digest = "2869f46ecda9c71c548bfd15408876ac4337d51ac42a093d67736fcd038bc777";
        let of = |text: &str| Ranges::of(nets(text)).digest();
        assert_eq!(of("192.0.2.0/24 2001:db8::/32"), digest);
        assert_eq!(of("2001:db8::/32 192.0.2.0/25 192.0.2.128/25"), digest);
        assert_ne!(of("192.0.2.0/24"), digest);
    }

    #[test]
    fn a_pair_that_is_no_range_covers_nothing() {
        let pair =
            |first: &str, last: &str| Ranges::between([(first.parse().unwrap(), last.parse().unwrap())]);
        assert!(pair("192.0.2.9", "192.0.2.1").is_empty());
        assert!(pair("192.0.2.9", "2001:db8::").is_empty());
        assert_eq!(pair("192.0.2.4", "192.0.2.7"), Ranges::of(nets("192.0.2.4/30")));
    }

    /// Prefixes close together, so that they nest and touch.
    fn prefix() -> impl Strategy<Value = IpNet> {
        prop_oneof![
            (0u32..4096, 20u8..=32).prop_map(|(at, len)| {
                IpNet::V4(Ipv4Net::new((u32::MAX - at).into(), len).unwrap().trunc())
            }),
            (0u128..4096, 116u8..=128).prop_map(|(at, len)| {
                IpNet::V6(Ipv6Net::new((u128::MAX - at).into(), len).unwrap().trunc())
            }),
        ]
    }

    /// Both ends of a prefix, and the addresses beside them.
    fn edges(net: IpNet) -> Vec<IpAddr> {
        match net {
            IpNet::V4(net) => {
                let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
                let all = [first.saturating_sub(1), first, last, last.saturating_add(1)];
                all.map(|at| std::net::Ipv4Addr::from(at).into()).to_vec()
            }
            IpNet::V6(net) => {
                let (first, last) = (u128::from(net.network()), u128::from(net.broadcast()));
                let all = [first.saturating_sub(1), first, last, last.saturating_add(1)];
                all.map(|at| std::net::Ipv6Addr::from(at).into()).to_vec()
            }
        }
    }

    proptest! {
        #[test]
        fn an_address_is_covered_by_the_prefixes_exactly_when_a_list_has_it(
            list in proptest::collection::vec(prefix(), 0..40), free in 0u8..12
        ) {
            let ranges = Ranges::of(list.clone());
            let widest = Widest { v4: 20 + free, v6: 116 + free };
            for family in Family::ALL {
                let prefixes = ranges.prefixes(family, widest);
                prop_assert!(prefixes.windows(2).all(|pair| pair[0].broadcast() < pair[1].network()));
                let shortest = match family { Family::V4 => widest.v4, Family::V6 => widest.v6 };
                prop_assert!(prefixes.iter().all(|net| net.prefix_len() >= shortest));
                prop_assert_eq!(Ranges::of(prefixes.clone()), ranges.only(family));
                // Where an answer changes: at both ends of each prefix, and beside them.
                for ip in list.iter().flat_map(|net| edges(*net)) {
                    let held = list.iter().any(|net| net.contains(&ip));
                    let is_ours = matches!(ip, IpAddr::V4(_)) == (family == Family::V4);
                    let found = prefixes.iter().filter(|net| net.contains(&ip)).count();
                    prop_assert_eq!(found, usize::from(held && is_ours));
                }
            }
            // The fewest: ipnet needs as many. It loses the last address of a family, so the lists here do not have it.
            let low: Vec<IpNet> = list.iter().filter(|net| net.broadcast() != IpAddr::from([255; 4])
                && net.broadcast() != IpAddr::from([255u8; 16])).copied().collect();
            let ranges = Ranges::of(low.clone());
            let ours: Vec<IpNet> = Family::ALL.into_iter().flat_map(|family| ranges.prefixes(family, ANY)).collect();
            prop_assert_eq!(ours, IpNet::aggregate(&low));
        }
    }
}
