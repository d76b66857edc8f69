//! The pure core by the clock: nanoseconds an operation, the middle of many short samples.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::operations::{ALL, Operation};

const SAMPLES: usize = 41;
/// Long enough for the clock, short enough that a disturbed sample is one of many.
const SAMPLE: Duration = Duration::from_millis(10);

/// Times every operation whose name holds `part`.
pub fn run(part: &str) -> bool {
    println!("{:<32}{:>12}{:>12}{:>12}", "nanoseconds", "median", "fastest", "9 of 10");
    for operation in ALL.iter().filter(|operation| operation.name.contains(part)) {
        let [median, fastest, most] = measure(operation);
        println!("{:<32}{median:>12.1}{fastest:>12.1}{most:>12.1}", operation.name);
        note(operation.name, median);
    }
    true
}

fn measure(operation: &Operation) -> [f64; 3] {
    let mut run = (operation.make)();
    let mut count = 1;
    let count = loop {
        let begin = Instant::now();
        run(count);
        if begin.elapsed() > SAMPLE {
            break count;
        }
        count *= 2;
    };
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let begin = Instant::now();
            run(count);
            begin.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(count).unwrap_or(u32::MAX))
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    [samples[SAMPLES / 2], samples[0], samples[SAMPLES * 9 / 10]]
}

/// For the table of all figures: a line of JSON in the file that RESULTS names.
fn note(name: &str, median: f64) {
    let Some(path) = std::env::var_os("RESULTS") else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("RESULTS");
    let line = serde_json::json!({ format!("micro {name}"): median });
    writeln!(file, "{line}").expect("RESULTS");
}
