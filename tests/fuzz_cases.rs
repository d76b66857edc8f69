//! The fuzz targets' bodies, run for a bounded number of cases on every machine that runs the tests:
//! each seed as it is, then seeds cut, changed and joined, the target's own words, and plain noise.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test it is how it fails")]

#[path = "../fuzz/src/cases.rs"]
mod cases;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

const CASES: u32 = 4000;
/// So many of them at least are accepted, or the invariants of what is accepted were hardly tried.
const ACCEPTED: u32 = CASES / 40;

/// What the reader looks for, in libFuzzer's form: a quoted word a line, odd bytes as `\xNN`.
fn words(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/dictionaries/{name}.dict"));
    let text = std::fs::read_to_string(path).unwrap();
    let word = |line: &str| {
        let mut parts = line.trim_matches('"').split("\\x");
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
            bytes.extend_from_slice(&part.as_bytes()[2..]);
        }
        bytes
    };
    text.lines().map(word).collect()
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One change of a text: what is between two places becomes a word, a byte, nothing, or a part of a seed.
fn change(seeds: &[Vec<u8>], words: &[Vec<u8>]) -> impl Strategy<Value = (Index, u8, Vec<u8>)> + use<> {
    let part =
        (prop::sample::select(seeds.to_vec()), any::<Index>(), 0usize..40).prop_map(|(seed, from, len)| {
            let from = from.index(seed.len() + 1);
            seed[from..(from + len).min(seed.len())].to_vec()
        });
    let inserted = prop_oneof![
        4 => prop::sample::select(words.to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => Just(Vec::new()),
        1 => part,
    ];
    (any::<Index>(), prop_oneof![3 => Just(0u8), 2 => 1u8..4, 1 => any::<u8>()], inserted)
}

fn likely(seeds: &[Vec<u8>], words: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let several = prop_oneof![
        2 => prop::collection::vec(change(seeds, words), 1..2),
        1 => prop::collection::vec(change(seeds, words), 2..6),
    ];
    let changed = (prop::sample::select(seeds.to_vec()), several).prop_map(|(mut bytes, changes)| {
        for (at, gone, inserted) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + usize::from(gone)).min(bytes.len());
            bytes.splice(at..end, inserted);
        }
        bytes
    });
    prop_oneof![
        7 => changed,
        2 => prop::collection::vec(prop::sample::select(words.to_vec()), 0..20).prop_map(|all| all.concat()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

fn run(name: &str) {
    let (_, body) = cases::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds(name);
    assert!(seeds.len() >= 3, "{name} has too few seeds");
    for seed in &seeds {
        body(seed);
    }
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(CASES) });
    let accepted = Cell::new(0);
    let tried = runner.run(&likely(&seeds, &words(name)), |bytes| {
        accepted.set(accepted.get() + u32::from(body(&bytes)));
        Ok(())
    });
    if let Err(failure) = tried {
        panic!("{name}: {failure}");
    }
    println!("{name}: {} of {CASES} accepted", accepted.get());
    assert!(accepted.get() >= ACCEPTED, "{name}: only {} of {CASES} were accepted", accepted.get());
}

macro_rules! each {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })+

        #[test]
        fn every_target_is_run_here_and_has_a_binary() {
            let run = [$(stringify!($name)),+];
            assert_eq!(cases::ALL.map(|(name, _)| name), run);
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
            let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
            for name in run {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
                let target = std::fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap();
                assert!(target.contains(&format!("cases::{name}(data);")), "{name}");
            }
        }
    };
}

each! {
    range_file forwarding_header proxy_header request_head chunked config_text success_range response_head token
    signed_parameters query_json range_document
}
