//! The rules of the house, held on the sources: who may import whom, what only one room may do, how large
//! a file and a folder may be. CONTRIBUTING.md says why; this says where a rule is broken, by file and line.
//!
//! | file | noun |
//! | --- | --- |
//! | [`plan`] | the rooms, and what each may use: here a rule is changed |
//! | [`known`] | what breaks a rule today; lists that only become shorter |
//! | [`house`] | all sources |
//! | [`source`] | one file: what it names, calls and makes |
//! | [`reader`] | how that is found in its syntax |
//! | [`names`] | what a path means |
//! | [`floors`] | the rule of imports, between rooms and within a room |
//! | [`circles`] | imports that lead back to where they began |
//! | [`rules`] | what only some files may do |
//! | [`shape`] | sizes, and tables of files |
//! | [`planted`] | each rule finds what it forbids, and nothing else |
//! | [`planted_house`] | the same for the rules that need several files |
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test they are how it fails")]

mod circles;
mod floors;
mod house;
mod known;
mod names;
mod plan;
mod planted;
mod planted_house;
mod reader;
mod rules;
mod shape;
mod source;

use crate::house::House;
use crate::plan::{HOUSE, THE_REST};
use crate::source::Source;

#[test]
fn the_sources_keep_the_rules() {
    let house = House::real();
    let mut breaches = Vec::new();
    for source in &house.sources {
        for (name, rule) in rules::RULES {
            breaches.extend(rule(source, house).iter().map(|breach| format!("{name}: {breach}")));
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn no_imports_run_in_a_circle() {
    let breaches = known::beyond(&circles::circles(House::real()), known::CIRCLES);
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn no_folder_holds_too_many_files() {
    let breaches = known::beyond(&shape::folders(House::real()), known::FOLDERS);
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn tables_of_files_are_complete() {
    let breaches = known::beyond(&shape::tables(House::real()), known::TABLES);
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// A rule that sees nothing finds nothing. So: how much was looked at, and that the one place which may
/// do something does it where the rule looks.
#[test]
fn the_rules_saw_the_whole_house() {
    let house = House::real();
    let sources = &house.sources;
    assert!(sources.len() >= 80, "{} files", sources.len());
    let named: usize = sources.iter().map(|source| names::imports(source).len()).sum();
    assert!(named >= 1000, "{named} imports");
    let tests = sources.iter().filter(|source| source.lines == 0).count();
    assert!((1..=sources.len() / 4).contains(&tests), "{tests} files of tests");
    let lines: usize = sources.iter().map(|source| source.lines).sum();
    assert!(lines > 8000, "{lines} lines");
    let tables = sources.iter().filter(|source| !source.table.is_empty()).count();
    assert!(tables >= 5, "{tables} tables");
    assert_eq!(rules::publish_calls(house.source(plan::PUBLISHES)).len(), 1);
    assert_eq!(rules::permits(house.source(plan::PERMITS)).len(), 3);
    assert_eq!(rules::request_parsers(house.source(plan::PARSES_HEADERS)).len(), 1);
    assert!(rules::provider_names(house.source("policy/provider/nexmo/mod.rs")).len() >= 5);
    let strings: usize = sources.iter().map(|source| source.strings.len()).sum();
    assert!(strings > 1000, "{strings} strings");
    for room in plan::PINGORA {
        let names_it = |source: &Source| source.words.iter().any(|word| word.text == "pingora");
        assert!(in_room(sources, room).any(names_it), "{room} names no pingora");
    }
}

/// Every room of the plan is there, and all that is there is on a floor.
#[test]
fn the_plan_is_the_house() {
    let house = House::real();
    for room in HOUSE.iter().copied().flatten() {
        assert!(in_room(&house.sources, room.name).next().is_some(), "{} has no file", room.name);
        for name in room.floors.iter().copied().flatten().filter(|name| **name != THE_REST) {
            let is_there = |source: &Source| source.module.get(1).is_some_and(|part| part == name);
            assert!(in_room(&house.sources, room.name).any(is_there), "{}/{name} has no file", room.name);
        }
    }
    for source in &house.sources {
        let room = source.room();
        assert!(room == "lib" || floors::floor(room).is_some(), "src/{} is in no room", source.path);
        if let (Some(plan), Some(part)) = (floors::plan_of(room), source.module.get(1)) {
            let is_placed = plan.floors.is_empty() || floors::floor_within(plan.floors, part).is_some();
            assert!(is_placed, "src/{} is on no floor of {room}", source.path);
        }
    }
}

fn in_room<'s>(sources: &'s [Source], room: &'s str) -> impl Iterator<Item = &'s Source> {
    sources.iter().filter(move |source| source.room() == room)
}

#[test]
fn contributing_draws_the_same_floors() {
    let text = include_str!("../../CONTRIBUTING.md");
    let floors: Vec<String> = HOUSE.iter().rev().map(|floor| drawn(floor)).collect();
    let drawing = floors.join(" → ");
    assert!(text.lines().any(|line| line == drawing), "CONTRIBUTING.md does not hold the line: {drawing}");
}

fn drawn(floor: &[plan::Room]) -> String {
    let names: Vec<&str> = floor.iter().map(|room| room.name).collect();
    if let [name] = names[..] { name.to_owned() } else { format!("{{ {} }}", names.join(", ")) }
}
