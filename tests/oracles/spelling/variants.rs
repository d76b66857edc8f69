//! Spellings of the routes' paths and hosts: every change of one byte, every percent-encoded change, and random ones of
//! all kinds at once.

use super::Spelling;
use super::patterns::{ELSEWHERE, Pattern, ROUTES};
use crate::dice::Dice;

/// What is put into a path: what decoders, normalisers and splitters are known to take for something.
const INTO_PATHS: [&str; 52] = [
    "/",
    "//",
    "/./",
    "/../",
    "/.",
    "/..",
    "/x/../",
    "/.;/",
    "/..;/x/",
    ";",
    ";v=1",
    "\\",
    "\\..\\",
    "%5c",
    "%5C..%5C",
    "%2f",
    "%2F",
    "%2e",
    "%2E%2e",
    "/%2e%2e/",
    "/x/%2e%2e/",
    "%252e",
    "%252f",
    "%2561",
    "%00",
    "%0a",
    "%0d%0a",
    "%09",
    "%20",
    "+",
    "%2b",
    "%3b",
    "%3f",
    "%23",
    "?",
    "?/",
    "#",
    "#/",
    "%",
    "%6",
    "%zz",
    "%u0061",
    "%c0%af",
    "%c1%a1",
    "%e0%80%af",
    "%ef%bc%8f",
    "%ef%bd%81",
    "%ff",
    "%80",
    "%cc%81",
    "*",
    "~",
];
/// What is put into a host.
const INTO_HOSTS: [&str; 22] = [
    ".", "..", ":", ":80", ":0", ":65535", ":65536", ":80:80", "@", "u@", "%2e", "%61", "_", "~", "-", ",",
    " ", "\t", "/", "[", "]", "%25eth0",
];
/// Other spellings of the hosts that routes name, and near ones.
const HOSTS: [&str; 52] = [
    "INTERNAL.EXAMPLE",
    "internal.example.",
    "internal.example..",
    ".internal.example",
    "internal..example",
    "internal.example.:80",
    "internal.example:",
    "internal.example:80",
    "internal.example:00080",
    "internal.example:x",
    "internal%2eexample",
    "%69nternal.example",
    "user@internal.example",
    "internal.example@hooks.example",
    "internal.example,hooks.example",
    "internal.example/",
    "xn--internal.example",
    "internal.example.hooks.example",
    "hooks.internal.example",
    "A-B.INTERNAL.example.",
    "[2001:DB8::1]",
    "[2001:0db8::1]",
    "[2001:db8:0:0:0:0:0:1]",
    "[2001:db8::0:1]",
    "[2001:db8::0.0.0.1]",
    "[2001:db8::1]:80",
    "[2001:db8::1].",
    "[2001:db8::1",
    "2001:db8::1",
    "[2001:db8::1%25eth0]",
    "[2001:db8::1%eth0]",
    "[::ffff:192.0.2.1]",
    "[::ffff:c000:201]",
    "[::192.0.2.1]",
    "192.0.2.1.",
    "192.0.2.1:80",
    "192.0.2.1..",
    "192.000.002.001",
    "192.0.2.01",
    "192.0.513",
    "192.513",
    "3221225985",
    "0xc0000201",
    "0xC0.0.2.1",
    "0300.0.2.1",
    "030000001001",
    "192.0.2.0x1",
    "192.0.2",
    "192.0.2.1.1",
    "192.0.2.1.x",
    "0x.internal.example",
    "internal.example.0x1",
];

/// Each route as everybody would write it, with its number.
pub fn plain() -> Vec<(usize, Spelling)> {
    let one = |(route, pattern): (usize, &Pattern)| (route, Spelling::new(&pattern.plain(), pattern.host));
    ROUTES.iter().enumerate().map(one).collect()
}

/// Every change of one byte of every route's path and host.
pub fn changes() -> Vec<Spelling> {
    let mut all = Vec::new();
    for (_, plain) in plain() {
        for target in changes_of(&plain.target, &INTO_PATHS) {
            all.push(Spelling { target, ..plain.clone() });
        }
        for target in encodings_of(&plain.target) {
            all.push(Spelling { target, ..plain.clone() });
        }
        if plain.host != ELSEWHERE.as_bytes() {
            for host in changes_of(&plain.host, &INTO_HOSTS) {
                all.push(Spelling { host, ..plain.clone() });
            }
            for host in encodings_of(&plain.host) {
                all.push(Spelling { host, ..plain.clone() });
            }
        }
        for host in HOSTS {
            all.push(Spelling { host: host.as_bytes().to_vec(), ..plain.clone() });
        }
    }
    all
}

/// A byte replaced by any other, left out, doubled, or with one of these before it.
fn changes_of(text: &[u8], into: &[&str]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for at in 0..=text.len() {
        let (before, rest) = text.split_at(at);
        all.extend(into.iter().map(|more| [before, more.as_bytes(), rest].concat()));
        let Some((byte, after)) = rest.split_first() else { continue };
        all.extend((0..=255u8).filter(|other| other != byte).map(|other| [before, &[other], after].concat()));
        all.push([before, after].concat());
        all.push([before, &[*byte, *byte], after].concat());
    }
    all
}

/// A byte replaced by the code of any byte, in both cases of its digits, and by its own code encoded again.
fn encodings_of(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        let mut with = |code: String| all.push([&text[..at], code.as_bytes(), &text[at + 1..]].concat());
        for other in 0..=255u8 {
            with(format!("%{other:02x}"));
            with(format!("%{other:02X}"));
        }
        with(format!("%25{byte:02x}"));
        with(format!("%u00{byte:02x}"));
    }
    all
}

/// A spelling of any kind.
pub fn random(dice: &mut Dice) -> Spelling {
    let route = dice.pick(&ROUTES);
    let mut target = if dice.chance(850) { route.plain().into_bytes() } else { b"/".to_vec() };
    while dice.chance(450) {
        let segment = segment(dice);
        target.extend(if target.ends_with(b"/") { segment } else { [&b"/"[..], &segment].concat() });
    }
    // Most of what decoders disagree on is refused: what passes is to be asked for as well.
    let rounds = if dice.chance(400) { 0 } else { 1 + dice.below(3) };
    for _ in 0..rounds {
        mutate_path(dice, &mut target);
    }
    if dice.chance(100) {
        let queries: [&[u8]; 5] = [b"?", b"?a=/../admin/", b"?x=%2f%61", b"??", b"?a?b=//"];
        target.extend(*dice.pick(&queries));
    }
    let host = random_host(dice, route);
    if dice.chance(40) {
        let schemes: [&[u8]; 3] = [b"http://", b"HTTP://", b"https://"];
        let scheme = *dice.pick(&schemes);
        target = [scheme, &host, &target].concat();
    }
    Spelling { target, host }
}

fn random_host(dice: &mut Dice, route: &Pattern) -> Vec<u8> {
    let mut host = match dice.below(100) {
        0..60 => route.host.unwrap_or(ELSEWHERE).as_bytes().to_vec(),
        60..80 => dice.pick(&HOSTS).as_bytes().to_vec(),
        _ => dice.pick(&ROUTES).host.unwrap_or(ELSEWHERE).as_bytes().to_vec(),
    };
    if dice.chance(80) {
        let at = dice.below(host.len() + 1);
        let into = dice.pick(&INTO_HOSTS).as_bytes();
        host.splice(at..at, into.iter().copied());
    }
    if dice.chance(150) {
        change_case(dice, &mut host);
    }
    if dice.chance(100) {
        let ends: [&[u8]; 4] = [b":8080", b".", b":", b".:80"];
        host.extend(*dice.pick(&ends));
    }
    host
}

fn segment(dice: &mut Dice) -> Vec<u8> {
    const WORDS: [&[u8]; 14] = [
        b"users",
        b"admin",
        b"deep",
        b"answer",
        b"webhooks",
        b"p%20q",
        b"r%40s",
        b"a.b",
        b"c~d",
        b"x:y@z",
        b"%C3%A4",
        b"..a",
        b".",
        b"",
    ];
    const LETTERS: &[u8] = b"abz09-._~!$&'()*+,=:@";
    if dice.chance(600) {
        return dice.pick(&WORDS).to_vec();
    }
    let mut text = Vec::new();
    for _ in 0..dice.below(6) {
        if dice.chance(200) {
            text.extend(format!("%{:02X}", dice.byte()).bytes());
        } else {
            text.push(*dice.pick(LETTERS));
        }
    }
    text
}

fn mutate_path(dice: &mut Dice, target: &mut Vec<u8>) {
    let at = dice.below(target.len().max(1));
    match dice.below(12) {
        0 | 1 => {
            let into = dice.pick(&INTO_PATHS).as_bytes();
            target.splice(at..at, into.iter().copied());
        }
        2 => {
            target.splice(at..(at + 1).min(target.len()), [dice.byte()]);
        }
        // What may be encoded and means the same, or something else.
        3..=5 => {
            let code = if dice.chance(500) { *dice.pick(b" !$&'()*+,=:@%<>\"^`{|}") } else { dice.byte() };
            target.splice(at..at, format!("%{code:02X}").bytes());
        }
        6 => {
            let digits = if dice.chance(500) {
                format!("%{:02x}", target[at])
            } else {
                format!("%{:02X}", target[at])
            };
            target.splice(at..=at, digits.bytes());
        }
        7 => change_case(dice, target),
        8 => target.truncate(at.max(1)),
        9 => target.push(b'/'),
        10 => target.splice(at..at, [*dice.pick(b"!$&'()*+,=:@-._~")]).for_each(drop),
        _ => {
            let other = dice.pick(&ROUTES).plain();
            target.truncate(at);
            target.extend(other.bytes());
        }
    }
}

fn change_case(dice: &mut Dice, text: &mut [u8]) {
    for byte in text {
        if dice.chance(400) {
            *byte ^= if byte.is_ascii_alphabetic() { 0x20 } else { 0 };
        }
    }
}

#[test]
fn the_changes_hold_the_known_ways_past_a_narrower_route() {
    let all = changes();
    for (target, host) in [
        ("/%61dmin/users", ELSEWHERE),
        ("/adm%69n/users", ELSEWHERE),
        ("/admin%2fusers", ELSEWHERE),
        ("/a%2Eb/c~d/users", ELSEWHERE),
        ("/users", "internal.example."),
        ("/users", "[2001:0db8::1]"),
        ("/admin/users", "3221225985"),
    ] {
        let wanted = Spelling { target: target.into(), host: host.into() };
        assert!(all.contains(&wanted), "{target} {host}");
    }
}
