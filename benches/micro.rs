//! The pure core by the clock, with criterion: the operations that `make bench-cost` counts, and the look-ups that
//! would take too long under valgrind. `make bench-micro` runs it; cost/README.md says how to read it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a measurement they are how it fails")]

#[path = "cost/machine.rs"]
mod machine;
#[path = "cost/operations.rs"]
mod operations;

use std::time::{Duration, Instant};

use criterion::Criterion;
use operations::{ALL, Operation, lookup};

/// As in the program: what an allocation costs is part of the figures.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const MILLION: [Operation; 2] = [
    Operation { name: "lookup in 1,000,000, hit", make: || lookup(1_000_000, true) },
    Operation { name: "lookup in 1,000,000, miss", make: || lookup(1_000_000, false) },
];

fn main() {
    println!("machine: {}", machine::line(&["rustc"]));
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    for operation in ALL.iter().chain(&MILLION) {
        // Made ready only if it is among those that were asked for.
        let mut runner = None;
        criterion.bench_function(operation.name, |bencher| {
            let run = runner.get_or_insert_with(operation.make);
            bencher.iter_custom(|count| {
                let begin = Instant::now();
                run(usize::try_from(count).expect("a count"));
                begin.elapsed()
            });
        });
    }
    criterion.final_summary();
}
