//! The rules of the house, held on the text of the sources: who may import whom, and what only one room
//! may do. CONTRIBUTING.md says why; this file says where a rule is broken, by file and line.
//!
//! The rules read tokens, so that a word in a comment or a string is no breach. Each rule is a function
//! of one source, and each is shown at the end to find what it forbids.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test they are how it fails")]

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// The rooms from the bottom up; a room imports only from lower floors, never from its own floor.
const FLOORS: [&[&str]; 8] = [
    &["policy"],
    &["config"],
    &["telemetry"],
    &["state"],
    &["gate", "admin"],
    &["server"],
    &["cli"],
    &["main"],
];
/// The rooms that may name pingora.
const PINGORA: [&str; 2] = ["gate", "server"];
/// What `policy` may use of the standard library: no clock, no disk, no socket, no thread.
const STD_FOR_POLICY: [&str; 18] = [
    "std::array",
    "std::borrow",
    "std::char",
    "std::cmp",
    "std::collections",
    "std::fmt",
    "std::hash",
    "std::io::Write",
    "std::iter",
    "std::mem",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::num",
    "std::ops",
    "std::str",
    "std::sync::Arc",
    "std::time::Duration",
];
/// What `config` may use besides: names of files and addresses, and cells for its report.
const STD_FOR_CONFIG: [&str; 4] = ["std::path", "std::net::SocketAddr", "std::cell", "std::rc"];
/// Crates that only compute.
const CRATES_FOR_POLICY: [&str; 3] = ["ipnet", "itoa", "memchr"];
const CRATES_FOR_CONFIG: [&str; 3] = ["ipnet", "serde", "serde_yaml"];
/// Methods of `Path` that ask the disk.
const DISK_METHODS: [&str; 10] = [
    "exists",
    "try_exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "canonicalize",
    "metadata",
    "symlink_metadata",
    "read_dir",
    "read_link",
];
/// Lines of code a file may have: blank lines and test modules are not counted.
const MOST_LINES: usize = 350;

// ---------------------------------------------------------------------------------------------------
// Reading

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Words, `::`, and single characters. Comments are left out; a string or character literal is one `"`.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while at < chars.len() {
        let begin = at;
        let next = chars.get(at + 1).copied();
        let mut token = None;
        match chars[at] {
            '/' if next == Some('/') => {
                at += chars[at..].iter().take_while(|c| **c != '\n').count();
            }
            '/' if next == Some('*') => at = end_of_comment(&chars, at),
            '"' => {
                at = end_of_string(&chars, at);
                token = Some("\"".to_owned());
            }
            '\'' if next == Some('\\') || chars.get(at + 2) == Some(&'\'') => {
                at += if next == Some('\\') { 3 } else { 2 };
                at += chars[at..].iter().take_while(|c| **c != '\'').count() + 1;
                token = Some("\"".to_owned());
            }
            c if is_word(c) => {
                at += chars[at..].iter().take_while(|c| is_word(**c)).count();
                let word: String = chars[begin..at].iter().collect();
                let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
                let raw = matches!(word.as_str(), "r" | "br" | "cr");
                if raw && chars.get(at + hashes) == Some(&'"') {
                    at = end_of_raw_string(&chars, at + hashes + 1, hashes);
                    token = Some("\"".to_owned());
                } else {
                    token = Some(word);
                }
            }
            ':' if next == Some(':') => {
                at += 2;
                token = Some("::".to_owned());
            }
            c => {
                at += 1;
                token = (!c.is_whitespace()).then(|| c.to_string());
            }
        }
        out.extend(token.map(|text| Token { text, line }));
        line += chars[begin..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn end_of_comment(chars: &[char], begin: usize) -> usize {
    let (mut at, mut depth) = (begin, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn end_of_raw_string(chars: &[char], begin: usize, hashes: usize) -> usize {
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (begin..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |at| at + 1 + hashes)
}

/// The place after the bracket that closes the one at `open`.
fn after_closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn texts(tokens: &[Token], range: Range<usize>) -> Vec<&str> {
    tokens[range.start.min(tokens.len())..range.end.min(tokens.len())]
        .iter()
        .map(|t| t.text.as_str())
        .collect()
}

const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

/// The items under `#[cfg(test)]`, as token ranges, with the name of the file that a `mod x;` stands for.
fn test_items(tokens: &[Token]) -> Vec<(Range<usize>, Option<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if texts(tokens, at..at + CFG_TEST.len()) != CFG_TEST {
            at += 1;
            continue;
        }
        let mut item = at + CFG_TEST.len();
        while texts(tokens, item..item + 2) == ["#", "["] {
            item = after_closing(tokens, item + 1);
        }
        let end = (item..tokens.len()).find(|i| matches!(tokens[*i].text.as_str(), ";" | "{"));
        let end = end.unwrap_or(tokens.len());
        let file = match texts(tokens, item..end)[..] {
            [.., "mod", name] if texts(tokens, end..end + 1) == [";"] => Some(name.to_owned()),
            _ => None,
        };
        let end = if texts(tokens, end..end + 1) == ["{"] { after_closing(tokens, end) } else { end + 1 };
        found.push((at..end, file));
        at = end;
    }
    found
}

/// One file.
struct Source {
    /// Below `src/`.
    path: String,
    /// `gate/head.rs` is `[gate, head]`, `gate/mod.rs` and `gate.rs` are `[gate]`, `main.rs` is `[]`.
    module: Vec<String>,
    all: Vec<Token>,
    /// Without test modules.
    shipped: Vec<Token>,
    /// Not blank, and not in a test module.
    lines: usize,
    /// Modules of tests that have files of their own.
    test_modules: Vec<Vec<String>>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let stem = path.trim_end_matches(".rs");
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        let root = matches!(stem, "main" | "lib");
        let module: Vec<String> =
            if root { Vec::new() } else { stem.split('/').map(str::to_owned).collect() };
        let all = tokens(text);
        let tests = test_items(&all);
        let in_test = |at: usize| tests.iter().any(|(range, _)| range.contains(&at));
        let shipped = (0..all.len()).filter(|at| !in_test(*at)).map(|at| all[at].clone()).collect();
        let of_tests: BTreeSet<usize> = tests
            .iter()
            .flat_map(|(range, _)| all[range.start].line..=all[range.end.min(all.len()) - 1].line)
            .collect();
        let counted =
            |(place, line): &(usize, &str)| !line.trim().is_empty() && !of_tests.contains(&(place + 1));
        let test_modules = tests
            .iter()
            .filter_map(|(_, file)| Some([module.clone(), vec![file.clone()?]].concat()))
            .collect();
        Self {
            path: path.to_owned(),
            lines: text.lines().enumerate().filter(counted).count(),
            module,
            all,
            shipped,
            test_modules,
        }
    }

    fn room(&self) -> &str {
        self.module.first().map_or(self.path.trim_end_matches(".rs"), String::as_str)
    }

    fn at(&self, token: &Token, breach: &str) -> String {
        format!("src/{}:{}: {breach}", self.path, token.line)
    }

    /// The whole file is test code.
    fn become_test(&mut self) {
        self.shipped.clear();
        self.lines = 0;
    }
}

/// A path that is named in the code, as the words after its root, each with the token it begins at.
type Named<'t> = (&'t Token, Vec<String>);

/// Every path that begins with `root::`, groups written out.
fn paths<'t>(tokens: &'t [Token], root: &str) -> Vec<Named<'t>> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let begins = at == 0 || tokens[at - 1].text != "::";
        if begins && tokens[at].text == root && texts(tokens, at + 1..at + 2) == ["::"] {
            expand(tokens, at + 2, &[], &mut |words| found.push((&tokens[at], words)));
        }
    }
    found
}

/// Writes out what stands at `at`: a word, `*`, or a group. The place after it is returned.
fn expand(tokens: &[Token], at: usize, before: &[String], emit: &mut dyn FnMut(Vec<String>)) -> usize {
    match texts(tokens, at..at + 1)[..] {
        ["{"] => {
            let end = after_closing(tokens, at);
            let mut next = at + 1;
            while next + 1 < end {
                next = expand(tokens, next, before, emit);
                // Over `as name` and the comma.
                while next + 1 < end && tokens[next].text != "," {
                    next += 1;
                }
                next += 1;
            }
            end
        }
        [word] if word == "*" || word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            let words = [before, &[word.to_owned()]].concat();
            let more = texts(tokens, at + 1..at + 3);
            if matches!(more[..], ["::", next] if next != "<") {
                expand(tokens, at + 2, &words, emit)
            } else {
                emit(words);
                at + 1
            }
        }
        _ => {
            emit(before.to_vec());
            at + 1
        }
    }
}

/// How many inline modules each token stands in.
fn inline_depths(tokens: &[Token]) -> Vec<usize> {
    let mut open: Vec<bool> = Vec::new();
    let mut depths = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => open.push(at >= 2 && tokens[at - 2].text == "mod"),
            "}" => drop(open.pop()),
            _ => {}
        }
        depths.push(open.iter().filter(|is_module| **is_module).count());
    }
    depths
}

/// Paths that leave the room by `super`, from the root of the crate on.
fn paths_over_super(source: &Source) -> Vec<Named<'_>> {
    let tokens = &source.all;
    let depths = inline_depths(tokens);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let first = at < 2 || texts(tokens, at - 2..at) != ["super", "::"];
        if !first || texts(tokens, at..at + 2) != ["super", "::"] {
            continue;
        }
        let mut up = 0;
        while texts(tokens, at + 2 * up..at + 2 * up + 2) == ["super", "::"] {
            up += 1;
        }
        if up >= source.module.len() + depths[at] {
            expand(tokens, at + 2 * up, &[], &mut |words| found.push((&tokens[at], words)));
        }
    }
    found
}

// ---------------------------------------------------------------------------------------------------
// The rules: each gives the breaches of one source

type Rule = fn(&Source) -> Vec<String>;

const RULES: [(&str, Rule); 9] = [
    ("layers", layers),
    ("pingora", pingora),
    ("policy", policy),
    ("config", config),
    ("publish", publish),
    ("permit", permit),
    ("headers", headers),
    ("panics", panics),
    ("size", size),
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Paths into the crate, by whichever name.
fn imports(source: &Source) -> Vec<Named<'_>> {
    let mut found = paths(&source.all, "crate");
    found.extend(paths(&source.all, "nexmo_gate"));
    found.extend(paths_over_super(source));
    found
}

/// A room imports only from the floors below it. Held in test modules too.
fn layers(source: &Source) -> Vec<String> {
    let own = source.room();
    let breach = |(token, words): Named<'_>| {
        let room = words.first().map_or("", String::as_str);
        let what = match (floor(own), floor(room)) {
            _ if own == room => return None,
            (Some(own), Some(other)) if other < own => return None,
            (_, None) => format!("`{room}` is not a room"),
            _ => format!("{own} imports from {room}"),
        };
        Some(source.at(token, &what))
    };
    imports(source).into_iter().filter_map(breach).collect()
}

fn pingora(source: &Source) -> Vec<String> {
    let named = source.all.iter().filter(|token| token.text.starts_with("pingora"));
    let named = named.filter(|_| !PINGORA.contains(&source.room()));
    named.map(|token| source.at(token, "pingora is named")).collect()
}

/// No async, no clock, no disk, no network, no logging, no serde.
fn policy(source: &Source) -> Vec<String> {
    if source.room() != "policy" {
        return Vec::new();
    }
    let mut breaches = pure(source, &STD_FOR_POLICY, &CRATES_FOR_POLICY);
    let banned =
        ["async", "await", "Instant", "SystemTime", "println", "eprintln", "Serialize", "Deserialize"];
    let named = source.shipped.iter().filter(|token| banned.contains(&token.text.as_str()));
    breaches.extend(named.map(|token| source.at(token, &format!("policy names `{}`", token.text))));
    breaches
}

/// Text in, values out.
fn config(source: &Source) -> Vec<String> {
    if source.room() != "config" {
        return Vec::new();
    }
    let mut breaches = pure(source, &[&STD_FOR_POLICY[..], &STD_FOR_CONFIG].concat(), &CRATES_FOR_CONFIG);
    for at in 2..source.shipped.len() {
        let method = &source.shipped[at - 1];
        let called = source.shipped[at].text == "(" && source.shipped[at - 2].text == ".";
        if called && DISK_METHODS.contains(&method.text.as_str()) {
            breaches.push(source.at(method, &format!("config asks the disk: .{}()", method.text)));
        }
    }
    breaches
}

/// Only these parts of the standard library, and of the crates only these.
fn pure(source: &Source, std: &[&str], crates: &[&str]) -> Vec<String> {
    let mut breaches = Vec::new();
    for root in ["std", "core", "alloc"] {
        for (token, words) in paths(&source.shipped, root) {
            let path = format!("std::{}", words.join("::"));
            let within = |allowed: &str| path == *allowed || path.starts_with(&format!("{allowed}::"));
            if !std.iter().any(|allowed| within(allowed)) {
                breaches.push(source.at(token, &format!("{} names {path}", source.room())));
            }
        }
    }
    for name in dependencies() {
        if !crates.contains(&name.as_str()) {
            let named = paths(&source.shipped, &name);
            let breach = |(token, _): Named<'_>| source.at(token, &format!("{} names {name}", source.room()));
            breaches.extend(named.into_iter().map(breach));
        }
    }
    breaches
}

/// The crates that Cargo.toml names, as they are written in code.
fn dependencies() -> Vec<String> {
    let manifest = include_str!("../Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).expect("Cargo.toml has dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(" = ").map(|(name, _)| name.replace('-', "_")));
    let names: Vec<String> = names.collect();
    assert!(names.len() > 10 && names.contains(&"tokio".to_owned()), "{names:?}");
    names
}

/// Only a reload makes a snapshot current.
fn publish(source: &Source) -> Vec<String> {
    let calls = publish_calls(source).into_iter().filter(|_| source.path != "state/reload.rs");
    calls.map(|token| source.at(token, "publishes a snapshot")).collect()
}

fn publish_calls(source: &Source) -> Vec<&Token> {
    let tokens = &source.shipped;
    let call = |at: &usize| {
        tokens[*at].text == "publish" && *at > 0 && matches!(tokens[at - 1].text.as_str(), "." | "::")
    };
    (0..tokens.len()).filter(call).map(|at| &tokens[at]).collect()
}

/// Only admission makes a permit.
fn permit(source: &Source) -> Vec<String> {
    let made = permits(source).into_iter().filter(|_| source.path != "policy/admission.rs");
    made.map(|token| source.at(token, "makes a Permit")).collect()
}

fn permits(source: &Source) -> Vec<&Token> {
    let tokens = &source.shipped;
    let made = |at: &usize| {
        let before = if *at == 0 { "" } else { tokens[at - 1].text.as_str() };
        texts(tokens, *at..at + 2) == ["Permit", "{"] && !matches!(before, "struct" | "impl" | "for" | ">")
    };
    (0..tokens.len()).filter(made).map(|at| &tokens[at]).collect()
}

/// Only `facts` parses a request's header, and only it and `intake` look at what it holds.
fn headers(source: &Source) -> Vec<String> {
    if source.room() != "gate" || source.path == "gate/facts.rs" {
        return Vec::new();
    }
    let parsers = paths(&source.shipped, "httparse").into_iter().filter(|(_, words)| words[0] == "Request");
    let mut breaches: Vec<String> =
        parsers.map(|(token, _)| source.at(token, "parses a request's header")).collect();
    for at in 1..source.shipped.len() {
        // `.values()` without a name is a map's.
        let reads = match texts(&source.shipped, at - 1..at + 3)[..] {
            [".", "values", "(", argument] => argument != ")",
            [".", "fields", "(", ..]
            | [_, "parse_request" | "parse_request_with_uninit_headers" | "req_header", ..] => true,
            _ => false,
        };
        if reads && source.path != "gate/intake.rs" {
            breaches.push(source.at(&source.shipped[at], "reads a request's header"));
        }
    }
    breaches
}

/// What a program of this kind may not do on any input.
fn panics(source: &Source) -> Vec<String> {
    let tokens = &source.shipped;
    let mut breaches = Vec::new();
    for at in 1..tokens.len() {
        let found = matches!(
            texts(tokens, at - 1..at + 2)[..],
            [".", "unwrap" | "expect" | "unwrap_err" | "expect_err", "("]
                | ["::", "unwrap" | "expect" | "unwrap_err" | "expect_err", _]
                | [_, "panic" | "todo" | "unimplemented" | "unreachable", "!"]
        );
        if found {
            breaches.push(source.at(&tokens[at], &format!("`{}` outside a test", tokens[at].text)));
        }
    }
    breaches
}

fn size(source: &Source) -> Vec<String> {
    let over = source.lines > MOST_LINES;
    let breach = || format!("src/{}: {} lines of code, more than {MOST_LINES}", source.path, source.lines);
    over.then(breach).into_iter().collect()
}

// ---------------------------------------------------------------------------------------------------
// The sources

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                found.push(Source::new(name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let tests: Vec<Vec<String>> = found.iter().flat_map(|source| source.test_modules.clone()).collect();
    for source in &mut found {
        if tests.iter().any(|test| source.module.starts_with(test)) {
            source.become_test();
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[test]
fn the_sources_keep_the_rules() {
    let sources = sources();
    let breaches: Vec<String> = sources
        .iter()
        .flat_map(|source| {
            RULES
                .iter()
                .flat_map(|(name, rule)| rule(source).into_iter().map(move |b| format!("{name}: {b}")))
        })
        .collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// A rule that sees nothing finds nothing. So: how much was looked at, and that the one place which may
/// do something does it where the rule looks.
#[test]
fn the_rules_saw_the_whole_house() {
    let sources = sources();
    assert!(sources.len() >= 80, "{} files", sources.len());
    for room in FLOORS.iter().copied().flatten() {
        assert!(sources.iter().any(|source| source.room() == *room), "{room} has no file");
    }
    for source in &sources {
        let room = source.room();
        assert!(room == "lib" || floor(room).is_some(), "src/{} is in no room", source.path);
    }
    let named: usize = sources.iter().map(|source| imports(source).len()).sum();
    assert!(named >= 200, "{named} imports");
    let tests = sources.iter().filter(|source| source.lines == 0).count();
    assert!((1..=sources.len() / 4).contains(&tests), "{tests} files of tests");
    let lines: usize = sources.iter().map(|source| source.lines).sum();
    assert!(lines > 8000, "{lines} lines");
    let of = |path: &str| sources.iter().find(|source| source.path == path).unwrap();
    assert_eq!(publish_calls(of("state/reload.rs")).len(), 1);
    assert_eq!(permits(of("policy/admission.rs")).len(), 2);
    assert_eq!(
        paths(&of("gate/facts.rs").shipped, "httparse").iter().filter(|p| p.1[0] == "Request").count(),
        1
    );
    for room in PINGORA {
        let uses = |source: &&Source| source.all.iter().any(|token| token.text == "pingora");
        assert!(sources.iter().filter(|source| source.room() == room).any(|source| uses(&source)), "{room}");
    }
}

#[test]
fn contributing_draws_the_same_floors() {
    let text = include_str!("../CONTRIBUTING.md");
    let floors: Vec<String> = FLOORS
        .iter()
        .rev()
        .map(
            |rooms| {
                if let [room] = rooms { (*room).to_owned() } else { format!("{{ {} }}", rooms.join(", ")) }
            },
        )
        .collect();
    let drawing = floors.join(" → ");
    assert!(text.lines().any(|line| line == drawing), "CONTRIBUTING.md does not hold the line: {drawing}");
}

// ---------------------------------------------------------------------------------------------------
// Each rule finds what it forbids, and nothing else

/// The names of the rules that a source breaks, once for each breach.
fn broken(path: &str, text: &str) -> Vec<&'static str> {
    let source = Source::new(path, text);
    RULES.iter().flat_map(|(name, rule)| rule(&source).into_iter().map(move |_| *name)).collect()
}

#[test]
fn what_is_forbidden_is_found() {
    let cases = [
        ("policy/addr.rs", "use crate::config::Mode;", vec!["layers"]),
        ("config/mod.rs", "fn f() { crate::load::loader() }", vec!["layers"]),
        ("config/mod.rs", "use crate::{policy, state::Store};", vec!["layers"]),
        ("config/mod.rs", "use crate::{policy::{a, b}, telemetry, gate::{c}};", vec!["layers", "layers"]),
        ("telemetry.rs", "use nexmo_gate::state::Store;", vec!["layers"]),
        ("gate/head.rs", "use nexmo_gate::admin::routes;", vec!["layers"]),
        ("gate/head.rs", "use super::super::{policy, admin::routes};", vec!["layers"]),
        ("gate/head.rs", "mod inside { use nexmo_gate::server; }", vec!["layers"]),
        ("gate/mod.rs", "use nexmo_gate::admin;", vec!["layers"]),
        ("gate/mod.rs", "use crate::admin;", vec!["layers"]),
        ("admin/mod.rs", "use nexmo_gate::gate::Gate;", vec!["layers"]),
        ("admin/mod.rs", "use crate::*;", vec!["layers"]),
        ("state/store.rs", "use crate::Failure;", vec!["layers"]),
        ("server.rs", "pub use crate::cli::Cli;", vec!["layers"]),
        ("cli/mod.rs", "#[cfg(test)] mod tests { use crate::main; }", vec!["layers"]),
        ("state/store.rs", "use pingora::server::Server;", vec!["pingora"]),
        ("cli/run.rs", "fn f(x: pingora_core::Error) {}", vec!["pingora"]),
        ("main.rs", "use pingora;", vec!["pingora"]),
        ("policy/addr.rs", "use std::time::Instant;", vec!["policy", "policy"]),
        ("policy/addr.rs", "use std::time::{Duration, SystemTime as T};", vec!["policy", "policy"]),
        ("policy/addr.rs", "use std::{fmt, fs::File};", vec!["policy"]),
        ("policy/addr.rs", "use core::{fmt::{self, Write}, time};", vec!["policy"]),
        ("policy/addr.rs", "use std::net::*;", vec!["policy"]),
        ("policy/addr.rs", "fn f(s: std::net::TcpStream) {}", vec!["policy"]),
        ("policy/addr.rs", "async fn f() {}", vec!["policy"]),
        ("policy/addr.rs", "fn f() { tracing::info!(\"x\"); }", vec!["policy"]),
        ("policy/addr.rs", "#[derive(serde_yaml::Value)] struct S;", vec!["policy"]),
        ("policy/addr.rs", "use tokio::time::sleep;", vec!["policy"]),
        ("config/raw.rs", "use std::fs;", vec!["config"]),
        ("config/raw.rs", "use std::env::var;", vec!["config"]),
        ("config/raw.rs", "fn f(p: &std::path::Path) -> bool { p.exists() }", vec!["config"]),
        ("config/raw.rs", "use tokio::sync::Mutex;", vec!["config"]),
        ("server.rs", "fn f() { store.publish(next); }", vec!["publish"]),
        ("state/watch.rs", "fn f() { Store::publish(&store, next); }", vec!["publish"]),
        ("gate/intake.rs", "fn f() -> Permit { Permit { client, grant } }", vec!["permit"]),
        ("policy/route.rs", "fn f() { let p = admission::Permit { client, grant }; }", vec!["permit"]),
        ("gate/request.rs", "fn f() { head.values(\"x-forwarded-for\"); }", vec!["headers"]),
        ("gate/exchange.rs", "fn f() { for (name, value) in head.fields() {} }", vec!["headers"]),
        ("gate/head.rs", "use httparse::{Request, Status};", vec!["headers"]),
        ("gate/intake.rs", "fn f() { httparse::Request::new(&mut []); }", vec!["headers"]),
        ("gate/body.rs", "fn f() { session.req_header(); }", vec!["headers"]),
        ("cli/run.rs", "fn f() { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "fn f() { x\n  .expect(\"there\"); }", vec!["panics"]),
        ("cli/run.rs", "fn f() { a.map(Option::unwrap); }", vec!["panics"]),
        ("cli/run.rs", "fn f() { panic!(\"x\") }", vec!["panics"]),
        ("cli/run.rs", "fn f() { unreachable!() } fn g() { todo!() }", vec!["panics", "panics"]),
        ("cli/run.rs", "#[cfg(test)] fn t() {} fn f() { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "/* a \" in a comment */ fn f() { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "const C: char = '\"'; fn f() { x.unwrap(); } // \"", vec!["panics"]),
        ("cli/run.rs", "const C: &str = r#\"\"\"#; fn f<'a>(x: &'a str) { x.unwrap(); }", vec!["panics"]),
        ("cli/run.rs", "const C: char = '\\''; fn f() { x.unwrap(); }", vec!["panics"]),
    ];
    let seen: BTreeSet<&str> = cases.iter().flat_map(|(_, _, rules)| rules.clone()).collect();
    assert_eq!(seen.len(), RULES.len() - 1, "every rule has a case here; `size` has its own");
    for (path, text, rules) in cases {
        assert_eq!(broken(path, text), rules, "src/{path}: {text}");
    }
    let long = "fn f() {}\n".repeat(MOST_LINES + 1);
    assert_eq!(broken("cli/run.rs", &long), ["size"]);
}

#[test]
fn what_is_allowed_is_not_found() {
    let most = "fn f() {}\n".repeat(MOST_LINES) + "\n\n#[cfg(test)]\nmod tests {\n}\n";
    let cases = [
        (
            "gate/head.rs",
            "use crate::policy::outcome::Reason; use crate::state; use nexmo_gate::alarm::Alarm;",
        ),
        ("gate/head.rs", "mod inside { use nexmo_gate::alarm::Alarm; } pub(super) fn f() {}"),
        ("gate/head.rs", "#[cfg(test)] mod tests { use super::*; fn f() { x.unwrap(); panic!() } }"),
        ("gate/head.rs", "use pingora::protocols::Stream; fn f() { map.values(); }"),
        ("gate/intake.rs", "fn f() { head.values(name); head.fields(); }"),
        ("gate/answer.rs", "use httparse::Response;"),
        ("gate/exchange.rs", "fn f(permit: &Permit) {}"),
        ("cli/demo/gate.rs", "use crate::cli::Failure; use nexmo_gate::Failure;"),
        ("main.rs", "use nexmo_gate::cli::{Cli, run};"),
        ("lib.rs", "pub mod admin;\npub mod cli;"),
        ("config/raw.rs", "use std::path::{Path, PathBuf}; fn f() { key.exists; } use serde_yaml::Value;"),
        (
            "policy/addr.rs",
            "use std::{fmt, net::{IpAddr, Ipv4Addr}}; use std::time::Duration; use ipnet::IpNet;",
        ),
        ("policy/addr.rs", "#[cfg(test)] mod tests { use std::time::Instant; use proptest::prelude::*; }"),
        (
            "policy/addr.rs",
            "// tokio::spawn, pingora, crate::gate\nconst A: &str = \"std::fs::read x.unwrap()\";",
        ),
        (
            "policy/admission.rs",
            "pub struct Permit { a: u8 } impl Permit { fn f() -> Permit { Permit { a: 1 } } }",
        ),
        ("state/reload.rs", "fn f() { self.store.publish(next); }"),
        ("state/store.rs", "impl Store { pub fn publish(&self) {} }"),
        ("cli/run.rs", "fn f() { let e = seen.expect; }"),
        ("cli/run.rs", "fn f() { x.unwrap_or(1); x.unwrap_or_default(); } #[expect(lint)] fn g() {}"),
        ("cli/run.rs", most.as_str()),
    ];
    for (path, text) in cases {
        assert_eq!(broken(path, text), Vec::<&str>::new(), "src/{path}: {text}");
    }
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_known_as_one() {
    let source = Source::new("config/mod.rs", "mod keys;\n#[cfg(test)]\nmod tests;\n#[cfg(test)] mod t { }");
    assert_eq!(source.test_modules, [["config", "tests"]]);
    assert_eq!(source.lines, 1);
}
