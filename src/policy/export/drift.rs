//! What a target lacks, and what it has too much.
//!
//! Invariant: addresses are compared, not prefixes: a target that merges or splits what it is given has not drifted.

use ipnet::IpNet;

use crate::policy::export::ranges::{Family, Ranges, Widest};

/// The difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drift {
    /// What the lists have and the target has not.
    pub missing: Vec<IpNet>,
    /// What the target has and the lists have not.
    pub surplus: Vec<IpNet>,
}

impl Drift {
    /// Compares the lists with what a target holds.
    #[must_use]
    pub(crate) fn between(wanted: &Ranges, live: &Ranges) -> Self {
        let prefixes = |ranges: Ranges| {
            Family::ALL
                .into_iter()
                .flat_map(|family| ranges.prefixes(family, Widest { v4: 0, v6: 0 }))
                .collect()
        };
        Self { missing: prefixes(wanted.without(live)), surplus: prefixes(live.without(wanted)) }
    }

    /// Whether there is none.
    #[must_use]
    pub(crate) fn is_none(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(text: &str) -> Ranges {
        Ranges::of(text.split_whitespace().map(|word| word.parse().unwrap()))
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_are_told_apart() {
        let drift =
            Drift::between(&ranges("192.0.2.0/24 2001:db8::/32"), &ranges("192.0.2.0/25 198.51.100.1/32"));
        let shown = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(&drift.missing), ["192.0.2.128/25", "2001:db8::/32"]);
        assert_eq!(shown(&drift.surplus), ["198.51.100.1/32"]);
        assert!(!drift.is_none());
    }

    #[test]
    fn the_same_addresses_in_other_prefixes_are_no_drift() {
        assert!(
            Drift::between(&ranges("192.0.2.0/24"), &ranges("192.0.2.0/25 192.0.2.128/25 192.0.2.1/32"))
                .is_none()
        );
        let everything = Drift::between(&ranges(""), &ranges("0.0.0.0/0"));
        assert_eq!(everything.surplus, ["0.0.0.0/0".parse().unwrap()]);
    }
}
