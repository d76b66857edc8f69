//! What a PROXY header says, where none is spoken and where one is.

use super::*;
use crate::harness::proxy_header::{V2_LOCAL, v1, v2};
use crate::harness::{ADMITTED, Upstream, request};

/// A PROXY header that nobody asked for: version 1, and version 2 with its signature, for TCP over IPv4.
fn proxy_headers() -> Vec<Vec<u8>> {
    vec![
        v1(LISTED),
        b"PROXY UNKNOWN\r\n".to_vec(),
        format!("PROXY TCP6 ::ffff:{LISTED} ::1 4660 80\r\n").into_bytes(),
        v2(LISTED),
        V2_LOCAL.to_vec(),
    ]
}

#[test]
fn a_proxy_header_on_a_listener_that_speaks_none_is_only_an_odd_request() {
    let upstream = Upstream::echo();
    let mut check = Check::of(&upstream, behind_proxies(&upstream).http1().start());
    for header in proxy_headers() {
        for peer in PEERS {
            let bytes =
                [header.clone(), request("POST", "/hook", &[("X-Forwarded-For", LISTED)], b"x")].concat();
            let want = if peer == Peer::Stranger { (403, "not_listed") } else { (400, "malformed_head") };
            check.turns_away(peer, &bytes, want);
        }
    }
    check.finish(5 * 3);
}

/// A listener that speaks PROXY: the source that a trusted proxy names wrote the request, and names nobody else unless
/// it is a trusted proxy too.
#[test]
fn behind_a_proxy_header_what_its_source_writes_names_nobody() {
    let upstream = Upstream::echo();
    let mut check = Check::of(&upstream, behind_proxies(&upstream).proxy_protocol().start());
    for version in [1, 2] {
        let header = |source: &str| if version == 1 { v1(source) } else { v2(source) };
        for name in NAMES {
            for value in values() {
                let http = request("POST", "/hook", &[(name, value.as_str()), (name, value.as_str())], b"x");
                let from = |source: &str| [header(source), http.clone()].concat();
                let arrival = check.serves(Peer::Trusted, &from(LISTED), LISTED);
                let words: &[&str] = if value == LISTED { &[] } else { &[&value] };
                assert_told(&arrival, LISTED, words);
                check.turns_away(Peer::Trusted, &from(UNLISTED), (403, "not_listed"));
                if !is_chain(name) {
                    check.turns_away(Peer::Trusted, &from(TRUSTED), (403, "no_client"));
                }
            }
        }
        // Nobody else may speak it, whomever it names, nor leave it out.
        let http = request("POST", "/hook", &[("X-Forwarded-For", LISTED)], b"x");
        for peer in [Peer::Stranger, Peer::Listed] {
            for source in [LISTED, UNLISTED, TRUSTED, ADMITTED] {
                check.hangs_up(peer, &[header(source), http.clone()].concat());
            }
            check.hangs_up(peer, &http);
        }
    }
    check.finish(2 * (22 * 20 * 2 + 20 * 20 + 2 * 5));
}
