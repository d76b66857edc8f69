//! The addresses that prefixes of one family cover, however they are written.
//!
//! Addresses are numbers here, those of IPv4 too. Invariant: the intervals are closed, in order, and neither overlap nor
//! touch. So a range is covered exactly when one interval has both of its ends.

/// The intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cover(Vec<(u128, u128)>);

impl Cover {
    /// What closed intervals cover, which come in the order of their beginnings.
    pub(crate) fn of(sorted: impl Iterator<Item = (u128, u128)>) -> Self {
        let mut row: Vec<(u128, u128)> = Vec::new();
        for (first, last) in sorted {
            match row.last_mut() {
                Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
                _ => row.push((first, last)),
            }
        }
        Self(row)
    }

    /// The number of intervals that it does not cover completely; they come in the order of their beginnings.
    pub(crate) fn lost(&self, sorted: impl Iterator<Item = (u128, u128)>) -> usize {
        let mut rest = self.0.iter().peekable();
        let is_lost = |&(first, last): &(u128, u128)| {
            // An interval that ends before this one begins cannot cover a later one either.
            while rest.next_if(|interval| interval.1 < first).is_some() {}
            !rest.peek().is_some_and(|interval| interval.0 <= first && last <= interval.1)
        };
        sorted.filter(is_lost).count()
    }

    /// The number of its addresses that the other one covers too, and the number that it does not.
    pub(crate) fn split_by(&self, other: &Self) -> (u128, u128) {
        let (mut both, mut alone) = (0u128, 0u128);
        self.cut_by(other, |first, last, is_in_both| {
            let slot = if is_in_both { &mut both } else { &mut alone };
            // Saturates only at the whole of IPv6, and then the other count is 0, so that a comparison of the two stays
            // exact.
            *slot = slot.saturating_add(last - first).saturating_add(1);
        });
        (both, alone)
    }

    /// The addresses that the other one does not cover.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut row = Vec::new();
        self.cut_by(other, |first, last, is_in_both| {
            if !is_in_both {
                row.push((first, last));
            }
        });
        Self(row)
    }

    /// Cuts each interval where the other one begins or ends, and says of each piece whether both cover it.
    fn cut_by(&self, other: &Self, mut piece: impl FnMut(u128, u128, bool)) {
        let mut rest = other.0.iter().peekable();
        for &(first, last) in &self.0 {
            // `next` is the first address of the interval that is not in a piece yet.
            let mut next = Some(first);
            while let Some(at) = next.filter(|at| *at <= last) {
                while rest.next_if(|interval| interval.1 < at).is_some() {}
                let (until, is_in_both) = match rest.peek() {
                    Some((from, to)) if *from <= at => (last.min(*to), true),
                    Some((from, _)) if *from <= last => (*from - 1, false),
                    _ => (last, false),
                };
                piece(at, until, is_in_both);
                next = until.checked_add(1);
            }
        }
    }

    /// The fewest blocks that cover exactly the same, in order: the first address of each, and how many of its last bits
    /// are free. None has more free bits than `most`.
    pub(crate) fn blocks(&self, most: u32) -> impl Iterator<Item = (u128, u32)> {
        self.0.iter().flat_map(move |&(first, last)| Blocks { next: Some(first), last, most })
    }
}

/// The blocks of one interval.
struct Blocks {
    next: Option<u128>,
    last: u128,
    most: u32,
}

impl Iterator for Blocks {
    type Item = (u128, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.next.filter(|first| *first <= self.last)?;
        // The number of addresses that are left fits only where it is not all of IPv6.
        let fits = (self.last - first).checked_add(1).map_or(u128::BITS, u128::ilog2);
        let free = first.trailing_zeros().min(fits).min(self.most);
        self.next = 1u128.checked_shl(free).and_then(|size| first.checked_add(size));
        Some((first, free))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(rows: &[(u128, u128)]) -> Cover {
        Cover::of(rows.iter().copied())
    }

    #[test]
    fn intervals_that_touch_or_overlap_become_one() {
        assert_eq!(cover(&[(1, 4), (2, 3), (5, 6), (8, 9)]), Cover(vec![(1, 6), (8, 9)]));
        assert_eq!(cover(&[(u128::MAX, u128::MAX)]).0.len(), 1);
    }

    #[test]
    fn what_the_other_does_not_cover_is_left() {
        let whole = cover(&[(0, 100)]);
        assert_eq!(whole.without(&cover(&[(10, 20), (99, 200)])), Cover(vec![(0, 9), (21, 98)]));
        assert_eq!(whole.without(&Cover::default()), whole);
        assert_eq!(whole.without(&whole), Cover::default());
    }

    #[test]
    fn blocks_are_as_large_as_they_can_be_and_no_larger_than_allowed() {
        let blocks = |cover: &Cover, most| cover.blocks(most).collect::<Vec<_>>();
        assert_eq!(blocks(&cover(&[(1, 6)]), 128), [(1, 0), (2, 1), (4, 1), (6, 0)]);
        assert_eq!(blocks(&cover(&[(0, u128::MAX)]), 128), [(0, 128)]);
        assert_eq!(blocks(&cover(&[(0, u128::MAX)]), 127), [(0, 127), (1 << 127, 127)]);
        assert_eq!(blocks(&cover(&[(u128::MAX, u128::MAX)]), 128), [(u128::MAX, 0)]);
        assert_eq!(blocks(&cover(&[(0, 7)]), 1), [(0, 1), (2, 1), (4, 1), (6, 1)]);
    }
}
