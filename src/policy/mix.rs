//! One number out of another, with every bit depending on every bit.

/// The finaliser of `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): consecutive
/// numbers give very different results, and no two numbers give the same one.
#[must_use]
pub(crate) fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of `SplitMix64` with the seed 1234567, as its authors' C program prints them.
    #[test]
    fn results_are_those_of_the_published_program() {
        let step = 0x9E37_79B9_7F4A_7C15_u64;
        let numbers = (0..3).map(|n| mixed(1_234_567_u64.wrapping_add(step.wrapping_mul(n))));
        let wanted = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(numbers.collect::<Vec<u64>>(), wanted);
    }
}
