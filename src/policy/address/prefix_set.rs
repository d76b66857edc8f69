//! A set of prefixes that finds the longest prefix of an address in a few comparisons.
//!
//! The prefixes of a family are flattened once into a sorted row of segments, each owned by the longest
//! prefix that covers it or by none, so a look-up is one short search, however deep the prefixes are nested.
//! Invariant: the answer equals that of a loop over all prefixes, longest match first; an empty set has no
//! address.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::policy::address::addr::Address;
use crate::policy::address::bits::Bits;

/// The owner of a segment that no prefix covers.
const NOBODY: u32 = u32::MAX;

/// An immutable set of prefixes, each identified by its index in the slice that the set was built from.
#[derive(Clone, Debug, Default)]
pub struct PrefixSet {
    v4: Segments<u32>,
    v6: Segments<u128>,
}

impl PrefixSet {
    /// Builds the set. If a prefix occurs twice, look-ups return the first index.
    #[must_use]
    pub fn new<'a>(prefixes: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for (place, prefix) in prefixes.into_iter().enumerate() {
            // There are never more prefixes than NOBODY: the loader limits the size of files.
            let owner = u32::try_from(place).unwrap_or(NOBODY);
            match prefix {
                IpNet::V4(net) => {
                    v4.push(Span {
                        first: u32::from(net.network()),
                        last: u32::from(net.broadcast()),
                        owner,
                    });
                }
                IpNet::V6(net) => v6.push(Span {
                    first: u128::from(net.network()),
                    last: u128::from(net.broadcast()),
                    owner,
                }),
            }
        }
        Self { v4: Segments::flatten(v4), v6: Segments::flatten(v6) }
    }

    /// The index of the longest prefix that has the address.
    #[must_use]
    pub fn find(&self, address: Address) -> Option<usize> {
        let owner = match address.ip() {
            IpAddr::V4(ip) => self.v4.owner(u32::from(ip)),
            IpAddr::V6(ip) => self.v6.owner(u128::from(ip)),
        };
        (owner != NOBODY).then_some(owner as usize)
    }

    /// Whether any prefix has the address.
    #[must_use]
    pub fn contains(&self, address: Address) -> bool {
        self.find(address).is_some()
    }

    /// The number of IPv4 and IPv6 addresses that the set covers, each counted once.
    #[must_use]
    pub fn covered(&self) -> (u64, u128) {
        let v4 = self.v4.covered(u32::MAX, |first, next| u128::from(next - first));
        let v6 = self.v6.covered(u128::MAX, |first, next| next - first);
        (u64::try_from(v4).unwrap_or(u64::MAX), v6)
    }
}

/// One prefix as a closed interval.
struct Span<K> {
    first: K,
    last: K,
    owner: u32,
}

/// Segments in order, with an index.
///
/// A segment reaches from its start to the start of the next one. If prefixes are nested, the longest owns
/// the segment:
///
/// ```text
/// 0.0.0.         0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
/// A = 0.0.0.0/29 |---------------------|
/// B = 0.0.0.2/31       |--|
/// C = 0.0.0.8/30                         |---------|
/// owners         A     B     A           C           nobody
/// row            0,A   2,B   4,A         8,C         12,nobody
/// ```
///
/// A stretch is an equal part of the distance from the first start to the last. Its width is a power of two,
/// so that a shift finds it. `before` is the number of segments in the row before each stretch:
///
/// ```text
/// stretch        0 (0 to 7)              1 (8 and above)
/// starts         0     2     4           8           12
/// before         0                       3                      5
/// ```
///
/// So 3 is in stretch 0, whose segments are 0 to 2 of the row; two of them have begun, and the second is B's.
/// A look-up in a million prefixes waits for memory twice, not twenty times.
#[derive(Clone, Debug, Default)]
struct Segments<K> {
    /// The start and the owner of each segment.
    row: Box<[(K, u32)]>,
    /// The number of segments before each stretch, and at the end the number of all segments.
    before: Box<[u32]>,
    /// The width of a stretch, as a power of two.
    shift: u32,
}

/// The average number of segments in a stretch, as a power of two: with two segments the index takes a
/// quarter of the row's memory for IPv4, and an evenly spaced list needs no search.
const IN_A_STRETCH: u32 = 1;

/// Up to this many segments of a stretch are checked one by one: eight of IPv4 are 64 bytes, one cache line.
const FEW: usize = 8;

impl<K: Bits> Segments<K> {
    /// Goes through the prefixes from low to high; the stack has those that are open, the innermost on top.
    /// Two prefixes are either nested or disjoint, so a stack is enough.
    fn flatten(mut spans: Vec<Span<K>>) -> Self {
        // The stable sort is linear for input that is sorted already, as long lists are.
        spans.sort_by(|a, b| (a.first, b.last, a.owner).cmp(&(b.first, a.last, b.owner)));
        spans.dedup_by(|later, first| (later.first, later.last) == (first.first, first.last));
        let mut row = Row(Vec::with_capacity(spans.len() * 2));
        let mut open: Vec<(K, u32)> = Vec::new();
        for span in &spans {
            row.close_before(&mut open, Some(span.first));
            row.push(span.first, span.owner);
            open.push((span.last, span.owner));
        }
        row.close_before(&mut open, None);
        Self::index(row.0.into_boxed_slice())
    }

    fn index(row: Box<[(K, u32)]>) -> Self {
        let (Some((base, _)), Some((last, _))) = (row.first().copied(), row.last()) else {
            return Self { row, before: Box::default(), shift: 0 };
        };
        let wanted = row.len().ilog2().saturating_sub(IN_A_STRETCH);
        let shift = last.digits_from(base).saturating_sub(wanted);
        let stretch = |key: K| key.steps_from(base, shift).unwrap_or(0);
        let mut before = Vec::with_capacity(stretch(*last) + 2);
        for (place, (start, _)) in (0u32..).zip(&row) {
            // A stretch that begins here, or was skipped, has all earlier segments before it.
            before.resize(before.len().max(stretch(*start) + 1), place);
        }
        before.push(u32::try_from(row.len()).unwrap_or(u32::MAX));
        Self { row, before: before.into_boxed_slice(), shift }
    }

    fn owner(&self, key: K) -> u32 {
        let Some(stretch) = self.row.first().and_then(|(base, _)| key.steps_from(*base, self.shift)) else {
            return NOBODY;
        };
        // Keys above the last start belong to its stretch.
        let stretch = stretch.min(self.before.len() - 2);
        let (from, to) = (self.before[stretch] as usize, self.before[stretch + 1] as usize);
        let within = &self.row[from..to];
        let begun = |segment: &(K, u32)| segment.0 <= key;
        let after = from
            + match within.len() {
                // Counted without a branch that the processor could predict wrongly.
                ..=FEW => within.iter().filter(|segment| begun(segment)).count(),
                _ => within.partition_point(begun),
            };
        after.checked_sub(1).map_or(NOBODY, |segment| self.row[segment].1)
    }

    fn covered(&self, last: K, width: impl Fn(K, K) -> u128) -> u128 {
        let mut sum: u128 = 0;
        for (segment, (first, owner)) in self.row.iter().enumerate() {
            if *owner == NOBODY {
                continue;
            }
            // If the row ends inside a prefix, the prefix reaches to the end of the address space.
            sum = sum.saturating_add(match self.row.get(segment + 1) {
                Some((next, _)) => width(*first, *next),
                None => width(*first, last).saturating_add(1),
            });
        }
        sum
    }
}

/// Starts and owners, in order.
struct Row<K>(Vec<(K, u32)>);

impl<K: Bits> Row<K> {
    /// Closes every open prefix that ends before `limit` (all of them for `None`).
    fn close_before(&mut self, open: &mut Vec<(K, u32)>, limit: Option<K>) {
        while let Some((last, _)) = open.last().copied() {
            if limit.is_some_and(|limit| last >= limit) {
                return;
            }
            open.pop();
            if let Some(next) = last.successor() {
                self.push(next, open.last().map_or(NOBODY, |(_, owner)| *owner));
            }
        }
    }

    fn push(&mut self, start: K, owner: u32) {
        match self.0.last_mut() {
            // A prefix begins or ends exactly where another one does: the later owner counts.
            Some((last, own)) if *last == start => *own = owner,
            Some((_, own)) if *own == owner => {}
            None if owner == NOBODY => {}
            _ => self.0.push((start, owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn naive(prefixes: &[IpNet], address: Address) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (place, prefix) in prefixes.iter().enumerate() {
            let longer = |b: usize| prefixes[b].prefix_len() < prefix.prefix_len();
            if prefix.contains(&address.ip()) && best.is_none_or(longer) {
                best = Some(place);
            }
        }
        best
    }

    /// Few distinct high bits and all lengths, so that nesting, adjacency and duplicates are common.
    fn v4_prefix() -> impl Strategy<Value = IpNet> {
        (0u32..4, any::<u8>(), 8u8..=32).prop_map(|(high, low, length)| {
            let bits = (high << 30) | (u32::from(low) << 16) | u32::from(low);
            IpNet::new_assert(Ipv4Addr::from(bits).into(), length).trunc()
        })
    }

    fn v6_prefix() -> impl Strategy<Value = IpNet> {
        (0u128..4, any::<u8>(), 16u8..=128).prop_map(|(high, low, length)| {
            let bits = (high << 126) | (u128::from(low) << 64) | u128::from(low);
            IpNet::new_assert(Ipv6Addr::from(bits).into(), length).trunc()
        })
    }

    /// Addresses at the edges of every prefix, where a wrong segment shows, and random ones.
    fn probes(prefixes: &[IpNet], random: &[u128]) -> Vec<Address> {
        let mut at = Vec::new();
        for prefix in prefixes {
            match prefix {
                IpNet::V4(net) => {
                    let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
                    for bits in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
                        at.push(Address::new(Ipv4Addr::from(bits).into()));
                    }
                }
                IpNet::V6(net) => {
                    let (first, last) = (u128::from(net.network()), u128::from(net.broadcast()));
                    for bits in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
                        at.push(Address::new(Ipv6Addr::from(bits).into()));
                    }
                }
            }
        }
        for bits in random {
            at.push(Address::new(Ipv4Addr::from((bits >> 96) as u32).into()));
            at.push(Address::new(Ipv6Addr::from(*bits).into()));
        }
        at
    }

    proptest! {
        // 1,000 sets with at least 1,000 probes each: a million comparisons with the loop.
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn look_up_equals_the_naive_loop(
            v4 in prop::collection::vec(v4_prefix(), 0..40),
            v6 in prop::collection::vec(v6_prefix(), 0..40),
            random in prop::collection::vec(any::<u128>(), 500),
        ) {
            let prefixes: Vec<IpNet> = v4.into_iter().chain(v6).collect();
            let set = PrefixSet::new(&prefixes);
            for address in probes(&prefixes, &random) {
                prop_assert_eq!(set.find(address), naive(&prefixes, address), "{}", address);
            }
        }
    }

    #[test]
    fn a_large_uneven_set_is_found_whole() {
        // Dense at one end and sparse at the other, so that some stretches have many segments and most have
        // none.
        let mut state = 1u32;
        let mut prefixes: Vec<IpNet> = (0..3000u32)
            .map(|number| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let bits = if number % 3 == 0 { state } else { 0x0a00_0000 | number << 3 };
                IpNet::new_assert(Ipv4Addr::from(bits).into(), 20 + (state >> 28) as u8 % 13).trunc()
            })
            .collect();
        prefixes.push("255.255.255.255/32".parse().unwrap());
        prefixes.push("0.0.0.0/32".parse().unwrap());
        let set = PrefixSet::new(&prefixes);
        let at = probes(&prefixes, &[]);
        assert!(at.len() > 12_000);
        for address in at {
            // Either of two equal prefixes is a correct result, so the prefixes are compared.
            let found = set.find(address).map(|place| prefixes[place]);
            assert_eq!(found, naive(&prefixes, address).map(|place| prefixes[place]), "{address}");
        }
    }

    /// The drawing at [`Segments`].
    #[test]
    fn segments_and_stretches_are_as_they_are_drawn() {
        let prefixes = ["0.0.0.0/29", "0.0.0.2/31", "0.0.0.8/30"].map(|text| text.parse().unwrap());
        let segments = PrefixSet::new(&prefixes).v4;
        assert_eq!(*segments.row, [(0, 0), (2, 1), (4, 0), (8, 2), (12, NOBODY)]);
        assert_eq!((segments.shift, &*segments.before), (3, &[0, 3, 5][..]));
        assert_eq!([3, 7, 9, 12, u32::MAX].map(|key| segments.owner(key)), [1, 0, 2, NOBODY, NOBODY]);
    }

    #[test]
    fn an_empty_set_holds_nothing() {
        let set = PrefixSet::new([]);
        assert!(!set.contains(Address::new(Ipv4Addr::UNSPECIFIED.into())));
        assert!(!set.contains(Address::new(Ipv6Addr::UNSPECIFIED.into())));
        assert_eq!(set.covered(), (0, 0));
    }

    #[test]
    fn covered_addresses_are_counted_once() {
        let text = ["10.0.0.0/30", "10.0.0.0/31", "10.0.0.4/32", "255.255.255.255/32", "ffff::/16"];
        let prefixes: Vec<IpNet> = text.iter().map(|t| t.parse().unwrap()).collect();
        assert_eq!(PrefixSet::new(&prefixes).covered(), (6, 1 << 112));
    }
}
