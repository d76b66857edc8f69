//! Upstreams of several endpoints.

mod failover;
mod health;
mod names;
mod reloads;
mod secured;

use crate::harness::{Gate, Setup};

/// A gate before these URLs.
fn gate_before(urls: &[&str]) -> Setup {
    Setup::new("http://unused.invalid").key("upstream", &format!("{urls:?}"))
}

/// The endpoints as the metrics show them.
fn healthy(gate: &Gate, url: &str) -> u64 {
    let page = gate.admin("GET", "/metrics").text();
    let series = format!("nexmo_gate_upstream_healthy{{upstream=\"{url}\"}} ");
    let value = page.lines().find_map(|line| line.strip_prefix(&series));
    value.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().expect("a number")
}

fn state(gate: &Gate, url: &str) -> String {
    let status = gate.status();
    let all = status["upstreams"].as_array().expect("upstreams");
    let own = all.iter().find(|one| one["url"] == url).unwrap_or_else(|| panic!("no {url} in {status}"));
    own["state"].as_str().expect("a state").to_owned()
}
