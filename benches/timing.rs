//! Whether the time of a verification tells where the first wrong byte of a MAC is. `make bench-timing` runs it.
//!
//! A token is judged whose MAC differs in one byte, and signed parameters whose `sig` does, for each place of the byte.
//! The places take turns in an order that is another one each round, so that what the machine does besides falls on
//! all of them. Reported is the median of each place, and Welch's t between the first half of the places and the second,
//! of the middle half of the samples. A comparison that stops at the first wrong byte stands beside it, to show that the
//! measurement would see one. Nothing is asserted: a busy machine proves nothing.
#![expect(clippy::expect_used, clippy::cast_precision_loss, reason = "a measurement")]

#[path = "cost/machine.rs"]
mod machine;
mod signed;

use std::hint::black_box;
use std::time::Instant;

use nexmo_gate::exports::signature::{Fault, Message, Method, judge, vouch};
use signed::{NOW, base64, rules};

const PLACES: usize = 32;
const ROUNDS: usize = 4000;
/// Judgements of one sample.
const AT_ONCE: usize = 8;

fn main() {
    println!("machine: {}", machine::line(&["rustc"]));
    println!(
        "nanoseconds of one judgement, by the place of the wrong byte among {PLACES}; {ROUNDS} samples of each place"
    );
    tokens();
    parameters();
    control();
}

/// The right MAC with one wrong byte, for each place.
fn wrong(right: [u8; PLACES]) -> impl Iterator<Item = [u8; PLACES]> {
    (0..PLACES).map(move |wrong| std::array::from_fn(|at| if at == wrong { !right[at] } else { right[at] }))
}

fn tokens() {
    let good = signed::bearer(b"{}");
    let (text, _) = good.split_at(good.len() - 44);
    let right = signed::mac(&text["Bearer ".len()..]);
    let wrong: Vec<Vec<u8>> =
        wrong(right).map(|mac| [text, b".", base64(&mac).as_bytes()].concat()).collect();
    let rules = rules(Method::Sha256);
    report("token", &wrong, |value| {
        let values = |name| (name == "authorization").then_some(value).into_iter();
        assert!(matches!(vouch(&rules, NOW, values), Err(Fault::WrongMac)));
    });
}

fn parameters() {
    let pairs = format!("msisdn=447700900000&text=hello&timestamp={NOW}");
    let hex = |mac: [u8; PLACES]| mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let right = signed::mac(format!("&{pairs}").as_bytes());
    let wrong: Vec<Vec<u8>> =
        wrong(right).map(|mac| format!("{pairs}&sig={}", hex(mac)).into_bytes()).collect();
    let rules = rules(Method::Sha256);
    report("sig", &wrong, |query| {
        let message = Message { method: b"GET", query, content_type: None, has_more_types: false, body: b"" };
        assert!(matches!(judge(&rules, NOW, &message), Err(Fault::WrongMac)));
    });
}

/// A comparison that stops at the first wrong byte.
fn control() {
    let right = [0x55_u8; PLACES];
    let wrong: Vec<Vec<u8>> = wrong(right).map(|wrong| wrong.to_vec()).collect();
    report("control: stops at the first wrong byte", &wrong, |wrong| {
        let right = black_box(&right);
        let equal = (0..PLACES).take_while(|at| black_box(right[*at]) == black_box(wrong[*at])).count();
        assert!(black_box(equal) < PLACES);
    });
}

fn report(name: &str, wrong: &[Vec<u8>], judgement: impl Fn(&[u8])) {
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); PLACES];
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
    let mut order: Vec<usize> = (0..PLACES).collect();
    // One buffer for all: where a text lies in memory would be a part of the figure.
    let mut text = wrong[0].clone();
    for _ in 0..ROUNDS {
        for left in (1..PLACES).rev() {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            order.swap(left, usize::try_from(dice % (left as u64 + 1)).expect("small"));
        }
        for place in &order {
            text.copy_from_slice(&wrong[*place]);
            let begin = Instant::now();
            for _ in 0..AT_ONCE {
                judgement(black_box(&text));
            }
            samples[*place].push(begin.elapsed().as_nanos() as f64 / AT_ONCE as f64);
        }
    }
    for all in &mut samples {
        all.sort_by(f64::total_cmp);
    }
    let medians: Vec<String> = samples.iter().map(|all| format!("{:.0}", all[all.len() / 2])).collect();
    let middle = |all: &Vec<f64>| all[all.len() / 4..all.len() * 3 / 4].to_vec();
    let half = |places: &[Vec<f64>]| places.iter().flat_map(middle).collect::<Vec<f64>>();
    let (first, second) = (half(&samples[..PLACES / 2]), half(&samples[PLACES / 2..]));
    let ((a, va), (b, vb)) = (mean_and_variance(&first), mean_and_variance(&second));
    let t = (a - b) / (va / first.len() as f64 + vb / second.len() as f64).sqrt();
    println!("{name}: medians {}", medians.join(" "));
    println!(
        "{name}: first half {a:.1}, second half {b:.1}, difference {:+.2} %, t {t:+.1}",
        (b - a) / a * 100.0
    );
}

fn mean_and_variance(all: &[f64]) -> (f64, f64) {
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    (mean, all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (all.len() as f64 - 1.0))
}
