//! A document of unknown shape becomes prefixes, or every reason why not.
//!
//! What it claims to be (its name, its content type) does not count. JSON is what begins with a brace or a bracket, a web
//! page what begins with `<`, and anything else must be a range file.
//!
//! | file | noun |
//! | --- | --- |
//! | [`json`] | the tree of a JSON text |
//! | [`walk`] | the addresses in such a tree, each with its place |
//! | [`look`] | whether a string is an address, or looks like one |
//! | [`pair`] | an object that says one range in two members |
//! | [`group`] | the parts of a document, of which some are chosen |
//! | [`refusal`] | why a document is not read |

mod group;
mod json;
mod look;
mod pair;
pub(crate) mod refusal;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::policy::address::range_list::{LineProblem, parse};
use crate::policy::proposal::document::group::choose;
use crate::policy::proposal::document::refusal::{MOST_BYTES, MOST_PREFIXES, MOST_REFUSALS, Refusal};
use crate::policy::proposal::document::walk::walk;
use crate::policy::visible::is_hidden;

/// The prefixes of a document, each once, in order. `groups` chooses among the groups of a JSON document.
///
/// # Errors
/// Every reason why it is not read; at least one, at most a hundred.
pub fn read(bytes: &[u8], groups: &[String]) -> Result<Vec<IpNet>, Vec<Refusal>> {
    if bytes.len() > MOST_BYTES {
        return Err(vec![Refusal::Large]);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        vec![Refusal::NotUtf8(1 + memchr::memchr_iter(b'\n', before).count())]
    })?;
    let prefixes = match text.trim_start().as_bytes().first() {
        Some(b'<') => return Err(vec![Refusal::Html(title(text))]),
        Some(b'{' | b'[') => of_json(text, groups)?,
        _ => of_text(text, groups)?,
    };
    match prefixes.len() {
        0 => Err(vec![Refusal::Empty]),
        count if count > MOST_PREFIXES => Err(vec![Refusal::Many(count)]),
        _ => Ok(prefixes.into_iter().collect()),
    }
}

fn of_json(text: &str, groups: &[String]) -> Result<BTreeSet<IpNet>, Vec<Refusal>> {
    let tree = json::read(text).map_err(|(line, why)| vec![Refusal::Json { line, why }])?;
    let found = walk(&tree)?;
    if found.is_empty() {
        return Err(vec![Refusal::Empty]);
    }
    choose(&found, groups).map_err(|refusal| vec![refusal])
}

fn of_text(text: &str, groups: &[String]) -> Result<BTreeSet<IpNet>, Vec<Refusal>> {
    let list = match parse(text.as_bytes()) {
        Ok(list) => list,
        Err(_) if text.get(..2048).unwrap_or(text).to_ascii_lowercase().contains("<html") => {
            return Err(vec![Refusal::Html(title(text))]);
        }
        Err(problems) => return Err(lines(text, problems)),
    };
    if let Some(wanted) = groups.first() {
        return Err(vec![Refusal::NoGroup { wanted: wanted.clone(), there: Vec::new() }]);
    }
    Ok(list.entries().iter().map(|entry| entry.prefix).collect())
}

/// The bad lines of a text. Of a table one line is enough.
fn lines(text: &str, problems: Vec<LineProblem>) -> Vec<Refusal> {
    let of_whole = |problem: &LineProblem| problem.line == 0;
    if problems.iter().any(of_whole) {
        return vec![Refusal::Empty];
    }
    let first = problems.first().and_then(|problem| {
        let line = text.lines().nth(problem.line as usize - 1)?;
        Some(Refusal::Table { line: problem.line, kind: table(line)?, message: problem.message.clone() })
    });
    if let Some(table) = first {
        return vec![table];
    }
    let line = |problem: LineProblem| Refusal::Line { line: problem.line, message: problem.message };
    problems.into_iter().take(MOST_REFUSALS).map(line).collect()
}

/// Which table a line is a row of.
fn table(line: &str) -> Option<&'static str> {
    match line {
        line if line.contains('|') => Some("Markdown table"),
        line if line.contains([',', ';', '\t']) => Some("CSV table"),
        _ => None,
    }
}

/// The title of a web page, short and on one line.
fn title(text: &str) -> Option<String> {
    const MOST: usize = 80;
    let lower = text.to_ascii_lowercase();
    let begin = lower.find("<title")?;
    let begin = begin + lower.get(begin..)?.find('>')? + 1;
    let end = begin + lower.get(begin..)?.find('<')?;
    let words: Vec<&str> = text.get(begin..end)?.split_whitespace().collect();
    let title: String = words.join(" ").chars().filter(|c| !is_hidden(*c)).take(MOST).collect();
    (!title.is_empty()).then_some(title)
}
