//! What is said of a range file that cannot be used: its name, its lines, or that nobody needs it.
//!
//! Which list stays in its place is decided in [`super::lists`].

use std::path::Path;

use crate::config::{Problem, is_list_name};
use crate::policy::address::range_list;

/// Bad lines that are reported per file. A file of another kind has only bad lines, and nobody reads a
/// million problems.
const MAX_LINES: usize = 100;
/// Characters per problem: room for the eight CIDRs that a message proposes. A binary file may be a single line.
const MAX_MESSAGE: usize = 560;

/// The name of a file is not one that a list can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a list is named by its file: letters, digits, '_', '.' and '-', a letter or digit first, 64 at most; rename the file"
)]
pub(super) struct ListNameError;

/// The name of the list that a file holds.
pub(super) fn list_name(path: &Path) -> Result<&str, ListNameError> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if is_list_name(stem) { Ok(stem) } else { Err(ListNameError) }
}

/// The problems of a file's lines, the first of them each for itself.
pub(super) fn line_problems(path: &Path, lines: &[range_list::LineProblem]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = lines
        .iter()
        .take(MAX_LINES)
        .map(|line| match line.line {
            0 => problem(path, line.message.clone()),
            number => Problem::new(format!("{}:{number}", path.display()), shorten(&line.message)),
        })
        .collect();
    if lines.len() > MAX_LINES {
        let or_more = if lines.len() == range_list::MOST_PROBLEMS { " at least" } else { "" };
        let more = lines.len() - MAX_LINES;
        problems.push(problem(path, format!("{more} more bad lines{or_more}")));
    }
    problems
}

fn shorten(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message.to_owned(),
    }
}

/// A problem of the whole file.
pub(super) fn problem(path: &Path, message: String) -> Problem {
    Problem::new(path.display().to_string(), message)
}

/// One warning for a file that nothing names: its first problem and how many more there are. A page of prose has as many
/// bad lines as it has lines.
pub(super) fn unnamed(problems: Vec<Problem>) -> Problem {
    let more = match problems.len().saturating_sub(1) {
        0 => String::new(),
        1 => " (and 1 more problem)".to_owned(),
        more => format!(" (and {more} more problems)"),
    };
    let first = problems.into_iter().next().unwrap_or_else(|| Problem::new("", ""));
    Problem { message: format!("{}{more}; no route and no trusted_proxies names it", first.message), ..first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        for name in ["sms", "nexmo-2018", "a.b_c", "1"] {
            assert_eq!(list_name(Path::new(&format!("r/{name}.txt"))), Ok(name));
        }
        for name in ["_a", "-a", "a b", "ü", "a,b", "a\u{7f}"] {
            assert!(list_name(Path::new(&format!("r/{name}.txt"))).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_that_nothing_names_is_one_warning_however_long_it_is() {
        let lines = |text: &str| {
            let problems = range_list::parse(text.as_bytes()).unwrap_err();
            unnamed(line_problems(Path::new("README.txt"), &problems)).to_string()
        };
        let (what, nobody) =
            ("is not an IP address; names are not looked up", "no route and no trusted_proxies names it");
        for (text, more) in [
            ("Lists.\n", ""),
            ("A.\nB.\n", " (and 1 more problem)"),
            ("A.\nB.\nC.", " (and 2 more problems)"),
        ] {
            let warning = lines(text);
            assert!(warning.starts_with("README.txt:1: "), "{warning}");
            assert!(warning.ends_with(&format!("{what}{more}; {nobody}")), "{warning}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_reported_in_few_words() {
        let text = vec![b'x'; 10_000].into_iter().chain(b"\ny".repeat(500)).collect::<Vec<u8>>();
        let problems = line_problems(Path::new("a.txt"), &range_list::parse(&text).unwrap_err());
        assert_eq!(problems.len(), MAX_LINES + 1);
        assert!(problems[0].message.len() < MAX_MESSAGE + 10);
        assert_eq!(problems[MAX_LINES].to_string(), "a.txt: 401 more bad lines");
    }
}
