//! Certificates that are replaced under a steady stream of new connections.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::harness::Upstream;
use crate::harness::wait_until;

/// Swaps by manual reloads, one after the other.
const SWAPS: usize = 1000;
/// Swaps that the gate notices by itself.
const NOTICED: usize = 10;
/// Different certificates.
const PAIRS: usize = 7;

/// As certbot does it: new files in an archive, and links that are made to lead to them.
fn by_links(root: &Path, number: usize, pair: &Pair) {
    for (name, text) in [("fullchain", &pair.chain), ("privkey", &pair.key)] {
        let target = root.join(format!("archive/{name}{number}.pem"));
        fs::write(&target, text).expect("the archive");
        let fresh = root.join(format!("live/{name}.pem.new"));
        symlink(format!("../archive/{name}{number}.pem"), &fresh).expect("a link");
        fs::rename(&fresh, root.join(format!("live/{name}.pem"))).expect("a rename");
        if number >= 2 * PAIRS {
            // May have been a plain file's turn.
            let _ = fs::remove_file(root.join(format!("archive/{name}{}.pem", number - 2 * PAIRS)));
        }
    }
}

/// As most other tools do it: a new file under another name, and a rename.
fn by_rename(root: &Path, pair: &Pair) {
    for (name, text) in [("fullchain", &pair.chain), ("privkey", &pair.key)] {
        let fresh = root.join(format!("live/{name}.pem.new"));
        fs::write(&fresh, text).expect("a new file");
        fs::rename(&fresh, root.join(format!("live/{name}.pem"))).expect("a rename");
    }
}

fn swap(root: &Path, number: usize, pair: &Pair) {
    if number.is_multiple_of(2) { by_links(root, number, pair) } else { by_rename(root, pair) }
}

#[test]
fn a_thousand_certificate_swaps_fail_no_handshake_and_each_takes_effect() {
    let upstream = Upstream::echo();
    let tls = "certificate: live/fullchain.pem, key: live/privkey.pem";
    let mut pairs = Vec::new();
    let (setup, authority) = with_tls(upstream.url(), tls, |setup, authority| {
        pairs.extend((0..PAIRS).map(|_| authority.pair(&[HOST])));
        for folder in ["live", "archive"] {
            fs::create_dir_all(setup.path().join(folder)).expect("a folder");
        }
        swap(setup.path(), 0, &pairs[0]);
    });
    let root = setup.path().to_owned();
    let gate = setup.start();
    let config = Arc::new(authority.client_config());
    let known: HashMap<Vec<u8>, usize> =
        pairs.iter().enumerate().map(|(place, pair)| (leaf(pair), place)).collect();

    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let (reply, shown) = fetch(&gate, &config, HOST).expect("a handshake and a reply");
                    assert_eq!(reply.status, 200);
                    assert!(known.contains_key(&shown), "a certificate that was in the files");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Ends the stream whatever happens here, or a failure would never be told.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for number in 1..=SWAPS {
                let place = number % PAIRS;
                swap(&root, number, &pairs[place]);
                let (status, report) = gate.reload();
                assert_eq!(status, 200, "swap {number}: {report}");
                let (_, shown) = fetch(&gate, &config, HOST).expect("a handshake");
                assert_eq!(known[&shown], place, "swap {number}: another certificate than the file's");
            }
            for number in SWAPS + 1..=SWAPS + NOTICED {
                let place = number % PAIRS;
                swap(&root, number, &pairs[place]);
                let shown = || known[&fetch(&gate, &config, HOST).expect("a handshake").1];
                wait_until(|| shown() == place, || format!("swap {number} was not noticed"));
            }
        }));
        over.store(true, Ordering::Relaxed);
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let served = served.into_inner();
    assert!(served > SWAPS / 4, "no steady stream: {served} connections");
    gate.wait_metric("tls_handshakes_failed_total", 0);
    println!("{SWAPS} swaps by reload and {NOTICED} noticed, {served} connections of the stream, 0 failed");
}
