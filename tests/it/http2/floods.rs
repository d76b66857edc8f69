//! Clients that flood: each costs its own connection, bounded memory and nobody else.

use super::*;
use crate::harness::gate::usage::settle;
use crate::harness::http2::frames::{
    self, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING,
    REFUSED_STREAM, SETTINGS, frame, head,
};
use crate::harness::http2::hpack;
use crate::harness::http2::raw::Raw;
use crate::harness::upstream::Arrival;
use crate::harness::{Latch, PATIENCE};

/// Writes the frames while somebody else is served. The gate ends the flood's connection, if `ends` says so.
fn flood(name: &str, frames: impl Iterator<Item = Vec<u8>>, ends: Option<u32>) {
    let upstream = Upstream::echo();
    let gate = h2c(&upstream).start();
    let mut other = gate.session(ADMITTED);
    assert_eq!(other.ask(&get("/before")).status, 200);
    let before = gate.usage();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let mut ended = false;
    for (number, frame) in frames.enumerate() {
        if raw.send(&frame).is_err() {
            ended = true;
            break;
        }
        if number % 256 == 0 {
            assert_eq!(other.ask(&get("/meanwhile")).status, 200, "{name}");
        }
    }
    if let Some(code) = ends {
        assert!(raw.is_closed_within(PATIENCE), "{name}: the gate ends it");
        // A reset may have overtaken the goodbye.
        assert!(raw.goodbye.is_none_or(|said| said == code), "{name}: {:?}", raw.goodbye);
    } else {
        assert!(!ended, "{name}: it costs little and is put up with");
    }
    assert_eq!(other.ask(&get("/after")).status, 200, "{name}");
    let after = settle(gate.pid(), |now| now.resident_kib < before.resident_kib + FLOOD_KIB);
    eprintln!("{name}: {} KiB, then {} KiB", before.resident_kib, after.resident_kib);
    assert!(after.resident_kib < before.resident_kib + FLOOD_KIB, "{name}: {after:?} after {before:?}");
}

#[test]
fn rapid_resets_end_their_connection() {
    let opened_and_reset = |number: u32| {
        let stream = 2 * number + 1;
        [frames::get(stream, "/reset"), frames::reset(stream, CANCEL)].concat()
    };
    flood("rapid reset", (0..20_000).map(opened_and_reset), Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_header_that_never_ends_ends_its_connection() {
    let begin = frame(HEADERS, END_STREAM, 1, &hpack::literals(&head("GET", "/endless")));
    let empty = std::iter::repeat_n(frame(CONTINUATION, 0, 1, &[]), 20_000);
    flood("empty CONTINUATION", std::iter::once(begin.clone()).chain(empty), Some(ENHANCE_YOUR_CALM));
    let field = hpack::literals(&[("x", "v".repeat(16_000))]);
    let full = std::iter::repeat_n(frame(CONTINUATION, 0, 1, &field), 2000);
    flood("CONTINUATION", std::iter::once(begin).chain(full), Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_header_bomb_ends_its_connection() {
    // One entry of 4,000 bytes in the table, and then its index again and again: 12 KB that mean 48 MB.
    let mut block = hpack::literals(&head("GET", "/bomb"));
    block.extend([0x40, 0x01, b'x', 0x7f, 0xa1, 0x1e]);
    block.extend(vec![b'v'; 4000]);
    block.extend(vec![0xbe; 12_000]);
    assert!(block.len() < 16_384);
    let bomb = |number: u32| frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &block);
    flood("header bomb", (0..1000).map(bomb), Some(ENHANCE_YOUR_CALM));
}

#[test]
fn floods_of_empty_frames_cost_nothing() {
    let begin = frames::headers(1, &head("POST", "/empty"), false);
    let empty = std::iter::repeat_n(frame(DATA, 0, 1, &[]), 50_000);
    flood("empty DATA", std::iter::once(begin).chain(empty), Some(ENHANCE_YOUR_CALM));
}

#[test]
fn floods_of_pings_and_settings_whose_answers_nobody_reads_cost_no_memory() {
    flood("PING", std::iter::repeat_n(frame(PING, 0, 0, &[0; 8]), 5000), None);
    flood("SETTINGS", std::iter::repeat_n(frame(SETTINGS, 0, 0, &[]), 5000), None);
}

#[test]
fn a_hundred_streams_at_once_and_no_more() {
    let latch = Latch::default();
    let held = latch.clone();
    let upstream = Upstream::start(move |arrival: &Arrival| echo(arrival).first(Act::Until(held.clone())));
    let gate = h2c(&upstream).start();
    let mut raw = Raw::connect(ADMITTED, gate.addr(), &[]);
    let streams: Vec<u32> = (0..110).map(|_| raw.ask(&head("GET", "/held"), true)).collect();
    upstream.wait_arrivals(100);
    for stream in &streams[100..] {
        assert_eq!(raw.hear(*stream).reset, Some(REFUSED_STREAM), "{stream}");
    }
    latch.release();
    for stream in &streams[..100] {
        assert_eq!(raw.hear(*stream).status, Some(200), "{stream}");
    }
    assert_eq!(gate.finish().events.len(), 100);
}
