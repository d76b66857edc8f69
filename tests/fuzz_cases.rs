//! The fuzz targets' bodies, run for a bounded number of cases on every machine that runs the tests:
//! each seed as it is, then seeds cut, changed and joined, the target's own words, and plain noise.

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

/// What each reader looks for.
fn words(name: &str) -> &'static [&'static str] {
    match name {
        "range_file" => &[
            "\n192.0.2.",
            "\n",
            "\r\n",
            "#",
            "# reviewed: 2026-11-21\n",
            "/24",
            "/32",
            "/0",
            "1",
            "255",
            "::",
            "2001:db8",
            "::ffff:",
            "/120",
            " ",
            ".",
        ],
        "forwarding_header" => &[
            ",10.0.0.3",
            ", 10.0.0.2",
            ",192.0.2.7",
            ",for=10.0.0.3",
            ", for=192.0.2.7",
            ",for=\"[::ffff:10.0.0.2]\"",
            ",",
            ";",
            "\"",
            "\\",
            "x=\"",
            ";by=_a",
            "unknown",
            "\n",
            "\0",
            " ",
            ":80",
            "=",
        ],
        "proxy_header" => &[
            "PROXY TCP4 ",
            "PROXY TCP6 ",
            "UNKNOWN",
            "192.0.2.1 ",
            "2001:db8::1 ",
            " 65535",
            " ",
            "\r\n",
            "\r\n\r\n\0\r\nQUIT\n",
            "\x21\x11\0\x0c",
            "\x03\0\x04",
            "\0",
        ],
        "request_head" => &[
            "GET / HTTP/1.1\r\n",
            "X-A: b\r\n",
            "Host: a\r\n",
            "Content-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Connection: close\r\n",
            "X_Real_IP: 1\r\n",
            "Forwarded: x\r\n",
            "\r\n",
            "\n",
            "\r",
            ":",
            " ",
            "a",
            "/",
            "?",
        ],
        "chunked" => &[
            "1\r\na\r\n",
            "0\r\n\r\n",
            "0\r\n",
            "A: b\r\n",
            ";x",
            "\r\n",
            "\n",
            "f",
            "0",
            "0000000",
            "\"",
            " ",
        ],
        "config_text" => &[
            "upstream: http://127.0.0.1:3000\n",
            "limits: ",
            "listen: ",
            "- ",
            "{ ",
            " }",
            "&a ",
            "*a",
            "!t ",
            "~",
            "\n",
            "  ",
            ": ",
            "#",
            "5s",
            "1MiB",
            "\"\\e\"",
            "\u{9b}",
            "true",
            "off",
            "a",
        ],
        "success_range" => &[",200", "201", "-205", ",", "-", " ", "206", "200-", "+", "0", ",204"],
        _ => &[
            "HTTP/1.1 200 OK\r\n",
            "X-A: b\r\n",
            "Content-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "HTTP/1.0",
            "Connection: X-A\r\n",
            "Location: /?a\r\n",
            "\r\n",
            "\n",
            "\r",
            ":",
            " ",
            "a",
            "0",
        ],
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One change of a text: what is between two places becomes a word, a byte, nothing, or a part of a seed.
fn change(
    seeds: &[Vec<u8>],
    words: &'static [&'static str],
) -> impl Strategy<Value = (Index, u8, Vec<u8>)> + use<> {
    let part =
        (prop::sample::select(seeds.to_vec()), any::<Index>(), 0usize..40).prop_map(|(seed, from, len)| {
            let from = from.index(seed.len() + 1);
            seed[from..(from + len).min(seed.len())].to_vec()
        });
    let inserted = prop_oneof![
        4 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => Just(Vec::new()),
        1 => part,
    ];
    (any::<Index>(), prop_oneof![3 => Just(0u8), 2 => 1u8..4, 1 => any::<u8>()], inserted)
}

fn likely(seeds: &[Vec<u8>], words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let changes = prop_oneof![
        2 => prop::collection::vec(change(seeds, words), 1..2),
        1 => prop::collection::vec(change(seeds, words), 2..6),
    ];
    let changed = (prop::sample::select(seeds.to_vec()), changes).prop_map(|(mut bytes, changes)| {
        for (at, gone, inserted) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + usize::from(gone)).min(bytes.len());
            bytes.splice(at..end, inserted);
        }
        bytes
    });
    prop_oneof![
        7 => changed,
        2 => prop::collection::vec(prop::sample::select(words), 0..20).prop_map(|all| all.concat().into_bytes()),
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
    let tried = runner.run(&likely(&seeds, words(name)), |bytes| {
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

each! { range_file forwarding_header proxy_header request_head chunked config_text success_range response_head }
