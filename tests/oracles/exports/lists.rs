//! Random lists, and their exports, as files of one folder.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::judge::Text;
use crate::dice::{self, Dice};
use crate::harness::gate::setup::binary;
use crate::harness::scratch::Scratch;

/// One list in each folder, so that an export reads no more than it prints.
pub struct Lists {
    scratch: Scratch,
    count: usize,
    pub seed: u64,
}

impl Lists {
    pub fn random(count: usize) -> Self {
        let seed = dice::seed();
        let texts: Vec<String> =
            (0..count).map(|number| random(&mut Dice::of(seed, number as u64))).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        Self { seed, ..Self::of(&texts) }
    }

    pub fn of(texts: &[&str]) -> Self {
        let scratch = Scratch::new();
        for (number, text) in texts.iter().enumerate() {
            scratch.write(&format!("lists/l{number}/l{number}.txt"), text);
        }
        Self { scratch, count: texts.len(), seed: 0 }
    }

    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Exports every list; how many texts there are. A list without the family has none.
    pub fn export(&self, text: &Text) -> usize {
        fs::create_dir_all(self.path().join("texts").join(text.folder)).expect("a folder of texts");
        let (next, made) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.count {
                    return;
                }
                made.fetch_add(usize::from(self.export_one(text, number)), Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            scope.spawn(work);
            scope.spawn(work);
        });
        made.into_inner()
    }

    fn export_one(&self, text: &Text, number: usize) -> bool {
        let name = format!("l{number}");
        let ranges = self.path().join("lists").join(&name);
        let mut gate = binary();
        gate.args(["ranges", "export", text.format, &name, "--ranges"]).arg(ranges).args(text.more);
        let output = gate.output().expect("the gate's binary");
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(2) && said.contains("the lists hold no IPv") {
            return false;
        }
        assert_eq!(output.status.code(), Some(0), "{} {name}: {said}", text.format);
        fs::write(self.path().join("texts").join(text.folder).join(name), output.stdout).expect("a text");
        true
    }
}

/// A list: some families, sizes and neighbourhoods, so that prefixes nest, touch and repeat.
fn random(dice: &mut Dice) -> String {
    let (mut out, families) = (String::new(), dice.below(3));
    let most = *dice.pick(&[1, 3, 12, 60]);
    let (home4, home6) = (around4(dice), around6(dice));
    for _ in 0..=dice.below(most) {
        let is_v4 = families == 0 || (families == 2 && dice.chance(500));
        // Writing to a String cannot fail.
        let _ = if is_v4 {
            let at = if dice.chance(700) { home4 + u32::from(dice.byte()) * 4 } else { around4(dice) };
            let length = *dice.pick(&[8u32, 9, 12, 16, 20, 24, 25, 28, 29, 30, 31, 32, 32, 32]);
            let shift = 32 - length;
            writeln!(out, "{}/{length}", Ipv4Addr::from(at >> shift << shift))
        } else {
            let at = if dice.chance(700) { home6 + u128::from(dice.byte()) * 2 } else { around6(dice) };
            let length = *dice.pick(&[16u32, 20, 32, 33, 48, 56, 64, 96, 112, 124, 127, 128, 128]);
            let shift = 128 - length;
            writeln!(out, "{}/{length}", Ipv6Addr::from(at >> shift << shift))
        };
    }
    out
}

fn around4(dice: &mut Dice) -> u32 {
    let any = u32::try_from(dice.next() >> 32).expect("32 bits");
    // Sometimes at the end of the address space; never so near that a neighbour would be beyond it.
    if dice.chance(30) { u32::MAX - 2048 + any % 1024 } else { any.min(u32::MAX - 2048) }
}

/// Among addresses that are in use: those that hold IPv4 addresses mean those.
fn around6(dice: &mut Dice) -> u128 {
    let any = (u128::from(dice.next()) << 64) | u128::from(dice.next());
    (0x2000 << 112) | (any >> 4 & !(0xE000 << 112))
}
