//! Who may import whom: no import runs up, and none to a neighbour on the same floor. Held in tests too.

use std::collections::BTreeMap;

use crate::house::House;
use crate::names::{Import, imports};
use crate::plan::{HOUSE, Room, THE_REST};
use crate::source::Source;

pub fn floor(room: &str) -> Option<usize> {
    HOUSE.iter().position(|floor| floor.iter().any(|other| other.name == room))
}

/// Each breach once, with the line where it is first.
pub fn layers(source: &Source, house: &House) -> Vec<String> {
    let mut breaches = BTreeMap::new();
    for import in imports(source) {
        if let Some(breach) = breach(source, house, &import) {
            breaches.entry(breach).or_insert(import.path.at);
        }
    }
    breaches.into_iter().map(|(breach, at)| source.says(at, &breach)).collect()
}

fn breach(source: &Source, house: &House, import: &Import<'_>) -> Option<String> {
    let own = source.room();
    let room = import.to.first().map_or("", String::as_str);
    if own == room {
        return breach_within(source, house, import);
    }
    match (floor(own), floor(room)) {
        (Some(own), Some(other)) if other < own => None,
        (_, None) => Some(format!("`{room}` is not a room")),
        _ => Some(format!("{own} imports from {room}")),
    }
}

/// Between the files and folders of one room. What its `mod.rs` itself holds may be used by all of them,
/// and `mod.rs` may use them all.
fn breach_within(source: &Source, house: &House, import: &Import<'_>) -> Option<String> {
    let room = source.room();
    let floors = plan_of(room)?.floors;
    let own = source.module.get(1)?;
    let other = house.file_of(&import.to)?.module.get(1)?;
    (!is_allowed(floors, own, other)).then(|| format!("{room}/{own} imports from {room}/{other}"))
}

/// Whether one part of a room may import from another.
pub fn is_allowed(floors: &[&[&str]], own: &str, other: &str) -> bool {
    match (floor_within(floors, own), floor_within(floors, other)) {
        _ if own == other => true,
        (Some(from), Some(to)) => to < from || (to == from && floors[to].contains(&THE_REST)),
        _ => true,
    }
}

pub fn plan_of(room: &str) -> Option<&'static Room> {
    HOUSE.iter().copied().flatten().find(|other| other.name == room)
}

/// The floor that names it, or else that of the rest.
pub fn floor_within(floors: &[&[&str]], name: &str) -> Option<usize> {
    let holds = |word: &str| floors.iter().position(|floor| floor.contains(&word));
    holds(name).or_else(|| holds(THE_REST))
}
