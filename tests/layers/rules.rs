//! What only some files may do. Each rule gives the breaches of one source.

use crate::floors::layers;
use crate::house::House;
use crate::names::resolve;
use crate::plan;
use crate::shape::size;
use crate::source::{At, Path, Source, Word};

pub type Rule = fn(&Source, &House) -> Vec<String>;

pub const RULES: [(&str, Rule); 11] = [
    ("layers", layers),
    ("pingora", pingora),
    ("policy", policy),
    ("config", config),
    ("provider", provider),
    ("publish", publish),
    ("permit", permit),
    ("headers", headers),
    ("panics", panics),
    ("errors", errors),
    ("size", size),
];

fn pingora(source: &Source, _: &House) -> Vec<String> {
    let named = source.words.iter().filter(|word| word.text.starts_with("pingora"));
    let named = named.filter(|_| !plan::PINGORA.contains(&source.room()));
    named.map(|word| source.says(word.at, "pingora is named")).collect()
}

/// No async, no clock, no disk, no network, no logging, no serde.
fn policy(source: &Source, _: &House) -> Vec<String> {
    if source.room() != "policy" {
        return Vec::new();
    }
    let mut breaches = pure(source, &plan::STD_FOR_POLICY, &plan::CRATES_FOR_POLICY);
    let named = shipped(&source.words).filter(|word| plan::NOT_IN_POLICY.contains(&word.text.as_str()));
    breaches.extend(named.map(|word| source.says(word.at, &format!("policy names `{}`", word.text))));
    breaches
}

/// Text in, values out.
fn config(source: &Source, _: &House) -> Vec<String> {
    if source.room() != "config" {
        return Vec::new();
    }
    let std = [&plan::STD_FOR_POLICY[..], &plan::STD_FOR_CONFIG].concat();
    let mut breaches = pure(source, &std, &plan::CRATES_FOR_CONFIG);
    let asks = source.calls.iter().filter(|call| !call.at.test);
    let asks = asks.filter(|call| plan::DISK_METHODS.contains(&call.method.as_str()));
    breaches
        .extend(asks.map(|call| source.says(call.at, &format!("config asks the disk: .{}()", call.method))));
    breaches
}

/// Only a provider's tables name it.
fn provider(source: &Source, _: &House) -> Vec<String> {
    if plan::NAME_PROVIDERS.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let named = provider_names(source).into_iter();
    named.map(|(at, name)| source.says(at, &format!("`{name}` is a provider's name"))).collect()
}

pub fn provider_names(source: &Source) -> Vec<(At, &'static str)> {
    let name = |word: &Word| {
        let lower = word.text.to_lowercase();
        let others = plan::PRODUCT.iter().fold(lower, |text, product| text.replace(product, ""));
        let name = plan::PROVIDER_NAMES.into_iter().find(|name| others.contains(name))?;
        Some((word.at, name))
    };
    shipped(&source.words).chain(shipped(&source.strings)).filter_map(name).collect()
}

/// Only these parts of the standard library, and of the crates only these.
fn pure(source: &Source, std: &[&str], crates: &[&str]) -> Vec<String> {
    let dependencies = dependencies();
    let breach = |path: &Path| {
        let first = &path.words[0];
        if matches!(first.as_str(), "std" | "core" | "alloc") {
            let path = format!("std::{}", path.words[1..].join("::"));
            let within = |part: &&str| path == **part || path.starts_with(&format!("{part}::"));
            (!std.iter().any(within)).then_some(path)
        } else {
            let is_banned = dependencies.contains(first) && !crates.contains(&first.as_str());
            is_banned.then(|| first.clone())
        }
    };
    let outside = shipped_paths(source).filter(|path| resolve(source, path).is_none());
    outside
        .filter_map(|path| Some((path.at, breach(path)?)))
        .map(|(at, name)| source.says(at, &format!("{} names {name}", source.room())))
        .collect()
}

/// The crates that Cargo.toml names, as they are written in code.
fn dependencies() -> Vec<String> {
    let manifest = include_str!("../../Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).expect("Cargo.toml has dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(" = ").map(|(name, _)| name.replace('-', "_")));
    let names: Vec<String> = names.collect();
    assert!(names.len() > 10 && names.contains(&"tokio".to_owned()), "{names:?}");
    names
}

/// Only a reload makes a snapshot current.
fn publish(source: &Source, _: &House) -> Vec<String> {
    let calls = publish_calls(source).into_iter().filter(|_| source.path != plan::PUBLISHES);
    calls.map(|at| source.says(at, "publishes a snapshot")).collect()
}

pub fn publish_calls(source: &Source) -> Vec<At> {
    called(source, &["publish"]).into_iter().map(|(at, _)| at).collect()
}

/// Only admission makes a permit.
fn permit(source: &Source, _: &House) -> Vec<String> {
    let made = permits(source).into_iter().filter(|_| source.path != plan::PERMITS);
    made.map(|at| source.says(at, "makes a Permit")).collect()
}

pub fn permits(source: &Source) -> Vec<At> {
    shipped(&source.made).filter(|made| made.text == "Permit").map(|made| made.at).collect()
}

/// Only one file parses a request's header, and few look at what it holds.
fn headers(source: &Source, _: &House) -> Vec<String> {
    if !plan::MEET_HEADERS.contains(&source.room()) || source.path == plan::PARSES_HEADERS {
        return Vec::new();
    }
    let parses = request_parsers(source).into_iter();
    let mut breaches: Vec<String> = parses.map(|at| source.says(at, "parses a request's header")).collect();
    if !plan::READS_HEADERS.contains(&source.path.as_str()) {
        let reads = header_reads(source).into_iter();
        breaches.extend(reads.map(|at| source.says(at, "reads a request's header")));
    }
    breaches
}

pub fn request_parsers(source: &Source) -> Vec<At> {
    let parses = |path: &&Path| path.words.len() > 1 && path.words[..2] == ["httparse", "Request"];
    shipped_paths(source).filter(parses).map(|path| path.at).collect()
}

fn header_reads(source: &Source) -> Vec<At> {
    const WORDS: [&str; 3] = ["parse_request", "parse_request_with_uninit_headers", "req_header"];
    let words = shipped(&source.words).filter(|word| WORDS.contains(&word.text.as_str()));
    let calls = source.calls.iter().filter(|call| !call.at.test);
    // `.values()` without a name is a map's.
    let reads =
        calls.filter(|call| call.method == "fields" || (call.method == "values" && call.has_arguments));
    words.map(|word| word.at).chain(reads.map(|call| call.at)).collect()
}

/// What a program of this kind may not do on any input.
fn panics(source: &Source, _: &House) -> Vec<String> {
    const METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
    const MACROS: [&str; 4] = ["panic", "todo", "unimplemented", "unreachable"];
    let macros = shipped(&source.macros).filter(|word| MACROS.contains(&word.text.as_str()));
    let macros = macros.map(|word| (word.at, word.text.as_str()));
    let found = called(source, &METHODS).into_iter().chain(macros);
    found.map(|(at, name)| source.says(at, &format!("`{name}` outside a test"))).collect()
}

/// What fails has an error of a type, which says in its documentation what happened, and in words what the operator can
/// change.
fn errors(source: &Source, _: &House) -> Vec<String> {
    let texts = source.text_errors.iter().filter(|at| !at.test);
    texts.map(|at| source.says(*at, "a `Result` whose error is a String")).collect()
}

/// Methods that are called, or named by a path.
fn called<'s>(source: &'s Source, methods: &[&str]) -> Vec<(At, &'s str)> {
    let calls = source.calls.iter().filter(|call| !call.at.test);
    let calls = calls.map(|call| (call.at, call.method.as_str()));
    let paths = shipped_paths(source).filter(|path| path.words.len() > 1);
    let paths = paths.filter_map(|path| Some((path.at, path.words.last()?.as_str())));
    calls.chain(paths).filter(|(_, name)| methods.contains(name)).collect()
}

fn shipped(words: &[Word]) -> impl Iterator<Item = &Word> {
    words.iter().filter(|word| !word.at.test)
}

fn shipped_paths(source: &Source) -> impl Iterator<Item = &Path> {
    source.paths.iter().filter(|path| !path.at.test)
}
