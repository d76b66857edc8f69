//! Parses a text as one YAML document, or reports the syntax error with its place.
//!
//! A text with a syntax error has only this one problem, because what follows the error cannot be parsed.

use serde_yaml::{Mapping, Value};

use crate::config::bounds;
use crate::config::read::error::Problem;
use crate::config::read::node::found;
use crate::config::read::report::segment;
use crate::policy::hold::Outline;

/// Reads the text as one YAML document and applies merge keys; an empty text is an empty mapping.
///
/// # Errors
/// The syntax error with its line and column, or the key that is set twice.
pub(crate) fn document(text: &str) -> Result<Value, Problem> {
    bounds::check(text)?;
    let mut value: Value = serde_yaml::from_str(text).map_err(|error| flaw(text, &error))?;
    value.apply_merge().map_err(|error| flaw(text, &error))?;
    match value {
        Value::Null => Ok(Value::Mapping(Mapping::new())),
        Value::Mapping(_) => Ok(value),
        // A file that is a single text is not a configuration; it may be a secret, so it is not quoted.
        Value::String(text) => {
            let count = text.chars().count();
            let message =
                format!("found a text of {count} characters, wanted keys such as \"upstream: ...\"");
            Err(Problem::new("", message))
        }
        other => {
            Err(Problem::new("", format!("found {}, wanted keys such as \"upstream: ...\"", found(&other))))
        }
    }
}

/// The outline of the text. A key without a value counts as absent: what was below it is gone.
pub(crate) fn outline(text: &str, file: &Value) -> Outline {
    let entries = file.as_mapping().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let keys = entries.filter_map(|(key, _)| key.as_str().map(str::to_owned)).collect();
    let routes = file.get("routes").and_then(Value::as_sequence).map_or(0, Vec::len);
    Outline { text: text.to_owned(), keys, routes }
}

fn flaw(text: &str, error: &serde_yaml::Error) -> Problem {
    let mut message = error.to_string();
    let Some(spot) = error.location() else { return Problem::new("", message) };
    let (line, column) = (spot.line(), spot.column());
    message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
    // The place in the error for a duplicate is the start of the mapping, not the key.
    if let Some((path, key)) = message.split_once("duplicate entry with key ") {
        let path = path.strip_suffix(": ").map_or(String::new(), |path| format!("{path}."));
        let at = format!("{path}{}", segment(&Value::String(key.trim_matches('"').to_owned())));
        return Problem::new(at, format!("is set twice in the mapping that begins on line {line}"));
    }
    let source = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    if source.trim_start_matches(' ').starts_with('\t') {
        message.push_str("; the line begins with a tab, and YAML is indented with spaces");
    }
    if message.starts_with("unknown anchor") {
        message.push_str("; a text that begins with '*' must be in quotes");
    }
    Problem::new(format!("line {line}, column {column}"), message)
}
