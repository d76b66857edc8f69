//! A value of the file with its place, and readers for its type that report every wrong type, unknown key and
//! bad value.
//!
//! A derived deserialiser stops at the first error, so the readers walk the parsed document themselves. A
//! reader returns `None` when it has reported a problem; the caller continues with a placeholder, and the
//! whole reading fails at the end. Nothing here knows what a key means.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_yaml::Value;

use crate::config::keys;
use crate::config::read::report::Report;
use crate::config::read::units;
use crate::policy::provider::Provider;

/// What all nodes of a reading share.
pub(crate) struct Source<'a> {
    /// The problems and warnings so far.
    pub report: &'a Report,
    /// The folder that the file's relative paths start from.
    pub base: &'a Path,
    /// The values that flags and variables set, by key path: the flag's name and the value.
    pub replaced: BTreeMap<&'static str, (String, Value)>,
    /// The variable `PORT`.
    pub port: Option<&'a str>,
    /// The variable `CREDENTIALS_DIRECTORY`.
    pub credentials: Option<&'a str>,
    /// The provider whose webhooks are configured.
    pub provider: &'static Provider,
}

impl Source<'_> {
    /// The value that a flag sets for the key.
    pub(crate) fn flag(&self, path: &str) -> Option<Node<'_>> {
        let (name, value) = self.replaced.get(path)?;
        Some(Node { path: name.clone(), value, base: Path::new(""), source: self })
    }
}

/// A value with its place.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    /// A key path, or the name of a flag.
    pub path: String,
    /// The value.
    pub value: &'a Value,
    /// The folder that a relative path starts from: the file's folder; empty for a flag.
    pub base: &'a Path,
    /// The shared parts of the reading.
    pub source: &'a Source<'a>,
}

impl<'a> Node<'a> {
    /// Whether the value is empty. Unlike `Value::is_null` this does not look inside a tag: tags have no
    /// meaning in this file, so a tagged value always has a wrong type.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether this is exactly the word.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self.value, Value::String(text) if text == word)
    }

    /// Reports a problem here.
    pub(crate) fn problem<T>(&self, message: impl Into<String>) -> Option<T> {
        self.source.report.problem(&self.path, message);
        None
    }

    /// Reports a warning here.
    pub(crate) fn warning(&self, message: impl Into<String>) {
        self.source.report.warning(&self.path, message);
    }

    /// Reports that the value has another type than wanted.
    pub(crate) fn unwanted<T>(&self, wanted: &str) -> Option<T> {
        match self.value {
            Value::Null => self.problem(format!("is empty, wanted {wanted}")),
            other => self.problem(format!("found {}, wanted {wanted}", found(other))),
        }
    }

    /// The value of a reader, or its error reported as a problem here.
    pub(crate) fn judged<T, E: Display>(&self, read: Result<T, E>) -> Option<T> {
        read.map_or_else(|error| self.problem(error.to_string()), Some)
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, wanted: &str) -> Option<&'a str> {
        match self.value {
            Value::String(text) if text.is_empty() => self.problem(format!("is empty, wanted {wanted}")),
            Value::String(text) => Some(text),
            _ => self.unwanted(wanted),
        }
    }

    /// A text that `read` accepts.
    pub(crate) fn parsed<T, E: Display>(
        &self,
        wanted: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.text(wanted).and_then(|text| self.judged(read(text)))
    }

    /// A path of a file or folder; a relative one starts at the config file's folder. One variable is replaced, because
    /// nobody knows its value before the service runs; no other is.
    pub(crate) fn file(&self, wanted: &str) -> Option<PathBuf> {
        let text = self.text(wanted)?;
        if text.contains("-----BEGIN") {
            return self.problem(format!("holds the text of a PEM file itself, wanted {wanted}"));
        }
        if text.contains('\0') {
            return self.problem("a path cannot hold a zero byte");
        }
        let Some(rest) = text.strip_prefix("${CREDENTIALS_DIRECTORY}/") else {
            return Some(self.under_base(Path::new(text)));
        };
        match self.source.credentials {
            Some(folder) => Some(Path::new(folder).join(rest)),
            None => self.problem(
                "the variable CREDENTIALS_DIRECTORY is not set: systemd sets it for a service with LoadCredential=; by \
                 hand, set it to the folder of the service's credentials",
            ),
        }
    }

    /// A path relative to the file's folder; a flag's path stays as it is.
    pub(crate) fn under_base(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// `true` or `false`.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(*truth),
            _ => self.unwanted("true or false"),
        }
    }

    /// A whole number.
    pub(crate) fn count(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let (first, last) = (range.start(), range.end());
        let number = match self.value {
            Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            Some(number) => self.problem(format!("{number} is not from {first} to {last}")),
            None => self.unwanted(&format!("a whole number from {first} to {last}")),
        }
    }

    /// A duration.
    pub(crate) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.with_unit("a duration such as 5s")?;
        let duration = self.judged(units::duration(&text))?;
        if range.contains(&duration) {
            return Some(duration);
        }
        let [own, first, last] = [duration, *range.start(), *range.end()].map(units::show_duration);
        self.problem(format!("{own} is not from {first} to {last}"))
    }

    /// A size in bytes.
    pub(crate) fn size(&self, range: RangeInclusive<usize>) -> Option<usize> {
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

    /// The text of a quantity. A bare number is returned as text, so that the reader can name the missing
    /// unit.
    fn with_unit(&self, wanted: &str) -> Option<String> {
        match self.value {
            Value::Number(number) => Some(number.to_string()),
            _ => self.text(wanted).map(str::to_owned),
        }
    }

    /// One of a few words; words in `planned` are known, but not supported yet.
    pub(crate) fn choice<T: Copy>(&self, words: &[(&str, T)], planned: &[&str]) -> Option<T> {
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
    pub(crate) fn list(&self, wanted: &str) -> Option<Vec<Node<'a>>> {
        let Value::Sequence(items) = self.value else { return self.unwanted(wanted) };
        // All entries of a flag have the flag's name.
        let flag = self.path.starts_with("--");
        let path = |index| if flag { self.path.clone() } else { format!("{}[{index}]", self.path) };
        let node = |(index, value)| Node { path: path(index), value, ..self.clone() };
        Some(items.iter().enumerate().map(node).collect())
    }
}

/// `unknown key; did you mean "max_body"? There are: ...`
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let shown = if what == "key" { String::new() } else { format!(" {}", units::quote(word)) };
    let list = known.join(", ");
    match keys::nearest(word, known.iter().copied()) {
        Some(near) => format!("unknown {what}{shown}; did you mean {near:?}? There are: {list}"),
        None => format!("unknown {what}{shown}; there are: {list}"),
    }
}

/// A tag as it is written, unless it may be a secret.
fn tag(tag: &str) -> String {
    let plain = tag.len() <= 20 && tag.chars().all(|c| c.is_ascii_graphic());
    if plain && !units::is_secret(tag) { tag.to_owned() } else { units::quote(tag) }
}

/// A value described for a message.
pub(crate) fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {}", units::quote(text)),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping of keys".to_owned(),
        Value::Tagged(tagged) => format!("a value with the tag {}", tag(&tagged.tag.to_string())),
    }
}
