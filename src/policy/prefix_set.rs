//! A set of prefixes that answers "which of them holds this address" in a few comparisons.
//!
//! The prefixes of a family are flattened once into a sorted row of segments, each owned by the
//! longest prefix that covers it or by none, so a look-up is one binary search whatever the nesting.
//! Invariant: the answer equals that of the obvious loop over all prefixes, longest match first;
//! an empty set holds no address.

use std::net::IpAddr;

use ipnet::IpNet;

use super::addr::Address;

/// Owner of a segment that no prefix covers.
const NOBODY: u32 = u32::MAX;

/// An immutable set of prefixes, each known by its place in the slice it was built from.
#[derive(Clone, Debug, Default)]
pub struct PrefixSet {
    v4: Segments<u32>,
    v6: Segments<u128>,
}

impl PrefixSet {
    /// Builds the set. Where a prefix occurs twice, the first place is the one that look-ups name.
    #[must_use]
    pub fn new<'a>(prefixes: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for (place, prefix) in prefixes.into_iter().enumerate() {
            // More prefixes than NOBODY cannot be reached: the loader caps a file's size far below.
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

    /// The place of the longest prefix that holds the address.
    #[must_use]
    pub fn find(&self, address: Address) -> Option<usize> {
        let owner = match address.ip() {
            IpAddr::V4(ip) => self.v4.owner(u32::from(ip)),
            IpAddr::V6(ip) => self.v6.owner(u128::from(ip)),
        };
        (owner != NOBODY).then_some(owner as usize)
    }

    /// Whether any prefix holds the address.
    #[must_use]
    pub fn contains(&self, address: Address) -> bool {
        self.find(address).is_some()
    }

    /// How many IPv4 and IPv6 addresses the set covers, each counted once.
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

/// Segment `i` runs from `starts[i]` up to `starts[i + 1]`; its owner is `owners[i]`.
#[derive(Clone, Debug, Default)]
struct Segments<K> {
    starts: Box<[K]>,
    owners: Box<[u32]>,
}

/// The two unsigned integers that addresses are.
trait Key: Copy + Ord {
    fn successor(self) -> Option<Self>;
}

impl Key for u32 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Key for u128 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl<K: Key> Segments<K> {
    /// Sweeps over the prefixes from low to high; the stack holds those that are open, the innermost
    /// on top. Two prefixes are either nested or apart, never crossing, so a stack is enough.
    fn flatten(mut spans: Vec<Span<K>>) -> Self {
        spans.sort_by(|a, b| (a.first, b.last, a.owner).cmp(&(b.first, a.last, b.owner)));
        spans.dedup_by(|later, first| (later.first, later.last) == (first.first, first.last));
        let mut row = Row { starts: Vec::new(), owners: Vec::new() };
        let mut open: Vec<(K, u32)> = Vec::new();
        for span in &spans {
            row.close_before(&mut open, Some(span.first));
            row.push(span.first, span.owner);
            open.push((span.last, span.owner));
        }
        row.close_before(&mut open, None);
        Self { starts: row.starts.into_boxed_slice(), owners: row.owners.into_boxed_slice() }
    }

    fn owner(&self, key: K) -> u32 {
        let after = self.starts.partition_point(|start| *start <= key);
        after.checked_sub(1).map_or(NOBODY, |segment| self.owners[segment])
    }

    fn covered(&self, last: K, width: impl Fn(K, K) -> u128) -> u128 {
        let mut sum: u128 = 0;
        for (segment, owner) in self.owners.iter().enumerate() {
            if *owner == NOBODY {
                continue;
            }
            let first = self.starts[segment];
            // A row that ends inside a prefix ends at the top of the address space.
            sum = sum.saturating_add(match self.starts.get(segment + 1) {
                Some(next) => width(first, *next),
                None => width(first, last).saturating_add(1),
            });
        }
        sum
    }
}

struct Row<K> {
    starts: Vec<K>,
    owners: Vec<u32>,
}

impl<K: Key> Row<K> {
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
        if self.starts.last() == Some(&start) {
            // A prefix that begins (or ends) exactly where another does: the later word counts.
            if let Some(last) = self.owners.last_mut() {
                *last = owner;
            }
        } else if self.owners.last().copied().unwrap_or(NOBODY) != owner {
            self.starts.push(start);
            self.owners.push(owner);
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

    /// Probes at the edges of every prefix, where a wrong segment shows, and at random.
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
