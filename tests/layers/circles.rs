//! Circles of imports between files, over all rooms.
//!
//! An import is what code outside of tests names of another file, by a `use` or where it stands. What a
//! `mod.rs` re-exports is imported from it, and from the file that has it. A `mod.rs` is made of its own
//! files: `mod x;`, a `pub use` of them and naming them in place is structure, a plain `use` is an import.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::slice;

use crate::house::House;
use crate::known::Finding;
use crate::names::{Import, imports, resolve};
use crate::source::{How, Source};

/// The files that each file imports, each with the place of the first import.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

pub fn circles(house: &House) -> Vec<Finding> {
    let graph = graph(house);
    shortest(&graph).iter().map(|circle| finding(&graph, circle)).collect()
}

fn graph(house: &House) -> Graph {
    let mut graph = Graph::new();
    for source in &house.sources {
        for import in imports(source).into_iter().filter(|import| !import.path.at.test) {
            let place = format!("src/{}:{}", source.path, import.path.at.line);
            for to in files(house, source, &import) {
                graph.entry(source.name()).or_default().entry(to.name()).or_insert_with(|| place.clone());
            }
        }
    }
    graph
}

/// The files that one import is from.
fn files<'h>(house: &'h House, source: &Source, import: &Import<'_>) -> Vec<&'h Source> {
    let Some(named) = house.file_of(&import.to) else { return Vec::new() };
    let is_structure = |to: &Source| import.path.how != How::Use && to.module.starts_with(&source.module);
    let found = [Some(named), behind(house, named, &import.to)].into_iter().flatten();
    found.filter(|to| to.path != source.path && !is_structure(to)).collect()
}

/// The file behind a re-export.
fn behind<'h>(house: &'h House, named: &Source, to: &[String]) -> Option<&'h Source> {
    let item = to.get(named.module.len())?;
    let export = |path: &&crate::source::Path| {
        path.how == How::PubUse && path.inside.is_empty() && path.binds.as_ref() == Some(item)
    };
    let path = named.paths.iter().find(export)?;
    house.file_of(&resolve(named, path)?)
}

/// For each import the shortest circle that it is part of; each circle once, from its first name on.
fn shortest(graph: &Graph) -> BTreeSet<Vec<String>> {
    let edges = graph.iter().flat_map(|(from, to)| to.keys().map(move |to| (from, to)));
    edges.filter_map(|(from, to)| way(graph, to, from)).map(from_first_name).collect()
}

/// The shortest way from one file to another, both named.
fn way(graph: &Graph, from: &str, to: &str) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![from.to_owned()]]);
    let mut seen = BTreeSet::from([from.to_owned()]);
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        if last == to {
            return Some(way);
        }
        for next in graph.get(last).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next.clone()) {
                ways.push_back([&way[..], slice::from_ref(next)].concat());
            }
        }
    }
    None
}

fn from_first_name(mut circle: Vec<String>) -> Vec<String> {
    let first = (0..circle.len()).min_by_key(|at| &circle[*at]).unwrap_or(0);
    circle.rotate_left(first);
    circle
}

fn finding(graph: &Graph, circle: &[String]) -> Finding {
    let around = [circle, &circle[..1]].concat();
    let key = around.join(" -> ");
    let places =
        around.windows(2).map(|pair| format!("\n    {} imports {}", graph[&pair[0]][&pair[1]], pair[1]));
    Finding { says: format!("imports in a circle: {key}{}", places.collect::<String>()), key }
}
