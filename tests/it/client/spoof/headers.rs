//! What a request says in its headers.

use super::*;
use crate::harness::{ADMITTED, Upstream, request};

#[test]
fn no_header_of_an_untrusted_peer_names_the_client_or_reaches_the_application() {
    let upstream = Upstream::echo();
    let mut check = Check::new(&upstream);
    for name in NAMES {
        for value in values() {
            for copies in [1, 3] {
                let bytes = request("POST", "/hook", &vec![(name, value.as_str()); copies], b"x");
                check.turns_away(Peer::Stranger, &bytes, (403, "not_listed"));
                let arrival = check.serves(Peer::Listed, &bytes, ADMITTED);
                assert_told(&arrival, ADMITTED, &[&value]);
            }
        }
    }
    check.finish(22 * 20 * 2 * 2);
}

#[test]
fn behind_a_trusted_proxy_only_the_chain_names_the_client() {
    let upstream = Upstream::echo();
    let mut check = Check::new(&upstream);
    let others: Vec<&str> = NAMES.into_iter().filter(|name| !is_chain(name)).collect();
    for name in &others {
        for value in values() {
            for copies in [1, 3] {
                let forged = vec![(*name, value.as_str()); copies];
                // Without a chain nobody is named, whatever else is said.
                let alone = request("POST", "/hook", &forged, b"x");
                check.turns_away(Peer::Trusted, &alone, (403, "no_client"));
                let with = |client: &'static str| {
                    let mut headers = forged.clone();
                    headers.insert(copies / 2, ("X-Forwarded-For", client));
                    request("POST", "/hook", &headers, b"x")
                };
                check.turns_away(Peer::Trusted, &with(UNLISTED), (403, "not_listed"));
                check.turns_away(Peer::Trusted, &with(TRUSTED), (403, "no_client"));
                let arrival = check.serves(Peer::Trusted, &with(LISTED), LISTED);
                let is_kept = is_claim(name) || is_proxys_word(name) || value == LISTED;
                let words: &[&str] = if is_kept { &[] } else { &[&value] };
                assert_told(&arrival, LISTED, words);
            }
        }
    }
    check.finish(20 * 20 * 2 * 4);
}

#[test]
fn lines_of_one_chain_are_walked_as_one_from_the_right() {
    let upstream = Upstream::echo();
    let mut check = Check::new(&upstream);
    let hops = [LISTED, UNLISTED, TRUSTED];
    // Every chain of up to four hops over up to four lines, against the rule in its plainest words.
    for length in 1..=4usize {
        for number in 0..3usize.pow(u32::try_from(length).expect("small")) {
            let chain: Vec<&str> = (0..length)
                .map(|at| hops[number / 3usize.pow(u32::try_from(at).expect("small")) % 3])
                .collect();
            for lines in [1, length] {
                let texts: Vec<String> = chain.chunks(length / lines).map(|part| part.join(", ")).collect();
                let headers: Vec<(&str, &str)> =
                    texts.iter().map(|text| ("X-Forwarded-For", text.as_str())).collect();
                let bytes = request("POST", "/hook", &headers, b"x");
                match chain.iter().rev().find(|hop| **hop != TRUSTED) {
                    None => check.turns_away(Peer::Trusted, &bytes, (403, "no_client")),
                    Some(&UNLISTED) => check.turns_away(Peer::Trusted, &bytes, (403, "not_listed")),
                    Some(_) => {
                        let told = check.serves(Peer::Trusted, &bytes, LISTED).head.one("x-forwarded-for");
                        let via = chain.iter().rev().take_while(|hop| **hop == TRUSTED).count();
                        let wanted: Vec<&str> =
                            [LISTED].into_iter().chain(vec![TRUSTED; via]).chain([PROXY]).collect();
                        assert_eq!(told, Some(wanted.join(", ")), "{chain:?}");
                    }
                }
            }
        }
    }
    check.finish((3 + 9 + 27 + 81) * 2);
}

#[test]
fn connection_cannot_take_away_what_the_gate_says() {
    let upstream = Upstream::echo();
    let mut check = Check::of(&upstream, behind_proxies(&upstream).http1().start());
    for name in NAMES.into_iter().chain(["Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Content-Length"]) {
        for option in
            [name.to_owned(), format!("close, {name}"), format!("keep-alive,{}", name.to_lowercase())]
        {
            for peer in PEERS {
                let headers = [("Connection", option.as_str()), ("X-Forwarded-For", LISTED)];
                let bytes = request("POST", "/hook", &headers, b"x");
                let want = if peer == Peer::Stranger { (403, "not_listed") } else { (400, "bad_connection") };
                check.turns_away(peer, &bytes, want);
            }
        }
    }
    check.finish(26 * 3 * 3);
}

/// RFC 7239 chosen: it takes the place of X-Forwarded-For, which is nobody's word then.
#[test]
fn with_forwarded_chosen_nothing_else_names_the_client() {
    let upstream = Upstream::echo();
    let gate = behind_proxies(&upstream).key("forwarded_header", "forwarded").start();
    let mut check = Check::of(&upstream, gate);
    let others: Vec<&str> = NAMES.into_iter().filter(|name| *name != "Forwarded").collect();
    for name in &others {
        for value in values() {
            let forged = (*name, value.as_str());
            let alone = request("POST", "/hook", &[forged], b"x");
            check.turns_away(Peer::Stranger, &alone, (403, "not_listed"));
            check.turns_away(Peer::Trusted, &alone, (403, "no_client"));
            let own = check.serves(Peer::Listed, &alone, ADMITTED);
            assert_told(&own, ADMITTED, &[&value]);
            let with = |client: &str| {
                let element = format!("for={client}");
                request("POST", "/hook", &[forged, ("Forwarded", &element), forged], b"x")
            };
            check.turns_away(Peer::Stranger, &with(LISTED), (403, "not_listed"));
            check.turns_away(Peer::Trusted, &with(UNLISTED), (403, "not_listed"));
            check.turns_away(Peer::Trusted, &with(TRUSTED), (403, "no_client"));
            check.turns_away(Peer::Trusted, &with("unknown"), (403, "bad_chain"));
            check.turns_away(Peer::Trusted, &with("_hidden"), (403, "bad_chain"));
            let arrival = check.serves(Peer::Trusted, &with(LISTED), LISTED);
            let is_kept = is_claim(name) || is_proxys_word(name) || value == LISTED;
            let words: &[&str] = if is_kept { &[] } else { &[&value] };
            assert_told(&arrival, LISTED, words);
            let told = arrival.head.one("forwarded").expect("one Forwarded");
            assert!(told.starts_with(&format!("for={LISTED};")), "{told}");
        }
    }
    check.finish(21 * 20 * 9);
}
