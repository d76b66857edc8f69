//! The file's shape: a walk over the YAML that notes every wrong type, unknown key and bad value.
//!
//! A derived deserialiser stops at the first error, so this room walks the parsed document itself.
//! A reader returns `None` when it has noted a problem; the caller goes on with a stand-in, and the
//! whole reading fails at the end. Nothing here knows what a key means.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_yaml::{Mapping, Value};

use super::error::Problem;
use super::keys;
use super::report::{Report, join, segment};
use super::units;

/// Reads the text as one YAML document, merge keys applied; nothing becomes an empty mapping.
pub fn document(text: &str) -> Result<Value, Problem> {
    let wrong = |error: &serde_yaml::Error| {
        let mut message = error.to_string();
        let Some(spot) = error.location() else { return Problem::new("", message) };
        let (line, column) = (spot.line(), spot.column());
        message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
        let source = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        if source.trim_start_matches(' ').starts_with('\t') {
            message.push_str("; the line begins with a tab, and YAML is indented with spaces");
        }
        if message.starts_with("unknown anchor") {
            message.push_str("; a text that begins with '*' stands in quotes");
        }
        Problem::new(format!("line {line}, column {column}"), message)
    };
    let mut value: Value = serde_yaml::from_str(text).map_err(|e| wrong(&e))?;
    value.apply_merge().map_err(|e| wrong(&e))?;
    match value {
        Value::Null => Ok(Value::Mapping(Mapping::new())),
        Value::Mapping(_) => Ok(value),
        other => {
            Err(Problem::new("", format!("found {}, wanted keys such as \"upstream: ...\"", found(&other))))
        }
    }
}

/// Where values come from and where problems go.
pub struct Source<'a> {
    /// What was found so far.
    pub report: &'a Report,
    /// The folder that the file's relative paths start from.
    pub base: &'a Path,
    /// What flags and variables put in the place of a key: by key path, the flag's name and the value.
    pub replaced: BTreeMap<&'static str, (String, Value)>,
}

impl Source<'_> {
    /// What a flag put in the place of the key.
    pub fn flag(&self, path: &str) -> Option<Node<'_>> {
        let (name, value) = self.replaced.get(path)?;
        Some(Node { path: name.clone(), value, base: Path::new(""), source: self })
    }
}

/// A value with its place.
#[derive(Clone)]
pub struct Node<'a> {
    /// A key path, or the name of a flag.
    pub path: String,
    /// What stands there.
    pub value: &'a Value,
    base: &'a Path,
    source: &'a Source<'a>,
}

impl<'a> Node<'a> {
    /// Notes a problem here.
    pub fn problem<T>(&self, message: impl Into<String>) -> Option<T> {
        self.source.report.problem(&self.path, message);
        None
    }

    /// Notes a warning here.
    pub fn warning(&self, message: impl Into<String>) {
        self.source.report.warning(&self.path, message);
    }

    /// Notes that the value is of another type than wanted.
    pub fn unwanted<T>(&self, wanted: &str) -> Option<T> {
        match self.value {
            Value::Null => self.problem(format!("is empty, wanted {wanted}")),
            other => self.problem(format!("found {}, wanted {wanted}", found(other))),
        }
    }

    /// The value of a reader, or its error as a problem here.
    pub fn judged<T>(&self, read: Result<T, String>) -> Option<T> {
        read.map_or_else(|message| self.problem(message), Some)
    }

    /// A text that is not empty.
    pub fn text(&self, wanted: &str) -> Option<&'a str> {
        match self.value {
            Value::String(text) if text.is_empty() => self.problem(format!("is empty, wanted {wanted}")),
            Value::String(text) => Some(text),
            _ => self.unwanted(wanted),
        }
    }

    /// A text for which `read` finds a meaning.
    pub fn parsed<T>(&self, wanted: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.text(wanted).and_then(|text| self.judged(read(text)))
    }

    /// A path of a file or folder; relative ones start at the config file's folder.
    pub fn file(&self, wanted: &str) -> Option<PathBuf> {
        let text = self.text(wanted)?;
        if text.contains('\0') {
            return self.problem("a path cannot hold a zero byte");
        }
        Some(self.under_base(Path::new(text)))
    }

    /// A path of the file, from its folder; a flag's path as it is.
    pub fn under_base(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// `true` or `false`.
    pub fn truth(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.unwanted("true or false"))
    }

    /// A whole number.
    pub fn count(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let (first, last) = (range.start(), range.end());
        match self.value.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(number) if range.contains(&number) => Some(number),
            Some(number) => self.problem(format!("{number} is not from {first} to {last}")),
            None => self.unwanted(&format!("a whole number from {first} to {last}")),
        }
    }

    /// A duration.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.with_unit("a duration such as 5s")?;
        let duration = self.judged(units::duration(&text))?;
        if range.contains(&duration) {
            return Some(duration);
        }
        let [own, first, last] = [duration, *range.start(), *range.end()].map(units::show_duration);
        self.problem(format!("{own} is not from {first} to {last}"))
    }

    /// A size in bytes.
    pub fn size(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let text = self.with_unit("a size such as 1MiB")?;
        let bytes = self.judged(units::size(&text))?;
        let show = |n: &usize| units::show_size(u64::try_from(*n).unwrap_or(u64::MAX));
        match usize::try_from(bytes) {
            Ok(size) if range.contains(&size) => Some(size),
            _ => self.problem(format!(
                "{} is not from {} to {}",
                units::show_size(bytes),
                show(range.start()),
                show(range.end())
            )),
        }
    }

    /// The text of a quantity. A bare number goes on as text, so that the reader can name the unit.
    fn with_unit(&self, wanted: &str) -> Option<String> {
        match self.value {
            Value::Number(number) => Some(number.to_string()),
            _ => self.text(wanted).map(str::to_owned),
        }
    }

    /// One of a few words; `planned` ones are known and refused.
    pub fn choice<T: Copy>(&self, words: &[(&str, T)], planned: &[&str]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let list = names.join(", ");
        let text = self.text(&format!("one of: {list}"))?;
        if let Some((_, meaning)) = words.iter().find(|(name, _)| *name == text) {
            return Some(*meaning);
        }
        if planned.contains(&text) {
            return self.problem(format!("{text} is not supported in this version; there are: {list}"));
        }
        self.problem(unknown("value", text, &names))
    }

    /// The entries of a list.
    pub fn list(&self, wanted: &str) -> Option<Vec<Node<'a>>> {
        let Value::Sequence(items) = self.value else { return self.unwanted(wanted) };
        // A flag has one name for all its entries.
        let flag = self.path.starts_with("--");
        let path = |index| if flag { self.path.clone() } else { format!("{}[{index}]", self.path) };
        let node = |(index, value)| Node { path: path(index), value, ..self.clone() };
        Some(items.iter().enumerate().map(node).collect())
    }

    /// The keys of a mapping; unknown ones are noted.
    pub fn section(&self, wanted: &str) -> Option<Section<'a>> {
        let Value::Mapping(entries) = self.value else { return self.unwanted(wanted) };
        let section = Section { path: self.path.clone(), entries: Some(entries), source: self.source };
        section.note_unknown(entries);
        Some(section)
    }
}

/// A mapping with its place; flags stand before what the file says.
pub struct Section<'a> {
    path: String,
    entries: Option<&'a Mapping>,
    source: &'a Source<'a>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub fn root(file: &'a Value, source: &'a Source<'a>) -> Self {
        let section = Self { path: String::new(), entries: file.as_mapping(), source };
        if let Some(entries) = section.entries {
            section.note_unknown(entries);
        }
        section
    }

    /// Where values come from and problems go.
    pub fn source(&self) -> &'a Source<'a> {
        self.source
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        let path = join(&self.path, key);
        if let Some(node) = self.source.flag(&path) {
            return Some(node);
        }
        let value = self.entries?.get(key)?;
        Some(Node { path, value, base: self.source.base, source: self.source })
    }

    /// The value of a key, where an empty one is as good as none: all of its lines are commented out.
    pub fn get_filled(&self, key: &str) -> Option<Node<'a>> {
        self.get(key).filter(|node| !node.value.is_null())
    }

    /// The mapping under a key; an empty one when there is none.
    pub fn section(&self, key: &str) -> Section<'a> {
        let filled = self.get_filled(key).and_then(|node| node.section("a mapping of keys"));
        filled.unwrap_or_else(|| Section { path: join(&self.path, key), entries: None, source: self.source })
    }

    /// Notes a problem at a key, which need not be there, or at the flag that stands in its place.
    pub fn problem(&self, key: &str, message: impl Into<String>) {
        let at = self.get(key).map_or_else(|| join(&self.path, key), |node| node.path);
        self.source.report.problem(&at, message);
    }

    fn note_unknown(&self, entries: &Mapping) {
        let known = keys::children(&self.path);
        for (key, value) in entries {
            let path = join(&self.path, &segment(key));
            let message = match key.as_str() {
                Some(key) if known.contains(&key) => continue,
                // Saying that a feature is off is true in this version too.
                Some(_) if keys::is_planned(&path) && *value == Value::Bool(false) => continue,
                Some(_) if keys::is_planned(&path) => "not supported in this version".to_owned(),
                Some(key) => unknown("key", key, &known),
                None => unknown("key", &segment(key), &known),
            };
            self.source.report.problem(&path, message);
        }
    }
}

/// `unknown key; did you mean "max_body"? There are: ...`
pub fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let shown = if what == "key" { String::new() } else { format!(" {}", units::quote(word)) };
    let list = known.join(", ");
    match keys::nearest(word, known.iter().copied()) {
        Some(near) => format!("unknown {what}{shown}; did you mean {near:?}? There are: {list}"),
        None => format!("unknown {what}{shown}; there are: {list}"),
    }
}

/// A value in words.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {}", units::quote(text)),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping of keys".to_owned(),
        Value::Tagged(tagged) => format!("a value with the tag {}", tagged.tag),
    }
}
