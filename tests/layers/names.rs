//! What a path means: from the root of the crate on, by the rules of Rust.
//!
//! A name counts as a module of the file, then as what a `use` of the file brought in. Names that come by
//! the `*` of another file are not followed: that file is imported by the `*` itself.

use crate::source::{Path, Source};

/// The crate as the binary and the tests name it, and as it names itself.
const CRATE: [&str; 2] = ["crate", "nexmo_gate"];
/// A chain of `use` is never as long.
const MOST_STEPS: usize = 8;

/// A path into the crate.
pub struct Import<'s> {
    /// From the root of the crate on.
    pub to: Vec<String>,
    /// The path as it is written.
    pub path: &'s Path,
}

pub fn imports(source: &Source) -> Vec<Import<'_>> {
    let import = |path| Some(Import { to: resolve(source, path)?, path });
    source.paths.iter().filter_map(import).collect()
}

/// From the root of the crate on, or none for a path into another crate.
pub fn resolve(source: &Source, path: &Path) -> Option<Vec<String>> {
    let is_use_of_crate = path.binds.is_some() && path.words.len() == 1;
    if is_use_of_crate { None } else { from_root(source, &path.words, &path.inside, MOST_STEPS) }
}

fn from_root(source: &Source, words: &[String], inside: &[String], steps: usize) -> Option<Vec<String>> {
    let steps = steps.checked_sub(1)?;
    let here = [&source.module, inside].concat();
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        name if CRATE.contains(&name) => Some(rest.to_vec()),
        "self" => Some([&here, rest].concat()),
        "super" => {
            let up = words.iter().take_while(|word| *word == "super").count();
            let left = here.len().saturating_sub(up);
            Some([&here[..left], &words[up..]].concat())
        }
        _ if is_child(source, first, inside) => Some([&here, words].concat()),
        _ => match brought_in(source, first, inside) {
            Some(path) if path.words != words => {
                let words = [&path.words, rest].concat();
                from_root(source, &words, inside, steps)
            }
            _ => over_star(source, words, inside, steps),
        },
    }
}

fn is_child(source: &Source, name: &str, inside: &[String]) -> bool {
    source.children.iter().any(|child| child.name == name && child.inside == inside)
}

/// The `use` that makes a name known.
fn brought_in<'s>(source: &'s Source, name: &str, inside: &[String]) -> Option<&'s Path> {
    let brings = |path: &&Path| {
        path.binds.as_deref() == Some(name) && path.inside == inside && path.words != [name.to_owned()]
    };
    source.paths.iter().find(brings)
}

/// A module with `use super::*` knows the names around it.
fn over_star(source: &Source, words: &[String], inside: &[String], steps: usize) -> Option<Vec<String>> {
    let (_, around) = inside.split_last()?;
    let star = |path: &Path| path.inside == inside && path.words == ["super", "*"];
    if source.paths.iter().any(star) { from_root(source, words, around, steps) } else { None }
}
