//! What a process holds and uses, by the kernel's own account.

use std::fs;
use std::time::{Duration, Instant};

use super::PATIENCE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub descriptors: usize,
    pub threads: usize,
    pub resident_kib: u64,
}

impl Usage {
    pub fn of(pid: u32) -> Self {
        let count =
            |folder: &str| fs::read_dir(format!("/proc/{pid}/{folder}")).expect("the process").count();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let resident_kib =
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("KiB");
        Self { descriptors: count("fd"), threads: count("task"), resident_kib }
    }
}

/// Looks again and again until `good` likes what the process holds, or [`PATIENCE`] is over; gives the last look.
pub fn settle(pid: u32, good: impl Fn(Usage) -> bool) -> Usage {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = Usage::of(pid);
        if good(now) || Instant::now() >= end {
            return now;
        }
        // Nobody tells when a kernel account changes.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processor time that the process has used, in the kernel's ticks of 10 ms.
pub fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process");
    // The name may hold spaces; after its closing bracket utime and stime are the 12th and 13th field.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum()
}
