//! What the program costs, without a clock (README.md here says how to read it).
//!
//! `check` counts what the machine's load cannot change (instructions and allocations under valgrind, system
//! calls under strace) and compares with `bounds.txt`; `record` writes that file anew. `once NAME COUNT` is
//! what `check` runs under valgrind.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a measurement they are how it fails")]

mod bounds;
mod guard;
mod machine;
mod operations;
mod request;
mod stand;
mod valgrind;

/// As in the program: what an allocation costs is part of the figures.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let passed = match words.as_slice() {
        ["once", name, count] => once(name, count.parse().expect("a count")),
        ["check"] => guard::check(),
        ["record"] => guard::record(),
        _ => {
            eprintln!("check | record");
            true
        }
    };
    if !passed {
        std::process::exit(1);
    }
}

/// Runs one operation `count` times and nothing else.
fn once(name: &str, count: usize) -> bool {
    let operation =
        operations::ALL.iter().find(|operation| operation.name == name).expect("an operation's name");
    (operation.make)()(count);
    true
}
