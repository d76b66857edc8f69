//! The problems and warnings of a reading, in the order of the file.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_yaml::Value;

use crate::config::read::error::Problem;
use crate::config::read::units::{is_secret, quote, scrubbed};

/// Collects problems and warnings while the file is read. Reading does not stop at a problem.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Report {
    /// Adds a problem, which makes the configuration unusable.
    pub(crate) fn problem(&self, at: &str, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(at, scrubbed(&message.into())));
    }

    /// Adds a warning.
    pub(crate) fn warning(&self, at: &str, message: impl Into<String>) {
        self.warnings.borrow_mut().push(Problem::new(at, scrubbed(&message.into())));
    }

    /// Whether there is a problem at this place or below it. Then the value read there is a placeholder, and
    /// further checks of it would report what is not in the file.
    pub(crate) fn is_spoilt(&self, at: &str) -> bool {
        self.problems.borrow().iter().any(|problem| {
            problem.at.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// The warnings, or every problem; both in the order of the file. Problems of flags and missing keys come
    /// first.
    pub(crate) fn finish(self, file: &Value) -> Result<Vec<Problem>, Vec<Problem>> {
        let mut places = HashMap::new();
        number(file, "", &mut places);
        let sorted = |mut found: Vec<Problem>| {
            found.sort_by_key(|problem| place(&places, &problem.at));
            found
        };
        let problems = self.problems.into_inner();
        if problems.is_empty() { Ok(sorted(self.warnings.into_inner())) } else { Err(sorted(problems)) }
    }
}

/// The position of the path in the file, or of its nearest ancestor that the file has.
fn place(places: &HashMap<String, usize>, path: &str) -> usize {
    let mut path = path;
    loop {
        if let Some(place) = places.get(path) {
            return *place;
        }
        match path.rfind(['.', '[']) {
            Some(cut) => path = &path[..cut],
            None => return 0,
        }
    }
}

fn number(value: &Value, path: &str, places: &mut HashMap<String, usize>) {
    let next = places.len() + 1;
    places.insert(path.to_owned(), if path.is_empty() { 0 } else { next });
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                number(value, &join(path, &segment(key)), places);
            }
        }
        Value::Sequence(items) => {
            for (index, value) in items.iter().enumerate() {
                number(value, &format!("{path}[{index}]"), places);
            }
        }
        _ => {}
    }
}

/// The path of a key in the mapping at `path`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A key as a part of a path: as it is if it is a plain word, else quoted.
pub(crate) fn segment(key: &Value) -> String {
    let plain = |k: &str| !k.is_empty() && k.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match key {
        Value::String(key) if plain(key) && key.len() <= 40 && !is_secret(key) => key.clone(),
        Value::String(key) => quote(key),
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Null => "null".to_owned(),
        _ => "(a key that is no word)".to_owned(),
    }
}
