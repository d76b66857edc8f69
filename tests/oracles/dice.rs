//! Chance that can be had again, and how much of it a run is given.

use std::hash::{BuildHasher as _, Hasher as _};

/// The seed of a run that is to be repeated.
const SEED: &str = "NEXMO_GATE_ORACLE_SEED";
/// With `full` in it, a run has its full size.
const SIZE: &str = "NEXMO_GATE_ORACLES";

/// The seed that was given, or one of the system's.
pub fn seed() -> u64 {
    let given = std::env::var(SEED).ok().filter(|text| !text.is_empty());
    given.map_or_else(
        || std::hash::RandomState::new().build_hasher().finish() % 1_000_000,
        |text| text.parse().unwrap_or_else(|_| panic!("{SEED}: {text:?} is not a number")),
    )
}

/// One of two numbers, by the size of this run.
pub fn size(small: usize, full: usize) -> usize {
    if std::env::var(SIZE).is_ok_and(|text| text == "full") { full } else { small }
}

/// splitmix64: small, fast, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for one of many: they do not depend on the order in which they are thrown.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        dice.next();
        dice
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `most` - 1.
    pub fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).expect("below a usize")
    }

    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.next() % 256).expect("a byte")
    }

    /// True `of_a_thousand` times in a thousand.
    pub fn chance(&mut self, of_a_thousand: usize) -> bool {
        self.below(1000) < of_a_thousand
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

#[test]
fn one_seed_gives_the_same_sequence_and_two_seeds_do_not() {
    let throws = |mut dice: Dice| -> Vec<u64> { (0..50).map(|_| dice.next()).collect() };
    assert_eq!(throws(Dice::new(7)), throws(Dice::new(7)));
    assert_ne!(throws(Dice::new(7)), throws(Dice::new(8)));
    assert_ne!(throws(Dice::of(7, 1)), throws(Dice::of(7, 2)));
}
