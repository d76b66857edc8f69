//! Addresses as unsigned integers: IPv4 in 32 bits and IPv6 in 128.
//!
//! The arithmetic of sets and differences, written once for both families: IPv4 is far more frequent, and
//! keeps the speed of 32 bits.

/// `u32` or `u128`.
pub(crate) trait Bits: Copy + Ord + Into<u128> {
    /// The next address; none after the last.
    fn successor(self) -> Option<Self>;
    /// The number of binary digits of the distance from `base`.
    fn digits_from(self, base: Self) -> u32;
    /// The number of whole steps of two to the power of `shift` in the distance from `base`; `None` below
    /// `base`.
    fn steps_from(self, base: Self, shift: u32) -> Option<usize>;
}

macro_rules! bits {
    ($($integer:ty),+) => {$(
        impl Bits for $integer {
            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn digits_from(self, base: Self) -> u32 {
                Self::BITS - (self - base).leading_zeros()
            }

            fn steps_from(self, base: Self, shift: u32) -> Option<usize> {
                // A shift by all bits leaves no steps.
                let steps = self.checked_sub(base)?.checked_shr(shift).unwrap_or(0);
                Some(usize::try_from(steps).unwrap_or(usize::MAX))
            }
        }
    )+};
}

bits!(u32, u128);
