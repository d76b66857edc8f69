//! Admitted traffic at an even pace, and how long its answers took.

use std::time::{Duration, Instant};

use crate::harness::{ADMITTED, Gate, post};

/// How long each answer took, shortest first.
#[derive(Clone, Debug)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Sends `count` POSTs over one connection, one every `every` by the clock; each must be a 200.
    pub fn of_posts(gate: &Gate, count: u32, every: Duration) -> Self {
        let mut session = gate.session(ADMITTED);
        let begin = Instant::now();
        let mut times: Vec<Duration> = (0..count)
            .map(|number| {
                std::thread::sleep((every * number).saturating_sub(begin.elapsed()));
                let sent = Instant::now();
                assert_eq!(session.ask(&post("/paced", "paced")).status, 200, "request {number}");
                sent.elapsed()
            })
            .collect();
        times.sort_unstable();
        Self(times)
    }

    pub fn p99(&self) -> Duration {
        self.0[(self.0.len() * 99).div_ceil(100) - 1]
    }

    /// What a crowd may cost: twice the quiet figure, and 5 ms for a machine that has other work. With
    /// `NEXMO_GATE_TIMES=report` the figures are printed and not judged: on a shared machine they are its own.
    pub fn is_close_to(&self, quiet: &Self) -> bool {
        if std::env::var("NEXMO_GATE_TIMES").is_ok_and(|value| value == "report") {
            return true;
        }
        self.p99() <= quiet.p99() * 2 + Duration::from_millis(5)
    }
}
