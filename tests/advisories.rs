//! Advisories that have concerned a crate of ours, held against Cargo.lock.
//!
//! It is no advisory check: `make deny` asks the database of all of them. This list is for machines that
//! cannot fetch it, and keeps what was once mended from coming back by an older lock file.

#![expect(clippy::expect_used, reason = "in a test they are how it fails")]

/// A crate, the first version without the fault, and where the fault is told.
const MENDED: [(&str, &str, &str); 10] = [
    ("pingora-core", "0.8.1", "HTTP/2 header lists and streams without a bound"),
    (
        "pingora-core",
        "0.8.0",
        "RUSTSEC-2026-0033, an Upgrade that was never answered; RUSTSEC-2026-0034, message lengths",
    ),
    ("h2", "0.4.16", "RUSTSEC-2026-0258, empty DATA frames without end"),
    ("bytes", "1.11.1", "RUSTSEC-2026-0007"),
    ("rustls-webpki", "0.103.12", "RUSTSEC-2026-0098 and RUSTSEC-2026-0099"),
    ("rustls-webpki", "0.103.13", "RUSTSEC-2026-0104"),
    ("pingora-http", "0.8.1", "with pingora-core"),
    ("pingora-rustls", "0.8.1", "with pingora-core"),
    ("pingora-error", "0.8.1", "with pingora-core"),
    ("pingora", "0.8.1", "with pingora-core"),
];

/// Name and version of everything that is locked.
fn locked() -> Vec<(String, Vec<u64>)> {
    let text = include_str!("../Cargo.lock");
    let value = |line: &str, key: &str| {
        line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"').map(str::to_owned)
    };
    let mut name = String::new();
    let mut all = Vec::new();
    for line in text.lines() {
        if let Some(found) = value(line, "name") {
            name = found;
        } else if let Some(found) = value(line, "version") {
            all.push((name.clone(), version(&found)));
        }
    }
    all
}

/// Its numbers; what stands behind them is left out.
fn version(text: &str) -> Vec<u64> {
    let plain = text.split(['+', '-']).next().unwrap_or_default();
    plain.split('.').map(|part| part.parse().expect("a number")).collect()
}

#[test]
fn no_locked_crate_is_older_than_what_mended_it() {
    let locked = locked();
    assert!(locked.len() > 100, "{} crates", locked.len());
    let mut seen = 0;
    for (name, mended, why) in MENDED {
        for (_, found) in locked.iter().filter(|(locked, _)| locked == name) {
            assert!(*found >= version(mended), "{name} {found:?} is older than {mended}: {why}");
            seen += 1;
        }
    }
    assert!(seen >= MENDED.len(), "{seen} of {} rows are about a crate that is locked", MENDED.len());
}

#[test]
fn versions_are_compared_as_numbers() {
    assert!(version("0.103.9") < version("0.103.12"));
    assert!(version("5.3.1+5.3.1-0-g81034ce") >= version("5.3.1"));
}
