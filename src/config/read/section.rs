//! A mapping of the file: reads its keys, and reports each unknown key.

use serde_yaml::{Mapping, Value};

use crate::config::keys;
use crate::config::read::node::{Node, Source, unknown};
use crate::config::read::report::{join, segment};

/// A mapping with its place; the values of flags replace those of the file.
pub(crate) struct Section<'a> {
    path: String,
    entries: Option<&'a Mapping>,
    source: &'a Source<'a>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(crate) fn root(file: &'a Value, source: &'a Source<'a>) -> Self {
        Self::new(String::new(), file.as_mapping(), source)
    }

    /// The mapping at a key path; unknown keys are reported.
    pub(crate) fn new(path: String, entries: Option<&'a Mapping>, source: &'a Source<'a>) -> Self {
        let section = Self { path, entries, source };
        section.note_unknown();
        section
    }

    /// The shared parts of the reading.
    pub(crate) fn source(&self) -> &'a Source<'a> {
        self.source
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'a>> {
        let path = join(&self.path, key);
        if let Some(node) = self.source.flag(&path) {
            return Some(node);
        }
        let value = self.entries?.get(key)?;
        Some(Node { path, value, base: self.source.base, source: self.source })
    }

    /// The value of a key; an empty value counts as none, because all lines below the key may be commented
    /// out.
    pub(crate) fn get_filled(&self, key: &str) -> Option<Node<'a>> {
        self.get(key).filter(|node| !node.is_empty())
    }

    /// The mapping under a key; an empty one when there is none.
    pub(crate) fn section(&self, key: &str) -> Section<'a> {
        let filled = self.get_filled(key).and_then(|node| node.section("a mapping of keys"));
        filled.unwrap_or_else(|| Section { path: join(&self.path, key), entries: None, source: self.source })
    }

    /// Reports a problem at a key, which may be missing, or at the flag that replaces it.
    pub(crate) fn problem(&self, key: &str, message: impl Into<String>) {
        let at = self.get(key).map_or_else(|| join(&self.path, key), |node| node.path);
        self.source.report.problem(&at, message);
    }

    fn note_unknown(&self) {
        let known = keys::children(&self.path);
        for key in self.entries.into_iter().flat_map(|entries| entries.keys()) {
            let path = join(&self.path, &segment(key));
            let word = if let Value::String(word) = key { Some(word.as_str()) } else { None };
            let message = match word {
                Some(key) if known.contains(&key) => continue,
                Some(key) => unknown("key", key, &known),
                None => unknown("key", &segment(key), &known),
            };
            self.source.report.problem(&path, message);
        }
    }
}

impl<'a> Node<'a> {
    /// The keys of a mapping; unknown ones are reported.
    pub(crate) fn section(&self, wanted: &str) -> Option<Section<'a>> {
        let Value::Mapping(entries) = self.value else { return self.unwanted(wanted) };
        Some(Section::new(self.path.clone(), Some(entries), self.source))
    }
}
